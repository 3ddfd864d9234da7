"""Base class of instruments: settings, results, scenes, readings and texts. Needs neither Panel nor Bokeh.

A subclass declares settings (`settings.py`), scenes (`scenes.py`) and a `panel` (`panel.py`) as class attributes. Its
methods compute results (`@computed`), the data of layers (`@scene.layer`), readings (`@readings`) and the text
alternative (`describe`). What has changed since the view was last told is in `answers.py`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import islice
from typing import Any, ClassVar
from urllib.parse import urlencode

import numpy as np
import param

from diffusion_lab.app.instrument.answers import Answer, Answers, Shown
from diffusion_lab.app.instrument.computed import Graph, NotReady, Result
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.panel import Panel
from diffusion_lab.app.instrument.readings import Status, reading_texts
from diffusion_lab.app.instrument.scenes import Columns, Scene
from diffusion_lab.app.instrument.settings import SETTING_TYPES
from diffusion_lab.app.instrument.state_texts import SHOWN, allowed, few, shortened, value_of
from diffusion_lab.app.instrument.vocabulary import current_setting

#: An unknown name that is at least this similar to a setting's name counts as misspelt; others are ignored.
MISSPELT = 0.75

#: Names in an address that are looked at.
MOST_NAMES = 200

ACTIONS = ("run", "step", "reset", "tap")


class StateError(ValueError):
    """Raised for a value that a setting cannot take; the message gives the setting, the value and the allowed ones."""


class Instrument(param.Parameterized):
    """Base class of all instruments."""

    title: ClassVar[str] = ""
    #: The question that a reader can answer with it.
    question: ClassVar[str] = ""
    panel: ClassVar[Panel]
    #: Functions that the instrument runs and that a reader may replace: of its kernel or of `common`.
    editable: ClassVar[tuple[Callable[..., Any], ...]] = ()

    #: Names of the functions that now run the reader's code.
    edited: tuple[str, ...] = ()

    #: Of a pinned copy: what differs from the instrument that it is a copy of (`differences.py`).
    pinned: tuple[str, ...] | None = None

    playing = param.Boolean(default=False, precedence=-1, doc="Whether the picture is being played.")

    _shown: ClassVar[Shown] = Shown()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            if isinstance(value, Scene | Result | param.Parameter) and hasattr(Instrument, name):
                raise TypeError(f"{cls.__name__}.{name}: every instrument has something of this name; choose another.")
        cls._shown = Shown.of(vars(cls), cls._shown)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._graph = Graph(self)
        self._answers = Answers(self, self._graph, self._shown)
        self._reconciling = False
        self._reconcile(frozenset(settings).intersection(self.settings()))
        #: All settings as they were at the start: the state of its place in a chapter.
        self.initial = self.values()
        #: What `reset` returns to.
        self.reset_to = self.initial
        self._ran = False  # whether nothing but the played setting has moved since a run was started
        self.param.watch(self._on_settings, list(self.settings()))

    # --- for subclasses ----------------------------------------------------------------------------------------------

    def reconcile(self, changed: frozenset[str]) -> None:
        """Makes settings that depend on one another agree, after those in `changed` have moved."""

    def status(self) -> Status:
        """Describes the computation behind the picture."""
        raise NotImplementedError

    def describe(self) -> str:
        """The text alternative of the picture, with its numbers."""
        raise NotImplementedError

    def table(self) -> dict[str, np.ndarray]:
        """The data of the picture as columns of equal length, by name, for download."""
        raise NotImplementedError

    def run(self) -> None:
        """Called when the reader presses run: plays from the start, unless a subclass overrides it."""
        self.play_from_start()

    def step(self) -> None:
        """Called when the reader presses step: advances the played setting, unless a subclass overrides it."""
        if (name := self.played) is not None:
            p = self.param[name]
            self.param.update(playing=False, **{name: min(p.bounds[1], getattr(self, name) + (p.step or 1))})

    def tap(self, x: float, y: float) -> None:
        """Called when the reader taps the picture at (x, y), in data units."""

    # --- for subclasses to use ---------------------------------------------------------------------------------------

    def play_from_start(self, **settings: Any) -> None:
        """Sets `settings`, and plays from the low bound of the setting that is played then.

        Where the run that was started last has been played to its end, with no other setting moved since, the next one
        has the next seed: a sample that is asked for again is a new one.
        """
        name = self.panel.transport.played(settings.get("view", getattr(self, "view", "")))
        if name is None:
            raise ValueError(f"{type(self).__name__} plays nothing in the view that it was asked to play.")
        low, high = self.param[name].bounds
        if self._ran and getattr(self, name) == high:
            settings.setdefault("seed", (self.seed + 1) % (self.param.seed.bounds[1] + 1))
        self.param.update(**{name: low}, **settings)
        self._ran = True
        self.playing = True

    @property
    def played(self) -> str | None:
        """The setting that playing moves in the present view; None where nothing is played."""
        return self.panel.transport.played(getattr(self, "view", ""))

    @property
    def reading_texts(self) -> dict[str, str | list[float]]:
        """All readings in the panel's format, for `describe`: `self.reading_texts["t"]`."""
        return reading_texts(self.panel, self.all_readings())

    def all_readings(self) -> dict[str, Any]:
        """All readings, as numbers."""
        merged: dict[str, Any] = {}
        for result in self._shown.read:
            merged |= self._graph.read(result)
        return merged

    def label(self, setting: str) -> str:
        """A setting's value in words for people, as the front panel shows it."""
        value = getattr(self, setting)
        return str(self.param[setting].control.labels.get(value, value))

    # --- state -------------------------------------------------------------------------------------------------------

    @classmethod
    @cache
    def settings(cls) -> tuple[str, ...]:
        """Names of the settings, in order of definition."""
        return tuple(name for name in cls.param if isinstance(cls.param[name], SETTING_TYPES))

    @classmethod
    def scenes(cls) -> Mapping[str, Scene]:
        """The scenes by name, in order of definition."""
        return cls._shown.scenes

    @classmethod
    def parse_state(cls, values: Mapping[str, str]) -> dict[str, Any]:
        """Typed values from texts (a query, a chapter's directive, a link in prose); former names are accepted.

        Raises `StateError` for a name that is no setting of this instrument or a value outside its bounds.
        """
        return dict(cls._parsed(given, text) for given, text in values.items())

    @classmethod
    def parse_leniently(cls, values: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """The valid part of `values`, and a sentence for each invalid value: an address may contain anything.

        A name that resembles no setting (a tracking parameter, `lang`) is ignored. Values that contradict one another
        are all kept, as if a reader had set them; the sentence says which of them has no effect.
        """
        parsed: dict[str, Any] = {}
        problems = []
        for name, text in islice(values.items(), MOST_NAMES):
            known = current_setting(name, cls.settings()) in cls.settings()
            if not known and (len(name) > SHOWN or not _resembles(name, cls.settings())):
                continue
            try:
                setting, value = cls._parsed(name, text)
                parsed[setting] = value
            except StateError as error:
                problems.append(str(error))
        return parsed, few([*problems, *cls.contradictions(parsed)])

    @classmethod
    def _parsed(cls, given: str, text: str) -> tuple[str, Any]:
        """The setting that a name means, and the value that a text means for it."""
        name = current_setting(given, cls.settings())
        if name not in cls.settings():
            has = ", ".join(cls.settings())
            raise StateError(f"{cls.__name__} has no setting `{shortened(given)}`; it has {has}.")
        try:
            return name, value_of(name, cls.param[name], text)
        except ValueError:
            got = repr(shortened(text))
            raise StateError(f"`{given}` must be {allowed(cls.param[name])}, got {got}.") from None

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> list[str]:
        """A sentence for each of several typed values that the others of them overrule (`reconcile`)."""
        if len(values) < 2:
            return []
        made = cls(**values)
        found = ((name, value, getattr(made, name)) for name, value in values.items())
        return [
            f"`{name}` cannot be {as_text(value)} beside the other settings; it becomes {as_text(now)}."
            for name, value, now in found
            if not (now == value or (isinstance(value, float) and math.isclose(now, value, abs_tol=1e-9)))
        ]

    def values(self) -> dict[str, Any]:
        """All settings."""
        return {name: getattr(self, name) for name in self.settings()}

    def state(self) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        return {name: value for name, value in self.values().items() if value != self.param[name].default}

    @property
    def query(self) -> str:
        """The settings that differ from the initial ones, as the query of an address.

        `resume` restores the state from it, in any instrument with the same initial settings.
        """
        return urlencode({name: as_text(now) for name, now in self.values().items() if now != self.initial[name]})

    def resume(self, values: Mapping[str, Any]) -> None:
        """Sets the initial state with `values` over it, and stops playing."""
        start = type(self)(**self.initial)
        start.move(**values)  # as a reader would: settings that depend on these follow
        self.move(playing=False, **start.values())

    def preset(self, values: Mapping[str, Any], *, keep: bool = False) -> None:
        """Sets the initial state with `values` over it, as a preset in the text does, and stops playing.

        So a preset leaves nothing behind for the next one. What the reader has drawn stays, unless `values` replace
        it. keep: all other settings stay as the reader has set them.
        """
        if keep:
            self.move(playing=False, **values)
        else:
            drawn = {name: getattr(self, name) for name in self.settings() if self.param[name].control.kind == "none"}
            self.resume(drawn | dict(values))

    def reset(self) -> None:
        """Sets every setting to its initial value, and stops playing."""
        self.param.update(playing=False, **self.reset_to)

    def recompute(self) -> None:
        """Discards every cached result. Called after the reader has replaced a function."""
        self._graph.forget()

    def move(self, **values: Any) -> None:
        """Sets Params as one change; cheaper than `param.update`, which can also be undone."""
        with param.parameterized.batch_call_watchers(self):
            for name, value in values.items():
                setattr(self, name, value)

    def act(self, message: Any) -> None:
        """Performs the action of a button or a tap: {"action": "run"}, or "step", "reset", or "tap" with x and y."""
        action = message.get("action") if isinstance(message, dict) else None
        if action not in ACTIONS:
            raise StateError(
                f"An instrument is sent one of the actions {', '.join(ACTIONS)}, got {shortened(repr(message))}."
            )
        place = []
        if action == "tap":
            try:
                place = [float(message["x"]), float(message["y"])]
            except (KeyError, TypeError, ValueError):
                raise StateError(f"A tap needs the numbers x and y, got {shortened(repr(message))}.") from None
        with suppress(NotReady), self._graph.no_waiting():  # no step or tap before the picture is computed
            getattr(self, action)(*place)

    def provenance(self) -> list[str]:
        """The lines that say what a file of this instrument shows: title, `notes`, all settings."""
        settings = (f"{name} = {as_text(getattr(self, name))}" for name in self.settings())
        return [self.title, *self.notes(), *settings]

    def notes(self) -> list[str]:
        """What is written below the title in a file: how a pinned copy differs, and that code is the reader's."""
        pinned = [] if self.pinned is None else [f"Pinned copy: {', '.join(self.pinned) or 'no difference'}"]
        return [*pinned, *self.edited_words()]

    def seen(self) -> Iterator[tuple[Scene, dict[str, Columns], Any]]:
        """Each scene that is seen now, with the columns of its visible layers and its ranges, None for its own."""
        return self._answers.scenes_in_sight()

    def csv(self) -> str:
        """The data shown, as comma-separated values; numbers have nine digits.

        Lines that begin with # come first: the title, the reader's code if there is any, and all settings.
        """
        import csv  # rarely used: not part of the start

        columns = self.table()
        text = io.StringIO()
        text.writelines(f"# {line}\n" for line in self.provenance())
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [f"{value:.9g}" if isinstance(value, float | np.floating) else value for value in row]
            for row in zip(*columns.values(), strict=True)
        )
        return text.getvalue()

    def edited_words(self) -> list[str]:
        """That some of the code is the reader's, or nothing."""
        return [f"runs your {', '.join(name.rpartition('.')[2] for name in self.edited)}"] if self.edited else []

    # --- answers -----------------------------------------------------------------------------------------------------

    def answer(self, seconds: float | None = None) -> Answer:
        """The changes since the last answer. Long work gets `seconds` in total; None: it runs to its end."""
        return self._answers.next(seconds)

    def status_text(self) -> str:
        """The status line: computation, time and exactness, and the progress of unfinished work."""
        return self._answers.status_text()

    def answered(self, values: Mapping[str, Any]) -> None:
        """Marks settings as already known to the view that has set them, so that `answer` does not repeat them."""
        self._answers.mark_known(values)

    def forget_answers(self) -> None:
        """Makes the next answer contain everything."""
        self._answers.forget()

    # --- changes of settings -----------------------------------------------------------------------------------------

    def _on_settings(self, *events: param.parameterized.Event) -> None:
        if self._reconciling:
            return
        moved = frozenset(event.name for event in events)
        self._ran = self._ran and moved <= {self.played}
        self._reconcile(moved)
        if any(event.name == "view" and self.panel.transport.played(event.old) != self.played for event in events):
            self.playing = False  # in this view playing would move another setting

    def _reconcile(self, moved: frozenset[str]) -> None:
        self._reconciling = True
        try:
            self.reconcile(moved)
        finally:
            self._reconciling = False

    # --- as a Panel component ----------------------------------------------------------------------------------------

    def __panel__(self) -> Any:
        """The Panel component that shows this instrument; made once."""
        if "_view" not in self.__dict__:
            from diffusion_lab.app.instrument.view import view_of

            self._view = view_of(self)
        return self._view

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.__panel__()._repr_mimebundle_(include, exclude)


def _resembles(name: str, settings: tuple[str, ...]) -> bool:
    """Whether a name looks like a misspelt setting."""
    import difflib  # rarely used: not part of the start

    return bool(difflib.get_close_matches(name.casefold(), settings, 1, MISSPELT))

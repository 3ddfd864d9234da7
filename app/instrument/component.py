"""Instrument: the front panel that all instruments share, as one Panel component on native HTML elements.

An instrument is a `pn.custom.JSComponent`: each of its Params is a property that the browser and Python keep in
step, the figure is its only child, and its markup is made here, in Python, from the Params' own labels, docs and
bounds. The same markup stands in the static page before Python has loaded, so nothing moves when it takes over.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping
from functools import _lru_cache_wrapper, cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import numpy as np
import panel as pn
import param
from bokeh.model import Model

from diffusion_lab.app.instrument.front_panel import FrontPanel, Transport
from diffusion_lab.app.instrument.panel_template import front_panel_template
from diffusion_lab.app.instrument.theme import css_variables

STATIC = Path(__file__).parents[2] / "static"

#: Where the code of instruments lies.
INSTRUMENTS = "diffusion_lab.instruments."


class StateError(ValueError):
    """A value for a Param that cannot be taken; the message says which Param, what was given and what is allowed."""


def _static(path: str) -> str:
    return (STATIC / path).read_text("utf-8")


class Instrument(pn.custom.JSComponent):
    """Base of all instruments: a subclass declares Params and `front_panel`, draws in `make_figure` and `update`."""

    title: ClassVar[str] = ""
    front_panel: ClassVar[FrontPanel] = FrontPanel()
    #: Width over height of the figure; the page reserves this room before anything has loaded.
    figure_aspect: ClassVar[float] = 1.0
    chart_aspect: ClassVar[float] = 1.7
    #: Half the width and half the height of what the figure shows, in data units about (0, 0), for its pads.
    figure_extent: ClassVar[tuple[float, float]] = (1.0, 1.0)

    #: Functions that this instrument runs and that a reader may replace: real ones, of its kernel or of `common`.
    editable: ClassVar[tuple[Callable[..., Any], ...]] = ()
    #: Attributes in which results are kept from one change to the next; None, as the class has them, where nothing is.
    kept: ClassVar[tuple[str, ...]] = ()

    figure = pn.custom.Child(doc="The Bokeh figure.")
    chart = pn.custom.Child(doc="A small second figure below the measures, or nothing.")
    theme = param.Selector(default="light", objects=["light", "dark"], doc="Colours of the figure.")
    playing = param.Boolean(default=False, doc="Whether the picture is being played.")
    readings_shown = param.Dict(default={}, doc="Read-outs and measures, as they stand on the front panel.")
    status = param.String(default="", doc="What was really computed for the picture, and in what time.")
    description = param.String(default="", doc="The picture in words, from its current state.")
    query = param.String(default="", doc="The settings that differ from their defaults, as the query of an address.")
    rested = param.String(default="", doc="The query at which the reader's hand last came to rest.")
    markup = param.String(default="", constant=True, doc="The front panel as HTML.")

    _esm = _static("js/page/front_panel.js")
    _stylesheets: ClassVar[list[str]] = [css_variables() + _static("css/front_panel.css")]

    #: Params that are not the reader's to set.
    _internal: ClassVar[frozenset[str]] = frozenset(
        {"figure", "chart", "theme", "playing", "readings_shown", "status", "description", "query", "rested", "markup"}
    )

    def __init__(self, **params: Any) -> None:
        super().__init__(sizing_mode="stretch_width", **params)
        self._settling = False
        self.plot = self.make_figure()
        self.figure = pn.pane.Bokeh(self.plot, sizing_mode="stretch_width", margin=0)
        self.chart_plot = self.make_chart()
        if self.chart_plot is not None:
            self.chart = pn.pane.Bokeh(self.chart_plot, sizing_mode="stretch_width", margin=0)
        self.reconcile(frozenset(params).intersection(self.settings()))
        self._initial = {name: getattr(self, name) for name in self.settings()}
        self.update(frozenset(self.settings()))
        self.rest()
        self._publish()
        with param.edit_constant(self):
            self.markup = self.front_panel_html()
        self.param.watch(self._on_settings, list(self.settings()))
        self.param.watch(lambda _: self.restyle(), "theme")
        self.param.watch(self._on_rest, "rested")

    # --- for subclasses ----------------------------------------------------------------------------------------------

    def make_figure(self) -> Model:
        """The Bokeh figure, made once; `update` moves what is in it."""
        raise NotImplementedError

    def make_chart(self) -> Model | None:
        """The figure for the chart that `front_panel.chart` names, made once; nothing where it names none."""
        return None

    def reconcile(self, changed: frozenset[str]) -> None:
        """Make settings that depend on one another agree, `changed` having moved; runs before `update`."""

    def update(self, changed: frozenset[str]) -> None:
        """Bring figure, `status` and whatever `readings` reports up to date after the settings in `changed` moved."""
        raise NotImplementedError

    def rest(self) -> None:
        """Compute what takes too long for a moving hand: called at the start and when settings have stood still."""

    def restyle(self) -> None:
        """Give the figure the colours of `self.theme`."""
        raise NotImplementedError

    def readings(self) -> dict[str, str | list[float]]:
        """Texts for read-outs and measures by key; for bars, lists of numbers."""
        raise NotImplementedError

    def describe(self) -> str:
        """The picture in words, computed from the current state: the text alternative."""
        raise NotImplementedError

    def table(self) -> dict[str, np.ndarray]:
        """What the picture shows as columns of equal length, by name: the data that the reader can take along."""
        raise NotImplementedError

    # --- state -------------------------------------------------------------------------------------------------------

    @classmethod
    @cache
    def settings(cls) -> tuple[str, ...]:
        """Names of the Params that the reader can set, in order of definition."""
        return tuple(
            name
            for name in cls.param
            if name not in pn.custom.JSComponent.param
            and name not in cls._internal
            and (cls.param[name].precedence or 0) >= 0
        )

    @classmethod
    def shared(cls) -> list[str]:
        """Names of the Params that the page shows or sets: all but the pictures and the markup."""
        return [*cls.settings(), *sorted(cls._internal - {"figure", "chart", "markup"})]

    @classmethod
    def parse_state(cls, values: Mapping[str, str]) -> dict[str, Any]:
        """Typed Param values from texts (a query, a chapter's directive, a link in prose).

        Raises `StateError` for a name that is no setting of this instrument or a value outside its bounds.
        """
        parsed: dict[str, Any] = {}
        for name, text in values.items():
            if name not in cls.settings():
                raise StateError(f"{cls.__name__} has no parameter `{name}`; it has {', '.join(cls.settings())}.")
            p = cls.param[name]
            try:
                value: Any = text
                if isinstance(p, param.Boolean):
                    value = {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]
                elif isinstance(p, param.Selector):  # an address may say `ddim`
                    value = next((o for o in p.objects if str(o).casefold() == text.strip().casefold()), text)
                elif isinstance(p, param.Integer):
                    value = int(text)
                elif isinstance(p, param.Number):
                    value = float(text)
                p._validate(value)
            except (KeyError, ValueError):
                raise StateError(f"`{name}` must be {_allowed(p)}, got {text!r}.") from None
            parsed[name] = value
        return parsed

    @classmethod
    def parse_leniently(cls, values: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
        """What can be taken of `values`, and a sentence for each that cannot: an address may hold anything."""
        parsed: dict[str, Any] = {}
        problems = []
        for name, text in values.items():
            try:
                parsed |= cls.parse_state({name: text})
            except StateError as error:
                problems.append(str(error))
        return parsed, problems

    def state(self) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        return {
            name: getattr(self, name) for name in self.settings() if getattr(self, name) != self.param[name].default
        }

    def reset(self) -> None:
        """Every setting back to the value that the instrument was made with; nothing plays."""
        self.param.update(playing=False, **self._initial)

    def recompute(self) -> None:
        """All anew, after code that it runs has changed and `forget_results` was called: nothing that is kept holds."""
        for name in self.kept:
            self.__dict__.pop(name, None)
        self._settle(frozenset(self.settings()))
        self.update(frozenset(self.settings()))
        self.rest()
        self._publish()

    # --- what the browser sends --------------------------------------------------------------------------------------

    def run(self) -> None:
        """The reader pressed the run button."""
        raise NotImplementedError

    def step(self) -> None:
        """The reader pressed the step button."""
        raise NotImplementedError

    def play_from_start(self, **settings: Any) -> None:
        """With `settings` set, play what the transport plays, from its low bound."""
        plays = next(item.plays for item in self.front_panel.controls if isinstance(item, Transport))
        self.param.update(**{plays: self.param[plays].bounds[0]}, **settings)
        self.playing = True

    def csv(self) -> str:
        """The data shown, as comma-separated values under a line of names; numbers with nine digits."""
        columns = self.table()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [f"{value:.9g}" if isinstance(value, float | np.floating) else value for value in row]
            for row in zip(*columns.values(), strict=True)
        )
        return text.getvalue()

    def move(self, **values: Any) -> None:
        """Sets Params, all as one change, as `param.update` does; that one lists all others too, for a way back."""
        with param.parameterized.batch_call_watchers(self):
            for name, value in values.items():
                setattr(self, name, value)

    def _handle_msg(self, data: Any) -> None:
        actions = {"run": self.run, "step": self.step, "reset": self.reset}
        if not isinstance(data, dict) or data.get("action") not in actions:
            raise StateError(f"An instrument is sent one of the actions {', '.join(actions)}, got {data!r}.")
        actions[data["action"]]()

    @classmethod
    def _patch_datamodel_ref(cls, props: Model, ref: str) -> None:
        # Panel looks for data models through all of the figure at each change, which costs more than the change;
        # an instrument has this one.
        if (tag := f"__ref:{ref}") not in props.tags:
            props.tags.append(tag)

    def _on_settings(self, *events: param.parameterized.Event) -> None:
        if self._settling:
            return
        before = {name: getattr(self, name) for name in self.settings()}
        moved = frozenset(event.name for event in events)
        self._settle(moved)
        settled = {name for name, value in before.items() if getattr(self, name) != value}
        self.update(moved | settled)
        self._publish()

    def _settle(self, moved: frozenset[str]) -> None:
        """`reconcile`, whose own settings count as part of the same move."""
        self._settling = True
        try:
            self.reconcile(moved)
        finally:
            self._settling = False

    def _on_rest(self, _: param.parameterized.Event) -> None:
        self.rest()
        self._publish()

    # --- front panel -------------------------------------------------------------------------------------------------

    def front_panel_html(self) -> str:
        """The front panel as HTML: the same markup in the static page and in the live component."""
        return front_panel_template().render(
            title=self.title,
            panel=self.front_panel,
            p=self.param,
            values=self,
            readings=self.readings_shown,
            status=self.status,
            description=self.description,
            aspect=self.figure_aspect,
            chart_aspect=self.chart_aspect,
            extent=self.figure_extent,
        )

    def _publish(self) -> None:
        query = urlencode({name: _as_text(value) for name, value in self.state().items()})
        self.move(readings_shown=self.readings(), description=self.describe(), query=query)


def forget_results() -> None:
    """Drops what functions of instruments keep of earlier calls (`lru_cache`)."""
    for name, module in list(sys.modules.items()):
        if name.startswith(INSTRUMENTS):
            for value in vars(module).values():
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


def _as_text(value: Any) -> str:
    """A setting as `parse_state` reads it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)


def _allowed(p: param.Parameter) -> str:
    """What a Param takes, in words."""
    if isinstance(p, param.Boolean):
        return "true or false"
    if isinstance(p, param.Selector):
        return "one of " + ", ".join(map(str, p.objects))
    if isinstance(p, param.Number):
        low, high = p.bounds
        return f"{'a whole number' if isinstance(p, param.Integer) else 'a number'} from {low} to {high}"
    if isinstance(p, param.String) and p.regex:
        return f"a text that matches {p.regex}"
    return "a text"

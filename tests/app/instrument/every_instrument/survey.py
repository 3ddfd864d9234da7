"""What an instrument shows, setting by setting, for the tests beside this file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import param

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.markup import front_panel_html
from diffusion_lab.app.instrument.scenes import Columns
from diffusion_lab.app.instrument.view import InstrumentView, view_of

from ....examples import Examples, examples

NAMES = instrument_names()
SETTINGS = [(name, setting) for name in NAMES for setting in instrument_class(name).settings()]

State = dict[str, Any]


def examples_of(cls: type[Instrument]) -> Examples:
    return examples(cls.__module__.split(".")[-2])


@cache
def fresh(cls: type[Instrument]) -> Instrument:
    """An instrument to be looked at, not moved."""
    return cls()


@cache
def fresh_view(cls: type[Instrument]) -> InstrumentView:
    return view_of(cls())


@dataclass(frozen=True)
class Picture:
    """Everything that a reader sees or hears of a state, but the time that it took; layers as a hash."""

    layers: str
    ranges: str
    readings: str
    description: str


def digest(layers: dict[str, Columns]) -> str:
    """A hash over names, shapes and contents."""
    found = hashlib.blake2b(digest_size=16)
    for address, columns in sorted(layers.items()):
        for column_name, column in columns.items():
            found.update(f"{address} {column_name} {np.shape(column)}".encode())
            found.update(str(column).encode() if isinstance(column, list) else column.tobytes())
    return found.hexdigest()


class Screen:
    """Stands for the page: holds what an instrument's answers have left on it."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.layers: dict[str, Columns] = {}
        self.visible: dict[str, bool] = {}
        self.ranges: dict[str, Any] = {}
        self.texts: dict[str, Any] = {}
        self.description = ""

    def look(self, seconds: float | None = None) -> Picture:
        """Takes the next answer, and says what is seen then."""
        answer = self.instrument.answer(seconds)
        self.layers |= answer.layers
        self.visible |= answer.visible
        self.ranges |= answer.ranges
        self.texts |= answer.texts
        self.description = self.description if answer.description is None else answer.description
        self.working = answer.working
        scenes = self.instrument.scenes()
        shown = {
            address: columns
            for address, columns in self.layers.items()
            if self.visible[address] and scenes[address.partition(".")[0]].when.met(self.instrument)
        }
        ranges = sorted(item for item in self.ranges.items() if scenes[item[0]].when.met(self.instrument))
        timeless = sorted(item for item in self.texts.items() if item[0] not in self.instrument.panel.durations)
        return Picture(digest(shown), repr(ranges), repr(timeless), self.description)


def picture(instrument: Instrument) -> Picture:
    """All of what an instrument shows, with long work done to its end."""
    instrument.forget_answers()
    return Screen(instrument).look()


def ends(cls: type[Instrument], setting: str) -> list[Any]:
    """All options of a setting (of a list too long for a glance, the first and the last), its bounds, or two texts."""
    p = cls.param[setting]
    if isinstance(p, param.Boolean):
        return [False, True]
    if isinstance(p, param.Selector):
        return list(p.objects) if len(p.objects) <= 12 else [p.objects[0], p.objects[-1]]
    if isinstance(p, param.String):
        return [p.default, examples_of(cls).texts[setting]]
    return list(p.bounds)


def choices(cls: type[Instrument]) -> list[str]:
    return [setting for setting in cls.settings() if isinstance(cls.param[setting], param.Selector)]


def made(cls: type[Instrument], **settings: Any) -> Instrument:
    """One with these settings, the others such that it is quick."""
    return cls(**(examples_of(cls).quick | settings))


def contexts(cls: type[Instrument]) -> list[State]:
    """The instrument as it begins, with each option of each choice, and with what acts only together."""
    each = [{s: option} for s in choices(cls) for option in ends(cls, s) if option != cls.param[s].default]
    return [{}, *each, *examples_of(cls).together]


@dataclass(frozen=True)
class Seen:
    """What an instrument shows in a context with one setting at one of its values."""

    context: tuple[tuple[str, Any], ...]
    setting: str
    value: Any
    picture: Picture
    readings: frozenset[str]


def is_pair(cls: type[Instrument], context: State, setting: str) -> bool:
    """Whether the context is an option of one choice, and the setting a later choice: all their options are seen."""
    order = choices(cls)
    return setting in order and len(context) == 1 and order.index(setting) > order.index(next(iter(context)))


def values_to_see(cls: type[Instrument], context: State, setting: str, now: Any) -> list[Any]:
    """Values besides `now`: all where nothing else has moved; two choices with all their options once; else one."""
    others = [value for value in ends(cls, setting) if value != now]
    if setting in examples_of(cls).quick:
        return others[:1]
    return others if not context or is_pair(cls, context, setting) else others[:1]


@cache
def survey(cls: type[Instrument]) -> list[Seen]:
    """Every setting at its ends, the others as they are, in every context: made once for all tests.

    A setting that has had an effect is seen in every third context only; two choices are seen in all of them.
    """
    seen: list[Seen] = []
    effective: set[str] = set()
    for turn, context in enumerate(contexts(cls)):
        instrument = made(cls)
        screen = Screen(instrument)
        instrument.param.update(**context)
        before = {setting: getattr(instrument, setting) for setting in cls.settings()}
        at_rest = screen.look()
        for place, setting in enumerate(s for s in cls.settings() if s not in context):
            known = setting in effective and not is_pair(cls, context, setting)
            if turn and known and (turn + place) % 3:
                continue
            values = values_to_see(cls, context, setting, before[setting])
            for value in [before[setting], *values]:
                shown = at_rest
                if value != before[setting]:
                    instrument.param.update(**{setting: value})
                    shown = screen.look()
                    if shown != at_rest:
                        effective.add(setting)
                seen.append(Seen(tuple(context.items()), setting, value, shown, frozenset(screen.texts)))
            instrument.param.update(**before)
    return seen


def seen_alone(cls: type[Instrument], setting: str, value: Any) -> Picture:
    """What an instrument showed after this setting alone was moved there."""
    return next(s.picture for s in survey(cls) if not s.context and s.setting == setting and s.value == value)


def in_turn(cls: type[Instrument], setting: str) -> Iterator[Any]:
    """The ends of a setting but its default; of one that has a quick value, the end that a survey takes."""
    quick = examples_of(cls).quick
    if setting in quick:
        return iter([value for value in ends(cls, setting) if value != quick[setting]][:1])
    return iter([value for value in ends(cls, setting) if value != cls.param[setting].default])


def markup(cls: type[Instrument], context: State | None = None) -> str:
    """The markup of its front panel in a context."""
    if not context:
        return fresh_view(cls).markup
    instrument = made(cls, **context)
    return front_panel_html(instrument, instrument.answer())

"""Settings: the Params that a reader can change, each declared in one line.

A setting is an ordinary Param with three additions: a `Control` says how the front panel shows it; a read inside a
computed result records the dependency; a write invalidates the checks of cached results (`computed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import param

from diffusion_lab.app.instrument.conditions import Condition, When

#: A quantity as a function of a setting's value.
Pace = Callable[[float], float]


@dataclass(frozen=True)
class Control:
    """How the front panel shows a setting.

    kind: "slider", "row" (options side by side), "menu", "switch", "text", "seed" (in the transport), "none" (set on
    the picture only). symbol, unit: beside the label. labels: option → words. ends: the words at the low and the high
    end of a slider. marks: value → words of moments on the slider, shown while `marks_when` holds. pace: the quantity
    that changes evenly while the setting is played, as a function of its value; None: the setting itself. example:
    placeholder of an empty text entry. words: known words of a text entry, which are offered while one types.
    folded: below "More settings".
    """

    kind: str
    symbol: str = ""
    unit: str = ""
    when: Condition = field(default_factory=Condition)
    labels: Mapping[str, str] = field(default_factory=dict)
    ends: tuple[str, str] = ("", "")
    marks: Mapping[float, str] = field(default_factory=dict)
    marks_when: Condition = field(default_factory=Condition)
    pace: Pace | None = None
    example: str = ""
    words: tuple[str, ...] = ()
    folded: bool = False


class _Tracked:
    """A Param that reports its reads and writes to the instrument's graph of results."""

    __slots__ = ()
    name: str

    def __get__(self, obj: Any, objtype: type) -> Any:
        value = super().__get__(obj, objtype)  # type: ignore[misc]
        if obj is not None and (graph := obj.__dict__.get("_graph")) is not None:
            graph.note_setting(self.name, value)
        return value

    def __set__(self, obj: Any, value: Any) -> None:
        if obj is not None and (graph := obj.__dict__.get("_graph")) is not None:
            graph.settings_changed()  # before the value is set: that calls `reconcile`, which may read results
        super().__set__(obj, value)  # type: ignore[misc]


class NumberSetting(_Tracked, param.Number):
    """A number between bounds, on a grid of steps."""

    __slots__ = ["control"]


class WholeSetting(_Tracked, param.Integer):
    """A whole number between bounds."""

    __slots__ = ["control"]


class SwitchSetting(_Tracked, param.Boolean):
    """On or off."""

    __slots__ = ["control"]


class ChoiceSetting(_Tracked, param.Selector):
    """One of several values in lower snake case."""

    __slots__ = ["control"]


class TextSetting(_Tracked, param.String):
    """A text that matches a pattern."""

    __slots__ = ["control"]


SETTING_TYPES = (NumberSetting, WholeSetting, SwitchSetting, ChoiceSetting, TextSetting)


def number(
    default: float,
    low: float,
    high: float,
    step: float,
    label: str,
    doc: str,
    *,
    symbol: str = "",
    unit: str = "",
    ends: tuple[str, str] = ("", ""),
    marks: Mapping[float, str] | None = None,
    marks_when: When = None,
    pace: Pace | None = None,
    when: When = None,
    folded: bool = False,
) -> Any:
    """A slider over [low, high] in steps of `step`; `marks` and `pace` as in `Control`."""
    bounds = (float(low), float(high))
    made = NumberSetting(default=float(default), bounds=bounds, step=step, label=label, doc=doc)
    made.control = Control(
        "slider", symbol, unit, Condition.of(when), ends=ends, marks=marks or {}, marks_when=Condition.of(marks_when),
        pace=pace, folded=folded,
    )  # fmt: skip
    return made


def whole(
    default: int,
    low: int,
    high: int,
    label: str,
    doc: str,
    *,
    step: int = 1,
    symbol: str = "",
    unit: str = "",
    ends: tuple[str, str] = ("", ""),
    marks: Mapping[float, str] | None = None,
    marks_when: When = None,
    pace: Pace | None = None,
    when: When = None,
    folded: bool = False,
) -> Any:
    """A slider over the whole numbers from low to high; `marks` and `pace` as in `Control`."""
    made = WholeSetting(default=default, bounds=(low, high), step=step, label=label, doc=doc)
    made.control = Control(
        "slider", symbol, unit, Condition.of(when), ends=ends, marks=marks or {}, marks_when=Condition.of(marks_when),
        pace=pace, folded=folded,
    )  # fmt: skip
    return made


def choice(
    options: Sequence[str] | Mapping[str, str],
    default: str,
    label: str,
    doc: str,
    *,
    style: str = "menu",
    when: When = None,
    folded: bool = False,
) -> Any:
    """One of `options` (values, or value → words for people), as a "menu" or as a "row" of buttons."""
    labels = dict(options) if isinstance(options, Mapping) else {}
    labels = {value: labels.get(value) or words_of(value) for value in options}
    made = ChoiceSetting(default=default, objects=list(options), label=label, doc=doc)
    made.control = Control(style, when=Condition.of(when), labels=labels, folded=folded)
    return made


def switch(default: bool, label: str, doc: str, *, when: When = None) -> Any:
    """A switch; neighbouring switches share a row."""
    made = SwitchSetting(default=default, label=label, doc=doc)
    made.control = Control("switch", when=Condition.of(when))
    return made


def text(
    default: str,
    pattern: str,
    label: str,
    doc: str,
    *,
    example: str = "",
    words: Sequence[str] = (),
    kind: str = "text",
    when: When = None,
) -> Any:
    """A text that matches `pattern` (from ^ to $); with kind "none" it is set on the picture, not typed.

    The pattern is one of HTML's attribute `pattern` too, which forbids some characters without a backslash. words: the
    known words, which complete what is typed.
    """
    made = TextSetting(default=default, regex=pattern, label=label, doc=doc)
    made.control = Control(kind, when=Condition.of(when), example=example, words=tuple(words))
    return made


def seed(default: int, doc: str = "The same seed gives the same random numbers.") -> Any:
    """The seed of all random numbers, shown in the transport."""
    made = WholeSetting(default=default, bounds=(0, 9999), step=1, label="Seed", doc=doc)
    made.control = Control("seed")
    return made


def played_places(p: param.Number, count: int = 49) -> list[float]:
    """Values from the low to the high bound that the setting has at `count` equal times while it is played.

    Between them the quantity of its `pace` changes equally. A twentieth of the time passes evenly in the setting
    itself, so that no value is skipped where the quantity rests.
    """
    low, high = p.bounds
    if p.control.pace is None:
        return [low, high]
    grid = np.linspace(low, high, 401)
    change = np.abs(np.diff([p.control.pace(float(value)) for value in grid]))
    time = np.append(0.0, np.cumsum(0.95 * change / change.sum() + 0.05 / len(change)))
    return [low, *np.interp(np.linspace(0, 1, count)[1:-1], time, grid).round(6).tolist(), high]


def words_of(value: str) -> str:
    """`ode_euler` as words: "Ode euler"."""
    spaced = value.replace("_", " ")
    return spaced[:1].upper() + spaced[1:]

"""Readings: the numbers of an instrument, and the one place where they become texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffusion_lab.app.instrument.panel import DURATION, CategoryBars, Measure, Panel, Readout

#: The value of a reading: a number, an `Estimate`, an `AtLeast`, a vector, a text, or None where there is none; or a
#: pair of these.
Reading = Any

NOTHING = "–"

TIMES_TEN = "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

#: Between number and unit of a measured time, and nowhere else: so the build finds the times, which it leaves out.
TIME_SPACE = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error: "0.251 ± 0.013"; as numbers, both."""

    value: float
    error: float


@dataclass(frozen=True)
class AtLeast:
    """A lower bound of a number that is not known: "≥ −1.83"; as a number, the bound."""

    bound: float


@dataclass(frozen=True)
class Status:
    """The computation behind the picture.

    what: the computation in words; exactness: how exact it is; timed: names of the results whose time is shown; `each`
    ("a pass"): if given, that time is divided by `count`; beside: another computation, shown after this one.
    """

    what: str
    exactness: str = ""
    timed: tuple[str, ...] = ()
    count: int = 1
    each: str = ""
    beside: Status | None = None


def readings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a method that returns readings by key. An instrument may have several; each is updated on its own."""
    function.gives_readings = True  # type: ignore[attr-defined]
    return function


def number_text(value: Any, specification: str = "") -> str:
    """A number or vector as text: a true minus sign, no minus before zero, a dash where there is no number.

    Powers of ten are written out, "2 × 10⁻⁵", and an error that the format would round to zero has its first digit,
    "0.251 ± 0.0004". With the format `DURATION` a number of seconds has its unit: "1.8 s", "24 ms".
    """
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, Estimate):
        error = number_text(value.error, specification)
        if value.error > 0 and not re.search("[1-9]", error):
            error = number_text(value.error, ".1g")
        return f"{number_text(value.value, specification)} ± {error}"
    if isinstance(value, AtLeast):
        return f"≥ {number_text(value.bound, specification)}"
    if isinstance(value, np.ndarray | list | tuple):
        return f"({', '.join(number_text(part, specification) for part in value)})"
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return NOTHING if np.isnan(value) else ("∞" if value > 0 else "−∞")
    if specification == DURATION:
        number, unit = (f"{value:.1f}", "s") if value >= 1 else (f"{1000 * value:.{0 if value >= 0.01 else 1}f}", "ms")
        return f"{number}{TIME_SPACE}{unit}"
    if isinstance(value, float | np.floating) and specification and "z" not in specification:
        specification = "z" + specification
    number, _, exponent = format(value, specification).partition("e")
    power = TIMES_TEN + str(int(exponent)).translate(SUPERSCRIPTS) if exponent and value else ""
    return number.replace("-", "−") + power


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things in words: "1 step", "2 steps", "3 passes"; plural: where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def reading_texts(panel: Panel, values: Mapping[str, Reading]) -> dict[str, str | list[float]]:
    """The texts that the front panel shows: `key`, and `key_true` for the value beside it; bars stay numbers.

    Keys that the panel does not show (`given_problem`) pass through.
    """
    texts: dict[str, str | list[float]] = {}
    items = {item.key: item for item in panel.items}
    for key, value in values.items():
        item = items.get(key)
        if isinstance(item, Readout) or item is None:
            texts[key] = number_text(value, item.format if item else "")
            continue
        first, second = value if isinstance(value, tuple) else (value, None)
        if isinstance(item, CategoryBars):
            texts[key] = [float(part) for part in first]
            texts[f"{key}_true"] = number_text(second)
        elif isinstance(item, Measure):
            texts[key] = number_text(first, item.format)
            texts[f"{key}_true"] = number_text(second, item.beside_format or item.format)
    return texts


def not_numbers(panel: Panel, values: Mapping[str, Reading]) -> list[str]:
    """The labels of readings that are or hold nan: a computation went wrong there."""

    def wrong(value: Any) -> bool:
        if isinstance(value, Estimate):
            return wrong(value.value)
        if isinstance(value, AtLeast):
            return wrong(value.bound)
        if isinstance(value, np.ndarray | list | tuple):
            return any(wrong(part) for part in value)
        return isinstance(value, float | np.floating) and bool(np.isnan(value))

    return [item.label for item in panel.items if wrong(values.get(item.key))]


def reading_numbers(values: Mapping[str, Reading]) -> dict[str, Any]:
    """The readings as plain numbers, for data files and embedding pages: None where not finite."""

    def plain(value: Any) -> Any:
        if isinstance(value, str) or value is None:
            return value
        if isinstance(value, Estimate):
            return [plain(value.value), plain(value.error)]
        if isinstance(value, AtLeast):
            return plain(value.bound)
        if isinstance(value, np.ndarray | list | tuple):
            return [plain(part) for part in value]
        return float(value) if np.isfinite(value) else None

    return {key: plain(value) for key, value in values.items()}

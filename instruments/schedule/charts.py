"""Rows of the picture, and charts of one quantity against t, of all schedules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

import numpy as np

from diffusion_lab.app.instrument.scenes import BY_PART, Axes, Lines, Points, Segments, Texts
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.schedules import SCHEDULES
from diffusion_lab.instruments.schedule import kernel
from diffusion_lab.instruments.schedule.kernel import TIMES

LABELS = {
    "exponential": "Exponential",
    "linear": "Linear (DDPM)",
    "cosine": "Cosine",
    "sigmoid": "Sigmoid",
    "karras": "Karras (EDM)",
}
SHORT = [words.partition(" (")[0] for words in LABELS.values()]
NAMES = tuple(SCHEDULES)
ALL = range(len(NAMES))  # each schedule's colour

HALF = 3.6  # half the height of a row, in units of the data
SHARE = 0.37  # the same in rows; above it is the name of the schedule
OFFSET = 0.42  # the middle of a row's points, from its lower end

LOSSES = {
    "half": ("half is noise: ᾱ = ½", (7, 4)),
    "modes": ("modes can no longer be counted", ()),
    "information": (f"class unknown: {kernel.BITS_LEFT} bit left", (2, 3)),
}
"""The moments that are marked: words and dashes."""


class Quantity(NamedTuple):
    """A quantity against t: title, name of the axis, range of the axis, and where the names of schedules begin."""

    title: str
    label: str
    y: tuple[float, float]
    names_at: tuple[float, float]


QUANTITIES = {
    "alpha_bar": Quantity("Signal left ᾱ", "ᾱ", (0.0, 1.04), (0.72, 0.99)),
    "log_snr": Quantity("Log-SNR", "log ᾱ/(1 − ᾱ)", (-12.0, 14.0), (0.72, 12.6)),
    "beta": Quantity("Rate of noise β", "β per unit of t", (0.0, 26.0), (0.03, 24.8)),
    "information": Quantity("Class information", "bits", (0.0, 2.08), (0.72, 1.98)),
}


def row(name: str, x: Any) -> np.ndarray:
    """Height in the picture of places x on the line, in the row of a schedule; the first one is at the top."""
    return len(NAMES) - 1 - NAMES.index(name) + OFFSET + SHARE * np.asarray(x) / HALF


def loss_layers(**options: Any) -> Iterator[Lines]:
    """The layers that mark the three losses, each with its own dashes."""
    for name, (words, dash) in LOSSES.items():
        yield Lines(name, "ink", width=1.6, dash=dash, legend=words, **options)


def chart_of(name: str) -> Axes:
    """The chart of a quantity against t, with the values at which the losses happen, where it has such values."""
    quantity = QUANTITIES[name]
    low, high = quantity.y
    levels = [] if name == "beta" else list(loss_layers(alpha=0.55))
    scene = Axes(
        f"{quantity.title} against t",
        *levels,
        Segments("curves", BY_PART, width=2),
        Points("here", BY_PART, size=8, alpha=1, legend="at this t"),
        Texts("names", BY_PART, size="12px", align="left"),
        x=(0, 1.02),
        y=quantity.y,
        x_label="time t",
        y_label=quantity.label,
        aspect=1.75,
        when={"chart_shows": name},
    )

    @scene.layer("curves", "here")
    def draw_curves(self: Any) -> Iterator[dict[str, Any] | None]:
        values = np.stack(list(self.values_of(name).values()))
        values = np.where((values >= low) & (values <= high), values, np.nan)
        yield pieces(TIMES, values)
        at = [(k, value) for k, value in enumerate(values[:, self.place].tolist()) if value == value]
        yield {"x": [(self.t, value) for _, value in at], "part": [k for k, _ in at]} if at else None

    @scene.layer("names")
    def draw_names(self: Any) -> dict[str, Any]:
        across, up = quantity.names_at
        return names([(across, up - 0.105 * k * (high - low)) for k in ALL], SHORT)

    if levels:

        @scene.layer(*LOSSES)
        def draw_levels(self: Any) -> Iterator[dict[str, Any]]:
            for alpha_bar in astuple(self.losses):
                at = Level.from_alpha_bar(alpha_bar)
                bits = name == "information"
                value = kernel.class_information(self.mixture, at) if bits else getattr(at, name)
                yield {"x": [0, 1.02], "y": [value, value]}

    return scene


def pieces(x: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Data of segments through values (S, T) at x (T,), one colour for each schedule; nan is left out."""
    nodes = np.stack([np.broadcast_to(x, values.shape), values], axis=-1)
    start, end = nodes[:, :-1].reshape(-1, 2), nodes[:, 1:].reshape(-1, 2)
    shown = np.isfinite(start[:, 1] + end[:, 1])
    part = np.repeat(np.arange(len(values)), len(x) - 1)
    return {"start": start[shown], "end": end[shown], "part": part[shown]}


def names(at: list[tuple[float, float]], words: Sequence[str]) -> dict[str, Any]:
    """Data of the schedules' names at places, in their colours."""
    return {"at": at, "text": list(words), "part": ALL}

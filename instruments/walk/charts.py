"""The pictures of the instrument: the panes of each view, and the row below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diffusion_lab.app.instrument.scenes import (  # isort: skip
    Axes, Image, ImageGrid, Lines, Plane, Points, Segments, Texts,
)  # fmt: skip
from diffusion_lab.instruments.common.scenes.adherence import OUTCOMES
from diffusion_lab.instruments.common.scenes.captions import LONGEST
from diffusion_lab.instruments.common.scenes.drawing import SIDE
from diffusion_lab.instruments.common.text_to_image.pictures import LABEL
from diffusion_lab.instruments.common.text_to_image.walks import Tradeoff
from diffusion_lab.instruments.walk.new_word import NUM_STEPS

FILM = ("from_noise", "to_noise", "fill", "lines")
"""Views whose panes are a moment of a walk."""

MOST_WORDS = LONGEST - 1
SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)
"""Guidance scales of the charts."""

MEASURED = {"view": FILM, "chart_shows": "guidance"}

SHOWN = {"met": "c2", "swapped": "c3", "missing": "c1", "extra": "c4", "wrong": "c5", "place": "c0"}
"""Colours of the outcomes in the chart."""


# fmt: off
def pane(title: str, *views: str, over: Sequence[Any] = ()) -> Plane:
    """One picture of 32 × 32 pixels."""
    return Plane(SIDE / 2, Image("picture"), *over, title=title, when={"view": views})


def sheet(title: str, view: str) -> Plane:
    """Four pictures, two in a row."""
    return Plane(SIDE + 0.5, ImageGrid("pictures", across=2), title=title, when={"view": view})


def strip(title: str, count: int, shows: str) -> Plane:
    """A row of `count` pictures, each with words above it."""
    width, height = count * (SIDE + 2) - 2, SIDE + LABEL
    return Plane(1.0, Image("pictures"), Texts("labels", "ink", size="15px"), x=(0, width), y=(0, height), title=title,
        place="below", when={"chart_shows": shows, "view": FILM})


def adherence() -> Axes:
    """What becomes of pictures at each guidance scale."""
    layers = [layer for name, colour in SHOWN.items() for layer in (
        Lines(name, colour, width=2.5 if name == "met" else 1.5, legend=OUTCOMES[name]),
        Points(f"{name}_dots", colour, alpha=1, size=6 if name == "met" else 4))]
    return Axes("How pictures answer the prompt", Segments("here", "ink", alpha=0.6, legend="w of the picture"),
        *layers, x=(0, SCALES[-1]), y=(-0.03, 1.03), x_label="guidance scale w", y_label="share of pictures",
        aspect=2.0, when=MEASURED)


def variety() -> Axes:
    """How different they are."""
    return Axes("How much pictures of this prompt differ", Lines("spread", "c4", legend="root mean square difference"),
        Points("spread_dots", "c4", alpha=1), x=(0, SCALES[-1]), y=(0, 1), x_label="guidance scale w",
        y_label="difference, values from −1 to 1", aspect=2.0, when=MEASURED)


def losses() -> Axes:
    """The loss of learning a word."""
    return Axes("Loss against training step", Points("batches", "field", size=3, legend="each batch"),
        Lines("mean", "ink", legend="running mean"), x=(0, 1.04 * NUM_STEPS), y=(0, 0.1), x_label="training step",
        y_label="loss in v", aspect=2.0, when={"view": "new_word"})
# fmt: on


def here(scale: float) -> dict[str, Any]:
    """Data of the line at a guidance scale."""
    return {"start": [(scale, -0.03)], "end": [(scale, 1.03)]}


OUTCOME_LAYERS = tuple(f"{name}{part}" for name in SHOWN for part in ("", "_dots"))


def shares(found: Tradeoff) -> Iterator[dict[str, Any]]:
    """Data of the lines and dots of `adherence`; outcomes that never happen have none."""
    for name in SHOWN:
        share = found.share_of(name)
        seen = bool(share.any())
        x, y = (found.scales, share) if seen else (np.empty(0), np.empty(0))
        yield {"x": x, "y": y}
        yield {"x": np.column_stack([x, y])}

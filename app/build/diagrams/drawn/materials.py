"""One recipe, five materials: each clean, half way and as pure noise, with the condition that its denoiser gets."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Area, Box, Drawing
from diffusion_lab.app.instrument.svg import dots
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.randomness import seeded

Array = NDArray[np.float64]

SHARES = (1.0, 0.6, 0.001)
"""ᾱ of the three states of each material: the share of the signal that is left."""

CONDITIONS = {
    "picture": "a prompt",
    "sound": "the text to be spoken",
    "actions": "what the robot sees",
    "molecule": "a target to bind",
    "text": "the words that are given",
}
"""Material → the condition that its model gets."""

SENTENCES = ("the cat reads", "the — —", "— — —")
"""A text as masks take its words, one state after the other."""

SIDE = 9
"""Dots along a side of the picture."""

TITLE = "One recipe, many materials"
WORDS = f"""
A table with a row for each of {len(CONDITIONS)} materials, and three states in each: clean, half way, and
noise. A picture of a disc, drawn in dots, becomes dots of any size. A wave of sound becomes a ragged line. A path over
an obstacle becomes a jagged line that knows nothing of it. A folded chain becomes a tangle. In the sentence “the cat
reads” words are replaced by masks. Arrows lead back from noise to clean in each row: a denoiser, trained on this
material. Beside each row stands its condition: {", ".join(": ".join(pair) for pair in CONDITIONS.items())}.
"""


@cache
def states() -> dict[str, list[Array]]:
    """Arrays of each continuous material at the three levels: values (SIDE, SIDE), (N,), (N,), or places (N, 2)."""
    grid = (np.arange(SIDE) - (SIDE - 1) / 2) / (SIDE / 2)
    disc = np.tanh(5 * (0.6 - np.hypot(grid[:, None], grid)))
    time = np.linspace(0, 1, 46)
    wave = 1.3 * np.sin(14 * time) * np.sin(3.1 * time) + 0.5 * np.sin(41 * time) * np.exp(-5 * time)
    arc = 2.0 * np.sin(np.pi * np.linspace(0, 1, 13)) - 0.9
    turn = np.linspace(0, 4.6 * np.pi, 28)
    chain = np.stack([np.linspace(-1.6, 1.6, 28) + 0.35 * np.cos(turn), np.sin(turn)], axis=1)
    rng, levels = seeded(4), [Level.from_alpha_bar(share) for share in SHARES]
    found = {}
    for name, clean in (("picture", disc), ("sound", wave), ("actions", arc), ("molecule", chain)):
        noise = rng.standard_normal(clean.shape)
        found[name] = [level.signal * clean + level.sigma_t * noise for level in levels]
    return found


def _draw(drawing: Drawing, name: str, boxes: list[Box]) -> None:
    """Draws the three states of a material into their boxes."""
    for box, values in zip(boxes, states()[name], strict=True):
        inner = Area(box.area.left + 6, box.area.top + 5, box.area.width - 12, box.area.height - 10)
        (x, y), (across, down) = inner.middle, (inner.width / 2, inner.height / 2)
        if name == "picture":
            _halftone(drawing, values, (x, y), inner.height / SIDE)
        elif name == "molecule":
            places = np.clip(values / (2.4, 2.0), -1, 1) * (across, down) + (x, y)
            drawing.curve(places.tolist(), "c2", 1.6)
        else:
            along = np.linspace(inner.left, inner.right, len(values))
            heights = y - np.clip(values / 2.4, -1, 1) * down
            drawing.curve(zip(along.tolist(), heights.tolist(), strict=True), {"sound": "c5"}.get(name, "acc"), 1.4)
            if name == "actions":
                drawing.mark(f'<circle cx="{x:.1f}" cy="{y + 0.45 * down:.1f}" r="5" fill="var(--mute)"/>')


def _halftone(drawing: Drawing, values: Array, middle: tuple[float, float], pitch: float) -> None:
    """Values from -1 to 1 as dots of five sizes."""
    places = (np.arange(SIDE) - (SIDE - 1) / 2) * pitch
    x, y = np.meshgrid(middle[0] + places, middle[1] + places)
    sizes = np.clip(np.round(2 + 2 * values), 0, 4)
    for size in range(1, 5):
        here = sizes == size
        drawing.mark(dots(x[here], y[here], ["var(--c0)"] * int(here.sum()), size * pitch / 4, 1))


def _row(drawing: Drawing, name: str, left: float, top: float, size: tuple[float, float], gap: float) -> None:
    """The three states of a material, and the arrows of its denoiser."""
    width, height = size
    tone = "blank" if name == "text" else "picture"
    words = SENTENCES if name == "text" else ("", "", "")
    boxes = [drawing.box(left + k * (width + gap), top, width, height, words[k], tone, size=12) for k in range(3)]
    if name != "text":
        _draw(drawing, name, boxes)
    for cleaner, noisier in pairwise(boxes):
        drawing.arrow(noisier.at("left"), cleaner.at("right"), colour="acc")


def wide() -> Drawing:
    """Names on the left, conditions on the right."""
    drawing, left, size, gap = Drawing(WIDE, 356), 78.0, (112.0, 52.0), 32.0
    for k, words in enumerate(("clean", "half way", "noise")):
        drawing.label(left + size[0] / 2 + k * (size[0] + gap), 12, words, size=12)
    drawing.label(508, 12, "condition", "start", size=12)
    for row, (name, condition) in enumerate(CONDITIONS.items()):
        top = 28 + row * 61
        _row(drawing, name, left, top, size, gap)
        drawing.label(0, top + size[1] / 2, name, "start", size=13, colour="ink", bold=True)
        drawing.label(508, top + size[1] / 2, condition, "start", size=12)
    drawing.label(left, 346, "arrows: one denoiser for each row, the same recipe", "start", colour="acc")
    return drawing


def narrow() -> Drawing:
    """Names and conditions above the rows."""
    drawing, size, gap = Drawing(NARROW, 440), (96.0, 46.0), 26.0
    for k, words in enumerate(("clean", "half way", "noise")):
        drawing.label(size[0] / 2 + k * (size[0] + gap), 10, words, size=12)
    for row, (name, condition) in enumerate(CONDITIONS.items()):
        top = 26 + row * 78
        drawing.label(0, top + 10, name, "start", size=13, colour="ink", bold=True)
        drawing.label(NARROW, top + 10, f"condition: {condition}", "end", size=12)
        _row(drawing, name, 0, top + 24, size, gap)
    drawing.label(0, 428, "arrows: one denoiser for each row, the same recipe", "start", colour="acc")
    return drawing

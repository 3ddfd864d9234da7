"""The works of the history of chapter 10 by year, one line for each family; years are those of `references.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from diffusion_lab.app.build.diagrams.drawing import NARROW, SMALL, WIDE, Drawing
from diffusion_lab.app.build.diagrams.lettering import width_of

LANES: dict[str, dict[str, str]] = {
    "Codes and likelihoods": {
        "tipping1999": "PPCA",
        "kingma2014": "VAE",
        "chen2018": "continuous flows",
    },
    "Two players": {
        "goodfellow2014": "GAN",
    },
    "Scores": {
        "anderson1982": "noise in reverse",
        "hyvarinen2005": "score matching",
        "vincent2011": "by denoising",
        "song2019": "many levels",
        "song2021": "probability flow",
    },
    "Diffusion": {
        "sohldickstein2015": "a bound",
        "ho2020": "predict noise",
        "rombach2022": "in codes",
        "peebles2023": "transformers",
    },
    "Fewer or straighter steps": {
        "song2021ddim": "DDIM",
        "lipman2023": "flow matching, consistency",
    },
    "Beyond pictures": {
        "kong2021": "sound",
        "watson2023": "proteins",
        "nie2025": "text",
    },
}
"""Family → key of a work → what it brought."""

TICKS = (1982, 1999, 2005, 2011, 2014, 2016, 2018, 2020, 2022, 2024)
REFERENCES = Path(__file__).parents[4] / "chapters" / "references.toml"

TURN = 2013
"""The year from which the axis has more room for each year."""


@cache
def years() -> dict[str, int]:
    """The year of each work that is shown."""
    works = tomllib.loads(REFERENCES.read_text("utf-8"))
    return {key: works[key]["year"] for lane in LANES.values() for key in lane}


def _told(lane: dict[str, str]) -> str:
    return ", ".join(f"{words} {years()[key]}" for key, words in lane.items())


TITLE = "How generative models came about"
WORDS = f"""
A line of time from {min(years().values())} to {max(years().values())}, with much more room for each year after {TURN}.
On it are {len(LANES)} lines of works. {" ".join(f"{name}: {_told(lane)}." for name, lane in LANES.items())}
Scores and diffusion are separate lines until about 2020, and most of what is outside of pictures came after that.
"""


def _across(year: float) -> float:
    """Pixels from the left on a page."""
    early, late = (8.0, 236.0), (256.0, WIDE - 34)
    if year < TURN:
        return early[0] + (year - 1980) / (TURN - 1980) * (early[1] - early[0])
    return late[0] + (year - TURN) / (2025 - TURN) * (late[1] - late[0])


def wide() -> Drawing:
    """Time from left to right, families below one another."""
    drawing, top, between = Drawing(WIDE, 372), 44.0, 54.0
    bottom = top + len(LANES) * between - 8
    for year in TICKS:
        drawing.curve([(_across(year), 26), (_across(year), bottom)], "line", 1)
        drawing.label(_across(year), 12, str(year))
    for row, (name, lane) in enumerate(LANES.items()):
        y = top + row * between + 26
        drawing.curve([(0, y), (WIDE, y)], "line", 1)
        drawing.label(0, y - 19, name, "start", colour="ink", bold=True, halo=True)
        free = 0.0  # where the row of words below the line is free from
        for key, words in lane.items():
            x, half = _across(years()[key]), width_of(words, SMALL) / 2
            below = x - half >= free or not free
            drawing.point(x, y, "accent dot" if name == "Diffusion" else "dot", 8)
            colour = "acc" if name == "Diffusion" else "ink"
            drawing.label(max(x, half), y + (14 if below else -14), words, colour=colour, halo=True)
            free = max(x, half) + half + 4 if below else free
    return drawing


def narrow() -> Drawing:
    """One family after the other, time downwards in each."""
    rows = sum(1 + len(lane) for lane in LANES.values())
    drawing, y = Drawing(NARROW, rows * 24 + len(LANES) * 8), 12.0
    for name, lane in LANES.items():
        drawing.label(0, y, name, "start", size=13, colour="ink", bold=True)
        first, last = y + 24, y + 24 * len(lane)
        drawing.curve([(52, first), (52, last)], "mute", 1)
        for k, (key, words) in enumerate(lane.items()):
            colour = "acc" if name == "Diffusion" else "ink"
            drawing.label(38, first + 24 * k, str(years()[key]), "end", size=12)
            drawing.point(52, first + 24 * k, "accent dot" if name == "Diffusion" else "dot", 8)
            drawing.label(66, first + 24 * k, words, "start", size=12.5, colour=colour)
        y = last + 32
    return drawing

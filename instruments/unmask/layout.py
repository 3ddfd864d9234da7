"""The layout of the picture: places of the words of both texts and of their passes, as arrays for its layers."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.unmask import kernel

Array = NDArray[np.float64]
Label = tuple[float, float, str]

WIDTH, HEIGHT = 600, 840  # units are pixels at full width; y runs upwards
COLUMNS = 4  # cells a row: words of seven letters still fit on a phone
TOPS = {"unmasked": 840, "written": 528}  # where the heading of each grid begins
HEADING, GRID = 34, 266  # heights
TIMES_TOP, TIMES = 216, 178  # of the plot of passes: top of its heading, height
GAP = 5  # between cells
PALE = 0.1  # opacity of a mask with a word over it
SURE = 0.6  # opacity of a word that was revealed with certainty


# --- shapes as data of layers ----------------------------------------------------------------------------------------


def box(x: ArrayLike, y: ArrayLike, width: float, height: float, alpha: ArrayLike) -> Array:
    """Equal rectangles about centres (M,), as rows (M, 5)."""
    return np.column_stack(np.broadcast_arrays(x, y, width, height, alpha)).astype(np.float64)


def segment(x0: ArrayLike, y0: ArrayLike, x1: ArrayLike, y1: ArrayLike) -> Array:
    """Segments between ends (M,), as rows (M, 4)."""
    return np.column_stack(np.broadcast_arrays(x0, y0, x1, y1)).astype(np.float64)


def boxes(parts: Sequence[Array]) -> dict[str, Array]:
    """Data of a layer of boxes."""
    rows = np.concatenate([np.empty((0, 5)), *parts])
    return {"at": rows[:, :2], "size": rows[:, 2:4], "alpha": rows[:, 4]}


def segments(parts: Sequence[Array]) -> dict[str, Array]:
    """Data of a layer of segments."""
    rows = np.concatenate([np.empty((0, 4)), *parts])
    return {"start": rows[:, :2], "end": rows[:, 2:]}


def labels(parts: Sequence[Sequence[Label]]) -> dict[str, Any]:
    """Data of a layer of texts, from (x, y, words)."""
    rows = [label for part in parts for label in part]
    return {"at": np.array([row[:2] for row in rows]).reshape(-1, 2), "text": [row[2] for row in rows]}


#: The layers of the picture, from bottom to top, with the functions that make their data.
LAYERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "cells": boxes,
    "masks": boxes,
    "pins": boxes,
    "drafted": boxes,
    "rules": segments,
    "diagonal": segments,
    "joints": segments,
    "new": segments,
    "again": segments,
    "words": labels,
    "guesses": labels,
    "drafts": labels,
    "headings": labels,
}


# --- the picture -----------------------------------------------------------------------------------------------------


def cells(name: str, length: int) -> tuple[Array, Array, float, float]:
    """Centres x, y (n,) of the cells of a grid, and their width and height."""
    row, column = np.divmod(np.arange(length), COLUMNS)
    width, height = WIDTH / COLUMNS, GRID / -(-length // COLUMNS)
    return (column + 0.5) * width, TOPS[name] - HEADING - (row + 0.5) * height, width - GAP, height - GAP


def cell_at(length: int, x: float, y: float) -> tuple[str, int] | None:
    """The text and index of the cell at a point; None between the cells."""
    for name in TOPS:
        across, up, width, height = cells(name, length)
        hit = np.flatnonzero((np.abs(across - x) <= width / 2) & (np.abs(up - y) <= height / 2))
        if len(hit):
            return name, int(hit[0])
    return None


def picture(shown: kernel.Shown, guessed: kernel.Tokens | None, drafts: bool) -> dict[str, dict[str, Any]]:
    """Data of all `LAYERS`: both texts, the changes of the last pass, and the passes so far.

    guessed: (n,) the guesses shown under the masks of the upper text, or None; drafts: whether the words that the last
    pass drew but did not commit are shown there, where no guesses are.
    """
    parts: dict[str, list[Any]] = {name: [] for name in LAYERS}
    for name, side in shown.sides.items():
        below = guessed if name == "unmasked" else None
        for layer, part in _grid(name, side, shown.given, below, drafts and below is None).items():
            parts[layer].append(part)
        title = "Unmasking" if name == "unmasked" else "Left to right"
        parts["headings"].append([(2, TOPS[name] - 15, f"{title}: {shown.counter(name)}")])
    parts["headings"].append([(2, TIMES_TOP - 14, "Pass of each word")])
    for layer, found in _passes(shown).items():
        parts[layer] += found
    return {name: data(parts[name]) for name, data in LAYERS.items()}


def _grid(
    name: str, side: kernel.Side, given: NDArray[np.bool_], guessed: kernel.Tokens | None, drafts: bool
) -> dict[str, Array | list[Label]]:
    """One text: shading, masks, frames of given and drafted words, words, and marks of the last pass's changes."""
    x, y, w, h = cells(name, len(given))
    masked = side.x == kernel.MASK
    drawn = ~masked & ~given
    drafted = masked & (side.drafted != kernel.MASK) & drafts
    bar, height = (0.28, 0.36 * h) if guessed is None else (PALE, h)
    blank = masked & ~drafted
    foot = y - h / 2 + 1
    underlined = {
        part: segment(x[where] - w / 2, foot[where], x[where] + w / 2, foot[where])
        for part, where in (("new", side.committed), ("again", side.remasked))
    }
    at = np.flatnonzero(side.odd) + 1
    left = np.maximum(x[at] - w / 2 - GAP / 2, 2.0)
    under = np.where(drafted, side.drafted, side.x if guessed is None else np.where(masked, guessed, side.x))
    words = [(x[i], y[i], kernel.VOCABULARY[token]) for i, token in enumerate(under)]
    return {
        "cells": box(x[drawn], y[drawn], w, h, 0.05 + SURE * side.confidence[drawn]),
        "masks": box(x[blank], y[blank], w, height, bar),
        "pins": box(x[given], y[given], w, h, 0.0),
        "drafted": box(x[drafted], y[drafted], w - 2, h - 2, PALE),
        "joints": segment(left, y[at] - h / 2, left, y[at] + h / 2),
        "words": [word for word, hidden in zip(words, masked, strict=True) if not hidden],
        "guesses": [word for word, hidden in zip(words, masked, strict=True) if hidden and guessed is not None],
        "drafts": [words[i] for i in np.flatnonzero(drafted)],
        **underlined,
    }


def _passes(shown: kernel.Shown) -> dict[str, list[Array]]:
    """A square for each word at the pass that revealed it, darker for a higher probability; lines for left to right."""
    top, step, cell = TIMES_TOP - HEADING, TIMES / shown.total, WIDTH / shown.length
    squares, again = [], []
    for state in shown.history:
        y = top - (state.number - 0.5) * step
        at = np.flatnonzero(state.committed[0])
        squares.append(box((at + 0.5) * cell, y, cell - 3, step - 2, 0.05 + SURE * state.confidence[0, at]))
        at = np.flatnonzero(state.remasked[0])
        again.append(segment(at * cell + 2, y, (at + 1) * cell - 2, y))
    reached = [done.reached for done in shown.rounds]
    free = [np.arange(a, b)[~shown.given[a:b]] for a, b in pairwise(reached)]
    lines = [
        segment(at * cell + 2, y, (at + 1) * cell - 2, y)
        for at, y in zip(free, top - (np.arange(len(free)) + 0.5) * step, strict=True)
    ]
    frame = segment([0, 0], [top, top - TIMES], [WIDTH] * 2, [top, top - TIMES])
    return {"cells": squares, "again": again, "diagonal": lines, "rules": [frame]}

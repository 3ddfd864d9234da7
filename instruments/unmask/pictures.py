"""What the masked diffusion instrument draws: two grids of words over the passes that revealed them, and its chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from numpy.typing import ArrayLike

from diffusion_lab.app.scene import bare
from diffusion_lab.app.theme import TOKENS, ThemeName, style_axes
from diffusion_lab.instruments.unmask import kernel
from diffusion_lab.instruments.unmask.model_error import ModelErrorCurve

Columns = Mapping[str, ArrayLike]

WIDTH, HEIGHT = 600, 840  # units are pixels at full width; y runs upwards
COLUMNS = 4  # cells a row: words of seven letters still fit on a phone
TOPS = {"unmasked": 840, "written": 528}  # where the heading of each grid begins
HEADING, GRID = 34, 266  # heights
TIMES_TOP, TIMES = 216, 178  # of the plot of passes: top of its heading, height
GAP = 5  # between cells
WORDS, NAMES = "19px", "15px"  # sizes of letters: in the standing picture they shrink with it

BOX = ("x", "y", "width", "height", "alpha")
ENDS = ("x0", "y0", "x1", "y1")
LABEL = ("x", "y", "text")
FONT = "Inter Variable, system-ui, sans-serif"


class Scene:
    """A figure whose sources have names, and whose colours follow the theme."""

    def __init__(self, plot: figure) -> None:
        self.plot = plot
        self._sources: dict[str, ColumnDataSource] = {}
        self._glyphs: list[tuple[Any, dict[str, str | None], str, float]] = []

    def add(
        self, name: str, kind: str, columns: Sequence[str], colour: str | None, alpha: float = 1.0, **options: Any
    ) -> None:
        """A glyph of Bokeh's method `kind` over the columns of source `name`, in the colour of a token."""
        source = self._sources.setdefault(name, ColumnDataSource({column: [] for column in columns}))
        part = {"rect": "fill", "varea": "fill", "scatter": "fill", "text": "text"}.get(kind, "line")
        if kind == "text":
            options |= {"text_font": value(FONT), "text_baseline": "middle"}
        outline = options.pop("outline", None)
        names = columns[:4] if kind == "rect" else columns
        glyph = getattr(self.plot, kind)(*names, source=source, **options).glyph
        if kind == "rect":
            glyph.fill_alpha = "alpha"
        else:
            glyph.update(**{f"{part}_alpha": alpha})
        wanted = {f"{part}_color": colour} | ({"line_color": outline} if kind in ("rect", "scatter") else {})
        self._glyphs.append((glyph, wanted, f"{part}_alpha", alpha))

    def restyle(self, theme: ThemeName) -> None:
        """The theme's colours for all glyphs and visible axes."""
        for glyph, wanted, _, _ in self._glyphs:
            glyph.update(**{name: token and TOKENS[theme][token] for name, token in wanted.items()})
        if any(axis.visible for axis in self.plot.axis):
            style_axes(self.plot, theme)

    def fade(self, pale: bool) -> None:
        """All glyphs at a third of their strength, or at all of it."""
        for glyph, _, name, alpha in self._glyphs:
            glyph.update(**{name: 0.3 * alpha if pale else alpha})

    def fill(self, parts: Mapping[str, Sequence[Columns]]) -> None:
        """The sources named get the columns of their parts one after another; those named with none are emptied."""
        for name, columns in parts.items():
            source = self._sources[name]
            data = {column: _joined([part[column] for part in columns]) for column in source.column_names}
            first = source.column_names[0]
            if len(data[first]) or len(source.data[first]):
                source.data = data

    def fill_all(self, parts: Mapping[str, Sequence[Columns]]) -> None:
        """As `fill`, and every other source is emptied."""
        self.fill({name: parts.get(name, ()) for name in self._sources})


def _joined(parts: Sequence[ArrayLike]) -> np.ndarray | list[str]:
    """One column; numbers as float32, whose rounding is far below a pixel."""
    values = [np.asarray(part) for part in parts]
    if values and values[0].dtype.kind == "U":
        return [str(text) for part in values for text in part]
    return np.concatenate(values).astype(np.float32) if values else []


def boxes(x: np.ndarray, y: np.ndarray, width: float, height: float, alpha: ArrayLike) -> Columns:
    """Columns of equal rectangles about centres (M,)."""
    size = {"width": np.full(len(x), width), "height": np.full(len(x), height)}
    return {"x": x, "y": y, **size, "alpha": np.broadcast_to(alpha, x.shape)}


def segments(x0: ArrayLike, y0: ArrayLike, x1: ArrayLike, y1: ArrayLike) -> Columns:
    """Columns of segments, each end (M,)."""
    return dict(zip(ENDS, (x0, y0, x1, y1), strict=True))


def texts(x: ArrayLike, y: ArrayLike, words: Sequence[str]) -> Columns:
    """Columns of texts at points (M,)."""
    return {"x": x, "y": y, "text": np.array(words, dtype=str)}


# --- the texts -------------------------------------------------------------------------------------------------------


def text_scene(theme: ThemeName) -> Scene:
    """The figure of the two grids and of the passes, still empty."""
    plot = bare((0, WIDTH), (0, HEIGHT))
    scene = Scene(plot)
    scene.add("cells", "rect", BOX, "c0")
    scene.add("masks", "rect", BOX, "mute")
    scene.add("pins", "rect", BOX, "bg", outline="ink")
    scene.add("rules", "segment", ENDS, "line")
    scene.add("diagonal", "segment", ENDS, "mute", line_width=2)
    scene.add("joints", "segment", ENDS, "c3", line_width=4)
    scene.add("new", "segment", ENDS, "acc", line_width=3)
    scene.add("again", "segment", ENDS, "c5", line_width=3)
    scene.add("words", "text", LABEL, "ink", text_font_size=WORDS, text_align="center")
    scene.add("guesses", "text", LABEL, "mute", text_font_size=WORDS, text_align="center")
    scene.add("headings", "text", LABEL, "mute", text_font_size=NAMES, text_align="left")
    scene.restyle(theme)
    return scene


def cells(name: str, length: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Centres x, y (n,) of the cells of a grid, and their width and height."""
    row, column = np.divmod(np.arange(length), COLUMNS)
    width, height = WIDTH / COLUMNS, GRID / -(-length // COLUMNS)
    return (column + 0.5) * width, TOPS[name] - HEADING - (row + 0.5) * height, width - GAP, height - GAP


def cell_at(length: int, x: float, y: float) -> tuple[str, int] | None:
    """Which text's cell stands at a point, and its index; nothing between the cells."""
    for name in TOPS:
        across, up, width, height = cells(name, length)
        hit = np.flatnonzero((np.abs(across - x) <= width / 2) & (np.abs(up - y) <= height / 2))
        if len(hit):
            return name, int(hit[0])
    return None


def draw_texts(scene: Scene, shown: kernel.Shown, guessed: kernel.Tokens | None) -> None:
    """Both texts as they stand, what the last pass did to them, and the passes so far; guesses (n,) under the masks."""
    parts: dict[str, list[Columns]] = {
        name: [] for name in ("cells", "masks", "pins", "joints", "new", "again", "words", "guesses", "headings")
    }
    for name, side in shown.sides.items():
        for part, columns in _grid(name, side, shown.given, guessed if name == "unmasked" else None).items():
            parts[part].append(columns)
        title = "Unmasking" if name == "unmasked" else "Left to right"
        parts["headings"].append(texts([2], [TOPS[name] - 15], [f"{title}: pass {side.spent} of {side.passes}"]))
    caption = "Passes, downwards; lines: left to right"
    parts["headings"].append(texts([2], [TIMES_TOP - 14], [caption]))
    for part, found in _passes(shown).items():
        parts.setdefault(part, []).extend(found)
    scene.fill(parts)


def _grid(name: str, side: kernel.Side, given: np.ndarray, guessed: kernel.Tokens | None) -> dict[str, Columns]:
    """One text: shading, masks, frames of what is given, words, and marks of what the last pass did."""
    x, y, w, h = cells(name, len(given))
    masked = side.x == kernel.MASK
    drawn = ~masked & ~given
    bar, height = (0.28, 0.36 * h) if guessed is None else (0.1, h)
    foot = y - h / 2 + 1
    underlined = {
        part: segments(x[where] - w / 2, foot[where], x[where] + w / 2, foot[where])
        for part, where in (("new", side.committed), ("again", side.remasked))
    }
    at = np.flatnonzero(side.odd) + 1
    left = np.maximum(x[at] - w / 2 - GAP / 2, 2.0)
    under = side.x if guessed is None else np.where(masked, guessed, side.x)
    words = [kernel.VOCABULARY[token] for token in under]
    hidden = masked if guessed is not None else np.zeros(len(x), bool)
    return {
        "cells": boxes(x[drawn], y[drawn], w, h, 0.05 + 0.5 * side.confidence[drawn]),
        "masks": boxes(x[masked], y[masked], w, height, bar),
        "pins": boxes(x[given], y[given], w, h, 0.0),
        "joints": segments(left, y[at] - h / 2, left, y[at] + h / 2),
        "words": _labels(x, y, words, ~masked),
        "guesses": _labels(x, y, words, hidden),
        **underlined,
    }


def _labels(x: np.ndarray, y: np.ndarray, words: Sequence[str], where: np.ndarray) -> Columns:
    return texts(x[where], y[where], [word for word, here in zip(words, where, strict=True) if here])


def _passes(shown: kernel.Shown) -> dict[str, list[Columns]]:
    """A square for each word at the pass that revealed it, dark for sure; lines where left to right has come."""
    top, step, cell = TIMES_TOP - HEADING, TIMES / shown.total, WIDTH / shown.length
    squares, again = [], []
    for state in shown.history:
        y = top - (state.number - 0.5) * step
        at = np.flatnonzero(state.committed[0])
        strength = 0.15 + 0.7 * state.confidence[0, at]
        squares.append(boxes((at + 0.5) * cell, np.full(len(at), y), cell - 3, step - 2, strength))
        at = np.flatnonzero(state.remasked[0])
        again.append(segments(at * cell + 2, np.full(len(at), y), (at + 1) * cell - 2, np.full(len(at), y)))
    reached = [done.reached for done in shown.rounds]
    free = [np.arange(a, b)[~shown.given[a:b]] for a, b in pairwise(reached)]
    diagonal = [
        segments(at * cell + 2, np.full(len(at), y), (at + 1) * cell - 2, np.full(len(at), y))
        for at, y in zip(free, top - (np.arange(len(free)) + 0.5) * step, strict=True)
    ]
    frame = segments([0, 0], [top, top - TIMES], [WIDTH] * 2, [top, top - TIMES])
    return {"cells": squares, "again": again, "diagonal": diagonal, "rules": [frame]}


# --- the chart -------------------------------------------------------------------------------------------------------


def chart_scene(theme: ThemeName, aspect: float) -> Scene:
    """The figure of quality against K, still empty."""
    plot = figure(
        x_range=(0.5, 15.5), y_range=(-7, 1.15), width=340, height=round(340 / aspect), toolbar_location=None, tools=""
    )
    plot.sizing_mode = "stretch_both"
    scene = Scene(plot)
    scene.add("here", "segment", ENDS, "acc", line_width=1.5)
    scene.add("zero", "segment", ENDS, "mute")
    scene.add("expected", "segment", ENDS, "mute")
    scene.add("written", "segment", ENDS, "c1", line_width=2)
    for name in ("band", "band_distinct"):
        scene.add(name, "varea", ("x", "y1", "y2"), "c1", alpha=0.2)
    scene.add("errors", "segment", ENDS, "c0", line_width=1.5)
    for name, colour in (("first", "c0"), ("second", "c0"), ("third", "c2")):
        scene.add(name, "line", ("x", "y"), colour, line_width=1.5)
        scene.add(name, "scatter", ("x", "y"), colour, size=5)
    for name, colour, align in (("axis", "mute", "right"), ("left", "c1", "left"), ("c0", "c0", "center"),
                                ("c2", "c2", "center"), ("middle", "mute", "center")):  # fmt: skip
        scene.add(f"label_{name}", "text", LABEL, colour, text_font_size="11px", text_align=align)
    scene.restyle(theme)
    return scene


def _ranges(scene: Scene, x_end: float, low: float, high: float) -> None:
    scene.plot.x_range.update(start=0.5, end=x_end)
    scene.plot.y_range.update(start=low, end=high)


def draw_here(scene: Scene, steps: float | None) -> None:
    """The upright line at the K of the picture."""
    y = scene.plot.y_range
    scene.fill({"here": [segments([steps], [y.start], [steps], [y.end])] if steps else []})


def draw_samples(scene: Scene, quality: kernel.Quality) -> None:
    """Share of distinct pairs above 0, mean log-likelihood below it, each with its standard error."""
    q, end = quality, float(quality.steps[-1]) + 0.5
    low = min(-3.0, float(np.floor((q.likelihood - q.likelihood_error).min())), q.written[0] - 0.5)
    _ranges(scene, end, low, 1.15)
    k = np.tile(q.steps, 2)
    mean = np.append(q.likelihood, q.distinct)
    error = np.append(q.likelihood_error, q.distinct_error)
    bands = {
        name: [{"x": [0.5, end], "y1": [m - se] * 2, "y2": [m + se] * 2}]
        for name, (m, se) in (("band", q.written), ("band_distinct", q.written_distinct))
    }
    levels = [q.written[0], q.written_distinct[0]]
    above = levels[0] > q.expected - 0.3
    label = (0.8, q.expected - 0.09 * low) if above else (0.6 * end, levels[0] + 0.06 * low)
    scene.fill_all(
        {
            "zero": [segments([0.5], [0], [end], [0])],
            "expected": [segments([0.5], [q.expected], [end], [q.expected])],
            "written": [segments([0.5] * 2, levels, [end] * 2, levels)],
            "errors": [segments(k, mean - error, k, mean + error)],
            "first": [{"x": q.steps, "y": q.likelihood}],
            "second": [{"x": q.steps, "y": q.distinct}],
            "label_left": [texts([label[0]], [label[1]], ["left to right"])],
            "label_axis": [texts([end - 0.8] * 2, [0.93, low * 0.92], ["distinct pairs, share", "log p, nats a word"])],
            **bands,
        }
    )


def draw_small_chain(scene: Scene, curves: tuple[np.ndarray, np.ndarray]) -> None:
    """The two divergences of the small chain against K, in nats."""
    forward, backward = curves
    n = len(forward)
    k = np.arange(1.0, n + 1)
    high = 1.12 * max(0.05, float(max(forward.max(), backward.max())))
    _ranges(scene, n + 0.5, -0.04 * high, high)
    said = ["KL(p‖q)", f"K = 1: {forward[0]:.4f}, total correlation", f"K = n: {forward[-1]:.4f}"]
    middle = (n + 1) / 2
    scene.fill_all(
        {
            "zero": [segments([0.5], [0], [n + 0.5], [0])],
            "first": [{"x": k, "y": forward}],
            "third": [{"x": k, "y": backward}],
            "label_c2": [texts([middle], [0.93 * high], ["KL(q‖p)"])],
            "label_c0": [texts([middle] * 3, [0.83 * high, 0.73 * high, 0.63 * high], said)],
        }
    )


def draw_gap(scene: Scene, gap: ModelErrorCurve) -> None:
    """How far off the learned law of a masked word is, against the number of masks, with standard errors."""
    n = len(gap.mean)
    m = np.arange(1.0, n + 1)
    high = 1.45 * float((gap.mean + gap.error).max())
    _ranges(scene, n + 0.5, -0.04 * high, high)
    said = [
        "KL(exact ‖ learned) of a masked word",
        f"mean over all m, excess of the objective: {gap.excess:.4f}",
        f"context ignored: {gap.blind[0]:.2f} at m = 1, {gap.blind[n // 2]:.2f} at m = {n // 2 + 1}",
    ]
    heights = [0.94 * high, 0.84 * high, 0.74 * high]
    scene.fill_all(
        {
            "zero": [segments([0.5], [0], [n + 0.5], [0])],
            "errors": [segments(m, gap.mean - gap.error, m, gap.mean + gap.error)],
            "first": [{"x": m, "y": gap.mean}],
            "label_c0": [texts([(n + 1) / 2], heights[:1], said[:1])],
            "label_middle": [texts([(n + 1) / 2] * 2, heights[1:], said[1:])],
        }
    )


def chart_in_words(result: kernel.Quality | ModelErrorCurve | tuple[np.ndarray, np.ndarray]) -> str:
    """What the chart shows, with its numbers."""
    if isinstance(result, kernel.Quality):
        q = result
        return (
            f"Chart, {kernel.SAMPLES} texts for each K: mean log p {q.likelihood[0]:.2f} nats a word at K = 1 and"
            f" {q.likelihood[-1]:.2f} ± {q.likelihood_error[-1]:.2f} at K = {q.steps[-1]}, left to right"
            f" {q.written[0]:.2f} ± {q.written[1]:.2f}; share of distinct pairs {q.distinct[0]:.2f},"
            f" {q.distinct[-1]:.2f} and {q.written_distinct[0]:.2f}."
        )
    if isinstance(result, ModelErrorCurve):
        return (
            f"Chart, {result.texts} texts for each number of masks: KL(exact ‖ learned) of a masked word"
            f" {result.mean[0]:.4f} nats with one mask and {result.mean[-1]:.4f} with {len(result.mean)}, at most"
            f" {result.mean.max():.4f}; on average {result.excess:.4f}, the objective's excess."
        )
    forward, backward = result
    return (
        f"Chart, a chain of two states: KL(p‖q) {forward[0]:.4f} nats at K = 1 and {forward[-1]:.4f} at"
        f" K = {len(forward)}, KL(q‖p) {backward[0]:.4f} and {backward[-1]:.4f}."
    )

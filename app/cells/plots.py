"""Plotting helpers for chapter cells; each returns a Bokeh figure.

Cells call the functions in `__all__` without an import, and the figure is shown below the cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.instrument.theme import TOKENS, data_palette, shades

__all__ = ["plot_hist", "plot_image", "plot_line", "plot_scatter"]

WIDTH, HEIGHT = 640, 300
COLOURS = 6


def plot_scatter(x: Any, y: Any, labels: Any = None, *, title: str | None = None) -> figure:
    """Plots points at `x`, `y` (each (N,)), coloured by the integers `labels` (N,) if given.

    Raises `ValueError` if the lengths differ.
    """
    x, y = _vector(x, "x"), _vector(y, "y")
    _same_length(x=x, y=y)
    labels = np.zeros(len(x)) if labels is None else _vector(labels, "labels")
    _same_length(x=x, labels=labels)
    plot = _figure(x, y, title)
    palette = LinearColorMapper(palette=data_palette("light"), low=-0.5, high=COLOURS - 0.5)
    plot.scatter(
        "x",
        "y",
        source={"x": x, "y": y, "label": labels % COLOURS},
        size=4.5,
        line_color=None,
        fill_alpha=0.7,
        fill_color={"field": "label", "transform": palette},
    )
    return plot


def plot_line(x: Any, y: Any, *, title: str | None = None) -> figure:
    """Plots a line through `x` (N,) and `y` (N,), or one line for each row of `y` (M, N).

    Raises `ValueError` if the lengths differ.
    """
    x = _vector(x, "x")
    rows = np.atleast_2d(np.asarray(y, float))
    for row in rows:
        _same_length(x=x, y=row)
    plot = _figure(x, rows, title)
    for k, row in enumerate(rows):
        plot.line(x, row, line_width=2, line_color=TOKENS["light"][f"c{k % COLOURS}"])
    return plot


def plot_hist(values: Any, *, bins: int = 40, title: str | None = None) -> figure:
    """Plots a histogram of `values` (N,), normalised to a density, with `bins` equal bins.

    Raises `ValueError` if there are no values.
    """
    values = _vector(values, "values")
    if not len(values):
        raise ValueError("`values` must hold at least one number, got none.")
    density, edges = np.histogram(values, bins=bins, density=True)
    plot = _figure(edges, np.append(density, 0.0), title)
    plot.y_range.start = 0.0
    plot.quad(
        left=edges[:-1],
        right=edges[1:],
        top=density,
        bottom=0.0,
        line_color=None,
        fill_color=TOKENS["light"]["c0"],
        fill_alpha=0.75,
    )
    return plot


def plot_image(values: Any, *, title: str | None = None) -> figure:
    """Plots a matrix (H, W) as an image with row 0 at the bottom; larger numbers are darker.

    Raises `ValueError` for anything but a matrix.
    """
    matrix = np.asarray(values, float)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"`values` must be a matrix, got an array of shape {matrix.shape}.")
    rows, columns = matrix.shape
    plot = _framed((-0.5, columns - 0.5), (-0.5, rows - 0.5), title)
    low, high = _padded(matrix)
    mapper = LinearColorMapper(palette=shades(TOKENS["light"]["c0"], 1.0), low=low, high=high)
    plot.image(image=[matrix], x=-0.5, y=-0.5, dw=columns, dh=rows, color_mapper=mapper)
    return plot


def _figure(x: np.ndarray, y: np.ndarray, title: str | None) -> figure:
    return _framed(_padded(x), _padded(y), title)


def _framed(x_range: tuple[float, float], y_range: tuple[float, float], title: str | None) -> figure:
    return figure(width=WIDTH, height=HEIGHT, x_range=x_range, y_range=y_range, title=title, toolbar_location=None)


def _padded(values: np.ndarray) -> tuple[float, float]:
    """Returns the range of the finite `values`, padded at both ends, so it is never empty."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    pad = 0.05 * (high - low) or 0.5
    return low - pad, high + pad


def _vector(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values, float)
    if array.ndim != 1:
        raise ValueError(f"`{name}` must be a list of numbers, got an array of shape {array.shape}.")
    return array


def _same_length(**vectors: Sequence[float] | np.ndarray) -> None:
    (first, a), (second, b) = vectors.items()
    if len(a) != len(b):
        raise ValueError(f"`{first}` and `{second}` must have the same length, got {len(a)} and {len(b)}.")

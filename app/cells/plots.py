"""Plotting helpers for chapter cells; each returns a Bokeh figure.

Cells call the functions in `__all__` without an import, and the figure is shown below the cell. Values that are nan or
infinite are left out; a `RuntimeWarning` that names the reader's line says how many.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.instrument.theme import TOKENS, data_palette, shades

__all__ = ["plot_hist", "plot_image", "plot_line", "plot_scatter"]

WIDTH, HEIGHT = 640, 300
COLOURS = 6


def plot_scatter(
    x: Any,
    y: Any,
    labels: Any = None,
    *,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] = (),
) -> figure:
    """Plots points at `x`, `y` (each (N,)), coloured by the integers `labels` (N,) if given.

    `legend` names the labels 0, 1 and so on. Raises `ValueError` if the lengths differ.
    """
    x, y = _vector(x, "x"), _vector(y, "y")
    _same_length(x=x, y=y)
    labels = np.zeros(len(x)) if labels is None else _vector(labels, "labels")
    _same_length(x=x, labels=labels)
    drawn = np.isfinite(x) & np.isfinite(y)
    _warn_missing(drawn, "point")
    x, y, labels = x[drawn], y[drawn], labels[drawn]
    plot = _figure(x, y, title, xlabel, ylabel)
    palette = LinearColorMapper(palette=data_palette("light"), low=-0.5, high=COLOURS - 0.5)
    colour = {"field": "label", "transform": palette}
    style = {"size": 4.5, "line_color": None, "fill_alpha": 0.7, "fill_color": colour}
    for k, name in enumerate(legend):  # a source for each, so that each has its line in the legend
        own = labels == k
        source = {"x": x[own], "y": y[own], "label": labels[own] % COLOURS}
        plot.scatter("x", "y", source=source, legend_label=name, **style)
    rest = ~np.isin(labels, np.arange(len(legend)))
    if not legend or rest.any():
        plot.scatter("x", "y", source={"x": x[rest], "y": y[rest], "label": labels[rest] % COLOURS}, **style)
    return plot


def plot_line(
    x: Any,
    y: Any,
    *,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: str | Sequence[str] = (),
) -> figure:
    """Plots a line through `x` (N,) and `y` (N,), or one line for each row of `y` (M, N).

    `legend` names the lines. A missing value makes a gap; a point between two gaps is drawn as a dot. Raises
    `ValueError` if the lengths differ.
    """
    x = _vector(x, "x")
    rows = np.atleast_2d(np.asarray(y, float))
    for row in rows:
        _same_length(x=x, y=row)
    names = [legend] if isinstance(legend, str) else list(legend)
    if names and len(names) != len(rows):
        raise ValueError(f"`legend` must have one name for each line: there are {len(rows)}, got {len(names)}.")
    drawn = np.isfinite(x) & np.isfinite(rows)
    _warn_missing(drawn, "value")
    rows = np.where(drawn, rows, np.nan)
    plot = _figure(x, rows, title, xlabel, ylabel)
    for k, row in enumerate(rows):
        colour = TOKENS["light"][f"c{k % COLOURS}"]
        named = {"legend_label": names[k]} if names else {}
        plot.line(x, row, line_width=2, line_color=colour, **named)
        if (alone := _alone(drawn[k])).any():
            plot.scatter(x[alone], row[alone], size=5, fill_color=colour, line_color=None)
    return plot


def plot_hist(
    values: Any, *, bins: int = 40, title: str | None = None, xlabel: str | None = None, ylabel: str | None = None
) -> figure:
    """Plots a histogram of `values` (N,), normalised to a density, with `bins` equal bins.

    Raises `ValueError` if there are no values.
    """
    values = _vector(values, "values")
    drawn = np.isfinite(values)
    if not drawn.any():
        raise ValueError(f"`values` must hold at least one number, got {'only nan or inf' if len(values) else 'none'}.")
    _warn_missing(drawn, "value")
    density, edges = np.histogram(values[drawn], bins=bins, density=True)
    plot = _figure(edges, np.append(density, 0.0), title, xlabel, ylabel)
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


def plot_image(
    values: Any, *, title: str | None = None, xlabel: str | None = None, ylabel: str | None = None
) -> figure:
    """Plots a matrix (H, W) as an image with row 0 at the bottom; larger numbers are darker.

    Raises `ValueError` for anything but a matrix.
    """
    matrix = np.asarray(values, float)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"`values` must be a matrix, got an array of shape {matrix.shape}.")
    drawn = np.isfinite(matrix)
    _warn_missing(drawn, "value")
    rows, columns = matrix.shape
    plot = _framed((-0.5, columns - 0.5), (-0.5, rows - 0.5), title, xlabel, ylabel)
    low, high = _padded(matrix)
    palette = shades(TOKENS["light"]["c0"], 1.0)
    mapper = LinearColorMapper(palette=palette, low=low, high=high, nan_color=TRANSPARENT)
    plot.image(image=[np.where(drawn, matrix, np.nan)], x=-0.5, y=-0.5, dw=columns, dh=rows, color_mapper=mapper)
    return plot


TRANSPARENT = (0, 0, 0, 0)


def _figure(x: np.ndarray, y: np.ndarray, title: str | None, xlabel: str | None, ylabel: str | None) -> figure:
    return _framed(_padded(x), _padded(y), title, xlabel, ylabel)


def _framed(
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    title: str | None,
    xlabel: str | None,
    ylabel: str | None,
) -> figure:
    names = {"x_axis_label": xlabel, "y_axis_label": ylabel}
    size = {"width": WIDTH, "height": HEIGHT}
    return figure(**size, **names, x_range=x_range, y_range=y_range, title=title, toolbar_location=None)


def _padded(values: np.ndarray) -> tuple[float, float]:
    """Returns the range of the finite `values`, padded at both ends, so it is never empty."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    pad = 0.05 * (high - low) or 0.5
    return low - pad, high + pad


def _alone(drawn: np.ndarray) -> np.ndarray:
    """Returns which values (N,) of a line are drawn though both neighbours are missing: no line goes through them."""
    if drawn.all() and len(drawn) > 1:
        return np.zeros(len(drawn), bool)
    before, after = np.append(False, drawn[:-1]), np.append(drawn[1:], False)
    return drawn & ~before & ~after


def _warn_missing(drawn: np.ndarray, what: str) -> None:
    """Warns, at the line that called the helper, if some values are not drawn."""
    missing = int((~drawn).sum())
    if missing:
        are = "is" if missing == 1 else "are"
        message = f"{missing} of {drawn.size} {what}s {are} nan or infinite and not drawn"
        warnings.warn(message, RuntimeWarning, stacklevel=4)  # this, the helper, its wrapper in a cell, the cell


def _vector(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values, float)
    if array.ndim != 1:
        raise ValueError(f"`{name}` must be a list of numbers, got an array of shape {array.shape}.")
    return array


def _same_length(**vectors: Sequence[float] | np.ndarray) -> None:
    (first, a), (second, b) = vectors.items()
    if len(a) != len(b):
        raise ValueError(f"`{first}` and `{second}` must have the same length, got {len(a)} and {len(b)}.")

"""What the pictures of instruments are made of: a bare plane, segments, arrows, shades of one colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.plotting import figure

SIZE = 600  # pixels across, before the page scales the figure to its room


def bare(x_range: tuple[float, float], y_range: tuple[float, float], **options: Any) -> figure:
    """A figure of these ranges on equal axes, without any furniture; `options` go to Bokeh's figure."""
    across, up = x_range[1] - x_range[0], y_range[1] - y_range[0]
    plot = figure(
        x_range=x_range,
        y_range=y_range,
        width=SIZE,
        height=round(SIZE * up / across),
        aspect_ratio=across / up,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=1,
        **options,
    )
    plot.axis.visible = False
    plot.grid.visible = False
    return plot


def plane(half_width: float, half_height: float | None = None, **options: Any) -> figure:
    """A bare figure of [-half_width, half_width] by [-half_height, half_height], in data units.

    `half_height` is `half_width` unless given; `options` go to Bokeh's figure.
    """
    half_height = half_height or half_width
    return bare((-half_width, half_width), (-half_height, half_height), **options)


def segments(start: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    """Columns x, y, x1, y1 of a segment glyph, float32, from starts and ends, each (M, 2)."""
    columns = np.concatenate([start, end], axis=1).astype(np.float32)
    return {name: np.ascontiguousarray(columns[:, k]) for k, name in enumerate(("x", "y", "x1", "y1"))}


def arrow(x: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An arrow from x (2,) along `vector` (2,) as starts and ends (3, 2) of three segments: shaft and two barbs."""
    tip, size = x + vector, np.hypot(*vector)
    back = -min(0.16, 0.4 * size) * vector / max(size, 1e-9)
    turned = np.array([-back[1], back[0]]) * 0.6
    return np.stack([x, tip, tip]), np.stack([tip, tip + back + turned, tip + back - turned])


def shades(colour: str, strongest: float = 0.36, count: int = 64) -> list[str]:
    """`count` colours from nothing to `colour` at the opacity `strongest`: the page's own ground shines through."""
    return [f"{colour}{round(level * strongest / (count - 1) * 255):02x}" for level in range(count)]

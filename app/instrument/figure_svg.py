"""Draws a Bokeh figure as SVG: the first picture of an instrument and the plots of a cell, visible without JavaScript.

Covers the glyphs that the lab uses; any other glyph raises an error rather than being drawn wrongly. Colours that are
tokens of the theme become `var(--…)`, so the picture follows the page's theme.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from bokeh.core.property.vectorization import Field, Value
from bokeh.models import Axis, FixedTicker, GlyphRenderer, Grid, LogScale
from bokeh.models.glyphs import Image, ImageRGBA, Line, MultiLine, Quad, Rect, Scatter, Segment, Text, VArea
from bokeh.plotting import figure

from diffusion_lab.app.instrument.theme import css_variable_of

MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP, MARGIN_RIGHT = 44, 30, 10, 10  # room for axes
LINE = 18  # room for a line of words: the title, the name of an axis
MAX_TICKS = 6


@dataclass(frozen=True)
class _Frame:
    """Maps data to pixels of the SVG; on a log axis the bounds are those of the logarithm."""

    x0: float
    x1: float
    y0: float
    y1: float
    left: float
    top: float
    width: float
    height: float
    log_x: bool = False
    log_y: bool = False

    def x(self, values: Any) -> np.ndarray:
        values = np.asarray(values, float)
        share = ((np.log10(values) if self.log_x else values) - self.x0) / (self.x1 - self.x0)
        return self.left + share * self.width

    def y(self, values: Any) -> np.ndarray:
        values = np.asarray(values, float)
        share = (self.y1 - (np.log10(values) if self.log_y else values)) / (self.y1 - self.y0)
        return self.top + share * self.height


def figure_svg(plot: figure, *, description: str = "") -> str:
    """`plot` as an SVG element, `description` its text alternative (decorative without one).

    Raises `ValueError` for a glyph or annotation that has no drawing here and for a range that is not fixed.
    """
    _refuse_annotations(plot)
    axes = any(axis.visible for axis in plot.axis)
    width, height = float(plot.width), float(plot.height)
    left, bottom, top, right = (MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP, MARGIN_RIGHT) if axes else (0, 0, 0, 0)
    title = plot.title.text if plot.title and plot.title.text else ""
    top += LINE if title else 0
    bottom += LINE if _name(plot.below) else 0
    left += LINE if _name(plot.left) else 0
    log_x, log_y = isinstance(plot.x_scale, LogScale), isinstance(plot.y_scale, LogScale)
    x0, x1 = _range(plot.x_range, "x_range", log_x)
    y0, y1 = _range(plot.y_range, "y_range", log_y)
    frame = _Frame(x0, x1, y0, y1, left, top, width - left - right, height - top - bottom, log_x, log_y)
    label = f'role="img" aria-label="{escape(description)}"' if description else 'aria-hidden="true"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {label}>']
    if title:
        words = f'<text x="{left:g}" y="{LINE - 4}" font-family="var(--sans)" font-size="13" fill="var(--ink)">'
        parts.append(f"{words}{escape(title)}</text>")
    if axes:
        parts.extend(_axes(frame, plot))
    for renderer in plot.renderers:
        if isinstance(renderer, GlyphRenderer) and renderer.visible:
            parts.extend(_glyph(renderer, frame))
    parts.append("</svg>")
    return "".join(parts)


def _refuse_annotations(plot: figure) -> None:
    """Raises `ValueError` for parts other than glyphs, axes and grids, which the SVG would lack."""
    around = [model for place in ("left", "right", "above", "below", "center") for model in getattr(plot, place)]
    for model in [*plot.renderers, *around]:
        if not isinstance(model, GlyphRenderer | Axis | Grid):
            raise ValueError(f"{type(model).__name__} has no drawing as SVG; draw it with one of {_names()}.")


def _name(axes: list[Any]) -> str:
    """The label of the first visible axis."""
    return next((axis.axis_label or "" for axis in axes if axis.visible), "")


def nice_ticks(low: float, high: float) -> list[float]:
    """At most `MAX_TICKS` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / (MAX_TICKS - 1)))
    step = next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= MAX_TICKS - 1)
    # Twelve digits: 3 * 0.1 is 0.3 again.
    return [float(f"{k * step:.12g}") for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten from 10^low to 10^high, thinned so that labels fit; where there are too few, other numbers."""
    powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    if len(powers) >= 3:
        return [10.0**power for power in powers[:: math.ceil(len(powers) / MAX_TICKS)]]
    candidates = (m * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for m in (1, 2, 5))
    ticks = [value for value in candidates if low - 1e-9 <= math.log10(value) <= high + 1e-9]
    return ticks if len(ticks) >= 2 else nice_ticks(10.0**low, 10.0**high)


def _range(bokeh_range: Any, name: str, log: bool) -> tuple[float, float]:
    low, high = getattr(bokeh_range, "start", None), getattr(bokeh_range, "end", None)
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
        raise ValueError(f"A figure drawn as SVG needs a fixed {name} with start < end, got ({low}, {high}).")
    if log and low <= 0:
        raise ValueError(f"A logarithmic axis needs a range above 0; {name} is ({low}, {high}).")
    return (math.log10(low), math.log10(high)) if log else (float(low), float(high))


def _axes(frame: _Frame, plot: figure) -> Iterator[str]:
    bottom = frame.top + frame.height
    yield '<g font-family="var(--sans)" font-size="12" fill="var(--mute)" stroke="none">'
    ticks = _ticks(plot.below, frame.x0, frame.x1, frame.log_x)
    for value, label in zip(ticks, _numbers(ticks), strict=True):
        x = frame.x(value)
        yield f'<path d="M{x:.1f} {bottom:.1f}v4" stroke="var(--mute)"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{label}</text>'
    for axis in plot.left if plot.left else []:
        if not axis.visible:
            continue
        ticks = _ticks([axis], frame.y0, frame.y1, frame.log_y)
        for value, label in zip(ticks, _numbers(ticks), strict=True):
            y = frame.y(value)
            yield f'<path d="M{frame.left:.1f} {y:.1f}h{frame.width:.1f}" stroke="var(--line)"/>'
            yield f'<text x="{frame.left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    yield f'<path d="M{frame.left:.1f} {bottom:.1f}h{frame.width:.1f}" stroke="var(--mute)"/>'
    if name := _name(plot.below):
        place = f"translate({frame.left + frame.width / 2:.1f} {bottom + MARGIN_BOTTOM + LINE / 2:.1f})"
        yield f'<text transform="{place}" text-anchor="middle">{escape(name)}</text>'
    if name := _name(plot.left):
        place = f"translate({LINE - 5} {frame.top + frame.height / 2:.1f}) rotate(-90)"
        yield f'<text transform="{place}" text-anchor="middle">{escape(name)}</text>'
    yield "</g>"


def _ticks(axes: list[Any], low: float, high: float, log: bool) -> list[float]:
    """The ticks of an axis: its fixed ones, else round numbers; on a log axis the bounds are logarithms."""
    ticker = next((axis.ticker for axis in axes), None)
    if isinstance(ticker, FixedTicker):
        ends = (10.0**low, 10.0**high) if log else (low, high)
        slack = 1e-9 * (ends[1] - ends[0])
        return [float(tick) for tick in ticker.ticks if ends[0] - slack <= tick <= ends[1] + slack]
    return log_ticks(low, high) if log else nice_ticks(low, high)


def _numbers(values: list[float]) -> list[str]:
    """Labels with just enough digits to be distinct."""
    for digits in range(4, 16):
        labels = [f"{value:.{digits}g}" for value in values]
        if len(set(labels)) == len(values):
            break
    return [label.replace("-", "−") for label in labels]


# --- glyphs ----------------------------------------------------------------------------------------------------------


def _glyph(renderer: GlyphRenderer, frame: _Frame) -> Iterator[str]:
    draw = _DRAW.get(type(renderer.glyph))
    if draw is None:
        raise ValueError(f"{type(renderer.glyph).__name__} has no drawing as SVG; it may be one of {_names()}.")
    return draw(renderer.glyph, renderer.data_source.data, frame)


def _column(spec: Any, data: dict[str, Any]) -> Any:
    """The values of a glyph's property: a column of the source, or the one value for all."""
    if isinstance(spec, str) and spec in data:
        return data[spec]
    if isinstance(spec, Field):
        return data[spec.field]
    if isinstance(spec, Value):
        return spec.value
    return spec


def _colours(spec: Any, data: dict[str, Any], count: int) -> list[str]:
    if isinstance(spec, Field) and spec.transform is not None:
        mapper = spec.transform
        share = (np.asarray(data[spec.field], float) - mapper.low) / (mapper.high - mapper.low)
        index = np.clip((share * len(mapper.palette)).astype(int), 0, len(mapper.palette) - 1)
        return [css_variable_of(mapper.palette[k]) for k in index]
    value = _column(spec, data)
    return [css_variable_of(value)] * count if isinstance(value, str) else [css_variable_of(c) for c in value]


def _stroke(glyph: Any, data: dict[str, Any], colour: str = "") -> str:
    colour = colour or css_variable_of(_column(glyph.line_color, data))
    width, alpha = _column(glyph.line_width, data), _column(glyph.line_alpha, data)
    dash = _column(glyph.line_dash, data)
    dashes = f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash else ""
    return f'fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-opacity="{alpha:g}"{dashes}'


def _scatter(glyph: Scatter, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    x, y = frame.x(_column(glyph.x, data)), frame.y(_column(glyph.y, data))
    radius = float(_column(glyph.size, data)) / 2
    colours = _colours(glyph.fill_color, data, len(x))
    # One path for each colour: a dot is a round-capped stroke of no length, an eighth of the bytes of a <circle>.
    for colour in dict.fromkeys(colours):
        shown = ((a, b) for a, b, c in zip(x, y, colours, strict=True) if c == colour and math.isfinite(a + b))
        dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in shown)
        yield (
            f'<path d="{dots}" stroke="{colour}" stroke-width="{2 * radius:g}" stroke-linecap="round"'
            f' stroke-opacity="{_column(glyph.fill_alpha, data):g}"/>'
        )


def _segment(glyph: Segment, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    ends = (
        frame.x(_column(glyph.x0, data)),
        frame.y(_column(glyph.y0, data)),
        frame.x(_column(glyph.x1, data)),
        frame.y(_column(glyph.y1, data)),
    )
    pieces = [f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in zip(*ends, strict=True)]
    colours = _colours(glyph.line_color, data, len(pieces))
    for colour in dict.fromkeys(colours):
        path = "".join(piece for piece, c in zip(pieces, colours, strict=True) if c == colour)
        yield f'<path d="{path}" {_stroke(glyph, data, colour)}/>'


def _polyline(x: np.ndarray, y: np.ndarray) -> str:
    """A line through the points, with gaps at points that are not finite."""
    path, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if math.isfinite(a + b):
            path.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(path)


def _line(glyph: Line, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    path = _polyline(frame.x(_column(glyph.x, data)), frame.y(_column(glyph.y, data)))
    yield f'<path d="{path}" stroke-linejoin="round" {_stroke(glyph, data)}/>'


def _multi_line(glyph: MultiLine, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    lines = zip(_column(glyph.xs, data), _column(glyph.ys, data), strict=True)
    path = "".join(_polyline(frame.x(xs), frame.y(ys)) for xs, ys in lines)
    yield f'<path d="{path}" {_stroke(glyph, data)}/>'


def _quad(glyph: Quad, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    left, right = frame.x(_column(glyph.left, data)), frame.x(_column(glyph.right, data))
    top, bottom = frame.y(_column(glyph.top, data)), frame.y(_column(glyph.bottom, data))
    bottom = np.broadcast_to(bottom, top.shape)
    path = "".join(
        f"M{a:.1f} {d:.1f}V{c:.1f}H{b:.1f}V{d:.1f}z" for a, b, c, d in zip(left, right, top, bottom, strict=True)
    )
    fill = css_variable_of(_column(glyph.fill_color, data))
    yield f'<path d="{path}" fill="{fill}" fill-opacity="{_column(glyph.fill_alpha, data):g}"/>'


def _rect(glyph: Rect, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    x, y = np.asarray(_column(glyph.x, data), float), np.asarray(_column(glyph.y, data), float)
    w = np.broadcast_to(np.asarray(_column(glyph.width, data), float), x.shape)
    h = np.broadcast_to(np.asarray(_column(glyph.height, data), float), x.shape)
    left, right, top, bottom = frame.x(x - w / 2), frame.x(x + w / 2), frame.y(y + h / 2), frame.y(y - h / 2)
    fills = _colours(glyph.fill_color, data, len(x))
    alphas = np.broadcast_to(np.asarray(_column(glyph.fill_alpha, data), float), x.shape)
    line = _column(glyph.line_color, data)
    stroke = f' stroke="{css_variable_of(line)}"' if isinstance(line, str) else ""
    for k, (fill, alpha) in enumerate(zip(fills, alphas, strict=True)):
        yield (
            f'<rect x="{left[k]:.1f}" y="{top[k]:.1f}" width="{right[k] - left[k]:.1f}"'
            f' height="{bottom[k] - top[k]:.1f}" fill="{fill}" fill-opacity="{alpha:g}"{stroke}/>'
        )


def _text(glyph: Text, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    x, y = frame.x(_column(glyph.x, data)), frame.y(_column(glyph.y, data))
    anchors = {"left": "start", "center": "middle", "right": "end"}
    baselines = {"middle": "central", "top": "hanging", "bottom": "text-after-edge"}
    anchor = anchors.get(str(_column(glyph.text_align, data)), "start")
    baseline = baselines.get(str(_column(glyph.text_baseline, data)), "auto")
    size = str(_column(glyph.text_font_size, data))
    colours = _colours(glyph.text_color, data, len(x))
    yield f'<g font-family="var(--sans)" font-size="{size}" text-anchor="{anchor}" dominant-baseline="{baseline}">'
    for a, b, words, colour in zip(x, y, _column(glyph.text, data), colours, strict=True):
        yield f'<text x="{a:.1f}" y="{b:.1f}" fill="{colour}">{escape(str(words))}</text>'
    yield "</g>"


def _varea(glyph: VArea, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    x = frame.x(_column(glyph.x, data))
    low, high = frame.y(_column(glyph.y1, data)), frame.y(_column(glyph.y2, data))
    if not len(x):
        return
    path = _polyline(np.append(x, x[::-1]), np.append(low, high[::-1])) + "z"
    fill = css_variable_of(_column(glyph.fill_color, data))
    yield f'<path d="{path}" fill="{fill}" fill-opacity="{_column(glyph.fill_alpha, data):g}"/>'


def _image(glyph: Image, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    mapper = glyph.color_mapper
    rgba = np.array([_rgba(str(colour)) for colour in mapper.palette], np.uint8)
    shade = _one_token(mapper.palette)
    white = np.concatenate([np.full((len(rgba), 3), 255, np.uint8), rgba[:, 3:]], axis=1)
    place, smooth = _place(glyph, data, frame), "smooth" in glyph.tags
    for values in _column(glyph.image, data):
        share = (np.asarray(values, float) - mapper.low) / (mapper.high - mapper.low)
        index = np.clip((share * len(rgba)).astype(int), 0, len(rgba) - 1)
        png = _png((white if shade else rgba)[index][::-1])
        picture = _picture(place, png, smooth)
        if shade:
            mark = f"shade-{zlib.crc32(f'{place}{png}'.encode()):08x}"
            yield f'<mask id="{mark}" maskUnits="userSpaceOnUse" {place}>{picture}</mask>'
            picture = f'<rect {place} fill="{shade}" mask="url(#{mark})"/>'
        yield picture


def _image_rgba(glyph: ImageRGBA, data: dict[str, Any], frame: _Frame) -> Iterator[str]:
    """Each pixel is a uint32, red in its lowest byte; row 0 is at the bottom."""
    for values in _column(glyph.image, data):
        pixels = np.ascontiguousarray(values, "<u4")
        yield _picture(_place(glyph, data, frame), _png(pixels.view(np.uint8).reshape(*pixels.shape, 4)[::-1]))


def _place(glyph: Image | ImageRGBA, data: dict[str, Any], frame: _Frame) -> str:
    x, y = float(_column(glyph.x, data)), float(_column(glyph.y, data))
    w, h = float(_column(glyph.dw, data)), float(_column(glyph.dh, data))
    left, top = frame.x(x), frame.y(y + h)
    return f'x="{left:.1f}" y="{top:.1f}" width="{frame.x(x + w) - left:.1f}" height="{frame.y(y) - top:.1f}"'


def _picture(place: str, png: str, smooth: bool = False) -> str:
    """An image whose pixels stay squares, as Bokeh draws them, unless it is smooth."""
    style = "" if smooth else ' style="image-rendering:pixelated"'
    return f'<image {place} preserveAspectRatio="none"{style} href="{png}"/>'


def _one_token(palette: Iterable[object]) -> str:
    """`var(--name)` where all colours are one token at several opacities, so that it follows the theme; else ""."""
    (first, *others) = {str(colour)[:7] for colour in palette}
    variable = css_variable_of(first)
    return variable if not others and variable != first else ""


def _rgba(colour: str) -> tuple[int, int, int, int]:
    digits = colour.lstrip("#").ljust(8, "f")
    red, green, blue, alpha = (int(digits[k : k + 2], 16) for k in (0, 2, 4, 6))
    return red, green, blue, alpha


def _png(pixels: np.ndarray) -> str:
    """(H, W, 4) uint8 pixels as a PNG data address."""
    height, width = pixels.shape[:2]

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


_DRAW: dict[type, Callable[..., Iterator[str]]] = {
    Scatter: _scatter,
    Segment: _segment,
    Line: _line,
    MultiLine: _multi_line,
    Quad: _quad,
    Image: _image,
    ImageRGBA: _image_rgba,
    Rect: _rect,
    Text: _text,
    VArea: _varea,
}


def _names() -> str:
    return ", ".join(sorted(kind.__name__ for kind in _DRAW))

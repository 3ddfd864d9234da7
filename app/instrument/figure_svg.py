"""Draws a Bokeh figure as SVG: the first picture of an instrument and the plots of a cell, visible without JavaScript.

Covers the glyphs that the lab uses; any other glyph raises an error rather than being drawn wrongly. Colours that are
tokens of the theme become `var(--…)`, so the picture follows the page's theme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import numpy as np
from bokeh.core.property.vectorization import Field, Value
from bokeh.models import Axis, FixedTicker, GlyphRenderer, Grid, Legend, LogScale
from bokeh.models.glyphs import Image, ImageRGBA, Line, MultiLine, Quad, Rect, Scatter, Segment, Text, VArea
from bokeh.plotting import figure

from diffusion_lab.app.instrument import svg
from diffusion_lab.app.instrument.svg import LINE, Frame
from diffusion_lab.app.instrument.theme import css_variable_of


def figure_svg(plot: figure, *, description: str = "") -> str:
    """`plot` as an SVG element, `description` its text alternative (decorative without one).

    Raises `ValueError` for a glyph or annotation that has no drawing here and for a range that is not fixed.
    """
    _refuse_annotations(plot)
    axes = any(axis.visible for axis in plot.axis)
    width, height = float(plot.width), float(plot.height)
    title = plot.title.text if plot.title and plot.title.text else ""
    names = _name(plot.below), _name(plot.left)
    log = "".join(side for side in "xy" if isinstance(getattr(plot, f"{side}_scale"), LogScale))
    x, y = (_range(getattr(plot, f"{side}_range"), f"{side}_range", side in log) for side in "xy")
    frame = Frame.of((width, height), x, y, log=log, axes=axes, title=title, names=names)
    label = f'role="img" aria-label="{escape(description)}"' if description else 'aria-hidden="true"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {label}>']
    if title:
        words = f'<text x="{frame.left:g}" y="{LINE - 4}" font-family="var(--sans)" font-size="13" fill="var(--ink)">'
        parts.append(f"{words}{escape(title)}</text>")
    if axes:
        x_ticks = _ticks(plot.below, frame.x0, frame.x1, frame.log_x)
        left = [axis for axis in plot.left if axis.visible]
        y_ticks = _ticks(left, frame.y0, frame.y1, frame.log_y) if left else None
        parts.extend(svg.axes(frame, x_ticks, y_ticks, names))
    for renderer in plot.renderers:
        if isinstance(renderer, GlyphRenderer) and renderer.visible:
            parts.extend(_glyph(renderer, frame))
    parts.extend(_legend(plot, frame))
    parts.append("</svg>")
    return "".join(parts)


def _refuse_annotations(plot: figure) -> None:
    """Raises `ValueError` for parts other than glyphs, axes, grids and legends, which the SVG would lack."""
    around = [model for place in ("left", "right", "above", "below", "center") for model in getattr(plot, place)]
    for model in [*plot.renderers, *around]:
        if not isinstance(model, GlyphRenderer | Axis | Grid | Legend):
            raise ValueError(f"{type(model).__name__} has no drawing as SVG; draw it with one of {_names()}.")


def _name(axes: list[Any]) -> str:
    """The label of the first visible axis."""
    return next((axis.axis_label or "" for axis in axes if axis.visible), "")


def _range(bokeh_range: Any, name: str, log: bool) -> tuple[float, float]:
    low, high = getattr(bokeh_range, "start", None), getattr(bokeh_range, "end", None)
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
        raise ValueError(f"A figure drawn as SVG needs a fixed {name} with start < end, got ({low}, {high}).")
    if log and low <= 0:
        raise ValueError(f"A logarithmic axis needs a range above 0; {name} is ({low}, {high}).")
    return float(low), float(high)


def _ticks(axes: list[Any], low: float, high: float, log: bool) -> list[float]:
    ticker = next((axis.ticker for axis in axes), None)
    return svg.ticks_of(low, high, log, ticker.ticks if isinstance(ticker, FixedTicker) else None)


def _legend(plot: figure, frame: Frame) -> Iterator[str]:
    """The legend, in the upper right corner: for each item a line or dot in the colour of its glyph, and its name."""
    items = [item for legend in plot.legend for item in legend.items]
    right, top = frame.left + frame.width - 10, frame.top + 10
    if items:
        height = LINE * len(items) + 6
        width = 40 + 7 * max(len(_item_name(item)) for item in items)
        corner = f'x="{right - width:g}" y="{top:g}" width="{width:g}" height="{height:g}"'
        yield f'<rect {corner} fill="var(--bg)" fill-opacity="0.8"/>'
    for k, item in enumerate(items):
        y = top + LINE * (k + 0.5) + 3
        x = right - width + 8
        glyph, data = item.renderers[0].glyph, item.renderers[0].data_source.data
        if isinstance(glyph, Line | MultiLine | Segment):
            yield f'<path d="M{x:g} {y:g}h20" {_line_style(glyph, data)}/>'
        elif colours := _colours(glyph.fill_color, data, 1):
            yield from svg.dots(np.array([x + 10]), np.array([y]), colours[:1], 8.0, 1.0)
        words = f'<text x="{x + 26:g}" y="{y + 4:g}" font-family="var(--sans)" font-size="12" fill="var(--ink)">'
        yield f"{words}{escape(_item_name(item))}</text>"


def _item_name(item: Any) -> str:
    return str(item.label.value) if isinstance(item.label, Value) else str(item.label)


# --- glyphs ----------------------------------------------------------------------------------------------------------


def _glyph(renderer: GlyphRenderer, frame: Frame) -> Iterator[str]:
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


def _stroke(glyph: Any, data: dict[str, Any]) -> tuple[float, float, Any]:
    """Width, opacity and dashes of a glyph's line."""
    return _column(glyph.line_width, data), _column(glyph.line_alpha, data), _column(glyph.line_dash, data)


def _line_style(glyph: Any, data: dict[str, Any]) -> str:
    return svg.stroke(css_variable_of(_column(glyph.line_color, data)), *_stroke(glyph, data))


def _scatter(glyph: Scatter, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    x, y = frame.x(_column(glyph.x, data)), frame.y(_column(glyph.y, data))
    colours = _colours(glyph.fill_color, data, len(x))
    return svg.dots(x, y, colours, float(_column(glyph.size, data)), _column(glyph.fill_alpha, data))


def _segment(glyph: Segment, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    ends = (
        frame.x(_column(glyph.x0, data)),
        frame.y(_column(glyph.y0, data)),
        frame.x(_column(glyph.x1, data)),
        frame.y(_column(glyph.y1, data)),
    )
    return svg.pieces(ends, _colours(glyph.line_color, data, len(ends[0])), *_stroke(glyph, data))


def _line(glyph: Line, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    path = svg.polyline(frame.x(_column(glyph.x, data)), frame.y(_column(glyph.y, data)))
    yield f'<path d="{path}" stroke-linejoin="round" {_line_style(glyph, data)}/>'


def _multi_line(glyph: MultiLine, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    lines = zip(_column(glyph.xs, data), _column(glyph.ys, data), strict=True)
    path = "".join(svg.polyline(frame.x(xs), frame.y(ys)) for xs, ys in lines)
    yield f'<path d="{path}" {_line_style(glyph, data)}/>'


def _quad(glyph: Quad, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    left, right = frame.x(_column(glyph.left, data)), frame.x(_column(glyph.right, data))
    top, bottom = frame.y(_column(glyph.top, data)), frame.y(_column(glyph.bottom, data))
    bottom = np.broadcast_to(bottom, top.shape)
    path = "".join(
        f"M{a:.1f} {d:.1f}V{c:.1f}H{b:.1f}V{d:.1f}z" for a, b, c, d in zip(left, right, top, bottom, strict=True)
    )
    fill = css_variable_of(_column(glyph.fill_color, data))
    yield f'<path d="{path}" fill="{fill}" fill-opacity="{_column(glyph.fill_alpha, data):g}"/>'


def _rect(glyph: Rect, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    x, y = np.asarray(_column(glyph.x, data), float), np.asarray(_column(glyph.y, data), float)
    w = np.broadcast_to(np.asarray(_column(glyph.width, data), float), x.shape)
    h = np.broadcast_to(np.asarray(_column(glyph.height, data), float), x.shape)
    edges = frame.x(x - w / 2), frame.x(x + w / 2), frame.y(y + h / 2), frame.y(y - h / 2)
    alphas = np.broadcast_to(np.asarray(_column(glyph.fill_alpha, data), float), x.shape)
    line = _column(glyph.line_color, data)
    outline = css_variable_of(line) if isinstance(line, str) else ""
    return svg.boxes(edges, _colours(glyph.fill_color, data, len(x)), alphas, outline)


def _text(glyph: Text, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    x, y = frame.x(_column(glyph.x, data)), frame.y(_column(glyph.y, data))
    size, align, baseline = (
        str(_column(spec, data)) for spec in (glyph.text_font_size, glyph.text_align, glyph.text_baseline)
    )
    return svg.words(x, y, _column(glyph.text, data), _colours(glyph.text_color, data, len(x)), size, align, baseline)


def _varea(glyph: VArea, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    x = frame.x(_column(glyph.x, data))
    low, high = frame.y(_column(glyph.y1, data)), frame.y(_column(glyph.y2, data))
    return svg.area(x, low, high, css_variable_of(_column(glyph.fill_color, data)), _column(glyph.fill_alpha, data))


def _image(glyph: Image, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    mapper = glyph.color_mapper
    for values in _column(glyph.image, data):
        place, smooth = _place(glyph, data, frame), "smooth" in glyph.tags
        yield from svg.shaded(place, values, mapper.palette, mapper.low, mapper.high, smooth)


def _image_rgba(glyph: ImageRGBA, data: dict[str, Any], frame: Frame) -> Iterator[str]:
    for values in _column(glyph.image, data):
        yield svg.coloured(_place(glyph, data, frame), values)


def _place(glyph: Image | ImageRGBA, data: dict[str, Any], frame: Frame) -> str:
    x, y = float(_column(glyph.x, data)), float(_column(glyph.y, data))
    w, h = float(_column(glyph.dw, data)), float(_column(glyph.dh, data))
    return svg.place_of(frame, (x, x + w), (y, y + h))


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

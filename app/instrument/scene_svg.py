"""Draws scenes as SVG from the columns of their layers, and an instrument as one picture with title and legends.

Needs neither Bokeh nor Panel, so that the worker of a page can make a picture of any size and for print.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape

import numpy as np

from diffusion_lab.app.instrument import svg
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.scenes import (
    BY_PART,
    CHART_WIDTH,
    PICTURE_WIDTH,
    Arrows,
    Axes,
    Band,
    Bars,
    Boxes,
    Columns,
    Heat,
    Image,
    ImageGrid,
    Layer,
    Lines,
    Points,
    Scene,
    Segments,
    Texts,
)
from diffusion_lab.app.instrument.svg import Frame
from diffusion_lab.app.instrument.theme import TOKENS, ThemeName, heat_palette

GAP = 16  # around what an instrument's picture is made of
CHARACTER = 6.4  # a generous width of one character of 12 pixels

Ranges = tuple[tuple[float, float], tuple[float, float]]


def scene_svg(scene: Scene, columns: Mapping[str, Columns], ranges: Ranges | None = None, width: int = 0) -> str:
    """A scene as an SVG element in the theme's tokens; columns: layer → columns, of the layers that are to be seen.

    ranges: of both axes, where they follow the data; width: in pixels, 0 for the scene's own.
    """
    width = width or (PICTURE_WIDTH if scene.place in ("picture", "below") else CHART_WIDTH)
    x, y = ranges or (scene.x, scene.y)
    size = float(width), float(round(width / scene.aspect))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]:g} {size[1]:g}" aria-hidden="true">']
    if isinstance(scene, Axes):
        names = scene.x_label, scene.y_label
        frame = Frame.of(size, x, y, log=scene.log, axes=True, names=names)
        x_ticks = svg.ticks_of(frame.x0, frame.x1, frame.log_x, scene.ticks.get("x"))
        y_ticks = svg.ticks_of(frame.y0, frame.y1, frame.log_y, scene.ticks.get("y"))
        parts.extend(svg.axes(frame, x_ticks, y_ticks, names))
    else:
        frame = Frame.of(size, x, y)
    for name, layer in scene.layers.items():
        if name in columns:
            parts.extend(_DRAW[type(layer)](layer, columns[name], frame))
    return "".join([*parts, "</svg>"])


# --- layers ----------------------------------------------------------------------------------------------------------


def _colours(layer: Layer, columns: Columns) -> list[str]:
    if layer.colour != BY_PART:
        return [f"var(--{layer.colour})"] * len(next(iter(columns.values())))
    parts = np.clip(np.asarray(columns["part"], float).astype(int), -1, 5)
    return ["var(--mute)" if part < 0 else f"var(--c{part})" for part in parts]


def _points(layer: Points, columns: Columns, frame: Frame) -> Iterator[str]:
    x, y = frame.x(columns["x"]), frame.y(columns["y"])
    return svg.dots(x, y, _colours(layer, columns), layer.size, layer.alpha)


def _segments(layer: Segments | Arrows, columns: Columns, frame: Frame) -> Iterator[str]:
    ends = frame.x(columns["x"]), frame.y(columns["y"]), frame.x(columns["x1"]), frame.y(columns["y1"])
    return svg.pieces(ends, _colours(layer, columns), layer.width, layer.alpha, ())


def _lines(layer: Lines, columns: Columns, frame: Frame) -> Iterator[str]:
    path = svg.polyline(frame.x(columns["x"]), frame.y(columns["y"]))
    stroke = svg.stroke(f"var(--{layer.colour})", layer.width, layer.alpha, layer.dash)
    yield f'<path d="{path}" stroke-linejoin="round" {stroke}/>'


def _boxes(layer: Bars | Boxes, columns: Columns, frame: Frame) -> Iterator[str]:
    x, y, w, h, alpha = (np.asarray(columns[name], float) for name in layer.names)
    edges = frame.x(x - w / 2), frame.x(x + w / 2), frame.y(y + h / 2), frame.y(y - h / 2)
    outline = getattr(layer, "outline", "")
    return svg.boxes(edges, _colours(layer, columns), alpha, f"var(--{outline})" if outline else "")


def _band(layer: Band, columns: Columns, frame: Frame) -> Iterator[str]:
    x, low, high = frame.x(columns["x"]), frame.y(columns["y1"]), frame.y(columns["y2"])
    return svg.area(x, low, high, f"var(--{layer.colour})", layer.alpha)


def _texts(layer: Texts, columns: Columns, frame: Frame) -> Iterator[str]:
    x, y = frame.x(columns["x"]), frame.y(columns["y"])
    texts = [str(text) for text in columns["text"]]
    return svg.words(x, y, texts, _colours(layer, columns), layer.size, layer.align, "middle")


def _heat(layer: Heat, columns: Columns, frame: Frame) -> Iterator[str]:
    low, high, palette = heat_palette(layer.colour, layer.strongest, "light")
    smooth = layer.smooth and layer.colour != BY_PART
    return svg.shaded(_whole(frame), columns["image"], palette, low, high, smooth)


def _image(layer: Image, columns: Columns, frame: Frame) -> Iterator[str]:
    yield svg.coloured(_whole(frame), columns["image"])


def _whole(frame: Frame) -> str:
    """The place of an image, which fills the plane."""
    return svg.place_of(frame, (frame.x0, frame.x1), (frame.y0, frame.y1))


_DRAW: dict[type[Layer], Callable[..., Iterator[str]]] = {
    Points: _points,
    Segments: _segments,
    Arrows: _segments,
    Lines: _lines,
    Bars: _boxes,
    Boxes: _boxes,
    Band: _band,
    Texts: _texts,
    Heat: _heat,
    Image: _image,
    ImageGrid: _image,
}


# --- the picture of an instrument ------------------------------------------------------------------------------------


def instrument_svg(instrument: Instrument, theme: ThemeName, address: str = "") -> str:
    """All that is seen of an instrument as one SVG in a theme's colours: title, scenes, legends and settings.

    Its metadata hold the address, the title and every setting.
    """
    width, top, parts = PICTURE_WIDTH, GAP, []
    notes = [line for note in instrument.notes() for line in _wrapped(note.split(", "), ", ")]
    lines = [(instrument.title, 15, "ink"), *((text, 12, "acc") for text in notes)]
    for text, size, colour in lines:
        parts.append(_line(GAP, top + size, text, size, colour))
        top += size + 8
    for scene, columns, ranges in instrument.seen():
        if scene.title and (isinstance(scene, Axes) or len(instrument.scenes()) > 1):
            parts.append(_line(GAP, top + 12, scene.title, 12, "mute"))
            top += 20
        height = round(width / scene.aspect)
        place = f'x="{GAP}" y="{top}" width="{width}" height="{height}"'
        parts.append(scene_svg(scene, columns, ranges, width).replace("<svg", f"<svg {place}", 1))
        top += height + 4
        top = _legend(parts, [layer for name, layer in scene.layers.items() if name in columns], scene, top)
        top += GAP // 2
    for text in _wrapped([f"{name} = {as_text(value)}" for name, value in instrument.state().items()]):
        parts.append(_line(GAP, top + 12, text, 12, "mute"))
        top += 18
    about = "\n".join([address, *instrument.provenance()]).strip()
    across, down = width + 2 * GAP, top + GAP
    box = f'viewBox="0 0 {across} {down}" width="{across}" height="{down}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    ground = f'<rect width="100%" height="100%" fill="{TOKENS[theme]["bg"]}"/>'
    words = f"<title>{escape(instrument.title)}</title><desc>{escape(instrument.describe())}</desc>"
    body = f"{head}{words}<metadata>{escape(about)}</metadata>{ground}{''.join(parts)}</svg>"
    return re.sub(r"var\(--([\w-]+)\)", lambda match: TOKENS[theme].get(match[1], "system-ui, sans-serif"), body)


def _line(x: float, y: float, text: str, size: int, colour: str) -> str:
    font = f'font-family="var(--sans)" font-size="{size}" fill="var(--{colour})"'
    return f'<text x="{x:g}" y="{y:g}" {font}>{escape(text)}</text>'


def _wrapped(items: list[str], between: str = " · ") -> list[str]:
    """Items in lines that fit the picture."""
    lines: list[str] = []
    for item in items:
        if lines and CHARACTER * len(f"{lines[-1]}{between}{item}") < PICTURE_WIDTH:
            lines[-1] += f"{between}{item}"
        else:
            lines.append(item)
    return lines


def _legend(parts: list[str], layers: list[Layer], scene: Scene, top: int) -> int:
    """Adds the legends of layers, in lines; returns where they end."""
    x, found = GAP, [layer for layer in layers if layer.legend]
    for layer in found:
        scale = getattr(layer, "scale", None)
        text = f"{layer.legend} (this long: {scale[1]})" if scale else layer.legend
        if any(layer.ramp):
            text = f"{text}, from {layer.ramp[0]} to {layer.ramp[1]}"
        parts_or_ramp = any(layer.ramp) or (layer.mark == "dot" and layer.colour == BY_PART)
        long = max(6.0, scale[0] / (scene.x[1] - scene.x[0]) * PICTURE_WIDTH) if scale else 18.0 + 14 * parts_or_ramp
        wide = long + 8 + CHARACTER * len(text) + 16
        if x > GAP and x + wide > PICTURE_WIDTH + GAP:
            x, top = GAP, top + 18
        parts.append(_mark(layer, x, top + 9, long))
        parts.append(_line(x + long + 8, top + 13, text, 12, "mute"))
        x += round(wide)
    return top + 22 if found else top


def _mark(layer: Layer, x: float, y: float, long: float) -> str:
    """A legend's mark: a line, dot, arrow or area as it is drawn, `long` pixels across."""
    colour = "var(--c0)" if layer.colour == BY_PART else f"var(--{layer.colour})"
    stroke = svg.stroke(colour, getattr(layer, "width", 1.5), layer.alpha, getattr(layer, "dash", ()))
    if layer.mark == "dot":
        dots = range(4) if layer.colour == BY_PART else (None,)
        fills = [f"var(--c{k})" if k is not None else colour for k in dots]
        return "".join(f'<circle cx="{x + 4 + 8 * k}" cy="{y}" r="3.5" fill="{c}"/>' for k, c in enumerate(fills))
    if layer.mark in ("area", "bar"):
        outline = getattr(layer, "outline", "")
        alpha = getattr(layer, "strongest", layer.alpha)
        fill = 'fill="none"' if layer.colour == "bg" else f'fill="{colour}" fill-opacity="{alpha:g}"'
        fill += f' stroke="var(--{outline})"' if outline else ""
        if any(layer.ramp):
            steps = (f'<rect x="{x + 4 * k}" y="{y - 5}" width="4" height="10" fill="{colour}" fill-opacity="{s:.3f}"/>'
                     for k, s in enumerate(np.linspace(0, alpha, 8)))  # fmt: skip
            return "".join(steps)
        return f'<rect x="{x}" y="{y - 5}" width="14" height="10" {fill}/>'
    head = f"M{x + long - 5:g} {y - 4}L{x + long:g} {y}L{x + long - 5:g} {y + 4}" if layer.mark == "arrow" else ""
    return f'<path d="M{x} {y}H{x + long:g}{head}" {stroke}/>'

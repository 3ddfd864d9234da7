"""The parts of which pictures are drawn as SVG, from arrays: axes, dots, lines, rectangles, words, images.

Needs neither Bokeh nor Panel: `scene_svg.py` draws scenes with these, `figure_svg.py` Bokeh's figures.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from diffusion_lab.app.instrument.theme import css_variable_of

MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP, MARGIN_RIGHT = 44, 30, 10, 10  # room for axes
LINE = 18  # room for a line of words: the title, the name of an axis
MAX_TICKS = 6
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Frame:
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
        """Pixels from the left."""
        values = np.asarray(values, float)
        share = ((np.log10(values) if self.log_x else values) - self.x0) / (self.x1 - self.x0)
        return self.left + share * self.width

    def y(self, values: Any) -> np.ndarray:
        """Pixels from the top."""
        values = np.asarray(values, float)
        share = (self.y1 - (np.log10(values) if self.log_y else values)) / (self.y1 - self.y0)
        return self.top + share * self.height

    @classmethod
    def of(
        cls,
        size: tuple[float, float],
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        log: str = "",
        axes: bool = False,
        title: str = "",
        names: tuple[str, str] = ("", ""),
    ) -> Frame:
        """The frame within a picture of `size`, width and height; names: those of both axes."""
        left, bottom, top, right = (MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP, MARGIN_RIGHT) if axes else (0, 0, 0, 0)
        top += LINE if title else 0
        bottom += LINE if names[0] else 0
        left += LINE if names[1] else 0
        (x0, x1), (y0, y1) = (
            (math.log10(low), math.log10(high)) if side in log else (float(low), float(high))
            for side, (low, high) in (("x", x), ("y", y))
        )
        width, height = size
        return cls(x0, x1, y0, y1, left, top, width - left - right, height - top - bottom, "x" in log, "y" in log)


# --- axes ------------------------------------------------------------------------------------------------------------


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


def ticks_of(low: float, high: float, log: bool, fixed: Sequence[float] | None = None) -> list[float]:
    """The ticks of an axis: the fixed ones in its range, else round numbers; on a log axis bounds are logarithms."""
    if fixed is not None:
        ends = (10.0**low, 10.0**high) if log else (low, high)
        slack = 1e-9 * (ends[1] - ends[0])
        return [float(tick) for tick in fixed if ends[0] - slack <= tick <= ends[1] + slack]
    return log_ticks(low, high) if log else nice_ticks(low, high)


def axes(
    frame: Frame, x_ticks: Sequence[float], y_ticks: Sequence[float] | None, names: tuple[str, str]
) -> Iterator[str]:
    """Both axes with ticks and names, and a grid line at each tick of y; None: no axis of y."""
    bottom = frame.top + frame.height
    yield '<g font-family="var(--sans)" font-size="12" fill="var(--mute)" stroke="none">'
    for value, label in zip(x_ticks, _numbers(x_ticks), strict=True):
        x = frame.x(value)
        yield f'<path d="M{x:.1f} {bottom:.1f}v4" stroke="var(--mute)"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{label}</text>'
    for value, label in zip(y_ticks or (), _numbers(y_ticks or ()), strict=True):
        y = frame.y(value)
        yield f'<path d="M{frame.left:.1f} {y:.1f}h{frame.width:.1f}" stroke="var(--line)"/>'
        yield f'<text x="{frame.left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    yield f'<path d="M{frame.left:.1f} {bottom:.1f}h{frame.width:.1f}" stroke="var(--mute)"/>'
    if names[0]:
        place = f"translate({frame.left + frame.width / 2:.1f} {bottom + MARGIN_BOTTOM + LINE / 2:.1f})"
        yield f'<text transform="{place}" text-anchor="middle">{escape(names[0])}</text>'
    if names[1]:
        place = f"translate({LINE - 5} {frame.top + frame.height / 2:.1f}) rotate(-90)"
        yield f'<text transform="{place}" text-anchor="middle">{escape(names[1])}</text>'
    yield "</g>"


def tick_label(value: float) -> str:
    """The label of a tick; a small power of ten in one piece, 10⁻⁶."""
    return _as_power(f"{value:g}")


def _as_power(label: str) -> str:
    """A label such as 1e-06 as 10⁻⁶; others as they are."""
    ten, _, power = label.partition("e-")
    return f"10⁻{str(int(power)).translate(RAISED)}" if ten == "1" and power else label


def _numbers(values: Sequence[float]) -> list[str]:
    """Labels with just enough digits to be distinct."""
    labels: list[str] = []
    for digits in range(4, 16):
        labels = [f"{value:.{digits}g}" for value in values]
        if len(set(labels)) == len(values):
            break
    return [_as_power(label).replace("-", "−") for label in labels]


# --- marks: coordinates are pixels of the SVG ------------------------------------------------------------------------


def stroke(colour: str, width: float, alpha: float, dash: Sequence[int] = ()) -> str:
    """Attributes of a line."""
    dashes = f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash else ""
    return f'fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-opacity="{alpha:g}"{dashes}'


def dots(x: np.ndarray, y: np.ndarray, colours: Sequence[str], size: float, alpha: float) -> Iterator[str]:
    """Dots, one path for each colour: a round-capped stroke of no length is an eighth of the bytes of a <circle>."""
    for colour in dict.fromkeys(colours):
        shown = ((a, b) for a, b, c in zip(x, y, colours, strict=True) if c == colour and math.isfinite(a + b))
        path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in shown)
        yield (
            f'<path d="{path}" stroke="{colour}" stroke-width="{size:g}" stroke-linecap="round"'
            f' stroke-opacity="{alpha:g}"/>'
        )


def pieces(ends: Sequence[np.ndarray], colours: Sequence[str], width: float, alpha: float, dash: Any) -> Iterator[str]:
    """Straight pieces between ends (x0, y0, x1, y1)."""
    paths = [f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in zip(*ends, strict=True)]
    for colour in dict.fromkeys(colours):
        path = "".join(piece for piece, c in zip(paths, colours, strict=True) if c == colour)
        yield f'<path d="{path}" {stroke(colour, width, alpha, dash)}/>'


def polyline(x: np.ndarray, y: np.ndarray) -> str:
    """The path of a line through the points, with gaps at points that are not finite."""
    path, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if math.isfinite(a + b):
            path.append(f"{pen}{a:.1f} {b:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(path)


def boxes(edges: Sequence[np.ndarray], fills: Sequence[str], alphas: np.ndarray, outline: str = "") -> Iterator[str]:
    """Rectangles between edges (left, right, top, bottom)."""
    left, right, top, bottom = edges
    line = f' stroke="{outline}"' if outline else ""
    for k, (fill, alpha) in enumerate(zip(fills, alphas, strict=True)):
        yield (
            f'<rect x="{left[k]:.1f}" y="{top[k]:.1f}" width="{right[k] - left[k]:.1f}"'
            f' height="{bottom[k] - top[k]:.1f}" fill="{fill}" fill-opacity="{alpha:g}"{line}/>'
        )


ANCHORS = {"left": "start", "center": "middle", "right": "end"}
BASELINES = {"middle": "central", "top": "hanging", "bottom": "text-after-edge"}


def words(
    x: np.ndarray, y: np.ndarray, texts: Iterable[str], colours: Sequence[str], size: str, align: str, baseline: str
) -> Iterator[str]:
    """Texts at points."""
    anchor, line = ANCHORS.get(align, "start"), BASELINES.get(baseline, "auto")
    yield f'<g font-family="var(--sans)" font-size="{size}" text-anchor="{anchor}" dominant-baseline="{line}">'
    for a, b, text, colour in zip(x, y, texts, colours, strict=True):
        yield f'<text x="{a:.1f}" y="{b:.1f}" fill="{colour}">{escape(str(text))}</text>'
    yield "</g>"


def area(x: np.ndarray, low: np.ndarray, high: np.ndarray, fill: str, alpha: float) -> Iterator[str]:
    """The area between two lines."""
    if len(x):
        path = polyline(np.append(x, x[::-1]), np.append(low, high[::-1])) + "z"
        yield f'<path d="{path}" fill="{fill}" fill-opacity="{alpha:g}"/>'


def place_of(frame: Frame, x: tuple[float, float], y: tuple[float, float]) -> str:
    """Attributes of a rectangle in data units, from its low to its high corner."""
    left, top = float(frame.x(x[0])), float(frame.y(y[1]))
    right, bottom = float(frame.x(x[1])), float(frame.y(y[0]))
    return f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'


def shaded(place: str, values: Any, palette: Sequence[object], low: float, high: float, smooth: bool) -> Iterator[str]:
    """An image of `values`, row 0 at the bottom, coloured by equal intervals of the palette.

    Where all colours are one token at several opacities it is a mask over that token, so that it follows the theme.
    Values that are not finite are transparent.
    """
    rgba = np.array([_rgba(str(colour)) for colour in palette], np.uint8)
    shade = _one_token(palette)
    white = np.concatenate([np.full((len(rgba), 3), 255, np.uint8), rgba[:, 3:]], axis=1)
    values = np.asarray(values, float)
    drawn = np.isfinite(values)
    share = np.where(drawn, values - low, 0.0) / (high - low)
    index = np.clip((share * len(rgba)).astype(int), 0, len(rgba) - 1)
    pixels = (white if shade else rgba)[index]
    pixels[~drawn] = 0  # transparent
    png = _png(pixels[::-1])
    picture = _picture(place, png, smooth)
    if shade:
        mark = f"shade-{zlib.crc32(f'{place}{png}'.encode()):08x}"
        yield f'<mask id="{mark}" maskUnits="userSpaceOnUse" {place}>{picture}</mask>'
        picture = f'<rect {place} fill="{shade}" mask="url(#{mark})"/>'
    yield picture


def coloured(place: str, values: Any) -> str:
    """An image of pixels uint32, red in the lowest byte; row 0 is at the bottom."""
    pixels = np.ascontiguousarray(values, "<u4")
    return _picture(place, _png(pixels.view(np.uint8).reshape(*pixels.shape, 4)[::-1]))


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

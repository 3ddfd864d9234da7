"""Scenes of one or two flat shapes on a light ground, drawn with smooth edges at 32 × 32 pixels.

A shape is a signed distance to its outline, in pixels, negative inside. Its coverage of a pixel is a linear ramp of
that distance over one pixel, as in anti-aliased drawing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Images = NDArray[np.float32]

SIDE = 32
"""Pixels along each side of an image."""

GROUND = (0.955, 0.945, 0.92)
"""The colour behind the shapes: red, green and blue from 0 to 1."""

COLOURS = {
    "red": (0.84, 0.16, 0.16),
    "orange": (0.96, 0.56, 0.10),
    "yellow": (0.93, 0.80, 0.16),
    "green": (0.18, 0.60, 0.28),
    "blue": (0.15, 0.38, 0.80),
    "purple": (0.52, 0.24, 0.66),
}
"""Colours by name: red, green and blue from 0 to 1."""

RADII = {"small": 3.7, "large": 5.6}
"""The radius in pixels of the disc whose area a shape of a size has."""

PLACES = {
    "left": (8.4, 16.0),
    "right": (23.6, 16.0),
    "top": (16.0, 8.4),
    "bottom": (16.0, 23.6),
    "centre": (16.0, 16.0),
}
"""Centre (x, y) in pixels of the only shape, x to the right and y downwards, before JITTER."""

RELATIONS = {"left of": ((8.4, 16.0), (23.6, 16.0)), "above": ((16.0, 8.4), (16.0, 23.6))}
"""Centres of the first and of the second shape of a pair, before JITTER."""

JITTER = 0.7
"""Each centre is moved by up to this many pixels in x and in y."""


@dataclass(frozen=True)
class Shape:
    """One shape: names of its kind, colour and size, and its centre (x, y) in pixels."""

    kind: str
    colour: str
    size: str
    x: float
    y: float


@dataclass(frozen=True)
class Scene:
    """One shape at a place, or two shapes in a relation. `layout` is a key of PLACES or of RELATIONS."""

    shapes: tuple[Shape, ...]
    layout: str


def draw(scenes: list[Scene]) -> Images:
    """The images (N, 32, 32, 3) of scenes, from -1 (black) to 1. Later shapes are in front of earlier ones."""
    images = np.empty((len(scenes), SIDE, SIDE, 3))
    images[:] = GROUND
    for layer in range(max((len(scene.shapes) for scene in scenes), default=0)):
        for kind in SHAPES:
            where = [
                i for i, scene in enumerate(scenes) if len(scene.shapes) > layer and scene.shapes[layer].kind == kind
            ]
            if not where:
                continue
            shapes = [scenes[i].shapes[layer] for i in where]
            share = coverage(kind, *np.array([(s.x, s.y, RADII[s.size]) for s in shapes]).T)[..., None]
            colour = np.array([COLOURS[s.colour] for s in shapes])[:, None, None]
            images[where] = images[where] * (1.0 - share) + colour * share
    return (2.0 * images - 1.0).astype(np.float32)


def coverage(kind: str, x: Array, y: Array, radius: Array) -> Array:
    """The share (N, 32, 32) of each pixel that a shape of `kind` covers; centres and radii (N,) in pixels."""
    return np.clip(0.5 - _distance(kind, x, y, radius), 0.0, 1.0)


def outlines(scenes: list[Scene]) -> Images:
    """Drawings (N, 32, 32) of the outlines of all shapes: lines two pixels wide, 1 on the line and 0 off it."""
    lines = np.zeros((len(scenes), SIDE, SIDE))
    for drawing, scene in zip(lines, scenes, strict=True):
        for s in scene.shapes:
            distance = _distance(s.kind, *(np.array([value]) for value in (s.x, s.y, RADII[s.size])))[0]
            np.maximum(drawing, np.clip(1.5 - np.abs(distance), 0.0, 1.0), out=drawing)
    return lines.astype(np.float32)


def _distance(kind: str, x: Array, y: Array, radius: Array) -> Array:
    """The signed distance (N, 32, 32) of each pixel's centre to the outline."""
    require(kind in SHAPES, f"the shape must be one of {', '.join(SHAPES)}", kind)
    pixels = np.arange(SIDE) + 0.5
    across = pixels[None, None, :] - np.asarray(x, float)[:, None, None]
    down = pixels[None, :, None] - np.asarray(y, float)[:, None, None]
    return SHAPES[kind](across, down, np.asarray(radius, float)[:, None, None])


def _circle(x: Array, y: Array, radius: Array) -> Array:
    return np.hypot(x, y) - radius


def _ring(x: Array, y: Array, radius: Array) -> Array:
    """Inner radius half of the outer one, which is larger, so that the area is that of the disc."""
    outer = radius / math.sqrt(0.75)
    return np.abs(np.hypot(x, y) - 0.75 * outer) - 0.25 * outer


def _box(x: Array, y: Array, half_width: Array, half_height: Array) -> Array:
    across, down = np.abs(x) - half_width, np.abs(y) - half_height
    return np.hypot(np.maximum(across, 0.0), np.maximum(down, 0.0)) + np.minimum(np.maximum(across, down), 0.0)


def _square(x: Array, y: Array, radius: Array) -> Array:
    half = radius * math.sqrt(math.pi) / 2.0
    return _box(x, y, half, half)


def _cross(x: Array, y: Array, radius: Array) -> Array:
    """Two bars, a third as wide as they are long: of nine squares, five are covered."""
    half = radius * math.sqrt(math.pi * 9.0 / 5.0) / 2.0
    return np.minimum(_box(x, y, half, half / 3.0), _box(x, y, half / 3.0, half))


def _polygon(corners: Array) -> Callable[[Array, Array, Array], Array]:
    """The signed distance to a polygon with `corners` (n, 2), scaled to the area of the unit disc."""
    x, y = corners.T
    area = abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2.0
    unit = corners * math.sqrt(math.pi / area)

    def distance(x: Array, y: Array, radius: Array) -> Array:
        nearest, inside = np.inf, False
        for (ax, ay), (bx, by) in zip(unit, np.roll(unit, -1, axis=0), strict=True):
            px, py, ex, ey = x - radius * ax, y - radius * ay, radius * (bx - ax), radius * (by - ay)
            along = np.clip((px * ex + py * ey) / (ex * ex + ey * ey), 0.0, 1.0)
            nearest = np.minimum(nearest, np.hypot(px - along * ex, py - along * ey))
            crosses = (radius * ay > y) != (radius * by > y)
            inside = inside ^ (crosses & ((ex * py - ey * px) * np.sign(ey) < 0.0))
        return np.where(inside, -nearest, nearest)

    return distance


def _heart() -> Array:
    """Corners of a heart: 16 sin³ a across, 13 cos a - 5 cos 2a - 2 cos 3a - cos 4a up, about its middle."""
    a = 2.0 * math.pi * np.arange(48) / 48
    up = 13.0 * np.cos(a) - 5.0 * np.cos(2.0 * a) - 2.0 * np.cos(3.0 * a) - np.cos(4.0 * a)
    return np.stack([16.0 * np.sin(a) ** 3, -(up + 1.5)], axis=1)


def _corners(radii: list[float]) -> Array:
    """Corners at equal angles, clockwise from the top, at these distances from the centre."""
    angles = 2.0 * math.pi * np.arange(len(radii)) / len(radii)
    return np.array(radii)[:, None] * np.stack([np.sin(angles), -np.cos(angles)], axis=1)


KINDS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _polygon(_corners([1.0] * 3)),
    "ring": _ring,
    "cross": _cross,
    "star": _polygon(_corners([1.0, 0.45] * 5)),
}
"""The signed distance of each kind of shape, by name, all of the area of a disc of the given radius."""

UNNAMED: dict[str, Callable[[Array, Array, Array], Array]] = {"heart": _polygon(_heart())}
"""Shapes that no caption names and no network has seen: what a new word can be taught."""

SHAPES = KINDS | UNNAMED
"""All shapes that can be drawn."""

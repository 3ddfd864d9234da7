"""Which shapes a picture shows, by a fixed rule: no network, so that a measured adherence means the same everywhere.

A pixel belongs to the named colour that explains it best as a mixture with the ground, if that colour covers at least
half of it. Neighbouring pixels of one colour are one shape. Its area gives its size, the mean of its pixels its centre,
and the kind is the one that, drawn there with that area, overlaps it most.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.scenes.drawing import COLOURS, GROUND, KINDS, RADII, SIDE, Images, coverage

Array = NDArray[np.float64]

LEAST_AREA = 8.0
"""Spots of fewer pixels than this are noise, not shapes."""

LEAST_OVERLAP = 0.75
"""The overlap (intersection over union) with a drawn shape below which a kind is not recognised."""

NEAR = 0.3
"""The largest distance of a pixel's colour (red, green and blue from 0 to 1) from its mixture."""

SIZES = tuple(RADII)
MIDDLE_RADIUS = math.sqrt(RADII["small"] * RADII["large"])


@dataclass(frozen=True)
class Found:
    """A shape in a picture. `kind` is "" where it is none of the known ones; centre in pixels; overlap from 0 to 1."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    overlap: float


def recognise(images: Images, kinds: Collection[str] = tuple(KINDS)) -> list[list[Found]]:
    """The shapes in each of the images (N, 32, 32, 3), which run from -1 to 1; the largest first.

    `kinds`: the kinds that it may find, among drawing.SHAPES.
    """
    require(images.ndim == 4 and images.shape[1:] == (SIDE, SIDE, 3), "images must be (N, 32, 32, 3)", images.shape)
    share, colour = _mixtures((np.asarray(images, np.float64) + 1.0) / 2.0)
    labels = _components(np.where(share >= 0.5, colour, -1))
    return [_shapes(*each, kinds) for each in zip(share, colour, labels, strict=True)]


def _mixtures(pixels: Array) -> tuple[Array, NDArray[np.intp]]:
    """For each pixel the share of the colour that explains it best, 0 where none does, and that colour's index."""
    ground = np.array(GROUND)
    away = np.array(list(COLOURS.values())) - ground
    offset = pixels - ground
    shares = np.clip(offset @ away.T / np.square(away).sum(axis=1), 0.0, 1.0)
    missed = np.linalg.norm(offset[..., None, :] - shares[..., None] * away, axis=-1)
    best = missed.argmin(axis=-1)
    share = np.take_along_axis(shares, best[..., None], axis=-1)[..., 0]
    return np.where(missed.min(axis=-1) < NEAR, share, 0.0), best


def _components(colour: NDArray[np.intp]) -> NDArray[np.intp]:
    """A number for each pixel (N, 32, 32), the same for connected pixels of one colour; 0 where the colour is -1."""
    ids = np.arange(1, SIDE * SIDE + 1).reshape(SIDE, SIDE)
    labels = np.where(colour >= 0, ids, 0)
    same = [
        (colour[:, 1:] == colour[:, :-1]) & (colour[:, 1:] >= 0),
        (colour[..., 1:] == colour[..., :-1]) & (colour[..., 1:] >= 0),
    ]
    while True:
        before = labels.copy()
        for axis, joined in ((1, same[0]), (2, same[1])):
            first = labels[:, :-1] if axis == 1 else labels[..., :-1]
            second = labels[:, 1:] if axis == 1 else labels[..., 1:]
            larger = np.maximum(first, second)
            first[joined] = larger[joined]
            second[joined] = np.maximum(second, first)[joined]
        if np.array_equal(before, labels):
            return labels


def _shapes(share: Array, colour: NDArray[np.intp], labels: NDArray[np.intp], kinds: Collection[str]) -> list[Found]:
    """The shapes of one picture, the largest first."""
    rows, columns = np.indices(labels.shape) + 0.5
    found = []
    for label, count in zip(*np.unique(labels[labels > 0], return_counts=True), strict=True):
        if count < LEAST_AREA:
            continue
        inside = labels == label
        index = int(colour[inside][0])
        # Its edge belongs to it too: pixels of its colour beside it, covered by less than half.
        near = _grown(inside) & (colour == index)
        weight = np.where(near, share, 0.0)
        area = float(weight.sum())
        x, y = float((weight * columns).sum() / area), float((weight * rows).sum() / area)
        radius = math.sqrt(area / math.pi)
        overlaps = {kind: _overlap(weight, coverage(kind, *np.array([[x], [y], [radius]]))[0]) for kind in kinds}
        kind = max(overlaps, key=overlaps.__getitem__)
        size = SIZES[int(radius > MIDDLE_RADIUS)]
        known = overlaps[kind] >= LEAST_OVERLAP
        found.append((area, Found(kind if known else "", list(COLOURS)[index], size, x, y, overlaps[kind])))
    return [shape for _, shape in sorted(found, key=lambda pair: -pair[0])]


def _grown(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`inside` and all pixels beside it, at its corners too."""
    padded = np.pad(inside, 1)
    parts = [padded[row : row + SIDE, column : column + SIDE] for row in range(3) for column in range(3)]
    return np.logical_or.reduce(parts)


def _overlap(a: Array, b: Array) -> float:
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())

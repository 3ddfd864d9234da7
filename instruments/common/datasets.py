"""The two-dimensional data sets, each a Gaussian mixture, so that its score stays exact.

The ring is a mixture by definition. Every other set is a finite set of points, equally weighted and close together,
with a Gaussian kernel of given width about each: the data are that mixture, not a curve. All are centred on the
origin and fit into |x|, |y| <= 2.8; lengths are in units of the data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]

NULL = -1
"""In place of a part: no condition, the whole data set."""

MAX_DRAWN = 150
"""Maximum number of points that a reader may draw: the cost of a score grows with them."""

NOTHING_DRAWN = f"Nothing is drawn yet; one cluster is used instead. Draw on the picture, up to {MAX_DRAWN} points."
"""For the status of an instrument whose drawn set is still empty."""

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
STEPS = len(DIGITS) ** 2 - 1
"""A coordinate is written as one of 0 … 1295, two base-36 digits."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """A mixture and the part of the set that each of its components belongs to: (K,), 0 to `num_parts` - 1."""

    mixture: GaussianMixture
    part: NDArray[np.intp]

    @property
    def num_parts(self) -> int:
        """Number of parts of the set: clusters, moons, arms."""
        return int(self.part.max()) + 1

    @property
    def sd(self) -> float:
        """Standard deviation about the origin per axis."""
        return float(np.sqrt(self.mixture.s**2 + self.mixture.weights @ np.mean(self.mixture.means**2, axis=1)))

    def law(self, part: int) -> GaussianMixture:
        """The mixture of one part alone, of weight 1; that of the whole set for NULL."""
        return self._laws[part + 1]

    @cached_property
    def _laws(self) -> list[GaussianMixture]:
        mixture, laws = self.mixture, [self.mixture]
        for part in range(self.num_parts):
            inside = self.part == part
            weights = mixture.weights[inside] / mixture.weights[inside].sum()
            laws.append(GaussianMixture(mixture.means[inside], weights, mixture.s))
        return laws


def ring(num_modes: int = 6, radius: float = 2.0, s: float = 0.2) -> GaussianMixture:
    """`num_modes` equal clusters evenly round a circle about the origin; means (num_modes, 2).

    The first mode is at 90 degrees (the top), the others follow counter-clockwise.
    `radius` and `s` (standard deviation of a cluster per axis) are in units of the data.
    Raises ValueError unless num_modes >= 1, radius > 0 and s > 0.
    """
    require(num_modes >= 1, "`num_modes` must be at least 1", num_modes)
    require(radius > 0, "`radius` must be above 0", radius)
    angle = np.pi / 2 + 2 * np.pi * np.arange(num_modes) / num_modes
    means = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return GaussianMixture(means, np.full(num_modes, 1.0 / num_modes), s)


def six_clusters() -> DataSet:
    """The ring of six clusters; each is a part."""
    return DataSet(ring(), np.arange(6))


def moons() -> DataSet:
    """Two interleaved half circles of radius 1.5, 40 points on each, kernel width 0.12; each is a part.

    The upper one is centred at (-0.75, -0.375), the lower at (0.75, 0.375): the set is symmetric under a half-turn.
    """
    angle = np.pi * (np.arange(40) + 0.5) / 40
    upper = 1.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + (-0.75, -0.375)
    return _kernels(0.12, upper, -upper)


def spiral() -> DataSet:
    """Two arms of one turn each, radius 0.35 to 2.35, 64 points on each, kernel width 0.1; each arm is a part."""
    arm = _even(lambda u: _polar(0.35 + 2.0 * u, 2 * np.pi * u), 64)
    return _kernels(0.1, arm, -arm)


def swiss_roll() -> DataSet:
    """One arm of a turn and a half, 120 points, kernel width 0.1: the Swiss roll seen from its end.

    Radius 0.8 to 2.4 in proportion to the angle, from 1.5 pi to 4.5 pi, as in scikit-learn's `make_swiss_roll`,
    but with points evenly spaced along it. The parts are six equal lengths, from the inside.
    """
    arm = _even(lambda u: _polar(2.4 * (1 + 2 * u) / 3, np.pi * (1.5 + 3 * u)), 120)
    return _kernels(0.1, *np.split(arm - arm.mean(axis=0), 6))


def checkerboard() -> DataSet:
    """The eight dark squares of a board of 4 x 4, side 1.1, 16 points in each, kernel width 0.13.

    The parts are the four rows of two squares, from the bottom.
    """
    side, inside = 1.1, (np.arange(4) - 1.5) / 4
    x, y = np.meshgrid(inside, inside)
    square = np.stack([x.ravel(), y.ravel()], axis=1)
    rows = [
        np.concatenate([side * (square + np.array([column - 1.5, row - 1.5])) for column in range(row % 2, 4, 2)])
        for row in range(4)
    ]
    return _kernels(0.13, *rows)


def drawn(text: str, extent: float) -> DataSet:
    """The points that `text` encodes (see `encode`), equally weighted, kernel width 0.12; one part.

    Raises ValueError where `text` holds no point, or cannot be read.
    """
    points = decode(text, extent)
    require(len(points), "`text` must hold at least one point", "none", "draw one")
    return _kernels(0.12, points)


def encode(points: ArrayLike, extent: float) -> str:
    """Points (N, 2) as text, four characters each: x, then y, as two base-36 digits, lower case.

    A coordinate v is clipped to [-extent, extent] and written as round((v + extent) / (2 extent) * 1295), so
    `decode` recovers it to within extent / 1295. Raises ValueError beyond `MAX_DRAWN` points.
    """
    points = np.reshape(np.asarray(points, dtype=np.float64), (-1, 2))
    _require_size(len(points), extent)
    index = np.rint((np.clip(points, -extent, extent) + extent) / (2 * extent) * STEPS).astype(int)
    return digits_of(index)


def decode(text: str, extent: float) -> Array:
    """Points (N, 2) that `encode` has written, on a grid of 1296 x 1296 over [-extent, extent]²; (0, 2) for "".

    Raises ValueError for a character that is no digit, a length that is not a multiple of 4, or too many points.
    """
    require(len(text) % 4 == 0, "`text` must have four characters a point", f"{len(text)} characters")
    _require_size(len(text) // 4, extent)
    return extent * (2.0 * numbers_of(text).reshape(-1, 2) / STEPS - 1.0)


def digits_of(numbers: NDArray[np.integer]) -> str:
    """Whole numbers from 0 to STEPS, of any shape, as two base-36 digits each."""
    return "".join(DIGITS[i // 36] + DIGITS[i % 36] for i in numbers.ravel())


def numbers_of(text: str) -> Array:
    """The numbers (N,) that `digits_of` has written. Raises ValueError for a character that is no digit."""
    wrong = sorted(set(text) - set(DIGITS))
    require(not wrong, "`text` must hold only 0-9 and a-z", "".join(wrong))
    return np.array([int(text[i : i + 2], 36) for i in range(0, len(text), 2)], dtype=np.float64)


DATA_SETS: dict[str, Callable[[], DataSet]] = {
    "ring": six_clusters,
    "moons": moons,
    "spiral": spiral,
    "checkerboard": checkerboard,
    "swiss_roll": swiss_roll,
}
"""The data sets that are not drawn by the reader, by name."""


def _kernels(width: float, *parts: Array) -> DataSet:
    """Equal kernels about the points of all parts, each (M, 2)."""
    points = np.concatenate(parts)
    mixture = GaussianMixture(points, np.full(len(points), 1.0 / len(points)), width)
    return DataSet(mixture, np.repeat(np.arange(len(parts)), [len(part) for part in parts]))


def _polar(radius: Array, angle: Array) -> Array:
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _even(curve: Callable[[Array], Array], n: int) -> Array:
    """`n` points (n, 2) on `curve`, which maps [0, 1] to the plane, at equal distances along it."""
    u = np.linspace(0.0, 1.0, 2001)
    length = np.append(0.0, np.cumsum(np.hypot(*np.diff(curve(u), axis=0).T)))
    return curve(np.interp(length[-1] * (np.arange(n) + 0.5) / n, length, u))


def _require_size(n: int, extent: float) -> None:
    require(extent > 0, "`extent` must be above 0", extent)
    require(n <= MAX_DRAWN, f"`text` must hold at most {MAX_DRAWN} points", n, "draw fewer")

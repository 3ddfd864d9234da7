"""The tilted density p(x|c)^w p(x)^(1-w) that guidance aims at, and measures of it and of samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """Three measures of a cloud or a density.

    adherence: mean of p(c|x) on clean data, 0 to 1; spread: root of the mean squared distance from the mean, in units
    of the data; beyond: how far the mean lies past the mean of the class, along the way there from the mean of all
    data, in units of the data: over-saturation (nan where the two means agree).
    """

    adherence: float
    spread: float
    beyond: float


def measures(model: ConditionalMixture, x: Array) -> Measures:
    """Measures of clean points x (N, 2)."""
    x = np.asarray(x, dtype=np.float64)
    mean = x.mean(axis=0)
    spread = float(np.sqrt(np.mean(np.sum((x - mean) ** 2, axis=1))))
    return Measures(float(np.exp(model.log_classifier(x, CLEAN)).mean()), spread, _beyond(model, mean))


def _beyond(model: ConditionalMixture, mean: Array) -> float:
    of_class = model.cond.weights @ model.cond.means
    way = of_class - model.uncond.weights @ model.uncond.means
    length = np.hypot(*way)
    return float((mean - of_class) @ way / length) if length > 0 else float("nan")


def centres(extent: float, cells: int) -> Array:
    """Centres (cells,) of equal cells that cover [-extent, extent]."""
    return extent * ((2.0 * np.arange(cells) + 1.0) / cells - 1.0)


def log_density_on_grid(mixture: GaussianMixture, x: Array, y: Array) -> Array:
    """log p of clean data at all (x, y), a mixture in the plane: (rows, columns) from x (columns,) and y (rows,).

    A round Gaussian is a product, so the sum over clusters is a product of two matrices: a tenth of the time of
    `GaussianMixture.log_density`, and the same result where p is above 1e-300, the lower limit of p here.
    """
    by_x, by_y = (
        np.exp(-((axis - mean[:, None]) ** 2) / (2.0 * mixture.s**2))
        for axis, mean in ((x, mixture.means.T[0]), (y, mixture.means.T[1]))
    )
    weights = mixture.weights / (2.0 * np.pi * mixture.s**2)
    density = np.ascontiguousarray((by_y * weights[:, None]).T) @ by_x
    return np.log(np.maximum(density, 1e-300))


TILTED_EXTENT = 6.6
TILTED_CELLS = 88
"""The grid on which the tilted density is summed: cells of 0.15, so that even a bump of sd 0.1 sums to 1e-3."""


class Tilted:
    """p(x|c)^w p(x)^(1-w) of clean data, normalised on a grid: its measures at any w; caches the logarithms."""

    def __init__(self, model: ConditionalMixture) -> None:
        axis = centres(TILTED_EXTENT, TILTED_CELLS)
        x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
        self.model = model
        self._cond, self._uncond = (log_density_on_grid(m, axis, axis).ravel() for m in (model.cond, model.uncond))
        classifier = np.exp(np.log(model.prior) + self._cond - self._uncond)
        self._features = np.stack([np.ones(len(x)), classifier, x, y, x**2 + y**2])

    def measures(self, guidance_scale: float) -> Measures:
        """Measures of the normalised density at w."""
        log = guidance_scale * self._cond + (1.0 - guidance_scale) * self._uncond
        mass, adherence, x, y, square = self._features @ np.exp(log - log.max())
        mean = np.array([x, y]) / mass
        spread = np.sqrt(square / mass - mean @ mean)
        return Measures(float(adherence / mass), float(spread), _beyond(self.model, mean))

"""A data set on a square grid: its density, and the exact prediction of the noise, to compare a learned one with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.schedules import Exponential

Array = NDArray[np.float64]


def grid_points(extent: float, cells: int) -> Array:
    """Centres (cells², 2) of the cells of a square of half-width `extent` about the origin, row by row from below."""
    along = extent * ((np.arange(cells) + 0.5) / cells * 2 - 1)
    return np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)


def relative_density(mixture: GaussianMixture, x: Array) -> Array:
    """Density of the clean data at x (N, 2), divided by its maximum there: (N,)."""
    log_density = mixture.log_density(x, 1.0, 0.0)
    return np.exp(log_density - log_density.max())


@dataclass(frozen=True, eq=False)
class ExactPrediction:
    """The best prediction of the noise at points x (N, 2), VP, of one level: eps (N, 2); weight (N,): density, sum 1.

    part: the part of the data set that is noised, or NULL.
    """

    x: Array
    at: Level
    part: int
    eps: Array
    weight: Array

    @classmethod
    def of(cls, data: DataSet, t: float, part: int, x: Array) -> ExactPrediction:
        """At t on the exponential schedule: -sigma_t times the exact score."""
        law, at = data.law(part), Exponential().level(t)
        log_density = law.log_density(x, at.signal, at.sigma_t)
        weight = np.exp(log_density - log_density.max())
        return cls(x, at, part, MixtureDenoiser(law)(x, at), weight / weight.sum())

    def rms_error(self, eps: Array | float) -> float:
        """Root mean square distance of a prediction (N, 2) from this one, over the noised data; x is to be a grid."""
        return float(np.sqrt(self.weight @ np.sum((eps - self.eps) ** 2, axis=1)))

"""The loss of the best possible denoiser, which no training can reduce.

A network F is trained for target = (x0 - c_skip x) / c_out (see `preconditioning`). Of all functions of x the posterior
mean of the target has the smallest mean squared error, and that error is the posterior variance:

    floor(sigma) = E[Var(x0 | x)] / c_out²          loss of F = floor + E|F(x) - E[target | x]|² / 2

(per axis of the plane). On Gaussian mixtures the posterior is exact, so only the mean over x is a Monte-Carlo estimate.
With condition dropout p, a share 1 - p of the points is denoised with knowledge of their part of the data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import NULL, DataSet
from diffusion_lab.instruments.common.mixtures import GaussianMixture, Number
from diffusion_lab.instruments.common.preconditioning import Preconditioning, Target
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import Work, finish
from diffusion_lab.instruments.common.training_levels import LevelDistribution, sigma_nodes

Array = NDArray[np.float64]
SLICE = 512
"""Points computed between two pauses."""
Network = Callable[[Array, Array, NDArray[np.intp]], Array]
"""F(x, sigma, part): (M, 2) from VE points (M, 2), their levels (M,) and parts (M,), NULL where dropped."""


def posterior_variance(mixture: GaussianMixture, x: Array, signal: Number, sigma: Number) -> Array:
    """Variance of x0 given x (..., d), mean over the d axes: shape (...), in units of the data, squared.

    By the law of total variance over the components, r_k their responsibilities and var = signal² s² + sigma²:

        s² sigma² / var + (sigma² / var)² sum_k r_k |mu_k - sum_j r_j mu_j|² / d
    """
    r = mixture.responsibilities(x, signal, sigma)
    means, d = mixture.means, mixture.means.shape[1]
    spread = r @ np.sum(means**2, axis=1) - np.sum((r @ means) ** 2, axis=-1)
    rest = np.square(sigma) / mixture.var(signal, sigma)
    return mixture.s**2 * rest + rest**2 * np.maximum(spread, 0.0) / d


@dataclass(frozen=True, eq=False)
class IrreducibleLoss:
    """Floors by noise level, and the points at which a network is compared with the exact denoiser.

    sigma, weight: levels (L,) and their weights in a mean over the distribution of levels; floor, floor_error: the
    floor at each (L,) and its standard error. x (2 M, 2), part (2 M,): M = L · n points, level by level, first with
    their condition and then without; exact (2 M, 2): the best prediction there; share (2 M,): share in a level's loss.
    """

    sigma: Array
    weight: Array
    floor: Array
    floor_error: Array
    x: Array
    part: NDArray[np.intp]
    exact: Array
    share: Array

    @classmethod
    def of(
        cls,
        data: DataSet,
        target: Target,
        levels: LevelDistribution,
        dropout: float = 0.0,
        seed: int = 0,
        *,
        num_levels: int = 32,
        n: int = 128,
    ) -> IrreducibleLoss:
        """From `n` points at each of `num_levels` levels."""
        return finish(cls.work(data, target, levels, dropout, seed, num_levels=num_levels, n=n))

    @classmethod
    def work(
        cls,
        data: DataSet,
        target: Target,
        levels: LevelDistribution,
        dropout: float = 0.0,
        seed: int = 0,
        *,
        num_levels: int = 32,
        n: int = 128,
    ) -> Work[IrreducibleLoss]:
        """The same in slices."""
        rng = seeded((seed, 2))
        sigma, weight = sigma_nodes(levels, num_levels)
        x0, component = data.mixture.sample(num_levels * n, rng)
        each = np.repeat(sigma, n)
        x = np.tile(x0 + each[:, None] * rng.standard_normal(x0.shape), (2, 1))
        part = np.append(data.part[component], np.full(len(x0), NULL))
        each, share = np.tile(each, 2), np.repeat([1.0 - dropout, dropout], len(x0)) / n
        mean, var = np.empty_like(x), np.empty(len(x))
        for start in range(0, len(x), SLICE):
            rows = np.arange(start, min(start + SLICE, len(x)))
            for number in np.unique(part[rows]).tolist():
                same = rows[part[rows] == number]
                at = data.law(number), x[same], 1.0, each[same]
                mean[same], var[same] = GaussianMixture.posterior_mean(*at), posterior_variance(*at)
            yield start, len(x)
        scalings = Preconditioning.at(each[:, None], target, data.sd)
        var /= np.ravel(scalings.c_out) ** 2
        floors = (n * share * var).reshape(2, num_levels, n).sum(axis=0)
        error = floors.std(axis=1, ddof=1) / np.sqrt(n)
        return cls(sigma, weight, floors.mean(axis=1), error, x, part, scalings.target(x, mean), share)

    @property
    def mean(self) -> float:
        """The irreducible loss over all levels."""
        return float(self.weight @ self.floor)

    @property
    def error(self) -> float:
        """The standard error of `mean`."""
        return float(np.sqrt(self.weight**2 @ self.floor_error**2))

    def excess(self, network: Network) -> Array:
        """The excess of a network's expected loss over the floor at each level, (L,), at least 0."""
        return finish(self.excess_work(network))

    def excess_work(self, network: Network, thin: int = 1) -> Work[Array]:
        """The same in slices, from every `thin`-th of the points; `thin` must divide the points of a level."""
        num_levels, count = len(self.sigma), len(self.x) // 2
        rows = np.arange(0, len(self.x), thin)
        each = np.tile(np.repeat(self.sigma, count // num_levels), 2)[rows]
        square = np.empty(len(rows))
        for start in range(0, len(rows), 2 * SLICE):
            part = slice(start, start + 2 * SLICE)
            at = rows[part]
            square[part] = np.mean((network(self.x[at], each[part], self.part[at]) - self.exact[at]) ** 2, axis=1)
            yield start, len(rows)
        return thin * (square * self.share[rows]).reshape(2, num_levels, -1).sum(axis=(0, 2))

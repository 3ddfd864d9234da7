"""Exact trajectories of the probability-flow ODE on a mixture: what samplers and consistency maps are compared with."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]


def exact_trajectory(
    mixture: GaussianMixture, x: ArrayLike, start: Level, end: Level, num_steps: int
) -> Iterator[tuple[Level, Array]]:
    """The exact ODE from points x (N, d), VP, at `start` to `end`, with less noise: level and points after each step.

    Classical Runge-Kutta in log(sigma), in which VE points move by dx_VE / d log(sigma) = sigma eps_hat: order 4. With
    14 steps for each factor e in sigma, points from noise are right to 1e-5, and with 8 to 2e-5 (root mean square).
    """
    eps_hat = MixtureDenoiser(mixture)

    def slope(y: Array, u: float) -> Array:
        level = Level.from_sigma(float(np.exp(u)))
        return level.sigma * eps_hat(level.signal * y, level)

    y = np.asarray(x, dtype=np.float64) / start.signal
    grid = np.linspace(np.log(start.sigma), np.log(end.sigma), num_steps + 1)
    for u, after in pairwise(grid.tolist()):
        h = after - u
        k1 = slope(y, u)
        k2 = slope(y + h / 2.0 * k1, u + h / 2.0)
        k3 = slope(y + h / 2.0 * k2, u + h / 2.0)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + slope(y + h * k3, after))
        level = end if after == grid[-1] else Level.from_sigma(float(np.exp(after)))
        yield level, level.signal * y

"""The exact predictions of the noise, plainly."""

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]


def exact_eps(mixture: GaussianMixture, x: Array, level: Level) -> Array:
    """The best prediction of the noise in x (N, d), E[eps | x]: -sigma_t times the score of the noised mixture.

    The score is sum_k r_k (signal mu_k - x) / var, with r_k = p(component k | x), (N, K), and the variance of each
    noised component, var = signal² s² + sigma_t².
    """
    r = mixture.responsibilities(x, level.signal, level.sigma_t)
    var = level.signal**2 * mixture.s**2 + level.sigma_t**2
    score = (level.signal * (r @ mixture.means) - x) / var
    return -level.sigma_t * score


def exact_eps_of_both(uncond: GaussianMixture, cond: GaussianMixture, x: Array, level: Level) -> tuple[Array, Array]:
    """The predictions without and with the condition, at the same points x (N, d)."""
    return exact_eps(uncond, x, level), exact_eps(cond, x, level)

"""Noise levels at which a denoiser is trained: distributions of the VE noise sigma.

uniform_t        t uniform on the exponential schedule, alpha_bar = exp(-6 t), from SIGMA_MIN to t = 1
uniform_log_snr  log(sigma) uniform over the same levels (Kingma et al. 2021 weigh the loss against this density)
log_normal       log(sigma) normal with mean -1.2 and standard deviation 1.2: Karras et al. 2022, table 1
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
LevelDistribution = Literal["uniform_t", "uniform_log_snr", "log_normal"]

LEVEL_DISTRIBUTIONS: tuple[LevelDistribution, ...] = ("uniform_t", "uniform_log_snr", "log_normal")

SIGMA_MIN = 0.02
BETA = 6.0
"""Rate of the exponential schedule: sigma² = exp(BETA t) - 1."""
SIGMA_MAX = math.sqrt(math.expm1(BETA))
"""At t = 1: 20.06."""
P_MEAN, P_STD = -1.2, 1.2


def draw_sigmas(distribution: LevelDistribution, n: int, rng: np.random.Generator) -> Array:
    """`n` independent levels (n,)."""
    return _sigma(distribution, rng.standard_normal(n) if distribution == "log_normal" else rng.random(n))


def sigma_nodes(distribution: LevelDistribution, n: int) -> tuple[Array, Array]:
    """`n` levels, rising, and weights that sum to 1: a mean over the distribution is nearly the weighted sum.

    The midpoint rule in log(sigma), in which losses are smooth; for log_normal over 4.5 standard deviations either way.
    """
    middle = (np.arange(n) + 0.5) / n
    if distribution == "log_normal":
        z = 9.0 * middle - 4.5
        sigma, density = _sigma(distribution, z), np.exp(-(z**2) / 2.0)
    else:
        sigma = _sigma("uniform_log_snr", middle)
        # dt / dlog(sigma) is in proportion to sigma² / (1 + sigma²)
        density = sigma**2 / (1.0 + sigma**2) if distribution == "uniform_t" else np.ones(n)
    return sigma, density / density.sum()


def _sigma(distribution: LevelDistribution, u: Array) -> Array:
    """Levels from standard normal numbers for log_normal, from numbers in [0, 1) for the others."""
    known = ", ".join(LEVEL_DISTRIBUTIONS)
    require(distribution in LEVEL_DISTRIBUTIONS, f"`distribution` must be one of {known}", repr(distribution))
    if distribution == "log_normal":
        return np.exp(P_MEAN + P_STD * u)
    if distribution == "uniform_log_snr":
        return SIGMA_MIN * (SIGMA_MAX / SIGMA_MIN) ** u
    first = math.log1p(SIGMA_MIN**2) / BETA
    return np.sqrt(np.expm1(BETA * (first + (1.0 - first) * u)))

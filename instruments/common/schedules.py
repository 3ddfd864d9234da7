"""Noise schedules, and the one map between the two ways of writing a noised point (VP and VE).

Time t runs from 0 (clean) to 1 (noise) and has no unit; alpha_bar is the share of signal left, in
[0, 1]; sigma is the noise level of the VE form, in units of the data. Arguments are floats or arrays
of any shape, results have the same shape.

    VP  x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps
    VE  x   = x0 + sigma eps,     x_VE = x_VP / sqrt(alpha_bar),     sigma² = (1 - alpha_bar) / alpha_bar
"""

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Number = float | Array

EXPONENTIAL_BETA = 6.0
"""Rate of the exponential schedule per unit of t: forward SDE dx = -(beta/2) x dt + sqrt(beta) dW."""


def exponential_alpha_bar(t: Number) -> Number:
    """alpha_bar(t) = exp(-6 t), the VP SDE with constant beta = 6 (Song et al. 2021, eq. 11).

    alpha_bar(1) = exp(-6) leaves sqrt(alpha_bar) = 0.0498 of the signal: nearly, not exactly, noise.
    Raises ValueError unless t >= 0.
    """
    require(np.all(np.greater_equal(t, 0)), "`t` must be at least 0", t)
    return np.exp(-EXPONENTIAL_BETA * np.asarray(t, dtype=np.float64))[()]


def exponential_t(alpha_bar: Number) -> Number:
    """The time at which the exponential schedule has `alpha_bar` left: t = -log(alpha_bar) / 6.

    Inverse of `exponential_alpha_bar`, to 3e-16 in t (absolute). Raises ValueError outside (0, 1].
    """
    _require_signal(alpha_bar)
    return (-np.log(alpha_bar) / EXPONENTIAL_BETA + 0.0)[()]


def vp_coefficients(alpha_bar: Number) -> tuple[Number, Number]:
    """(signal, sigma_t) = (sqrt(alpha_bar), sqrt(1 - alpha_bar)); signal² + sigma_t² = 1.

    Raises ValueError outside [0, 1].
    """
    _require_share(alpha_bar)
    return np.sqrt(alpha_bar), np.sqrt(np.subtract(1.0, alpha_bar))


def snr(alpha_bar: Number) -> Number:
    """Signal-to-noise ratio alpha_bar / (1 - alpha_bar) of a VP point: 0 at 0, infinite at 1.

    Kingma et al. 2021 (Variational Diffusion Models), eq. 3. Raises ValueError outside [0, 1].
    """
    _require_share(alpha_bar)
    with np.errstate(divide="ignore"):
        return np.divide(alpha_bar, np.subtract(1.0, alpha_bar))


def log_snr(alpha_bar: Number) -> Number:
    """Natural logarithm of `snr`: -inf at alpha_bar = 0, +inf at 1. Raises ValueError outside [0, 1]."""
    _require_share(alpha_bar)
    with np.errstate(divide="ignore"):
        return np.log(alpha_bar) - np.log1p(np.negative(alpha_bar))


def sigma_from_alpha_bar(alpha_bar: Number) -> Number:
    """VE noise level of a VP point, sigma = sqrt((1 - alpha_bar) / alpha_bar); x_VE = x_VP / sqrt(alpha_bar).

    Song et al. 2021, appendix B; Karras et al. 2022, table 1. Raises ValueError outside (0, 1].
    """
    _require_signal(alpha_bar)
    return np.sqrt(np.divide(np.subtract(1.0, alpha_bar), alpha_bar))


def alpha_bar_from_sigma(sigma: Number) -> Number:
    """VP share of signal of a VE point, alpha_bar = 1 / (1 + sigma²): the inverse of `sigma_from_alpha_bar`.

    The round trip sigma -> alpha_bar -> sigma holds to a relative 1e-16 (1 + 1/sigma²): at sigma = 0.01,
    1e-12. Raises ValueError unless sigma >= 0.
    """
    require(np.all(np.greater_equal(sigma, 0)), "`sigma` must be at least 0", sigma)
    return np.divide(1.0, 1.0 + np.square(sigma))


def geometric_sigmas(sigma_max: float, sigma_min: float, n: int) -> Array:
    """`n` noise levels (n,) from sigma_max down to sigma_min, each the same factor below the last.

    Song & Ermon 2019, section 4.3. No 0 is appended: annealed Langevin works *at* a level and none is 0.
    A sampler that steps *between* levels needs n + 1 entries and appends its own last 0.
    Raises ValueError unless sigma_max > sigma_min > 0 and n >= 2.
    """
    require(n >= 2, "`n` must be at least 2", n)
    require(sigma_min > 0, "`sigma_min` must be above 0", sigma_min)
    require(sigma_max > sigma_min, f"`sigma_max` must be above `sigma_min` = {sigma_min}", sigma_max)
    return np.geomspace(sigma_max, sigma_min, n)


def _require_share(alpha_bar: Number) -> None:
    ok = np.all(np.greater_equal(alpha_bar, 0) & np.less_equal(alpha_bar, 1))
    require(ok, "`alpha_bar` must lie between 0 and 1", alpha_bar)


def _require_signal(alpha_bar: Number) -> None:
    ok = np.all(np.greater(alpha_bar, 0) & np.less_equal(alpha_bar, 1))
    require(ok, "`alpha_bar` must be above 0 and at most 1", alpha_bar)

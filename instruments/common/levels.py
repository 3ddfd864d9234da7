"""A noise level, and the conversion between the two forms of a noised point (VP and VE).

    VP  x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps
    VE  x   = x0 + sigma eps,     x_VE = x_VP / sqrt(alpha_bar),     sigma² = (1 - alpha_bar) / alpha_bar

alpha_bar is the share of signal left, in [0, 1]; sigma is the noise of the VE form, in units of the data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Number = float | Array


@dataclass(frozen=True)
class Level:
    """One noise level, or an array of levels: floats, or arrays of one shape that broadcast against points.

    alpha_bar: share of signal, 1 where clean; sigma: VE noise, 0 where clean, infinite at alpha_bar = 0;
    signal, sigma_t: the VP coefficients sqrt(alpha_bar) and sqrt(1 - alpha_bar). Made by one of the class methods,
    which store the given number unchanged and derive the others without cancellation: from a sigma of 1e-9, sigma_t is
    1e-9 to rounding, though alpha_bar is 1.
    """

    alpha_bar: Number
    sigma: Number
    signal: Number
    sigma_t: Number

    @classmethod
    def from_alpha_bar(cls, alpha_bar: ArrayLike) -> "Level":
        """The level with `alpha_bar` of the signal left. Raises ValueError outside [0, 1]."""
        given = _plain(alpha_bar)
        ok = np.all((given >= 0) & (given <= 1))
        require(ok, "`alpha_bar` must lie between 0 and 1", alpha_bar)
        signal, sigma_t = np.sqrt(given), np.sqrt(1.0 - given)
        with np.errstate(divide="ignore"):
            sigma = np.divide(sigma_t, signal)
        return cls(given, _plain(sigma), _plain(signal), _plain(sigma_t))

    @classmethod
    def from_sigma(cls, sigma: ArrayLike) -> "Level":
        """The level with VE noise `sigma`, finite: alpha_bar = 1 / (1 + sigma²). Raises ValueError unless sigma >= 0.

        Song et al. 2021, appendix B; Karras et al. 2022, table 1.
        """
        given = _plain(sigma)
        ok = np.all((given >= 0) & (given < np.inf))
        require(ok, "`sigma` must be at least 0 and finite", sigma)
        alpha_bar = 1.0 / (1.0 + given * given)
        signal = np.sqrt(alpha_bar)
        return cls(alpha_bar, given, _plain(signal), _plain(given * signal))

    @classmethod
    def from_log_snr(cls, log_snr: ArrayLike) -> "Level":
        """The level with a finite log signal-to-noise ratio: sigma = exp(-log_snr / 2). Raises ValueError for nan."""
        given = np.asarray(log_snr, dtype=np.float64)
        require(np.all(np.isfinite(given)), "`log_snr` must be finite", log_snr)
        return cls.from_sigma(np.exp(-given / 2.0))

    def split(self) -> list["Level"]:
        """The levels of an array (L,) as a list, for samplers."""
        columns = (np.ravel(part).tolist() for part in (self.alpha_bar, self.sigma, self.signal, self.sigma_t))
        return [Level(*row) for row in zip(*columns, strict=True)]

    @property
    def snr(self) -> Number:
        """Signal-to-noise ratio alpha_bar / (1 - alpha_bar), infinite where clean (Kingma et al. 2021, section 3)."""
        with np.errstate(divide="ignore"):
            return _plain(np.divide(1.0, np.square(self.sigma)))

    @property
    def log_snr(self) -> Number:
        """Natural logarithm of `snr`: +inf where clean, -inf at alpha_bar = 0."""
        with np.errstate(divide="ignore"):
            return _plain(-2.0 * np.log(self.sigma))

    @property
    def half_log_snr(self) -> Number:
        """log(signal / sigma_t), the lambda of DPM-Solver (Lu et al. 2022)."""
        with np.errstate(divide="ignore"):
            return _plain(-np.log(self.sigma))

    @property
    def angle(self) -> Number:
        """The angle φ of x_t = cos φ x0 + sin φ eps, 0 where clean: equal angles move points equally far.

        Salimans & Ho 2022, appendix D.
        """
        return _plain(np.arctan2(self.sigma_t, self.signal))

    @property
    def var(self) -> Number:
        """sigma_t², which is 1 - alpha_bar, without its cancellation."""
        return self.sigma_t * self.sigma_t


CLEAN = Level(1.0, 0.0, 1.0, 0.0)
"""The level without noise."""


def _plain(value: ArrayLike) -> Number:
    """A float for a single number, which is faster in products with arrays than NumPy's scalars; else the array."""
    if isinstance(value, float):
        return float(value)
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else array

"""The velocity of the exact flow, plainly."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.flows import RECTIFIED, Path, _coefficients
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]


def marginal_velocity(mixture: GaussianMixture, x: ArrayLike, t: float, path: Path = RECTIFIED) -> Array:
    """E[d(x_t)/dt | x_t = x], shape (..., d): the mean of all conditional velocities that meet at x. Exact.

        signal' m + (signal signal' s² + sigma sigma') / var (x - signal m),    m = sum_k r_k(x) mu_k

    r_k = p(component k | x), (..., K); var = signal² s² + sigma² is the variance of each component at t. On the
    rectified path: Lipman et al. 2023, eq. 8, for a Gaussian mixture.
    """
    c = _coefficients(path, t)  # signal, sigma, signal' and sigma sigma' at t
    r = mixture.responsibilities(x, c.signal, c.sigma)
    m = r @ mixture.means
    var = c.signal**2 * mixture.s**2 + c.sigma**2
    rate = (c.signal * c.signal_rate * mixture.s**2 + c.half_square_rate) / var
    return c.signal_rate * m + rate * (x - c.signal * m)

"""The score of a Gaussian mixture, plainly."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common import mixtures

Array = NDArray[np.float64]
Number = float | Array


class GaussianMixture(mixtures.GaussianMixture):
    """A mixture whose score is computed as it is written."""

    def score(self, x: ArrayLike, signal: Number, sigma: Number) -> Array:
        """Gradient of `log_density` in x, sum_k r_k (signal mu_k - x) / var; shape (..., d), in 1/unit.

        r_k = p(component k | x), (..., K); var = signal² s² + sigma² is the variance of each noised component.
        """
        r = self.responsibilities(x, signal, sigma)
        mean = r @ self.means  # sum_k r_k mu_k
        # [..., None]: the same level for all points, or one for each.
        var = np.asarray(signal**2 * self.s**2 + sigma**2)[..., None]
        return (np.asarray(signal)[..., None] * mean - x) / var

"""What is measured on a cloud of points, and the exact value each measure has under the noised mixture.

Regions belong to the *clean* means, whatever the noise level, so that a measure at different levels is the
same question asked of different clouds.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture, squared_distances
from diffusion_lab.instruments.common.regions import disc_probability, nearest_probability

Array = NDArray[np.float64]


def nearest(x: ArrayLike, means: Array) -> NDArray[np.intp]:
    """Index (N,) of the mean (K, d) nearest each of the points x (N, d); the first of equals."""
    return squared_distances(x, means).argmin(axis=0)


def mode_mass(x: ArrayLike, means: Array) -> Array:
    """Fraction of the points x (N, d) nearest each of the means (K, d): shape (K,), summing to 1."""
    mode = nearest(x, means)
    return np.bincount(mode, minlength=len(means)) / len(mode)


def mode_mass_truth(mixture: GaussianMixture, signal: float, sigma: float) -> Array:
    """Expected `mode_mass` about the clean means under the noised mixture: shape (K,), error below 1e-12.

    Points from one component that fall nearest another's mean are counted there, as in the measure.
    Planar mixtures with distinct means only (ValueError). Noise level as in `GaussianMixture`.
    """
    _require_plane(mixture)
    var = float(mixture.var(signal, sigma))
    return mixture.weights @ nearest_probability(signal * mixture.means, mixture.means, var)


def fraction_within(x: ArrayLike, means: Array, radius: float) -> float:
    """Fraction of the points x (N, d) at most `radius` from at least one of the means (K, d)."""
    return float(np.mean(squared_distances(x, means).min(axis=0) <= radius**2))


def fraction_within_truth(mixture: GaussianMixture, radius: float, signal: float, sigma: float) -> float:
    """Expected `fraction_within` about the clean means under the noised mixture; error below 1e-11.

    A sum of Rice probabilities over components and discs, so the discs must not overlap: ValueError unless
    2 radius is at most the smallest distance between means. Planar mixtures only (ValueError).
    """
    _require_plane(mixture)
    gaps = np.sqrt(squared_distances(mixture.means, mixture.means))
    np.fill_diagonal(gaps, np.inf)
    largest = gaps.min() / 2.0
    require(
        radius <= largest * (1.0 + 1e-12),
        f"`radius` must be at most {largest:g}, half the smallest distance between means",
        radius,
        "discs that overlap would count points twice",
    )
    distance = np.sqrt(squared_distances(signal * mixture.means, mixture.means))  # (disc, component)
    var = float(mixture.var(signal, sigma))
    return float(disc_probability(distance, radius, var).sum(axis=0) @ mixture.weights)


def binomial_standard_error(p: ArrayLike, n: int) -> Array:
    """Standard deviation sqrt(p (1 - p) / n) of the share of `n` points in a region of probability `p`.

    p: any shape, kept. Raises ValueError unless 0 <= p <= 1 (rounding of 1e-9 allowed) and n >= 1.
    """
    share = np.asarray(p, dtype=np.float64)
    require(n >= 1, "`n` must be at least 1", n)
    require(np.all((share >= -1e-9) & (share <= 1 + 1e-9)), "`p` must lie between 0 and 1", p)
    share = np.clip(share, 0.0, 1.0)
    return np.sqrt(share * (1.0 - share) / n)


def _require_plane(mixture: GaussianMixture) -> None:
    require(mixture.means.shape[1] == 2, "`mixture` must be planar, d = 2", f"d = {mixture.means.shape[1]}")

"""Probabilistic PCA by eigenvectors: Tipping & Bishop 1999. The only model here whose training is one formula."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.slices import Work

Array = NDArray[np.float64]


def eigenvectors(covariance: ArrayLike) -> tuple[Array, Array]:
    """Eigenvalues (2,), the larger first, and unit eigenvectors as columns (2, 2), of a symmetric 2 x 2 matrix.

    In closed form: a turn by half the angle of (a - c, 2 b) makes [[a, b], [b, c]] diagonal.
    """
    (a, b), (_, c) = np.asarray(covariance, dtype=np.float64)
    middle, radius, angle = (a + c) / 2.0, np.hypot((a - c) / 2.0, b), 0.5 * np.arctan2(2.0 * b, a - c)
    along = np.array([np.cos(angle), np.sin(angle)])
    return np.array([middle + radius, middle - radius]), np.stack([along, [-along[1], along[0]]], axis=1)


@dataclass(frozen=True, eq=False)
class Ppca:
    """x = mean + axis z + sqrt(var) noise, z ~ N(0, 1): a line in the plane, and noise about it.

    mean, axis: (2,), in units of the data; var: variance of the noise per direction.
    """

    mean: Array
    axis: Array
    var: float
    passes = 0

    @property
    def covariance(self) -> Array:
        """Of the model's law, which is normal: axis axisᵀ + var I."""
        return np.outer(self.axis, self.axis) + self.var * np.eye(2)

    def drawing(self, z: Array, rng: np.random.Generator) -> Work[Array]:
        """Samples (N, 2) from codes z (N, 2), of which the first number counts."""
        ends = yield from self.ends(z)
        return ends + np.sqrt(self.var) * rng.standard_normal(ends.shape)

    def ends(self, z: Array) -> Generator[tuple[float, float], None, Array]:
        """Where codes z (N, 2) lead without noise: to the line."""
        yield 0, 1
        return self.mean + z[:, :1] * self.axis

    def codes(self, x: ArrayLike) -> Array:
        """The mean of the code behind each of the points x (N, 2), as (N, 2) with 0 second: equation 8 there."""
        z = (np.asarray(x) - self.mean) @ self.axis / (self.axis @ self.axis + self.var)
        return np.stack([z, np.zeros_like(z)], axis=1)

    def log_likelihood(self, x: ArrayLike) -> Array:
        """Natural log of the density (N,) of points x (N, 2): a normal law in the axes along and across the line."""
        length = float(np.hypot(*self.axis))
        turned = (np.asarray(x) - self.mean) @ _frame(self.axis, length)
        vars_ = np.array([length**2 + self.var, self.var])
        return -0.5 * np.sum(turned**2 / vars_ + np.log(2.0 * np.pi * vars_), axis=1)


def fit(x: ArrayLike) -> Ppca:
    """The most likely model of points x (N, 2), N >= 3: equations 7 and 8 of Tipping & Bishop 1999, one latent number.

    The noise has the smaller eigenvalue of the covariance; the axis has the direction of the larger one.
    """
    x = np.asarray(x, dtype=np.float64)
    require(x.ndim == 2 and x.shape[1] == 2 and len(x) >= 3, "`x` must have shape (N, 2), N >= 3", f"shape {x.shape}")
    mean = x.mean(axis=0)
    (large, small), vectors = eigenvectors((x - mean).T @ (x - mean) / len(x))
    return Ppca(mean, vectors[:, 0] * np.sqrt(large - small), float(small))


def _frame(axis: Array, length: float) -> Array:
    """Unit vectors along and across `axis`, as columns (2, 2)."""
    along = axis / length if length > 0 else np.array([1.0, 0.0])
    return np.stack([along, [-along[1], along[0]]], axis=1)

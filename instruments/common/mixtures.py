"""A mixture of equal round Gaussians, whose density, score and posterior mean are exact at every noise level.

A noise level is a pair `(signal, sigma)`, meaning x = signal x0 + sigma eps:

    VP  (sqrt(alpha_bar), sqrt(1 - alpha_bar))          VE  (1, sigma)

so noised data follow a mixture too: p(x) = sum_k w_k N(x; signal mu_k, var I), var = signal² s² + sigma².
Points `x` are (..., d) float64. `signal` and `sigma` are floats, or one value per point, shape (...).

Internally arrays are (K, N), components first: every inner loop then runs along the points, which
keeps NumPy fast for K = 6, above all in WebAssembly.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Number = float | Array

BLOCK = 2**15
"""Numbers in a block of points by components: 256 kB, which fits into a processor's cache."""

QUICK_VAR = 1e-3
"""Variance from which |x|², the same for all components, may be left out of |x - mu_k|² without losing digits."""


def squared_distances(x: ArrayLike, centres: Array, scale: Number = 1.0) -> Array:
    """|x - scale centre_k|² for points x (..., d) and centres (K, d): shape (K, N), points flattened.

    Differences are taken before squaring, so small distances keep their digits.
    """
    x = np.asarray(x, dtype=np.float64)
    centres = np.asarray(centres, dtype=np.float64)
    d = centres.shape[1]
    require(x.shape[-1:] == (d,), f"`x` must have a last axis of length {d}", f"shape {x.shape}")
    columns = np.ascontiguousarray(x.reshape(-1, d).T)
    total = columns[0] - centres[:, :1] * scale
    total *= total
    for j in range(1, d):
        difference = columns[j] - centres[:, j, None] * scale
        difference *= difference
        total += difference
    return total


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """p0 = sum_k weights_k N(means_k, s² I): the data, before any noise.

    means: (K, d), in units of the data; weights: (K,), positive, summing to 1 (to 1e-9);
    s: standard deviation of each component per axis, above 0. Arrays are copied and made read-only.
    Results are finite for var >= 1e-12 and |x| up to 1e140.
    """

    means: Array
    weights: Array
    s: float

    def __post_init__(self) -> None:
        means = np.array(self.means, dtype=np.float64, order="C")
        weights = np.array(self.weights, dtype=np.float64)
        require(
            means.ndim == 2 and means.size > 0,
            "`means` must have shape (K, d), both at least 1",
            f"shape {means.shape}",
        )
        require(
            weights.shape == means.shape[:1],
            f"`weights` must have shape ({len(means)},), one a mean",
            f"shape {weights.shape}",
        )
        require(np.isfinite(means).all(), "`means` must be finite", self.means)
        require(np.all(weights > 0), "`weights` must be above 0", self.weights, "leave out empty components")
        require(abs(weights.sum() - 1.0) <= 1e-9, "`weights` must sum to 1", weights.sum(), "divide by their sum")
        require(np.isfinite(self.s) and self.s > 0, "`s` must be above 0 and finite", self.s)
        means.flags.writeable = weights.flags.writeable = False
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "s", float(self.s))

    def var(self, signal: Number, sigma: Number) -> Number:
        """Variance per axis of each noised component, signal² s² + sigma² (shape of the noise level)."""
        return signal * signal * self.s**2 + sigma * sigma

    def log_density(self, x: ArrayLike, signal: Number, sigma: Number) -> Array:
        """Natural log of the noised density p(x), shape (...): a density per unit^d."""
        x = np.asarray(x, dtype=np.float64)
        terms, peak = self._terms(x, signal, sigma)
        log_norm = 0.5 * self.means.shape[1] * np.log(2.0 * np.pi * np.ravel(self.var(signal, sigma)))
        return (peak + np.log(terms.sum(axis=0)) - log_norm).reshape(x.shape[:-1])

    def responsibilities(self, x: ArrayLike, signal: Number, sigma: Number) -> Array:
        """r_k(x) = p(component k | x), shape (..., K), summing to 1; by log-sum-exp."""
        x = np.asarray(x, dtype=np.float64)
        terms, _ = self._terms(x, signal, sigma)
        terms /= terms.sum(axis=0)
        return terms.T.reshape(*x.shape[:-1], len(self.weights))

    def score(self, x: ArrayLike, signal: Number, sigma: Number) -> Array:
        """Gradient of `log_density` in x, sum_k r_k (signal mu_k - x) / var; shape (..., d), in 1/unit."""
        x = np.asarray(x, dtype=np.float64)
        pull = self._mean_of_component(x, signal, sigma)
        pull *= _row(signal)
        pull -= x.reshape(pull.shape[::-1]).T
        pull /= _row(self.var(signal, sigma))
        return _points(pull, x)

    def posterior_mean(self, x: ArrayLike, signal: Number, sigma: Number) -> Array:
        """E[x0 | x], shape (..., d): (signal s² x + sigma² sum_k r_k mu_k) / var.

        The same as Tweedie's (x + sigma² score) / signal (Robbins 1956; Efron 2011), and still right at
        signal = 0, where that form divides by 0 and this one gives the mean of the data.
        """
        x = np.asarray(x, dtype=np.float64)
        mean = self._mean_of_component(x, signal, sigma)
        mean *= _row(sigma * sigma)
        mean += _row(signal * self.s**2) * x.reshape(mean.shape[::-1]).T
        mean /= _row(self.var(signal, sigma))
        return _points(mean, x)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
        """`n` independent clean points (n, d) and the component (n,) each came from."""
        require(n >= 1, "`n` must be at least 1", n)
        component = rng.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        x = rng.standard_normal((n, self.means.shape[1]))
        x *= self.s
        x += self.means[component]
        return x, component

    def _terms(self, x: Array, signal: Number, sigma: Number) -> tuple[Array, Array]:
        """w_k exp(-|x - signal mu_k|²/2var) over its largest, (K, N), and the log of that largest, (N,)."""
        var = np.ravel(self.var(signal, sigma))
        require(np.all(var > 0), "signal² s² + sigma² must be above 0", var.min(), "signal or sigma must not be 0")
        terms = squared_distances(x, self.means, np.ravel(signal))
        terms *= -0.5 / var
        terms += np.log(self.weights)[:, None]
        peak = terms.max(axis=0)
        terms -= peak
        return np.exp(terms, out=terms), peak

    @cached_property
    def _constants(self) -> tuple[Array, Array, Array]:
        """log weights (K, 1), |means|²/2 (K, 1) and the means as columns (d, K)."""
        half_squares = np.sum(self.means**2, axis=1, keepdims=True) / 2.0
        return np.log(self.weights)[:, None], half_squares, np.ascontiguousarray(self.means.T)

    def _quick_mean(self, x: Array, signal: float, var: float) -> Array:
        """`_mean_of_component` at one level for all points, by matrix products, in blocks that fit into the cache.

        Logits are rounded to 1e-16 |mu| |x| / var, so only for a var that is not small beside |mu| |x|.
        """
        log_weights, half_squares, means = self._constants
        scaled, offset = self.means * (signal / var), log_weights - half_squares * (signal**2 / var)
        points = x.reshape(-1, self.means.shape[1])
        mean = np.empty(points.shape[::-1])
        width = max(1, BLOCK // len(scaled))
        for start in range(0, len(points), width):
            block = slice(start, start + width)
            terms = scaled @ np.ascontiguousarray(points[block].T)
            terms += offset
            terms -= np.maximum.reduce(terms)
            np.exp(terms, out=terms)
            np.divide(means @ terms, np.add.reduce(terms), out=mean[:, block])
        return mean

    def _mean_of_component(self, x: Array, signal: Number, sigma: Number) -> Array:
        """sum_k r_k mu_k, shape (d, N), a new array: the mean towards which the point is pulled."""
        d = self.means.shape[1]
        var = self.var(signal, sigma)
        if np.ndim(var) == 0 and var >= QUICK_VAR and x.shape[-1:] == (d,):
            return self._quick_mean(x, float(signal), float(var))
        terms, _ = self._terms(x, signal, sigma)
        mean = self._constants[2] @ terms
        mean /= terms.sum(axis=0)
        return mean


def _row(value: Number) -> Number:
    """A single value unchanged; one value per point as a row, to broadcast against components."""
    return value if isinstance(value, float) else np.ravel(value)


def _points(columns: Array, like: Array) -> Array:
    """Columns (d, N) as points of the shape of `like`, and in its memory order, which keeps sums of both fast."""
    rows = columns.T
    return (rows if like.flags.f_contiguous else np.ascontiguousarray(rows)).reshape(like.shape)

"""A mixture of planar Gaussians with full covariances, exact at every noise level, and its code as a short text.

A noise level is a pair (signal, sigma) as in `mixtures`: x = signal x0 + sigma eps. Then x follows a mixture too, with
means signal mu_k and covariances C_k = signal² S_k + sigma² I. Everything is written for the plane, where the inverse
and the root of a matrix are short formulas. Points `x` are (..., 2) float64, in units of the data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.datasets import STEPS, digits_of, numbers_of

Array = NDArray[np.float64]

MAX_GAUSSIANS = 8
"""Maximum number of Gaussians that a reader may make."""

SD = (0.05, 1.55)
"""Smallest and largest standard deviation along an axis that a text can hold, in units of the data."""


@dataclass(frozen=True, eq=False)
class FullMixture:
    """p0 = sum_k weights_k N(means_k, covariances_k): the data, before any noise.

    means: (K, 2), in units of the data; weights: (K,), positive, summing to 1 (to 1e-9); covariances: (K, 2, 2),
    symmetric and positive definite, in unit². Arrays are copied and made read-only.
    """

    means: Array
    weights: Array
    covariances: Array

    def __post_init__(self) -> None:
        for name in ("means", "weights", "covariances"):
            array = np.array(getattr(self, name), dtype=np.float64)
            require(np.isfinite(array).all(), f"`{name}` must be finite", array)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        k, c = len(self.means), self.covariances
        require(self.means.shape == (k, 2) and k, "`means` must have shape (K, 2), K >= 1", self.means.shape)
        require(self.weights.shape == (k,), "`weights` must have shape (K,)", self.weights.shape)
        require(c.shape == (k, 2, 2), "`covariances` must have shape (K, 2, 2)", c.shape)
        require(np.all(self.weights > 0), "`weights` must be above 0", self.weights, "leave out empty components")
        require(abs(self.weights.sum() - 1.0) <= 1e-9, "`weights` must sum to 1", self.weights.sum())
        definite = (c[:, 0, 1] == c[:, 1, 0]) & (c[:, 0, 0] > 0) & (_determinant(*_entries(c)) > 0)
        require(np.all(definite), "`covariances` must be symmetric and positive definite", c.tolist())

    @property
    def largest_sd(self) -> float:
        """The largest standard deviation of a component along any axis."""
        a, b, d = _entries(self.covariances)
        return float(np.sqrt(np.max((a + d) / 2 + np.hypot((a - d) / 2, b))))

    def noised(self, signal: float, sigma: float) -> tuple[Array, Array, Array]:
        """Entries xx, xy and yy, (K, 1) each, of the covariances C_k = signal² S_k + sigma² I."""
        a, b, d = (signal**2 * entry[:, None] for entry in _entries(self.covariances))
        return a + sigma**2, b, d + sigma**2

    def log_density(self, x: ArrayLike, signal: float, sigma: float) -> Array:
        """Natural log of the noised density p(x), shape (...): a density per unit²."""
        x = np.asarray(x, dtype=np.float64)
        terms, _ = self._log_terms(x, signal, sigma)
        peak = terms.max(axis=0)
        found: Array = (peak + np.log(np.exp(terms - peak).sum(axis=0))).reshape(x.shape[:-1])
        return found

    def responsibilities(self, x: ArrayLike, signal: float, sigma: float) -> Array:
        """r_k(x) = p(component k | x), shape (..., K), summing to 1; by log-sum-exp."""
        x = np.asarray(x, dtype=np.float64)
        return self._weighed(x, signal, sigma)[0].T.reshape(*x.shape[:-1], len(self.weights))

    def score(self, x: ArrayLike, signal: float, sigma: float) -> Array:
        """Gradient of `log_density` in x, sum_k r_k C_k⁻¹ (signal mu_k - x); shape (..., 2), in 1/unit."""
        x = np.asarray(x, dtype=np.float64)
        r, pull = self._weighed(x, signal, sigma)
        return np.stack([np.sum(r * part, axis=0) for part in pull], axis=-1).reshape(x.shape)

    def posterior_mean(self, x: ArrayLike, signal: float, sigma: float) -> Array:
        """E[x0 | x], shape (..., 2): sum_k r_k (mu_k + signal S_k C_k⁻¹ (x - signal mu_k)); right at signal = 0 too."""
        x = np.asarray(x, dtype=np.float64)
        r, (px, py) = self._weighed(x, signal, sigma)
        a, b, d = (entry[:, None] for entry in _entries(self.covariances))
        across = self.means[:, :1] - signal * (a * px + b * py)
        up = self.means[:, 1:] - signal * (b * px + d * py)
        return np.stack([np.sum(r * part, axis=0) for part in (across, up)], axis=-1).reshape(x.shape)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
        """`n` independent clean points (n, 2) and the component (n,) each came from."""
        require(n >= 1, "`n` must be at least 1", n)
        component = rng.choice(len(self.weights), size=n, p=self.weights / self.weights.sum())
        roots = _roots(*_entries(self.covariances))[component]
        return self.means[component] + (roots @ rng.standard_normal((n, 2, 1)))[..., 0], component

    def characteristic(self, across: Array, up: Array, signal: float, sigma: float) -> NDArray[np.complex128]:
        """E exp(i f·x) of the noised mixture at the frequencies f = (across_a, up_b), (A, B)."""
        u, v = across[:, None], up[None, :]
        total = np.zeros((len(across), len(up)), dtype=complex)
        for weight, (x, y), a, b, d in zip(self.weights, signal * self.means, *self.noised(signal, sigma), strict=True):
            total += weight * np.exp(1j * (u * x + v * y) - 0.5 * (a * u**2 + 2 * b * u * v + d * v**2))
        return total

    def within(self, x: ArrayLike, radius: float) -> NDArray[np.bool_]:
        """Whether points x (N, 2) lie within `radius` standard deviations of a clean component, in its own ellipse."""
        dx, dy = _offsets(np.asarray(x, dtype=np.float64), self.means)
        a, b, d = (entry[:, None] for entry in _entries(self.covariances))
        squares = (d * dx**2 - 2 * b * dx * dy + a * dy**2) / _determinant(a, b, d)
        inside: NDArray[np.bool_] = squares.min(axis=0) <= radius**2
        return inside

    def within_truth(self, radius: float, signal: float, sigma: float, each: int = 4000) -> float:
        """Expected share `within` under the noised mixture, error below 1e-3.

        From `each` points of every component that lie evenly under a Gaussian: a sunflower of golden angles.
        """
        k = np.arange(each) + 0.5
        length, angle = np.sqrt(-2.0 * np.log1p(-k / each)), np.pi * (3.0 - np.sqrt(5.0)) * k
        even = np.stack([length * np.cos(angle), length * np.sin(angle)])
        roots = _roots(*(entry[:, 0] for entry in self.noised(signal, sigma)))
        shares = [
            self.within(signal * mean + (root @ even).T, radius).mean()
            for mean, root in zip(self.means, roots, strict=True)
        ]
        return float(self.weights @ np.array(shares))

    def _log_terms(self, x: Array, signal: float, sigma: float) -> tuple[Array, tuple[Array, Array]]:
        """log(w_k N(x; signal mu_k, C_k)), (K, N), and the two parts of C_k⁻¹ (signal mu_k - x), (K, N) each."""
        require(x.shape[-1:] == (2,), "`x` must have a last axis of length 2", f"shape {x.shape}")
        dx, dy = _offsets(x.reshape(-1, 2), signal * self.means)
        a, b, d = self.noised(signal, sigma)
        determinant = _determinant(a, b, d)
        require(np.all(determinant > 0), "signal² S + sigma² I must be positive definite", determinant.min())
        pull = (b * dy - d * dx) / determinant, (b * dx - a * dy) / determinant
        constant = np.log(self.weights)[:, None] - 0.5 * np.log(4.0 * np.pi**2 * determinant)
        return constant + 0.5 * (dx * pull[0] + dy * pull[1]), pull

    def _weighed(self, x: Array, signal: float, sigma: float) -> tuple[Array, tuple[Array, Array]]:
        """Responsibilities (K, N), and the pull of each component, as `_log_terms`."""
        terms, pull = self._log_terms(x, signal, sigma)
        r = np.exp(terms - terms.max(axis=0))
        return r / r.sum(axis=0), pull


# --- as a text -------------------------------------------------------------------------------------------------------


def encode(means: ArrayLike, sds: ArrayLike, angles: ArrayLike, weights: ArrayLike, extent: float) -> str:
    """Gaussians as a text of twelve base-36 digits each: x, y, two standard deviations, angle, weight; two digits each.

    means (K, 2), clipped to [-extent, extent]; sds (K, 2), along the first axis and across it, clipped to SD; angles
    (K,) of the first axis, in radians, modulo pi; weights (K,), relative, from 0 to 1. Raises ValueError beyond
    MAX_GAUSSIANS.
    """
    low, high = SD
    means, sds, angles = (np.asarray(part, dtype=np.float64) for part in (means, sds, angles))
    shares = np.column_stack(
        [
            (np.reshape(means, (-1, 2)) + extent) / (2.0 * extent),
            (np.reshape(sds, (-1, 2)) - low) / (high - low),
            np.reshape(np.rint(angles / np.pi * (STEPS + 1)) % (STEPS + 1) / STEPS, (-1, 1)),
            np.reshape(weights, (-1, 1)),
        ]
    )
    require(len(shares) <= MAX_GAUSSIANS, f"there must be at most {MAX_GAUSSIANS} Gaussians", len(shares))
    return digits_of(np.rint(np.clip(shares, 0.0, 1.0) * STEPS).astype(int))


def decode(text: str, extent: float) -> FullMixture:
    """The mixture that `encode` has written; weights divided by their sum, each at least 1/1296 before.

    Raises ValueError for a text without a Gaussian, of a wrong length, with a wrong character, or too long.
    """
    count, rest = divmod(len(text), 12)
    require(rest == 0 and count, "`text` must have twelve characters for each of 1 or more Gaussians", f"{len(text)}")
    require(count <= MAX_GAUSSIANS, f"`text` must hold at most {MAX_GAUSSIANS} Gaussians", count)
    index = numbers_of(text).reshape(-1, 6)
    low, high = SD
    sds, angle = low + (high - low) * index[:, 2:4] / STEPS, np.pi * index[:, 4] / (STEPS + 1)
    axes = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    covariances = (axes.transpose(0, 2, 1) * sds[:, None] ** 2) @ axes
    covariances[:, 1, 0] = covariances[:, 0, 1]
    weights = index[:, 5] + 1.0
    return FullMixture(extent * (2.0 * index[:, :2] / STEPS - 1.0), weights / weights.sum(), covariances)


# --- symmetric matrices in the plane ---------------------------------------------------------------------------------


def _entries(matrices: Array) -> tuple[Array, Array, Array]:
    """xx, xy and yy of symmetric matrices (K, 2, 2), (K,) each."""
    return matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 1]


def _determinant(a: Array, b: Array, d: Array) -> Array:
    return a * d - b * b


def _roots(a: Array, b: Array, d: Array) -> Array:
    """Lower triangular L (K, 2, 2) with L Lᵀ the matrices of these entries (K,): Cholesky's."""
    first = np.sqrt(a)
    below = b / first
    return np.stack([first, np.zeros_like(a), below, np.sqrt(d - below**2)], axis=1).reshape(-1, 2, 2)


def _offsets(x: Array, centres: Array) -> tuple[Array, Array]:
    """x - centre_k and y - centre_k, (K, N) each, of points (N, 2)."""
    return x[:, 0] - centres[:, :1], x[:, 1] - centres[:, 1:]

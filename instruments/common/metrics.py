"""Measures of a cloud of points, and the exact value of each under the noised mixture.

Regions belong to the *clean* means at every noise level, so that values at different levels are comparable.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.full_mixtures import FullMixture
from diffusion_lab.instruments.common.mixtures import GaussianMixture, squared_distances
from diffusion_lab.instruments.common.regions import disc_probability, nearest_probability

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


def nearest(x: ArrayLike, means: Array) -> NDArray[np.intp]:
    """Index (N,) of the mean (K, d) nearest each of the points x (N, d); the first one if several are equally near."""
    return squared_distances(x, means).argmin(axis=0)


def mode_mass(x: ArrayLike, means: Array) -> Array:
    """Fraction of the points x (N, d) nearest each of the means (K, d): shape (K,), summing to 1."""
    mode = nearest(x, means)
    return np.bincount(mode, minlength=len(means)) / len(mode)


def mode_mass_truth(mixture: GaussianMixture, signal: float, sigma: float) -> Array:
    """Expected `mode_mass` about the clean means under the noised mixture: shape (K,), error below 1e-12.

    Points that are nearest to the mean of another component are counted there, as in the measure.
    Planar mixtures with distinct means only (ValueError). Noise level as in `GaussianMixture`.
    """
    _require_plane(mixture)
    var = float(mixture.var(signal, sigma))
    return mixture.weights @ nearest_probability(signal * mixture.means, mixture.means, var)


def fraction_within(x: ArrayLike, means: Array, radius: float) -> float:
    """Fraction of the points x (N, d) at most `radius` from at least one of the means (K, d)."""
    x, means = np.asarray(x, dtype=np.float64), np.asarray(means, dtype=np.float64)
    # |x - mu|² <= radius² without |x|², the same for all means: one matrix product for all.
    nearness = means @ np.ascontiguousarray(x.T)  # contiguous: the browser's NumPy has a fast product for that
    nearness -= np.sum(means**2, axis=1, keepdims=True) / 2.0
    return float(np.mean(2.0 * nearness.max(axis=0) >= np.sum(x**2, axis=1) - radius**2))


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


@dataclass(frozen=True, eq=False)
class DiscUnion:
    """The union of overlapping discs of `radius` about centres, on a grid.

    lower: (2,), the grid's lower left corner; cell: its spacing; share: (R, C) [y, x], the share of each cell
    within the union, to 1/25. Lengths in units of the data.
    """

    lower: Array
    cell: float
    share: Array

    @classmethod
    def of(cls, centres: ArrayLike, radius: float) -> "DiscUnion":
        """The union of discs about centres (K, 2), on cells of a tenth of the radius, each probed at 5 x 5 places."""
        centres = np.asarray(centres, dtype=np.float64)
        ok = centres.ndim == 2 and centres.shape[1] == 2 and len(centres)
        require(ok, "`centres` must have shape (K, 2), K >= 1", f"shape {centres.shape}")
        require(radius > 0, "`radius` must be above 0", radius)
        cell, probe = radius / 10.0, radius / 50.0
        lower = centres.min(axis=0) - radius
        columns, rows = np.ceil((centres.max(axis=0) + radius - lower) / cell).astype(int)
        inside = np.zeros((5 * rows, 5 * columns), dtype=bool)
        window = np.arange(102) + 0.5  # the probes of a disc along one axis
        for x, y in (centres - lower) / probe:
            left, low = max(0, int(x) - 50), max(0, int(y) - 50)
            hit = (left + window - x) ** 2 + ((low + window - y) ** 2)[:, None] <= 50.0**2
            part = inside[low : low + 102, left : left + 102]
            part |= hit[: part.shape[0], : part.shape[1]]
        return cls(lower, cell, inside.reshape(rows, 5, columns, 5).mean(axis=(1, 3)))

    def probability(self, mixture: GaussianMixture, signal: float, sigma: float) -> float:
        """Expected `fraction_within` under the noised mixture: exact up to the grid, error below 1e-3.

        A round Gaussian is a product, so the sum over cells is two matrix products. Noise level as in
        `GaussianMixture`. Raises ValueError where the standard deviation is below two cells.
        """
        sd = np.sqrt(float(mixture.var(signal, sigma)))
        require(sd >= 2 * self.cell, "`sigma` must leave a standard deviation of two cells or more", sd / self.cell)
        along = []
        for axis, count in ((0, self.share.shape[1]), (1, self.share.shape[0])):
            places = self.lower[axis] + self.cell * (np.arange(count) + 0.5)
            z = (places - signal * mixture.means[:, axis, None]) / sd
            along.append(np.exp(-0.5 * z**2))
        mass = np.sum((along[1] @ self.share) * along[0], axis=1) @ mixture.weights
        return float(mass * self.cell**2 / (2.0 * np.pi * sd**2))


FINEST = 6
"""The finest lattice of `mmd`, in 36 times the time: right for clouds of 120 widths across."""


@dataclass(frozen=True)
class Discrepancy:
    """Distance of a cloud from a law (`mmd`), and its root mean square for perfect draws of as many points."""

    distance: float
    expected: float


def mmd(
    x: ArrayLike, mixture: GaussianMixture | FullMixture, signal: float, sigma: float, width: float = 0.5
) -> Discrepancy:
    """Maximum mean discrepancy between a cloud x (N, 2) and the noised mixture itself; no unit, 0 to sqrt(2).

    Gretton et al. 2012 (JMLR 13), with the kernel k(x, y) = exp(-|x - y|²/(2 width²)), their biased
    estimate for the cloud and the mixture in closed form. Computed as a sum over frequencies (Bochner): the kernel
    is the mean of cos(f·(x - y)) over f ~ N(0, I/width²), so

        MMD² = sum_f p_f |mean_i exp(i f·x_i) - E exp(i f·X)|²

    on a square lattice out to 3.5/width, in O(N) instead of O(N²) time. A lattice of spacing 0.25/width repeats the
    kernel every 25 widths: equal to the integral within 1e-3 for clouds less than 20 widths across. For a wider cloud
    the lattice is finer (`fineness`). `width` is in units of the data. Independent draws of the law give
    MMD² (1 - sum_f p_f |E exp(i f·X)|²) / N on average. Raises ValueError unless x is (N, 2), N >= 1, and width > 0.
    """
    return mmd_from(characteristic(x, width, fineness(x, width)), len(np.asarray(x)), mixture, signal, sigma, width)


def fineness(x: ArrayLike, width: float = 0.5) -> int:
    """How many times finer than 0.25/width the lattice of `mmd` must be for a cloud x (N, 2): 1 for most, at most 6."""
    require(width > 0, "`width` must be above 0", width)
    across = np.ptp(np.asarray(x, dtype=np.float64), axis=0).max(initial=0.0) if np.size(x) else 0.0
    return int(np.clip(np.ceil(across / (20.0 * width)), 1, FINEST))


def characteristic(x: ArrayLike, width: float = 0.5, fine: int = 1) -> ComplexArray:
    """Mean of exp(i f·x) over points x (N, 2), at the frequencies f of `mmd` with f_x >= 0: (14 F + 1, 28 F + 1).

    A mean over points: that of a large cloud is the mean of those of its parts, weighted by their numbers of points,
    with one `fine`, F, for all. Raises ValueError as `mmd` does.
    """
    x = np.asarray(x, dtype=np.float64)
    require(x.ndim == 2 and x.shape[1] == 2 and len(x), "`x` must have shape (N, 2), N >= 1", f"shape {x.shape}")
    require(width > 0, "`width` must be above 0", width)
    return _characteristic(x, np.full(len(x), 1.0 / len(x)), _lattice(width, fine))


def mmd_from(
    cloud: ComplexArray,
    num_points: int,
    mixture: GaussianMixture | FullMixture,
    signal: float,
    sigma: float,
    width: float = 0.5,
) -> Discrepancy:
    """`mmd` of a cloud of `num_points` points with the `characteristic` function `cloud`."""
    _require_plane(mixture)
    fine = (len(cloud) - 1) // 14
    f = _lattice(width, fine)
    p = np.exp(-0.5 * (f * width) ** 2)
    p /= p.sum()
    middle = 14 * fine
    share = p[middle:, None] * p  # f_x >= 0 is enough: opposite frequencies have the same modulus
    share[1:] *= 2.0
    if isinstance(mixture, FullMixture):
        law = mixture.characteristic(f[middle:], f, signal, sigma)
    else:
        blur = np.exp(-0.5 * float(mixture.var(signal, sigma)) * (f[middle:, None] ** 2 + f**2))
        law = blur * _characteristic(signal * mixture.means, mixture.weights, f)
    floor = float(1.0 - np.sum(share * np.abs(law) ** 2)) / num_points
    return Discrepancy(float(np.sqrt(np.sum(share * np.abs(cloud - law) ** 2))), float(np.sqrt(floor)))


def _lattice(width: float, fine: int) -> Array:
    """The frequencies of `mmd` along one axis, (28 F + 1,), about 0."""
    return np.arange(-14.0 * fine, 14.0 * fine + 1.0) * (0.25 / width / fine)


def _characteristic(x: Array, weights: Array, f: Array) -> ComplexArray:
    """sum_i weights_i exp(i (f_a x_i + f_b y_i)), indexed [a, b], for a from the middle of `f`, a lattice about 0."""
    half = len(f) // 2

    def waves(column: Array) -> ComplexArray:
        """exp(i f_a column) for f_a >= 0, (half + 1, N): powers of the first."""
        first = np.exp(1j * (f[half + 1]) * column)
        rows = np.empty((half + 1, len(column)), dtype=complex)
        rows[0] = 1.0
        for k in range(1, half + 1):
            np.multiply(rows[k - 1], first, out=rows[k])
        return rows

    across, up = waves(x[:, 0]), waves(x[:, 1])
    # Real products throughout: the browser's NumPy has a fast one, and no BLAS for complex numbers.
    left = np.concatenate([across.real, across.imag])
    right = np.ascontiguousarray((weights * np.concatenate([up.real, up.imag])).T)
    (cc, cs), (sc, ss) = (np.hsplit(rows, 2) for rows in np.vsplit(left @ right, 2))
    above = (cc - ss) + 1j * (cs + sc)
    below = (cc + ss) + 1j * (sc - cs)
    return np.concatenate([below[:, :0:-1], above], axis=1)


def binomial_standard_error(p: ArrayLike, n: int) -> Array:
    """Standard deviation sqrt(p (1 - p) / n) of the share of `n` points in a region of probability `p`.

    p: any shape, that of the result. Raises ValueError unless 0 <= p <= 1 (rounding of 1e-9 allowed) and n >= 1.
    """
    share = np.asarray(p, dtype=np.float64)
    require(n >= 1, "`n` must be at least 1", n)
    require(np.all((share >= -1e-9) & (share <= 1 + 1e-9)), "`p` must lie between 0 and 1", p)
    share = np.clip(share, 0.0, 1.0)
    return np.sqrt(share * (1.0 - share) / n)


def _require_plane(mixture: GaussianMixture | FullMixture) -> None:
    require(mixture.means.shape[1] == 2, "`mixture` must be planar, d = 2", f"d = {mixture.means.shape[1]}")

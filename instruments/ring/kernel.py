"""Data sets in the plane: noised forward by one jump, recovered by sampling, and measured.

Everything is in VP coordinates (noise is N(0, I) at t = 1). Lengths are in units of the data, t in [0, 1] has no unit.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.full_mixtures import FullMixture, decode
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import (
    DiscUnion,
    binomial_standard_error,
    characteristic,
    fineness,
    fraction_within,
    fraction_within_truth,
    mmd_from,
    mode_mass,
    mode_mass_truth,
    nearest,
)
from diffusion_lab.instruments.common.mixtures import GaussianMixture, squared_distances
from diffusion_lab.instruments.common.parameterisation import noise
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS as EVERY_SAMPLER
from diffusion_lab.instruments.common.samplers.state import SamplerState
from diffusion_lab.instruments.common.schedules import Exponential, Geometric

Array = NDArray[np.float64]
Mixture: TypeAlias = GaussianMixture | FullMixture
Means = tuple[Array, float, NDArray[np.complex128]]

SCHEDULE = Exponential()
"""The forward process."""

NUM_POINTS = 520
NUM_LEVELS = 60
NUM_STEPS = 10

SIGMA_MAX = float(SCHEDULE.level(1.0).sigma)
"""VE noise level at t = 1: sqrt(e⁶ - 1) = 20.06."""

SIGMA_MIN = 0.01
"""Last noise level, far below s = 0.2, so that the clusters reach their width."""

STEP_SIZE = 0.3
"""Langevin step in units of sigma². With the other defaults `langevin_variance` ends at a standard deviation
of 0.2054 for s = 0.2 (2.7 % wide). A smaller step stops short of the clusters' width (0.1: 7.6 % wide); a
larger one gets nearer but swells the cloud on the way, by 1/sqrt(1 - step_size/2) at high noise."""

PARTS = 6
"""Colours of parts; further Gaussians of a reader's mixture begin with the first again."""

SLICE = 2000
"""Points measured at a time: 5 ms for a set of 128 Gaussians."""


WITHIN = 3.0
"""Standard deviations about a mean that the share of near points counts."""


@dataclass(frozen=True, eq=False)
class Data:
    """What is noised: a mixture, and the part of the data set that each of its components belongs to, (K,)."""

    mixture: Mixture
    part: NDArray[np.intp]

    def part_of(self, x: ArrayLike) -> NDArray[np.intp]:
        """The part (N,) of clean points (N, 2): of the nearest mean; of the likeliest Gaussian where shapes differ."""
        if isinstance(self.mixture, FullMixture):
            return self.part[self.mixture.responsibilities(x, 1.0, 0.0).argmax(axis=1)]
        return self.part[nearest(x, self.mixture.means)]


def own_mixture(text: str, extent: float) -> Data:
    """The Gaussians that a reader has made (`full_mixtures.decode`), each a part. Raises ValueError for none."""
    mixture = decode(text, extent)
    return Data(mixture, np.arange(len(mixture.means)) % PARTS)


def draw_clean(mixture: Mixture, num_points: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Clean points x0 (N, 2) and the mode (N,) each belongs to."""
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    return mixture.sample(num_points, rng)


def forward(x0: Array, eps: Array, t: float) -> Array:
    """x_t (N, 2) by equation (1.2), exponential schedule; at fixed `eps` it moves continuously with t."""
    return noise(x0, eps, SCHEDULE.alpha_bar(t))


def x0_hat(mixture: Mixture, xt: ArrayLike, t: float) -> Array:
    """E[x0 | x_t], (N, 2), of points x_t (N, 2): where a perfect network says that they came from, equation (1.4).

    The mixture's own closed form, which is right at t = 0 and t = 1 too; the same as (x_t + (1 - alpha_bar) score) /
    sqrt(alpha_bar).
    """
    return mixture.posterior_mean(np.asarray(xt, dtype=np.float64), *_level(t))


MERGE_T = float(np.log(1.96) / 6.0)
"""Where neighbouring clusters merge: half their distance, 1, shrinks to their standard deviation (two equal Gaussians
have one peak from there on)."""

FILL_T = float(np.log(2.96) / 6.0)
"""Where the hole in the ring fills: the density's second derivative at the centre changes sign."""


def angle(t: float) -> float:
    """`Level.angle` at t: what changes evenly in the picture of the forward process."""
    return float(SCHEDULE.level(t).angle)


# --- sampling --------------------------------------------------------------------------------------------------------

SAMPLERS: dict[str, dict[str, object]] = {
    "langevin": {"step_size": STEP_SIZE},
    "ddpm": {"variance": "beta"},
    "ddim": {},
    "sde_euler": {},
    "ode_euler": {"variable": "log_alpha_bar"},
    "ode_heun": {"variable": "log_alpha_bar"},
    "dpm_solver_pp_2m": {},
}
"""The samplers, with the options of each."""


def sampling_levels(sampler: str, num_levels: int, sigma_min: float = SIGMA_MIN) -> list[Level]:
    """Levels geometric in sigma, from SIGMA_MAX to `sigma_min`: the `num_levels` that Langevin works at, or, for
    samplers that step between levels, one more, so that they take `num_levels` steps. No last jump to clean."""
    extra = 0 if sampler == "langevin" else 1
    return Geometric(sigma_min, SIGMA_MAX).levels(num_levels + extra)


def angle_of_progress(progress: float) -> float:
    """`Level.angle` when that share of the reverse process is done, for any number of levels."""
    return float(Geometric(SIGMA_MIN, SIGMA_MAX).level(1.0 - progress).angle)


def progress_of_t(t: float) -> float:
    """The share of the reverse process that is done when its noise has come down to that of t."""
    return 1.0 - float(Geometric(SIGMA_MIN, SIGMA_MAX).t_of_sigma(SCHEDULE.level(t).sigma))


def sample(
    mixture: Mixture,
    sampler: str = "langevin",
    num_points: int = NUM_POINTS,
    num_levels: int = NUM_LEVELS,
    *,
    rng: np.random.Generator,
    sigma_min: float = SIGMA_MIN,
    **options: object,
) -> Iterator[SamplerState[Level]]:
    """The reverse process by one of `SAMPLERS` with the exact score: the start, N(0, I) at t = 1, then each step.

    options: of the sampler, overriding those in `SAMPLERS`: num_steps (NUM_STEPS where left out) and
    step_size of "langevin", eta of "ddim". The same `rng` state gives all samplers the same start, and the same run
    each time, bit for bit under one build of NumPy. Raises ValueError at the call.
    """
    require(sampler in SAMPLERS, f"`sampler` must be one of {', '.join(SAMPLERS)}", sampler)
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    levels = sampling_levels(sampler, num_levels, sigma_min)
    options = SAMPLERS[sampler] | ({"num_steps": NUM_STEPS} if sampler == "langevin" else {}) | options
    start = rng.standard_normal((num_points, mixture.means.shape[1]))
    return EVERY_SAMPLER[sampler](MixtureDenoiser(mixture), start, levels, rng, **options)


def rounded(state: SamplerState[Level]) -> SamplerState[Level]:
    """The state with x in float32, whose rounding is far below a pixel; it halves the memory of a long run."""
    return replace(state, x=state.x.astype(np.float32))


# --- what is drawn and measured --------------------------------------------------------------------------------------


def pixels(x: ArrayLike, part: ArrayLike, extent: float, side: int) -> NDArray[np.int8]:
    """An image of points x (N, 2): the part (N,) at each pixel (side, side) [row y, column x], -2 where there is none.

    It covers [-extent, extent]²; row 0 is the bottom. Of several points in a pixel the last is visible.
    """
    image = np.full((side, side), -2, dtype=np.int8)
    column, row = np.floor((np.asarray(x).T + extent) * (side / (2 * extent))).astype(np.int32)
    seen = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    image[row[seen], column[seen]] = np.asarray(part)[seen]
    return image


def pixel_centres(extent: float, resolution: int) -> Array:
    """Centres (R,) of `resolution` equal cells that cover [-extent, extent]."""
    require(extent > 0, "`extent` must be above 0", extent)
    require(resolution >= 1, "`resolution` must be at least 1", resolution)
    return extent * ((2.0 * np.arange(resolution) + 1.0) / resolution - 1.0)


def score_field(mixture: Mixture, t: float, grid: ArrayLike) -> tuple[Array, Array]:
    """Arrows of the exact score at time t: positions (G², 2) and score vectors (G², 2), in 1/unit.

    `grid` (G,) holds the coordinates used along both axes; positions run along x first.
    """
    positions = _plane(np.asarray(grid, dtype=np.float64)).reshape(-1, 2)
    return positions, mixture.score(positions, *_level(t))


def density(mixture: Mixture, t: float, extent: float, resolution: int) -> Array:
    """Exact p_t at the pixel centres of [-extent, extent]², shape (R, R) [row y, column x], per unit².

    Row 0 is the bottom, y = -extent, as Bokeh's `image` expects.
    """
    signal, sigma_t = _level(t)
    if isinstance(mixture, FullMixture):
        return np.exp(mixture.log_density(_plane(pixel_centres(extent, resolution)), signal, sigma_t))
    var = float(mixture.var(signal, sigma_t))
    # A round Gaussian is a product of one in x and one in y, so the sum over components is a matrix product.
    x, y = np.exp(-0.5 / var * (pixel_centres(extent, resolution) - signal * mixture.means.T[:, :, None]) ** 2)
    return y.T @ (mixture.weights[:, None] / (2.0 * np.pi * var) * x)


@dataclass(frozen=True, eq=False)
class Measures:
    """Measures of a cloud beside their values under p_t; each error is the standard deviation of the measure under p_t.

    mode_mass, mode_mass_true, mode_mass_error: (K,) fraction nearest each clean mean, (0,) where the means are too
    close for modes; within, within_true, within_error: fraction within 3 s of a clean mean; distance: maximum mean
    discrepancy from p_t (`metrics.mmd`), distance_expected: its value for perfect draws of as many points.
    """

    mode_mass: Array
    mode_mass_true: Array
    mode_mass_error: Array
    within: float
    within_true: float
    within_error: float
    distance: float
    distance_expected: float


def measures(x: ArrayLike, mixture: Mixture, t: float) -> Measures:
    """Measures of a cloud x (N, 2) in VP coordinates, with their true values at time t.

    The truths are exact to 1e-11 where the discs of 3 s about the means are apart, and `within_true` to 1e-3 where
    they overlap (`metrics.DiscUnion`).
    """
    return _measures_of(_means(x, mixture, fineness(x)), len(np.asarray(x)), mixture, t)


def measures_in_slices(
    x: NDArray[np.floating[Any]], mixture: Mixture, t: float, first: int = NUM_POINTS
) -> Generator[tuple[int, int, Measures], None, Measures]:
    """`measures` of all points, as work in slices: yields points done, points in all and measures of the `first` ones.

    With at most `first` points it returns the measures at once.
    """
    if len(x) <= first:
        return measures(x, mixture, t)
    of_first, fine = measures(x[:first], mixture, t), fineness(x)
    means: list[Any] = [0.0, 0.0, 0.0]
    for start in range(0, len(x), SLICE):
        yield start, len(x), of_first
        part = x[start : start + SLICE]
        share = len(part) / len(x)
        of_part: tuple[Any, ...] = _means(part, mixture, fine)
        means = [mean + share * more for mean, more in zip(means, of_part, strict=True)]
    mass, within, cloud = means
    return _measures_of((mass, within, cloud), len(x), mixture, t)


def _means(x: ArrayLike, mixture: Mixture, fine: int) -> Means:
    """The measures that are means over points: mass per mode, share within 3 s, `characteristic` with `fine`."""
    if isinstance(mixture, FullMixture):
        return np.zeros(0), float(np.mean(mixture.within(x, WITHIN))), characteristic(x, fine=fine)
    mass = mode_mass(x, mixture.means) if has_modes(mixture) else np.zeros(0)
    return mass, fraction_within(x, mixture.means, WITHIN * mixture.s), characteristic(x, fine=fine)


def _measures_of(means: Means, num_points: int, mixture: Mixture, t: float) -> Measures:
    mass, within, cloud = means
    mode_mass_true, within_true = _true_measures(mixture, t)
    distance = mmd_from(cloud, num_points, mixture, *_level(t))
    return Measures(
        mode_mass=mass,
        mode_mass_true=mode_mass_true,
        mode_mass_error=binomial_standard_error(mode_mass_true, num_points),
        within=within,
        within_true=within_true,
        within_error=float(binomial_standard_error(within_true, num_points)),
        distance=distance.distance,
        distance_expected=distance.expected,
    )


@lru_cache(maxsize=64)
def has_modes(mixture: GaussianMixture) -> bool:
    """Whether there are at most a dozen means, with disjoint discs of 3 s, so that each mean is a separate mode."""
    if len(mixture.means) > 12:
        return False
    gaps = squared_distances(mixture.means, mixture.means)
    np.fill_diagonal(gaps, np.inf)
    return bool(gaps.min() >= (6.0 * mixture.s) ** 2)


@lru_cache(maxsize=1024)
def _true_measures(mixture: Mixture, t: float) -> tuple[Array, float]:
    """Mass per mode and share within `WITHIN` standard deviations under p_t; cached, since a slider returns to a t."""
    signal, sigma_t = _level(t)
    if isinstance(mixture, FullMixture):
        return np.zeros(0), mixture.within_truth(WITHIN, signal, sigma_t)
    radius = WITHIN * mixture.s
    if has_modes(mixture):
        return mode_mass_truth(mixture, signal, sigma_t), fraction_within_truth(mixture, radius, signal, sigma_t)
    return np.zeros(0), _union(mixture, radius).probability(mixture, signal, sigma_t)


@lru_cache(maxsize=16)
def _union(mixture: GaussianMixture, radius: float) -> DiscUnion:
    return DiscUnion.of(mixture.means, radius)


def _level(t: float) -> tuple[float, float]:
    level = SCHEDULE.level(t)
    return level.signal, level.sigma_t


def _plane(axis: Array) -> Array:
    """All points (G, G, 2) of the square grid over `axis`, indexed [y, x]."""
    return np.stack(np.meshgrid(axis, axis), axis=-1)

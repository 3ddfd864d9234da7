"""Data sets in the plane, in numbers: noised forward by one jump, brought back by sampling, and measured.

Pictures are in VP coordinates throughout (noise is N(0, I) at t = 1); Langevin works in VE coordinates,
x_VE = x_VP / sqrt(alpha_bar). Lengths are in units of the data, t in [0, 1] has no unit.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common import samplers_vp
from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.metrics import (
    DiscUnion,
    binomial_standard_error,
    characteristic,
    fraction_within,
    fraction_within_truth,
    mmd_from,
    mode_mass,
    mode_mass_truth,
    nearest,
)
from diffusion_lab.instruments.common.mixtures import GaussianMixture, squared_distances
from diffusion_lab.instruments.common.parameterisation import noise
from diffusion_lab.instruments.common.samplers import annealed_langevin
from diffusion_lab.instruments.common.schedules import (
    alpha_bar_from_sigma,
    exponential_alpha_bar,
    exponential_t,
    geometric_sigmas,
    sigma_from_alpha_bar,
    vp_coefficients,
)

__all__ = [
    "MAX_FRAMES",
    "NUM_LEVELS",
    "NUM_POINTS",
    "NUM_STEPS",
    "SAMPLERS",
    "SIGMA_MAX",
    "SIGMA_MIN",
    "STEP_SIZE",
    "Frame",
    "Measures",
    "Trajectory",
    "density",
    "draw_clean",
    "evaluations",
    "forward",
    "frame_indices",
    "has_modes",
    "measures",
    "measures_in_slices",
    "nearest",
    "pixel_centres",
    "pixels",
    "reverse",
    "reverse_steps",
    "rounded",
    "sample",
    "score_field",
]

Array = NDArray[np.float64]
Means = tuple[Array, float, NDArray[np.complex128]]

NUM_POINTS = 520
NUM_LEVELS = 60
NUM_STEPS = 10
MAX_FRAMES = 60

SIGMA_MAX = float(sigma_from_alpha_bar(exponential_alpha_bar(1.0)))
"""VE noise level at t = 1: sqrt(e⁶ - 1) = 20.06."""

SIGMA_MIN = 0.01
"""Last noise level, far below s = 0.2, so that the clusters end at their own width."""

STEP_SIZE = 0.3
"""Langevin step in units of sigma². With the other defaults `langevin_variance` ends at a standard deviation
of 0.2054 for s = 0.2 (2.7 % wide). A smaller step stops short of the clusters' width (0.1: 7.6 % wide); a
larger one gets nearer but swells the cloud on the way, by 1/sqrt(1 - step_size/2) at high noise."""


SLICE = 2000
"""Points that are measured at a time: 5 ms for a set of 128 Gaussians."""


def draw_clean(mixture: GaussianMixture, num_points: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
    """Clean points x0 (N, 2) and the mode (N,) each belongs to."""
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    return mixture.sample(num_points, rng)


def forward(x0: Array, eps: Array, t: float) -> Array:
    """x_t (N, 2) by equation (1.2), exponential schedule; at fixed `eps` it moves continuously with t."""
    return noise(x0, eps, exponential_alpha_bar(t))


@dataclass(frozen=True, eq=False)
class Frame:
    """The cloud after `nfe` score evaluations of the way back, in VP coordinates.

    level: from 0; step: Langevin steps done at this level, 0 for the start and wherever a sampler steps between
    levels; sigma: the level's VE noise, with its alpha_bar and t; x: (N, 2) float64.
    """

    nfe: int
    level: int
    step: int
    sigma: float
    alpha_bar: float
    t: float
    x: Array


def rounded(frame: Frame) -> Frame:
    """The frame with x in float32, which is far below a pixel and halves what a long run keeps."""
    return replace(frame, x=frame.x.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Kept frames of one run: x (F, N, 2) in VP coordinates; the other arrays are (F,), one entry a frame.

    `x` is float32: its rounding (1e-7 of a coordinate) lies far below a pixel and a measure's standard error,
    and it halves what is kept and sent, 8 N F bytes: 0.25 MB for 520 points and 61 frames, 9.8 MB for 20000.
    evaluations: score evaluations per point before each frame; nfe: the same for the whole run.
    """

    x: NDArray[np.float32]
    level: NDArray[np.int64]
    step: NDArray[np.int64]
    sigma: Array
    alpha_bar: Array
    t: Array
    evaluations: NDArray[np.int64]
    nfe: int

    @property
    def num_steps(self) -> int:
        """Langevin steps taken at each level."""
        return int(self.step[-1])

    @classmethod
    def from_frames(cls, frames: Iterable[Frame]) -> "Trajectory":
        """Stack frames as they come, rounding each to float32 at once; the last is the end of the run."""
        rows = []
        clouds = []
        for frame in frames:
            clouds.append(frame.x.astype(np.float32))
            rows.append((frame.level, frame.step, frame.sigma, frame.alpha_bar, frame.t, frame.nfe))
        require(rows, "`frames` must hold at least one frame", "none")
        level, step, sigma, alpha_bar, t, evaluations = (np.array(column) for column in zip(*rows, strict=True))
        return cls(np.stack(clouds), level, step, sigma, alpha_bar, t, evaluations, int(evaluations[-1]))


def frame_indices(total: int, max_frames: int) -> NDArray[np.int64]:
    """Which of the states 0 … `total` to keep: at most `max_frames` + 1, evenly spaced, with both ends."""
    require(total >= 1, "`total` must be at least 1", total)
    require(max_frames >= 1, "`max_frames` must be at least 1", max_frames)
    count = min(max_frames, total)
    return np.arange(count + 1, dtype=np.int64) * total // count


def reverse_steps(
    mixture: GaussianMixture,
    num_points: int = NUM_POINTS,
    num_levels: int = NUM_LEVELS,
    num_steps: int = NUM_STEPS,
    step_size: float = STEP_SIZE,
    *,
    rng: np.random.Generator,
    sigma_min: float = SIGMA_MIN,
) -> Iterator[Frame]:
    """The way back step by step: the start, then a frame after each of num_levels num_steps Langevin steps.

    Annealed Langevin (Song & Ermon 2019, Algorithm 1) with the exact VE score, over `num_levels` geometric
    levels from SIGMA_MAX to `sigma_min`, from x_VP ~ N(0, I), that is x_VE = x_VP / sqrt(alpha_bar(1)).
    Nothing is computed before it is asked for, so a caller can take the steps in slices. The same `rng`
    state gives the same run, bit for bit under one build of NumPy. Raises ValueError at the call.
    """
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    sigmas = geometric_sigmas(SIGMA_MAX, sigma_min, num_levels)
    alpha_bars = alpha_bar_from_sigma(sigmas)
    times = exponential_t(alpha_bars)
    start = rng.standard_normal((num_points, mixture.means.shape[1])) / np.sqrt(alpha_bars[0])
    states = annealed_langevin(lambda x, sigma: mixture.score(x, 1.0, sigma), start, sigmas, num_steps, step_size, rng)

    def frame(nfe: int, level: int, step: int, x: Array) -> Frame:
        alpha_bar = float(alpha_bars[level])
        x_vp = np.sqrt(alpha_bar) * x
        return Frame(nfe, level, step, float(sigmas[level]), alpha_bar, float(times[level]), x_vp)

    def frames() -> Iterator[Frame]:
        yield frame(0, 0, 0, start)
        for nfe, state in enumerate(states, start=1):
            yield frame(nfe, state.level, state.step, state.x)

    return frames()


def reverse(
    mixture: GaussianMixture,
    num_points: int = NUM_POINTS,
    num_levels: int = NUM_LEVELS,
    num_steps: int = NUM_STEPS,
    step_size: float = STEP_SIZE,
    *,
    rng: np.random.Generator,
    max_frames: int = MAX_FRAMES,
    sigma_min: float = SIGMA_MIN,
) -> Trajectory:
    """Run `reverse_steps` to its end, keeping the frames that `frame_indices` names."""
    kept = frame_indices(num_levels * num_steps, max_frames)
    frames = reverse_steps(mixture, num_points, num_levels, num_steps, step_size, rng=rng, sigma_min=sigma_min)
    wanted = set(kept.tolist())
    return Trajectory.from_frames(frame for frame in frames if frame.nfe in wanted)


def sample(
    mixture: GaussianMixture,
    sampler: str = "langevin",
    num_points: int = NUM_POINTS,
    num_levels: int = NUM_LEVELS,
    *,
    rng: np.random.Generator,
    **options: Any,
) -> Iterator[Frame]:
    """The reverse process by one of `SAMPLERS` with the exact score: the start, N(0, I) at t = 1, then each step.

    Langevin takes `num_steps` steps (an option, NUM_STEPS where left out) at each of the levels; the others one step
    to each, `num_levels` in all, and stop at SIGMA_MIN without a last jump; "ddim" has the option `eta`. The same `rng`
    state gives all samplers the same start. Raises ValueError at the call for a sampler that is not there.
    """
    require(sampler in SAMPLERS, f"`sampler` must be one of {', '.join(SAMPLERS)}", sampler)
    stepper = SAMPLERS[sampler]
    if stepper is None:
        return reverse_steps(mixture, num_points, num_levels, rng=rng, **options)
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    sigmas = geometric_sigmas(SIGMA_MAX, SIGMA_MIN, num_levels + 1)
    alpha_bars = alpha_bar_from_sigma(sigmas)
    start = rng.standard_normal((num_points, mixture.means.shape[1]))
    states = stepper(_exact_eps(mixture), start, alpha_bars, rng, **options)

    def frames() -> Iterator[Frame]:
        yield Frame(0, 0, 0, float(sigmas[0]), float(alpha_bars[0]), float(exponential_t(alpha_bars[0])), start)
        for state in states:
            t = float(exponential_t(state.alpha_bar))
            yield Frame(state.nfe, state.step, 0, float(sigmas[state.step]), state.alpha_bar, t, state.x)

    return frames()


def evaluations(sampler: str, num_levels: int, num_steps: int = NUM_STEPS) -> int:
    """Score evaluations per point of a whole run: Langevin's steps at every level, or a step to every level."""
    return num_levels * {"langevin": num_steps, "ode_heun": 2}.get(sampler, 1)


SAMPLERS: dict[str, Callable[..., Iterator[samplers_vp.StepState]] | None] = {
    "langevin": None,  # the one that works at levels, not between them
    "ddpm": lambda eps, x, levels, rng: samplers_vp.ddpm_ancestral(eps, x, levels, rng, "beta"),
    "ddim": samplers_vp.ddim,
    "sde_euler": samplers_vp.reverse_sde,
    "ode_euler": lambda eps, x, levels, rng: samplers_vp.probability_flow_euler(eps, x, levels),
    "ode_heun": lambda eps, x, levels, rng: samplers_vp.probability_flow_heun(eps, x, levels),
    "dpm_solver_pp_2m": lambda eps, x, levels, rng: samplers_vp.dpm_solver_pp_2m(eps, x, levels),
}
"""The samplers offered, by name. DDPM takes the variance beta."""


def _exact_eps(mixture: GaussianMixture) -> samplers_vp.Eps:
    """The best noise prediction there is, -sqrt(1 - alpha_bar) times the exact score."""

    def eps_hat(x: Array, alpha_bar: float) -> Array:
        signal, sigma_t = (float(level) for level in vp_coefficients(alpha_bar))
        return -sigma_t * mixture.score(x, signal, sigma_t)

    return eps_hat


def pixels(x: ArrayLike, part: ArrayLike, extent: float, side: int) -> NDArray[np.int8]:
    """An image of points x (N, 2): the part (N,) at each pixel (side, side) [row y, column x], -2 where there is none.

    It covers [-extent, extent]²; row 0 is the bottom. Of several points in a pixel the last is seen.
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


def score_field(mixture: GaussianMixture, t: float, grid: ArrayLike) -> tuple[Array, Array]:
    """Arrows of the exact score at time t: positions (G², 2) and score vectors (G², 2), in 1/unit.

    `grid` (G,) holds the coordinates used along both axes; positions run along x first.
    """
    positions = _plane(np.asarray(grid, dtype=np.float64)).reshape(-1, 2)
    return positions, mixture.score(positions, *_level(t))


def density(mixture: GaussianMixture, t: float, extent: float, resolution: int) -> Array:
    """Exact p_t at the pixel centres of [-extent, extent]², shape (R, R) [row y, column x], per unit².

    Row 0 is the bottom, y = -extent, as Bokeh's `image` expects.
    """
    signal, sigma_t = _level(t)
    var = float(mixture.var(signal, sigma_t))
    # A round Gaussian is a product of one in x and one in y, so the sum over components is a matrix product.
    x, y = np.exp(-0.5 / var * (pixel_centres(extent, resolution) - signal * mixture.means.T[:, :, None]) ** 2)
    return y.T @ (mixture.weights[:, None] / (2.0 * np.pi * var) * x)


@dataclass(frozen=True, eq=False)
class Measures:
    """What a cloud shows beside what p_t says; each error is the standard deviation of the measure under p_t.

    mode_mass, mode_mass_true, mode_mass_error: (K,) fraction nearest each clean mean, (0,) where the means stand too
    close for modes; within, within_true, within_error: fraction within 3 s of a clean mean; distance: maximum mean
    discrepancy from p_t (`metrics.mmd`), distance_expected: what perfect draws of as many points come to.
    """

    mode_mass: Array
    mode_mass_true: Array
    mode_mass_error: Array
    within: float
    within_true: float
    within_error: float
    distance: float
    distance_expected: float


def measures(x: ArrayLike, mixture: GaussianMixture, t: float) -> Measures:
    """Measures of a cloud x (N, 2) in VP coordinates, with their true values at time t.

    The truths are exact to 1e-11 where the discs of 3 s about the means are apart, and `within_true` to 1e-3 where
    they overlap (`metrics.DiscUnion`).
    """
    return _measures_of(_means(x, mixture), len(np.asarray(x)), mixture, t)


def measures_in_slices(
    x: NDArray[np.floating[Any]], mixture: GaussianMixture, t: float, first: int = NUM_POINTS
) -> Generator[tuple[int, int, Measures], None, Measures]:
    """`measures` of all points, as work in slices: yields points done, points in all and measures of the `first` ones.

    Of at most `first` points it returns the measures at once.
    """
    if len(x) <= first:
        return measures(x, mixture, t)
    of_first = measures(x[:first], mixture, t)
    means: list[Any] = [0.0, 0.0, 0.0]
    for start in range(0, len(x), SLICE):
        yield start, len(x), of_first
        part = x[start : start + SLICE]
        share = len(part) / len(x)
        of_part: tuple[Any, ...] = _means(part, mixture)
        means = [mean + share * more for mean, more in zip(means, of_part, strict=True)]
    mass, within, cloud = means
    return _measures_of((mass, within, cloud), len(x), mixture, t)


def _means(x: ArrayLike, mixture: GaussianMixture) -> Means:
    """What is measured as a mean over points: mass per mode, share within 3 s, `metrics.characteristic`."""
    mass = mode_mass(x, mixture.means) if has_modes(mixture) else np.zeros(0)
    return mass, fraction_within(x, mixture.means, 3.0 * mixture.s), characteristic(x)


def _measures_of(means: Means, num_points: int, mixture: GaussianMixture, t: float) -> Measures:
    mass, within, cloud = means
    mode_mass_true, within_true = _true_measures(mixture, 3.0 * mixture.s, t)
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
    """Whether the discs of 3 s about a dozen means at most are apart, so that each mean is a mode of its own."""
    if len(mixture.means) > 12:
        return False
    gaps = squared_distances(mixture.means, mixture.means)
    np.fill_diagonal(gaps, np.inf)
    return bool(gaps.min() >= (6.0 * mixture.s) ** 2)


@lru_cache(maxsize=1024)
def _true_measures(mixture: GaussianMixture, radius: float, t: float) -> tuple[Array, float]:
    """Mass per mode and share within `radius` under p_t; kept, since a slider and a player come back to the same t."""
    signal, sigma_t = _level(t)
    if has_modes(mixture):
        return mode_mass_truth(mixture, signal, sigma_t), fraction_within_truth(mixture, radius, signal, sigma_t)
    return np.zeros(0), _union(mixture, radius).probability(mixture, signal, sigma_t)


@lru_cache(maxsize=16)
def _union(mixture: GaussianMixture, radius: float) -> DiscUnion:
    return DiscUnion.of(mixture.means, radius)


def _level(t: float) -> tuple[float, float]:
    signal, sigma_t = vp_coefficients(exponential_alpha_bar(t))
    return float(signal), float(sigma_t)


def _plane(axis: Array) -> Array:
    """All points (G, G, 2) of the square grid over `axis`, indexed [y, x]."""
    return np.stack(np.meshgrid(axis, axis), axis=-1)

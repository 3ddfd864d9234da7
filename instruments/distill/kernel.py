"""The consistency map of the exact probability-flow ODE, and sampling with it in a few steps.

Every way goes from SIGMA_MAX down to SIGMA_MIN, where the data of this instrument are: points with that little noise.
Points are in VP coordinates unless it says VE; lengths are in units of the data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.denoisers import Denoiser, MixtureDenoiser, x0_hat
from diffusion_lab.instruments.common.exact_ode import exact_trajectory
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import Discrepancy, mmd
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, Trajectory
from diffusion_lab.instruments.common.schedules import Geometric, Karras
from diffusion_lab.instruments.common.slices import Work, sliced, within

Array = NDArray[np.float64]
MapWork = Callable[[Array, Level], Work[Array]]
"""A consistency map as work in slices: takes points (N, 2) at a level to the ends of their trajectories at END."""

SIGMA_MAX, SIGMA_MIN = 80.0, 0.02
START, END = Level.from_sigma(SIGMA_MAX), Level.from_sigma(SIGMA_MIN)
STEPS_PER_E = 8
"""Runge-Kutta steps of the map for each factor e in sigma; trajectories have twice as many."""


def levels(num_steps: int) -> list[Level]:
    """The num_steps + 1 levels of every sampler here, from START to END: Karras et al. 2022, equation 5, rho = 7.

    Every second one of them are the levels of half as many steps.
    """
    return Karras(SIGMA_MIN, SIGMA_MAX).levels(num_steps + 1)


def level_at(t: float) -> Level:
    """The level at t, from 0, END, to 1, START: equal differences of t are equal factors in sigma."""
    return Level.from_sigma(float(Geometric(SIGMA_MIN, SIGMA_MAX).sigma(t)))


def noise(seed: int | Sequence[int], n: int) -> Array:
    """Points (n, 2) of pure noise, where everything starts."""
    return seeded(seed).standard_normal((n, 2))


# --- the consistency map ---------------------------------------------------------------------------------------------


@sliced
def trajectories(
    mixture: GaussianMixture, x: ArrayLike, level: Level = START, steps_per_e: float = 2 * STEPS_PER_E
) -> Work[Trajectory[Level]]:
    """The exact ODE from points x (N, 2) at a level above END to END, in equal factors of sigma; 4 passes a step."""
    of = max(1, int(np.ceil(steps_per_e * np.log(level.sigma / SIGMA_MIN) - 1e-9)))
    states = [SamplerState(0, 0, level, np.asarray(x, dtype=np.float64))]
    for at, points in exact_trajectory(mixture, x, level, END, of):
        states.append(SamplerState(len(states), 4 * len(states), at, points))
        yield len(states) - 1, of
    return Trajectory.of(states)


@sliced
def consistency_map(
    mixture: GaussianMixture, x: ArrayLike, level: Level, steps_per_e: float = STEPS_PER_E
) -> Work[Array]:
    """f(x, level): the end at END of the exact trajectory through each of the points x (N, 2), to 2e-5.

    Song et al. 2023, section 3; equation (7.1): the same for all points of one trajectory, and at END the point itself.
    """
    if level.sigma <= SIGMA_MIN:
        return np.asarray(x, dtype=np.float64)
    way = yield from trajectories.work(mixture, x, level, steps_per_e)
    return np.asarray(way.x[-1])


class Misses(NamedTuple):
    """Root mean square distances from the ends of trajectories, at levels (L,): of the map, and of the guess x0_hat."""

    sigma: Array
    by_map: Array
    by_guess: Array


@sliced
def miss(mixture: GaussianMixture, way: Trajectory[Level], k: int) -> Work[tuple[float, float]]:
    """How far from the end of a trajectory map and guess lead from its state k: root mean square distances.

    The map solves the ODE afresh from there, in other steps, so that its misses measure how consistent it is.
    """
    x, level = way.x[k], way.levels[k]
    ends = yield from consistency_map.work(mixture, x, level)
    guess = END.signal * x0_hat(x, MixtureDenoiser(mixture)(x, level), level)
    return rms(ends, way.x[-1]), rms(guess, way.x[-1])


@sliced
def misses(mixture: GaussianMixture, way: Trajectory[Level], every: int) -> Work[Misses]:
    """The same from every `every`-th state of the trajectory, without its end."""
    states = range(0, len(way.x) - 1, every)
    rows: list[tuple[float, float]] = []
    for k in states:
        rows.append((yield from within(miss.work(mixture, way, k), len(rows), len(states))))
    sigma = np.array([way.levels[k].sigma for k in states])
    return Misses(sigma, *np.array(rows).T)


def rms(a: Array, b: Array) -> float:
    """Root mean square distance between the points a and b, (N, 2) each."""
    return float(np.sqrt(np.mean(np.sum((a - b) ** 2, axis=1))))


# --- sampling in few steps -------------------------------------------------------------------------------------------


def noised_again(ends: Array, level: Level, rng: Normals) -> Array:
    """Ends (N, 2) at END with fresh noise, at `level`: line 4 of the algorithm below."""
    added = np.sqrt(level.sigma**2 - SIGMA_MIN**2)
    return level.signal * (ends / END.signal + added * rng.standard_normal(ends.shape))


@sliced
def consistency_sampling(
    consistency: MapWork, x: Array, grid: Sequence[Level], rng: Normals
) -> Work[Trajectory[Level]]:
    """Multi-step consistency sampling, Song et al. 2023, algorithm 1: the start, then ends and noised ends in turn.

    x (N, 2): noise at the first level of `grid`. The map is applied once at each level, and between two levels fresh
    noise takes its ends to the next one.
    """
    states = [SamplerState(0, 0, grid[0], x)]
    for k, level in enumerate(grid):
        if k:
            x = noised_again(x, level, rng)
            states.append(SamplerState(2 * k, k, level, x))
        x = yield from within(consistency(x, level), k, len(grid))
        states.append(SamplerState(2 * k + 1, k + 1, END, x))
    return Trajectory.of(states)


def ddim_run(denoiser: Denoiser, x: Array, num_steps: int) -> Trajectory[Level]:
    """DDIM without fresh noise, in `num_steps` steps from noise x (N, 2)."""
    return Trajectory.of(ddim(denoiser, x, levels(num_steps)))


def ddim_ends(denoiser: Denoiser, x: Array, num_steps: int) -> Array:
    """Where it ends, (N, 2)."""
    return deque(ddim(denoiser, x, levels(num_steps)), maxlen=1).pop().x


def law_error(x: ArrayLike, mixture: GaussianMixture) -> Discrepancy:
    """Distance of points x (N, 2) at END from the exact law there, and its mean for perfect draws: `metrics.mmd`."""
    return mmd(x, mixture, END.signal, END.sigma_t)

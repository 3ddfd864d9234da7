"""What noise schedules do to points on a line: densities, paths, lost information, the chain, and DDIM in few steps.

The noised density depends on a schedule through alpha_bar alone. So the three losses that the instrument marks happen
at the same alpha_bar under all schedules, and a schedule only decides at which time that is. Lengths are in units of
the data; a mixture has d = 1 here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.schedules import SCHEDULES, Schedule
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]


def _modes(means: list[float], weights: list[float], s: float) -> GaussianMixture:
    return GaussianMixture(np.array(means)[:, None], np.array(weights), s)


DATA: dict[str, GaussianMixture] = {
    "two_modes": _modes([-2.0, 2.0], [0.5, 0.5], 0.3),
    "uneven_modes": _modes([-2.0, 2.0], [0.3, 0.7], 0.3),
    "two_pairs": _modes([-2.5, -1.3, 1.3, 2.5], [0.25] * 4, 0.25),
}

TIMES: Array = np.linspace(0.0, 1.0, 101)
"""Times at which densities, curves and paths are computed."""

BITS_LEFT = 0.1
"""The class counts as unknown where the noised point carries less than this many bits about it."""

STEPS = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50)
"""Numbers of DDIM steps that are compared."""

QUANTILES: Array = (np.arange(400) + 0.5) / 400
"""Probabilities whose quantiles represent a distribution on the line."""


VANISHED = 1e-30
"""alpha_bar below which nothing is left: the cosine schedule's 1e-33 at t = 1 is the rounding of 0."""


def level_of(schedule: Schedule, t: ArrayLike) -> Level:
    """The noise level at t, without signal where less than VANISHED is left."""
    level = schedule.level(np.asarray(t, dtype=np.float64))
    gone = np.less(level.alpha_bar, VANISHED)
    return Level.from_alpha_bar(np.where(gone, 0.0, level.alpha_bar)) if np.any(gone) else level


def beta_of(schedule: Schedule, t: ArrayLike) -> Array:
    """Noise added per unit of t; infinite where nothing is left."""
    t = np.asarray(t, dtype=np.float64)
    return np.where(np.less(schedule.alpha_bar(t), VANISHED), np.inf, schedule.beta(t))


# --- densities and what is lost --------------------------------------------------------------------------------------


def densities(mixture: GaussianMixture, level: Level, x: Array) -> Array:
    """Exact densities at places x (X,) and the T noise levels of `level`: (X, T), per unit."""
    signal, sigma = np.atleast_1d(level.signal), np.atleast_1d(level.sigma_t)
    places = np.repeat(x, len(signal))[:, None]
    at = np.tile(signal, len(x)), np.tile(sigma, len(x))
    return np.exp(mixture.log_density(places, *at)).reshape(len(x), -1)


def count_modes(mixture: GaussianMixture, level: Level, nodes: int = 2001) -> int:
    """Number of peaks of the noised density: places where the score changes from positive to not positive."""
    reach = 1.2 * np.abs(mixture.means).max() * level.signal
    x = np.linspace(-reach, reach, nodes) if reach > 0 else np.array([-1.0, 1.0])
    rises = mixture.score(x[:, None], level.signal, level.sigma_t)[:, 0] > 0
    return int(np.count_nonzero(rises[:-1] & ~rises[1:])) or 1


def class_information(mixture: GaussianMixture, level: Level, nodes: int = 801) -> float:
    """Mutual information of a noised point and its mode, in bits: H(mode) - E[H(mode | x)].

    From the entropy of the modes' weights, where nothing is noised, down to 0. The mean over x is a trapezoidal sum
    over all but 1e-15 of the density, whose error is below 1e-9 bits for smooth densities such as these.
    """
    sd = float(np.sqrt(mixture.var(level.signal, level.sigma_t)))
    low, high = (float(level.signal * mean) for mean in (mixture.means.min(), mixture.means.max()))
    x = np.linspace(low - 8.0 * sd, high + 8.0 * sd, nodes)[:, None]
    density = np.exp(mixture.log_density(x, level.signal, level.sigma_t))
    left = density @ entropy(mixture.responsibilities(x, level.signal, level.sigma_t)) * float(x[1, 0] - x[0, 0])
    return max(0.0, float(entropy(mixture.weights) - left))


def entropy(p: ArrayLike) -> Array:
    """Entropy in bits of distributions p (..., K) over the last axis."""
    p = np.asarray(p, dtype=np.float64)
    return -np.sum(p * np.log2(np.maximum(p, 1e-300)), axis=-1)


@dataclass(frozen=True)
class Losses:
    """The alpha_bar at which each quantity is lost, the same under every schedule.

    half: alpha_bar = 1/2, signal and noise have equal weights, SNR = 1; modes: two peaks of the density have
    become one; information: a noised point carries BITS_LEFT about its mode.
    """

    half: float
    modes: float
    information: float

    @classmethod
    def of(cls, mixture: GaussianMixture) -> Losses:
        """For `mixture`, by bisection in the log-SNR. In one dimension noise never makes a peak (Silverman 1981)."""
        every = count_modes(mixture, Level.from_log_snr(12.0))
        return cls(
            0.5,
            _crossing(lambda level: count_modes(mixture, level) < every),
            _crossing(lambda level: class_information(mixture, level) < BITS_LEFT),
        )

    def times(self, schedule: Schedule) -> tuple[float, float, float]:
        """The times of the three under a schedule, in the order of the fields."""
        half, modes, information = (float(schedule.t(x)) for x in (self.half, self.modes, self.information))
        return half, modes, information


def _crossing(lost: Callable[[Level], bool], high: float = 12.0, low: float = -12.0) -> float:
    """The alpha_bar at which `lost` turns true as the log-SNR falls from `high` to `low`, to 1e-7 in the log-SNR."""
    while high - low > 1e-7:
        middle = (high + low) / 2.0
        high, low = (high, middle) if lost(Level.from_log_snr(middle)) else (middle, low)
    return float(Level.from_log_snr(low).alpha_bar)


@sliced
def information_curves(mixture: GaussianMixture) -> Work[dict[str, Array]]:
    """Bits about the mode that are left under each schedule at TIMES, (T,) each."""
    curves = {}
    for done, (name, schedule) in enumerate(SCHEDULES.items()):
        found = []
        for start in range(0, len(TIMES), 20):
            levels = schedule.level(TIMES[start : start + 20]).split()
            found += [class_information(mixture, level, 401) for level in levels]
            yield done + start / len(TIMES), len(SCHEDULES)
        curves[name] = np.array(found)
    return curves


# --- paths -----------------------------------------------------------------------------------------------------------


def same_paths(x0: Array, rng: np.random.Generator, schedules: Mapping[str, Schedule] = SCHEDULES) -> dict[str, Array]:
    """Paths of points x0 (N,) under each schedule at TIMES: (T, N), VP coordinates, all with the same noise.

    In VE coordinates noising is Brownian motion in the clock sigma²: x = x0 + B(sigma²) (Song et al. 2021, eq. 30).
    So one Brownian path serves all schedules, each of which runs through it at its own pace. It is drawn at the levels
    of all schedules together, so that the law of each path is exact at TIMES.
    """
    levels = {name: schedule.level(TIMES) for name, schedule in schedules.items()}
    sigmas, place = np.unique(np.concatenate([level.sigma for level in levels.values()]), return_inverse=True)
    steps = np.sqrt(np.diff(np.concatenate([[0.0], sigmas**2])))[:, None] * rng.standard_normal((len(sigmas), len(x0)))
    brownian = np.cumsum(steps, axis=0)
    places = place.reshape(len(levels), -1)
    return {
        name: np.asarray(level.signal)[:, None] * (x0 + brownian[row])
        for (name, level), row in zip(levels.items(), places, strict=True)
    }


# --- the chain and the one jump --------------------------------------------------------------------------------------


def forward_step(x: Array, beta: float, z: Array) -> Array:
    """One step of the forward chain, Ho et al. 2020, eq. 2: points x, noise z of the same shape, 0 < beta < 1."""
    return np.sqrt(1.0 - beta) * x + np.sqrt(beta) * z


def chain(x0: Array, betas: Array, rng: np.random.Generator) -> Array:
    """The points x0 (N,) after 0, 1, … T steps of the chain with `betas` (T,): (T + 1, N)."""
    states = np.empty((len(betas) + 1, len(x0)))
    states[0] = x0
    for k, beta in enumerate(betas.tolist()):
        states[k + 1] = forward_step(states[k], beta, rng.standard_normal(len(x0)))
    return states


def chain_law(betas: Array) -> tuple[Array, Array]:
    """Factor of x0 and variance of the noise after 0, 1, … T steps, (T + 1,) each, by following the chain.

    Found from `forward_step` itself: it is linear, so the factor is what it makes of 1, and noise adds in squares.
    """
    one, nothing = np.ones(1), np.zeros(1)
    factor, var = [1.0], [0.0]
    for beta in betas.tolist():
        carry, gain = forward_step(one, beta, nothing)[0], forward_step(nothing, beta, one)[0]
        factor.append(float(carry * factor[-1]))
        var.append(float(carry**2 * var[-1] + gain**2))
    return np.array(factor), np.array(var)


def difference_of_laws(betas: Array) -> float:
    """Largest difference of factor and variance between the chain and the one jump, equation (1.2), over all steps."""
    factor, var = chain_law(betas)
    alpha_bar = np.cumprod(np.append(1.0, 1.0 - betas))
    return float(max(np.abs(factor - np.sqrt(alpha_bar)).max(), np.abs(var - (1.0 - alpha_bar)).max()))


# --- few steps -------------------------------------------------------------------------------------------------------


def cdf(mixture: GaussianMixture, x: Array, level: Level) -> Array:
    """P(x_t <= x) of the noised mixture at places x (N,), to rounding."""
    scale = np.sqrt(2.0 * mixture.var(level.signal, level.sigma_t))
    u = (x[:, None] - level.signal * mixture.means[:, 0]) / scale
    tails = np.fromiter(map(erf, u.ravel().tolist()), float, u.size).reshape(u.shape)
    return 0.5 + 0.5 * tails @ mixture.weights


def quantiles(mixture: GaussianMixture, p: Array, level: Level) -> Array:
    """Places x (N,) below which a share p (N,), strictly between 0 and 1, of the noised mixture lies; by bisection.

    The error is below 1e-9 units. Raises ValueError for other p.
    """
    require(np.all((p > 0) & (p < 1)), "`p` must lie between 0 and 1", p)
    reach = float(np.abs(mixture.means).max() + 40.0 * np.sqrt(mixture.var(level.signal, level.sigma_t)))
    low, high = np.full(len(p), -reach), np.full(len(p), reach)
    for _ in range(38):
        middle = (low + high) / 2.0
        below = cdf(mixture, middle, level) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2.0


@dataclass(frozen=True, eq=False)
class FewSteps:
    """Distance of DDIM's samples to the data, the earth mover's (Wasserstein-1) in units of the data, by schedule.

    error: (len(STEPS),) each; floor: the distance with infinitely many steps, because samplers start from N(0, 1) and
    not from the noised data at t = 1, which hold a little signal.
    """

    error: dict[str, Array]
    floor: dict[str, float]


@sliced
def few_steps(mixture: GaussianMixture) -> Work[FewSteps]:
    """DDIM from the quantiles of N(0, 1), at equal steps of each schedule's time, on the exact score.

    On the line both distances follow from quantiles, without random numbers: the exact flow of the ODE maps quantiles
    to quantiles, and the earth mover's distance is the mean distance of sorted points.
    """
    clean, normal = Level.from_sigma(0.0), _modes([0.0], [1.0], 1.0)
    start, data = quantiles(normal, QUANTILES, clean), quantiles(mixture, QUANTILES, clean)
    floor, error, denoiser = {}, {}, MixtureDenoiser(mixture)
    for done, (name, schedule) in enumerate(SCHEDULES.items()):
        errors = []
        for k, steps in enumerate(STEPS):
            *_, end = ddim(denoiser, start[:, None], ddim_levels(schedule, steps))
            errors.append(distance(np.sort(end.x[:, 0]), data))
            yield done + k / len(STEPS), len(SCHEDULES)
        share = cdf(mixture, start, schedule.level(1.0))
        error[name], floor[name] = np.array(errors), distance(quantiles(mixture, share, clean), data)
    return FewSteps(error, floor)


def ddim_levels(schedule: Schedule, num_steps: int) -> list[Level]:
    """The levels between which DDIM takes `num_steps` equal steps of t; the last is clean."""
    noise_at_0 = schedule.level(0.0).sigma > 0  # Karras' time begins at sigma_min
    return schedule.levels(num_steps, clean=True) if noise_at_0 else schedule.levels(num_steps + 1)


def distance(x: Array, y: Array) -> float:
    """Mean distance of sorted points (N,)."""
    return float(np.mean(np.abs(x - y)))

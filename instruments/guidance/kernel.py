"""The guidance dial in numbers: guided samples of a conditional mixture, and the tilted density they do not follow.

Pictures are in VP coordinates (noise is N(0, I) at t = 1), samplers work in VE, x_VE = x_VP / sqrt(alpha_bar).
Lengths are in units of the data; t in [0, 1] is the time of the exponential schedule and has no unit.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.guidance import (
    Conditioned,
    Guide,
    ancestral_sde,
    combine,
    exact_eps,
    heun_ode,
    karras_sigmas,
)
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers import annealed_langevin
from diffusion_lab.instruments.common.schedules import (
    alpha_bar_from_sigma,
    exponential_alpha_bar,
    exponential_t,
    geometric_sigmas,
    sigma_from_alpha_bar,
)

Array = NDArray[np.float64]

SAMPLERS = ("deterministic", "stochastic", "langevin")
NUM_POINTS = 360
CURVE_POINTS = 96
CURVE_SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

SIGMA_MAX = float(sigma_from_alpha_bar(exponential_alpha_bar(1.0)))
"""VE noise level at t = 1: sqrt(e⁶ - 1) = 20.06."""

SIGMA_MIN = 0.02
"""Last level above 0 of the ODE and the SDE."""

LANGEVIN_SIGMA_MIN = 0.05
LANGEVIN_STEP_SIZE = 0.3
"""Langevin step in units of sigma²."""

CENTRES = {
    "A": ((-0.55, 0.30), (-1.30, 0.85), (-1.65, 1.75)),
    "B": ((0.60, 0.45), (1.75, -1.10)),
    "C": ((0.00, -0.45), (-0.45, -1.35)),
}
"""Clusters of each class: an arm that leaves the crowded middle, a pair of which one stands apart, a short pair."""

WIDTH = 0.42
"""Standard deviation of every cluster, per axis."""


def _class_mixture(centres: tuple[tuple[float, float], ...]) -> GaussianMixture:
    return GaussianMixture(np.array(centres), np.full(len(centres), 1 / len(centres)), WIDTH)


def _everything() -> GaussianMixture:
    """All classes, equally common."""
    means = np.concatenate([np.array(centres) for centres in CENTRES.values()])
    weights = [np.full(len(centres), 1 / len(centres) / len(CENTRES)) for centres in CENTRES.values()]
    return GaussianMixture(means, np.concatenate(weights), WIDTH)


def _round(var: float) -> GaussianMixture:
    return GaussianMixture(np.zeros((1, 2)), np.ones(1), np.sqrt(var))


UNCONDITIONAL = _everything()
CONDITIONS: dict[str, Conditioned] = {
    **{name: Conditioned(UNCONDITIONAL, _class_mixture(c), 1 / len(CENTRES)) for name, c in CENTRES.items()},
    # p(c) = 1/2 is the most that leaves p(x) - p(c) p(x|c) >= 0 in the plane; then p(c|x) = exp(-|x|²/4).
    "gaussian": Conditioned(_round(2.0), _round(1.0), 0.5),
}


# --- samples ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """All that a run depends on.

    interval: (low, high) in t, guidance acts between them and w = 1 elsewhere; (0, 1) is everywhere.
    num_levels: noise levels; num_steps: Langevin steps at each.
    """

    condition: str = "A"
    sampler: str = "deterministic"
    guidance_scale: float = 3.0
    interval: tuple[float, float] = (0.0, 1.0)
    num_levels: int = 24
    num_steps: int = 6
    seed: int = 0

    def __post_init__(self) -> None:
        require(self.condition in CONDITIONS, f"`condition` must be one of {', '.join(CONDITIONS)}", self.condition)
        require(self.sampler in SAMPLERS, f"`sampler` must be one of {', '.join(SAMPLERS)}", self.sampler)
        low, high = self.interval
        require(0 <= low <= high <= 1, "`interval` must be 0 <= low <= high <= 1", self.interval)

    @property
    def model(self) -> Conditioned:
        """Data and condition."""
        return CONDITIONS[self.condition]

    def guide(self, scale: float | Array) -> Guide:
        """The guided prediction at w = `scale`, within the interval."""
        low, high = (float(sigma_from_alpha_bar(exponential_alpha_bar(t))) for t in self.interval)
        return Guide(self.model, scale, low, np.inf if self.interval[1] == 1 else high)


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a sampler: x (F, N, 2) float32 in VP coordinates, one entry a frame, the first pure noise.

    sigma, t: (F,) noise level of each frame; nfe: network evaluations per point, both branches counted.
    """

    x: NDArray[np.float32]
    sigma: Array
    t: Array
    nfe: int


def sample(settings: Settings, num_points: int = NUM_POINTS) -> Run:
    """Run the sampler from N(0, I) at t = 1. The same settings give the same run, bit for bit under one NumPy."""
    guide = settings.guide(settings.guidance_scale)
    rng = np.random.default_rng(settings.seed)
    states = [(SIGMA_MAX, _start(rng, num_points)), *_states(settings, guide, _start_rng(settings, num_points))]
    sigma = np.array([level for level, _ in states])
    signal = np.sqrt(alpha_bar_from_sigma(sigma))
    x = np.stack([(a * state).astype(np.float32) for a, (_, state) in zip(signal, states, strict=True)])
    return Run(x, sigma, exponential_t(alpha_bar_from_sigma(sigma)), guide.nfe)

"""Samplers on one exact score, from the same noise: their runs, the exact ends, and errors against evaluations.

Every run goes from SIGMA_MAX down to SIGMA_MIN and ends there, without the jump to clean: it is the same for all, and
it would hide the orders. Points are in VP coordinates, lengths in units of the data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.exact_ode import exact_trajectory
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import Discrepancy, mmd
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS as EVERY_SAMPLER
from diffusion_lab.instruments.common.samplers.state import SamplerState
from diffusion_lab.instruments.common.schedules import Cosine, Geometric, Karras, Linear, Schedule
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]

SIGMA_MAX, SIGMA_MIN = 80.0, 0.02
NUM_POINTS = 600
REFERENCE_STEPS = 120
"""Of Runge-Kutta 4 in log(sigma): its ends are within 1e-5 of those of 1600 steps on every data set."""

SPACINGS = ("karras", "uniform_log_snr", "linear", "cosine")

LINE = GaussianMixture(np.array([[-2.0], [2.0]]), np.array([0.3, 0.7]), 0.3)
"""The data of the view over time: one number a point, 30 % about -2 and 70 % about 2."""


@dataclass(frozen=True)
class Method:
    """A sampler in the comparison.

    label: its usual name; evaluations: of the network, a step; order: of its ODE solver, 0 where it adds fresh noise;
    options: names of those choices of `Choices` that it takes.
    """

    label: str
    evaluations: int
    order: int
    options: tuple[str, ...] = ()

    @property
    def stochastic(self) -> bool:
        """Whether it adds fresh noise: then its points have no exact ends, only an exact law."""
        return self.order == 0


METHODS: dict[str, Method] = {
    "ddpm": Method("DDPM", 1, 0),
    "ddim": Method("DDIM", 1, 1),
    "ode_euler": Method("Euler", 1, 1, ("variable",)),
    "ode_heun": Method("Heun", 2, 2, ("variable",)),
    "deis": Method("DEIS", 1, 3),
    "dpm_solver_pp_2m": Method("DPM++ 2M", 1, 2),
    "unipc": Method("UniPC", 1, 3),
    "edm_stochastic": Method("EDM", 2, 0, ("churn", "solver")),
}


@dataclass(frozen=True)
class Choices:
    """EDM's design choices (Karras et al. 2022, table 1), each for the samplers that have it.

    spacing, rho: the noise levels; variable: that in which Euler and Heun solve the ODE; churn: fresh noise of EDM's
    sampler, S_churn; solver: whether EDM's sampler makes Heun's correction.
    """

    spacing: str = "karras"
    rho: float = 7.0
    variable: str = "log_alpha_bar"
    churn: float = 40.0
    solver: str = "heun"

    def options_of(self, sampler: str) -> dict[str, Any]:
        """The options that a sampler takes."""
        return {name: getattr(self, name) for name in METHODS[sampler].options}

    def evaluations_of(self, sampler: str) -> int:
        """Evaluations of the network per step."""
        by_euler = "solver" in METHODS[sampler].options and self.solver == "euler"
        return 1 if by_euler else METHODS[sampler].evaluations


def levels(spacing: str, rho: float, num_steps: int) -> list[Level]:
    """num_steps + 1 levels from SIGMA_MAX to SIGMA_MIN.

    "karras": even in sigma^(1/rho); "uniform_log_snr": each the same factor below the last; "linear" and "cosine":
    even in the time of that schedule.
    """
    require(spacing in SPACINGS, f"`spacing` must be one of {', '.join(SPACINGS)}", repr(spacing))
    if spacing == "karras":
        return Karras(SIGMA_MIN, SIGMA_MAX, rho).levels(num_steps + 1)
    if spacing == "uniform_log_snr":
        return Geometric(SIGMA_MIN, SIGMA_MAX).levels(num_steps + 1)
    schedule: Schedule = Linear() if spacing == "linear" else Cosine()
    high, low = (float(schedule.t(Level.from_sigma(sigma).alpha_bar)) for sigma in (SIGMA_MAX, SIGMA_MIN))
    return schedule.levels(num_steps + 1, t_max=high, t_min=low)


def noise(seed: int, n: int = NUM_POINTS, d: int = 2) -> Array:
    """The points (n, d) at which every run starts."""
    return seeded(seed).standard_normal((n, d))


def states(
    mixture: GaussianMixture,
    sampler: str,
    x: ArrayLike,
    nfe: int,
    choices: Choices,
    seed: int,
    one_draw: bool = False,
) -> Iterator[SamplerState[Level]]:
    """A run with a budget of `nfe` evaluations per point, at least one step: the start, then each step.

    A sampler with two evaluations a step takes half as many steps. `seed` is that of the fresh noise; one_draw: all
    points get the same.
    """
    require(sampler in METHODS, f"`sampler` must be one of {', '.join(METHODS)}", repr(sampler))
    steps = max(1, nfe // choices.evaluations_of(sampler))
    grid, rng = levels(choices.spacing, choices.rho, steps), seeded([seed, list(METHODS).index(sampler)])
    drawn = OneDraw(rng) if one_draw else rng
    return EVERY_SAMPLER[sampler](MixtureDenoiser(mixture), np.asarray(x), grid, drawn, **choices.options_of(sampler))


# --- truth and errors ------------------------------------------------------------------------------------------------


@sliced
def reference_ends(mixture: GaussianMixture, x: ArrayLike, sigma_max: float = SIGMA_MAX) -> Work[Array]:
    """Where the ODE takes noise x (N, d) by SIGMA_MIN, to 1e-5: (N, d), VP. Classical Runge-Kutta in log(sigma)."""
    start, end = Level.from_sigma(sigma_max), Level.from_sigma(SIGMA_MIN)
    states = exact_trajectory(mixture, x, start, end, REFERENCE_STEPS)
    for step, state in enumerate(states, start=1):
        points = state[1]
        yield step, REFERENCE_STEPS
    return points


def end_error(ends: Array, reference: Array) -> float:
    """Root mean square distance between ends (N, d) of a run and the exact ends of the same noise."""
    return float(np.sqrt(np.mean(np.sum((ends - reference) ** 2, axis=1))))


def law_error(ends: ArrayLike, mixture: GaussianMixture) -> Discrepancy:
    """Distance of ends (N, 2) from the exact law at SIGMA_MIN, and its mean for perfect draws: see `metrics.mmd`."""
    level = Level.from_sigma(SIGMA_MIN)
    return mmd(ends, mixture, level.signal, level.sigma_t)


@dataclass(frozen=True, eq=False)
class Curve:
    """Errors of a sampler against evaluations, as far as they are computed: (B,) each; nan where there is none."""

    nfe: list[int] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    law: list[float] = field(default_factory=list)


@sliced
def error_curves(
    mixture: GaussianMixture, x: Array, reference: Array, choices: Choices, seed: int, ladder: Sequence[int]
) -> Work[dict[str, Curve]]:
    """Both errors of every sampler for each budget of `ladder`; yields what there is after each budget too."""
    curves: dict[str, Curve] = {name: Curve() for name in METHODS}
    done, of = 0, sum(ladder) * len(METHODS)
    for nfe in ladder:
        rows = {}
        for name, method in METHODS.items():
            for state in states(mixture, name, x, nfe, choices, seed):
                last = state
                yield done, of, curves
            end = np.nan if method.stochastic else end_error(last.x, reference)
            rows[name] = (last.nfe, end, law_error(last.x, mixture).distance)
            done += nfe
        parts = {name: (curves[name], rows[name]) for name in METHODS}
        curves = {
            name: Curve([*old.nfe, row[0]], [*old.end, row[1]], [*old.law, row[2]])
            for name, (old, row) in parts.items()
        }
    return curves


# --- interpolation ---------------------------------------------------------------------------------------------------


def spherical(a: ArrayLike, b: ArrayLike, shares: ArrayLike) -> Array:
    """Spherical interpolation from a to b, (d,) each, at shares (M,) from 0 to 1: (M, d).

    Shoemake 1985; between noises by Song, Meng & Ermon 2021, appendix D.5, so that all keep the norm of noise.
    With the angle theta between a and b: (sin((1 - u) theta) a + sin(u theta) b) / sin(theta). Raises ValueError where
    a and b lie on one line through the origin, which has no shortest arc.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    u = np.asarray(shares, dtype=np.float64)[:, None]
    cosine = float(a @ b / np.sqrt((a @ a) * (b @ b)))
    require(abs(cosine) < 1 - 1e-9, "`a` and `b` must not lie on one line through the origin", f"cosine {cosine}")
    theta = np.arccos(cosine)
    return (np.sin((1.0 - u) * theta) * a + np.sin(u * theta) * b) / np.sin(theta)


def between(seed: int, n: int, interpolation: str) -> Array:
    """Noises (n, 2) on the way between two that are drawn: "spherical" or "linear"."""
    a, b = seeded([seed, len(METHODS)]).standard_normal((2, 2))
    shares = np.linspace(0.0, 1.0, n)
    return spherical(a, b, shares) if interpolation == "spherical" else a + shares[:, None] * (b - a)


class OneDraw:
    """Noise that is the same for all points: each gets the first row of what `rng` draws."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def standard_normal(self, size: tuple[int, ...]) -> Array:
        """One draw, for all points."""
        return np.broadcast_to(self.rng.standard_normal((1, *size[1:])), size)


def largest_jump(ends: Array) -> float:
    """The largest distance between neighbours of ends (M, d)."""
    return float(np.sqrt(np.sum(np.diff(ends, axis=0) ** 2, axis=1)).max())

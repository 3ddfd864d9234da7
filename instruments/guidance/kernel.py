"""The guidance dial in numbers: guided samples of a conditional mixture, and the tilted density they do not follow.

All is in VP coordinates (noise is N(0, I) at t = 1), but for `exact_variance`, which follows variances in VE.
Lengths are in units of the data; t in [0, 1] is the time of the exponential schedule and has no unit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.guidance import GUIDED_BY, guided
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS as EVERY_SAMPLER
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, Trajectory
from diffusion_lab.instruments.common.schedules import Exponential, Geometric, Karras
from diffusion_lab.instruments.common.tilted import Tilted, centres, log_density_on_grid, measures

Array = NDArray[np.float64]

SCHEDULE = Exponential()
"""Whose time t the pictures are labelled with."""

SAMPLERS = ("ode_heun", "sde_heun", "langevin")
ANSWER_OF = {"ode_heun": "deterministic", "sde_heun": "stochastic", "langevin": "tilted"}
"""Which of `GaussianAnswers` each sampler comes to, in the end."""

NUM_POINTS = 360
CURVE_POINTS = 108
CURVE_SCALES = (0.0, 0.25, 0.5, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)

SIGMA_MAX = float(SCHEDULE.level(1.0).sigma)
"""VE noise level at t = 1: sqrt(e⁶ - 1) = 20.06."""

SIGNAL_MIN = float(SCHEDULE.level(1.0).signal)
"""Amplitude of the signal at t = 1: e⁻³ = 0.0498."""

SIGMA_MIN = 0.05
"""Last level above 0, well below the clusters' own width."""

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
CONDITIONS: dict[str, ConditionalMixture] = {
    **{name: ConditionalMixture(UNCONDITIONAL, _class_mixture(c), 1 / len(CENTRES)) for name, c in CENTRES.items()},
    # p(c) = 1/2 is the most that leaves p(x) - p(c) p(x|c) >= 0 in the plane; then p(c|x) = exp(-|x|²/4).
    "gaussian": ConditionalMixture(_round(2.0), _round(1.0), 0.5),
}


# --- samples ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """All that a run depends on.

    interval: (low, high) in t, guidance acts between them and w = 1 elsewhere; (0, 1) is everywhere.
    num_levels: noise levels; num_steps: Langevin steps at each; guide_by: one of GUIDED_BY.
    """

    condition: str = "A"
    sampler: str = "ode_heun"
    guidance_scale: float = 3.0
    interval: tuple[float, float] = (0.0, 1.0)
    num_levels: int = 24
    num_steps: int = 5
    seed: int = 0
    guide_by: str = "classifier_free"

    def __post_init__(self) -> None:
        require(self.condition in CONDITIONS, f"`condition` must be one of {', '.join(CONDITIONS)}", self.condition)
        require(self.sampler in SAMPLERS, f"`sampler` must be one of {', '.join(SAMPLERS)}", self.sampler)
        require(self.guide_by in GUIDED_BY, f"`guide_by` must be one of {', '.join(GUIDED_BY)}", self.guide_by)
        low, high = self.interval
        require(0 <= low <= high <= 1, "`interval` must be 0 <= low <= high <= 1", self.interval)

    @property
    def model(self) -> ConditionalMixture:
        """Data and condition."""
        return CONDITIONS[self.condition]

    def at_scale(self, guidance_scale: float) -> "Settings":
        """The same with another w."""
        return replace(self, guidance_scale=guidance_scale)

    def guide(self, scale: float | Array) -> Denoiser:
        """The guided prediction at w = `scale`, within the interval."""
        return guided(self.model, scale, *self.sigmas, self.guide_by)

    @property
    def sigmas(self) -> tuple[float, float]:
        """The interval as VE noise levels (low, high), infinite at t = 1."""
        low, high = (float(SCHEDULE.level(t).sigma) for t in self.interval)
        return low, np.inf if self.interval[1] == 1 else high

    @property
    def levels(self) -> list[Level]:
        """The `num_levels` noise levels of Langevin; of the others those and the clean one."""
        if self.sampler == "langevin":
            return Geometric(SIGMA_MIN, SIGMA_MAX).levels(self.num_levels)
        return Karras(SIGMA_MIN, SIGMA_MAX).levels(self.num_levels, clean=True)

    @property
    def draws(self) -> int:
        """How often the sampler draws noise for all points."""
        return {"ode_heun": 0, "sde_heun": self.num_levels, "langevin": self.num_levels * self.num_steps}[self.sampler]


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
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    noise = _Drawn(_normals(settings.seed, settings.draws + 1, num_points))
    start = noise.standard_normal((num_points, 2))
    run = Trajectory.of(_states(settings, settings.guide(settings.guidance_scale), start, noise), np.float32)
    alpha_bar, sigma = np.array([(level.alpha_bar, level.sigma) for level in run.levels]).T
    return Run(run.x, sigma, SCHEDULE.t(alpha_bar), int(run.nfe[-1]))


def _states(settings: Settings, guide: Denoiser, x: Array, rng: Normals) -> Iterator[SamplerState[Level]]:
    """The start and the state after each step of the sampler."""
    langevin = {"num_steps": settings.num_steps, "step_size": LANGEVIN_STEP_SIZE}
    options = langevin if settings.sampler == "langevin" else {}
    return EVERY_SAMPLER[settings.sampler](guide, x, settings.levels, rng, **options)


@lru_cache(maxsize=4)
def _normals(seed: int, draws: int, num_points: int) -> Array:
    """N(0, 1) numbers (draws, 2, N), in the order in which a sampler draws them; kept, as w does not touch them."""
    drawn = seeded(seed).standard_normal((draws, num_points, 2))
    return np.ascontiguousarray(drawn.transpose(0, 2, 1))


class _Drawn:
    """Normal numbers drawn before; for `times` blocks of points, the same in each."""

    def __init__(self, drawn: Array, times: int = 1) -> None:
        self.drawn, self.times = iter(drawn), times

    def standard_normal(self, _: tuple[int, ...], /) -> Array:
        """The next ones, (N, 2), one coordinate after the other in memory."""
        columns = next(self.drawn)
        return (columns if self.times == 1 else np.tile(columns, self.times)).T


def exact_variance(settings: Settings) -> float:
    """Variance per axis of what `sample` gives in the Gaussian case, in so many levels: no chance, no limit.

    There all predictions are multiples of the point, so the points stay Gaussian and a step multiplies their standard
    deviation, and adds what noise it draws. `GaussianAnswers` is what this comes to with endless levels from endless
    noise. Raises ValueError for another condition.
    """
    require(settings.condition == "gaussian", '`condition` must be "gaussian"', repr(settings.condition))
    (low, high), levels = settings.sigmas, [level.sigma for level in settings.levels]

    def eps(x: float, sigma: float) -> float:
        w = settings.guidance_scale if low < sigma <= high else 1.0
        uncond, cond = 1.0 / (2.0 + sigma**2), 1.0 / (1.0 + sigma**2)
        clean = settings.guide_by == "clean_classifier"  # its slope is -x/2 at every level
        return sigma * x * (uncond + w * cond / 2.0 if clean else (1.0 - w) * uncond + w * cond)

    var = 1.0 / SIGNAL_MIN**2
    if settings.sampler == "langevin":
        for sigma in levels:
            step = LANGEVIN_STEP_SIZE * sigma**2
            factor = 1.0 - step * eps(1.0, sigma) / sigma
            for _ in range(settings.num_steps):
                var = factor**2 * var + 2.0 * step
        return var / (1.0 + SIGMA_MIN**2)  # in VP coordinates, as the frames are
    for sigma_cur, sigma_next in pairwise(levels):
        added = sigma_cur**2 - sigma_next**2 if settings.sampler == "sde_heun" else 0.0
        sigma_hat = (sigma_cur**2 + added) ** 0.5
        slope = eps(1.0, sigma_hat)
        factor = 1.0 + (sigma_next - sigma_hat) * slope
        if sigma_next > 0:  # Heun, as in `heun_step`
            factor = 1.0 + (sigma_next - sigma_hat) / 2.0 * (slope + eps(factor, sigma_next))
        var = factor**2 * (var + added)
    return var


# --- adherence against spread ----------------------------------------------------------------------------------------


def variance(x: Array) -> float:
    """Variance per axis of points x (N, 2) about their mean, without bias."""
    return float(np.var(np.asarray(x, dtype=np.float64), axis=0, ddof=1).mean())


@dataclass(frozen=True, eq=False)
class Curve:
    """Adherence and spread (W,) at each of CURVE_SCALES: of samples, or of the tilted density."""

    adherence: Array
    spread: Array


def sampled_curve(settings: Settings, num_points: int = CURVE_POINTS) -> Curve:
    """Measures of `num_points` samples at each of CURVE_SCALES, all from the same noise, in one batch."""
    num_scales = len(CURVE_SCALES)
    noise = _Drawn(_normals(settings.seed, settings.draws + 1, num_points), num_scales)
    start = noise.standard_normal((num_points, 2))
    *_, last = _states(settings, settings.guide(np.repeat(CURVE_SCALES, num_points)[:, None]), start, noise)
    x = last.x / last.level.signal
    of_scale = [measures(settings.model, part) for part in x.reshape(num_scales, num_points, 2)]
    return Curve(np.array([m.adherence for m in of_scale]), np.array([m.spread for m in of_scale]))


# --- the tilted density ----------------------------------------------------------------------------------------------


def _at_level(mixture: GaussianMixture, t: float) -> GaussianMixture:
    """The mixture noised to t, in VP coordinates, as a mixture of its own."""
    level = SCHEDULE.level(t)
    var = mixture.var(level.signal, level.sigma_t)
    return GaussianMixture(level.signal * mixture.means, mixture.weights, np.sqrt(var))


@lru_cache(maxsize=128)
def noised(condition: str, t: float) -> ConditionalMixture:
    """Data and condition as they stand at t, in VP coordinates: what points at that level are measured against."""
    model = CONDITIONS[condition]
    return ConditionalMixture(_at_level(model.uncond, t), _at_level(model.cond, t), model.prior)


def groups(condition: str, t: float) -> dict[str, GaussianMixture]:
    """What there is to see at t, by name: the three classes, or the two Gaussians of the known case."""
    if condition == "gaussian":
        return {"p(x|c)": noised(condition, t).cond, "p(x)": noised(condition, t).uncond}
    return {name: noised(name, t).cond for name in CENTRES}


@lru_cache(maxsize=40)
def tilted(condition: str, t: float) -> Tilted:
    """The tilted density at t of a condition; kept."""
    return Tilted(noised(condition, t))


@lru_cache(maxsize=len(CONDITIONS))
def tilted_curve(condition: str) -> Curve:
    """Measures of the tilted density of clean data at each of CURVE_SCALES; kept."""
    of_scale = [tilted(condition, 0.0).measures(w) for w in CURVE_SCALES]
    return Curve(np.array([m.adherence for m in of_scale]), np.array([m.spread for m in of_scale]))


@lru_cache(maxsize=40)
def _log_densities(
    condition: str, t: float, extent: tuple[float, float], cells: tuple[int, int]
) -> tuple[Array, Array]:
    """log p_t(x|c) and log p_t(x) on a picture's cells, in float32: a slider of w moves only how they are mixed."""
    axes, model = [centres(*side) for side in zip(extent, cells, strict=True)], noised(condition, t)
    both = (log_density_on_grid(mixture, *axes).astype(np.float32) for mixture in (model.cond, model.uncond))
    return next(both), next(both)


def tilted_image(
    condition: str, t: float, guidance_scale: float, extent: tuple[float, float], cells: tuple[int, int]
) -> NDArray[np.uint8]:
    """p_t(x|c)^w p_t(x)^(1-w) over its largest, as shades 0 to 255: (rows, columns), row 0 at the bottom.

    extent: half width and half height of the picture, in VP coordinates; cells: (columns, rows).
    """
    cond, uncond = _log_densities(condition, t, extent, cells)
    log = np.float32(guidance_scale) * cond + np.float32(1.0 - guidance_scale) * uncond
    log -= log.max()
    return (255.0 * np.exp(log)).astype(np.uint8)


# --- the probe -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Probe:
    """What is predicted at one noised point. Vectors are (2,), in VP coordinates, eps without a unit.

    uncond, cond, guided: eps, and the places (1 - alpha_bar)^½ eps leads back to, sqrt(alpha_bar) x0_hat;
    classifier: gradient of log p(c|x) by central differences, p_t of noised points or p_0 of clean ones, whichever
    guides; from_eps: that of p_t from the two predictions.
    """

    position: Array
    eps_uncond: Array
    eps_cond: Array
    eps_guided: Array
    tips: Array
    classifier: Array
    from_eps: Array


def probe(
    model: ConditionalMixture,
    position: tuple[float, float],
    t: float,
    guidance_scale: float,
    guide_by: str = GUIDED_BY[0],
) -> Probe:
    """The two predictions at `position`, noised to t (above 0), and what guidance makes of them."""
    require(t > 0, "`t` must be above 0", t)
    level, at = SCHEDULE.level(t), np.array(position)
    sigma_t = level.sigma_t
    uncond, cond = (eps[0] for eps in model.both(at[None], level, True))
    eps_tilde = guided(model, guidance_scale, by=guide_by)(at[None], level)[0]
    h = 1e-4
    around = at + h * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    right, left, up, down = model.log_classifier(around, CLEAN if guide_by == "clean_classifier" else level)
    return Probe(
        position=at,
        eps_uncond=uncond,
        eps_cond=cond,
        eps_guided=eps_tilde,
        tips=at - sigma_t * np.stack([uncond, cond, eps_tilde]),
        classifier=np.array([right - left, up - down]) / (2 * h),
        from_eps=(uncond - cond) / sigma_t,
    )

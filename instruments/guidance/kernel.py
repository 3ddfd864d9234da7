"""The computations of the guidance dial: guided samples of a conditional mixture, and the tilted density.

Everything is in VP coordinates (noise is N(0, I) at t = 1), except `exact_variance`, which computes in VE.
Lengths are in units of the data; t in [0, 1] is the time of the exponential schedule and has no unit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
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
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState
from diffusion_lab.instruments.common.schedules import Exponential, Geometric, Karras
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.common.tilted import Measures, Tilted, centres, log_density_on_grid, measures

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

SCHEDULE = Exponential()
"""The schedule whose time t labels the pictures."""

SAMPLERS = ("ode_heun", "sde_heun", "langevin")
ANSWER_OF = {"ode_heun": "deterministic", "sde_heun": "stochastic", "langevin": "tilted"}
"""The limit of each sampler among `GaussianAnswers`."""

NUM_POINTS = 360
CURVE_POINTS = 108
CURVE_SCALES = (0.0, 0.25, 0.5, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)

SIGMA_MAX = float(SCHEDULE.level(1.0).sigma)
"""VE noise level at t = 1: sqrt(e⁶ - 1) = 20.06."""

SIGNAL_MIN = float(SCHEDULE.level(1.0).signal)
"""Amplitude of the signal at t = 1: e⁻³ = 0.0498."""

SIGMA_MIN = 0.05
"""Last level above 0, well below the clusters' own width."""

EXTENT = (3.3, 3.63)
"""Half the width and half the height of the picture."""

CELLS = (150, 165)
"""Columns and rows of its shading."""

LANGEVIN_STEP_SIZE = 0.3
"""Langevin step in units of sigma²."""

CENTRES = {
    "a": ((-0.55, 0.30), (-1.30, 0.85), (-1.65, 1.75)),
    "b": ((0.60, 0.45), (1.75, -1.10)),
    "c": ((0.00, -0.45), (-0.45, -1.35)),
}
"""Clusters of each class: an arm that leaves the crowded middle, a pair with one distant cluster, a short pair."""

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
    """All settings that a run depends on.

    interval: (low, high) in t, guidance acts between them and w = 1 elsewhere; (0, 1) is everywhere.
    num_levels: noise levels; num_steps: Langevin steps at each; guide_by: one of GUIDED_BY.
    """

    condition: str = "a"
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
        """The `num_levels` noise levels of Langevin; for other samplers also the clean one."""
        if self.sampler == "langevin":
            return Geometric(SIGMA_MIN, SIGMA_MAX).levels(self.num_levels)
        return Karras(SIGMA_MIN, SIGMA_MAX).levels(self.num_levels, clean=True)

    @property
    def steps_per_level(self) -> int:
        """Steps of the sampler at each noise level; a run has a frame after each step."""
        return self.num_steps if self.sampler == "langevin" else 1

    @property
    def steps(self) -> int:
        """Steps of the sampler in all."""
        return self.num_levels * self.steps_per_level

    def ends_level(self, step: int) -> bool:
        """Whether a noise level is done after so many steps."""
        return step > 0 and step % self.steps_per_level == 0

    @property
    def frame_levels(self) -> list[Level]:
        """Noise level of each frame of a run, `steps` + 1 of them, the first of pure noise; w does not change them."""
        levels = self.levels
        if self.sampler == "langevin":
            return [levels[0], *(level for level in levels for _ in range(self.num_steps))]
        return levels

    @property
    def frame_times(self) -> Array:
        """The t of each frame of a run, (steps + 1,)."""
        return np.asarray(SCHEDULE.t(np.array([level.alpha_bar for level in self.frame_levels])))


def angle(t: float) -> float:
    """`Level.angle` at t: what changes evenly while noise is added or removed."""
    return float(SCHEDULE.level(t).angle)


def angle_of_progress(progress: float) -> float:
    """`Level.angle` when that share of the sampling is done by Karras' levels, for any number of them."""
    return float(Karras(SIGMA_MIN, SIGMA_MAX).level(1.0 - progress).angle)


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a sampler: x (F, N, 2) float32 in VP coordinates, one entry a frame, the first pure noise.

    sigma, t: (F,) noise level of each frame; nfe: network evaluations per point, both branches counted.
    """

    x: Array32
    sigma: Array
    t: Array
    nfe: int


@sliced
def sample(settings: Settings, num_points: int = NUM_POINTS) -> Work[Run]:
    """Run the sampler from N(0, I) at t = 1. The same settings give the same run, bit for bit under one NumPy.

    In slices it yields (levels done, levels) at each noise level.
    """
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    noise = _Drawn(settings.seed, num_points)
    start = noise.standard_normal((num_points, 2))
    x, levels = np.empty((settings.steps + 1, num_points, 2), np.float32), []
    for state in _states(settings, settings.guide(settings.guidance_scale), start, noise):
        x[state.step] = state.x
        levels.append((state.level.alpha_bar, state.level.sigma))
        if settings.ends_level(state.step):
            yield state.step // settings.steps_per_level, settings.num_levels
    alpha_bar, sigma = np.array(levels).T
    return Run(x, sigma, np.asarray(SCHEDULE.t(alpha_bar)), state.nfe)


def _states(settings: Settings, guide: Denoiser, x: Array, rng: Normals) -> Iterator[SamplerState[Level]]:
    """The start and the state after each step of the sampler."""
    langevin = {"num_steps": settings.num_steps, "step_size": LANGEVIN_STEP_SIZE}
    options = langevin if settings.sampler == "langevin" else {}
    return EVERY_SAMPLER[settings.sampler](guide, x, settings.levels, rng, **options)


class _Tape:
    """N(0, 1) numbers in the order in which a sampler draws them, (2, N) each; drawn when first read, then cached."""

    def __init__(self, seed: int, num_points: int) -> None:
        self._rng, self._num_points = seeded(seed), num_points
        self._drawn: list[Array] = []

    def __getitem__(self, draw: int) -> Array:
        while len(self._drawn) <= draw:  # many at once: the stream of numbers is the same
            block = self._rng.standard_normal((16, self._num_points, 2))
            self._drawn.extend(np.ascontiguousarray(block.transpose(0, 2, 1)))
        return self._drawn[draw]


@lru_cache(maxsize=4)
def _tape(seed: int, num_points: int) -> _Tape:
    """The tape of a seed; cached, since it does not depend on w."""
    return _Tape(seed, num_points)


class _Drawn:
    """A sampler's source of normal numbers: those of a seed's tape; for `times` blocks of points, the same in each."""

    def __init__(self, seed: int, num_points: int, times: int = 1) -> None:
        self.tape, self.times, self.draws = _tape(seed, num_points), times, 0

    def standard_normal(self, _: tuple[int, ...], /) -> Array:
        """The next ones, (N, 2), one coordinate after the other in memory."""
        columns = self.tape[self.draws]
        self.draws += 1
        return (columns if self.times == 1 else np.tile(columns, self.times)).T


def exact_variance(settings: Settings) -> float:
    """Exact variance per axis of the points from `sample` in the Gaussian case, with a finite number of levels.

    There all predictions are multiples of the point, so the points stay Gaussian and a step multiplies their standard
    deviation, and adds what noise it draws. `GaussianAnswers` is the limit of infinitely many levels from
    infinite noise. Raises ValueError for another condition.
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


@sliced
def sampled_curve(settings: Settings, num_points: int = CURVE_POINTS) -> Work[Curve]:
    """Measures of `num_points` samples at each of CURVE_SCALES, all from the same noise, in one batch.

    In slices it yields (levels done, levels) at each noise level.
    """
    num_scales = len(CURVE_SCALES)
    noise = _Drawn(settings.seed, num_points, num_scales)
    start = noise.standard_normal((num_points, 2))
    for state in _states(settings, settings.guide(np.repeat(CURVE_SCALES, num_points)[:, None]), start, noise):
        if settings.ends_level(state.step):
            yield state.step // settings.steps_per_level, settings.num_levels
    x = state.x / state.level.signal
    return _curve(measures(settings.model, part) for part in x.reshape(num_scales, num_points, 2))


def tilted_curve(condition: str) -> Curve:
    """Measures of the tilted density of clean data at each of CURVE_SCALES."""
    density = Tilted(CONDITIONS[condition])
    return _curve(density.measures(w) for w in CURVE_SCALES)


def _curve(of_scale: Iterable[Measures]) -> Curve:
    adherence, spread = zip(*((m.adherence, m.spread) for m in of_scale), strict=True)
    return Curve(np.array(adherence), np.array(spread))


# --- the tilted density ----------------------------------------------------------------------------------------------


def _at_level(mixture: GaussianMixture, t: float) -> GaussianMixture:
    """The mixture noised to t, in VP coordinates, as a new mixture."""
    level = SCHEDULE.level(t)
    var = mixture.var(level.signal, level.sigma_t)
    return GaussianMixture(level.signal * mixture.means, mixture.weights, np.sqrt(var))


def noised(condition: str, t: float) -> ConditionalMixture:
    """Data and condition noised to t, in VP coordinates: the reference for points at that level."""
    model = CONDITIONS[condition]
    return ConditionalMixture(_at_level(model.uncond, t), _at_level(model.cond, t), model.prior)


@dataclass(frozen=True, eq=False)
class Group:
    """A class, or one of the two Gaussians of the known case, as it is drawn.

    chosen: whether it is the condition; circles: (73, K, 2) places on the circle of one standard deviation about
    each of its K clusters, the last place being the first; label_at: (2,) place of its name.
    """

    name: str
    chosen: bool
    circles: Array
    label_at: Array


def groups(condition: str, t: float) -> list[Group]:
    """The groups drawn at t: the three classes, or p(x|c) and p(x) of the Gaussian case."""
    if condition == "gaussian":  # both about one centre, so each name is outside its circle
        model = noised(condition, t)
        return [_group("p(x|c)", True, model.cond, -0.17), _group("p(x)", False, model.uncond, 0.17)]
    return [_group(name.upper(), name == condition, _at_level(CONDITIONS[name].cond, t)) for name in CENTRES]


def _group(name: str, chosen: bool, mixture: GaussianMixture, away: float = 0.0) -> Group:
    """away: distance of its name above the first circle, below it where negative; 0: at the circle's centre."""
    angle = np.linspace(0.0, 2.0 * np.pi, 73)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    circles = mixture.means + mixture.s * unit[:, None]
    up = np.copysign(mixture.s, away) + away if away else 0.0
    return Group(name, chosen, circles, mixture.means[0] + (0.0, up))


class AtNoise:
    """A condition at the noise level t: the data of pictures and measures, each computed lazily."""

    def __init__(self, condition: str, t: float) -> None:
        self.model = noised(condition, t)

    @cached_property
    def tilted(self) -> Tilted:
        """The tilted density."""
        return Tilted(self.model)

    @cached_property
    def log_densities(self) -> tuple[Array32, Array32]:
        """`log_densities` over the picture; w only mixes them."""
        return log_densities(self.model, EXTENT, CELLS)


def log_densities(
    model: ConditionalMixture, extent: tuple[float, float], cells: tuple[int, int]
) -> tuple[Array32, Array32]:
    """log p(x|c) and log p(x) of clean data on a picture's cells, (rows, columns) each, row 0 at the bottom.

    extent: half width and half height of the picture, in units of the data; cells: (columns, rows).
    """
    axes = [centres(*side) for side in zip(extent, cells, strict=True)]
    cond, uncond = (log_density_on_grid(mixture, *axes) for mixture in (model.cond, model.uncond))
    return cond.astype(np.float32), uncond.astype(np.float32)


def tilted_image(log_cond: Array32, log_uncond: Array32, guidance_scale: float) -> NDArray[np.uint8]:
    """p(x|c)^w p(x)^(1-w) over its largest, as shades 0 to 255, from the `log_densities` of a condition."""
    log = np.float32(guidance_scale) * log_cond + np.float32(1.0 - guidance_scale) * log_uncond
    log -= log.max()
    return (255.0 * np.exp(log)).astype(np.uint8)


# --- the probe -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Probe:
    """The predictions at one noised point. Vectors are (2,), in VP coordinates, eps without a unit.

    eps_uncond, eps_cond, eps_guided: predicted noise; tips (3, 2): position - sqrt(1 - alpha_bar) eps of each, which is
    sqrt(alpha_bar) x0_hat;
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
    """The two predictions at `position`, noised to t (above 0), and the guided one."""
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

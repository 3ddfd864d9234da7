"""The computations of the guidance dial: guided samples of a conditional mixture, and their exact variance.

Everything is in VP coordinates (noise is N(0, I) at t = 1), except `exact_variance`, which computes in VE.
Lengths are in units of the data; t in [0, 1] is the time of the exponential schedule and has no unit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.guidance import GUIDED_BY, guided
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS as EVERY_SAMPLER
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState
from diffusion_lab.instruments.common.schedules import Exponential, Geometric, Karras
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.common.tilted import Measures, Tilted, measures

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

GUIDE_BY = (*GUIDED_BY, "worse_model")
"""The source of guidance: as in `common.guidance`, or a worse model of the same class (autoguidance)."""

WORSE = 0.5
"""Standard deviation of the noise by which the worse model's input is noisier than that of the model itself."""


def _noisier(mixture: GaussianMixture, model_error: float) -> GaussianMixture:
    return GaussianMixture(mixture.means, mixture.weights, np.hypot(mixture.s, model_error))


@lru_cache(maxsize=64)
def predictions(condition: str, model_error: float = 0.0, guide_by: str = GUIDE_BY[0]) -> ConditionalMixture:
    """The model that predicts: exact with `model_error` 0, else with clusters that are too wide.

    It then predicts what is exact for data with Gaussian noise of that standard deviation added: the "input noise" by
    which Karras et al. (2024) make a model worse. With "worse_model" the branch without a condition is
    that of the class too, by a model with WORSE more of the same error (autoguidance).
    """
    require(model_error >= 0, "`model_error` must be at least 0", model_error)
    data = CONDITIONS[condition]
    cond = _noisier(data.cond, model_error)
    if guide_by == "worse_model":
        return ConditionalMixture(_noisier(data.cond, model_error + WORSE), cond, 1.0)
    return ConditionalMixture(_noisier(data.uncond, model_error), cond, data.prior) if model_error else data


# --- samples ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """All settings that a run depends on.

    interval: (low, high) in t, guidance acts between them and w = 1 elsewhere; (0, 1) is everywhere.
    num_levels: noise levels; num_steps: Langevin steps at each; guide_by: one of GUIDE_BY; rescale: phi of guidance
    rescale; model_error: as in `predictions`.
    """

    condition: str = "a"
    sampler: str = "ode_heun"
    guidance_scale: float = 3.0
    interval: tuple[float, float] = (0.0, 1.0)
    num_levels: int = 24
    num_steps: int = 5
    seed: int = 0
    guide_by: str = GUIDE_BY[0]
    rescale: float = 0.0
    model_error: float = 0.0

    def __post_init__(self) -> None:
        require(self.condition in CONDITIONS, f"`condition` must be one of {', '.join(CONDITIONS)}", self.condition)
        require(self.sampler in SAMPLERS, f"`sampler` must be one of {', '.join(SAMPLERS)}", self.sampler)
        require(self.guide_by in GUIDE_BY, f"`guide_by` must be one of {', '.join(GUIDE_BY)}", self.guide_by)
        low, high = self.interval
        require(0 <= low <= high <= 1, "`interval` must be 0 <= low <= high <= 1", self.interval)

    @property
    def model(self) -> ConditionalMixture:
        """Data and condition."""
        return CONDITIONS[self.condition]

    @property
    def predictions(self) -> ConditionalMixture:
        """The model that predicts."""
        return predictions(self.condition, self.model_error, self.guide_by)

    def at_scale(self, guidance_scale: float) -> "Settings":
        """The same with another w."""
        return replace(self, guidance_scale=guidance_scale)

    def guide(self, scale: float | Array) -> Denoiser:
        """The guided prediction at w = `scale`, within the interval."""
        return guided(self.predictions, scale, *self.sigmas, combined_by(self.guide_by), self.rescale)

    @property
    def effective_scale(self) -> float:
        """The w that acts in the Gaussian case: there rescaling keeps the direction, so it only lowers w towards 1."""
        w, two = self.guidance_scale, combined_by(self.guide_by) == "classifier_free"
        return self.rescale + (1.0 - self.rescale) * w if two and w > 1 else w

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


def combined_by(guide_by: str) -> str:
    """The arithmetic of a source of guidance, one of GUIDED_BY: a worse model's prediction is used like any other."""
    return "classifier_free" if guide_by == "worse_model" else guide_by


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
    var_uncond, var_cond = settings.predictions.uncond.s**2, settings.predictions.cond.s**2

    def eps(x: float, sigma: float) -> float:
        w = settings.effective_scale if low < sigma <= high else 1.0
        uncond, cond = 1.0 / (var_uncond + sigma**2), 1.0 / (var_cond + sigma**2)
        if settings.guide_by == "clean_classifier":  # its slope is the same at every level, but for VP coordinates
            slope = (1.0 / var_cond - 1.0 / var_uncond) / (1.0 + sigma**2)
            return sigma * x * (uncond + w * slope)
        return sigma * x * ((1.0 - w) * uncond + w * cond)

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

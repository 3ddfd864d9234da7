"""Guidance: two noise predictions extrapolated into a third, exact on Gaussian mixtures, and what samplers make of it.

    eps_tilde = (1 - w) eps_uncond + w eps_cond          w = 0 unconditional, w = 1 conditional
              = (1 + w') eps_cond - w' eps_uncond        w' = w - 1, Ho & Salimans 2022, eq. 6

All here is in VE coordinates, x = x0 + sigma eps, in units of the data; points are (N, d) float64.
The noise predicted is the same number in VP coordinates, x_VP = x_VE / sqrt(1 + sigma²).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]
Eps = Callable[[Array, float], Array]


class Normals(Protocol):
    """Where a sampler's noise comes from: `numpy.random.Generator`, or anything with this one method of it."""

    def standard_normal(self, size: tuple[int, ...], /) -> Array:
        """Independent N(0, 1) numbers of the shape `size`."""


def combine(eps_uncond: Array, eps_cond: Array, guidance_scale: float | Array) -> Array:
    """(1 - w) eps_uncond + w eps_cond, the shape of both; exactly one of the two at w = 0 and at w = 1.

    `guidance_scale` is a float, or one a point, (N, 1). w above 1 extrapolates beyond the condition.
    """
    return (1.0 - guidance_scale) * eps_uncond + guidance_scale * eps_cond


def combine_by_weight(eps_uncond: Array, eps_cond: Array, guidance_weight: float | Array) -> Array:
    """(1 + w') eps_cond - w' eps_uncond: the other convention in use, Ho & Salimans 2022, eq. 6; w' = w - 1."""
    return (1.0 + guidance_weight) * eps_cond - guidance_weight * eps_uncond


def exact_eps(mixture: GaussianMixture, x: Array, sigma: float) -> Array:
    """The best prediction of the noise in x (N, d), -sigma times the score of the mixture blurred by sigma.

    The same numbers as `-sigma * mixture.score(x, 1, sigma)`, to 1e-13 for s² + sigma² above 0.01, in a third of the
    time: the squares |x|² are left out, since they cancel in the responsibilities.
    """
    log_weights, half_squares, means = _constants(mixture)
    var = mixture.s**2 + sigma**2
    columns = np.ascontiguousarray(x.T)
    logits = mixture.means / var @ columns
    logits += log_weights - half_squares / var
    logits -= np.maximum.reduce(logits)
    np.exp(logits, out=logits)
    eps = means @ logits
    eps /= np.add.reduce(logits)
    eps -= columns
    eps *= -sigma / var
    return eps.T


@lru_cache(maxsize=64)
def _constants(mixture: GaussianMixture) -> tuple[Array, Array, Array]:
    """log weights (K, 1), |means|²/2 (K, 1) and the means as columns (d, K)."""
    half_squares = np.sum(mixture.means**2, axis=1, keepdims=True) / 2.0
    return np.log(mixture.weights)[:, None], half_squares, np.ascontiguousarray(mixture.means.T)


def exact_eps_of_both(uncond: GaussianMixture, cond: GaussianMixture, x: Array, sigma: float) -> tuple[Array, Array]:
    """`exact_eps` of two mixtures at the same points x (N, d)."""
    return _scores_of_both(uncond, cond, x, 1.0, sigma, -sigma)


def _scores_of_both(
    uncond: GaussianMixture, cond: GaussianMixture, x: Array, signal: float, sigma: float, factor: float
) -> tuple[Array, Array]:
    """`factor` times the scores (N, d) of two noised mixtures at points x (N, d): one pass over the clusters of both.

    A sampler calls this a hundred times for each move of a slider, and in a browser what NumPy takes to begin an
    operation costs more than a few hundred points.
    """
    means, log_weights, half_squares, squares, sums_of = _both_constants(uncond, cond)
    k, d = len(uncond.weights), means.shape[1]
    var = signal**2 * squares + sigma**2
    columns = np.ascontiguousarray(x.T)  # and a product of matrices stored row by row is ten times as fast there
    logits = signal / var * means @ columns
    logits += log_weights - signal**2 / var * half_squares
    for part in (logits[:k], logits[k:]):
        part -= np.maximum.reduce(part)
    np.exp(logits, out=logits)
    sums = sums_of @ logits  # of the means, weighted, and of the weights alone
    scores = []
    for first, weights, component in ((0, 2 * d, 0), (d, 2 * d + 1, k)):
        score = sums[first : first + d]
        score *= signal / sums[weights]
        score -= columns
        score *= factor / var[component]
        scores.append(score.T)
    return scores[0], scores[1]


@lru_cache(maxsize=64)
def _both_constants(uncond: GaussianMixture, cond: GaussianMixture) -> tuple[Array, Array, Array, Array, Array]:
    """Of the clusters of both, one after the other: means (K, d), log weights, |means|²/2 and s², (K, 1) each.

    Last the matrix (2 d + 2, K) that adds up, for either mixture, weighted means and weights.
    """
    k = len(uncond.weights)
    means = np.concatenate([uncond.means, cond.means])
    squares = np.repeat([uncond.s**2, cond.s**2], [k, len(cond.weights)])[:, None]
    first = np.arange(len(means)) < k
    sums_of = np.concatenate([means.T * first, means.T * ~first, [first, ~first]]).astype(np.float64)
    log_weights = np.log(np.concatenate([uncond.weights, cond.weights]))[:, None]
    return means, log_weights, np.sum(means**2, axis=1, keepdims=True) / 2.0, squares, sums_of


@dataclass(frozen=True, eq=False)
class Conditioned:
    """Data p(x), the part of it that has the condition, p(x|c), and how common that is, `prior` = p(c).

    What has not the condition is the rest, (p(x) - p(c) p(x|c)) / (1 - p(c)), which the caller sees to be a density.
    """

    uncond: GaussianMixture
    cond: GaussianMixture
    prior: float

    def __post_init__(self) -> None:
        require(0 < self.prior <= 1, "`prior` must be above 0 and at most 1", self.prior)

    def log_classifier(self, x: ArrayLike, signal: float, sigma: float) -> Array:
        """log p(c|x) of noised points x (..., d), shape (...): Bayes' rule, p(c) p(x|c) / p(x)."""
        cond = self.cond.log_density(x, signal, sigma)
        return np.log(self.prior) + cond - self.uncond.log_density(x, signal, sigma)

    def classifier_gradient(self, x: ArrayLike, signal: float, sigma: float) -> Array:
        """Gradient of `log_classifier` in x, (..., d): the difference of the two scores, exactly.

        So classifier guidance (Dhariwal & Nichol 2021, eq. 14), score + w times this, is the same thing as guidance
        without a classifier.
        """
        x = np.asarray(x, dtype=np.float64)
        points = x.reshape(-1, x.shape[-1])
        uncond, cond = _scores_of_both(self.uncond, self.cond, points, signal, sigma, 1.0)
        return (cond - uncond).reshape(x.shape)

    def log_tilted(self, x: ArrayLike, signal: float, sigma: float, guidance_scale: float) -> Array:
        """log of p(x|c)^w p(x)^(1-w), shape (...), not normalised; its gradient is the guided score at that level."""
        cond = self.cond.log_density(x, signal, sigma)
        return guidance_scale * cond + (1.0 - guidance_scale) * self.uncond.log_density(x, signal, sigma)


GUIDED_BY = ("classifier_free", "classifier", "clean_classifier")
"""What pushes towards the condition: the difference of two predictions, or a classifier of noised or clean points."""


class Guide:
    """The guided noise prediction as a function of (x, sigma) that counts its network evaluations per point, `nfe`.

    by: one of GUIDED_BY. "classifier_free" is `combine`. "classifier" adds w times the slope of log p(c|x) at the level
    of x to the unconditional score (Dhariwal & Nichol 2021, eq. 14): the same numbers, the classifier being exact.
    "clean_classifier" asks the exact classifier of *clean* data at every level, about the VP point as it stands: wrong.

    Guidance acts for sigma_low < sigma <= sigma_high; elsewhere w = 1, plain conditioning (Kynkäänniemi et al. 2024).
    A level with w = 0 costs one evaluation, since the other part has no say, and without a classifier so does one with
    w = 1; else two: both branches, or network and classifier. `guidance_scale` may be one a point, (N, 1).
    """

    def __init__(
        self,
        model: Conditioned,
        guidance_scale: float | Array,
        sigma_low: float = 0.0,
        sigma_high: float = np.inf,
        by: str = "classifier_free",
    ) -> None:
        require(np.all(np.greater_equal(guidance_scale, 0)), "`guidance_scale` must be at least 0", guidance_scale)
        require(by in GUIDED_BY, f"`by` must be one of {', '.join(GUIDED_BY)}", by)
        self.model, self.guidance_scale = model, guidance_scale
        self.sigma_low, self.sigma_high, self.by = sigma_low, sigma_high, by
        self.nfe = 0

    def __call__(self, x: Array, sigma: float) -> Array:
        """eps_tilde (N, d) for points x (N, d) at the noise level sigma, above 0."""
        model = self.model
        scale = self.guidance_scale if self.sigma_low < sigma <= self.sigma_high else 1.0
        single = (0.0, 1.0) if self.by == "classifier_free" else (0.0,)
        if np.ndim(scale) == 0 and scale in single:
            self.nfe += 1
            return exact_eps(model.cond if scale else model.uncond, x, sigma)
        self.nfe += 2
        if self.by == "classifier_free":
            return combine(*exact_eps_of_both(model.uncond, model.cond, x, sigma), scale)
        return exact_eps(model.uncond, x, sigma) - scale * self.push(x, sigma)

    def push(self, x: Array, sigma: float) -> Array:
        """What the classifier adds to eps (N, d) at w = 1, its sign turned: the noise times the slope of log p(c|x)."""
        if self.by == "clean_classifier":
            signal = 1.0 / np.sqrt(1.0 + sigma**2)
            return (sigma * signal) * self.model.classifier_gradient(signal * x, 1.0, 0.0)
        return sigma * self.model.classifier_gradient(x, 1.0, sigma)

    def score(self, x: Array, sigma: float) -> Array:
        """The guided score, -eps_tilde / sigma."""
        return self(x, sigma) / -sigma


def karras_sigmas(sigma_max: float, sigma_min: float, n: int, rho: float = 7.0) -> Array:
    """`n` noise levels from sigma_max to sigma_min, and a last 0: (n + 1,). Karras et al. 2022, eq. 5."""
    require(n >= 2, "`n` must be at least 2", n)
    require(0 < sigma_min < sigma_max, f"`sigma_min` must be between 0 and `sigma_max` = {sigma_max}", sigma_min)
    ramp = np.arange(n) / (n - 1)
    levels = (sigma_max ** (1 / rho) + ramp * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho
    return np.append(levels, 0.0)


def heun_ode(eps: Eps, x: Array, sigmas: Array) -> Iterator[Array]:
    """The probability-flow ODE dx/dsigma = eps(x, sigma) by Heun's method, from level to level; x after each step.

    Karras et al. 2022, Algorithm 1 with sigma(t) = t: second order; the step to 0 is Euler's.
    sigmas: (n + 1,), falling, the last may be 0. 2 n - 1 calls of `eps` then, 2 n otherwise.
    """
    for sigma_cur, sigma_next in _pairs(sigmas):
        slope = eps(x, sigma_cur)
        ahead = x + (sigma_next - sigma_cur) * slope
        if sigma_next > 0:
            ahead = x + (sigma_next - sigma_cur) / 2.0 * (slope + eps(ahead, sigma_next))
        x = ahead
        yield x


def heun_sde(eps: Eps, x: Array, sigmas: Array, rng: Normals) -> Iterator[Array]:
    """The reverse SDE, from level to level; x after each step: as much noise added as the level falls, then the ODE.

    Karras et al. 2022, Algorithm 2, with the churn at which it is the SDE dx = -2 sigma score d(sigma) + noise: from
    sigma_cur up to sigma_hat² = 2 sigma_cur² - sigma_next², then down by one step of `heun_ode`. Where eps is that of
    one density throughout, only Heun's error is left in the law; guided, it is first order in the steps.
    sigmas: as in `heun_ode`, and as many calls of `eps`.
    """
    for sigma_cur, sigma_next in _pairs(sigmas):
        added = sigma_cur**2 - sigma_next**2
        x = x + np.sqrt(added) * rng.standard_normal(x.shape)
        (x,) = heun_ode(eps, x, np.array([np.sqrt(sigma_cur**2 + added), sigma_next]))
        yield x


def _pairs(sigmas: Array) -> Iterator[tuple[float, float]]:
    levels = np.asarray(sigmas, dtype=np.float64)
    require(levels.ndim == 1 and len(levels) >= 2, "`sigmas` must hold at least 2 levels", f"shape {levels.shape}")
    require(np.all(np.diff(levels) < 0) and levels[-1] >= 0, "`sigmas` must fall, to 0 at the lowest", sigmas)
    return zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True)


@dataclass(frozen=True)
class GaussianAnswers:
    """Variance per axis that guidance gives where all is known: p(x|c) = N(0, I), p(x) = N(0, 2 I), infinite sigma_max.

    tilted: of p(x|c)^w p(x)^(1-w), 2/(w + 1); deterministic: of the guided probability-flow ODE, 2^(1-w);
    stochastic: of the guided reverse SDE, (2 - 2^(2-2w))/(2w - 1), and 2 log 2 at w = 1/2.
    """

    tilted: float
    deterministic: float
    stochastic: float

    @classmethod
    def at(cls, guidance_scale: float) -> "GaussianAnswers":
        """The three variances at w. Raises ValueError unless w >= 0."""
        require(guidance_scale >= 0, "`guidance_scale` must be at least 0", guidance_scale)
        z = (2.0 * guidance_scale - 1.0) * np.log(2.0)
        share = float(-np.expm1(-z) / z) if z else 1.0
        return cls(2.0 / (guidance_scale + 1.0), 2.0 ** (1.0 - guidance_scale), 2.0 * float(np.log(2.0)) * share)


# --- what is measured ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measures:
    """A cloud, or a density, in three numbers.

    adherence: mean of p(c|x) on clean data, 0 to 1; spread: root of the mean squared distance from the mean, in units
    of the data; beyond: how far the mean lies past the mean of the class, along the way there from the mean of all
    data, in units of the data: over-saturation (nan where the two means agree).
    """

    adherence: float
    spread: float
    beyond: float


def measures(model: Conditioned, x: Array) -> Measures:
    """Measures of clean points x (N, 2)."""
    x = np.asarray(x, dtype=np.float64)
    mean = x.mean(axis=0)
    spread = float(np.sqrt(np.mean(np.sum((x - mean) ** 2, axis=1))))
    return Measures(float(np.exp(model.log_classifier(x, 1.0, 0.0)).mean()), spread, _beyond(model, mean))


def _beyond(model: Conditioned, mean: Array) -> float:
    of_class = model.cond.weights @ model.cond.means
    way = of_class - model.uncond.weights @ model.uncond.means
    length = np.hypot(*way)
    return float((mean - of_class) @ way / length) if length > 0 else float("nan")


def centres(extent: float, cells: int) -> Array:
    """Centres (cells,) of equal cells that cover [-extent, extent]."""
    return extent * ((2.0 * np.arange(cells) + 1.0) / cells - 1.0)


def log_density_on_grid(mixture: GaussianMixture, x: Array, y: Array) -> Array:
    """log p of clean data at all (x, y), a mixture in the plane: (rows, columns) from x (columns,) and y (rows,).

    A round Gaussian is a product, so the sum over clusters is a product of two matrices: a tenth of the time of
    `GaussianMixture.log_density`, and the same numbers where p is above 1e-300, below which it is taken as that.
    """
    by_x, by_y = (
        np.exp(-((axis - mean[:, None]) ** 2) / (2.0 * mixture.s**2))
        for axis, mean in ((x, mixture.means.T[0]), (y, mixture.means.T[1]))
    )
    weights = mixture.weights / (2.0 * np.pi * mixture.s**2)
    density = np.ascontiguousarray((by_y * weights[:, None]).T) @ by_x
    return np.log(np.maximum(density, 1e-300))


TILTED_EXTENT = 6.6
TILTED_CELLS = 88
"""The grid on which the tilted density is summed: cells of 0.15, so that even a bump of sd 0.1 sums to 1e-3."""


class Tilted:
    """p(x|c)^w p(x)^(1-w) of clean data, normalised on a grid: its measures at any w, the logarithms kept."""

    def __init__(self, model: Conditioned) -> None:
        axis = centres(TILTED_EXTENT, TILTED_CELLS)
        x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
        self.model = model
        self._cond, self._uncond = (log_density_on_grid(m, axis, axis).ravel() for m in (model.cond, model.uncond))
        classifier = np.exp(np.log(model.prior) + self._cond - self._uncond)
        self._features = np.stack([np.ones(len(x)), classifier, x, y, x**2 + y**2])

    def measures(self, guidance_scale: float) -> Measures:
        """Measures of the normalised density at w."""
        log = guidance_scale * self._cond + (1.0 - guidance_scale) * self._uncond
        mass, adherence, x, y, square = self._features @ np.exp(log - log.max())
        mean = np.array([x, y]) / mass
        spread = np.sqrt(square / mass - mean @ mean)
        return Measures(float(adherence / mass), float(spread), _beyond(self.model, mean))

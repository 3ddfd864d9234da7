"""Data with a condition, exact: a Gaussian mixture p(x), the part p(x|c) of it, and the classifier between them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Condition
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ConditionalMixture:
    """Data p(x), the part with the condition, p(x|c), and the share of that part, `prior` = p(c).

    It is a `Denoiser` whose predictions are exact: without a condition (None) those of p(x), with any those of p(x|c).
    The rest of the data is (p(x) - p(c) p(x|c)) / (1 - p(c)); the caller must ensure that this is a density.
    """

    uncond: GaussianMixture
    cond: GaussianMixture
    prior: float

    def __post_init__(self) -> None:
        require(0 < self.prior <= 1, "`prior` must be above 0 and at most 1", self.prior)

    def __call__(self, x: Array, level: Level, condition: Condition = None, /) -> Array:
        """E[eps | x], or E[eps | x, c] where a condition is given; x (N, d)."""
        return exact_eps(self.uncond if condition is None else self.cond, x, level)

    def both(self, x: Array, level: Level, condition: Condition) -> tuple[Array, Array]:
        """The predictions without and with the condition, in one pass."""
        return exact_eps_of_both(self.uncond, self.cond, x, level)

    def log_classifier(self, x: ArrayLike, level: Level) -> Array:
        """log p(c|x) of noised points x (..., d), shape (...): Bayes' rule, p(c) p(x|c) / p(x)."""
        cond = self.cond.log_density(x, level.signal, level.sigma_t)
        return np.log(self.prior) + cond - self.uncond.log_density(x, level.signal, level.sigma_t)

    def classifier_gradient(self, x: ArrayLike, level: Level) -> Array:
        """Gradient of `log_classifier` in x, (..., d): the difference of the two scores, exactly.

        So classifier guidance (Dhariwal & Nichol 2021, eq. 14), score + w times this, is the same as guidance
        without a classifier.
        """
        x = np.asarray(x, dtype=np.float64)
        points = x.reshape(-1, x.shape[-1])
        uncond, cond = _scores_of_both(self.uncond, self.cond, points, level, 1.0)
        return (cond - uncond).reshape(x.shape)

    def log_tilted(self, x: ArrayLike, level: Level, guidance_scale: float) -> Array:
        """log of p(x|c)^w p(x)^(1-w), shape (...), not normalised; its gradient is the guided score at that level."""
        cond = self.cond.log_density(x, level.signal, level.sigma_t)
        return guidance_scale * cond + (1.0 - guidance_scale) * self.uncond.log_density(x, level.signal, level.sigma_t)


def exact_eps(mixture: GaussianMixture, x: Array, level: Level) -> Array:
    """The best prediction of the noise in x (N, d), -sigma_t times the score of the noised mixture.

    The same numbers as `MixtureDenoiser`, to 1e-13 for a variance above 0.01, in two thirds of the time: the squares
    |x|² are left out, since they cancel in the responsibilities, and nothing is checked or copied.
    """
    log_weights, half_squares, means = _constants(mixture)
    signal, sigma_t = level.signal, level.sigma_t
    var = (signal * mixture.s) ** 2 + sigma_t * sigma_t
    columns = np.ascontiguousarray(x.T)
    logits = mixture.means * (signal / var) @ columns
    logits += log_weights - half_squares * (signal * signal / var)
    logits -= np.maximum.reduce(logits)
    np.exp(logits, out=logits)
    eps = means @ logits
    eps *= signal / np.add.reduce(logits)
    eps -= columns
    eps *= -sigma_t / var
    return eps.T


@lru_cache(maxsize=64)
def _constants(mixture: GaussianMixture) -> tuple[Array, Array, Array]:
    """log weights (K, 1), |means|²/2 (K, 1) and the means as columns (d, K)."""
    half_squares = np.sum(mixture.means**2, axis=1, keepdims=True) / 2.0
    return np.log(mixture.weights)[:, None], half_squares, np.ascontiguousarray(mixture.means.T)


def exact_eps_of_both(uncond: GaussianMixture, cond: GaussianMixture, x: Array, level: Level) -> tuple[Array, Array]:
    """`exact_eps` of two mixtures at the same points x (N, d)."""
    return _scores_of_both(uncond, cond, x, level, -level.sigma_t)


def _scores_of_both(
    uncond: GaussianMixture, cond: GaussianMixture, x: Array, level: Level, factor: float
) -> tuple[Array, Array]:
    """`factor` times the scores (N, d) of two noised mixtures at points x (N, d): one pass over the clusters of both.

    A sampler calls this a hundred times for each move of a slider, and in a browser NumPy's overhead per
    operation exceeds the cost of a few hundred points.
    """
    means, log_weights, half_squares, squares, sums_of = _both_constants(uncond, cond)
    k, d = len(uncond.weights), means.shape[1]
    signal = level.signal
    var = signal**2 * squares + level.sigma_t**2
    columns = np.ascontiguousarray(x.T)  # in a browser a product of row-major matrices is ten times as fast
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

"""Guidance: a denoiser made of two predictions, extrapolated, with or without a classifier.

    eps_tilde = (1 - w) eps_uncond + w eps_cond          w = 0 unconditional, w = 1 conditional
              = (1 + w') eps_cond - w' eps_uncond        w' = w - 1, Ho & Salimans 2022, eq. 6

The first form is the `guidance_scale` of diffusers and the "guidance weight" of Imagen (Saharia et al. 2022, eq. 2);
w' is the "guidance strength" of the original paper (algorithm 2).

`guidance_scale` is w, at least 0: a float, or one a point, (N, 1). Guidance acts for sigma_low < sigma <= sigma_high;
elsewhere w = 1, plain conditioning (Kynkäänniemi et al. 2024).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.denoisers import Condition, Denoiser
from diffusion_lab.instruments.common.levels import CLEAN, Level

Array = NDArray[np.float64]
Gradient = Callable[[Array, Level], Array]


def combine(eps_uncond: Array, eps_cond: Array, guidance_scale: float | Array) -> Array:
    """(1 - w) eps_uncond + w eps_cond, the shape of both; exactly one of the two at w = 0 and at w = 1.

    `guidance_scale` is a float, or one a point, (N, 1). w above 1 extrapolates beyond the condition.
    """
    return (1.0 - guidance_scale) * eps_uncond + guidance_scale * eps_cond


def combine_by_weight(eps_uncond: Array, eps_cond: Array, guidance_weight: float | Array) -> Array:
    """(1 + w') eps_cond - w' eps_uncond: the other convention in use, Ho & Salimans 2022, eq. 6; w' = w - 1."""
    return (1.0 + guidance_weight) * eps_cond - guidance_weight * eps_uncond


def rescaled(eps_guided: Array, eps_cond: Array, rescale: float) -> Array:
    """Guidance rescale, Lin et al. 2024, section 3.4: the guided prediction, nearer to the conditional one in size.

    phi = `rescale` mixes the guided prediction (0) with the same prediction at the length of `eps_cond` (1), point by
    point, (N, d). The paper takes the standard deviation over all values of an image, here the root mean square of a
    point's few values: of many values with mean 0 the two agree.
    """
    size, wanted = (np.sqrt(np.sum(eps**2, axis=1, keepdims=True)) for eps in (eps_guided, eps_cond))
    factor = np.divide(wanted, size, out=np.ones_like(size), where=size > 0)
    return (rescale * factor + (1.0 - rescale)) * eps_guided


@dataclass(frozen=True, eq=False)
class _Guidance:
    denoiser: Denoiser
    guidance_scale: float | Array
    condition: Condition = True
    sigma_low: float = 0.0
    sigma_high: float = np.inf

    def __post_init__(self) -> None:
        ok = np.all(np.greater_equal(self.guidance_scale, 0))
        require(ok, "`guidance_scale` must be at least 0", self.guidance_scale)

    def scale_at(self, level: Level) -> float | Array:
        """w at a level: `guidance_scale` within the interval, 1 elsewhere."""
        return self.guidance_scale if self.sigma_low < level.sigma <= self.sigma_high else 1.0


@dataclass(frozen=True, eq=False)
class ClassifierFreeGuidance(_Guidance):
    """Two predictions of one denoiser, without and with `condition`, by `combine` (Ho & Salimans 2022).

    A denoiser with a method `both(x, level, condition)` gives the two in one call. A level with w = 0 or w = 1 costs
    one evaluation, since the other prediction has weight 0; other levels cost two. `rescale` is phi of `rescaled`,
    which acts where w > 1, as in diffusers.
    """

    rescale: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.rescale <= 1, "`rescale` must be between 0 and 1", self.rescale)

    def __call__(self, x: Array, level: Level, condition: Condition = None, /) -> Array:
        """eps_tilde; `condition`, where given, replaces that of the object."""
        condition, scale = self.condition if condition is None else condition, self.scale_at(level)
        if _is(scale, 0.0):
            return self.denoiser(x, level)
        if _is(scale, 1.0):
            return self.denoiser(x, level, condition)
        both: Any = getattr(self.denoiser, "both", None)
        if both is not None:
            eps_uncond, eps_cond = both(x, level, condition)
        else:
            eps_uncond, eps_cond = self.denoiser(x, level), self.denoiser(x, level, condition)
        eps = combine(eps_uncond, eps_cond, scale)
        if self.rescale == 0:
            return eps
        return np.where(np.greater(scale, 1.0), rescaled(eps, eps_cond, self.rescale), eps)

    def evaluations(self, level: Level) -> int:
        """Network evaluations of a call: both branches count, where both are needed."""
        scale = self.scale_at(level)
        return 1 if _is(scale, 0.0) or _is(scale, 1.0) else 2


@dataclass(frozen=True, eq=False)
class ClassifierGuidance(_Guidance):
    """The unconditional prediction, pushed by the gradient of a classifier (Dhariwal & Nichol 2021, eq. 14).

        eps_tilde = eps_uncond - w sigma_t grad log p(c|x)

    gradient(x, level): that gradient in VP coordinates (N, d). With the classifier of *noised* points this is
    classifier-free guidance; with a classifier of *clean* points, evaluated at the noised point, it is wrong. A level
    with w = 0 costs one evaluation, other levels cost two: network and classifier.
    """

    gradient: Gradient = field(kw_only=True)

    def __call__(self, x: Array, level: Level, condition: Condition = None, /) -> Array:
        """eps_tilde."""
        eps, scale = self.denoiser(x, level), self.scale_at(level)
        return eps if _is(scale, 0.0) else eps - scale * (level.sigma_t * self.gradient(x, level))

    def evaluations(self, level: Level) -> int:
        """Network evaluations of a call, including that of the classifier."""
        return 1 if _is(self.scale_at(level), 0.0) else 2


def _is(scale: float | Array, value: float) -> bool:
    return isinstance(scale, int | float) and scale == value


GUIDED_BY = ("classifier_free", "classifier", "clean_classifier")
"""The source of guidance: the difference of two predictions, or a classifier of noised or clean points."""


def guided(
    model: ConditionalMixture,
    guidance_scale: float | Array,
    sigma_low: float = 0.0,
    sigma_high: float = np.inf,
    by: str = "classifier_free",
    rescale: float = 0.0,
) -> ClassifierFreeGuidance | ClassifierGuidance:
    """The guided prediction on a mixture, where everything is exact; `by` is one of GUIDED_BY.

    `rescale` needs both predictions: a classifier has no effect on it.
    "clean_classifier" evaluates the exact classifier of *clean* data at the VP point at every level, which is wrong.
    """
    require(by in GUIDED_BY, f"`by` must be one of {', '.join(GUIDED_BY)}", by)
    if by == "classifier_free":
        return ClassifierFreeGuidance(model, guidance_scale, True, sigma_low, sigma_high, rescale=rescale)
    gradient = model.classifier_gradient if by == "classifier" else lambda x, _: model.classifier_gradient(x, CLEAN)
    return ClassifierGuidance(model, guidance_scale, True, sigma_low, sigma_high, gradient=gradient)


@dataclass(frozen=True)
class GaussianAnswers:
    """Variance per axis under guidance in a solvable case: p(x|c) = N(0, I), p(x) = N(0, 2 I), infinite sigma_max.

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

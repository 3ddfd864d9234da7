"""Denoisers: functions that predict the noise in a point. All samplers take one, in the same coordinates.

    eps_hat = denoiser(x, level, condition)

x (N, ...) are noised points in VP coordinates, x = signal x0 + sigma_t eps, and eps_hat, of the same shape, predicts
eps. A VE point is x_VE = x / signal; eps is the same in both. `level` is a `Level` with sigma_t > 0. `condition` is
in the denoiser's own format, for example a class label; None asks for the unconditional prediction.

Everything else follows: x0_hat = (x - sigma_t eps_hat) / signal, score = -eps_hat / sigma_t.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.levels import Level

Array = NDArray[np.float64]
Condition = Any


class Denoiser(Protocol):
    """The noise predicted in points x (N, ...), VP coordinates, at a level: an array like x."""

    def __call__(self, x: Array, level: Level, condition: Condition = None, /) -> Array:
        """eps_hat."""


def evaluations(denoiser: Denoiser, level: Level) -> int:
    """Network evaluations per point of one call at a level: 1, or the denoiser's own `evaluations`."""
    cost = getattr(denoiser, "evaluations", None)
    return 1 if cost is None else cost(level)


class Counted:
    """A denoiser that counts its network evaluations per point, `nfe`, both branches of a guided one."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self.nfe = 0

    def __call__(self, x: Array, level: Level, condition: Condition = None, /) -> Array:
        """eps_hat; counts the call."""
        self.nfe += evaluations(self.denoiser, level)
        return self.denoiser(x, level, condition)


class Scored(Protocol):
    """Data whose score is known at every noise level: `GaussianMixture`, `FullMixture`."""

    def score(self, x: Array, signal: float, sigma: float, /) -> Array:
        """Gradient of the noised log density, a new array like x."""


@dataclass(frozen=True, eq=False)
class MixtureDenoiser:
    """The best possible prediction of the noise for Gaussian-mixture data: -sigma_t times the exact score.

    It has no conditions; `ConditionalMixture` does.
    """

    mixture: Scored

    def __call__(self, x: Array, level: Level, condition: Condition = None, /) -> Array:
        """E[eps | x], exactly."""
        eps = self.mixture.score(x, level.signal, level.sigma_t)
        eps *= -level.sigma_t
        return eps


def x0_hat(x: Array, eps_hat: Array, level: Level) -> Array:
    """The clean point that a prediction implies, (x - sigma_t eps_hat) / signal; `level` must not be pure noise."""
    return (x - level.sigma_t * eps_hat) / level.signal

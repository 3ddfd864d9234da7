"""The denoiser that a training run's weights make, as samplers call it, and what it does: samples and scores.

Points are VP here, x = signal x0 + sigma_t eps, in units of the data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.datasets import NULL
from diffusion_lab.instruments.common.denoiser_training import Task
from diffusion_lab.instruments.common.guidance import combine
from diffusion_lab.instruments.common.networks.mlp import mlp, mlp_layers
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers_vp import ddim
from diffusion_lab.instruments.common.schedules import alpha_bar_from_sigma, geometric_sigmas
from diffusion_lab.instruments.common.training_levels import SIGMA_MAX, SIGMA_MIN

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Level = Any
"""A noise level, x = signal x0 + sigma_t eps, with these two as attributes and sigma = sigma_t / signal."""

LIMIT = 1e3
"""The network's output is cut off here, so that there is something to draw of a run that has diverged."""


@dataclass(frozen=True, eq=False)
class Learned:
    """The denoiser that flat weights make: eps_hat = learned(x, level, condition), VP, as samplers call it.

    `condition` is a part of the data set, or None for the unconditional prediction.
    """

    task: Task
    weights: Array32

    def __call__(self, x: Array, level: Level, condition: int | None = None, /) -> Array:
        """The noise predicted in x (..., 2)."""
        return self._eps(x, level, NULL if condition is None else condition)

    def both(self, x: Array, level: Level, condition: ArrayLike) -> tuple[Array, Array]:
        """The predictions without and with the condition, one or one a point, in one pass through the network."""
        points = x.size // 2
        part = np.append(np.full(points, NULL), np.broadcast_to(condition, points))
        eps_uncond, eps_cond = self._eps(np.stack([x, x]), level, part)
        return eps_uncond, eps_cond

    def guided(self, x: Array, level: Level, condition: ArrayLike, guidance_scale: float) -> Array:
        """The prediction under classifier-free guidance; with `guidance_scale` 1 one pass is enough."""
        if guidance_scale == 1.0:
            return self._eps(x, level, condition)
        return combine(*self.both(x, level, condition), guidance_scale)

    def network(self, x: Array, sigma: float | Array, part: ArrayLike) -> Array:
        """The network's output (N, 2), cut off at LIMIT, about points x (N, 2), VE, at a level or levels (N,)."""
        with np.errstate(all="ignore"):
            columns = self.task.inputs(x, sigma, np.asarray(part))
            output = mlp(mlp_layers(self.weights, self.task.sizes), columns).T.astype(np.float64)
            return np.clip(np.nan_to_num(output), -LIMIT, LIMIT)

    def _eps(self, x: Array, level: Level, part: ArrayLike) -> Array:
        points = x.reshape(-1, 2) / level.signal
        clean = self.task.scalings(level.sigma).clean(points, self.network(points, level.sigma, part))
        return ((points - clean) / level.sigma).reshape(x.shape)


def scores(learned: Learned, x: Array, level: Level, condition: int | None = None) -> tuple[Array, Array]:
    """The learned and the exact score at points x (..., 2), VP: shape of x, in 1 / unit. Their difference is the error.

    Times sigma_t it is the error of the noise predicted, whose own variance is 1 at every level.
    """
    law = learned.task.data.law(NULL if condition is None else condition)
    return -learned(x, level, condition) / level.sigma_t, law.score(x, level.signal, level.sigma_t)


def sampling(
    learned: Learned, x: Array, condition: ArrayLike, guidance_scale: float = 1.0, num_steps: int = 24
) -> Iterator[Array]:
    """What DDIM makes of x (N, 2) ~ N(0, I), VP, guided by `guidance_scale`: points (N, 2) after each step.

    `condition` is a part, NULL, or one of these a point (N,). The last points are clean.
    """

    def eps_hat(x: Array, alpha_bar: float) -> Array:
        signal, sigma_t = np.sqrt(alpha_bar), np.sqrt(1.0 - alpha_bar)
        level = SimpleNamespace(signal=signal, sigma_t=sigma_t, sigma=sigma_t / signal)
        return learned.guided(x, level, condition, guidance_scale)

    alpha_bars = alpha_bar_from_sigma(geometric_sigmas(SIGMA_MAX, SIGMA_MIN, num_steps))
    return (state.x for state in ddim(eps_hat, x, np.append(alpha_bars, 1.0), seeded(0)))


def sample(learned: Learned, x: Array, condition: ArrayLike, guidance_scale: float = 1.0, num_steps: int = 24) -> Array:
    """The clean points (N, 2) at the end of `sampling`."""
    return deque(sampling(learned, x, condition, guidance_scale, num_steps), maxlen=1).pop()

"""The denoiser with the weights of a training run, in the form that samplers call; its samples and scores.

Points are VP here, x = signal x0 + sigma_t eps, in units of the data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.datasets import NULL
from diffusion_lab.instruments.common.denoiser_training import DIVERGED, Run, Task
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.networks.mlp import mlp, mlp_layers
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.schedules import Geometric
from diffusion_lab.instruments.common.training_levels import SIGMA_MAX, SIGMA_MIN

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
LIMIT = 1e3
"""The network's output is clipped here, so that a diverged run can still be drawn."""


@dataclass(frozen=True, eq=False)
class Learned:
    """The denoiser with given flat weights: eps_hat = learned(x, level, condition), VP, as samplers call it.

    `condition` is a part of the data set, or one a point, or None for the unconditional prediction.
    """

    task: Task
    weights: Array32

    def __call__(self, x: Array, level: Level, condition: ArrayLike | None = None, /) -> Array:
        """The noise predicted in x (..., 2)."""
        return self._eps(x, level, NULL if condition is None else condition)

    def both(self, x: Array, level: Level, condition: ArrayLike) -> tuple[Array, Array]:
        """The predictions without and with the condition, one or one a point, in one pass through the network."""
        points = x.size // 2
        part = np.append(np.full(points, NULL), np.broadcast_to(condition, points))
        eps_uncond, eps_cond = self._eps(np.stack([x, x]), level, part)
        return eps_uncond, eps_cond

    def network(self, x: Array, sigma: float | Array, part: ArrayLike) -> Array:
        """The network's output (N, 2), clipped at LIMIT, at points x (N, 2), VE, at a level or levels (N,)."""
        with np.errstate(all="ignore"):
            columns = self.task.inputs(x, sigma, np.asarray(part))
            output = mlp(mlp_layers(self.weights, self.task.sizes), columns).T.astype(np.float64)
            return np.clip(np.nan_to_num(output), -LIMIT, LIMIT)

    def _eps(self, x: Array, level: Level, part: ArrayLike) -> Array:
        points = x.reshape(-1, 2) / level.signal
        clean = self.task.scalings(level.sigma).clean(points, self.network(points, level.sigma, part))
        return ((points - clean) / level.sigma).reshape(x.shape)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A snapshot: the denoiser of its averaged weights, which sample better, and the loss of each step (step,).

    Losses are finite: a loss that is above DIVERGED, or not a number, is replaced by DIVERGED.
    """

    learned: Learned
    losses: Array
    diverged_at: int | None

    @classmethod
    def of(cls, task: Task, run: Run) -> Checkpoint:
        """A copy of the visible part of a run; training cannot continue from it, as from `Run.checkpoint`."""
        losses = np.minimum(np.nan_to_num(run.losses, nan=DIVERGED), DIVERGED)
        return cls(Learned(task, run.average.average["all"].copy()), losses, run.diverged_at)


def scores(learned: Learned, x: Array, level: Level, condition: int | None = None) -> tuple[Array, Array]:
    """The learned and the exact score at points x (..., 2), VP: shape of x, in 1 / unit. Their difference is the error.

    Times sigma_t it is the error of the noise predicted, whose own variance is 1 at every level.
    """
    law = learned.task.data.law(NULL if condition is None else condition)
    return -learned(x, level, condition) / level.sigma_t, law.score(x, level.signal, level.sigma_t)


def sampling(
    learned: Learned, x: Array, condition: ArrayLike, guidance_scale: float = 1.0, num_steps: int = 24
) -> Iterator[Array]:
    """DDIM from x (N, 2) ~ N(0, I), VP, guided by `guidance_scale`: yields points (N, 2), beginning with the start.

    `condition` is a part, NULL, or one of these per point (N,). The last points are clean.
    """
    levels = Geometric(SIGMA_MIN, SIGMA_MAX).levels(num_steps, clean=True)
    return (state.x for state in ddim(ClassifierFreeGuidance(learned, guidance_scale, condition), x, levels))


def sample(learned: Learned, x: Array, condition: ArrayLike, guidance_scale: float = 1.0, num_steps: int = 24) -> Array:
    """The clean points (N, 2) at the end of `sampling`."""
    return deque(sampling(learned, x, condition, guidance_scale, num_steps), maxlen=1).pop()

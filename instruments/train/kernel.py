"""A training run thinned to checkpoints, and what is asked of the samples that are drawn from one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import NULL
from diffusion_lab.instruments.common.denoiser_training import DIVERGED, Run, Task, training
from diffusion_lab.instruments.common.learned_denoiser import Learned
from diffusion_lab.instruments.common.metrics import Discrepancy, mmd
from diffusion_lab.instruments.common.randomness import seeded

Array = NDArray[np.float64]

NUM_STEPS, EVERY = 4000, 20
"""Steps of a run, and from one checkpoint to the next: 200 checkpoints of 40 kB."""
NUM_POINTS, SAMPLER_STEPS = 480, 16
EACH_PART = NUM_POINTS
"""As a condition: of the samples, as many of each part; 480 is a multiple of 1, 2, 4 and 6."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The denoiser of the averaged weights, which sample better, and each step's loss, (step,), at most DIVERGED."""

    learned: Learned
    losses: Array
    diverged_at: int | None


def checkpoint(task: Task, run: Run) -> Checkpoint:
    """The run as it is now, copied."""
    losses = np.minimum(np.nan_to_num(run.losses, nan=DIVERGED), DIVERGED)
    return Checkpoint(Learned(task, run.average.average["all"].copy()), losses, run.diverged_at)


def endless(task: Task) -> Iterator[Run]:
    """The run at its start and after each step; where it has diverged it stays as it is."""
    for run in training(task):
        yield run
    while True:
        yield run


def noise(seed: int) -> Array:
    """Where all samples start, (N, 2): the same for every checkpoint, so that one sees the way of each point."""
    return seeded((seed, 3)).standard_normal((NUM_POINTS, 2))


def parts(task: Task, condition: int) -> NDArray[np.intp]:
    """The part (N,) that each sample is asked to be of: `condition`, NULL, or with EACH_PART each in turn."""
    return np.arange(NUM_POINTS) % task.data.num_parts if condition == EACH_PART else np.full(NUM_POINTS, condition)


def distance(task: Task, x: Array, condition: int) -> Discrepancy:
    """How far samples x (N, 2) are from the data that they are asked to be."""
    return mmd(x, task.data.law(NULL if condition == EACH_PART else condition), 1.0, 0.0)

"""A training run of a fixed length, the conditions of its samples, and their distance to the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import NULL
from diffusion_lab.instruments.common.denoiser_training import Run, Task, training
from diffusion_lab.instruments.common.learned_denoiser import Checkpoint
from diffusion_lab.instruments.common.metrics import Discrepancy, mmd
from diffusion_lab.instruments.common.randomness import seeded

Array = NDArray[np.float64]

NUM_STEPS, EVERY = 4000, 20
"""Steps of a run, and from one checkpoint to the next: 200 checkpoints of 40 kB."""
NUM_POINTS, SAMPLER_STEPS = 480, 16
EACH_PART = NUM_POINTS
"""As a condition: equal numbers of samples for all parts; 480 is a multiple of 1, 2, 4 and 6."""


class Moment(NamedTuple):
    """A checkpoint, samples of it (N, 2), and how far its loss is above the floor at each level, (L,)."""

    checkpoint: Checkpoint
    x: Array
    excess: Array


def progress_of_training(step: float) -> float:
    """The quantity that changes evenly while training is played: from about step 100 on the logarithm of the step."""
    return float(np.log1p(step / 100))


def endless(task: Task) -> Iterator[Run]:
    """The run at its start and after each step; where it has diverged it stays as it is."""
    for run in training(task):
        yield run
    while True:
        yield run


def noise(seed: int) -> Array:
    """The start of all samples, (N, 2): the same for every checkpoint, so that each point can be followed."""
    return seeded((seed, 3)).standard_normal((NUM_POINTS, 2))


def parts(task: Task, condition: int) -> NDArray[np.intp]:
    """The part (N,) that is the condition of each sample: `condition`, NULL for none, or with EACH_PART all in turn."""
    return np.arange(NUM_POINTS) % task.data.num_parts if condition == EACH_PART else np.full(NUM_POINTS, condition)


def distance(task: Task, x: Array, condition: int) -> Discrepancy:
    """The distance of samples x (N, 2) from the data of their condition."""
    return mmd(x, task.data.law(NULL if condition == EACH_PART else condition), 1.0, 0.0)

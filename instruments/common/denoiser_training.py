"""Trains a small denoiser on points in the plane, whose exact score and irreducible loss are known.

The network is a multilayer perceptron. It sees a noised point, Fourier features of the noise level, and the part of
the data set that the point is from, or "null" where that condition was dropped (Ho & Salimans 2022, algorithm 1). It
predicts one of the targets of `preconditioning`, and the loss is the mean squared error of that.

A run depends on its task alone: the batches of steps 16 k + 1 to 16 k + 16 are drawn from the seed and k, so training
can go on from any checkpoint and give the same bits. Points are in units of the data; inside they are VE,
x = x0 + sigma eps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.datasets import NULL, DataSet
from diffusion_lab.instruments.common.irreducible_loss import IrreducibleLoss
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.ema import Ema
from diffusion_lab.instruments.common.networks.embeddings import fourier
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp_layers, mlp_weights
from diffusion_lab.instruments.common.preconditioning import Preconditioning, Target
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.training_levels import LevelDistribution, draw_sigmas

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Parts = NDArray[np.intp]
HIDDEN = (64, 64, 64)
BATCH = 256
BLOCK = 16
"""Steps whose batches are drawn at once: few large operations instead of many small ones."""
FREQUENCIES = (np.pi * np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0])).astype(np.float32)
"""Of the features of c_noise = log(sigma) / 4, which lies between -1 and 0.75."""
DECAY = 0.99
"""Of the average of the weights: over about the last hundred steps."""
DIVERGED = 1e3
"""A loss above this, a thousand times that of the untrained network, ends a run."""


@dataclass(frozen=True, eq=False)
class Task:
    """The training task.

    target: the quantity that the network predicts; levels: the distribution of noise levels; dropout: the share
    of points whose condition is dropped; learning_rate: Adam's; seed: of all random numbers.
    """

    data: DataSet
    target: Target = "eps_hat"
    levels: LevelDistribution = "uniform_t"
    dropout: float = 0.1
    learning_rate: float = 3e-3
    seed: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.dropout <= 1, "`dropout` must lie between 0 and 1", self.dropout)
        require(self.learning_rate > 0, "`learning_rate` must be above 0", self.learning_rate)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of inputs, of units in each hidden layer, and of outputs."""
        return 3 + 2 * len(FREQUENCIES) + self.data.num_parts, *HIDDEN, 2

    def scalings(self, sigma: float | Array) -> Preconditioning:
        """The scalings about the network at VE noise `sigma`."""
        return Preconditioning.at(sigma, self.target, self.data.sd)

    def inputs(self, x: Array, sigma: float | Array, part: Parts) -> Array32:
        """The network's input for points x (N, 2), VE, their levels and parts (N,): columns (inputs + 1, N)."""
        scalings, ends = self.scalings(sigma), 3 + 2 * len(FREQUENCIES)
        columns = np.ones((self.sizes[0] + 1, len(x)), np.float32)  # the last row stays 1, for the biases
        columns[:2] = x.T * scalings.c_in
        columns[2] = scalings.c_noise
        columns[3:ends] = fourier(columns[2], FREQUENCIES).T
        columns[ends:-1] = part == np.arange(self.data.num_parts)[:, None]
        return columns

    def batches(self, block: int) -> Iterator[tuple[Array32, Array32]]:
        """Inputs and targets, in columns, for each step of a block."""
        rng, n = seeded((self.seed, 1, block)), BLOCK * BATCH
        x0, component = self.data.mixture.sample(n, rng)
        sigma = draw_sigmas(self.levels, n, rng)
        x = x0 + sigma[:, None] * rng.standard_normal((n, 2))
        part = np.where(rng.random(n) < self.dropout, NULL, self.data.part[component])
        inputs = self.inputs(x, sigma, part)
        target = self.scalings(sigma[:, None]).target(x, x0).T.astype(np.float32)
        for columns in (slice(start, start + BATCH) for start in range(0, n, BATCH)):
            yield np.ascontiguousarray(inputs[:, columns]), np.ascontiguousarray(target[:, columns])

    def irreducible_loss(self) -> IrreducibleLoss:
        """The loss of the exact denoiser on this task, a lower bound for every network."""
        return IrreducibleLoss.of(self.data, self.target, self.levels, self.dropout, self.seed)


@dataclass(eq=False)
class Run:
    """A run, with the full state that its next step depends on.

    losses: one a step, on its batch before the update; diverged_at: the step at which the run ended, or None. `weights`
    and `average`, their moving average, which samples better, hold one flat array named "all".
    """

    weights: dict[str, Array32]
    average: Ema
    adam: Adam
    losses: list[float]
    diverged_at: int | None = None

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.losses)

    def checkpoint(self) -> Run:
        """A copy, from which `training` can go on."""
        weights = {name: value.copy() for name, value in self.weights.items()}
        return Run(weights, self.average.copy(), self.adam.copy(), list(self.losses), self.diverged_at)


def training(task: Task, checkpoint: Run | None = None) -> Iterator[Run]:
    """The run at its start, or at a checkpoint, and after every further step: always the same object, updated.

    It ends at the step whose loss is not a number, infinite or above DIVERGED, with the weights as they were before.
    """
    weights = {"all": mlp_weights(task.sizes, seeded((task.seed, 0)))}
    run = (checkpoint or Run(weights, Ema.of(weights, DECAY), Adam(task.learning_rate), [])).checkpoint()
    flat = np.empty_like(run.weights["all"])
    net, grads = Mlp(mlp_layers(run.weights["all"], task.sizes), BATCH), mlp_layers(flat, task.sizes)
    yield run
    while run.diverged_at is None:
        block, done = divmod(run.step, BLOCK)
        for inputs, target in islice(task.batches(block), done, None):
            with np.errstate(all="ignore"):
                error = net.forward(inputs) - target
                run.losses.append(float(np.square(error).mean()))
                if run.losses[-1] <= DIVERGED:
                    net.backward(error * (2.0 / error.size), grads)
                    run.adam.update(run.weights, {"all": flat})
                    run.average.update(run.weights)
                else:
                    run.diverged_at = run.step
            yield run
            if run.diverged_at is not None:
                return

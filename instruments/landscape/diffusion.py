"""The diffusion model: a denoiser of `common.denoiser_training`, without conditions, and its exact likelihood.

The network is a little larger than one of a pair of the other models: a pair has as many weights as it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common import denoiser_training
from diffusion_lab.instruments.common.datasets import NULL, DataSet
from diffusion_lab.instruments.common.denoiser_training import Task
from diffusion_lab.instruments.common.learned_denoiser import Learned
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp_layers
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.schedules import Geometric
from diffusion_lab.instruments.common.slices import Work
from diffusion_lab.instruments.common.training_levels import SIGMA_MAX, SIGMA_MIN
from diffusion_lab.instruments.landscape.networks import NUM_STEPS, falling

Array = NDArray[np.float64]

RATE = 0.01
STEPS = 32
"""Of DDIM, each one pass of the network."""


@dataclass(frozen=True, eq=False)
class Diffusion:
    """A learned denoiser, and the sampler that takes noise to data with it: DDIM without fresh noise."""

    learned: Learned
    passes = STEPS

    def copy(self) -> Diffusion:
        """One that stays as it is while training goes on."""
        return Diffusion(Learned(self.learned.task, self.learned.weights.copy()))

    @cached_property
    def levels(self) -> Sequence[Level]:
        """The noise levels of the sampler, the last one clean."""
        return Geometric(SIGMA_MIN, SIGMA_MAX).levels(STEPS, clean=True)

    def drawing(self, z: Array, rng: np.random.Generator) -> Work[Array]:
        """Samples (N, 2) from codes z (N, 2), which are the noise at the start; no noise is added on the way."""
        return (yield from self.ends(z))

    def ends(self, z: Array) -> Work[Array]:
        """Where codes z (N, 2) lead."""
        for state in ddim(self.learned, z, self.levels):
            x = state.x
            yield state.step, STEPS
        return x

    def paths(self, z: Array) -> Trajectory[Level]:
        """Their ways from noise to data."""
        return Trajectory.of(ddim(self.learned, z, self.levels))

    def field(self, y: Array, sigma: float) -> tuple[Array, Array]:
        """The noise predicted in points y (N, 2), VE, and its divergence (N,), by the network's gradient in its input.

        eps_hat = ((1 - c_skip) y - c_out F(c_in y)) / sigma, so its divergence is 2 (1 - c_skip) / sigma minus
        c_out c_in / sigma times the trace of F's derivative.
        """
        task = self.learned.task
        at, rows = task.scalings(sigma), task.inputs(y, sigma, np.full(len(y), NULL))
        network = Mlp(mlp_layers(self.learned.weights, task.sizes), len(y))
        with np.errstate(over="ignore"):
            output, trace = network.forward(rows).T.astype(np.float64), np.zeros(len(y))
        for axis in (0, 1):
            one = np.zeros((2, len(y)), np.float32)
            one[axis] = 1.0
            trace += network.backward_to_input(one)[axis]
        eps = ((1.0 - at.c_skip) * y - at.c_out * output) / sigma
        return eps, (2.0 * (1.0 - at.c_skip) - at.c_out * at.c_in * trace) / sigma


def likelihood_levels(num_steps: int) -> list[float]:
    """VE levels from the lowest of the training to the highest, in equal factors, for `flow_likelihood`."""
    return np.geomspace(SIGMA_MIN, SIGMA_MAX, num_steps + 1).tolist()


def training(data: DataSet, seed: int) -> Iterator[Diffusion]:
    """The diffusion model at the start and after each of NUM_STEPS steps: of arrays that change.

    All conditions are dropped, and noise levels are even in log(sigma).
    """
    task = Task(data, "eps_hat", "uniform_log_snr", 1.0, RATE, seed)
    for run in denoiser_training.training(task):
        run.adam.learning_rate = falling(RATE, run.step)
        yield Diffusion(Learned(task, run.average.average["all"]))
        if run.step == NUM_STEPS:
            return

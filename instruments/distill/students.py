"""Students: small networks, fitted to what a teacher does in more passes. Points are VE here, unless it says VP.

A student predicts the clean point, as every denoiser here does in effect; what it learns is the target. In progressive
halving (Salimans & Ho 2022) that is the point to which two DDIM steps of its teacher lead; in guidance distillation
(Meng et al. 2023) the guided prediction, which costs its teacher two passes; for a consistency map (Song et al. 2023)
the end of the point's exact trajectory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.curves import running_mean
from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.denoiser_training import BATCH, BLOCK, DECAY, FREQUENCIES, HIDDEN
from diffusion_lab.instruments.common.guidance import combine
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.ema import Ema
from diffusion_lab.instruments.common.networks.embeddings import fourier
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp, mlp_layers, mlp_weights
from diffusion_lab.instruments.common.preconditioning import Preconditioning
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.slices import Work
from diffusion_lab.instruments.distill.kernel import END, levels, noise, trajectories

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Parts = NDArray[np.intp]
Clean: TypeAlias = Callable[[Array, Array], Array]
"""Predicts clean points (N, 2) from points (N, 2) and their levels sigma (N,)."""

LEARNING_RATE = 0.01
"""Adam's at the start of a fit; it falls evenly to 0, as in Salimans & Ho 2022, section 4."""
HALVINGS = (8, 4, 2, 1)
"""Steps of the students, one after the other; the first teacher takes twice the first."""
TEACHER_STEPS = 2 * HALVINGS[0]
NUM_STEPS = 400
"""Training steps of one student of the halving."""
POOL, MAP_STEPS = 2048, 800
"""Trajectories from which a consistency map is learned, and training steps for that."""
SCALES = (1.0, 6.0)
"""Guidance scales that the student of guidance distillation learns: from plain conditioning up."""


class Batches(NamedTuple):
    """Points (N, 2), their levels (N,), what the student is to predict there (N, 2), and further inputs (N, E)."""

    x: Array
    sigma: Array
    clean: Array
    extra: Array


@dataclass(frozen=True, eq=False)
class Student:
    """A network with flat `weights` and `extras` further inputs; `sd` of the data per axis.

    As a denoiser it is called with VP points, and its condition is those inputs, (E,) or (N, E).
    """

    weights: Array32
    sd: float
    extras: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of inputs, of units in each hidden layer, and of outputs."""
        return 3 + 2 * len(FREQUENCIES) + self.extras, *HIDDEN, 2

    def inputs(self, x: Array, sigma: ArrayLike, extra: ArrayLike = ()) -> Array32:
        """The network's input, columns (inputs + 1, N); the last row is 1, for the biases."""
        scalings, ends = self.scalings(sigma), 3 + 2 * len(FREQUENCIES)
        columns = np.ones((self.sizes[0] + 1, len(x)), np.float32)
        columns[:2] = x.T * scalings.c_in
        columns[2] = scalings.c_noise
        columns[3:ends] = fourier(columns[2], FREQUENCIES).T
        columns[ends:-1] = np.broadcast_to(extra, (len(x), self.extras)).T
        return columns

    def scalings(self, sigma: ArrayLike) -> Preconditioning:
        """The scalings about the network: those of Karras et al. 2022, whose weight is nearly SNR + 1."""
        return Preconditioning.at(np.asarray(sigma, dtype=np.float64), "edm", self.sd)

    def clean(self, x: Array, sigma: ArrayLike, extra: ArrayLike = ()) -> Array:
        """The clean points predicted, (N, 2)."""
        with np.errstate(over="ignore"):
            output = mlp(mlp_layers(self.weights, self.sizes), self.inputs(x, sigma, extra)).T.astype(np.float64)
        sigma = np.asarray(sigma, dtype=np.float64)
        return self.scalings(sigma[:, None] if sigma.ndim else sigma).clean(x, output)

    def __call__(self, x: Array, level: Level, condition: ArrayLike | None = None, /) -> Array:
        """The noise predicted in VP points x (N, 2)."""
        points = x / level.signal
        return (points - self.clean(points, level.sigma, () if condition is None else condition)) / level.sigma

    def ends(self, x: Array, level: Level) -> Work[Array]:
        """As a consistency map, of VP points x (N, 2)."""
        yield 0, 1
        return END.signal * self.clean(x / level.signal, level.sigma)


@dataclass(eq=False)
class Fit:
    """A fit in progress: always the same object, updated. The student has the averaged weights."""

    sd: float
    extras: int
    average: Ema
    losses: list[float]

    @property
    def student(self) -> Student:
        """A copy of the student as it is now."""
        return Student(self.average.average["all"].copy(), self.sd, self.extras)


def fitting(
    batches: Callable[[np.random.Generator, int], Batches],
    start: Student,
    num_steps: int,
    seed: tuple[int, ...],
) -> Iterator[Fit]:
    """Adam on the mean squared error of the network's output, from the weights of `start`: the start and each step."""
    weights, flat = {"all": start.weights.copy()}, np.empty_like(start.weights)
    fit, adam = Fit(start.sd, start.extras, Ema.of(weights, DECAY), []), Adam(LEARNING_RATE)
    net, grads = Mlp(mlp_layers(weights["all"], start.sizes), BATCH), mlp_layers(flat, start.sizes)
    yield fit
    for step in range(num_steps):
        block, k = divmod(step, BLOCK)
        if k == 0:
            b = batches(seeded((*seed, block)), BLOCK * BATCH)
            inputs = start.inputs(b.x, b.sigma, b.extra)
            target = start.scalings(b.sigma[:, None]).target(b.x, b.clean).T.astype(np.float32)
        columns = slice(k * BATCH, (k + 1) * BATCH)
        with np.errstate(over="ignore"):
            error = net.forward(np.ascontiguousarray(inputs[:, columns])) - target[:, columns]
            net.backward(error * np.float32(2.0 / error.size), grads)
        adam.learning_rate = LEARNING_RATE * (1.0 - step / num_steps)
        adam.update(weights, {"all": flat})
        fit.average.update(weights)
        fit.losses.append(float(np.square(error).mean()))
        yield fit


def untrained(data: DataSet, seed: tuple[int, ...], extras: int = 0) -> Student:
    """A student with initial weights: its network is 0 everywhere."""
    empty = Student(np.empty(0, np.float32), data.sd, extras)
    return Student(mlp_weights(empty.sizes, seeded(seed)), data.sd, extras)


# --- progressive halving ---------------------------------------------------------------------------------------------


def two_steps(teacher: Clean, x: Array, sigma: Array, middle: Array, end: Array) -> Array:
    """The clean point (N, 2) that takes a student in one DDIM step from `sigma` to `end` where its teacher gets in two.

    Salimans & Ho 2022, algorithm 2; equation (7.2), in VE coordinates. sigma > middle > end >= 0: levels (N,).
    """
    clean = teacher(x, sigma)
    after = clean + (middle / sigma)[:, None] * (x - clean)
    clean = teacher(after, middle)
    after = clean + (end / middle)[:, None] * (after - clean)
    ratio = (end / sigma)[:, None]
    return (after - ratio * x) / (1.0 - ratio)


def exact(mixture: GaussianMixture) -> Clean:
    """The exact prediction, E[x0 | x]."""
    return lambda x, sigma: mixture.posterior_mean(x, 1.0, sigma)


class State(NamedTuple):
    """A state of a training: steps of the student's sampler, its fit, its teacher (None: the exact denoiser)."""

    num_steps: int
    fit: Fit
    teacher: Student | None


def halving(data: DataSet, seed: int) -> Iterator[State]:
    """All students, one after the other, each fitted to the one before: the start, and then each training step."""
    teacher: Student | None = None
    student = untrained(data, (seed, 0))
    for number, num_steps in enumerate(HALVINGS):
        clean = exact(data.mixture) if teacher is None else teacher.clean
        sigmas = np.array([level.sigma for level in levels(2 * num_steps)])

        def batches(rng: np.random.Generator, n: int, clean: Clean = clean, sigmas: Array = sigmas) -> Batches:
            first = 2 * rng.integers((len(sigmas) - 1) // 2, size=n)
            sigma, middle, end = sigmas[first], sigmas[first + 1], sigmas[first + 2]
            x = data.mixture.sample(n, rng)[0] + sigma[:, None] * rng.standard_normal((n, 2))
            return Batches(x, sigma, two_steps(clean, x, sigma, middle, end), np.empty((n, 0)))

        states = fitting(batches, student, NUM_STEPS, (seed, 1, number))
        if number:
            next(states)  # its start is the end of the one before
        for fit in states:
            yield State(num_steps, fit, teacher)
        teacher = student = fit.student


class Moment(NamedTuple):
    """What is shown of a training: step, student, steps of its sampler, teacher (None: exact) and running loss."""

    step: int
    student: Student
    num_steps: int
    teacher: Student | None
    loss: float | None

    @classmethod
    def of(cls, step: int, state: State) -> Moment:
        """A copy of a state as it is now, after `step` steps in all."""
        losses = state.fit.losses
        loss = float(running_mean(np.array(losses))[-1]) if losses else None
        return cls(step, state.fit.student, state.num_steps, state.teacher, loss)


# --- guidance distillation -------------------------------------------------------------------------------------------


def guided(data: DataSet, x: Array, sigma: Array, part: Parts, scale: Array) -> Array:
    """The exact guided prediction of clean points (N, 2), in two passes; `part` (N,) is the condition, `scale` (N,)."""
    conditional = np.empty_like(x)
    for k in range(data.num_parts):
        inside = part == k
        if inside.any():
            conditional[inside] = data.law(k).posterior_mean(x[inside], 1.0, sigma[inside])
    return combine(data.mixture.posterior_mean(x, 1.0, sigma), conditional, scale[:, None])


@dataclass(frozen=True, eq=False)
class GuidedTeacher:
    """The exact guided prediction as a denoiser of VP points, each with its condition `part` (N,), at one scale."""

    data: DataSet
    part: Parts
    scale: float

    def __call__(self, x: Array, level: Level, condition: object = None, /) -> Array:
        """The noise predicted."""
        points, ones = x / level.signal, np.ones(len(x))
        return (points - guided(self.data, points, level.sigma * ones, self.part, self.scale * ones)) / level.sigma

    def evaluations(self, level: Level) -> int:
        """Two passes; one where the scale is 1, and the prediction without the condition has no weight."""
        return 1 if self.scale == 1 else 2


@dataclass(frozen=True, eq=False)
class GuidedStudent:
    """A student with its further inputs as a denoiser: one pass."""

    student: Student
    extra: Array

    def __call__(self, x: Array, level: Level, condition: object = None, /) -> Array:
        """The noise predicted."""
        return self.student(x, level, self.extra)


def inputs_of(data: DataSet, part: ArrayLike, scale: ArrayLike) -> Array:
    """The student's further inputs, (N, parts + 1): the condition, one place a part, and the guidance scale."""
    part, scale = np.broadcast_arrays(part, scale)
    return np.column_stack([part[:, None] == np.arange(data.num_parts), scale / SCALES[1]])


def guidance_distillation(data: DataSet, seed: int, num_steps: int) -> Iterator[State]:
    """A student of the guided prediction for all parts and scales: Meng et al. 2023, stage one (algorithm 1)."""
    sigmas = np.array([level.sigma for level in levels(TEACHER_STEPS)[:-1]])

    def batches(rng: np.random.Generator, n: int) -> Batches:
        sigma, scale = rng.choice(sigmas, n), rng.uniform(*SCALES, n)
        x0, component = data.mixture.sample(n, rng)
        x, part = x0 + sigma[:, None] * rng.standard_normal((n, 2)), data.part[component]
        return Batches(x, sigma, guided(data, x, sigma, part, scale), inputs_of(data, part, scale))

    start = untrained(data, (seed, 2), data.num_parts + 1)
    return (State(TEACHER_STEPS, fit, None) for fit in fitting(batches, start, num_steps, (seed, 3)))


# --- a learned consistency map ---------------------------------------------------------------------------------------


def consistency_fit(data: DataSet, way: Trajectory[Level], seed: int, num_steps: int) -> Iterator[Fit]:
    """A network fitted to the exact map, at the points of exact trajectories (`trajectories`).

    The target is the end itself: simpler than consistency distillation, whose target is the student's own answer one
    level further (Song et al. 2023, algorithm 2), and with the same map as its goal.
    """
    sigmas = np.array([level.sigma for level in way.levels[:-1]])
    x = way.x / np.array([level.signal for level in way.levels])[:, None, None]

    def batches(rng: np.random.Generator, n: int) -> Batches:
        k, i = rng.integers(len(sigmas), size=n), rng.integers(x.shape[1], size=n)
        return Batches(x[k, i], sigmas[k], x[-1, i], np.empty((n, 0)))

    return fitting(batches, untrained(data, (seed, 4)), num_steps, (seed, 5))


def learned_map(data: DataSet, seed: int) -> Work[Student]:
    """The network at the end of that, from POOL trajectories."""
    way = yield from trajectories.work(data.mixture, noise((seed, 8), POOL))
    for fit in consistency_fit(data, way, seed, MAP_STEPS):
        yield len(fit.losses), MAP_STEPS
    return fit.student

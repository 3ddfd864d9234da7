"""Quality in few steps, measured over independent runs, so that it has error bars; and the guided student's gaps."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.denoisers import Denoiser, MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.slices import Work, sliced, within
from diffusion_lab.instruments.distill import students
from diffusion_lab.instruments.distill.kernel import (
    MapWork,
    consistency_sampling,
    ddim_ends,
    ddim_run,
    law_error,
    levels,
    noise,
    rms,
)
from diffusion_lab.instruments.distill.students import HALVINGS, TEACHER_STEPS, Moment, Parts, Student

Array = NDArray[np.float64]
Pair: TypeAlias = tuple[Trajectory[Level], Trajectory[Level]]
MANY = 1000
"""Points of a run."""
HALVING_STEPS = (TEACHER_STEPS, *HALVINGS)


class Runs(NamedTuple):
    """Distances to the exact density of R independent runs with each of `steps`: DDIM (R, K), the method (R, up to K).

    In a halving, the first of both is the first teacher: DDIM on the exact score.
    """

    steps: Sequence[int]
    method: Array
    ddim: Array

    @classmethod
    def none(cls, steps: Sequence[int], of_method: int) -> Runs:
        """No runs yet; `of_method`: for how many of the steps the method has results."""
        return cls(steps, np.empty((0, of_method)), np.empty((0, len(steps))))

    @property
    def shown(self) -> tuple[Runs, ...]:
        """These runs, to be shown while more are computed: only if there are two or more, else nothing."""
        return (self,) if len(self.method) > 1 else ()

    def with_run(self, method: Sequence[float], ddim: Sequence[float]) -> Runs:
        """One run more."""
        return Runs(self.steps, np.vstack([self.method, method]), np.vstack([self.ddim, ddim]))


def mean_and_error(values: Array) -> tuple[Array, Array]:
    """The means over runs, of values (R, ...) with R >= 2, and their standard errors."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def lost(runs: Runs, num_steps: int) -> tuple[Array, Array]:
    """What each run loses by the halving to `num_steps`, (R,): by the student, and by DDIM without training."""
    k = list(runs.steps).index(num_steps)
    return runs.method[:, k] - runs.method[:, k - 1], runs.ddim[:, k] - runs.ddim[:, k - 1]


def seed_of(seed: int, run: int) -> int:
    """The seed of a run; the first has the reader's."""
    return seed + 10_000 * run


def start_of(seed: int, run: int = 0) -> Array:
    """The noise (MANY, 2) in which the samples of a run start."""
    return noise((seed_of(seed, run), 9), MANY)


def _distance_of(data: DataSet, denoiser: Denoiser, x: Array, num_steps: int) -> float:
    return law_error(ddim_ends(denoiser, x, num_steps), data.mixture).distance


def few_steps(
    data: DataSet, consistency: MapWork, steps: Sequence[int], seed: int, num_runs: int
) -> Generator[Any, None, Runs]:
    """Consistency sampling and DDIM in each of `steps`; yields the runs so far too."""
    runs, exact = Runs.none(steps, len(steps)), MixtureDenoiser(data.mixture)
    for run in range(num_runs):
        x, method = start_of(seed, run), []
        for k, num_steps in enumerate(steps):
            rng = seeded((seed_of(seed, run), 10))
            work = consistency_sampling.work(consistency, x, levels(num_steps)[:-1], rng)
            way = yield from within(work, run * len(steps) + k, num_runs * len(steps), *runs.shown)
            method.append(law_error(way.x[-1], data.mixture).distance)
        runs = runs.with_run(method, [_distance_of(data, exact, x, num_steps) for num_steps in steps])
    return runs


def halving_run(data: DataSet, trained: Sequence[Student], seed: int, run: int) -> tuple[list[float], list[float]]:
    """Distances of a run: of the first teacher and the students that are `trained`; and of DDIM in all steps."""
    x, exact = start_of(seed, run), MixtureDenoiser(data.mixture)
    ddim = [_distance_of(data, exact, x, num_steps) for num_steps in HALVING_STEPS]
    pairs = zip(trained, HALVINGS, strict=False)
    return [ddim[0], *(_distance_of(data, student, x, num_steps) for student, num_steps in pairs)], ddim


def halving_pair(data: DataSet, moment: Moment, x: Array) -> Pair:
    """Runs of the student and of its teacher, with twice the steps, from noise x (N, 2)."""
    teacher = moment.teacher or MixtureDenoiser(data.mixture)
    return ddim_run(moment.student, x, moment.num_steps), ddim_run(teacher, x, 2 * moment.num_steps)


def guidance_pair(data: DataSet, student: Student, x: Array, part: Parts, scale: float) -> Pair:
    """Runs of the student of guidance, and of its teacher, at one scale; part (N,): the conditions."""
    one_pass = students.GuidedStudent(student, students.inputs_of(data, part, scale))
    two_passes = students.GuidedTeacher(data, part, scale)
    return ddim_run(one_pass, x, TEACHER_STEPS), ddim_run(two_passes, x, TEACHER_STEPS)


def unguided_ends(data: DataSet, x: Array, part: Parts) -> Array:
    """Where plain conditioning ends, which takes one pass a step."""
    return ddim_ends(students.GuidedTeacher(data, part, 1.0), x, TEACHER_STEPS)


@sliced
def guidance_gaps(data: DataSet, student: Student, x: Array, part: Parts, scales: Sequence[float]) -> Work[Array]:
    """Distances from the ends of the guided teacher at each scale, (S, 2): of the student's ends, and of unguided ones.

    Root mean square over points x (N, 2), with the conditions part (N,).
    """
    plain = unguided_ends(data, x, part)
    rows = []
    for scale in scales:
        one_pass, two_passes = (run.x[-1] for run in guidance_pair(data, student, x, part, scale))
        rows.append((rms(one_pass, two_passes), rms(plain, two_passes)))
        yield len(rows), len(scales)
    return np.array(rows)

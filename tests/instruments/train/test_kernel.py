"""Checkpoints of a run, and what is asked of the samples."""

from itertools import islice

import numpy as np
import pytest

from diffusion_lab.instruments.common import denoiser_training, irreducible_loss
from diffusion_lab.instruments.common.datasets import DATA_SETS, NULL
from diffusion_lab.instruments.common.denoiser_training import DIVERGED, Task, training
from diffusion_lab.instruments.common.learned_denoiser import Checkpoint
from diffusion_lab.instruments.common.metrics import mmd
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.train import kernel
from diffusion_lab.instruments.train.kernel import EACH_PART, NUM_POINTS

RING = DATA_SETS["ring"]()


def test_a_checkpoint_stays_while_the_run_goes_on():
    task = Task(RING)
    states = training(task)
    run = next(islice(states, 5, None))
    checkpoint = Checkpoint.of(task, run)
    np.testing.assert_array_equal(checkpoint.learned.weights, run.average.average["all"])
    weights, losses = checkpoint.learned.weights.copy(), list(run.losses)
    next(islice(states, 5, None))
    np.testing.assert_array_equal(checkpoint.learned.weights, weights)
    np.testing.assert_array_equal(checkpoint.losses, losses)
    assert not np.array_equal(run.average.average["all"], weights)


def test_a_run_that_has_diverged_goes_on_as_it_is():
    task = Task(RING, learning_rate=1e3)
    runs = [Checkpoint.of(task, run) for run in islice(kernel.endless(task), 60)]
    assert runs[-1].diverged_at is not None
    assert len(runs[-1].losses) == runs[-1].diverged_at
    assert np.all(np.isfinite(runs[-1].losses))
    assert runs[-1].losses.max() == DIVERGED


def test_samples_start_from_noise_of_their_own(monkeypatch):
    """No random numbers of the training or of the floor are used again."""
    seeds = []

    def recorded(seed):
        seeds.append(seed)
        return seeded(seed)

    for module in (denoiser_training, irreducible_loss, kernel):
        monkeypatch.setattr(module, "seeded", recorded)
    task = Task(RING, seed=5)
    next(islice(training(task), 1, None))
    task.irreducible_loss()
    kernel.noise(5)
    assert len(seeds) == len(set(seeds)) == 4


@pytest.mark.parametrize("name", DATA_SETS)
def test_each_part_is_asked_for_equally_often(name):
    task = Task(DATA_SETS[name]())
    counts = np.bincount(kernel.parts(task, EACH_PART))
    assert set(counts) == {NUM_POINTS / task.data.num_parts}
    weights = [task.data.mixture.weights[task.data.part == part].sum() for part in range(task.data.num_parts)]
    np.testing.assert_allclose(counts / NUM_POINTS, weights, atol=1e-12)
    assert set(kernel.parts(task, 0)) == {0}
    assert set(kernel.parts(task, NULL)) == {NULL}


@pytest.mark.subject(
    kernel.distance,
    to_all_data=lambda task, x, condition: kernel.distance(task, x, EACH_PART),
)
def test_samples_are_measured_against_what_they_are_asked_to_be(subject, rng):
    task = Task(RING)
    for condition, law in ((EACH_PART, RING.mixture), (NULL, RING.mixture), (2, RING.law(2))):
        x = law.sample(NUM_POINTS, rng)[0]
        assert subject(task, x, condition) == mmd(x, law, 1.0, 0.0)
        assert subject(task, x, condition).distance < 3 * subject(task, x, condition).expected

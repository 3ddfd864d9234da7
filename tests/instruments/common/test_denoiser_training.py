"""Training: what the network is shown and asked, that runs repeat and go on bit for bit, and what is learned."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pytest

from diffusion_lab.instruments.common import denoiser_training
from diffusion_lab.instruments.common.datasets import DATA_SETS, NULL
from diffusion_lab.instruments.common.denoiser_training import BATCH, BLOCK, Run, Task, training
from diffusion_lab.instruments.common.guidance import combine
from diffusion_lab.instruments.common.learned_denoiser import Checkpoint, Learned, sample, scores
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.ema import Ema
from diffusion_lab.instruments.common.preconditioning import TARGETS, Preconditioning
from diffusion_lab.instruments.common.training_levels import LEVEL_DISTRIBUTIONS

RING, MOONS = DATA_SETS["ring"](), DATA_SETS["moons"]()


def after(task, step, checkpoint=None, make=training):
    """The run after `step` steps, or where it ended."""
    for run in make(task, checkpoint):
        if run.step >= step:
            break
    return run


def read(task, inputs):
    """Points (N, 2), VE, levels (N,) and parts (N,), as a batch's columns show them to the network."""
    sigma = np.exp(4 * inputs[2].astype(np.float64))
    x = (inputs[:2] / task.scalings(sigma).c_in).T
    shown = inputs[-1 - task.data.num_parts : -1]
    return x, sigma, np.where(shown.any(axis=0), shown.argmax(axis=0), NULL)


# --- batches ---------------------------------------------------------------------------------------------------------


def batches(task, blocks=30):
    """All columns of the first blocks, inputs and targets."""
    pairs = [pair for block in range(blocks) for pair in task.batches(block)]
    return tuple(np.concatenate(part, axis=1) for part in zip(*pairs, strict=True))


def with_labels(change):
    """Batches with the rows of the condition changed."""

    def wrong(task):
        inputs, target = batches(task)
        rows = slice(-1 - task.data.num_parts, -1)
        inputs[rows] = change(inputs[rows])
        return inputs, target

    return wrong


@pytest.mark.subject(
    batches,
    never_dropped=lambda task: batches(replace(task, dropout=0.0)),
    dropped_the_other_way=lambda task: batches(replace(task, dropout=1 - task.dropout)),
    a_tenth_more=lambda task: batches(replace(task, dropout=1.1 * task.dropout)),
    only_the_first_part=with_labels(lambda rows: rows * (np.arange(len(rows)) == 0)[:, None]),
)
@pytest.mark.parametrize("dropout", [0.1, 0.3])
def test_conditions_are_dropped_at_the_stated_share(subject, dropout):
    """Within four standard errors of a share of 122,880."""
    task = Task(RING, dropout=dropout)
    _, _, part = read(task, subject(task)[0])
    assert abs(np.mean(part == NULL) - dropout) < 4 * np.sqrt(dropout * (1 - dropout) / len(part))


@pytest.mark.subject(
    batches,
    of_another_point=with_labels(lambda rows: np.roll(rows, 1, axis=1)),
    of_another_part=with_labels(lambda rows: np.roll(rows, 1, axis=0)),
)
def test_the_condition_is_the_part_that_the_point_is_from(subject):
    """At levels where the noise is small beside the distance of two clusters."""
    task = Task(RING, levels="log_normal")
    x, sigma, part = read(task, subject(task)[0])
    near = (sigma < 0.2) & (part != NULL)
    distance = np.linalg.norm(x[near, None] - RING.mixture.means, axis=2)
    assert np.mean(distance.argmin(axis=1) == part[near]) > 0.999


def exact_network(task, x, sigma, part):
    """The answer of the exact denoiser, as the network would have to give it: (N, 2)."""
    mean = np.empty_like(x)
    for number in np.unique(part).tolist():
        mean[part == number] = task.data.law(number).posterior_mean(x[part == number], 1.0, sigma[part == number])
    return Preconditioning.at(sigma[:, None], task.target, task.data.sd).target(x, mean)


@pytest.mark.subject(
    lambda task: task.irreducible_loss(),
    unconditional=lambda task: replace(task, dropout=1.0).irreducible_loss(),
    conditional=lambda task: replace(task, dropout=0.0).irreducible_loss(),
    of_another_target=lambda task: replace(task, target=TARGETS[TARGETS.index(task.target) - 2]).irreducible_loss(),
)
@pytest.mark.parametrize(
    "task",
    [
        Task(MOONS, "eps_hat", "uniform_t", 0.4),
        Task(MOONS, "edm", "log_normal", 0.4),
        Task(RING, "v_pred", dropout=0.4),
    ],
    ids=lambda task: task.target,
)
def test_the_exact_denoiser_has_the_irreducible_loss(subject, task):
    """On the very batches that the network is trained with, within four standard errors of the two."""
    inputs, target = batches(task)
    losses = np.mean((exact_network(task, *read(task, inputs)) - target.T) ** 2, axis=1)
    floor = subject(task)
    assert abs(losses.mean() - floor.mean) < 4 * np.hypot(losses.std() / np.sqrt(len(losses)), floor.error)


def test_each_step_has_a_batch_of_its_own():
    inputs, target = batches(Task(RING), 2)
    assert inputs.shape == (26, 2 * BLOCK * BATCH)
    assert target.shape == (2, 2 * BLOCK * BATCH)
    assert len(np.unique(target[0])) > 0.999 * target.shape[1]
    assert np.all(inputs[-1] == 1)
    assert inputs.dtype == target.dtype == np.float32


# --- one function, whatever the network was asked for ----------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Knowing(Learned):
    """A denoiser whose network is the exact one."""

    def network(self, x, sigma, part):
        part = np.broadcast_to(part, len(x))
        return exact_network(self.task, x, np.broadcast_to(sigma, len(x)).astype(float), part)


def with_scalings(**changes):
    """Tasks that use other scalings than their networks were trained for."""

    @dataclass(frozen=True, eq=False)
    class Wrong(Task):
        def scalings(self, sigma):
            right = super().scalings(sigma)
            return replace(right, **{name: change(getattr(right, name)) for name, change in changes.items()})

    return Wrong


@pytest.mark.subject(
    Task,
    c_out_negative=with_scalings(c_out=lambda c: -c),
    c_skip_forgotten=with_scalings(c_skip=lambda c: c + 0.1),
    other_target=lambda data, target: with_scalings(
        c_out=lambda c: np.where(np.abs(c) == 1, 2, 1), c_skip=lambda c: 0 * c
    )(data, target),
)
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gives_the_same_noise(subject, rng, target):
    """The exact score's, at three levels, for points, grids, conditions and none."""
    learned = Knowing(subject(MOONS, target), np.zeros(0, np.float32))
    for sigma in (0.1, 1.0, 10.0):
        at, x = Level.from_sigma(sigma), rng.normal(size=(3, 4, 2))
        for condition in (None, 0, 1):
            law = MOONS.law(NULL if condition is None else condition)
            want = -at.sigma_t * law.score(x, at.signal, at.sigma_t)
            np.testing.assert_allclose(learned(x, at, condition), want, atol=1e-8)
        both = learned.both(x, at, 1)
        np.testing.assert_allclose(both, [learned(x, at), learned(x, at, 1)], atol=1e-8)


# --- runs repeat, and go on ------------------------------------------------------------------------------------------


def assert_same(run, other):
    """Bit for bit, all that a next step depends on."""
    assert run.losses == other.losses
    assert run.adam.steps == other.adam.steps
    assert run.average.steps == other.average.steps
    for one, two in (
        (run.weights, other.weights),
        (run.average.average, other.average.average),
        (run.adam.mean, other.adam.mean),
        (run.adam.square, other.adam.square),
    ):
        assert one["all"].dtype == np.float32
        assert np.array_equal(one["all"], two["all"])


@pytest.mark.subject(
    lambda task: task,
    another_seed=lambda task: replace(task, seed=task.seed + 1),
    another_rate=lambda task: replace(task, learning_rate=task.learning_rate * 1.01),
    another_dropout=lambda task: replace(task, dropout=0.2),
)
def test_a_task_gives_the_same_run_each_time(subject):
    task = Task(RING, seed=3)
    first = after(task, 20)
    np.random.default_rng().random()
    assert_same(after(subject(task), 20), first)


def without(**fresh):
    """Training that takes from a checkpoint all but some part."""

    def wrong(task, checkpoint):
        return training(task, replace(checkpoint, **{name: make(checkpoint) for name, make in fresh.items()}))

    return wrong


def from_the_blocks_start(task, checkpoint):
    """Training that draws its batches from the start of a block, wherever the checkpoint was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoiser_training, "islice", lambda batches, start, stop: islice(batches, 0, stop))
        yield from training(task, checkpoint)


@pytest.mark.subject(
    training,
    moments_forgotten=without(adam=lambda run: Adam(run.adam.learning_rate, steps=run.adam.steps)),
    adams_steps_forgotten=without(adam=lambda run: replace(run.adam, steps=0)),
    average_forgotten=without(average=lambda run: Ema.of(run.weights, run.average.decay)),
    losses_forgotten=without(losses=lambda run: run.losses[:-1]),
    batches_from_the_blocks_start=from_the_blocks_start,
)
@pytest.mark.parametrize("step", [BLOCK + 5, 2 * BLOCK - 1])
def test_a_run_goes_on_from_a_checkpoint_bit_for_bit(subject, step):
    """In the middle and at the end of a block, while the run it was taken from has gone on."""
    task = Task(MOONS, "edm", "log_normal", seed=2)
    run = after(task, step)
    checkpoint = run.checkpoint()
    whole = after(task, 3 * BLOCK + 2)
    kept = checkpoint.checkpoint()
    assert_same(after(task, 3 * BLOCK + 2, checkpoint, subject), whole)
    assert_same(checkpoint, kept)


def test_a_checkpoint_stays_while_the_run_goes_on():
    runs = training(Task(RING))
    run = list(islice(runs, 4))[-1]
    checkpoint, losses = run.checkpoint(), list(run.losses)
    assert next(runs) is run
    assert run.step == 4
    assert checkpoint.step == 3
    assert checkpoint.losses == losses
    assert not np.array_equal(checkpoint.weights["all"], run.weights["all"])
    assert not np.array_equal(checkpoint.adam.mean["all"], run.adam.mean["all"])


# --- what is learned -------------------------------------------------------------------------------------------------


def shown(change):
    """Training on batches that are changed before the network sees them."""

    def make(task, checkpoint=None):
        real = Task.batches

        def wrong(self, block):
            return (change(inputs, target) for inputs, target in real(self, block))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Task, "batches", wrong)
            yield from training(task, checkpoint)

    return make


def hidden(rows):
    def change(inputs, target):
        inputs = inputs.copy()
        inputs[rows] = 0
        return inputs, target

    return shown(change)


MUTANTS = {
    "targets_of_other_points": shown(lambda inputs, target: (inputs, np.ascontiguousarray(np.roll(target, 1, axis=1)))),
    "targets_negative": shown(lambda inputs, target: (inputs, -target)),
    "level_hidden": hidden(slice(2, 19)),
    "points_hidden": hidden(slice(0, 2)),
    "condition_hidden": hidden(slice(19, 25)),
}


@pytest.mark.subject(training, **MUTANTS)
def test_the_loss_comes_near_the_floor(subject):
    """After 700 steps, a second: of 1 at the start less than a twelfth is left above the floor."""
    task = Task(RING, levels="log_normal")
    floor = task.irreducible_loss()
    run = after(task, 700, make=subject)
    learned = Learned(task, run.average.average["all"])
    excess = floor.weight @ floor.excess(learned.network)
    assert 0 < excess < 0.05
    start = Learned(task, next(training(task)).weights["all"])
    assert floor.weight @ floor.excess(start.network) == pytest.approx(1 - floor.mean, abs=0.03)


@pytest.fixture(scope="module")
def trained():
    """A network after 1,500 steps."""
    task = Task(RING, "edm", "uniform_log_snr", dropout=0.2)
    return Learned(task, after(task, 1500).average.average["all"])


@pytest.mark.subject(
    scores,
    downhill=lambda *a: (-scores(*a)[0], scores(*a)[1]),
    of_the_noise=lambda learned, x, at, *a: (learned(x, at, *a), scores(learned, x, at, *a)[1]),
    condition_forgotten=lambda learned, x, at, condition=None: (
        scores(learned, x, at)[0],
        scores(learned, x, at, condition)[1],
    ),
)
@pytest.mark.parametrize("condition", [0, 4])
def test_the_learned_score_is_near_the_exact_one(subject, trained, rng, condition):
    """Where the noised data are: a tenth of its mean square is missed, at three levels."""
    for sigma in (0.3, 1.0, 3.0):
        at = Level.from_sigma(sigma)
        clean, _ = RING.law(condition).sample(500, rng)
        x = at.signal * clean + at.sigma_t * rng.normal(size=clean.shape)
        got, exact = subject(trained, x, at, condition)
        np.testing.assert_array_equal(exact, RING.law(condition).score(x, at.signal, at.sigma_t))
        assert np.mean((got - exact) ** 2) < 0.1 * np.mean(exact**2)


def nearest(x):
    return np.linalg.norm(x[:, None] - RING.mixture.means, axis=2).argmin(axis=1)


@pytest.mark.subject(
    sample,
    another_condition=lambda learned, x, condition, *a: sample(learned, x, (condition + 1) % 6, *a),
    unconditional=lambda learned, x, condition, *a: sample(learned, x, condition, 0.0),
    noise_left=lambda learned, x, *a: x,
)
def test_samples_are_of_their_condition(subject, trained, rng):
    """Nearly all in their cluster, whose spread of 0.2 they have to a third."""
    x = subject(trained, rng.normal(size=(600, 2)), 2, 1.0)
    assert np.mean(nearest(x) == 2) > 0.97
    assert 0.13 < np.sqrt(np.mean((x[nearest(x) == 2] - RING.mixture.means[2]) ** 2)) < 0.27


def test_without_guidance_all_clusters_are_reached(trained, rng):
    counts = np.bincount(nearest(sample(trained, rng.normal(size=(1200, 2)), 2, 0.0)), minlength=6)
    assert counts.min() > 120
    assert counts.max() < 300


def guided(learned, x, at, condition, w):
    return combine(*learned.both(x, at, condition), w)


@pytest.mark.subject(
    guided,
    exchanged=lambda learned, x, at, condition, w: guided(learned, x, at, condition, 1 - w),
    other_convention=lambda learned, x, at, condition, w: guided(learned, x, at, condition, 1 + w),
    one_branch=lambda learned, x, at, condition, w: learned(x, at, condition),
)
def test_guidance_at_0_and_1_is_one_of_the_two(subject, trained, rng):
    x, at = rng.normal(size=(50, 2)), Level.from_sigma(1.0)
    apart = np.abs(trained(x, at) - trained(x, at, 3)).max()
    assert apart > 0.1
    np.testing.assert_allclose(subject(trained, x, at, 3, 0.0), trained(x, at), atol=1e-5)
    np.testing.assert_allclose(subject(trained, x, at, 3, 1.0), trained(x, at, 3), atol=1e-5)


@pytest.mark.parametrize("levels", LEVEL_DISTRIBUTIONS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_target_and_distribution_learns(target, levels):
    """A few steps from the mean square of the target, which is what an untrained network's loss is."""
    run = after(Task(MOONS, target, levels), 120)
    assert np.mean(run.losses[-20:]) < 0.9 * np.mean(run.losses[:1])


# --- divergence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learning_rate", [1.0, 1e8, 1e30])
@pytest.mark.parametrize("target", TARGETS)
def test_divergence_is_survived(target, learning_rate, rng):
    """Nothing raises, though NumPy would; the run ends; weights and pictures are finite."""
    task = Task(RING, target, learning_rate=learning_rate)
    runs = list(training(task))
    run = runs[-1]
    assert run.diverged_at == run.step == len(runs) - 1 < 20
    assert not run.losses[-1] <= denoiser_training.DIVERGED
    assert all(loss <= denoiser_training.DIVERGED for loss in run.losses[:-1])
    assert np.all(np.isfinite(run.weights["all"]))
    for weights in (run.weights["all"], run.average.average["all"]):
        learned = Learned(task, weights)
        assert np.all(np.isfinite(learned(rng.normal(size=(20, 2)), Level.from_sigma(0.5), 1)))
        assert np.all(np.isfinite(sample(learned, rng.normal(size=(20, 2)), 1, 2.0)))
        assert np.all(np.isfinite(task.irreducible_loss().excess(learned.network)))
    assert [other.step for other in training(task, run.checkpoint())] == [run.step]


def test_a_usual_rate_does_not_diverge():
    assert after(Task(RING), 50).diverged_at is None


@pytest.mark.parametrize("loss", [np.nan, np.inf, 2e3])
def test_what_counts_as_divergence(loss, monkeypatch):
    """Not a number, infinite, or huge: shown by a target that makes it so at the third step."""
    real = Task.batches

    def spoilt(self, block):
        for step, (inputs, target) in enumerate(real(self, block)):
            yield inputs, target if step < 2 else np.full_like(target, np.sqrt(loss))

    monkeypatch.setattr(Task, "batches", spoilt)
    runs = list(training(Task(RING)))
    assert runs[-1].diverged_at == 3
    before = after(Task(RING), 2)
    np.testing.assert_array_equal(runs[-1].weights["all"], before.weights["all"])
    shown = Checkpoint.of(Task(RING), runs[-1]).losses
    np.testing.assert_array_equal(shown, [*before.losses, denoiser_training.DIVERGED])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.5}, "`dropout` must lie between 0 and 1, got 1.5."),
        ({"learning_rate": 0}, "`learning_rate` must be above 0, got 0."),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError) as refused:
        Task(RING, **changes)
    assert str(refused.value) == message


def test_a_run_is_all_that_a_checkpoint_holds():
    """A field added to the run must be copied by `checkpoint` too."""
    assert set(Run.__dataclass_fields__) == {"weights", "average", "adam", "losses", "diverged_at"}

"""The model that is trained in the page: its objective, its floor, and that it learns."""

from itertools import islice

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.masked.objective import masked_objective
from diffusion_lab.instruments.common.networks.mlp import mlp_weights
from diffusion_lab.instruments.unmask import kernel, language, training
from diffusion_lab.instruments.unmask.training import EVERY, NUM_STEPS, REACH, SIZES, SYMBOLS, Moment, Truth, inputs


@pytest.fixture(scope="module")
def run():
    """Moments of one run at 0, 40 and 120 steps."""
    states = training.training(15, 3)
    return {step: state.moment() for step, state in enumerate(islice(states, 121)) if step in (0, 40, 120)}


def swapped(x, row, at):
    return inputs(x[:, ::-1], row, x.shape[1] - 1 - at)


@pytest.mark.subject(inputs, sides_swapped=swapped, own_place=lambda x, row, at: inputs(x, row, at + 1))
def test_the_network_sees_its_neighbours_and_not_its_place(subject):
    x = np.array([[5, MASK, 7, 8, MASK, 1, 2]])
    columns = subject(x, np.array([0, 0]), np.array([1, 4]))
    assert columns.shape == (SIZES[0] + 1, 2)
    np.testing.assert_array_equal(columns[-1], 1)
    seen = columns[:-1].reshape(2 * REACH, SYMBOLS, 2)
    np.testing.assert_array_equal(seen.sum(axis=1), 1)
    mask, edge = SYMBOLS - 2, SYMBOLS - 1
    assert seen[..., 0].argmax(axis=1).tolist() == [edge, edge, edge, 5, 7, 8, mask, 1]
    assert seen[..., 1].argmax(axis=1).tolist() == [5, mask, 7, 8, 1, 2, edge, edge]


@pytest.mark.subject(
    training.masked_texts,
    plain=lambda texts, rng: (training.masked_texts(texts, rng)[0], np.full(len(texts), 2.0 / texts.size)),
    too_few_masks=lambda texts, rng: (lambda masked, w: (masked & (rng.random(masked.shape) < 0.5), w))(
        *training.masked_texts(texts, rng)
    ),
)
def test_the_loss_is_the_masked_objective(subject, run, rng):
    """Its mean over many masks of one text, within 4 standard errors of the sum over every set of masks."""
    moment, texts = run[40], np.tile([language.TOKEN[w] for w in ["the", "cat", "sleeps", ".", "a", "dog"]], (64, 1))
    want = masked_objective(moment, texts[0]) / 6
    found = []
    for _ in range(150):
        masked, weight = subject(texts, rng)
        row, at = np.nonzero(masked)
        law = moment(np.where(masked, MASK, texts))[row, at, texts[row, at]]
        found.append(float(-(weight[row] @ np.log(law))))
    assert abs(np.mean(found) - want) < 4 * np.std(found) / np.sqrt(len(found))


@pytest.mark.subject(
    lambda truth: truth.floor,
    per_text=lambda truth: truth.floor * 6,
    first_word=lambda truth: float(-(language.word_model().start @ np.log(language.word_model().start))),
)
def test_the_floor_is_the_objective_of_the_exact_model(subject, rng):
    """On 120 texts of six words, summed over every set of masks: within 4 standard errors."""
    texts, _ = language.word_model().left_to_right(np.full((120, 6), MASK), 1.0, rng)
    found = [masked_objective(language.posterior, x) / 6 for x in texts]
    assert abs(np.mean(found) - subject(Truth(6))) < 4 * np.std(found) / np.sqrt(120)


def test_it_learns_and_stays_above_the_floor(run):
    truth = Truth(15)
    excess = {step: truth.excess(moment) for step, moment in run.items()}
    assert excess[0] > excess[40] > excess[120] > 0
    assert excess[120] < 0.3 * excess[0]
    losses = run[120].losses
    assert len(losses) == run[120].step == 120
    assert losses[0] == pytest.approx(np.log(len(language.VOCABULARY)), rel=0.25), "at first all words are equal"
    assert truth.floor < losses[-20:].mean() < losses[:20].mean()


def test_the_excess_is_0_for_the_exact_model(monkeypatch):
    truth = Truth(12)
    _, exact, _ = truth._tested
    monkeypatch.setattr(Moment, "laws_at", lambda self, columns: np.maximum(exact, 1e-300))
    assert truth.excess(Moment(mlp_weights(SIZES, np.random.default_rng(0)), np.zeros(0))) == pytest.approx(0, abs=1e-9)


def test_each_number_of_masks_counts_alike_in_the_excess(monkeypatch, rng):
    """Where a word's error is the number of masks, the excess is the mean of 1 to 6."""
    count = np.repeat(np.arange(1, 7), training.TESTED)
    monkeypatch.setattr(training, "divergence", lambda exact, found: np.repeat(count, count).astype(float))
    assert Truth(6).excess(Moment(mlp_weights(SIZES, rng), np.zeros(0))) == pytest.approx(3.5)


def test_a_run_is_its_seed_and_length(run):
    again = next(islice(training.training(15, 3), 40, None)).moment()
    np.testing.assert_array_equal(again.weights, run[40].weights)
    other = next(islice(training.training(15, 4), 40, None)).moment()
    assert not np.array_equal(other.weights, again.weights)


def test_its_laws_are_laws_and_it_decodes(run):
    x = np.full((2, 15), MASK)
    x[1, 3] = 7
    laws = run[120](x)
    np.testing.assert_allclose(laws.sum(axis=2), 1)
    *_, last = kernel.unmasking(x[1], 5, "confidence", 1.0, 0.0, 0, run[120])
    assert last.x[0, 3] == 7
    assert (last.x != MASK).all()
    assert NUM_STEPS % EVERY == 0

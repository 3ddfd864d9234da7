"""How many positions a pass commits and which, by every rule, and the probabilities of ReMDM."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.masked.decoding import decode
from diffusion_lab.instruments.common.masked.rules import remdm_probabilities, scores, transfer_counts


@pytest.mark.subject(
    transfer_counts,
    remainder_last=lambda n, k: transfer_counts(n, k)[::-1],
    remainder_all_at_once=lambda n, k: n // k + np.where(np.arange(k) == 0, n % k, 0),
    rounded_up=lambda n, k: np.diff(np.minimum(np.arange(k + 1) * -(-n // k), n)),
    rounded=lambda n, k: np.diff(np.round(np.arange(k + 1) * n / k).astype(int)),
)
def test_counts_spread_the_remainder_first(subject):
    assert subject(10, 4).tolist() == [3, 3, 2, 2]
    for n, k in product(range(25), range(1, 26)):
        counts = subject(n, k)
        assert (len(counts), counts.sum()) == (k, n)
        assert np.all(np.diff(counts) <= 0)
        assert np.ptp(counts) <= 1


def chosen_by(score):
    """Positions (n,) in the order in which a rule with `score(law)` would take them."""
    return lambda law: np.argsort(-score(law), kind="stable")


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        ("confidence", chosen_by(lambda law: law.max(axis=1))),
        ("margin", chosen_by(lambda law: np.sort(law, axis=1)[:, -1] - np.sort(law, axis=1)[:, -2])),
        ("entropy", chosen_by(lambda law: -stats.entropy(law, axis=1))),
    ],
)
def test_rules_take_the_positions_they_are_named_for(rule, order, rng):
    """On a law where the three disagree."""
    law = np.array([[0.50, 0.49, 0.01], [0.48, 0.26, 0.26], [0.49, 0.40, 0.11], [0.36, 0.32, 0.32]])
    passes = list(decode(lambda x: np.tile(law, (len(x), 1, 1)), np.full(4, MASK), 4, rule, 1.0, rng))
    taken = [int(np.flatnonzero(p.committed[0])[0]) for p in passes[1:]]
    assert taken == order(law).tolist()


def test_the_three_disagree():
    law = np.array([[0.50, 0.49, 0.01], [0.48, 0.26, 0.26], [0.49, 0.40, 0.11], [0.36, 0.32, 0.32]])
    first = {rule: int(scores(law, np.zeros(4, int), rule).argmax()) for rule in ("confidence", "margin", "entropy")}
    assert first == {"confidence": 0, "margin": 1, "entropy": 0}
    assert scores(law, np.array([2, 0, 0, 0]), "low_confidence").argmax() == 2


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("confidence", [0.5, 0.7, 0.4]),
        ("margin", [0.2, 0.5, 0.1]),
        ("entropy", [-1.0297, -0.8018, -1.0889]),
        ("low_confidence", [0.2, 0.7, 0.3]),
        ("random", [0.0, 0.0, 0.0]),
    ],
)
def test_scores_are_the_quantities_that_they_are_named_for(rule, expected):
    law = np.array([[0.5, 0.2, 0.3], [0.7, 0.2, 0.1], [0.3, 0.4, 0.3]])
    np.testing.assert_allclose(scores(law, np.array([1, 0, 2]), rule), expected, atol=5e-5)


def without_correction(number, steps, eta_cap):
    """As if nothing were masked again."""
    return remdm_probabilities(number, steps, 0.0)[0], remdm_probabilities(number, steps, eta_cap)[1]


@pytest.mark.subject(
    remdm_probabilities,
    without_correction=without_correction,
    never_again=lambda number, steps, eta_cap: (
        remdm_probabilities(number, steps, eta_cap)[0],
        np.zeros(len(steps)),
    ),
    late_by_one=lambda number, steps, eta_cap: remdm_probabilities(max(1, number - 1), steps, eta_cap),
    uncapped_at_the_end=lambda number, steps, eta_cap: (
        remdm_probabilities(number, steps, eta_cap)[0],
        np.full(len(steps), eta_cap),
    ),
)
def test_remdm_keeps_to_the_schedule(subject):
    """The expected share committed after pass j of K is j/K whatever sigma is, and both are probabilities."""
    for k, eta_cap in product((1, 2, 5, 16), (0.0, 0.2, 0.9)):
        share = 0.0
        for number in range(1, k + 1):
            (commit,), (again,) = subject(number, np.array([k]), eta_cap)
            assert -1e-12 <= commit <= 1 + 1e-12
            assert 0 <= again <= 1
            share = share * (1 - again) + (1 - share) * commit
            assert share == pytest.approx(number / k, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transfer_counts(-1, 2), "`num_masked` must be at least 0, got -1."),
        (lambda: transfer_counts(3, 0), "`num_inference_steps` must be at least 1, got 0."),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError) as refused:
        call()
    assert str(refused.value) == message

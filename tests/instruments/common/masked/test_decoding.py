"""Decoding by unmasking: the law of what comes out, and what a pass reports of itself."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.masked.decoding import decode
from diffusion_lab.instruments.common.masked.drafts import tempered
from diffusion_lab.instruments.common.masked.laws import decoding_law
from diffusion_lab.instruments.common.masked.rules import RULES, transfer_counts

from .cases import ALPHA, decoded, joint, lopsided, model_of, p_value, two_states

MASKS = np.full(3, MASK)
BLIND = ("confidence", "margin", "entropy", "random")


@pytest.mark.parametrize("rule", RULES[:-1])
def test_decode_commits_by_these_counts(rule, rng):
    """Row by row, given tokens not counted, for K below and above the number of masks."""
    x = np.full((6, 10), MASK)
    x[3:, 2] = 1
    steps = np.array([1, 4, 13, 1, 4, 7])
    passes = list(decode(model_of(two_states(0.7)), x, steps, rule, 1.0, rng))
    assert len(passes) == 11  # K = 13 has nothing left to do after 10
    for row, k in enumerate(steps):
        wanted = np.append(transfer_counts((x[row] == MASK).sum(), k), np.zeros(13 - k, int))[:10]
        assert [p.committed[row].sum() for p in passes[1:]] == wanted.tolist()


@pytest.mark.parametrize("make", [lambda rng: two_states(0.8), lopsided])
@pytest.mark.subject(
    [(rule, 4) for rule in BLIND],
    looks_at_the_token=[("low_confidence", 4)],
    two_a_pass=[(rule, 2) for rule in BLIND],
    one_pass_short=[(rule, 3) for rule in BLIND],
)
def test_blind_one_token_a_pass_follows_the_chain(subject, make, rng):
    """Significance ALPHA for each of the rules together; a mutant must fail for both chains."""
    chain = make(rng)
    p = min(p_value(decoded(chain, 20_000, 4, steps, rule, rng), joint(chain, 4)) for rule, steps in subject)
    assert p > ALPHA / len(BLIND)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.subject(
    decoding_law,
    independent=lambda model, n, v, k, rule, eta: decoding_law(model, n, v, 1, "random"),
    another_rule=lambda model, n, v, k, rule, eta: decoding_law(
        model, n, v, k, "confidence" if rule == "low_confidence" else "low_confidence"
    ),
    a_pass_more=lambda model, n, v, k, rule, eta: decoding_law(model, n, v, k + 1, rule, eta),
)
def test_decode_follows_the_law_that_is_computed_for_it(subject, rule, rng):
    """Every rule, 3 and 2 passes over 4 tokens, by chi-square at ALPHA each."""
    chain = lopsided(rng)
    for steps in (2, 3):
        law = subject(model_of(chain), 4, 3, steps, rule, 0.4)
        assert p_value(decoded(chain, 30_000, 4, steps, rule, rng, eta_cap=0.4), law) > ALPHA


def test_the_gap_is_that_of_the_sampler(rng):
    """The law with the gap is followed by `decode`, and the chain's own is not."""
    chain = two_states(0.6)
    x = decoded(chain, 20_000, 3, 3, "low_confidence", rng)
    assert p_value(x, decoding_law(model_of(chain), 3, 2, 3, "low_confidence")) > ALPHA
    assert p_value(x, joint(chain, 3)) < 1e-12


def test_remdm_masks_again_but_never_what_was_given(rng):
    x = np.full((400, 8), MASK)
    x[:, 3] = 1
    passes = list(decode(model_of(two_states(0.8)), x, 6, "remdm", 1.0, rng, eta_cap=0.5))
    assert sum(p.remasked.sum() for p in passes) > 400
    assert all(np.all(p.x[:, 3] == 1) and not p.remasked[:, 3].any() for p in passes)
    assert not (passes[-1].x == MASK).any()
    assert not any(p.remasked.any() for p in decode(model_of(two_states(0.8)), x, 6, "remdm", 1.0, rng, eta_cap=0.0))
    for j, p in enumerate(passes[1:-1], start=1):
        share = (p.x != MASK)[:, np.arange(8) != 3].mean()
        assert abs(share - j / 6) < 5 * np.sqrt(j / 6 * (1 - j / 6) / 2800)


def test_remdm_goes_on_where_a_sequence_is_complete_early(rng):
    """One sequence at a time: a pass in which nothing is masked asks for no model but may mask again."""
    chain = two_states(0.9)
    x = np.concatenate([decoded(chain, 1, 2, 4, "remdm", rng, eta_cap=0.9) for _ in range(2500)])
    assert p_value(x, decoding_law(model_of(chain), 2, 2, 4, "remdm", 0.9)) > ALPHA


@pytest.mark.parametrize("rule", RULES)
def test_passes_are_counted(rule, rng):
    """`nfe` is what the model was asked for, one row at a time so that no two are equal."""
    chain, calls = two_states(0.7), []

    def counted(x):
        calls.append(len(x))
        return chain.posterior(x)[0]

    for steps in (1, 3, 7, 12):
        calls.clear()
        *_, last = decode(counted, np.full(7, MASK), steps, rule, 1.0, rng, 0.2)
        assert last.nfe[0] == sum(calls) <= steps
        assert rule == "remdm" or last.nfe[0] == min(steps, 7)


def test_equal_rows_are_asked_for_once_and_counted_each(rng):
    asked = []

    def model(x):
        asked.append(len(x))
        return two_states(0.7).posterior(x)[0]

    passes = list(decode(model, np.full((50, 6), MASK), 6, "random", 1.0, rng))
    assert asked[0] == 1
    assert sum(asked) < 300
    np.testing.assert_array_equal(passes[-1].nfe, np.full(50, 6))


@pytest.mark.parametrize("rule", RULES)
def test_a_pass_reports_what_it_did(rule, rng):
    """Only committed or remasked positions change; the confidence is the drawn token's marginal at that time."""
    chain = lopsided(rng)
    passes = list(decode(model_of(chain), np.full((30, 6), MASK), 4, rule, 1.0, rng, 0.3))
    assert [p.number for p in passes] == list(range(5))
    for before, after in pairwise(passes):
        np.testing.assert_array_equal(before.x != after.x, after.committed | after.remasked)
        assert np.all(before.x[after.committed] == MASK)
        law = chain.posterior(before.x)[0]
        row, column = np.nonzero(after.committed)
        np.testing.assert_allclose(
            after.confidence[row, column], law[row, column, after.x[row, column]], atol=1e-12)  # fmt: skip
        np.testing.assert_array_equal(after.confidence == 0, after.x == MASK)


def test_a_seed_gives_one_decoding():
    """Bit for bit under one build of NumPy."""
    chain = two_states(0.7)
    runs = [
        [p.x for p in decode(model_of(chain), np.full((5, 8), MASK), 5, "remdm", 0.7, np.random.default_rng(s), 0.3)]
        for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decode(None, MASKS, 0, "random", 1.0, None), "`num_inference_steps` must be at least 1, got 0."),
        (
            lambda: decode(None, MASKS, 1, "lucky", 1.0, None),
            f"`remasking` must be one of {', '.join(RULES)}, got lucky.",
        ),
        (lambda: decode(None, MASKS, 1, "remdm", 1.0, None, 2.0), "`eta_cap` must be between 0 and 1, got 2.0."),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError) as refused:
        call()
    assert str(refused.value) == message


def decode_at(change):
    """`decode` at a temperature that `change` makes of the one asked for."""
    return lambda model, x, k, rule, temperature, rng: decode(model, x, k, rule, change(temperature), rng)


@pytest.mark.subject(decode, ignored=decode_at(lambda _: 1.0), inverse=decode_at(lambda t: 1 / t))
def test_tokens_are_drawn_at_the_temperature(subject, rng):
    """A single pass draws each token from its marginal to the power 1/T: chi-square at ALPHA."""
    chain = lopsided(rng)
    law = chain.posterior(MASKS[None])[0][0, 1]
    *_, last = subject(model_of(chain), np.tile(MASKS, (20_000, 1)), 1, "random", 0.5, rng)
    assert p_value(last.x[:, 1:2], tempered(law, 0.5)) > ALPHA


#: Two positions: the first has the more probable likeliest token, the second one whose rivals are weaker.
TWO_LAWS = np.array([[[0.6, 0.4, 0.0, 0.0], [0.55, 0.15, 0.15, 0.15]]])


@pytest.mark.subject(
    lambda x: np.repeat(TWO_LAWS, len(x), axis=0),
    tempered=lambda x: np.repeat(tempered(TWO_LAWS, 0.05), len(x), axis=0),
)
def test_low_confidence_asks_for_the_probability_without_the_temperature(subject, rng):
    """LLaDA's published code takes it from the softmax of the logits, to which no noise was added."""
    _, first, _ = decode(subject, np.full((1, 2), MASK), 2, "low_confidence", 0.05, rng)
    assert first.committed.tolist() == [[True, False]]
    assert first.confidence[0, 0] == 0.6


@pytest.mark.subject(0.9, never_masked_again=0.0, rarely=0.2)
def test_the_law_of_remdm_has_what_masking_again_changes(subject, rng):
    """In six passes over four tokens of a chain with strong ties: chi-square at ALPHA."""
    chain = two_states(0.95)
    law = decoding_law(model_of(chain), 4, 2, 6, "remdm", subject)
    assert p_value(decoded(chain, 30_000, 4, 6, "remdm", rng, eta_cap=0.9), law) > ALPHA

"""The masked diffusion kernel: the word model, both decodings as they are shown, and what is measured on them."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.masked.decoding import decode
from diffusion_lab.instruments.unmask import kernel, language

ALPHA = 1e-4


def masks(length=12, **pins):
    return kernel.sequence(length, {int(at[1:]): word for at, word in pins.items()})


def written(given, size, rng):
    """Samples of the chain itself; only for `given` without a word after a mask."""
    return kernel.word_model().left_to_right(np.tile(given, (size, 1)), 1.0, rng)[0]


def unmasked(given, size, steps, rule, rng):
    *_, last = decode(language.posterior, np.tile(given, (size, 1)), steps, rule, 1.0, rng)
    return last.x


# --- the model -------------------------------------------------------------------------------------------------------


def test_the_corpus_is_as_large_as_said():
    assert 60 <= len(kernel.VOCABULARY) <= 90
    assert len(language.LINES) == len(set(language.LINES)) >= 150
    assert all(line[-1] == "." and line.count(".") == 1 for line in language.LINES)
    assert kernel.word_model().num_states == 178


def test_nothing_is_impossible_and_the_longest_text_fits():
    model = kernel.word_model()
    assert model.prob.min() > 0
    assert model.start.min() > 0
    assert model.longest >= 24
    assert np.isfinite(kernel.log_likelihood(np.arange(12)[None], masks())).all()


def test_unmasking_the_word_model_one_by_one_follows_it(rng):
    """First three words of twelve, by chi-square over the words that are common enough, random order."""
    ours, theirs = unmasked(masks(), 1500, 12, "random", rng), written(masks(), 100_000, rng)
    for i in range(3):
        law = np.bincount(theirs[:, i], minlength=len(kernel.VOCABULARY)) / len(theirs)
        common = law * len(ours) > 10
        counts = np.bincount(ours[:, i], minlength=len(law))
        counts, law = np.append(counts[common], counts[~common].sum()), np.append(law[common], law[~common].sum())
        assert stats.chisquare(counts, law / law.sum() * len(ours)).pvalue > ALPHA


def test_a_pinned_end_changes_the_beginning():
    """What a reversal query asks for: p(first word | last words) is not p(first word)."""
    free = language.posterior(masks()[None])[0, 0]
    asked = language.posterior(masks(p10="the", p11="birds", p12=".")[None])[0, 5]
    plain = language.posterior(masks()[None])[0, 5]
    assert 0.5 * np.abs(asked - plain).sum() > 0.05
    assert free.sum() == pytest.approx(1)


# --- two texts as they are shown -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", kernel.RULES)
def test_what_is_shown_is_what_was_decoded(rule):
    given = masks(15, p4="the", p15=".")
    made = kernel.decoding(given, 6, rule, 1.0, 0.3, seed=2)
    free = given == MASK
    for spent in range(17):
        shown = made.after(spent)
        ours, theirs = shown.sides["unmasked"], shown.sides["written"]
        state = made.passes[min(spent, len(made.passes) - 1)]
        np.testing.assert_array_equal(ours.x, state.x[0])
        assert shown.nfe == state.nfe[0] == min(spent, 6)
        assert len(shown.history) == ours.spent == min(spent, 6)
        np.testing.assert_array_equal(theirs.x != MASK, ~free | (np.arange(15) < spent))
        assert theirs.committed.sum() == (1 <= spent <= 15 and free[spent - 1])
        assert np.all(ours.x[~free] == given[~free])
    assert not (made.after(99).sides["unmasked"].x == MASK).any()
    assert made.nfe == 6
    np.testing.assert_array_equal(made.after(99).sides["written"].x, made.rounds[-1].x)
    assert made.after(99).positions == 15


def test_a_text_that_is_done_has_no_new_words():
    """With drafts left to right is done in fewer rounds than unmasking in passes; then it waits."""
    made = kernel.decoding(masks(), 12, "random", 1.0, 0.0, seed=0, block=4)
    end = len(made.rounds) - 1
    assert end < made.total == 12
    assert made.after(end).sides["written"].committed.any()
    waiting = made.after(end + 1).sides["written"]
    assert not waiting.committed.any()
    assert not waiting.remasked.any()


def test_passes_are_counted_not_assumed(monkeypatch):
    asked = []

    def counted(x):
        asked.append(len(x))
        return kernel.word_model().posterior(x)[0]

    monkeypatch.setattr(language, "posterior", counted)
    for steps, passes in ((1, 1), (5, 5), (12, 12), (24, 12)):
        asked.clear()
        assert kernel.decoding(masks(), steps, "random", 1.0, 0.0, 0).nfe == sum(asked) == passes
    asked.clear()
    quality = kernel.quality(masks(), "random", 1.0, 0.0, 0, 4)
    assert quality.passes == 4 * sum(kernel.ladder(12))
    assert sum(asked) <= quality.passes


def test_a_seed_gives_one_decoding():
    for change in ({}, {"seed": 6}):
        runs = [kernel.decoding(masks(), 4, "confidence", 1.0, 0.0, **{"seed": 5, **extra}) for extra in ({}, change)]
        same = np.array_equal(runs[0].passes[-1].x, runs[1].passes[-1].x)
        assert same == (not change)


def test_each_text_has_random_numbers_of_its_own():
    """One masked word has the same law in both texts: with the same numbers it would be the same word every time."""
    given = masks(3, p1="the", p2="cat")
    texts = [kernel.decoding(given, 1, "random", 1.0, 0.0, seed) for seed in range(12)]
    assert any(made.passes[-1].x[0, -1] != made.rounds[-1].x[-1] for made in texts)


def test_odd_neighbours_are_those_the_corpus_lacks():
    """Against a search in the lines themselves."""
    pairs = {pair for line in language.LINES for pair in zip((".", *line), line, strict=False)}
    text = ["the", "old", "cat", "sleeps", "_", "warm", "sea", ".", "a", "child", "the"]
    x = np.array([MASK if word == "_" else language.TOKEN[word] for word in text])
    none = np.zeros(11, bool)
    side = kernel.Side(0, 0, x, np.ones(11), none, none, np.full(11, MASK))
    want = [a != "_" != b and (a, b) not in pairs for a, b in pairwise(text)]
    assert side.odd.tolist() == want
    assert sum(want) == 3
    assert kernel.text(x) == " ".join(text)


# --- what is measured ------------------------------------------------------------------------------------------------


def per_text(x, given):
    return kernel.log_likelihood(x, given) * (given == MASK).sum()


def unconditioned(x, given):
    return kernel.word_model().log_prob(x) / (given == MASK).sum()


@pytest.mark.subject(
    kernel.log_likelihood,
    of_the_whole_text=per_text,
    given_forgotten=unconditioned,
    over_all_words=lambda x, given: kernel.log_likelihood(x, given) * (given == MASK).mean(),
    last_word_forgotten=lambda x, given: (
        kernel.log_likelihood(x, given) * 0 + kernel.word_model().log_prob(x[:, :-1]) / 12
    ),
)
def test_exact_samples_meet_the_expected_line(subject, rng):
    """Mean of samples against `expected_log_likelihood`, with and without words given, by their standard error."""
    for given in (masks(), masks(p3="cat", p12=".")):
        x = unmasked(given, 600, 12, "random", rng)
        value = subject(x, given)
        error = value.std(ddof=1) / np.sqrt(len(value))
        assert abs(value.mean() - kernel.expected_log_likelihood(given)) < stats.norm.isf(ALPHA / 4) * error


def test_evidence_is_the_likelihood_of_what_is_revealed(rng):
    """Complete: the likelihood itself. Partial: the probabilities at commitment multiply up to it, one by one."""
    given = masks(p12=".")
    made = kernel.decoding(given, 12, "random", 1.0, 0.0, 1)
    last = made.passes[-1]
    assert kernel.evidence(last.x[0], given) == pytest.approx(11 * kernel.log_likelihood(last.x, given)[0], abs=1e-10)
    for state in made.passes:
        shown = state.x[0] != MASK
        assert kernel.evidence(state.x[0], given) == pytest.approx(np.log(state.confidence[0, shown]).sum(), abs=1e-10)


def brute_distinct(x):
    pairs = [tuple(pair) for row in x for pair in pairwise(row)]
    return len(set(pairs)) / len(pairs)


def jackknife(x):
    left_out = np.array([brute_distinct(np.delete(x, i, axis=0)) for i in range(len(x))])
    return np.sqrt((len(x) - 1) / len(x) * np.sum((left_out - left_out.mean()) ** 2))


@pytest.mark.subject(
    kernel.distinct_pairs,
    of_words=lambda x: (len(np.unique(x)) / x.size, jackknife(x)),
    across_rows=lambda x: (brute_distinct([x.ravel()]), jackknife(x)),
    error_of_a_mean=lambda x: (brute_distinct(x), jackknife(x) / np.sqrt(len(x))),
    spread_left_out=lambda x: (brute_distinct(x), jackknife(x) / np.sqrt(len(x) - 1)),
)
def test_distinct_pairs_equal_their_definition(subject, rng):
    x = written(masks(), 14, rng).tolist()
    share, error = subject(np.array(x))
    assert share == pytest.approx(brute_distinct(x), abs=1e-12)
    assert error == pytest.approx(jackknife(x), abs=1e-12)


@cache
def measured(seed):
    return kernel.quality(masks(), "random", 1.0, 0.0, seed, 16)


@pytest.mark.subject(
    lambda q: q,
    spread_for_error=lambda q: replace(q, likelihood_error=q.likelihood_error * 4),
    too_sure=lambda q: replace(q, likelihood_error=q.likelihood_error / 3),
    too_short=lambda q: replace(q, likelihood=q.likelihood * 11 / 12),
    next_step=lambda q: replace(q, likelihood=np.roll(q.likelihood, 1)),
)
def test_quality_scatters_by_its_error_about_the_truth(subject):
    """Random order at K = n, and left to right, are exact: over 60 seeds the standardised means have variance 1."""
    expected = kernel.expected_log_likelihood(masks())
    runs = [subject(measured(seed)) for seed in range(60)]
    assert all(q.expected == expected for q in runs)
    for z in (
        [(q.likelihood[-1] - expected) / q.likelihood_error[-1] for q in runs],
        [(q.written[0] - expected) / q.written[1] for q in runs],
    ):
        assert abs(np.mean(z)) * np.sqrt(60) < 4.5
        assert 0.6 < np.mean(np.square(z)) < 2.0


def test_quality_rises_with_the_passes_and_the_published_rule_overshoots():
    """Likelihood alone rewards collapse: low confidence beats the truth in it and has fewer distinct pairs."""
    blind, published = (kernel.quality(masks(15), rule, 1.0, 0.0, 0, 48) for rule in ("random", "low_confidence"))
    assert blind.likelihood[0] < blind.likelihood[2] < blind.likelihood[-1]
    assert blind.likelihood[0] == pytest.approx(published.likelihood[0], abs=1e-12)
    assert published.likelihood[-1] > blind.expected + 2 * published.likelihood_error[-1]
    assert published.distinct[-1] < blind.distinct[-1] - 2 * np.hypot(
        published.distinct_error[-1], blind.distinct_error[-1]
    )


@pytest.mark.parametrize("length", range(12, 25))
def test_the_ladder_goes_from_one_to_all(length):
    steps = kernel.ladder(length)
    assert steps[-1] - steps[-2] > 1, "no two crowded points at the end"
    assert (steps[0], steps[-1]) == (1, length)
    assert all(b > a for a, b in pairwise(steps))


# --- the small chain -------------------------------------------------------------------------------------------------


def test_the_curve_starts_at_the_total_correlation_and_ends_at_the_residue():
    for stay in (0.6, 0.9):
        summed, formula = kernel.correlation(stay)
        assert summed == pytest.approx(formula, abs=1e-12)
        for rule in kernel.RULES:
            forward, backward = kernel.kl_curve(rule, stay, 0.2)
            assert forward[0] == pytest.approx(formula, abs=1e-12)
            assert len(forward) == len(backward) == kernel.SMALL_LENGTH
            if rule not in ("low_confidence", "remdm"):
                assert max(forward[-1], backward[-1]) < 1e-12
    assert kernel.kl_curve("low_confidence", 0.6, 0.0, length=3)[0][-1] == pytest.approx(0.0760, abs=5e-5)
    assert kernel.kl_curve("low_confidence", 0.9, 0.0)[0][-1] == pytest.approx(0.5312, abs=5e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernel.sequence(12, {13: "cat"}), "a pinned position must be from 1 to 12, got 13."),
        (lambda: kernel.sequence(12, {0: "cat"}), "a pinned position must be from 1 to 12, got 0."),
        (lambda: kernel.sequence(12, {1: "quark"}), "a pinned word must be of the vocabulary, got 'quark'."),
        (lambda: kernel.distinct_pairs(np.zeros((1, 4), int)), "`x` must hold at least 2 sequences, got 1."),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError) as refused:
        call()
    assert str(refused.value) == message

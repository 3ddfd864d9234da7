"""Chains: posteriors, likelihoods and expectations against enumeration, fitting against counts in plain Python."""

from collections import Counter, defaultdict
from itertools import pairwise, product

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.masked.chains import MASK, Chain, draw

LENGTH = 5
SENTENCES = [[1, 2, 0], [1, 2, 3, 0], [3, 2, 1, 2, 0], [1, 2, 1, 0], [3, 1, 2, 0], [2, 3, 0], [1, 2, 3, 1, 2, 0]]


def random_laws(rng, *shape):
    return rng.dirichlet(np.full(shape[-1], 0.7), shape[:-1])


def order_one(rng):
    start, table = random_laws(rng, 3), random_laws(rng, 3, 3)
    return Chain.first_order(start, table), lambda x: start[x[0]] * np.prod(table[x[:-1], x[1:]])


def order_two(rng):
    start, second, table = random_laws(rng, 3), random_laws(rng, 3, 3), random_laws(rng, 3, 3, 3)
    chain = Chain.second_order(start, second, table)
    return chain, lambda x: start[x[0]] * second[x[0], x[1]] * np.prod(table[x[:-2], x[1:-1], x[2:]])


def counted_law(delta, least):
    """The interpolated back-off of `Chain.fit` from its definition, word by word."""
    follows, after_pair, unigram = defaultdict(Counter), defaultdict(Counter), Counter(dict.fromkeys(range(4), 1))
    for sentence in SENTENCES:
        line = [0, *sentence]
        unigram.update(sentence)
        for a, b in pairwise(line):
            follows[a][b] += 1
        for a, b, c in zip(line, line[1:], line[2:], strict=False):
            after_pair[a, b][c] += 1

    def smooth(counts, c, lower):
        types = delta * len(counts)
        return (counts[c] + types * lower) / (counts.total() + types)

    def p(c, a, b):
        one = smooth(follows[b], c, unigram[c] / unigram.total())
        return smooth(after_pair[a, b], c, one) if a is not None and after_pair[a, b].total() >= least else one

    def of(x):
        total, a, b = 1.0, None, 0
        for c in x:
            total *= p(c, a, b)
            a, b = (None, 0) if c == 0 else (b, c)
        return total

    return of


def fitted(rng, delta=0.3, least=2):
    return Chain.fit(SENTENCES, 4, 0, delta, least), counted_law(delta, least)


@pytest.fixture(params=[order_one, order_two, fitted])
def chain_and_law(request, rng):
    return request.param(rng)


def table_of(chain, law, length=LENGTH):
    shape = (chain.num_tokens,) * length
    return np.array([law(np.array(x)) for x in np.ndindex(shape)]).reshape(shape)


def test_sequences_have_the_probability_of_the_definition(chain_and_law):
    chain, law = chain_and_law
    table = table_of(chain, law)
    assert table.sum() == pytest.approx(1, abs=1e-12)
    every = np.array(list(np.ndindex(table.shape)))
    np.testing.assert_allclose(np.exp(chain.log_prob(every)).reshape(table.shape), table, rtol=1e-12)


@pytest.mark.parametrize(("delta", "least"), [(1.0, 1), (0.3, 2), (0.1, 3), (0.1, 99)])
def test_the_fit_is_the_one_described(delta, least, rng):
    chain, law = fitted(rng, delta, least)
    table = table_of(chain, law, 4)
    every = np.array(list(np.ndindex(table.shape)))
    np.testing.assert_allclose(np.exp(chain.log_prob(every)).reshape(table.shape), table, rtol=1e-12)
    assert chain.prob.min() > 0
    assert chain.num_states == 4 + sum(
        n >= least
        for n in Counter((a, b) for s in SENTENCES for a, b, _ in zip([0, *s], s, s[1:], strict=False)).values()
    )


# --- posteriors ------------------------------------------------------------------------------------------------------


def enumerated(table, x):
    """Marginals and log evidence given the revealed tokens of x, by summing the joint table."""
    left = table[tuple(slice(None) if token == MASK else slice(token, token + 1) for token in x)]
    evidence = left.sum()
    v = table.shape[0]
    law = np.zeros((len(x), v))
    for i, token in enumerate(x):
        others = tuple(j for j in range(len(x)) if j != i)
        law[i, slice(None) if token == MASK else slice(token, token + 1)] = left.sum(axis=others) / evidence
    return law, np.log(evidence)


def one_sided(side):
    """Each position sees what is revealed on one side of it only (and itself)."""

    def wrong(chain, x):
        law, evidence = chain.posterior(x)
        for i in range(x.shape[1]):
            blind = x.copy()
            blind[:, slice(i + 1, None) if side == "left" else slice(0, i)] = MASK
            law[:, i] = chain.posterior(blind)[0][:, i]
        return law, evidence

    return wrong


def forgets(position):
    def wrong(chain, x):
        blind = x.copy()
        blind[:, position] = MASK
        return chain.posterior(blind)

    return wrong


def of_order_one(chain, x):
    """As if a state were the last token."""
    mean = np.array([chain.prob[chain.last == b].mean(axis=0) for b in range(chain.num_tokens)])
    return Chain.first_order(chain.start, mean).posterior(x)


@pytest.mark.subject(
    Chain.posterior,
    from_the_left_only=one_sided("left"),
    from_the_right_only=one_sided("right"),
    forgets_the_first=forgets(0),
    forgets_the_last=forgets(-1),
    of_order_one=of_order_one,
    off_by_one=lambda chain, x: tuple(
        np.roll(part, 1, axis=-2) if part.ndim > 1 else part for part in chain.posterior(x)
    ),
)
def test_posterior_equals_enumeration(subject, rng):
    """Every pattern of masks over five tokens of all three kinds of chain, to 1e-12."""
    for make in (order_one, order_two, fitted):
        chain, law = make(rng)
        table = table_of(chain, law)
        tokens = np.array([rng.choice(chain.num_tokens, LENGTH) for _ in range(2**LENGTH)])
        x = np.where(list(product([False, True], repeat=LENGTH)), MASK, tokens)
        got, evidence = subject(chain, x)
        for k, row in enumerate(x):
            want, log_evidence = enumerated(table, row)
            np.testing.assert_allclose(got[k], want, atol=1e-12)
            assert evidence[k] == pytest.approx(log_evidence, abs=1e-11)
        np.testing.assert_array_equal(chain.log_evidence(x), chain.posterior(x)[1])


def test_a_batch_is_its_rows(chain_and_law, rng):
    """To 1e-13: a product of matrices may add in another order for another number of rows."""
    chain, _ = chain_and_law
    x = np.where(rng.random((40, 6)) < 0.5, MASK, rng.integers(chain.num_tokens, size=(40, 6)))
    together = chain.posterior(x)[0]
    np.testing.assert_allclose(together, np.concatenate([chain.posterior(row)[0] for row in x]), atol=1e-13)


def test_the_longest_sequence_does_not_underflow(rng):
    """The least likely tokens all along: evidence is still the sequence's own probability."""
    chain = Chain.fit(SENTENCES, 4, 0, 1e-4, 1)
    x = np.zeros((1, chain.longest), np.int64)
    state = -1
    for i in range(chain.longest):
        law = chain.start if i == 0 else chain.prob[state]
        x[0, i] = law.argmin()
        state = chain.succ[x[0, i - 1], x[0, i]] if i else chain.first[x[0, 0]]
    law, evidence = chain.posterior(x)
    assert evidence[0] == pytest.approx(chain.log_prob(x)[0], rel=1e-12)
    assert evidence[0] < -200
    np.testing.assert_allclose(law[0].max(axis=1), 1)
    with pytest.raises(ValueError, match=rf"sequences must have 1 to {chain.longest} tokens, got {chain.longest + 1}"):
        chain.posterior(np.full(chain.longest + 1, MASK))


def unconditional(chain, x):
    return chain.expected_log_prob(np.full(len(x), MASK))


def given_only(chain, x):
    """The likelihood of the likeliest filling instead of the mean."""
    law = chain.posterior(x)[0][0]
    return float(chain.log_prob(law.argmax(axis=1))[0])


@pytest.mark.subject(
    Chain.expected_log_prob,
    unconditional=unconditional,
    of_the_marginals=lambda chain, x: float(np.sum(
        (law := chain.posterior(x)[0][0]) * np.log(np.maximum(law, 1e-300)))),
    of_the_best=given_only,
)  # fmt: skip
def test_expected_log_prob_equals_enumeration(subject, rng):
    for make in (order_one, order_two, fitted):
        chain, law = make(rng)
        table = table_of(chain, law)
        for x in ([MASK] * LENGTH, [MASK, 1, MASK, MASK, 2], [2, MASK, MASK, MASK, MASK], [1, 2, 1, 2, 1]):
            left = table[tuple(slice(None) if token == MASK else slice(token, token + 1) for token in x)]
            want = np.sum(left * np.log(left)) / left.sum()
            assert subject(chain, np.array(x)) == pytest.approx(want, abs=1e-11)


# --- drawing ---------------------------------------------------------------------------------------------------------


def at(scale):
    return lambda law, temperature, rng: draw(law, temperature * scale, rng)


@pytest.mark.subject(
    draw,
    too_hot=at(1.2),
    too_cold=at(0.85),
    upside_down=lambda law, temperature, rng: draw(law, 1 / temperature, rng),
    without_temperature=lambda law, temperature, rng: draw(law, 1.0, rng),
    of_float16=lambda law, temperature, rng: (
        np.log(law) - temperature * np.log(-np.log(rng.random(law.shape).astype(np.float16).clip(1e-3, 0.99)))
    ).argmax(axis=1),
)
def test_tokens_are_drawn_from_the_tempered_law(subject, rng, assert_counts):
    p = np.array([0.55, 0.25, 0.15, 0.05])
    for temperature in (0.5, 1.5):
        tokens = subject(np.tile(p, (40_000, 1)), temperature, rng)
        tempered = p ** (1 / temperature)
        assert_counts(np.bincount(tokens, minlength=4), tempered / tempered.sum())


def test_temperature_0_takes_the_likeliest(rng):
    law = random_laws(rng, 50, 7)
    np.testing.assert_array_equal(draw(law, 0.0, rng), law.argmax(axis=1))
    with pytest.raises(ValueError, match="`temperature` must be at least 0, got -1"):
        draw(law, -1, rng)


def without_memory(chain, x, temperature, rng):
    """Each token from its own marginal."""
    law = chain.posterior(x)[0]
    return draw(law.reshape(-1, law.shape[2]), temperature, rng).reshape(x.shape), None


@pytest.mark.subject(
    Chain.left_to_right,
    independent=without_memory,
    too_cold=lambda chain, x, temperature, rng: chain.left_to_right(x, 0.8 * temperature, rng),
    from_the_right=lambda chain, x, temperature, rng: (chain.left_to_right(x, temperature, rng)[0][:, ::-1], None),
)
def test_left_to_right_follows_the_joint(subject, rng):
    for make in (order_one, order_two, fitted):
        chain, law = make(rng)
        p = table_of(chain, law, 3).ravel()
        x, _ = subject(chain, np.full((30_000, 3), MASK), 1.0, rng)
        code = x @ chain.num_tokens ** np.array([2, 1, 0])
        kept = p * len(x) > 5
        counts = np.append(
            np.bincount(code, minlength=p.size)[kept], len(x) - np.isin(code, np.flatnonzero(kept)).sum()
        )
        expected = np.append(p[kept], 1 - p[kept].sum()) * len(x)
        counts, expected = (v[:-1] if expected[-1] < 5 else v for v in (counts, expected))
        assert stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue > 1e-4


def test_left_to_right_is_blind_to_what_comes(rng):
    """With token 3 pinned, tokens 1 and 2 keep their own law; the confidence is the probability of what was drawn."""
    chain, law = order_two(rng)
    p = table_of(chain, law, 2).ravel()
    x, confidence = chain.left_to_right(np.tile([MASK, MASK, 1, MASK], (20_000, 1)), 1.0, rng)
    counts = np.bincount(x[:, 0] * 3 + x[:, 1], minlength=9)
    assert stats.chisquare(counts, p * len(x)).pvalue > 1e-4
    assert np.all(x[:, 2] == 1)
    assert np.all(confidence[:, 2] == 1)
    np.testing.assert_allclose(confidence[:, 0], chain.start[x[:, 0]])
    full = np.exp(chain.log_prob(x))
    np.testing.assert_allclose(
        confidence.prod(axis=1) * np.exp(chain.log_prob(x[:, :3]) - chain.log_prob(x[:, :2])), full
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Chain.first_order([0.5, 0.4], np.eye(2)), "`start` must sum to 1, got 0.9."),
        (lambda: Chain.first_order([1, 0], [[1, 0], [1, 1]]), "rows of `prob` must sum to 1"),
        (lambda: Chain.first_order([2, -1], np.eye(2)), "probabilities must be at least 0, got -1.0."),
        (lambda: Chain.fit(SENTENCES, 4, 0, 0.0, 1), "`delta` must be above 0, got 0.0"),
        (lambda: Chain.fit([[1, 2]], 4, 0, 0.1, 1), "`stop` must end each sentence and occur nowhere else, got 0."),
        (lambda: Chain.first_order([1, 0], np.eye(2)).posterior([[0, 1]]), "the revealed tokens must be possible"),
        (lambda: Chain.first_order([1, 0], np.eye(2)).log_prob([[0, MASK]]), "`x` must hold no mask, got -1."),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError) as refused:
        call()
    assert message in str(refused.value)


def test_laws_ahead_multiply_to_the_probability(rng):
    """One autoregressive pass: the tokens' own entries are p(x_i | before), rows sum to 1."""
    for chain in (order_one(rng)[0], fitted(rng)[0]):
        x = rng.integers(0, chain.num_tokens, (40, 6))
        laws = chain.next_laws(x)
        np.testing.assert_allclose(laws.sum(axis=2), 1, atol=1e-12)
        own = np.take_along_axis(laws, x[:, :, None], axis=2)[:, :, 0]
        np.testing.assert_allclose(np.log(own).sum(axis=1), chain.log_prob(x), atol=1e-10)
        np.testing.assert_array_equal(laws[:, 0], np.tile(chain.start, (40, 1)))

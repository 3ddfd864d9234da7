"""Decoding by unmasking: exact laws, the published rule's gap, the objective, and what a pass reports of itself."""

from itertools import pairwise, product
from math import factorial

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common import masked
from diffusion_lab.instruments.common.chains import MASK, Chain
from diffusion_lab.instruments.common.masked import RULES, decode, decoding_law, kl_divergence, transfer_counts

ALPHA = 1e-4
MASKS = np.full(3, MASK)
BLIND = ("confidence", "margin", "entropy", "random")


def two_states(stay):
    return Chain.first_order([0.5, 0.5], [[stay, 1 - stay], [1 - stay, stay]])


def lopsided(rng):
    return Chain.first_order(rng.dirichlet([1, 1, 1]), rng.dirichlet([0.6, 0.6, 0.6], 3))


def model_of(chain):
    return lambda x: chain.posterior(x)[0]


def joint(chain, length):
    shape = (chain.num_tokens,) * length
    return np.exp(chain.log_prob(np.array(list(np.ndindex(shape))))).reshape(shape)


def decoded(chain, size, length, steps, rule, rng, eta_cap=0.0, temperature=1.0):
    *_, last = decode(model_of(chain), np.full((size, length), MASK), steps, rule, temperature, rng, eta_cap)
    return last.x


def p_value(x, law):
    """Pearson's chi-square of sequences x (B, n) against a law (V,) * n; cells below 5 expected are pooled."""
    counts = np.bincount(np.ravel_multi_index(tuple(x.T), law.shape), minlength=law.size)
    expected = law.ravel() * len(x)
    if counts[expected == 0].any():
        return 0.0
    small = expected < 5
    counts = np.append(counts[~small], counts[small].sum())
    expected = np.append(expected[~small], expected[small].sum())
    keep = expected > 0
    return stats.chisquare(counts[keep], expected[keep]).pvalue if keep.sum() > 1 else 1.0


# --- how many a pass commits -----------------------------------------------------------------------------------------


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


# --- the law of what comes out ---------------------------------------------------------------------------------------


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


def from_entropies(p):
    """Sum of the entropies of the tokens less the entropy of the sequence."""
    entropy = lambda q: -np.sum(q[q > 0] * np.log(q[q > 0]))  # noqa: E731
    singles = [p.sum(axis=tuple(j for j in range(p.ndim) if j != i)) for i in range(p.ndim)]
    return sum(map(entropy, singles)) - entropy(p)


@pytest.mark.parametrize("rule", RULES)
def test_one_pass_loses_the_total_correlation(rule, rng):
    for chain in (two_states(0.6), lopsided(rng)):
        p = joint(chain, 4)
        q = decoding_law(model_of(chain), 4, chain.num_tokens, 1, rule, 0.3)
        assert kl_divergence(p, q) == pytest.approx(from_entropies(p), abs=1e-12)
        assert masked.total_correlation(p) == pytest.approx(from_entropies(p), abs=1e-12)


@pytest.mark.parametrize("rule", BLIND)
def test_blind_decoding_of_one_token_a_pass_loses_nothing(rule, rng):
    for chain in (two_states(0.6), lopsided(rng)):
        q = decoding_law(model_of(chain), 4, chain.num_tokens, 4, rule)
        np.testing.assert_allclose(q, joint(chain, 4), atol=1e-13)


def first_of_equals(monkeypatch):
    def best(score, count):
        yield sorted(range(len(score)), key=lambda k: (-round(score[k], 9), k))[:count], 1.0

    monkeypatch.setattr(masked, "_best", best)
    return "low_confidence"


@pytest.mark.subject(
    lambda monkeypatch: "low_confidence",
    blind_to_the_token=lambda monkeypatch: "confidence",
    first_of_equals=first_of_equals,
)
def test_the_published_rule_misses_by_the_known_gap(subject, monkeypatch):
    """Symmetric two-state chain, 3 tokens, stay 0.6, one token a pass, ties split evenly: 0.0760 nats."""
    chain = two_states(0.6)
    q = decoding_law(model_of(chain), 3, 2, 3, subject(monkeypatch))
    assert q.sum() == pytest.approx(1, abs=1e-12)
    assert kl_divergence(joint(chain, 3), q) == pytest.approx(0.0760, abs=5e-5)


def test_the_gap_is_that_of_the_sampler(rng):
    """The law with the gap is followed by `decode`, and the chain's own is not."""
    chain = two_states(0.6)
    x = decoded(chain, 20_000, 3, 3, "low_confidence", rng)
    assert p_value(x, decoding_law(model_of(chain), 3, 2, 3, "low_confidence")) > ALPHA
    assert p_value(x, joint(chain, 3)) < 1e-12


# --- ReMDM -----------------------------------------------------------------------------------------------------------


def without_correction(number, steps, eta_cap):
    """As if nothing were masked again."""
    return masked.remdm_probabilities(number, steps, 0.0)[0], masked.remdm_probabilities(number, steps, eta_cap)[1]


@pytest.mark.subject(
    masked.remdm_probabilities,
    without_correction=without_correction,
    never_again=lambda number, steps, eta_cap: (
        masked.remdm_probabilities(number, steps, eta_cap)[0],
        np.zeros(len(steps)),
    ),
    late_by_one=lambda number, steps, eta_cap: masked.remdm_probabilities(max(1, number - 1), steps, eta_cap),
    uncapped_at_the_end=lambda number, steps, eta_cap: (
        masked.remdm_probabilities(number, steps, eta_cap)[0],
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


# --- the objective ---------------------------------------------------------------------------------------------------


def summed(weight, over_masked=True):
    """The objective with `weight(m, n)` for each set of m masked positions."""

    def objective(model, x0):
        n, total = len(x0), 0.0
        for mask in map(np.array, list(product([False, True], repeat=n))[1:]):
            law = model(np.where(mask, MASK, x0)[None])[0]
            nats = -np.log(law[np.arange(n), x0])
            total += weight(int(mask.sum()), n) * (nats[mask].sum() if over_masked else nats[0])
        return total

    return objective


@pytest.mark.subject(
    masked.masked_objective,
    without_1_over_t=summed(lambda m, n: factorial(m) * factorial(n - m) / factorial(n + 1)),
    every_set_alike=summed(lambda m, n: 1 / (2**n - 1)),
    mean_over_the_masked=summed(lambda m, n: factorial(m) * factorial(n - m) / factorial(n) / m / n),
    first_token_only=summed(lambda m, n: factorial(m - 1) * factorial(n - m) / factorial(n), over_masked=False),
)
def test_the_objective_of_exact_posteriors_is_the_likelihood(subject, rng):
    """EQ 10.6 summed over all masks equals -log p(x0), sequence by sequence."""
    chain = Chain.second_order(rng.dirichlet([1] * 3), rng.dirichlet([1] * 3, 3), rng.dirichlet([1] * 3, (3, 3)))
    for x0 in rng.integers(3, size=(6, 5)):
        assert subject(model_of(chain), x0) == pytest.approx(-chain.log_prob(x0)[0], abs=1e-11)


def test_the_weights_are_the_integral_over_t():
    """1/t times the chance of one set of m masks, integrated by quadrature."""
    n = 6
    t, w = np.polynomial.legendre.leggauss(20)
    t, w = (t + 1) / 2, w / 2
    for m in range(1, n + 1):
        integral = np.sum(w * t ** (m - 1) * (1 - t) ** (n - m))
        assert integral == pytest.approx(factorial(m - 1) * factorial(n - m) / factorial(n), rel=1e-12)


# --- what a pass says of itself --------------------------------------------------------------------------------------


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
    first = {
        rule: int(masked.scores(law, np.zeros(4, int), rule).argmax()) for rule in ("confidence", "margin", "entropy")
    }
    assert first == {"confidence": 0, "margin": 1, "entropy": 0}
    assert masked.scores(law, np.array([2, 0, 0, 0]), "low_confidence").argmax() == 2


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
        (lambda: transfer_counts(-1, 2), "`num_masked` must be at least 0, got -1."),
        (lambda: transfer_counts(3, 0), "`num_inference_steps` must be at least 1, got 0."),
        (lambda: decode(None, MASKS, 0, "random", 1.0, None), "`num_inference_steps` must be at least 1, got 0."),
        (
            lambda: decode(None, MASKS, 1, "lucky", 1.0, None),
            f"`remasking` must be one of {', '.join(RULES)}, got lucky.",
        ),
        (lambda: decode(None, MASKS, 1, "remdm", 1.0, None, 2.0), "`eta_cap` must be between 0 and 1, got 2.0."),
        (lambda: decoding_law(None, 3, 2, 1, "lucky"), "`remasking` must be one of"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError) as refused:
        call()
    assert message in str(refused.value)


# --- the objective's weight ------------------------------------------------------------------------------------------


@pytest.mark.subject(
    masked.mean_weight,
    plain=lambda n, m: n / np.maximum(m, 1) * (np.asarray(m) > 0),
    one_less=lambda n, m: (n + 1) / (np.asarray(m) + 1) * (np.asarray(m) > 0),
    even=lambda n, m: np.full(np.shape(m), 2.0),
)
def test_the_mean_weight_is_that_of_one_over_t(subject):
    """By integrating over t: E[1/t | m of n masked] under t ~ U(0, 1)."""
    t = (np.arange(200_000) + 0.5) / 200_000
    for n in (1, 4, 9):
        weights = subject(n, np.arange(n + 1))
        assert weights[0] == 0
        for m in range(2 if n > 1 else 1, n + 1):
            chance = t**m * (1 - t) ** (n - m)
            assert weights[m] == pytest.approx(np.sum(chance / t) / np.sum(chance), rel=1e-4)


# --- drafts ----------------------------------------------------------------------------------------------------------


def outcome(rule, p, q):
    """The law of a token that is drafted from q and treated by the rule."""
    keep, rest = rule(p, q)
    kept = q * keep
    return kept + (1 - kept.sum(axis=-1, keepdims=True)) * rest


@pytest.mark.subject(
    masked.acceptance,
    always=lambda p, q: (np.ones(p.shape), p),
    never_less_likely=lambda p, q: ((p >= q).astype(float), masked.acceptance(p, q)[1]),
    turned_over=lambda p, q: (np.minimum(1, q / np.maximum(p, 1e-9)), masked.acceptance(p, q)[1]),
    replaced_from_p=lambda p, q: (masked.acceptance(p, q)[0], p),
    replaced_from_the_difference=lambda p, q: (
        masked.acceptance(p, q)[0],
        np.abs(p - q) / np.maximum(np.abs(p - q).sum(-1, keepdims=True), 1e-9),
    ),
)
def test_what_is_drafted_ends_with_the_law_wanted(subject, rng):
    """Exactly, for any laws, with zeros and when they are equal."""
    p, q = rng.dirichlet(np.full(6, 0.5), (2, 50))
    p[:10, :2], q[5:15, 1:4] = 0, 0
    p, q = (law / law.sum(axis=1, keepdims=True) for law in (p, q))
    q[-5:] = p[-5:]
    np.testing.assert_allclose(outcome(subject, p, q), p, atol=1e-12)
    keep, _ = subject(p, q)
    np.testing.assert_allclose((q * keep).sum(axis=1), 1 - 0.5 * np.abs(p - q).sum(axis=1), atol=1e-12)


def drafted_law(draft, chain, length, block):
    """The exact law of drafting and verifying, along every path, from the rule's two laws."""
    law = np.zeros((chain.num_tokens,) * length)

    def follow(text, mass):
        reached = len(text)
        if reached == length:
            law[text] += mass
            return
        size = min(block, length - reached)
        q = draft(np.array([[*text, *[MASK] * (length - reached)]]))[0, reached:]
        for proposal in product(range(chain.num_tokens), repeat=size):
            chance = mass * np.prod([q[j, token] for j, token in enumerate(proposal)])
            whole = (*text, *proposal, *[0] * (length - reached - size))
            p = chain.next_laws(np.array([whole]))[0]
            keep, rest = masked.acceptance(p[reached : reached + size], q[:size])
            for j, token in enumerate(proposal):
                for other in np.flatnonzero(rest[j]):
                    missed = chance * (1 - keep[j, token]) * rest[j, other]
                    if missed:
                        follow((*text, *proposal[:j], int(other)), missed)
                chance *= keep[j, token]
            if reached + size == length:
                follow((*text, *proposal), chance)
            else:
                for token in range(chain.num_tokens):
                    follow((*text, *proposal, token), chance * p[reached + size, token])

    follow((), 1.0)
    return law


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("wrong", [False, True])
def test_drafts_leave_the_law_as_it_is(rng, block, wrong):
    """By enumeration on four tokens, for exact drafts and for those of quite another chain."""
    chain, other = lopsided(rng), lopsided(rng)
    law = drafted_law(model_of(other if wrong else chain), chain, 4, block)
    np.testing.assert_allclose(law, joint(chain, 4), atol=1e-12)


def drafts(draft, chain, x, block, temperature, size, rng):
    return [list(masked.draft_and_verify(draft, chain, x, block, temperature, rng)) for _ in range(size)]


def believing(draft, chain, x, block, temperature, size, rng):
    """As though every draft were kept: the draft's own law for drafted tokens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masked, "acceptance", lambda p, q: (np.ones(p.shape), p))
        return drafts(draft, chain, x, block, temperature, size, rng)


def one_further(draft, chain, x, block, temperature, size, rng):
    """The verifier's laws one position late."""
    with pytest.MonkeyPatch.context() as patch:
        late = Chain.next_laws
        patch.setattr(Chain, "next_laws", lambda self, x: np.roll(late(self, x), 1, axis=1))
        return drafts(draft, chain, x, block, temperature, size, rng)


@pytest.mark.subject(drafts, believing=believing, one_further=one_further)
def test_drafted_texts_follow_the_chain(subject, rng):
    """By chi-square over all texts of four tokens, drafts from another chain, three tokens a draft."""
    chain, other = lopsided(rng), lopsided(rng)
    runs = subject(model_of(other), chain, np.full(4, MASK), 3, 1.0, 4000, rng)
    assert p_value(np.array([run[-1].x for run in runs]), joint(chain, 4)) > ALPHA


def test_drafted_texts_follow_the_chain_at_another_temperature(rng):
    """Each token from p(x_i | before) to the power 1/T, normalised, whatever T the draft would like."""
    chain, other = lopsided(rng), lopsided(rng)
    sharp = chain.prob**2 / (chain.prob**2).sum(axis=1, keepdims=True)
    start = chain.start**2 / (chain.start**2).sum()
    runs = drafts(model_of(other), chain, np.full(3, MASK), 2, 0.5, 4000, rng)
    assert p_value(np.array([run[-1].x for run in runs]), joint(Chain.first_order(start, sharp), 3)) > ALPHA


def test_rounds_say_what_they_did(rng):
    """Exact drafts keep at least their first token, given ones stay, and every count adds up."""
    chain = lopsided(rng)
    x = np.full(9, MASK)
    x[[2, 8]] = 1
    for run in drafts(model_of(chain), chain, x, 3, 1.0, 50, rng):
        assert (run[0].reached, run[-1].reached) == (0, 9)
        for before, now in pairwise(run):
            new = np.arange(before.reached, now.reached)
            assert 2 <= len(new) <= 4 or now.reached == 9
            assert now.verified == min(before.reached + 4, 9) - before.reached
            assert now.kept <= now.drafted <= 3
            assert (now.replaced < 0) or now.replaced == now.reached - 1
            np.testing.assert_array_equal(now.x[: before.reached], before.x[: before.reached])
            np.testing.assert_array_equal(now.x[now.reached :], x[now.reached :])
            laws = chain.next_laws(np.where(now.x == MASK, 0, now.x)[None])[0]
            want = np.where(x[new] == MASK, laws[new, now.x[new]], 1.0)
            np.testing.assert_allclose(now.certainty[new], want, atol=1e-12)
        np.testing.assert_array_equal(run[-1].x[[2, 8]], 1)


def test_a_likeliest_draft_at_temperature_zero_is_the_likeliest_text(rng):
    chain = lopsided(rng)
    run = drafts(model_of(lopsided(rng)), chain, np.full(6, MASK), 3, 0.0, 1, rng)[0]
    np.testing.assert_array_equal(run[-1].x, chain.left_to_right(np.full(6, MASK), 0.0, rng)[0][0])


def test_a_draft_has_a_word():
    with pytest.raises(ValueError, match=r"`block` must be at least 1, got 0\."):
        masked.draft_and_verify(model_of(two_states(0.6)), two_states(0.6), np.full(3, MASK), 0, 1.0, None)

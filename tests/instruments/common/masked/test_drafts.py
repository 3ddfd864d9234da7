"""Drafts leave the law of the text as it is, and every count adds up."""

from itertools import pairwise, product

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked import drafts as drafting
from diffusion_lab.instruments.common.masked.chains import MASK, Chain
from diffusion_lab.instruments.common.masked.drafts import acceptance, draft_and_verify

from .cases import ALPHA, joint, lopsided, model_of, p_value, two_states


def outcome(rule, p, q):
    """The law of a token that is drafted from q and treated by the rule."""
    keep, rest = rule(p, q)
    kept = q * keep
    return kept + (1 - kept.sum(axis=-1, keepdims=True)) * rest


@pytest.mark.subject(
    acceptance,
    always=lambda p, q: (np.ones(p.shape), p),
    never_less_likely=lambda p, q: ((p >= q).astype(float), acceptance(p, q)[1]),
    turned_over=lambda p, q: (np.minimum(1, q / np.maximum(p, 1e-9)), acceptance(p, q)[1]),
    replaced_from_p=lambda p, q: (acceptance(p, q)[0], p),
    replaced_from_the_difference=lambda p, q: (
        acceptance(p, q)[0],
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
            keep, rest = acceptance(p[reached : reached + size], q[:size])
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
    return [list(draft_and_verify(draft, chain, x, block, temperature, rng)) for _ in range(size)]


def believing(draft, chain, x, block, temperature, size, rng):
    """As though every draft were kept: the draft's own law for drafted tokens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drafting, "acceptance", lambda p, q: (np.ones(p.shape), p))
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


@pytest.mark.subject(0.5, of_another_temperature=1.0)
def test_the_draft_is_drawn_at_the_same_temperature(subject, rng):
    """A word drafted by the chain itself, given the same words, is always kept; at another temperature it is not."""
    chain = lopsided(rng)

    def heated(x):
        law = chain.posterior(x)[0] ** (0.5 / subject)
        return law / law.sum(axis=-1, keepdims=True)

    for run in drafts(heated, chain, np.full(6, MASK), 1, 0.5, 40, rng):
        assert all(now.kept == now.drafted for now in run)


def test_a_draft_has_a_word():
    with pytest.raises(ValueError, match=r"`block` must be at least 1, got 0\."):
        draft_and_verify(model_of(two_states(0.6)), two_states(0.6), np.full(3, MASK), 0, 1.0, None)

"""Exact laws of decoding on small chains: what one pass loses, and the published rule's known gap."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked import laws
from diffusion_lab.instruments.common.masked.laws import decoding_law, kl_divergence, total_correlation
from diffusion_lab.instruments.common.masked.rules import RULES

from .cases import joint, lopsided, model_of, two_states

BLIND = ("confidence", "margin", "entropy", "random")


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
        assert total_correlation(p) == pytest.approx(from_entropies(p), abs=1e-12)


@pytest.mark.parametrize("rule", BLIND)
def test_blind_decoding_of_one_token_a_pass_loses_nothing(rule, rng):
    for chain in (two_states(0.6), lopsided(rng)):
        q = decoding_law(model_of(chain), 4, chain.num_tokens, 4, rule)
        np.testing.assert_allclose(q, joint(chain, 4), atol=1e-13)


def first_of_equals(monkeypatch):
    def best(score, count):
        yield sorted(range(len(score)), key=lambda k: (-round(score[k], 9), k))[:count], 1.0

    monkeypatch.setattr(laws, "_best", best)
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


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="`remasking` must be one of"):
        decoding_law(None, 3, 2, 1, "lucky")

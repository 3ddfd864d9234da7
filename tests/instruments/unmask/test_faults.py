"""Published faults of decoding: what each draws, what it takes for confidence, and the damage."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.masked.decoding import decode, propose
from diffusion_lab.instruments.common.masked.rules import RULES, scores
from diffusion_lab.instruments.unmask import faults, kernel
from diffusion_lab.instruments.unmask.faults import FAULTS, proposal_of

LAW = np.array([0.6, 0.3, 0.0999, 1e-4])


def draws(fault, temperature, rng, law=LAW, n=60_000):
    return proposal_of(fault)(np.tile(law, (n, 1)), temperature, "low_confidence", rng)


@pytest.mark.parametrize("fault", ["none", "noisy_confidence", "float32_noise"])
@pytest.mark.subject(
    draws,
    half_precision=lambda fault, t, rng: draws("float16_noise", t, rng, np.array([0.6, 0.4 - 3e-4, 1e-4, 2e-4])),
    too_cold=lambda fault, t, rng: draws(fault, 0.9 * t, rng),
)
def test_words_are_drawn_from_the_law_at_the_temperature(subject, fault, rng):
    """Chi-square at 1e-6: these faults leave the draw as it is."""
    for temperature in (1.0, 1.5):
        drawn, _ = subject(fault, temperature, rng)
        want = LAW ** (1 / temperature)
        counts = np.bincount(drawn, minlength=4)
        assert stats.chisquare(counts, len(drawn) * want / want.sum()).pvalue > 1e-6


def test_half_precision_never_draws_what_is_rare():
    """A word 2e-5 times as likely as the likeliest: some 14 of 1.2 million in the right way, none with the fault."""
    rng, law = np.random.default_rng(0), np.array([0.5, 0.5 - 1.2e-5, 1.2e-5])
    n = 300_000
    right, wrong = (
        sum(int((draws(f, 1.0, rng, law, n)[0] == 2).sum()) for _ in range(4)) for f in ("none", "float16_noise")
    )
    assert right >= 4
    assert wrong == 0


def test_noisy_confidence_is_not_that_of_the_model(rng):
    """The right way scores a drawn word by its probability; with the noise that says little about it."""
    law = rng.dirichlet(np.ones(6), 4000)
    drawn, score = propose(law, 1.0, "low_confidence", rng)
    np.testing.assert_array_equal(score, scores(law, drawn, "low_confidence"))
    drawn, score = faults.noisy_confidence(law, 1.0, "low_confidence", rng)
    p = law[np.arange(4000), drawn]
    assert np.mean(score > p) > 0.9, "the draw that won looks surer than it was"
    assert stats.spearmanr(score, p).statistic < 0.5


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_temperature_no_fault_acts(fault, rng):
    law = rng.dirichlet(np.ones(6), 50)
    for rule in RULES:
        for right, wrong in zip(propose(law, 0.0, rule, rng), proposal_of(fault)(law, 0.0, rule, rng), strict=True):
            np.testing.assert_array_equal(right, wrong)
        assert len(proposal_of(fault)(law[:0], 1.0, rule, rng)[0]) == 0


def law_of_texts(fault, steps, rng, n=20_000):
    """The share of each text of the small chain, from `n` decodings by the published rule."""
    chain = kernel.small_chain(0.8)
    *_, last = decode(
        lambda x: chain.posterior(x)[0], np.full((n, 4), MASK), steps, "low_confidence", 1.0, rng,
        proposal=proposal_of(fault),
    )  # fmt: skip
    return np.bincount(last.x @ (8, 4, 2, 1), minlength=16) / n


def test_noisy_confidence_hides_the_bias_of_the_published_rule(rng):
    """With one word a pass: chance decides where to look, nearly as a blind rule does. In total variation."""
    p = kernel.joint_law(kernel.small_chain(0.8), 4).ravel()
    right, wrong = (np.abs(law_of_texts(fault, 4, rng) - p).sum() / 2 for fault in ("none", "noisy_confidence"))
    assert right > 0.1
    assert wrong < 0.6 * right


def test_every_fault_has_its_source():
    for fault in FAULTS.values():
        assert "20" in fault.source
        assert fault.harm
    assert proposal_of("none") is propose

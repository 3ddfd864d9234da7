"""Texts that end: the chain with end-of-text, and the flood of it that the published rule makes."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.unmask import end_of_text, language
from diffusion_lab.instruments.unmask.end_of_text import END, WAYS, end_shares, ending_model, exact_share, with_end


@pytest.mark.subject(
    with_end,
    ends_everywhere=lambda chain, stop: with_end(chain, stop, leak=0.2),
    never_ends=lambda chain, stop: with_end(chain, stop, ends=1e-9),
    ends_after_another_word=lambda chain, stop: with_end(chain, 1),
)
def test_a_text_ends_after_a_full_stop(subject):
    """Half of the time, once and for all, and nowhere else but for the leak; the words keep their laws."""
    plain, stop = language.word_model(), language.TOKEN[language.STOP]
    chain = subject(plain, stop)
    x = np.array([[language.TOKEN[word] for word in ["the", "cat", "sleeps", "."]] + [END, END]])
    laws, words = chain.next_laws(x)[0], plain.next_laws(x[:, :4])[0]
    np.testing.assert_allclose(laws[:5, END], [1e-3] * 4 + [0.5], rtol=1e-12)
    assert laws[5, END] == pytest.approx(1 - 1e-3)
    np.testing.assert_allclose(laws[:4, :END] / (1 - 1e-3), words, atol=1e-15)
    np.testing.assert_allclose(laws[4, :END], 0.5 * plain.start, atol=1e-15)


def test_nothing_is_impossible_in_texts_that_end():
    chain = ending_model()
    assert chain.longest >= 24
    odd = np.array([[END, 0, END, 1, END, END]])
    assert np.isfinite(chain.log_prob(odd))


@pytest.mark.subject(
    exact_share,
    of_the_last_place=lambda n: float(ending_model().posterior(np.full((1, n), MASK))[0][0, -1, END]),
    of_a_longer_text=lambda n: exact_share(n + 4),
)
def test_the_exact_share_is_that_of_texts_of_the_model(subject, rng):
    """4000 texts written left to right, within 4 standard errors."""
    x, _ = ending_model().left_to_right(np.full((4000, 15), MASK), 1.0, rng)
    share = (x == END).mean(axis=1)
    assert abs(share.mean() - subject(15)) < 4 * share.std() / np.sqrt(4000)


def test_the_published_rule_floods_a_text_with_its_end_and_blind_rules_do_not():
    """64 texts: after one pass all have the exact share; with as many passes as words only the rule that looks errs."""
    found = end_shares(15, 1.0, 0, texts=64)
    assert list(found.share) == list(WAYS)
    for way in WAYS:
        assert abs(found.share[way][0] - found.exact) < 4 * found.error[way][0], "independent words: no rule acts"
    for way in ("confidence", "random"):
        assert abs(found.share[way][-1] - found.exact) < 4 * found.error[way][-1]
    assert found.share["low_confidence"][-1] > found.exact + 8 * found.error["low_confidence"][-1]
    assert found.share["end_last"][-1] < found.exact - 0.2, "the remedy goes too far the other way"
    assert found.example.split().count("⏹") >= 1


def test_the_remedy_keeps_the_published_score_and_commits_the_end_last(rng):
    rule, proposal = WAYS["end_last"]
    law = rng.dirichlet(np.ones(END + 1), size=2000)
    law[:, END] += 1.0
    law /= law.sum(axis=1, keepdims=True)
    drawn, score = proposal(law, 1.0, rule, rng)
    want = np.where(drawn == END, -np.inf, law[np.arange(len(law)), drawn])
    assert 0.3 < np.mean(drawn == END) < 0.7
    np.testing.assert_allclose(score, want, atol=1e-9)


def test_without_a_temperature_every_rule_that_prefers_sure_words_floods():
    found = end_shares(15, 0.0, 0, texts=8)
    assert min(found.share["low_confidence"][-1], found.share["confidence"][-1]) > 2 * found.exact


def test_work_says_how_far_it_is():
    steps = list(end_shares.work(12, 1.0, 0, 2))
    assert {of for _, of in steps} == {4 * (1 + 2 + 4 + 8 + 12)}
    done = [done for done, _ in steps]
    assert done == sorted(done)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: with_end(language.word_model(), 0, ends=1.0), "`ends` must lie between 0 and 1, got 1.0."),
        (lambda: with_end(language.word_model(), 0, leak=0.0), "`leak` must lie between 0 and 1, got 0.0."),
        (lambda: end_shares(12, 1.0, 0, 1), "`texts` must be at least 2, got 1."),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message


def test_end_of_text_is_a_token_of_its_own():
    assert len(language.VOCABULARY) == END
    assert end_of_text.written(np.array([0, END])) == f"{language.VOCABULARY[0]} ⏹"

"""The learned model: the network against PyTorch's activations, and how far its laws are from the exact ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.networks import attention, transformer, transformer_block
from diffusion_lab.instruments.common.networks.activations import softmax
from diffusion_lab.instruments.common.networks.dense import linear
from diffusion_lab.instruments.common.networks.normalisation import layer_norm
from diffusion_lab.instruments.unmask import language, model_error
from diffusion_lab.instruments.unmask.model_error import distance, divergence, model_error_curve

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))


# --- the network -----------------------------------------------------------------------------------------------------


class Run:
    """The network with one of its layers replaced, wherever it is called: alone, or with a cache after it."""

    def __init__(self, **layers):
        self.layers = layers

    def __call__(self, x):
        with pytest.MonkeyPatch.context() as patch:
            for name, layer in self.layers.items():
                for module in (transformer, transformer_block, attention):
                    patch.setattr(module, name, layer, raising=False)
                    patch.setattr(module, f"{name}_forward", lambda *a, f=layer: (f(*a), None), raising=False)
            net = language.network()
            return net.hidden(x), net.logits(x)


def causal(q, k, v):
    score = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    return softmax(np.where(np.tri(q.shape[-2], dtype=bool), score, -1e9).astype(np.float32)) @ v


ATTENTION_FORWARD = attention.attention_forward  # kept apart from what a test puts in its place


def attend(q, k, v):
    return ATTENTION_FORWARD(q, k, v)[0]


def heads_by_columns(x, qkv, bias, heads):
    """Heads taken as every fourth column instead of blocks of columns."""
    batch, length, width = x.shape
    parts = linear(x, qkv, bias).reshape(batch, length, 3, width // heads, heads)
    q, k, v = parts.transpose(2, 0, 4, 1, 3)
    return attend(q, k, v).transpose(0, 2, 3, 1).reshape(x.shape)


@pytest.mark.subject(
    Run(),
    attention_not_scaled=Run(attention=lambda q, k, v: attend(q * np.sqrt(q.shape[-1]), k, v)),
    causal_mask_left_in=Run(attention=causal),
    keys_and_queries_exchanged=Run(attention=lambda q, k, v: attend(k, q, v)),
    heads_by_columns=Run(self_attention=heads_by_columns),
    norm_without_variance=Run(layer_norm=lambda x, scale, shift: (x - x.mean(-1, keepdims=True)) * scale + shift),
    norm_of_a_sample=Run(layer_norm=lambda x, scale, shift: (layer_norm(x, 1, 0) * np.sqrt(63 / 64)) * scale + shift),
    norm_with_another_eps=Run(
        layer_norm=lambda x, scale, shift: (
            (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3) * scale + shift
        )
    ),
    relu=Run(gelu=lambda x: np.maximum(x, 0)),
    no_bias=Run(linear=lambda x, weight, bias: linear(x, weight, 0 * bias)),
    first_embedding_for_masks=Run(embedding=lambda table, tokens: table[np.maximum(tokens, 0)]),
)
def test_the_network_is_the_one_that_was_trained(subject):
    """Every activation and logit against PyTorch's, in float32, at lengths 12 and 24; they reach 42."""
    for length in (12, 24):
        hidden, logits = subject(REFERENCE[f"x_{length}"])
        np.testing.assert_allclose(np.stack(hidden), REFERENCE[f"hidden_{length}"], atol=1e-4)
        np.testing.assert_allclose(logits, REFERENCE[f"logits_{length}"], atol=1e-4)


def test_the_weights_are_small():
    assert language.WEIGHTS.stat().st_size < 400_000
    net = language.network()
    assert net.longest == 24
    assert net.tokens.shape[0] == len(language.VOCABULARY) + 1


def test_its_laws_are_laws():
    law = language.learned(np.full((2, 15), MASK))
    assert law.dtype == np.float64
    assert law.min() > 0
    np.testing.assert_allclose(law.sum(axis=2), 1, atol=1e-12)


# --- how far it is off -----------------------------------------------------------------------------------------------


@pytest.mark.subject(
    divergence,
    other_way=lambda p, q: divergence(q, p),
    in_bits=lambda p, q: divergence(p, q) / np.log(2),
    entropy_forgotten=lambda p, q: -np.sum(p * np.log(q), axis=-1),
    absolute=lambda p, q: np.sum(p * np.abs(np.log(p / q)), axis=-1),
)
def test_divergence_of_normal_laws(subject):
    """Against (m² + s² - 1)/2 - log s, both laws on a fine grid."""
    x = np.linspace(-12, 12, 4001)
    p, q = (np.exp(-0.5 * ((x - m) / s) ** 2) for m, s in ((0.7, 0.8), (0, 1)))
    want = (0.7**2 + 0.8**2 - 1) / 2 - np.log(0.8)
    assert subject(p / p.sum(), q / q.sum()) == pytest.approx(want, abs=1e-6)


def test_divergence_passes_over_what_cannot_be():
    assert divergence(np.array([0.0, 1.0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))


def test_distance_is_of_masked_words_alone():
    """Against a sum over the words, one masked position at a time."""
    x = language.sequence(15, {1: "the", 2: "old", 4: "sleeps", 15: "."})
    p, q = language.posterior(x[None])[0], language.learned(x[None])[0]
    blank = language.posterior(np.full((1, 15), MASK))[0]
    masked = [i for i in range(15) if x[i] == MASK]
    for found, law in zip(distance(x), (q, blank), strict=True):
        want = [sum(a * np.log(a / b) for a, b in zip(p[i], law[i], strict=True) if a > 0) for i in masked]
        assert found == pytest.approx(np.mean(want), abs=1e-9)
    assert distance(language.sequence(2, {1: "the", 2: "cat"})) is None
    assert distance(np.full(15, MASK))[1] == pytest.approx(0, abs=1e-12)


def test_the_learned_laws_are_near_and_not_exact():
    """What training achieved: a fiftieth of what the context tells, and more than rounding."""
    found = model_error_curve(15, 0)
    assert 0.005 < found.excess < 0.06
    assert np.all(found.mean[:12] < 0.1 * found.blind[:12])
    assert found.mean[-1] < 0.01, "with all masked there is one law for each place"


def blurred(x):
    """A model whose gap depends much on the context and is not skewed."""
    return 0.7 * language.posterior(x) + 0.3 / len(language.VOCABULARY)


def excess_by_objective(model, texts):
    """Mean over texts of the objective of a model less that of the exact one, over all sets of masks."""
    from diffusion_lab.instruments.common.masked.objective import masked_objective

    return np.mean([masked_objective(model, x) - masked_objective(language.posterior, x) for x in texts])


@pytest.mark.subject(
    lambda found: found.excess,
    summed=lambda found: found.mean.sum(),
    weighted_by_masks=lambda found: np.average(found.mean, weights=np.arange(1, 6)),
    of_one_mask=lambda found: found.mean[0],
    of_all_masks=lambda found: found.mean[-1],
)
def test_the_mean_gap_is_the_excess_of_the_objective(subject, monkeypatch, rng):
    """On five words and a model that mixes the exact law with an even one.

    The objective is summed over every set of masks for 300 texts; the curve is drawn at random over 600.
    """
    monkeypatch.setattr(model_error, "learned", blurred)
    found = model_error_curve(5, 0, 600)
    texts, _ = language.word_model().left_to_right(np.full((300, 5), MASK), 1.0, rng)
    want = excess_by_objective(blurred, texts) / 5
    assert abs(subject(found) - want) < 0.03 * want


@pytest.mark.subject(
    lambda found: found,
    spread_for_error=lambda found: replace(found, error=found.error * 4),
    too_sure=lambda found: replace(found, error=found.error / 3),
)
def test_the_gap_scatters_by_its_error(subject, monkeypatch):
    """Over 40 seeds, about their own mean: the standardised means have variance 1."""
    monkeypatch.setattr(model_error, "learned", blurred)
    runs = [subject(model_error_curve(12, seed)) for seed in range(40)]
    centre = np.mean([run.mean for run in runs], axis=0)
    z = np.array([((run.mean - centre) / np.maximum(run.error, 1e-9))[2:10] for run in runs])
    assert 0.6 < np.mean(z**2) < 2.2


def test_the_error_is_that_of_the_mean_of_the_texts(monkeypatch):
    """Two texts whose errors are 0 and 1: their mean is 1/2, to within 1/2."""
    monkeypatch.setattr(model_error, "divergence", lambda p, q: np.arange(len(p))[:, None] % 2 * np.ones(p.shape[:2]))
    found = model_error_curve(3, 0, 2, blurred)
    np.testing.assert_allclose(found.mean, 0.5)
    np.testing.assert_allclose(found.error, 0.5)


# --- the words that a reader gives -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "pins", "problem"),
    [
        ("", (), ""),
        ("14:letter 6:captain", ((6, "captain"), (14, "letter")), ""),
        ("  6:Captain   15:. ", ((6, "captain"), (15, ".")), ""),
        ("14:letter,6:captain", ((6, "captain"), (14, "letter")), ""),
        ("5:cat 5:dog", ((5, "dog"),), ""),
        ("16:cat", (), "“cat” has no place 16 in 15 words."),
        ("0:cat", (), "“cat” has no place 0 in 15 words."),
        ("captain 2:the", ((2, "the"),), "“captain” must be a place and a word, like 6:captain."),
        ("6:", (), "“6:” must be a place and a word, like 6:captain."),
        ("x:cat", (), "“x:cat” must be a place and a word, like 6:captain."),
        ("3:zzzz", (), "“zzzz” is not a word of the corpus."),
        ("3:harbor", (), "“harbor” is not a word of the corpus; near it: harbour, hears."),
    ],
)
def test_what_is_typed_is_read_as_far_as_it_goes(typed, pins, problem):
    assert language.read_pins(typed, 15) == (pins, problem)


@pytest.mark.parametrize(
    ("typed", "place", "word", "after"),
    [
        ("", 3, "cat", "3:cat"),
        ("14:letter 6:captain", 3, "cat", "3:cat 6:captain 14:letter"),
        ("6:captain 14:letter", 6, "dog", "6:dog 14:letter"),
        ("6:captain 16:letter", 6, "", "16:letter"),
        ("foo 6:captain", 2, "the", "2:the 6:captain foo"),
    ],
)
def test_a_pin_is_put_among_what_was_typed(typed, place, word, after):
    assert language.with_pin(typed, place, word) == after


# --- what the texts say ----------------------------------------------------------------------------------------------

ABOUT = (Path(language.__file__).parent / "about.md").read_text("utf-8")


def test_the_notes_have_the_shape_right():
    net = language.network()
    assert f"{len(net.qkv)} blocks".replace("3", "three") in ABOUT
    assert f"width {net.tokens.shape[1]}, four heads" in ABOUT
    assert net.heads == 4

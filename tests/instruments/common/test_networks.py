"""Layers of networks: against definitions written out position by position, and the symmetries that they must have."""

import math

import numpy as np
import pytest

from diffusion_lab.instruments.common import networks
from diffusion_lab.instruments.common.networks import Transformer

HEADS, WIDTH, HIDDEN, WORDS, LONGEST, BLOCKS = 2, 8, 12, 5, 7, 2


def random_weights(rng):
    shapes = {
        "tokens": (WORDS + 1, WIDTH),
        "positions": (LONGEST, WIDTH),
        "norm_1": (BLOCKS, 2, WIDTH),
        "qkv": (BLOCKS, WIDTH, 3 * WIDTH),
        "qkv_bias": (BLOCKS, 3 * WIDTH),
        "out": (BLOCKS, WIDTH, WIDTH),
        "out_bias": (BLOCKS, WIDTH),
        "norm_2": (BLOCKS, 2, WIDTH),
        "up": (BLOCKS, WIDTH, HIDDEN),
        "up_bias": (BLOCKS, HIDDEN),
        "down": (BLOCKS, HIDDEN, WIDTH),
        "down_bias": (BLOCKS, WIDTH),
        "norm": (2, WIDTH),
        "readout": (WIDTH, WORDS),
        "readout_bias": (WORDS,),
    }
    return {"heads": np.array(HEADS), **{name: rng.normal(size=shape) for name, shape in shapes.items()}}


# --- layers ----------------------------------------------------------------------------------------------------------


def scaled(power):
    return lambda q, k, v: networks.attention(q * q.shape[-1] ** power, k, v)


def causal(q, k, v):
    n = q.shape[-2]
    score = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    return networks.softmax(np.where(np.tri(n, dtype=bool), score, -np.inf)) @ v


@pytest.mark.subject(
    networks.attention,
    not_scaled=scaled(0.5),
    scaled_by_width=scaled(-0.5),
    causal_mask_left_in=causal,
    over_queries=lambda q, k, v: (
        np.swapaxes(networks.softmax(k @ np.swapaxes(q, -1, -2) / math.sqrt(q.shape[-1])), -1, -2) @ v
    ),
    keys_for_values=lambda q, k, v: networks.attention(q, k, k),
    blind_to_oneself=lambda q, k, v: networks.attention(q, k - 9 * q, v),
)
def test_attention_is_a_weighted_mean(subject, rng):
    """Each output by its definition, one query at a time, in float64."""
    q, k, v = rng.normal(size=(3, 2, 4, 5, 6))
    got = subject(*(part.astype(np.float32) for part in (q, k, v)))
    for at in np.ndindex(2, 4, 5):
        weight = [math.exp(q[at] @ k[at[:2]][j] / math.sqrt(6)) for j in range(5)]
        want = sum(w * v[at[:2]][j] for j, w in enumerate(weight)) / sum(weight)
        np.testing.assert_allclose(got[at], want, atol=2e-6)


def normed(x, scale, shift, *, eps=networks.EPS, ddof=0, root=True, mean=True):
    centred = x - x.mean(axis=-1, keepdims=True) if mean else x
    spread = x.var(axis=-1, ddof=ddof, keepdims=True) + eps
    return centred / (np.sqrt(spread) if root else spread) * scale + shift


@pytest.mark.subject(
    networks.layer_norm,
    no_eps=lambda *a: normed(*a, eps=1e-12),
    variance_of_a_sample=lambda *a: normed(*a, ddof=1),
    variance_for_deviation=lambda *a: normed(*a, root=False),
    mean_left_in=lambda *a: normed(*a, mean=False),
    shift_first=lambda x, scale, shift: normed(x, 1, shift / scale) * scale + 0.01,
    over_positions=lambda x, scale, shift: np.swapaxes(normed(np.swapaxes(x, 0, 1), 1, 0), 0, 1) * scale + shift,
)
def test_layer_norm_is_its_definition(subject, rng):
    """Each vector by itself, tiny ones too, where only eps keeps the scale."""
    x = rng.normal(1, 2, (6, 6)) * np.array([[1], [1e-3], [3e-3], [1], [30], [1]])
    scale, shift = rng.uniform(0.5, 2, 6), rng.normal(size=6)
    got = subject(*(part.astype(np.float32) for part in (x, scale, shift)))
    for vector, out in zip(x, got, strict=True):
        centre = sum(vector) / 6
        var = sum((value - centre) ** 2 for value in vector) / 6
        want = [(v - centre) / math.sqrt(var + 1e-5) * a + b for v, a, b in zip(vector, scale, shift, strict=True)]
        np.testing.assert_allclose(out, want, atol=2e-5)


@pytest.mark.subject(
    networks.gelu,
    relu=lambda x: np.maximum(x, 0),
    silu=lambda x: x / (1 + np.exp(-x)),
    no_cubic=lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * x)),
    no_half=lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
)
def test_gelu_is_x_times_the_normal_distribution(subject):
    """To the 5e-4 that the approximation is known to be off."""
    x = np.linspace(-6, 6, 241, dtype=np.float32)
    want = [v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x.tolist()]
    np.testing.assert_allclose(subject(x), want, atol=5e-4)


@pytest.mark.subject(
    networks.softmax,
    of_the_first_axis=lambda x: networks.softmax(x.T).T,
    overflowing=lambda x: np.exp(np.minimum(x, 80)) / np.exp(np.minimum(x, 80)).sum(axis=-1, keepdims=True),
    not_normalised=lambda x: np.exp(x - x.max(axis=-1, keepdims=True)),
)
def test_softmax_is_normalised_powers_at_any_size(subject):
    x = np.array([[0, math.log(2), math.log(3)], [1000, 1000 + math.log(2), 1000 + math.log(3)]])
    np.testing.assert_allclose(subject(x), np.array([[1, 2, 3], [1, 2, 3]]) / 6, atol=1e-9)


# --- the whole -------------------------------------------------------------------------------------------------------


@pytest.fixture
def weights(rng):
    return random_weights(rng)


def test_sequences_do_not_see_one_another(weights, rng):
    """A batch gives what its rows give alone, in any order."""
    net, x = Transformer.of(weights), rng.integers(-1, WORDS, (6, 5))
    together, order = net.logits(x), rng.permutation(6)
    np.testing.assert_allclose(net.logits(x[order]), together[order], atol=1e-5)
    for row, logits in zip(x, together, strict=True):
        np.testing.assert_allclose(net.logits(row[None])[0], logits, atol=1e-5)


def test_without_positions_order_does_not_matter(weights, rng):
    """Moving tokens moves what is said of them, and nothing else; with positions it does not hold."""
    x, order = rng.integers(-1, WORDS, (3, 6)), rng.permutation(6)
    blank = Transformer.of({**weights, "positions": np.zeros((LONGEST, WIDTH))})
    np.testing.assert_allclose(blank.logits(x[:, order]), blank.logits(x)[:, order], atol=1e-5)
    placed = Transformer.of(weights)
    assert np.abs(placed.logits(x[:, order]) - placed.logits(x)[:, order]).max() > 0.1


@pytest.mark.parametrize("at", [0, 3, 5])
def test_every_position_sees_every_other(weights, rng, at):
    """To its left and to its right: no causal mask."""
    net, x = Transformer.of(weights), rng.integers(0, WORDS, (1, 6))
    other = x.copy()
    other[0, at] = -1
    assert np.abs(net.logits(x) - net.logits(other)).max(axis=2).min() > 1e-3


def test_a_mask_has_the_last_embedding(weights):
    net = Transformer.of(weights)
    states = net.hidden(np.array([[-1, 0, WORDS - 1]]))
    want = weights["tokens"][[WORDS, 0, WORDS - 1]] + weights["positions"][:3]
    np.testing.assert_allclose(states[0][0], want, atol=1e-6)
    assert [state.shape for state in states] == [(1, 3, WIDTH)] * (BLOCKS + 1)


def test_it_stays_in_float32(weights):
    assert Transformer.of(weights).logits(np.array([[0, -1]])).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: Transformer.of(w).logits(np.zeros((1, 8), int)), "sequences must have 1 to 7 tokens, got 8."),
        (
            lambda w: Transformer.of({k: v for k, v in w.items() if k not in ("qkv", "norm")}),
            "a transformer needs all of its weights, got none named qkv, norm.",
        ),
    ],
)
def test_what_cannot_be_is_refused(weights, call, message):
    with pytest.raises(ValueError) as refused:
        call(weights)
    assert str(refused.value) == message

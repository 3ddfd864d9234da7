"""The transformer: the symmetries that it must have, and its gradients."""

import numpy as np
import pytest

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


def backward(changes):
    """Gradients of the transformer, the one in `name` put through `change`."""

    def gradients(net, dlogits, cache):
        grads = net.backward(dlogits, cache)
        return {name: changes.get(name, lambda d: d)(grad) for name, grad in grads.items()}

    return gradients


@pytest.mark.subject(
    backward({}),
    wrong_sign=backward({"qkv": lambda d: -d}),
    blocks_exchanged=backward({"up": lambda d: d[::-1]}),
    positions_forgotten=backward({"positions": lambda d: 0 * d}),
    shift_before_scale=backward({"norm": lambda d: d[::-1]}),
)
def test_gradients_of_all_weights(subject, weights, rng):
    """Along a drawn direction in each array of weights, by central differences in float64."""
    net, x = Transformer.of(weights, np.float64), rng.integers(-1, WORDS, (3, 5))
    logits, cache = net.forward(x)
    np.testing.assert_array_equal(logits, net.logits(x))
    dlogits = rng.normal(size=logits.shape)
    grads = subject(net, dlogits, cache)
    assert set(grads) == set(net.weights)
    for name, array in net.weights.items():
        direction = rng.normal(size=array.shape)
        losses = []
        for step in (1e-5, -1e-5):
            moved = Transformer.of({**weights, name: array + step * direction}, np.float64)
            losses.append(np.sum(moved.logits(x) * dlogits))
        slope = (losses[0] - losses[1]) / 2e-5
        assert np.sum(grads[name] * direction) == pytest.approx(slope, rel=1e-5, abs=1e-6), name

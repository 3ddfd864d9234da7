"""The U-Net: PyTorch's results, gradients, folding, skips, words and where places look."""

from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.networks.cross_attention import attention_map, cross_attention_forward
from diffusion_lab.instruments.common.networks.folding import fold, unfold
from diffusion_lab.instruments.common.networks.quantised import quantise, restore
from diffusion_lab.instruments.common.scenes.captions import parse
from diffusion_lab.instruments.common.text_to_image import unet
from diffusion_lab.instruments.common.text_to_image.control import Control
from diffusion_lab.instruments.common.text_to_image.unet import UNet, maps

from .tiny import weights

REFERENCE = dict(np.load(Path(__file__).with_name("reference.npz")))


@pytest.fixture(scope="module")
def network():
    return UNet.of(weights(), np.float64)


@pytest.fixture(scope="module")
def example():
    """Images, times and words, with a gradient of v."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3, 32, 32, 3))
    return x, REFERENCE["t"], REFERENCE["tokens"], rng.standard_normal(x.shape)


def predicted(dtype, **changes):
    """The network's prediction of the reference's example."""
    changed = {**weights(), **{name: change(weights()[name]) for name, change in changes.items()}}
    network = UNet.of(changed, dtype)
    x = np.random.default_rng(3).standard_normal((3, 32, 32, 3)).astype(dtype)
    return network.v(x, REFERENCE["t"].astype(dtype), network.words(REFERENCE["tokens"]))[:, ::3, ::3]


def without_time(dtype):
    return predicted(dtype, **{"time_2/weight": np.zeros_like})


def without_words(dtype):
    return predicted(dtype, **{"fine_out_seen/out_2": np.zeros_like})


def other_order_of_pixels(dtype):
    return predicted(dtype, **{"last/weight": lambda w: w[..., [3, 4, 5, 0, 1, 2, *range(6, 12)]]})


@pytest.mark.subject(
    predicted, without_time=without_time, without_words=without_words, other_order_of_pixels=other_order_of_pixels
)
def test_it_predicts_what_pytorch_does(subject):
    np.testing.assert_allclose(subject(np.float64), REFERENCE["v"], atol=2e-6)


def test_single_precision_is_as_good_as_single_precision_can_be():
    assert np.abs(predicted(np.float32) - REFERENCE["v"]).max() < 1e-4


def test_gradients_are_those_of_differences(network, example):
    x, t, tokens, dv = example
    words = network.words(tokens)
    _, caches = network.forward(x, t, words)
    dx, dwords, _ = network.backward(dv, caches)
    rng = np.random.default_rng(4)
    for gradient, at, value in (
        (dx, x, lambda moved: network.v(moved, t, words)),
        (dwords, words, lambda moved: network.v(x, t, moved)),
    ):
        direction = rng.standard_normal(at.shape)
        ahead, behind = (np.sum(value(at + step * direction) * dv) for step in (1e-5, -1e-5))
        assert np.sum(gradient * direction) == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)


def test_gradients_in_weights_are_those_of_differences(network, example):
    """Those of layers at every resolution, on both ways, in their convolutions, norms and skips."""
    x, t, tokens, dv = example
    words = network.words(tokens)
    grads = network.backward(dv, network.forward(x, t, words)[1])[2]
    rng = np.random.default_rng(4)
    for name in ("first/weight", "fine_in/conv_1", "halve_1/bias", "middle_in/scale_1", "coarse_out/skip",
                 "double_2/weight", "fine_out/conv_2", "last/weight"):  # fmt: skip
        direction = rng.standard_normal(grads[name].shape)
        ahead, behind = (
            np.sum(UNet(network.weights | {name: network.weights[name] + s * direction}).v(x, t, words) * dv)
            for s in (1e-5, -1e-5)
        )
        assert np.sum(grads[name] * direction) == pytest.approx((ahead - behind) / 2e-5, rel=1e-6), name


def test_the_gradient_in_the_words_own_vectors(network, example):
    tokens = example[2]
    embedded = network.embedded(tokens)
    rng = np.random.default_rng(5)
    words, cache = network.words_forward(embedded)
    dwords, direction = rng.standard_normal(words.shape), rng.standard_normal(embedded.shape)
    ahead, behind = (np.sum(network.words_forward(embedded + s * direction)[0] * dwords) for s in (1e-5, -1e-5))
    assert np.sum(network.words_backward(dwords, cache) * direction) == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)


def test_folding_is_undone_by_unfolding(rng):
    x = rng.standard_normal((2, 8, 6, 3))
    assert fold(x).shape == (2, 4, 3, 12)
    np.testing.assert_array_equal(unfold(fold(x)), x)
    np.testing.assert_array_equal(fold(x)[0, 1, 2], x[0, 2:4, 4:6].ravel())


@pytest.mark.parametrize("skip", unet.SKIPS)
def test_a_skip_that_is_switched_off_carries_nothing(network, example, skip):
    x, t, tokens, _ = example
    words = network.words(tokens)
    without = network.v(x, t, words, without=(skip,))
    assert np.abs(without - network.v(x, t, words)).max() > 0.01
    control = {skip: -network.forward(x, t, words)[0].mean() * 0}
    np.testing.assert_array_equal(network.forward(x, t, words, control=control)[0], network.v(x, t, words))


def test_unknown_skips_are_refused(network, example):
    x, t, tokens, _ = example
    with pytest.raises(ValueError, match="skips must be among fine, middle, coarse"):
        network.v(x, t, network.words(tokens), without=("wide",))


def test_every_place_shares_its_attention_among_the_words(network, example):
    x, t, tokens, _ = example
    found = maps(network.forward(x, t, network.words(tokens))[1])
    assert {name: share.shape for name, share in found.items()} == {
        "middle_in": (3, 8, 8, 8), "coarse_in": (3, 4, 4, 8), "coarse_out": (3, 4, 4, 8), "middle_out": (3, 8, 8, 8),
        "fine_out": (3, 16, 16, 8),
    }  # fmt: skip
    for share in found.values():
        np.testing.assert_allclose(share.sum(axis=-1), 1.0, atol=1e-12)


@pytest.mark.subject(attention_map, of_one_head=lambda cache: cache[2][3][:, 0])
def test_a_map_is_the_mean_of_all_heads(subject, rng):
    """Against softmax(q k / sqrt(d)) written out, in two heads of three."""
    x, words = rng.standard_normal((2, 5, 6)), rng.standard_normal((2, 4, 3))
    shapes = {"query": (6, 6), "query_bias": (6,), "key_value": (3, 12), "key_value_bias": (12,)}
    w = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    query, key = x @ w["query"] + w["query_bias"], (words @ w["key_value"] + w["key_value_bias"])[..., :6]
    heads = [query[..., part] @ key[..., part].transpose(0, 2, 1) / np.sqrt(3) for part in (slice(3), slice(3, 6))]
    expected = np.mean([np.exp(head) / np.exp(head).sum(axis=-1, keepdims=True) for head in heads], axis=0)
    np.testing.assert_allclose(subject(cross_attention_forward(x, words, w, 2)[1]), expected, atol=1e-12)


def test_the_order_of_words_matters(network):
    tokens = np.stack([parse(prompt)[0] for prompt in ("red circle and blue square", "blue circle and red square")])
    words = network.words(tokens)
    assert np.abs(words[0] - words[1]).max() > 0.1


# --- control ---------------------------------------------------------------------------------------------------------


def controlled(network, strength=1.0, turned=False):
    """The network's prediction for the reference's drawing."""
    start = "control "
    arrays = {key.removeprefix(start): REFERENCE[key] for key in REFERENCE if key.startswith(start)}
    drawing = REFERENCE["drawing"].astype(float)
    added = Control.of(arrays, np.float64)(drawing.swapaxes(1, 2) if turned else drawing, strength)
    x = np.random.default_rng(3).standard_normal((3, 32, 32, 3))
    return network.forward(x, REFERENCE["t"], network.words(REFERENCE["tokens"]), control=added)[0][:, ::3, ::3]


@pytest.mark.subject(
    controlled,
    turned=lambda network: controlled(network, turned=True),
    without=lambda network: controlled(network, strength=0.0),
)
def test_the_control_branch_adds_what_pytorch_s_does(subject, network):
    np.testing.assert_allclose(subject(network), REFERENCE["controlled"], atol=5e-6)


def test_control_without_strength_changes_nothing(network):
    np.testing.assert_allclose(controlled(network, strength=0.0), REFERENCE["v"], atol=2e-6)


# --- weights in a file -----------------------------------------------------------------------------------------------


def test_quantised_weights_are_near_and_small():
    exact = {name: array.astype(np.float32) for name, array in weights().items()}
    stored = quantise(exact)
    back = restore(stored)
    assert back.keys() == exact.keys()
    for name, array in exact.items():
        largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
        assert np.all(np.abs(back[name] - array) <= largest / 127 / 2 * 1.001), name
    assert sum(array.nbytes for array in stored.values()) < 0.3 * sum(array.nbytes for array in exact.values())
    assert UNet.of(back).weights["first/weight"].dtype == np.float32


def test_quantising_refuses_names_that_would_be_mixed_up():
    with pytest.raises(ValueError, match="names of weights must not end in “ scale”"):
        quantise({"a scale": np.ones((9, 9))})

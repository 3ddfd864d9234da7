"""Backward passes and losses against finite differences, in float64; and how often a wrong one is caught."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.networks import (
    activations,
    attention,
    convolution,
    dense,
    embeddings,
    losses,
    normalisation,
    residual,
)

STEP = 1e-5
TOLERANCE = 1e-7
"""Of gradients of size 1: central differences are off by about STEP² and by rounding / STEP."""


def numeric(loss, array):
    """Central differences of loss() in every number of `array`, which is changed in place and put back."""
    gradient = np.empty_like(array)
    for at in np.ndindex(*array.shape):
        kept = array[at]
        array[at] = kept + STEP
        above = loss()
        array[at] = kept - STEP
        gradient[at] = (above - loss()) / (2 * STEP)
        array[at] = kept
    return gradient


def assert_gradients(rng, forward, backward, inputs, weights, **options):
    """The gradients of sum(y * dy), dy drawn, in all of `inputs` (a list) and `weights` (by name)."""
    y, cache = forward(*inputs, **weights, **options)
    dy = rng.normal(size=y.shape)
    result = backward(dy, cache)
    dx, grads = result if isinstance(result[-1], dict) else (result, {})
    dx = dx if isinstance(dx, tuple) else (dx,)
    loss = lambda: np.sum(forward(*inputs, **weights, **options)[0] * dy)  # noqa: E731
    for array, got in zip(inputs, dx, strict=True):
        if got is not None:
            np.testing.assert_allclose(got, numeric(loss, array), rtol=1e-6, atol=TOLERANCE)
    assert set(grads) == set(weights)
    for name, array in weights.items():
        np.testing.assert_allclose(grads[name], numeric(loss, array), rtol=1e-6, atol=TOLERANCE, err_msg=name)


def changed(backward, **changes):
    """`backward` with the gradients named (x: that in the input) put through a function."""

    def wrong(dy, cache):
        dx, grads = backward(dy, cache)
        return changes.get("x", lambda d: d)(dx), {n: changes.get(n, lambda d: d)(d) for n, d in grads.items()}

    return wrong


NEGATIVE, NOTHING = lambda d: -d, lambda d: 0 * d


@pytest.mark.subject(
    dense.linear_backward,
    wrong_sign=changed(dense.linear_backward, x=NEGATIVE),
    bias_forgotten=changed(dense.linear_backward, bias=NOTHING),
    mean_for_sum=changed(dense.linear_backward, bias=lambda d: d / 6),
    input_for_weight=changed(dense.linear_backward, weight=lambda d: d + 1e-4),
)
def test_linear(subject, rng):
    weights = {"weight": rng.normal(size=(3, 4)), "bias": rng.normal(size=4)}
    assert_gradients(rng, dense.linear_forward, subject, [rng.normal(size=(2, 3, 3))], weights)


@pytest.mark.subject(
    convolution.convolution_backward,
    wrong_sign=changed(convolution.convolution_backward, x=NEGATIVE),
    shifted=changed(convolution.convolution_backward, x=lambda d: np.roll(d, 1, axis=1)),
    bias_forgotten=changed(convolution.convolution_backward, bias=NOTHING),
    kernel_turned=changed(convolution.convolution_backward, weight=lambda d: d[::-1, ::-1]),
)
@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 1), (2, 0)])
def test_convolution(subject, rng, stride, padding):
    """At stride 2 the last row of pixels may meet no kernel: its gradient is 0."""
    weights = {"weight": rng.normal(size=(3, 3, 2, 3)), "bias": rng.normal(size=3)}
    x = rng.normal(size=(2, 5, 4, 2))
    forward = lambda x, **w: convolution.convolution_forward(x, **w, stride=stride, padding=padding)  # noqa: E731
    assert_gradients(rng, forward, subject, [x], weights)


def norm_backward(axis, *, mean=True, along=True, factor=True):
    """Both norms' gradient, a term of it left out, in the cache's own shapes."""

    def wrong(dy, cache):
        normal, inverse, scale, *shape = cache
        shape = shape[0] if shape else dy.shape
        normal_part, dpart = normal.reshape(shape), (dy * scale).reshape(shape)
        dx = dpart - mean * dpart.mean(axis=axis, keepdims=True)
        dx = dx - along * normal_part * (dpart * normal_part).mean(axis=axis, keepdims=True)
        dx = (dx * inverse if factor else dx).reshape(dy.shape)
        rows = tuple(range(dy.ndim - 1))
        return dx, {"scale": (dy * normal).sum(axis=rows), "shift": dy.sum(axis=rows)}

    return wrong


@pytest.mark.subject(
    normalisation.layer_norm_backward,
    mean_forgotten=norm_backward(-1, mean=False),
    variance_held_fixed=norm_backward(-1, along=False),
    not_divided=norm_backward(-1, factor=False),
    shift_forgotten=changed(normalisation.layer_norm_backward, shift=NOTHING),
    wrong_sign=changed(normalisation.layer_norm_backward, scale=NEGATIVE),
)
def test_layer_norm(subject, rng):
    weights = {"scale": rng.uniform(0.5, 2, 5), "shift": rng.normal(size=5)}
    assert_gradients(rng, normalisation.layer_norm_forward, subject, [rng.normal(size=(2, 3, 5))], weights)


@pytest.mark.subject(
    normalisation.group_norm_backward,
    mean_forgotten=norm_backward((1, 3), mean=False),
    variance_held_fixed=norm_backward((1, 3), along=False),
    mean_of_each_channel=norm_backward((1,)),
    shift_forgotten=changed(normalisation.group_norm_backward, shift=NOTHING),
)
def test_group_norm(subject, rng):
    weights = {"scale": rng.uniform(0.5, 2, 6), "shift": rng.normal(size=6)}
    forward = lambda x, **w: normalisation.group_norm_forward(x, **w, groups=2)  # noqa: E731
    assert_gradients(rng, forward, subject, [rng.normal(size=(2, 2, 3, 6))], weights)


def test_the_copied_norm_is_the_right_one(rng):
    """What the mutants above change one term of."""
    x, scale, shift, dy = rng.normal(size=(2, 3, 6)), rng.normal(size=6), rng.normal(size=6), rng.normal(size=(2, 3, 6))
    for forward, backward, axis in (
        (normalisation.layer_norm_forward, normalisation.layer_norm_backward, -1),
        (lambda *a: normalisation.group_norm_forward(*a, 2), normalisation.group_norm_backward, (1, 3)),
    ):
        _, cache = forward(x, scale, shift)
        np.testing.assert_allclose(backward(dy, cache)[0], norm_backward(axis)(dy, cache)[0], atol=1e-12)


def attention_wrong(*, scaled=True, mean=True, exchanged=False):
    """Attention's gradient, a term of it left out."""

    def wrong(dy, cache):
        query, key, value, share = cache
        dshare = dy @ value.swapaxes(-1, -2)
        dscore = share * (dshare - mean * (dshare * share).sum(axis=-1, keepdims=True))
        dscore = dscore / np.sqrt(query.shape[-1]) if scaled else dscore
        dquery, dkey = dscore @ key, dscore.swapaxes(-1, -2) @ query
        return (dkey, dquery) if exchanged else (dquery, dkey), share.swapaxes(-1, -2) @ dy

    return lambda dy, cache: ((*wrong(dy, cache)[0], wrong(dy, cache)[1]), {})


@pytest.mark.subject(
    attention.attention_backward,
    not_scaled=attention_wrong(scaled=False),
    mean_forgotten=attention_wrong(mean=False),
    exchanged=attention_wrong(exchanged=True),
)
def test_attention(subject, rng):
    inputs = [*rng.normal(size=(2, 2, 4, 3)), rng.normal(size=(2, 4, 5))]
    assert_gradients(rng, attention.attention_forward, subject, inputs, {})


@pytest.mark.subject(
    attention.self_attention_backward,
    wrong_sign=changed(attention.self_attention_backward, qkv=NEGATIVE),
    bias_forgotten=changed(attention.self_attention_backward, qkv_bias=NOTHING),
    input_forgotten=changed(attention.self_attention_backward, x=NOTHING),
    queries_for_keys=changed(attention.self_attention_backward, qkv=lambda d: np.roll(d, 6, axis=1)),
)
def test_self_attention(subject, rng):
    weights = {"qkv": rng.normal(size=(6, 18)), "qkv_bias": rng.normal(size=18)}
    forward = lambda x, **w: attention.self_attention_forward(x, **w, heads=2)  # noqa: E731
    assert_gradients(rng, forward, subject, [rng.normal(size=(2, 4, 6))], weights)


def last_of_a_pair(dy, cache):
    shape, tokens = cache
    dtable = np.zeros(shape)
    dtable[tokens] = dy
    return None, {"table": dtable}


@pytest.mark.subject(
    embeddings.embedding_backward,
    repeats_overwrite=last_of_a_pair,
    wrong_sign=changed(embeddings.embedding_backward, table=NEGATIVE),
    mask_forgotten=changed(embeddings.embedding_backward, table=lambda d: np.vstack([d[:-1], 0 * d[-1:]])),
)
def test_embedding(subject, rng):
    tokens = np.array([[0, 2, 2], [-1, 1, -1]])
    forward = lambda table: embeddings.embedding_forward(table, tokens)  # noqa: E731
    y, cache = forward(table := rng.normal(size=(5, 3)))
    dy = rng.normal(size=y.shape)
    got = subject(dy, cache)[1]["table"]
    np.testing.assert_allclose(got, numeric(lambda: np.sum(forward(table)[0] * dy), table), atol=TOLERANCE)


@pytest.mark.subject(
    embeddings.fourier_backward,
    wrong_sign=changed(embeddings.fourier_backward, x=NEGATIVE),
    frequency_forgotten=lambda dy, cache: embeddings.fourier_backward(dy, (cache[0], np.ones_like(cache[1]))),
)
def test_fourier(subject, rng):
    frequencies = np.array([0.5, 1.5])
    forward = lambda t: embeddings.fourier_forward(t, frequencies)  # noqa: E731
    assert_gradients(rng, forward, subject, [rng.normal(size=(2, 3))], {})


def gelu_without_its_tail(dy, cache):
    return dy * 0.5 * (1 + cache[1]), {}


@pytest.mark.parametrize("name", ["gelu", "silu", "softmax"])
def test_activations(name, rng):
    forward, backward = (getattr(activations, f"{name}_{way}") for way in ("forward", "backward"))
    assert_gradients(rng, forward, backward, [2 * rng.normal(size=(3, 5))], {})


@pytest.mark.subject(
    activations.gelu_backward, tail_forgotten=gelu_without_its_tail, cubic_forgotten=lambda dy, cache: (dy, {})
)
def test_gelu(subject, rng):
    assert_gradients(rng, activations.gelu_forward, subject, [2 * rng.normal(size=(3, 5))], {})


@pytest.mark.subject(
    activations.silu_backward,
    tail_forgotten=lambda dy, cache: (dy * cache[1], {}),
    of_the_sigmoid=lambda dy, cache: (dy * cache[1] * (1 - cache[1]), {}),
)
def test_silu(subject, rng):
    assert_gradients(rng, activations.silu_forward, subject, [2 * rng.normal(size=(3, 5))], {})


@pytest.mark.subject(
    activations.softmax_backward,
    mean_forgotten=lambda dy, y: (y * dy, {}),
    diagonal_alone=lambda dy, y: (dy * y * (1 - y), {}),
)
def test_softmax(subject, rng):
    assert_gradients(rng, activations.softmax_forward, subject, [rng.normal(size=(3, 5))], {})


RESIDUAL = residual.residual_block_backward


def residual_wrong(name):
    """The block's gradient with one of its parts left out."""

    def wrong(dy, cache):
        (dx, dtime), grads = RESIDUAL(dy, cache)
        if name == "past":
            return (dx - dy, dtime), grads
        return (dx, 0 * dtime) if name == "time" else (dx, dtime), {n: d * (n != name) for n, d in grads.items()}

    return wrong


@pytest.mark.subject(
    RESIDUAL,
    past_forgotten=residual_wrong("past"),
    time_forgotten=residual_wrong("time"),
    conv_1=residual_wrong("conv_1"),
)
def test_residual_block(subject, rng):
    assert_residual_block(subject, rng, 4)


def test_residual_block_that_changes_the_channels(rng):
    assert_residual_block(RESIDUAL, rng, 6)


def assert_residual_block(backward, rng, b, a=4, e=3):
    shapes = {
        "scale_1": (a,), "shift_1": (a,), "conv_1": (3, 3, a, b), "bias_1": (b,),
        "time_weight": (e, b), "time_bias": (b,), "scale_2": (b,), "shift_2": (b,),
        "conv_2": (3, 3, b, b), "bias_2": (b,),
    }  # fmt: skip
    shapes |= {"skip": (a, b), "skip_bias": (b,)} if a != b else {}
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    inputs = [rng.normal(size=(1, 3, 2, a)), rng.normal(size=(1, e))]
    forward = lambda x, time, **w: residual.residual_block_forward(x, time, w, 2)  # noqa: E731
    assert_gradients(rng, forward, backward, inputs, weights)


# --- losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    losses.mean_squared_error,
    half=lambda y, target: (losses.mean_squared_error(y, target)[0] / 2, losses.mean_squared_error(y, target)[1]),
    of_a_row=lambda y, target: (losses.mean_squared_error(y, target)[0], 2 * (y - target) / len(y)),
    wrong_sign=lambda y, target: losses.mean_squared_error(target, y),
)
def test_mean_squared_error(subject, rng):
    y, target = rng.normal(size=(2, 4, 2))
    loss, dy = subject(y, target)
    assert loss == pytest.approx(sum((a - b) ** 2 for a, b in zip(y.flat, target.flat, strict=True)) / 8)
    np.testing.assert_allclose(dy, numeric(lambda: losses.mean_squared_error(y, target)[0], y), atol=TOLERANCE)


@pytest.mark.subject(
    losses.cross_entropy,
    weight_forgotten=lambda y, tokens, weight: losses.cross_entropy(y, tokens, np.ones_like(weight)),
    softmax_alone=lambda y, tokens, weight: (
        losses.cross_entropy(y, tokens, weight)[0],
        activations.softmax(y) * weight[..., None],
    ),
)
def test_cross_entropy(subject, rng):
    y, tokens, weight = rng.normal(size=(2, 3, 4)), rng.integers(0, 4, (2, 3)), rng.uniform(size=(2, 3))
    loss, dy = subject(y, tokens, weight)
    chance = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
    assert loss == pytest.approx(sum(-weight[at] * np.log(chance[at][tokens[at]]) for at in np.ndindex(2, 3)))
    want = numeric(lambda: losses.cross_entropy(y, tokens, weight)[0], y)
    np.testing.assert_allclose(dy, want, atol=TOLERANCE)


def test_cross_entropy_of_huge_logits_is_finite():
    loss, dy = losses.cross_entropy(np.array([[1e4, 0.0]]), np.array([1]), np.array([1.0]))
    assert loss == 1e4
    np.testing.assert_array_equal(dy, [[1, -1]])

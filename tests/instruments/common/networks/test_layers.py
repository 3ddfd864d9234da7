"""Layers of networks, forward: against definitions written out number by number."""

import math

import numpy as np
import pytest

from diffusion_lab.instruments.common.networks.activations import gelu, silu, softmax
from diffusion_lab.instruments.common.networks.attention import attention
from diffusion_lab.instruments.common.networks.convolution import convolution
from diffusion_lab.instruments.common.networks.embeddings import fourier, random_frequencies, sinusoidal_frequencies
from diffusion_lab.instruments.common.networks.normalisation import EPS, group_norm, layer_norm


def scaled(power):
    return lambda q, k, v: attention(q * q.shape[-1] ** power, k, v)


def causal(q, k, v):
    n = q.shape[-2]
    score = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    return softmax(np.where(np.tri(n, dtype=bool), score, -np.inf)) @ v


@pytest.mark.subject(
    attention,
    not_scaled=scaled(0.5),
    scaled_by_width=scaled(-0.5),
    causal_mask_left_in=causal,
    over_queries=lambda q, k, v: np.swapaxes(softmax(k @ np.swapaxes(q, -1, -2) / math.sqrt(q.shape[-1])), -1, -2) @ v,
    keys_for_values=lambda q, k, v: attention(q, k, k),
    blind_to_oneself=lambda q, k, v: attention(q, k - 9 * q, v),
)
def test_attention_is_a_weighted_mean(subject, rng):
    """Each output by its definition, one query at a time, in float64."""
    q, k, v = rng.normal(size=(3, 2, 4, 5, 6))
    got = subject(*(part.astype(np.float32) for part in (q, k, v)))
    for at in np.ndindex(2, 4, 5):
        weight = [math.exp(q[at] @ k[at[:2]][j] / math.sqrt(6)) for j in range(5)]
        want = sum(w * v[at[:2]][j] for j, w in enumerate(weight)) / sum(weight)
        np.testing.assert_allclose(got[at], want, atol=2e-6)


def normed(x, scale, shift, *, eps=EPS, ddof=0, root=True, mean=True):
    centred = x - x.mean(axis=-1, keepdims=True) if mean else x
    spread = x.var(axis=-1, ddof=ddof, keepdims=True) + eps
    return centred / (np.sqrt(spread) if root else spread) * scale + shift


@pytest.mark.subject(
    layer_norm,
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
    gelu,
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
    softmax,
    of_the_first_axis=lambda x: softmax(x.T).T,
    overflowing=lambda x: np.exp(np.minimum(x, 80)) / np.exp(np.minimum(x, 80)).sum(axis=-1, keepdims=True),
    not_normalised=lambda x: np.exp(x - x.max(axis=-1, keepdims=True)),
)
def test_softmax_is_normalised_powers_at_any_size(subject):
    x = np.array([[0, math.log(2), math.log(3)], [1000, 1000 + math.log(2), 1000 + math.log(3)]])
    np.testing.assert_allclose(subject(x), np.array([[1, 2, 3], [1, 2, 3]]) / 6, atol=1e-9)


def grouped(x, scale, shift, groups, axes=(1, 3), strided=False):
    """Group norm with the axes of the mean to choose, and neighbouring channels or every `groups`-th one."""
    n, height, width, channels = x.shape
    shape = (n, height * width, channels // groups, groups) if strided else (n, height * width, groups, -1)
    parts = x.reshape(shape)
    axes = tuple(axis - 1 if strided and axis == 3 else axis for axis in axes)
    centred = parts - parts.mean(axis=axes, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + EPS)
    return normal.reshape(x.shape) * scale + shift


@pytest.mark.subject(
    group_norm,
    of_each_pixel=lambda *a: grouped(*a, axes=(3,)),
    of_each_channel=lambda *a: grouped(*a, axes=(1,)),
    of_the_batch=lambda *a: grouped(*a, axes=(0, 1, 3)),
    every_second_channel=lambda *a: grouped(*a, strided=True),
    no_shift=lambda x, scale, shift, groups: group_norm(x, scale, 0 * shift, groups),
)
def test_group_norm_is_its_definition(subject, rng):
    x = rng.normal(1, 2, (2, 3, 4, 6)) * rng.uniform(0.5, 2, 6)
    scale, shift = rng.uniform(0.5, 2, 6), rng.normal(size=6)
    got = subject(x, scale, shift, 2)
    for image, group in np.ndindex(2, 2):
        part = x[image, :, :, 3 * group : 3 * group + 3]
        for at in np.ndindex(3, 4, 3):
            channel = 3 * group + at[2]
            normal = (part[at] - part.mean()) / math.sqrt(part.var() + 1e-5)
            assert got[image, at[0], at[1], channel] == pytest.approx(normal * scale[channel] + shift[channel])


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError) as refused:
        group_norm(np.zeros((1, 2, 2, 6)), np.ones(6), np.zeros(6), 4)
    assert str(refused.value) == "`groups` must divide the number of channels, got 4 for 6."


@pytest.mark.subject(
    silu,
    sigmoid=lambda x: 1 / (1 + np.exp(-x)),
    relu=lambda x: np.maximum(x, 0),
    steeper=lambda x: x / (1 + np.exp(-1.702 * x)),
)
def test_silu_is_x_times_the_logistic_function(subject):
    x = np.linspace(-6, 6, 41)
    np.testing.assert_allclose(subject(x), [v / (1 + math.exp(-v)) for v in x.tolist()], atol=1e-12)


def test_silu_does_not_overflow():
    x = np.array([-1e4, 1e4], np.float32)
    np.testing.assert_array_equal(silu(x), [0, 1e4])


@pytest.mark.subject(
    convolution,
    kernel_turned=lambda x, weight, *a: convolution(x, weight[::-1, ::-1], *a),
    rows_for_columns=lambda x, weight, *a: convolution(x, weight.swapaxes(0, 1), *a),
    no_bias=lambda x, weight, bias, *a: convolution(x, weight, 0 * bias, *a),
    off_by_one=lambda x, *a: convolution(np.roll(x, 1, axis=1), *a),
)
@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 1), (1, 0), (2, 0)])
def test_convolution_is_its_definition(subject, rng, stride, padding):
    x, weight, bias = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 3, 3, 4)), rng.normal(size=4)
    got = subject(x, weight, bias, stride, padding)
    high, wide = ((side + 2 * padding - 3) // stride + 1 for side in (5, 6))
    assert got.shape == (2, high, wide, 4)
    for image, row, column, channel in np.ndindex(*got.shape):
        want = bias[channel]
        for i, j in np.ndindex(3, 3):
            y, z = stride * row + i - padding, stride * column + j - padding
            if 0 <= y < 5 and 0 <= z < 6:
                want += x[image, y, z] @ weight[i, j, :, channel]
        assert got[image, row, column, channel] == pytest.approx(want)


def test_sinusoidal_frequencies_are_geometric():
    """From 1 to 10000^(-(h - 1)/h), as Vaswani et al. have them."""
    np.testing.assert_allclose(sinusoidal_frequencies(8), [1, 1e-1, 1e-2, 1e-3], rtol=1e-12)


def test_random_frequencies_have_the_stated_spread(rng):
    """The mean square over 4,000 is known to 2.2 %."""
    square = np.mean((random_frequencies(8000, 0.5, rng) / (2 * math.pi)) ** 2)
    assert abs(square / 0.25 - 1) < 4 * math.sqrt(2 / 4000)


def test_fourier_features_are_sines_and_cosines():
    got = fourier(np.array([[0.0], [2.0]]), np.array([1.0, 0.5]))
    want = [[[0, 0, 1, 1]], [[math.sin(2), math.sin(1), math.cos(2), math.cos(1)]]]
    np.testing.assert_allclose(got, want, atol=1e-12)

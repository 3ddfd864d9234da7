"""Elementwise activation functions, and softmax along the last axis."""

import math

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights

SLOPE = math.sqrt(2.0 / math.pi)
CUBIC = 0.044715


def gelu(x: Array) -> Array:
    """x Φ(x), Φ the normal distribution function, by the approximation with tanh of Hendrycks & Gimpel 2016."""
    return 0.5 * x * (1.0 + np.tanh(SLOPE * (x + CUBIC * x * x * x)))


def gelu_forward(x: Array) -> tuple[Array, Cache]:
    """`gelu`, and its cache."""
    tanh = np.tanh(SLOPE * (x + CUBIC * x * x * x))
    return 0.5 * x * (1.0 + tanh), (x, tanh)


def gelu_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """The gradient in x, of the approximation itself; no weights."""
    x, tanh = cache
    slope = SLOPE * (1.0 + 3.0 * CUBIC * x * x)
    return dy * 0.5 * (1.0 + tanh + x * (1.0 - tanh * tanh) * slope), {}


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), by tanh, which does not overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def silu(x: Array) -> Array:
    """x sigmoid(x), also called swish: Hendrycks & Gimpel 2016; Elfwing et al. 2018."""
    return x * sigmoid(x)


def silu_forward(x: Array) -> tuple[Array, Cache]:
    """`silu`, and its cache."""
    share = sigmoid(x)
    return x * share, (x, share)


def silu_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """The gradient in x; no weights."""
    x, share = cache
    return dy * share * (1.0 + x * (1.0 - share)), {}


def softmax(x: Array) -> Array:
    """exp(x) over its sum, along the last axis; the largest is subtracted first, so nothing overflows."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_forward(x: Array) -> tuple[Array, Cache]:
    """`softmax`, and its cache."""
    y = softmax(x)
    return y, y


def softmax_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """The gradient in x; no weights."""
    y = cache
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True)), {}

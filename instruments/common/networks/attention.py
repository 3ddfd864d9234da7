"""Scaled dot-product attention, and self-attention with several heads (Vaswani et al. 2017, section 3.2)."""

import math

import numpy as np

from diffusion_lab.instruments.common.networks.activations import softmax, softmax_backward
from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights
from diffusion_lab.instruments.common.networks.dense import linear_backward, linear_forward


def attention(query: Array, key: Array, value: Array) -> Array:
    """softmax(query keyᵀ / sqrt(d)) value, equation 1: (..., n, d), (..., m, d) and (..., m, e) give (..., n, e).

    Every position sees every other: there is no causal mask, since a masked model reads both sides.
    """
    return attention_forward(query, key, value)[0]


def attention_forward(query: Array, key: Array, value: Array) -> tuple[Array, Cache]:
    """`attention`, and its cache."""
    turned = np.ascontiguousarray(np.swapaxes(key, -1, -2))  # contiguous, which is faster without BLAS
    share = softmax(query @ turned / math.sqrt(query.shape[-1]))
    return share @ value, (query, key, value, share)


def attention_backward(dy: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Gradients in query, key and value; there are no weights."""
    query, key, value, share = cache
    dscore, _ = softmax_backward(dy @ np.swapaxes(value, -1, -2), share)
    dscore = dscore / math.sqrt(query.shape[-1])
    return dscore @ key, np.swapaxes(dscore, -1, -2) @ query, np.swapaxes(share, -1, -2) @ dy


def self_attention(x: Array, qkv: Array, qkv_bias: Array, heads: int) -> Array:
    """Attention of x (B, n, d) to itself in `heads` parts of d/heads each, side by side again: (B, n, d).

    qkv (d, 3 d) and qkv_bias (3 d,) give query, key and value, one after the other. No projection follows.
    """
    return self_attention_forward(x, qkv, qkv_bias, heads)[0]


def self_attention_forward(x: Array, qkv: Array, qkv_bias: Array, heads: int) -> tuple[Array, Cache]:
    """`self_attention`, and its cache."""
    batch, length, width = x.shape
    flat, linear_cache = linear_forward(x, qkv, qkv_bias)
    parts = flat.reshape(batch, length, 3, heads, width // heads)
    query, key, value = np.ascontiguousarray(parts.transpose(2, 0, 3, 1, 4))
    seen, attention_cache = attention_forward(query, key, value)
    return seen.transpose(0, 2, 1, 3).reshape(x.shape), (linear_cache, attention_cache)


def self_attention_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """Gradients in x, qkv and qkv_bias."""
    linear_cache, attention_cache = cache
    batch, heads, length, _ = attention_cache[0].shape
    dseen = dy.reshape(batch, length, heads, -1).transpose(0, 2, 1, 3)
    dparts = np.stack(attention_backward(dseen, attention_cache))  # (3, B, heads, n, d / heads)
    dx, grads = linear_backward(dparts.transpose(1, 3, 0, 2, 4).reshape(batch, length, -1), linear_cache)
    return dx, {"qkv": grads["weight"], "qkv_bias": grads["bias"]}

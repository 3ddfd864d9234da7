"""Layers of neural networks, forward only, in float32: what a `fit.py` has trained, as it runs in the browser.

Every layer works on the last axis and takes any number of axes before it. Weights stand as (inputs, outputs), so that
a layer is one product of contiguous matrices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float32]
Tokens = NDArray[np.int64]

EPS = 1e-5
"""Added to the variance in `layer_norm`."""


def linear(x: Array, weight: Array, bias: Array) -> Array:
    """x weight + bias: (..., a) and (a, b) give (..., b). One flat product, which NumPy does fastest."""
    return (x.reshape(-1, x.shape[-1]) @ weight + bias).reshape(*x.shape[:-1], -1)


def embedding(table: Array, tokens: Tokens) -> Array:
    """The row of `table` (V, d) for each token: (..., d). Token -1, a mask, has the last row."""
    return table[tokens]


def layer_norm(x: Array, scale: Array, shift: Array) -> Array:
    """Each vector to mean 0 and variance 1, then scale and shift (d,): Ba, Kiros & Hinton 2016, equation 4."""
    centred = x - x.mean(axis=-1, keepdims=True)
    var = np.square(centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(var + np.float32(EPS)) * scale + shift


def gelu(x: Array) -> Array:
    """x Φ(x), Φ the normal distribution function, by the approximation with tanh of Hendrycks & Gimpel 2016."""
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (1 + np.tanh(inner))


def softmax(x: Array) -> Array:
    """exp(x) over its sum, along the last axis; the largest is subtracted first, so nothing overflows."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attention(query: Array, key: Array, value: Array) -> Array:
    """Every position looks at every other: softmax(q kᵀ / sqrt(d)) v, (..., n, d) each (Vaswani et al. 2017, eq. 1).

    Nothing is hidden from anyone: no causal mask, since a masked model reads both sides.
    """
    turned = np.ascontiguousarray(np.swapaxes(key, -1, -2))
    return softmax(query @ turned / np.float32(np.sqrt(query.shape[-1]))) @ value


def self_attention(x: Array, qkv: Array, qkv_bias: Array, heads: int) -> Array:
    """Attention of x (B, n, d) to itself in `heads` parts of d/heads each, side by side again: (B, n, d)."""
    batch, length, width = x.shape
    parts = linear(x, qkv, qkv_bias).reshape(batch, length, 3, heads, width // heads)
    query, key, value = np.ascontiguousarray(parts.transpose(2, 0, 3, 1, 4))
    return attention(query, key, value).transpose(0, 2, 1, 3).reshape(x.shape)


@dataclass(frozen=True, eq=False)
class Transformer:
    """An encoder over tokens, normalised before each part (Xiong et al. 2020), as weights.

    d is its width, V the number of words, L of blocks, h of hidden units. tokens: (V + 1, d) embeddings, the mask's
    last; positions: (longest, d) embeddings, added; for each block norm_1 (L, 2, d) scale and shift before attention,
    qkv (L, d, 3 d), qkv_bias (L, 3 d), out (L, d, d), out_bias (L, d), norm_2 (L, 2, d) before the two layers up
    (L, d, h), up_bias (L, h), down (L, h, d), down_bias (L, d); norm (2, d), readout (d, V), readout_bias (V,).
    """

    heads: int
    tokens: Array
    positions: Array
    norm_1: Array
    qkv: Array
    qkv_bias: Array
    out: Array
    out_bias: Array
    norm_2: Array
    up: Array
    up_bias: Array
    down: Array
    down_bias: Array
    norm: Array
    readout: Array
    readout_bias: Array

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[Any]]) -> "Transformer":
        """From arrays by name, as a file holds them, in any precision."""
        lacking = [field.name for field in fields(cls) if field.name not in weights]
        require(not lacking, "a transformer needs all of its weights", f"none named {', '.join(lacking)}")
        arrays = {field.name: np.asarray(weights[field.name], np.float32) for field in fields(cls)[1:]}
        return cls(heads=int(weights["heads"]), **arrays)

    @property
    def longest(self) -> int:
        """The largest number of tokens it has positions for."""
        return len(self.positions)

    def hidden(self, x: Tokens) -> list[Array]:
        """The activations (B, n, d) before the first block and after each, from tokens x (B, n)."""
        length = x.shape[1]
        require(1 <= length <= self.longest, f"sequences must have 1 to {self.longest} tokens", length)
        states = [embedding(self.tokens, x) + self.positions[:length]]
        for block in range(len(self.qkv)):
            states.append(self._block(states[-1], block))
        return states

    def _block(self, h: Array, block: int) -> Array:
        seen = self_attention(layer_norm(h, *self.norm_1[block]), self.qkv[block], self.qkv_bias[block], self.heads)
        h = h + linear(seen, self.out[block], self.out_bias[block])
        wide = gelu(linear(layer_norm(h, *self.norm_2[block]), self.up[block], self.up_bias[block]))
        return h + linear(wide, self.down[block], self.down_bias[block])

    def logits(self, x: Tokens) -> Array:
        """Scores (B, n, V) of every word at every position, from tokens x (B, n), -1 where masked."""
        return linear(layer_norm(self.hidden(x)[-1], *self.norm), self.readout, self.readout_bias)

"""A transformer over tokens: an encoder in which every position sees every other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Tokens, Weights
from diffusion_lab.instruments.common.networks.dense import linear, linear_backward, linear_forward
from diffusion_lab.instruments.common.networks.embeddings import embedding, embedding_backward
from diffusion_lab.instruments.common.networks.normalisation import (
    layer_norm,
    layer_norm_backward,
    layer_norm_forward,
)
from diffusion_lab.instruments.common.networks.transformer_block import block_backward, block_forward

OF_BLOCKS = ("norm_1", "qkv", "qkv_bias", "out", "out_bias", "norm_2", "up", "up_bias", "down", "down_bias")
"""The weights that each block has."""


@dataclass(frozen=True, eq=False)
class Transformer:
    """The weights of an encoder over tokens with pre-layer normalisation (Xiong et al. 2020).

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
    def of(cls, weights: Mapping[str, NDArray[Any]], dtype: DTypeLike = np.float32) -> Transformer:
        """From arrays by name, as in a file, in any precision; they are converted to `dtype`."""
        lacking = [field.name for field in fields(cls) if field.name not in weights]
        require(not lacking, "a transformer needs all of its weights", f"none named {', '.join(lacking)}")
        arrays = {field.name: np.asarray(weights[field.name], dtype) for field in fields(cls)[1:]}
        return cls(heads=int(weights["heads"]), **arrays)

    @property
    def weights(self) -> Weights:
        """The arrays by name: an optimiser may change them in place."""
        return {field.name: getattr(self, field.name) for field in fields(self)[1:]}

    @property
    def longest(self) -> int:
        """The largest number of tokens for which it has positions."""
        return len(self.positions)

    def hidden(self, x: Tokens) -> list[Array]:
        """The activations (B, n, d) before the first block and after each, from tokens x (B, n)."""
        states = [self._embedded(x)]
        for block in range(len(self.qkv)):
            states.append(self._block_forward(states[-1], block)[0])
        return states

    def logits(self, x: Tokens) -> Array:
        """Scores (B, n, V) of every word at every position, from tokens x (B, n), -1 where masked."""
        return linear(layer_norm(self.hidden(x)[-1], *self.norm), self.readout, self.readout_bias)

    def forward(self, x: Tokens) -> tuple[Array, Cache]:
        """`logits`, and the cache for `backward`."""
        h, blocks = self._embedded(x), []
        for block in range(len(self.qkv)):
            h, cache = self._block_forward(h, block)
            blocks.append(cache)
        h, norm = layer_norm_forward(h, *self.norm)
        logits, readout = linear_forward(h, self.readout, self.readout_bias)
        return logits, (x, blocks, norm, readout)

    def backward(self, dlogits: Array, cache: Cache) -> Weights:
        """Gradients in all weights, by name, from the gradient in `logits`."""
        x, blocks, norm, readout = cache
        dh, of_readout = linear_backward(dlogits, readout)
        dh, of_norm = layer_norm_backward(dh, norm)
        of_blocks = []
        for block in reversed(blocks):
            dh, grads = block_backward(dh, block)
            of_blocks.append(grads)
        _, of_tokens = embedding_backward(dh, (self.tokens.shape, x))
        dpositions = np.zeros_like(self.positions)
        dpositions[: x.shape[1]] = dh.sum(axis=0)
        stacked = {name: np.stack([grads[name] for grads in reversed(of_blocks)]) for name in of_blocks[0]}
        return {
            "tokens": of_tokens["table"],
            "positions": dpositions,
            **stacked,
            "norm": np.stack([of_norm["scale"], of_norm["shift"]]),
            "readout": of_readout["weight"],
            "readout_bias": of_readout["bias"],
        }

    def _embedded(self, x: Tokens) -> Array:
        length = x.shape[1]
        require(1 <= length <= self.longest, f"sequences must have 1 to {self.longest} tokens", length)
        return embedding(self.tokens, x) + self.positions[:length]

    def _block_forward(self, h: Array, block: int) -> tuple[Array, Cache]:
        return block_forward(h, {name: getattr(self, name)[block] for name in OF_BLOCKS}, self.heads)

"""A diffusion transformer (DiT) over the places of a code, with the words of a caption beside them.

Peebles & Xie 2023: each of the 64 places of a code (8 × 8 × 4) is a token; blocks are normalised with a scale, a shift
and a gate that follow from the time (adaLN-Zero). The words stand in the same sequence ("in-context" conditioning), so
each place can look at every word and at every other place.
"""

from __future__ import annotations

import numpy as np

from diffusion_lab.instruments.common.networks.activations import gelu, silu
from diffusion_lab.instruments.common.networks.arrays import Array, Tokens
from diffusion_lab.instruments.common.networks.attention import self_attention_forward
from diffusion_lab.instruments.common.networks.dense import linear
from diffusion_lab.instruments.common.networks.embeddings import fourier, sinusoidal_frequencies
from diffusion_lab.instruments.common.networks.named_weights import NamedWeights
from diffusion_lab.instruments.common.networks.normalisation import layer_norm

HEADS, TIME_FEATURES = 4, 64
"""Attention heads, and sines and cosines of a time."""


class DiT(NamedWeights):
    """The network with its weights by name. d is its width, L the number of blocks, h of hidden units.

    patches (4, d), patches_bias, places (64, d); tokens (V, d), positions (n, d); time_1 (64, d), time_2 (d, d) with
    biases; for each block modulation (L, d, 6 d), qkv (L, d, 3 d), out (L, d, d), up (L, d, h), down (L, h, d), all
    with biases; last_modulation (d, 2 d), last (d, 4) with biases.
    """

    def v(self, x: Array, t: Array, tokens: Tokens) -> Array:
        """The prediction of v for noised codes x (N, 8, 8, 4) at times t (N,), with captions (N, n)."""
        return self.forward(x, t, tokens)[0]

    def forward(self, x: Array, t: Array, tokens: Tokens) -> tuple[Array, list[Array]]:
        """`v`, and the attention (N, heads, 64 + n, 64 + n) of each block: rows look at columns, words last."""
        w = self.weights
        n, height, width, _ = x.shape
        places = linear(x.reshape(n, height * width, -1), w["patches"], w["patches_bias"]) + w["places"]
        h = np.concatenate([places, w["tokens"][tokens] + w["positions"][: tokens.shape[1]]], axis=1)
        features = fourier(1000.0 * t, sinusoidal_frequencies(TIME_FEATURES)).astype(x.dtype)
        time = silu(linear(silu(linear(features, w["time_1"], w["time_1_bias"])), w["time_2"], w["time_2_bias"]))
        seen = []
        for block in range(len(w["qkv"])):
            h, share = self._block(h, time, block)
            seen.append(share)
        shift, scale = _parts(linear(time, w["last_modulation"], w["last_modulation_bias"]), 2)
        h = layer_norm(h[:, : height * width], 1.0 + scale, shift)
        return linear(h, w["last"], w["last_bias"]).reshape(x.shape), seen

    def _block(self, h: Array, time: Array, block: int) -> tuple[Array, Array]:
        w = self.weights
        change = linear(time, w["modulation"][block], w["modulation_bias"][block])
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = _parts(change, 6)
        normed = layer_norm(h, 1.0 + scale_1, shift_1)
        mixed, cache = self_attention_forward(normed, w["qkv"][block], w["qkv_bias"][block], HEADS)
        h = h + gate_1 * linear(mixed, w["out"][block], w["out_bias"][block])
        normed = layer_norm(h, 1.0 + scale_2, shift_2)
        wide = gelu(linear(normed, w["up"][block], w["up_bias"][block]))
        share: Array = cache[1][3]
        return h + gate_2 * linear(wide, w["down"][block], w["down_bias"][block]), share


def _parts(x: Array, count: int) -> list[Array]:
    """Equal parts of the last axis of x (N, count d), to broadcast over positions: (N, 1, d)."""
    return [part[:, None] for part in np.split(x, count, axis=-1)]

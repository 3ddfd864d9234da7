"""The U-Net in NumPy: it reads a noisy image, its time and a caption, and predicts v.

The original of Ho et al. 2020 (appendix B) at three resolutions, with cross-attention to the words of the caption as in
Rombach et al. 2022. Blocks of 2 × 2 pixels are folded into channels first, so the finest has 16 × 16 places.

    places   way down                                way up
    16 × 16  first, fine_in                          fine_out + words, norm, last
     8 × 8   halve_1, middle_in + self + words       double_1, middle_out + self + words
     4 × 4   halve_2, coarse_in + self + words       coarse, coarse_out + self + words, double_2

The way up sees each result of the way down again, through a skip connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.activations import silu_backward, silu_forward
from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Tokens, Weights
from diffusion_lab.instruments.common.networks.attention import self_attention_backward, self_attention_forward
from diffusion_lab.instruments.common.networks.convolution import convolution_backward, convolution_forward
from diffusion_lab.instruments.common.networks.cross_attention import (
    attention_map,
    cross_attention_backward,
    cross_attention_forward,
)
from diffusion_lab.instruments.common.networks.dense import linear_backward, linear_forward
from diffusion_lab.instruments.common.networks.embeddings import fourier, sinusoidal_frequencies
from diffusion_lab.instruments.common.networks.folding import doubled, doubled_backward, fold, unfold
from diffusion_lab.instruments.common.networks.named_weights import NamedWeights
from diffusion_lab.instruments.common.networks.normalisation import (
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
)
from diffusion_lab.instruments.common.networks.residual import residual_block_backward, residual_block_forward
from diffusion_lab.instruments.common.networks.transformer_block import block_backward, block_forward

HEAD, TEXT_HEADS, GROUPS, TIME_FEATURES = 24, 4, 8, 64
"""Features of a head of the images' attention, heads of the words', groups of a group norm, features of a time."""

SKIPS = ("fine", "middle", "coarse")
"""The skip connections, by the resolution of what they carry: 16, 8 and 4 places along a side."""


class UNet(NamedWeights):
    """The network with its weights, by names such as "fine_in/conv_1"."""

    def words(self, tokens: Tokens) -> Array:
        """A vector for each word of captions (N, n), which knows its neighbours: (N, n, text width)."""
        return self.words_forward(self.embedded(tokens))[0]

    def embedded(self, tokens: Tokens) -> Array:
        """The vectors of the words themselves, before they see each other: (N, n, text width)."""
        return self.weights["words/tokens"][tokens]

    def words_forward(self, embedded: Array) -> tuple[Array, Cache]:
        """`words` from the vectors of the words, and the cache."""
        w = self.part("words")
        h = embedded + w["positions"][: embedded.shape[1]]
        h, block = block_forward(h, w, TEXT_HEADS)
        h, norm = layer_norm_forward(h, *w["norm"])
        return h, (block, norm)

    def words_backward(self, dwords: Array, cache: Cache) -> Array:
        """The gradient in the vectors of the words."""
        block, norm = cache
        return block_backward(layer_norm_backward(dwords, norm)[0], block)[0]

    def v(
        self,
        x: Array,
        t: Array,
        words: Array,
        without: Collection[str] = (),
        control: Mapping[str, Array] | None = None,
    ) -> Array:
        """The prediction of v for images x (N, 32, 32, 3) at times t (N,) in [0, 1], with `words` (N, n, width)."""
        return self.forward(x, t, words, without, control)[0]

    def forward(
        self,
        x: Array,
        t: Array,
        words: Array,
        without: Collection[str] = (),
        control: Mapping[str, Array] | None = None,
    ) -> tuple[Array, dict[str, Cache]]:
        """`v`, and the caches of all layers by name. `without` names skip connections that carry 0 in place of
        their images; `control` has what is added to what they carry.
        """
        require(set(without) <= set(SKIPS), f"skips must be among {', '.join(SKIPS)}", without)
        run = _Forward(self, t, words)
        fine = run.residual("fine_in", run.convolution("first", fold(x)))
        middle = run.attention("middle_in_seen", run.residual("middle_in", run.convolution("halve_1", fine, 2)))
        coarse = run.attention("coarse_in_seen", run.residual("coarse_in", run.convolution("halve_2", middle, 2)))
        carried = {"fine": fine, "middle": middle, "coarse": coarse}
        for name, image in (control or {}).items():
            carried[name] = carried[name] + image
        for name in without:
            carried[name] = np.zeros_like(carried[name])
        h = run.residual("coarse", coarse)
        h = run.attention("coarse_out_seen", run.residual("coarse_out", _beside(h, carried["coarse"])))
        h = run.convolution("double_2", doubled(h))
        h = run.attention("middle_out_seen", run.residual("middle_out", _beside(h, carried["middle"])))
        h = run.convolution("double_1", doubled(h))
        h = run.attention("fine_out_seen", run.residual("fine_out", _beside(h, carried["fine"])))
        h, run.caches["norm"] = group_norm_forward(h, *run.network.weights["norm"], GROUPS)
        h, run.caches["active"] = silu_forward(h)
        return unfold(run.convolution("last", h)), run.caches

    def backward(self, dv: Array, caches: dict[str, Cache]) -> tuple[Array, Array, Weights]:
        """Gradients in (x, words), and in the weights of all convolutions and residual blocks but those of the time.

        All skip connections must have carried their images.
        """
        back = _Backward(caches)
        h = back.convolution("last", fold(dv))
        h = group_norm_backward(silu_backward(h, caches["active"])[0], caches["norm"])[0]
        h = back.residual("fine_out", back.attention("fine_out_seen", h))
        h, fine = _apart(back, h, "double_1")
        h = doubled_backward(back.convolution("double_1", h))
        h = back.residual("middle_out", back.attention("middle_out_seen", h))
        h, middle = _apart(back, h, "double_2")
        h = doubled_backward(back.convolution("double_2", h))
        h = back.residual("coarse_out", back.attention("coarse_out_seen", h))
        h, coarse = np.split(h, 2, axis=-1)
        h = back.residual("coarse", h) + coarse
        h = back.convolution("halve_2", back.residual("coarse_in", back.attention("coarse_in_seen", h))) + middle
        h = back.convolution("halve_1", back.residual("middle_in", back.attention("middle_in_seen", h))) + fine
        return unfold(back.convolution("first", back.residual("fine_in", h))), back.dwords, back.dweights


def maps(caches: dict[str, Cache]) -> dict[str, Array]:
    """Which word each place looks at, by the name of the attention: (N, h, w, n), the mean of its heads."""
    found = {}
    for name, cache in caches.items():
        if name.endswith("_seen"):
            share = attention_map(cache["words"])
            side = int(np.sqrt(share.shape[1]))
            found[name.removesuffix("_seen")] = share.reshape(len(share), side, side, -1)
    return found


def _beside(a: Array, b: Array) -> Array:
    return np.concatenate([a, b], axis=-1)


def _apart(back: _Backward, h: Array, below: str) -> tuple[Array, Array]:
    """The gradient in what came from below, and in what the skip connection carried."""
    width = back.caches[below][3].shape[-1]
    return h[..., :width], h[..., width:]


class _Forward:
    """Layers by name for one evaluation, and their caches."""

    def __init__(self, network: UNet, t: Array, words: Array) -> None:
        self.network, self.words = network, words
        self.caches: dict[str, Cache] = {}
        w = network.weights
        features = fourier(1000.0 * t, sinusoidal_frequencies(TIME_FEATURES)).astype(w["time_1/weight"].dtype)
        h = silu_forward(linear_forward(features, w["time_1/weight"], w["time_1/bias"])[0])[0]
        self.time = linear_forward(h, w["time_2/weight"], w["time_2/bias"])[0]

    def convolution(self, name: str, x: Array, stride: int = 1) -> Array:
        w = self.network.weights
        y, self.caches[name] = convolution_forward(x, w[f"{name}/weight"], w[f"{name}/bias"], stride)
        return y

    def residual(self, name: str, x: Array) -> Array:
        y, self.caches[name] = residual_block_forward(x, self.time, self.network.part(name), GROUPS)
        return y

    def attention(self, name: str, x: Array) -> Array:
        y, self.caches[name] = attend_forward(x, self.words, self.network.part(name))
        return y


class _Backward:
    """Gradients of the layers by name; those in the words of all of them add up."""

    def __init__(self, caches: dict[str, Cache]) -> None:
        self.caches = caches
        self.dwords: Any = 0.0
        self.dweights: Weights = {}

    def convolution(self, name: str, dy: Array) -> Array:
        return self._kept(name, *convolution_backward(dy, self.caches[name]))

    def residual(self, name: str, dy: Array) -> Array:
        (dx, _), grads = residual_block_backward(dy, self.caches[name])
        return self._kept(name, dx, {key: grad for key, grad in grads.items() if not key.startswith("time_")})

    def _kept(self, name: str, dx: Array, grads: Weights) -> Array:
        self.dweights |= {f"{name}/{key}": grad for key, grad in grads.items()}
        return dx

    def attention(self, name: str, dy: Array) -> Array:
        dx, dwords = attend_backward(dy, self.caches[name])
        self.dwords = self.dwords + dwords
        return dx


def attend_forward(x: Array, words: Array, weights: Weights) -> tuple[Array, dict[str, Cache]]:
    """Images (N, h, w, c) whose places look at each other, if there are weights for it, and then at the words."""
    w = weights
    caches: dict[str, Cache] = {}
    h = x.reshape(len(x), -1, x.shape[-1])
    heads = h.shape[-1] // HEAD
    if "qkv" in w:
        y, caches["norm_1"] = layer_norm_forward(h, *w["norm_1"])
        y, caches["itself"] = self_attention_forward(y, w["qkv"], w["qkv_bias"], heads)
        y, caches["out_1"] = linear_forward(y, w["out_1"], w["out_1_bias"])
        h = h + y
    y, caches["norm_2"] = layer_norm_forward(h, *w["norm_2"])
    y, caches["words"] = cross_attention_forward(y, words, w, heads)
    y, caches["out_2"] = linear_forward(y, w["out_2"], w["out_2_bias"])
    return (h + y).reshape(x.shape), caches


def attend_backward(dy: Array, caches: dict[str, Cache]) -> tuple[Array, Array]:
    """Gradients in the images and in the words."""
    dh = dy.reshape(len(dy), -1, dy.shape[-1])
    d = linear_backward(dh, caches["out_2"])[0]
    (d, dwords), _ = cross_attention_backward(d, caches["words"])
    dh = dh + layer_norm_backward(d, caches["norm_2"])[0]
    if "itself" in caches:
        d = linear_backward(dh, caches["out_1"])[0]
        d = self_attention_backward(d, caches["itself"])[0]
        dh = dh + layer_norm_backward(d, caches["norm_1"])[0]
    return dh.reshape(dy.shape), dwords

"""The block of a transformer with pre-layer normalisation: Vaswani et al. 2017, Xiong et al. 2020."""

import numpy as np

from diffusion_lab.instruments.common.networks.activations import gelu_backward, gelu_forward
from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights
from diffusion_lab.instruments.common.networks.attention import self_attention_backward, self_attention_forward
from diffusion_lab.instruments.common.networks.dense import linear_backward, linear_forward
from diffusion_lab.instruments.common.networks.normalisation import layer_norm_backward, layer_norm_forward


def block_forward(h: Array, weights: Weights, heads: int) -> tuple[Array, Cache]:
    """Attention among all positions of h (B, n, d) and two layers at each, both added to their input; and the cache.

    Weights, with u hidden units: norm_1 (2, d) scale and shift before attention, qkv (d, 3 d), qkv_bias (3 d,),
    out (d, d), out_bias (d,); norm_2 (2, d) before the two layers up (d, u), up_bias (u,), down (u, d), down_bias (d,).
    """
    w = weights
    normed, norm_1 = layer_norm_forward(h, *w["norm_1"])
    seen, looked = self_attention_forward(normed, w["qkv"], w["qkv_bias"], heads)
    added, out = linear_forward(seen, w["out"], w["out_bias"])
    h = h + added
    normed, norm_2 = layer_norm_forward(h, *w["norm_2"])
    wide, up = linear_forward(normed, w["up"], w["up_bias"])
    wide, active = gelu_forward(wide)
    added, down = linear_forward(wide, w["down"], w["down_bias"])
    return h + added, (norm_1, looked, out, norm_2, up, active, down)


def block_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """The gradients in a block's input and in its weights."""
    norm_1, looked, out, norm_2, up, active, down = cache
    dwide, of_down = linear_backward(dy, down)
    dwide, _ = gelu_backward(dwide, active)
    dnormed, of_up = linear_backward(dwide, up)
    dnormed, of_norm_2 = layer_norm_backward(dnormed, norm_2)
    dy = dy + dnormed
    dseen, of_out = linear_backward(dy, out)
    dnormed, of_attention = self_attention_backward(dseen, looked)
    dnormed, of_norm_1 = layer_norm_backward(dnormed, norm_1)
    return dy + dnormed, {
        "norm_1": np.stack([of_norm_1["scale"], of_norm_1["shift"]]),
        **of_attention,
        "out": of_out["weight"],
        "out_bias": of_out["bias"],
        "norm_2": np.stack([of_norm_2["scale"], of_norm_2["shift"]]),
        "up": of_up["weight"],
        "up_bias": of_up["bias"],
        "down": of_down["weight"],
        "down_bias": of_down["bias"],
    }

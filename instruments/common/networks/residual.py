"""The residual block of a denoising U-Net: Ho et al. 2020, appendix B, after He et al. 2016."""

from diffusion_lab.instruments.common.networks.activations import silu_backward, silu_forward
from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights
from diffusion_lab.instruments.common.networks.convolution import convolution_backward, convolution_forward
from diffusion_lab.instruments.common.networks.dense import linear_backward, linear_forward
from diffusion_lab.instruments.common.networks.normalisation import group_norm_backward, group_norm_forward


def residual_block_forward(x: Array, time: Array | None, weights: Weights, groups: int) -> tuple[Array, Cache]:
    """x + f(x, time) for images x (N, h, w, a), and the cache: (N, h, w, b). `time` (N, e) embeds the noise level;
    None: a block without one.

    f is twice group norm, SiLU and a 3 × 3 convolution; between them a linear map of silu(time) is added to all
    pixels. Weights: scale_1, shift_1 (a,); conv_1 (3, 3, a, b), bias_1 (b,); time_weight (e, b), time_bias (b,);
    scale_2, shift_2 (b,); conv_2 (3, 3, b, b), bias_2 (b,); and where a and b differ skip (a, b), skip_bias (b,).
    """
    w = weights
    caches: dict[str, Cache] = {}
    h, caches["norm_1"] = group_norm_forward(x, w["scale_1"], w["shift_1"], groups)
    h, caches["silu_1"] = silu_forward(h)
    h, caches["conv_1"] = convolution_forward(h, w["conv_1"], w["bias_1"])
    if time is not None:
        embedded, caches["silu_time"] = silu_forward(time)
        embedded, caches["time"] = linear_forward(embedded, w["time_weight"], w["time_bias"])
        h = h + embedded[:, None, None]
    h, caches["norm_2"] = group_norm_forward(h, w["scale_2"], w["shift_2"], groups)
    h, caches["silu_2"] = silu_forward(h)
    h, caches["conv_2"] = convolution_forward(h, w["conv_2"], w["bias_2"])
    if "skip" not in w:
        return x + h, caches
    skipped, caches["skip"] = linear_forward(x, w["skip"], w["skip_bias"])
    return skipped + h, caches


def residual_block_backward(dy: Array, cache: Cache) -> tuple[tuple[Array, Array | None], Weights]:
    """Gradients in (x, time), and in all weights by name."""
    grads: Weights = {}

    def keep(result: tuple[Array, Weights], **names: str) -> Array:
        grads.update({name: result[1][of] for name, of in names.items()})
        return result[0]

    h = keep(convolution_backward(dy, cache["conv_2"]), conv_2="weight", bias_2="bias")
    h = keep(silu_backward(h, cache["silu_2"]))
    h = keep(group_norm_backward(h, cache["norm_2"]), scale_2="scale", shift_2="shift")
    dtime = None
    if "time" in cache:
        dtime = keep(linear_backward(h.sum(axis=(1, 2)), cache["time"]), time_weight="weight", time_bias="bias")
        dtime = keep(silu_backward(dtime, cache["silu_time"]))
    h = keep(convolution_backward(h, cache["conv_1"]), conv_1="weight", bias_1="bias")
    h = keep(silu_backward(h, cache["silu_1"]))
    dx = keep(group_norm_backward(h, cache["norm_1"]), scale_1="scale", shift_1="shift")
    past = keep(linear_backward(dy, cache["skip"]), skip="weight", skip_bias="bias") if "skip" in cache else dy
    return (dx + past, dtime), grads

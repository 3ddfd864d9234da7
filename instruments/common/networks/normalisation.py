"""Layer norm and group norm: mean 0 and variance 1 over some of the numbers, then a scale and a shift per feature."""

import math
from typing import Any

import numpy as np

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights

EPS = 1e-5
"""Added to the variance."""


def layer_norm(x: Array, scale: Array, shift: Array) -> Array:
    """Normalise each vector (the last axis), then scale and shift (d,): Ba, Kiros & Hinton 2016, equation 4."""
    return _normalise(x, -1)[0] * scale + shift


def layer_norm_forward(x: Array, scale: Array, shift: Array) -> tuple[Array, Cache]:
    """`layer_norm`, and its cache."""
    normal, factor = _normalise(x, -1)
    return normal * scale + shift, (normal, factor, scale)


def layer_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """Gradients in x, scale and shift."""
    normal, factor, scale = cache
    return _normalise_backward(dy * scale, normal, factor, -1), _affine_grads(dy, normal)


def group_norm(x: Array, scale: Array, shift: Array, groups: int) -> Array:
    """Normalise each group of neighbouring channels over all positions: Wu & He 2018, equation 7.

    x is (N, ..., C) with any positions between, `groups` divides C; scale and shift are (C,).
    """
    return group_norm_forward(x, scale, shift, groups)[0]


def group_norm_forward(x: Array, scale: Array, shift: Array, groups: int) -> tuple[Array, Cache]:
    """`group_norm`, and its cache."""
    channels = x.shape[-1]
    require(channels % groups == 0, "`groups` must divide the number of channels", f"{groups} for {channels}")
    parts, factor = _normalise(x.reshape(len(x), -1, groups, channels // groups), (1, 3))
    normal = parts.reshape(x.shape)
    return normal * scale + shift, (normal, factor, scale, parts.shape)


def group_norm_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """Gradients in x, scale and shift."""
    normal, factor, scale, shape = cache
    dx = _normalise_backward((dy * scale).reshape(shape), normal.reshape(shape), factor, (1, 3))
    return dx.reshape(dy.shape), _affine_grads(dy, normal)


def _normalise(x: Array, axis: Any) -> tuple[Array, Array]:
    """(x - mean) / sqrt(variance + EPS) over `axis`, and the factor 1 / sqrt(variance + EPS)."""
    centred = x - x.mean(axis=axis, keepdims=True)
    factor = 1.0 / np.sqrt(np.square(centred).mean(axis=axis, keepdims=True) + EPS)
    return centred * factor, factor


def _normalise_backward(dy: Array, normal: Array, factor: Array, axis: Any) -> Array:
    """The gradient in x: the two subtracted means come from the dependence of mean and variance on x."""
    mean = dy.mean(axis=axis, keepdims=True)
    along = (dy * normal).mean(axis=axis, keepdims=True)
    return factor * (dy - mean - normal * along)


def _affine_grads(dy: Array, normal: Array) -> Weights:
    """Gradients in scale and shift (C,)."""
    rows = math.prod(dy.shape[:-1]), dy.shape[-1]
    return {"scale": (dy * normal).reshape(rows).sum(axis=0), "shift": dy.reshape(rows).sum(axis=0)}

"""Losses: each returns the loss and its gradient in the prediction."""

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Array, Tokens


def mean_squared_error(prediction: Array, target: Array) -> tuple[float, Array]:
    """Mean of (prediction - target)² over all numbers, and its gradient in `prediction`."""
    error = prediction - target
    return float(np.square(error).mean()), error * (2.0 / error.size)


def cross_entropy(logits: Array, tokens: Tokens, weight: Array) -> tuple[float, Array]:
    """Sum of -weight log p(token), p the softmax of logits (..., V), in nats; and its gradient in `logits`.

    tokens and weight are (...): a weight of 0 leaves a place out, and weights that sum to 1 make it a mean.
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=-1, keepdims=True)
    at = np.asarray(tokens)[..., None]
    loss = -np.sum(weight * (np.take_along_axis(shifted, at, axis=-1) - np.log(total))[..., 0])
    dlogits = powers / total
    np.put_along_axis(dlogits, at, np.take_along_axis(dlogits, at, axis=-1) - 1.0, axis=-1)
    return float(loss), dlogits * np.asarray(weight, dlogits.dtype)[..., None]

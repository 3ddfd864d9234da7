"""What the networks of all models have in common: their size, their batches, and a learning rate that falls.

Columns are points, as in `common.networks.mlp`, in single precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.networks.mlp import mlp, mlp_layers

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

LATENT = 2
"""Numbers of a code: as many as a point has, so that no model lacks room."""
HIDDEN = (64, 64)
"""Hidden layers of each network of a pair (encoder and decoder, generator and discriminator).

A pair has 9,100 weights, the one network of the diffusion model with three such layers 9,700.
"""
BATCH = 256
BLOCK = 16
"""Batches that are drawn at once."""
NUM_STEPS = 3000
"""Steps of a training; then the learning rate is nearly 0."""
LEAST = 0.02
"""Of the first learning rate, at the end."""


def falling(rate: float, step: int) -> float:
    """The learning rate after `step` of NUM_STEPS steps: half a cosine from `rate` down to LEAST of it."""
    left = 0.5 * (1.0 + math.cos(math.pi * min(step, NUM_STEPS) / NUM_STEPS))
    return rate * (LEAST + (1.0 - LEAST) * left)


def columns(x: ArrayLike) -> Array32:
    """Points x (N, d) as a network's input (d + 1, N), whose last row is 1."""
    points = np.asarray(x)
    rows = np.ones((points.shape[1] + 1, len(points)), np.float32)
    rows[:-1] = points.T
    return rows


def applied(weights: Array32, sizes: Sequence[int], x: ArrayLike) -> Array:
    """The result (N, outputs) of a network with flat weights at points x (N, inputs)."""
    with np.errstate(over="ignore"):
        return mlp(mlp_layers(weights, sizes), columns(x)).T.astype(np.float64)


def with_ones(rows: Array32) -> Array32:
    """Rows (d, N) as a network's input (d + 1, N), whose last row is 1."""
    return np.concatenate([rows, np.ones((1, rows.shape[1]), np.float32)])


def batches(data: DataSet, n: int, rng: np.random.Generator) -> Iterator[Array32]:
    """Fresh points of the data as columns (2, n), divided by their standard deviation per axis, again and again.

    They are drawn for BLOCK batches at once: few large operations instead of many small ones.
    """
    while True:
        block = (data.mixture.sample(BLOCK * n, rng)[0] / data.sd).T.astype(np.float32)
        for start in range(0, BLOCK * n, n):
            yield np.ascontiguousarray(block[:, start : start + n])

"""Embeddings: of tokens by a table, and of a number (a time, a log-SNR) by sines and cosines."""

import math

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Tokens, Weights


def embedding(table: Array, tokens: Tokens) -> Array:
    """The row of `table` (V, d) for each token: (..., d). Token -1, a mask, has the last row."""
    return table[tokens]


def embedding_forward(table: Array, tokens: Tokens) -> tuple[Array, Cache]:
    """`embedding`, and its cache."""
    return table[tokens], (table.shape, tokens)


def embedding_backward(dy: Array, cache: Cache) -> tuple[None, Weights]:
    """The gradient in `table`: contributions of repeated tokens add up. Tokens have no gradient."""
    shape, tokens = cache
    dtable = np.zeros(shape, dy.dtype)
    np.add.at(dtable, tokens, dy)
    return None, {"table": dtable}


def sinusoidal_frequencies(width: int, longest: float = 10_000.0) -> Array:
    """Angular frequencies (width / 2,) from 1 down to nearly 1 / `longest`: Vaswani et al. 2017, section 3.5."""
    half = width // 2
    return np.exp(-math.log(longest) * np.arange(half) / half)


def random_frequencies(width: int, scale: float, rng: np.random.Generator) -> Array:
    """Angular frequencies (width / 2,) 2π N(0, scale²): random Fourier features, Tancik et al. 2020, section 4."""
    return 2.0 * math.pi * scale * rng.standard_normal(width // 2)


def fourier(t: Array, frequencies: Array) -> Array:
    """sin and then cos of t times each frequency: (...) and (f,) give (..., 2 f). `t` in the frequencies' unit."""
    angle = t[..., None] * frequencies
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)


def fourier_forward(t: Array, frequencies: Array) -> tuple[Array, Cache]:
    """`fourier`, and its cache."""
    y = fourier(t, frequencies)
    return y, (y, frequencies)


def fourier_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """The gradient in t; frequencies are fixed."""
    y, frequencies = cache
    half = len(frequencies)
    dangle = dy[..., :half] * y[..., half:] - dy[..., half:] * y[..., :half]
    return dangle @ frequencies, {}

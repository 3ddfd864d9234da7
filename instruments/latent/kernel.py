"""What is measured and seen of codes: errors of reconstruction, parts of a code as pictures, attention between places.

A code has 8 × 8 places of 4 values. A place stands for a patch of 4 × 4 pixels of the image.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import CHANNELS, PATCH, SIDE, Autoencoder, PatchPca
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import patches as patches_of
from diffusion_lab.instruments.common.networks.arrays import Array
from diffusion_lab.instruments.common.scenes import drawing
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.common.text_to_image.walks import Frame, walk

CODE = (SIDE, SIDE, CHANNELS)
"""Shape of a code."""

HALF = drawing.SIDE / 2
"""From the middle of a picture to its edge, in pixels."""

VALUES = {"pixels": drawing.SIDE**2 * 3, "codes": SIDE * SIDE * CHANNELS}
"""Values that a step of a sampler changes, in each space of the lab."""

ON_PAPER = {"pixels": 512 * 512 * 3, "codes": 64 * 64 * 4}
"""The same of Stable Diffusion (Rombach et al. 2022), whose code has an eighth of the image's side."""

PLACES = {"pixels": drawing.SIDE**2, "codes": SIDE * SIDE}
"""Tokens of a transformer that takes each pixel, or each place of a code, as one."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Walked:
    """The frames of a walk, and the mean time of a step in seconds."""

    frames: list[Frame]
    seconds: float


@sliced
def walked(denoiser: Denoiser, sampler: str, noise: Floats, num_steps: int, seed: int) -> Work[Walked]:
    """A walk from `noise` (1, ...) by one of SAMPLERS; yields after each step. The time is that of the steps alone."""
    found: list[Frame] = []
    seconds, steps = 0.0, walk(denoiser, sampler, noise, num_steps, seed)
    for _ in range(num_steps + 1):
        began = time.perf_counter()
        found.append(next(steps))
        seconds += time.perf_counter() - began
        yield len(found) - 1, num_steps
    return Walked(found, seconds / num_steps)


def timed(compute: Callable[[], Floats]) -> tuple[Floats, float]:
    """What `compute` returns, and how many seconds it took."""
    began = time.perf_counter()
    found = compute()
    return found, time.perf_counter() - began


def linear_errors(code: PatchPca, images: Array) -> Array:
    """Root mean square errors (K + 1,) of images (N, 32, 32, 3) given back from 0, 1, ... K linear values of a patch.

    The directions of `code` are orthonormal, so what a value explains is its square (Parseval).
    """
    centred = patches_of(np.asarray(images, np.float64)) - code.mean
    explained = np.square(centred @ code.directions).mean(axis=(0, 1, 2))
    left = np.square(centred).sum(axis=-1).mean() - np.concatenate([[0.0], np.cumsum(explained)])
    return np.sqrt(np.maximum(left, 0.0) / code.mean.size)


def given_back(coder: Autoencoder, images: Floats) -> Iterator[Floats]:
    """Images (N, 32, 32, 3) encoded and decoded, eight at a time."""
    for start in range(0, len(images), 8):
        yield coder.decode(coder.encode(images[start : start + 8]))


def channels(code: Floats) -> Floats:
    """The channels of a code (8, 8, 4) as pictures (4, 8, 8): 0 is grey, ±2.5 are white and black."""
    return np.clip(0.5 + 0.2 * code, 0.0, 1.0).transpose(2, 0, 1)


def place_of(x: float, y: float) -> tuple[int, int]:
    """Row and column of the place at a point of the picture, in pixels from its middle, y upwards."""
    row, column = (int(np.clip((HALF + way) // PATCH, 0, SIDE - 1)) for way in (-y, x))
    return row, column


def centre_of(row: int, column: int) -> tuple[float, float]:
    """The middle of a place, in pixels from that of the picture: the inverse of `place_of`."""
    return (column + 0.5) * PATCH - HALF, HALF - (row + 0.5) * PATCH


def looks(attention: list[Array], row: int, column: int) -> Array:
    """How much a place looks at each place, in each block: (blocks, 8, 8), the mean of all heads."""
    shares = np.stack([share[0].mean(axis=0)[row * SIDE + column, : SIDE * SIDE] for share in attention])
    return shares.reshape(-1, SIDE, SIDE)


def looks_at_words(attention: list[Array], count: int) -> Array:
    """How much each place looks at each of the first `count` words: (count, 8, 8), the mean of all blocks and heads."""
    shares = np.mean([share[0].mean(axis=0) for share in attention], axis=0)
    return shares[: SIDE * SIDE, SIDE * SIDE :][:, :count].T.reshape(-1, SIDE, SIDE)

"""What the walks of the instrument begin with, and what is seen of them: noise between two, masks, lines, attention.

Images are float32 from -1 to 1, row 0 at the top; noise at full strength has variance 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.networks.arrays import Array
from diffusion_lab.instruments.common.scenes.captions import Tokens
from diffusion_lab.instruments.common.scenes.drawing import SIDE
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE, ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.unet import maps
from diffusion_lab.instruments.common.text_to_image.walks import Frame

BRUSH, LINE = 3.5, 1.0
"""Radius in pixels of a dab of the brush that clears a part, and of one that draws a line."""

JOINED = 4.0
"""Dabs up to this many pixels apart are one stroke."""

Floats = NDArray[np.float32]


def between(a: Floats, b: Floats, way: float) -> Floats:
    """Noise on the great circle from a (way 0) to b (way 1), of the shape of both.

    cos(pi way / 2) a + sin(pi way / 2) b: independent standard normals give a standard normal, while a straight line
    between them would give one of half the variance in the middle.
    """
    angle = 0.5 * np.pi * way
    return (np.cos(angle) * a + np.sin(angle) * b).astype(np.float32)


# --- what a reader draws ---------------------------------------------------------------------------------------------


def dabs(drawing: str) -> Array:
    """Points (N, 2) in pixels, x to the right and y downwards, of a text such as `panel.Brush` makes."""
    numbers = [int(drawing[k : k + 2], 36) for k in range(0, len(drawing), 2)]
    points = np.array(numbers, float).reshape(-1, 2) / 1295.0 * SIDE
    return np.stack([points[:, 0], SIDE - points[:, 1]], axis=1)


def near(points: Array, radius: float) -> NDArray[np.bool_]:
    """Which pixels (32, 32) are within `radius` of strokes through points (N, 2), in pixels."""
    pixels = np.stack(np.meshgrid(*[np.arange(SIDE) + 0.5] * 2), axis=-1)
    found = np.zeros((SIDE, SIDE), bool)
    for k, b in enumerate(points):
        a = points[max(k - 1, 0)]
        along = b - a if np.hypot(*(b - a)) <= JOINED else np.zeros(2)
        share = np.clip(((pixels - b) @ -along) / max(float(along @ along), 1e-9), 0.0, 1.0)
        found |= np.linalg.norm(pixels - b + share[..., None] * along, axis=-1) <= radius
    return found


def known(drawing: str) -> NDArray[np.bool_]:
    """Which pixels (32, 32) of an image are given: all that the reader has not painted over; at first the left half."""
    if not drawing:
        return np.broadcast_to(np.arange(SIDE) < SIDE // 2, (SIDE, SIDE))
    return ~near(dabs(drawing), BRUSH)


def lines(drawing: str) -> Floats:
    """The reader's line drawing (32, 32): 1 on a line and 0 off it."""
    return near(dabs(drawing), LINE).astype(np.float32)


# --- what is seen of a walk ------------------------------------------------------------------------------------------


def attention(denoiser: ImageDenoiser, frame: Frame, caption: Tokens) -> Floats:
    """How much each place looks at each word of a caption (LONGEST,): (words, 16, 16), shares of its whole attention.

    The mean of all attentions with 8 or more places along a side; coarser ones hardly say where.
    """
    x = frame.x.astype(np.float32)
    t = np.full(len(x), SCHEDULE.t(frame.level.alpha_bar), np.float32)
    words = np.ascontiguousarray(denoiser.words(caption, len(x)))
    found = maps(denoiser.network.forward(x, t, words, denoiser.without, denoiser.control)[1])
    fine = [_at_16(share[0]) for share in found.values() if share.shape[1] >= 8]
    count = int(np.count_nonzero(caption))
    return np.mean(fine, axis=0).transpose(2, 0, 1)[:count].astype(np.float32)


def _at_16(share: Array) -> Array:
    times = 16 // len(share)
    return np.repeat(np.repeat(share, times, axis=0), times, axis=1)


def shown_noise(noise: Floats) -> Floats:
    """Noise as values from 0 to 1: grey is 0, and two standard deviations reach black and white."""
    return np.clip(0.5 + 0.25 * noise, 0.0, 1.0)


def over(marked: NDArray[np.bool_]) -> Floats:
    """What is laid over a picture, (32, 32, 4) from 0 to 1: the marked pixels (32, 32) in a translucent grey."""
    return np.where(marked[..., None], np.array([0.35, 0.35, 0.4, 0.55]), 0.0).astype(np.float32)

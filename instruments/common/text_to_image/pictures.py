"""What walks of pictures begin with, and how pictures are shown: noise, scenes of a caption, colours.

Images are float32 from -1 to 1, row 0 at the top; noise at full strength has variance 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.scenes.adherence import request, scene_for
from diffusion_lab.instruments.common.scenes.captions import Tokens, random_scene
from diffusion_lab.instruments.common.scenes.drawing import GROUND, SIDE, Scene

SHAPE = (SIDE, SIDE, 3)

LABEL = 7
"""Pixels above each picture of a `row`, for its words."""

Floats = NDArray[np.float32]


def noise(seed: int, count: int = 1, shape: tuple[int, ...] = SHAPE) -> Floats:
    """Standard normal noise (count, *shape); more of them begin with the same."""
    return np.stack([seeded((seed, k)).standard_normal(shape, np.float32) for k in range(count)])


def scene_of(tokens: Tokens, seed: int) -> Scene:
    """A scene that a caption describes; a random one where no rule says what it describes."""
    wanted, rng = request(tokens), seeded((seed, 99))
    return scene_for(wanted, rng) if wanted else random_scene(rng)


def lit(image: Floats, share: Floats) -> Floats:
    """An image (32, 32, 3) that fades to its ground where `share` (n, n) is small: full where it is largest."""
    times = SIDE // len(share)
    light = np.repeat(np.repeat(share / max(float(share.max()), 1e-9), times, axis=0), times, axis=1)[..., None]
    ground = 2.0 * np.array(GROUND, np.float32) - 1.0
    return (light * image + (1.0 - light) * (0.35 * ground - 0.25)).astype(np.float32)


def coloured(images: Floats) -> Floats:
    """Images from -1 to 1 as values from 0 to 1."""
    return np.clip(0.5 + 0.5 * images, 0.0, 1.0)


def rms(difference: Floats) -> float:
    """The root mean square of all values."""
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def row(pictures: Sequence[Floats], count: int, labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Data of layers "pictures", "labels": up to `count` pictures (32, 32, 3), from 0 to 1, and words above them."""
    image = np.zeros((SIDE + LABEL, count * (SIDE + 2) - 2, 4))
    for k, picture in enumerate(pictures):
        place = image[LABEL:, k * (SIDE + 2) :][:, :SIDE]
        place[..., :3], place[..., 3] = picture, 1.0
    yield {"image": image}
    middles = np.arange(len(labels)) * (SIDE + 2) + SIDE / 2
    yield {"at": np.stack([middles, np.full(len(labels), SIDE + LABEL / 2 - 0.5)], axis=1), "text": labels}

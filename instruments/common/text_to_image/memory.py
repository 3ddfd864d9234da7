"""The exact denoiser of a finite training set, which can only give its images back.

With all probability on the images of the set, E[x0 | x] is a mean of them, weighted by how well each explains x
(Karras et al. 2022, appendix B.3). Samplers that follow it end at an image of the set. A network that has learned the
same images does not: it is not the exact minimiser of its loss, and that is what lets it make new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.scenes.captions import random_caption, random_scene
from diffusion_lab.instruments.common.scenes.drawing import Images, Scene, draw

Floats = NDArray[np.float32]


def training_scenes(n: int, seed: int = 0) -> tuple[list[Scene], list[str]]:
    """The first `n` scenes of a stream of random ones, with their captions: a training set of that size."""
    rng = seeded(seed)
    scenes = [random_scene(rng) for _ in range(n)]
    return scenes, [random_caption(scene, rng) for scene in scenes]


@dataclass(frozen=True, eq=False)
class Memory:
    """A `Denoiser` of images (N, 32, 32, 3) that knows `images` (M, 32, 32, 3) and nothing else.

    A condition is an array of booleans (M,): which of the images it asks for.
    """

    images: Images

    @classmethod
    def of(cls, scenes: list[Scene]) -> Memory:
        """From scenes."""
        return cls(draw(scenes))

    @cached_property
    def _flat(self) -> Floats:
        return self.images.reshape(len(self.images), -1)

    @cached_property
    def _squares(self) -> Floats:
        return np.square(self._flat).sum(axis=1)

    def __call__(self, x: Images, level: Level, condition: NDArray[np.bool_] | None = None, /) -> Images:
        """E[eps | x], exactly: (x - signal E[x0 | x]) / sigma_t."""
        clean = self.clean(x, level, condition)
        return (x - np.float32(level.signal) * clean) / np.float32(level.sigma_t)

    def clean(self, x: Images, level: Level, condition: NDArray[np.bool_] | None = None) -> Images:
        """E[x0 | x], the weighted mean of the images."""
        return (self.shares(x, level, condition) @ self._flat).reshape(x.shape)

    def shares(self, x: Images, level: Level, condition: NDArray[np.bool_] | None = None) -> Floats:
        """The probability (N, M) that each image is the clean one: softmax of -|x - signal image|² / (2 sigma_t²)."""
        asked = condition is None or np.any(condition)
        require(asked, "the condition must ask for at least one image of the training set", "none")
        flat = np.asarray(x, np.float32).reshape(len(x), -1)
        signal = float(level.signal)
        score = (signal * (flat @ self._flat.T) - 0.5 * signal**2 * self._squares) / float(level.sigma_t) ** 2
        if condition is not None:
            score = np.where(condition, score, -np.inf)
        powers = np.exp(score - score.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def nearest(self, x: Images) -> tuple[NDArray[np.intp], Floats]:
        """The image nearest to each of x, and the root mean square difference of their values, from -1 to 1: (N,)."""
        flat = np.asarray(x, np.float32).reshape(len(x), -1)
        squares = np.square(flat).sum(axis=1)[:, None] - 2.0 * flat @ self._flat.T + self._squares
        index = squares.argmin(axis=1)
        gap = flat - self._flat[index]
        return index, np.sqrt(np.mean(np.square(gap), axis=1))

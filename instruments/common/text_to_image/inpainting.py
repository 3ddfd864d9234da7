"""Inpainting: a sampler fills a part of an image, and the rest is given.

In every step the model's guess of the clean image is replaced by the given image where that is known. The noise that
follows from the changed guess leads the known part along its own way from this start to the given image, so that at the
end it is exact, and the model sees it, noised as in training, at every step before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Condition, Denoiser, evaluations, x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.scenes.drawing import Images


@dataclass(frozen=True, eq=False)
class Inpainting:
    """A `Denoiser` whose guesses agree with `image` (H, W, 3) wherever `known` (H, W) is True."""

    denoiser: Denoiser
    image: Images
    known: NDArray[np.bool_]

    def __post_init__(self) -> None:
        same = self.image.shape[:-1] == self.known.shape
        require(same, "`known` must have the height and the width of `image`", self.known.shape)

    def __call__(self, x: Images, level: Level, condition: Condition = None, /) -> Images:
        """eps_hat of the changed guess."""
        clean = x0_hat(x, self.denoiser(x, level, condition), level)
        clean = np.where(self.known[..., None], self.image, clean)
        return (x - level.signal * clean) / level.sigma_t

    def evaluations(self, level: Level) -> int:
        """Evaluations of the network in one call."""
        return evaluations(self.denoiser, level)

"""The text-to-image model as a denoiser, for the samplers that all instruments share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.denoisers import x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.scenes.captions import LONGEST, Tokens
from diffusion_lab.instruments.common.schedules import Cosine
from diffusion_lab.instruments.common.text_to_image.unet import UNet

Images = NDArray[np.float32]

Caption: TypeAlias = Tokens | NDArray[np.float32]
"""Tokens of a caption, or the vectors of its words."""

SCHEDULE = Cosine()
"""The schedule of training, in t from 0 (clean) to 1 (noise)."""

T_MAX = 0.995
"""Samplers start here: at t = 1 there is no signal, and no prediction of the noise says what the clean image is."""


@dataclass(frozen=True, eq=False)
class ImageDenoiser:
    """The network as a `Denoiser`: the noise in images (N, 32, 32, 3). A condition is a caption's tokens (LONGEST,) or
    (N, LONGEST), or the vectors of its words (LONGEST, width) or (N, LONGEST, width); None is the empty caption, which
    the network has been trained on too.

    without: skip connections that carry nothing; control: what a control branch adds to what they carry.
    """

    network: UNet
    without: tuple[str, ...] = ()
    control: Mapping[str, NDArray[np.float32]] | None = None

    def __call__(self, x: Images, level: Level, condition: Caption | None = None, /) -> Images:
        """eps_hat = signal v + sigma_t x."""
        return self._noise(x, level, self.words(condition, len(x)))

    def both(self, x: Images, level: Level, condition: Caption | None) -> tuple[Images, Images]:
        """The predictions without and with `condition`, in one evaluation of twice as many images."""
        n = len(x)
        words = np.concatenate([self.words(None, n), self.words(condition, n)])
        noise = self._noise(np.concatenate([x, x]), level, words)
        return noise[:n], noise[n:]

    def clean(self, x: Images, level: Level, condition: Caption | None = None) -> Images:
        """The clean images that the prediction implies."""
        return x0_hat(x, self(x, level, condition), level).astype(np.float32)

    def words(self, condition: Caption | None, n: int) -> NDArray[np.float32]:
        """The vectors of the words of a condition for n images: (n, LONGEST, width)."""
        if condition is None:
            return np.broadcast_to(self._nothing, (n, *self._nothing.shape[1:]))
        if condition.dtype.kind == "f":
            width = condition.shape[-1]
            words = self.network.words_forward(condition.reshape(-1, LONGEST, width))[0]
        else:
            words = self.network.words(np.atleast_2d(condition))
        return words if len(words) == n else np.broadcast_to(words, (n, *words.shape[1:]))

    @cached_property
    def _nothing(self) -> NDArray[np.float32]:
        return self.network.words(np.zeros((1, LONGEST), np.int64))

    def _noise(self, x: Images, level: Level, words: NDArray[np.float32]) -> Images:
        x = x.astype(np.float32, copy=False)
        t = np.full(len(x), SCHEDULE.t(level.alpha_bar), np.float32)
        v = self.network.v(x, t, np.ascontiguousarray(words), self.without, self.control)
        return np.float32(level.signal) * v + np.float32(level.sigma_t) * x

"""The transformer as a denoiser of codes, for the samplers that all instruments share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.denoisers import x0_hat
from diffusion_lab.instruments.common.latent_diffusion.transformer import DiT
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.networks.arrays import Array
from diffusion_lab.instruments.common.scenes.captions import LONGEST, Tokens
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE

Codes = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LatentDenoiser:
    """The transformer as a `Denoiser`: the noise in codes (N, 8, 8, 4). A condition is a caption's tokens, (LONGEST,)
    or (N, LONGEST); None is the empty caption, which the network has been trained on too.
    """

    network: DiT

    def __call__(self, x: Codes, level: Level, condition: Tokens | None = None, /) -> Codes:
        """eps_hat = signal v + sigma_t x."""
        x = x.astype(np.float32, copy=False)
        v = self.network.v(x, _times(level, len(x)), tokens_of(condition, len(x)))
        return np.float32(level.signal) * v + np.float32(level.sigma_t) * x

    def both(self, x: Codes, level: Level, condition: Tokens | None) -> tuple[Codes, Codes]:
        """The predictions without and with `condition`, in one evaluation of twice as many codes."""
        n = len(x)
        tokens = np.concatenate([tokens_of(None, n), tokens_of(condition, n)])
        noise = self(np.concatenate([x, x]), level, tokens)
        return noise[:n], noise[n:]

    def clean(self, x: Codes, level: Level, condition: Tokens | None = None) -> Codes:
        """The clean codes that the prediction implies."""
        return x0_hat(x, self(x, level, condition), level).astype(np.float32)

    def attention(self, x: Codes, level: Level, condition: Tokens | None) -> list[Array]:
        """How much each place and word looks at each: of each block (N, heads, 64 + LONGEST, 64 + LONGEST)."""
        x = x.astype(np.float32, copy=False)
        return self.network.forward(x, _times(level, len(x)), tokens_of(condition, len(x)))[1]


def tokens_of(condition: Tokens | None, n: int) -> Tokens:
    """The tokens of a condition for n codes: (n, LONGEST)."""
    if condition is None:
        return np.zeros((n, LONGEST), np.int64)
    return np.ascontiguousarray(np.broadcast_to(np.atleast_2d(condition), (n, LONGEST)))


def _times(level: Level, n: int) -> Codes:
    return np.full(n, SCHEDULE.t(level.alpha_bar), np.float32)

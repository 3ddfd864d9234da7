"""DDIM: deterministic for eta = 0, ancestral for eta = 1."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Denoiser, x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ddpm import beta_of
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]


def ddim(
    denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals | None = None, *, eta: float = 0.0
) -> Iterator[SamplerState[Level]]:
    """DDIM, Song, Meng & Ermon 2021 (ICLR), eq. 12, with the sigma of eq. 16: `eta` from 0 to 1.

        x_next = sqrt(alpha_bar_next) x0_hat + sqrt(1 - alpha_bar_next - sigma²) eps_hat + sigma z

    eta = 0 draws no noise, needs no `rng` and is Euler's method for the ODE in the VE level sigma (first order);
    eta = 1 is `ddpm` with beta_tilde. One evaluation a step.
    """
    require(0 <= eta <= 1, "`eta` must lie between 0 and 1", eta)
    require(eta == 0 or rng is not None, "`rng` must be given where `eta` is above 0", rng)

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        eps = eps_hat(x, cur)
        clean = x0_hat(x, eps, cur)
        sigma = eta * after.sigma_t / cur.sigma_t * np.sqrt(beta_of(cur, after))
        x = after.signal * clean + np.sqrt(max(0.0, after.var - sigma**2)) * eps
        return x + sigma * rng.standard_normal(x.shape) if rng is not None and sigma > 0 else x

    return stepped(denoiser, x, levels, step)

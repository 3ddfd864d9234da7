"""DDPM: ancestral sampling."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]
Variance = Literal["beta", "beta_tilde"]


def ddpm(
    denoiser: Denoiser,
    x: ArrayLike,
    levels: Sequence[Level],
    rng: Normals,
    *,
    variance: Variance = "beta_tilde",
) -> Iterator[SamplerState[Level]]:
    """Ancestral sampling, Ho et al. 2020, Algorithm 2: `variance` beta or beta_tilde, the two of section 3.2.

    With alpha = alpha_bar_cur / alpha_bar_next and beta = 1 - alpha of this step,

        x_next = (x - beta / sqrt(1 - alpha_bar_cur) eps_hat) / sqrt(alpha) + sqrt(variance) z

    beta_tilde = beta (1 - alpha_bar_next) / (1 - alpha_bar_cur). Both are correct for small steps, first order in law;
    beta is exact for N(0, I) data, beta_tilde for a single point. One evaluation a step.
    """
    require(variance in ("beta", "beta_tilde"), '`variance` must be "beta" or "beta_tilde"', repr(variance))

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        beta = beta_of(cur, after)
        x = (x - (beta / cur.sigma_t) * eps_hat(x, cur)) / np.sqrt(1.0 - beta)
        if after.sigma == 0:
            return x
        var = beta if variance == "beta" else beta * after.var / cur.var
        return x + np.sqrt(var) * rng.standard_normal(x.shape)

    return stepped(denoiser, x, levels, step)


def beta_of(cur: Level, after: Level) -> float:
    """1 - alpha_bar_cur / alpha_bar_next, the noise of one step, without cancellation where both are nearly clean."""
    return float((cur.sigma - after.sigma) * (cur.sigma + after.sigma) * cur.alpha_bar)

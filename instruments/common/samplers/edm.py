"""EDM's stochastic sampler: a little noise is added before each step of the ODE."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ode import heun_step, slope, transfer
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]

MOST_GAMMA = np.sqrt(2.0) - 1.0
"""A step raises sigma by this share at most: the variance doubles."""


def edm_stochastic(
    denoiser: Denoiser,
    x: ArrayLike,
    levels: Sequence[Level],
    rng: Normals,
    *,
    churn: float = 40.0,
    churn_min: float = 0.0,
    churn_max: float = np.inf,
    churn_noise: float = 1.0,
    solver: Literal["euler", "heun"] = "heun",
) -> Iterator[SamplerState[Level]]:
    """Karras et al. 2022, Algorithm 2: S_churn, S_tmin, S_tmax and S_noise are `churn` to `churn_noise`.

    In VE coordinates, from sigma_cur up to sigma_hat by fresh noise, then down to sigma_next along the ODE:

        sigma_hat = sigma_cur (1 + gamma),   gamma = min(S_churn / num_steps, sqrt(2) - 1) from S_tmin to S_tmax, else 0
        x_hat     = x + sqrt(sigma_hat² - sigma_cur²) S_noise z

    churn = 0 is `ode_heun` in sigma and draws no noise. Two evaluations a step, one in the jump to clean, and one a
    step without Heun's correction (solver "euler").
    """
    require(churn >= 0, "`churn` must be at least 0", churn)
    require(solver in ("euler", "heun"), '`solver` must be "euler" or "heun"', repr(solver))
    most = min(churn / max(1, len(levels) - 1), MOST_GAMMA)

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        gamma = most if churn_min <= cur.sigma <= churn_max else 0.0
        if gamma > 0:
            churned = Level.from_sigma(cur.sigma * (1.0 + gamma))
            added = churn_noise * cur.sigma * np.sqrt(gamma * (2.0 + gamma))
            x = (churned.signal / cur.signal) * x + (churned.signal * added) * rng.standard_normal(x.shape)
            cur = churned
        if solver == "heun":
            return heun_step(eps_hat, x, cur, after)
        carry, gain = transfer(cur, after, "sigma")
        return carry * x + gain * slope(eps_hat, x, cur, "sigma")

    return stepped(denoiser, x, levels, step)

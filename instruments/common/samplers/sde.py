"""The reverse SDE, by Euler–Maruyama and by Karras' splitting into noise and ODE."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ode import heun_step
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]


def sde_euler(denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals) -> Iterator[SamplerState[Level]]:
    """The reverse SDE by Euler–Maruyama in log(alpha_bar); Song et al. 2021, eq. 6.

        forward  dx = -(beta/2) x dt + sqrt(beta) dW                                  Song et al. 2021, eq. 11
        reverse  dx = -(beta/2) x dt - beta score dt + sqrt(beta) dW, t falling       eq. 6
        a step   x_next = x + h (x/2 + score) + sqrt(h) z

    h = log(alpha_bar_next / alpha_bar_cur) is the integral of beta over the step, whatever the schedule; score =
    -eps_hat / sigma_t. First order in law, one evaluation a step. The jump to clean leaves out z.
    """

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        h = np.log(after.alpha_bar / cur.alpha_bar)
        x = x + h * (x / 2.0 - eps_hat(x, cur) / cur.sigma_t)
        return x if after.sigma == 0 else x + np.sqrt(h) * rng.standard_normal(x.shape)

    return stepped(denoiser, x, levels, step)


def sde_heun(denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals) -> Iterator[SamplerState[Level]]:
    """The reverse SDE in two parts: a step adds as much noise as the level falls, then solves the ODE by Heun's method.

    Karras et al. 2022, Algorithm 2, with the churn at which it is the SDE dx = -2 sigma score d(sigma) + noise: from
    sigma_cur up to sigma_hat² = 2 sigma_cur² - sigma_next², then down by one step of `ode_heun` in sigma. Where the
    denoiser is that of one density throughout, only Heun's error is left in the law; guided, it is first order in the
    steps. Two evaluations a step, one in the jump to clean.
    """

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        added = cur.sigma**2 - after.sigma**2
        churned = Level.from_sigma(np.sqrt(cur.sigma**2 + added))
        x = (churned.signal / cur.signal) * x + (churned.signal * np.sqrt(added)) * rng.standard_normal(x.shape)
        return heun_step(eps_hat, x, churned, after)

    return stepped(denoiser, x, levels, step)

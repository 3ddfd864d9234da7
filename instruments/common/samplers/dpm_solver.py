"""DPM-Solver++: multistep solver of the probability-flow ODE in log-SNR."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.denoisers import Denoiser, x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]


def dpm_solver_pp_2m(
    denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals | None = None
) -> Iterator[SamplerState[Level]]:
    """DPM-Solver++(2M), Lu et al. 2022 ("DPM-Solver++"), Algorithm 2. Second order, one evaluation a step.

    A linear multistep method for the ODE in lambda = log(signal / sigma_t), on the clean prediction:

        x_next = sigma_next / sigma_cur x - signal_next (exp(-h) - 1) D,    h = lambda_next - lambda_cur
        D = x0_hat + (x0_hat - x0_hat_before) / (2 r),                      r = h_before / h

    sigma here is sigma_t. The first step, without a previous one, is DDIM's; so is the jump to clean, where h is
    infinite. No noise is drawn.
    """
    before: list[tuple[float, Array]] = []  # h and x0_hat of the step before

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        clean = x0_hat(x, eps_hat(x, cur), cur)
        if after.sigma == 0:
            return clean
        h = after.half_log_snr - cur.half_log_snr
        estimate = clean
        if before:
            h_before, clean_before = before.pop()
            estimate = clean + (clean - clean_before) * (h / h_before / 2.0)
        before.append((h, clean))
        return (after.sigma_t / cur.sigma_t) * x - (after.signal * np.expm1(-h)) * estimate

    return stepped(denoiser, x, levels, step)

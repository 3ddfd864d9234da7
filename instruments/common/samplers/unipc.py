"""UniPC: a predictor, and a corrector that reuses the next step's evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.denoisers import Denoiser, x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Step:
    """A step that was taken: its start, the prediction there, and the slope of predictions that led to it."""

    level: Level
    x: Array
    clean: Array
    slope: Array | None  # of x0_hat in lambda = log(signal / sigma_t), over the step before; None in the first
    h_before: float


def unipc(
    denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals | None = None
) -> Iterator[SamplerState[Level]]:
    """UniPC-2 on the clean prediction, Zhao et al. 2023 (NeurIPS), algorithms 1 and 2, with B(h) = exp(h) - 1 ("bh2").

    The predictor UniP-2 takes the step of DPM-Solver++(2M). The next step evaluates the denoiser at the point that was
    predicted, and with this third value the corrector UniC-2 first repeats the last step:

        x_next = sigma_next / sigma_cur x - signal_next (exp(-h) - 1) (x0_hat + a slope h + b (x0_hat_next - x0_hat))

    sigma here is sigma_t, slope that of x0_hat over the step before, a and b those of `corrector_weights`. There is no
    second evaluation at the corrected point, so a step costs one. Third order; the first step and its correction have
    one order less. States are predicted points, the last one is not corrected; the jump to clean lands on x0_hat. No
    noise is drawn. The same steps as diffusers' UniPCMultistepScheduler.
    """
    taken: list[_Step] = []

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        clean, slope, h_before = x0_hat(x, eps_hat(x, cur), cur), None, 0.0
        if taken:
            last = taken.pop()
            h_before = cur.half_log_snr - last.level.half_log_snr
            x = corrected(last.x, last.level, cur, last.clean, clean, last.slope, last.h_before)
            slope = (clean - last.clean) / h_before
        if after.sigma == 0:
            return clean
        taken.append(_Step(cur, x, clean, slope, h_before))
        h = after.half_log_snr - cur.half_log_snr
        return _exponential(x, cur, after, clean if slope is None else clean + (h / 2.0) * slope)

    return stepped(denoiser, x, levels, step)


def corrected(
    x: Array, cur: Level, after: Level, clean: Array, clean_after: Array, slope: Array | None, h_before: float
) -> Array:
    """The step from x at `cur` to `after` again, with the clean prediction at its end too: UniC-2, or UniC-1 first."""
    h = after.half_log_snr - cur.half_log_snr
    if slope is None:
        return _exponential(x, cur, after, (clean + clean_after) / 2.0)
    a, b = corrector_weights(h, -h_before / h)
    return _exponential(x, cur, after, clean + (a * h) * slope + b * (clean_after - clean))


def corrector_weights(h: float, r: float) -> tuple[float, float]:
    """(a, b) of the corrector: a is that of the slope before, from r = -h_before / h, b that of the new prediction.

    Zhao et al. 2023, eq. 5 with p = 2, where phi_1 = 1/2 + h/12 … and phi_2 = 1/3 + h/12 …:

        a + b = phi_1 = 1 / (1 - exp(-h)) - 1/h,    r a + b = phi_2 = 1 / (1 - exp(-h)) - 2 phi_1 / h

    They make the step exact for predictions that are quadratic in log-SNR. For h from 1e-4; below, phi_2 cancels.
    """
    growth = -1.0 / np.expm1(-h)
    phi_1 = growth - 1.0 / h
    phi_2 = growth - 2.0 * phi_1 / h
    a = (phi_2 - phi_1) / (r - 1.0)
    return float(a), float(phi_1 - a)


def _exponential(x: Array, cur: Level, after: Level, clean: Array) -> Array:
    """The exact step for a clean prediction that does not change on the way."""
    decay = np.expm1(cur.half_log_snr - after.half_log_snr)
    return (after.sigma_t / cur.sigma_t) * x - (after.signal * decay) * clean

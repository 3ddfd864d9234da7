"""Samplers that step from one noise level to the next, in VP coordinates, a state after each step.

One function a published algorithm, named by it. All take the same arguments:

    eps_hat(x, alpha_bar)  the noise predicted in points x (N, d) at a level, an array like x: one network evaluation
    x                      starting points (N, d), N(0, I) for a chain from noise; left untouched
    alpha_bars             (n + 1,) levels of n steps, rising, in (0, 1); the last may be 1: the last jump, to clean

On the exponential schedule -log(alpha_bar) = 6 t, so all is the same whatever schedule the levels came from. The
jump to 1 is the step whose end has no noise: none is added, and no network is asked there. Raises ValueError at the
call, not at the first step.

    forward SDE     dx = -(beta/2) x dt + sqrt(beta) dW                                 Song et al. 2021, eq. 11
    reverse SDE     dx = -(beta/2) x dt - beta score dt + sqrt(beta) dW, t falling      eq. 6
    its ODE         dx = -(beta/2) x dt - (beta/2) score dt                             eq. 13

Over a step, the integral of beta is h = log(alpha_bar_next / alpha_bar_cur); score = -eps_hat / sqrt(1 - alpha_bar).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Eps = Callable[[Array, float], Array]


@dataclass(frozen=True, eq=False)
class StepState:
    """The points after one step: step, from 1; nfe, evaluations so far; the level reached; x (N, d), a fresh array."""

    step: int
    nfe: int
    alpha_bar: float
    x: Array


def ddpm_ancestral(
    eps_hat: Eps,
    x: Array,
    alpha_bars: ArrayLike,
    rng: np.random.Generator,
    variance: Literal["beta", "beta_tilde"] = "beta_tilde",
) -> Iterator[StepState]:
    """Ancestral sampling, Ho et al. 2020, Algorithm 2: `variance` beta or beta_tilde, the two of section 3.2.

    With alpha = alpha_bar_cur / alpha_bar_next and beta = 1 - alpha of this step,

        x_next = (x - beta / sqrt(1 - alpha_bar_cur) eps_hat) / sqrt(alpha) + sqrt(variance) z

    beta_tilde = beta (1 - alpha_bar_next) / (1 - alpha_bar_cur). Both are right for small steps, first order in law;
    beta is exact for N(0, I) data, beta_tilde for a single point. One evaluation a step.
    """
    levels = _checked_levels(alpha_bars)
    require(variance in ("beta", "beta_tilde"), '`variance` must be "beta" or "beta_tilde"', repr(variance))

    def step(x: Array, cur: float, after: float) -> Array:
        alpha = cur / after
        beta = 1.0 - alpha
        mean = (x - beta / np.sqrt(1.0 - cur) * eps_hat(x, cur)) / np.sqrt(alpha)
        if after == 1.0:
            return mean
        var = beta if variance == "beta" else beta * (1.0 - after) / (1.0 - cur)
        return mean + np.sqrt(var) * rng.standard_normal(x.shape)

    return _one_evaluation_each(step, x, levels)


def ddim(
    eps_hat: Eps, x: Array, alpha_bars: ArrayLike, rng: np.random.Generator, eta: float = 0.0
) -> Iterator[StepState]:
    """DDIM, Song, Meng & Ermon 2021 (ICLR), eq. 12, with the sigma of eq. 16: `eta` from 0 to 1.

        x_next = sqrt(alpha_bar_next) x0_hat + sqrt(1 - alpha_bar_next - sigma²) eps_hat + sigma z

    eta = 0 draws no noise and is Euler's method for the ODE in the VE level sigma (first order); eta = 1 is
    `ddpm_ancestral` with beta_tilde. One evaluation a step.
    """
    levels = _checked_levels(alpha_bars)
    require(0 <= eta <= 1, "`eta` must lie between 0 and 1", eta)

    def step(x: Array, cur: float, after: float) -> Array:
        eps = eps_hat(x, cur)
        x0_hat = (x - np.sqrt(1.0 - cur) * eps) / np.sqrt(cur)
        sigma = eta * np.sqrt((1.0 - after) / (1.0 - cur) * (1.0 - cur / after))
        x = np.sqrt(after) * x0_hat + np.sqrt(max(0.0, 1.0 - after - sigma**2)) * eps
        return x + sigma * rng.standard_normal(x.shape) if sigma > 0 else x

    return _one_evaluation_each(step, x, levels)


def reverse_sde(eps_hat: Eps, x: Array, alpha_bars: ArrayLike, rng: np.random.Generator) -> Iterator[StepState]:
    """The reverse SDE by Euler–Maruyama, x_next = x + h (x/2 + score) + sqrt(h) z; Song et al. 2021, eq. 6.

    First order in law. One evaluation a step. The jump to clean leaves out z.
    """
    levels = _checked_levels(alpha_bars)

    def step(x: Array, cur: float, after: float) -> Array:
        h = np.log(after / cur)
        x = x + h * (x / 2.0 - eps_hat(x, cur) / np.sqrt(1.0 - cur))
        return x if after == 1.0 else x + np.sqrt(h) * rng.standard_normal(x.shape)

    return _one_evaluation_each(step, x, levels)


def probability_flow_euler(eps_hat: Eps, x: Array, alpha_bars: ArrayLike) -> Iterator[StepState]:
    """The probability-flow ODE by Euler's method in -log(alpha_bar); Song et al. 2021, eq. 13. First order.

    Not DDIM, which is Euler's method in another variable. One evaluation a step.
    """
    levels = _checked_levels(alpha_bars)
    return _one_evaluation_each(lambda x, cur, after: x + np.log(after / cur) * _slope(eps_hat, x, cur), x, levels)


def probability_flow_heun(eps_hat: Eps, x: Array, alpha_bars: ArrayLike) -> Iterator[StepState]:
    """The probability-flow ODE by Heun's method (explicit trapezoid) in -log(alpha_bar). Second order.

    Karras et al. 2022, Algorithm 1, with the VP sigma(t) and s(t) of table 1. Two evaluations a step; the jump to
    clean is Euler's, as there.
    """
    levels = _checked_levels(alpha_bars)

    def steps(x: Array) -> Iterator[StepState]:
        nfe = 0
        for number, (cur, after) in enumerate(levels, start=1):
            h, slope = np.log(after / cur), _slope(eps_hat, x, cur)
            ahead, nfe = x + h * slope, nfe + 1
            if after < 1.0:
                ahead, nfe = x + h / 2.0 * (slope + _slope(eps_hat, ahead, after)), nfe + 1
            x = ahead
            yield StepState(number, nfe, after, x)

    return steps(np.asarray(x, dtype=np.float64))


def dpm_solver_pp_2m(eps_hat: Eps, x: Array, alpha_bars: ArrayLike) -> Iterator[StepState]:
    """DPM-Solver++(2M), Lu et al. 2022 ("DPM-Solver++"), Algorithm 2. Second order, one evaluation a step.

    A linear multistep method for the ODE in lambda = log(signal / sigma_t), on the clean prediction:

        x_next = sigma_next / sigma_cur x - signal_next (exp(-h) - 1) D,    h = lambda_next - lambda_cur
        D = x0_hat + (x0_hat - x0_hat_before) / (2 r),                      r = h_before / h

    The first step has nothing before it and is DDIM's; so is the jump to clean, where h is infinite.
    """
    levels = _checked_levels(alpha_bars)
    before: list[tuple[float, Array]] = []  # h and x0_hat of the step before

    def step(x: Array, cur: float, after: float) -> Array:
        x0_hat = (x - np.sqrt(1.0 - cur) * eps_hat(x, cur)) / np.sqrt(cur)
        if after == 1.0:
            return x0_hat
        h = _half_log_snr(after) - _half_log_snr(cur)
        estimate = x0_hat
        if before:
            h_before, x0_before = before.pop()
            estimate = x0_hat + (x0_hat - x0_before) * (h / h_before / 2.0)
        before.append((h, x0_hat))
        return np.sqrt((1.0 - after) / (1.0 - cur)) * x - np.sqrt(after) * np.expm1(-h) * estimate

    return _one_evaluation_each(step, x, levels)


def _slope(eps_hat: Eps, x: Array, alpha_bar: float) -> Array:
    """dx / d log(alpha_bar) of the probability-flow ODE, (x + score) / 2."""
    return (x - eps_hat(x, alpha_bar) / np.sqrt(1.0 - alpha_bar)) / 2.0


def _half_log_snr(alpha_bar: float) -> float:
    return float(np.log(alpha_bar) - np.log1p(-alpha_bar)) / 2.0


def _one_evaluation_each(
    step: Callable[[Array, float, float], Array], x: Array, levels: list[tuple[float, float]]
) -> Iterator[StepState]:
    def steps(x: Array) -> Iterator[StepState]:
        for number, (cur, after) in enumerate(levels, start=1):
            x = step(x, cur, after)
            yield StepState(number, number, after, x)

    return steps(np.asarray(x, dtype=np.float64))


def _checked_levels(alpha_bars: ArrayLike) -> list[tuple[float, float]]:
    """The levels as pairs, from and to."""
    levels = np.asarray(alpha_bars, dtype=np.float64)
    ok = levels.ndim == 1 and len(levels) >= 2
    require(ok, "`alpha_bars` must hold at least 2 levels", f"shape {levels.shape}")
    rising = np.all(np.diff(levels) > 0) and levels[0] > 0 and levels[-1] <= 1
    require(rising, "`alpha_bars` must rise, from above 0 to at most 1", alpha_bars, "start at the noise")
    return list(zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True))

"""Published faults of samplers, each beside the right way, on Stable Diffusion's chain and an exact score.

The chain has 1000 training steps, beta "scaled linear" from 0.00085 to 0.012 (Rombach et al. 2022, as released). Data
are not centred, as bright images are not: 20 % of them near the origin, 80 % far from it, and with fine detail.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.denoisers import Condition, Denoiser, MixtureDenoiser, x0_hat
from diffusion_lab.instruments.common.guidance import combine_by_weight
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.metrics import Discrepancy, mmd
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import beta_of
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.state import SamplerState, stepped
from diffusion_lab.instruments.common.schedules import Karras
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]
States = Iterator[SamplerState[Level]]

TRAINED = 1000
DATA = GaussianMixture(np.array([[0.0, 0.0], [2.0, 2.0]]), np.array([0.2, 0.8]), 0.05)
PROMPTED = GaussianMixture(DATA.means, np.array([0.7, 0.3]), DATA.s)
"""The data given a prompt that fits most of the near cluster and little of the far one."""
CLIP = 3.0
"""As `clip_sample` does: the clean guess is held to the range of the data."""


def _chain() -> Array:
    """alpha_bar after each training step, (1000,)."""
    beta = np.linspace(np.sqrt(0.00085), np.sqrt(0.012), TRAINED) ** 2
    return np.asarray(np.cumprod(1.0 - beta))


def _rescaled(alpha_bar: Array) -> Array:
    """The chain with zero terminal SNR, Lin et al. 2024, algorithm 1; the last entry is 0."""
    signal = np.sqrt(alpha_bar)
    return ((signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])) ** 2


ALPHA_BAR = _chain()
ZERO_SNR = _rescaled(ALPHA_BAR)


def trailing(num_steps: int) -> list[int]:
    """Time steps from the last one trained down, evenly spaced: Lin et al. 2024, table 2."""
    return [round(TRAINED * k / num_steps) - 1 for k in range(num_steps, 0, -1)]


def leading(num_steps: int) -> list[int]:
    """Time steps from 0 up in whole strides, largest first: the last ones trained are left out."""
    return [TRAINED // num_steps * k for k in range(num_steps - 1, -1, -1)]


def linspace(num_steps: int) -> list[int]:
    """Time steps from the last one trained down to 0, both included."""
    return [round(t) for t in np.linspace(TRAINED - 1, 0, num_steps).tolist()]


def levels_at(steps: Sequence[int], alpha_bar: Array = ALPHA_BAR) -> list[Level]:
    """The levels of these time steps, and the clean one."""
    return [*Level.from_alpha_bar(alpha_bar[list(steps)]).split(), CLEAN]


def never_pure_noise(eps_hat: Denoiser, x: Array, num_steps: int, faulty: bool) -> States:
    """DDIM from pure noise; the fault starts at a level that still has signal, as if that noise were its point."""
    return ddim(eps_hat, x, levels_at(leading(num_steps) if faulty else trailing(num_steps)))


def last_sigma_twice(eps_hat: Denoiser, x: Array, num_steps: int, faulty: bool) -> States:
    """DPM-Solver++(2M) on Karras' levels; the fault repeats the last level, so that its noise is never removed."""
    sigma = Level.from_alpha_bar(ALPHA_BAR[[0, -1]]).sigma
    grid = Karras(float(sigma[0]), float(sigma[1])).levels(num_steps)
    if not faulty:
        return dpm_solver_pp_2m(eps_hat, x, [*grid, CLEAN])
    run = list(dpm_solver_pp_2m(eps_hat, x, grid))
    end = run[-1]  # one more evaluation and a step of length 0; then the noisy point is taken for a clean one
    return iter([*run, SamplerState(end.step + 1, end.nfe + 1, CLEAN, end.x / grid[-1].signal)])


def noise_at_zero_snr(eps_hat: Denoiser, x: Array, num_steps: int, faulty: bool) -> States:
    """DDIM with a network in half precision on a chain that ends in pure noise.

    The right way predicts v there. The fault predicts the noise, which says nothing about the data where there is
    nothing else: the clean guess is a rounding error divided by 0, and only clipping keeps it finite.
    """

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        eps = eps_hat(x, cur)
        if faulty:
            eps = half(eps)
            clean = np.clip((x - cur.sigma_t * eps) / cur.signal, -CLIP, CLIP)
        else:
            v = half(cur.signal * eps - cur.sigma_t * x0_hat(x, eps, cur))
            clean, eps = cur.signal * x - cur.sigma_t * v, cur.sigma_t * x + cur.signal * v
        return after.signal * clean + after.sigma_t * eps

    tiny = np.maximum(ZERO_SNR, 1e-12)  # stands for 0, by which nothing can be divided
    return stepped(eps_hat, x, levels_at(trailing(num_steps), tiny), step)


def half(values: Array) -> Array:
    """Rounded to float16, as a network in half precision gives them."""
    return values.astype(np.float16).astype(np.float64)


def step_from_a_formula(eps_hat: Denoiser, x: Array, num_steps: int, faulty: bool) -> States:
    """DDIM on evenly spaced time steps; the fault goes to t - 1000 // num_steps, not to the next one in the list."""
    steps = linspace(num_steps)
    formula = [t - TRAINED // num_steps for t in steps]
    ends = {
        level.sigma: Level.from_alpha_bar(float(ALPHA_BAR[t])) if t >= 0 else CLEAN
        for level, t in zip(levels_at(steps), formula, strict=False)
    }

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        eps = eps_hat(x, cur)
        after = ends[cur.sigma] if faulty else after
        return after.signal * x0_hat(x, eps, cur) + after.sigma_t * eps

    return stepped(eps_hat, x, levels_at(steps), step)


def mean_of_ddpm(eps_hat: Denoiser, x: Array, num_steps: int, faulty: bool) -> States:
    """DDIM; the fault takes the mean of DDPM's step, without its noise: each step removes more noise than is right."""

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        beta = beta_of(cur, after)
        return (x - (beta / cur.sigma_t) * eps_hat(x, cur)) / np.sqrt(1.0 - beta)

    grid = levels_at(trailing(num_steps))
    return stepped(eps_hat, x, grid, step) if faulty else ddim(eps_hat, x, grid)


def guidance_scales_mixed_up(eps_hat: Denoiser, x: Array, num_steps: int, faulty: bool) -> States:
    """DDIM at guidance scale 1, which is the condition alone; the fault hands that 1 to code that expects scale - 1."""
    conditional = MixtureDenoiser(PROMPTED)
    scale = 1.0

    def guided(x: Array, level: Level, condition: Condition = None) -> Array:
        weight = scale if faulty else scale - 1.0
        return combine_by_weight(eps_hat(x, level), conditional(x, level), weight)

    return ddim(guided, x, levels_at(trailing(num_steps)))


@dataclass(frozen=True)
class Fault:
    """A fault. label: for the menu; harm: what it does, in words; source: where it was found or described; law: of the
    points that the right way is to draw.
    """

    run: Callable[[Denoiser, Array, int, bool], States]
    label: str
    harm: str
    source: str
    law: GaussianMixture = DATA


FAULTS: dict[str, Fault] = {
    "never_pure_noise": Fault(
        never_pure_noise, "Leading steps never see pure noise", "too many points near the origin, few far out",
        "Lin et al. 2024; diffusers, issue 2585",
    ),
    "step_from_a_formula": Fault(
        step_from_a_formula, "Previous step from a formula", "each step is too short, so that noise is left",
        "diffusers, issues 9261 and 11347",
    ),
    "mean_of_ddpm": Fault(
        mean_of_ddpm, "DDIM with DDPM's formula", "all points collapse into one cluster",
        "against Song, Meng & Ermon 2021, eq. 12",
    ),
    "noise_at_zero_snr": Fault(
        noise_at_zero_snr, "Noise predicted at zero SNR", "the first step goes in a random direction",
        "Lin et al. 2024, section 3.1; diffusers, issue 3851",
    ),
    "last_sigma_twice": Fault(
        last_sigma_twice, "Last σ taken twice", "the noise of the last level is left in the result",
        "diffusers, issue 5689 and pull request 6477",
    ),
    "guidance_scales_mixed_up": Fault(
        guidance_scales_mixed_up, "Two guidance scales mixed up", "the prompt counts twice: what it makes rare is lost",
        "Ho & Salimans 2022, eq. 6, against Saharia et al. 2022, eq. 2", PROMPTED,
    ),
}  # fmt: skip


def run(fault: str, x: Array, num_steps: int, faulty: bool) -> States:
    """A run of `num_steps` steps from noise x (N, 2), right or with the fault."""
    return FAULTS[fault].run(MixtureDenoiser(DATA), x, num_steps, faulty)


def law_error(x: Array, fault: str) -> Discrepancy:
    """Distance of points (N, 2) from the law that they were to be drawn from, and its mean for perfect draws."""
    return mmd(x, FAULTS[fault].law, 1.0, 0.0)


@sliced
def damages(fault: str, x: Array, ladder: Sequence[int]) -> Work[Array]:
    """Distance to the exact density, right and with the fault, at each number of steps of `ladder`: (B, 2)."""
    rows: list[list[float]] = []
    done, of = 0, 2 * sum(ladder)
    for num_steps in ladder:
        rows.append([])
        for faulty in (False, True):
            for state in run(fault, x, num_steps, faulty):
                end = state.x
                yield done, of
            rows[-1].append(law_error(end, fault).distance)
            done += num_steps
    return np.array(rows)


def spread(x: Array) -> float:
    """Root mean square distance per axis of points (N, 2) from the nearest mean of the data, s where right."""
    squares = np.sum((x[:, None] - DATA.means) ** 2, axis=2).min(axis=1)
    return float(np.sqrt(squares.mean() / 2.0))


def far_share(x: Array) -> float:
    """Share of points (N, 2) in the cluster that is far from the origin."""
    return float(np.mean(x.sum(axis=1) > DATA.means[1].sum() / 2.0))

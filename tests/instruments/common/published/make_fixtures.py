"""Makes `diffusers.npz`: what the schedulers of diffusers do, step by step, for the tests to compare with.

    python tests/instruments/common/published/make_fixtures.py

It needs `diffusers` and `torch`, which no test does. The network is the exact noise prediction of a small Gaussian
mixture, written here apart from the lab's own. The schedulers compute in double precision: where they cast to float32,
they are kept from it, so that a difference is one of method and not of rounding. Noise is drawn beforehand and kept.

For each run the file has `NAME/sigmas`, the VE noise of its levels (n + 1,); `NAME/states` (n + 1, N, 2), the first the
start, in the scheduler's own coordinates, VP or VE; and `NAME/noise` (n, N, 2), where it draws any (for
`edm_stochastic`, of the steps that add some).
"""

from __future__ import annotations

import importlib
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import diffusers
import numpy as np
import torch
from diffusers.schedulers.deprecated.scheduling_karras_ve import KarrasVeScheduler

HERE = Path(__file__).parent
NUM_STEPS, NUM_POINTS = 20, 6
MEANS = np.array([[1.5, 0.3], [-1.0, 1.2], [-0.6, -1.4]])
WEIGHTS = np.array([0.5, 0.3, 0.2])
S = 0.25
LINEAR = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}


def eps_ve(x: np.ndarray, sigma: float) -> np.ndarray:
    """The noise predicted in VE points x (N, 2), -sigma times the score: exact for the mixture."""
    var = S**2 + sigma**2
    log = np.log(WEIGHTS) - np.sum((x[:, None] - MEANS) ** 2, axis=2) / (2 * var)
    r = np.exp(log - log.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    return sigma * (x - r @ MEANS) / var


def velocity(x: np.ndarray, sigma: float) -> np.ndarray:
    """E[noise - data | x] on the straight path x = (1 - sigma) data + sigma noise."""
    signal = 1 - sigma
    var = signal**2 * S**2 + sigma**2
    log = np.log(WEIGHTS) - np.sum((x[:, None] - signal * MEANS) ** 2, axis=2) / (2 * var)
    r = np.exp(log - log.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    gap = x[:, None] - signal * MEANS
    data = MEANS + signal * S**2 / var * gap
    noise = sigma / var * gap
    return np.sum(r[..., None] * (noise - data), axis=1)


def in_double(scheduler: Any) -> None:
    """Everything that the scheduler keeps, in double precision."""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    if hasattr(scheduler, "betas"):
        scheduler.betas, scheduler.alphas = betas, 1.0 - betas
        scheduler.alphas_cumprod = torch.cumprod(1.0 - betas, dim=0)
    for name in ("one", "final_alpha_cumprod"):
        if hasattr(scheduler, name):
            setattr(scheduler, name, torch.tensor(1.0, dtype=torch.float64))
    if isinstance(getattr(scheduler, "sigmas", None), torch.Tensor):
        scheduler.sigmas = scheduler.sigmas.double()


def chain(scheduler: Any, rng: np.random.Generator, **options: Any) -> dict[str, np.ndarray]:
    """A run of DDPM or DDIM, which step along alpha_bar, in VP coordinates."""
    scheduler.set_timesteps(NUM_STEPS)
    in_double(scheduler)
    x = rng.standard_normal((NUM_POINTS, 2))
    noise = rng.standard_normal((NUM_STEPS, NUM_POINTS, 2))
    alpha_bars = [float(scheduler.alphas_cumprod[t]) for t in scheduler.timesteps] + [1.0]
    states = [x]
    module = importlib.import_module(type(scheduler).__module__)
    for k, t in enumerate(scheduler.timesteps):
        alpha_bar = alpha_bars[k]
        eps = eps_ve(x / alpha_bar**0.5, ((1 - alpha_bar) / alpha_bar) ** 0.5)
        drawn = torch.from_numpy(noise[k])
        with mock.patch.object(module, "randn_tensor", lambda *a, drawn=drawn, **o: drawn):
            out = scheduler.step(torch.from_numpy(eps), t, torch.from_numpy(x), **options)
        x = out.prev_sample.numpy()
        states.append(x)
    alpha_bar = np.array(alpha_bars)
    return {"sigmas": np.sqrt((1 - alpha_bar) / alpha_bar), "states": np.stack(states), "noise": noise}


def along_sigma(scheduler: Any, rng: np.random.Generator, coordinates: str) -> dict[str, np.ndarray]:
    """A run of a scheduler that steps along sigma, in "vp", "ve" or "flow" coordinates."""
    scheduler.set_timesteps(NUM_STEPS)
    in_double(scheduler)
    grid = scheduler.sigmas.numpy()
    x = rng.standard_normal((NUM_POINTS, 2)) * (grid[0] if coordinates == "ve" else 1.0)
    states, sigmas = [x], [grid[0]]
    for k, t in enumerate(scheduler.timesteps):
        sigma = grid[k]
        if coordinates == "flow":
            out = velocity(x, sigma)
        else:
            signal = 1 / np.sqrt(1 + sigma**2) if coordinates == "vp" else 1.0
            out = eps_ve(x / signal, sigma)
        if hasattr(scheduler, "scale_model_input"):
            scheduler.scale_model_input(torch.from_numpy(x), t)
        x = scheduler.step(torch.from_numpy(out), t, torch.from_numpy(x)).prev_sample.numpy()
        half_way = not getattr(scheduler, "state_in_first_order", True)  # Heun's; but the last step is Euler's
        if grid[k + 1] == 0 or not half_way:
            states.append(x)
            sigmas.append(grid[k + 1])
    return {"sigmas": np.array(sigmas), "states": np.stack(states)}


def churned(scheduler: Any, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A run of EDM's Algorithm 2 in VE coordinates, on levels of its own; of the noise, only what was added."""
    sigmas = np.append(np.linspace(80.0 ** (1 / 7), 0.002 ** (1 / 7), NUM_STEPS) ** 7, 0.0)
    scheduler.num_inference_steps = NUM_STEPS
    x = sigmas[0] * rng.standard_normal((NUM_POINTS, 2))
    states, noise = [x], []
    module = importlib.import_module(type(scheduler).__module__)
    for sigma, after in pairwise(sigmas):
        drawn = rng.standard_normal((NUM_POINTS, 2))
        with mock.patch.object(module, "randn_tensor", lambda *a, drawn=drawn, **o: torch.from_numpy(drawn)):
            up, sigma_hat = scheduler.add_noise_to_input(torch.from_numpy(x), sigma)
        if sigma_hat > sigma:
            noise.append(drawn)
        ahead = scheduler.step(torch.from_numpy(-eps_ve(up.numpy(), sigma_hat)), sigma_hat, after, up)
        x = ahead.prev_sample.numpy()
        if after > 0:
            slope = torch.from_numpy(-eps_ve(x, after))
            both = scheduler.step_correct(slope, sigma_hat, after, up, ahead.prev_sample, ahead.derivative)
            x = both.prev_sample.numpy()
        states.append(x)
    return {"sigmas": sigmas, "states": np.stack(states), "noise": np.stack(noise)}


def main() -> None:
    """Runs them all and writes the file."""
    rng = np.random.default_rng(20260)
    karras = {**LINEAR, "use_karras_sigmas": True}
    trailing = {**LINEAR, "timestep_spacing": "trailing"}
    with mock.patch.object(torch, "float32", torch.float64):
        runs = {
            "ddpm_fixed_large": chain(
                diffusers.DDPMScheduler(**LINEAR, variance_type="fixed_large", clip_sample=False), rng
            ),
            "ddpm_fixed_small": chain(
                diffusers.DDPMScheduler(**LINEAR, variance_type="fixed_small", clip_sample=False), rng
            ),
            **{
                f"ddim_{eta:g}": chain(diffusers.DDIMScheduler(**LINEAR, clip_sample=False), rng, eta=eta)
                for eta in (0.0, 0.5, 1.0)
            },
            "dpm_solver_pp_2m": along_sigma(diffusers.DPMSolverMultistepScheduler(**LINEAR), rng, "vp"),
            "euler_karras": along_sigma(diffusers.EulerDiscreteScheduler(**karras), rng, "ve"),
            "heun_karras": along_sigma(diffusers.HeunDiscreteScheduler(**karras), rng, "ve"),
            "flow_euler": along_sigma(diffusers.FlowMatchEulerDiscreteScheduler(), rng, "flow"),
            "deis_2": along_sigma(diffusers.DEISMultistepScheduler(**trailing, solver_order=2), rng, "vp"),
            "deis_3": along_sigma(diffusers.DEISMultistepScheduler(**trailing, solver_order=3), rng, "vp"),
            "unipc": along_sigma(diffusers.UniPCMultistepScheduler(**LINEAR), rng, "vp"),
            "edm_stochastic": churned(KarrasVeScheduler(s_noise=1.007, s_churn=4, s_min=0.05, s_max=5.0), rng),
        }
    arrays = {f"{name}/{part}": value for name, run in runs.items() for part, value in run.items()}
    np.savez_compressed(
        HERE / "diffusers.npz", means=MEANS, weights=WEIGHTS, s=S, version=np.array(diffusers.__version__), **arrays
    )


if __name__ == "__main__":
    main()

"""The samplers by the names that settings and addresses use."""

from collections.abc import Callable, Iterator

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import ddpm
from diffusion_lab.instruments.common.samplers.deis import deis
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.edm import edm_stochastic
from diffusion_lab.instruments.common.samplers.flow import flow_euler, flow_heun, flow_midpoint
from diffusion_lab.instruments.common.samplers.langevin import annealed_langevin
from diffusion_lab.instruments.common.samplers.ode import ode_euler, ode_heun
from diffusion_lab.instruments.common.samplers.sde import sde_euler, sde_heun
from diffusion_lab.instruments.common.samplers.state import SamplerState
from diffusion_lab.instruments.common.samplers.unipc import unipc

Sampler = Callable[..., Iterator[SamplerState[Level]]]

SAMPLERS: dict[str, Sampler] = {
    "langevin": annealed_langevin,
    "ddpm": ddpm,
    "ddim": ddim,
    "ode_euler": ode_euler,
    "ode_heun": ode_heun,
    "sde_euler": sde_euler,
    "sde_heun": sde_heun,
    "deis": deis,
    "dpm_solver_pp_2m": dpm_solver_pp_2m,
    "unipc": unipc,
    "edm_stochastic": edm_stochastic,
}
"""Called as sampler(denoiser, x, levels, rng, **options). "langevin" works at levels, the others between them."""

FLOW_SOLVERS: dict[str, Callable[..., Iterator[SamplerState[float]]]] = {
    "euler": flow_euler,
    "heun": flow_heun,
    "midpoint": flow_midpoint,
}
"""Called as solver(velocity, x, times)."""

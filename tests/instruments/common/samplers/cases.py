"""What the tests of all samplers share: levels on the ring, every sampler in one form, and wrong versions of one."""

from functools import partial
from itertools import pairwise

import numpy as np

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import ddpm
from diffusion_lab.instruments.common.samplers.deis import deis
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.edm import edm_stochastic
from diffusion_lab.instruments.common.samplers.ode import ode_euler, ode_heun
from diffusion_lab.instruments.common.samplers.sde import sde_euler, sde_heun
from diffusion_lab.instruments.common.samplers.unipc import unipc

RING = ring()
EXACT = MixtureDenoiser(RING)
SIGMA_MAX = np.sqrt(np.exp(6) - 1)

#: Every sampler that steps between levels, called as sampler(denoiser, x, levels, rng).
SAMPLERS = {
    "ddpm_beta": partial(ddpm, variance="beta"),
    "ddpm_beta_tilde": partial(ddpm, variance="beta_tilde"),
    "ddim": ddim,
    "ddim_half": partial(ddim, eta=0.5),
    "sde_euler": sde_euler,
    "sde_heun": sde_heun,
    "ode_euler": partial(ode_euler, variable="log_alpha_bar"),
    "ode_heun": partial(ode_heun, variable="log_alpha_bar"),
    "ode_heun_in_sigma": ode_heun,
    "deis": deis,
    "deis_2": partial(deis, order=2),
    "dpm_solver_pp_2m": dpm_solver_pp_2m,
    "unipc": unipc,
    "edm_stochastic": edm_stochastic,
}
STOCHASTIC = ("ddpm_beta", "ddpm_beta_tilde", "ddim_half", "sde_euler")
TWO_EVALUATIONS = ("sde_heun", "ode_heun", "ode_heun_in_sigma", "edm_stochastic")


def levels(n, sigma_min=0.05):
    """n steps, geometric in sigma, from t = 1 to sigma_min."""
    return Level.from_sigma(np.geomspace(SIGMA_MAX, sigma_min, n + 1)).split()


def gaussian(s):
    """The exact denoiser of N(0, s² I) in the plane."""
    return MixtureDenoiser(GaussianMixture(np.zeros((1, 2)), np.ones(1), s))


def last(states):
    *_, state = states
    return state.x


def with_denoiser(change, sampler):
    """A sampler that is given `change(denoiser)` for the denoiser."""
    return lambda denoiser, x, levels, rng: sampler(change(denoiser), x, levels, rng)


def sign_flipped(denoiser):
    return lambda x, level, condition=None: -denoiser(x, level)


def missing_sqrt(denoiser):
    """The score times 1 - alpha_bar, not times its root."""
    return lambda x, level, condition=None: level.sigma_t * denoiser(x, level)


def one_level_late(sampler):
    """Each step asks the denoiser at the level it goes to."""

    def wrong(denoiser, x, levels, rng):
        after = {cur.sigma: then for cur, then in pairwise(levels) if then.sigma}
        return sampler(lambda x, cur, condition=None: denoiser(x, after.get(cur.sigma, cur)), x, levels, rng)

    return wrong


def with_noise_times(scale):
    """The generator's normals times `scale`, as a sampler sees them."""

    class Scaled:
        def __init__(self, rng):
            self.rng = rng

        def standard_normal(self, shape):
            return scale * self.rng.standard_normal(shape)

    return lambda sampler: lambda denoiser, x, levels, rng: sampler(denoiser, x, levels, Scaled(rng))


def order(sampler, exact, start):
    """Order seen: log2 of the error's fall from 80 to 160 and from 160 to 320 steps, root mean square over points."""
    error = []
    for n in (80, 160, 320):
        x = last(sampler(EXACT, start, levels(n), np.random.default_rng(0)))
        error.append(np.sqrt(np.mean((x - exact) ** 2)))
    return np.log2(error[:-1]) - np.log2(error[1:])

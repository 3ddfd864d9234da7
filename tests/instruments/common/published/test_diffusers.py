"""Our samplers step for step against the schedulers of Hugging Face's diffusers, on recorded runs (`make_fixtures.py`).

The levels are those that the scheduler used, and so is the noise. All states must agree to 1e-9, the last jump
included: each of these schedulers ends at the clean level as ours do.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.flows import marginal_velocity
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import ddpm
from diffusion_lab.instruments.common.samplers.deis import deis
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.edm import edm_stochastic
from diffusion_lab.instruments.common.samplers.flow import flow_euler, flow_heun
from diffusion_lab.instruments.common.samplers.ode import ode_euler, ode_heun
from diffusion_lab.instruments.common.samplers.sde import sde_euler
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.samplers.unipc import unipc
from diffusion_lab.instruments.common.schedules import Karras, Linear

with np.load(Path(__file__).with_name("diffusers.npz")) as file:
    RECORDED = dict(file)
MIXTURE = GaussianMixture(RECORDED["means"], RECORDED["weights"], float(RECORDED["s"]))


class Given:
    """The noise that was recorded, in its order."""

    def __init__(self, noise):
        self.noise = iter(noise)

    def standard_normal(self, size):
        return next(self.noise)


def recorded(name):
    """Levels, states in VP coordinates (n + 1, N, 2), and the noise of a run."""
    levels = Level.from_sigma(RECORDED[f"{name}/sigmas"]).split()
    states = RECORDED[f"{name}/states"]
    if name.endswith("karras") or name == "edm_stochastic":  # in VE coordinates there
        states = states * np.array([level.signal for level in levels])[:, None, None]
    return levels, states, RECORDED.get(f"{name}/noise")


def check(sampler, name):
    levels, states, noise = recorded(name)
    run = Trajectory.of(sampler(MixtureDenoiser(MIXTURE), states[0], levels, noise if noise is None else Given(noise)))
    np.testing.assert_allclose(run.x, states, rtol=1e-9, atol=1e-9)


def next_level(sampler):
    """The denoiser asked at a level 1 % above the right one."""

    def wrong(denoiser, x, levels, rng):
        above = lambda x, level, condition=None: denoiser(x, Level.from_sigma(1.01 * level.sigma))  # noqa: E731
        return sampler(above, x, levels, rng)

    return wrong


@pytest.mark.subject(
    partial(ddpm, variance="beta"),
    the_other_variance=ddpm,
    sde=sde_euler,
    off=next_level(partial(ddpm, variance="beta")),
)
def test_ddpm_with_the_large_variance(subject):
    check(subject, "ddpm_fixed_large")


@pytest.mark.subject(
    partial(ddpm, variance="beta_tilde"), the_other_variance=partial(ddpm, variance="beta"), off=next_level(ddpm)
)
def test_ddpm_with_the_small_variance(subject):
    check(subject, "ddpm_fixed_small")


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.subject(
    lambda eta: partial(ddim, eta=eta),
    a_little_other=lambda eta: partial(ddim, eta=abs(eta - 1e-3)),
    off=lambda eta: next_level(partial(ddim, eta=eta)),
    in_log_alpha_bar=lambda eta: partial(ode_euler, variable="log_alpha_bar"),
)
def test_ddim(subject, eta):
    check(subject(eta), f"ddim_{eta:g}")


@pytest.mark.subject(dpm_solver_pp_2m, first_order=ddim, off=next_level(dpm_solver_pp_2m))
def test_dpm_solver_pp_2m(subject):
    check(subject, "dpm_solver_pp_2m")


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.subject(
    lambda order: partial(deis, order=order),
    another_order=lambda order: partial(deis, order=order - 1),
    off=lambda order: next_level(partial(deis, order=order)),
)
def test_deis(subject, order):
    """From log sigma's polynomials ("logrho"); theirs ends at the lowest level that was trained, not at clean."""
    check(subject(order), f"deis_{order}")


@pytest.mark.subject(unipc, without_corrector=dpm_solver_pp_2m, first_order=ddim, off=next_level(unipc))
def test_unipc(subject):
    check(subject, "unipc")


CHURN = {"churn": 4.0, "churn_min": 0.05, "churn_max": 5.0, "churn_noise": 1.007}


@pytest.mark.subject(
    partial(edm_stochastic, **CHURN),
    less_noise=partial(edm_stochastic, **CHURN | {"churn_noise": 1.0}),
    less_churn=partial(edm_stochastic, **CHURN | {"churn": 3.9}),
    by_euler=partial(edm_stochastic, **CHURN, solver="euler"),
    off=next_level(partial(edm_stochastic, **CHURN)),
)
def test_edm_stochastic(subject):
    """Algorithm 2 with all four of its constants, in KarrasVeScheduler's steps on Karras' levels."""
    check(subject, "edm_stochastic")


@pytest.mark.subject(
    ode_euler, in_log_alpha_bar=partial(ode_euler, variable="log_alpha_bar"), heun=ode_heun, off=next_level(ode_euler)
)
def test_euler_on_karras_levels(subject):
    check(subject, "euler_karras")


@pytest.mark.subject(
    ode_heun, in_log_alpha_bar=partial(ode_heun, variable="log_alpha_bar"), euler=ode_euler, off=next_level(ode_heun)
)
def test_heun_on_karras_levels(subject):
    check(subject, "heun_karras")


@pytest.mark.subject(
    flow_euler,
    heun=flow_heun,
    backwards=lambda velocity, x, times: flow_euler(lambda x, t: -velocity(x, t), x, times),
)
def test_flow_euler(subject):
    """Their sigma is 1 - t, and they predict noise - data."""
    sigmas, states = RECORDED["flow_euler/sigmas"], RECORDED["flow_euler/states"]
    run = Trajectory.of(subject(lambda x, t: marginal_velocity(MIXTURE, x, t), states[0], (1 - sigmas).tolist()))
    np.testing.assert_allclose(run.x, states, rtol=1e-9, atol=1e-9)


@pytest.mark.subject(Linear(), cosine_like=Linear(beta_max=0.021), shifted=Linear(beta_min=2e-4))
def test_the_linear_schedule_is_theirs(subject):
    """DDPM's 20 of 1000 steps: every fiftieth alpha_bar, from 950 down to 0."""
    sigmas = Level.from_alpha_bar(subject.alpha_bars(1000)[950::-50]).sigma
    np.testing.assert_allclose(RECORDED["ddpm_fixed_small/sigmas"][:-1], sigmas, rtol=1e-12)


@pytest.mark.parametrize("name", ["euler_karras", "heun_karras"])
@pytest.mark.subject(Karras, rho_5=partial(Karras, rho=5.0))
def test_karras_levels_are_theirs(subject, name):
    """Between the ends that they take; kept in float32 there."""
    theirs = RECORDED[f"{name}/sigmas"]
    ours = [level.sigma for level in subject(theirs[-2], theirs[0]).levels(len(theirs) - 1, clean=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)

"""DDIM: its order, the ODE that it solves, and the ancestral step that it becomes."""

from functools import partial

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import ddpm

from .cases import EXACT, RING, SAMPLERS, levels, missing_sqrt, order, sign_flipped, with_denoiser


@pytest.mark.subject(
    ddim,
    some_noise=partial(ddim, eta=0.05),
    missing_sqrt=with_denoiser(missing_sqrt, ddim),
    sign_flipped=with_denoiser(sign_flipped, ddim),
    another_order=SAMPLERS["dpm_solver_pp_2m"],
)
def test_ddim_is_first_order(subject, start, exact):
    np.testing.assert_allclose(order(subject, exact, start), 1, atol=0.1)


def test_ddim_is_euler_in_the_ve_level(start):
    """x_VE + (sigma_next - sigma_cur) eps_hat, step for step, with the score written out."""
    grid = levels(12)
    x = start / grid[0].signal
    _, *states = ddim(EXACT, start, grid)
    for k, state in enumerate(states):
        cur, after = grid[k].sigma, grid[k + 1].sigma
        x = x - (after - cur) * cur * RING.score(x, 1.0, cur)
        np.testing.assert_allclose(state.x, x * grid[k + 1].signal, rtol=1e-10, atol=1e-10)


@pytest.mark.subject(
    partial(ddim, eta=1.0),
    the_other_variance=partial(ddpm, variance="beta"),
    less_noise=partial(ddim, eta=0.999),
    none=ddim,
)
def test_ddim_at_eta_1_is_the_ancestral_step(subject, start):
    """With the variance beta_tilde, state for state under one seed, the last jump included."""
    grid = [*levels(15), CLEAN]
    ours = subject(EXACT, start, grid, np.random.default_rng(3))
    theirs = ddpm(EXACT, start, grid, np.random.default_rng(3), variance="beta_tilde")
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.x, other.x, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eta": 2}, "`eta` must lie between 0 and 1, got 2."),
        ({"eta": 0.5}, "`rng` must be given where `eta` is above 0, got None."),
    ],
)
def test_refusals_come_at_the_call(options, message, start):
    with pytest.raises(ValueError) as refusal:
        ddim(EXACT, start, levels(2), None, **options)
    assert str(refusal.value) == message


@pytest.mark.subject(
    ddim,
    squared=lambda *run, eta: ddim(*run, eta=eta**2),
    a_third=lambda *run, eta: ddim(*run, eta=eta / 3),
)
@pytest.mark.parametrize("eta", [0.3, 0.7])
def test_eta_is_the_standard_deviation_over_that_of_the_posterior(subject, eta, rng, assert_variance):
    """Where no noise is predicted in points at 0, only the fresh noise is left: Song et al. 2021, eq. 16."""
    cur, after = levels(4)[:2]
    *_, end = subject(lambda x, *_: np.zeros_like(x), np.zeros((20_000, 2)), [cur, after], rng, eta=eta)
    beta_tilde = (1 - after.alpha_bar) / (1 - cur.alpha_bar) * (1 - cur.alpha_bar / after.alpha_bar)
    assert_variance(end.x, eta**2 * beta_tilde)

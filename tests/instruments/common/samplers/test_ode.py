"""The probability-flow ODE: orders on the exact score, both variables, and SciPy's own Runge-Kutta step."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate._ivp.rk import rk_step

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ode import ode_euler, ode_heun

from .cases import EXACT, SAMPLERS, levels, missing_sqrt, one_level_late, order, with_denoiser


def half_the_drift(denoiser, x, levels, rng):
    """Euler with (beta/4) score where (beta/2) stands: a smooth ODE, not this one."""
    half = lambda x, level, condition=None: denoiser(x, level) / 2  # noqa: E731
    return SAMPLERS["ode_euler"](half, x, levels, rng)


@pytest.mark.subject(
    SAMPLERS["ode_euler"],
    half_the_drift=half_the_drift,
    missing_sqrt=with_denoiser(missing_sqrt, SAMPLERS["ode_euler"]),
    another_order=SAMPLERS["ode_heun"],
)
def test_euler_is_first_order(subject, start, exact):
    np.testing.assert_allclose(order(subject, exact, start), 1, atol=0.1)


@pytest.mark.parametrize("name", ["ode_heun", "ode_heun_in_sigma"])
@pytest.mark.subject(
    lambda sampler: sampler,
    without_its_corrector=lambda sampler: SAMPLERS["ode_euler"],
    one_level_late=one_level_late,
    missing_sqrt=partial(with_denoiser, missing_sqrt),
)
def test_heun_is_second_order(subject, name, start, exact):
    np.testing.assert_allclose(order(subject(SAMPLERS[name]), exact, start), 2, atol=0.15)


@pytest.mark.subject(ode_euler, the_other_variable=SAMPLERS["ode_euler"], heun=ode_heun)
def test_euler_in_sigma_is_ddim(subject, start):
    """Step for step, the jump to clean included."""
    grid = [*levels(12), Level.from_sigma(0.0)]
    for ours, theirs in zip(subject(EXACT, start, grid), ddim(EXACT, start, grid), strict=True):
        np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-11, atol=1e-12)


def half_slope(denoiser, x, levels):
    return ode_heun(lambda x, level, condition=None: 0.5 * denoiser(x, level), x, levels)


@pytest.mark.subject(
    ode_heun,
    half_slope=half_slope,
    one_level_late=lambda *at: one_level_late(lambda d, x, grid, rng: ode_heun(d, x, grid))(*at, None),
    the_other_variable=partial(ode_heun, variable="log_alpha_bar"),
)
def test_heun_in_sigma_is_scipys_step(subject, lopsided, rng):
    """SciPy's explicit Runge-Kutta step with Heun's tableau, in VE coordinates, from level to level; to rounding."""
    grid = Level.from_sigma(np.geomspace(20.0, 0.05, 12)).split()
    denoiser, x = MixtureDenoiser(lopsided), rng.standard_normal((15, 2))
    a, b, c = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.5, 0.5]), np.array([0.0, 1.0])
    flat = lambda sigma, y: (-sigma * lopsided.score(y.reshape(-1, 2), 1.0, sigma)).ravel()  # noqa: E731
    y = (x / grid[0].signal).ravel()
    _, *states = subject(denoiser, x, grid)
    for state, (cur, then) in zip(states, pairwise(grid), strict=True):
        now, h = cur.sigma, then.sigma - cur.sigma
        y, _ = rk_step(flat, now, y, flat(now, y), h, a, b, c, np.empty((3, y.size)))
        np.testing.assert_allclose(state.x.ravel() / then.signal, y, rtol=1e-9, atol=1e-10)


def test_a_variable_has_a_name(start):
    for sampler in (ode_euler, ode_heun):
        with pytest.raises(ValueError) as refusal:
            sampler(EXACT, start, levels(2), variable="t")
        assert str(refusal.value) == "`variable` must be one of sigma, log_alpha_bar, got 't'."

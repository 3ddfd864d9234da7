"""EDM's stochastic sampler: how much noise it adds, what is left without it, and refusals."""

from functools import partial

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.edm import edm_stochastic
from diffusion_lab.instruments.common.samplers.ode import ode_heun

from .cases import EXACT, gaussian, levels


@pytest.mark.subject(
    partial(edm_stochastic, churn=0.0),
    a_little=partial(edm_stochastic, churn=0.1),
    by_euler=partial(edm_stochastic, churn=0.0, solver="euler"),
)
def test_without_churn_it_is_heun(subject, start):
    grid = [*levels(12), CLEAN]
    for ours, theirs in zip(
        subject(EXACT, start, grid, np.random.default_rng(0)), ode_heun(EXACT, start, grid), strict=True
    ):
        np.testing.assert_array_equal(ours.x, theirs.x)


def test_by_euler_without_churn_it_is_ddim(start):
    grid = [*levels(12), CLEAN]
    ours = edm_stochastic(EXACT, start, grid, np.random.default_rng(0), churn=0.0, solver="euler")
    for one, other in zip(ours, ddim(EXACT, start, grid), strict=True):
        np.testing.assert_allclose(one.x, other.x, rtol=1e-11, atol=1e-11)


@pytest.mark.subject(
    edm_stochastic,
    too_little_noise=partial(edm_stochastic, churn_noise=0.9),
    too_much_noise=partial(edm_stochastic, churn_noise=1.1),
)
def test_churn_keeps_the_variance_of_a_gaussian(subject, rng, assert_variance):
    """Noise and ODE undo one another; Heun's own error in 400 steps is far below chance."""
    s, grid = 0.5, levels(400)
    start = rng.standard_normal((20_000, 2)) * np.sqrt(grid[0].alpha_bar * s**2 + grid[0].var)
    *_, end = subject(gaussian(s), start, grid, rng)
    assert_variance(end.x, end.level.alpha_bar * s**2 + end.level.var)


def test_noise_is_drawn_only_between_the_two_levels(start):
    drawn = []

    class Noise:
        def standard_normal(self, size):
            drawn.append(size)
            return np.zeros(size)

    grid = levels(10)
    list(edm_stochastic(EXACT, start, grid, Noise(), churn_min=0.1, churn_max=1.0))
    assert len(drawn) == sum(0.1 <= level.sigma <= 1.0 for level in grid[:-1])


class Ones:
    """Noise that is 1 everywhere, and how often it was drawn."""

    drawn = 0

    def standard_normal(self, size):
        self.drawn += 1
        return np.ones(size)


@pytest.mark.subject(
    edm_stochastic,
    of_one_level_more=lambda *at, churn: edm_stochastic(*at, churn=churn * 10 / 11),
    half=lambda *at, churn: edm_stochastic(*at, churn=churn / 2),
)
@pytest.mark.parametrize(("churn", "gamma"), [(2.0, 0.2), (4.2, np.sqrt(2) - 1)])
def test_churn_is_divided_among_the_steps(subject, churn, gamma):
    """Where the denoiser finds no noise, a point moves by fresh noise alone: sqrt(sigma_hat² - sigma²) in VE."""
    grid = levels(10)
    _, first, *_ = subject(lambda x, level, _: 0.0 * x, np.zeros((1, 2)), grid, Ones(), churn=churn)
    want = grid[0].sigma * np.sqrt((1 + gamma) ** 2 - 1)
    np.testing.assert_allclose(first.x / first.level.signal, want, rtol=1e-12)


def test_both_ends_of_the_churned_levels_count(start):
    grid, noise = levels(10), Ones()
    list(edm_stochastic(EXACT, start, grid, noise, churn_min=grid[3].sigma, churn_max=grid[1].sigma))
    assert noise.drawn == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"churn": -1}, "`churn` must be at least 0, got -1."),
        ({"solver": "rk4"}, '`solver` must be "euler" or "heun", got \'rk4\'.'),
    ],
)
def test_refusals_come_at_the_call(options, message, start, rng):
    with pytest.raises(ValueError) as refusal:
        edm_stochastic(EXACT, start, levels(2), rng, **options)
    assert str(refusal.value) == message

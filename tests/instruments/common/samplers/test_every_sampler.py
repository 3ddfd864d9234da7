"""What all samplers that step between levels have in common: laws, the ring, counting, seeds and refusals."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.metrics import mode_mass, nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers import by_name

from .cases import (
    EXACT,
    RING,
    SAMPLERS,
    STOCHASTIC,
    TWO_EVALUATIONS,
    gaussian,
    last,
    levels,
    missing_sqrt,
    one_level_late,
    sign_flipped,
    with_denoiser,
    with_noise_times,
)


def posterior_coefficients(cur, after):
    """Ho et al. 2020, eq. 7: the mean of q(x_next | x, x0) is a x0 + b x."""
    alpha = cur / after
    return np.sqrt(after) * (1 - alpha) / (1 - cur), np.sqrt(alpha) * (1 - after) / (1 - cur)


def expected_variance(name, s, alpha_bars):
    """Variance per axis after each step on N(0, s² I), from 1: every sampler is linear there, x -> a x + b z."""
    variance, found = 1.0, []
    for cur, after in pairwise(alpha_bars):
        var = cur * s**2 + 1 - cur
        clean = np.sqrt(cur) * s**2 / var  # x0_hat over x
        to_clean, to_x = posterior_coefficients(cur, after)
        beta = 1 - cur / after
        h = np.log(after) - np.log(cur)
        if name.startswith("ddpm"):
            noise = beta if name == "ddpm_beta" else beta * (1 - after) / (1 - cur)
            factor = to_clean * clean + to_x
        elif name == "ddim_half":
            noise = 0.25 * beta * (1 - after) / (1 - cur)
            factor = np.sqrt(after) * clean + np.sqrt((1 - after - noise) * (1 - cur)) / var
        else:
            noise, factor = h, 1 + h * (0.5 - 1 / var)
        variance = factor**2 * variance + noise
        found.append(variance)
    return found


def root_left_out(sampler):
    return lambda denoiser, x, levels, rng: sampler(
        denoiser, x, [Level.from_alpha_bar(level.alpha_bar**0.5) for level in levels], rng
    )


@pytest.mark.parametrize("name", STOCHASTIC)
@pytest.mark.subject(
    lambda sampler: sampler,
    sign_flipped=partial(with_denoiser, sign_flipped),
    missing_sqrt=partial(with_denoiser, missing_sqrt),
    one_level_late=one_level_late,
    too_little_noise=with_noise_times(0.93),
    root_left_out=root_left_out,
)
def test_variance_follows_the_linear_law(subject, name, rng, assert_variance):
    """Exact on one Gaussian, however coarse the steps: after each of twenty."""
    s, grid = 0.5, levels(20)
    start = rng.standard_normal((20_000, 2))
    _, *states = subject(SAMPLERS[name])(gaussian(s), start, grid, rng)
    wanted = expected_variance(name, s, [level.alpha_bar for level in grid])
    for state, expected in zip(states, wanted, strict=True):
        assert_variance(state.x, expected)


def energy_distance(x, y):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| between two clouds, as V-statistics."""

    def mean_distance(a, b):
        return np.mean(np.sqrt(np.maximum(0, ((a[:, None] - b) ** 2).sum(axis=2))))

    return 2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)


def forgets_a_mode(_):
    return MixtureDenoiser(GaussianMixture(RING.means[1:], np.full(5, 0.2), RING.s))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.subject(
    lambda sampler: sampler,
    sign_flipped=partial(with_denoiser, sign_flipped),
    missing_sqrt=partial(with_denoiser, missing_sqrt),
    forgets_a_mode=partial(with_denoiser, forgets_a_mode),
    half_way=lambda sampler: lambda denoiser, x, levels, rng: sampler(denoiser, x, levels[:260], rng),
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_ring_comes_back(subject, name, rng, assert_counts, assert_variance):
    """Mass per mode, variance per mode and the energy distance to fresh data, in 400 steps to sigma = 0.05.

    The distance may be twice the largest of four perfect clouds of that size: its Monte-Carlo floor.
    """
    n, grid = 1200, levels(400)
    x = last(subject(SAMPLERS[name])(EXACT, rng.standard_normal((n, 2)), grid, rng))
    signal, sigma_t = grid[-1].signal, grid[-1].sigma_t
    assert_counts(n * mode_mass(x, RING.means), RING.weights)
    assert_variance(x - signal * RING.means[nearest(x, RING.means)], RING.var(signal, sigma_t))

    def perfect():
        return signal * RING.sample(n, rng)[0] + sigma_t * rng.standard_normal((n, 2))

    reference = perfect()
    floor = max(energy_distance(perfect(), reference) for _ in range(4))
    assert energy_distance(x, reference) < 2 * floor


@pytest.mark.parametrize("name", SAMPLERS)
def test_evaluations_are_counted_and_the_start_is_left_alone(name, rng):
    """Two a step for Heun, one for the others; at the jump to clean one; nothing before it is asked for."""
    calls = []

    def counted(x, level, condition=None):
        calls.append(level)
        return EXACT(x, level)

    start = np.ones((3, 2))
    grid = [*levels(6), CLEAN]
    run = SAMPLERS[name](counted, start, grid, rng)
    assert not calls
    states = []
    for state in run:
        assert state.nfe == len(calls)
        states.append(state)
    assert [state.step for state in states] == list(range(8))
    assert [state.level for state in states] == grid
    assert len(calls) == (13 if name in TWO_EVALUATIONS else 7)
    assert min(level.sigma for level in calls) > 0
    np.testing.assert_array_equal(start, 1)
    np.testing.assert_array_equal(states[0].x, start)
    assert len({id(state.x) for state in states}) == 8


def test_a_denoiser_may_say_what_a_call_costs(rng):
    class Costly:
        def __call__(self, x, level, condition=None):
            return EXACT(x, level)

        def evaluations(self, level):
            return 3 if level.sigma > 1 else 1

    states = list(SAMPLERS["ddim"](Costly(), np.ones((2, 2)), levels(4), rng))
    costs = [3 if level.sigma > 1 else 1 for level in levels(4)[:-1]]
    assert [state.nfe for state in states] == [0, *np.cumsum(costs)]


@pytest.mark.parametrize(
    "name", ["ddpm_beta", "ddpm_beta_tilde", "ddim", "ddim_half", "deis", "dpm_solver_pp_2m", "unipc"]
)
def test_the_last_jump_lands_on_the_clean_prediction(name, start, rng):
    *_, before, end = SAMPLERS[name](EXACT, start, [*levels(6), CLEAN], rng)
    x0_hat = RING.posterior_mean(before.x, before.level.signal, before.level.sigma_t)
    np.testing.assert_allclose(end.x, x0_hat, atol=1e-12)


def always_noisy(denoiser, x, levels, rng):
    """The reverse SDE with noise in its last jump."""
    *before, end = by_name.SAMPLERS["sde_euler"](denoiser, x, levels, rng)
    yield from before
    h = np.log(levels[-1].alpha_bar / levels[-2].alpha_bar)
    yield replace(end, x=end.x + np.sqrt(h) * rng.standard_normal(end.x.shape))


@pytest.mark.subject(by_name.SAMPLERS["sde_euler"], always_noisy=always_noisy)
def test_the_reverse_sde_adds_no_noise_in_the_jump_to_clean(subject, start, rng):
    *_, before, end = subject(EXACT, start, [*levels(40), CLEAN], rng)
    h = -np.log(before.level.alpha_bar)
    score = RING.score(before.x, before.level.signal, before.level.sigma_t)
    np.testing.assert_allclose(end.x, before.x + h * (before.x / 2 + score), atol=1e-12)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_gives_the_same_run_bit_for_bit(name, start):
    one, other = (last(SAMPLERS[name](EXACT, start, levels(5), np.random.default_rng(2))) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_may_have_any_shape(name):
    """Images, say: the arithmetic is point by point."""

    def eps(x, level, condition=None):
        return level.sigma_t * x

    flat, folded = (
        last(SAMPLERS[name](eps, x, levels(4), np.random.default_rng(2)))
        for x in (np.linspace(-1, 1, 24).reshape(2, 12), np.linspace(-1, 1, 24).reshape(2, 3, 4))
    )
    np.testing.assert_array_equal(flat.reshape(2, 3, 4), folded)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (levels(2)[:1], "`levels` must hold at least 2 levels, got 1."),
        (
            Level.from_sigma(np.array([1.0, 3.0])).split(),
            "`levels` must fall in noise, from below infinite to at least 0, got sigma = 1, 3.",
        ),
        (
            [Level.from_alpha_bar(0.0), Level.from_sigma(1.0)],
            "`levels` must fall in noise, from below infinite to at least 0, got sigma = inf, 1.",
        ),
    ],
)
def test_refusals_come_at_the_call(name, grid, message, start, rng):
    with pytest.raises(ValueError) as refusal:
        SAMPLERS[name](EXACT, start, grid, rng)
    assert str(refusal.value) == message


def test_the_names_are_those_of_settings():
    assert all(name == function.__name__ for name, function in by_name.SAMPLERS.items() if name != "langevin")
    assert {getattr(f, "func", f) for f in SAMPLERS.values()} | {by_name.SAMPLERS["langevin"]} == set(
        by_name.SAMPLERS.values()
    )

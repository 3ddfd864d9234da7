"""The consistency map against a closed form and itself, and sampling with it against the exact law."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.exact_ode import exact_trajectory
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.distill import kernel
from diffusion_lab.instruments.distill.kernel import END, SIGMA_MIN, START

RING = ring()
ONE = GaussianMixture(np.array([[0.5, -1.0]]), np.array([1.0]), 0.3)


def one_jump(mixture, x, level):
    """The denoiser's guess in place of the map."""
    eps = MixtureDenoiser(mixture)(x, level)
    return END.signal * (x - level.sigma_t * eps) / level.signal


def without_the_scale(mixture, x, level):
    return kernel.consistency_map(mixture, x, level) / END.signal * level.signal


@pytest.mark.subject(kernel.consistency_map, guess=one_jump, wrong_scale=without_the_scale)
@pytest.mark.parametrize("sigma", [80.0, 1.0, 0.1])
def test_on_one_gaussian_the_map_shrinks_to_the_mean(subject, sigma, rng):
    """VE points keep their distance from the mean in standard deviations: x = mu + z sqrt(s² + sigma²)."""
    level, z = Level.from_sigma(sigma), rng.standard_normal((50, 2))
    place = lambda at: at.signal * (ONE.means + z * np.sqrt(ONE.s**2 + at.sigma**2))  # noqa: E731
    np.testing.assert_allclose(subject(ONE, place(level), level), place(END), atol=2e-4)


@pytest.mark.subject(kernel.consistency_map, guess=one_jump)
def test_all_points_of_a_trajectory_have_one_end(subject):
    way = kernel.trajectories(RING, kernel.noise(3, 100))
    assert way.levels[0].sigma == START.sigma
    assert way.levels[-1].sigma == SIGMA_MIN
    for k in (0, 40, 90, 120):
        assert kernel.rms(subject(RING, way.x[k], way.levels[k]), way.x[-1]) < 1e-4


def test_at_the_end_a_point_stays(rng):
    x = rng.standard_normal((5, 2))
    np.testing.assert_array_equal(kernel.consistency_map(RING, x, END), x)


def trajectory_of_order(order):
    """Ends by another method, for the error against the number of steps."""

    def ends(num_steps):
        if order == 4:
            *_, (_, x) = exact_trajectory(RING, kernel.noise(1, 60), START, END, num_steps)
            return x
        return kernel.ddim_ends(MixtureDenoiser(RING), kernel.noise(1, 60), num_steps)

    return ends


@pytest.mark.subject(trajectory_of_order(4), first_order=trajectory_of_order(1))
def test_the_exact_ode_is_solved_with_order_4(subject):
    *_, (_, exact) = exact_trajectory(RING, kernel.noise(1, 60), START, END, 800)
    coarse, fine = (kernel.rms(subject(n), exact) for n in (60, 120))
    assert 11 < coarse / fine < 22
    assert fine < 2e-5


def test_misses_are_those_of_map_and_guess():
    way = kernel.trajectories(RING, kernel.noise(3, 100))
    found = kernel.misses(RING, way, 30)
    assert np.all(np.diff(found.sigma) < 0)
    assert found.by_map.max() < 1e-4
    assert found.by_guess[0] == pytest.approx(2.0, abs=0.1), "from pure noise the guess is the middle of the ring"
    level = way.levels[60]
    assert found.by_guess[2] == pytest.approx(kernel.rms(one_jump(RING, way.x[60], level), way.x[-1]))
    assert kernel.miss(RING, way, 60) == (found.by_map[2], found.by_guess[2])


def sampled(noised_again, num_steps, seed=0, n=4000):
    """Ends of consistency sampling with the exact map, and another way of adding noise."""
    x, rng = kernel.noise((seed, 1), n), seeded((seed, 2))
    for k, level in enumerate(kernel.levels(num_steps)[:-1]):
        x = kernel.consistency_map(RING, noised_again(x, level, rng) if k else x, level)
    return x


@pytest.mark.subject(
    kernel.noised_again,
    no_noise=lambda x, level, rng: level.signal * x / END.signal,
    half=lambda x, level, rng: level.signal * (x / END.signal + 0.5 * level.sigma * rng.standard_normal(x.shape)),
    ve_points=lambda x, level, rng: x / END.signal + level.sigma * rng.standard_normal(x.shape),
)
def test_with_the_exact_map_every_number_of_steps_gives_the_law(subject, assert_follows):
    for num_steps in (1, 2, 4):
        assert_follows(sampled(subject, num_steps), RING, END.signal, END.sigma_t)


@pytest.mark.subject(
    kernel.noised_again,
    on_top_of_the_noise_at_the_end=lambda x, level, rng: (
        level.signal * (x / END.signal + level.sigma * rng.standard_normal(x.shape))
    ),
)
def test_fresh_noise_makes_up_the_difference_of_the_levels(subject, rng, assert_variance):
    """Data that are a single point, at twice the noise of END: a quarter of the variance was there before."""
    level = Level.from_sigma(2 * SIGMA_MIN)
    ends = END.sigma_t * rng.standard_normal((20_000, 2))
    assert_variance(subject(ends, level, rng), level.sigma_t**2)


def noise_on_vp_points(ends, level, rng):
    """Ends that are taken for VE points, though they are VP points at END."""
    return level.signal * (ends + np.sqrt(level.sigma**2 - SIGMA_MIN**2) * rng.standard_normal(ends.shape))


@pytest.mark.subject(kernel.noised_again, ve_forgotten=noise_on_vp_points)
def test_at_the_level_of_the_ends_no_noise_is_added(subject, rng):
    ends = rng.standard_normal((5, 2))
    np.testing.assert_allclose(subject(ends, END, rng), ends, rtol=1e-12)


def test_the_chance_distance_is_that_of_the_runs():
    """The squared distance of exact samples is, on average, the square of the distance by chance."""
    errors = [kernel.law_error(sampled(kernel.noised_again, 1, seed, 250), RING) for seed in range(60)]
    ratio = np.mean([(error.distance / error.expected) ** 2 for error in errors])
    assert 0.7 < ratio < 1.35


def test_consistency_sampling_is_that_loop_and_counts_its_passes():
    x, grid = kernel.noise(5, 40), kernel.levels(3)[:-1]
    work = lambda points, level: kernel.consistency_map.work(RING, points, level)  # noqa: E731
    run = finish(kernel.consistency_sampling.work(work, x, grid, seeded(6)))
    rng, ends = seeded(6), x
    for k, level in enumerate(grid):
        if k:
            ends = kernel.noised_again(ends, level, rng)
            np.testing.assert_array_equal(run.x[2 * k], ends)
        ends = kernel.consistency_map(RING, ends, level)
        np.testing.assert_array_equal(run.x[2 * k + 1], ends)
    assert list(run.nfe) == [0, 1, 1, 2, 2, 3]
    assert [level.sigma for level in run.levels[1::2]] == [SIGMA_MIN] * 3
    assert [level.sigma for level in run.levels[::2]] == [level.sigma for level in grid]


@pytest.mark.subject(kernel.levels, one_more=lambda n: kernel.levels(n + 1))
def test_every_second_level_is_that_of_half_the_steps(subject):
    for n in (1, 2, 4, 8):
        assert [level.sigma for level in subject(2 * n)[::2]] == pytest.approx(
            [level.sigma for level in kernel.levels(n)]
        )


def test_t_is_the_logarithm_of_sigma():
    assert kernel.level_at(0.0).sigma == pytest.approx(SIGMA_MIN)
    assert kernel.level_at(1.0).sigma == pytest.approx(80.0)
    assert kernel.level_at(0.5).sigma == pytest.approx(np.sqrt(80.0 * SIGMA_MIN))

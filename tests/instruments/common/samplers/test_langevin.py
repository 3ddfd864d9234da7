"""Annealed Langevin against the published algorithm and the exact law of a Gaussian under it."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.langevin import annealed_langevin, langevin_variance
from diffusion_lab.instruments.common.samplers.state import SamplerState

SIGMAS = np.geomspace(5.0, 0.2, 8)
LEVELS = Level.from_sigma(SIGMAS).split()
S = 0.5


def denoiser(x, level, condition=None):
    """Exact for N(0, S² I)."""
    return level.sigma_t * x / (level.alpha_bar * S**2 + level.var)


def langevin(move, level=lambda i: i):
    """A sampler in VE that steps by `move(x, score, sigma, step_size, z)`, with its sigma taken at `level(i)`."""

    def sampler(denoiser, x, levels, rng, *, num_steps, step_size):
        step, x = 0, x / levels[0].signal
        yield SamplerState(0, 0, levels[0], x * levels[0].signal)
        for i, here in enumerate(levels):
            used = levels[min(level(i), len(levels) - 1)].sigma
            for _ in range(num_steps):
                score = -denoiser(x * here.signal, here) / here.sigma
                x = move(x, score, used, step_size, rng.standard_normal(x.shape))
                step += 1
                yield SamplerState(step, step, here, x * here.signal)

    return sampler


def right(x, score, sigma, a, z):
    return x + a * sigma**2 * score + np.sqrt(2 * a * sigma**2) * z


def test_the_vp_step_is_the_ve_step():
    """What is written in VE in the paper, state for state, in VP coordinates."""
    x = np.random.default_rng(0).standard_normal((20, 2))
    runs = [
        list(sampler(denoiser, x, LEVELS, np.random.default_rng(1), num_steps=3, step_size=0.4))
        for sampler in (annealed_langevin, langevin(right))
    ]
    for one, other in zip(*runs, strict=True):
        np.testing.assert_allclose(one.x, other.x, rtol=1e-12, atol=1e-12)
        assert (one.step, one.nfe, one.level) == (other.step, other.nfe, other.level)


@pytest.mark.subject(
    annealed_langevin,
    sign_flipped=langevin(lambda x, score, sigma, a, z: right(x, -score, sigma, a, z)),
    missing_sqrt=langevin(lambda x, score, sigma, a, z: x + a * sigma**2 * score + 2 * a * sigma**2 * z),
    missing_two=langevin(lambda x, score, sigma, a, z: x + a * sigma**2 * score + np.sqrt(a) * sigma * z),
    step_in_sigma=langevin(lambda x, score, sigma, a, z: x + a * sigma * score + np.sqrt(2 * a * sigma) * z),
    off_by_one_level=langevin(right, level=lambda i: i + 1),
    noiseless_last_level=langevin(lambda x, score, sigma, a, z: right(x, score, sigma, a, z * (sigma > SIGMAS[-1]))),
)
def test_variance_follows_the_recursion(subject, rng, assert_variance):
    """Exact for a Gaussian, at the end of every level."""
    num_steps, step_size = 4, 0.4
    start = 0.6 * rng.standard_normal((20_000, 2))
    expected = langevin_variance(S, LEVELS, num_steps, step_size, initial_var=0.36)
    for state in subject(denoiser, start, LEVELS, rng, num_steps=num_steps, step_size=step_size):
        if state.step and state.step % num_steps == 0:
            assert_variance(state.x, expected[state.step // num_steps - 1])


def in_ve(s, sigmas, num_steps, step_size, initial_var):
    """`langevin_variance` of VE variances."""
    levels = Level.from_sigma(np.asarray(sigmas)).split()
    alpha_bar = np.array([level.alpha_bar for level in levels])
    return langevin_variance(s, levels, num_steps, step_size, initial_var * alpha_bar[0]) / alpha_bar


@pytest.mark.subject(
    in_ve,
    missing_square=lambda s, sigmas, n, a, v: _recursion(s, sigmas, n, a, v, power=1),
    half_the_noise=lambda s, sigmas, n, a, v: _recursion(s, sigmas, n, a, v, noise=1),
    one_step_too_many=lambda s, sigmas, n, a, v: in_ve(s, sigmas, n + 1, a, v),
    var_of_the_noise_only=lambda s, sigmas, n, a, v: in_ve(1e-6, sigmas, n, a, v),
    not_rescaled=lambda s, sigmas, n, a, v: langevin_variance(s, Level.from_sigma(sigmas).split(), n, a, v),
)
def test_recursion_has_its_closed_form(subject):
    """In VE, n steps at one level: V* + (1 - eps/var)^(2n) (V - V*), V* = var / (1 - eps/(2 var))."""
    a, n, variance, expected = 0.3, 7, 4.0, []
    for sigma in SIGMAS:
        var, eps = S**2 + sigma**2, a * sigma**2
        fixed = var / (1 - eps / (2 * var))
        variance = fixed + (1 - eps / var) ** (2 * n) * (variance - fixed)
        expected.append(variance)
    np.testing.assert_allclose(subject(S, SIGMAS, n, a, 4.0), expected, rtol=1e-12)


def _recursion(s, sigmas, num_steps, step_size, variance, power=2, noise=2):
    result = []
    for sigma in sigmas:
        eps = step_size * sigma**2
        for _ in range(num_steps):
            variance = (1 - eps / (s**2 + sigma**2)) ** power * variance + noise * eps
        result.append(variance)
    return np.array(result)


def test_discretised_langevin_is_biased_by_its_step():
    """Many steps at one level settle at var / (1 - eps/(2 var)), above var."""
    settled = in_ve(S, [1.0], 500, 0.5, initial_var=0.0)[0]
    assert settled == pytest.approx(1.25 / (1 - 0.5 / 2.5), rel=1e-12)


def song_ermon(score, x, sigmas, T, epsilon, rng):
    """Algorithm 1 of Song & Ermon 2019 as printed."""
    for sigma in sigmas:
        alpha = epsilon * sigma**2 / sigmas[-1] ** 2
        for _ in range(T):
            z = rng.standard_normal(x.shape)
            x = x + alpha / 2 * score(x, sigma) + np.sqrt(alpha) * z
    return x


@pytest.mark.subject(
    lambda step_size: 2 * step_size * SIGMAS[-1] ** 2,
    missing_two=lambda step_size: step_size * SIGMAS[-1] ** 2,
    missing_square=lambda step_size: 2 * step_size * SIGMAS[-1],
    first_level=lambda step_size: 2 * step_size * SIGMAS[0] ** 2,
)
def test_it_is_the_published_algorithm(subject):
    """Step for step with the paper's constant, 2 step_size sigma_L²: to rounding."""
    mixture = GaussianMixture([[1.0, 0.0], [-1.0, 0.5]], [0.3, 0.7], 0.2)
    ve_score = lambda x, sigma: mixture.score(x, 1.0, sigma)  # noqa: E731
    start = np.random.default_rng(1).standard_normal((50, 2))
    rng = np.random.default_rng(2)
    *_, last = annealed_langevin(MixtureDenoiser(mixture), start, LEVELS, rng, num_steps=6, step_size=0.3)
    ve_start = start / LEVELS[0].signal
    published = song_ermon(ve_score, ve_start, SIGMAS, 6, subject(0.3), np.random.default_rng(2))
    np.testing.assert_allclose(last.x / last.level.signal, published, rtol=0, atol=1e-11)


def at(factor):
    """The denoiser of another level, sigma times `factor`."""

    def change(mixture):
        def wrong(x, level, condition=None):
            there = Level.from_sigma(factor * level.sigma)
            return level.sigma / there.sigma * MixtureDenoiser(mixture)(x / level.signal * there.signal, there)

        return wrong

    return change


def stale(mixture):
    """Responsibilities from three levels above (of 60 between 20 and 0.01), the pull from this one."""

    def wrong(x, level, condition=None):
        x = x / level.signal
        r = mixture.responsibilities(x, 1.0, 1.47 * level.sigma)
        return -level.sigma * (r @ mixture.means - x) / mixture.var(1.0, level.sigma)

    return wrong


@pytest.mark.subject(
    MixtureDenoiser,
    sign_flipped=lambda mixture: lambda x, level, condition=None: -MixtureDenoiser(mixture)(x, level),
    one_level_above=at(1.138),
    one_level_below=at(1 / 1.138),
    stale_responsibilities=stale,
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_exact_law_is_left_as_it_is(subject, lopsided, rng, assert_follows):
    """Points drawn where the modes overlap stay so distributed under a fine step (bias: 0.2 % of the sd).

    By projections, and by the mean of |x|², sum_k w_k |signal mu_k|² + 2 var, to 4 standard errors.
    """
    level, n = Level.from_sigma(0.6), 10_000
    x = level.signal * lopsided.sample(n, rng)[0] + level.sigma_t * rng.standard_normal((n, 2))
    assert_follows(x, lopsided, level.signal, level.sigma_t)
    *_, last = annealed_langevin(subject(lopsided), x, [level], rng, num_steps=300, step_size=0.01)
    assert_follows(last.x, lopsided, level.signal, level.sigma_t)
    square = np.sum(last.x**2, axis=1)
    truth = level.alpha_bar * lopsided.weights @ np.sum(lopsided.means**2, axis=1) + 2 * lopsided.var(
        level.signal, level.sigma_t
    )
    assert abs(square.mean() - truth) < 4 * square.std() / np.sqrt(n)


def test_a_state_after_every_step_and_one_evaluation_each(rng):
    calls = []

    def counted(x, level, condition=None):
        calls.append(level.sigma)
        return denoiser(x, level)

    start = np.ones((3, 2))
    two = Level.from_sigma(np.array([2.0, 1.0])).split()
    run = annealed_langevin(counted, start, two, rng, num_steps=3, step_size=0.1)
    assert not calls  # nothing is computed before it is asked for
    first, *states = run
    np.testing.assert_array_equal(first.x, start)
    assert [state.step for state in states] == [state.nfe for state in states] == [1, 2, 3, 4, 5, 6]
    assert [state.level.sigma for state in states] == calls == [2.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    np.testing.assert_array_equal(start, 1)
    assert len({id(state.x) for state in states}) == 6


def test_a_seed_gives_the_same_run_bit_for_bit():
    start = np.ones((5, 2))
    options = {"num_steps": 3, "step_size": 0.2}
    first, again = (
        [state.x for state in annealed_langevin(denoiser, start, LEVELS, np.random.default_rng(3), **options)]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


ONE = [Level.from_sigma(1.0)]


@pytest.mark.parametrize(
    ("levels", "num_steps", "step_size", "message"),
    [
        ([*ONE, CLEAN], 1, 0.1, "`levels` must be noisy, got sigma = 0: leave out the clean level."),
        ([], 1, 0.1, "`levels` must hold at least 1 level, got 0."),
        (ONE, 0, 0.1, "`num_steps` must be at least 1, got 0."),
        (ONE, 1, 2.0, "`step_size` must be above 0 and below 2, got 2.0."),
        (ONE, 1, 0, "`step_size` must be above 0 and below 2, got 0."),
    ],
)
def test_refusals_come_at_the_call(levels, num_steps, step_size, message, rng):
    with pytest.raises(ValueError) as refusal:
        annealed_langevin(denoiser, np.zeros((1, 2)), levels, rng, num_steps=num_steps, step_size=step_size)
    assert str(refusal.value) == message
    with pytest.raises(ValueError) as refusal:
        langevin_variance(S, levels, num_steps, step_size, initial_var=1.0)
    assert str(refusal.value) == message

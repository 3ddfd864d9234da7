"""Annealed Langevin against the published algorithm and the exact law of a Gaussian under it."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers import LangevinState, annealed_langevin, langevin_variance

SIGMAS = np.geomspace(5.0, 0.2, 8)
S = 0.5


def score(x, sigma):
    """Exact VE score of N(0, S² I)."""
    return -x / (S**2 + sigma**2)


def langevin(move, level=lambda i: i):
    """A sampler that steps by `move(x, score, sigma, step_size, z)`, with its sigma taken at `level(i)`."""

    def sampler(score, x, sigmas, num_steps, step_size, rng):
        for i, sigma in enumerate(sigmas):
            used = sigmas[min(level(i), len(sigmas) - 1)]
            for step in range(1, num_steps + 1):
                x = move(x, score(x, sigma), used, step_size, rng.standard_normal(x.shape))
                yield LangevinState(i, step, sigma, x)

    return sampler


def right(x, score, sigma, a, z):
    return x + a * sigma**2 * score + np.sqrt(2 * a * sigma**2) * z


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
    start = 3.0 * rng.standard_normal((20_000, 2))
    expected = langevin_variance(S, SIGMAS, num_steps, step_size, initial_var=9.0)
    for state in subject(score, start, SIGMAS, num_steps, step_size, rng):
        if state.step == num_steps:
            assert_variance(state.x, expected[state.level])


@pytest.mark.subject(
    langevin_variance,
    missing_square=lambda s, sigmas, n, a, v: _recursion(s, sigmas, n, a, v, power=1),
    half_the_noise=lambda s, sigmas, n, a, v: _recursion(s, sigmas, n, a, v, noise=1),
    one_step_too_many=lambda s, sigmas, n, a, v: langevin_variance(s, sigmas, n + 1, a, v),
    var_of_the_noise_only=lambda s, sigmas, n, a, v: langevin_variance(1e-6, sigmas, n, a, v),
)
def test_recursion_has_its_closed_form(subject):
    """n steps at one level: V* + (1 - eps/var)^(2n) (V - V*), V* = var / (1 - eps/(2 var))."""
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
    settled = langevin_variance(S, [1.0], 500, 0.5, initial_var=0.0)[0]
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
    start = 5 * np.random.default_rng(1).standard_normal((50, 2))
    *_, last = annealed_langevin(ve_score, start, SIGMAS, 6, 0.3, np.random.default_rng(2))
    published = song_ermon(ve_score, start, SIGMAS, 6, subject(0.3), np.random.default_rng(2))
    np.testing.assert_allclose(last.x, published, rtol=0, atol=1e-11)


def score_at(factor):
    return lambda mixture, x, sigma: mixture.score(x, 1.0, factor * sigma)


def stale(mixture, x, sigma):
    """Responsibilities from three levels above (of 60 between 20 and 0.01), the pull from this one."""
    r = mixture.responsibilities(x, 1.0, 1.47 * sigma)
    return (r @ mixture.means - x) / mixture.var(1.0, sigma)


@pytest.mark.subject(
    score_at(1.0),
    sign_flipped=lambda mixture, x, sigma: -mixture.score(x, 1.0, sigma),
    missing_sqrt=lambda mixture, x, sigma: mixture.score(x, 1.0, np.sqrt(sigma)),
    one_level_above=score_at(1.138),
    one_level_below=score_at(1 / 1.138),
    stale_responsibilities=stale,
)
def test_the_exact_law_is_left_as_it_is(subject, lopsided, rng, assert_follows):
    """Points drawn where the modes overlap stay so distributed under a fine step (bias: 0.2 % of the sd).

    By projections, and by the mean of |x|², sum_k w_k |mu_k|² + 2 var, to 4 standard errors.
    """
    sigma, n = 0.6, 10_000
    x = lopsided.sample(n, rng)[0] + sigma * rng.standard_normal((n, 2))
    assert_follows(x, lopsided, 1.0, sigma)
    *_, last = annealed_langevin(lambda x, sigma: subject(lopsided, x, sigma), x, [sigma], 300, 0.01, rng)
    assert_follows(last.x, lopsided, 1.0, sigma)
    square = np.sum(last.x**2, axis=1)
    truth = lopsided.weights @ np.sum(lopsided.means**2, axis=1) + 2 * lopsided.var(1.0, sigma)
    assert abs(square.mean() - truth) < 4 * square.std() / np.sqrt(n)


def test_a_state_after_every_step_and_one_evaluation_each(rng):
    calls = []

    def counted(x, sigma):
        calls.append(sigma)
        return score(x, sigma)

    start = np.ones((3, 2))
    run = annealed_langevin(counted, start, [2.0, 1.0], 3, 0.1, rng)
    assert not calls  # nothing is computed before it is asked for
    states = list(run)
    assert [(state.level, state.step) for state in states] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    assert [state.sigma for state in states] == calls == [2.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    np.testing.assert_array_equal(start, 1)
    assert len({id(state.x) for state in states}) == 6


def test_a_seed_gives_the_same_run_bit_for_bit():
    start = np.ones((5, 2))
    first, again = (
        [state.x for state in annealed_langevin(score, start, SIGMAS, 3, 0.2, np.random.default_rng(3))]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 0.0], 1, 0.1), "`sigmas` must be above 0, got [1.0, 0.0]: leave out the last 0."),
        (([], 1, 0.1), "`sigmas` must have shape (L,), L >= 1, got shape (0,)."),
        (([1.0], 0, 0.1), "`num_steps` must be at least 1, got 0."),
        (([1.0], 1, 2.0), "`step_size` must be above 0 and below 2, got 2.0."),
        (([1.0], 1, 0), "`step_size` must be above 0 and below 2, got 0."),
    ],
)
def test_refusals_come_at_the_call(arguments, message, rng):
    with pytest.raises(ValueError) as refusal:
        annealed_langevin(score, np.zeros((1, 2)), *arguments, rng)
    assert str(refusal.value) == message
    with pytest.raises(ValueError) as refusal:
        langevin_variance(S, *arguments, initial_var=1.0)
    assert str(refusal.value) == message

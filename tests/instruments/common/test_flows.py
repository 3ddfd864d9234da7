"""Velocities against the score, finite differences, Monte Carlo and the continuity equation; straightness."""

import numpy as np
import pytest
from scipy import integrate as quadrature
from scipy import stats

from diffusion_lab.instruments.common import flows
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.flows import (
    DIFFUSION,
    RECTIFIED,
    conditional_point,
    conditional_velocity,
    draw_pairs_through,
    marginal_velocity,
    score_of_velocity,
    straightness,
    velocity_variance,
)
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.flow import equal_times, flow_heun, runge_kutta_4

PATHS = (RECTIFIED, DIFFUSION)
TIMES = (0.0, 0.1, 0.5, 0.9, 1.0)


def level(path, t):
    c = path.at(t)
    return c.signal, c.sigma


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_rates_are_the_derivatives_of_the_coefficients(path):
    h = 1e-6
    for t in (0.1, 0.5, 0.9):
        c, (a0, b0), (a1, b1) = path.at(t), level(path, t - h), level(path, t + h)
        assert c.signal_rate == pytest.approx((a1 - a0) / (2 * h), rel=1e-8)
        assert c.half_square_rate == pytest.approx((b1**2 - b0**2) / (4 * h), rel=1e-8)


def test_paths_end_at_data_and_begin_at_noise():
    assert level(RECTIFIED, 0.0) == (0, 1)
    assert level(RECTIFIED, 1.0) == level(DIFFUSION, 1.0) == (1, 0)
    assert level(DIFFUSION, 0.0) == pytest.approx((np.exp(-3), np.sqrt(1 - np.exp(-6))))


@pytest.mark.subject(
    conditional_velocity,
    backwards=lambda noise, data, t, path: conditional_velocity(data, noise, t, path),
    always_a_line=lambda noise, data, t, path: data - noise,
    one_clock_for_both=lambda noise, data, t, path: conditional_velocity(noise, data, 1 - t, path),
)
def test_conditional_velocity_is_the_derivative_of_the_point(subject, rng):
    noise, data = rng.standard_normal((2, 5, 2))
    h = 1e-6
    for path in PATHS:
        for t in (0.2, 0.7):
            slope = conditional_point(noise, data, t + h, path) - conditional_point(noise, data, t - h, path)
            np.testing.assert_allclose(subject(noise, data, t, path), slope / (2 * h), rtol=1e-6, atol=1e-8)


def test_the_rectified_velocity_is_data_minus_noise_at_every_time(rng):
    noise, data = rng.standard_normal((2, 5, 2))
    for t in TIMES:
        np.testing.assert_array_equal(conditional_velocity(noise, data, t), data - noise)


def test_what_has_no_answer_is_refused(rng):
    noise, data = rng.standard_normal((2, 5, 2))
    with pytest.raises(ValueError, match="`t` must be below 1 on this path, got 1"):
        conditional_velocity(noise, data, 1.0, DIFFUSION)
    with pytest.raises(ValueError, match=r"`t` must lie between 0 and 1, got 1\.1"):
        conditional_point(noise, data, 1.1)
    with pytest.raises(ValueError, match="`t` must be below 1, got 1"):
        draw_pairs_through(ring(), np.zeros(2), 1.0, 3, rng)
    with pytest.raises(ValueError, match="even number of steps, got 3"):
        straightness(np.zeros((4, 2, 2)), np.zeros((4, 2, 2)))


def rescaled_score(change):
    def score(v, x, t, path=RECTIFIED):
        return change(score_of_velocity(v, x, t, path), v, x, t)

    return score


@pytest.mark.subject(
    score_of_velocity,
    downhill=rescaled_score(lambda score, v, x, t: -score),
    that_of_the_other_path=lambda v, x, t, path: score_of_velocity(v, x, t, PATHS[path is RECTIFIED]),
    noise_in_place_of_score=rescaled_score(lambda score, v, x, t: score * (1 - t)),
)
def test_the_score_follows_from_the_velocity(subject, lopsided, rng):
    """It equals the mixture's own score, at every t where the velocity depends on the noise."""
    x = 2 * rng.standard_normal((30, 2))
    for path in PATHS:
        for t in (0.0, 0.3, 0.98):
            v = marginal_velocity(lopsided, x, t, path)
            np.testing.assert_allclose(subject(v, x, t, path), lopsided.score(x, *level(path, t)), rtol=1e-8, atol=1e-8)


def test_at_the_end_of_a_straight_path_the_velocity_gives_no_score():
    with pytest.raises(ValueError, match=r"`t` must be below 1 on this path, got 1"):
        score_of_velocity(np.zeros(2), np.zeros(2), 1.0)
    assert np.isfinite(score_of_velocity(np.zeros(2), np.zeros(2), 1.0, DIFFUSION)).all()


# --- the marginal velocity -------------------------------------------------------------------------------------------


def wrong_velocity(change):
    """A velocity made of E[data | x] and E[noise | x] in a wrong way: `change(data, noise, c)`."""

    def velocity(mixture, x, t, path=RECTIFIED):
        c = path.at(t)
        data = mixture.posterior_mean(x, c.signal, c.sigma)
        noise = -c.sigma * mixture.score(x, c.signal, c.sigma)
        return change(data, noise, c)

    return velocity


WRONG = {
    "backwards": lambda m, x, t, path=RECTIFIED: -marginal_velocity(m, x, t, path),
    "data_only": wrong_velocity(lambda data, noise, c: c.signal_rate * data),
    "sum": wrong_velocity(lambda data, noise, c: data + noise),
    "one_step_late": lambda m, x, t, path=RECTIFIED: marginal_velocity(m, x, min(1.0, t + 0.02), path),
    "missing_square": lambda m, x, t, path=RECTIFIED: marginal_velocity(
        GaussianMixture(m.means, m.weights, np.sqrt(m.s)), x, t, path
    ),
    "equal_weights": lambda m, x, t, path=RECTIFIED: marginal_velocity(
        GaussianMixture(m.means, np.full(len(m.weights), 1 / len(m.weights)), m.s), x, t, path
    ),
}


@pytest.mark.subject(marginal_velocity, **WRONG)
def test_rectified_velocity_is_the_mean_of_data_minus_noise_by_components(subject, lopsided, rng):
    """The sum of science over components, written out with SciPy's own densities."""
    x = 2 * rng.standard_normal((40, 2))
    for t in TIMES:
        var = t**2 * lopsided.s**2 + (1 - t) ** 2
        parts = [
            w * stats.multivariate_normal.pdf(x, t * mu, var)
            for w, mu in zip(lopsided.weights, lopsided.means, strict=True)
        ]
        total = np.zeros_like(x)
        for r, mu in zip(np.array(parts) / np.sum(parts, axis=0), lopsided.means, strict=True):
            data = mu + t * lopsided.s**2 / var * (x - t * mu)
            noise = (1 - t) / var * (x - t * mu)
            total += r[:, None] * (data - noise)
        np.testing.assert_allclose(subject(lopsided, x, t), total, rtol=1e-9, atol=1e-10)


@pytest.mark.subject(marginal_velocity, **WRONG)
def test_diffusion_velocity_is_the_probability_flow_of_the_score(subject, lopsided, rng):
    """dx/dt = 3 (x + score) towards the data, the score from the mixture's own code."""
    x = 2 * rng.standard_normal((40, 2))
    for t in TIMES:
        expected = 3 * (x + lopsided.score(x, *level(DIFFUSION, t)))
        np.testing.assert_allclose(subject(lopsided, x, t, DIFFUSION), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.subject(marginal_velocity, **WRONG)
def test_velocity_obeys_the_continuity_equation(subject, lopsided, rng):
    """d(log p)/dt + div v + v·score = 0 along the densities of x_t: central differences, errors of order 1e-8."""
    x, h = 1.5 * rng.standard_normal((60, 2)), 1e-4
    for path in PATHS:
        for t in (0.2, 0.6, 0.9):
            change = lopsided.log_density(x, *level(path, t + h)) - lopsided.log_density(x, *level(path, t - h))
            divergence = sum(
                subject(lopsided, x + h * e, t, path)[:, j] - subject(lopsided, x - h * e, t, path)[:, j]
                for j, e in enumerate(np.eye(2))
            )
            along = np.sum(subject(lopsided, x, t, path) * lopsided.score(x, *level(path, t)), axis=1)
            np.testing.assert_allclose((change + divergence) / (2 * h) + along, 0, atol=2e-4)


@pytest.mark.subject(marginal_velocity, **WRONG)
def test_velocity_is_the_mean_of_the_pairs_that_pass(subject, lopsided, rng):
    """Monte Carlo over whole pairs that land in cells of 0.5: standardised mean of (data - noise) - velocity."""
    n = 200_000
    data, _ = lopsided.sample(n, rng)
    noise = rng.standard_normal(data.shape)
    for path in PATHS:
        x = conditional_point(noise, data, 0.7, path)
        residual = conditional_velocity(noise, data, 0.7, path) - subject(lopsided, x, 0.7, path)
        cell = np.floor(x / 0.5).astype(int)
        for where in ([0, 0], [1, 0], [-1, 1], [0, -2]):
            inside = residual[np.all(cell == where, axis=1)]
            z = inside.mean(axis=0) / (inside.std(axis=0) / np.sqrt(len(inside)))
            assert len(inside) > 500
            assert np.all(np.abs(z) < stats.norm.isf(1e-4 / 32)), (path.name, where, z)


def test_velocity_is_finite_for_a_vanishing_width():
    mixture = GaussianMixture(ring().means, ring().weights, 1e-6)
    x = np.array([[0.0, 2.0], [0.0, 0.0], [3.0, -1.0], [1e6, 0.0]])
    for path in PATHS:
        for t in (0.0, 0.5, 1 - 1e-9, 1.0):
            assert np.isfinite(marginal_velocity(mixture, x, t, path)).all()


def test_velocity_at_both_ends(lopsided, rng):
    """At t = 0 it leads to the mean of the data, at t = 1 it is the point itself: E[data] = x, E[noise] = 0."""
    x = rng.standard_normal((9, 2))
    np.testing.assert_allclose(marginal_velocity(lopsided, x, 0.0), lopsided.weights @ lopsided.means - x, atol=1e-14)
    np.testing.assert_allclose(marginal_velocity(lopsided, x, 1.0), x, rtol=1e-12)


@pytest.mark.subject(
    velocity_variance,
    within_only=lambda m, x, t: 2 * m.s**2 / (t**2 * m.s**2 + (1 - t) ** 2) + 0 * x[..., 0],
    one_dimension=lambda m, x, t: velocity_variance(m, x, t) - m.s**2 / (t**2 * m.s**2 + (1 - t) ** 2),
    unscaled=lambda m, x, t: (1 - t) ** 2 * velocity_variance(m, x, t),
)
def test_spread_and_mean_are_those_of_the_pairs_that_meet(subject, lopsided, rng):
    """20,000 exact posterior draws at three points: their mean and mean square, at 5 standard errors."""
    for x, t in (([0.2, 0.1], 0.5), ([-0.5, 0.6], 0.7), ([1.0, 0.0], 0.2)):
        noise, data, component = draw_pairs_through(lopsided, x, t, 20_000, rng)
        np.testing.assert_allclose(conditional_point(noise, data, t), np.tile(x, (20_000, 1)), atol=1e-12)
        assert component.shape == (20_000,)
        residual = data - noise - marginal_velocity(lopsided, np.array(x), t)
        assert np.all(np.abs(residual.mean(axis=0)) < 5 * residual.std(axis=0) / np.sqrt(20_000))
        square = np.sum(residual**2, axis=1)
        gap = square.mean() - float(subject(lopsided, np.array(x), t))
        assert abs(gap) < 5 * square.std() / np.sqrt(20_000)


def test_draws_that_meet_on_the_diffusion_path_average_to_its_velocity(lopsided, rng):
    x = np.array([0.3, -0.4])
    noise, data, _ = draw_pairs_through(lopsided, x, 0.6, 20_000, rng, DIFFUSION)
    v = conditional_velocity(noise, data, 0.6, DIFFUSION)
    z = (v.mean(axis=0) - marginal_velocity(lopsided, x, 0.6, DIFFUSION)) / (v.std(axis=0) / np.sqrt(20_000))
    assert np.all(np.abs(z) < 5)


@pytest.mark.subject(
    marginal_velocity,
    **{name: WRONG[name] for name in ("backwards", "data_only", "sum", "missing_square", "equal_weights")},
)
def test_the_flow_carries_noise_to_the_data(subject, lopsided, rng, assert_follows):
    noise = rng.standard_normal((8000, 2))
    with np.errstate(all="ignore"):
        *_, last = flow_heun(lambda x, t: subject(lopsided, x, t), noise, equal_times(64))
    x = np.nan_to_num(last.x, nan=1e3, posinf=1e3, neginf=-1e3)
    assert_follows(x, lopsided, 1.0, 0.0)


# --- straightness ----------------------------------------------------------------------------------------------------


def gaussian_flow(m, s, n, steps, rng):
    mixture = GaussianMixture(np.array([[m]]), np.ones(1), s)
    return runge_kutta_4(lambda x, t: marginal_velocity(mixture, x, t), rng.standard_normal((n, 1)), steps)


@pytest.mark.subject(
    straightness,
    of_the_nodes=lambda z, v: straightness(z, np.gradient(z, axis=0)),
    not_squared=lambda z, v: flows.Estimate.of(np.abs(v - (z[-1] - z[0])).sum(axis=2).mean(axis=0)),
    without_the_chord=lambda z, v: straightness(z - z, v),
    reference_half_way=lambda z, v: straightness(np.concatenate([z[:1], 2 * z[1:]]), v),
)
def test_straightness_of_a_gaussian_is_its_closed_form(subject, rng):
    """N(0,1) to N(m,s²): Z_t = t m + sd(t) z, so S = ∫ (sd' - (s-1))² dt · mean z², here exact given the draws."""
    for m, s in ((1.0, 0.2), (0.0, 3.0), (-2.0, 0.5), (0.0, 1.0)):
        states, velocities = gaussian_flow(m, s, 300, 256, rng)
        sd_rate = lambda t, s=s: (t * s**2 - (1 - t)) / np.sqrt(t**2 * s**2 + (1 - t) ** 2)  # noqa: E731
        factor = quadrature.quad(lambda t, s=s, f=sd_rate: (f(t) - (s - 1)) ** 2, 0, 1, epsabs=1e-12)[0]
        expected = factor * np.mean(states[0] ** 2)
        if s == 1.0:  # noise to the same noise: in and out again
            assert factor == pytest.approx(2 - np.pi / 2)
        found = subject(states, velocities)
        assert found.value == pytest.approx(expected, rel=1e-5)
        assert found.error == pytest.approx(factor * np.std(states[0] ** 2, ddof=1) / np.sqrt(300), rel=1e-5)


def test_straightness_is_energy_minus_cost(rng):
    """S = ∫ E|v|² dt - E|Z_1 - Z_0|², since v integrates to the chord. On the ring, with Simpson's rule."""
    mixture, n = ring(), 128
    states, v = runge_kutta_4(lambda x, t: marginal_velocity(mixture, x, t), rng.standard_normal((200, 2)), n)
    energy = quadrature.simpson(np.sum(v**2, axis=2).mean(axis=1), dx=1 / n)
    cost = flows.transport_cost(states[0], states[-1]).value
    assert straightness(states, v).value == pytest.approx(energy - cost, abs=1e-5)


def test_one_exact_reflow_of_a_gaussian_pair_is_straight(rng):
    """On a line, pairs (z, T(z)) do not cross: their marginal velocity is T(z) - z, and S vanishes."""
    m, s = 1.5, 0.4  # T(z) = m + s z, and x = (1-t) z + t T(z) gives z back
    velocity = lambda x, t: m + (s - 1) * (x - t * m) / (1 - t + t * s)  # noqa: E731
    states, v = runge_kutta_4(velocity, rng.standard_normal((100, 1)), 16)
    np.testing.assert_allclose(states[-1], m + s * states[0], atol=1e-12)
    assert straightness(states, v).value < 1e-25
    assert straightness(*gaussian_flow(m, s, 100, 128, rng)).value > 0.05


def test_detour_is_one_for_a_line_at_any_speed_and_half_pi_for_a_half_circle():
    t = np.linspace(0, 1, 401)[:, None, None]
    line = t**3 * np.array([[1.0, 2.0], [-3.0, 0.5]])
    assert flows.detour(line).value == pytest.approx(1, abs=1e-12)
    arc = np.concatenate([np.cos(np.pi * t), np.sin(np.pi * t)], axis=2).repeat(2, axis=1)
    assert flows.detour(arc).value == pytest.approx(np.pi / 2, rel=1e-5)


def test_an_estimate_carries_its_standard_error(rng):
    """Over 400 repeats the value scatters as the error says, to 15 %."""
    made = [flows.Estimate.of(rng.exponential(size=200)) for _ in range(400)]
    assert np.std([e.value for e in made]) == pytest.approx(np.mean([e.error for e in made]), rel=0.15)

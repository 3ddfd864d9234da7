"""Schedules by their differential equation, by round trip, and by the points they describe."""

import numpy as np
import pytest

from diffusion_lab.instruments.common import schedules
from diffusion_lab.instruments.common.parameterisation import noise

LEVELS = np.linspace(0.01, 0.99, 99)


@pytest.mark.subject(
    schedules.exponential_alpha_bar,
    half_beta=lambda t: np.exp(-3 * t),
    linear_in_t_squared=lambda t: np.exp(-6 * t * t),
    signal_for_alpha_bar=lambda t: np.sqrt(schedules.exponential_alpha_bar(t)),
)
def test_chain_of_small_steps_is_the_one_jump(subject):
    """prod(1 - beta dt) over n steps tends to alpha_bar(t), with an error of beta² t dt / 2 in its log."""
    n = 100_000
    for t in (0.1, 0.5, 1.0):
        chain = np.prod(np.full(n, 1 - schedules.EXPONENTIAL_BETA * t / n))
        assert np.log(chain) == pytest.approx(np.log(subject(t)), abs=36 * t * t / n)


def test_noise_is_nearly_but_not_exactly_pure_at_the_end():
    assert schedules.exponential_alpha_bar(0.0) == 1.0
    assert np.sqrt(schedules.exponential_alpha_bar(1.0)) == pytest.approx(0.0497871, abs=1e-7)


@pytest.mark.subject(
    schedules.exponential_t,
    without_rate=lambda alpha_bar: -np.log(alpha_bar),
    of_signal=lambda alpha_bar: -np.log(alpha_bar) / 3,
)
def test_time_inverts_alpha_bar(subject):
    t = np.linspace(0, 1, 101)
    np.testing.assert_allclose(subject(schedules.exponential_alpha_bar(t)), t, rtol=0, atol=3e-16)


def test_clean_data_are_at_time_zero_not_minus_zero():
    assert str(schedules.exponential_t(1.0)) == "0.0"


@pytest.mark.subject(
    schedules.snr,
    upside_down=lambda alpha_bar: (1 - alpha_bar) / alpha_bar,
    amplitude=lambda alpha_bar: np.sqrt(alpha_bar / (1 - alpha_bar)),
)
def test_snr_is_one_over_sigma_squared(subject):
    np.testing.assert_allclose(subject(LEVELS), schedules.sigma_from_alpha_bar(LEVELS) ** -2, rtol=1e-13)


@pytest.mark.subject(
    schedules.log_snr,
    decibel=lambda alpha_bar: 10 * np.log10(schedules.snr(alpha_bar)),
    of_amplitude=lambda alpha_bar: 0.5 * schedules.log_snr(alpha_bar),
)
def test_log_snr_is_the_natural_log(subject):
    np.testing.assert_allclose(np.exp(subject(LEVELS)), LEVELS / (1 - LEVELS), rtol=1e-13)
    assert subject(0.5) == 0


def test_snr_at_the_ends():
    assert schedules.snr(0.0) == 0
    assert schedules.snr(1.0) == np.inf
    assert schedules.log_snr(0.0) == -np.inf
    assert schedules.log_snr(1.0) == np.inf


@pytest.mark.subject(
    schedules.sigma_from_alpha_bar,
    missing_sqrt=lambda alpha_bar: (1 - alpha_bar) / alpha_bar,
    unscaled=lambda alpha_bar: np.sqrt(1 - alpha_bar),
)
def test_sigma_is_the_noise_of_the_rescaled_point(subject, rng):
    """x_VP / sqrt(alpha_bar) = x0 + sigma eps."""
    x0, eps = rng.standard_normal((2, 7, 2))
    for alpha_bar in (0.0025, 0.3, 0.999):
        x_ve = noise(x0, eps, alpha_bar) / np.sqrt(alpha_bar)
        np.testing.assert_allclose(x_ve, x0 + subject(alpha_bar) * eps, rtol=0, atol=1e-13)


@pytest.mark.subject(
    schedules.alpha_bar_from_sigma,
    missing_square=lambda sigma: 1 / (1 + sigma),
    complement=lambda sigma: sigma**2 / (1 + sigma**2),
)
def test_vp_and_ve_round_trip(subject):
    np.testing.assert_allclose(subject(schedules.sigma_from_alpha_bar(LEVELS)), LEVELS, rtol=1e-14)
    sigma = np.geomspace(0.01, 1000, 50)
    np.testing.assert_allclose(schedules.sigma_from_alpha_bar(subject(sigma)), sigma, rtol=1e-12)
    assert subject(0.0) == 1.0


def test_coefficients_lie_on_the_unit_circle():
    signal, sigma_t = schedules.vp_coefficients(LEVELS)
    np.testing.assert_allclose(signal**2, LEVELS, rtol=1e-15)
    np.testing.assert_allclose(signal**2 + sigma_t**2, 1, rtol=1e-15)


@pytest.mark.subject(
    schedules.geometric_sigmas,
    linear=np.linspace,
    one_level_more=lambda sigma_max, sigma_min, n: np.geomspace(sigma_max, sigma_min, n + 1),
    short_of_the_end=lambda sigma_max, sigma_min, n: np.geomspace(sigma_max, sigma_min, n, endpoint=False),
)
def test_geometric_levels_keep_one_ratio_and_both_ends(subject):
    sigmas = subject(20.0, 0.01, 60)
    assert sigmas.shape == (60,)
    assert (sigmas[0], sigmas[-1]) == (20.0, 0.01)
    np.testing.assert_allclose(sigmas[1:] / sigmas[:-1], (0.01 / 20.0) ** (1 / 59), rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedules.exponential_alpha_bar(-0.1), "`t` must be at least 0, got -0.1."),
        (lambda: schedules.exponential_t(0.0), "`alpha_bar` must be above 0 and at most 1, got 0.0."),
        (lambda: schedules.snr(1.5), "`alpha_bar` must lie between 0 and 1, got 1.5."),
        (lambda: schedules.log_snr(np.nan), "`alpha_bar` must lie between 0 and 1, got nan."),
        (lambda: schedules.sigma_from_alpha_bar(0), "`alpha_bar` must be above 0 and at most 1, got 0."),
        (lambda: schedules.alpha_bar_from_sigma(-1), "`sigma` must be at least 0, got -1."),
        (lambda: schedules.geometric_sigmas(20, 0.01, 1), "`n` must be at least 2, got 1."),
        (lambda: schedules.geometric_sigmas(20, 0, 9), "`sigma_min` must be above 0, got 0."),
        (lambda: schedules.geometric_sigmas(1, 2, 9), "`sigma_max` must be above `sigma_min` = 2, got 1."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

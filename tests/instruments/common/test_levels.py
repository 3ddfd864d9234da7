"""A level's numbers: one from the other without loss, at any noise, for floats and arrays."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.parameterisation import noise

SHARES = np.linspace(0.01, 0.99, 99)


def naive_from_sigma(sigma):
    """By way of alpha_bar, which is 1 to rounding where the noise is small."""
    return Level.from_alpha_bar(1 / (1 + np.square(sigma)))


@pytest.mark.subject(Level.from_sigma, by_way_of_alpha_bar=naive_from_sigma)
def test_tiny_noise_keeps_its_digits(subject):
    for sigma in (1e-12, 1e-9, 1e-5, 0.01, 1.0, 80.0, 1e6):
        level = subject(sigma)
        assert level.sigma == pytest.approx(sigma, rel=1e-15, abs=0)
        assert level.sigma_t / level.signal == pytest.approx(sigma, rel=1e-15, abs=0)
        assert level.half_log_snr == pytest.approx(-np.log(sigma), rel=1e-14, abs=0)
        assert level.var == pytest.approx(sigma**2 / (1 + sigma**2), rel=1e-14, abs=0)


@pytest.mark.subject(
    Level.from_alpha_bar,
    missing_sqrt=lambda a: Level(a, (1 - a) / a, np.sqrt(a), np.sqrt(1 - a)),
    unscaled=lambda a: Level(a, np.sqrt(1 - a), np.sqrt(a), np.sqrt(1 - a)),
    signal_for_alpha_bar=lambda a: Level.from_alpha_bar(np.sqrt(a)),
)
def test_sigma_is_the_noise_of_the_rescaled_point(subject, rng):
    """x_VP / signal = x0 + sigma eps."""
    x0, eps = rng.standard_normal((2, 7, 2))
    for alpha_bar in (0.0025, 0.3, 0.999):
        level = subject(alpha_bar)
        x_ve = noise(x0, eps, alpha_bar) / level.signal
        np.testing.assert_allclose(x_ve, x0 + level.sigma * eps, rtol=0, atol=1e-13)
        np.testing.assert_allclose(noise(x0, eps, alpha_bar), level.signal * x0 + level.sigma_t * eps, atol=1e-15)


@pytest.mark.subject(
    Level.from_sigma,
    missing_square=lambda sigma: Level.from_alpha_bar(1 / (1 + sigma)),
    complement=lambda sigma: Level.from_alpha_bar(sigma**2 / (1 + sigma**2)),
)
def test_vp_and_ve_round_trip(subject):
    np.testing.assert_allclose(subject(Level.from_alpha_bar(SHARES).sigma).alpha_bar, SHARES, rtol=1e-14)
    sigma = np.geomspace(0.01, 1000, 50)
    np.testing.assert_allclose(Level.from_alpha_bar(subject(sigma).alpha_bar).sigma, sigma, rtol=1e-12)
    assert subject(0.0) == CLEAN


def test_coefficients_lie_on_the_unit_circle():
    level = Level.from_alpha_bar(SHARES)
    np.testing.assert_allclose(level.signal**2, SHARES, rtol=1e-15)
    np.testing.assert_allclose(level.signal**2 + level.sigma_t**2, 1, rtol=1e-15)


@pytest.mark.subject(
    lambda level: level.snr,
    upside_down=lambda level: 1 / level.snr,
    amplitude=lambda level: np.sqrt(level.snr),
)
def test_snr_is_the_ratio_of_the_shares(subject):
    np.testing.assert_allclose(subject(Level.from_alpha_bar(SHARES)), SHARES / (1 - SHARES), rtol=1e-13)


@pytest.mark.subject(
    lambda level: level.log_snr,
    decibel=lambda level: 10 * np.log10(level.snr),
    of_amplitude=lambda level: level.half_log_snr,
)
def test_log_snr_is_the_natural_log_and_goes_back(subject):
    level = Level.from_alpha_bar(SHARES)
    np.testing.assert_allclose(np.exp(subject(level)), SHARES / (1 - SHARES), rtol=1e-13)
    np.testing.assert_allclose(Level.from_log_snr(subject(level)).alpha_bar, SHARES, rtol=1e-13)
    assert subject(Level.from_alpha_bar(0.5)) == 0


def test_both_ends():
    assert Level.from_alpha_bar(1.0) == CLEAN
    assert (CLEAN.snr, CLEAN.log_snr, CLEAN.half_log_snr) == (np.inf, np.inf, np.inf)
    pure = Level.from_alpha_bar(0.0)
    assert (pure.sigma, pure.signal, pure.sigma_t) == (np.inf, 0, 1)
    assert (pure.snr, pure.log_snr) == (0, -np.inf)


def test_an_array_of_levels_is_split_into_floats():
    sigmas = np.array([3.0, 1.0, 0.0])
    levels = Level.from_sigma(sigmas).split()
    assert levels == [Level.from_sigma(sigma) for sigma in sigmas]
    assert all(type(part) is float for level in levels for part in vars(level).values())
    assert Level.from_sigma(0.3).split() == [Level.from_sigma(0.3)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Level.from_alpha_bar(1.5), "`alpha_bar` must lie between 0 and 1, got 1.5."),
        (lambda: Level.from_alpha_bar(np.nan), "`alpha_bar` must lie between 0 and 1, got nan."),
        (lambda: Level.from_sigma(-1), "`sigma` must be at least 0 and finite, got -1."),
        (lambda: Level.from_sigma(np.inf), "`sigma` must be at least 0 and finite, got inf."),
        (lambda: Level.from_log_snr(np.inf), "`log_snr` must be finite, got inf."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.subject(lambda level: level.angle, sine=lambda level: level.sigma_t, of_sigma=lambda level: level.sigma)
def test_equal_angles_move_a_point_equally_far(subject):
    """Between a point and noise at right angles to it, equally long, the path is a quarter of a circle."""
    x0, eps = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    levels = Level.from_sigma(np.tan(np.linspace(0, 1.5, 31))).split()
    turned = np.diff([subject(level) for level in levels])
    moved = np.diff([level.signal * x0 + level.sigma_t * eps for level in levels], axis=0)
    np.testing.assert_allclose(np.hypot(*moved.T), 2 * np.sin(turned / 2), rtol=1e-12)
    assert CLEAN.angle == 0

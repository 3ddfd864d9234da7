"""Measures against brute force, and their exact values against large samples."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common import metrics
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.mixtures import GaussianMixture

LEVELS = [(1.0, 0.0), (0.9, 0.4), (0.5, 0.85), (0.05, 1.0), (1.0, 3.0)]


def noised(mixture, n, signal, sigma, rng):
    x0, _ = mixture.sample(n, rng)
    return signal * x0 + sigma * rng.standard_normal(x0.shape)


def test_measures_count_what_they_say(rng):
    x, means = rng.standard_normal((200, 2)), rng.standard_normal((5, 2))
    distance = np.array([[np.hypot(*(point - mean)) for mean in means] for point in x])
    np.testing.assert_array_equal(metrics.nearest(x, means), distance.argmin(axis=1))
    mass = [np.mean(distance.argmin(axis=1) == k) for k in range(5)]
    np.testing.assert_allclose(metrics.mode_mass(x, means), mass, rtol=1e-15)
    assert metrics.fraction_within(x, means, 0.5) == np.mean([row.min() <= 0.5 for row in distance])
    assert metrics.mode_mass(means[:1], means).tolist() == [1, 0, 0, 0, 0]


@pytest.mark.subject(
    metrics.mode_mass_truth,
    weights=lambda m, signal, sigma: m.weights,
    unscaled=lambda m, signal, sigma: metrics.mode_mass_truth(m, 1.0, np.sqrt(m.var(signal, sigma) - m.s**2 + 1e-9)),
    without_own_width=lambda m, signal, sigma: metrics.mode_mass_truth(
        GaussianMixture(m.means, m.weights, 1e-3), signal, sigma
    ),
    at_the_scaled_means=lambda m, signal, sigma: metrics.mode_mass_truth(
        GaussianMixture(signal * m.means, m.weights, m.s), 1.0, sigma
    ),
)
def test_mode_mass_truth_is_the_expected_mode_mass(subject, lopsided, rng, assert_counts):
    n = 200_000
    for signal, sigma in LEVELS:
        x = noised(lopsided, n, signal, sigma, rng)
        assert_counts(n * metrics.mode_mass(x, lopsided.means), subject(lopsided, signal, sigma))


def test_ring_masses_are_equal_at_every_level():
    for signal, sigma in LEVELS:
        np.testing.assert_allclose(metrics.mode_mass_truth(ring(), signal, sigma), 1 / 6, rtol=0, atol=1e-12)


@pytest.mark.subject(
    metrics.fraction_within_truth,
    own_disc_only=lambda m, radius, signal, sigma: metrics.fraction_within_truth(
        GaussianMixture(m.means[:1], np.ones(1), m.s), radius, signal, sigma
    ),
    scaled_discs=lambda m, radius, signal, sigma: metrics.fraction_within_truth(m, radius, 1.0, sigma),
    equal_weights=lambda m, radius, signal, sigma: metrics.fraction_within_truth(
        GaussianMixture(m.means, np.full(4, 0.25), m.s), radius, signal, sigma
    ),
    without_own_width=lambda m, radius, signal, sigma: metrics.fraction_within_truth(
        GaussianMixture(m.means, m.weights, 1e-3), radius, signal, sigma
    ),
)
def test_fraction_within_truth_is_the_expected_fraction(subject, lopsided, rng, assert_counts):
    n = 200_000
    for signal, sigma in LEVELS:
        hits = n * metrics.fraction_within(noised(lopsided, n, signal, sigma, rng), lopsided.means, 0.7)
        truth = subject(lopsided, 0.7, signal, sigma)
        assert_counts(np.array([hits, n - hits]), np.array([truth, 1 - truth]))


def test_fraction_within_three_sigma_of_clean_data():
    """1 - exp(-9/2) within one's own disc; the other discs add less than 1e-10 on the ring."""
    truth = metrics.fraction_within_truth(ring(), 0.6, 1.0, 0.0)
    assert truth == pytest.approx(1 - np.exp(-4.5), abs=1e-10)


def test_fraction_within_truth_equals_noncentral_chi_square(lopsided):
    for signal, sigma in LEVELS:
        var = lopsided.var(signal, sigma)
        gaps = np.sum((signal * lopsided.means[:, None] - lopsided.means) ** 2, axis=2)
        truth = lopsided.weights @ stats.ncx2.cdf(0.49 / var, 2, gaps / var).sum(axis=1)
        found = metrics.fraction_within_truth(lopsided, 0.7, signal, sigma)
        assert found == pytest.approx(truth, abs=1e-10)


@pytest.mark.subject(
    metrics.binomial_standard_error,
    variance=lambda p, n: p * (1 - p) / n,
    missing_complement=lambda p, n: np.sqrt(p / n),
    of_the_count=lambda p, n: np.sqrt(p * (1 - p) * n),
)
def test_standard_error_is_the_spread_of_the_fraction(subject):
    for p in (0.1, 0.5, 0.9):
        assert subject(p, 520) == pytest.approx(stats.binom.std(520, p) / 520, rel=1e-12)


def test_standard_error_of_a_certainty_is_zero():
    np.testing.assert_array_equal(metrics.binomial_standard_error([0.0, 1.0, 1 + 1e-15, -1e-15], 9), 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.fraction_within_truth(ring(s=0.4), 1.2, 1.0, 0.0),
            "`radius` must be at most 1, half the smallest distance between means, got 1.2: discs",
        ),
        (
            lambda: metrics.mode_mass_truth(GaussianMixture([[0.0]], [1.0], 1.0), 1.0, 0.0),
            "`mixture` must be planar, d = 2, got d = 1.",
        ),
        (lambda: metrics.binomial_standard_error(0.5, 0), "`n` must be at least 1, got 0."),
        (lambda: metrics.binomial_standard_error(1.5, 9), "`p` must lie between 0 and 1, got 1.5."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value).startswith(message)

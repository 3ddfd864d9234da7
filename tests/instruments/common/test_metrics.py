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


# --- overlapping discs -----------------------------------------------------------------------------------------------


def test_the_union_of_discs_is_exact_where_discs_are_apart():
    """Against the sum of Rice probabilities, to a thousandth."""
    mixture, radius = ring(), 0.6
    union = metrics.DiscUnion.of(mixture.means, radius)
    for signal, sigma in LEVELS:
        exact = metrics.fraction_within_truth(mixture, radius, signal, sigma)
        assert union.probability(mixture, signal, sigma) == pytest.approx(exact, abs=6e-4)


@pytest.mark.subject(
    lambda mixture, radius: metrics.DiscUnion.of(mixture.means, radius),
    counted_twice=lambda mixture, radius: DiscSum(mixture, radius),
    smaller=lambda mixture, radius: metrics.DiscUnion.of(mixture.means, 0.97 * radius),
    upside_down=lambda mixture, radius: upside_down(metrics.DiscUnion.of(mixture.means, radius)),
    one_cell_aside=lambda mixture, radius: aside(metrics.DiscUnion.of(mixture.means, radius)),
    without_five=lambda mixture, radius: metrics.DiscUnion.of(mixture.means[5:], radius),
)
def test_overlapping_discs_hold_what_a_large_sample_says(subject, rng):
    """The discs of a crowd without symmetry, 400 000 points a level: at 1e-4 in all, and the grid's own 1e-3."""
    means = rng.standard_normal((30, 2)) * (1.0, 0.5)
    mixture, radius, n = GaussianMixture(means, np.full(30, 1 / 30), 0.12), 0.36, 400_000
    union = subject(mixture, radius)
    for signal, sigma in LEVELS[:4]:
        seen = metrics.fraction_within(noised(mixture, n, signal, sigma, rng), means, radius)
        truth = union.probability(mixture, signal, sigma)
        assert abs(seen - truth) < 1e-3 + 4.2 * np.sqrt(truth * (1 - truth) / n)


class DiscSum:
    """Each disc for itself, added up."""

    def __init__(self, mixture, radius):
        self.discs = [metrics.DiscUnion.of(mean[None], radius) for mean in mixture.means]

    def probability(self, mixture, signal, sigma):
        return min(1.0, sum(disc.probability(mixture, signal, sigma) for disc in self.discs))


def upside_down(union):
    return metrics.DiscUnion(union.lower, union.cell, union.share[::-1])


def aside(union):
    return metrics.DiscUnion(union.lower + union.cell, union.cell, union.share)


# --- distance to the exact density -----------------------------------------------------------------------------------


def pairwise_mmd(x, mixture, signal, sigma, width):
    """The same by Gaussian integrals and all pairs: the cloud's, the cloud's with the law, the law's."""

    def squared(a, b):
        return np.sum((a[:, None] - b) ** 2, axis=2)

    w, mu, h2, var = mixture.weights, signal * mixture.means, width**2, mixture.var(signal, sigma)
    law = w @ (h2 / (h2 + 2 * var) * np.exp(-squared(mu, mu) / (2 * (h2 + 2 * var)))) @ w
    across = np.mean(h2 / (h2 + var) * np.exp(-squared(x, mu) / (2 * (h2 + var))) @ w)
    cloud = np.mean(np.exp(-squared(x, x) / (2 * h2)))
    return np.sqrt(cloud - 2 * across + law), np.sqrt((1 - law) / len(x))


def measured(change):
    """`mmd` with its arguments passed through `change`."""
    return lambda *arguments: metrics.mmd(*change(*arguments))


@pytest.mark.subject(
    metrics.mmd,
    wider_kernel=measured(lambda x, m, a, b, h: (x, m, a, b, 1.05 * h)),
    axes_exchanged=measured(lambda x, m, a, b, h: (x[:, ::-1], m, a, b, h)),
    mirrored=measured(lambda x, m, a, b, h: (x * (-1, 1), m, a, b, h)),
    another_level=measured(lambda x, m, a, b, h: (x, m, a, b + 0.05, h)),
    equal_weights=measured(lambda x, m, a, b, h: (x, GaussianMixture(m.means, np.full(4, 0.25), m.s), a, b, h)),
)
def test_mmd_is_that_of_the_gaussian_kernel(subject, lopsided, rng):
    for signal, sigma in [*LEVELS[:4], (1.0, 1.5)]:
        for x in (noised(lopsided, 300, signal, sigma, rng), rng.standard_normal((200, 2)) + np.array([1, 0])):
            for width in (0.5, 0.8):
                found = subject(x, lopsided, signal, sigma, width)
                distance, expected = pairwise_mmd(x, lopsided, signal, sigma, width)
                assert found.distance == pytest.approx(distance, rel=3e-3)
                assert found.expected == pytest.approx(expected, rel=1e-3)


@pytest.mark.subject(
    metrics.mmd,
    on_one_lattice=lambda x, m, a, b: metrics.mmd_from(metrics.characteristic(x), len(x), m, a, b),
)
@pytest.mark.parametrize("scale", [5.0, 12.0])
def test_mmd_of_a_wide_cloud_does_not_wrap(subject, scale, lopsided, rng):
    """A kernel that repeats would find points at its period near the data: 12.5 units on the coarse lattice."""
    x = scale * rng.uniform(-1, 1, (300, 2))
    x[:40] = lopsided.means[0] + (12.5, 0.0)
    found = subject(x, lopsided, 1.0, 0.3)
    assert found.distance == pytest.approx(pairwise_mmd(x, lopsided, 1.0, 0.3, 0.5)[0], rel=3e-3)


@pytest.mark.subject(
    lambda found: found.expected,
    half=lambda found: found.expected / np.sqrt(2),
    of_more_points=lambda found: found.expected * np.sqrt(300 / 390),
)
def test_perfect_draws_come_to_what_is_expected_of_them(subject, lopsided, rng):
    """Mean of MMD² over 400 clouds against its expectation, within four standard errors."""
    found = [metrics.mmd(noised(lopsided, 300, 0.9, 0.4, rng), lopsided, 0.9, 0.4) for _ in range(400)]
    squares = np.array([one.distance**2 for one in found])
    assert abs(squares.mean() - subject(found[0]) ** 2) < 4 * squares.std() / 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.mmd(np.zeros((0, 2)), ring(), 1.0, 0.1),
            "`x` must have shape (N, 2), N >= 1, got shape (0, 2).",
        ),
        (lambda: metrics.mmd(np.zeros((1, 2)), ring(), 1.0, 0.1, 0.0), "`width` must be above 0, got 0.0."),
        (
            lambda: metrics.DiscUnion.of(np.zeros((0, 2)), 1.0),
            "`centres` must have shape (K, 2), K >= 1, got shape (0, 2).",
        ),
        (lambda: metrics.DiscUnion.of(np.zeros((1, 2)), 0.0), "`radius` must be above 0, got 0.0."),
    ],
)
def test_unions_and_distances_refuse(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

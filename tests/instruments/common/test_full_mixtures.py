"""Mixtures of full covariance against SciPy, finite differences, Monte Carlo and the round ones; their code."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common import full_mixtures
from diffusion_lab.instruments.common.full_mixtures import MAX_GAUSSIANS, FullMixture, decode, encode
from diffusion_lab.instruments.common.metrics import fraction_within_truth, mmd
from diffusion_lab.instruments.common.mixtures import GaussianMixture

LEVELS = [(1.0, 0.0), (0.9, np.sqrt(0.19)), (0.3, np.sqrt(0.91)), (0.0, 1.0), (1.0, 5.0)]
EXTENT = 3.2


def turned(angle, along, across):
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = axes @ np.diag([along**2, across**2]) @ axes.T
    covariance[1, 0] = covariance[0, 1]
    return covariance


@pytest.fixture
def tilted():
    covariances = np.array([turned(0.5, 0.9, 0.2), turned(2.0, 0.4, 0.3), turned(1.2, 0.15, 0.6)])
    return FullMixture(np.array([[-1.0, 0.3], [1.2, 0.9], [0.4, -1.5]]), np.array([0.5, 0.3, 0.2]), covariances)


def law(mixture, signal, sigma):
    """The components as SciPy's distributions, and their weights."""
    noise = sigma**2 * np.eye(2)
    pairs = zip(mixture.means, mixture.covariances, strict=True)
    return [stats.multivariate_normal(signal * mean, signal**2 * c + noise) for mean, c in pairs], mixture.weights


def changed(method, change):
    """`method` of another mixture."""
    return lambda mixture, *rest: method(change(mixture), *rest)


def round_ones(mixture):
    widths = np.sqrt(np.linalg.det(mixture.covariances))
    return FullMixture(mixture.means, mixture.weights, widths[:, None, None] * np.eye(2))


def mirrored(mixture):
    return FullMixture(mixture.means, mixture.weights, mixture.covariances * np.array([[1, -1], [-1, 1]]))


def equally_weighted(mixture):
    return FullMixture(mixture.means, np.full(3, 1 / 3), mixture.covariances)


WRONG = {"round": round_ones, "mirrored": mirrored, "equally_weighted": equally_weighted}


@pytest.mark.subject(
    FullMixture.log_density, **{name: changed(FullMixture.log_density, change) for name, change in WRONG.items()}
)
def test_the_density_is_scipy_s(subject, tilted, rng):
    x = rng.standard_normal((5, 4, 2))
    for signal, sigma in LEVELS:
        parts, weights = law(tilted, signal, sigma)
        expected = np.log(sum(w * part.pdf(x) for w, part in zip(weights, parts, strict=True)))
        np.testing.assert_allclose(subject(tilted, x, signal, sigma), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.subject(
    FullMixture.score,
    downhill=lambda m, *at: -m.score(*at),
    of_the_clean_data=lambda m, x, signal, sigma: m.score(x, 1.0, 0.0),
    **{name: changed(FullMixture.score, change) for name, change in WRONG.items()},
)
def test_the_score_is_the_gradient_of_the_log_density(subject, tilted, rng):
    x, h = 1.5 * rng.standard_normal((30, 2)), 1e-5
    for signal, sigma in LEVELS:
        slopes = [
            (tilted.log_density(x + step, signal, sigma) - tilted.log_density(x - step, signal, sigma)) / (2 * h)
            for step in h * np.eye(2)
        ]
        np.testing.assert_allclose(subject(tilted, x, signal, sigma), np.stack(slopes, axis=1), rtol=1e-5, atol=1e-5)


@pytest.mark.subject(
    FullMixture.posterior_mean,
    the_mean_of_the_data=lambda m, x, signal, sigma: np.broadcast_to(m.weights @ m.means, x.shape),
    **{name: changed(FullMixture.posterior_mean, change) for name, change in WRONG.items()},
)
def test_the_posterior_mean_is_tweedie_s_and_at_signal_0_the_mean_of_the_data(subject, tilted, rng):
    x = rng.standard_normal((30, 2))
    for signal, sigma in LEVELS:
        if signal:
            expected = (x + sigma**2 * tilted.score(x, signal, sigma)) / signal
        else:
            expected = np.tile(tilted.weights @ tilted.means, (30, 1))
        np.testing.assert_allclose(subject(tilted, x, signal, sigma), expected, rtol=1e-9, atol=1e-9)


def test_round_ones_are_the_common_mixture(lopsided, rng):
    full = FullMixture(lopsided.means, lopsided.weights, np.tile(lopsided.s**2 * np.eye(2), (4, 1, 1)))
    x = rng.standard_normal((40, 2))
    for signal, sigma in LEVELS:
        for name in ("log_density", "score", "posterior_mean", "responsibilities"):
            ours, theirs = (getattr(mixture, name)(x, signal, sigma) for mixture in (full, lopsided))
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)
        ours, theirs = mmd(x, full, signal, sigma), mmd(x, lopsided, signal, sigma)
        assert (ours.distance, ours.expected) == pytest.approx((theirs.distance, theirs.expected), rel=1e-9)
    apart = GaussianMixture(np.array([[-2.0, 0.0], [2.0, 1.0]]), np.array([0.3, 0.7]), 0.3)
    full = FullMixture(apart.means, apart.weights, np.tile(0.09 * np.eye(2), (2, 1, 1)))
    for signal, sigma in LEVELS:
        truth = fraction_within_truth(apart, 0.9, signal, sigma)
        assert full.within_truth(3.0, signal, sigma) == pytest.approx(truth, abs=1e-3)


@pytest.mark.subject(
    FullMixture.sample,
    **{name: changed(FullMixture.sample, change) for name, change in WRONG.items() if name != "equally_weighted"},
)
def test_samples_have_the_covariance_of_their_component(subject, tilted, rng):
    """40,000 points: Wishart's standard error of an entry is below 1.5 % of the largest variance."""
    x, component = subject(tilted, 40_000, rng)
    for k, covariance in enumerate(tilted.covariances):
        own = x[component == k]
        assert len(own) / len(x) == pytest.approx(tilted.weights[k], abs=0.015)
        np.testing.assert_allclose(np.cov(own.T), covariance, atol=0.05 * np.abs(covariance).max())
        np.testing.assert_allclose(own.mean(axis=0), tilted.means[k], atol=0.05)


@pytest.mark.subject(
    FullMixture.within_truth, **{name: changed(FullMixture.within_truth, change) for name, change in WRONG.items()}
)
def test_the_true_share_within_the_ellipses_is_that_of_many_draws(subject, tilted, rng):
    """200,000 draws at three levels: standard error 0.001."""
    x0, _ = tilted.sample(200_000, rng)
    eps = rng.standard_normal(x0.shape)
    for signal, sigma in LEVELS[:3]:
        share = tilted.within(signal * x0 + sigma * eps, 2.0).mean()
        assert subject(tilted, 2.0, signal, sigma) == pytest.approx(share, abs=0.005)


def test_the_discrepancy_of_draws_is_what_is_expected_and_of_others_larger(tilted, rng):
    x, _ = tilted.sample(4000, rng)
    found = mmd(x, tilted, 1.0, 0.0)
    assert found.distance < 1.6 * found.expected
    assert mmd(x, mirrored(tilted), 1.0, 0.0).distance > 5 * found.expected


def test_the_largest_deviation_is_that_of_the_longest_axis(tilted):
    assert tilted.largest_sd == pytest.approx(0.9, rel=1e-12)


# --- as a text -------------------------------------------------------------------------------------------------------


def test_a_text_holds_a_mixture_to_its_last_digit(rng):
    means, sds, angles = rng.uniform(-3, 3, (5, 2)), rng.uniform(0.1, 1.5, (5, 2)), rng.uniform(-4, 4, 5)
    weights = rng.uniform(0.1, 1, 5)
    text = encode(means, sds, angles, weights, EXTENT)
    found = decode(text, EXTENT)
    assert len(text) == 60
    np.testing.assert_allclose(found.means, means, atol=EXTENT / 1295)
    np.testing.assert_allclose(found.weights, weights / weights.sum(), atol=1e-3)
    expected = np.array([turned(angle, *sd) for angle, sd in zip(angles, sds, strict=True)])
    np.testing.assert_allclose(found.covariances, expected, atol=6e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "twelve characters for each of 1 or more Gaussians"),
        ("0" * 11, "twelve characters"),
        ("A" * 12, "only 0-9 and a-z, got A"),
        ("0" * 12 * (MAX_GAUSSIANS + 1), f"at most {MAX_GAUSSIANS} Gaussians"),
    ],
)
def test_a_text_that_is_no_mixture_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        decode(text, EXTENT)


@pytest.mark.parametrize("step", [0, 1, 648, 1295])
def test_an_angle_comes_back_as_it_was_written(step):
    """It is one of 1296 of a half-turn."""
    angle = np.pi * step / 1296
    (a, b), (_, d) = decode(encode([[0.0, 0.0]], [[1.55, 0.05]], [angle], [1.0], 3.0), 3.0).covariances[0]
    assert 0.5 * np.arctan2(2 * b, a - d) % np.pi == pytest.approx(angle, abs=1e-9)


def test_every_text_of_digits_is_a_mixture_with_a_score():
    for text in ("0" * 12, "z" * 24, "00zz00zz0000"):
        mixture = decode(text, EXTENT)
        assert np.isfinite(mixture.score(np.array([[3.0, -3.0]]), 1.0, 0.0)).all()
        assert full_mixtures.SD[0] <= mixture.largest_sd <= full_mixtures.SD[1] + 1e-9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": np.array([0.5, 0.5])}, r"shape \(K,\)"),
        ({"weights": np.array([0.5, 0.5, 0.1])}, "sum to 1"),
        ({"covariances": np.tile(np.array([[1.0, 2.0], [2.0, 1.0]]), (3, 1, 1))}, "positive definite"),
        ({"means": np.full((3, 2), np.nan)}, "`means` must be finite"),
    ],
)
def test_what_is_no_mixture_is_refused(tilted, change, words):
    parts = {"means": tilted.means, "weights": tilted.weights, "covariances": tilted.covariances}
    with pytest.raises(ValueError, match=words):
        FullMixture(**parts | change)

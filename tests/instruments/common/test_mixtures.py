"""The mixture against SciPy, finite differences, Bayes and Monte-Carlo conditional means."""

import numpy as np
import pytest
from scipy import special, stats

from diffusion_lab.instruments.common import mixtures
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.mixtures import GaussianMixture, squared_distances
from diffusion_lab.instruments.common.parameterisation import convert

VP = [(np.sqrt(a), np.sqrt(1 - a)) for a in (1.0, 0.9, 0.4, 0.05, 0.0)]
VE = [(1.0, sigma) for sigma in (0.05, 0.7, 20.0)]
LEVELS = [*VP, *VE]

log_density, score = GaussianMixture.log_density, GaussianMixture.score
posterior_mean, responsibilities = GaussianMixture.posterior_mean, GaussianMixture.responsibilities


def with_var(method, var):
    """`method` of a mixture that has the wrong variance `var(mixture, signal, sigma)`."""

    def wrong(mixture, x, signal, sigma):
        crooked = GaussianMixture(mixture.means, mixture.weights, mixture.s)
        object.__setattr__(crooked, "var", lambda signal, sigma: var(mixture, signal, sigma))
        return method(crooked, x, signal, sigma)

    return wrong


def wrong_score(pull):
    """The score with `pull(responsibilities, means, signal)` for the place that a point is pulled towards."""

    def wrong(mixture, x, signal, sigma):
        r = mixture.responsibilities(x, signal, sigma)
        return (pull(r, mixture.means, signal) - x) / mixture.var(signal, sigma)

    return wrong


def stale_score(mixture, x, signal, sigma):
    """Responsibilities from another noise level than the pull."""
    r = mixture.responsibilities(x, signal, 1.5 * sigma + 0.1)
    return (signal * r @ mixture.means - x) / mixture.var(signal, sigma)


def equal_weights(method):
    return lambda mixture, *rest: method(
        GaussianMixture(mixture.means, np.full(len(mixture.weights), 1 / len(mixture.weights)), mixture.s),
        *rest,
    )


@pytest.mark.subject(
    log_density,
    var_without_signal=with_var(log_density, lambda m, a, b: m.s**2 + b**2 + 0 * a),
    sd_for_var=with_var(log_density, lambda m, a, b: np.sqrt(a**2 * m.s**2 + b**2)),
    unscaled_means=lambda m, x, a, b: m.log_density(x, 1.0, np.sqrt(m.var(a, b) - m.s**2 + 1e-6)),
    equal_weights=equal_weights(log_density),
    unnormalised=lambda m, x, a, b: m.log_density(x, a, b) + np.log(2 * np.pi * m.var(a, b)),
)
def test_log_density_equals_scipy(subject, lopsided, rng):
    x = 2 * rng.standard_normal((40, 2))
    for signal, sigma in VP[1:]:
        parts = [
            np.log(w) + stats.multivariate_normal.logpdf(x, signal * mu, signal**2 * lopsided.s**2 + sigma**2)
            for w, mu in zip(lopsided.weights, lopsided.means, strict=True)
        ]
        found = subject(lopsided, x, signal, sigma)
        np.testing.assert_allclose(found, special.logsumexp(parts, axis=0), rtol=1e-12, atol=1e-12)


@pytest.mark.subject(
    score,
    sign_flipped=lambda m, *at: -m.score(*at),
    missing_sqrt=lambda m, x, a, b: m.score(x, a, np.sqrt(b)),
    var_without_signal=with_var(score, lambda m, a, b: m.s**2 + b**2 + 0 * a),
    unscaled_means=wrong_score(lambda r, means, signal: r @ means),
    nearest_only=wrong_score(lambda r, means, signal: signal * means[r.argmax(-1)]),
    stale_responsibilities=stale_score,
    equal_weights=equal_weights(score),
)
def test_score_is_the_gradient_of_log_density(subject, lopsided, rng):
    """Central differences of the density tested above; their own error is about 1e-8 of the score's size."""
    for signal, sigma in LEVELS:
        var = lopsided.var(signal, sigma)
        x = signal * lopsided.means[rng.integers(4, size=60)] + 1.5 * np.sqrt(var) * rng.standard_normal((60, 2))
        h = 1e-5 * np.sqrt(var)
        gradient = np.stack(
            [
                (lopsided.log_density(x + e, signal, sigma) - lopsided.log_density(x - e, signal, sigma)) / (2 * h)
                for e in h * np.eye(2)
            ],
            axis=1,
        )
        np.testing.assert_allclose(subject(lopsided, x, signal, sigma), gradient, rtol=0, atol=1e-7 / np.sqrt(var))


@pytest.mark.subject(
    posterior_mean,
    data_without_width=lambda m, x, a, b: m.responsibilities(x, a, b) @ m.means,
    tweedie_sign_flipped=lambda m, x, a, b: (x - b**2 * m.score(x, a, b)) / a,
    tweedie_missing_square=lambda m, x, a, b: (x + b * m.score(x, a, b)) / a,
    tweedie_unscaled=lambda m, x, a, b: x + b**2 * m.score(x, a, b),
    equal_weights=equal_weights(posterior_mean),
)
def test_posterior_mean_is_the_conditional_mean(subject, lopsided, rng):
    """E[(x0 - m(x)) g(x)] = 0 for every g, and for m = E[x0 | x] alone. z-tests, 80 of them, each at 1e-6."""
    n = 100_000
    x0, _ = lopsided.sample(n, rng)
    eps = rng.standard_normal((n, 2))
    for signal, sigma in [*VP[1:-1], (1.0, 0.7)]:
        x = signal * x0 + sigma * eps
        error = x0 - subject(lopsided, x, signal, sigma)
        for g in (np.ones(n), x[:, 0], x[:, 1], np.sin(2 * x[:, 0]), np.exp(-np.sum(x**2, axis=1))):
            z = np.sqrt(n) * np.mean(error * g[:, None], axis=0) / np.std(error * g[:, None], axis=0)
            assert np.all(np.abs(z) < stats.norm.isf(5e-7)), f"level {signal:.2f}, {sigma:.2f}: z = {z}"


def test_tweedie_holds_through_the_conversions(lopsided, rng):
    x = 2 * rng.standard_normal((50, 2))
    for alpha_bar in (0.999, 0.9, 0.4, 0.05):
        signal, sigma = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
        x0_hat = convert(lopsided.score(x, signal, sigma), x, alpha_bar, "score", "x0_hat")
        np.testing.assert_allclose(x0_hat, lopsided.posterior_mean(x, signal, sigma), rtol=0, atol=1e-12)


def test_without_signal_the_posterior_is_the_mean_of_the_data(lopsided):
    mean = lopsided.weights @ lopsided.means
    np.testing.assert_allclose(lopsided.posterior_mean([[3.0, -2.0]], 0.0, 1.0), [mean], rtol=1e-14)


@pytest.mark.subject(
    responsibilities,
    equal_weights=equal_weights(responsibilities),
    stale=lambda m, x, a, b: m.responsibilities(x, a, 1.5 * b),
    unscaled_means=lambda m, x, a, b: m.responsibilities(x, 1.0, b),
    unnormalised=lambda m, x, a, b: m.responsibilities(x, a, b) * m.weights,
)
def test_responsibilities_are_what_bayes_says(subject, lopsided, rng):
    """p(k | x) as the share of component k in the density, at levels where plain exponentials suffice."""
    x = rng.standard_normal((30, 2))
    for signal, sigma in VP[1:4]:
        var = signal**2 * lopsided.s**2 + sigma**2
        joint = lopsided.weights * [
            [stats.multivariate_normal.pdf(point, signal * mu, var) for mu in lopsided.means] for point in x
        ]
        found = subject(lopsided, x, signal, sigma)
        np.testing.assert_allclose(found, joint / joint.sum(axis=1, keepdims=True), rtol=1e-10, atol=1e-14)


def raw_exp_score(mixture, x, signal, sigma):
    """The score without log-sum-exp: 0/0 wherever every exponential underflows."""
    var = mixture.var(signal, sigma)
    with np.errstate(all="ignore"):
        r = mixture.weights * np.exp(-squared_distances(x, mixture.means, signal).T / (2 * var))
        r /= r.sum(axis=1, keepdims=True)
        return (signal * r @ mixture.means - x) / var


@pytest.mark.subject(score, raw_exp=raw_exp_score)
def test_score_stays_exact_at_tiny_variance_and_far_away(subject):
    """Where one component holds all, the score is its own (mu - x) / var to the last digits."""
    sharp = GaussianMixture(ring().means, ring().weights, 1e-6)  # var = 1e-12
    offsets = np.array([[0, 0], [1e-6, -2e-6], [0.3, 0.1], [-1e-3, 0]])
    x = (sharp.means[:, None] + offsets).reshape(-1, 2)
    truth = (np.repeat(sharp.means, len(offsets), axis=0) - x) / 1e-12
    np.testing.assert_allclose(subject(sharp, x, 1.0, 0.0), truth, rtol=1e-12)
    for far in (1e3, 1e8, 1e100, 1e140):
        x = far * np.array([[0.6, 0.8], [-1.0, 0.0]])
        np.testing.assert_allclose(subject(sharp, x, 1.0, 0.0), -x / 1e-12, rtol=1e-14, atol=2.001 / 1e-12)


def test_nothing_is_nan_at_tiny_variance_or_far_away(rng):
    sharp = GaussianMixture(ring().means, ring().weights, 1e-6)
    near = rng.standard_normal((500, 2))
    for x in (near, sharp.means, np.zeros((1, 2)), 1e6 * near, 1e100 * near):
        r = sharp.responsibilities(x, 1.0, 0.0)
        np.testing.assert_allclose(r.sum(axis=1), 1, rtol=1e-14)
        assert np.isfinite(sharp.log_density(x, 1.0, 0.0)).all()
        assert np.isfinite(sharp.posterior_mean(x, 1.0, 0.0)).all()
        np.testing.assert_allclose(sharp.posterior_mean(x, 1.0, 0.0), x, rtol=1e-12, atol=1e-12)


def test_density_integrates_to_one(lopsided):
    """Trapezoid rule on a grid that holds all the mass."""
    axis = np.linspace(-6, 6, 301)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    for signal, sigma in VP[:4]:
        density = np.exp(lopsided.log_density(grid, signal, sigma))
        assert density.shape == (301, 301)
        assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("name", ["log_density", "responsibilities", "score", "posterior_mean"])
def test_shapes_and_levels_may_vary_by_point(name, lopsided, rng):
    x = rng.standard_normal((3, 4, 2))
    signal, sigma = np.sqrt(np.linspace(0.1, 0.9, 12)).reshape(3, 4), np.linspace(2, 0.1, 12).reshape(3, 4)
    method = getattr(lopsided, name)
    together = method(x, signal, sigma)
    for i in np.ndindex(3, 4):
        np.testing.assert_allclose(together[i], method(x[i], signal[i], sigma[i]), rtol=1e-14, atol=1e-13)
    before = x.copy()
    method(x, 0.5, 0.5)
    np.testing.assert_array_equal(x, before)


def only_the_first_block(m, x, signal, sigma):
    score = m.score(x, signal, sigma)
    score[mixtures.BLOCK // len(m.means) :] = score[-1]
    return score


@pytest.mark.subject(
    GaussianMixture.score,
    only_the_first_block=only_the_first_block,
    another_level=lambda m, x, signal, sigma: m.score(x, signal, sigma + 1e-6),
)
def test_the_quick_way_gives_the_same_score(subject, lopsided, rng):
    """Over several blocks of points, at one level, against the way that takes a level for each point."""
    x = 3 * rng.standard_normal((2 * mixtures.BLOCK // 4 + 77, 2))
    for signal, sigma in ((1.0, 0.0), (0.9, 0.4), (0.05, 1.0), (1.0, 20.0)):
        slow = lopsided.score(x, np.full(len(x), signal), np.full(len(x), sigma))
        np.testing.assert_allclose(subject(lopsided, x, signal, sigma), slow, rtol=1e-11, atol=1e-12)


@pytest.mark.subject(
    GaussianMixture.sample,
    equal_weights=equal_weights(GaussianMixture.sample),
    var_for_sd=lambda m, *rest: GaussianMixture(m.means, m.weights, m.s**2).sample(*rest),
    shuffled_components=lambda m, n, rng: (m.sample(n, rng)[0], rng.permutation(m.sample(n, rng)[1])),
)
def test_samples_follow_the_mixture(subject, lopsided, rng, assert_counts, assert_variance, assert_follows):
    x, component = subject(lopsided, 20_000, rng)
    assert_counts(np.bincount(component, minlength=4), lopsided.weights)
    assert_variance(x - lopsided.means[component], lopsided.s**2)
    assert_follows(x, lopsided, 1.0, 0.0)


def test_a_seed_gives_the_same_sample():
    first, again = (ring().sample(50, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_a_mixture_cannot_change():
    means = np.zeros((1, 2))
    mixture = GaussianMixture(means, np.ones(1), 1.0)
    means += 1
    assert not mixture.means.any()
    with pytest.raises(ValueError, match="read-only"):
        mixture.means += 1
    with pytest.raises(AttributeError):
        mixture.s = 2.0


@pytest.mark.parametrize(
    ("means", "weights", "s", "message"),
    [
        ([[0, 0]], [0.9], 1, "`weights` must sum to 1, got 0.9: divide by their sum."),
        (
            [[0, 0], [1, 1]],
            [1.0, 0.0],
            1,
            "`weights` must be above 0, got [1.0, 0.0]: leave out empty components.",
        ),
        ([[0, 0]], [0.5, 0.5], 1, "`weights` must have shape (1,), one a mean, got shape (2,)."),
        ([0, 0], [0.5, 0.5], 1, "`means` must have shape (K, d), both at least 1, got shape (2,)."),
        ([[np.nan, 0]], [1], 1, "`means` must be finite, got [[nan, 0]]."),
        ([[0, 0]], [1], 0, "`s` must be above 0 and finite, got 0."),
    ],
)
def test_a_mixture_refuses(means, weights, s, message):
    with pytest.raises(ValueError) as refusal:
        GaussianMixture(means, weights, s)
    assert str(refusal.value) == message


def test_points_of_the_wrong_dimension_are_refused():
    with pytest.raises(ValueError, match=r"`x` must have a last axis of length 2, got shape \(5, 3\)\."):
        ring().score(np.zeros((5, 3)), 1.0, 1.0)

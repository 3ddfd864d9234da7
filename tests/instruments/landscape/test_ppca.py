"""PPCA against linear algebra and against the normal law."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.landscape.ppca import Ppca, eigenvectors, fit


def swapped(covariance):
    values, vectors = eigenvectors(covariance)
    return values[::-1], vectors


def turned_too_far(covariance):
    (a, b), (_, c) = covariance
    values, _ = eigenvectors(covariance)
    along = np.array([np.cos(angle := np.arctan2(2 * b, a - c)), np.sin(angle)])
    return values, np.stack([along, [-along[1], along[0]]], axis=1)


@pytest.mark.subject(eigenvectors, swapped=swapped, whole_angle=turned_too_far)
def test_eigenvectors_are_those_of_linear_algebra(subject, rng):
    for _ in range(20):
        root = rng.normal(size=(2, 2))
        covariance = root @ root.T
        values, vectors = subject(covariance)
        np.testing.assert_allclose(values, np.linalg.eigvalsh(covariance)[::-1], atol=1e-12)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(2), atol=1e-12)
        np.testing.assert_allclose(vectors @ np.diag(values) @ vectors.T, covariance, atol=1e-12)


def test_equal_eigenvalues_give_any_axis():
    values, vectors = eigenvectors(2.0 * np.eye(2))
    np.testing.assert_array_equal(values, [2.0, 2.0])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(2))


@pytest.fixture
def x(rng):
    return rng.multivariate_normal([0.5, -1.0], [[2.0, 0.8], [0.8, 0.7]], size=300)


def without_noise(model, x):
    return multivariate_normal(model.mean, np.outer(model.axis, model.axis) + 1e-2 * np.eye(2)).logpdf(x)


@pytest.mark.subject(
    Ppca.log_likelihood,
    per_axis=lambda model, x: 0.5 * model.log_likelihood(x),
    mean_forgotten=lambda model, x: model.log_likelihood(x + model.mean),
    thin=without_noise,
)
def test_the_likelihood_is_that_of_the_normal_law(subject, x):
    model = fit(x)
    exact = multivariate_normal(model.mean, model.covariance).logpdf(x)
    np.testing.assert_allclose(subject(model, x), exact, atol=1e-10)


def test_it_has_the_moments_of_the_data(x):
    """In the plane, with one number as a code, nothing of the covariance is lost."""
    model = fit(x)
    np.testing.assert_allclose(model.mean, x.mean(axis=0))
    np.testing.assert_allclose(model.covariance, np.cov(x.T, bias=True), atol=1e-12)


def test_no_other_line_is_more_likely(x, rng):
    best = fit(x)
    for _ in range(30):
        other = Ppca(best.mean, best.axis + 0.1 * rng.normal(size=2), best.var * np.exp(0.1 * rng.normal()))
        assert other.log_likelihood(x).mean() < best.log_likelihood(x).mean()


def test_codes_are_conditional_means(x):
    """By the joint normal law of code and point."""
    model = fit(x)
    gain = model.axis @ np.linalg.inv(model.covariance)
    np.testing.assert_allclose(model.codes(x), np.stack([(x - model.mean) @ gain, np.zeros(300)], axis=1), atol=1e-12)


def test_samples_have_its_covariance(x, rng):
    model = fit(x)
    drawn = finish(model.drawing(rng.standard_normal((40_000, 2)), rng))
    np.testing.assert_allclose(np.cov(drawn.T), model.covariance, atol=0.05)


def test_points_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"`x` must have shape \(N, 2\), N >= 3, got shape \(2, 2\)"):
        fit(np.zeros((2, 2)))

"""The exact denoiser of a mixture with a condition: its predictions, and the classifier between them."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture, exact_eps, exact_eps_of_both
from diffusion_lab.instruments.common.denoisers import Counted, MixtureDenoiser, x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture


@pytest.fixture
def model(lopsided) -> ConditionalMixture:
    """Of the lopsided four, the first and the last have the condition."""
    return ConditionalMixture(lopsided, GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), lopsided.s), 0.5)


@pytest.mark.subject(
    exact_eps,
    sign_flipped=lambda m, x, level: -exact_eps(m, x, level),
    score_itself=lambda m, x, level: exact_eps(m, x, level) / level.sigma_t,
    weights_forgotten=lambda m, x, level: exact_eps(GaussianMixture(m.means, np.full(4, 0.25), m.s), x, level),
    one_level_above=lambda m, x, level: exact_eps(m, x, Level.from_sigma(1.001 * level.sigma)),
)
def test_eps_is_the_score_rescaled(subject, lopsided, rng):
    for level in Level.from_sigma(np.array([0.01, 0.3, 2.0, 80.0])).split():
        x = level.signal * lopsided.sample(300, rng)[0] + 3 * level.sigma_t * rng.standard_normal((300, 2))
        expected = -level.sigma_t * lopsided.score(x, level.signal, level.sigma_t)
        np.testing.assert_allclose(subject(lopsided, x, level), expected, atol=1e-12)
        np.testing.assert_allclose(MixtureDenoiser(lopsided)(x, level), expected, atol=1e-12)


@pytest.mark.subject(
    lambda m, x, level: exact_eps(m, x, level),
    mean_of_the_data=lambda m, x, level: (x - level.signal * m.weights @ m.means) / level.sigma_t,
    sign_flipped=lambda m, x, level: -exact_eps(m, x, level),
)
def test_eps_is_the_mean_of_the_noise_that_was_drawn(subject, lopsided, rng):
    """E[eps | x in a small disc] over a million draws, to 4 standard errors."""
    level, n = Level.from_sigma(0.8), 1_000_000
    eps = rng.standard_normal((n, 2))
    x = level.signal * lopsided.sample(n, rng)[0] + level.sigma_t * eps
    for at in ([0.2, 0.1], [1.0, -1.0]):
        near = np.sum((x - at) ** 2, axis=1) < 0.04**2
        error = eps[near] - subject(lopsided, x[near], level)
        assert np.all(np.abs(error.mean(axis=0)) < 4 * error.std(axis=0) / np.sqrt(near.sum()))


def test_eps_is_finite_far_out(lopsided):
    for sigma in (1e-3, 20.0):
        assert np.isfinite(exact_eps(lopsided, np.array([[1e6, -1e6], [0.0, 0.0]]), Level.from_sigma(sigma))).all()


@pytest.mark.subject(
    exact_eps_of_both,
    turned_round=lambda u, c, x, level: exact_eps_of_both(c, u, x, level),
    one_width_for_both=lambda u, c, x, level: (
        exact_eps(u, x, level),
        exact_eps(GaussianMixture(c.means, c.weights, u.s), x, level),
    ),
    weights_forgotten=lambda u, c, x, level: exact_eps_of_both(
        u, GaussianMixture(c.means, np.full(2, 0.5), c.s), x, level
    ),
)
def test_both_predictions_at_once_are_the_two(subject, lopsided, rng):
    """Of mixtures of different widths, also where one of them is a million units away."""
    cond = GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), 0.6)
    for level in Level.from_sigma(np.array([0.05, 0.7, 20.0])).split():
        x = np.concatenate([2 * rng.standard_normal((100, 2)), [[1e6, -1e6]]])
        for got, mixture in zip(subject(lopsided, cond, x, level), (lopsided, cond), strict=True):
            np.testing.assert_allclose(got, exact_eps(mixture, x, level), rtol=1e-9, atol=1e-12)


@pytest.mark.subject(
    ConditionalMixture.classifier_gradient,
    flipped=lambda m, x, level: -m.classifier_gradient(x, level),
    without_the_rest=lambda m, x, level: m.cond.score(x, level.signal, level.sigma_t),
    eps_for_score=lambda m, x, level: level.sigma_t * m.classifier_gradient(x, level),
)
def test_classifier_guidance_is_the_difference_of_two_scores(subject, model, rng):
    """Against central differences of log p(c|x), itself against Bayes' rule by enumeration of the clusters."""
    x = rng.standard_normal((40, 2))
    for level in Level.from_alpha_bar(np.array([0.8, 0.36])).split():
        r = model.uncond.responsibilities(x, level.signal, level.sigma_t)
        classifier = r[:, 0] + r[:, 3]
        np.testing.assert_allclose(np.exp(model.log_classifier(x, level)), classifier, atol=1e-13)
        h = 1e-5
        slope = [
            (model.log_classifier(x + h * e, level) - model.log_classifier(x - h * e, level)) / (2 * h)
            for e in np.eye(2)
        ]
        np.testing.assert_allclose(subject(model, x, level), np.stack(slope, axis=1), rtol=1e-6, atol=1e-6)


@pytest.mark.subject(
    lambda model: model,
    always_conditional=lambda model: ConditionalMixture(model.cond, model.cond, 0.5),
    turned_round=lambda model: ConditionalMixture(model.cond, model.uncond, 0.5),
)
def test_it_is_a_denoiser_with_and_without_its_condition(subject, model, rng):
    x, level, tested = rng.standard_normal((20, 2)), Level.from_sigma(0.7), subject(model)
    uncond, cond = MixtureDenoiser(model.uncond)(x, level), MixtureDenoiser(model.cond)(x, level)
    np.testing.assert_allclose(tested(x, level), uncond, atol=1e-13)
    np.testing.assert_allclose(tested(x, level, True), cond, atol=1e-13)
    np.testing.assert_allclose(tested.both(x, level, True), [uncond, cond], atol=1e-13)


def test_calls_are_counted_as_evaluations(model, rng):
    x, level, counted = rng.standard_normal((20, 2)), Level.from_sigma(0.7), Counted(model)
    np.testing.assert_array_equal(counted(x, level, True), model(x, level, True))
    counted(x, level)
    assert counted.nfe == 2


@pytest.mark.subject(
    x0_hat,
    not_divided=lambda x, eps, level: x - level.sigma_t * eps,
    sign_flipped=lambda x, eps, level: x0_hat(x, -eps, level),
)
def test_the_clean_prediction_is_the_posterior_mean(subject, lopsided, rng):
    x = rng.standard_normal((20, 2))
    for level in Level.from_sigma(np.array([0.05, 0.7, 20.0])).split():
        found = subject(x, MixtureDenoiser(lopsided)(x, level), level)
        np.testing.assert_allclose(found, lopsided.posterior_mean(x, level.signal, level.sigma_t), atol=1e-10)


def test_a_condition_has_a_share(lopsided):
    with pytest.raises(ValueError) as refusal:
        ConditionalMixture(lopsided, lopsided, 0.0)
    assert str(refusal.value) == "`prior` must be above 0 and at most 1, got 0.0."

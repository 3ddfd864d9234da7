"""The forward jump and the four predictions, by geometry and round trip."""

import itertools

import numpy as np
import pytest

from diffusion_lab.instruments.common.parameterisation import PREDICTION_TYPES, convert, noise, x0_and_eps


@pytest.mark.subject(
    noise,
    missing_sqrt=lambda x0, eps, alpha_bar: alpha_bar * x0 + (1 - alpha_bar) * eps,
    swapped=lambda x0, eps, alpha_bar: noise(eps, x0, alpha_bar),
    unscaled_data=lambda x0, eps, alpha_bar: x0 + np.sqrt(1 - alpha_bar) * eps,
)
def test_two_jumps_in_a_row_are_one(subject):
    """Jumps compose: alpha_bar multiplies; the two noises add in quadrature to 1 - alpha_bar."""
    zero, one = np.zeros(3), np.ones(3)
    for first, second in itertools.product((0.2, 0.7, 1.0), repeat=2):
        data = subject(subject(one, zero, first), zero, second)
        early, late = subject(subject(zero, one, first), zero, second), subject(zero, one, second)
        np.testing.assert_allclose(data, subject(one, zero, first * second), rtol=1e-15)
        np.testing.assert_allclose(np.hypot(early, late), subject(zero, one, first * second), rtol=1e-14)
        np.testing.assert_allclose(data**2 + early**2 + late**2, 1, rtol=1e-14)


def test_jump_takes_a_level_a_point(rng):
    x0, eps = rng.standard_normal((2, 5, 2))
    levels = np.linspace(0, 1, 5)
    together = noise(x0, eps, levels[:, None])
    np.testing.assert_array_equal(together, [noise(a, b, c) for a, b, c in zip(x0, eps, levels, strict=True)])
    np.testing.assert_array_equal(together[[0, -1]], [eps[0], x0[-1]])


def truths(x0, eps, alpha_bar):
    """x_t and all four predictions; v_pred is the velocity on the circle (cos φ, sin φ) that x_t follows."""
    phi = np.arctan2(np.sqrt(1 - alpha_bar), np.sqrt(alpha_bar))
    point = lambda phi: np.cos(phi) * x0 + np.sin(phi) * eps  # noqa: E731
    v_pred = point(phi + np.pi / 2)  # a quarter turn on: the derivative of the point in phi
    return point(phi), {"eps_hat": eps, "x0_hat": x0, "score": -eps / np.sin(phi), "v_pred": v_pred}


def scaled(name, factor):
    """`convert` with a wrong factor wherever `name` comes out."""

    def wrong(prediction, xt, alpha_bar, source, target):
        result = convert(prediction, xt, alpha_bar, source, target)
        return result * factor(alpha_bar) if target == name else result

    return wrong


@pytest.mark.subject(
    convert,
    score_sign_flipped=scaled("score", lambda alpha_bar: -1),
    score_missing_sqrt=scaled("score", lambda alpha_bar: 1 / np.sqrt(1 - alpha_bar)),
    v_pred_sign_flipped=scaled("v_pred", lambda alpha_bar: -1),
    x0_unscaled=scaled("x0_hat", np.sqrt),
    source_forgotten=lambda prediction, xt, alpha_bar, source, target: convert(
        prediction, xt, alpha_bar, "eps_hat", target
    ),
)
def test_every_prediction_becomes_every_other(subject, rng):
    x0, eps = rng.standard_normal((2, 50, 2))
    for alpha_bar in (0.01, 0.3, 0.5, 0.99):
        xt, truth = truths(x0, eps, alpha_bar)
        for source, target in itertools.product(PREDICTION_TYPES, repeat=2):
            found = subject(truth[source], xt, alpha_bar, source, target)
            np.testing.assert_allclose(found, truth[target], rtol=0, atol=1e-12, err_msg=f"{source} to {target}")


def test_v_pred_is_the_derivative_of_the_point(rng):
    """The quarter turn above, by finite differences: v_pred = dx/dφ (Salimans & Ho 2022, appendix D)."""
    x0, eps = rng.standard_normal((2, 50, 2))
    phi, h = 0.9, 1e-5
    slope = (truths(x0, eps, np.cos(phi + h) ** 2)[0] - truths(x0, eps, np.cos(phi - h) ** 2)[0]) / (2 * h)
    xt, _ = truths(x0, eps, np.cos(phi) ** 2)
    v_pred = convert(eps, xt, np.cos(phi) ** 2, "eps_hat", "v_pred")
    np.testing.assert_allclose(v_pred, slope, atol=1e-9)


def test_x0_and_eps_put_the_point_back(rng):
    xt, prediction = rng.standard_normal((2, 50, 2))
    for alpha_bar, name in itertools.product((0.01, 0.5, 0.99), PREDICTION_TYPES):
        x0_hat, eps_hat = x0_and_eps(prediction, xt, alpha_bar, name)
        np.testing.assert_allclose(noise(x0_hat, eps_hat, alpha_bar), xt, rtol=0, atol=1e-13)


def test_v_pred_works_at_both_ends(rng):
    x0, eps = rng.standard_normal((2, 5, 2))
    np.testing.assert_array_equal(convert(-x0, eps, 0.0, "v_pred", "x0_hat"), x0)
    np.testing.assert_array_equal(convert(eps, x0, 1.0, "v_pred", "eps_hat"), eps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (0.0, "eps_hat", "x0_hat"),
            "`alpha_bar` must be above 0 to read x0_hat from eps_hat, got 0.0: predict",
        ),
        ((1.0, "x0_hat", "eps_hat"), "`alpha_bar` must be below 1 to use x0_hat, got 1.0"),
        ((1.0, "eps_hat", "score"), "`alpha_bar` must be below 1 to use score, got 1.0"),
        (
            (0.5, "epsilon", "score"),
            "`prediction_type` must be one of eps_hat, x0_hat, score, v_pred, got 'epsilon'.",
        ),
        ((0.5, "score", "v"), "`target` must be one of eps_hat, x0_hat, score, v_pred, got 'v'."),
        ((1.5, "score", "v_pred"), "`alpha_bar` must lie between 0 and 1, got 1.5."),
    ],
)
def test_refusals_say_rule_and_value(arguments, message):
    with pytest.raises(ValueError) as refusal:
        convert(np.zeros(2), np.zeros(2), *arguments)
    assert str(refusal.value).startswith(message)

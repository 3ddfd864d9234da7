"""The scalings about a network: against the formulas of the papers, and what they promise."""

from dataclasses import replace

import numpy as np
import pytest

from diffusion_lab.instruments.common.preconditioning import TARGETS, Preconditioning

SIGMA_DATA = 0.7


@pytest.fixture
def noised(rng):
    """Clean points of standard deviation SIGMA_DATA, noise, levels from 0.01 to 100, and the points noised (VE)."""
    x0, eps = SIGMA_DATA * rng.normal(size=(4000, 2)), rng.normal(size=(4000, 2))
    sigma = np.exp(rng.uniform(np.log(0.01), np.log(100), (4000, 1)))
    return x0, eps, sigma, x0 + sigma * eps


def wrong(**changes):
    """Scalings, those named put through a function."""

    def at(sigma, target, sigma_data):
        right = Preconditioning.at(sigma, target, sigma_data)
        return replace(right, **{name: change(getattr(right, name)) for name, change in changes.items()})

    return at


NEGATIVE = {"c_out": lambda c: -c}


@pytest.mark.parametrize("target", ["eps_hat", "x0_hat", "v_pred"])
@pytest.mark.subject(
    Preconditioning.at,
    wrong_sign=wrong(**NEGATIVE),
    no_skip=wrong(c_skip=lambda c: c - 0.5),
    one_too_large=wrong(c_out=lambda c: 1.01 * c),
)
def test_targets_are_the_usual_predictions(subject, noised, target):
    """The noise, the clean point, and v = signal eps - sigma_t x0 (Salimans & Ho 2022)."""
    x0, eps, sigma, x = noised
    signal = 1 / np.sqrt(1 + sigma**2)
    want = {"eps_hat": eps, "x0_hat": x0, "v_pred": signal * eps - sigma * signal * x0}[target]
    np.testing.assert_allclose(subject(sigma, target, SIGMA_DATA).target(x, x0), want, rtol=1e-9, atol=1e-9)


@pytest.mark.subject(
    Preconditioning.at,
    of_variance_one=lambda sigma, target, _: Preconditioning.at(sigma, target, 1.0),
    v_pred=lambda sigma, target, sigma_data: Preconditioning.at(sigma, "v_pred", sigma_data),
    **{"wrong_sign": wrong(**NEGATIVE), "log_alone": wrong(c_noise=lambda c: 4 * c)},
)
def test_edm_is_table_1(subject, noised):
    sigma, square = noised[2], SIGMA_DATA**2
    got = subject(sigma, "edm", SIGMA_DATA)
    np.testing.assert_allclose(got.c_skip, square / (sigma**2 + square), rtol=1e-12)
    np.testing.assert_allclose(got.c_out, sigma * SIGMA_DATA / np.sqrt(square + sigma**2), rtol=1e-12)
    np.testing.assert_allclose(got.c_in, 1 / np.sqrt(sigma**2 + square), rtol=1e-12)
    np.testing.assert_allclose(got.c_noise, np.log(sigma) / 4, rtol=1e-12)


@pytest.mark.subject(
    Preconditioning.at,
    scaled_for_unit_data=lambda sigma, target, _: Preconditioning.at(sigma, target, 1.0),
    x0_hat=lambda sigma, target, sigma_data: Preconditioning.at(sigma, "x0_hat", sigma_data),
)
def test_edm_keeps_input_and_target_of_variance_one(subject, noised):
    """To four standard errors of a variance of 2,000 numbers, at low and at high noise."""
    x0, _, sigma, x = noised
    got = subject(sigma, "edm", SIGMA_DATA)
    for part in (sigma[:, 0] < 1, sigma[:, 0] > 1):
        for value in (got.c_in * x, got.target(x, x0)):
            assert abs(np.mean(value[part] ** 2) - 1) < 4 * np.sqrt(2 / value[part].size)


def test_edm_of_unit_data_is_the_negative_of_v(noised):
    x0, _, sigma, x = noised
    edm, v = (Preconditioning.at(sigma, target, 1.0).target(x, x0) for target in ("edm", "v_pred"))
    np.testing.assert_allclose(edm, -v, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("target", TARGETS)
def test_clean_undoes_target(noised, target):
    x0, _, sigma, x = noised
    scalings = Preconditioning.at(sigma, target, SIGMA_DATA)
    np.testing.assert_allclose(scalings.clean(x, scalings.target(x, x0)), x0, atol=1e-9)


def test_another_target_is_refused():
    with pytest.raises(ValueError) as refused:
        Preconditioning.at(1.0, "noise")
    assert str(refused.value) == "`target` must be one of eps_hat, x0_hat, v_pred, edm, got 'noise'."

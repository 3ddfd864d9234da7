"""The tilted density: normalised on a grid, against closed forms and importance sampling; measures of samples."""

from dataclasses import astuple

import numpy as np
import pytest

from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.guidance import GaussianAnswers
from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.tilted import Measures, Tilted, centres, log_density_on_grid, measures

SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 7.5)


def round_gaussian(var):
    return GaussianMixture(np.zeros((1, 2)), np.ones(1), np.sqrt(var))


GAUSSIAN = ConditionalMixture(round_gaussian(2.0), round_gaussian(1.0), 0.5)


@pytest.fixture
def model(lopsided) -> ConditionalMixture:
    """Of the lopsided four, the first and the last have the condition."""
    return ConditionalMixture(lopsided, GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), lopsided.s), 0.5)


@pytest.mark.subject(
    lambda model, x: measures(model, x),
    variance_for_spread=lambda model, x: Measures(
        measures(model, x).adherence, measures(model, x).spread ** 2, measures(model, x).beyond
    ),
    other_way=lambda model, x: Measures(*astuple(measures(model, x))[:2], -measures(model, x).beyond),
)
def test_measures_of_the_condition_itself(subject, model, rng):
    """Conditional samples: spread sqrt(tr cov), beyond 0; moved outwards by 0.7, beyond 0.7."""
    x = model.cond.sample(200_000, rng)[0]
    got = subject(model, x)
    between = np.cov(model.cond.means.T, aweights=model.cond.weights, ddof=0)
    assert got.spread == pytest.approx(np.sqrt(np.trace(between) + 2 * model.cond.s**2), rel=5e-3)
    assert got.beyond == pytest.approx(0, abs=0.01)
    way = model.cond.weights @ model.cond.means - model.uncond.weights @ model.uncond.means
    assert subject(model, x + 0.7 * way / np.hypot(*way)).beyond == pytest.approx(got.beyond + 0.7, abs=1e-12)
    assert got.adherence == pytest.approx(Tilted(model).measures(1.0).adherence, abs=2e-3)


@pytest.mark.subject(
    lambda model, w: Tilted(model).measures(w),
    weight_for_scale=lambda model, w: Tilted(model).measures(w + 1),
    unconditional=lambda model, w: Tilted(model).measures(0.0),
    not_normalised=lambda model, w: Measures(*np.multiply(1.01, astuple(Tilted(model).measures(w)))),
)
def test_the_tilted_density_of_the_gaussian_case(subject):
    """Spread sqrt(2 · 2/(w + 1)), and the mean of p(c|x) = exp(-|x|²/4) under it, (w + 1)/(w + 2)."""
    for w in SCALES:
        got = subject(GAUSSIAN, w)
        assert got.spread == pytest.approx(np.sqrt(2 * GaussianAnswers.at(w).tilted), rel=1e-4)
        assert got.adherence == pytest.approx((w + 1) / (w + 2), rel=1e-4)
        assert np.isnan(got.beyond)


@pytest.mark.subject(
    lambda model, w: Tilted(model).measures(w),
    weight_for_scale=lambda model, w: Tilted(model).measures(w + 1),
    prior_forgotten=lambda model, w: Tilted(ConditionalMixture(model.uncond, model.cond, 1.0)).measures(w),
)
def test_the_tilted_density_by_importance_sampling(subject, model, rng):
    """Conditional draws weighted by (p(x|c)/p(x))^(w-1), which is bounded; to 4 standard errors."""
    x = model.cond.sample(100_000, rng)[0]
    adherence = np.exp(model.log_classifier(x, CLEAN))
    for w in (1.0, 3.0, 6.0):
        weight = adherence ** (w - 1)
        mean = weight @ adherence / weight.sum()
        error = np.sqrt(np.sum((weight * (adherence - mean)) ** 2)) / weight.sum()
        assert abs(subject(model, w).adherence - mean) < 4 * error + 1e-6


@pytest.mark.subject(
    lambda model, w: Tilted(model).measures(w),
    about_the_origin=lambda model, w: Measures(
        0.0, np.hypot(Tilted(model).measures(w).spread, np.hypot(*(model.cond.weights @ model.cond.means))), 0.0
    ),
)
def test_at_scale_1_it_is_the_condition_itself(subject, model):
    got, cond = subject(model, 1.0), model.cond
    between = np.cov(cond.means.T, aweights=cond.weights, ddof=0)
    assert got.spread == pytest.approx(np.sqrt(np.trace(between) + 2 * cond.s**2), rel=1e-3)
    assert got.beyond == pytest.approx(0, abs=1e-3)


def test_cells_of_a_side():
    np.testing.assert_array_equal(centres(2.0, 4), [-1.5, -0.5, 0.5, 1.5])


@pytest.mark.subject(
    log_density_on_grid,
    transposed=lambda m, x, y: log_density_on_grid(m, y, x).T,
    one_dimension_s_norm=lambda m, x, y: log_density_on_grid(m, x, y) + 0.5 * np.log(2 * np.pi * m.s**2),
    equal_weights=lambda m, x, y: log_density_on_grid(GaussianMixture(m.means, np.full(4, 0.25), m.s), x, y),
)
def test_the_density_on_a_grid_is_the_mixture_s(subject, lopsided):
    x, y = centres(4.0, 30), centres(3.0, 20)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    np.testing.assert_allclose(subject(lopsided, x, y), lopsided.log_density(grid, 1.0, 0.0), rtol=1e-10)
    far = log_density_on_grid(lopsided, np.array([1e3]), np.array([0.0]))
    assert far == pytest.approx(np.log(1e-300)), "taken as 1e-300 where it is less"

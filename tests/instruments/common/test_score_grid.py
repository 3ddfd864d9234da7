"""The exact prediction on a grid against the mixture's own score, and its error against a mean over draws."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import DATA_SETS, NULL
from diffusion_lab.instruments.common.schedules import Exponential
from diffusion_lab.instruments.common.score_grid import ExactPrediction, grid_points, relative_density

RING, GRID = DATA_SETS["ring"](), grid_points(4.0, 60)


def test_a_grid_has_the_centres_of_its_cells_row_by_row():
    np.testing.assert_allclose(grid_points(2.0, 2), [[-1, -1], [1, -1], [-1, 1], [1, 1]])


def test_the_density_is_largest_at_a_cluster():
    density = relative_density(RING.mixture, np.concatenate([RING.mixture.means[:1], [[0.0, 0.0]]]))
    assert density[0] == 1
    assert density[1] < 1e-6


@pytest.mark.subject(
    ExactPrediction.of,
    of_all_data=lambda data, t, part, x: ExactPrediction.of(data, t, NULL, x),
    of_less_noise=lambda data, t, part, x: ExactPrediction.of(data, 0.8 * t, part, x),
)
def test_it_is_minus_sigma_times_the_score(subject):
    at = Exponential().level(0.2)
    exact = subject(RING, 0.2, 3, GRID)
    np.testing.assert_allclose(exact.eps, -at.sigma_t * RING.law(3).score(GRID, at.signal, at.sigma_t), rtol=1e-12)


@pytest.mark.subject(
    lambda exact, eps: exact.rms_error(eps),
    over_the_plane=lambda exact, eps: float(np.sqrt(np.mean(np.sum((eps - exact.eps) ** 2, axis=1)))),
    per_axis=lambda exact, eps: exact.rms_error(eps) / np.sqrt(2),
)
def test_the_error_is_a_mean_over_noised_data(subject, rng):
    """Of a prediction that is wrong by x / 2: E|x|² / 4 has a closed form; and of 0, from draws."""
    exact = ExactPrediction.of(RING, 0.1, NULL, GRID)
    at = exact.at
    expected = np.sqrt((at.signal**2 * 2.0**2 + 2 * RING.mixture.var(at.signal, at.sigma_t)) / 4)
    assert subject(exact, exact.eps + GRID / 2) == pytest.approx(expected, rel=2e-3)
    x0 = RING.mixture.sample(40000, rng)[0]
    x = at.signal * x0 + at.sigma_t * rng.standard_normal(x0.shape)
    drawn = np.sqrt(np.mean(np.sum((at.sigma_t * RING.mixture.score(x, at.signal, at.sigma_t)) ** 2, axis=1)))
    assert subject(exact, np.zeros_like(GRID)) == pytest.approx(drawn, rel=0.02)

"""Assignments against SciPy's and against all permutations; the monotone map against SciPy and against the flow."""

from itertools import permutations

import numpy as np
import pytest
from scipy import optimize, stats

from diffusion_lab.instruments.common.couplings import assign, minibatch_couple, monotone_map, squared_costs
from diffusion_lab.instruments.common.flows import DIFFUSION, RECTIFIED, marginal_velocity
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.flow import runge_kutta_4

LINE = GaussianMixture(np.array([[-2.0], [2.0]]), np.array([0.3, 0.7]), 0.3)


def costs(shape, rng):
    batches, n = shape
    return squared_costs(rng.standard_normal((batches, n, 2)), 2 * rng.standard_normal((batches, n, 2)) + 1)


def greedy(cost):
    """Row by row the nearest column that is free."""
    columns = np.zeros(cost.shape[:2], dtype=int)
    for b, problem in enumerate(cost):
        left = problem.copy()
        for row in range(len(left)):
            columns[b, row] = left[row].argmin()
            left[:, columns[b, row]] = np.inf
    return columns


@pytest.mark.subject(
    assign,
    greedy=greedy,
    identity=lambda cost: np.tile(np.arange(cost.shape[1]), (len(cost), 1)),
    most_costly=lambda cost: assign(-cost),
    transposed=lambda cost: assign(cost.transpose(0, 2, 1)),
    with_repeats=lambda cost: cost.argmin(axis=2),
)
def test_assignment_is_as_cheap_as_scipy_s(subject, rng):
    """Also where prices are negative, equal or of very different size."""
    cases = [costs(shape, rng) for shape in ((3, 1), (4, 2), (30, 5), (10, 33), (2, 80))]
    cases += [1e6 * costs((3, 9), rng) - 5e6, rng.integers(0, 3, (20, 7, 7)).astype(float), np.zeros((2, 4, 4))]
    for cost in cases:
        columns = subject(cost)
        for problem, chosen in zip(cost, columns, strict=True):
            rows, best = optimize.linear_sum_assignment(problem)
            assert sorted(chosen) == sorted(best), "each column once"
            found = problem[rows, chosen].sum()
            assert found == pytest.approx(problem[rows, best].sum(), rel=1e-12, abs=1e-12 * np.abs(problem).max())


def test_assignment_is_the_best_of_all_permutations(rng):
    cost = costs((20, 5), rng)
    for problem, chosen in zip(cost, assign(cost), strict=True):
        least = min(problem[np.arange(5), list(p)].sum() for p in permutations(range(5)))
        assert problem[np.arange(5), chosen].sum() == pytest.approx(least, rel=1e-13)


def test_coupling_moves_data_within_batches_only(rng):
    noise, data = rng.standard_normal((2, 60, 2))
    coupled = minibatch_couple(noise, data, 12)
    for start in range(0, 60, 12):
        batch = slice(start, start + 12)
        assert sorted(map(tuple, coupled[batch])) == sorted(map(tuple, data[batch]))
        cost = squared_costs(noise[None, batch], data[None, batch])[0]
        best = optimize.linear_sum_assignment(cost)
        assert np.sum((coupled[batch] - noise[batch]) ** 2) == pytest.approx(cost[best].sum(), rel=1e-12)
    np.testing.assert_array_equal(minibatch_couple(noise, data, 1), data)


def test_larger_batches_cost_less(rng):
    noise, data = rng.standard_normal((2, 960, 2))
    cost = [np.sum((minibatch_couple(noise, data, n) - noise) ** 2) for n in (1, 4, 16, 64)]
    assert np.all(np.diff(cost) < 0)


def test_in_one_dimension_the_assignment_is_by_rank(rng):
    noise, data = rng.standard_normal((2, 40, 1))
    coupled = minibatch_couple(noise, data, 40)
    np.testing.assert_array_equal(np.argsort(noise[:, 0]), np.argsort(coupled[:, 0]))


@pytest.mark.subject(
    monotone_map,
    decreasing=lambda mixture, z: monotone_map(mixture, -z),
    equal_weights=lambda mixture, z: monotone_map(GaussianMixture(mixture.means, np.ones(2) / 2, mixture.s), z),
    missing_root_two=lambda mixture, z: monotone_map(mixture, z / np.sqrt(2)),
)
def test_monotone_map_is_the_quantile_map(subject):
    """SciPy's distribution function of the image is that of the noise; the log of it in the tails."""
    z = np.array([-12.0, -5.0, -1.0, -0.53, 0.0, 0.4, 2.0, 5.0, 12.0])
    x = subject(LINE, z)
    assert np.all(np.diff(x) > 0)
    for sign in (1, -1):
        terms = [np.log(w) + stats.norm.logcdf(sign * (x - m) / 0.3) for m, w in ((-2, 0.3), (2, 0.7))]
        np.testing.assert_allclose(np.logaddexp(*terms), stats.norm.logcdf(sign * z), rtol=1e-8, atol=1e-14)


def distribution(x, signal, sigma):
    """SciPy's P(x_t <= x) for the line's data at a noise level."""
    sd = np.sqrt(signal**2 * 0.3**2 + sigma**2)
    return 0.3 * stats.norm.cdf((x + 2 * signal) / sd) + 0.7 * stats.norm.cdf((x - 2 * signal) / sd)


@pytest.mark.subject(
    marginal_velocity,
    one_step_late=lambda m, x, t, path: marginal_velocity(m, x, min(1.0, t + 0.02), path),
    equal_weights=lambda m, x, t, path: marginal_velocity(GaussianMixture(m.means, np.ones(2) / 2, m.s), x, t, path),
)
def test_in_one_dimension_every_flow_keeps_the_quantiles(subject):
    """Paths on a line never cross: P(x_t <= Z_t) stays what it was, on either path, through to the end."""
    z = np.linspace(-2.5, 2.5, 21)
    for path in (RECTIFIED, DIFFUSION):
        states, _ = runge_kutta_4(lambda x, t, p=path: subject(LINE, x, t, p), z[:, None], 512)
        before = distribution(z, *((c := path.at(0.0)).signal, c.sigma))
        for node in (128, 384, 512):
            c = path.at(node / 512)
            np.testing.assert_allclose(distribution(states[node, :, 0], c.signal, c.sigma), before, atol=1e-5)


def test_the_rectified_flow_on_a_line_is_the_monotone_map():
    z = np.linspace(-2.5, 2.5, 21)
    states, _ = runge_kutta_4(lambda x, t: marginal_velocity(LINE, x, t), z[:, None], 512)
    np.testing.assert_allclose(states[-1, :, 0], monotone_map(LINE, z), atol=1e-5)


def test_wrong_arguments_are_refused(rng):
    with pytest.raises(ValueError, match="`cost` must have shape \\(B, n, n\\), got shape \\(2, 3, 4\\)"):
        assign(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="`cost` must be finite"):
        assign(np.full((1, 2, 2), np.inf))
    with pytest.raises(ValueError, match="multiple of 7 points, got 10"):
        minibatch_couple(np.zeros((10, 2)), np.zeros((10, 2)), 7)
    with pytest.raises(ValueError, match="on a line, d = 1, got d = 2"):
        monotone_map(GaussianMixture(np.zeros((1, 2)), np.ones(1), 1.0), 0.0)
    with pytest.raises(ValueError, match="between -37 and 37"):
        monotone_map(LINE, 40.0)

"""The fitted field: exact where the truth is linear, near the exact velocity where it is not, and its look-up."""

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from diffusion_lab.instruments.common import velocity_fit
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.flows import marginal_velocity
from diffusion_lab.instruments.common.velocity_fit import EXTENT, NUM_TIMES, SIDE, FittedVelocity, fit_velocity


def changed(change):
    """A fit whose table went through `change`."""

    def fit(noise, data):
        fitted = fit_velocity(noise, data)
        return FittedVelocity(change(fitted.table), fitted.num_pairs)

    return fit


def grid(table):
    return table.reshape(NUM_TIMES + 1, SIDE, SIDE)


MUTANTS = {
    "backwards": lambda noise, data: fit_velocity(data, noise),
    "transposed": changed(lambda table: grid(table).transpose(0, 2, 1).reshape(NUM_TIMES + 1, -1)),
    "components_swapped": changed(lambda table: table.imag + 1j * table.real),
    "time_reversed": changed(lambda table: np.ascontiguousarray(table[::-1])),
    "one_node_off": changed(lambda table: np.roll(grid(table), 1, axis=2).reshape(NUM_TIMES + 1, -1)),
    "pairs_forgotten": lambda noise, data: fit_velocity(noise, np.roll(data, 1, axis=0)),
}


@pytest.mark.subject(fit_velocity, **MUTANTS)
def test_a_linear_map_is_recovered(subject, rng):
    """Data = A noise + b: no lines cross, so velocity(x_t) = data - noise; relative error below 0.7 % in the bulk."""
    a, b = np.array([[1.3, 0.4], [-0.2, 0.7]]), np.array([0.5, -0.8])
    noise = rng.standard_normal((6144, 2))
    field = subject(noise, noise @ a.T + b)
    fresh = rng.standard_normal((300, 2))
    fresh = fresh[np.hypot(*fresh.T) < 1.5]
    data = fresh @ a.T + b
    for t in (0.0, 0.3, 0.77, 1.0):
        error = field((1 - t) * fresh + t * data, t) - (data - fresh)
        assert np.sqrt(np.mean(error**2)) < 0.007 * np.sqrt(np.mean((data - fresh) ** 2))


@pytest.mark.subject(
    fit_velocity,
    backwards=MUTANTS["backwards"],
    components_swapped=MUTANTS["components_swapped"],
    time_reversed=MUTANTS["time_reversed"],
    one_wide_kernel=lambda noise, data: fit_velocity(noise, data, (1.0, 1.0)),
)
def test_independent_pairs_give_the_exact_velocity_back(subject, rng):
    """On the ring: root mean square error against the closed form below a fifth of one pair's own velocity."""
    mixture = ring()
    noise = rng.standard_normal((6144, 2))
    field = subject(noise, mixture.sample(6144, rng)[0])
    fresh, data = rng.standard_normal((1000, 2)), mixture.sample(1000, rng)[0]
    for t in (0.3, 0.6, 0.9):
        x = (1 - t) * fresh + t * data
        truth = marginal_velocity(mixture, x, t)
        error = np.sqrt(np.mean((field(x, t) - truth) ** 2))
        assert error < 0.2 * np.sqrt(np.mean((data - fresh) ** 2)), t


def test_the_kernel_is_narrower_where_the_points_lie_closer(monkeypatch, rng):
    used = []

    def recorded(x, velocity, bandwidth):
        used.append(bandwidth)
        return np.zeros(SIDE**2, np.complex64)

    monkeypatch.setattr(velocity_fit, "_local_linear", recorded)
    fit_velocity(rng.standard_normal((100, 2)), rng.standard_normal((100, 2)), (0.6, 0.2))
    np.testing.assert_allclose(used, np.linspace(0.6, 0.2, NUM_TIMES + 1))


def test_kernel_sums_are_those_over_all_points(rng):
    """Against the sum written out; sharing a point among four nodes widens the kernel a little (1 % at width 0.6)."""
    x, column = rng.standard_normal((2, 50)), rng.standard_normal((1, 50))
    axis = np.linspace(-EXTENT, EXTENT, SIDE)
    nodes = np.stack(np.meshgrid(axis, axis), axis=-1)
    width = 0.6
    squares = np.sum((nodes[:, :, None] - x.T) ** 2, axis=3)
    direct = np.exp(-0.5 * squares / width**2) @ column[0]
    np.testing.assert_allclose(
        velocity_fit._kernel_sums(x, column, width)[0], direct, atol=0.01 * np.abs(direct).max(), rtol=0
    )


def test_slopes_are_pulled_to_0_as_by_six_points_a_bandwidth_away():
    """Of three points on nodes of the grid, against the ridge regression written out, along a line of nodes."""
    axis, width = np.linspace(-EXTENT, EXTENT, SIDE), 0.5
    places, speed = axis[[70, 85, 96]], np.array([-1.0, 0.5, 2.0])
    x, velocity = np.stack([places, np.zeros(3)]), np.stack([speed, -speed])
    weight = np.exp(-0.5 * ((axis[:, None] - places) / width) ** 2)
    total = weight.sum(axis=1)
    mean, middle = weight @ places / total, weight @ speed / total
    variance = weight @ places**2 / total - mean**2
    slope = (weight @ (places * speed) / total - mean * middle) / (variance + 6 * width**2 / total)
    near = total > 1e-2
    found = velocity_fit._local_linear(x, velocity, width).reshape(SIDE, SIDE)[SIDE // 2]
    expected = (middle + slope * (axis - mean))[near]
    np.testing.assert_allclose(found.real[near], expected, atol=1e-4)
    np.testing.assert_allclose(found.imag[near], -expected, atol=1e-4)


def test_lookup_is_linear_interpolation(rng):
    table = rng.standard_normal((NUM_TIMES + 1, SIDE, SIDE)) + 1j * rng.standard_normal((NUM_TIMES + 1, SIDE, SIDE))
    field = FittedVelocity(table.reshape(NUM_TIMES + 1, -1), 100)
    axis, times = np.linspace(-EXTENT, EXTENT, SIDE), np.linspace(0, 1, NUM_TIMES + 1)
    scipy_s = RegularGridInterpolator((times, axis, axis), table)
    x = rng.uniform(-EXTENT, EXTENT, (40, 2))
    for t in (0.0, 0.031, 0.5, 0.99, 1.0):
        expected = scipy_s(np.stack([np.full(40, t), x[:, 1], x[:, 0]], axis=1))
        np.testing.assert_allclose(field(x, t), np.stack([expected.real, expected.imag], axis=1), atol=1e-4)


def test_beyond_the_grid_the_edge_holds(rng):
    noise = rng.standard_normal((200, 2))
    field = fit_velocity(noise, noise + 1)
    far = np.array([[1e9, 0.0], [-50.0, 3.0], [0.0, 4.6]])
    near = np.clip(far, -EXTENT, EXTENT)
    np.testing.assert_allclose(field(far, 0.4), field(near, 0.4), atol=1e-5)
    assert np.isfinite(field.table).all()


def test_wrong_pairs_are_refused(rng):
    with pytest.raises(ValueError, match="must both have shape \\(N, 2\\), got \\(5, 2\\) and \\(5, 3\\)"):
        fit_velocity(np.zeros((5, 2)), np.zeros((5, 3)))
    with pytest.raises(ValueError, match="at least 100 pairs, got 5"):
        fit_velocity(np.zeros((5, 2)), np.zeros((5, 2)))

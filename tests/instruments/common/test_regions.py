"""Probabilities of discs and Voronoi cells against SciPy's distributions and closed forms."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.regions import disc_probability, nearest_probability


@pytest.mark.subject(
    disc_probability,
    centred=lambda distance, radius, var: disc_probability(0 * distance, radius, var),
    sd_for_var=lambda distance, radius, var: disc_probability(distance, radius, np.sqrt(var)),
    outside=lambda distance, radius, var: 1 - disc_probability(distance, radius, var),
    one_dimension=lambda distance, radius, var: (
        stats.norm.cdf((radius - distance) / np.sqrt(var)) - stats.norm.cdf((-radius - distance) / np.sqrt(var))
    ),
    sixteen_nodes_too_few=lambda distance, radius, var: np.round(disc_probability(distance, radius, var), 10),
)
def test_disc_is_noncentral_chi_square(subject):
    """|x|²/var is noncentral chi-square with 2 degrees of freedom; SciPy's value, at 5e-12 throughout."""
    for radius in (0.01, 0.6, 3.0):
        for var in (1e-6, 1e-4, 0.04, 0.3, 1.0, 100.0, 1e4):
            edge = radius + np.sqrt(var) * np.linspace(-9.5, 9.5, 39)  # the circle seen from either side
            distance = np.abs(np.concatenate([np.linspace(0.01, 5, 20), edge, [radius]]))
            truth = stats.ncx2.cdf(radius**2 / var, 2, distance**2 / var)
            np.testing.assert_allclose(subject(distance, radius, var), truth, rtol=0, atol=5e-12)


def test_disc_about_the_centre_is_rayleigh():
    for var in (0.01, 1.0, 50.0):
        assert disc_probability(0.0, 0.6, var) == pytest.approx(-np.expm1(-0.36 / (2 * var)), abs=1e-14)


def test_disc_at_vanishing_variance_is_in_or_out():
    np.testing.assert_array_equal(disc_probability([[0.5, 0.7]], 0.6, 1e-12), [[1.0, 0.0]])


def test_two_sites_split_the_plane():
    """A half-plane: the normal distribution along the line between the sites."""
    sites = np.array([[1.0, 2.0], [-1.0, 0.5]])
    centres = np.array([[0.0, 0.0], [5.0, -3.0], sites.mean(axis=0), [1.0, 2.0]])
    normal = (sites[1] - sites[0]) / np.linalg.norm(sites[1] - sites[0])
    for var in (1e-12, 1e-4, 1.0, 1e6):
        first = stats.norm.cdf((sites.mean(axis=0) - centres) @ normal / np.sqrt(var))
        found = nearest_probability(centres, sites, var)
        np.testing.assert_allclose(found, np.stack([first, 1 - first], axis=1), rtol=0, atol=2e-12)


@pytest.mark.subject(
    nearest_probability,
    to_the_nearest_site=lambda centres, sites, var: nearest_probability(centres, sites, 1e-12),
    sd_for_var=lambda centres, sites, var: nearest_probability(centres, sites, np.sqrt(var)),
    unnormalised=lambda centres, sites, var: nearest_probability(centres, sites, var) * (1 + 1e-11),
    turned=lambda centres, sites, var: np.roll(nearest_probability(centres, sites, var), 1, axis=1),
)
def test_grid_of_sites_is_a_product_of_intervals(subject, rng):
    """Cells of a 3 by 4 lattice, open, half open or closed, are rectangles: coordinates are independent."""
    columns, rows = np.array([-1.0, 0.2, 1.0]), np.array([-2.0, -0.5, 0.3, 1.0])
    sites = np.stack(np.meshgrid(columns, rows, indexing="ij"), axis=-1).reshape(-1, 2)
    centres = np.concatenate([2 * rng.standard_normal((6, 2)), sites[:2], [[0.6, -0.1]]])
    for var in (1e-6, 0.05, 1.0, 40.0):
        x, y = (
            np.diff(stats.norm.cdf(np.pad((c[1:] + c[:-1]) / 2, 1, constant_values=(-np.inf, np.inf)), u, var**0.5))
            for c, u in ((columns, centres[:, :1]), (rows, centres[:, 1:]))
        )
        truth = (x[:, :, None] * y[:, None, :]).reshape(len(centres), -1)
        np.testing.assert_allclose(subject(centres, sites, var), truth, rtol=0, atol=1e-12)


def test_cells_cover_the_plane(rng):
    for num_sites in (1, 2, 3, 20):
        sites, centres = rng.standard_normal((num_sites, 2)), 3 * rng.standard_normal((5, 2))
        for var in (1e-10, 0.1, 1e8):
            p = nearest_probability(centres, sites, var)
            np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=2e-12)
            assert p.min() > -1e-13


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: disc_probability(1.0, 0.0, 1.0), "`radius` must be above 0, got 0.0."),
        (lambda: disc_probability(-1.0, 1.0, 1.0), "`distance` must be at least 0, got -1.0."),
        (lambda: disc_probability(1.0, 1.0, 0.0), "`var` must be above 0, got 0.0."),
        (lambda: nearest_probability([[0, 0]], [[0, 0]], -1), "`var` must be above 0, got -1."),
        (lambda: nearest_probability([[0, 0]], [0, 0], 1), "`sites` must have shape (K, 2), got shape (2,)."),
        (lambda: nearest_probability([[0, 0]], [[1, 0], [1, 0]], 1), "`sites` must be distinct"),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value).startswith(message)

"""The likelihood along the probability flow, against mixtures whose density is known at every level."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import DATA_SETS
from diffusion_lab.instruments.common.flow_likelihood import log_likelihood

MOONS = DATA_SETS["moons"]().mixture
SIGMAS = np.geomspace(0.05, 80.0, 161).tolist()


def exact_field(y, sigma, shift=1e-4):
    """The exact noise -sigma score, and its divergence by central differences."""
    divergence = np.zeros(len(y))
    for axis in (0, 1):
        step = shift * max(1.0, sigma) * np.eye(2)[axis]
        ahead, behind = (-sigma * MOONS.score(y + sign * step, 1.0, sigma)[:, axis] for sign in (1, -1))
        divergence += (ahead - behind) / (2 * step[axis])
    return -sigma * MOONS.score(y, 1.0, sigma), divergence


def with_field(change):
    return lambda y, sigmas: log_likelihood(lambda x, sigma: change(*exact_field(x, sigma)), y, sigmas)


@pytest.mark.subject(
    with_field(lambda eps, divergence: (eps, divergence)),
    divergence_forgotten=with_field(lambda eps, divergence: (eps, 0 * divergence)),
    wrong_sign=with_field(lambda eps, divergence: (eps, -divergence)),
    one_axis=with_field(lambda eps, divergence: (eps, divergence / 2)),
    backwards=with_field(lambda eps, divergence: (-eps, divergence)),
)
def test_it_is_the_exact_density(subject, rng):
    y = MOONS.sample(40, rng)[0] + 0.05 * rng.standard_normal((40, 2))
    np.testing.assert_allclose(subject(y, SIGMAS), MOONS.log_density(y, 1.0, 0.05), atol=0.02)


def test_it_starts_from_noise_of_the_vp_form(rng):
    """Data of variance 1 have the variance 1 + sigma² at every level, so that it is exact from a low level too."""
    y, sigmas = rng.standard_normal((20, 2)), np.geomspace(0.1, 1.0, 201).tolist()

    def field(y, sigma):
        return sigma * y / (1 + sigma**2), np.full(len(y), 2 * sigma / (1 + sigma**2))

    exact = -np.sum(y**2, axis=1) / (2 * 1.01) - np.log(2 * np.pi * 1.01)
    np.testing.assert_allclose(log_likelihood(field, y, sigmas), exact, atol=1e-4)


def test_errors_fall_as_the_square_of_the_step(rng):
    y = MOONS.sample(60, rng)[0]
    exact = log_likelihood(exact_field, y, np.geomspace(0.05, 80.0, 641).tolist())
    errors = []
    for steps in (80, 160):
        found = log_likelihood(exact_field, y, np.geomspace(0.05, 80.0, steps + 1).tolist())
        errors.append(np.sqrt(np.mean((found - exact) ** 2)))
    assert 3 < errors[0] / errors[1] < 6


@pytest.mark.parametrize("sigmas", [[1.0], [1.0, 0.5], [0.0, 1.0]])
def test_levels_that_do_not_rise_are_refused(sigmas):
    with pytest.raises(ValueError, match="must be two or more levels, above 0 and rising, got"):
        log_likelihood(exact_field, np.zeros((1, 2)), sigmas)

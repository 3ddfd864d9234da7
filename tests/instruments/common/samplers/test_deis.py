"""DEIS: its order, what its weights integrate exactly, and the steps that it shares with DDIM."""

from functools import partial

import numpy as np
import pytest
from scipy import integrate

from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.deis import deis, weights

from .cases import EXACT, levels, one_level_late, order


@pytest.mark.parametrize("of", [2, 3])
@pytest.mark.subject(
    lambda of: partial(deis, order=of),
    an_order_less=lambda of: partial(deis, order=of - 1),
    one_level_late=lambda of: one_level_late(lambda d, x, grid, rng: deis(d, x, grid, order=of)),
)
def test_its_order(subject, of, start, exact):
    """Between 80 and 320 steps the slope still approaches that of the limit, from below."""
    seen = order(subject(of), exact, start)
    assert of - 0.3 < seen[0] < seen[1] < of
    assert seen[1] > of - 0.15


def adams_bashforth(nodes, end):
    """The weights in u itself, without the factor exp(u) of d sigma = sigma du, which is taken at the last node."""
    h = end - nodes[-1]
    return np.exp(nodes[-1]) * np.array(
        {1: [h], 2: [-h / 2, 3 * h / 2]}.get(len(nodes), [5 * h / 12, -16 * h / 12, 23 * h / 12])
    )


@pytest.mark.parametrize("nodes", [[0.3], [1.1, 0.3], [1.4, 1.1, 0.3]])
@pytest.mark.subject(weights, adams_bashforth=adams_bashforth, in_sigma=lambda u, end: weights(np.exp(u), np.exp(end)))
def test_its_weights_integrate_polynomials_in_log_sigma_over_sigma(subject, nodes):
    nodes, end = np.array(nodes), -0.2
    for power in range(len(nodes)):
        integral, _ = integrate.quad(lambda sigma, m=power: np.log(sigma) ** m, np.exp(nodes[-1]), np.exp(end))
        np.testing.assert_allclose(subject(nodes, end) @ nodes**power, integral, rtol=1e-10)


def test_its_weights_keep_their_digits_in_small_steps():
    """Even nodes 1e-3 apart: nearly Adams–Bashforth's 23/12, -16/12 and 5/12."""
    nodes = np.array([2e-3, 1e-3, 0.0])
    np.testing.assert_allclose(weights(nodes, -1e-3) / -1e-3, [5 / 12, -16 / 12, 23 / 12], atol=2e-3)


def test_order_1_and_the_first_step_are_ddim(start):
    grid = [*levels(12), CLEAN]
    for ours, theirs in zip(deis(EXACT, start, grid, order=1), ddim(EXACT, start, grid), strict=True):
        np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-11, atol=1e-11)
    (_, ours, *_), (_, theirs, *_) = deis(EXACT, start, grid), ddim(EXACT, start, grid)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-11, atol=1e-11)


def test_an_order_is_one_of_three(start):
    with pytest.raises(ValueError) as refusal:
        deis(EXACT, start, levels(2), order=4)
    assert str(refusal.value) == "`order` must be one of 1, 2, 3, got 4."

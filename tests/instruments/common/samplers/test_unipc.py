"""UniPC: its order, its corrector, and the first step that it shares with DDIM."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.samplers import unipc as module
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.unipc import corrector_weights, unipc

from .cases import EXACT, levels, one_level_late, order


@pytest.mark.subject(unipc, without_corrector=dpm_solver_pp_2m, one_level_late=one_level_late(unipc))
def test_with_its_corrector_it_is_third_order(subject, start, exact):
    seen = order(subject, exact, start)
    assert 2.7 < seen[0] < seen[1] < 3
    assert seen[1] > 2.85


def trapezoid(h, r):
    return 0.0, 0.5


@pytest.mark.parametrize(("h", "r"), [(0.3, -1.0), (0.8, -0.4), (2.0, -1.5), (1e-3, -1.0)])
@pytest.mark.subject(
    corrector_weights,
    trapezoid=trapezoid,
    forgets_the_ratio=lambda h, r: corrector_weights(h, -1.0 if r != -1 else -2.0),
)
def test_the_corrector_is_exact_for_quadratics(subject, h, r):
    """x' = -x + c(u) in u = log-SNR / 2, in the coordinates x / sigma_t: the integral of exp(u) c(u) from 0 to h.

    c(u) = u and u²; the formula says (exp(h) - 1) (c_0 + a slope h + b (c_h - c_0)).
    """
    a, b = subject(h, r)
    grid = np.linspace(0.0, h, 2001)
    for c in (lambda u: u, lambda u: u * u):
        values = np.exp(grid) * c(grid)
        integral = (grid[1] / 3) * (values[0] + 4 * values[1:-1:2].sum() + 2 * values[2:-1:2].sum() + values[-1])
        slope = (c(0.0) - c(r * h)) / (-r * h)
        np.testing.assert_allclose(np.expm1(h) * (c(0.0) + a * slope * h + b * (c(h) - c(0.0))), integral, rtol=1e-6)


def test_its_first_step_is_ddims(start):
    grid = levels(12)
    (_, ours, *_), (_, theirs, *_) = unipc(EXACT, start, grid), ddim(EXACT, start, grid)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-11, atol=1e-11)


def test_without_its_corrector_it_is_dpm_solver_pp(start, monkeypatch):
    """The predicted points are then those of DPM-Solver++(2M), state for state."""
    monkeypatch.setattr(module, "corrected", lambda x, cur, after, *rest: predicted[after.sigma])
    grid, predicted = levels(12), {}
    theirs = list(dpm_solver_pp_2m(EXACT, start, grid))
    predicted.update({state.level.sigma: state.x for state in theirs})
    for ours, other in zip(unipc(EXACT, start, grid), theirs, strict=True):
        np.testing.assert_allclose(ours.x, other.x, rtol=1e-10, atol=1e-10)

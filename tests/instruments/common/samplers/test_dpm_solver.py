"""DPM-Solver++(2M): its order, and the first step that it shares with DDIM."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.state import SamplerState

from .cases import EXACT, levels, one_level_late, order


def extrapolates_twice(denoiser, x, levels, rng):
    """With 1/r for 1/(2 r)."""
    before = None
    for cur, after in pairwise(levels):
        h = after.half_log_snr - cur.half_log_snr
        x0_hat = (x - cur.sigma_t * denoiser(x, cur)) / cur.signal
        estimate = x0_hat if before is None else 2 * x0_hat - before
        x = after.sigma_t / cur.sigma_t * x - after.signal * np.expm1(-h) * estimate
        before = x0_hat
        yield SamplerState(1, 1, after, x)


@pytest.mark.subject(
    dpm_solver_pp_2m,
    first_order=ddim,
    extrapolates_twice=extrapolates_twice,
    one_level_late=one_level_late(dpm_solver_pp_2m),
)
def test_it_is_second_order(subject, start, exact):
    np.testing.assert_allclose(order(subject, exact, start), 2, atol=0.15)


def test_its_first_step_is_ddims(start):
    grid = levels(12)
    (_, ours, *_), (_, theirs, *_) = dpm_solver_pp_2m(EXACT, start, grid), ddim(EXACT, start, grid)
    np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-11, atol=1e-11)

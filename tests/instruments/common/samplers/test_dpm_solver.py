"""DPM-Solver++(2M): its order, and the first step that it shares with DDIM."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.dpm_solver import dpm_solver_pp_2m
from diffusion_lab.instruments.common.samplers.state import SamplerState

from .cases import EXACT, SIGMA_MAX, last, levels, one_level_late, order


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


def with_ratio(change):
    """The method with `change(h_before / h)` for the ratio of its steps."""

    def wrong(denoiser, x, levels):
        before = None
        for cur, after in pairwise(levels):
            h = after.half_log_snr - cur.half_log_snr
            x0_hat = (x - cur.sigma_t * denoiser(x, cur)) / cur.signal
            estimate = x0_hat
            if before is not None:
                estimate = x0_hat + (x0_hat - before[1]) / (2 * change(before[0] / h))
            x = after.sigma_t / cur.sigma_t * x - after.signal * np.expm1(-h) * estimate
            before = h, x0_hat
            yield SamplerState(1, 1, after, x)

    return wrong


@pytest.mark.subject(
    dpm_solver_pp_2m,
    left_out=with_ratio(lambda r: 1.0),
)
def test_it_is_second_order_where_long_and_short_steps_alternate(subject, start, exact):
    """Steps in log sigma in the ratio 3 : 1, so that the ratio of neighbouring steps counts."""
    error = []
    for n in (160, 320, 640):
        place = np.concatenate([[0.0], np.cumsum(np.tile([3.0, 1.0], n // 2))])
        grid = Level.from_sigma(SIGMA_MAX * (0.05 / SIGMA_MAX) ** (place / place[-1])).split()
        error.append(np.sqrt(np.mean((last(subject(EXACT, start, grid)) - exact) ** 2)))
    np.testing.assert_allclose(np.log2(error[:-1]) - np.log2(error[1:]), 2, atol=0.25)


@pytest.mark.subject(dpm_solver_pp_2m, left_out=with_ratio(lambda r: 1.0), inverted=with_ratio(lambda r: 1 / r))
def test_it_weighs_the_step_before_by_the_ratio_of_the_steps(subject, start):
    """Lu et al. 2022, Algorithm 2, step for step on Karras' uneven levels."""
    grid = Level.from_sigma(np.linspace(SIGMA_MAX ** (1 / 7), 0.05 ** (1 / 7), 9) ** 7).split()
    np.testing.assert_allclose(
        last(subject(EXACT, start, grid)), last(with_ratio(lambda r: r)(EXACT, start, grid)), rtol=1e-10, atol=1e-10
    )

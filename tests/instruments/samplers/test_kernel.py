"""Samplers raced: levels, budgets, the exact ends, both errors, and ways between noises."""

from functools import partial

import numpy as np
import pytest
from scipy import integrate

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import mmd
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.samplers import kernel
from diffusion_lab.instruments.samplers.kernel import METHODS, Choices

RING = ring()
X = kernel.noise(4, 200)


def run(sampler, nfe=16, x=X, choices=Choices(), seed=4, **options):  # noqa: B008
    return Trajectory.of(kernel.states(RING, sampler, x, nfe, choices, seed, **options))


@pytest.mark.subject(kernel.law_error, of_clean_data=lambda x, mixture: mmd(x, mixture, 1.0, 0.0))
def test_ends_are_compared_with_the_law_of_the_last_level(subject):
    last = Level.from_sigma(kernel.SIGMA_MIN)
    assert subject(X, RING) == mmd(X, RING, last.signal, last.sigma_t)


# --- levels and budgets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spacing", kernel.SPACINGS)
def test_levels_fall_from_one_end_to_the_other(spacing):
    sigmas = np.array([level.sigma for level in kernel.levels(spacing, 7.0, 9)])
    assert len(sigmas) == 10
    assert np.all(np.diff(sigmas) < 0)
    np.testing.assert_allclose(sigmas[[0, -1]], [kernel.SIGMA_MAX, kernel.SIGMA_MIN], rtol=1e-6)


@pytest.mark.subject(kernel.levels, another_rho=lambda spacing, rho, n: kernel.levels(spacing, rho + 0.5, n))
def test_karras_levels_are_even_in_a_root_of_sigma(subject):
    roots = np.array([level.sigma for level in subject("karras", 3.0, 8)]) ** (1 / 3)
    np.testing.assert_allclose(np.diff(roots), np.diff(roots)[0], rtol=1e-9)


@pytest.mark.parametrize("nfe", [4, 10, 64])
@pytest.mark.parametrize("sampler", METHODS)
def test_no_sampler_asks_more_often_than_its_budget(sampler, nfe):
    done = run(sampler, nfe)
    assert done.nfe[-1] == nfe
    assert len(done.levels) - 1 == nfe // METHODS[sampler].evaluations


def test_edm_by_euler_takes_twice_the_steps():
    assert len(run("edm_stochastic", 10, choices=Choices(solver="euler")).levels) == 11


def test_all_start_at_the_same_noise():
    for sampler in METHODS:
        np.testing.assert_array_equal(run(sampler).x[0], X)


def test_euler_in_sigma_is_ddim_and_edm_without_churn_is_heun():
    choices = Choices(variable="sigma", churn=0.0)
    np.testing.assert_allclose(run("ode_euler", choices=choices).x, run("ddim").x, atol=1e-10)
    np.testing.assert_allclose(run("edm_stochastic", choices=choices).x, run("ode_heun", choices=choices).x, atol=1e-10)


def test_what_is_unknown_is_refused():
    with pytest.raises(ValueError, match=r"`sampler` must be one of ddpm, .*, got 'euler'"):
        run("euler")
    with pytest.raises(ValueError, match=r"`spacing` must be one of karras, .*, got 'even'"):
        run("ddim", choices=Choices(spacing="even"))


# --- truth and errors ------------------------------------------------------------------------------------------------


def ends_of_ddim(mixture, x):
    *_, state = kernel.states(mixture, "ddim", x, 2000, Choices(), 0)
    return state.x


@pytest.mark.subject(kernel.reference_ends, ddim_in_2000_steps=ends_of_ddim)
def test_exact_ends_solve_the_ode(subject):
    """SciPy's adaptive solver of high order, in sigma, point by point."""
    start, end = Level.from_sigma(kernel.SIGMA_MAX), Level.from_sigma(kernel.SIGMA_MIN)
    x = X[:5]

    def slope(sigma, flat):
        return (-sigma * RING.score(flat.reshape(-1, 2), 1.0, sigma)).ravel()

    solved = integrate.solve_ivp(
        slope, (start.sigma, end.sigma), (x / start.signal).ravel(), method="DOP853", rtol=1e-10, atol=1e-10
    )
    exact = end.signal * solved.y[:, -1].reshape(-1, 2)
    np.testing.assert_allclose(subject(RING, x), exact, atol=1e-5)


@pytest.fixture(scope="module")
def curves():
    reference = kernel.reference_ends(RING, X)
    return kernel.error_curves(RING, X, reference, Choices(spacing="uniform_log_snr"), 4, (16, 80, 160, 320))


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.stochastic])
@pytest.mark.subject(
    lambda curve: curve.end,
    squared=lambda curve: np.square(curve.end),
    of_the_law=lambda curve: curve.law,
)
def test_each_error_falls_with_the_order_of_its_method(subject, name, curves):
    """The slope from 160 to 320 evaluations; of third order it is not quite reached yet."""
    error = np.array(subject(curves[name]))
    order = METHODS[name].order
    assert order - 0.35 < np.log2(error[-2] / error[-1]) < order + 0.2


def test_errors_are_those_of_the_runs(curves):
    end = run("unipc", 80, choices=Choices(spacing="uniform_log_snr")).x[-1]
    assert curves["unipc"].nfe == [16, 80, 160, 320]
    assert curves["unipc"].end[1] == kernel.end_error(end, kernel.reference_ends(RING, X))
    assert curves["unipc"].law[1] == kernel.law_error(end, RING).distance


def test_fresh_noise_has_no_exact_ends_but_a_law(curves):
    for name, curve in curves.items():
        assert np.all(np.isnan(curve.end)) == METHODS[name].stochastic
        chance = kernel.law_error(X, RING).expected
        assert curve.law[-1] < 2 * chance, "with many steps chance is all that is left"


def test_curves_grow_budget_by_budget():
    reference = kernel.reference_ends(RING, X)
    lengths = [
        len(partial_curves["ddim"].nfe)
        for _, _, partial_curves in kernel.error_curves.work(RING, X, reference, Choices(), 4, (4, 6))
    ]
    assert sorted(set(lengths)) == [0, 1]
    assert lengths == sorted(lengths)


@pytest.mark.subject(
    kernel.end_error,
    mean_distance=lambda a, b: float(np.mean(np.linalg.norm(a - b, axis=1))),
    per_axis=lambda a, b: float(np.sqrt(np.mean((a - b) ** 2))),
)
def test_end_error_is_a_root_mean_square_distance(subject):
    assert subject(np.array([[3.0, 4.0], [0.0, 0.0]]), np.zeros((2, 2))) == pytest.approx(5 / np.sqrt(2))


# --- runs at a moment ------------------------------------------------------------------------------------------------


def test_points_move_straight_between_states():
    done = run("ddim", 4)
    np.testing.assert_array_equal(done.at(0.0), done.x[0])
    np.testing.assert_array_equal(done.at(1.0), done.x[-1])
    np.testing.assert_allclose(done.at(0.375), (done.x[1] + done.x[2]) / 2)
    nodes = done.nodes(0.375, 7)
    np.testing.assert_allclose(nodes, np.stack([done.x[0], done.x[1], (done.x[1] + done.x[2]) / 2])[:, :7])
    assert len(done.nodes(0.5, 7)) == 3, "at a state it is there once"


# --- between noises --------------------------------------------------------------------------------------------------


def straight(a, b, shares):
    return a + np.asarray(shares)[:, None] * (np.asarray(b) - a)


@pytest.mark.subject(kernel.spherical, straight=straight, reversed=lambda a, b, u: kernel.spherical(b, a, u))
def test_spherical_interpolation_turns_evenly_and_keeps_the_norm(subject):
    a, b = np.array([2.0, 0.0]), np.array([0.0, 2.0])
    u = np.linspace(0, 1, 7)
    wanted = 2.0 * np.stack([np.cos(u * np.pi / 2), np.sin(u * np.pi / 2)], axis=1)
    np.testing.assert_allclose(subject(a, b, u), wanted, atol=1e-12)


def test_noises_on_one_line_have_no_arc():
    with pytest.raises(ValueError, match="must not lie on one line through the origin"):
        kernel.spherical([1.0, 1.0], [2.0, 2.0], [0.5])


def test_both_ways_join_the_same_noises():
    arc, line = (kernel.between(4, 11, way) for way in ("spherical", "linear"))
    np.testing.assert_allclose(arc[[0, -1]], line[[0, -1]], atol=1e-12)
    np.testing.assert_allclose(line[5], (line[0] + line[-1]) / 2)


@pytest.mark.subject(partial(run, one_draw=True), each_its_own=run)
def test_one_draw_moves_equal_points_equally(subject):
    done = subject("ddpm", 10, x=np.zeros((5, 2)))
    np.testing.assert_array_equal(done.x[-1], np.broadcast_to(done.x[-1][0], (5, 2)))


def test_without_fresh_noise_a_finer_arc_has_smaller_jumps():
    """The ends are a continuous function of the noise; with fresh noise at each place they are not."""
    jumps = {
        name: [kernel.largest_jump(run(name, 16, x=kernel.between(4, n, "spherical")).x[-1]) for n in (101, 1601)]
        for name in ("ddim", "ddpm")
    }
    assert jumps["ddim"][1] < jumps["ddim"][0] / 4
    assert jumps["ddpm"][1] > 3


def test_the_line_is_a_mixture_of_one_dimension():
    done = Trajectory.of(kernel.states(kernel.LINE, "unipc", kernel.noise(1, 4000, 1), 64, Choices(), 1))
    share = np.mean(done.x[-1] > 0)
    assert abs(share - 0.7) < 4 * np.sqrt(0.21 / 4000)
    assert isinstance(kernel.LINE, GaussianMixture)


def test_a_run_is_the_common_sampler_s():
    grid = kernel.levels("karras", 7.0, 16)
    theirs = Trajectory.of(ddim(MixtureDenoiser(RING), X, grid))
    np.testing.assert_array_equal(run("ddim").x, theirs.x)

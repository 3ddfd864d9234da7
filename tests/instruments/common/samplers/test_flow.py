"""Flow solvers by their order, against SciPy's Runge-Kutta step, and the fine reference."""

import numpy as np
import pytest
from scipy import integrate as quadrature
from scipy.integrate._ivp.rk import rk_step

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.flows import marginal_velocity
from diffusion_lab.instruments.common.samplers.by_name import FLOW_SOLVERS
from diffusion_lab.instruments.common.samplers.flow import equal_times, flow_euler, flow_sde_euler, runge_kutta_4
from diffusion_lab.instruments.common.samplers.state import SamplerState


def solve(velocity, noise, num_steps, solver):
    return FLOW_SOLVERS[solver](velocity, noise, equal_times(num_steps))


def end(solve, velocity, noise, steps, solver):
    *_, last = solve(velocity, noise, steps, solver)
    return last.x


def wrong_solver(step):
    def solve(velocity, noise, num_steps, solver):
        x, h = noise, 1 / num_steps
        for i in range(num_steps):
            x = step(velocity, x, i * h, h, solver)
        yield SamplerState(num_steps, num_steps, 1.0, x)

    return solve


def heun_with_the_old_time(velocity, x, t, h, solver):
    first = velocity(x, t)
    second = velocity(x + h * first, t)
    return x + h * (first if solver == "euler" else (first + second) / 2)


def midpoint_whole_step(velocity, x, t, h, solver):
    first = velocity(x, t)
    return x + h * (first if solver == "euler" else velocity(x + h * first, t + h / 2))


def euler_one_late(velocity, x, t, h, solver):
    first = velocity(x, t)
    if solver == "euler":
        return x + h * velocity(x + h / 2 * first, t + h / 2)  # order 2: too good to be Euler
    return x + h * velocity(x + h / 2 * first, t + h / 2)


@pytest.mark.subject(
    solve,
    old_time=wrong_solver(heun_with_the_old_time),
    whole_step=wrong_solver(midpoint_whole_step),
    not_euler=wrong_solver(euler_one_late),
)
def test_convergence_orders_on_the_exact_velocity(subject, rng):
    """Log–log slope from N = 80 to 640 steps on the ring: Euler 1, Heun and midpoint 2."""
    mixture, noise = ring(), rng.standard_normal((60, 2))
    velocity = lambda x, t: marginal_velocity(mixture, x, t)  # noqa: E731
    reference = runge_kutta_4(velocity, noise, 1280)[0][-1]
    steps = np.array([80, 160, 320, 640])
    for solver, order in zip(FLOW_SOLVERS, (1, 2, 2), strict=True):
        errors = [np.sqrt(np.mean((end(subject, velocity, noise, n, solver) - reference) ** 2)) for n in steps]
        slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
        assert slope == pytest.approx(order, abs=0.15), solver


TABLEAUX = {  # A, B and C of Butcher
    "euler": ([[0.0]], [1.0], [0.0]),
    "heun": ([[0.0, 0.0], [1.0, 0.0]], [0.5, 0.5], [0.0, 1.0]),
    "midpoint": ([[0.0, 0.0], [0.5, 0.0]], [0.0, 1.0], [0.0, 0.5]),
}


@pytest.mark.subject(
    solve,
    old_time=wrong_solver(heun_with_the_old_time),
    whole_step=wrong_solver(midpoint_whole_step),
    not_euler=wrong_solver(euler_one_late),
)
def test_solvers_agree_with_scipy_step_for_step(subject, lopsided, rng):
    """SciPy's explicit Runge-Kutta step with each method's tableau, in the ten steps to the end; to rounding."""
    noise = rng.standard_normal((20, 2))
    velocity = lambda x, t: marginal_velocity(lopsided, x, t)  # noqa: E731
    flat = lambda t, y: velocity(y.reshape(-1, 2), t).ravel()  # noqa: E731
    for solver in FLOW_SOLVERS:
        a, b, c = (np.array(part) for part in TABLEAUX[solver])
        y = noise.ravel()
        for t in np.arange(10) / 10:
            y, _ = rk_step(flat, t, y, flat(t, y), 0.1, a, b, c, np.empty((len(b) + 1, y.size)))
        np.testing.assert_allclose(end(subject, velocity, noise, 10, solver).ravel(), y, atol=1e-12)


def test_the_reference_agrees_with_an_independent_integrator(rng):
    mixture, noise = ring(), rng.standard_normal((10, 2))
    states, velocities = runge_kutta_4(lambda x, t: marginal_velocity(mixture, x, t), noise, 128)
    assert states.shape == velocities.shape == (129, 10, 2)
    np.testing.assert_array_equal(velocities[64], marginal_velocity(mixture, states[64], 0.5))

    def rate(t, y):
        return marginal_velocity(mixture, y.reshape(-1, 2), t).ravel()

    solution = quadrature.solve_ivp(rate, (0, 1), noise.ravel(), method="DOP853", rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(states[-1].ravel(), solution.y[:, -1], atol=1e-5)


def test_evaluations_are_counted_and_nodes_named(rng):
    calls = []

    def velocity(x, t):
        calls.append(t)
        return -x

    for solver, each in (("euler", 1), ("heun", 2), ("midpoint", 2)):
        calls.clear()
        states = list(solve(velocity, np.ones((3, 2)), 5, solver))
        assert [state.step for state in states] == list(range(6))
        np.testing.assert_allclose([state.level for state in states], np.arange(6) / 5)
        assert states[-1].nfe == len(calls) == 5 * each
        assert all(0 <= t <= 1 for t in calls)


def test_steps_need_not_be_equal():
    """dx/dt = t in two unequal Euler steps."""
    (*_, last) = flow_euler(lambda x, t: np.full_like(x, t), np.zeros((1, 2)), [0.0, 0.25, 1.0])
    np.testing.assert_allclose(last.x, 0.25 * 0.75)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0], "`times` must hold at least 2 times, got 1."),
        ([0.0, 0.5, 0.5], "`times` must rise, from at least 0 to at most 1, got [0.0, 0.5, 0.5]."),
        ([0.0, 1.5], "`times` must rise, from at least 0 to at most 1, got [0.0, 1.5]."),
    ],
)
@pytest.mark.parametrize("solver", FLOW_SOLVERS)
def test_refusals_come_at_the_call(solver, times, message):
    with pytest.raises(ValueError) as refusal:
        FLOW_SOLVERS[solver](lambda x, t: x, np.zeros((1, 2)), times)
    assert str(refusal.value) == message


def test_a_step_is_the_least():
    with pytest.raises(ValueError, match=r"`num_steps` must be at least 1, got 0\."):
        equal_times(0)


@pytest.mark.subject(
    runge_kutta_4, of_the_last_stage=lambda *run: (lambda x, v: (x, [*v[:-1], v[-2]]))(*runge_kutta_4(*run))
)
def test_the_reference_has_the_velocity_at_each_of_its_nodes(subject, rng):
    states, velocities = subject(lambda x, t: x * t + 1, rng.standard_normal((5, 2)), 4)
    for k, (x, v) in enumerate(zip(states, velocities, strict=True)):
        np.testing.assert_array_equal(v, x * (k / 4) + 1)


# --- the SDE with the flow's marginals -------------------------------------------------------------------------------

TARGET_SD = 0.5


def gaussian_velocity(x, t):
    """Exact for N(0, 0.25) on the rectified path."""
    var = (t * TARGET_SD) ** 2 + (1 - t) ** 2
    return (t * TARGET_SD**2 - (1 - t)) / var * x


def gaussian_score(v, x, t):
    return (t * v - x) / (1 - t)


def with_score(change):
    """The solver with another score."""

    def solve(velocity, x, times, rng, *, score, sigma):
        return flow_sde_euler(velocity, x, times, rng, score=lambda *at: change * score(*at), sigma=sigma)

    return solve


class Scaled:
    """Normal numbers times a factor."""

    def __init__(self, rng, factor):
        self.rng, self.factor = rng, factor

    def standard_normal(self, size):
        return self.factor * self.rng.standard_normal(size)


@pytest.mark.subject(
    flow_sde_euler,
    score_without_its_half=with_score(2.0),
    downhill=with_score(-1.0),
    no_score=with_score(0.0),
    half_the_noise=lambda v, x, times, rng, **k: flow_sde_euler(v, x, times, Scaled(rng, 0.5), **k),
    noise_not_by_the_root_of_the_step=lambda v, x, times, rng, **k: flow_sde_euler(
        v, x, times, Scaled(rng, (times[1] - times[0]) ** 0.5), **k
    ),
)
def test_the_sde_has_the_variance_of_the_flow_at_every_time(subject, rng):
    """One Gaussian, 400 steps: at each of five times the variance is the path's, whatever sigma (error 1 %)."""
    for sigma in (0.5, 1.5):
        x = rng.standard_normal((20_000, 1))
        states = subject(gaussian_velocity, x, equal_times(400), rng, score=gaussian_score, sigma=sigma)
        for state in states:
            if state.step % 80 == 0 and state.step:
                t = state.level
                var = (t * TARGET_SD) ** 2 + (1 - t) ** 2
                assert state.x.var() / var == pytest.approx(1, abs=0.05), (sigma, t)


def test_the_sde_without_noise_is_the_flow_and_each_step_costs_one_evaluation(lopsided, rng):
    x = rng.standard_normal((20, 2))
    velocity = lambda x, t: marginal_velocity(lopsided, x, t)  # noqa: E731
    plain = flow_euler(velocity, x, equal_times(7))
    sde = flow_sde_euler(velocity, x, equal_times(7), rng, score=gaussian_score, sigma=0.0)
    for a, b in zip(plain, sde, strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        assert a.nfe == b.nfe
    with pytest.raises(ValueError, match="`sigma` must be at least 0, got -1"):
        flow_sde_euler(velocity, x, equal_times(7), rng, score=gaussian_score, sigma=-1.0)

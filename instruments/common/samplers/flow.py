"""Solvers for flows from noise at t = 0 to data at t = 1, dx/dt = velocity(x, t), and a fine reference.

The signature of all samplers, with a velocity in the denoiser's place and rising times in that of the levels; a
state's `level` is its time, and `x` is on the flow's own path. None adapts its step; only `flow_sde_euler` draws noise.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]
Velocity = Callable[[Array, float], Array]
Score = Callable[[Array, Array, float], Array]
Step = Callable[[Velocity, Array, float, float], Array]


def equal_times(num_steps: int) -> list[float]:
    """The `num_steps` + 1 times of equal steps from 0 to 1. Raises ValueError unless there is at least one step."""
    require(num_steps >= 1, "`num_steps` must be at least 1", num_steps)
    return [step / num_steps for step in range(num_steps + 1)]


def flow_euler(
    velocity: Velocity, x: ArrayLike, times: Sequence[float], rng: Normals | None = None
) -> Iterator[SamplerState[float]]:
    """Euler's method: order 1, one evaluation a step (the sampler of Liu et al. 2023 and Lipman et al. 2023)."""

    def step(velocity: Velocity, x: Array, t: float, t_next: float) -> Array:
        return x + (t_next - t) * velocity(x, t)

    return _stepped(velocity, x, times, step, 1)


def flow_heun(
    velocity: Velocity, x: ArrayLike, times: Sequence[float], rng: Normals | None = None
) -> Iterator[SamplerState[float]]:
    """Heun's method, the trapezoid rule made explicit: order 2, two evaluations a step."""

    def step(velocity: Velocity, x: Array, t: float, t_next: float) -> Array:
        h, first = t_next - t, velocity(x, t)
        return x + 0.5 * h * (first + velocity(x + h * first, t_next))

    return _stepped(velocity, x, times, step, 2)


def flow_midpoint(
    velocity: Velocity, x: ArrayLike, times: Sequence[float], rng: Normals | None = None
) -> Iterator[SamplerState[float]]:
    """The explicit midpoint method: order 2, two evaluations a step."""

    def step(velocity: Velocity, x: Array, t: float, t_next: float) -> Array:
        h = t_next - t
        return x + h * velocity(x + 0.5 * h * velocity(x, t), (t + t_next) / 2.0)

    return _stepped(velocity, x, times, step, 2)


def flow_sde_euler(
    velocity: Velocity, x: ArrayLike, times: Sequence[float], rng: Normals, *, score: Score, sigma: float
) -> Iterator[SamplerState[float]]:
    """Euler–Maruyama for the SDE that has the flow's marginals at every t, for any sigma >= 0; one evaluation a step.

        dx = (v + sigma²/2 score) dt + sigma dW        Ma et al. 2024 (SiT), w_t = sigma²; Song et al. 2021, appendix D

    score(v, x, t) gives the score (N, d) from the velocities at x, as `flows.score_of_velocity` does. sigma, in units
    per square root of t, is 0 for the ODE, whose steps are then those of `flow_euler`. First order in law.
    """
    require(sigma >= 0, "`sigma` must be at least 0", sigma)

    def step(velocity: Velocity, x: Array, t: float, t_next: float) -> Array:
        h, v = t_next - t, velocity(x, t)
        if sigma == 0:
            return x + h * v
        drift = v + 0.5 * sigma**2 * score(v, x, t)
        return x + h * drift + sigma * np.sqrt(h) * rng.standard_normal(x.shape)

    return _stepped(velocity, x, times, step, 1)


@sliced
def runge_kutta_4(velocity: Velocity, x: ArrayLike, num_steps: int) -> Work[tuple[Array, Array]]:
    """The classical fourth-order method: states and velocities at all nodes, each (num_steps + 1, N, d).

    The reference that the solvers are measured against; four evaluations a step.
    """
    times = equal_times(num_steps)
    x = np.asarray(x, dtype=np.float64)
    states, velocities = [x], []
    for t, t_next in pairwise(times):
        h, t_half = t_next - t, (t + t_next) / 2.0
        k1 = velocity(x, t)
        k2 = velocity(x + 0.5 * h * k1, t_half)
        k3 = velocity(x + 0.5 * h * k2, t_half)
        k4 = velocity(x + h * k3, t_next)
        x = x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        velocities.append(k1)
        states.append(x)
        yield len(velocities), num_steps
    velocities.append(velocity(x, 1.0))
    return np.stack(states), np.stack(velocities)


def _stepped(
    velocity: Velocity, x: ArrayLike, times: Sequence[float], step: Step, each: int
) -> Iterator[SamplerState[float]]:
    times = [float(t) for t in times]
    require(len(times) >= 2, "`times` must hold at least 2 times", len(times))
    rising = all(t < t_next for t, t_next in pairwise(times)) and times[0] >= 0 and times[-1] <= 1
    require(rising, "`times` must rise, from at least 0 to at most 1", times)

    def states(x: Array) -> Iterator[SamplerState[float]]:
        yield SamplerState(0, 0, times[0], x)
        for number, (t, t_next) in enumerate(pairwise(times), start=1):
            x = step(velocity, x, t, t_next)
            yield SamplerState(number, each * number, t_next, x)

    return states(np.asarray(x, dtype=np.float64))

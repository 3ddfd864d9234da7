"""The way back by any of the samplers, computed no further than it has been looked at.

All samplers go through the same kind of levels, geometric in the VE noise sigma from SIGMA_MAX (t = 1) to SIGMA_MIN,
and begin at the same N(0, I) in VP coordinates, in which every frame is given.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common import samplers_vp
from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.schedules import (
    alpha_bar_from_sigma,
    exponential_t,
    geometric_sigmas,
    vp_coefficients,
)
from diffusion_lab.instruments.ring.kernel import (
    MAX_FRAMES,
    NUM_LEVELS,
    NUM_POINTS,
    NUM_STEPS,
    SIGMA_MAX,
    SIGMA_MIN,
    Frame,
    frame_indices,
    reverse_steps,
)

Array = NDArray[np.float64]
Stepper = Callable[[samplers_vp.Eps, Array, Array, np.random.Generator, float], Iterator[samplers_vp.StepState]]

SAMPLERS: dict[str, Stepper | None] = {
    "Langevin": None,  # the one that works at levels, not between them
    "DDPM": lambda eps, x, levels, rng, _: samplers_vp.ddpm_ancestral(eps, x, levels, rng, "beta"),
    "DDIM": samplers_vp.ddim,
    "reverse_SDE": lambda eps, x, levels, rng, _: samplers_vp.reverse_sde(eps, x, levels, rng),
    "ODE_Euler": lambda eps, x, levels, rng, _: samplers_vp.probability_flow_euler(eps, x, levels),
    "ODE_Heun": lambda eps, x, levels, rng, _: samplers_vp.probability_flow_heun(eps, x, levels),
    "DPM-Solver++": lambda eps, x, levels, rng, _: samplers_vp.dpm_solver_pp_2m(eps, x, levels),
}
"""The samplers by name; the last argument is eta, which only DDIM has. DDPM takes the variance beta."""


def evaluations(sampler: str, num_levels: int, num_steps: int = NUM_STEPS) -> int:
    """Score evaluations per point of a whole run: Langevin's steps at every level, or a step to every level."""
    return num_levels * {"Langevin": num_steps, "ODE_Heun": 2}.get(sampler, 1)


def sampler_steps(
    mixture: GaussianMixture,
    sampler: str,
    num_points: int = NUM_POINTS,
    num_levels: int = NUM_LEVELS,
    num_steps: int = NUM_STEPS,
    eta: float = 0.0,
    *,
    rng: np.random.Generator,
) -> Iterator[Frame]:
    """The way back by one of `SAMPLERS`: the start, N(0, I) at t = 1, then a frame after each step.

    Langevin takes `num_steps` steps at each of the levels; the others one step to each, `num_levels` in all, and stop
    at SIGMA_MIN without a last jump. The same `rng` state gives all samplers the same start. Raises ValueError at the
    call for a sampler that is not there.
    """
    require(sampler in SAMPLERS, f"`sampler` must be one of {', '.join(SAMPLERS)}", sampler)
    stepper = SAMPLERS[sampler]
    if stepper is None:
        return reverse_steps(mixture, num_points, num_levels, num_steps, rng=rng)
    require(num_points >= 1, "`num_points` must be at least 1", num_points)
    sigmas = geometric_sigmas(SIGMA_MAX, SIGMA_MIN, num_levels + 1)
    alpha_bars = alpha_bar_from_sigma(sigmas)
    start = rng.standard_normal((num_points, mixture.means.shape[1]))
    states = stepper(_exact_eps(mixture), start, alpha_bars, rng, eta)

    def frames() -> Iterator[Frame]:
        yield Frame(0, 0, 0, float(sigmas[0]), float(alpha_bars[0]), float(exponential_t(alpha_bars[0])), start)
        for state in states:
            t = float(exponential_t(state.alpha_bar))
            yield Frame(state.nfe, state.step, 0, float(sigmas[state.step]), state.alpha_bar, t, state.x)

    return frames()


def _exact_eps(mixture: GaussianMixture) -> samplers_vp.Eps:
    """The best noise prediction there is, -sqrt(1 - alpha_bar) times the exact score."""

    def eps_hat(x: Array, alpha_bar: float) -> Array:
        signal, sigma_t = (float(level) for level in vp_coefficients(alpha_bar))
        return -sigma_t * mixture.score(x, signal, sigma_t)

    return eps_hat


class Run:
    """A run of the way back, computed no further than it has been looked at.

    frames: those kept so far, float32, in order; num_frames: how many there will be; both ends are among them.
    """

    def __init__(self, frames: Iterator[Frame], num_steps: int, max_frames: int = MAX_FRAMES) -> None:
        """`frames` are the start and `num_steps` more, of which at most `max_frames` + 1 are kept."""
        self._coming = enumerate(frames)
        self._kept = frame_indices(num_steps, max_frames)
        self.frames: list[Frame] = []
        self.compute(0)

    @property
    def num_frames(self) -> int:
        """Frames of the whole run."""
        return len(self._kept)

    @property
    def complete(self) -> bool:
        """Whether the end has been reached."""
        return len(self.frames) == self.num_frames

    def compute(self, frame: int, at_most: float = np.inf) -> None:
        """Go on to the kept frame `frame`, by at most `at_most` steps."""
        while len(self.frames) <= frame and at_most > 0:
            number, state = next(self._coming)
            at_most -= 1
            if number == self._kept[len(self.frames)]:
                self.frames.append(replace(state, x=state.x.astype(np.float32)))

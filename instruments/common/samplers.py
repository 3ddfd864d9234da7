"""Samplers as generators: each step is visible, and the caller chooses what to keep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LangevinState:
    """The points after one Langevin step.

    level: index into `sigmas`, from 0; step: steps done at this level, from 1; sigma: the level's VE noise;
    x: (N, d) VE coordinates, a fresh array that the sampler never writes to again.
    """

    level: int
    step: int
    sigma: float
    x: Array


def annealed_langevin(
    score: Callable[[Array, float], Array],
    x: Array,
    sigmas: ArrayLike,
    num_steps: int,
    step_size: float,
    rng: np.random.Generator,
) -> Iterator[LangevinState]:
    """Annealed Langevin dynamics: `num_steps` steps at each level of `sigmas` in turn, a state after each.

    Song & Ermon 2019, Algorithm 1, written as

        x <- x + eps score(x, sigma) + sqrt(2 eps) z,      eps = step_size sigma²,  z ~ N(0, I)

    The paper's alpha_i is 2 eps, so its step-size constant is 2 step_size sigma_L² (sigma_L the last level),
    and its start is up to the caller. Not Metropolis-adjusted: at a fixed step it is biased, for a Gaussian
    by as much as `langevin_variance` says.

    score(x, sigma) -> array like x, in VE coordinates, one evaluation a step; x: (N, d) VE starting points,
    left untouched; sigmas: (L,), all above 0; step_size: no unit, above 0 and below 2, beyond which a step
    overshoots a Gaussian of variance sigma² by more than the distance to its centre, and the chain diverges.
    Raises ValueError at the call, not at the first step.
    """
    levels = _checked_levels(sigmas, num_steps, step_size)

    def steps(x: Array) -> Iterator[LangevinState]:
        for level, sigma in enumerate(levels):
            eps = step_size * sigma**2
            for step in range(1, num_steps + 1):
                x = x + eps * score(x, sigma) + np.sqrt(2.0 * eps) * rng.standard_normal(x.shape)
                yield LangevinState(level, step, sigma, x)

    return steps(np.asarray(x, dtype=np.float64))


def langevin_variance(s: float, sigmas: ArrayLike, num_steps: int, step_size: float, initial_var: float) -> Array:
    """Exact variance per axis of `annealed_langevin` on N(0, s² I), after the last step of each level: (L,).

    One step with the exact score -x/var, var = s² + sigma², maps V to (1 - eps/var)² V + 2 eps; its fixed
    point is var / (1 - eps/(2 var)), not var: the bias of discretised Langevin. `initial_var` is the VE
    variance of the start; arguments as in `annealed_langevin`.
    """
    levels = _checked_levels(sigmas, num_steps, step_size)
    require(s > 0, "`s` must be above 0", s)
    require(initial_var >= 0, "`initial_var` must be at least 0", initial_var)
    variance, after_level = initial_var, []
    for sigma in levels:
        eps, var = step_size * sigma**2, s**2 + sigma**2
        for _ in range(num_steps):
            variance = (1.0 - eps / var) ** 2 * variance + 2.0 * eps
        after_level.append(variance)
    return np.array(after_level)


def _checked_levels(sigmas: ArrayLike, num_steps: int, step_size: float) -> list[float]:
    levels = np.asarray(sigmas, dtype=np.float64)
    require(levels.ndim == 1 and levels.size, "`sigmas` must have shape (L,), L >= 1", f"shape {levels.shape}")
    require(np.all(levels > 0), "`sigmas` must be above 0", sigmas, "leave out the last 0")
    require(num_steps >= 1, "`num_steps` must be at least 1", num_steps)
    require(0 < step_size < 2, "`step_size` must be above 0 and below 2", step_size)
    return levels.tolist()

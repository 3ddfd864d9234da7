"""Annealed Langevin dynamics, and its exact law on a Gaussian."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Counted, Denoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState

Array = NDArray[np.float64]


def annealed_langevin(
    denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals, *, num_steps: int, step_size: float
) -> Iterator[SamplerState[Level]]:
    """Annealed Langevin dynamics: `num_steps` steps *at* each level in turn; one evaluation a step.

    Song & Ermon 2019, Algorithm 1. In VE coordinates, with score = -eps_hat / sigma and z ~ N(0, I),

        x <- x + a score + sqrt(2 a) z,      a = step_size sigma²

    The paper's alpha_i is 2 a, so its step-size constant is 2 step_size sigma_L² (sigma_L the last level). Here points
    are in VP coordinates, where the same step is the line below, and from level to level x is rescaled by the signals.
    Not Metropolis-adjusted: at a fixed step it is biased, for a Gaussian by the amount in `langevin_variance`.

    step_size: no unit, above 0 and below 2, beyond which a step overshoots a Gaussian of variance sigma² by more than
    the distance to its centre, and the chain diverges. levels: one or more, none of them clean.
    """
    _check(levels, num_steps, step_size)

    def states(x: Array) -> Iterator[SamplerState[Level]]:
        eps_hat = Counted(denoiser)
        yield SamplerState(0, 0, levels[0], x)
        step, before = 0, levels[0]
        for level in levels:
            if level is not before:
                x = (level.signal / before.signal) * x
            pull, noise = step_size * level.sigma_t, np.sqrt(2.0 * step_size) * level.sigma_t
            for _ in range(num_steps):
                x = x - pull * eps_hat(x, level) + noise * rng.standard_normal(x.shape)
                step += 1
                yield SamplerState(step, eps_hat.nfe, level, x)
            before = level

    return states(np.asarray(x, dtype=np.float64))


def langevin_variance(s: float, levels: Sequence[Level], num_steps: int, step_size: float, initial_var: float) -> Array:
    """Exact variance per axis of `annealed_langevin` on N(0, s² I), after the last step of each level: (L,).

    One step with the exact score -x/var, var = signal² s² + sigma_t², maps V to (1 - a/var)² V + 2 a with
    a = step_size sigma_t²; its fixed point is var / (1 - a/(2 var)), not var: the bias of discretised Langevin.
    All variances are in VP coordinates, `initial_var` that of the start.
    """
    _check(levels, num_steps, step_size)
    require(s > 0, "`s` must be above 0", s)
    require(initial_var >= 0, "`initial_var` must be at least 0", initial_var)
    variance, before, after_level = initial_var, levels[0], []
    for level in levels:
        variance *= level.alpha_bar / before.alpha_bar
        a, var = step_size * level.var, level.alpha_bar * s**2 + level.var
        for _ in range(num_steps):
            variance = (1.0 - a / var) ** 2 * variance + 2.0 * a
        after_level.append(variance)
        before = level
    return np.array(after_level)


def _check(levels: Sequence[Level], num_steps: int, step_size: float) -> None:
    require(len(levels) >= 1, "`levels` must hold at least 1 level", len(levels))
    least = min(level.sigma for level in levels)
    require(least > 0, "`levels` must be noisy", f"sigma = {least:g}", "leave out the clean level")
    require(num_steps >= 1, "`num_steps` must be at least 1", num_steps)
    require(0 < step_size < 2, "`step_size` must be above 0 and below 2", step_size)

"""The probability-flow ODE by Euler's and Heun's methods, in either of two variables.

"sigma", the VE noise level: dx_VE/d(sigma) = eps_hat, the choice of Karras et al. 2022 (sigma(t) = t, s(t) = 1), in
which paths are nearly straight; Euler's method in it is DDIM's. "log_alpha_bar", the clock of the VP SDE, in which
the exponential schedule is uniform: dx/d(log alpha_bar) = (x + score)/2 (Song et al. 2021, eq. 13).
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]
Variable = Literal["sigma", "log_alpha_bar"]

VARIABLES: tuple[Variable, ...] = ("sigma", "log_alpha_bar")


def ode_euler(
    denoiser: Denoiser,
    x: ArrayLike,
    levels: Sequence[Level],
    rng: Normals | None = None,
    *,
    variable: Variable = "sigma",
) -> Iterator[SamplerState[Level]]:
    """The probability-flow ODE by Euler's method; Song et al. 2021, eq. 13. First order, one evaluation a step.

    In "sigma" it takes the same steps as `ddim`; in "log_alpha_bar" it does not. No noise is drawn.
    """
    _require_variable(variable)

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        carry, gain = transfer(cur, after, variable)
        return carry * x + gain * slope(eps_hat, x, cur, variable)

    return stepped(denoiser, x, levels, step)


def ode_heun(
    denoiser: Denoiser,
    x: ArrayLike,
    levels: Sequence[Level],
    rng: Normals | None = None,
    *,
    variable: Variable = "sigma",
) -> Iterator[SamplerState[Level]]:
    """The probability-flow ODE by Heun's method (explicit trapezoid). Second order, two evaluations a step.

    Karras et al. 2022, Algorithm 1; with "log_alpha_bar" that for the VP sigma(t) and s(t) of their table 1. The jump
    to clean is Euler's, as there, and costs one evaluation. No noise is drawn.
    """
    _require_variable(variable)

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        return heun_step(eps_hat, x, cur, after, variable)

    return stepped(denoiser, x, levels, step)


def heun_step(eps_hat: Denoiser, x: Array, cur: Level, after: Level, variable: Variable = "sigma") -> Array:
    """One step of Heun's method, or of Euler's where it ends at the clean level."""
    carry, gain = transfer(cur, after, variable)
    first = slope(eps_hat, x, cur, variable)
    carried = carry * x
    ahead = carried + gain * first
    if after.sigma > 0:
        ahead = carried + (gain / 2.0) * (first + slope(eps_hat, ahead, after, variable))
    return ahead


def slope(eps_hat: Denoiser, x: Array, level: Level, variable: Variable) -> Array:
    """Derivative of the ODE's solution at x, in VE coordinates by sigma or in VP coordinates by log(alpha_bar)."""
    eps = eps_hat(x, level)
    return eps if variable == "sigma" else (x - eps / level.sigma_t) / 2.0


def transfer(cur: Level, after: Level, variable: Variable) -> tuple[float, float]:
    """(carry, gain): a straight move along a slope, in VP coordinates, is x -> carry x + gain slope."""
    if variable == "sigma":
        return float(after.signal / cur.signal), float(after.signal * (after.sigma - cur.sigma))
    return 1.0, float(np.log(after.alpha_bar / cur.alpha_bar))


def _require_variable(variable: str) -> None:
    require(variable in VARIABLES, f"`variable` must be one of {', '.join(VARIABLES)}", repr(variable))

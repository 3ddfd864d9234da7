"""The likelihood that a diffusion model gives to data, by the probability flow and the change of variables.

In VE coordinates the flow moves a point by dy/d(log sigma) = sigma eps_hat(y, sigma), and along it the log density
falls by the divergence of that velocity: Chen et al. 2018, theorem 1; Song et al. 2021, section 4.3. Between levels

    log p_low(y_low) = log p_high(y_high) + ∫ sigma div eps_hat(y, sigma) d(log sigma)

from the lower to the higher level, along the path of the point.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]

Field = Callable[[Array, float], tuple[Array, Array]]
"""The noise predicted in points y (N, d), VE, at a level sigma, and its divergence there: (N, d) and (N,)."""


@sliced
def log_likelihood(field: Field, y: ArrayLike, sigmas: Sequence[float]) -> Work[Array]:
    """Natural log of the density (N,) that the flow gives to points y (N, d), VE, at the level sigmas[0].

    `sigmas` rise; at the last one samplers start from N(0, (1 + sigma²) I), which is N(0, I) in VP coordinates. Heun's
    method in log(sigma), for points and density at once: second order, two evaluations a step.
    Raises ValueError unless there are two levels or more, above 0 and rising.
    """
    rising = len(sigmas) >= 2 and sigmas[0] > 0 and all(low < high for low, high in pairwise(sigmas))
    require(rising, "`sigmas` must be two or more levels, above 0 and rising", list(sigmas)[:6])
    y = np.array(y, dtype=np.float64)
    gained, d = np.zeros(len(y)), y.shape[1]
    for done, (low, high) in enumerate(pairwise(sigmas), start=1):
        step = float(np.log(high / low))
        eps, divergence = field(y, low)
        ahead = y + step * low * eps
        eps_ahead, divergence_ahead = field(ahead, high)
        y = y + 0.5 * step * (low * eps + high * eps_ahead)
        gained += 0.5 * step * (low * divergence + high * divergence_ahead)
        yield done, len(sigmas) - 1
    var = 1.0 + sigmas[-1] ** 2
    return gained - 0.5 * np.sum(y**2, axis=1) / var - 0.5 * d * np.log(2.0 * np.pi * var)

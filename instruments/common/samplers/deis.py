"""DEIS: exponential integrator with a polynomial through past predictions of the noise."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Denoiser, x0_hat
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import Normals, SamplerState, stepped

Array = NDArray[np.float64]

ORDERS = (1, 2, 3)


def deis(
    denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], rng: Normals | None = None, *, order: int = 3
) -> Iterator[SamplerState[Level]]:
    """tAB-DEIS, Zhang & Chen 2023 (ICLR), eqs. 13 to 15, with time u = log(sigma). One evaluation a step.

    The ODE dx_VE/d(sigma) = eps_hat is linear but for eps_hat, which is extrapolated by the polynomial in u through
    the last `order` predictions, and integrated exactly:

        x_next = x + sum_j C_j eps_hat_j,    C_j = integral of l_j(log sigma) over sigma, from sigma_cur to sigma_next

    in VE coordinates, with the Lagrange polynomials l_j; here x is scaled to VP. Adams–Bashforth's method where the
    grid is even in u. The first steps, without enough predictions, have lower order; order 1 is DDIM. So is the jump to
    clean, where u is infinite. No noise is drawn. The same steps as diffusers' DEISMultistepScheduler ("logrho").
    """
    require(order in ORDERS, f"`order` must be one of {', '.join(map(str, ORDERS))}", order)
    past: list[tuple[float, Array]] = []  # log(sigma) and eps_hat, the latest last

    def step(eps_hat: Denoiser, x: Array, cur: Level, after: Level) -> Array:
        past.append((float(np.log(cur.sigma)), eps_hat(x, cur)))
        del past[:-order]
        if after.sigma == 0:
            return x0_hat(x, past[-1][1], cur)
        nodes = np.array([u for u, _ in past])
        moved = sum(c * eps for c, (_, eps) in zip(weights(nodes, float(np.log(after.sigma))), past, strict=True))
        return (after.signal / cur.signal) * x + after.signal * moved

    return stepped(denoiser, x, levels, step)


def weights(nodes: Array, end: float) -> Array:
    """C_j of `deis`, (K,): integrals over sigma of the Lagrange polynomials through log sigma = nodes (K,), K <= 3.

    From the last node to `end`. With v = u - u_last, the integral of exp(u) v^m is exp(u_last) times that of
    exp(v) v^m, whose antiderivatives are exp(v) times 1, v - 1 and v² - 2v + 2.
    """
    v, h = nodes - nodes[-1], end - nodes[-1]
    moments = [np.expm1(h), np.exp(h) * (h - 1.0) + 1.0, np.exp(h) * (h * h - 2.0 * h + 2.0) - 2.0]
    # Row m of the Vandermonde matrix says that the weights integrate v^m exactly.
    powers = np.vander(v, increasing=True).T
    return np.exp(nodes[-1]) * _solved(powers, np.array(moments[: len(v)]))


def _solved(a: Array, b: Array) -> Array:
    """The solution of a small linear system, by Gaussian elimination with pivots.

    `numpy.linalg.solve` would add its library to the download of every page with a sampler.
    """
    rows = np.column_stack([a, b])
    for k in range(len(rows)):
        pivot = k + int(np.abs(rows[k:, k]).argmax())
        rows[[k, pivot]] = rows[[pivot, k]]
        rows[k] /= rows[k, k]
        for other in range(len(rows)):
            if other != k:
                rows[other] -= rows[other, k] * rows[k]
    return rows[:, -1]

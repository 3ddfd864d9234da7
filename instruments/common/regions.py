"""Exact probability that a round Gaussian in the plane falls in a disc, or nearest a given site.

Both follow from the divergence theorem. For a Gaussian of variance var about c, the radial field
(1 - exp(-r²/2var)) / (2 pi r²) (b - c), r = |b - c|, has the density as its divergence, so the probability
of a region is the flux through its boundary. The integrand is smooth, even through r = 0.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]

REACH = 9.0
"""Standard deviations beyond which a Gaussian in the plane has mass exp(-40.5) = 3e-18, which is negligible."""


def disc_probability(distance: ArrayLike, radius: float, var: float) -> Array:
    """P(|x| <= radius) for x ~ N(c, var I) in the plane, |c| = `distance` (any shape); result the same shape.

    The Rice distribution, 1 - Q_1(distance/sd, radius/sd) in Marcum's notation; absolute error below 1e-12.
    Flux through the circle by the trapezoid rule, which converges geometrically for a periodic analytic
    function (Trefethen & Weideman 2014); the nodes needed grow as radius/sd.
    Raises ValueError unless distance >= 0, radius > 0 and var > 0.
    """
    distance = np.asarray(distance, dtype=np.float64)
    require(np.all(distance >= 0), "`distance` must be at least 0", distance)
    require(radius > 0, "`radius` must be above 0", radius)
    require(var > 0, "`var` must be above 0", var)
    sd = np.sqrt(var)
    inside = np.array(distance < radius, dtype=np.float64)
    near = np.abs(distance - radius) < REACH * sd  # elsewhere the answer is 0 or 1
    num_nodes = 40 + int(8 * radius / sd)
    lift = 2.0 * np.sin(np.pi * (np.arange(num_nodes) + 0.5) / (2 * num_nodes)) ** 2  # 1 - cos(angle)
    c = distance[near][:, None]
    r2 = (radius - c) ** 2 + 2.0 * radius * c * lift
    outward = radius * (radius - c) + radius * c * lift  # (b - c)·n times the radius
    inside[near] = np.mean(outward * _flux(r2, var), axis=1)
    return inside


def nearest_probability(centres: ArrayLike, sites: ArrayLike, var: float) -> Array:
    """P(nearest site is j) for x ~ N(centre_i, var I): shape (P, K), rows summing to 1.

    centres: (P, 2); sites: (K, 2), distinct. Absolute error below 1e-12. The flux through each straight edge
    of the Voronoi cells is taken by Gauss-Legendre within `REACH` standard deviations and in closed form
    (an arctangent) beyond; an open cell adds the share of the horizon that it holds. Costs K³ + P K.
    """
    centres, sites = np.asarray(centres, dtype=np.float64), np.asarray(sites, dtype=np.float64)
    require(sites.ndim == 2 and sites.shape[1] == 2, "`sites` must have shape (K, 2)", f"shape {sites.shape}")
    same = (sites == sites[:, None]).all(axis=-1)
    require(np.count_nonzero(same) == len(sites), "`sites` must be distinct", sites, "merge equals")
    require(var > 0, "`var` must be above 0", var)
    if len(sites) == 1:
        return np.ones((len(centres), 1))
    away = sites - sites[:, None]  # (K, K, 2), from site j to site k
    cell, other, low, high = _edges(away)
    normal = away[cell, other] / np.hypot(*away[cell, other].T)[:, None]
    tangent = normal[:, ::-1] * (-1.0, 1.0)
    offset = (sites[cell] + sites[other]) / 2.0 - centres[:, None]  # (P, E, 2), to mid-way between the sites
    height, shift = np.sum(offset * normal, axis=2), np.sum(offset * tangent, axis=2)
    flux = _edge_flux(height, low + shift, high + shift, var)
    return flux @ (cell[:, None] == np.arange(len(sites))) + _open_angle(away) / (2.0 * np.pi)


def _flux(r2: Array, var: float) -> Array:
    """(1 - exp(-r²/2var)) / r², continued to 1/(2 var) at r = 0."""
    y = np.maximum(r2 / (2.0 * var), 1e-300)
    return -np.expm1(-y) / y / (2.0 * var)


def _edges(away: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """The Voronoi edges, each listed for both of its sides: cell j, neighbour k, and ends low, high, all (E,).

    away: (K, K, 2), from site j to site k. About site j the edge is away_jk / 2 + u tangent for
    low <= u <= high; every other site l allows slope u <= room.
    """
    length = np.hypot(away[..., 0], away[..., 1]) + np.eye(len(away))
    tangent = away[..., ::-1] * (-1.0, 1.0) / length[..., None]
    turned = away.transpose(0, 2, 1)
    slope = tangent @ turned  # (K, K, K), indexed [j, k, l]
    room = np.sum(away**2, axis=2)[:, None] / 2.0 - away @ turned / 2.0
    own = np.arange(len(away))
    slope[:, own, own] = room[:, own, own] = 0.0
    bound = np.divide(room, slope, out=np.zeros_like(room), where=slope != 0)
    low = np.where(slope < 0, bound, -np.inf).max(axis=2)
    high = np.where(slope > 0, bound, np.inf).min(axis=2)
    real = (low < high) & ~np.any((slope == 0) & (room < 0), axis=2) & (own != own[:, None])
    return *np.nonzero(real), low[real], high[real]


def _edge_flux(height: Array, low: Array, high: Array, var: float) -> Array:
    """Flux through edges at signed distance `height` from a centre, low to high along them; all one shape."""
    reach = REACH * np.sqrt(var)
    a, b = np.clip(low, -reach, reach), np.clip(high, -reach, reach)
    nodes, weights = _gauss_legendre()
    half = (b - a) / 2.0
    u = (a + b)[..., None] / 2.0 + half[..., None] * nodes
    near = height * half * (_flux(height[..., None] ** 2 + u**2, var) @ weights)
    d = np.abs(height)
    turned = np.arctan2(high, d) - np.arctan2(b, d) + np.arctan2(a, d) - np.arctan2(low, d)
    return (near + np.sign(height) * turned) / (2.0 * np.pi)


def _open_angle(away: Array) -> Array:
    """Angle (K,) in radians of the directions in which each Voronoi cell is open; `away` as in `_edges`.

    A direction stays in the cell if it leads away from every other site. The angle is the excess over a half-turn of
    the largest gap between the directions to the other sites.
    """
    others = away[~np.eye(len(away), dtype=bool)].reshape(len(away), -1, 2)
    angles = np.sort(np.arctan2(others[..., 1], others[..., 0]), axis=1)
    gaps = np.diff(angles, axis=1, append=angles[:, :1] + 2.0 * np.pi)
    return np.maximum(0.0, gaps.max(axis=1) - np.pi)


@cache
def _gauss_legendre(n: int = 80) -> tuple[Array, Array]:
    """Nodes and weights (n,) of Gauss-Legendre quadrature on [-1, 1].

    By Newton's method on Legendre's polynomial, from the estimate of Abramowitz & Stegun (22.16.6), weights by their
    (25.4.29): `np.polynomial.legendre.leggauss` needs LAPACK, which a page would have to download for this.
    """
    x = np.cos(np.pi * (np.arange(n, 0, -1) - 0.25) / (n + 0.5))
    for _ in range(4):  # the error is squared each time, from 1e-4
        before, value = np.ones_like(x), x
        for degree in range(2, n + 1):
            before, value = value, ((2 * degree - 1) * x * value - (degree - 1) * before) / degree
        slope = n * (before - x * value) / (1.0 - x**2)
        x = x - value / slope
    return x, 2.0 / ((1.0 - x**2) * slope**2)

"""A velocity field fitted to pairs (noise, data) in the plane: kernel regression, tabulated once and then interpolated.

Flow matching estimates E[data - noise | x_t = x]. Here this is done without a network, by local linear kernel
regression (Fan & Gijbels 1996, section 2) on the points x_t = (1-t) noise + t data of all pairs, at `num_times` + 1
values of t. Points are first distributed to the nodes of a square grid, linear in both directions (Wand 1994), so
that the kernel's sums become products of matrices: 9216 pairs cost about as much as 900. Between nodes and between
times the field is linear; beyond the grid it is that of the nearest edge.

Lengths are in units of the data, t runs from 0 (noise) to 1 (data).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]

EXTENT = 4.2
"""The grid covers [-EXTENT, EXTENT]²; noise leaves it with a probability below 2·exp(-EXTENT²/2), 1 pair in 3,400."""
SIDE = 161
NUM_TIMES = 12
Bandwidth = tuple[float, float]
"""Standard deviation of the kernel at t = 0 and at t = 1, where the points lie closer; linear between."""
WIDE: Bandwidth = (0.06, 0.045)
"""For pairs whose velocities at one place differ much, so that many must be averaged."""
NARROW: Bandwidth = (0.035, 0.025)
"""For pairs that hardly cross, as after a reflow: a wide kernel would blur the jumps of the field between clusters."""
RIDGE = 6.0
"""Pull of slopes towards 0, as strong as this many points a bandwidth away: a slope from a handful is mostly chance."""


@dataclass(frozen=True, eq=False)
class FittedVelocity:
    """The table (NUM_TIMES + 1, SIDE²) of a fitted field, y-major; call it as velocity(x, t).

    A velocity is stored as the complex number vx + i vy, in single precision: a lookup is then one gather, not two.
    """

    table: NDArray[np.complex64]
    num_pairs: int

    def __call__(self, x: ArrayLike, t: float) -> Array:
        """Velocity (N, 2) at points x (N, 2) and one t, linear in x, y and t between entries."""
        base, fx, fy = _cells(np.asarray(x, dtype=np.float64).T)
        k = min(int(t * NUM_TIMES), NUM_TIMES - 1)
        share = t * NUM_TIMES - k
        velocity = np.zeros(len(base), dtype=np.complex128)
        for flat, weight in ((self.table[k], 1.0 - share), (self.table[k + 1], share)):
            if weight:
                low, high = flat[base], flat[base + SIDE]
                low += (flat[base + 1] - low) * fx
                high += (flat[base + SIDE + 1] - high) * fx
                low += (high - low) * fy
                low *= weight
                velocity += low
        return velocity.view(np.float64).reshape(-1, 2)


@sliced
def fit_velocity(noise: ArrayLike, data: ArrayLike, bandwidth: Bandwidth = WIDE) -> Work[FittedVelocity]:
    """Fit the field to pairs (N, 2) each, N >= 100. Raises ValueError for other shapes or fewer pairs."""
    noise, data = np.asarray(noise, dtype=np.float64), np.asarray(data, dtype=np.float64)
    require(
        noise.ndim == 2 and noise.shape[1] == 2 and noise.shape == data.shape,
        "`noise` and `data` must both have shape (N, 2)",
        f"{noise.shape} and {data.shape}",
    )
    require(len(noise) >= 100, "`noise` must hold at least 100 pairs", len(noise))
    velocity = (data - noise).T
    table: list[NDArray[np.complex64]] = []
    for t in np.linspace(0.0, 1.0, NUM_TIMES + 1):
        x = ((1.0 - t) * noise + t * data).T
        table.append(_local_linear(x, velocity, (1.0 - t) * bandwidth[0] + t * bandwidth[1]))
        yield len(table), NUM_TIMES + 1
    return FittedVelocity(np.stack(table), len(noise))


def _local_linear(x: Array, velocity: Array, bandwidth: float) -> NDArray[np.complex64]:
    """Local linear regression of velocity (2, N) on x (2, N) at all nodes, as complex numbers: (SIDE²,), y-major."""
    u, v = x
    ones = np.ones_like(u)
    columns = np.stack([ones, u, v, u * u, u * v, v * v, *velocity, *(u * velocity), *(v * velocity)])
    sums = _kernel_sums(x, columns, bandwidth)
    weight = np.maximum(sums[0], 1e-300)
    mean_u, mean_v, uu, uv, vv, *rest = sums[1:] / weight
    mean, by_u, by_v = np.stack(rest[:2]), np.stack(rest[2:4]), np.stack(rest[4:])
    # Weighted covariances about the local mean, and slopes by the 2×2 normal equations with a ridge.
    ridge = RIDGE * bandwidth**2 / np.maximum(weight, 1e-3)
    uu, uv, vv = uu - mean_u**2 + ridge, uv - mean_u * mean_v, vv - mean_v**2 + ridge
    by_u, by_v = by_u - mean_u * mean, by_v - mean_v * mean
    determinant = uu * vv - uv * uv
    slope_u, slope_v = (vv * by_u - uv * by_v) / determinant, (uu * by_v - uv * by_u) / determinant
    axis = np.linspace(-EXTENT, EXTENT, SIDE)
    field = mean + slope_u * (axis - mean_u) + slope_v * (axis[:, None] - mean_v)
    return (field[0] + 1j * field[1]).astype(np.complex64).ravel()


def _kernel_sums(x: Array, columns: Array, bandwidth: float) -> Array:
    """sum_i kernel(node - x_i) columns_i at every node: (C, SIDE, SIDE) [y, x] from x (2, N) and columns (C, N).

    Each point goes to its four nodes by bilinear weights; a Gaussian kernel is a product, so then twice a matrix.
    """
    base, fx, fy = _cells(x)
    index = np.concatenate([base, base + 1, base + SIDE, base + SIDE + 1])
    share = np.concatenate([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy])
    sums = [np.bincount(index, share * np.tile(column, 4), SIDE * SIDE) for column in columns]
    axis = np.linspace(-EXTENT, EXTENT, SIDE)
    kernel = np.exp(-0.5 * ((axis[:, None] - axis) / bandwidth) ** 2)
    return kernel @ np.asarray(sums, dtype=np.float64).reshape(-1, SIDE, SIDE) @ kernel


def _cells(x: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """For points x (2, N): the index of the lower left node of the cell each is in, and how far along it in x and y."""
    place: Array = np.clip((x + EXTENT) * ((SIDE - 1) / (2.0 * EXTENT)), 0.0, SIDE - 1.000001)
    corner = place.astype(np.intp)
    along: Array = place - corner
    return corner[1] * SIDE + corner[0], along[0], along[1]

"""Pairings of noise and data: optimal assignment within minibatches, and the exact monotone map on a line."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.slices import Work, sliced

Array = NDArray[np.float64]


def squared_costs(noise: ArrayLike, data: ArrayLike) -> Array:
    """|data_j - noise_i|² for batches noise, data (B, n, d): shape (B, n, n), in unit²."""
    noise, data = np.asarray(noise, dtype=np.float64), np.asarray(data, dtype=np.float64)
    require(
        noise.ndim == 3 and noise.shape == data.shape,
        "`noise` and `data` must have the same shape (B, n, d)",
        f"{noise.shape} and {data.shape}",
    )
    return np.sum((noise[:, :, None] - data[:, None]) ** 2, axis=3)


@sliced
def assign(cost: ArrayLike) -> Work[NDArray[np.intp]]:
    """The least costly assignment of each of B square problems: columns (B, n), one for each row.

    cost: (B, n, n), finite; the sum of `cost[b, i, columns[b, i]]` over i is minimal. Exact, by shortest
    augmenting paths (Jonker & Volgenant 1987; Crouse 2016 is the version that SciPy's `linear_sum_assignment`
    follows), in n rounds of at most n searches, all problems at once.
    """
    cost = np.asarray(cost, dtype=np.float64)
    require(
        cost.ndim == 3 and cost.shape[1] == cost.shape[2] and cost.size > 0,
        "`cost` must have shape (B, n, n)",
        f"shape {cost.shape}",
    )
    require(np.isfinite(cost).all(), "`cost` must be finite", "an infinite or undefined entry")
    batches, n = cost.shape[:2]
    row_price, column_price = np.zeros((batches, n)), np.zeros((batches, n))
    row_of = np.full((batches, n), -1)  # the row that holds each column, -1: free
    for row in range(n):
        free, came_from = _shortest_path(cost, row, row_price, column_price, row_of)
        _augment(row, free, came_from, row_of)
        yield row + 1, n
    return np.argsort(row_of, axis=1)  # the inverse of a permutation


def _shortest_path(
    cost: Array, row: int, row_price: Array, column_price: Array, row_of: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The free column of each problem (B,) that is nearest to `row`, in reduced costs; updates the prices.

    Also returns, for every column (B, n), the row from which the path reached it.
    """
    batches, n = cost.shape[:2]
    length = np.full((batches, n), np.inf)  # of the shortest path found so far to each column
    came_from = np.full((batches, n), -1)
    done = np.zeros((batches, n), dtype=bool)  # columns whose path is final
    final = np.zeros((batches, n))  # and its length
    reached, free = np.zeros(batches), np.full(batches, -1)
    active, current = np.arange(batches), np.full(batches, row)
    while len(active):
        through = cost[active, current] - row_price[active, current][:, None] - column_price[active]
        through += reached[active][:, None]
        shorter = (through < length[active]) & ~done[active]
        length[active] = np.where(shorter, through, length[active])
        came_from[active] = np.where(shorter, current[:, None], came_from[active])
        open_length = np.where(done[active], np.inf, length[active])
        column = open_length.argmin(axis=1)
        reached[active] = open_length[np.arange(len(active)), column]
        done[active, column] = True
        final[active, column] = reached[active]
        holder = row_of[active, column]
        free[active[holder < 0]] = column[holder < 0]
        active, current = active[holder >= 0], holder[holder >= 0]
    slack = np.where(done, reached[:, None] - final, 0.0)
    column_price -= slack
    batch, column = np.nonzero(done & (row_of >= 0))
    row_price[batch, row_of[batch, column]] += slack[batch, column]
    row_price[:, row] += reached
    return free, came_from


def _augment(row: int, free: NDArray[np.intp], came_from: NDArray[np.intp], row_of: NDArray[np.intp]) -> None:
    """Reassign the columns along each path, back from its free column to `row`."""
    batch, column = np.arange(len(free)), free
    column_of = np.full(row_of.shape, -1)
    held = np.nonzero(row_of >= 0)
    column_of[held[0], row_of[held]] = held[1]
    while len(batch):
        holder = came_from[batch, column]
        row_of[batch, column] = holder
        going_on = holder != row
        batch, column = batch[going_on], column_of[batch, holder][going_on]


@sliced
def minibatch_couple(noise: Array, data: Array, batch_size: int) -> Work[Array]:
    """`data` (N, d) reordered so that within each run of `batch_size` points it is optimally assigned to `noise`.

    Squared Euclidean cost. Minibatch optimal transport as in Pooladian et al. 2023 and Tong et al. 2024: each
    batch's plan is exact, and the whole coupling is better for larger batches; batch_size 1 changes nothing.
    Raises ValueError unless N is a multiple of `batch_size`.
    """
    require(batch_size >= 1, "`batch_size` must be at least 1", batch_size)
    require(len(noise) % batch_size == 0, f"`noise` must hold a multiple of {batch_size} points", len(noise))
    shape = (-1, batch_size, noise.shape[1])
    batches = data.reshape(shape)
    columns = yield from assign.work(squared_costs(noise.reshape(shape), batches))
    coupled: Array = np.take_along_axis(batches, columns[:, :, None], axis=1).reshape(data.shape)
    return coupled


def monotone_map(mixture: GaussianMixture, noise: ArrayLike) -> Array:
    """The end of the exact flow from noise (...) on a line: F⁻¹(Phi(noise)), the quantile of the mixture, shape (...).

    In one dimension paths of an ODE cannot cross, so the flow from N(0, 1) is the increasing map to the data, on
    any path; it is the optimal coupling too. By bisection to rounding, in the tail that is the smaller. Mixtures
    with d = 1 and |noise| <= 37 (ValueError), beyond which Phi is 0 in float64.
    """
    require(mixture.means.shape[1] == 1, "`mixture` must be on a line, d = 1", f"d = {mixture.means.shape[1]}")
    z = np.asarray(noise, dtype=np.float64)
    require(np.all(np.abs(z) <= 37), "`noise` must lie between -37 and 37", z)
    flat, centres = z.ravel(), mixture.means[:, 0]
    side = np.where(flat > 0, -1.0, 1.0)  # work in the lower tail of the point or of its mirror image
    target = _upper_tail(np.abs(flat))
    reach = mixture.s * (np.abs(flat) + 1.0) + 1e-300
    low, high = centres.min() - reach, centres.max() + reach
    for _ in range(80):
        middle = (low + high) / 2.0
        tail = _upper_tail(-side[:, None] * (middle[:, None] - centres) / mixture.s) @ mixture.weights
        below = np.where(side > 0, tail < target, tail > target)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return ((low + high) / 2.0).reshape(z.shape)


def _upper_tail(z: Array) -> Array:
    """P(N(0, 1) > z), any shape."""
    return 0.5 * np.asarray(_erfc(z / math.sqrt(2.0)), dtype=np.float64)


_erfc = np.frompyfunc(math.erfc, 1, 1)

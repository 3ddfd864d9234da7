"""Where things are in the pictures: the cells of the race, the density over time, the guides of the chart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.score_grid import grid_points, relative_density

Array = NDArray[np.float64]

CELL, HEAD, GAP = 6.4, 2.1, 0.5  # width of a cell, height of its words above it, and space between cells; data units
CHART: dict[str, Any] = {"place": "below", "aspect": 2.1}


# --- the cells of the race: equal squares in rows of four, the first at the top left, with two lines of words above ---

ACROSS, DOWN, PIXELS = 4, 2, 10  # cells, and pixels of the shading a unit
WIDTH, HEIGHT = ACROSS * CELL + (ACROSS - 1) * GAP, DOWN * (CELL + HEAD)
CENTRES = np.array(
    [
        [CELL / 2 + column * (CELL + GAP), HEIGHT - HEAD - CELL / 2 - row * (CELL + HEAD)]
        for row in range(DOWN)
        for column in range(ACROSS)
    ]
)


def place(x: Array, k: int) -> Array:
    """Points (N, 2) in cell k; points outside it are moved to its border."""
    return CENTRES[k] + np.clip(x, -CELL / 2, CELL / 2)


def cell_at(x: float, y: float) -> int | None:
    """The cell at (x, y); None between cells."""
    away = np.abs(CENTRES - (x, y)).max(axis=1)
    return int(away.argmin()) if away.min() <= CELL / 2 else None


def shade(mixture: GaussianMixture) -> Array:
    """The density of the data in every cell, relative to its maximum: rows from below, columns."""
    side = round(CELL * PIXELS)
    tile = relative_density(mixture, grid_points(CELL / 2, side)).reshape(side, side)
    image = np.zeros((round(HEIGHT * PIXELS), round(WIDTH * PIXELS)))
    for centre in CENTRES:
        left, low = np.rint((centre - CELL / 2) * PIXELS).astype(int)
        image[low : low + side, left : left + side] = tile
    return image


# --- the view over time, and the chart -------------------------------------------------------------------------------


def density_over_time(mixture: GaussianMixture, levels: list[Level], low: float, high: float, size: int = 96) -> Array:
    """Density (size, size) of a mixture on a line at every progress, relative to its maximum there.

    Columns: progress from 0 to 1, between levels geometric in sigma; rows: x from `low` to `high`, VP.
    """
    steps = np.linspace(0.0, len(levels) - 1, size)
    sigma = np.exp(np.interp(steps, np.arange(len(levels)), [np.log(level.sigma) for level in levels]))
    level = Level.from_sigma(np.repeat(sigma[:, None], size, axis=1))
    x = np.broadcast_to(low + (np.arange(size) + 0.5) * (high - low) / size, (size, size))
    log_density = mixture.log_density(x[..., None], level.signal, level.sigma_t)
    return np.exp(log_density - log_density.max(axis=1, keepdims=True)).T


def guides(x: tuple[float, float], y: float) -> Array:
    """Lines that fall with order 1, 2 and 3 from y at the left end of x: paths (2, 3, 2)."""
    left, right = x
    return np.array([[(left, y)] * 3, [(right, y * (left / right) ** order) for order in (1, 2, 3)]])

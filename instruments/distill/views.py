"""What the pictures show, from runs: the data of their layers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.score_grid import grid_points, relative_density
from diffusion_lab.instruments.distill.quality import Runs, mean_and_error

Array = NDArray[np.float64]
Parts = NDArray[np.intp]
Data = dict[str, Any]

WIDE, HIGH = 3.3, 3.0  # half the width and half the height of the pictures, in data units
CELLS = 66  # of shading, across
ROWS = slice(3, 63)  # those of a square of as many rows that are in the picture: 60 of 66 are HIGH of WIDE
SHOWN, FEW = 400, 36  # points in a picture, and how many of them have paths or arrows
LEAST = 1e-7  # distance at the foot of the chart of the map


def parts_of(data: DataSet, x: Array) -> Parts:
    """The part of the data that is nearest to each of the points x (N, 2): (N,)."""
    return data.part[nearest(x, data.mixture.means)]


def density(data: DataSet) -> Data:
    """The density of the data over a picture."""
    return {"image": relative_density(data.mixture, places()).reshape(-1, CELLS) ** 0.5}


def places() -> Array:
    """The cells of a picture, (60 × CELLS, 2), row by row from below."""
    return grid_points(WIDE, CELLS).reshape(CELLS, CELLS, 2)[ROWS].reshape(-1, 2)


def drawn(run: Trajectory[Level], progress: float, part: Parts) -> Iterator[Data]:
    """Points and paths of a run."""
    nodes = run.nodes(progress, FEW)
    yield {"x": inside(run.at(progress)[:SHOWN]), "part": part[:SHOWN]}
    yield {"start": nodes[:-1].reshape(-1, 2), "end": nodes[1:].reshape(-1, 2), "part": part[:FEW]}


def arrows(start: Array, end: Array, count: int = FEW) -> Data:
    """Arrows from the first points, where they are drawn, to where they lead."""
    at = inside(start[:count])
    return {"at": at, "along": end[:count] - at}


def inside(x: Array) -> Array:
    """Points (N, 2), those beyond the picture moved to its border."""
    return np.clip(x, (-WIDE, -HIGH), (WIDE, HIGH))


def lines_with_bars(runs: Runs) -> Iterator[Data]:
    """Of DDIM and of the method: the line of means over runs, bars of one standard error down and up, and its nodes."""
    for values in (runs.ddim, runs.method):
        mean, error = mean_and_error(values)
        at = np.stack([runs.steps[: len(mean)], mean], axis=1)
        half = np.stack([np.zeros(len(mean)), error], axis=1)
        yield {"x": at[:, 0], "y": mean}
        yield {"start": at - half, "end": at + half}
        yield {"x": at}

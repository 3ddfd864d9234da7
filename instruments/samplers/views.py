"""What the pictures show, from runs: the data of their layers."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.score_grid import relative_density
from diffusion_lab.instruments.samplers import faults

Array = NDArray[np.float64]
Data = dict[str, Any]
Run: TypeAlias = Trajectory[Level]


class Picture(Protocol):
    """A picture's ranges across and up, in data units."""

    x: tuple[float, float]
    y: tuple[float, float]


POINTS, PATHS, LINES = 400, 48, 36  # points of one sampler, and how many of them have paths, in the plane and on a line
BINS = np.linspace(-3.6, 3.6, 49)  # of the histogram
PIXELS = 12  # of shading, a unit
LIMITS = {"end": (3e-4, 6.0), "law": (0.015, 0.8)}  # of the distances in the chart


def shaded(mixture: GaussianMixture, picture: Picture) -> Data:
    """Density of the data over a picture, relative to its maximum."""
    return {"image": _density(mixture, picture.x, picture.y)}


def _density(mixture: GaussianMixture, x: tuple[float, float], y: tuple[float, float]) -> Array:
    """(rows from below, columns) of PIXELS a unit."""
    across, up = (low + (np.arange(round(PIXELS * (high - low))) + 0.5) / PIXELS for low, high in (x, y))
    places = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    return relative_density(mixture, places).reshape(len(up), len(across))


def _inside(x: Array, picture: Picture) -> Array:
    """Points (N, 2), those outside the picture moved to its border."""
    low, high = np.transpose([picture.x, picture.y])
    return np.clip(x, low, high)


# --- all samplers: equal square cells in rows of four, the first at the top left, each with a name above it -----------

CELL, HEAD, GAP = 6.4, 2.5, 0.5  # width of a cell, height of the two lines above it, space between cells; data units
CELL_POINTS = 160
ACROSS, DOWN = 4, 2
WIDTH, HEIGHT = ACROSS * CELL + (ACROSS - 1) * GAP, DOWN * (CELL + HEAD)
CENTRES = np.array(
    [
        [CELL / 2 + column * (CELL + GAP), HEIGHT - HEAD - CELL / 2 - row * (CELL + HEAD)]
        for row in range(DOWN)
        for column in range(ACROSS)
    ]
)


def cell_at(x: float, y: float) -> int | None:
    """The cell at (x, y); None between cells."""
    away = np.abs(CENTRES - (x, y)).max(axis=1)
    return int(away.argmin()) if away.min() <= CELL / 2 else None


def frames(chosen: int, names: Sequence[str]) -> Iterator[Data]:
    """Frames of all cells, that of the chosen one, and names."""
    yield {"at": CENTRES, "size": (CELL, CELL), "alpha": 0.0}
    yield {"at": CENTRES[chosen], "size": (CELL, CELL), "alpha": 0.0}
    yield _above(1.75, names)


def distances(texts: Sequence[str]) -> Data:
    """A text between each cell and its name."""
    return _above(0.65, texts)


def _above(up: float, texts: Sequence[str]) -> Data:
    """Texts at this height above the cells."""
    return {"at": CENTRES + np.array([0.0, CELL / 2 + up]), "text": texts}


def cells(runs: Sequence[tuple[Run, Array]], progress: float) -> Data:
    """Points of every run in its cell, coloured by the parts that are given; those outside are at the border."""
    placed = [np.clip(run.at(progress)[:CELL_POINTS], -CELL / 2, CELL / 2) for run, _ in runs]
    x = np.concatenate([centre + points for centre, points in zip(CENTRES, placed, strict=True)])
    return {"x": x, "part": np.concatenate([part[:CELL_POINTS] for _, part in runs])}


def shaded_cells(mixture: GaussianMixture) -> Data:
    """The density of the data in every cell."""
    tile = _density(mixture, (-CELL / 2, CELL / 2), (-CELL / 2, CELL / 2))
    image = np.zeros((round(HEIGHT * PIXELS), round(WIDTH * PIXELS)))
    for centre in CENTRES:
        left, low = np.rint((centre - CELL / 2) * PIXELS).astype(int)
        image[low : low + len(tile), left : left + len(tile)] = tile
    return {"image": image}


# --- one sampler, and two side by side -------------------------------------------------------------------------------


def one(run: Run, progress: float, part: Array, reference: Array | None, picture: Picture) -> Iterator[Data]:
    """Points, paths, exact ends, and when the run is done the way from each end to the exact one."""
    nodes, end = run.nodes(progress, PATHS), run.x[-1][:PATHS]
    exact = np.empty((0, 2)) if reference is None else reference[:PATHS]
    done = slice(len(exact) if progress == 1 else 0)
    yield {"x": _inside(run.at(progress)[:POINTS], picture), "part": part[:POINTS]}
    yield _segments(nodes) | {"part": part[:PATHS]}
    yield {"x": exact}
    yield {"start": end[done], "end": exact[done]}


def over_time(run: Run, progress: float, name: str, picture: Picture) -> Iterator[Data]:
    """On a line: paths up to `progress`, their last points, and a name."""
    nodes = run.nodes(progress, LINES)
    times = np.minimum(np.arange(len(nodes)) / (len(run.x) - 1), progress)
    nodes = np.concatenate([np.broadcast_to(times[:, None, None], nodes.shape), nodes], axis=-1)
    part = (run.x[-1][:LINES, 0] > 0).astype(int)
    yield _segments(nodes) | {"part": part}
    yield {"x": nodes[-1], "part": part}
    yield {"at": (0.03, 0.9 * picture.y[1]), "text": [name]}


def density_over_time(
    mixture: GaussianMixture, levels: Sequence[Level], low: float, high: float, size: int = 96
) -> Array:
    """Density (size, size) of a mixture on a line at every progress, relative to its maximum there.

    Columns: progress from 0 to 1, between levels geometric in sigma; rows: x from `low` to `high`, VP.
    """
    steps = np.linspace(0.0, len(levels) - 1, size)
    sigma = np.exp(np.interp(steps, np.arange(len(levels)), [np.log(level.sigma) for level in levels]))
    level = Level.from_sigma(np.repeat(sigma[:, None], size, axis=1))
    x = np.broadcast_to(low + (np.arange(size) + 0.5) * (high - low) / size, (size, size))
    log_density = mixture.log_density(x[..., None], level.signal, level.sigma_t)
    return np.exp(log_density - log_density.max(axis=1, keepdims=True)).T


def ends_of_arc(arc: Array, run: Run, progress: float, name: str, joined: bool, picture: Picture) -> Iterator[Data]:
    """Noises on the way between two, and where they have got to, in order; `joined` by a line; and a name."""
    x = _inside(run.at(progress), picture)
    curve = x if joined else x[:0]
    yield {"x": arc[:, 0], "y": arc[:, 1]}
    yield {"x": curve[:, 0], "y": curve[:, 1]}
    yield {"x": x, "part": np.arange(len(x)) * 6 // len(x)}
    yield {"at": (0, 0.9 * picture.y[1]), "text": [name]}


def cloud(run: Run, progress: float, right: Run, law: GaussianMixture, picture: Picture) -> Iterator[Data]:
    """Points coloured by where the right way takes them, and the share of each cluster of the law at the end."""
    far, (near_true, far_true) = faults.far_share(run.x[-1]), law.weights
    texts = [f"{1 - far:.1%}, true {near_true:.0%}", f"{far:.1%}, true {far_true:.0%}"]
    yield {
        "x": _inside(run.at(progress)[:POINTS], picture),
        "part": nearest(right.x[-1][:POINTS], law.means),
    }
    yield {"at": law.means - np.array([0.0, 0.6]), "text": texts if progress == 1 else ["", ""]}


def _segments(nodes: Array) -> Data:
    """Paths (F, P, 2) as segments."""
    return {"start": nodes[:-1].reshape(-1, 2), "end": nodes[1:].reshape(-1, 2)}


# --- charts ----------------------------------------------------------------------------------------------------------


def guides(x: tuple[float, float], y: float) -> Array:
    """Lines that fall with order 1, 2 and 3 from y at the left end of x: paths (2, 3, 2)."""
    left, right = x
    return np.array([[(left, y)] * 3, [(right, y * (left / right) ** order) for order in (1, 2, 3)]])


def histogram(runs: Sequence[Run], mixture: GaussianMixture) -> Iterator[Data]:
    """Shares of the ends of each run on a line, as densities, and the exact density there."""
    for run in runs:
        counts, _ = np.histogram(run.x[-1][:, 0], BINS)
        yield {"x": (BINS[1:] + BINS[:-1]) / 2, "height": counts / (len(run.x[-1]) * np.diff(BINS))}
    x, level = np.linspace(BINS[0], BINS[-1], 181), runs[0].levels[-1]
    yield {"x": x, "y": np.exp(mixture.log_density(x[:, None], level.signal, level.sigma_t))}

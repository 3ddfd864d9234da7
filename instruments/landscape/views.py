"""What the pictures show: the data of their layers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.score_grid import grid_points, relative_density
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.landscape.diffusion import Diffusion
from diffusion_lab.instruments.landscape.gan import Gan
from diffusion_lab.instruments.landscape.kernel import Moment
from diffusion_lab.instruments.landscape.ppca import Ppca
from diffusion_lab.instruments.landscape.quality import Yardstick
from diffusion_lab.instruments.landscape.vae import Vae

Array = NDArray[np.float64]
Parts = NDArray[np.intp]

EXTENT = 3.2  # half the width of the pictures, in data units and in those of codes
SHOWN, INSIDE, FEW = 600, 300, 40  # points in a picture of samples, of a model's inside, and of those with paths
CELLS = 64  # of shading, along both axes
LINES, ALONG = 11, 41  # of the grid of codes: lines each way, and points along one
REACH = 2.5  # of the grid, in standard deviations of the codes


class Cloud(NamedTuple):
    """Samples near the data and off them, and data points that no sample comes near: (N, 2) each."""

    near: Array
    off: Array
    missed: Array

    @classmethod
    def of(cls, moment: Moment, yardstick: Yardstick) -> Cloud:
        """Those of the first SHOWN samples, and of the first SHOWN data points."""
        x = moment.x[:SHOWN]
        near = yardstick.near(x)
        return cls(x[near], within(x[~near]), yardstick.points[:SHOWN][~yardstick.covered(moment.x)[:SHOWN]])


class Inside(NamedTuple):
    """The map of a model from codes to points.

    grid: the lines of a grid of codes, (ALONG, L, 2), and where the model takes them; codes and ends (N, 2) of points,
    with their part (N,); ways (F, P, 2): of the first ones, from a data point or from noise to where they end.
    """

    grid: Array
    image: Array
    codes: Array
    ends: Array
    part: Parts
    ways: Array


def density(data: DataSet) -> dict[str, Any]:
    """The density of the data over a picture."""
    return {"image": relative_density(data.mixture, cells()).reshape(CELLS, CELLS) ** 0.5}


def prior() -> dict[str, Any]:
    """The density N(0, I) of codes over a picture."""
    return {"image": np.exp(-0.25 * np.sum(cells() ** 2, axis=1)).reshape(CELLS, CELLS)}


def judged(gan: Gan) -> dict[str, Any]:
    """The discriminator's probability over a picture."""
    return {"image": gan.judged(cells()).reshape(CELLS, CELLS)}


def cells() -> Array:
    """The cells of a picture, (CELLS², 2), row by row from below."""
    return grid_points(EXTENT, CELLS)


def names_beside(at: Array, gap: float = 11.0) -> Array:
    """Where the names of points (N, 2) of a chart in % end: left of them, and at least `gap` below one another."""
    places = np.stack([np.maximum(at[:, 0] - 2.5, 20.0), at[:, 1]], axis=1)
    order = np.argsort(-at[:, 1], kind="stable")
    for above, below in pairwise(order):
        places[below, 1] = min(places[below, 1], places[above, 1] - gap)
    return places


def within(x: Array) -> Array:
    """Points (N, 2), those beyond the picture moved to its border."""
    return np.clip(x, -EXTENT, EXTENT)


def grid() -> Array:
    """Lines of codes, LINES along each axis: (ALONG, 2 LINES, 2)."""
    along, places = np.linspace(-REACH, REACH, ALONG), np.linspace(-REACH, REACH, LINES)
    one = np.stack(np.broadcast_arrays(along[:, None], places), axis=-1)
    return np.concatenate([one, one[..., ::-1]], axis=1)


@sliced
def inside(model: Any, yardstick: Yardstick, seed: int) -> Work[Inside]:
    """The map of a model, with codes of data points where it has an encoder, and drawn codes where it has none."""
    data, rng, lines = yardstick.data, seeded((seed, 16)), grid()
    x = yardstick.points[:INSIDE]
    if isinstance(model, Ppca):
        lines = lines[:, LINES // 2 : LINES // 2 + 1]  # the second number of a code has no effect
        codes = model.codes(x)
    elif isinstance(model, Vae):
        mean, log_vars = model.encode(x)
        codes = mean + np.exp(0.5 * log_vars) * rng.standard_normal(mean.shape)
    else:
        codes = rng.standard_normal((INSIDE, 2))
    image = yield from model.ends(lines.reshape(-1, 2))
    ends = yield from model.ends(codes)
    of = ends
    if isinstance(model, Diffusion):
        ways = model.paths(codes[:FEW]).x
    else:
        of = ends if isinstance(model, Gan) else x
        ways = np.stack([of[:FEW], ends[:FEW]])
    part = data.part[nearest(of, data.mixture.means)]
    return Inside(lines, image.reshape(lines.shape), within(codes), within(ends), part, ways)

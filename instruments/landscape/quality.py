"""What all models are measured by: the same data points and the same thresholds for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.randomness import seeded

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

NUM_POINTS = 1000
"""Samples of each model, and data points that they are compared with."""
REFERENCE = 4 * NUM_POINTS
"""Draws of the data for what has to be more exact: the region near the data, and quantiles."""
INSIDE = 0.95
"""Share of the data in the region that counts as near."""
NEIGHBOURS = 5
"""The neighbourhood of a data point reaches to the fifth nearest other one: Naeem et al. 2020."""
DIRECTIONS = 32
"""Of the sliced distance, at equal angles."""


class Quality(NamedTuple):
    """Measures of samples.

    near: the share of them in the region of highest density that has 95 % of the data; coverage: the share of data
    points with a sample in their neighbourhood; distance: sliced Wasserstein-1 distance to the data, in their unit.
    """

    near: float
    coverage: float
    distance: float


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What samples of a data set are compared with.

    threshold: log density at the border of the region near the data; points (N, 2): draws of the data; radii (N,):
    how far their neighbourhoods reach; quantiles (N, D): of the data along each of the directions (2, D).
    """

    data: DataSet
    threshold: float
    points: Array
    radii: Array
    directions: Array
    quantiles: Array

    @classmethod
    def of(cls, data: DataSet, seed: int = 0) -> Yardstick:
        """From REFERENCE draws with a seed of their own: the same for all models and all trainings."""
        reference, _ = data.mixture.sample(REFERENCE, seeded((seed, 13)))
        angle = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        directions = np.stack([np.cos(angle), np.sin(angle)])
        ordered = np.sort(reference @ directions, axis=0)
        points = reference[:NUM_POINTS]
        return cls(
            data,
            float(np.quantile(data.mixture.log_density(reference, 1.0, 0.0), 1.0 - INSIDE)),
            points,
            np.sqrt(np.partition(_squares(points, points), NEIGHBOURS, axis=1)[:, NEIGHBOURS]),  # 0: the point itself
            directions,
            ordered.reshape(NUM_POINTS, -1, DIRECTIONS).mean(axis=1),
        )

    def near(self, x: Array) -> Flags:
        """Whether each of the points x (N, 2) is near the data: (N,)."""
        return self.data.mixture.log_density(x, 1.0, 0.0) >= self.threshold

    def covered(self, x: Array) -> Flags:
        """Whether each of the data points has one of the samples x (N, 2) in its neighbourhood: (NUM_POINTS,)."""
        return np.sqrt(_squares(self.points, x).min(axis=1)) <= self.radii

    def distance(self, x: Array) -> float:
        """Sliced Wasserstein-1 distance of NUM_POINTS samples x (N, 2): the mean over directions of the mean gap."""
        return float(np.abs(np.sort(x @ self.directions, axis=0) - self.quantiles).mean())

    def quality(self, x: Array) -> Quality:
        """All measures of NUM_POINTS samples x (N, 2)."""
        return Quality(float(self.near(x).mean()), float(self.covered(x).mean()), self.distance(x))


def _squares(a: Array, b: Array) -> Array:
    """Squared distances (N, M) of points a (N, 2) from b (M, 2), by a product; rounding can make them 0, not less."""
    found = np.sum(a**2, axis=1)[:, None] - 2.0 * (a @ b.T) + np.sum(b**2, axis=1)
    return np.maximum(found, 0.0, out=found)

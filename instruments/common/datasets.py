"""The two-dimensional data sets, each a Gaussian mixture, so that its score stays exact."""

import numpy as np

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.mixtures import GaussianMixture


def ring(num_modes: int = 6, radius: float = 2.0, s: float = 0.2) -> GaussianMixture:
    """`num_modes` equal clusters evenly round a circle about the origin; means (num_modes, 2).

    The first mode is at 90 degrees (the top), the others follow counter-clockwise.
    `radius` and `s` (standard deviation of a cluster per axis) are in units of the data.
    Raises ValueError unless num_modes >= 1, radius > 0 and s > 0.
    """
    require(num_modes >= 1, "`num_modes` must be at least 1", num_modes)
    require(radius > 0, "`radius` must be above 0", radius)
    angle = np.pi / 2 + 2 * np.pi * np.arange(num_modes) / num_modes
    means = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return GaussianMixture(means, np.full(num_modes, 1.0 / num_modes), s)

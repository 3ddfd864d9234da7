"""Noisy curves, thinned and smoothed for a chart."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def running_mean(y: Array, most: int = 100) -> Array:
    """Running mean at each place, (N,), over the last fifth of the values so far, at least 1 and at most `most`."""
    count = np.arange(1, len(y) + 1)
    window = np.clip(count // 5, 1, most)
    sums = np.concatenate([[0.0], np.cumsum(y)])
    return (sums[count] - sums[count - window]) / window


def log_spaced(count: int, most: int = 400) -> NDArray[np.intp]:
    """At most `most` of the numbers 1 … `count`, both among them, evenly spaced on a logarithmic axis."""
    return np.unique(np.rint(np.geomspace(1, max(count, 1), most)).astype(np.intp))[: max(count, 0)]

"""Weights in one byte each, for files: every matrix is int8 with a scale for each of its output features.

Rounding to 127 steps on either side of 0 changes a weight by at most 0.4 % of the largest one of its feature. Biases,
scales and shifts are few, and stay float32.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.arrays import Weights

SCALE = " scale"
"""Ends the name of a matrix's scales."""

STEPS = 127

FEW = 8
"""Arrays with fewer rows than this, such as the scale and the shift of a norm, are not worth a scale."""


def quantise(weights: Weights) -> dict[str, NDArray[Any]]:
    """Arrays for a file: int8 (..., b) and its scales (b,) for a matrix or a kernel (..., b); others as float32."""
    found: dict[str, NDArray[Any]] = {}
    for name, array in weights.items():
        require(not name.endswith(SCALE), f"names of weights must not end in “{SCALE}”", name)
        if array.ndim < 2 or array[..., 0].size < FEW:
            found[name] = array.astype(np.float32)
            continue
        largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
        scale = np.where(largest > 0, largest / STEPS, 1.0).astype(np.float32)
        found[name] = np.round(array / scale).astype(np.int8)
        found[name + SCALE] = scale
    return found


def restore(arrays: Mapping[str, NDArray[Any]]) -> Weights:
    """The weights, float32, of arrays that `quantise` made."""
    return {
        name: array * arrays[name + SCALE] if name + SCALE in arrays else np.asarray(array, np.float32)
        for name, array in arrays.items()
        if not name.endswith(SCALE)
    }

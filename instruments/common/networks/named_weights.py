"""What networks have in common whose weights are arrays by name, such as "fine_in/conv_1"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from diffusion_lab.instruments.common.networks.arrays import Weights


@dataclass(frozen=True, eq=False)
class NamedWeights:
    """Base class of a network with its weights by name; the part before the slash is the layer's or the block's."""

    weights: Weights

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], dtype: DTypeLike = np.float32) -> Self:
        """From arrays by name, in any precision; they are converted to `dtype`."""
        return cls({name: np.asarray(array, dtype) for name, array in arrays.items()})

    @property
    def num_weights(self) -> int:
        """How many numbers it has learned."""
        return sum(array.size for array in self.weights.values())

    def part(self, name: str) -> Weights:
        """The weights of one layer or block, without its name."""
        start = f"{name}/"
        return {key.removeprefix(start): array for key, array in self.weights.items() if key.startswith(start)}

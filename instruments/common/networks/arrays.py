"""Names of the types that all layers share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Numbers in single or double precision."""

Tokens = NDArray[np.integer[Any]]

Cache = Any
"""What a forward pass keeps for its backward pass."""

Weights = dict[str, Array]
"""Weights, or their gradients, by name."""

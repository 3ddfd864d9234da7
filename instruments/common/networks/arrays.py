"""Types shared by all layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""Numbers in single or double precision."""

Tokens = NDArray[np.integer[Any]]

Cache = Any
"""Values that a forward pass stores for its backward pass."""

Weights = dict[str, Array]
"""Weights, or their gradients, by name."""

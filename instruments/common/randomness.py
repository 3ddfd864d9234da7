"""Random numbers from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def seeded(seed: int | Sequence[int]) -> np.random.Generator:
    """A generator with the numbers of `np.random.default_rng(seed)`; one seed may be several integers.

    `default_rng` itself checks whether its seed is one of NumPy's old generators, which a page would have to download.
    """
    return np.random.Generator(np.random.PCG64(seed))

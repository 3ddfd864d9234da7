"""Seeded generators give what NumPy's own way gives."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.randomness import seeded


def another_kind(seed):
    return np.random.Generator(np.random.SFC64(seed))


def next_seed(seed):
    return np.random.default_rng(np.add(seed, 1))


@pytest.mark.subject(seeded, another_kind=another_kind, next_seed=next_seed)
@pytest.mark.parametrize("seed", [0, 7, [3, 4]])
def test_the_numbers_are_those_of_default_rng(subject, seed):
    expected = np.random.default_rng(seed)
    drawn = subject(seed)
    assert (drawn.normal(size=5) == expected.normal(size=5)).all()
    assert (drawn.integers(0, 100, 5) == expected.integers(0, 100, 5)).all()

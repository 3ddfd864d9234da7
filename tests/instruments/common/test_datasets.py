"""The ring as the pages describe it."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import ring


def test_ring_starts_at_the_top_and_runs_counter_clockwise():
    means = ring().means
    assert means.shape == (6, 2)
    np.testing.assert_allclose(means[0], [0, 2], atol=1e-15)
    turns = np.unwrap(np.arctan2(means[:, 1], means[:, 0]))
    np.testing.assert_allclose(np.diff(turns), np.pi / 3, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*means.T), 2, rtol=1e-15)


def test_ring_is_balanced():
    mixture = ring(num_modes=7, radius=3.0, s=0.1)
    np.testing.assert_array_equal(mixture.weights, np.full(7, 1 / 7))
    np.testing.assert_allclose(mixture.means.sum(axis=0), 0, atol=1e-14)
    assert mixture.s == 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_modes": 0}, "`num_modes` must be at least 1, got 0."),
        ({"radius": -1}, "`radius` must be above 0, got -1."),
        ({"s": 0}, "`s` must be above 0 and finite, got 0."),
    ],
)
def test_ring_refuses(arguments, message):
    with pytest.raises(ValueError) as refusal:
        ring(**arguments)
    assert str(refusal.value) == message

"""Running means against a plain loop, and numbers spaced evenly on a logarithmic axis."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.curves import log_spaced, running_mean


@pytest.mark.subject(
    running_mean,
    of_all=lambda y, most=100: np.cumsum(y) / np.arange(1, len(y) + 1),
    one_late=lambda y, most=100: np.append(y[:1], running_mean(y, most)[:-1]),
)
def test_a_running_mean_is_over_a_fifth_of_the_values_so_far(subject, rng):
    y = rng.normal(size=700)
    for most in (1, 30, 100):
        expected = [np.mean(y[n - min(max(n // 5, 1), most) : n]) for n in range(1, 701)]
        np.testing.assert_allclose(subject(y, most), expected, atol=1e-12)
    assert len(subject(y[:0])) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 5, 399, 400, 4000])
def test_numbers_are_spaced_on_a_logarithmic_axis(count):
    numbers = log_spaced(count)
    assert len(numbers) <= 400
    assert list(numbers) == sorted(set(numbers))
    if count:
        assert (numbers[0], numbers[-1]) == (1, count)
        assert np.diff(np.log(numbers), prepend=0).max() <= max(np.log(2), 2 * np.log(count) / 400)
    else:
        assert len(numbers) == 0

"""Long computations in slices."""

import pytest

from diffusion_lab.instruments.common.work import finish


def counting(to):
    for k in range(to):
        yield k, to
    return to**2


def test_work_is_run_to_its_end_and_gives_its_result():
    assert finish(counting(0)) == 0
    assert finish(counting(7)) == 49


def test_an_error_of_the_work_is_passed_on():
    def failing():
        yield 1, 2
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        finish(failing())

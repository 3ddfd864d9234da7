"""Computations that can pause: the generator and the plain function give one result."""

from diffusion_lab.instruments.common.slices import sliced


@sliced
def total(count, start=0):
    """A sum."""
    for k in range(count):
        yield k, count
        start += k
    return start


def test_a_call_runs_it_to_its_end():
    assert total(4, start=2) == 8
    assert total(0) == 0
    assert (total.__name__, total.__doc__) == ("total", "A sum.")


def test_the_work_pauses_and_returns_the_result():
    work, pauses = total.work(3), []
    while True:
        try:
            pauses.append(next(work))
        except StopIteration as end:
            assert end.value == total(3) == 3
            break
    assert pauses == [(0, 3), (1, 3), (2, 3)]

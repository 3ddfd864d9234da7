"""Long computations in slices: generators that yield how far they are and return the result."""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")

#: Yields (done, of), for instance steps of a sampler.
Work = Generator[tuple[int, int], None, Result]


def finish(work: Work[Result]) -> Result:
    """Runs `work` to its end and returns its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result

"""Long computations that can pause: a generator yields its progress, and returns the result.

An instrument advances the generator in slices and responds between them; tests and cells call the plain function.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: Yields (done, of), both in the same unit, and returns the result.
Work = Generator[tuple[float, float], None, R]


def finish(work: Work[R]) -> R:
    """Runs `work` to its end, and returns its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: R = end.value
            return result


def within(
    work: Work[R], before: float, of: float, *partial: object, pieces: float = 1
) -> Generator[tuple[Any, ...], None, R]:
    """Work that is `pieces` of the `of` equal pieces of longer work; `before` are done. Yields `partial` too."""
    while True:
        try:
            done, whole = next(work)
        except StopIteration as end:
            result: R = end.value
            return result
        yield before + pieces * done / whole, of, *partial


class Sliced(Generic[P, R]):
    """A function whose computation can pause: a call runs it to its end; `work` with equal arguments is a generator."""

    def __init__(self, work: Callable[P, Work[R]]) -> None:
        self.work = work
        update_wrapper(self, work)

    def __call__(self, *arguments: P.args, **options: P.kwargs) -> R:
        """The result."""
        return finish(self.work(*arguments, **options))


def sliced(work: Callable[P, Work[R]]) -> Sliced[P, R]:
    """Decorates a generator function: see `Sliced`."""
    return Sliced(work)

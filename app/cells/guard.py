"""Keeps a cell from taking away what Python itself needs for the next one."""

from __future__ import annotations

import builtins
import io
import sys

_BUILTINS = vars(builtins)
_OWN = dict(_BUILTINS)


class Guard:
    """A context that restores built-in names, standard streams and the recursion limit when a cell has ended.

    A class, because a generator as a context needs built-in names to end. In the context `input` raises `EOFError` at
    once instead of waiting, because nobody can answer.
    """

    def __enter__(self) -> None:
        self._streams, self._depth = (sys.stdin, sys.stdout, sys.stderr), sys.getrecursionlimit()
        sys.stdin = io.StringIO()

    def __exit__(self, *error: object) -> None:
        _BUILTINS.update(_OWN)  # first, because all other code needs them
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.setrecursionlimit(self._depth)

"""Tracebacks through libraries whose byte code has no line numbers."""

from __future__ import annotations

import itertools
import traceback
from types import CodeType


def _position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    """Line and columns of an instruction; None four times where the byte code does not say."""
    return next(itertools.islice(code.co_positions(), max(instruction, 0) // 2, None), (None,) * 4)


def mend() -> None:
    """Lets `traceback` and `logging` print a traceback through such a library; they would fail at it themselves."""
    traceback._get_code_position = _position  # type: ignore[attr-defined]

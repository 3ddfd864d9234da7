"""Lets Python print tracebacks through libraries whose byte code has no line numbers."""

from __future__ import annotations

import itertools
import traceback
from types import CodeType


def _position(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    """Returns lines and columns of an instruction; four times None if the byte code has none."""
    return next(itertools.islice(code.co_positions(), max(instruction, 0) // 2, None), (None,) * 4)


def mend() -> None:
    """Patches `traceback`, which `logging` also uses: it would raise an error for byte code without line numbers."""
    traceback._get_code_position = _position  # type: ignore[attr-defined]

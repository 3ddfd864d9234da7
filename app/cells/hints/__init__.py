"""Explains errors in plain English: the probable mistake, with the reader's own names and numbers.

Each type of error has one function. It inspects the error, the expression that raised it and the values of its names
(`operands`, which never runs the reader's code), and returns one or two sentences, or None. Names are in back-ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from diffusion_lab.app.cells.hints.arrays import TOO_LARGE, index_hint, nan_hint, overflow_hint, value_hint, zero_hint
from diffusion_lab.app.cells.hints.calls import type_hint
from diffusion_lab.app.cells.hints.names import (
    NO_NETWORK,
    Hint,
    attribute_hint,
    import_hint,
    key_hint,
    name_hint,
)
from diffusion_lab.app.cells.hints.operands import CELL, Place, find_place, names_made
from diffusion_lab.app.cells.hints.platform import runtime_hint, system_hint
from diffusion_lab.app.cells.hints.replaced import replaced_hint
from diffusion_lab.app.cells.hints.syntax import syntax_hint

__all__ = ["CELL", "Hint", "hint_for", "names_made", "nan_hint"]


def hint_for(error: BaseException, code: str, above: Sequence[tuple[str, str]] = ()) -> Hint | None:
    """Returns a hint for an error raised by a cell with `code`, or None.

    `above`: number and code of each earlier cell of the page.
    """
    if isinstance(error, SyntaxError):
        written_here = (error.filename or "").startswith(CELL)
        text = syntax_hint(error, code) if written_here else None
        return Hint(text) if text else None
    place = find_place(error)
    if isinstance(error, NameError):
        return name_hint(error, place, code, above)
    if hint := replaced_hint(error, place):
        return hint
    for kind, make in HINTS:
        if isinstance(error, kind) and (text := make(error, place)):
            return Hint(text)
    return None


def _memory(error: MemoryError, place: Place | None) -> str:
    return TOO_LARGE


def _recursion(error: RecursionError, place: Place | None) -> str:
    name = place.frame.f_code.co_name if place else "<module>"
    who = f"`{name}`" if not name.startswith("<") else "A function"
    return f"{who} calls itself forever. Add a case in which it returns without calling itself."


def _interrupted(error: KeyboardInterrupt, place: Place | None) -> str:
    return "You stopped the cell at this line. The variables that it had set by then are kept."


def _no_input(error: EOFError, place: Place | None) -> str:
    return "Nobody can answer `input` here. Write the value into the code, as in `n = 5`."


def _exit(error: SystemExit, place: Place | None) -> str:
    return "A cell ends by itself at its last line; it needs no `exit`."


def _no_file(error: FileNotFoundError, place: Place | None) -> str:
    if "://" in str(error):  # NumPy takes an address that it cannot reach for a file
        return NO_NETWORK
    return "The page's Python has a separate file system and cannot open the files of this computer."


#: (type of error, function that returns a hint or None); the first hint of a matching type is shown.
HINTS: list[tuple[type[BaseException], Callable[[Any, Place | None], str | None]]] = [
    (AttributeError, attribute_hint),
    (ImportError, import_hint),
    (KeyError, key_hint),
    (IndexError, index_hint),
    (ZeroDivisionError, zero_hint),
    (OverflowError, overflow_hint),
    (ValueError, value_hint),
    (TypeError, type_hint),
    (MemoryError, _memory),
    (RecursionError, _recursion),
    (KeyboardInterrupt, _interrupted),
    (EOFError, _no_input),
    (SystemExit, _exit),
    (FileNotFoundError, _no_file),
    (OSError, system_hint),
    (RuntimeError, runtime_hint),
]

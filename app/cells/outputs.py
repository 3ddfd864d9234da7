"""What a cell puts out, piece by piece, and how an error is shown with the reader's own lines only.

Needs neither Bokeh nor Panel: the instruments' worker shows errors of code overrides with it.
"""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

#: File names of cells, as the compiler gets them, begin like this.
CELL = "<cell "

#: Printed text leaves by the line, and a line that is longer than this in pieces.
LONG_LINE = 1000

#: Frames of an error that are shown.
MAX_FRAMES = 8


@dataclass(frozen=True)
class Output:
    """One piece of a cell's output.

    `kind`: text (printed), value (of the last expression, as text), table (the same, as HTML), picture (SVG), live
    (what the page draws and keeps in touch with), error, hint (help in plain words, names in back-ticks), hint_above
    (one that says to run the cells above first), passed or failed (what an exercise's checks say, in the same way).
    `line` is the line of the cell, from 1, that an error came from; 0 where there is none.
    """

    kind: Literal["text", "value", "table", "picture", "live", "error", "hint", "hint_above", "passed", "failed"]
    body: str
    line: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As a plain dict, to be sent to the page."""
        return asdict(self)


class Printed(io.TextIOBase):
    """Hands on what is printed, a line or more at a time."""

    def __init__(self, emit: Callable[[Output], None]) -> None:
        self._emit = emit
        self._pending = ""

    def write(self, text: str) -> int:
        """Takes text that was printed."""
        self._pending += text
        if "\n" in text or len(self._pending) > LONG_LINE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Hands on what has not ended with a newline."""
        if self._pending:
            self._emit(Output("text", self._pending))
            self._pending = ""


def error_output(error: BaseException, filename: str) -> Output:
    """The error with the reader's own frames only."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        line, frames = error.lineno or 0, []
    else:
        # Chosen before they are looked up: in the browser the lab's own frames have no line numbers.
        walked = traceback.walk_tb(error.__traceback__)
        cells = ((frame, line) for frame, line in walked if frame.f_code.co_filename.startswith(CELL))
        own = traceback.StackSummary.extract(cells)
        line = next((frame.lineno or 0 for frame in reversed(own) if frame.filename == filename), 0)
        frames = [f"line {frame.lineno}{_where(frame, filename)}: {frame.line}" for frame in own]
        if len(frames) > MAX_FRAMES:  # endless recursion has a thousand of them
            half = MAX_FRAMES // 2
            frames[half:-half] = [f"… {len(frames) - 2 * half} more …"]
    if isinstance(error, KeyboardInterrupt):  # the reader's doing, no fault of the code
        return Output("error", "\n".join([*frames, "Stopped."]), line)
    message = "".join(traceback.format_exception_only(error)).strip().replace(f'File "{filename}", ', "")
    return Output("error", "\n".join([*frames, message]), line)


def _where(frame: traceback.FrameSummary, filename: str) -> str:
    place = "" if frame.filename == filename else f" of {frame.filename.strip('<>')}"
    return place if frame.name == "<module>" else f"{place} in {frame.name}"

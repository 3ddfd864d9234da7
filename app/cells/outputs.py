"""The outputs of a cell, and errors formatted with the reader's own lines only.

It imports neither Bokeh nor Panel, because the instruments' worker also uses it, for errors in replaced functions.
"""

from __future__ import annotations

import io
import itertools
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

#: Prefix of the file names under which cells are compiled.
CELL = "<cell "

#: Printed text is sent line by line; a line longer than this, in characters, is sent in pieces.
LONG_LINE = 1000

#: Maximum number of frames shown for an error.
MAX_FRAMES = 8


Kind = Literal[
    "text", "value", "table", "picture", "live", "error", "hint", "hint_above", "hint_restart", "passed", "failed"
]


@dataclass(frozen=True)
class Output:
    """One piece of a cell's output.

    `kind`: text (printed), value (of the last expression, as text), table (the same, as HTML), picture (SVG), live (an
    interactive figure or Panel object, as JSON), error, hint (an explanation with names in back-ticks), hint_above (a
    hint to run the cells above first), hint_restart (a hint that offers to restart Python), passed or failed (result of
    an exercise's checks, with names in back-ticks). `line` is the line of the cell, from 1, where an error was raised;
    0 if there is none.
    """

    kind: Kind
    body: str
    line: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Returns a plain dict, to be sent to the page."""
        return asdict(self)


class Printed(io.TextIOBase):
    """A text stream that calls `emit` with printed text, one or more lines at a time."""

    def __init__(self, emit: Callable[[Output], None]) -> None:
        self._emit = emit
        self._pending = ""

    def write(self, text: str) -> int:
        """Buffers text, and emits the buffer once it has a line's end or is long; returns the length of `text`."""
        self._pending += text
        if "\n" in text or "\r" in text or len(self._pending) > LONG_LINE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Emits the buffered text."""
        if self._pending:
            self._emit(Output("text", self._pending))
            self._pending = ""


def overwritten(text: str) -> str:
    """Returns text as a terminal shows it: what follows a carriage return overwrites its line from the beginning."""
    return "\n".join(_overwritten_line(line) for line in text.split("\n")) if "\r" in text else text


def folded(text: str) -> str:
    """Returns a shorter text with the same effect after any earlier one: without what its own lines overwrite."""
    if "\r" not in text:
        return text
    first, *others = text.split("\n")
    start, mark, rest = first.partition("\r")  # an earlier text decides what stays of the start
    lines = [rest, *others]
    kept = [_overwritten_line(line) for line in lines]
    after = lines[-1].rpartition("\r")[2]  # the next text continues after this
    if len(after) < len(kept[-1]):
        kept[-1] += f"\r{after}"
    return start + mark + "\n".join(kept)


def _overwritten_line(line: str) -> str:
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def output_html(outputs: Sequence[Output]) -> str:
    """Returns outputs as HTML, as the page shows them before Python has loaded."""
    html = []
    for kind, group in itertools.groupby(outputs, key=lambda output: output.kind):
        bodies = [output.body for output in group]
        if kind == "text":
            bodies = [overwritten("".join(bodies))]
        for body in bodies:
            if kind in ("picture", "table"):
                html.append(f'<div class="output {kind}">{body}</div>')
            elif kind == "hint":
                html.append(f'<p class="output hint">{_with_code(body)}</p>')
            else:  # a newline right after <pre> is not part of its text
                html.append(f'<pre class="output {kind}">\n{escape(body)}</pre>')
    return "".join(html)


def _with_code(text: str) -> str:
    """Returns a sentence as HTML; names in back-ticks become `<code>`."""
    parts = [escape(part) for part in text.split("`")]
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))


def error_output(error: BaseException, filename: str) -> Output:
    """Returns the error with only the frames of the reader's cells; `filename` is that of the cell that ran."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        line, frames = error.lineno or 0, []
    else:
        # Filter the frames before extracting them: in the browser the lab's own frames have no line numbers.
        walked = traceback.walk_tb(error.__traceback__)
        cells = ((frame, line) for frame, line in walked if frame.f_code.co_filename.startswith(CELL))
        own = traceback.StackSummary.extract(cells)
        line = next((frame.lineno or 0 for frame in reversed(own) if frame.filename == filename), 0)
        frames = [f"line {frame.lineno}{_where(frame, filename)}: {frame.line}" for frame in own]
        if len(frames) > MAX_FRAMES:  # infinite recursion has about a thousand
            half = MAX_FRAMES // 2
            frames[half:-half] = [f"… {len(frames) - 2 * half} more …"]
    if isinstance(error, KeyboardInterrupt):  # the reader pressed Stop; the code is not at fault
        return Output("error", "\n".join([*frames, "Stopped."]), line)
    message = "".join(traceback.format_exception_only(error)).strip().replace(f'File "{filename}", ', "")
    return Output("error", "\n".join([*frames, message]), line)


def _where(frame: traceback.FrameSummary, filename: str) -> str:
    place = "" if frame.filename == filename else f" of {frame.filename.strip('<>')}"
    return place if frame.name == "<module>" else f"{place} in {frame.name}"

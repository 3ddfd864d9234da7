"""Runs the code cells of a chapter: the same code at build time in CPython and in the reader's browser.

The cells of a page share one namespace, in order. What a cell prints or plots is handed on as it comes.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import linecache
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

from bokeh.plotting import figure

from diffusion_lab.app import plots
from diffusion_lab.app.figure_svg import figure_svg

#: Frames of an error that are shown.
MAX_FRAMES = 8


@dataclass(frozen=True)
class Output:
    """One piece of a cell's output. `kind`: text (printed), value (of the last expression), picture (SVG) or error.

    `line` is the line of the cell, from 1, that an error came from; 0 where there is none.
    """

    kind: Literal["text", "value", "picture", "error"]
    body: str
    line: int = 0

    def as_dict(self) -> dict[str, Any]:
        """As a plain dict, to be sent to the page."""
        return asdict(self)


def output_html(outputs: list[Output]) -> str:
    """Outputs as they stand on the page before Python has loaded."""
    html = []
    for kind, group in itertools.groupby(outputs, key=lambda output: output.kind):
        bodies = [output.body for output in group]
        if kind == "text":
            bodies = ["".join(bodies)]
        for body in bodies:
            if kind == "picture":
                html.append(f'<div class="output picture">{body}</div>')
            else:  # a newline right after <pre> is not part of its text
                html.append(f'<pre class="output {kind}">\n{escape(body)}</pre>')
    return "".join(html)


class Session:
    """The namespace that the cells of one page share."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self._emit: Callable[[Output], None] = lambda output: None
        for name in ("plot_scatter", "plot_line", "plot_hist"):
            self.namespace[name] = self._shown(getattr(plots, name))

    def run(self, label: str, code: str, emit: Callable[[Output], None]) -> bool:
        """Runs `code` as the cell `label`; `emit` gets each output as it comes. True if there was no error."""
        filename = f"<cell {label}>"
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        self._emit = emit
        printed = _Printed(emit)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = self._execute(code, filename)
                printed.flush()
            self._show(value)
        except BaseException as error:  # a cell may raise anything, SystemExit too: none of it ends the session
            printed.flush()
            emit(_error(error, filename))
            return False
        return True

    def _execute(self, code: str, filename: str) -> Any:
        tree = ast.parse(code, filename)
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, filename, "exec"), self.namespace)
        return (
            eval(compile(ast.Expression(last.value), filename, "eval"), self.namespace)
            if isinstance(last, ast.Expr)
            else None
        )

    def _show(self, value: Any) -> None:
        sys.stdout.flush()  # what was printed before a picture stands before it
        if isinstance(value, figure):
            self._emit(Output("picture", figure_svg(value, description=_picture_name(value))))
        elif value is not None:
            self._emit(Output("value", repr(value)))

    def _shown(self, make: Callable[..., figure]) -> Callable[..., None]:
        def helper(*args: Any, **kwargs: Any) -> None:
            self._show(make(*args, **kwargs))

        helper.__name__, helper.__doc__ = make.__name__, make.__doc__
        return helper


class _Printed(io.TextIOBase):
    """Hands on what is printed, a line or more at a time."""

    def __init__(self, emit: Callable[[Output], None]) -> None:
        self._emit = emit
        self._pending = ""

    def write(self, text: str) -> int:
        self._pending += text
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self._pending:
            self._emit(Output("text", self._pending))
            self._pending = ""


def _error(error: BaseException, filename: str) -> Output:
    """The error with the reader's own frames only."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        line, frames = error.lineno or 0, []
    else:
        # Chosen before they are looked up: in the browser the lab's own frames have no line numbers.
        walked = traceback.walk_tb(error.__traceback__)
        cells = ((frame, line) for frame, line in walked if frame.f_code.co_filename.startswith("<cell "))
        own = traceback.StackSummary.extract(cells)
        line = next((frame.lineno or 0 for frame in reversed(own) if frame.filename == filename), 0)
        frames = [f"line {frame.lineno}{_where(frame, filename)}: {frame.line}" for frame in own]
        if len(frames) > MAX_FRAMES:  # endless recursion has a thousand of them
            half = MAX_FRAMES // 2
            frames[half:-half] = [f"… {len(frames) - 2 * half} more …"]
    message = "".join(traceback.format_exception_only(error)).strip().replace(f'File "{filename}", ', "")
    return Output("error", "\n".join([*frames, message]), line)


def _where(frame: traceback.FrameSummary, filename: str) -> str:
    place = "" if frame.filename == filename else f" of {frame.filename.strip('<>')}"
    return place if frame.name == "<module>" else f"{place} in {frame.name}"


def _picture_name(plot: figure) -> str:
    return plot.title.text if plot.title and plot.title.text else "Plot drawn by the cell"

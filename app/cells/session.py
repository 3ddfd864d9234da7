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
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import wraps
from html import escape
from typing import Any, Literal

import numpy as np
from bokeh.model import Model
from bokeh.models import Plot
from bokeh.plotting import figure

from diffusion_lab.app.cells import plots
from diffusion_lab.app.cells.completion import complete, signature_at
from diffusion_lab.app.cells.hints import CELL, hint_for, names_made, nan_hint
from diffusion_lab.app.cells.value_html import value_html, value_text
from diffusion_lab.app.instrument.figure_svg import figure_svg

#: Printed text leaves by the line, and a line that is longer than this in pieces.
LONG_LINE = 1000

#: Frames of an error that are shown.
MAX_FRAMES = 8

#: What is said of an exercise whose checks are passed, and of one whose code fails within the checks.
PASSED = "Right: every check is passed."
BROKEN = "The code ran, but stopped with this error when it was tried with other values."


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


def output_html(outputs: list[Output]) -> str:
    """Outputs as they stand on the page before Python has loaded."""
    html = []
    for kind, group in itertools.groupby(outputs, key=lambda output: output.kind):
        bodies = [output.body for output in group]
        if kind == "text":
            bodies = ["".join(bodies)]
        for body in bodies:
            if kind in ("picture", "table"):
                html.append(f'<div class="output {kind}">{body}</div>')
            elif kind == "hint":
                html.append(f'<p class="output hint">{_with_code(body)}</p>')
            else:  # a newline right after <pre> is not part of its text
                html.append(f'<pre class="output {kind}">\n{escape(body)}</pre>')
    return "".join(html)


def _with_code(text: str) -> str:
    """A sentence as HTML, its names in back-ticks as code."""
    parts = [escape(part) for part in text.split("`")]
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))


class CheckFailed(Exception):
    """What the reader's code does is not what it should do; the message teaches why."""


def check(condition: Any, message: str) -> None:
    """For the checks of an exercise: the first condition that is not met ends them with its message."""
    if not condition:
        raise CheckFailed(message)


def close(a: Any, b: Any, tolerance: float = 1e-6) -> bool:
    """For the checks of an exercise: whether `a` is numbers, of the same shape as `b`, that differ from it little."""
    try:
        a, b = np.asarray(a, float), np.asarray(b, float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def run_checks(checks: str, names: Mapping[str, Any]) -> None:
    """Runs the checks of an exercise, which see `names`, `check` and `close`, and leave no name behind.

    Raises `CheckFailed`, and what the reader's code raises.
    """
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(checks, "<checks>", "exec"), {**names, "check": check, "close": close})


class Session:
    """The namespace that the cells of one page share.

    `make_live` takes a figure or a Panel object and returns what the page needs to draw it and stay in touch; without
    it, as at build time, a figure is a picture.
    """

    def __init__(self, make_live: Callable[[Any], str] | None = None) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", "show": self.show}
        self._emit: Callable[[Output], None] = lambda output: None
        self._make_live = make_live
        for name in plots.__all__:
            self.namespace[name] = self._shown(getattr(plots, name))

    def run(self, label: str, code: str, emit: Callable[[Output], None], above: Sequence[tuple[str, str]] = ()) -> bool:
        """Runs `code` as the cell `label`; `emit` gets each output as it comes. True if there was no error.

        `above` has number and code of each earlier cell of the page: a hint may say to run them first.
        """
        filename = f"{CELL}{label}>"
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        self._emit = emit
        printed = Printed(emit)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), _no_input():
                with _warnings_kept() as warned:
                    value = self._execute(code, filename)
                printed.flush()
            if value is not None:
                self.show(value)
        except BaseException as error:  # a cell may raise anything, SystemExit too: none of it ends the session
            printed.flush()
            emit(error_output(error, filename))
            if hint := hint_for(error, code, above):
                emit(Output("hint_above" if hint.run_above else "hint", hint.text))
            return False
        if hint_text := self._odd_numbers(code, warned):
            emit(Output("hint", hint_text))
        return True

    def run_exercise(
        self,
        label: str,
        code: str,
        checks: str,
        emit: Callable[[Output], None],
        above: Sequence[tuple[str, str]] = (),
    ) -> bool:
        """Runs `code` as `run` does, then `checks`, which say whether the code does what it should.

        The checks see the names of the page, `printed` (what the code printed), `check` and `close`; names that they
        make are gone afterwards. True if the code ran without an error, whatever the checks say.
        """
        printed: list[str] = []

        def emit_and_keep(output: Output) -> None:
            if output.kind == "text":
                printed.append(output.body)
            emit(output)

        if not self.run(label, code, emit_and_keep, above):
            return False
        try:
            run_checks(checks, {**self.namespace, "printed": "".join(printed)})
        except CheckFailed as failed:
            emit(Output("failed", str(failed)))
        except BaseException as error:  # of the reader's function, called with other values
            emit(error_output(error, f"{CELL}{label}>"))
            if hint := hint_for(error, code, above):
                emit(Output("hint", hint.text))
            emit(Output("failed", BROKEN))
        else:
            emit(Output("passed", PASSED))
        return True

    def fork(self) -> Session:
        """A session with the same names, whose new names this one does not get."""
        session = Session(self._make_live)
        session.namespace |= {name: value for name, value in self.namespace.items() if name not in session.namespace}
        return session

    def complete(self, before: str) -> dict[str, Any] | None:
        """What could follow the text `before` the cursor; None in texts and remarks."""
        found = complete(before, self.namespace)
        return found and found.as_dict()

    def signature(self, before: str) -> dict[str, Any] | None:
        """The call that the cursor, right after the text `before`, stands in."""
        found = signature_at(before, self.namespace)
        return found and found.as_dict()

    def _odd_numbers(self, code: str, warned: list[warnings.WarningMessage]) -> str:
        """What NumPy warned of, and names of this cell that hold no numbers: no warning comes in the browser."""
        first = {warning.lineno: warning.message for warning in reversed(warned)}
        told = [f"Line {line}: {message}." for line, message in sorted(first.items())]
        made = {} if "inf" in code or "nan" in code else {name: self.namespace.get(name) for name in names_made(code)}
        return " ".join([*told, nan_hint(made) or ""]).strip()

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

    def show(self, *values: Any) -> None:
        """Shows each value below the cell, as if it stood on the last line."""
        sys.stdout.flush()  # what was printed before stands before
        for value in values:
            self._emit(self._output(value))

    def _output(self, value: Any) -> Output:
        if _is_panel(value) or isinstance(value, Model):
            if self._make_live:
                return Output("live", self._make_live(value))
            if isinstance(value, figure):
                return Output("picture", figure_svg(value, description=picture_name(value)))
            return Output("table", f'<p class="kind">{type(value).__name__}: run the cell to use it</p>')
        html = value_html(value)
        return Output("value", value_text(value)) if html is None else Output("table", html)

    def _shown(self, make: Callable[..., figure]) -> Callable[..., None]:
        @wraps(make)
        def helper(*args: Any, **kwargs: Any) -> None:
            self.show(make(*args, **kwargs))

        return helper


def _is_panel(value: Any) -> bool:
    """Whether Panel can show it as it is: a widget, a layout, a pane, an instrument, a bound function."""
    panel = sys.modules.get("panel")
    if panel is None:
        return False
    return isinstance(value, panel.viewable.Viewable | panel.viewable.Viewer) or hasattr(value, "_dinfo")


@contextlib.contextmanager
def _no_input() -> Iterator[None]:
    """`input` finds the end of the file at once, instead of waiting for somebody."""
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before


@contextlib.contextmanager
def _warnings_kept() -> Iterator[list[warnings.WarningMessage]]:
    """The warnings about numbers that come from the reader's own lines; all others are printed as ever."""
    kept: list[warnings.WarningMessage] = []

    def show(message: Warning, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        warning = warnings.WarningMessage(message, category, filename, lineno)
        if issubclass(category, RuntimeWarning) and filename.startswith(CELL):
            kept.append(warning)
        else:
            print(warnings.formatwarning(message, category, filename, lineno), end="", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default", RuntimeWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield kept


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


def picture_name(plot: Plot) -> str:
    """What a plot is called, for those who do not see it."""
    return plot.title.text if plot.title and plot.title.text else "Plot drawn by the cell"

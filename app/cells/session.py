"""Runs the code cells of a chapter, both at build time in CPython and in the reader's browser.

The cells of a page share one namespace. Each output of a cell is passed on as soon as it is produced.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import linecache
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from types import CodeType
from typing import Any

from bokeh.model import Model
from bokeh.models import Plot
from bokeh.plotting import figure

from diffusion_lab.app.cells import plots
from diffusion_lab.app.cells.completion import complete, signature_at
from diffusion_lab.app.cells.event_loop import asyncio_in_cells, drive
from diffusion_lab.app.cells.exercises import BROKEN, PASSED, CheckFailed, names_to_check, run_checks
from diffusion_lab.app.cells.guard import Guard
from diffusion_lab.app.cells.hints import CELL, hint_for, names_made, nan_hint
from diffusion_lab.app.cells.outputs import Output, Printed, error_output
from diffusion_lab.app.cells.value_html import value_html, value_text
from diffusion_lab.app.instrument.figure_svg import figure_svg


class Session:
    """The namespace that the cells of one page share.

    `make_live` takes a figure or a Panel object and returns the JSON with which the page draws and links it. Without
    `make_live`, as at build time, a figure becomes an SVG picture.
    """

    def __init__(self, make_live: Callable[[Any], str] | None = None) -> None:
        self._own = {"__name__": "__main__", "show": self.show}
        self._own |= {name: self._shown(getattr(plots, name)) for name in plots.__all__}
        self.namespace: dict[str, Any] = dict(self._own)
        self._send: Callable[[Output], None] = lambda output: None
        self._make_live = make_live
        self._waiting: list[Output | figure] = []  # outputs after a figure that is drawn when the cell has ended
        self._drawn: list[figure] = []  # figures that the plotting helpers have shown in this run
        self._made: dict[str, dict[str, Any]] = {}  # label of an exercise → the names that its last run has defined

    def run(self, label: str, code: str, emit: Callable[[Output], None], above: Sequence[tuple[str, str]] = ()) -> bool:
        """Runs `code` as the cell `label`, and calls `emit` with each output at once. True if there was no error.

        `above` has number and code of each earlier cell of the page, because a hint may ask to run one of them first.
        """
        filename = f"{CELL}{label}>"
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        self.namespace |= {name: value for name, value in self._own.items() if name not in self.namespace}
        self._send, self._waiting, self._drawn = emit, [], []
        printed = Printed(self._emit)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                with _warnings_kept() as warned, asyncio_in_cells(), Guard():
                    value = self._execute(code, filename)
                printed.flush()
            if value is not None and not any(value is plot for plot in self._drawn):
                self.show(value)
            self._draw_waiting()
        except BaseException as error:  # no exception of a cell, not even SystemExit, may end the session
            printed.flush()
            with contextlib.suppress(Exception):  # the error of the cell matters more
                self._draw_waiting()
            emit(error_output(error, filename))
            if hint := hint_for(error, code, above):
                emit(Output(hint.kind, hint.text))
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
        starter: str = "",
    ) -> bool:
        """Runs `code` as `run` does, then `checks`, and emits the result of the checks.

        The checks see the names of the page, `printed` (the text that the code printed), `check` and `close`; names
        that they define are discarded. Of the names that the exercise defines, in `starter` or in an earlier run, they
        see only those that this run has defined. True if the code ran without an error, whatever the result.
        """
        for name, value in self._made.pop(label, {}).items():
            if self.namespace.get(name) is value:
                del self.namespace[name]
        before = dict(self.namespace)
        printed: list[str] = []

        def emit_and_keep(output: Output) -> None:
            if output.kind == "text":
                printed.append(output.body)
            emit(output)

        ran = self.run(label, code, emit_and_keep, above)
        defines = names_made(code)
        now = {name: self.namespace[name] for name in defines if name in self.namespace}
        self._made[label] = {name: value for name, value in now.items() if before.get(name) is not value}
        if not ran:
            return False
        try:
            names = names_to_check(self.namespace, names_made(starter), defines)
            run_checks(checks, {**names, "printed": "".join(printed)})
        except CheckFailed as failed:
            emit(Output("failed", str(failed)))
        except BaseException as error:  # raised by the reader's function, called with other values
            emit(error_output(error, f"{CELL}{label}>"))
            if hint := hint_for(error, code, above):
                emit(Output(hint.kind, hint.text))
            emit(Output("failed", BROKEN))
        else:
            emit(Output("passed", PASSED))
        return True

    def fork(self) -> Session:
        """Returns a session with a copy of the namespace: names that it defines do not appear in this one."""
        session = Session(self._make_live)
        session.namespace |= {name: value for name, value in self.namespace.items() if name not in session.namespace}
        return session

    def complete(self, before: str) -> dict[str, Any] | None:
        """Returns completions for the text `before` the cursor; None in string literals and comments."""
        found = complete(before, self.namespace)
        return found and found.as_dict()

    def signature(self, before: str) -> dict[str, Any] | None:
        """Returns the call around the cursor, which is right after the text `before`; None if there is none."""
        found = signature_at(before, self.namespace)
        return found and found.as_dict()

    def _odd_numbers(self, code: str, warned: list[warnings.WarningMessage]) -> str:
        """Returns a hint with NumPy's warnings and the cell's variables that contain nan or inf; "" if there are none.

        In the browser NumPy gives no such warnings, because WebAssembly has no floating point flags.
        """
        first = {warning.lineno: warning.message for warning in reversed(warned)}
        sentences = [f"Line {line}: {message}." for line, message in sorted(first.items())]
        made = {} if "inf" in code or "nan" in code else {name: self.namespace.get(name) for name in names_made(code)}
        return " ".join([*sentences, nan_hint(made) or ""]).strip()

    def _execute(self, code: str, filename: str) -> Any:
        """Runs the statements of a cell and returns the value of its last line, if that is an expression."""
        tree = ast.parse(code, filename)
        last = tree.body[-1] if tree.body else None
        parts: list[ast.Module | ast.Expression] = [tree]
        if isinstance(last, ast.Expr):
            tree.body.pop()
            parts.append(ast.Expression(last.value))
        flag = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        codes = [compile(part, filename, "eval" if part is not tree else "exec", flag) for part in parts]
        if any(part.co_flags & inspect.CO_COROUTINE for part in codes):
            return drive(self._run_awaiting(codes))
        return [eval(part, self.namespace) for part in codes][-1]

    async def _run_awaiting(self, codes: list[CodeType]) -> Any:
        value = None
        for part in codes:
            value = eval(part, self.namespace)
            if part.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value

    def show(self, *values: Any) -> None:
        """Shows each value below the cell, in the same way as the value of its last line."""
        sys.stdout.flush()  # keeps the order of printed text and values
        for value in values:
            late = isinstance(value, figure) and not self._make_live
            self._emit(value if late else self._output(value))

    def _emit(self, output: Output | figure) -> None:
        """Passes an output on. A figure that will be a picture waits for the end of the cell, which may change it."""
        if self._waiting or isinstance(output, figure):
            self._waiting.append(output)
        else:
            self._send(output)

    def _draw_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for output in waiting:
            if isinstance(output, figure):
                output = Output("picture", figure_svg(output, description=picture_name(output)))
            self._send(output)

    def _output(self, value: Any) -> Output:
        if _is_panel(value) or isinstance(value, Model):
            if self._make_live:
                return Output("live", self._make_live(value))
            return Output("table", f'<p class="kind">{type(value).__name__}: run the cell to use it</p>')
        html = value_html(value)
        return Output("value", value_text(value)) if html is None else Output("table", html)

    def _shown(self, make: Callable[..., figure]) -> Callable[..., figure]:
        @wraps(make)
        def helper(*args: Any, **kwargs: Any) -> figure:
            plot = make(*args, **kwargs)
            self.show(plot)
            self._drawn.append(plot)
            return plot

        return helper


def _is_panel(value: Any) -> bool:
    """Returns whether Panel can show the value directly: a widget, layout, pane, instrument or bound function."""
    if hasattr(type(value), "__panel__"):
        return True
    panel = sys.modules.get("panel")
    if panel is None:
        return False
    return isinstance(value, panel.viewable.Viewable | panel.viewable.Viewer) or hasattr(value, "_dinfo")


@contextlib.contextmanager
def _warnings_kept() -> Iterator[list[warnings.WarningMessage]]:
    """Collects runtime warnings that come from the reader's own lines; all other warnings are printed as usual."""
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


def picture_name(plot: Plot) -> str:
    """Returns the name of a plot for screen readers."""
    return plot.title.text if plot.title and plot.title.text else "Plot drawn by the cell"

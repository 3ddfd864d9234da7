"""Runs the code cells of a chapter, both at build time in CPython and in the reader's browser.

The cells of a page share one namespace. Each output of a cell is passed on as soon as it is produced.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import linecache
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from html import escape
from typing import Any

import numpy as np
from bokeh.model import Model
from bokeh.models import Plot
from bokeh.plotting import figure

from diffusion_lab.app.cells import plots
from diffusion_lab.app.cells.completion import complete, signature_at
from diffusion_lab.app.cells.hints import CELL, hint_for, names_made, nan_hint
from diffusion_lab.app.cells.outputs import Output, Printed, error_output
from diffusion_lab.app.cells.value_html import value_html, value_text
from diffusion_lab.app.instrument.figure_svg import figure_svg

#: Messages for an exercise that passes its checks, and for one whose code raises an error during the checks.
PASSED = "Right: every check is passed."
BROKEN = "The code ran, but stopped with this error when it was tried with other values."


def output_html(outputs: list[Output]) -> str:
    """Returns outputs as HTML, as the page shows them before Python has loaded."""
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
    """Returns a sentence as HTML; names in back-ticks become `<code>`."""
    parts = [escape(part) for part in text.split("`")]
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))


class CheckFailed(Exception):
    """The reader's code fails a check; the message explains the mistake."""


def check(condition: Any, message: str) -> None:
    """For an exercise's checks: raises `CheckFailed` with the message if the condition is false."""
    if not condition:
        raise CheckFailed(message)


def close(a: Any, b: Any, tolerance: float = 1e-6) -> bool:
    """For an exercise's checks: whether `a` is numeric, has the shape of `b` and equals it within the tolerance."""
    try:
        a, b = np.asarray(a, float), np.asarray(b, float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def run_checks(checks: str, names: Mapping[str, Any]) -> None:
    """Runs the checks of an exercise. They see `names`, `check` and `close`; names that they define are discarded.

    Raises `CheckFailed`, and any exception that the reader's code raises.
    """
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(checks, "<checks>", "exec"), {**names, "check": check, "close": close})


class Session:
    """The namespace that the cells of one page share.

    `make_live` takes a figure or a Panel object and returns the JSON with which the page draws and links it. Without
    `make_live`, as at build time, a figure becomes an SVG picture.
    """

    def __init__(self, make_live: Callable[[Any], str] | None = None) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", "show": self.show}
        self._emit: Callable[[Output], None] = lambda output: None
        self._make_live = make_live
        for name in plots.__all__:
            self.namespace[name] = self._shown(getattr(plots, name))

    def run(self, label: str, code: str, emit: Callable[[Output], None], above: Sequence[tuple[str, str]] = ()) -> bool:
        """Runs `code` as the cell `label`, and calls `emit` with each output at once. True if there was no error.

        `above` has number and code of each earlier cell of the page, because a hint may ask to run one of them first.
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
        except BaseException as error:  # no exception of a cell, not even SystemExit, may end the session
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
        """Runs `code` as `run` does, then `checks`, and emits the result of the checks.

        The checks see the names of the page, `printed` (the text that the code printed), `check` and `close`; names
        that they define are discarded. True if the code ran without an error, whatever the result of the checks.
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
        except BaseException as error:  # raised by the reader's function, called with other values
            emit(error_output(error, f"{CELL}{label}>"))
            if hint := hint_for(error, code, above):
                emit(Output("hint", hint.text))
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
        """Shows each value below the cell, in the same way as the value of its last line."""
        sys.stdout.flush()  # keeps the order of printed text and values
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
    """Returns whether Panel can show the value directly: a widget, layout, pane, instrument or bound function."""
    if hasattr(type(value), "__panel__"):
        return True
    panel = sys.modules.get("panel")
    if panel is None:
        return False
    return isinstance(value, panel.viewable.Viewable | panel.viewable.Viewer) or hasattr(value, "_dinfo")


@contextlib.contextmanager
def _no_input() -> Iterator[None]:
    """Makes `input` raise `EOFError` at once instead of waiting, because nobody can answer."""
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before


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

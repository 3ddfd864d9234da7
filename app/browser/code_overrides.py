"""Replaces functions of an instrument's kernel by the reader's code, and restores them.

It replaces the code object inside the function, so that every reference to the function runs the new code at once. No
module is reloaded and no name is rebound.
"""

from __future__ import annotations
import __future__

import inspect
import linecache
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Protocol

from diffusion_lab.app.browser import tracebacks
from diffusion_lab.app.cells.hints import hint_for
from diffusion_lab.app.cells.outputs import CELL, Output, error_output
from diffusion_lab.app.instrument.editable import editable_functions, forget_cached_calls
from diffusion_lab.app.instrument.instrument import Instrument, StateError

tracebacks.mend()

#: The methods in which an instrument computes: an error with one of these in its traceback comes from computing.
_COMPUTING = (Instrument.__init__, Instrument._on_settings, Instrument.act, Instrument.answer, Instrument.csv)


class EditError(Exception):
    """The reader's code cannot replace the function; the message gives the reason. `line`: from 1, or 0 if none."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class Live(Protocol):
    """An instrument on the page."""

    instrument: Instrument

    def recompute(self) -> None:
        """Discards every cached result, recomputes, and sends the changes to the page."""


@dataclass(frozen=True)
class _Form:
    """The replaceable parts of a function: its code, its defaults, and names added to its module for it."""

    code: CodeType
    defaults: tuple[Any, ...] | None
    kwdefaults: dict[str, Any] | None
    names: dict[str, Any] = field(default_factory=dict)


class CodeOverrides:
    """The functions of the page's instruments that the reader has replaced."""

    def __init__(self, live: Mapping[str, Live]) -> None:
        """`live`: the instruments on the page, by slot; later changes of this mapping are seen."""
        self._live = live
        self._originals: dict[FunctionType, _Form] = {}
        self._now: dict[FunctionType, _Form] = {}

    def edit(self, cls: type[Instrument], name: str, code: str) -> None:
        """Replaces the function `name` of `cls` by `code`, and recomputes every instrument that uses it.

        Raises `EditError` for code that cannot replace it, and any exception that compiling or running the code raises.
        The previous code is restored in these cases, and the instruments show the same as before.
        """
        function = editable_functions(cls)[name]
        form = _compiled(function, code)
        before = self._now.get(function) or _form_of(function)
        self._originals.setdefault(function, _form_of(function))
        self._put(function, form)
        try:
            self._recompute(function)
        except BaseException:
            self._put(function, before)
            self._recompute(function)
            raise

    def reset(self, cls: type[Instrument], name: str = "") -> None:
        """Restores the original code of the function `name` of `cls`, or of all its functions."""
        functions = editable_functions(cls)
        for function in [functions[name]] if name else functions.values():
            if function in self._originals:
                self._put(function, self._originals[function])
                self._recompute(function)

    def reset_all(self) -> None:
        """Restores the original code of every replaced function."""
        edited = list(self._now)
        for function in edited:
            self._put(function, self._originals[function])
        for function in edited:
            self._recompute(function)

    def by_place(self) -> dict[str, list[str]]:
        """Returns slot → names of its instrument's replaced functions."""
        return {
            place: [name for name, f in editable_functions(type(live.instrument)).items() if f in self._now]
            for place, live in self._live.items()
        }

    def blamed(self, error: BaseException) -> str:
        """Returns the replaced function that caused `error`; "" if it is not from computing or nothing is replaced."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        computing = {function.__code__ for function in _COMPUTING}
        if isinstance(error, StateError) or not any(frame.f_code in computing for frame in frames):
            return ""
        edited = [name for names in self.by_place().values() for name in names]
        files = {frame.f_code.co_filename for frame in frames}
        return next((name for name in edited if _filename(name) in files), next(iter(edited), ""))

    def _put(self, function: FunctionType, form: _Form) -> None:
        for name in self._now.get(function, form).names:
            function.__globals__.pop(name, None)
        function.__globals__.update(form.names)
        function.__code__, function.__defaults__ = form.code, form.defaults
        function.__kwdefaults__ = form.kwdefaults
        if form.code is self._originals[function].code:
            self._now.pop(function, None)
        else:
            self._now[function] = form

    def _recompute(self, function: FunctionType) -> None:
        forget_cached_calls()
        for live in self._live.values():
            if function in editable_functions(type(live.instrument)).values():
                self.mark(live.instrument)
                live.recompute()

    def mark(self, instrument: Instrument) -> None:
        """Lets an instrument know which of its functions are the reader's."""
        functions = editable_functions(type(instrument))
        instrument.edited = tuple(name for name, function in functions.items() if function in self._now)


def shown_error(error: BaseException, name: str) -> Output:
    """Returns the error in the code that replaces `name`, with the reader's own frames only."""
    if isinstance(error, EditError):
        return Output("error", str(error), error.line)
    output = error_output(error, _filename(name))
    if output.line or isinstance(error, KeyboardInterrupt):
        return output
    return Output("error", f"`{_short(name)}` ran, but its result could not be used:\n{output.body}")


def hint_about(error: BaseException, code: str = "") -> str:
    """Returns a hint for an error in the reader's `code`, as cells give it; "" if there is none."""
    hint = None if isinstance(error, EditError | KeyboardInterrupt) else hint_for(error, code)
    return hint.text if hint else ""


def _short(name: str) -> str:
    """The name of a function without its module: `ddim`, or `Exponential.alpha_bar` of a class."""
    *_, owner, own = ["", *name.split(".")]
    return f"{owner}.{own}" if owner[:1].isupper() else own


def _filename(name: str) -> str:
    return f"{CELL}{_short(name)}>"


def _form_of(function: FunctionType) -> _Form:
    return _Form(function.__code__, function.__defaults__, function.__kwdefaults__)


def _compiled(function: FunctionType, source: str) -> _Form:
    """Compiles `source`, runs it with the globals of the function's module, and returns the new form of the function.

    Raises `EditError` if `source` does not define a function that can replace it.
    """
    name, filename = function.__name__, _filename(f"{function.__module__}.{function.__qualname__}")
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    code = compile(source, filename, "exec", __future__.annotations.compiler_flag, dont_inherit=True)
    names = dict(function.__globals__)
    names.pop(name, None)
    exec(code, names)
    made = inspect.unwrap(names.pop(name)) if callable(names.get(name)) else None
    if not isinstance(made, FunctionType) or made.__code__.co_filename != filename:
        raise EditError(f"The cell must define `{name}`, as a function.")
    wanted, got = (inspect.signature(f) for f in (function, made))
    if [(p.name, p.kind) for p in wanted.parameters.values()] != [(p.name, p.kind) for p in got.parameters.values()]:
        wanted_names, got_names = (", ".join(signature.parameters) for signature in (wanted, got))
        line = made.__code__.co_firstlineno
        raise EditError(f"`{name}` is called with the parameters ({wanted_names}), this one has ({got_names}).", line)
    if made.__code__.co_freevars != function.__code__.co_freevars:
        raise EditError(
            f"`{name}` must not be a closure: it uses {', '.join(made.__code__.co_freevars)} of an enclosing function."
        )
    added = {}
    for other, value in names.items():
        if other == "__builtins__" or (other in function.__globals__ and function.__globals__[other] is value):
            continue
        if other in function.__globals__:
            raise EditError(f"The cell may change `{name}` only, and sets `{other}`, which others use too.")
        added[other] = value
    return _Form(made.__code__, made.__defaults__, made.__kwdefaults__, added)

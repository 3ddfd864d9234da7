"""The functions of an instrument that a reader may replace, by name and with their sources."""

from __future__ import annotations

import inspect
import sys
import textwrap
from functools import _lru_cache_wrapper
from types import FunctionType
from typing import TypedDict, cast

from diffusion_lab.app.instrument.instrument import Instrument

#: Folder of the instruments' code.
INSTRUMENTS = "diffusion_lab.instruments."


class Source(TypedDict):
    """A function that a reader can edit, with its code. `file`: its path in the checkout."""

    name: str
    title: str
    file: str
    code: str


def editable_functions(cls: type[Instrument]) -> dict[str, FunctionType]:
    """Name → function, in the order of `cls.editable`; a name says module and function, below `instruments`."""
    functions = [cast(FunctionType, inspect.unwrap(function)) for function in cls.editable]
    return {f"{f.__module__.removeprefix(INSTRUMENTS)}.{f.__qualname__}": f for f in functions}


def forget_cached_calls() -> None:
    """Clears the `lru_cache` of every function of the instruments. Called after a function has been replaced."""
    for name, module in list(sys.modules.items()):
        if name.startswith(INSTRUMENTS):
            for value in vars(module).values():
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


def sources(cls: type[Instrument]) -> list[Source]:
    """The source of each editable function. Called by the build, since the browser has only byte code."""
    return [
        Source(
            name=name,
            title=function.__qualname__,
            file=f"instruments/{function.__module__.removeprefix(INSTRUMENTS).replace('.', '/')}.py",
            code=textwrap.dedent(inspect.getsource(function)),
        )
        for name, function in editable_functions(cls).items()
    ]

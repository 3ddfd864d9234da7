"""The functions of an instrument that a reader may replace, by name and with their sources."""

from __future__ import annotations

import inspect
import textwrap
from types import FunctionType
from typing import TypedDict, cast

from diffusion_lab.app.instrument.component import INSTRUMENTS, Instrument


class Source(TypedDict):
    """A function as the reader finds it. `file`: where it stands in the checkout."""

    name: str
    title: str
    file: str
    code: str


def editable_functions(cls: type[Instrument]) -> dict[str, FunctionType]:
    """Name → function, in the order of `cls.editable`; a name says module and function, below `instruments`."""
    functions = [cast(FunctionType, inspect.unwrap(function)) for function in cls.editable]
    return {f"{f.__module__.removeprefix(INSTRUMENTS)}.{f.__qualname__}": f for f in functions}


def sources(cls: type[Instrument]) -> list[Source]:
    """The source of each, to be read and edited; for the build, since the browser has byte code only."""
    return [
        Source(
            name=name,
            title=function.__qualname__,
            file=f"instruments/{function.__module__.removeprefix(INSTRUMENTS).replace('.', '/')}.py",
            code=textwrap.dedent(inspect.getsource(function)),
        )
        for name, function in editable_functions(cls).items()
    ]

"""The functions of an instrument that a reader may replace, by name and with their sources.

Where a function runs in a fast form that is hard to read, the reader gets its plain form, which is in `common/plain`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from functools import _lru_cache_wrapper
from operator import attrgetter
from types import FunctionType
from typing import TypedDict, cast

from diffusion_lab.app.instrument.instrument import Instrument

#: Folder of the instruments' code.
INSTRUMENTS = "diffusion_lab.instruments."

#: Package of the plain forms; each module has the name of the one with the fast forms.
PLAIN = f"{INSTRUMENTS}common.plain"


class Source(TypedDict):
    """A function that a reader can edit, with its code.

    file: its path in the checkout. plain: whether the code is the plain form of what runs.
    """

    name: str
    title: str
    file: str
    code: str
    plain: bool


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


def plain_form(function: FunctionType) -> FunctionType | None:
    """Returns the plain form of a function, where it has one."""
    name = f"{PLAIN}.{function.__module__.rpartition('.')[2]}"
    try:
        return cast(FunctionType, attrgetter(function.__qualname__)(importlib.import_module(name)))
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
    except AttributeError:
        pass
    return None


def sources(cls: type[Instrument]) -> list[Source]:
    """The source of each editable function. Called by the build, since the browser has only byte code."""
    return [_source(name, function, plain_form(function)) for name, function in editable_functions(cls).items()]


def _source(name: str, function: FunctionType, plain: FunctionType | None) -> Source:
    return Source(
        name=name,
        title=function.__qualname__,
        file=f"instruments/{function.__module__.removeprefix(INSTRUMENTS).replace('.', '/')}.py",
        code=textwrap.dedent(inspect.getsource(plain or function)),
        plain=plain is not None,
    )

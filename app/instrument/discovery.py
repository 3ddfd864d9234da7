"""Finds instruments: each folder of `instruments/` that has a `component.py` is one."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion_lab.app.instrument.instrument import Instrument

INSTRUMENTS = Path(__file__).parents[2] / "instruments"


def instrument_names() -> list[str]:
    """Names of all instruments, in alphabetical order."""
    return sorted(path.parent.name for path in INSTRUMENTS.glob("*/component.py*"))


@cache
def instrument_class(name: str) -> type[Instrument]:
    """The component of `instruments/<name>`; raises `LookupError` for an unknown name."""
    if name not in instrument_names():
        raise LookupError(f"There is no instrument `{name}`; there is {', '.join(instrument_names())}.")
    from diffusion_lab.app.instrument.instrument import Instrument  # lazy: it needs Param

    module = importlib.import_module(f"diffusion_lab.instruments.{name}.component")
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Instrument) and value.__module__ == module.__name__
    )

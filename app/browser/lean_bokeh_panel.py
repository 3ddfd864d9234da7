"""Imports Bokeh and Panel without what they do for documentation, tests and features that no instrument has.

- Each of Bokeh's 440 models and 60 glyph methods gets a signature of all its properties, with defaults and docs, which
  takes three quarters of the time of Bokeh's import. Here a signature has the positional arguments only, which glyph
  methods need; every keyword is taken as before.
- Bokeh asks for its own version, for which Python would import a parser of letters; Panel compiles six templates of
  whole pages. Both wait until they are used.
- Panel's cache knows how to tell mocks apart, and its default theme has a colour for one widget, a number: for the sake
  of the two names Panel would import thirty modules. It gets two classes that nothing is an instance of.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import Parameter
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any


def import_bokeh_and_panel() -> None:
    """Imports `bokeh.plotting`, all of Bokeh's models, `panel` and its default theme."""
    with _stand_ins(_module("importlib.metadata", version=_version)), _short_signatures():
        importlib.import_module("bokeh.plotting")
    mock = _module("unittest.mock", Mock=_Nothing)
    with _stand_ins(_module("unittest", mock=mock), mock), _templates_when_used():
        importlib.import_module("panel")
    with _stand_ins(_module("panel.widgets.indicators", Number=_Nothing)):
        importlib.import_module("panel.theme.native")


class _Nothing:
    """In the place of a class that none of the objects here is of."""


def _version(package: str) -> str:
    """The version of an installed package, by the name of the folder that says so."""
    folders = (Path(folder).glob(f"{package}-*.dist-info") for folder in sys.path)
    return next(chain.from_iterable(folders)).stem.partition("-")[2]


@contextmanager
def _templates_when_used() -> Iterator[None]:
    """Templates that are asked for within are read when something of them is."""
    from jinja2 import Environment, Template

    get_template = Environment.get_template

    class LaterTemplate(Template):
        def __new__(cls, *_: Any) -> LaterTemplate:
            return object.__new__(cls)

        def __init__(self, environment: Environment, name: str) -> None:
            self._asked = environment, name

        def __getattr__(self, attribute: str) -> Any:
            vars(self).update(vars(get_template(*vars(self)["_asked"])))
            return object.__getattribute__(self, attribute)

    Environment.get_template = lambda environment, name: LaterTemplate(environment, name)  # type: ignore[method-assign,assignment,misc]
    try:
        yield
    finally:
        Environment.get_template = get_template  # type: ignore[method-assign]


@contextmanager
def _short_signatures() -> Iterator[None]:
    """Models that are imported within have signatures of positional arguments; what is asked later has all."""
    from bokeh.model import Model

    full = Model.__dict__["parameters"]
    Model.parameters = classmethod(_positional)
    try:
        yield
    finally:
        Model.parameters = full


def _positional(cls: Any) -> list[tuple[Parameter, str, str | None]]:
    return [(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD), "", None) for name in cls._args]


@contextmanager
def _stand_ins(*modules: ModuleType) -> Iterator[None]:
    """Imported within instead of the modules of their names, unless these are there already."""
    added = [module for module in modules if module.__name__ not in sys.modules]
    sys.modules.update({module.__name__: module for module in added})
    try:
        yield
    finally:
        for module in added:
            del sys.modules[module.__name__]


def _module(name: str, **contents: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(contents)
    return module

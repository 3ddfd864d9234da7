"""Imports Bokeh and Panel faster, by skipping work for documentation, tests and unused features.

- Bokeh gives each of its 440 models and 60 glyph methods a signature with all properties, defaults and docs, which
  takes three quarters of its import time. Here signatures have only the positional arguments, which glyph methods
  need; all keyword arguments still work.
- Bokeh looks up its own version with `importlib.metadata`, which imports the e-mail parser. Here the version is read
  from the name of the package's folder.
- Panel compiles six page templates. Here they are compiled on first use.
- Panel imports thirty modules for two class names: `Mock`, which its cache treats specially, and `Number`, a widget
  that its default theme colours. Here it gets two empty classes without instances instead.
- Panel makes a JavaScript function from text, which the pages' Content-Security-Policy forbids. The lab does not use
  that function, and it is left out.
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

IN_PYODIDE = sys.platform == "emscripten"


def import_bokeh_and_panel() -> None:
    """Imports `bokeh.plotting`, all of Bokeh's models, `panel` and its default theme, unless already imported."""
    if "panel" in sys.modules:
        return
    with _stand_ins(_module("importlib.metadata", version=_version)), _short_signatures():
        importlib.import_module("bokeh.plotting")
    mock = _module("unittest.mock", Mock=_Nothing)
    with _stand_ins(_module("unittest", mock=mock), mock), _templates_when_used(), _without_script_texts():
        importlib.import_module("panel")
        if IN_PYODIDE:
            importlib.import_module("panel.io.pyodide")
    with _stand_ins(_module("panel.widgets.indicators", Number=_Nothing)):
        importlib.import_module("panel.theme.native")


class _Nothing:
    """Replaces a class that has no instances here."""


def _version(package: str) -> str:
    """Returns the version of an installed package, from the name of its `.dist-info` folder."""
    folders = (Path(folder).glob(f"{package}-*.dist-info") for folder in sys.path)
    return next(chain.from_iterable(folders)).stem.partition("-")[2]


@contextmanager
def _templates_when_used() -> Iterator[None]:
    """Makes templates that are requested inside the block lazy: each is loaded when it is first used."""
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
def _without_script_texts() -> Iterator[None]:
    """Makes modules that are imported inside the block get None for JavaScript that they want to evaluate."""
    if not IN_PYODIDE:
        yield
        return
    from pyodide import code

    run_js, code.run_js = code.run_js, lambda text: None
    try:
        yield
    finally:
        code.run_js = run_js


@contextmanager
def _short_signatures() -> Iterator[None]:
    """Gives models that are imported inside the block signatures with positional arguments only."""
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
    """Replaces modules of the same names inside the block, unless they are already imported."""
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

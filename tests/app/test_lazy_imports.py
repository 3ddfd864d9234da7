"""Packages made lazy: the same names with the same values, loaded when they are asked for and not before."""

import ast
import importlib
import sys
from pathlib import Path

import panel
import pytest

from diffusion_lab.app.lazy_imports import LAZY, lazy_source

INIT = '''"""A package."""
from . import base, deep
from .base import A
from .deep import B as C, D
from ..other import E
from .star import *
F = A + 1
'''
PARTS = {"base": "A = 1", "deep": "B = 2\nD = 3\nloaded = True", "star": "S = 5"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes the package `outer.inner`, lazy in the given modules, and imports it."""

    def make(modules):
        inner = tmp_path / "outer/inner"
        inner.mkdir(parents=True)
        (tmp_path / "outer/__init__.py").touch()
        (tmp_path / "outer/other.py").write_text("E = 4")
        for name, source in PARTS.items():
            (inner / f"{name}.py").write_text(source)
        (inner / "__init__.py").write_text(lazy_source(INIT, modules))
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module("outer.inner")

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "outer"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("modules", "waiting"),
    [
        (frozenset(), set()),
        (frozenset({"deep"}), set()),  # `from . import base, deep` cannot wait while `base` may not
        (frozenset({"other"}), {"outer.other"}),
        (None, {"outer.other", "outer.inner.deep"}),
    ],
)
def test_only_what_may_wait_waits(package, modules, waiting):
    package(modules)
    parts = {"outer.other", "outer.inner.base", "outer.inner.deep", "outer.inner.star"}
    assert parts - set(sys.modules) == waiting


def test_every_name_is_there_with_its_value(package):
    inner = package(None)
    assert (inner.A, inner.C, inner.D, inner.E, inner.F, inner.S) == (1, 2, 3, 4, 2, 5)
    assert inner.deep.loaded and inner.base.A == 1
    from outer.inner import C, deep

    assert C == 2 and deep is sys.modules["outer.inner.deep"]


def test_a_name_that_is_not_there(package):
    inner = package(None)
    with pytest.raises(AttributeError, match=r"module 'outer\.inner' has no attribute 'G'"):
        inner.G  # noqa: B018
    with pytest.raises(ImportError):
        from outer.inner import G  # noqa: F401


def names(source: str) -> set[str]:
    """What an `__init__.py` imports, at once or later."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_LAZY":
            found |= set(ast.literal_eval(node.value))
    return found


@pytest.mark.parametrize("inside", sorted(LAZY))
def test_panel_keeps_all_its_names(inside):
    source = (Path(panel.__file__).parent.parent / inside / "__init__.py").read_text("utf-8")
    assert names(source) == names(lazy_source(source, LAZY[inside]))
    assert "_LAZY = {}" not in lazy_source(source, LAZY[inside])

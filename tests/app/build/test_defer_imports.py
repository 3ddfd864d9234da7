"""Packages made lazy: the same names with the same values, loaded when they are asked for and not before."""

import ast
import importlib
import sys
from pathlib import Path

import numpy as np
import panel
import pytest

from diffusion_lab.app.build.defer_imports import LAZY, lazy_file, lazy_source

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
        (frozenset({"deep"}), {"outer.inner.deep"}),
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
    """What a module imports, at once or later."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_LAZY":
            found |= set(ast.literal_eval(node.value))
    return found


#: Where the packages of the keys lie here; the standard library of this Python, which is older than the browser's.
ROOTS = {"site": Path(panel.__file__).parent.parent, "stdlib": Path(ast.__file__).parent}
HERE = {place: ROOTS[place.partition("/")[0]] / place.partition("/")[2] for place in LAZY}


def source_of(place: str) -> str:
    return lazy_file(HERE[place].parent, HERE[place].name).read_text("utf-8")


@pytest.mark.parametrize("place", sorted(LAZY))
def test_libraries_keep_all_their_names(place):
    before, after = names(source_of(place)), names(lazy_source(source_of(place), LAZY[place]))
    assert before - {"*"} <= after and (after == before or "*" in before)


@pytest.mark.parametrize("place", sorted(LAZY.keys() - {"stdlib/urllib/parse", "stdlib/html/parser"}))
def test_there_is_something_that_waits(place):
    """Not in modules that import it in a later Python only."""
    assert "_LAZY = {}" not in lazy_source(source_of(place), LAZY[place])


@pytest.mark.parametrize("place", sorted(LAZY))
def test_nothing_that_waits_is_used_while_the_module_is_imported(place):
    tree = ast.parse(lazy_source(source_of(place), LAZY[place]))
    later = next(ast.literal_eval(node.value) for node in tree.body if ast.unparse(node).startswith("_LAZY = "))
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    within = {id(node) for function in inner for statement in function.body for node in ast.walk(statement)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in within}
    assert not used & later.keys()


def test_numpys_old_generators_are_there_when_asked_for():
    source = lazy_source(source_of("site/numpy/random"), LAZY["site/numpy/random"])
    tree = ast.parse(source)
    later = next(ast.literal_eval(node.value) for node in tree.body if ast.unparse(node).startswith("_LAZY = "))
    assert later["MT19937"] == ("._mt19937", "MT19937") and later["RandomState"] == (".mtrand", "RandomState")
    assert set(np.random.__all__) - later.keys() == {
        *("BitGenerator", "Generator", "PCG64", "PCG64DXSM", "SeedSequence", "default_rng")
    }
    assert "_STARS = ['.mtrand']" in source  # for names of it that are in no list


USING = """
import gzip
from math import pi, tau as turn

class A:
    def m(self, x):
        if x:
            with open(x) as f:
                return gzip.compress(f.read())
        try:
            return turn
        except ValueError:
            return gzip

def f(gzip):
    return gzip, pi
"""
USING_LATER = """
class A:

    def m(self, x):
        if x:
            with open(x) as f:
                import gzip as gzip
                return gzip.compress(f.read())
        try:
            from math import tau as turn
            return turn
        except ValueError:
            import gzip as gzip
            return gzip

def f(gzip):
    from math import pi as pi
    return (gzip, pi)
"""


def test_functions_import_what_waits_where_they_use_it():
    """Not what only has the same name, and not before the path that uses it is taken."""
    made = lazy_source(USING, frozenset({"gzip", "math"}))
    assert made.partition("\n\n_LAZY")[0].strip() == USING_LATER.strip()


def test_a_star_that_waits(package):
    inner = package(frozenset({"star"}))
    assert "outer.inner.star" not in sys.modules
    assert inner.S == 5 and "outer.inner.star" in sys.modules
    with pytest.raises(AttributeError, match="no attribute 'G'"):
        inner.G  # noqa: B018

"""Python's `asyncio` with lazy event loops: the same names, and no loop is imported before one is used."""

import ast
import zipfile
from pathlib import Path

import pytest

from diffusion_lab.app.build.lazy_asyncio import LOOPS, REPLACEMENTS, make_lazy
from diffusion_lab.app.build.node_python import NodePython
from diffusion_lab.app.build.python_packs import PYODIDE

#: Runs in Pyodide, whose own `asyncio` is imported before: the rewritten one is there as `changed`.
IN_PYODIDE = f"""
import asyncio, inspect, sys
sys.path.insert(0, "/work")
import changed
LOOP = asyncio.AbstractEventLoop
waiting = [f"changed.{{name}}" for name in {LOOPS!r}]
assert not set(waiting) & set(sys.modules), sorted(sys.modules)
assert sorted(changed.__all__) == sorted(asyncio.__all__), set(changed.__all__) ^ set(asyncio.__all__)
for name in ("create_server", "subprocess_exec", "subprocess_shell"):
    ours, theirs = (inspect.signature(getattr(loop, name)) for loop in (changed.AbstractEventLoop, LOOP))
    assert list(ours.parameters) == list(theirs.parameters), name
    for parameter in ours.parameters:
        assert ours.parameters[parameter].default == theirs.parameters[parameter].default, (name, parameter)
assert changed.base_events is sys.modules["changed.base_events"]
assert changed.StreamReader is changed.streams.StreamReader
names = {{}}
exec("from changed import *", names)
assert set(asyncio.__all__) <= set(names), set(asyncio.__all__) - set(names)
assert changed.DefaultEventLoopPolicy is changed.unix_events._DefaultEventLoopPolicy
try:
    changed.no_such_name
except AttributeError:
    pass
else:
    raise AssertionError("a name that does not exist has a value")
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder with the files of the browser's standard library that are rewritten."""
    with zipfile.ZipFile(PYODIDE / "python_stdlib.zip") as archive:
        names = [name for name in archive.namelist() if name.startswith("asyncio/") or name in REPLACEMENTS]
        archive.extractall(tmp_path, names)
    return tmp_path


def test_asyncio_keeps_its_names_and_imports_no_loop(library: Path) -> None:
    make_lazy(library)
    (library / "asyncio").rename(library / "changed")
    script = library / "script.py"
    script.write_text(IN_PYODIDE)
    with NodePython(library) as python:
        python.run(str(script))


def test_the_loop_of_the_page_has_a_policy_without_sockets(library: Path) -> None:
    make_lazy(library)
    (policy,) = (
        node
        for node in ast.walk(ast.parse((library / "pyodide/webloop.py").read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.name == "WebLoopPolicy"
    )
    assert ast.unparse(policy.bases[0]) == "asyncio.events._BaseDefaultEventLoopPolicy"


@pytest.mark.parametrize("place", ["asyncio/__init__.py", *REPLACEMENTS])
def test_a_file_that_an_upgrade_has_changed_is_named(library: Path, place: str) -> None:
    (library / place).write_text("pass\n")
    with pytest.raises(ValueError, match=f"{place} has no .* any more"):
        make_lazy(library)

"""Makes `asyncio` import its event loops, which work with sockets and processes, when one of their names is first used.

The browser's event loop is Pyodide's; the loops of the standard library are a tenth of its byte code that a start would
download and run for nothing. `import asyncio` otherwise imports them: for the star imports of its `__init__`, for
default values in `asyncio.events`, and for the base class of Pyodide's event loop policy.
"""

from __future__ import annotations

import ast
from pathlib import Path

#: Submodules of `asyncio` that wait until they or one of their public names are used.
LOOPS = ("base_events", "streams", "subprocess", "unix_events")

#: File → replacements, each of which must occur. The numbers are those of the browser's `socket` and `subprocess`.
REPLACEMENTS = {
    "asyncio/events.py": {
        "\nimport socket\n": "\n",
        "\nimport subprocess\n": "\n",
        "=socket.AF_UNSPEC": "=0",
        "=socket.AI_PASSIVE": "=1",
        "=subprocess.PIPE": "=-1",
    },
    "pyodide/webloop.py": {
        "(asyncio.DefaultEventLoopPolicy)": "(asyncio.events._BaseDefaultEventLoopPolicy)",
    },
}

INIT = """
def __getattr__(name):
    from importlib import import_module

    if name in _LATER:
        module = import_module(_LATER[name], __name__)
        globals()[name] = module if _LATER[name] == f".{name}" else getattr(module, name)
        return globals()[name]
    if name == "DefaultEventLoopPolicy":
        import_module(".unix_events", __name__)
    return _former_getattr(name)
"""


def make_lazy(standard_library: Path) -> None:
    """Rewrites `asyncio` and Pyodide's loop in a folder. Raises ValueError if a file is not as this module expects."""
    for place, replacements in REPLACEMENTS.items():
        path = standard_library / place
        source = path.read_text("utf-8")
        for old, new in replacements.items():
            source = _replaced(source, old, new, place)
        path.write_text(source, "utf-8")
    init = standard_library / "asyncio/__init__.py"
    init.write_text(_lazy_init(init.parent), "utf-8")


def _lazy_init(package: Path) -> str:
    """Returns the source of `asyncio/__init__.py` without the star imports of `LOOPS`, with the same `__all__`."""
    source = (package / "__init__.py").read_text("utf-8")
    later: dict[str, str] = {}
    for module in LOOPS:
        source = _replaced(source, f"from .{module} import *", "pass", "asyncio/__init__.py")
        names = _public_names(package / f"{module}.py")
        source = _replaced(source, f"{module}.__all__", repr(names), "asyncio/__init__.py")
        later |= dict.fromkeys((module, *names), f".{module}")
    source = _replaced(source, "def __getattr__(", "def _former_getattr(", "asyncio/__init__.py")
    return f"{source}\n\n_LATER = {later!r}\n{INIT}"


def _public_names(path: Path) -> tuple[str, ...]:
    """Returns what the module assigns to `__all__`. What it adds under a condition is for Unix sockets, which the
    browser does not have.
    """
    for statement in ast.parse(path.read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return tuple(ast.literal_eval(statement.value))
    raise ValueError(f"asyncio/{path.name} has no `__all__`.")


def _replaced(source: str, old: str, new: str, place: str) -> str:
    if old not in source:
        raise ValueError(f"{place} has no {old.strip()!r} any more: compare it with `app/build/lazy_asyncio.py`.")
    return source.replace(old, new)

"""Makes packages load parts of themselves when they are asked for, not when the package is imported.

`import panel` brings in all its widgets, panes and templates, which an instrument has no use for: a tenth of the time
and of the bytes of a start. Here such a package's `__init__.py` is rewritten for the browser: the import statements
named below become a module's `__getattr__` (PEP 562), so that each name is there as before, only later. What looks
over all subclasses of a class (`pn.panel(value)` choosing a pane) finds those that have been loaded: instruments name
theirs.
"""

from __future__ import annotations

import ast
from pathlib import Path

#: Package → its modules that come when asked for; None: all that stand in relative imports, but `base`.
LAZY: dict[str, frozenset[str] | None] = {
    "panel": frozenset({"chat", "interact", "param", "pipeline", "template", "widgets"}),
    "panel/chat": None,
    "panel/pane": None,
    "panel/template": None,
    "panel/theme": None,
    "panel/widgets": None,
}

GETATTR = """

def __getattr__(name):
    try:
        module, attribute = _LAZY[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    import importlib

    value = importlib.import_module(module, __name__)
    if attribute is not None:
        value = getattr(value, attribute)
    globals()[name] = value
    return value
"""


def make_lazy(site: Path) -> None:
    """Rewrites the packages of `LAZY` below `site`."""
    for package, modules in LAZY.items():
        path = site / package / "__init__.py"
        path.write_text(lazy_source(path.read_text("utf-8"), modules), "utf-8")


def lazy_source(source: str, modules: frozenset[str] | None) -> str:
    """The source of an `__init__.py` whose relative imports of `modules` wait until their names are asked for."""
    tree = ast.parse(source)
    later: dict[str, tuple[str, str | None]] = {}
    now: list[ast.stmt] = []
    for statement in tree.body:
        names = _later(statement, modules)
        later |= names
        if not names:
            now.append(statement)
    tree.body = now
    return f"{ast.unparse(tree)}\n\n_LAZY = {later!r}\n{GETATTR}"


def _later(statement: ast.stmt, modules: frozenset[str] | None) -> dict[str, tuple[str, str | None]]:
    """Name → (module, its attribute or None for the module itself) of an import that can wait; else nothing."""
    if not isinstance(statement, ast.ImportFrom) or not statement.level or statement.names[0].name == "*":
        return {}
    dots = "." * statement.level
    if statement.module is None:
        found: dict[str, tuple[str, str | None]] = {a.asname or a.name: (dots + a.name, None) for a in statement.names}
        wanted = {alias.name for alias in statement.names}
    else:
        found = {a.asname or a.name: (dots + statement.module, a.name) for a in statement.names}
        wanted = {statement.module}
    return found if (wanted <= modules if modules is not None else wanted != {"base"}) else {}

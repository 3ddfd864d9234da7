"""Makes imports of third-party packages lazy: a submodule is imported when one of its names is first used.

`import panel` imports all its widgets, panes and templates, and `import numpy` imports LAPACK and legacy generators.
Instruments need none of these, and they cost a quarter of the start's time and download. The files of such packages are
therefore rewritten for the browser. The import statements listed below are replaced by a module `__getattr__` (PEP
562), so every name still exists. Functions of the file that use such a name import it themselves. Limit: code that
looks through all subclasses of a class (`pn.panel(value)`, which chooses a pane) sees only the ones already imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Package or module → modules whose import becomes lazy, as written in its import statements without leading dots.
#: None: the modules of all relative imports, except `base` and those imported with `*`.
LAZY: dict[str, frozenset[str] | None] = {
    "site/bokeh/core/has_props": frozenset({"difflib"}),
    "site/bokeh/core/property/visual": frozenset({"tempfile"}),
    "site/bokeh/core/serialization": frozenset({"gzip"}),
    "site/bokeh/io/export": frozenset({"tempfile"}),
    "site/bokeh/io/util": frozenset({"tempfile"}),
    "site/bokeh/models/renderers/glyph_renderer": frozenset({"difflib"}),
    "site/bokeh/models/tools": frozenset({"difflib"}),
    "site/bokeh/settings": frozenset({"yaml"}),
    "site/bokeh/themes/theme": frozenset({"yaml"}),
    "site/bokeh/util/browser": frozenset({"webbrowser"}),
    "site/bokeh/util/token": frozenset({"calendar"}),
    "site/jinja2/bccache": frozenset({"tempfile"}),
    "site/numpy/_core": frozenset({"_add_newdocs", "_add_newdocs_scalars"}),
    "site/numpy/_core/_methods": frozenset({"pickle"}),
    "site/numpy/lib/_format_impl": frozenset({"pickle"}),
    "site/numpy/lib/_npyio_impl": frozenset({"pickle"}),
    "site/numpy/lib/_utils_impl": frozenset({"platform"}),
    "site/numpy/linalg/_linalg": frozenset({"numpy.linalg._umath_linalg"}),
    "site/numpy/random": frozenset({"_mt19937", "_philox", "_pickle", "_sfc64", "mtrand"}),
    "site/panel": frozenset({"chat", "interact", "param", "pipeline", "template", "widgets"}),
    "site/panel/chat": None,
    "site/panel/io/profile": frozenset({"tempfile"}),
    "site/panel/io/state": frozenset({"shutil"}),
    "site/panel/pane": None,
    "site/panel/reactive": frozenset({"difflib", "pprint"}),
    "site/panel/template": None,
    "site/panel/theme": None,
    "site/panel/widgets": None,
    "site/param/version": frozenset({"subprocess"}),
    "stdlib/html": frozenset({"html.entities"}),
    "stdlib/html/parser": frozenset({"html.entities"}),
    "stdlib/secrets": frozenset({"base64", "hmac"}),
    "stdlib/urllib/parse": frozenset({"ipaddress"}),
}

#: Fields of a syntax tree node that contain nested statements.
BLOCKS = ("body", "orelse", "finalbody", "handlers")

#: Name → (module, its attribute or None for the module itself).
Names = dict[str, tuple[str, str | None]]

GETATTR = """

def __getattr__(name):
    import importlib

    sources = [_LAZY[name]] if name in _LAZY else [(star, name) for star in _STARS if name[0] != "_"]
    for module, attribute in sources:
        value = importlib.import_module(module, __name__)
        if attribute is None or hasattr(value, attribute):
            globals()[name] = value if attribute is None else getattr(value, attribute)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
"""


def make_lazy(tree: Path) -> None:
    """Rewrites the files of `LAZY` below `tree`."""
    for place, modules in LAZY.items():
        path = lazy_file(tree, place)
        path.write_text(lazy_source(path.read_text("utf-8"), modules), "utf-8")


def lazy_file(tree: Path, place: str) -> Path:
    """Returns the file of a key of `LAZY`."""
    package = tree / place / "__init__.py"
    return package if package.exists() else tree / f"{place}.py"


def lazy_source(source: str, modules: frozenset[str] | None) -> str:
    """Returns the source with lazy imports of `modules`; None as in `LAZY`."""
    tree = ast.parse(source)
    unbound = sorted(_exported(tree) - _bound(tree.body))  # names that only a star import can define
    at_once = _used_at_once(tree.body)
    later: Names = {}
    stars: list[str] = []
    now: list[ast.stmt] = []
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            now.append(statement)
            continue
        waiting = [
            alias
            for alias in statement.names
            if _may_wait(statement, alias, modules) and (alias.asname or alias.name) not in at_once
        ]
        for alias in waiting:
            later |= _names(statement, alias, unbound)
            if isinstance(statement, ast.ImportFrom) and alias.name == "*":
                stars.append("." * statement.level + _module_of(statement, alias))
        statement.names = [alias for alias in statement.names if alias not in waiting]
        if statement.names:
            now.append(statement)
    tree.body = now
    for function in _functions(now):
        own = _bound([function])
        _import_where_used(function, {name: source for name, source in later.items() if name not in own})
    return f"{ast.unparse(tree)}\n\n_LAZY = {later!r}\n_STARS = {stars!r}\n{GETATTR}"


def _used_at_once(statements: Iterable[ast.stmt]) -> set[str]:
    """Returns the names that are used while the module is imported; function bodies do not count."""
    used = set()
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            parts: list[ast.AST] = [*statement.decorator_list, statement.args]
        elif isinstance(statement, ast.ClassDef):
            used |= _used_at_once(statement.body)
            parts = [*statement.decorator_list, *statement.bases, *statement.keywords]
        else:
            parts = [statement]
        used |= {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}
    return used


def _may_wait(statement: ast.Import | ast.ImportFrom, alias: ast.alias, modules: frozenset[str] | None) -> bool:
    module = _module_of(statement, alias)
    if modules is not None:
        return module in modules
    relative = isinstance(statement, ast.ImportFrom) and statement.level > 0
    return relative and module != "base" and alias.name != "*"


def _module_of(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """Returns the module that an alias of an import statement refers to.

    For `from . import a` it is `a`, for an absolute `from x import _a` it is `x._a`, otherwise the statement's module.
    """
    if isinstance(statement, ast.Import) or statement.module is None:
        return alias.name
    of_module = f"{statement.module}.{alias.name}"
    return of_module if not statement.level and alias.name.startswith("_") else statement.module


def _names(statement: ast.Import | ast.ImportFrom, alias: ast.alias, unbound: Iterable[str]) -> Names:
    """Returns the names that an alias of an import statement binds; a star binds all `unbound` names."""
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name: (alias.name, None)}
    dots, name = "." * statement.level, alias.asname or alias.name
    module = _module_of(statement, alias)
    if alias.name == "*":
        return {name: (dots + module, name) for name in unbound}
    if module.rpartition(".")[2] == alias.name:
        return {name: (dots + module, None)}
    return {name: (dots + module, alias.name)}


def _exported(tree: ast.Module) -> set[str]:
    """Returns the names in `__all__`."""
    lists = [node.value for node in tree.body if isinstance(node, ast.Assign | ast.AugAssign) and _is_all(node)]
    items = [item.value for value in lists for item in ast.walk(value) if isinstance(item, ast.Constant)]
    return {item for item in items if isinstance(item, str)}


def _is_all(node: ast.Assign | ast.AugAssign) -> bool:
    target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
    return isinstance(target, ast.Name) and target.id == "__all__"


def _bound(statements: Iterable[ast.stmt]) -> set[str]:
    """Returns the names that are bound anywhere in these statements."""
    bound = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                bound |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
    return bound


def _import_where_used(parent: ast.AST, later: Names) -> None:
    """Inserts an import statement before each statement within `parent` that uses a name of `later`."""
    for field, value in ast.iter_fields(parent):
        if field in BLOCKS:
            for child in value:
                _import_where_used(child, later)
        if field in BLOCKS and field != "handlers":
            value[:] = [s for child in value for s in (*_imports_for(child, later), child)]


def _imports_for(statement: ast.stmt, later: Names) -> list[ast.stmt]:
    return [_import_of(name, *later[name]) for name in sorted(_loaded(statement) & later.keys())]


def _loaded(node: ast.AST) -> set[str]:
    """Returns the names that a statement itself uses, without its nested statements."""
    if isinstance(node, ast.Name):
        return {node.id}
    children = ((field, child) for field, value in ast.iter_fields(node) for child in _nodes(value))
    return {name for field, child in children if field not in BLOCKS for name in _loaded(child)}


def _nodes(value: object) -> list[ast.AST]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, ast.AST)]


def _functions(statements: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Yields the functions of a module and the methods of its classes."""
    for statement in statements:
        if isinstance(statement, ast.FunctionDef):
            yield statement
        elif isinstance(statement, ast.ClassDef):
            yield from _functions(statement.body)


def _import_of(name: str, module: str, attribute: str | None) -> ast.stmt:
    package, _, last = module.rpartition(".")
    if attribute:
        statement = f"from {module} import {attribute} as {name}"
    elif module.startswith("."):
        statement = f"from {package or '.'} import {last} as {name}"
    else:
        statement = f"import {module} as {name}"
    return ast.parse(statement).body[0]

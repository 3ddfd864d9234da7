"""The Python files of the lab, and what each imports by its syntax tree."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAB = "diffusion_lab"
COMMON = f"{LAB}.instruments.common"


def imported(path: str, source: str, *, top_level: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that `source`, standing at `path` of the checkout, imports."""
    package = [LAB, *Path(path).parent.parts]
    tree = ast.parse(source)
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            origin += node.module.split(".") if node.module else []
            yield from ((node.lineno, ".".join([*origin, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(name := node.args[0], ast.Constant):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__"):
                yield node.lineno, name.value


def within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def sources() -> Iterator[tuple[str, str]]:
    for top in ("app", "instruments"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
    yield "build.py", (ROOT / "build.py").read_text("utf-8")

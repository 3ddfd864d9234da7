"""Listings: Python code that readers run elsewhere. The build parses it, and names the packages that it needs."""

from __future__ import annotations

import ast
import difflib
import sys

#: A package that listings may import → its name in the text.
PACKAGES = {"torch": "PyTorch", "diffusers": "Diffusers"}


def imported(code: str) -> list[tuple[str, int]]:
    """Returns the top-level modules that the code imports, each with its line; raises `SyntaxError`."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [(alias.name.partition(".")[0], node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((str(node.module).partition(".")[0], node.lineno))
    return found


def needs(code: str) -> str:
    """Returns what the code needs, in words. Raises `SyntaxError`, or `ValueError` with the message and the line."""
    modules = imported(code)
    for module, line in modules:
        if module not in PACKAGES and module not in sys.stdlib_module_names:
            near = difflib.get_close_matches(module, PACKAGES, 1)
            meant = f"did you mean `{near[0]}`? A listing" if near else "a listing"
            allowed = f"{', '.join(PACKAGES)} and the standard library"
            raise ValueError(f"`{module}` is not known; {meant} may import {allowed}.", line)
    used = [name for module, name in PACKAGES.items() if module in {module for module, _ in modules}]
    if not used:
        raise ValueError("A listing is for code that a browser cannot run; write this one as a `cell`.", 1)
    return " and ".join(used)

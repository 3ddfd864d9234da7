"""Hints for names that a cell has given another value: a module such as `np`, or one of the lab's own functions."""

from __future__ import annotations

import ast
import types

from diffusion_lab.app.cells.hints.names import USUAL_IMPORTS, Hint
from diffusion_lab.app.cells.hints.operands import Place
from diffusion_lab.app.cells.hints.wording import with_article

#: Functions that cells have without an import.
OWN_FUNCTIONS = ("show", "plot_line", "plot_scatter", "plot_hist", "plot_image")


def replaced_hint(error: BaseException, place: Place | None) -> Hint | None:
    """Returns a hint for `np.exp` after `np = 3` and `plot_line(…)` after `plot_line = 3`; None for other errors."""
    node = place.node if place and isinstance(error, AttributeError | TypeError) else None
    owner = node.value if isinstance(node, ast.Attribute) else node.func if isinstance(node, ast.Call) else None
    if isinstance(owner, ast.Attribute):  # the call of a function in a module
        owner = owner.value
    if place is None or not isinstance(owner, ast.Name) or owner.id not in place.frame.f_globals:
        return None
    name, value = owner.id, place.frame.f_globals[owner.id]
    is_now = f"A cell has given `{name}` another value: it is {with_article(type(value).__name__)} now."
    statement = USUAL_IMPORTS.get(name, "")
    if statement.startswith("import") and not isinstance(value, types.ModuleType):
        return Hint(f"{is_now} Write `{statement}` again, or restart Python and choose another name.", "hint_restart")
    if name in OWN_FUNCTIONS and not callable(value):
        return Hint(f"{is_now} `del {name}` brings the lab's function back, and so does a restart.", "hint_restart")
    return None

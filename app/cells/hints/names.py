"""Hints for names, attributes, modules and keys that do not exist."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffusion_lab.app.cells.hints.operands import UNKNOWN, Place, names_made
from diffusion_lab.app.cells.hints.wording import capital, is_function, listed, nearest, quoted, with_article

#: Usual short names → the import statement that defines them.
USUAL_IMPORTS = {
    "np": "import numpy as np",
    "math": "import math",
    "random": "import random",
    "time": "import time",
    "pn": "import panel as pn",
    "param": "import param",
    "dataclass": "from dataclasses import dataclass",
    "sqrt": "from math import sqrt",
    "exp": "from math import exp",
    "log": "from math import log",
    "pi": "from math import pi",
    "sin": "from math import sin",
    "cos": "from math import cos",
    "partial": "from functools import partial",
}
#: Constants of other languages → Python's.
OTHER_WORDS = {"true": "True", "false": "False", "null": "None", "nil": "None", "none": "None", "NULL": "None"}
#: Built-in names that are never suggested, because beginners do not use them.
RARE = {
    "aiter",
    "anext",
    "ascii",
    "breakpoint",
    "bytearray",
    "compile",
    "copyright",
    "credits",
    "license",
    "memoryview",
}
#: Why a page's Python cannot do what other Pythons can.
ONE_THREAD = "A page's Python has one thread and one process. Call the function directly, or in a loop."
NO_NETWORK = "A page's Python cannot connect to other computers. Write the data into the cell."
#: Well-known packages that the page does not have → an alternative.
ABSENT = {
    "matplotlib": "`plot_line`, `plot_scatter` and `plot_hist` draw without any import.",
    "seaborn": "`plot_line`, `plot_scatter` and `plot_hist` draw without any import.",
    "scipy": "NumPy can replace many of its functions.",
    "pandas": "Columns can be kept in a dict of NumPy arrays.",
    "requests": NO_NETWORK,
    "httpx": NO_NETWORK,
    "aiohttp": NO_NETWORK,
    "urllib3": NO_NETWORK,
    "tqdm": r"Print the progress instead: `print(f'\r{k} of {n}', end='')` overwrites its own line.",
    "multiprocessing": ONE_THREAD,
    "_multiprocessing": ONE_THREAD,
    "torch": "The lab's networks are written with NumPy: see `diffusion_lab.instruments.common.networks`.",
}
#: Usual short names of such packages.
ABSENT_SHORT = {"plt": "matplotlib", "mpl": "matplotlib", "sns": "seaborn", "pd": "pandas"}


@dataclass(frozen=True)
class Hint:
    """A hint for the reader. `kind`: hint, hint_above if running earlier cells would fix the error, hint_restart."""

    text: str
    kind: Literal["hint", "hint_above", "hint_restart"] = "hint"


def name_hint(error: NameError, place: Place | None, code: str, above: Sequence[tuple[str, str]]) -> Hint | None:
    """Returns a hint for an undefined name: from another cell, another language, a module, or misspelt."""
    name = error.name or ""
    if isinstance(error, UnboundLocalError):
        if match := re.search(r"variable '(\w+)'", str(error)):
            name = match[1]
        return Hint(
            f"The function assigns to `{name}`, which makes `{name}` a local variable, and it is read here before it"
            " has a value. Pass it as an argument, or use another name for the new value."
        )
    for cell, source in reversed(above):  # the nearest earlier cell is the most likely
        if name in names_made(source):
            return Hint(f"`{name}` is defined in cell {cell}, above. Run that cell first.", "hint_above")
    line = names_made(code).get(name)
    if line and place and line > place.line:
        return Hint(f"`{name}` is defined only on line {line}, below. Python runs a cell from top to bottom.")
    if name in OTHER_WORDS:
        return Hint(f"Python writes `{OTHER_WORDS[name]}`.")
    if module := ABSENT_SHORT.get(name):
        return Hint(f"`{name}` stands for `{module}`, which is not in this page's Python. {ABSENT[module]}")
    if name in USUAL_IMPORTS:
        return Hint(f"Write `{USUAL_IMPORTS[name]}` at the top of the cell.")
    if name in sys.stdlib_module_names:
        return Hint(f"Write `import {name}` at the top of the cell.")
    known = {
        *(vars(builtins).keys() - RARE),
        *(place.frame.f_globals if place else ()),
        *(place.frame.f_locals if place else ()),
    }
    if near := nearest(name, (n for n in known if not n.startswith("__"))):
        return Hint(f"Is `{name}` meant to be `{near}`?")
    return Hint(f"`{name}` is not defined. Put a text in quotes; give a variable a value first, as in `{name} = …`.")


def attribute_hint(error: AttributeError, place: Place | None) -> str | None:
    """Returns a hint for an attribute that an object does not have."""
    node, name = place.node if place else None, error.name or ""
    owner = place.value(node.value) if place and isinstance(node, ast.Attribute) else UNKNOWN
    owner = error.obj if owner is UNKNOWN and name else owner
    if match := re.search(r"module '\w+' has no attribute '(\w+)'", str(error)):
        name = match[1]
    shown = quoted(node.value, "the value") if isinstance(node, ast.Attribute) else "the value"
    if owner is None:
        return (
            f"{capital(shown)} is `None`, which has no `{name}`. A function without `return` gives `None`, and so do"
            " methods that change a list in place, such as `sort` and `append`."
        )
    if name in ("float", "int", "bool", "object", "str") and owner is np:
        return f"NumPy has removed `np.{name}`: write `{name}`."
    if isinstance(owner, list | tuple | int | float) and hasattr(np.ndarray, name):
        kind = type(owner).__name__
        return f"{capital(shown)} is {with_article(kind)}, not an array: `np.array({shown.strip('`')}).{name}` works."
    if is_function(owner):
        return f"{capital(shown)} is a function. To use its result, call it: `{shown.strip('`')}(...)`."
    names = vars(owner) if isinstance(owner, types.ModuleType) else [*dir(type(owner)), *getattr(owner, "__dict__", ())]
    if near := nearest(name, (n for n in names if not n.startswith("_"))):
        return f"Is `.{name}` meant to be `.{near}`?"
    return None


def import_hint(error: ImportError, place: Place | None) -> str | None:
    """Returns a hint for a module, or a name in a module, that does not exist."""
    module = (error.name or "").split(".")
    if isinstance(error, ModuleNotFoundError):
        if module[0] in ABSENT:
            return f"`{module[0]}` is not in this page's Python. {ABSENT[module[0]]}"
        known = {*sys.stdlib_module_names, "numpy", "bokeh", "panel", "param", "diffusion_lab"}
        if len(module) == 1 and (near := nearest(module[0], known)):
            return f"Is `{module[0]}` meant to be `{near}`?"
        return "This page's Python has its standard library, NumPy, Bokeh, Panel and the lab's own `diffusion_lab`."
    if module[0] == "pyodide":  # the lab leaves out what fetches files and packages
        return NO_NETWORK
    if module[0] == "js":  # as `webbrowser` does
        return "A cell's Python runs in a worker of the browser, which has no page and no window."
    wanted = re.search(r"cannot import name '(\w+)'", str(error))
    names = vars(sys.modules.get(error.name or "", types.ModuleType("none")))
    near = wanted and nearest(wanted[1], (n for n in names if not n.startswith("_")))
    return f"Is `{wanted[1]}` meant to be `{near}`?" if wanted and near else None


def key_hint(error: KeyError, place: Place | None) -> str | None:
    """Returns a hint for a key that a dict does not contain."""
    node = place.node if place else None
    if not place or not isinstance(node, ast.Subscript) or not error.args:
        return None
    owner, key = place.value(node.value), error.args[0]
    if type(owner) is not dict:
        return None
    shown = quoted(node.value, "The dict")
    if not owner:
        return f"{shown} is empty."
    words = [k for k in owner if type(k) is str]
    if type(key) is str and (near := nearest(key, words)):
        return f"{shown} has no key `{key!r}`. Is it meant to be `{near!r}`?"
    keys = listed(owner)
    return f"The keys of {shown} are {keys}." if keys else None

"""Code completion and signature help for cells, from the names that are defined at the moment.

It never runs the reader's code: attributes are looked up statically, without calling properties.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import pkgutil
import re
import sys
import types
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from diffusion_lab.app.cells.hints.operands import UNKNOWN, attribute

#: Packages that a cell can import besides the standard library.
PACKAGES = ("bokeh", "diffusion_lab", "numpy", "panel", "param")
#: A list with more options than this shows only names and kinds, because describing all of them would take too long.
MAX_DESCRIBED = 80
#: Maximum length, in characters, of a documentation line beside a name.
MAX_SIGNS = 70

CHAIN = re.compile(r"((?:[^\W\d]\w*\s*\.\s*)*)((?:[^\W\d]\w*)?)$")
IMPORT = re.compile(r"^\s*import\s+(?:[\w.]+(?:\s+as\s+\w+)?\s*,\s*)*([\w.]*)$")
FROM = re.compile(r"^\s*from\s+([\w.]*)$")
FROM_IMPORT = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+\(?(?:[\w\s]+,\s*)*(\w*)$")


@dataclass(frozen=True)
class Option:
    """One completion; `kind` is a kind of CodeMirror's, `detail` a short text, `info` a sentence.

    Options with a higher `boost` are listed first.
    """

    label: str
    kind: str
    detail: str = ""
    info: str = ""
    boost: int = 0


@dataclass(frozen=True)
class Completion:
    """Completions, each of which replaces the last `length` characters before the cursor."""

    length: int
    options: list[Option]

    def as_dict(self) -> dict[str, Any]:
        """Returns plain dicts, to be sent to the page."""
        return asdict(self)


@dataclass(frozen=True)
class Signature:
    """The call around the cursor: the function's name, its parameters as text, and the first sentence of its docs.

    `current` is the index of the parameter that is being written, -1 if none matches.
    """

    name: str
    parameters: list[str]
    current: int
    doc: str

    def as_dict(self) -> dict[str, Any]:
        """Returns a plain dict, to be sent to the page."""
        return asdict(self)


def complete(before: str, namespace: dict[str, Any]) -> Completion | None:
    """Returns completions for the text `before` the cursor; None inside string literals and comments."""
    place = _Place.read(before)
    if place.in_text:
        return None
    namespace = namespace | _imported(before)
    line = before.rpartition("\n")[2]
    if match := FROM_IMPORT.match(line):
        return _completion(match[2], _members(_module(match[1])) | _submodules(match[1]))
    if match := IMPORT.match(line) or FROM.match(line):
        package, _, word = match[1].rpartition(".")
        return _completion(word, _submodules(package) if package else _top_modules())
    chain, word = CHAIN.search(before).groups()  # type: ignore[union-attr]  # the pattern fits anything
    if chain:
        value = _resolve(re.split(r"\s*\.\s*", chain)[:-1], namespace)
        in_module = isinstance(value, types.ModuleType)
        return None if value is UNKNOWN else _completion(word, _members(value), methods=not in_module)
    if before[: len(before) - len(word)].endswith((".", *"0123456789")):
        return None  # a number, or an attribute of an expression that is not a plain name
    arguments = _arguments(place, namespace)
    general = {**_builtins(word), **dict.fromkeys(keyword.kwlist, KEYWORD)}
    own = _completion(word, {name: value for name, value in namespace.items() if not name.startswith("__")}).options
    others = [option for option in _completion(word, general).options if option.label not in namespace]
    known = {option.label for option in [*own, *others]}
    written = [Option(name, "text") for name in _written(before) if _fits(word, name) and name not in known]
    own = [replace(option, boost=1) for option in [*own, *written]]
    return Completion(len(word), [*(o for o in arguments if _fits(word, o.label)), *own, *others])


def signature_at(before: str, namespace: dict[str, Any]) -> Signature | None:
    """Returns the call whose parentheses enclose the cursor, right after the text `before`; None if there is none."""
    place = _Place.read(before)
    function = _callee(place, namespace | _imported(before))
    if function is None:
        return None
    parameters = _parameters(function)
    if parameters is None:
        return None
    call = place.call
    assert call is not None  # it has a function
    return Signature(call.callee.split(".")[-1], parameters, _current(parameters, call), _doc(function))


# --- where the cursor is ---------------------------------------------------------------------------------------------


@dataclass
class _Bracket:
    """An open bracket: its sign, the name before it ("" if none), and the arguments so far."""

    sign: str
    callee: str
    arguments: list[str] = field(default_factory=lambda: [""])


@dataclass
class _Place:
    """The position of the cursor: whether it is in a string literal or comment, and the open brackets."""

    in_text: bool
    brackets: list[_Bracket]

    @property
    def call(self) -> _Bracket | None:
        """The innermost call; brackets that only group expressions are skipped."""
        for bracket in reversed(self.brackets):
            if bracket.callee:
                return bracket if bracket.sign == "(" else None
        return None

    @classmethod
    def read(cls, before: str) -> _Place:
        brackets: list[_Bracket] = []
        position, line_start = 0, 0
        while position < len(before):
            sign = before[position]
            if match := re.compile(r"'''|\"\"\"|'|\"").match(before, position):
                end = _end_of_text(before, match[0], match.end())
                if end < 0:
                    return cls(True, brackets)
                _add(brackets, "''")
                position = end
                continue
            if sign == "#":
                end = before.find("\n", position)
                if end < 0:
                    return cls(True, brackets)
                position = end
                continue
            if sign in "([{":
                _add(brackets, sign)
                head = re.search(r"(?:(def|class)\s+)?([\w.]+)$", before[line_start:position])
                brackets.append(_Bracket(sign, head[2] if head and not head[1] else ""))
            elif sign in ")]}" and brackets:
                brackets.pop()
                _add(brackets, sign)
            elif sign == "," and brackets:
                brackets[-1].arguments.append("")
            else:
                _add(brackets, sign)
            if sign == "\n":
                line_start = position + 1
            position += 1
        return cls(False, brackets)


def _add(brackets: list[_Bracket], text: str) -> None:
    if brackets:
        brackets[-1].arguments[-1] += text


def _end_of_text(before: str, quote: str, start: int) -> int:
    """Returns the index after the end of a string literal that `quote` opened; -1 if it is still open."""
    position = start
    while position < len(before):
        if before[position] == "\\":
            position += 2
        elif before.startswith(quote, position):
            return position + len(quote)
        elif before[position] == "\n" and len(quote) == 1:
            return position  # unterminated: it ends with the line
        else:
            position += 1
    return -1


# --- looking up names ------------------------------------------------------------------------------------------------

KEYWORD = object()


def _resolve(names: list[str], namespace: dict[str, Any]) -> Any:
    """Returns the value of `a.b.c`, looked up statically; `UNKNOWN` if that is not possible."""
    first, *rest = (name.strip() for name in names)
    value = namespace.get(first, vars(builtins).get(first, UNKNOWN))
    for name in rest:
        value = _member(value, name)
    return value


def _member(owner: Any, name: str) -> Any:
    if isinstance(owner, types.ModuleType) and owner.__name__.split(".")[0] in PACKAGES:
        return getattr(owner, name, UNKNOWN)  # these libraries import some submodules lazily
    return attribute(owner, name)


def _members(value: Any) -> dict[str, Any]:
    """Returns name → attribute of a value, those of its classes included."""
    if isinstance(value, types.ModuleType):
        return {**dict.fromkeys(vars(value).get("_LAZY", ()), UNKNOWN), **vars(value)}
    found: dict[str, Any] = {}
    for cls in reversed((value if isinstance(value, type) else type(value)).__mro__):
        found |= vars(cls)
    own = inspect.getattr_static(value, "__dict__", {})
    if not isinstance(value, type) and hasattr(type(own), "__get__"):
        own = getattr(value, "__dict__", {})
    found = found | dict(own) if isinstance(own, dict) else found
    if type(value) is np.ndarray:  # show the values of these attributes, which readers look for most
        found |= {name: getattr(value, name) for name in ("shape", "dtype", "size", "ndim")}
    return found


def _builtins(word: str) -> dict[str, Any]:
    """Returns Python's built-in names; exception classes only if `word` begins with a capital letter."""
    wanted = word[:1].isupper()
    return {n: v for n, v in vars(builtins).items() if wanted or not (isinstance(v, type) and n[:1].isupper())}


def _module(name: str) -> types.ModuleType:
    return sys.modules.get(name, types.ModuleType(name))


def _submodules(package: str) -> dict[str, Any]:
    paths = list(vars(_module(package)).get("__path__", ()))
    return {found.name: _module(f"{package}.{found.name}") for found in pkgutil.iter_modules(paths)}


def _top_modules() -> dict[str, Any]:
    return {name: _module(name) for name in (*sys.stdlib_module_names, *PACKAGES)}


def _imported(before: str) -> dict[str, Any]:
    """Returns name → value of the imports in the text, if the modules are loaded; the cell need not have run."""
    found: dict[str, Any] = {}
    for line in re.findall(r"^[ \t]*((?:import|from)[ \t].*)", before, flags=re.M):
        try:
            (statement,) = ast.parse(line).body
        except (SyntaxError, ValueError):  # incomplete, or several statements on one line
            continue
        for alias in statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else ():
            if isinstance(statement, ast.Import):
                module = alias.name if alias.asname else alias.name.split(".")[0]
                found[alias.asname or module] = sys.modules.get(module, UNKNOWN)
            elif not statement.level and alias.name != "*":
                value = _member(sys.modules.get(statement.module or "", UNKNOWN), alias.name)
                found[alias.asname or alias.name] = value
    return {name: value for name, value in found.items() if value is not UNKNOWN}


def _written(before: str) -> list[str]:
    """Returns the names in the text, without the word at the cursor."""
    code = re.sub(r"#.*|'[^'\n]*'|\"[^\"\n]*\"", "", before)
    return sorted(set(re.findall(r"(?<![\w.])[^\W\d]\w+(?=\W)", code)) - set(keyword.kwlist))


# --- options ---------------------------------------------------------------------------------------------------------


def _fits(word: str, label: str) -> bool:
    return label.casefold().startswith(word.casefold())


def _completion(word: str, values: dict[str, Any], *, methods: bool = False) -> Completion:
    names = sorted(name for name in values if _fits(word, name) and name.startswith("_") <= word.startswith("_"))
    described = len(names) <= MAX_DESCRIBED
    return Completion(len(word), [_option(name, values[name], methods, described) for name in names])


def _option(name: str, value: Any, methods: bool, described: bool) -> Option:
    if value is KEYWORD:
        return Option(name, "keyword")
    if value is UNKNOWN:
        return Option(name, "namespace")
    if isinstance(value, type):
        kind = "class"
    elif isinstance(value, types.ModuleType):
        kind = "namespace"
    elif callable(value) or isinstance(value, staticmethod | classmethod):
        kind = "method" if methods else "function"
    else:
        kind = "property" if methods else "variable"
    return Option(name, kind, _detail(value), _doc(value)) if described else Option(name, kind)


def _detail(value: Any) -> str:
    """Returns a short description of a value, without running code of its class."""
    if type(value) is np.ndarray:
        return f"array {value.shape}"
    if type(value) in (int, float, bool, str) or isinstance(value, np.generic):
        return _cut(str(value) if not isinstance(value, str) else repr(value), 24)
    if isinstance(value, np.dtype) or (type(value) is tuple and all(type(item) is int for item in value)):
        return _cut(str(value), 24)
    if type(value) in (list, tuple, dict, set):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, types.FunctionType):
        return _cut(f"({', '.join(text for text in _parameters(value) or () if text != 'self')})", 40)
    return ""


def _arguments(place: _Place, namespace: dict[str, Any]) -> list[Option]:
    """Returns the parameter names of the call around the cursor that have no argument yet."""
    function = _callee(place, namespace)
    parameters = (_parameters(function) if function is not None else None) or []
    given = place.call.arguments if parameters and place.call else []
    taken = {argument.split("=")[0].strip() for argument in given if "=" in argument}
    names = [
        re.split(r"[=:]", parameter)[0].strip() for parameter in parameters if not parameter.startswith(("*", "/"))
    ]
    free = [name for k, name in enumerate(names) if name not in taken and k >= len(given) - 1 - len(taken)]
    return [Option(f"{name}=", "property", "argument", boost=2) for name in free]


def _callee(place: _Place, namespace: dict[str, Any]) -> Any:
    """Returns the function of the innermost call; None if there is none."""
    if place.call is None:
        return None
    value = _resolve(place.call.callee.split("."), namespace)
    kinds = types.FunctionType | types.MethodType | types.BuiltinFunctionType | type | np.ufunc
    plain = isinstance(value, kinds) or type(value) is type(np.array) or hasattr(type(value), "_implementation")
    return value if plain and value is not UNKNOWN else None


def _parameters(function: Any) -> list[str] | None:
    """Returns the parameters of a function as texts; None if they are unknown."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return _documented_parameters(function)
    texts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(text.startswith("*") for text in texts):
            texts.append("*")
        texts.append(str(parameter.replace(annotation=parameter.empty)))
    return texts


def _documented_parameters(function: Any) -> list[str] | None:
    """Returns the parameters of a compiled function, parsed from the first line of its docstring; None if absent."""
    doc = function.__doc__ if isinstance(function.__doc__, str) else ""
    match = re.match(r"\w+\(([^()]*(?:\([^()]*\)[^()]*)*)\)", doc.strip())
    return [text.strip(" []") for text in match[1].split(",") if text.strip(" []")] if match else None


def _current(parameters: list[str], call: _Bracket) -> int:
    """Returns the index in `parameters` of the argument that is being written; -1 if none matches."""
    names = [re.split(r"[=:]", text)[0].strip().lstrip("*") for text in parameters]
    named = re.match(r"\s*(\w+)\s*=(?!=)", call.arguments[-1])
    if named:
        return names.index(named[1]) if named[1] in names else -1
    count = len(call.arguments) - 1
    positional = [k for k, text in enumerate(parameters) if text != "/"]
    for k in positional:
        if parameters[k].startswith("*"):  # `*args` takes all further arguments, a bare `*` and `**kwargs` take none
            return k if len(parameters[k]) > 1 and parameters[k][1] != "*" else -1
        if count == 0:
            return k
        count -= 1
    return -1


def _doc(value: Any) -> str:
    """Returns the first line of the documentation of a function, class or module, without a signature."""
    documented = types.FunctionType | types.MethodType | types.BuiltinFunctionType | type | types.ModuleType | np.ufunc
    if not isinstance(value, documented) and not hasattr(type(value), "_implementation"):
        return ""
    doc = value.__doc__ if isinstance(value.__doc__, str) else ""
    lines = [line.strip() for line in doc.strip().splitlines()]
    text = next((line for line in lines if line and not re.match(r"[\w.]+\(.*\)?( ->.*)?$", line)), "")
    return _cut(text, MAX_SIGNS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

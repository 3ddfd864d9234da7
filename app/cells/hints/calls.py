"""Hints for calls with wrong arguments and operators with operands of unsupported types."""

from __future__ import annotations

import ast
import builtins
import inspect
import re

from diffusion_lab.app.cells.hints.arrays import format_hint
from diffusion_lab.app.cells.hints.operands import Place, operands_of
from diffusion_lab.app.cells.hints.wording import capital, is_function, nearest, quoted, with_article


def type_hint(error: TypeError, place: Place | None) -> str | None:
    """Returns a hint for a call with wrong arguments or an operator with operands of unsupported types."""
    message = str(error)
    node = place.node if place else None
    if re.search(
        r"unexpected keyword|positional argument|required keyword-only|takes no (?:keyword )?arguments", message
    ):
        return _arguments(message, place)
    if match := re.search(r"'([\w.]+)' object is not callable", message):
        return _not_callable(match[1], place)
    if match := re.search(r"unsupported operand type\(s\) for (\S+): '([\w.]+)' and '([\w.]+)'", message):
        return _operator(match[1], match[2], match[3], place)
    if "bitwise_xor" in message:
        return "Write a power with `**`, as in `x ** 2`. The operator `^` does something else."
    if re.search(r"can't multiply sequence by non-int|bad operand type for unary", message):
        return "Lists do not support arithmetic. Convert the list to an array: `np.array(...)`."
    if match := re.search(r'can only concatenate (\w+) \(not "(\w+)"\)', message):
        if match[1] == "str":
            return 'A text can be joined only with another text. To insert a value, use an f-string: `f"x is {x}"`.'
        return (
            f"`+` joins a {match[1]} only with another {match[1]}. For arithmetic, make it an array: `np.array(...)`."
        )
    if match := re.search(r"'(\w+)' object is not subscriptable", message):
        if is_function(place.value(node.value)) if place and isinstance(node, ast.Subscript) else False:
            return f"{capital(quoted(node.value, 'it'))} is a function: call it with round brackets."  # type: ignore[union-attr]
        return f"Square brackets pick an item, but this is {with_article(match[1])}, which has no items."
    if match := re.search(r"cannot unpack non-iterable (\w+) object|'(\w+)' object is not iterable", message):
        kind = match[1] or match[2]
        if kind == "int":
            return "A single number cannot be looped over or unpacked. To count up to `n`, write `range(n)`."
        return f"This is {with_article(kind)}, which has no items to loop over."
    if match := re.search(r"list indices must be integers or slices, not (\w+)", message):
        if match[1] == "tuple":
            return "A list takes one index: write `x[i][j]`, or convert it to an array with `np.array(x)`."
        return f"An index must be a whole number, and this is {with_article(match[1])}. `//` is whole-number division."
    if re.search(r"cannot be interpreted as an integer|expected a sequence of integers", message):
        return "A whole number is needed here. `int(...)` cuts off the fraction; `//` is whole-number division."
    if "unsupported format string" in message:
        return format_hint(message)
    if "format string" in message or "format: a " in message:
        return 'The values after `%` must fit the formats, in number and kind. Simpler is an f-string: `f"{x:.2f}"`.'
    if "as a data type" in message:
        return "The shape of a new array is one argument: `np.zeros((3, 4))`, with two pairs of brackets."
    if re.search(r"only (?:length-1|0-dimensional) arrays can be converted", message):
        return "This function takes one number. For arrays, use NumPy's functions: `np.exp`, `np.sqrt`, `np.log`."
    if match := re.search(r"'(\S+)' not supported between instances of '(\w+)' and '(\w+)'", message):
        if "list" in match.groups():
            return "A list cannot be compared with a number. Make it an array: `np.array(...)`."
        return f"`{match[1]}` cannot compare {with_article(match[2])} with {with_article(match[3])}."
    if "does not support item assignment" in message:
        return "Its items cannot be changed. Convert it to a list or an array first: `list(...)`, `np.array(...)`."
    if match := re.search(r"unhashable type: '(\w+)'", message):
        return f"A key of a dict or an item of a set cannot be {with_article(match[1])}. Use a tuple."
    if match := re.search(r"object of type '(\w+)' has no len", message):
        return f"This is {with_article(match[1])}, which has no length."
    if "Cannot cast ufunc" in message:
        return "The array contains whole numbers and cannot store fractions. Convert it first: `x = x.astype(float)`."
    if "has no callable" in message:
        return "The array contains objects that are not numbers. Look at its `.dtype`."
    return None


def _arguments(message: str, place: Place | None) -> str | None:
    """Returns the signature of a function that was called with wrong arguments."""
    node = place.node if place else None
    if not place or not isinstance(node, ast.Call):
        return None
    function = place.value(node.func)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    takes = f"It is called as `{ast.unparse(node.func)}{_short(signature)}`."
    if match := re.search(r"unexpected keyword argument '(\w+)'", message):
        near = nearest(match[1], signature.parameters)
        return f"{takes} Is `{match[1]}` meant to be `{near}`?" if near else takes
    if match := re.search(r"missing \d+ required \S+ arguments?: (.+)", message):
        return f"{takes} Missing: {match[1].replace(chr(39), '`')}."
    return takes


def _short(signature: inspect.Signature) -> str:
    """Returns a signature without annotations."""
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def _not_callable(kind: str, place: Place | None) -> str | None:
    node = place.node if place else None
    if not place or not isinstance(node, ast.Call):
        return None
    shown = quoted(node.func, "it")
    if kind == "module":
        return f"{capital(shown)} is a module; the function is inside it, as in `np.exp(x)`."
    if isinstance(node.func, ast.Name) and hasattr(builtins, node.func.id) and node.func.id in place.frame.f_globals:
        name = node.func.id
        hides = f"`{name}` was given a value, which hides Python's own `{name}`."
        return f"{hides} Use another name; `del {name}` restores it."
    if kind in ("numpy.ndarray", "list", "tuple", "dict", "str"):
        return f"{capital(shown)} is {with_article(kind)}, not a function. To pick an item, write `x[0]`."
    if kind in ("int", "float") or kind.startswith("numpy."):
        return f"{capital(shown)} is a number, not a function. To multiply, write `*`."
    return f"{capital(shown)} is {with_article(kind)}, not a function."


def _operator(sign: str, left: str, right: str, place: Place | None) -> str | None:
    kinds = {left, right}
    sides = operands_of(place.node) if place else None
    for side, kind in zip(sides or (), (left, right), strict=False):
        if kind in ("function", "builtin_function_or_method", "method", "type"):
            text = quoted(side, "one side")
            return f"{capital(text)} is a function, not its result. Call it: `{text.strip('`')}(...)`."
    if sign.startswith("^"):
        return "Write a power with `**`, as in `x ** 2`. The operator `^` does something else."
    if "NoneType" in kinds:
        return "One side is `None`, perhaps from a function without `return` or a method that changes a list in place."
    if kinds & {"list", "tuple"}:
        return "Lists do not support arithmetic. Convert the list to an array: `np.array(...)`."
    if "str" in kinds:
        return "One side is a text. If it contains a number, convert it with `float(...)`."
    return None

"""Hints for shapes, indices and numbers."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from diffusion_lab.app.cells.hints.operands import UNKNOWN, Place, operands_of
from diffusion_lab.app.cells.hints.wording import capital, quoted, with_article

#: For an array or a list that does not fit into memory.
TOO_LARGE = "This needs more memory than a page may use. Make the arrays smaller, or process them in parts."


def value_hint(error: ValueError, place: Place | None) -> str | None:
    """Returns a hint for a wrong value, mostly for arrays whose shapes do not match."""
    message = str(error)
    if "truth value of an array" in message:
        return (
            "An array has one truth value for each entry, not one for all. Use `.any()` or `.all()`, `np.where` to"
            " choose entry by entry, and `&`, `|` instead of `and`, `or`."
        )
    if re.search(r"broadcast|mismatch in its core dimension|not aligned|does not have enough dimensions", message):
        return _shapes(message, place)
    if match := re.search(r"cannot reshape array of size (\d+) into shape \(([^)]*)\)", message):
        return (
            f"The array has {match[1]} entries, so the product of the new shape must be {match[1]}. One number of the"
            " shape may be `-1`: NumPy then computes it."
        )
    if re.search(r"inhomogeneous shape|setting an array element with a sequence", message):
        return "All rows of an array have the same length. Here they differ, or an entry is itself a list."
    if "must have the same shape" in message or "dimensions except for the concatenation axis" in message:
        return "Arrays can be joined only if all other axes have the same lengths. Print the `.shape` of each."
    if match := re.search(r"(too many|not enough) values to unpack \(expected (?:at least )?(\d+)", message):
        return _unpacking(int(match[2]), match[1] == "too many", place)
    if match := re.search(r"invalid literal for int\(\) with base 10: (.+)", message):
        return f"`int` accepts whole numbers only. `float({match[1]})` also accepts a decimal point."
    if match := re.search(r"could not convert string to float: (.+)", message):
        return f"The text {match[1]} is not a number in Python's notation, such as `0.5` or `1e-3`."
    if re.search(r"array is too big|Maximum allowed (?:dimension|size) exceeded", message):
        return TOO_LARGE
    if re.search(r"[Ff]ormat specifier|[Uu]nknown format code|format spec", message):
        return format_hint(message)
    if re.search(r"math domain error|expected a (?:positive|nonnegative) input", message):
        return "A square root needs a number that is not negative, a logarithm one above 0."
    return None


def format_hint(message: str) -> str:
    """Returns a hint for a wrong format, in an f-string or in `format`."""
    if match := re.search(r"passed to ([\w.]+)\.__format__", message):
        if match[1] == "numpy.ndarray":
            return "A format such as `.2f` is for one number. For an array write `x.round(2)`, or format each entry."
        return f"A format such as `.2f` is for a number, and this is {with_article(match[1])}."
    if match := re.search(r"format code '(\w)' for object of type '(\w+)'", message):
        if match[1] in "dxbo" and match[2] == "float":
            return f"The format `{match[1]}` is for whole numbers. `.0f` shows a float without decimals."
        if match[2] == "str":
            return f"The format `{match[1]}` is for numbers, and this is a text. Convert it: `float(...)`."
    return (
        "After the colon comes a format, such as `.3f` (three decimals), `.2e` (with a power of ten) or `8d` (width 8)."
    )


def _shapes(message: str, place: Place | None) -> str | None:
    sides = operands_of(place.node) if place else None
    shapes = [place.shape(side) for side in sides] if place and sides else []
    named = [tuple(map(int, re.findall(r"\d+", text))) for text in re.findall(r"\((\d[\d,\s]*)\)", message)]
    if not sides or None in shapes:
        if len(named) < 2 or "(n?" in message:
            return "The shapes do not fit. Print the `.shape` of each array of this line."
        rule = "Shapes fit if, compared from the right, the numbers are equal or one of them is 1."
        return f"One has shape {named[0]}, the other {named[1]}. {rule}"
    (left, right), (a, b) = sides, shapes
    x, y = quoted(left, "the left side"), quoted(right, "the right side")
    assert a is not None and b is not None  # checked above
    has = f"{capital(x)} has shape {a}, {y} has {b}."
    if "matmul" in message or "not aligned" in message:
        return f"{has} {_product_advice(x, y, a, b)}"
    if "could not broadcast input array" in message:
        return f"{has} A value that is assigned to a part of an array must have the shape of that part."
    return f"{has} {_broadcast_advice(x, y, a, b)}"


def _product_advice(x: str, y: str, a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if not a or not b:
        return "`@` multiplies matrices and vectors; for a plain number write `*`."
    rule = f"The last number on the left, {a[-1]}, must equal the first on the right, {b[-2] if len(b) > 1 else b[0]}."
    if len(b) == 2 and a[-1] == b[1]:
        return f"{rule} `{x.strip('`')} @ {y.strip('`')}.T` would fit." if "`" in x and "`" in y else rule
    if len(a) == 2 and a[0] == b[-2 if len(b) > 1 else 0]:
        return f"{rule} `{x.strip('`')}.T @ {y.strip('`')}` would fit." if "`" in x and "`" in y else rule
    return rule


def _broadcast_advice(x: str, y: str, a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if len(a) == len(b) == 1 and "`" in x:
        name = x.strip("`")
        return (
            f"To combine them entry by entry, they must have the same length. To combine every pair, make a column:"
            f" `{name}[:, None]`. The result then has shape {(a[0], b[0])}."
        )
    for name, shape, other in ((x, a, b), (y, b, a)):
        if "`" in name and len(shape) == 1 and len(other) == 2 and shape[0] == other[0]:
            return f"To use one number for each row, make a column: `{name.strip('`')}[:, None]`."
    return "Compared from the right, the numbers must be equal, or one of them must be 1."


def _unpacking(wanted: int, too_many: bool, place: Place | None) -> str:
    shape = place.shape(place.node.value) if place and isinstance(place.node, ast.Assign) else None
    there = f"{shape[0]}" if shape else "more" if too_many else "fewer"
    advice = " Write `*rest` as the last name to collect the other values." if too_many else ""
    return f"There are {wanted} names on the left of `=`, but {there} values.{advice}"


def index_hint(error: IndexError, place: Place | None) -> str | None:
    """Returns a hint for an index that is out of range or not an integer."""
    message = str(error)
    node = place.node if place else None
    owner = place.value(node.value) if place and isinstance(node, ast.Subscript) else UNKNOWN
    shown = quoted(node.value, "it") if isinstance(node, ast.Subscript) else "it"
    if match := re.search(r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)", message):
        size = int(match[3])
        which = shown if shown != "it" else "the array"
        along = f"Along axis {match[2]}, {which} has {size} entries"
        return f"{along}, numbered 0 to {size - 1}." if size else f"{along}: it is empty."
    if match := re.search(r"array is (\d+)-dimensional, but (\d+) were indexed", message):
        shape = f" Its shape is {owner.shape}." if isinstance(owner, np.ndarray) else ""
        axes = "one axis" if match[1] == "1" else f"{match[1]} axes"
        return f"{capital(shown)} has {axes} and got {match[2]} indices.{shape}"
    if "integers" in message:
        return (
            "An index must be a whole number. `/` always gives a float. `//` is whole-number division; `int(...)` cuts"
            " off the fraction."
        )
    if type(owner) in (list, tuple, str):
        size = len(owner)
        if not size:
            return f"{capital(shown)} is empty."
        items = "item, number 0" if size == 1 else f"items, numbered 0 to {size - 1}"
        return f"{capital(shown)} has {size} {items}; the last is also `[-1]`."
    return None


def zero_hint(error: ZeroDivisionError, place: Place | None) -> str | None:
    """Returns a hint for a division by zero."""
    node = place.node if place else None
    divisor = node.right if isinstance(node, ast.BinOp) else node.value if isinstance(node, ast.AugAssign) else None
    if divisor is None or isinstance(divisor, ast.Constant):
        return "Nothing can be divided by zero."
    return f"{capital(quoted(divisor, 'the divisor'))} is 0 here."


def overflow_hint(error: OverflowError, place: Place | None) -> str | None:
    """Returns a hint for a number that is too large."""
    if "index-sized integer" in str(error):
        return TOO_LARGE
    if "out of bounds for" in str(error) or "too large to convert" in str(error):
        return "NumPy's whole numbers have a fixed size, at most 2**63 - 1. For larger ones use `float`."
    return "The result exceeds the largest float, about 1.8e308. For a product of many numbers, add their logarithms."


def nan_hint(values: dict[str, Any]) -> str | None:
    """Returns a hint if an array contains nan or inf, because NumPy continues where Python would raise an error."""
    for name, array in values.items():
        if type(array) is not np.ndarray or array.dtype.kind not in "fc" or array.size > 2_000_000:
            continue
        nans, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        found = [f"{count} {word}" for count, word in ((nans, "nan"), (infinite, "inf")) if count]
        if found:
            return (
                f"`{name}` holds {' and '.join(found)}. NumPy does not stop at a division by zero, the logarithm of"
                " 0 or an `exp` that is too large: look for one of these."
            )
    return None

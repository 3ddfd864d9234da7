"""Helpers that format names and values in hints."""

from __future__ import annotations

import ast
import difflib
import types
from collections.abc import Iterable
from typing import Any

import numpy as np

#: Maximum number of names shown of a list.
MAX_NAMED = 8

#: Maximum length of a quoted expression, in characters.
MAX_QUOTED = 32


def quoted(node: ast.AST, otherwise: str) -> str:
    """Returns an expression as the reader wrote it, in back-ticks; `otherwise` if it is long."""
    text = ast.unparse(node)
    return f"`{text}`" if len(text) <= MAX_QUOTED else otherwise


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Returns the most similar of `names`, or None; one that differs only in case comes first."""
    known = sorted(set(names))
    same = [n for n in known if n.casefold() == name.casefold()]
    return next(iter(same or difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)


def is_function(value: Any) -> bool:
    """Returns whether a value is a function, method or ufunc, which the reader may have forgotten to call."""
    return isinstance(value, types.FunctionType | types.MethodType | types.BuiltinFunctionType | np.ufunc)


def listed(items: Iterable[Any]) -> str:
    """Returns the first items in back-ticks and the number of further ones; skips all but texts and numbers."""
    names = [f"`{item!r}`" for item in items if type(item) in (str, int, float, bool)]
    return ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")


def with_article(kind: str) -> str:
    """Returns the name of a type with its article, such as “a whole number” for int."""
    words = {"int": "whole number", "float": "number", "str": "text", "numpy.ndarray": "array", "NoneType": "`None`"}
    word = words.get(kind, kind)
    return word if word.startswith("`") else f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def capital(text: str) -> str:
    """Returns the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]

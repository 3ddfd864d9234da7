"""What the sentences of hints are made of."""

from __future__ import annotations

import ast
import difflib
import types
from collections.abc import Iterable
from typing import Any

import numpy as np

#: How many names of a longer list are told.
MAX_NAMED = 8

#: Longer expressions are not quoted.
MAX_QUOTED = 32


def quoted(node: ast.AST, otherwise: str) -> str:
    """An expression as the reader wrote it, in back-ticks; `otherwise` where it is long."""
    text = ast.unparse(node)
    return f"`{text}`" if len(text) <= MAX_QUOTED else otherwise


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that `name` is most like, if any: the case of letters counts little."""
    known = sorted(set(names))
    same = [n for n in known if n.casefold() == name.casefold()]
    return next(iter(same or difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)


def is_function(value: Any) -> bool:
    """Whether it is a function, a method or a ufunc, which a reader may have forgotten to call."""
    return isinstance(value, types.FunctionType | types.MethodType | types.BuiltinFunctionType | np.ufunc)


def listed(items: Iterable[Any]) -> str:
    """The first items, in back-ticks, and how many more there are; only those whose `repr` is Python's own."""
    names = [f"`{item!r}`" for item in items if type(item) in (str, int, float, bool)]
    return ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")


def with_article(kind: str) -> str:
    """The name of a type with its article, in words where there is one."""
    words = {"int": "whole number", "float": "number", "str": "text", "numpy.ndarray": "array", "NoneType": "`None`"}
    word = words.get(kind, kind)
    return word if word.startswith("`") else f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def capital(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]

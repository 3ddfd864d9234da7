"""Formats the value of a cell's last line: arrays and dataclasses as small tables, long values abbreviated.

All text from the reader's values is escaped, so that none of it is interpreted as HTML.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

#: Maximum number of rows and columns of a table; a larger array shows its first and last ones.
MAX_ROWS, MAX_COLUMNS = 8, 8
#: Maximum number of fields of a dataclass or items of a dict.
MAX_ITEMS = 20
#: Maximum length of a text in characters; the middle of a longer one is left out.
MAX_SIGNS = 4000
#: Maximum length of a text inside a table, in characters.
MAX_SHORT = 60


def value_html(value: Any) -> str | None:
    """Returns an array, dataclass or dict of arrays as HTML; None for values to be shown as text (`value_text`)."""
    if type(value) is np.ndarray and value.ndim:
        return _array(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr]
        return _pairs(type(value).__name__, fields)
    if type(value) is dict and any(type(item) is np.ndarray for item in value.values()):
        return _pairs("dict", value.items())
    return None


def value_text(value: Any) -> str:
    """Returns the `repr` of a value (the plain number for a NumPy scalar), without the middle of a very long one."""
    text = str(value) if isinstance(value, np.generic) else repr(value)
    if len(text) <= MAX_SIGNS:
        return text
    half = MAX_SIGNS // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} more characters …\n{text[-half:]}"


def _array(array: np.ndarray) -> str:
    kind = f"array, shape {array.shape}, {array.dtype}"
    if array.ndim == 2 and array.size and array.dtype.kind in "biufc":
        return _table(array, kind)
    with np.printoptions(precision=4, threshold=60, edgeitems=6, linewidth=76, suppress=True):
        body = escape(str(array))
    return f'<p class="kind">{escape(kind)}</p><pre>{body}</pre>'


def _table(array: np.ndarray, kind: str) -> str:
    """Returns a matrix as a table with row and column numbers; the middle of a large one is left out."""
    rows, columns = (_kept(size, most) for size, most in zip(array.shape, (MAX_ROWS, MAX_COLUMNS), strict=True))
    head = "".join("<td>…</td>" if j is None else f'<th scope="col">{j}</th>' for j in columns)
    lines = [f"<tr><td></td>{head}</tr>"]
    for i in rows:
        if i is None:
            lines.append("<tr>" + "<td>⋮</td>" * (len(columns) + 1) + "</tr>")
            continue
        cells = "".join(f"<td>{'…' if j is None else _number(array[i, j])}</td>" for j in columns)
        lines.append(f'<tr><th scope="row">{i}</th>{cells}</tr>')
    return f'<table class="array"><caption>{escape(kind)}</caption>{"".join(lines)}</table>'


def _kept(size: int, most: int) -> list[int | None]:
    """Returns the indices of the first and last rows, with None for the omitted ones in between."""
    if size <= most:
        return list(range(size))
    half = most // 2
    return [*range(half), None, *range(size - half, size)]


def _number(value: Any) -> str:
    return escape(f"{value:.4g}" if isinstance(value, np.inexact) else str(value))


def _pairs(kind: str, pairs: Iterable[tuple[Any, Any]]) -> str:
    """Returns names and values as a table, one pair per row."""
    pairs = list(pairs)
    rows = [f'<tr><th scope="row">{escape(_short(name, str))}</th><td>{escape(_short(item))}</td></tr>'
            for name, item in pairs[:MAX_ITEMS]]  # fmt: skip
    if len(pairs) > MAX_ITEMS:
        rows.append(f'<tr><th scope="row">…</th><td>{len(pairs) - MAX_ITEMS} more</td></tr>')
    return f'<table class="pairs"><caption>{escape(kind)}</caption>{"".join(rows)}</table>'


def _short(value: Any, say: Any = repr) -> str:
    """Returns a one-line description of a value."""
    if type(value) is np.ndarray and value.size > 6:
        with np.printoptions(precision=3, threshold=1, edgeitems=2, suppress=True):
            ends = f" {value}" if value.ndim == 1 and value.dtype.kind in "biufc" else ""
        return f"array, shape {value.shape}, {value.dtype}{ends}"
    text = " ".join((str(value) if isinstance(value, np.generic) else say(value)).split())
    return text if len(text) <= MAX_SHORT else f"{text[: MAX_SHORT - 1]}…"

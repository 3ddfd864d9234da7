"""How the value of a cell's last line looks: arrays and dataclasses as small tables, everything long abbreviated.

All that comes from the reader's values is escaped: no text of theirs becomes markup.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

#: Rows and columns of a table, first and last ones of a longer array together.
MAX_ROWS, MAX_COLUMNS = 8, 8
#: Fields of a dataclass or items of a dict.
MAX_ITEMS = 20
#: Signs of any text; beyond, the middle is left out.
MAX_SIGNS = 4000
#: Signs of a text inside a table.
MAX_SHORT = 60


def value_html(value: Any) -> str | None:
    """Arrays, dataclasses and dicts as HTML; None for what is better shown as text (`value_text`)."""
    if type(value) is np.ndarray and value.ndim:
        return _array(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr]
        return _pairs(type(value).__name__, fields)
    if type(value) is dict and any(type(item) is np.ndarray for item in value.values()):
        return _pairs("dict", value.items())
    return None


def value_text(value: Any) -> str:
    """The `repr` of a value, the middle left out where it is very long; a NumPy number as plain as Python's."""
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
    """The corners of a matrix, with its row and column numbers."""
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
    """The numbers of the first and the last rows, None for those between."""
    if size <= most:
        return list(range(size))
    half = most // 2
    return [*range(half), None, *range(size - half, size)]


def _number(value: Any) -> str:
    return escape(f"{value:.4g}" if isinstance(value, np.inexact) else str(value))


def _pairs(kind: str, pairs: Iterable[tuple[Any, Any]]) -> str:
    """Names and values, a line each."""
    pairs = list(pairs)
    rows = [f'<tr><th scope="row">{escape(_short(name, str))}</th><td>{escape(_short(item))}</td></tr>'
            for name, item in pairs[:MAX_ITEMS]]  # fmt: skip
    if len(pairs) > MAX_ITEMS:
        rows.append(f'<tr><th scope="row">…</th><td>{len(pairs) - MAX_ITEMS} more</td></tr>')
    return f'<table class="pairs"><caption>{escape(kind)}</caption>{"".join(rows)}</table>'


def _short(value: Any, say: Any = repr) -> str:
    """One line about a value."""
    if type(value) is np.ndarray and value.size > 6:
        with np.printoptions(precision=3, threshold=1, edgeitems=2, suppress=True):
            ends = f" {value}" if value.ndim == 1 and value.dtype.kind in "biufc" else ""
        return f"array, shape {value.shape}, {value.dtype}{ends}"
    text = " ".join((str(value) if isinstance(value, np.generic) else say(value)).split())
    return text if len(text) <= MAX_SHORT else f"{text[: MAX_SHORT - 1]}…"

"""The settings of an instrument as plain data: for its embed page, which checks messages by them, and for teachers.

The page's scripts read them as `Setting` of `static/js/embed/schema.js`.
"""

from __future__ import annotations

from typing import Any

import param

from diffusion_lab.app.instrument.instrument import Instrument

#: Options of an embed page's address, which no setting may be named like. The same list as in `embed/options.js`.
EMBED_OPTIONS = (
    "theme", "layout", "show", "hide", "lock", "menu", "measures", "start", "question", "title", "lang", "statements",
    "origin",
)  # fmt: skip


def settings_table(cls: type[Instrument]) -> list[dict[str, Any]]:
    """One entry per setting, in order: name, label, doc, kind, default, and the values that it accepts.

    kind: "number" or "whole" (with low, high, step), "switch", "choice" (with options, pairs of value and label) or
    "text" (with pattern). symbol, unit: beside the label. on_picture: the setting is moved on the picture; the panel
    has no control for it.
    """
    initial = cls().initial
    return [_entry(cls.param[name], name, initial[name]) for name in cls.settings()]


def _entry(p: param.Parameter, name: str, default: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": name,
        "label": p.label,
        "doc": p.doc,
        "default": default,
        "symbol": p.control.symbol,
        "unit": p.control.unit,
        "on_picture": p.control.kind == "none",
    }
    if isinstance(p, param.Boolean):
        return entry | {"kind": "switch"}
    if isinstance(p, param.Selector):
        return entry | {"kind": "choice", "options": [[value, p.control.labels[value]] for value in p.objects]}
    if isinstance(p, param.Number):
        low, high = p.bounds
        whole = isinstance(p, param.Integer)
        return entry | {"kind": "whole" if whole else "number", "low": low, "high": high, "step": p.step or 1}
    return entry | {"kind": "text", "pattern": p.regex}

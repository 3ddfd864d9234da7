"""`instruments/NAME/examples.toml`: what tests and benchmarks of all instruments need to know of one.

[texts]                     # a value beside the default of each text setting
[[together]]                # settings that act only together
[[edits]]                   # function, find, replace: a change to an editable function;
                            # moves: readings and layers that it changes; state: settings in which it does
[[drags]]                   # name, setting, state: a slider that a benchmark drags; slow: long work follows
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from diffusion_lab.app.instrument.discovery import INSTRUMENTS


@dataclass(frozen=True)
class Edit:
    """A change to the source of an editable function, and what it moves."""

    function: str
    find: str
    replace: str
    moves: list[str]
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Drag:
    """A slider that is dragged in a state."""

    name: str
    setting: str
    state: dict[str, Any] = field(default_factory=dict)
    slow: bool = False


@dataclass(frozen=True)
class Examples:
    """All of one instrument."""

    texts: dict[str, str] = field(default_factory=dict)
    together: list[dict[str, Any]] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    drags: list[Drag] = field(default_factory=list)


@cache
def examples(name: str) -> Examples:
    """Those of the instrument `name`; none where it has no file."""
    path = INSTRUMENTS / name / "examples.toml"
    found = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    edits, drags = ([kind(**entry) for entry in found.pop(key, [])] for kind, key in ((Edit, "edits"), (Drag, "drags")))
    return Examples(edits=edits, drags=drags, **found)

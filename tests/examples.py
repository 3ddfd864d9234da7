"""Reads `instruments/NAME/examples.toml`: data that tests and benchmarks of all instruments need of each one.

[quick]                     # settings with which a survey of all others is quick
[texts]                     # a second value of each text setting
[[together]]                # settings that have an effect only together
[[edits]]                   # function, find, replace: a change to an editable function;
                            # moves: readings and layers that it changes; state: settings in which it does
[[drags]]                   # name, setting, state: a slider that a benchmark drags; slow: it starts long work
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_class


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
    """The examples of one instrument."""

    quick: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    together: list[dict[str, Any]] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    drags: list[Drag] = field(default_factory=list)


@cache
def examples(name: str) -> Examples:
    """Returns the examples of the instrument `name`; empty if it has no file."""
    path = INSTRUMENTS / name / "examples.toml"
    found = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    for entry in [*found.get("edits", []), *found.get("drags", [])]:
        entry["state"] = _typed(name, entry.get("state", {}))
    return Examples(
        quick=_typed(name, found.pop("quick", {})),
        texts=found.pop("texts", {}),
        together=[_typed(name, state) for state in found.pop("together", [])],
        edits=[Edit(**entry) for entry in found.pop("edits", [])],
        drags=[Drag(**entry) for entry in found.pop("drags", [])],
        **found,  # a table of another name is a mistake
    )


def _typed(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return instrument_class(name).parse_state({setting: as_text(value) for setting, value in state.items()})

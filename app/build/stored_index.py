"""Stored states: pictures and texts of presets, computed at build time, for where Python is not live.

A page loads one when a preset is pressed, or when its address asks for it. A place of an instrument, in a chapter or on
the instrument's own page, has an index: which settings over the place's lead to which stored state. Equal states are
one file, whichever presets lead to them.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.chapter_tree import Chapter, InstrumentSlot, instrument_of
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import INSTRUMENTS

#: All settings of an instrument, or some, as texts.
State = dict[str, str]

#: The key of the instrument's own page among its places.
ALONE = ""

#: The module that finds and draws states, in fresh processes.
STATES = "diffusion_lab.app.build.stored_states"


@dataclass(frozen=True)
class Stored:
    """The stored states of an instrument.

    pictures: file contents, by number; indexes: place (`ALONE`, or "chapter slot") → pairs of settings over those of
    the place, and the number of the state that they lead to.
    """

    pictures: list[str]
    indexes: dict[str, list[tuple[State, int]]]


def store_states(name: str, chapters: Sequence[Chapter], of: Callable[..., Any], each: Callable[..., Any]) -> Stored:
    """Computes the stored states of an instrument from its presets in the chapters and its examples.

    `of` and `each`: those of a `BuildCache`; so a preset that has not changed is not computed again.
    """
    places = {
        f"{chapter.slug} {slot.name}": [
            slot.state,
            [[preset.state, preset.keep] for preset in chapter.presets if preset.slot == slot.name],
        ]
        for chapter in chapters
        for slot in chapter.of(InstrumentSlot)
        if instrument_of(slot.name) == name
    }
    found = of(f"{STATES}:find_states", name, places, example_states(name))
    states = {json.dumps(state): state for index in found.values() for _, state in index}
    numbers = {key: number for number, key in enumerate(states)}
    return Stored(
        each(f"{STATES}:draw_states", list(states.values()), name),
        {place: [(over, numbers[json.dumps(state)]) for over, state in index] for place, index in found.items()},
    )


def example_states(name: str) -> list[State]:
    """Returns the states that an instrument's `examples.toml` names, as texts."""
    path = INSTRUMENTS / name / "examples.toml"
    examples = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    named = [example.get("state", {}) for kind in ("edits", "drags") for example in examples.get(kind, [])]
    return [{setting: as_text(value) for setting, value in state.items()} for state in named]


def as_script(data: str) -> str:
    """Returns JSON as a script that hands it over to the page: see `static/js/page/stored_states.js`."""
    return f"labStored({data})\n"


def index_script(index: Sequence[tuple[State, int]], files: Sequence[str]) -> str:
    """Returns a place's index as a script; `files`: names of the states' files, in the same folder."""
    return as_script(json.dumps([[over, Path(files[number]).name] for over, number in index], separators=(",", ":")))

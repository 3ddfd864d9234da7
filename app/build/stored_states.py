"""Stored states: pictures and texts of presets, computed at build time, for where Python is not live.

A page loads one when a preset is pressed, or when its address asks for it. A place of an instrument, in a chapter or on
the instrument's own page, has an index: which settings over the place's lead to which stored state. Equal states are
one file, whichever presets lead to them.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.chapter_tree import Chapter, InstrumentSlot, instrument_of
from diffusion_lab.app.build.still_frames import TAKEN
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_class
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.view import view_of

#: All settings of an instrument, or some, as texts.
State = dict[str, str]

#: The key of the instrument's own page among its places.
ALONE = ""


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
    found = of(f"{__name__}:find_states", name, places, example_states(name))
    states = {json.dumps(state): state for index in found.values() for _, state in index}
    numbers = {key: number for number, key in enumerate(states)}
    return Stored(
        each(f"{__name__}:draw_states", list(states.values()), name),
        {place: [(over, numbers[json.dumps(state)]) for over, state in index] for place, index in found.items()},
    )


def example_states(name: str) -> list[State]:
    """Returns the states that an instrument's `examples.toml` names, as texts."""
    path = INSTRUMENTS / name / "examples.toml"
    examples = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    named = [example.get("state", {}) for kind in ("edits", "drags") for example in examples.get(kind, [])]
    return [{setting: as_text(value) for setting, value in state.items()} for state in named]


def find_states(
    name: str, places: Mapping[str, tuple[State, Sequence[tuple[State, bool]]]], examples: Sequence[State]
) -> dict[str, list[tuple[State, State]]]:
    """Returns the index of each place: pairs of settings over the place's, and all settings of the state reached.

    places: place → (its settings, its presets in reading order: settings, and whether the others are kept). A preset is
    pressed in the place's own state, and after the presets above it. The first state of each place is its own.
    """
    cls = instrument_class(name)
    reached: list[tuple[dict[str, Any], dict[str, Any]]] = []
    indexes = {}
    for place, (settings, presets) in places.items():
        start = cls.parse_state(settings)
        pressed = list(_pressed(cls, start, [(cls.parse_state(state), keep) for state, keep in presets]))
        own = cls(**start).values()
        reached += [(own, own), *pressed]
        indexes[place] = _index(cls, start, pressed)
    default = cls().values()
    asked = [(default | (parsed := cls.parse_state(state)), cls(**parsed).values()) for state in examples]
    indexes[ALONE] = _index(cls, {}, [*reached, *asked])
    return indexes


def _pressed(
    cls: type[Instrument], start: dict[str, Any], presets: Sequence[tuple[dict[str, Any], bool]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yields the settings that each preset asks for, with those that it leads to."""
    reader = cls(**start)
    drawn = [name for name in cls.settings() if cls.param[name].control.kind == "none"]
    for values, keep in presets:
        for pressing in (cls(**start), reader):
            before, own = pressing.values(), pressing.initial
            rest = before if keep else own | {name: before[name] for name in drawn}
            pressing.preset(values, keep=keep)
            yield rest | values, pressing.values()


def _index(
    cls: type[Instrument], start: dict[str, Any], found: Sequence[tuple[dict[str, Any], dict[str, Any]]]
) -> list[tuple[State, State]]:
    """Returns a place's index from pairs of settings asked for and reached, the place's own state first.

    A state is found under what was asked for, and under all its settings, as links and kept states write them. Left out
    is what the same settings, set in this place, do not lead to: because they depend on one another, the order matters.
    """
    own = cls(**start).values()
    index: dict[str, tuple[State, State]] = {}
    for asked, reached in [(own, own), *(pair for given, end in found for pair in ((given, end), (end, end)))]:
        over = {name: value for name, value in asked.items() if value != own[name]}
        fresh = cls(**start)
        fresh.move(**over)
        if fresh.values() == reached:
            texts = _texts(over)
            index[json.dumps(texts)] = texts, _texts(reached)
    return list(index.values())


def _texts(values: Mapping[str, Any]) -> State:
    return {name: as_text(value) for name, value in values.items()}


def draw_states(states: Sequence[State], name: str) -> list[str]:
    """Returns the file of each state: a script that hands over the state, pictures and texts.

    {"state": all settings, "pictures": SVG of each scene in order, "" for one that is not seen, "readings", "status",
    "description"}. It is a script because nothing else can be loaded in a frame that its host shuts off, or in a page
    opened from a file; other pages read it as data.
    """
    cls = instrument_class(name)
    view = view_of(cls())
    instrument = view.instrument
    files = []
    for state in states:
        instrument.move(**cls.parse_state(state))
        stored = {
            "state": _texts(instrument.values()),
            "pictures": [
                figure_svg(figure.plot) if figure.scene.when.met(instrument) else "" for figure in view.figures.values()
            ],
            "readings": view.readings_shown,
            "status": view.status,
            "description": view.description,
        }
        files.append(as_script(TAKEN.sub("", json.dumps(stored, ensure_ascii=False, separators=(",", ":")))))
    return files


def as_script(data: str) -> str:
    """Returns JSON as a script that hands it over to the page: see `static/js/page/stored_states.js`."""
    return f"labStored({data})\n"


def index_script(index: Sequence[tuple[State, int]], files: Sequence[str]) -> str:
    """Returns a place's index as a script; `files`: names of the states' files, in the same folder."""
    return as_script(json.dumps([[over, Path(files[number]).name] for over, number in index], separators=(",", ":")))

"""Finds and draws an instrument's stored states (`app/build/stored_index.py`); runs in fresh processes of the build."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diffusion_lab.app.build.still_frames import without_times
from diffusion_lab.app.build.stored_index import ALONE, State, as_script
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.view import view_of


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
        files.append(as_script(without_times(json.dumps(stored, ensure_ascii=False, separators=(",", ":")))))
    return files

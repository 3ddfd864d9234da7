"""Stored states: a preset's file shows what the instrument itself shows after that preset, in each place of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.build.stored_index import ALONE, State, example_states, index_script, store_states
from diffusion_lab.app.build.stored_states import draw_states, find_states
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.view import view_of

from .test_still_frames import numbers

PLACE: State = {"t": "0.3", "seed": "2"}
PRESETS: list[tuple[State, bool]] = [
    ({"t": "0.5"}, False),
    ({"show_density": "true"}, True),
    ({"view": "reverse"}, False),
    ({"t": "0.9"}, True),
    ({"data_set": "drawn", "drawing": "zzzz1122"}, False),
    ({"t": "0.2"}, False),
]


def ring(**settings: Any) -> Any:
    return instrument_class("ring")(**settings)


def texts(instrument: Any) -> State:
    return {name: as_text(value) for name, value in instrument.values().items()}


def data(script: str) -> Any:
    assert script.startswith("labStored(") and script.endswith(")\n")
    return json.loads(script.removeprefix("labStored(").removesuffix(")\n"))


def from_the_start(states: list[State], name: str) -> list[str]:
    """A wrong `draw_states`: the class's own state for every preset."""
    return draw_states([texts(instrument_class(name)())] * len(states), name)


def without_the_last(states: list[State], name: str) -> list[str]:
    """A wrong `draw_states`: each file has the state before."""
    return draw_states([states[0], *states[:-1]], name)


@pytest.mark.subject(draw_states, from_the_start=from_the_start, without_the_last=without_the_last)
def test_a_file_has_what_the_instrument_shows(subject):
    found = find_states("ring", {"a": (PLACE, PRESETS)}, [])["a"]
    states = [state for _, state in found]
    for state, script in zip(states, subject(states, "ring"), strict=True):
        stored, fresh = data(script), view_of(ring(**ring().parse_state(state)))
        assert stored["state"] == state
        assert numbers(stored["readings"]) == numbers(fresh.readings_shown)
        assert stored["description"] == fresh.description
        seen = [figure.scene.when.met(fresh.instrument) for figure in fresh.figures.values()]
        drawn = [figure_svg(figure.plot) for figure in fresh.figures.values()]
        assert stored["pictures"] == [svg if sees else "" for svg, sees in zip(drawn, seen, strict=True)]


def test_a_place_s_presets_are_found_in_reading_order_and_alone():
    start = ring().parse_state(PLACE)
    index = {
        json.dumps(over, sort_keys=True): state for over, state in find_states("ring", {"a": (PLACE, PRESETS)}, [])["a"]
    }

    def state_of(**over: str) -> State:
        return index[json.dumps(over, sort_keys=True)]

    assert state_of() == texts(ring(**start))
    reader = ring(**start)
    for values, keep in PRESETS:
        fresh = ring(**start)
        for pressing in (fresh, reader):
            pressing.preset(ring().parse_state(values), keep=keep)
        assert state_of(**values) == texts(fresh)
        assert texts(reader) in index.values()
    assert state_of(t="0.5", show_density="true")["show_density"] == "true"
    assert state_of(t="0.2", drawing="zzzz1122")["drawing"] == "zzzz1122", "what was drawn stays"


def test_the_instrument_s_own_page_has_the_states_of_all_places_and_the_examples():
    places = {
        "a": (PLACE, PRESETS),
        "b": ({"view": "reverse"}, [({"t": "0.7"}, False)]),
        "c": ({"view": "clean"}, [({"view": "forward"}, False)]),  # t is 0 before and not after
    }
    indexes = find_states("ring", places, [{"show_posterior_mean": "true"}])
    for over, state in indexes[ALONE]:
        asked = ring()
        asked.move(**asked.parse_state(over))
        assert texts(asked) == state, "as the page of an address opens it"
    alone = [json.dumps(state) for _, state in indexes[ALONE]]
    assert {json.dumps(state) for place in places for _, state in indexes[place]} <= {*alone}
    assert json.dumps(texts(ring(show_posterior_mean=True))) in alone
    assert json.dumps(texts(ring())) == alone[0]


def test_settings_whose_order_matters_are_left_out():
    """A state is found only under settings that lead to it in any order."""
    for name in instrument_names():
        cls = instrument_class(name)
        for over, state in find_states(name, {"a": ({}, [])}, example_states(name))[ALONE]:
            made = cls()
            made.move(**cls.parse_state(over))
            assert texts(made) == state


def test_all_presets_of_the_chapters_are_stored():
    chapters, _ = read_documents(read_references())
    drawn: list[State] = []

    def draw(function: str, states: list[State], name: str) -> list[str]:
        assert function.endswith(":draw_states")
        assert len({json.dumps(state) for state in states}) == len(states), "each state once"
        drawn.extend(states)
        return [json.dumps(state) for state in states]

    for name in ("guidance", "schedule"):
        stored = store_states(name, chapters, lambda function, *arguments: find_states(*arguments), draw)
        for chapter in chapters:
            for preset in chapter.presets:
                if preset.slot != name:
                    continue
                cls = instrument_class(name)
                (place,) = [block for block in chapter.blocks if getattr(block, "name", "") == name]
                pressed = cls(**cls.parse_state(place.state))
                pressed.preset(cls.parse_state(preset.state), keep=preset.keep)
                index = stored.indexes[f"{chapter.slug} {name}"]
                assert json.dumps(texts(pressed)) in [stored.pictures[number] for _, number in index]
    assert len(drawn) > 40


def test_an_index_names_files_beside_it():
    script = index_script([({"t": "0.5"}, 1), ({}, 0)], ["assets/ring-state.0.js", "assets/ring-state.1.js"])
    assert data(script) == [[{"t": "0.5"}, "ring-state.1.js"], [{}, "ring-state.0.js"]]


def test_a_preset_that_has_not_changed_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from diffusion_lab.app.build import build_cache

    asked: list[list[State]] = []

    def run(function: str, states: list[State], name: str) -> tuple[list[str], list[str]]:
        asked.append(states)
        return ["pyproject.toml"], [json.dumps(state) for state in states]

    monkeypatch.setattr(build_cache, "run_in_fresh_process", run)
    states: list[State] = [{"t": "0.1"}, {"t": "0.2"}, {"t": "0.3"}]
    first = BuildCache(tmp_path).each("m:f", states[:2], "ring")
    assert BuildCache(tmp_path).each("m:f", states, "ring") == [*first, json.dumps(states[2])]
    assert asked == [states[:2], states[2:]]
    assert BuildCache(tmp_path).each("m:f", states[::-1], "ring") == [json.dumps(state) for state in states[::-1]]
    assert BuildCache(tmp_path).each("m:f", [], "ring") == []
    assert len(asked) == 2
    assert BuildCache(tmp_path).each("m:f", states[:1], "flow") == first[:1]
    assert len(asked) == 3

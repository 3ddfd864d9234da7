"""Every instrument's front panel: inputs, conditions, places of scenes, pads, readings and buttons."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter

import numpy as np
import param

from diffusion_lab.app.instrument.conditions import Condition, as_text
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.panel import Brush, Ellipses, Handle, Tap
from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.app.instrument.scenes import BY_PART, Axes, Heat
from diffusion_lab.app.instrument.theme import TOKENS

from ...markup import Elements
from .survey import (
    contexts,
    ends,
    fresh,
    made,
    markup,
    survey,
)


def inputs_wanted(cls: type[Instrument]) -> Counter[str]:
    """How many inputs each setting has: a slider two, a row one an option, the others one."""
    counts = {"slider": 2, "menu": 1, "switch": 1, "text": 1, "seed": 1, "none": 0}
    wanted: Counter[str] = Counter()
    for setting in cls.settings():
        kind = cls.param[setting].control.kind
        wanted[setting] = len(cls.param[setting].objects) if kind == "row" else counts[kind]
    return +wanted


def test_every_setting_stands_on_the_panel(cls):
    elements = Elements(markup(cls))
    found = Counter(tag["data-param"] for tag in elements.having("data-param"))
    assert found == inputs_wanted(cls)
    on_the_picture = {tag[pad] for pad in ("data-brush", "data-ellipses") for tag in elements.having(pad)}
    assert set(found) | on_the_picture == set(cls.settings())


def test_inputs_have_the_bounds_the_value_and_the_words_of_their_setting(cls):
    instrument = fresh(cls)
    for tag in Elements(markup(cls)).having("data-param"):
        p, value = cls.param[tag["data-param"]], getattr(instrument, tag["data-param"])
        if tag["tag"] == "select":
            assert p.control.kind == "menu"
        elif tag["type"] in ("range", "number"):
            low, high = p.bounds
            assert [float(tag[name]) for name in ("min", "max", "value")] == [low, high, value]
            assert float(tag["step"]) == (p.step or 1)
            assert (tag["aria-label"], tag["title"]) == (p.label, p.doc)
        elif tag["type"] == "radio":
            assert ("checked" in tag) == (tag["value"] == value)
        elif tag["type"] == "text":
            assert (tag["value"], tag["pattern"]) == (value, p.regex)
        else:
            assert ("checked" in tag) == value


def conditions(tag: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Setting and values of each condition, as `render` of front_panel.js reads them."""
    pairs = (condition.split(":") for condition in tag["data-when"].split(";"))
    return [(setting, values.split("|")) for setting, values in pairs]


def test_what_is_shown_at_times_waits_for_a_value_that_there_is(cls):
    for tag in Elements(markup(cls)).having("data-when"):
        for setting, values in conditions(tag):
            assert set(values) <= {as_text(value) for value in ends(cls, setting)}


def test_conditions_name_values_that_there_are(cls):
    """Those of scenes, layers, controls, measures and pads alike."""
    scenes = cls.scenes().values()
    found = [scene.when for scene in scenes] + [layer.condition for scene in scenes for layer in scene.layers.values()]
    controls = [cls.param[setting].control for setting in cls.settings()]
    found += [condition for control in controls for condition in (control.when, control.marks_when)]
    for condition in found:
        for setting, values in condition.allowed:
            assert set(values) <= {as_text(value) for value in ends(cls, setting)}


def test_what_is_shown_at_times_is_hidden_at_the_others(cls):
    """In the static page too: the same rule as `render` of front_panel.js has."""
    for context in contexts(cls):
        instrument = made(cls, **context)
        for tag in Elements(markup(cls, context)).having("data-when"):
            met = all(as_text(getattr(instrument, setting)) in values for setting, values in conditions(tag))
            assert ("hidden" in tag) is not met, tag


def test_a_picture_in_sight_carries_the_description_and_no_pad_lies_on_a_hidden_one(cls):
    for context in contexts(cls):
        page = markup(cls, context)
        tags = Elements(page).tags
        panes = [place for place, tag in enumerate(tags) if tag.get("class") == "pane"]
        labels = []
        for place in panes:
            figure = next(tag for tag in tags[place:] if tag.get("class") == "figure")
            if "hidden" not in tags[place]:
                labels.append(figure["aria-label"] != figure["data-title"])
            else:
                assert figure["aria-label"] == figure["data-title"], context
        assert labels == [True] + [False] * (len(labels) - 1), context
        if "hidden" in tags[panes[0]]:
            assert all("hidden" in tag for tag in tags if tag.get("class") == "pad"), context


def test_a_read_out_is_hidden_in_views_that_never_fill_it(cls):
    for view in ends(cls, "view") if "view" in cls.settings() else []:
        filled: set[str] = set()
        for seen in survey(cls):
            state = {"view": cls.param["view"].default} | dict(seen.context) | {seen.setting: seen.value}
            if state["view"] == view:
                filled |= {key for key, text in ast.literal_eval(seen.picture.readings) if text != NOTHING}
        for item in cls.panel.readouts:
            allowed = dict(Condition.of(item.when).allowed).get("view", [view])
            assert item.key in filled or view not in allowed, f"{item.label} is shown in {view}"


def test_charts_name_their_axes(cls):
    for scene in cls.scenes().values():
        if isinstance(scene, Axes):
            assert scene.x_label and scene.y_label, scene.title


def test_each_scene_has_its_place(cls):
    text = markup(cls)
    assert [text.count(f"<!--scene {scene}-->") for scene in cls.scenes()] == [1] * len(cls.scenes())
    places = [int(tag["data-place"]) for tag in Elements(text).having("data-scene")]
    assert sorted(places) == list(range(len(cls.scenes())))
    assert next(iter(cls.scenes().values())).place == "picture"


def test_scenes_have_data_for_every_layer(cls):
    for scene in cls.scenes().values():
        drawn = [layer for names, _ in scene.drawings for layer in names]
        assert sorted(drawn) == sorted(scene.layers), "each layer has one method"


def test_what_is_played_runs_between_its_own_bounds(cls):
    transport = cls.panel.transport
    (tag,) = Elements(markup(cls)).having("data-plays")
    films = json.loads(tag["data-plays"])
    assert films.keys() == transport.films.keys()
    assert films.keys() <= ({""} | {*cls.param["view"].objects} if "view" in cls.settings() else {""})
    for film in films.values():
        p = cls.param[film["setting"]]
        assert isinstance(p, param.Number) and not isinstance(p, param.Boolean)
        assert (film["places"][0], film["places"][-1]) == p.bounds
        assert np.all(np.diff(film["places"]) > 0)
        assert film["grain"] == ((p.step or 1) if isinstance(p, param.Integer) else 0)
    assert float(tag["data-seconds"]) == transport.seconds
    assert cls.panel.main_settings - set(cls.settings()) <= {"view"}, "not every instrument has views"


def test_pads_move_settings_that_there_are(cls):
    for pad in cls.panel.pads:
        if isinstance(pad, Handle):
            assert {type(cls.param[name]).__name__ for name in (pad.x, pad.y)} == {"NumberSetting"}
        elif isinstance(pad, Brush):
            assert isinstance(cls.param[pad.setting], param.String)
            assert re.fullmatch(cls.param[pad.setting].regex, "0a1z" * pad.max_points)
            assert not re.fullmatch(cls.param[pad.setting].regex, "0a1z" * (pad.max_points + 1))
            assert ('data-do="bring"' in markup(cls)) == pad.own_points
        elif isinstance(pad, Ellipses):
            pattern = cls.param[pad.setting].regex
            assert re.fullmatch(pattern, pad.start)
            assert re.fullmatch(pattern, "0a1z0a1z0a1z" * pad.most)
            assert not re.fullmatch(pattern, "0a1z0a1z0a1z" * (pad.most + 1))
        else:
            assert isinstance(pad, Tap)
            assert cls.tap is not Instrument.tap


def test_every_reading_is_made_and_shown(cls):
    panel = cls.panel
    keys = [item.key for item in panel.readouts]
    keys += [key for item in panel.measures for key in (item.key, f"{item.key}_true")]
    keys += [cell.key for table in panel.tables for cell in table.cells]
    problems = {f"{setting}_problem" for setting in cls.settings() if cls.param[setting].control.kind == "text"}
    assert {seen.readings - problems for seen in survey(cls)} == {frozenset(keys)}
    tags = Elements(markup(cls)).tags
    shown = [tag.get("data-reading") or tag["data-bars"] for tag in tags if {"data-reading", "data-bars"} & set(tag)]
    assert sorted(shown) == sorted([*keys, *problems])


def test_readings_are_numbers_beside_their_texts(cls):
    answer = made(cls).answer()
    assert json.loads(json.dumps(answer.numbers, allow_nan=False)) == answer.numbers
    assert {key.removesuffix("_true") for key in answer.texts} == set(answer.numbers)
    hyphens = [text for text in answer.texts.values() if isinstance(text, str) and re.search(r"-\d", text)]
    assert hyphens == [], "a minus sign is no hyphen"


def test_layers_name_colours_of_the_theme(cls):
    for scene in cls.scenes().values():
        for layer in scene.layers.values():
            allowed = {*TOKENS["light"], BY_PART, *(["diverging"] if isinstance(layer, Heat) else [])}
            assert layer.colour in allowed
            assert not layer.legend or layer.colour != "diverging", "a legend has a colour for each part, or one"


def test_there_is_one_of_each_button(cls):
    elements = Elements(markup(cls))
    assert sorted(tag["data-action"] for tag in elements.having("data-action")) == ["reset", "run", "step"]
    assert len(elements.having("data-play")) == 1

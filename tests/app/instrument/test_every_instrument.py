"""What every instrument must do, over all that discovery finds."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import param
import pytest
from bokeh.document import Document
from bokeh.model import DataModel

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.editable import editable_functions, sources
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.instrument import ACTIONS, Instrument, StateError
from diffusion_lab.app.instrument.markup import front_panel_html, slider_marks
from diffusion_lab.app.instrument.panel import Brush, Handle, Tap
from diffusion_lab.app.instrument.scenes import BY_PART, Arrows, Columns, Heat
from diffusion_lab.app.instrument.settings import SETTING_TYPES
from diffusion_lab.app.instrument.theme import TOKENS
from diffusion_lab.app.instrument.view import InstrumentView, view_of

from ...examples import Examples, examples
from ..markup import Elements

STATIC = ROOT / "static"

NAMES = instrument_names()
SETTINGS = [(name, setting) for name in NAMES for setting in instrument_class(name).settings()]

State = dict[str, Any]


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def cls(name) -> type[Instrument]:
    return instrument_class(name)


def examples_of(cls: type[Instrument]) -> Examples:
    return examples(cls.__module__.split(".")[-2])


@cache
def fresh(cls: type[Instrument]) -> Instrument:
    """An instrument to be looked at, not moved."""
    return cls()


@cache
def fresh_view(cls: type[Instrument]) -> InstrumentView:
    return view_of(cls())


# --- what is shown ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """Everything that a reader sees or hears of a state, but the time that it took; layers as a hash."""

    layers: str
    ranges: str
    readings: str
    description: str


def digest(layers: dict[str, Columns]) -> str:
    """A hash over names, shapes and contents."""
    found = hashlib.blake2b(digest_size=16)
    for address, columns in sorted(layers.items()):
        for column_name, column in columns.items():
            found.update(f"{address} {column_name} {np.shape(column)}".encode())
            found.update(str(column).encode() if isinstance(column, list) else column.tobytes())
    return found.hexdigest()


class Screen:
    """Stands for the page: holds what an instrument's answers have left on it."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.layers: dict[str, Columns] = {}
        self.visible: dict[str, bool] = {}
        self.ranges: dict[str, Any] = {}
        self.texts: dict[str, Any] = {}
        self.description = ""

    def look(self, seconds: float | None = None) -> Picture:
        """Takes the next answer, and says what is seen then."""
        answer = self.instrument.answer(seconds)
        self.layers |= answer.layers
        self.visible |= answer.visible
        self.ranges |= answer.ranges
        self.texts |= answer.texts
        self.description = self.description if answer.description is None else answer.description
        self.working = answer.working
        scenes = self.instrument.scenes()
        shown = {
            address: columns
            for address, columns in self.layers.items()
            if self.visible[address] and scenes[address.partition(".")[0]].when.met(self.instrument)
        }
        ranges = sorted(item for item in self.ranges.items() if scenes[item[0]].when.met(self.instrument))
        return Picture(digest(shown), repr(ranges), repr(sorted(self.texts.items())), self.description)


def picture(instrument: Instrument) -> Picture:
    """All of what an instrument shows, with long work done to its end."""
    instrument.forget_answers()
    return Screen(instrument).look()


def ends(cls: type[Instrument], setting: str) -> list[Any]:
    """All options of a setting (of a list too long for a glance, the first and the last), its bounds, or two texts."""
    p = cls.param[setting]
    if isinstance(p, param.Boolean):
        return [False, True]
    if isinstance(p, param.Selector):
        return list(p.objects) if len(p.objects) <= 12 else [p.objects[0], p.objects[-1]]
    if isinstance(p, param.String):
        return [p.default, examples_of(cls).texts[setting]]
    return list(p.bounds)


def choices(cls: type[Instrument]) -> list[str]:
    return [setting for setting in cls.settings() if isinstance(cls.param[setting], param.Selector)]


def made(cls: type[Instrument], **settings: Any) -> Instrument:
    """One with these settings, the others such that it is quick."""
    return cls(**(examples_of(cls).quick | settings))


def contexts(cls: type[Instrument]) -> list[State]:
    """The instrument as it begins, with each option of each choice, and with what acts only together."""
    each = [{s: option} for s in choices(cls) for option in ends(cls, s) if option != cls.param[s].default]
    return [{}, *each, *examples_of(cls).together]


@dataclass(frozen=True)
class Seen:
    """What an instrument shows in a context with one setting at one of its values."""

    context: tuple[tuple[str, Any], ...]
    setting: str
    value: Any
    picture: Picture
    readings: frozenset[str]


def values_to_see(cls: type[Instrument], context: State, setting: str, now: Any) -> list[Any]:
    """Values besides `now`: all where nothing else has moved; two choices with all their options once; else one."""
    others = [value for value in ends(cls, setting) if value != now]
    if setting in examples_of(cls).quick:
        return others[:1]
    order = choices(cls)
    pair = setting in order and len(context) == 1 and order.index(setting) > order.index(next(iter(context)))
    return others if not context or pair else others[:1]


@cache
def survey(cls: type[Instrument]) -> list[Seen]:
    """Every setting at its ends, the others as they are, in every context: made once for all tests."""
    seen: list[Seen] = []
    for context in contexts(cls):
        instrument = made(cls)
        screen = Screen(instrument)
        instrument.param.update(**context)
        before = {setting: getattr(instrument, setting) for setting in cls.settings()}
        at_rest = screen.look()
        for setting in (s for s in cls.settings() if s not in context):
            values = values_to_see(cls, context, setting, before[setting])
            for value in [before[setting], *values]:
                shown = at_rest
                if value != before[setting]:
                    instrument.param.update(**{setting: value})
                    shown = screen.look()
                seen.append(Seen(tuple(context.items()), setting, value, shown, frozenset(screen.texts)))
            instrument.param.update(**before)
    return seen


def seen_alone(cls: type[Instrument], setting: str, value: Any) -> Picture:
    """What an instrument showed after this setting alone was moved there."""
    return next(s.picture for s in survey(cls) if not s.context and s.setting == setting and s.value == value)


def in_turn(cls: type[Instrument], setting: str) -> Iterator[Any]:
    """The ends of a setting but its default, and but those that are not quick."""
    quick = examples_of(cls).quick
    wanted = [value for value in ends(cls, setting) if value != cls.param[setting].default]
    return iter(wanted[:1] if setting in quick else wanted)


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_is_documented_and_bounded(name, setting):
    p = instrument_class(name).param[setting]
    assert p.doc.endswith(".")
    assert p.label
    assert isinstance(p, SETTING_TYPES)
    assert not isinstance(p, param.String) or p.regex
    if isinstance(p, param.Number) and not isinstance(p, param.Boolean):
        low, high = p.bounds
        assert low < high
        assert low <= p.default <= high
        assert isinstance(p, param.Integer) or p.step


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_option_has_words_for_people(name, setting):
    p = instrument_class(name).param[setting]
    if isinstance(p, param.Selector):
        assert list(p.control.labels) == list(p.objects)
        assert len(set(p.control.labels.values())) == len(p.objects)


@pytest.mark.parametrize("name", [name for name in NAMES if "t" in instrument_class(name).settings()])
def test_both_ends_of_time_are_named(name):
    assert sorted(instrument_class(name).param["t"].control.ends) == ["data", "noise"]


def test_there_is_a_seed(cls):
    assert isinstance(cls.param["seed"], param.Integer)
    assert [s for s in cls.settings() if cls.param[s].control.kind == "seed"] == ["seed"]


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_has_an_effect(name, setting):
    shown: dict[object, set[Picture]] = {}
    for seen in survey(instrument_class(name)):
        if seen.setting == setting:
            shown.setdefault(seen.context, set()).add(seen.picture)
    assert any(len(different) > 1 for different in shown.values()), "it changes nothing, in any context"


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_state_that_was_reached_can_be_gone_to(name, setting):
    """Moving there and starting there give one picture: nothing of the way is left behind."""
    cls = instrument_class(name)
    moved = made(cls)
    for value in in_turn(cls, setting):
        moved.reset()
        moved.param.update(**{setting: value})
        parsed = cls.parse_state(dict(parse_qsl(moved.query, keep_blank_values=True)))
        assert parsed == pytest.approx(moved.state())
        other = cls(**parsed)
        assert other.state() == moved.state()
        assert picture(other) == seen_alone(cls, setting, value)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_slices_of_long_work_add_up_to_the_whole(name, setting):
    """What is left on the page after so many short answers is what one long answer gives."""
    cls = instrument_class(name)
    for value in in_turn(cls, setting):
        instrument = made(cls, **{setting: value})
        screen = Screen(instrument)
        shown = screen.look(0.0)
        for _ in range(100_000):
            if not screen.working:
                break
            shown = screen.look(0.0)
        assert not screen.working, "the work does not end"
        assert shown == seen_alone(cls, setting, value)


def test_a_change_in_the_middle_of_long_work_leaves_nothing_behind(cls):
    """Each context is interrupted by the next after two slices."""
    instrument = made(cls)
    screen = Screen(instrument)
    for context in contexts(cls):
        instrument.reset()
        instrument.param.update(**context)
        for _ in range(2):
            screen.look(0.0)
    instrument.reset()
    assert screen.look() == picture(made(cls))


@pytest.mark.parametrize(
    ("name", "start"), [(name, start) for name in NAMES for start in contexts(instrument_class(name))]
)
def test_reset_restores_where_it_began(name, start):
    cls = instrument_class(name)
    instrument = made(cls, **start)
    screen = Screen(instrument)
    before, state = screen.look(), instrument.state()
    for far in (0, -1):
        instrument.param.update(**{setting: ends(cls, setting)[far] for setting in cls.settings()})
    assert instrument.state() != state
    instrument.playing = True
    instrument.act({"action": "reset"})
    assert (instrument.state(), instrument.playing) == (state, False)
    assert screen.look() == before


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_setting_that_is_given_at_the_start_is_kept(name, setting):
    """A chapter's slot gets what its directive says."""
    cls = instrument_class(name)
    for value in in_turn(cls, setting):
        assert getattr(cls(**{setting: value}), setting) == value


def test_a_seed_gives_one_picture(cls):
    seven = picture(made(cls, seed=7))
    assert seven == picture(made(cls, seed=7))
    assert seven != picture(made(cls, seed=8))


def test_instruments_share_nothing(cls):
    one, other = made(cls), made(cls)
    before = picture(other)
    one.param.update(**{s: ends(cls, s)[0] for s in cls.settings() if isinstance(cls.param[s], param.Number)})
    one.answer(0.0)
    assert picture(other) == before


def test_a_second_answer_holds_nothing(cls):
    instrument = made(cls)
    instrument.answer()
    again = instrument.answer()
    empty = ("settings", "layers", "visible", "ranges", "texts", "numbers")
    assert [part for part in empty if getattr(again, part)] == []
    assert (again.status, again.description, again.query) == (None, None, None)


# --- states as texts -------------------------------------------------------------------------------------------------


def refusal(cls: type[Instrument], **values: str) -> str:
    with pytest.raises(StateError) as refused:
        cls.parse_state(values)
    return str(refused.value)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_texts_are_taken_up_to_the_bounds_and_not_beyond(name, setting):
    cls = instrument_class(name)
    p = cls.param[setting]
    kinds = {param.Boolean: bool, param.Integer: int, param.Number: float}  # the first that fits
    kind = next((made for of, made in kinds.items() if isinstance(p, of)), str)
    for value in ends(cls, setting):
        for text in (str(value), as_text(value)):
            got = cls.parse_state({setting: text})[setting]
            assert (got, type(got)) == (value, kind)
    if isinstance(p, param.Boolean):
        for text in ("2", "yes", "", "none"):
            assert refusal(cls, **{setting: text}) == f"`{setting}` must be true or false, got {text!r}."
    elif isinstance(p, param.Selector):
        for text in ("", p.objects[0] + "x"):
            rule = f"`{setting}` must be one of {', '.join(p.objects)}"
            assert refusal(cls, **{setting: text}) == f"{rule}, got {text!r}."
    elif isinstance(p, param.String):
        text = "<script>"
        assert refusal(cls, **{setting: text}) == f"`{setting}` must be a text that matches {p.regex}, got {text!r}."
    else:
        low, high = p.bounds
        whole = isinstance(p, param.Integer)
        below, above = (low - 1, high + 1) if whole else (math.nextafter(low, -9e9), math.nextafter(high, 9e9))
        for text in (str(below), str(above), "nan", "inf", "", "x", *(["1.5"] if whole else [])):
            rule = f"`{setting}` must be {'a whole number' if whole else 'a number'} from {low} to {high}"
            assert refusal(cls, **{setting: text}) == f"{rule}, got {text!r}."


def test_an_unknown_setting_is_refused(cls):
    message = f"{cls.__name__} has no setting `nonsense`; it has {', '.join(cls.settings())}."
    assert refusal(cls, nonsense="1") == message
    for internal in ("playing", "name", "title", "panel"):
        assert refusal(cls, **{internal: "1"}).startswith(f"{cls.__name__} has no setting `{internal}`")


def test_an_address_s_other_words_are_ignored(cls):
    found = cls.parse_leniently({"utm_source": "x", "utm_medium": "y", "lang": "de", "v": "3", "fbclid": "z"})
    assert found == ({}, [])


@pytest.mark.parametrize(("name", "setting"), [pair for pair in SETTINGS if len(pair[1]) > 4])
def test_a_misspelt_setting_has_its_sentence(name, setting):
    cls = instrument_class(name)
    found, (problem,) = cls.parse_leniently({setting[:-1]: "1"})
    assert found == {}
    assert problem.startswith(f"{cls.__name__} has no setting `{setting[:-1]}`; it has ")


def test_the_start_is_no_state(cls):
    assert (fresh(cls).state(), fresh(cls).query) == ({}, "")


# --- the front panel -------------------------------------------------------------------------------------------------


def markup(cls: type[Instrument], context: State | None = None) -> str:
    if not context:
        return fresh_view(cls).markup
    instrument = made(cls, **context)
    return front_panel_html(instrument, instrument.answer())


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
    on_the_picture = {tag["data-brush"] for tag in elements.having("data-brush")}
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
    found += [cls.param[setting].control.when for setting in cls.settings()]
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
    assert not transport.after or transport.after in cls.settings()


@pytest.mark.parametrize(
    ("name", "setting"),
    [(name, s) for name, s in SETTINGS if instrument_class(name).param[s].control.marks],
)
def test_marks_are_values_of_their_setting(name, setting):
    p = instrument_class(name).param[setting]
    for mark in slider_marks(p):
        p._validate(mark.value)
        assert mark.words


def buttons_offered(cls: type[Instrument], **settings: Any) -> list[bool]:
    """Whether play and step are offered in a state."""
    instrument = cls(**settings)
    found = Elements(front_panel_html(instrument, instrument.answer(0.0)))
    step = [tag for tag in found.having("data-action") if tag["data-action"] == "step"]
    return ["hidden" not in button for button in [*found.having("data-play"), *step]]


def plays_what_is_shown(cls: type[Instrument], view: State) -> None:
    """Asserts that playing moves one setting through its range and changes the picture, or that it is not offered."""
    instrument = made(cls, **view)
    setting = instrument.played
    assert buttons_offered(cls, **view) == [setting is not None] * 2
    if setting is None:
        return
    p, screen = cls.param[setting], Screen(instrument)
    before = {name: getattr(instrument, name) for name in cls.settings() if name != setting}
    places = [p.bounds[0], *([60] if setting in examples_of(cls).quick else [np.mean(p.bounds), p.bounds[1]])]
    instrument.move(**{setting: p.bounds[1]})
    instrument.playing = True  # as the button does at the end: the page begins again
    seen = set()
    for place in places:
        instrument.move(**{setting: type(p.default)(place)})
        assert instrument.playing, f"playing stops at {setting} = {place}"
        seen.add(screen.look())
        assert {name: getattr(instrument, name) for name in before} == before, "another setting moves"
    assert len(seen) == len(places), "the picture does not change"


@pytest.mark.parametrize(
    ("name", "view"),
    [
        (name, {"view": view} if view else {})
        for name in NAMES
        for cls in [instrument_class(name)]
        for view in (cls.param["view"].objects if "view" in cls.settings() else [""])
    ],
)
def test_playing_moves_one_setting_and_the_picture_in_every_view(name, view):
    plays_what_is_shown(instrument_class(name), view)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("ring", "progress"), ("ring", {"clean": "t", "reverse": "progress"}), ("guidance", {"samples": "t"})],
)
def test_a_setting_that_is_not_on_show_is_noticed(name, wrong):
    """In Forward nothing of the sampling is seen; clean has no noise; and a view without a film must not be played."""
    cls = instrument_class(name)
    transport = replace(cls.panel.transport, plays=wrong)
    panel = replace(cls.panel, transport=transport)
    other = type(cls.__name__, (cls,), {"panel": panel, "__module__": cls.__module__})
    with pytest.raises(AssertionError):
        for view in cls.param["view"].objects:
            plays_what_is_shown(other, {"view": view})


def test_another_view_stops_playing_what_it_does_not_show(cls):
    films = cls.panel.transport.films
    instrument = made(cls)
    for view in cls.param["view"].objects if "view" in cls.settings() else []:
        instrument.playing = True
        before = instrument.played
        instrument.param.update(view=view)
        assert instrument.playing == (instrument.played is not None and instrument.played == before)
    instrument.run()
    assert instrument.playing, "the run button plays, from wherever"
    assert instrument.played in films.values()


def test_pads_move_settings_that_there_are(cls):
    for pad in cls.panel.pads:
        if isinstance(pad, Handle):
            assert {type(cls.param[name]).__name__ for name in (pad.x, pad.y)} == {"NumberSetting"}
        elif isinstance(pad, Brush):
            assert isinstance(cls.param[pad.setting], param.String)
            assert re.fullmatch(cls.param[pad.setting].regex, "0a1z" * pad.max_points)
            assert not re.fullmatch(cls.param[pad.setting].regex, "0a1z" * (pad.max_points + 1))
        else:
            assert isinstance(pad, Tap)
            assert cls.tap is not Instrument.tap


def test_every_reading_is_made_and_shown(cls):
    panel = cls.panel
    keys = [item.key for item in panel.readouts]
    keys += [key for item in panel.measures for key in (item.key, f"{item.key}_true")]
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


#: Names of colours: they are wrong in the other theme, and to some eyes in both.
HUES = re.compile(
    r"\b(red|blue|green|gr[ae]y|black|white|pink|orange|purple|violet|yellow|brown|accent-coloured)\b", re.IGNORECASE
)


def test_hues_are_recognised():
    assert [bool(HUES.search(text)) for text in ("Red dots", "in grey", "measured", "reduced", "a bluer")] == [
        *(True, True, False, False, False)
    ]


def test_nothing_is_named_by_its_hue(cls):
    """Legends, labels, docs, readings, status and description name things by their role."""
    texts = [p.doc + p.label for p in (cls.param[setting] for setting in cls.settings())]
    texts += [f"{item.label} {item.doc}" for item in cls.panel.measures]
    for scene in cls.scenes().values():
        texts += [scene.title, *(layer.legend for layer in scene.layers.values())]
    for context in contexts(cls)[:8]:
        answer = made(cls, **context).answer()
        texts += [answer.description or "", answer.status or ""]
    assert [text for text in texts if HUES.search(text)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.md")) + sorted(ROOT.glob("instruments/*/about.md")))
def test_no_text_names_a_part_of_a_picture_by_its_hue(path):
    text = path.read_text("utf-8")
    prose = re.sub(r'```.*?```|"[^"]*"', "", text, flags=re.DOTALL)  # code may name colours, and so do quoted samples
    assert HUES.findall(prose) == []


def test_every_arrow_has_a_head_and_one_of_a_picture_its_scale(cls):
    """Where arrows of several layers share a scale, one legend says it."""
    for scene in cls.scenes().values():
        arrows = [layer for layer in scene.layers.values() if isinstance(layer, Arrows)]
        assert all(layer.head > 0 for layer in arrows)
        assert not arrows or any(layer.scale and layer.legend for layer in arrows)


def test_there_is_one_of_each_button(cls):
    elements = Elements(markup(cls))
    assert sorted(tag["data-action"] for tag in elements.having("data-action")) == ["reset", "run", "step"]
    assert len(elements.having("data-play")) == 1


# --- words and tables ------------------------------------------------------------------------------------------------


def test_the_picture_is_told_in_words(cls):
    for seen in survey(cls):
        assert seen.picture.description.endswith(".")
        assert any(letter.isdigit() for letter in seen.picture.description)
    figure_tag, *_ = [tag for tag in Elements(markup(cls)).tags if tag.get("class") == "figure"]
    assert (figure_tag["role"], figure_tag["aria-label"]) == ("img", fresh_view(cls).description)


def test_the_words_follow_the_picture(cls):
    """Where a slider or a choice moves the picture, the description says something else."""
    moved = {s for s in cls.settings() if cls.param[s].control.kind in ("slider", "row", "menu")}
    pictures: dict[object, set[str]] = {}
    words: dict[object, set[str]] = {}
    for seen in survey(cls):
        if seen.setting in moved:
            pictures.setdefault((seen.context, seen.setting), set()).add(seen.picture.layers)
            words.setdefault((seen.context, seen.setting), set()).add(seen.picture.description)
    assert max(len(different) for different in pictures.values()) > 1
    assert [place for place in pictures if len(words[place]) < len(pictures[place])] == []


def test_the_data_can_be_downloaded_in_any_context(cls):
    for context in contexts(cls):
        instrument = made(cls, **context)
        lines = instrument.csv().splitlines(keepends=True)
        about = [line[2:].rstrip("\n") for line in lines if line.startswith("# ")]
        assert about[0] == cls.title
        given = dict(line.split(" = ", 1) for line in about[1:])
        assert cls(**cls.parse_state(given)).state() == instrument.state(), "the settings can be read again"
        header, *rows = csv.reader(lines[len(about) :])
        assert rows
        assert len(set(header)) == len(header)
        assert {len(row) for row in rows} == {len(header)}
        assert not {"nan", "inf", "-inf"} & {cell for row in rows for cell in row}


# --- what the browser sends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [{"action": "fly"}, {"action": None}, {}, "run", None, [1]])
def test_an_unknown_action_is_refused(cls, message):
    with pytest.raises(StateError) as refused:
        fresh(cls).act(message)
    assert str(refused.value) == f"An instrument is sent one of the actions {', '.join(ACTIONS)}, got {message!r}."


def test_actions_can_be_asked_for_in_any_state(cls):
    """Twice each, while work is unfinished, and at the end of what is played too: no setting leaves its bounds."""
    for context in contexts(cls):
        instrument = made(cls, **context)
        instrument.answer(0.0)
        for action in ("step", "run", "step", "step", "run", "run"):
            instrument.act({"action": action})
            instrument.answer(0.0)
        plays = str(instrument.played)
        high = cls.param[plays].bounds[1]
        instrument.param.update(**{plays: high})
        instrument.act({"action": "step"})
        assert getattr(instrument, plays) <= high


@pytest.mark.parametrize("name", [n for n in NAMES if any(isinstance(p, Tap) for p in instrument_class(n).panel.pads)])
def test_any_place_can_be_tapped(name, rng):
    cls = instrument_class(name)
    plane = next(iter(cls.scenes().values()))
    instrument = cls()
    for x, y in rng.uniform(*np.transpose([plane.x, plane.y]), (40, 2)).tolist():
        instrument.act({"action": "tap", "x": x, "y": y})
    assert instrument.state(), "some of them did something"
    assert Screen(instrument).look().description


# --- colours ---------------------------------------------------------------------------------------------------------


def colours(view: InstrumentView) -> list[str]:
    """Every colour that the models of the figures have now and that belongs to a theme."""
    found: list[str] = []
    for shown in view.figures.values():
        for model in shown.plot.references():
            for tag in model.tags:
                for property_name in tag["light"] if isinstance(tag, dict) else ():
                    value = getattr(model, property_name)
                    found += value if isinstance(value, list) else [value]
    return found


def test_the_figures_take_the_colours_of_their_theme(cls):
    switched, dark = view_of(made(cls)), view_of(cls(), theme="dark")
    only_light = set(TOKENS["light"].values()) - set(TOKENS["dark"].values())
    assert {colour[:7] for colour in colours(switched)} <= set(TOKENS["light"].values())
    assert colours(switched)
    switched.theme = "dark"
    assert not {colour[:7] for colour in colours(switched)} & only_light
    assert sorted(colours(switched)) == sorted(colours(dark))
    drawn = ["".join(figure_svg(shown.plot) for shown in view.figures.values()) for view in (dark, fresh_view(cls))]
    assert drawn[0] == drawn[1], "on the page its colours are the theme's variables: one SVG serves light and dark"
    switched.theme = "light"
    assert sorted(colours(switched)) == sorted(colours(fresh_view(cls)))


@pytest.mark.parametrize("name", NAMES)
def test_its_models_are_in_the_pages_first_scripts(name):
    document = Document()
    view_of(made(instrument_class(name))).server_doc(doc=document, location=False)
    own = {type(model).__name__ for model in document.models if isinstance(model, DataModel)}
    models = {str(type(model).__qualified_model__) for model in document.models} - own
    script = (STATIC / "js/bokeh/bokeh.js").read_text("utf-8")
    assert {name.rpartition(".")[2] for name in models} <= set(re.findall(r"^import \{ (\w+) \}", script, re.MULTILINE))


@pytest.mark.parametrize(("python", "npm"), [("bokeh", "@bokeh/bokehjs"), ("panel", "@holoviz/panel")])
def test_python_and_page_have_the_same_version(python, npm):
    lock = json.loads((STATIC / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][f"node_modules/{npm}"]["version"] == importlib.metadata.version(python)


# --- examples.toml ---------------------------------------------------------------------------------------------------


def test_examples_are_of_this_instrument(cls):
    """Their states have been parsed already; what an edit moves is seen in `browser/test_code_overrides.py`."""
    found = examples_of(cls)
    texts = {setting for setting in cls.settings() if isinstance(cls.param[setting], param.String)}
    assert set(found.texts) == texts
    assert all(re.fullmatch(cls.param[name].regex, text) for name, text in found.texts.items())
    code = {source["name"]: source["code"] for source in sources(cls)}
    assert set(code) == set(editable_functions(cls))
    readings = {key for seen in survey(cls) for key in seen.readings}
    layers = {f"{scene.name}.{layer}" for scene in cls.scenes().values() for layer in scene.layers}
    assert found.edits
    for edit in found.edits:
        assert code[edit.function].count(edit.find) >= 1
        assert edit.find not in ("", edit.replace)
        assert edit.moves and set(edit.moves) <= readings | layers
    sliders = {s for s in cls.settings() if cls.param[s].control.kind in ("slider", "seed", "none")}
    assert found.drags
    assert {drag.setting for drag in found.drags} <= sliders
    assert len({drag.name for drag in found.drags}) == len(found.drags)

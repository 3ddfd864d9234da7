"""What every instrument must do, over all that discovery finds."""

import importlib.metadata
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import param
import pytest
from bokeh.document import Document
from bokeh.model import DataModel
from bokeh.models import ColorMapper, GlyphRenderer

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.component import Instrument, StateError
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.front_panel import (
    Choice,
    Menu,
    Slider,
    Text,
    Toggles,
    Transport,
)
from diffusion_lab.app.instrument.theme import TOKENS

from ..markup import Elements

STATIC = ROOT / "static"

SETTINGS = [(name, setting) for name in instrument_names() for setting in instrument_class(name).settings()]

#: A text has no bounds: one that it can be, beside its default.
TEXTS = {("Unmask", "given"): "6:captain 14:letter", ("Ring", "drawing"): "8c8ci0i0r0c0"}

#: A setting may act only where two others are set.
TOGETHER: dict[str, list[dict[str, Any]]] = {"Ring": [{"mode": "reverse", "sampler": "DDIM"}]}


def picture(instrument: Instrument) -> tuple[object, ...]:
    """Everything that a reader sees or is told, once the hand rests, but the time it took."""
    instrument.rest()
    instrument._publish()
    return drawn(instrument), repr(instrument.readings_shown), instrument.description


def drawn(instrument: Instrument) -> str:
    """The figure, and the chart where there is one, as SVG."""
    return "".join(figure_svg(plot) for plot in (instrument.plot, instrument.chart_plot) if plot is not None)


def ends(cls: type[Instrument], setting: str) -> list[Any]:
    """All options of a setting (of a list too long for a glance, the first and the last), its bounds, or two texts."""
    p = cls.param[setting]
    if isinstance(p, param.Boolean):
        return [False, True]
    if isinstance(p, param.Selector):
        return list(p.objects) if len(p.objects) <= 12 else [p.objects[0], p.objects[-1]]
    if isinstance(p, param.String):
        return [p.default, TEXTS[cls.__name__, setting]]
    return list(p.bounds)


def contexts(cls: type[Instrument]) -> list[dict[str, Any]]:
    """The instrument as it begins, with each option of each Selector, and with what acts only together."""
    choices = [s for s in cls.settings() if isinstance(cls.param[s], param.Selector)]
    return [{}, *({s: option} for s in choices for option in ends(cls, s)), *TOGETHER.get(cls.__name__, [])]


@dataclass(frozen=True)
class Seen:
    """What an instrument shows in a context with one setting at one of its ends."""

    context: tuple[tuple[str, Any], ...]
    setting: str
    value: Any
    svg: str
    readings: dict[str, Any]
    description: str


@cache
def survey(cls: type[Instrument]) -> list[Seen]:
    """Every setting at each of its ends, the others as they are, in every context: made once for all tests."""
    seen = []
    for context in contexts(cls):
        instrument = cls()
        instrument.param.update(**context)
        before = {setting: getattr(instrument, setting) for setting in cls.settings()}
        for setting in cls.settings():
            for value in ends(cls, setting):
                if setting not in context:
                    instrument.param.update(**{setting: value})
                    shown = drawn(instrument), dict(instrument.readings_shown), instrument.description
                    seen.append(Seen(tuple(context.items()), setting, value, *shown))
            instrument.param.update(**before)
    return seen


@pytest.fixture(params=instrument_names())
def cls(request) -> type[Instrument]:
    return instrument_class(request.param)


@cache
def fresh(cls: type[Instrument]) -> Instrument:
    """An instrument to be looked at, not moved."""
    return cls()


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_is_documented_and_bounded(name, setting):
    p = instrument_class(name).param[setting]
    assert p.doc.endswith(".")
    assert p.label
    kinds = param.Number | param.Boolean | param.Selector | param.String
    assert isinstance(p, kinds), "a setting travels as text: parse_state"
    assert not isinstance(p, param.String) or p.regex
    if isinstance(p, param.Number) and not isinstance(p, param.Boolean):
        low, high = p.bounds
        assert low < high
        assert low <= p.default <= high
        assert isinstance(p, param.Integer) or p.step


def test_there_is_a_seed(cls):
    assert isinstance(cls.param["seed"], param.Integer)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_has_an_effect(name, setting):
    shown: dict[object, set[object]] = {}
    for seen in survey(instrument_class(name)):
        if seen.setting == setting:
            shown.setdefault(seen.context, set()).add((seen.svg, repr(seen.readings), seen.description))
    assert any(len(different) > 1 for different in shown.values()), "it changes nothing, in any context"


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_state_that_was_reached_can_be_gone_to(name, setting):
    """Moving there and starting there give one picture: updates leave nothing of the way behind."""
    cls = instrument_class(name)
    moved = cls()
    for value in ends(cls, setting):
        if value == cls.param[setting].default:
            continue  # where it began
        moved.param.update(**{setting: value})
        texts = {key: str(value) for key, value in moved.state().items()}
        assert cls.parse_state(texts) == moved.state()
        made = cls(**cls.parse_state(texts))
        assert made.state() == moved.state()
        assert picture(made) == picture(moved)


@pytest.mark.parametrize(
    ("name", "start"),
    [(name, start) for name in instrument_names() for start in contexts(instrument_class(name))],
)
def test_reset_restores_where_it_began(name, start):
    cls = instrument_class(name)
    instrument = cls(**start)
    before, state = picture(instrument), instrument.state()
    for far in (0, -1):
        instrument.param.update(**{setting: ends(cls, setting)[far] for setting in cls.settings()})
    assert instrument.state() != state
    instrument.playing = True
    instrument._handle_msg({"action": "reset"})
    assert (instrument.state(), instrument.playing) == (state, False)
    assert picture(instrument) == before


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_setting_that_is_given_at_the_start_is_kept(name, setting):
    """A chapter's slot gets what its directive says."""
    cls = instrument_class(name)
    for value in ends(cls, setting):
        if value != cls.param[setting].default:
            assert getattr(cls(**{setting: value}), setting) == value


def test_a_seed_gives_one_picture(cls):
    seven = picture(cls(seed=7))
    assert seven == picture(cls(seed=7))
    assert seven != picture(cls(seed=8))


def test_instruments_share_nothing(cls):
    one, other = cls(), cls()
    before = picture(other)
    one.param.update(**{s: ends(cls, s)[0] for s in cls.settings() if isinstance(cls.param[s], param.Number)})
    one.theme = "dark"
    assert picture(other) == before


# --- states as texts -------------------------------------------------------------------------------------------------


def refusal(cls: type[Instrument], **values: str) -> str:
    with pytest.raises(StateError) as refused:
        cls.parse_state(values)
    return str(refused.value)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_texts_are_taken_up_to_the_bounds_and_not_beyond(name, setting):
    cls = instrument_class(name)
    p = cls.param[setting]
    for value in ends(cls, setting):
        got = cls.parse_state({setting: str(value)})[setting]
        assert (got, type(got)) == (value, type(value))
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
    message = f"{cls.__name__} has no parameter `nonsense`; it has {', '.join(cls.settings())}."
    assert refusal(cls, nonsense="1") == message
    for internal in ("playing", "theme", "markup", "width"):
        assert refusal(cls, **{internal: "1"}).startswith(f"{cls.__name__} has no parameter `{internal}`")


def test_the_start_is_no_state(cls):
    assert fresh(cls).state() == {}


# --- the front panel -------------------------------------------------------------------------------------------------


def inputs_wanted(cls: type[Instrument]) -> Counter[str]:
    """How many inputs each setting has: a slider two, a choice one an option, the others one."""
    wanted: Counter[str] = Counter()
    for item in cls.front_panel.controls:
        match item:
            case Menu() | Text():
                wanted[item.param] += 1
            case Slider():
                wanted[item.param] += 2
            case Choice():
                wanted[item.param] += len(cls.param[item.param].objects)
            case Toggles():
                wanted.update(item.params)
            case Transport():
                wanted[item.seed] += 1
    return wanted


def test_every_setting_stands_on_the_panel(cls):
    elements = Elements(fresh(cls).markup)
    found = Counter(tag["data-param"] for tag in elements.having("data-param"))
    assert found == inputs_wanted(cls)
    drawn_on_the_picture = {tag["data-brush"] for tag in elements.having("data-brush")}
    assert set(found) | drawn_on_the_picture == set(cls.settings())


def test_inputs_have_the_bounds_the_value_and_the_words_of_their_setting(cls):
    instrument = fresh(cls)
    for tag in Elements(instrument.markup).having("data-param"):
        p, value = cls.param[tag["data-param"]], getattr(instrument, tag["data-param"])
        if tag["tag"] == "select":
            assert tag["data-param"] in [item.param for item in cls.front_panel.controls if isinstance(item, Menu)]
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


def test_what_is_shown_at_times_waits_for_a_value_that_there_is(cls):
    for tag in Elements(fresh(cls).markup).having("data-when"):
        setting, colon, values = tag["data-when"].partition(":")
        known = {str(value) for value in ends(cls, setting)}
        assert set(values.split("|")) <= known if colon else isinstance(cls.param[setting], param.Boolean)


def test_what_is_shown_at_times_is_hidden_at_the_others(cls):
    """In the static page too: the same rule as `render` of front_panel.js has."""
    for context in contexts(cls):
        instrument = cls()
        instrument.param.update(**context)
        for tag in Elements(instrument.front_panel_html()).having("data-when"):
            setting, _, wanted = tag["data-when"].partition(":")
            met = str(getattr(instrument, setting)) in (wanted or "True").split("|")
            assert ("hidden" in tag) is not met, tag


def test_a_chart_has_its_place(cls):
    assert (fresh(cls).chart_plot is not None) == bool(cls.front_panel.chart)
    assert fresh(cls).markup.count("<!--chart-->") == bool(cls.front_panel.chart)


def test_what_is_played_runs_from_0_to_1(cls):
    """As `player` of front_panel.js takes it to."""
    (transport,) = [item for item in cls.front_panel.controls if isinstance(item, Transport)]
    assert cls.param[transport.plays].bounds == (0, 1)
    (tag,) = Elements(fresh(cls).markup).having("data-plays")
    assert (tag["data-plays"], float(tag["data-seconds"])) == (transport.plays, transport.seconds)


def test_every_reading_is_made_and_shown(cls):
    panel = cls.front_panel
    keys = [item.key for item in panel.readouts]
    keys += [key for item in panel.measures for key in (item.key, f"{item.key}_true")]
    problems = {f"{item.param}_problem" for item in panel.controls if isinstance(item, Text)}
    assert all(set(seen.readings) - problems == set(keys) for seen in survey(cls))
    tags = Elements(fresh(cls).markup).tags
    shown = [tag.get("data-reading") or tag["data-bars"] for tag in tags if {"data-reading", "data-bars"} & set(tag)]
    assert sorted(shown) == sorted([*keys, *problems])


def test_legends_name_colours_of_the_theme(cls):
    assert {item.colour for item in cls.front_panel.legends} <= set(TOKENS["light"])


def test_there_is_one_of_each_button(cls):
    elements = Elements(fresh(cls).markup)
    assert sorted(tag["data-action"] for tag in elements.having("data-action")) == ["reset", "run", "step"]
    assert len(elements.having("data-play")) == 1


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_picture_is_told_in_words(cls):
    for seen in survey(cls):
        assert seen.description.endswith(".")
        assert any(letter.isdigit() for letter in seen.description)
    (figure_tag,) = [tag for tag in Elements(fresh(cls).markup).tags if tag.get("class") == "figure"]
    assert (figure_tag["role"], figure_tag["aria-label"]) == ("img", fresh(cls).description)


def test_the_words_follow_the_picture(cls):
    """Where a slider or a choice moves the picture, the description says something else."""
    of_sliders = {item.param for item in cls.front_panel.controls if isinstance(item, Slider | Choice | Menu)}
    pictures: dict[object, set[str]] = {}
    words: dict[object, set[str]] = {}
    for seen in survey(cls):
        if seen.setting in of_sliders:
            pictures.setdefault((seen.context, seen.setting), set()).add(seen.svg)
            words.setdefault((seen.context, seen.setting), set()).add(seen.description)
    assert max(len(different) for different in pictures.values()) > 1
    assert [place for place in pictures if len(words[place]) < len(pictures[place])] == []


# --- what the browser sends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [{"action": "fly"}, {"action": None}, {}, "run", None, [1]])
def test_an_unknown_action_is_refused(cls, message):
    with pytest.raises(StateError) as refused:
        fresh(cls)._handle_msg(message)
    assert str(refused.value) == f"An instrument is sent one of the actions run, step, reset, got {message!r}."


def test_actions_can_be_asked_for_in_any_state(cls):
    """Twice each, and at the end of what is played too: no Param leaves its bounds."""
    (transport,) = [item for item in cls.front_panel.controls if isinstance(item, Transport)]
    for context in contexts(cls):
        instrument = cls(**context)
        for action in ("step", "run", "step", "step", "run", "run"):
            instrument._handle_msg({"action": action})
        instrument.param.update(**{transport.plays: 1.0})
        instrument._handle_msg({"action": "step"})
        assert getattr(instrument, transport.plays) <= 1


# --- colours ---------------------------------------------------------------------------------------------------------


def colours(instrument: Instrument) -> list[str]:
    """Every colour that the figure's glyphs and colour maps hold."""
    found: list[str] = []
    for plot in (instrument.plot, instrument.chart_plot):
        for model in plot.references() if plot is not None else ():
            if isinstance(model, GlyphRenderer):
                values = [getattr(model.glyph, f"{part}_color", None) for part in ("line", "fill", "text")]
                found += [value for value in values if isinstance(value, str) and value.startswith("#")]
            elif isinstance(model, ColorMapper):
                found += list(model.palette)
    return found


def test_the_figure_takes_the_colours_of_its_theme(cls):
    switched, made = cls(), cls(theme="dark")
    only_light = set(TOKENS["light"].values()) - set(TOKENS["dark"].values())
    assert {colour[:7] for colour in colours(switched)} <= set(TOKENS["light"].values())
    assert colours(switched)
    switched.theme = "dark"
    assert not {colour[:7] for colour in colours(switched)} & only_light
    assert sorted(colours(switched)) == sorted(colours(made))
    switched.theme = "light"
    assert sorted(colours(switched)) == sorted(colours(fresh(cls)))


def test_the_picture_on_the_page_is_the_same_in_both_themes(cls):
    """Its colours are the theme's variables: one SVG serves light and dark."""
    assert drawn(cls(theme="dark")) == drawn(fresh(cls))


@pytest.mark.parametrize("name", instrument_names())
def test_its_models_are_in_the_pages_first_scripts(name):
    document = Document()
    instrument = instrument_class(name)()
    instrument.server_doc(doc=document, location=False)
    own = {type(model).__name__ for model in document.models if isinstance(model, DataModel)}
    models = {str(type(model).__qualified_model__) for model in document.models} - own
    script = (STATIC / "js/bokeh/bokeh.js").read_text("utf-8")
    assert {name.rpartition(".")[2] for name in models} <= set(re.findall(r"^import \{ (\w+) \}", script, re.MULTILINE))


@pytest.mark.parametrize(("python", "npm"), [("bokeh", "@bokeh/bokehjs"), ("panel", "@holoviz/panel")])
def test_python_and_page_have_the_same_version(python, npm):
    lock = json.loads((STATIC / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][f"node_modules/{npm}"]["version"] == importlib.metadata.version(python)

"""Settings of a small instrument (`dial.py`): their controls, and states as texts."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl

import param
import pytest

from diffusion_lab.app.instrument.instrument import StateError

from .dial import SETTINGS, Dial


def test_settings_are_in_the_order_of_their_definition():
    assert Dial.settings() == SETTINGS
    assert "playing" not in Dial.settings()


def test_a_setting_is_a_param_with_a_control():
    level, count, sampler, seed = (Dial.param[name] for name in ("level", "count", "sampler", "seed"))
    assert (level.default, level.bounds, level.step, level.label, level.doc) == (
        *(0.2, (0, 1), 0.1),
        *("Level", 'How "high".'),
    )
    assert (level.control.kind, level.control.symbol, level.control.unit) == ("slider", "l", "m")
    assert level.control.ends == ("data <", "noise")
    assert (count.default, count.bounds, count.step, count.control.kind) == (5, (1, 50), 1, "slider")
    assert isinstance(count, param.Integer)
    assert (sampler.objects, sampler.control.kind) == (["ode_heun", "sde_euler"], "menu")
    assert (seed.bounds, seed.control.kind) == ((0, 9999), "seed")
    assert (Dial.param["word"].regex, Dial.param["drawing"].control.kind) == (r"^[a-z]{0,4}$", "none")


def test_options_have_words_for_people(dial):
    assert dict(Dial.param["view"].control.labels) == {"pairs": "Pairs", "flow": "The <flow>"}
    assert dict(Dial.param["sampler"].control.labels) == {"ode_heun": "Ode heun", "sde_euler": "Sde euler"}
    dial.view = "flow"
    assert (dial.label("view"), dial.label("sampler"), dial.label("count")) == ("The <flow>", "Ode heun", "5")


@pytest.mark.parametrize(
    ("name", "value"), [("level", 1.1), ("level", math.nan), ("count", 2.5), ("view", "other"), ("word", "A")]
)
def test_a_value_that_a_setting_cannot_take_is_refused(dial, name, value):
    before = getattr(dial, name)
    if not (isinstance(value, float) and math.isnan(value)):
        with pytest.raises(ValueError, match=name):
            dial.param.update(**{name: value})
        assert getattr(dial, name) == before


# --- states as texts -------------------------------------------------------------------------------------------------


def test_the_state_is_what_differs_from_the_defaults(dial):
    assert (dial.state(), dial.query) == ({}, "")
    dial.param.update(level=0.4, seed=3, show_line=True, view="flow")
    assert dial.state() == {"level": 0.4, "half": 0.2, "view": "flow", "show_line": True, "seed": 3}
    assert dial.query == "level=0.4&half=0.2&view=flow&show_line=true&seed=3"


def test_the_query_is_what_differs_from_the_place():
    """A setting at its default is in it where the place sets another value."""
    placed = Dial(level=0.4, word="xy")
    assert (placed.query, placed.initial["half"]) == ("", 0.2)
    placed.param.update(level=0.2, seed=3)
    assert placed.state() == {"word": "xy", "seed": 3}
    assert placed.query == "level=0.2&half=0.1&seed=3"
    again = Dial(level=0.4, word="xy")
    again.resume(Dial.parse_state(dict(parse_qsl(placed.query))))
    assert again.values() == placed.values()


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ({"level": "1e-1", "seed": " 3 "}, {"level": 0.1, "seed": 3}),
        ({"show_line": "TRUE"}, {"show_line": True}),
        ({"show_line": "0"}, {"show_line": False}),
        ({"word": "xyz"}, {"word": "xyz"}),
        ({"sampler": " ODE_Heun "}, {"sampler": "ode_heun"}),
        ({}, {}),
    ],
)
def test_texts_are_parsed(texts, values):
    assert Dial.parse_state(texts) == values


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"word": "A"}, r"`word` must be a text that matches ^[a-z]{0,4}$, got 'A'."),
        ({"level": "1.01"}, "`level` must be a number from 0.0 to 1.0, got '1.01'."),
        ({"level": "nan"}, "`level` must be a number from 0.0 to 1.0, got 'nan'."),
        ({"count": "2.5"}, "`count` must be a whole number from 1 to 50, got '2.5'."),
        ({"show_line": "yes"}, "`show_line` must be true or false, got 'yes'."),
        ({"view": "all"}, "`view` must be one of pairs, flow, got 'all'."),
        ({"mode": "all"}, "`mode` must be one of pairs, flow, got 'all'."),
        ({"playing": "true"}, f"Dial has no setting `playing`; it has {', '.join(SETTINGS)}."),
    ],
)
def test_a_text_that_cannot_be_taken_has_its_sentence(texts, message):
    with pytest.raises(StateError) as refused:
        Dial.parse_state(texts)
    assert str(refused.value) == message


def test_one_wrong_text_takes_none(dial):
    with pytest.raises(StateError):
        dial.param.update(**Dial.parse_state({"level": "0.9", "seed": "-1"}))
    assert dial.state() == {}


def test_former_names_and_values_are_understood():
    assert Dial.parse_state({"mode": "flow", "num_steps": "7"}) == {"view": "flow", "langevin_steps": 7}
    assert Dial.parse_state({"sampler": "reverse_sde"}) == {"sampler": "sde_euler"}


def test_an_address_may_hold_anything():
    settings, problems = Dial.parse_leniently(
        {"level": "0.9", "utm_source": "x", "lang": "de", "v": "2", "cuont": "7", "seed": "-1", "Mode": "flow"}
    )
    assert settings == {"level": 0.9}
    assert problems == [
        f"Dial has no setting `cuont`; it has {', '.join(SETTINGS)}.",
        "`seed` must be a whole number from 0 to 9999, got '-1'.",
    ]


@pytest.mark.subject(Dial, each_alone=type("Alone", (Dial,), {"reconcile": lambda self, changed: None}))
def test_values_that_contradict_have_their_sentence(subject):
    """`half` is kept at half of `level`: an address with both says what the one becomes that has no effect."""
    assert subject.contradictions({"level": 0.4, "half": 0.2}) == []
    assert subject.contradictions({"half": 0.4}) == [], "alone it contradicts nothing"
    sentence = "`half` cannot be 0.5 beside the other settings; it becomes 0.2."
    assert subject.contradictions({"level": 0.4, "half": 0.5}) == [sentence]
    assert subject.parse_leniently({"level": "0.4", "half": "0.5"}) == ({"level": 0.4, "half": 0.5}, [sentence])

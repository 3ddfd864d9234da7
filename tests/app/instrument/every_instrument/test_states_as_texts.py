"""Every instrument's state as text: what is accepted, what is refused and with which sentence."""

from __future__ import annotations

import math

import param
import pytest

from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument, StateError

from .survey import (
    SETTINGS,
    ends,
    fresh,
)


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

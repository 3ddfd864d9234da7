"""Every instrument's state as text: what is accepted, what is refused and with which sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from urllib.parse import parse_qsl

import numpy as np
import param
import pytest

from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument, StateError
from diffusion_lab.app.instrument.vocabulary import SETTING_ALIASES

from .survey import (
    SETTINGS,
    State,
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
    misspelt = f"{setting}e" if setting[:-1] in SETTING_ALIASES else setting[:-1]
    found, (problem,) = cls.parse_leniently({misspelt: "1"})
    assert found == {}
    assert problem.startswith(f"{cls.__name__} has no setting `{misspelt}`; it has ")


def test_the_start_is_no_state(cls):
    assert (fresh(cls).state(), fresh(cls).query) == ({}, "")


def states_on_the_way(cls: type[Instrument], steps: int, rng: np.random.Generator) -> Iterator[State]:
    """All settings after each of many changes, of one to three settings at once."""
    instrument = cls()
    for _ in range(steps):
        moved = rng.choice(cls.settings(), int(rng.integers(1, 4)), replace=False)
        instrument.param.update(**{name: (values := ends(cls, name))[rng.integers(len(values))] for name in moved})
        yield instrument.values()


def opened_from_a_link(place: Instrument, query: str) -> Instrument:
    """What a page shows whose place has that start, and whose address has the query."""
    opened = type(place)(**place.initial)
    opened.move(**opened.parse_state(dict(parse_qsl(query, keep_blank_values=True))))
    return opened


@pytest.mark.subject(
    opened_from_a_link, without_the_place=lambda place, query: opened_from_a_link(type(place)(), query)
)
def test_a_link_opens_its_state_in_every_place(cls, subject, rng):
    """And so do a state that is set as a whole, one that is resumed, and one that an embed code gives in full."""
    states = list(states_on_the_way(cls, 40, rng))
    for start, state in zip(states, reversed(states), strict=True):
        place = cls(**start)
        assert place.values() == start
        place.move(**state)
        assert place.values() == state
        assert subject(place, place.query).values() == pytest.approx(state)
        other = cls(**start)
        other.resume(cls.parse_state(dict(parse_qsl(place.query, keep_blank_values=True))))
        assert other.values() == pytest.approx(state)
        texts = {name: as_text(value) for name, value in state.items()}
        assert cls(**cls.parse_state(texts)).values() == pytest.approx(state)

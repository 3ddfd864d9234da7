"""Every instrument's transport and marks: what is on show is played, and nothing is offered where nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.markup import front_panel_html, slider_marks

from ...markup import Elements
from .survey import NAMES, SETTINGS, Screen, State, examples_of, made


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

"""Frames: what the main slider shows before Python is there is what the instrument itself would show."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.build.still_frames import MOST, make_frames, places
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.view import InstrumentView, view_of

DOT = re.compile(r"M(-?[\d.]+) (-?[\d.]+)h0")
FILMED = [name for name in instrument_names() if instrument_class(name).panel.frames]


@cache
def film(name: str) -> dict[str, Any]:
    return json.loads(make_frames(view_of(instrument_class(name)())))


def drawn(view: InstrumentView) -> list[str]:
    return [figure_svg(figure.plot) for figure in view.figures.values()]


def numbers(values: dict[str, Any]) -> dict[str, Any]:
    """Readings without what the machine's speed goes into."""
    return {key: value for key, value in values.items() if "ms" not in str(value)}


def test_every_instrument_moves_before_python():
    assert instrument_names() == FILMED


@pytest.mark.parametrize("name", FILMED)
def test_places_are_on_the_slider_and_reach_both_ends(name):
    cls = instrument_class(name)
    param = cls.panel.frames
    assert cls.param[param].control.kind == "slider"
    found, p = places(cls()), cls.param[param]
    assert (found[0], found[-1]) == p.bounds
    assert 10 <= len(found) <= MOST
    steps = [(place - p.bounds[0]) / (p.step or 1) for place in found]
    assert steps == pytest.approx([round(step) for step in steps])
    assert sorted(set(found)) == found


@pytest.mark.parametrize("name", FILMED)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_frame_is_what_the_instrument_shows_there(name, share):
    made = film(name)
    k = round(share * (len(made["places"]) - 1))
    cls = instrument_class(name)
    kind = type(cls.param[made["param"]].default)
    there = view_of(cls(**{made["param"]: kind(made["places"][k])}))
    frame = made["frames"][k]
    assert numbers(frame["readings"]) == numbers(there.readings_shown)
    assert frame["description"] == there.description
    pictures = [made["pictures"][picture] for picture in frame["pictures"]]
    for picture, exact in zip(pictures, drawn(there), strict=True):
        assert DOT.sub("", picture) == DOT.sub("", exact), "all but the dots is exact"
        places, exact_places = (np.array(DOT.findall(svg), float).reshape(-1, 2) for svg in (picture, exact))
        np.testing.assert_allclose(places, exact_places, rtol=0, atol=0.5 + 1e-9)


@pytest.mark.parametrize("name", FILMED)
def test_the_instrument_is_left_as_it_was(name):
    view = view_of(instrument_class(name)())
    times = dict.fromkeys(view.instrument.panel.durations)
    before = drawn(view), view.readings_shown | times, view.query
    make_frames(view)
    assert (drawn(view), view.readings_shown | times, view.query) == before


@pytest.mark.parametrize("name", FILMED)
def test_no_picture_is_kept_twice(name):
    made = film(name)
    assert len(set(made["pictures"])) == len(made["pictures"])
    assert {k for frame in made["frames"] for k in frame["pictures"]} == set(range(len(made["pictures"])))

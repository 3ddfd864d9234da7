"""Every setting of every instrument: documented, bounded, effective, and kept when it is given."""

from __future__ import annotations

import param
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.settings import SETTING_TYPES

from .survey import (
    NAMES,
    SETTINGS,
    Picture,
    in_turn,
    survey,
)


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
def test_a_setting_that_is_given_at_the_start_is_kept(name, setting):
    """A chapter's slot gets what its directive says."""
    cls = instrument_class(name)
    for value in in_turn(cls, setting):
        assert getattr(cls(**{setting: value}), setting) == value

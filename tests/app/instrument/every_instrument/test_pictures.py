"""Every instrument's picture depends on its settings alone: not on earlier ones, on slices or on other instruments."""

from __future__ import annotations

import param
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class

from .survey import (
    NAMES,
    SETTINGS,
    Screen,
    contexts,
    ends,
    in_turn,
    made,
    picture,
    seen_alone,
)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_state_that_was_reached_can_be_gone_to(name, setting):
    """Moving there and starting there give one picture: nothing of the way is left behind."""
    cls = instrument_class(name)
    moved = made(cls)
    for value in in_turn(cls, setting):
        moved.reset()
        moved.param.update(**{setting: value})
        other = cls(**moved.state())
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

"""Every instrument's actions: buttons and taps in any state."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import ACTIONS, StateError
from diffusion_lab.app.instrument.panel import Tap

from .survey import (
    NAMES,
    Screen,
    contexts,
    fresh,
    made,
)


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

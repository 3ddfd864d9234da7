"""Instruments on a small one (`dial.py`): settings that depend on one another, buttons, downloads and classes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffusion_lab.app.instrument import Estimate, Instrument, computed, readings, whole
from diffusion_lab.app.instrument.instrument import ACTIONS, StateError
from diffusion_lab.app.instrument.readings import not_numbers
from diffusion_lab.app.instrument.scenes import Plane

from .dial import Dial, Timed, parts

# --- settings that depend on one another -----------------------------------------------------------------------------


def test_settings_that_depend_on_one_another_agree(dial):
    dial.param.update(level=0.8, show_line=True)
    assert (dial.half, dial.calls) == (0.4, ["reconcile level show_line"])
    dial.half = 0.3
    assert (dial.half, dial.calls[1:]) == (0.4, ["reconcile half"])


def test_what_makes_them_agree_may_read_results():
    """They are those of the settings as they are by then, however they were set."""

    class Reading(Dial):
        """Keeps `half` at a tenth of the number of rows."""

        def reconcile(self, changed):
            self.half = len(self.cloud) / 100

    reading = Reading(count=5)
    reading.answer()
    reading.count = 7
    assert reading.half == 0.07
    reading.param.update(count=9)
    assert reading.half == 0.09


def test_they_agree_from_the_start():
    assert Dial(level=0.6).half == 0.3
    assert Dial(level=0.6).calls == ["reconcile level"]


def test_settings_that_move_together_are_reconciled_once(dial):
    dial.move(level=0.6, seed=4)
    assert dial.calls == ["reconcile level seed"]


def test_reset_restores_what_the_instrument_was_made_with():
    dial = Dial(level=0.6, seed=4)
    dial.param.update(level=0.1, seed=9, view="flow", playing=True)
    dial.reset()
    assert (dial.level, dial.half, dial.seed, dial.view, dial.playing) == (0.6, 0.3, 4, "pairs", False)


# --- presets ---------------------------------------------------------------------------------------------------------


def without_the_place(self, values, *, keep=False):
    self.move(playing=False, **{name: self.param[name].default for name in self.settings()} | values)


@pytest.mark.subject(
    Instrument.preset,
    leftovers=lambda self, values, *, keep=False: self.move(playing=False, **values),
    without_the_place=without_the_place,
    playing=lambda self, values, *, keep=False: self.move(**(self.initial | values)),
    nothing_kept=lambda self, values, *, keep=False: self.resume(values),
)
def test_a_preset_starts_from_the_place_and_leaves_nothing_behind(subject):
    placed = Dial(level=0.4, word="xy")
    subject(placed, {"show_line": True, "seed": 3})
    placed.move(playing=True, drawing="0000")
    subject(placed, {"view": "flow"})
    assert placed.values() == Dial(level=0.4, word="xy", view="flow", drawing="0000").values(), "a drawing is kept"
    assert not placed.playing
    placed.level = 0.8
    subject(placed, {"count": 7}, keep=True)
    assert placed.values() == Dial(level=0.8, word="xy", view="flow", drawing="0000", count=7).values()
    subject(placed, {"drawing": ""})
    assert placed.query == ""


def test_settings_follow_those_of_a_preset_as_they_follow_the_reader():
    placed = Dial(level=0.4)
    placed.preset({"level": 0.8})
    assert placed.half == 0.4


# --- buttons and taps ------------------------------------------------------------------------------------------------


def test_playing_from_the_start_moves_all_at_once(dial):
    dial.level = 0.6
    dial.calls.clear()
    dial.play_from_start(seed=3)
    assert (dial.level, dial.seed, dial.playing) == (0.0, 3, True)
    assert dial.calls == ["reconcile level seed"]


def test_a_step_goes_no_further_than_the_bound(dial):
    dial.param.update(level=0.85, playing=True)
    for expected in (0.95, 1.0, 1.0):
        dial.act({"action": "step"})
        assert (dial.level, dial.playing) == (pytest.approx(expected), False)


def test_run_plays_from_the_start(dial):
    dial.act({"action": "run"})
    assert (dial.level, dial.playing) == (0.0, True)
    dial.act({"action": "reset"})
    assert (dial.level, dial.playing) == (0.2, False)


def test_run_again_at_the_end_takes_the_next_seed(dial):
    """Whoever asks for another sample gets one; one that was set by a link or by hand is played first."""
    dial.level = 1.0
    dial.act({"action": "run"})
    assert (dial.level, dial.seed) == (0.0, 0), "the state that a link gave is shown as it is"
    dial.act({"action": "run"})
    assert dial.seed == 0, "it has not ended"
    dial.level = 1.0
    dial.act({"action": "run"})
    assert (dial.level, dial.seed, dial.playing) == (0.0, 1, True)
    assert "seed=1" in dial.query
    dial.level = 1.0
    dial.count = 7
    dial.act({"action": "run"})
    assert dial.seed == 1, "another number of points is shown under the same seed"
    dial.param.update(seed=9999)
    dial.run()
    dial.level = 1.0
    dial.run()
    assert dial.seed == 0


def test_the_reader_s_code_is_named_and_nothing_is_called_exact(dial):
    dial.edited = ("common.mixtures.GaussianMixture.score", "ring.kernel.forward")
    assert dial.answer().status == "runs your score, forward · 5 points"
    assert dial.csv().startswith("# Dial <&>\n# runs your score, forward\n# level")
    dial.edited = ()
    assert dial.answer().status == "5 points · float64"


def test_a_reading_that_is_no_number_has_a_sentence(dial):
    class Wrong(Dial):
        """Its readings go wrong below half."""

        @readings
        def sums(self):
            return {"sum": math.nan if self.level < 0.5 else 1.0, "mean": (1.0, np.array([0.0, math.nan]))}

        @readings
        def others(self):
            return {"shares": (np.ones(2), "true ½"), "late": (None, math.inf)}

    wrong = Wrong()
    assert wrong.answer().status.endswith(" · no number (nan) came out for: sum, mean")
    wrong.level = 0.6
    assert wrong.answer().status.endswith(" · no number (nan) came out for: mean")
    dial.forget_answers()
    assert "nan" not in dial.answer().status
    assert not_numbers(dial.panel, {"late": (Estimate(math.nan, 0.1), None)}) == ["late"]


def test_a_tap_is_given_in_data_units(dial):
    dial.act({"action": "tap", "x": -0.5, "y": "1.5"})
    assert dial.calls == ["tap -0.5 1.5", "reconcile level"]
    assert dial.level == 0.5


@pytest.mark.parametrize("message", [{"action": "fly"}, {"action": None}, {}, "run", None, [1], {"action": "act"}])
def test_an_unknown_action_is_refused(dial, message):
    with pytest.raises(StateError) as refused:
        dial.act(message)
    assert str(refused.value) == f"An instrument is sent one of the actions {', '.join(ACTIONS)}, got {message!r}."


@pytest.mark.parametrize("place", [{}, {"x": 1}, {"x": "a", "y": 1}, {"x": None, "y": 1}])
def test_a_tap_without_a_place_is_refused(dial, place):
    with pytest.raises(StateError, match=r"^A tap needs the numbers x and y, got "):
        dial.act({"action": "tap", **place})
    assert dial.calls == []


def test_the_data_are_written_as_csv(dial):
    about, _, data = dial.csv().rpartition("\n# ")[0], *dial.csv().partition("level,n,said")[1:]
    assert data == '\n0.2,0,"a, b"\n0.333333333,1,""""\n'
    assert about.startswith("# Dial <&>\n# level = 0.2\n# half = 0.1\n# count = 5\n# word = ab\n")
    assert dial.csv().count("\n# ") == len(dial.settings()), "each setting has its line"


def test_columns_of_different_lengths_are_no_table(dial):
    dial.table = lambda: {"a": np.zeros(2), "b": np.zeros(3)}
    with pytest.raises(ValueError):
        dial.csv()


# --- classes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["status", "describe", "table"])
def test_an_instrument_must_say_what_it_shows(method):
    class Empty(Instrument):
        """Nothing."""

        panel = Dial.panel

    with pytest.raises(NotImplementedError):
        getattr(Empty(), method)()


def test_a_subclass_has_the_scenes_of_its_base():
    assert list(Timed.scenes()) == ["plane", "chart"]
    assert set(Timed().answer().layers) == set(Dial().answer().layers)
    assert Timed().answer().texts == Dial().answer().texts


def test_as_many_data_as_layers_must_be_given():
    class Short(Dial):
        """A method gives too little."""

        plane = type(Dial.plane)(1.0, *Dial.plane.layers.values())

        @plane.layer("dots", "line")
        def _(self):
            yield {"x": np.zeros((0, 2)), "part": [0]}

    with pytest.raises(ValueError, match=r"^plane: 1 data for the layers dots, line\.$"):
        Short().answer()


def test_two_of_them_share_nothing():
    one, other = Dial(), Dial()
    other.answer()
    one.param.update(level=0.9, seed=7)
    one.answer()
    assert (other.state(), parts(other.answer())) == ({}, {})


@pytest.mark.parametrize("hidden", [Plane(1.0), whole(0, 0, 1, "Seen", "Seen."), computed(lambda self: 0)])
def test_a_part_cannot_hide_what_every_instrument_has(hidden):
    with pytest.raises(TypeError, match=r"^Other\.seen: every instrument has something of this name"):
        type("Other", (Dial,), {"seen": hidden})

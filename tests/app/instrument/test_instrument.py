"""Instruments on a small one (`dial.py`): settings, states as texts, answers, actions, words and downloads."""

from __future__ import annotations

import math

import numpy as np
import param
import pytest

from diffusion_lab.app.instrument import Instrument, Status
from diffusion_lab.app.instrument.conditions import Condition, as_text
from diffusion_lab.app.instrument.instrument import ACTIONS, Answer, StateError

from .dial import STEPS, Dial

SETTINGS = (
    *("level", "half", "count", "word", "drawing", "view", "sampler", "langevin_steps"),
    *("show_line", "show_heat", "seed"),
)


@pytest.fixture
def dial() -> Dial:
    """One that has answered, and whose calls begin now."""
    made = Dial()
    made.answer()
    made.calls.clear()
    return made


def parts(answer: Answer) -> dict[str, object]:
    """What an answer holds: its parts that are not empty."""
    return {name: value for name, value in vars(answer).items() if value not in ({}, None, (), False)}


# --- settings --------------------------------------------------------------------------------------------------------


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


# --- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "markup"),
    [
        (None, ""),
        ("show_line", "show_line:true"),
        ({"view": "flow"}, "view:flow"),
        ({"view": ("pairs", "flow"), "show_line": False}, "view:pairs|flow;show_line:false"),
        ({"count": [3, 7]}, "count:3|7"),
    ],
)
def test_a_condition_is_parsed_and_written(when, markup):
    condition = Condition.of(when)
    assert condition.markup == markup
    assert bool(condition) == bool(markup)
    assert Condition.of(condition) is condition


@pytest.mark.subject(
    Condition.met,
    any_of_them=lambda condition, settings: any(as_text(getattr(settings, n)) in v for n, v in condition.allowed),
    the_first_value=lambda condition, settings: all(
        as_text(getattr(settings, n)) == v[0] for n, v in condition.allowed
    ),
    always=lambda condition, settings: True,
)
def test_a_condition_holds_where_each_setting_has_one_of_its_values(dial, subject):
    both = Condition.of({"view": ("flow", "pairs"), "show_line": True})
    assert not subject(both, dial)
    dial.show_line = True
    assert subject(both, dial)
    dial.view = "flow"
    assert subject(both, dial)
    assert subject(Condition.of({"count": 5}), dial)
    assert not subject(Condition.of({"view": "pairs", "show_line": True}), dial)


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (0.30000000000000004, "0.3"), (3, "3"), ("a", "a")])
def test_values_are_written_as_texts(value, text):
    assert as_text(value) == text


# --- states as texts -------------------------------------------------------------------------------------------------


def test_the_state_is_what_differs_from_the_defaults(dial):
    assert (dial.state(), dial.query) == ({}, "")
    dial.param.update(level=0.4, seed=3, show_line=True, view="flow")
    assert dial.state() == {"level": 0.4, "half": 0.2, "view": "flow", "show_line": True, "seed": 3}
    assert dial.query == "level=0.4&half=0.2&view=flow&show_line=true&seed=3"


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
    assert dial.csv() == 'level,n,said\n0.2,0,"a, b"\n0.333333333,1,""""\n'


def test_columns_of_different_lengths_are_no_table(dial):
    dial.table = lambda: {"a": np.zeros(2), "b": np.zeros(3)}
    with pytest.raises(ValueError):
        dial.csv()


# --- answers ---------------------------------------------------------------------------------------------------------


def test_the_first_answer_holds_everything_that_shows():
    dial = Dial()
    answer = dial.answer()
    assert answer.settings == {**{name: getattr(dial, name) for name in SETTINGS}, "playing": False}
    assert set(answer.layers) == {"plane.dots", "plane.line", "plane.arrows", "chart.bars"}
    assert [name for name, shows in answer.visible.items() if not shows] == ["plane.heat", "plane.line", "chart.late"]
    assert answer.ranges == {"chart": ((0.0, 10.0), (0.0, 1.0))}
    assert answer.texts["sum"] == "0.30"
    assert answer.numbers["sum"] == pytest.approx(0.3)
    assert (answer.status, answer.query) == ("5 points · float64", "")
    assert answer.description == "Level 0.2, sum 0.30."
    assert (answer.pale, answer.progress, answer.working) == ((), None, False)


def test_an_answer_holds_only_what_has_changed(dial):
    assert parts(dial.answer()) == {}
    dial.seed = 1
    answer = dial.answer()
    assert set(parts(answer)) == {"settings", "layers", "texts", "numbers", "query"}
    assert set(answer.layers) == {"plane.dots"}, "one method gives both, but the line is the same as before"
    assert (answer.settings, answer.query, set(answer.texts)) == ({"seed": 1}, "seed=1", {"mean"})
    assert set(answer.numbers) == {"mean"}
    assert parts(dial.answer()) == {}


def test_what_did_not_read_a_setting_is_not_computed_when_it_moves(dial):
    dial.param.update(word="x", sampler="sde_euler", langevin_steps=9)
    answer = dial.answer()
    assert [call for call in dial.calls if not call.startswith("reconcile")] == []
    assert set(parts(answer)) == {"settings", "query"}


def test_ranges_move_with_the_data(dial):
    dial.level = 0.7
    assert dial.answer().ranges == {"chart": ((0.0, 10.0), (0.0, 2.0))}
    dial.level = 0.8
    assert dial.answer().ranges == {}


def test_a_layer_that_is_not_shown_is_not_computed(dial):
    assert "heat" not in dial.calls
    dial.show_heat = True
    answer = dial.answer()
    assert answer.visible == {"plane.heat": True}
    assert answer.layers["plane.heat"]["image"].tolist() == [[51] * 3] * 2
    dial.show_heat = False
    dial.level = 0.4
    answer = dial.answer()
    assert answer.visible == {"plane.heat": False}
    assert "plane.heat" not in answer.layers
    dial.show_heat = True
    assert dial.answer().layers["plane.heat"]["image"].tolist() == [[102] * 3] * 2


def test_a_layer_whose_data_are_none_is_empty(dial):
    dial.view = "flow"
    columns = dial.answer().layers["plane.arrows"]
    assert {name: len(column) for name, column in columns.items()} == {"x": 0, "y": 0, "x1": 0, "y1": 0}


def test_a_reading_that_is_gone_is_told(dial):
    """None is a value, too."""
    dial.show_line = True
    assert dial.answer().numbers["late"] == [pytest.approx(1.0), 1.0]
    dial.show_line = False
    answer = dial.answer()
    assert (answer.texts["late"], answer.numbers["late"]) == ("–", [None, 1.0])


def test_what_the_page_has_set_is_no_news_to_it(dial):
    dial.answered({"level": 0.8})
    dial.move(level=0.8)
    assert dial.answer().settings == {"half": 0.4}
    dial.answered({"half": 0.1})
    dial.move(half=0.1)
    assert dial.answer().settings == {"half": 0.4}, "but what became of it is"


def test_after_forgetting_the_next_answer_holds_everything(dial):
    dial.forget_answers()
    again, first = dial.answer(), Dial().answer()
    assert set(parts(again)) == set(parts(first))
    assert set(again.layers) == set(first.layers)
    assert again.texts == first.texts
    assert "cloud" not in dial.calls, "nothing is computed for it"


def test_recompute_discards_every_result(dial):
    dial.recompute()
    answer = dial.answer()
    assert dial.calls == ["dots+line", "cloud"]
    assert (answer.layers, answer.texts) == ({}, {}), "they are as they were"


# --- long work -------------------------------------------------------------------------------------------------------


def test_long_work_is_answered_in_slices(dial):
    dial.show_line = True
    answers = [dial.answer(0.0) for _ in range(STEPS + 2)]
    assert [answer.working for answer in answers] == [True] * STEPS + [False] * 2
    assert [answer.pale for answer in answers] == [("chart",)] * STEPS + [()] * 2
    assert [answer.progress and answer.progress.done for answer in answers] == [0, 1, 2, 3, 4, None, None]
    assert [answer.status for answer in answers[:-1]] == [
        *(f"{done} of {STEPS} steps · 5 points · float64" for done in range(STEPS)),
        "5 points · float64",
    ]
    late = [answer.layers["chart.late"]["y"][1] for answer in answers if "chart.late" in answer.layers]
    assert late == [pytest.approx(1.0)]
    assert [answer.texts.get("late") for answer in answers] == [None] * STEPS + ["1.0", None], "what was shown stays"
    assert parts(answers[-1]) == {}
    assert dial.calls.count("slow") == 1


def test_without_a_limit_it_is_done_in_one_answer(dial):
    dial.show_line = True
    answer = dial.answer()
    assert answer.layers["chart.late"]["y"][1] == pytest.approx(1.0)
    assert (answer.working, answer.pale, answer.texts["late"]) == (False, (), "1.0")


def test_a_setting_that_it_read_begins_it_again(dial):
    dial.show_line = True
    for _ in range(3):
        dial.answer(0.0)
    dial.word = "x"
    assert dial.answer(0.0).progress.done == 3, "it did not read the word"
    dial.level = 0.4
    assert dial.answer(0.0).progress.done == 0
    assert dial.answer().layers["chart.late"]["y"][1] == pytest.approx(2.0)


def test_work_that_nothing_shows_is_closed(dial):
    dial.show_line = True
    assert dial.answer(0.0).working
    dial.show_line = False
    answer = dial.answer(0.0)
    assert (answer.working, answer.pale, answer.progress) == (False, (), None)


# --- status ----------------------------------------------------------------------------------------------------------


class Timed(Dial):
    """With the time of its results in the status line."""

    def status(self):
        beside = Status("a sum", timed=("slow",), count=4, each="a pass")
        return Status("points", "float64", timed=("cloud",), beside=beside if self.show_line else None)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        ({"cloud": 0.04}, "0.0 ms"),
        ({"cloud": 9.44}, "9.4 ms"),
        ({"cloud": 12.4}, "12 ms"),
        ({"cloud": 1234.0}, "1234 ms"),
    ],
)
def test_the_status_line_says_how_long_it_took(milliseconds, text):
    dial = Timed()
    dial._graph.milliseconds = lambda *names: sum(milliseconds[name] for name in names)
    assert dial.answer().status == f"points · {text} · float64"


def test_the_status_line_may_name_two_computations():
    dial = Timed(show_line=True)
    dial._graph.milliseconds = lambda *names: sum({"cloud": 30.0, "slow": 6.0}[name] for name in names)
    assert dial.answer().status == "points · 30 ms · float64 · a sum · 1.5 ms a pass"


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

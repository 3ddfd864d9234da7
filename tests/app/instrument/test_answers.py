"""Answers of a small instrument (`dial.py`): only what has changed, long work in slices, the status line."""

from __future__ import annotations

import pytest

from diffusion_lab.app.instrument import answers

from .dial import SETTINGS, STEPS, Dial, Timed, parts

#: What shows the result of long work.
LATE = ("chart", "reading late", "reading late_true")


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


def test_a_large_layer_is_sent_without_a_comparison(dial, monkeypatch):
    monkeypatch.setattr(answers, "COMPARED", 1)
    dial.seed = 1
    assert set(dial.answer().layers) == {"plane.dots", "plane.line"}, "the line is the same, but who knows"


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
    found = [dial.answer(0.0) for _ in range(STEPS + 2)]
    assert [answer.working for answer in found] == [True] * STEPS + [False] * 2
    assert [answer.pale for answer in found] == [LATE] * STEPS + [()] * 2
    assert [answer.progress and answer.progress.done for answer in found] == [0, 1, 2, 3, 4, None, None]
    assert [answer.status for answer in found[:-1]] == [
        *(f"{done} of {STEPS} steps · 5 points · float64" for done in range(STEPS)),
        "5 points · float64",
    ]
    late = [answer.layers["chart.late"]["y"][1] for answer in found if "chart.late" in answer.layers]
    assert late == [pytest.approx(1.0)]
    assert [answer.texts.get("late") for answer in found] == [None] * STEPS + ["1.0", None], "what was shown stays"
    assert parts(found[-1]) == {}
    assert dial.calls.count("slow") == 1


def test_without_a_limit_it_is_done_in_one_answer(dial):
    dial.show_line = True
    answer = dial.answer()
    assert answer.layers["chart.late"]["y"][1] == pytest.approx(1.0)
    assert (answer.working, answer.pale, answer.texts["late"]) == (False, (), "1.0")


def test_readings_of_an_earlier_state_are_pale_until_the_new_ones_come(dial):
    dial.show_line = True
    dial.answer()
    dial.level = 0.4
    answer = dial.answer(0.0)
    assert answer.pale == LATE
    assert "late" not in answer.texts
    answer = dial.answer()
    assert (answer.pale, answer.texts["late"]) == ((), "2.0")


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

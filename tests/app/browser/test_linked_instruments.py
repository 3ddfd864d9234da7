"""What an instrument in the worker takes and sends: values in, one JSON text and typed arrays out."""

from __future__ import annotations

import importlib
import json
import sys
import types
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_names
from diffusion_lab.app.instrument.instrument import Answer, StateError

from ..instrument.dial import STEPS, Dial


@pytest.fixture
def linked(monkeypatch):
    """The module, where `to_js` gives back what it was given and every name is a dial's."""
    ffi = types.SimpleNamespace(to_js=lambda value: value)
    monkeypatch.setitem(sys.modules, "pyodide", types.SimpleNamespace(ffi=ffi))
    monkeypatch.setitem(sys.modules, "pyodide.ffi", ffi)
    name = "diffusion_lab.app.browser.linked_instruments"
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    yield module
    sys.modules.pop(name, None)


class Page:
    """What the page has been sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], list[np.ndarray]]] = []

    def __call__(self, slot: str, head: str, arrays: list[np.ndarray]) -> None:
        self.sent.append((slot, json.loads(head), arrays))

    @property
    def head(self) -> dict[str, Any]:
        """The last message."""
        return self.sent[-1][1]


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def dial(linked, page, monkeypatch):
    """A linked dial whose first answer has been sent."""
    monkeypatch.setattr(linked, "instrument_class", lambda name: Dial)
    made = linked.LinkedInstrument("a", "dial", {}, {}, False, page)
    made.answer(None)
    return made


# --- messages --------------------------------------------------------------------------------------------------------


def test_columns_leave_as_arrays_that_the_text_refers_to(linked):
    x, image = np.arange(3, dtype=np.float32), np.zeros((2, 5), np.uint8)
    layers = {"plane.dots": {"x": x, "text": ["a", "b"]}, "plane.heat": {"image": image}}
    text, arrays = linked.packed(Answer(layers=layers))
    assert [array is wanted for array, wanted in zip(arrays, (x, image), strict=True)] == [True, True], "not copied"
    assert json.loads(text)["layers"] == {
        "plane.dots": {"x": {"array": 0, "shape": [3]}, "text": ["a", "b"]},
        "plane.heat": {"image": {"array": 1, "shape": [2, 5]}},
    }


def test_an_empty_answer_is_a_short_message(linked):
    text, arrays = linked.packed(Answer())
    assert arrays == []
    assert json.loads(text) == {
        **{part: {} for part in ("settings", "layers", "visible", "ranges", "texts", "numbers")},
        **dict.fromkeys(("status", "description", "query", "progress"), None),
        "pale": [],
    }


def test_progress_is_three_values(linked):
    dial = Dial(show_line=True)
    head = json.loads(linked.packed(dial.answer(0.0))[0])
    assert (head["progress"], head["pale"]) == ([0, STEPS, "steps"], ["chart"])


def test_arrays_are_sent_flat(dial, page):
    dial.set({"show_heat": True})
    dial.answer(None)
    reference = page.head["layers"]["plane.heat"]["image"]
    (array,) = page.sent[-1][2]
    assert (reference, array.shape, array.dtype) == ({"array": 0, "shape": [2, 3]}, (6,), np.uint8)


@pytest.mark.parametrize("name", instrument_names())
def test_what_every_instrument_sends_can_be_read_by_the_page(linked, name):
    """JSON knows no NaN; arrays have types that JavaScript has, and lie in one piece."""
    sent = []
    made = linked.LinkedInstrument("a", name, {}, {}, False, lambda slot, head, arrays: sent.append((head, arrays)))
    made.answer(None)
    ((head, arrays),) = sent

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    state = json.loads(head, parse_constant=refuse)
    references = [column for columns in state["layers"].values() for column in columns.values()]
    numbered = [column for column in references if not isinstance(column, list)]
    assert [column["array"] for column in numbered] == list(range(len(arrays)))
    assert [int(np.prod(column["shape"])) for column in numbered] == [len(array) for array in arrays]
    assert {array.dtype.name for array in arrays} <= {"float32", "uint8", "int8", "uint32"}
    assert all(array.flags.c_contiguous for array in arrays)


# --- settings --------------------------------------------------------------------------------------------------------


def test_it_opens_in_its_place_as_the_address_asks_and_says_what_was_wrong(linked, page, monkeypatch):
    monkeypatch.setattr(linked, "instrument_class", lambda name: Dial)
    place, asked = {"word": "xy", "view": "pairs"}, {"level": "0.6", "mode": "flow", "seed": "x", "utm_id": "1"}
    made = linked.LinkedInstrument("b", "dial", place, asked, False, page)
    assert (made.instrument.level, made.instrument.view, made.instrument.seed) == (0.6, "flow", 0)
    assert made.instrument.word == "xy"
    assert made.problems == ["`seed` must be a whole number from 0 to 9999, got 'x'."]
    assert page.sent == []
    assert made.answer(None) is False
    slot, head, _ = page.sent[0]
    assert (slot, head["settings"]["level"], head["query"]) == ("b", 0.6, "level=0.6&half=0.3&view=flow")
    made.instrument.act({"action": "reset"})
    assert made.instrument.state() == {"word": "xy"}, "Reset goes back to the place, not to what the address asks for"


def test_in_a_frame_of_another_page_reset_goes_back_to_what_that_page_asks_for(linked, page, monkeypatch):
    monkeypatch.setattr(linked, "instrument_class", lambda name: Dial)
    made = linked.LinkedInstrument("b", "dial", {"word": "xy"}, {"level": "0.6"}, True, page)
    made.instrument.seed = 3
    made.instrument.act({"action": "reset"})
    made.answer(None)
    assert page.head["query"] == "level=0.6&half=0.3", "a link has it all"


def test_what_the_page_has_set_does_not_come_back(dial, page):
    dial.set({"level": 0.8, "playing": True})
    dial.answer(None)
    assert page.head["settings"] == {"half": 0.4}
    assert page.head["texts"]["sum"] == "1.20"
    assert dial.instrument.playing


def test_settings_that_move_together_move_at_once(dial):
    dial.instrument.calls.clear()
    dial.set({"level": 0.8, "seed": 3})
    assert dial.instrument.calls == ["reconcile level seed"]


def test_after_a_value_that_it_cannot_take_the_page_hears_what_holds(dial, page):
    with pytest.raises(ValueError):
        dial.set({"seed": 3, "level": 7})
    dial.answer(None)
    assert page.head["settings"] == {"seed": 3, "level": 0.2}


def test_a_preset_sets_texts_and_stops_playing(dial, page):
    dial.set({"playing": True, "seed": 3})
    dial.preset({"level": "0.4", "mode": "flow"}, False)
    dial.answer(None)
    assert page.head["settings"] == {"level": 0.4, "half": 0.2, "view": "flow", "seed": 0, "playing": False}
    dial.preset({"count": "7"}, True)
    dial.answer(None)
    assert page.head["settings"] == {"count": 7}
    with pytest.raises(StateError):
        dial.preset({"level": "4"}, False)
    with pytest.raises(StateError, match="`half` cannot be 0"):
        dial.preset({"level": "0.4", "half": "0.5"}, True)


def test_a_query_is_resumed_over_the_place_and_not_over_what_the_address_asks_for(linked, page, monkeypatch):
    monkeypatch.setattr(linked, "instrument_class", lambda name: Dial)
    made = linked.LinkedInstrument("a", "dial", {"level": "0.6", "seed": "5"}, {"count": "9"}, False, page)
    made.resume("view=flow&word=&seed=x&lang=de")
    assert made.instrument.query == "word=&view=flow"
    assert (made.instrument.level, made.instrument.seed) == (0.6, 5)
    made.instrument.reset()
    assert (made.instrument.level, made.instrument.seed) == (0.6, 5), "reset goes to where the place begins"


# --- locked settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["reset", "run", "step"])
def test_a_locked_setting_is_not_moved_by_a_button(linked, page, monkeypatch, action):
    monkeypatch.setattr(linked, "instrument_class", lambda name: Dial)
    made = linked.LinkedInstrument("a", "dial", {}, {"level": "0.6"}, True, page, locked=["level", "seed"])
    made.preset({"level": "0.4", "seed": "7"}, True)  # the page around it may move them
    made.set({"count": 9})
    made.act({"action": action})
    assert (made.instrument.level, made.instrument.seed) == (0.4, 7)
    assert made.instrument.count == (5 if action == "reset" else 9)
    assert not made.instrument.playing, "it would move a locked setting"


def test_what_a_locked_setting_does_not_allow_is_undone(linked, page, monkeypatch):
    monkeypatch.setattr(linked, "instrument_class", lambda name: Dial)
    made = linked.LinkedInstrument("a", "dial", {}, {}, True, page, locked=["half"])
    made.answer(None)
    made.set({"level": 0.8, "playing": True})
    made.answer(None)
    assert (made.instrument.level, made.instrument.half) == (0.2, 0.1)
    assert page.head["settings"] == {"level": 0.2, "playing": False}, "the page hears what holds"


@pytest.mark.parametrize("name", instrument_names())
def test_no_button_of_an_instrument_moves_its_locked_settings(linked, name):
    cls = linked.instrument_class(name)
    for locked in cls.settings():
        made = linked.LinkedInstrument("a", name, {}, {}, True, lambda *message: None, locked=[locked])
        before = made.instrument.values()[locked]
        for view in cls.param["view"].objects if "view" in cls.settings() else [None]:
            if view is not None:
                made.set({"view": view})
            for action in (
                {"action": "run"},
                {"action": "step"},
                {"action": "tap", "x": 0.1, "y": 0.1},
                {"action": "reset"},
            ):
                made.act(action)
                assert made.instrument.values()[locked] == before, f"{locked} after {action} in {view}"


# --- long work and code ----------------------------------------------------------------------------------------------


def test_it_says_whether_there_is_more_to_compute(dial, page):
    dial.set({"show_line": True})
    assert [dial.answer(0.0) for _ in range(STEPS + 2)] == [True] * STEPS + [False] * 2
    assert [head["progress"] is None for _, head, _ in page.sent[1:]] == [False] * STEPS + [True] * 2


def test_recomputing_computes_to_the_end(dial, page):
    dial.set({"show_line": True})
    dial.recompute()
    assert len(page.sent) == 2
    assert "chart.late" in page.head["layers"], "the rest is as it was"
    assert page.head["progress"] is None, "to the end, so that an error is seen here"


# --- a pinned copy ---------------------------------------------------------------------------------------------------


def test_a_pinned_copy_says_what_differs_from_its_original_whichever_of_the_two_moves(linked, dial, page):
    copy = linked.LinkedInstrument("a:pinned", "dial", {}, {"level": "0.3"}, False, page, dial)
    copy.answer(None)
    assert page.head["beside"] == "l = 0.3 (here 0.2)"
    copy.answer(None)
    assert "beside" not in page.head, "no news"
    dial.set({"level": 0.9})
    dial.answer(None)
    copy.compare()
    assert page.sent[-1][0] == "a:pinned"
    assert page.head["beside"] == "l = 0.3 (here 0.9)"
    sent = len(page.sent)
    copy.compare()
    assert len(page.sent) == sent
    copy.set({"level": 0.9})
    copy.answer(None)
    assert page.head["beside"] == ""
    assert "Pinned copy: no difference" in copy.instrument.provenance()
    dial.answer(None)
    assert "beside" not in page.head, "an original has nothing to be compared with"

"""An instrument as a Panel component: changes go both ways, long work is sliced in a server's session."""

from __future__ import annotations

import numpy as np
import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc

from diffusion_lab.app.instrument.instrument import StateError
from diffusion_lab.app.instrument.theme import TOKENS
from diffusion_lab.app.instrument.view import InstrumentView, view_of

from .dial import STEPS, Dial


@pytest.fixture
def dial() -> Dial:
    return Dial()


@pytest.fixture
def view(dial) -> InstrumentView:
    return dial.__panel__()


def column(view: InstrumentView, scene: str, layer: str, name: str) -> np.ndarray:
    return np.asarray(view.figures[scene].sources[layer].data[name])


def test_an_instrument_has_one_view(dial, view):
    assert dial.__panel__() is view
    assert Dial().__panel__() is not view
    assert type(Dial().__panel__()) is type(view), "and a class one class of views"


def test_the_view_shows_the_state_that_the_instrument_is_in():
    view = view_of(Dial(level=0.6, view="flow"))
    assert (view.level, view.half, view.view, view.query) == (0.6, 0.3, "flow", "")
    assert view.readings_shown["sum"] == "0.90"
    assert view.numbers["sum"] == pytest.approx(0.9)
    assert (view.status, view.description) == ("5 points · float64", "Level 0.6, sum 0.90.")
    assert 'value="0.6"' in view.markup
    assert column(view, "chart", "bars", "height") == pytest.approx([0.6, 0.5])


def test_what_moves_in_the_browser_moves_the_instrument(dial, view):
    view.level = 0.8
    assert (dial.level, dial.half) == (0.8, 0.4)
    assert (view.half, view.readings_shown["sum"], view.description) == (0.4, "1.20", "Level 0.8, sum 1.20.")
    assert column(view, "chart", "bars", "height") == pytest.approx([0.8, 0.5])
    assert view.figures["chart"].plot.y_range.end == 2
    view.param.update(playing=True, seed=3)
    assert (dial.playing, dial.seed) == (True, 3)


def test_what_a_program_sets_moves_the_view(dial, view):
    dial.param.update(level=0.8, show_line=True)
    assert (view.level, view.half, view.show_line, view.query) == (0.8, 0.4, True, dial.query)
    assert view.figures["plane"].renderers["line"].visible
    assert column(view, "plane", "line", "y") == pytest.approx([0, 0.4])
    assert view.query == "level=0.8&half=0.4&show_line=true"
    dial.count = 7
    assert view.status == "7 points · float64"
    assert len(column(view, "plane", "dots", "x")) == 7


def test_each_change_is_computed_once(dial, view):
    dial.calls.clear()
    view.level = 0.8
    dial.level = 0.4
    assert dial.calls.count("dots+line") == 2


def test_buttons_and_taps_arrive(dial, view):
    view._handle_msg({"action": "tap", "x": 0.5, "y": 1})
    assert (dial.level, view.level) == (0.5, 0.5)
    view._handle_msg({"action": "run"})
    assert (view.level, view.playing) == (0.0, True)
    with pytest.raises(StateError):
        view._handle_msg({"action": "fly"})


def test_a_value_that_the_setting_cannot_take_is_refused(dial, view):
    with pytest.raises(ValueError):
        view.level = 2
    assert (dial.level, view.level) == (0.2, 0.2)


def test_a_change_of_theme_restyles_and_computes_nothing(dial, view):
    dial.calls.clear()
    assert view.figures["plane"].renderers["line"].glyph.line_color == TOKENS["light"]["acc"]
    view.theme = "dark"
    assert view.figures["plane"].renderers["line"].glyph.line_color == TOKENS["dark"]["acc"]
    assert (dial.calls, dial.state()) == ([], {})
    made = view_of(Dial(), theme="dark")
    assert made.figures["plane"].renderers["line"].glyph.line_color == TOKENS["dark"]["acc"]


def test_long_work_is_done_at_once_where_no_server_waits(dial, view):
    dial.show_line = True
    assert (view.pale, view.waiting, view.readings_shown["late"]) == ([], False, "1.0")


def test_in_a_server_s_session_long_work_pauses_between_events(dial, view, monkeypatch):
    monkeypatch.setattr("diffusion_lab.app.instrument.view.SLICE", 0.0)
    document = Document()
    document._session_context = lambda: object()
    with set_curdoc(document):
        view.show_line = True
        slices = 0
        assert (view.pale, view.waiting) == (["chart", "reading late", "reading late_true"], True)
        assert view.status == f"0 of {STEPS} steps · 5 points · float64"
        while document.session_callbacks:
            (callback,) = document.session_callbacks
            document.remove_next_tick_callback(callback)
            callback.callback()
            slices += 1
    assert slices == STEPS
    assert (view.pale, view.waiting, view.readings_shown["late"]) == ([], False, "1.0")
    assert dial.calls.count("slow") == 1


# --- where it stands -------------------------------------------------------------------------------------------------


def test_panel_takes_an_instrument_for_a_component(dial):
    row = pn.Row(dial)
    assert row[0] is dial.__panel__()
    assert pn.panel(dial) is dial.__panel__()


def test_the_last_line_of_a_notebook_s_cell_shows_it(dial):
    pn.extension()
    data, _ = dial._repr_mimebundle_()
    assert "Level 0.2, sum 0.30." in data["text/html"]


def test_a_document_holds_the_figures_and_the_settings(view):
    document = Document()
    view.server_doc(doc=document, location=False)
    names = {model.name for model in document.models if model.name}
    assert {"plane", "chart", "plane.dots", "plane.line", "chart.bars"} <= names
    (root,) = document.roots
    assert (root.data.level, root.data.view, root.data.markup) == (0.2, "pairs", view.markup)

"""What is computed at build time: cells, answers, first pictures. Chapters it refuses: `tests/build`."""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.build import prerender
from diffusion_lab.app.build.rendered import ContentError, RenderedInstrument, with_answer
from diffusion_lab.app.instrument import DURATION, Estimate, Instrument, Measure, Panel, Transport, number, readings
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.editable import sources
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.markup import scene_mark
from diffusion_lab.app.instrument.readings import TIME_SPACE, number_text
from diffusion_lab.app.instrument.view import InstrumentView, view_of


def answered(answer: str, tolerance: str = "0.1") -> tuple[float, float]:
    return prerender.answer_quizzes([["q", answer, tolerance, []]])["q"][:2]


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 * pi", 2 * math.pi), ("np.exp(-6 * 0.5)", math.exp(-3)), ("comb(5, 2)", 10.0), ("-1 / 4", -0.25)],
)
def test_answers_are_computed(expression, value):
    assert answered(expression)[0] == pytest.approx(value, rel=1e-15)


def test_tolerances_are_computed():
    assert answered("1", tolerance="1 / 8") == (1, 0.125)


def test_the_answer_stands_in_the_solution_as_often_and_in_the_form_that_is_asked():
    solution = with_answer("{answer:.2f} and {answer:.0%}, {answer}; not {this}", 2 / 3)
    assert solution == "<b>0.67</b> and <b>67%</b>, <b>0.666667</b>; not {this}"


def test_one_quiz_cannot_change_the_names_of_the_next():
    answers = prerender.answer_quizzes([["one", "(e := 0) + 1", "1", []], ["two", "e", "1", []]])
    assert answers["two"] == (math.e, 1, [])


def test_mistakes_are_computed_in_order():
    answers = prerender.answer_quizzes([["q", "1", "0.1", [["sqrt(4)", 4], ["1.25", 5], ["-1 / 4", 6]]]])
    assert answers["q"][2] == [2.0, 1.25, -0.25]


@pytest.mark.parametrize(
    ("mistakes", "line", "message"),
    [
        ([["2", 4], ["x", 5]], 5, "`mistake` of quiz `q` cannot be computed: name 'x' is not defined"),
        ([["0.9", 4]], 4, "The mistake `0.9` of quiz `q` is 0.9, which is within the tolerance of the answer, 1."),
        ([["1.125", 4]], 4, "which is within the tolerance of the answer, 1."),
        ([["2", 4], ["3", 5], ["2.1", 6]], 6, "within the tolerance of an earlier mistake, 2."),
        ([["2", 4], ["1.875", 5]], 5, "within the tolerance of an earlier mistake, 2."),
    ],
)
def test_a_mistake_that_could_not_be_told_apart_is_refused(mistakes, line, message):
    with pytest.raises(ContentError, match=re.escape(message)) as caught:
        prerender.answer_quizzes([["q", "1", "0.125", mistakes]])
    assert (caught.value.part, caught.value.line) == (0, line)


def test_cells_run_in_order_in_one_session():
    html, _ = prerender.run_steps([["cell", "one", "x = 2\nprint(x)\n"], ["cell", "two", "x ** 3\n"]])
    assert html == {
        "one": '<pre class="output text">\n2\n</pre>',
        "two": '<pre class="output value">\n8</pre>',
    }


# --- values ----------------------------------------------------------------------------------------------------------


def computed(expression: str, form: str = "", *before: list[str]) -> str:
    """The text of an expression after some steps."""
    return prerender.run_steps([*before, ["value", expression, form]])[1][0]


@pytest.mark.parametrize(
    ("expression", "form", "text"),
    [
        ("exp(-6)**0.5", ".4f", "0.0498"),
        ("2 * 60 * 2600", ",", "312,000"),
        ("-0.5", ".1f", "−0.5"),
        ("-0.0001", ".2f", "0.00"),
        ("1e-5", ".0e", "1\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁵"),
        ("-3", "", "−3"),
        ("np.float64(0.25)", ".2f", "0.25"),
        ("np.arange(3).sum()", "", "3"),
        ("2 / 3", ".0%", "67\N{NO-BREAK SPACE}%"),
        ("np.array([0.5, -1.0])", ".1f", "(0.5, −1.0)"),
        ("9", "words", "nine"),
        ("20", "words", "twenty"),
        ("0", "words", "no"),
        ("'a' * 3", "", "aaa"),
    ],
)
def test_formats_of_values(expression, form, text):
    assert computed(expression, form) == text


@pytest.mark.parametrize("number", ["21", "-1", "2.5"])
def test_other_numbers_are_not_written_in_words(number):
    with pytest.raises(ContentError, match="`words` is no format for"):
        computed(number, "words")


def test_values_see_what_the_cells_above_have_made():
    steps = [["value", "e", ".1f"], ["cell", "a", "e = 2.0"], ["value", "e", ".1f"], ["cell", "b", "e += 1; e"]]
    html, texts = prerender.run_steps([*steps, ["value", "e", ".1f"]])
    assert texts == ["2.7", "2.0", "3.0"]
    assert html["b"] == '<pre class="output value">\n3.0</pre>'


def test_values_see_what_is_computed_for_them_and_cells_do_not():
    hidden = ["compute", "import numpy as np\ndef double(k):\n    return two * k\ntwo = 2"]
    assert computed("double(x)", "", ["cell", "a", "x = 3"], hidden) == "6"
    with pytest.raises(ContentError, match="name 'two' is not defined"):
        prerender.run_steps([hidden, ["cell", "a", "two"]])


def test_a_cell_s_name_replaces_one_that_was_computed_for_values():
    assert computed("x", "", ["compute", "x = 1"], ["cell", "a", "x = 2"]) == "2"


def reading(state: dict[str, str], key: str, form: str = "", name: str = "ring") -> str:
    return prerender.read_values(name, None, [("value", 0, state, key, form)])[0]


def test_readings_in_the_panel_s_format_or_in_another():
    assert reading({"t": "0.5"}, "alpha_bar") == "0.050"
    assert reading({"t": "0.5"}, "alpha_bar", ".1e") == "5.0\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻²"
    assert reading({"t": "0.5"}, "t") == "0.500"


def test_several_readings_of_several_states_come_in_order():
    wanted = [("0.5", "t"), ("0.25", "t"), ("0.5", "alpha_bar")]
    steps = [("value", 0, {"t": t}, reading, "") for t, reading in wanted]
    assert prerender.read_values("ring", None, steps) == ["0.500", "0.250", "0.050"]


def stated(*steps: tuple[Any, ...], place: dict[str, str] | None = None) -> list[str]:
    """The noise levels that a text states; a step is ("value", block, state) or ("preset", block, state, *keep)."""
    made: list[tuple[Any, ...]] = []
    for kind, block, settings, *keep in steps:
        state = dict(pair.split("=") for pair in settings.split())
        made.append((kind, block, state, *((bool(keep),) if kind == "preset" else ("t", ""))))
    return prerender.read_values("ring", place or {}, made)


def test_a_value_starts_from_the_place_as_presets_do():
    place = {"t": "0.25", "view": "forward"}
    assert stated(("value", 0, ""), ("value", 0, "seed=7"), place=place) == ["0.250", "0.250"]
    assert stated(("preset", 0, "t=0.5"), ("value", 0, "t=0.5"), place=place) == ["0.500"]


def test_a_value_is_on_the_screen_after_a_preset_beside_it():
    """Before or behind it, as long as they are in the same block; or after the last one above."""
    assert stated(("value", 0, "t=0.5"), ("preset", 0, "t=0.7"), ("preset", 0, "t=0.5")) == ["0.500"]
    assert stated(("preset", 0, "t=0.7"), ("preset", 0, "t=0.5"), ("value", 1, "t=0.5")) == ["0.500"]
    assert stated(("preset", 0, "t=0.5"), ("preset", 1, "seed=7", "keep"), ("value", 1, "t=0.5")) == ["0.500"]


@pytest.mark.parametrize(
    ("steps", "seen"),
    [
        ([("value", 0, "t=0.5")], "0.180"),
        ([("value", 0, "t=0.5"), ("preset", 1, "t=0.5")], "0.180"),
        ([("preset", 0, "t=0.5"), ("preset", 1, "t=0.7"), ("value", 1, "t=0.5")], "0.700"),
        (
            [("preset", 0, "t=0.5"), ("preset", 1, "t=0.7"), ("preset", 1, "seed=7"), ("value", 1, "t=0.5")],
            "0.700, 0.180",
        ),
        ([("preset", 0, "t=0.7"), ("preset", 1, "seed=7", "keep"), ("value", 1, "t=0.5")], "0.700"),
    ],
)
def test_a_value_that_no_preset_beside_it_shows_is_refused(steps, seen):
    with pytest.raises(ContentError) as refused:
        stated(*steps)
    assert (refused.value.part, refused.value.message) == (
        len(steps) - 1 if steps[-1][0] == "value" else 0,
        f"`ring t=0.5 : t` is 0.500, but the presets beside it show {seen}: add a preset for this state, or change"
        " one.",
    )


class Given(Instrument):
    """An instrument whose readings are known."""

    panel = Panel(
        Transport("Run", plays="k", seconds=1),
        measures=[Measure("two", "two", ".2f", beside_format=".1e"), Measure("estimate", "estimate", ".3f")],
    )
    k = number(1.0, 0, 1, 0.1, "K", "A setting.")

    @readings
    def given(self) -> dict[str, Any]:
        """All that a reading can be."""
        both = Estimate(-0.25, 0.0125), None
        return {"two": (1.5, -2e-5), "estimate": both, "vector": np.array([3.0, -4.0]), "words": "two of three"}


@pytest.mark.parametrize(
    ("key", "form", "text"),
    [
        ("two", "", "1.50"),
        ("two.beside", "", "−2.0\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁵"),
        ("two.beside", ".0f", "0"),
        ("estimate", "", "−0.250 ± 0.013"),
        ("estimate.error", ".4f", "0.0125"),
        ("vector", ".1f", "(3.0, −4.0)"),
        ("vector.length", ".2f", "5.00"),
        ("words", "", "two of three"),
    ],
)
def test_parts_of_readings(monkeypatch, key, form, text):
    monkeypatch.setattr(prerender, "instrument_class", lambda name: Given)
    assert reading({}, key, form, "given") == text


@pytest.mark.parametrize(
    "key", ["two.error", "estimate.beside", "words.length", "vector.beside", "two.beside.beside.x"]
)
def test_a_part_that_a_reading_has_not_is_refused(monkeypatch, key):
    monkeypatch.setattr(prerender, "instrument_class", lambda name: Given)
    with pytest.raises(ContentError, match=r"^The reading `\w+` of Given has no `\w+` in this state\.$"):
        reading({}, key, ".1f", "given")


@cache
def rendered_alone(name: str) -> RenderedInstrument:
    """An instrument as it begins."""
    return prerender.render_instrument(name, {})


@cache
def live_alone(name: str) -> InstrumentView:
    """The same, live: to be looked at, not moved."""
    return view_of(instrument_class(name)())


@pytest.mark.parametrize("name", instrument_names())
def test_an_instrument_stands_on_the_page_as_it_will_when_live(name):
    """The still page has the live component's own markup, with the SVG of each figure in the figure's place."""
    rendered, live = rendered_alone(name), live_alone(name)
    expected = live.markup
    for scene, figure in live.figures.items():
        assert expected.count(scene_mark(scene)) == 1
        expected = expected.replace(scene_mark(scene), figure_svg(figure.plot))
    assert rendered.html == prerender.without_times(expected)
    assert "<!--" not in rendered.html
    assert (rendered.title, rendered.description) == (live.instrument.title, live.description)


@cache
def document(name: str) -> dict[str, Any]:
    """What the page draws."""
    return json.loads(rendered_alone(name).document)


def models(value: Any) -> Iterator[dict[str, Any]]:
    """Every model of a serialized document."""
    if isinstance(value, dict):
        if value.get("type") == "object":
            yield value
        for part in value.values():
            yield from models(part)
    elif isinstance(value, list):
        for part in value:
            yield from models(part)


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [model for model in models(document(name)) if model["name"] == kind]


@pytest.mark.parametrize("name", instrument_names())
def test_the_document_holds_no_data_that_python_brings_at_once(name):
    """Where long work comes first, the page shows the data of the build meanwhile."""
    cls = instrument_class(name)
    first, whole = cls().answer(0.0), cls().answer()
    layers = {f"{s.name}.{key}": layer for s in cls.scenes().values() for key, layer in s.layers.items()}
    found = {source["attributes"]["name"]: source for source in of_kind(name, "ColumnDataSource")}
    assert set(found) == set(layers)
    for address, source in found.items():
        columns = dict(source["attributes"]["data"]["entries"])
        expected = layers[address].empty()
        if address in whole.layers and address not in first.layers:
            expected = whole.layers[address]
        assert {key: size(column) for key, column in columns.items()} == {
            key: int(np.size(column)) for key, column in expected.items()
        }


def size(column: Any) -> int:
    """How many values a serialized column has."""
    if isinstance(column, list):
        return sum(map(size, column)) if column and isinstance(column[0], dict) else len(column)
    return math.prod(column["shape"])


@pytest.mark.parametrize("name", instrument_names())
def test_the_document_has_what_the_page_looks_for(name):
    scenes = instrument_class(name).scenes()
    renderers = {model["attributes"]["name"] for model in of_kind(name, "GlyphRenderer")}
    assert renderers == {f"{scene}.{layer}" for scene in scenes for layer in scenes[scene].layers}
    assert [model["attributes"]["name"] for model in of_kind(name, "Figure")] == list(scenes)
    found = list(models(document(name)))
    (root,) = document(name)["roots"]
    assert root in [model["id"] for model in found]
    tags = [tag for model in found for tag in model.get("attributes", {}).get("tags", []) if isinstance(tag, dict)]
    themes = [dict(tag["entries"]) for tag in tags]
    assert themes
    assert all(set(tag) == {"light", "dark"} for tag in themes)


@pytest.mark.parametrize("name", instrument_names())
def test_the_document_has_no_style_sheet_of_panel_s(name):
    assert of_kind(name, "ImportedStyleSheet") == []
    text = json.dumps(document(name))
    assert ".front-panel" in text, "but its own"
    assert "dist/css" not in text


@pytest.mark.parametrize("name", instrument_names())
def test_the_document_tells_no_time(name):
    assert not re.search(r"\d ms\b", json.dumps(document(name)))


@pytest.mark.parametrize("name", instrument_names())
def test_its_editable_functions_come_with_it(name):
    assert json.loads(rendered_alone(name).code) == sources(instrument_class(name))


def test_a_slot_s_settings_reach_the_picture():
    early, late = (prerender.render_instrument("ring", {"t": t}) for t in ("0.05", "0.9"))
    assert "t = 0.05" in early.description
    assert "t = 0.90" in late.description
    assert early.html != late.html


@pytest.mark.parametrize("name", instrument_names())
def test_how_long_it_took_here_is_not_told(name):
    rendered, live = rendered_alone(name), live_alone(name)
    assert not re.search(r"\bms\b", rendered.html + rendered.frames)
    assert TIME_SPACE not in rendered.html + rendered.frames + rendered.document
    assert "\\u202f" not in rendered.document
    shown = re.search(r"data-status>(.*?)</p>", rendered.html)[1]
    assert unescape(shown) == prerender.without_times(live.status)
    assert len(shown) > 0.6 * len(live.status)


@pytest.mark.parametrize(
    ("status", "without"),
    [
        ("16 Euler steps · 0.6 ms · exact velocity", "16 Euler steps · exact velocity"),
        ("15 words · 0.2 ms a pass · exact · chart: 816 passes, 57 ms", "15 words · exact · chart: 816 passes"),
        ("velocity fitted to 9 pairs by regression in 812 ms", "velocity fitted to 9 pairs by regression"),
        ("60 levels × 10 steps, 90 msec", "60 levels × 10 steps, 90 msec"),
        (f"<td>{number_text(3.21, DURATION)}</td><td>{number_text(0.012, DURATION)}</td>", "<td>–</td><td>–</td>"),
        (f'"a": "{number_text(0.0004, DURATION)}", "b": "4 ms"', '"a": "–", "b": "4 ms"'),
    ],
)
def test_times_are_taken_out_of_a_line(status, without):
    assert prerender.without_times(status) == without

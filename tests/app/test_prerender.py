"""What is computed at build time: cells, answers, first pictures. Chapters it refuses: `tests/build`."""

import math
import re
from pathlib import Path

import pytest

from diffusion_lab.app import prerender
from diffusion_lab.app.chapter import Cell, Chapter, InstrumentSlot, Quiz
from diffusion_lab.app.discovery import instrument_class, instrument_names
from diffusion_lab.app.figure_svg import figure_svg
from diffusion_lab.app.typeset import about


def chapter(*blocks: object) -> Chapter:
    return Chapter(Path("c.md"), "c", 1, "", "", 1, [], [], blocks=list(blocks))


def quiz(answer: str, tolerance: str = "0.1", solution: str = "") -> prerender.RenderedQuiz:
    return prerender.answer_quiz(chapter(), Quiz("q", "", answer, tolerance, "", solution, 1))


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 * pi", 2 * math.pi), ("np.exp(-6 * 0.5)", math.exp(-3)), ("comb(5, 2)", 10.0), ("-1 / 4", -0.25)],
)
def test_answers_are_computed(expression, value):
    assert quiz(expression).answer == pytest.approx(value, rel=1e-15)


def test_tolerances_are_computed():
    assert quiz("1", tolerance="1 / 8").tolerance == 0.125


def test_the_answer_stands_in_the_solution_as_often_and_in_the_form_that_is_asked():
    solution = quiz("2 / 3", solution="{answer:.2f} and {answer:.0%}, {answer}; not {this}").solution_html
    assert solution == "<b>0.67</b> and <b>67%</b>, <b>0.666667</b>; not {this}"


def test_one_quiz_cannot_change_the_names_of_the_next():
    quiz("(e := 0) + 1")
    assert quiz("e").answer == math.e


def test_cells_run_in_order_in_one_session():
    first, second = Cell("one", "1.a", "", "x = 2\nprint(x)\n", 3), Cell("two", "1.b", "", "x ** 3\n", 9)
    html = prerender.run_cells(chapter(first, second))
    assert html == {
        "one": '<pre class="output text">\n2\n</pre>',
        "two": '<pre class="output value">\n8</pre>',
    }


@pytest.mark.parametrize("name", instrument_names())
def test_an_instrument_stands_on_the_page_as_it_will_when_live(name):
    """The still page has the live component's own markup, with the SVG of each figure in the figure's place."""
    rendered = prerender.render_instrument(chapter(), InstrumentSlot(name, {}, "", 1))
    live = instrument_class(name)()
    assert live.markup.count("<!--picture-->") == 1
    pictures = {"<!--picture-->": live.plot, "<!--chart-->": live.chart_plot}
    expected = live.markup
    for mark, plot in pictures.items():
        if plot is not None:
            expected = expected.replace(mark, figure_svg(plot))
    assert re.sub(r"\d+ ms", "", rendered.html) == re.sub(r"\d+ ms", "", expected)
    assert "<!--" not in rendered.html
    assert (rendered.title, rendered.description) == (live.title, live.description)


def test_a_slot_s_settings_reach_the_picture():
    early, late = (
        prerender.render_instrument(chapter(), InstrumentSlot("ring", {"t": t}, "", 1)) for t in ("0.05", "0.9")
    )
    assert "t = 0.05" in early.description
    assert "t = 0.90" in late.description
    assert early.html != late.html


# --- the notes about an instrument -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", instrument_names())
def test_the_notes_begin_below_a_section_s_heading(name):
    levels = [int(level) for level in re.findall(r"<h(\d)>", about(name))]
    assert levels[0] == 3
    assert set(levels[1:]) <= {4, 5}


@pytest.mark.parametrize("name", instrument_names())
def test_formulas_in_the_notes_are_typeset(name):
    assert "$" not in about(name)

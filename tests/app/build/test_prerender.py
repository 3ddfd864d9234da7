"""What is computed at build time: cells, answers, first pictures. Chapters it refuses: `tests/build`."""

import math
import re
from html import unescape

import pytest

from diffusion_lab.app.build import prerender
from diffusion_lab.app.build.rendered import with_answer
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.figure_svg import figure_svg


def answered(answer: str, tolerance: str = "0.1") -> tuple[float, float]:
    return prerender.answer_quizzes([["q", answer, tolerance]])["q"]


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
    answers = prerender.answer_quizzes([["one", "(e := 0) + 1", "1"], ["two", "e", "1"]])
    assert answers["two"] == (math.e, 1)


def test_cells_run_in_order_in_one_session():
    html, _ = prerender.run_steps([["cell", "one", "x = 2\nprint(x)\n"], ["cell", "two", "x ** 3\n"]])
    assert html == {
        "one": '<pre class="output text">\n2\n</pre>',
        "two": '<pre class="output value">\n8</pre>',
    }


@pytest.mark.parametrize("name", instrument_names())
def test_an_instrument_stands_on_the_page_as_it_will_when_live(name):
    """The still page has the live component's own markup, with the SVG of each figure in the figure's place."""
    rendered = prerender.render_instrument(name, {})
    live = instrument_class(name)()
    assert live.markup.count("<!--picture-->") == 1
    pictures = {"<!--picture-->": live.plot, "<!--chart-->": live.chart_plot}
    expected = live.markup
    for mark, plot in pictures.items():
        if plot is not None:
            expected = expected.replace(mark, figure_svg(plot))
    assert rendered.html == prerender.TAKEN.sub("", expected)
    assert "<!--" not in rendered.html
    assert (rendered.title, rendered.description) == (live.title, live.description)


def test_a_slot_s_settings_reach_the_picture():
    early, late = (prerender.render_instrument("ring", {"t": t}) for t in ("0.05", "0.9"))
    assert "t = 0.05" in early.description
    assert "t = 0.90" in late.description
    assert early.html != late.html


@pytest.mark.parametrize("name", instrument_names())
def test_how_long_it_took_here_is_not_told(name):
    rendered, live = prerender.render_instrument(name, {}), instrument_class(name)()
    assert not re.search(r"\bms\b", rendered.html + rendered.frames)
    shown = re.search(r"data-status>(.*?)</p>", rendered.html)[1]
    assert unescape(shown) == prerender.TAKEN.sub("", live.status)
    assert len(shown) > 0.6 * len(live.status)


@pytest.mark.parametrize(
    ("status", "without"),
    [
        ("16 Euler steps · 0.6 ms · exact velocity", "16 Euler steps · exact velocity"),
        ("15 words · 0.2 ms a pass · exact · chart: 816 passes, 57 ms", "15 words · exact · chart: 816 passes"),
        ("velocity fitted to 9 pairs by regression in 812 ms", "velocity fitted to 9 pairs by regression"),
        ("60 levels × 10 steps, 90 msec", "60 levels × 10 steps, 90 msec"),
    ],
)
def test_times_are_taken_out_of_a_line(status, without):
    assert prerender.TAKEN.sub("", status) == without

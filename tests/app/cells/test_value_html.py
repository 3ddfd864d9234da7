"""Values of last lines: what is shown of arrays, dataclasses and long things, and that none of it becomes markup."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from diffusion_lab.app.cells.outputs import Output
from diffusion_lab.app.cells.session import Session
from diffusion_lab.app.cells.value_html import MAX_ITEMS, MAX_SHORT, MAX_SIGNS, value_html, value_text


def table(html: str) -> list[list[str]]:
    """The cells of a table, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_a_small_matrix_is_a_table_with_its_numbers():
    html = value_html(np.array([[1.0, 2.5], [1 / 3, -1e-9]]))
    assert "<caption>array, shape (2, 2), float64</caption>" in html
    assert table(html) == [["", "0", "1"], ["0", "1", "2.5"], ["1", "0.3333", "-1e-09"]]


def test_a_large_matrix_shows_its_corners():
    rows = table(value_html(np.arange(10_000).reshape(100, 100)))
    assert rows[0] == ["", "0", "1", "2", "3", "…", "96", "97", "98", "99"]
    assert rows[1][-1] == "99"
    assert rows[5] == ["⋮"] * 10
    assert rows[-1] == ["99", "9900", "9901", "9902", "9903", "…", "9996", "9997", "9998", "9999"]


def test_a_matrix_of_truths_and_of_texts():
    assert table(value_html(np.eye(2, dtype=bool)))[1] == ["0", "True", "False"]
    assert "&lt;b&gt;" in value_html(np.array([["<b>"]]))


def test_a_vector_says_what_it_is_and_leaves_out_its_middle():
    html = value_html(np.linspace(0, 1, 400))
    assert html.startswith('<p class="kind">array, shape (400,), float64</p><pre>[0.')
    assert "..." in html
    assert len(html) < 400


def test_arrays_of_other_dimensions():
    assert "shape (2, 2, 2)" in value_html(np.zeros((2, 2, 2)))
    assert "shape (0, 3)" in value_html(np.zeros((0, 3)))
    assert value_html(np.array(3.0)) is None


@dataclass
class Frame:
    level: int
    x: np.ndarray
    name: str = "<i>"
    hidden: int = field(default=1, repr=False)


def test_a_dataclass_is_a_table_of_its_fields():
    html = value_html(Frame(3, np.zeros((520, 2))))
    assert "<caption>Frame</caption>" in html
    assert table(html) == [["level", "3"], ["x", "array, shape (520, 2), float64"], ["name", "&#x27;&lt;i&gt;&#x27;"]]


def test_a_dict_of_arrays_is_a_table_and_a_long_one_is_cut():
    many = {f"<{k}>": np.zeros(100) for k in range(MAX_ITEMS + 5)}
    rows = table(value_html(many))
    assert rows[0][0] == "&lt;0&gt;"
    assert rows[-1] == ["…", "5 more"]
    assert value_html({"a": 1}) is None


def test_a_long_text_in_a_table_is_cut():
    (_, _, (_, name)) = table(value_html(Frame(3, np.zeros(8), "a" * 1000)))
    assert name == "&#x27;" + "a" * (MAX_SHORT - 2) + "…"


def test_numbers_of_numpy_are_as_plain_as_python_s():
    assert value_text(np.float64(0.5)) == "0.5"
    assert value_text("a") == "'a'"


def test_a_very_long_text_is_cut_in_the_middle():
    text = value_text("a" * 10_000)
    assert len(text) < MAX_SIGNS + 60
    assert "6002 more characters" in text


def outputs(code: str, **session: object) -> list[Output]:
    found: list[Output] = []
    Session(**session).run("one", code, found.append)  # type: ignore[arg-type]
    return found


def test_show_shows_each_value_in_its_place():
    code = "import numpy as np\nprint('a')\nshow(1, np.eye(2))\nprint('b')"
    assert [o.kind for o in outputs(code)] == ["text", "value", "table", "text"]
    assert outputs("show(None)")[0].body == "None"
    assert outputs("plot_image([[1, 2], [3, 4]])")[0].kind == "picture"


HOSTILE = """
class Bad:
    def _repr_html_(self):
        return "<script>alert(1)</script>"
    def __repr__(self):
        return "<b>bad</b>"
"""


@pytest.mark.parametrize("last", ["Bad()", "show(Bad())", "[Bad()]", "{'a': Bad()}"])
def test_markup_of_the_reader_s_objects_is_never_taken(last):
    (output,) = outputs(HOSTILE + last)
    assert output.kind == "value"
    assert "<b>bad</b>" in output.body  # as text


PANEL = "import panel as pn\nslider = pn.widgets.IntSlider(label='n')\n"


@pytest.mark.parametrize(
    "last",
    ["slider", "pn.Column(slider)", "pn.bind(lambda n: n, slider)", "pn.panel('a')", "show(slider)",
     "from bokeh.plotting import figure\nfigure()", "plot_line([0, 1], [0, 1])"],
)  # fmt: skip
def test_what_panel_and_bokeh_can_draw_is_live_where_there_is_a_page(last):
    made = []
    (output,) = outputs(PANEL + last, make_live=lambda value: made.append(value) or "document")
    assert (output.kind, output.body, len(made)) == ("live", "document", 1)


def test_a_widget_at_build_time_says_that_it_waits():
    (output,) = outputs(PANEL + "slider")
    assert output.kind == "table"
    assert "IntSlider: run the cell to use it" in output.body

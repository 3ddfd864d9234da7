"""Cells: what comes out, in which order, and what a reader sees of an error."""

import linecache
import re
from html.parser import HTMLParser

import pytest

from diffusion_lab.app.cells.event_loop import drive
from diffusion_lab.app.cells.outputs import Output, folded, output_html, overwritten
from diffusion_lab.app.cells.session import Session


def run(session: Session, code: str, label: str = "one") -> list[Output]:
    """What a cell puts out; hints have tests of their own (`test_hints.py`)."""
    outputs: list[Output] = []
    ok = session.run(label, code, outputs.append)
    assert ok is not any(output.kind == "error" for output in outputs)
    return [output for output in outputs if not output.kind.startswith("hint")]


def told(outputs: list[Output]) -> list[tuple[str, str]]:
    """Kind and body of each output, a picture's body as its text alternative, texts that follow one another as one."""
    label = re.compile('aria-label="(.*?)"')
    bodies = [(o.kind, label.search(o.body)[1] if o.kind == "picture" else o.body) for o in outputs]
    joined: list[tuple[str, str]] = []
    for kind, body in bodies:
        if joined and kind == joined[-1][0] == "text":
            joined[-1] = (kind, joined[-1][1] + body)
        else:
            joined.append((kind, body))
    return joined


@pytest.fixture
def session() -> Session:
    return Session()


# --- outputs ---------------------------------------------------------------------------------------------------------


def test_printing_and_pictures_come_in_the_order_of_the_code(session):
    code = """
print("a")
print("b", end="")
plot_line([0, 1], [0, 1], title="First")
print("c\\nd")
plot_hist([1, 2, 3], title="Second")
plot_scatter([0, 1], [0, 1], title="Third")
print("e", end="")
6 * 7
"""
    assert told(run(session, code)) == [
        ("text", "a\nb"),
        ("picture", "First"),
        ("text", "c\nd\n"),
        ("picture", "Second"),
        ("picture", "Third"),
        ("text", "e"),
        ("value", "42"),
    ]


def test_outputs_leave_as_they_come(session):
    """What is printed is handed on before the cell ends: a long cell shows its progress."""
    seen: list[Output] = []
    session.namespace["seen"] = seen
    session.run("one", "print('a')\nfirst = len(seen)\nprint('b')", seen.append)
    assert session.namespace["first"] == 1


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", [("value", "2")]),
        ("'text'", [("value", "'text'")]),
        ("x = 1", []),
        ("None", []),
        ("", []),
        ("# only a remark\n", []),
        ("1\n2", [("value", "2")]),
        ("if True:\n    5", []),
        ("x = 3; x", [("value", "3")]),
        ("plot_line([0, 1], [0, 1])", [("picture", "Plot drawn by the cell")]),
    ],
)
def test_the_value_of_the_last_expression_is_shown(session, code, value):
    assert told(run(session, code)) == value


@pytest.mark.parametrize(
    "code", ["f = plot_line([0, 1], [0, 1])\nf", "plot_line([0, 1], [0, 1])", "f = plot_line([0, 1], [0, 1])"]
)
def test_a_helper_s_figure_is_returned_and_shown_once(session, code):
    assert told(run(session, code)) == [("picture", "Plot drawn by the cell")]


def test_a_cell_can_change_a_figure_that_a_helper_has_shown(session):
    code = "f = plot_line([0, 1], [0, 1], title='Before')\nprint('a')\nf.title.text = 'After'\nprint('b')"
    assert told(run(session, code)) == [("picture", "After"), ("text", "a\nb\n")]
    assert told(run(session, "f")) == [("picture", "After")], "another cell may show it once more"


def test_a_figure_is_drawn_although_the_cell_fails_below_it(session):
    kinds = [output.kind for output in run(session, "plot_line([0, 1], [0, 1])\nprint('a')\n1 / 0")]
    assert kinds == ["picture", "text", "error"]


def test_a_figure_made_by_hand_is_a_picture(session):
    code = (
        "from bokeh.plotting import figure\n"
        "f = figure(width=100, height=100, x_range=(0, 1), y_range=(0, 1), title='By hand')\nf"
    )
    assert told(run(session, code)) == [("picture", "By hand")]


def test_a_carriage_return_overwrites_its_line(session):
    outputs = run(session, "for k in range(3):\n    print(f'\\r{k} of 3', end='')\nprint('\\rdone')")
    assert blocks(outputs) == [["output text", "done 3\n"]]
    assert overwritten("50 %\r60 %\n7\r\nab\rc") == "60 %\n7\ncb"


@pytest.mark.parametrize("text", ["a", "a\rb", "a\r", "\rab\rc", "a\nbc\rd\ne\r", "\r\n", "ab\r\rc\n\r", "x\ry\nz"])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("123456", ""), ("12\r", "3"), ("1\n2", "\r3")])
def test_folded_text_has_the_same_effect(text, before, after):
    assert overwritten(before + folded(text) + after) == overwritten(before + text + after)
    assert len(folded(text)) <= len(text)


def test_folded_text_stays_short():
    assert len(folded("".join(f"\r{k} of 1000" for k in range(1000)))) < 20


def test_progress_leaves_while_the_cell_runs(session):
    seen: list[Output] = []
    session.namespace["seen"] = seen
    session.run("one", "print('1 of 2', end='\\r')\nfirst = len(seen)", seen.append)
    assert session.namespace["first"] == 1


AWAITING = """
import asyncio
async def f(k):
    await asyncio.sleep(0.01 * (3 - k))
    done.append(k)
    return k
done = []
"""


def test_await_at_top_level(session):
    assert told(run(session, f"{AWAITING}print(await f(2))\nawait asyncio.gather(f(0), f(1))")) == [
        ("text", "2\n"),
        ("value", "[0, 1]"),
    ]
    assert session.namespace["done"] == [2, 1, 0]


def test_tasks_of_a_cell_run_while_it_awaits(session):
    code = f"{AWAITING}task = asyncio.create_task(f(2))\nawait asyncio.sleep(0.05)\nassert done == [2]\nawait task"
    assert told(run(session, code)) == [("value", "2")]


def test_asyncio_run(session):
    assert told(run(session, f"{AWAITING}asyncio.run(f(1))")) == [("value", "1")]
    with pytest.raises(ValueError, match="a coroutine was expected, got 3"):
        drive(3)  # type: ignore[arg-type]


def test_what_still_runs_at_the_end_of_a_cell_is_cancelled(session):
    code = f"""{AWAITING}
async def forever():
    try:
        await asyncio.sleep(1e9)
    finally:
        done.append("cancelled")
asyncio.create_task(forever())
await asyncio.sleep(0)
"""
    assert run(session, code.replace("asyncio.create_task", "task = asyncio.create_task")) == []
    assert session.namespace["done"] == ["cancelled"]


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.stderr = None",
        "import sys\ndel sys.stdout",
        "import sys\nsys.setrecursionlimit(60)",
        "import builtins\nvars(builtins).clear()",
        "import builtins\nbuiltins.len = builtins.isinstance = None",
        "del show, plot_line",
    ],
)
def test_a_cell_cannot_take_away_what_the_next_one_needs(session, code):
    session.run("one", code, lambda output: None)
    assert told(run(session, "import sys\nprint(1, file=sys.stderr)\nshow(len('ab'))\nplot_line([0, 1], [0, 1])")) == [
        ("text", "1\n"),
        ("value", "2"),
        ("picture", "Plot drawn by the cell"),
    ]


def test_standard_error_is_shown_too(session):
    assert told(run(session, "import sys\nprint('to stderr', file=sys.stderr)")) == [("text", "to stderr\n")]


def test_nothing_is_printed_past_the_cell(session, capsys):
    run(session, "print('inside')")
    assert capsys.readouterr().out == ""


def test_cells_of_a_page_share_their_names(session):
    run(session, "import math\ndef twice(x):\n    return 2 * x * scale\nscale = 1", "one")
    run(session, "scale = 10", "two")
    assert told(run(session, "twice(math.pi) > 62 and __name__", "three")) == [("value", "'__main__'")]


def test_pages_share_nothing():
    run(Session(), "x = 1")
    assert run(Session(), "x")[0].body.splitlines()[-1] == "NameError: name 'x' is not defined"


# --- errors ----------------------------------------------------------------------------------------------------------


def error(session: Session, code: str, label: str = "one") -> tuple[int, list[str]]:
    output = run(session, code, label)[-1]
    assert output.kind == "error"
    return output.line, output.body.splitlines()


def test_an_error_names_its_line(session):
    assert error(session, "x = 1\n\nx / 0\nprint('never')") == (
        3,
        ["line 3: x / 0", "ZeroDivisionError: division by zero"],
    )


def test_what_was_printed_before_an_error_stays(session):
    outputs = run(session, "print('a')\nprint('b', end='')\n1 / 0")
    assert [output.kind for output in outputs] == ["text", "text", "error"]


def test_an_error_in_a_function_shows_the_way_there(session):
    code = "def inner(x):\n    return 1 / x\n\ndef outer(x):\n    return inner(x)\n\nouter(0)"
    assert error(session, code) == (
        2,
        [
            "line 7: outer(0)",
            "line 5 in outer: return inner(x)",
            "line 2 in inner: return 1 / x",
            "ZeroDivisionError: division by zero",
        ],
    )


def test_an_error_in_a_function_of_an_earlier_cell_marks_the_line_of_the_call(session):
    run(session, "# first\ndef f(x):\n    return 1 / x", "one")
    assert error(session, "y = 0\nf(y)", "two") == (
        2,
        ["line 2: f(y)", "line 3 of cell one in f: return 1 / x", "ZeroDivisionError: division by zero"],
    )


def test_an_error_inside_a_library_shows_only_the_reader_s_line(session):
    line, body = error(session, "import numpy as np\na = np.ones(2)\nnp.linalg.solve(a, a)")
    assert line == 3
    assert body[0] == "line 3: np.linalg.solve(a, a)"
    assert body[1].startswith("numpy.linalg.LinAlgError: ") or body[1].startswith("LinAlgError: ")
    assert len(body) == 2


@pytest.mark.parametrize(
    ("code", "line", "body"),
    [
        ("x = 1\ny = (\n", 2, ["line 2", "    y = (", "        ^", "SyntaxError: '(' was never closed"]),
        ("x = 1\nreturn x", 2, ["line 2", "SyntaxError: 'return' outside function"]),
        ("x = 1\n  y = 2", 2, ["line 2", "    y = 2", "IndentationError: unexpected indent"]),
        ("1 +\n", 1, ["line 1", "    1 +", "       ^", "SyntaxError: invalid syntax"]),
    ],
)
def test_code_that_cannot_be_read_runs_not_at_all(session, code, line, body):
    assert error(session, code) == (line, body)
    assert "x" not in session.namespace


def test_a_syntax_error_in_code_that_the_cell_runs_marks_the_cell_s_line(session):
    line, body = error(session, "x = 1\neval('1 +')")
    assert (line, body[0], body[-1]) == (2, "line 2: eval('1 +')", "SyntaxError: invalid syntax")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "Stopped."),
        ("class Odd(BaseException):\n    pass\nraise Odd('odd')", "Odd: odd"),
        ("exit_ = 1\nraise ValueError('two\\nlines')", "lines"),
    ],
)
def test_no_cell_ends_the_session(session, code, message):
    line, body = error(session, code)
    assert (line, body[-1].removeprefix("__main__.")) == (code.count("\n") + 1, message)
    assert told(run(session, "1 + 1")) == [("value", "2")]


def test_a_value_that_cannot_be_shown_is_an_error(session):
    code = "class Broken:\n    def __repr__(self):\n        return 1 / 0\n\nBroken()"
    line, body = error(session, code)
    assert (line, body[-1]) == (3, "ZeroDivisionError: division by zero")


def test_endless_recursion_is_told(session):
    line, body = error(session, "def f(n):\n    return f(n + 1)\n\nf(0)")
    assert line == 2
    assert body[:2] == ["line 4: f(0)", "line 2 in f: return f(n + 1)"]
    assert body[-1] == "RecursionError: maximum recursion depth exceeded"


def test_endless_recursion_is_told_briefly(session):
    _, body = error(session, "def f(n):\n    return f(n + 1)\n\nf(0)")
    assert len(body) < 20


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("plot_scatter([1, 2], [1])", "ValueError: `x` and `y` must have the same length, got 2 and 1."),
        ("plot_line([1, 2], [[1], [2]])", "ValueError: `x` and `y` must have the same length, got 2 and 1."),
        ("plot_hist([[1, 2]])", "ValueError: `values` must be a list of numbers, got an array of shape (1, 2)."),
    ],
)
def test_a_helper_used_wrongly_says_so_at_the_reader_s_line(session, code, message):
    assert error(session, f"x = 1\n{code}") == (2, [f"line 2: {code}", message])


def test_a_figure_that_cannot_be_drawn_is_an_error(session):
    code = (
        "from bokeh.plotting import figure\n"
        "f = figure(width=100, height=100, x_range=(0, 1), y_range=(0, 1))\n"
        "f.circle([0], [0], radius=1)\n"
        "f"
    )
    _, body = error(session, code)
    assert body[-1].startswith("ValueError: Circle has no drawing as SVG; it may be one of ")


def test_a_cell_run_again_shows_its_new_lines(session):
    error(session, "1 / 0")
    assert error(session, "# moved\nint('x')")[1][0] == "line 2: int('x')"
    assert linecache.getline("<cell one>", 1) == "# moved\n"


# --- on the page -----------------------------------------------------------------------------------------------------


class Blocks(HTMLParser):
    """Class and text of each `<pre>`, as a browser takes it: a newline right after the tag is not text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = []

    def handle_starttag(self, tag, attrs):
        if tag == "pre":
            self.found.append([dict(attrs)["class"], ""])

    def handle_data(self, data):
        self.found[-1][1] += data


def blocks(outputs: list[Output]) -> list[list[str]]:
    parser = Blocks()
    parser.feed(output_html(outputs))
    return [[kind, text.removeprefix("\n")] for kind, text in parser.found]


def test_outputs_as_html_are_the_outputs():
    outputs = [
        Output("text", "\n<b>\n"),
        Output("text", "more & more\n"),
        Output("value", "'<i>'"),
        Output("value", "2"),
        Output("text", "x"),
        Output("error", "line 1: a < b", 1),
    ]
    assert blocks(outputs) == [
        ["output text", "\n<b>\nmore & more\n"],
        ["output value", "'<i>'"],
        ["output value", "2"],
        ["output text", "x"],
        ["output error", "line 1: a < b"],
    ]


def test_a_picture_is_put_in_as_it_is():
    assert output_html([Output("picture", "<svg></svg>")]) == '<div class="output picture"><svg></svg></div>'


def test_an_output_goes_to_the_page_as_a_plain_dict():
    assert Output("error", "no", 3).as_dict() == {"kind": "error", "body": "no", "line": 3}

"""Hints: the mistakes that beginners make, each with the sentence that they are told."""

import numpy as np
import pytest

from diffusion_lab.app.cells.session import Output, Session

BEFORE = """
import numpy as np
import math
x = np.arange(3.0)
y = np.arange(4.0)
A = np.ones((3, 4))
B = np.ones((5, 3))
points = [1, 2, 3]
ages = {"ada": 36, "alan": 41}
sigma = 0.5
zero = 0
def score(x, sigma=1.0, *, steps=3):
    return x / sigma
def forever(n):
    return forever(n + 1)
class Box:
    def __init__(self):
        self.width = 2
    @property
    def boom(self):
        raise SystemExit
box = Box()
"""


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session()
    assert session.run("before", BEFORE, lambda output: None)
    return session


def hints(session: Session, code: str, above=()) -> list[Output]:
    outputs: list[Output] = []
    session.run("one", code, outputs.append, above)
    return [output for output in outputs if output.kind.startswith("hint")]


def hint(session: Session, code: str, above=()) -> str:
    (found,) = hints(session, code, above)
    return found.body


NAMES = [
    ("sgima", "Is `sgima` meant to be `sigma`?"),
    ("Sigma", "Is `Sigma` meant to be `sigma`?"),
    ("pritn(1)", "Is `pritn` meant to be `print`?"),
    ("true", "Python writes `True`."),
    ("quux", "Nothing is called `quux` yet. A text stands between quotes; a value first needs a line `quux = …`."),
    ("z = later\nlater = 1", "`later` gets its value only on line 2, below. Python reads from top to bottom."),
    ("statistics.mean([1])", "Write `import statistics` at the top of the cell."),
    ("pn.Row()", "Write `import panel as pn` at the top of the cell."),
    (
        "def f():\n    sigma = sigma + 1\nf()",
        "The function gives `sigma` a value somewhere, so in it `sigma` is a name of its own, which has none yet. "
        "Pass it as an argument, or use another name for the new value.",
    ),
    ("np.sqrrt(2)", "Is `.sqrrt` meant to be `.sqrt`?"),
    ("box.widht", "Is `.widht` meant to be `.width`?"),
    ("points.shape", "`points` is a list, not an array: `np.array(points).shape` works."),
    ("np.float(3)", "NumPy has no `float` of its own any more: write `float`."),
    ("score.mean()", "`score` is a function. What it returns comes when it is called: `score(...)`."),
    (
        "order = points.sort()\norder.append(1)",
        "`order` is `None`, which has nothing in it. A function without `return` gives `None`, and so do methods that "
        "change a list in place, such as `sort` and `append`.",
    ),
    ("import numpyy", "Is `numpyy` meant to be `numpy`?"),
    (
        "import matplotlib.pyplot as plt",
        "`matplotlib` is not in this page's Python. `plot_line`, `plot_scatter` and `plot_hist` draw without any "
        "import.",
    ),
    ("from math import sqr", "Is `sqr` meant to be `sqrt`?"),
    ("ages['adda']", "`ages` has no key `'adda'`. Is it meant to be `'ada'`?"),
    ("ages['zoe']", "The keys of `ages` are `'ada'`, `'alan'`."),
]

ARRAYS = [
    (
        "x + y",
        "`x` has shape (3,), `y` has (4,). Entry by entry they must be equally long. For every pair, `x[:, None]` "
        "makes a column, and the result has shape (3, 4).",
    ),
    ("A * x", "`A` has shape (3, 4), `x` has (3,). One number for each row is a column: `x[:, None]`."),
    (
        "A + B",
        "`A` has shape (3, 4), `B` has (5, 3). Counted from the right, the numbers must be equal, or one of them 1.",
    ),
    (
        "A @ B",
        "`A` has shape (3, 4), `B` has (5, 3). The last number on the left, 4, must equal the first on the right, 5.",
    ),
    (
        "A @ x",
        "`A` has shape (3, 4), `x` has (3,). The last number on the left, 4, must equal the first on the right, 3. "
        "`A.T @ x` would fit.",
    ),
    (
        "B @ A.T",
        "`B` has shape (5, 3), `A.T` has (4, 3). The last number on the left, 3, must equal the first on the right, 4. "
        "`B @ A.T.T` would fit.",
    ),
    ("x[:2] < y[::2][:1] + x", "`x[:2]` has shape (2,), `y[::2][:1] + x` has (3,)."),
    ("A[0] = x", "`A[0]` has shape (4,), `x` has (3,). What is put into a place must have the shape of that place."),
    (
        "np.add(x, [1, 2])",
        "`x` has shape (3,), `[1, 2]` has (2,). Entry by entry they must be equally long.",
    ),
    (
        "(lambda: x)() + y",
        "One has shape (3,), the other (4,). Shapes fit when, counted from the right, the numbers are equal or one of "
        "them is 1.",
    ),
    ("if x > 1:\n    pass", "An array has one truth value for each entry."),
    ("A.reshape(5, 2)", "There are 12 numbers, and the numbers of the new shape, multiplied, must give 12 too."),
    ("np.array([[1, 2], [3]])", "An array has rows of one length."),
    ("np.vstack([x, y])", "Only arrays whose other axes have the same lengths can be put together."),
    ("a, b = 1, 2, 3", "Left of `=` stand 2 names, but there are 3 values to share out."),
    ("a, b, c = points[:2]", "Left of `=` stand 3 names, but there are 2 values to share out."),
    ("x[3]", "Along axis 0, `x` has 3 entries, numbered 0 to 2."),
    ("A[1, 4]", "Along axis 1, `A` has 4 entries, numbered 0 to 3."),
    ("x[0, 1]", "`x` has one axis and got 2 indices. Its shape is (3,)."),
    ("x[3 / 2]", "An index is a whole number."),
    ("points[3]", "`points` has 3 items, numbered 0 to 2; the last is also `[-1]`."),
    ("points[1, 2]", "A list has no rows and columns: `x[i][j]` works, or make it an array with `np.array(x)`."),
    ("none = []\nnone[0]", "`none` is empty."),
    ("points * 0.5", "A list does not calculate. Make it an array: `np.array(...)`."),
    ("points - 1", "A list does not calculate. Make it an array: `np.array(...)`."),
    ("points + 1", "`+` joins a list only with another one. To calculate, make it an array: `np.array(...)`."),
    ("points > 2", "A list cannot be compared with a number. Make it an array: `np.array(...)`."),
    ("np.zeros(3, 4)", "The shape of a new array is one argument: `np.zeros((3, 4))`, with two pairs of brackets."),
    ("np.zeros(3.0)", "A whole number is needed."),
    ("math.exp(x)", "This function takes one number. For each entry of an array, use NumPy's: `np.exp`"),
    ("k = np.arange(3)\nk += 0.5", "The array holds whole numbers and cannot take fractions."),
    ("np.exp(np.array([None]))", "The array holds objects that are not numbers. Look at its `.dtype`."),
    ("np.uint8(300)", "NumPy's whole numbers have a fixed size"),
]

VALUES = [
    ("1 / zero", "`zero` is 0 here."),
    ("sigma / (zero * 2)", "`zero * 2` is 0 here."),
    ("1 / 0", "Nothing can be divided by zero."),
    ("math.exp(1000)", "The result is larger than a float can be, about 1.8e308."),
    ("math.sqrt(-1)", "A square root needs a number that is not negative, a logarithm one above 0."),
    ("int('3.5')", "`int` reads whole numbers only. `float('3.5')` reads a number with a point, if it is one."),
    ("float('1,5')", "The text '1,5' is not a number as Python writes it, such as `0.5` or `1e-3`."),
    ("2.0 ^ 2", "A power is written `**`: `x ** 2`. The sign `^` is something else."),
    ("x ^ 2", "A power is written `**`: `x ** 2`. The sign `^` is something else."),
]

CALLS = [
    (
        "score(1, sgima=2)",
        "It is called as `score(x, sigma=1.0, *, steps=3)`. Is `sgima` meant to be `sigma`?",
    ),
    ("score()", "It is called as `score(x, sigma=1.0, *, steps=3)`. Missing: `x`."),
    ("score(1, 2, 3)", "It is called as `score(x, sigma=1.0, *, steps=3)`."),
    ("x(0)", "`x` is an array: an item of it stands in square brackets, as in `x[0]`."),
    ("sigma(2)", "`sigma` is a number. To multiply, write the sign: `*`."),
    ("2(3)", "`2` is a number. To multiply, write the sign: `*`."),
    ("np(3)", "`np` is a module; the function is inside it, as in `np.exp(x)`."),
    (
        "sum = 3\nsum(points)",
        "`sum` was given a value, which hides Python's own `sum`. Use another name; `del sum` brings it back.",
    ),
    ("1 + score", "`score` is a function, not what it returns. Call it: `score(...)`."),
    ("score[1]", "`score` is a function: it is called with round brackets."),
    ("sigma[0]", "Square brackets pick an item, but this is a number, which has no items."),
    ("for i in 3:\n    pass", "One number cannot be gone through. To count up to `n`, write `range(n)`."),
    ("range(2.5)", "A whole number is needed."),
    ("'a' + 1", 'Only texts can be joined to a text. An f-string puts in any value: `f"x is {x}"`.'),
    ("1 + 'a'", "One side is a text. `float(...)` makes a number of it, if it is one."),
    ("points.sort() + 1", "One side is `None`"),
    ("(1, 2)[0] = 3", "Its items cannot be changed."),
    ("{[1]: 2}", "A key of a dict or an item of a set cannot be a list. Use a tuple."),
    ("len(3)", "This is a whole number, which has no length."),
    ("a, b = 3", "One number cannot be gone through."),
]

MACHINE = [
    (
        "forever(0)",
        "`forever` calls itself without end. There must be a case in which it returns without calling itself.",
    ),
    ("raise MemoryError", "That is more memory than a page may have."),
    ("raise KeyboardInterrupt", "It was stopped at this line."),
    ("input('n?')", "Nobody can answer `input` here. Write the value into the code, as in `n = 5`."),
    ("exit()", "A cell ends by itself at its last line; it needs no `exit`."),
    ("open('mine.csv')", "The page's Python has a file system of its own, without the files of this computer."),
]

SYNTAX = [
    ("for i in range(3)\n    print(i)", "A line that begins with `for` ends with a colon `:`."),
    ("if sigma > 1\n    print(1)", "A line that begins with `if` ends with a colon `:`."),
    ("x = (1 +\n", "The bracket `(` on line 1 has no partner that closes it."),
    ("x = 1)", "This `)` closes a bracket that was never opened."),
    ("x = (1]", "The bracket `(` is closed by `]`: each kind of bracket is closed by its own."),
    ("print('a)", "The text that begins here has no closing quote on the same line."),
    ("'''a", "A text that begins with three quotes also ends with three."),
    ("if sigma = 1:\n    pass", "`=` gives a name a value. To ask whether two things are equal, write `==`."),
    ("2 = x", "On the left of `=` stands a name, as in `x = 2`."),
    ("x + 1 = 2", "On the left of `=` stands a name, as in `x = 2`."),
    ("for i in points:\nprint(i)", "What belongs to the 'for' statement of line 1 stands below it"),
    ("x = 1\n  y = 2", "This line begins further to the right than the one above."),
    ("if 1:\n        a = 1\n    b = 2", "This line begins between two levels."),
    ("y = 2x", "A name cannot begin with a digit. If you multiply, write the sign, as in `2 * x`."),
    ("print 'a'", "`print` is a function: write `print(...)` with parentheses."),
    ("[1 2]", "Between two values in brackets stands a comma."),
    ("return 1", "`return` belongs inside a function."),
    ("break", "This belongs inside a loop."),
    ("print(“a”)", "The sign “ is not one of Python's: write `\"` instead."),
    ("y = 3 − 1", "The sign − is not one of Python's: write `-` instead."),
    ("if 1:\n    pass\nelse if 2:\n    pass", "Python writes `elif` for `else if`."),
    ("i = 0\ni++", "Python has no `++`: write `x += 1`."),
    ("True && False", "Python writes `and` and `or` in words."),
    ("!pip install x", "Python writes `not` in words. Commands such as `!pip` cannot run in a page."),
    ("pip install x", "Nothing can be installed here."),
    ("%matplotlib inline", "Lines that begin with `%` are for notebooks. Cells here are plain Python."),
    ("y =", "Something must stand on the right of `=`."),
    ("y = 1 +", "The line ends with an operator: what follows it is missing."),
    ("score(sigma=1, 2)", "Arguments with a name, such as `size=3`, come after those without."),
    ("lambda = 3", "This word has a meaning of its own in Python. Choose another name."),
    ("f'{x'", "A `{` inside an f-string needs its `}`."),
]


@pytest.mark.parametrize(("code", "text"), NAMES + ARRAYS + VALUES + CALLS + MACHINE + SYNTAX)
def test_hint(session, code, text):
    before = dict(session.namespace)
    try:
        told = hint(session, code)
    finally:
        session.namespace.clear()
        session.namespace.update(before)
    assert told.startswith(text) if text[-1] not in "?:" else told == text


ABOVE = [("1.a", "import numpy as np\nfar = 1"), ("1.b", "def near(x):\n    inner = 2\n"), ("1.c", "not Python (")]


@pytest.mark.parametrize(("name", "cell"), [("far", "1.a"), ("near", "1.b")])
def test_a_name_of_a_cell_above_sends_the_reader_there(session, name, cell):
    (found,) = hints(session, f"{name} + 1", ABOVE)
    assert (found.kind, found.body) == ("hint_above", f"`{name}` is made in cell {cell}, above. Run that first.")


def test_a_name_inside_a_function_above_is_not_made_there(session):
    assert [found.kind for found in hints(session, "inner", ABOVE)] == ["hint"]


def test_np_is_sought_above_before_an_import_is_advised():
    assert "cell 1.a" in hint(Session(), "np.exp(1)", ABOVE)
    assert hint(Session(), "np.exp(1)") == "Write `import numpy as np` at the top of the cell."


def test_the_reader_s_own_code_never_runs_for_a_hint(session):
    """The property raises SystemExit, which would be seen; a call in the expression has a side effect."""
    assert hint(session, "box.boom.x + y[9]").startswith("A cell ends by itself")  # raised by the line itself
    code = "calls = []\ndef f():\n    calls.append(1)\n    return x\nf() + y"
    assert hint(session, code).startswith("One has shape (3,)")
    assert session.namespace["calls"] == [1]


def test_no_hint_where_nothing_is_known(session):
    assert hints(session, "raise RuntimeError('mine')") == []
    assert hints(session, "raise ValueError('mine')") == []
    assert hints(session, "compile('1 +', 'mine', 'exec')") == []


@pytest.mark.parametrize(
    "code", ["raise KeyError", "raise IndexError", "raise TypeError", "raise NameError", "raise AttributeError",
             "raise ImportError", "raise ZeroDivisionError", "raise OverflowError", "raise UnboundLocalError",
             "def f(): f2()\ndef f2(): {}['a']\nf()", "raise SyntaxError", "raise KeyError(['a'])"],
)  # fmt: skip
def test_a_bare_error_breaks_nothing(session, code):
    assert len(hints(session, code)) <= 1


# --- numbers that are none -------------------------------------------------------------------------------------------


def test_numbers_that_are_none_are_told_once(session):
    with np.errstate(all="warn"):  # as it is outside the tests
        told = hint(session, "for _ in range(3):\n    ratio = x / (x * 0)\n")
    assert told.count("Line 2: divide by zero encountered in divide.") == 1
    assert "`ratio` holds 1 nan and 2 inf." in told


def test_they_are_found_where_numpy_does_not_warn(session):
    """As in the browser, where there are no flags for it."""
    assert hint(session, "with np.errstate(all='ignore'):\n    logs = np.log(x)").startswith("`logs` holds 1 inf.")


@pytest.mark.parametrize("code", ["best = np.full(3, np.inf)", "x + 1", "z = x + 1", "words = np.array(['a'])"])
def test_there_is_no_hint_where_they_are_meant(session, code):
    assert hints(session, code) == []


def test_other_warnings_are_printed(session):
    outputs: list[Output] = []
    session.run("one", "import warnings\nwarnings.warn('mind the gap')", outputs.append)
    (output,) = outputs
    assert output.kind == "text"
    assert "mind the gap" in output.body

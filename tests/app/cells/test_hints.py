"""Hints: the mistakes that beginners make, each with the hint that explains it."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from diffusion_lab.app.cells.outputs import Output
from diffusion_lab.app.cells.session import Session
from diffusion_lab.app.cells.unavailable import refuse

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
    ("plt.plot(x)", "`plt` stands for `matplotlib`, which is not in this page's Python. `plot_line`, `plot_scatter`"),
    ("pd.DataFrame()", "`pd` stands for `pandas`, which is not in this page's Python."),
    ("import tqdm.nothing", "`tqdm` is not in this page's Python. Print the progress instead"),
    ("quux", "`quux` is not defined. Put a text in quotes; give a variable a value first, as in `quux = …`."),
    ("z = later\nlater = 1", "`later` is defined only on line 2, below. Python runs a cell from top to bottom."),
    ("statistics.mean([1])", "Write `import statistics` at the top of the cell."),
    ("pn.Row()", "Write `import panel as pn` at the top of the cell."),
    (
        "def f():\n    sigma = sigma + 1\nf()",
        "The function assigns to `sigma`, which makes `sigma` a local variable, and it is read here before it has a "
        "value. Pass it as an argument, or use another name for the new value.",
    ),
    ("np.sqrrt(2)", "Is `.sqrrt` meant to be `.sqrt`?"),
    ("box.widht", "Is `.widht` meant to be `.width`?"),
    ("points.shape", "`points` is a list, not an array: `np.array(points).shape` works."),
    ("np.float(3)", "NumPy has removed `np.float`: write `float`."),
    ("score.mean()", "`score` is a function. To use its result, call it: `score(...)`."),
    (
        "order = points.sort()\norder.append(1)",
        "`order` is `None`, which has no `append`. A function without `return` gives `None`, and so do methods that "
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
        "`x` has shape (3,), `y` has (4,). To combine them entry by entry, they must have the same length. To "
        "combine every pair, make a column: `x[:, None]`. The result then has shape (3, 4).",
    ),
    ("A * x", "`A` has shape (3, 4), `x` has (3,). To use one number for each row, make a column: `x[:, None]`."),
    (
        "A + B",
        "`A` has shape (3, 4), `B` has (5, 3). Compared from the right, the numbers must be equal, or one of "
        "them must be 1.",
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
    (
        "A[0] = x",
        "`A[0]` has shape (4,), `x` has (3,). A value that is assigned to a part of an array must have the "
        "shape of that part.",
    ),
    (
        "np.add(x, [1, 2])",
        "`x` has shape (3,), `[1, 2]` has (2,). To combine them entry by entry, they must have the same length.",
    ),
    (
        "(lambda: x)() + y",
        "One has shape (3,), the other (4,). Shapes fit if, compared from the right, the numbers are equal or one of "
        "them is 1.",
    ),
    ("if x > 1:\n    pass", "An array has one truth value for each entry, not one for all."),
    ("A.reshape(5, 2)", "The array has 12 entries, so the product of the new shape must be 12."),
    ("np.array([[1, 2], [3]])", "All rows of an array have the same length."),
    ("np.vstack([x, y])", "Arrays can be joined only if all other axes have the same lengths."),
    ("a, b = 1, 2, 3", "There are 2 names on the left of `=`, but 3 values."),
    ("a, b, c = points[:2]", "There are 3 names on the left of `=`, but 2 values."),
    ("x[3]", "Along axis 0, `x` has 3 entries, numbered 0 to 2."),
    ("A[1, 4]", "Along axis 1, `A` has 4 entries, numbered 0 to 3."),
    ("x[0, 1]", "`x` has one axis and got 2 indices. Its shape is (3,)."),
    ("x[3 / 2]", "An index must be a whole number."),
    ("points[3]", "`points` has 3 items, numbered 0 to 2; the last is also `[-1]`."),
    ("points[1, 2]", "A list takes one index: write `x[i][j]`, or convert it to an array with `np.array(x)`."),
    ("none = []\nnone[0]", "`none` is empty."),
    ("points * 0.5", "Lists do not support arithmetic. Convert the list to an array: `np.array(...)`."),
    ("points - 1", "Lists do not support arithmetic. Convert the list to an array: `np.array(...)`."),
    ("points + 1", "`+` joins a list only with another list. For arithmetic, make it an array: `np.array(...)`."),
    ("points > 2", "A list cannot be compared with a number. Make it an array: `np.array(...)`."),
    ("np.zeros(3, 4)", "The shape of a new array is one argument: `np.zeros((3, 4))`, with two pairs of brackets."),
    ("np.zeros(3.0)", "A whole number is needed here."),
    ("math.exp(x)", "This function takes one number. For arrays, use NumPy's functions: `np.exp`"),
    ("k = np.arange(3)\nk += 0.5", "The array contains whole numbers and cannot store fractions."),
    ("np.exp(np.array([None]))", "The array contains objects that are not numbers. Look at its `.dtype`."),
    ("np.uint8(300)", "NumPy's whole numbers have a fixed size"),
]

VALUES = [
    ("1 / zero", "`zero` is 0 here."),
    ("sigma / (zero * 2)", "`zero * 2` is 0 here."),
    ("1 / 0", "Nothing can be divided by zero."),
    ("math.exp(1000)", "The result exceeds the largest float, about 1.8e308."),
    ("math.sqrt(-1)", "A square root needs a number that is not negative, a logarithm one above 0."),
    ("int('3.5')", "`int` accepts whole numbers only. `float('3.5')` also accepts a decimal point."),
    ("float('1,5')", "The text '1,5' is not a number in Python's notation, such as `0.5` or `1e-3`."),
    ("2.0 ^ 2", "Write a power with `**`, as in `x ** 2`. The operator `^` does something else."),
    ("x ^ 2", "Write a power with `**`, as in `x ** 2`. The operator `^` does something else."),
]

CALLS = [
    (
        "score(1, sgima=2)",
        "It is called as `score(x, sigma=1.0, *, steps=3)`. Is `sgima` meant to be `sigma`?",
    ),
    ("score()", "It is called as `score(x, sigma=1.0, *, steps=3)`. Missing: `x`."),
    ("score(1, 2, 3)", "It is called as `score(x, sigma=1.0, *, steps=3)`."),
    ("x(0)", "`x` is an array, not a function. To pick an item, write `x[0]`."),
    ("sigma(2)", "`sigma` is a number, not a function. To multiply, write `*`."),
    ("2(3)", "`2` is a number, not a function. To multiply, write `*`."),
    ("np(3)", "`np` is a module; the function is inside it, as in `np.exp(x)`."),
    (
        "sum = 3\nsum(points)",
        "`sum` was given a value, which hides Python's own `sum`. Use another name; `del sum` restores it.",
    ),
    ("1 + score", "`score` is a function, not its result. Call it: `score(...)`."),
    ("score[1]", "`score` is a function: call it with round brackets."),
    ("sigma[0]", "Square brackets pick an item, but this is a number, which has no items."),
    (
        "for i in 3:\n    pass",
        "A single number cannot be looped over or unpacked. To count up to `n`, write `range(n)`.",
    ),
    ("range(2.5)", "A whole number is needed here."),
    ("'a' + 1", 'A text can be joined only with another text. To insert a value, use an f-string: `f"x is {x}"`.'),
    ("1 + 'a'", "One side is a text. If it contains a number, convert it with `float(...)`."),
    ("points.sort() + 1", "One side is `None`"),
    ("(1, 2)[0] = 3", "Its items cannot be changed."),
    ("{[1]: 2}", "A key of a dict or an item of a set cannot be a list. Use a tuple."),
    ("len(3)", "This is a whole number, which has no length."),
    ("a, b = 3", "A single number cannot be looped over or unpacked."),
]

FORMATS = [
    ("f'{sigma:d}'", "The format `d` is for whole numbers. `.0f` shows a float without decimals."),
    ("f'{sigma:.2q}'", "After the colon comes a format, such as `.3f` (three decimals)"),
    ("f'{x:.2f}'", "A format such as `.2f` is for one number. For an array write `x.round(2)`"),
    ("f'{points:.2f}'", "A format such as `.2f` is for a number, and this is a list."),
    ("f'{None:.2f}'", "A format such as `.2f` is for a number, and this is `None`."),
    ("f'{\"a\":.2f}'", "The format `f` is for numbers, and this is a text. Convert it: `float(...)`."),
    ("'%d' % 'a'", "The values after `%` must fit the formats, in number and kind."),
    ("'%d %d' % 3", "The values after `%` must fit the formats, in number and kind."),
]

MACHINE = [
    (
        "forever(0)",
        "`forever` calls itself forever. Add a case in which it returns without calling itself.",
    ),
    ("raise MemoryError", "This needs more memory than a page may use."),
    ("raise KeyboardInterrupt", "You stopped the cell at this line."),
    ("input('n?')", "Nobody can answer `input` here. Write the value into the code, as in `n = 5`."),
    ("exit()", "A cell ends by itself at its last line; it needs no `exit`."),
    ('raise RuntimeError("can\'t start new thread")', "A page's Python has one thread and one process."),
    (
        "raise RuntimeError('TLS not supported in this environment')",
        "A page's Python cannot connect to other computers.",
    ),
    ("raise OSError(138, 'emscripten does not support processes.')", "A page's Python cannot start other programs."),
    ("raise OSError(52, 'Function not implemented')", "A page's Python cannot start other programs."),
    ("raise OSError(53, 'Socket not connected')", "A page's Python cannot connect to other computers."),
    ("raise ModuleNotFoundError(name='httpx')", "`httpx` is not in this page's Python. A page's Python cannot connect"),
    ("raise ModuleNotFoundError(name='_multiprocessing')", "`_multiprocessing` is not in this page's Python. A page's"),
    ("raise ImportError(name='pyodide._package_loader')", "A page's Python cannot connect to other computers."),
    (
        "raise ImportError(name='js')",
        "A cell's Python runs in a worker of the browser, which has no page and no window.",
    ),
    ("import asyncio\nawait asyncio.create_subprocess_shell('ls')", "A page's Python cannot start other programs."),
    ("raise ConnectionResetError('Remote end closed')", "A page's Python cannot connect to other computers."),
    ("raise ValueError('Maximum allowed dimension exceeded')", "This needs more memory than a page may use."),
    (
        "raise OverflowError(\"cannot fit 'int' into an index-sized integer\")",
        "This needs more memory than a page may use.",
    ),
    ("np.ones((10**9, 10**10))", "This needs more memory than a page may use."),
    ("import asyncio\nasyncio.create_task(asyncio.sleep(0))", "Tasks need a running loop."),
    ("import asyncio\nawait asyncio.Event().wait()", "Something must set the event, put an item into the queue"),
    (
        "import asyncio\nasync def f():\n    asyncio.run(asyncio.sleep(0))\nawait f()",
        "Coroutines run here already. Write `await main()` instead of `asyncio.run(main())`.",
    ),
    (
        "raise FileNotFoundError('https://example.org/x.csv not found.')",
        "A page's Python cannot connect to other computers.",
    ),
    ("open('mine.csv')", "The page's Python has a separate file system and cannot open the files of this computer."),
]

SYNTAX = [
    ("for i in range(3)\n    print(i)", "A line that begins with `for` must end with a colon `:`."),
    ("if sigma > 1\n    print(1)", "A line that begins with `if` must end with a colon `:`."),
    ("x = (1 +\n", "The bracket `(` on line 1 is never closed."),
    ("x = 1)", "This `)` closes a bracket that was never opened."),
    ("x = (1]", "The bracket `(` is closed by `]`, which is another kind of bracket."),
    ("print('a)", "The text that begins here has no closing quote on the same line."),
    ("'''a", "A text that begins with three quotes must end with three quotes."),
    ("if sigma = 1:\n    pass", "`=` assigns a value. To test whether two values are equal, write `==`."),
    ("2 = x", "The left side of `=` must be a name, as in `x = 2`."),
    ("x + 1 = 2", "The left side of `=` must be a name, as in `x = 2`."),
    ("for i in points:\nprint(i)", "The lines that belong to the 'for' statement on line 1 must follow it"),
    ("x = 1\n  y = 2", "This line is indented further than the line above."),
    ("if 1:\n        a = 1\n    b = 2", "The indentation of this line matches no line above."),
    ("y = 2x", "A name cannot begin with a digit. To multiply, write `*`, as in `2 * x`."),
    ("print 'a'", "`print` is a function: write `print(...)` with parentheses."),
    ("[1 2]", "Values in brackets are separated by commas."),
    ("return 1", "`return` can be used only inside a function."),
    ("break", "This can be used only inside a loop."),
    ("print(“a”)", 'Python does not accept the character “ here: write `"` instead.'),
    ("y = 3 − 1", "Python does not accept the character − here: write `-` instead."),
    ("if 1:\n    pass\nelse if 2:\n    pass", "Python writes `elif` for `else if`."),
    ("i = 0\ni++", "Python has no `++`: write `x += 1`."),
    ("True && False", "Python writes `and` and `or` in words."),
    ("!pip install x", "Packages cannot be installed here. NumPy, Bokeh and Panel are here already: import them."),
    ("!ls", "Lines that begin with `!` are commands for a shell, which a page does not have."),
    ("pip install x", "Packages cannot be installed here."),
    ("%matplotlib inline", "Lines that begin with `%` are for notebooks. Cells here are plain Python."),
    ("y =", "The value on the right of `=` is missing."),
    ("y = 1 +", "The line ends with an operator; the value after it is missing."),
    ("score(sigma=1, 2)", "Arguments with a name, such as `size=3`, come after those without."),
    ("lambda = 3", "This word is a keyword of Python. Choose another name."),
    ("f'{x'", "A `{` inside an f-string needs a closing `}`."),
]


@pytest.mark.parametrize(("code", "text"), NAMES + ARRAYS + VALUES + CALLS + FORMATS + MACHINE + SYNTAX)
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
    assert (found.kind, found.body) == (
        "hint_above",
        f"`{name}` is defined in cell {cell}, above. Run that cell first.",
    )


def test_a_name_that_is_defined_above_its_use_is_not_sought_below(session):
    assert "on line 2, below" in hint(session, "print(gone)\ngone = 1\ngone = 2")
    assert "below" not in hint(session, "gone = 1\ndel gone\nprint(gone)")


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


#: Call that a page cannot make → hint of the error that it raises instead.
UNAVAILABLE = [
    ("import socket\nwith socket.socket() as s:\n    s.connect(('127.0.0.1', 9))", "A page's Python cannot connect"),
    ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "A page's Python cannot connect"),
    ("import socket\nsocket.getaddrinfo('localhost', 9)", "A page's Python cannot connect"),
    (
        "import http.client\nhttp.client.HTTPConnection('127.0.0.1', 9).request('GET', '/')",
        "A page's Python cannot conn",
    ),
    ("from urllib.request import urlopen\nurlopen('http://127.0.0.1:9/')", "A page's Python cannot connect"),
    ("import smtplib\nsmtplib.SMTP('127.0.0.1', 9)", "A page's Python cannot connect"),
    ("import ftplib\nftplib.FTP('127.0.0.1')", "A page's Python cannot connect"),
    ("import socket\nwith socket.socket() as s:\n    s.bind(('127.0.0.1', 0))", "No other computer can reach a page's"),
    ("import socketserver\nsocketserver.TCPServer(('127.0.0.1', 0), None)", "No other computer can reach a page's"),
    ("import os\nos.system('true')", "A page's Python cannot start other programs."),
    ("import os\nos.execv('/bin/none', ['none'])", "A page's Python cannot start other programs."),
    ("import subprocess\nsubprocess.run(['true'])", "A page's Python cannot start other programs."),
]


@pytest.fixture(scope="module")
def refusing() -> Iterator[None]:
    """As in the browser, calls that a page cannot make raise. An audit hook stays, so this one can be switched off."""
    on = [True]
    sys.addaudithook(lambda event, arguments: refuse(event, arguments) if on else None)
    yield
    on.clear()


@pytest.mark.parametrize(("code", "text"), UNAVAILABLE)
def test_what_a_page_cannot_do_raises_an_error_with_a_hint(refusing, code, text):
    assert hint(Session(), code).startswith(text)


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


def test_a_numerical_warning_of_other_code_names_no_line_of_the_cell(session):
    outputs: list[Output] = []
    code = "import warnings\nwarnings.warn_explicit('overflow', RuntimeWarning, 'elsewhere.py', 7)"
    session.run("one", code, outputs.append)
    (output,) = outputs
    assert (output.kind, output.body) == ("text", "elsewhere.py:7: RuntimeWarning: overflow\n")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("np = 3\nnp.zeros(2)", "np"),
        ("np = x\nnp.exp(x)", "np"),
        ("plot_line = 3\nplot_line(x, x)", "plot_line"),
        ("show = None\nshow(x)", "show"),
    ],
)
def test_a_name_of_the_page_that_a_cell_has_replaced_offers_a_restart(code, name):
    session = Session()
    assert session.run("before", BEFORE, lambda output: None)
    (found,) = hints(session, code)
    assert found.kind == "hint_restart"
    assert found.body.startswith(f"A cell has given `{name}` another value: it is ")


def test_an_array_that_lacks_an_attribute_offers_no_restart(session):
    (found,) = hints(session, "x.shap")
    assert found.kind == "hint"

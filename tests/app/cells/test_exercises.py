"""Exercises: what their checks see, and what the reader is told."""

import pytest

from diffusion_lab.app.cells.exercises import PASSED, close
from diffusion_lab.app.cells.outputs import Output
from diffusion_lab.app.cells.session import Session

STARTER = "def twice(x):\n    return ..."
RIGHT = "def twice(x):\n    return 2 * x"
CHECKS = "check(twice(3) == 6, 'Not twice three.')"


@pytest.fixture
def session() -> Session:
    return Session()


def result(session: Session, code: str, checks: str = CHECKS) -> tuple[str, str]:
    outputs: list[Output] = []
    session.run_exercise("ex", code, checks, outputs.append, starter=STARTER)
    return outputs[-1].kind, outputs[-1].body


def test_right_and_wrong(session):
    assert result(session, RIGHT) == ("passed", PASSED)
    assert result(session, STARTER) == ("failed", "Not twice three.")


NOT_DEFINED = ("failed", "Your code does not define `twice`. Keep the name that the task gives.")


def test_the_checks_do_not_see_what_an_earlier_run_has_defined(session):
    assert result(session, RIGHT)[0] == "passed"
    assert result(session, RIGHT.replace("twice", "double")) == NOT_DEFINED
    assert "twice" not in session.namespace


def test_the_checks_do_not_see_what_another_cell_has_defined_under_a_name_of_the_task(session):
    session.run("other", RIGHT, lambda output: None)
    assert result(session, RIGHT.replace("twice", "double")) == NOT_DEFINED
    assert session.namespace["twice"](1) == 2, "the other cell keeps its function"


def test_a_helper_of_an_earlier_run_is_gone_too(session):
    calls = "def twice(x):\n    return helper(x)"
    assert result(session, f"def helper(x):\n    return 2 * x\n{calls}")[0] == "passed"
    outputs: list[Output] = []
    session.run_exercise("ex", calls, CHECKS, outputs.append, starter=STARTER)
    assert [output.kind for output in outputs] == ["error", "hint", "failed"]
    assert "name 'helper' is not defined" in outputs[0].body


def test_names_of_other_cells_stay(session):
    session.run("other", "import numpy as np\nfactor = 2", lambda output: None)
    code = "import numpy as np\ndef twice(x):\n    return np.multiply(factor, x)"
    assert result(session, code)[0] == "passed"
    assert result(session, code.removeprefix("import numpy as np\n"))[0] == "passed"


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "equal"),
    [
        ([1.0, 2.0], [1.0, 2.0], 1e-6, True),
        (1.0, 1.0005, 1e-3, True),
        (1.0, 1.005, 1e-3, False),
        (1e-7, 0.0, 1e-6, True),  # beside 0 the tolerance is a distance
        (1e-5, 0.0, 1e-6, False),
        (1.0, [1.0, 1.0], 1e-6, False),  # a number is no array, although NumPy could stretch it
        ([[1.0, 1.0]], [1.0, 1.0], 1e-6, False),
        (..., 1.0, 1e-6, False),
        ("one", 1.0, 1e-6, False),
    ],
)
def test_close_compares_shapes_and_values(a, b, tolerance, equal):
    assert close(a, b, tolerance) is equal

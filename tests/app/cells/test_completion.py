"""Completion: what is offered at a cursor, and what the call around it takes, without running the reader's code."""

import sys
import types

import numpy as np
import pytest

from diffusion_lab.app.cells.completion import MAX_DESCRIBED, complete, signature_at

SOURCE = '''
import numpy as np
x = np.ones((3, 4))
points = [1, 2]
rng = np.random.default_rng(0)
_hidden = 1
sigma_max = 20.0

def score(x, sigma=1.0, *, steps=3):
    """The score at x.

    More of it.
    """

def gather(first, *rest, last=0, **others):
    pass

class Box:
    """A box with a lid."""

    def __init__(self, width):
        self.width = width

    @property
    def boom(self):
        raise RuntimeError("a property was run")

    def open(self, wide, far=1):
        """Opens it."""

    def __getattr__(self, name):
        raise RuntimeError("__getattr__ was run")

    def __dir__(self):
        raise RuntimeError("__dir__ was run")

box = Box(2)
'''


@pytest.fixture(scope="module")
def names() -> dict:
    namespace = {"__name__": "__main__"}
    exec(SOURCE, namespace)
    return namespace


def labels(before: str, names: dict) -> list[str]:
    found = complete(before, names)
    assert found is not None
    return [option.label for option in found.options]


def option(before: str, names: dict, label: str):
    return next(o for o in complete(before, names).options if o.label == label)


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        ("sc", "score"),
        ("y = np.lins", "linspace"),
        ("np.linalg.nor", "norm"),
        ("np.random.default", "default_rng"),
        ("rng.norm", "normal"),
        ("x.sh", "shape"),
        ("print(x.su", "sum"),
        ("box.wi", "width"),
        ("box.o", "open"),
        ("box.bo", "boom"),
        ("Box.o", "open"),
        ("whi", "while"),
        ("for i in ra", "range"),
        ("import nu", "numpy"),
        ("import numpy as np, stat", "statistics"),
        ("import numpy.lin", "linalg"),
        ("from math import sq", "sqrt"),
        ("from math import (pi, sq", "sqrt"),
        ("from ma", "math"),
        ("_hid", "_hidden"),
        ("y = {'a': sigm", "sigma_max"),
        ('f(\n    "a (", sigm', "sigma_max"),
        ("Valu", "ValueError"),
    ],
)
def test_offered(names, before, offered):
    assert offered in labels(before, names)


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        ("import numpy\nnumpy.lins", "linspace"),
        ("import numpy as np\nx = np.lins", "linspace"),
        ("  import numpy.random as r\nr.default", "default_rng"),
        ("from math import sqrt as root, pi\nroo", "root"),
        ("from numpy import random\nrandom.default", "default_rng"),
        ("width = 2\nwi", "width"),
        ("def far(distance):\n    return dist", "distance"),
    ],
)
def test_what_the_text_imports_and_names_is_offered_before_it_has_run(before, offered):
    assert offered in labels(before, {})


@pytest.mark.parametrize("before", ["# width\nwi", "'width'\nwi", "x.width\nwi"])
def test_what_is_no_name_of_the_text(before):
    assert "width" not in set(labels(before, {}))


def test_an_import_that_is_not_loaded_is_not_loaded_for_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    assert complete("import this\nthis.", {}) is None
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    "before", ["'sc", "f('np.", "# np.", "x = 1  # sc", '"""a\nsc', "3.", "1.5e", "f(x).a", "x[0].s", "nothing.here"]
)
def test_nothing_is_offered(names, before):
    assert complete(before, names) is None


def test_a_closed_text_is_over(names):
    for before in ("'a' + sc", "'it\\'s' + sc", '"""a\nb""" + sc', "x = 'a  \nsc", "# it's\nsc"):
        assert labels(before, names) == ["score"], before


def test_hidden_names_only_when_asked_for(names):
    assert "_hidden" not in labels("", names)
    assert not [name for name in labels("np.", names) if name.startswith("_")]
    assert "__init__" in labels("box.__i", names)


def test_the_reader_s_names_stand_before_python_s_own(names):
    assert option("s", names, "score").boost > option("s", names, "sum").boost


def test_names_of_errors_need_a_capital(names):
    assert "ValueError" not in labels("v", names)


def test_the_word_in_place_is_measured(names):
    assert complete("y = np.lins", names).length == 4
    assert complete("np.", names).length == 0


def test_what_is_told_of_a_name(names):
    found = option("sc", names, "score")
    assert (found.kind, found.detail, found.info) == ("function", "(x, sigma=1.0, *, steps=3)", "The score at x.")
    assert option("x", names, "x").detail == "array (3, 4)"
    assert option("x.sh", names, "shape").detail == "(3, 4)"
    assert option("sigma_", names, "sigma_max").detail == "20.0"
    assert option("poi", names, "points").detail == "list of 2"
    assert (option("Bo", names, "Box").kind, option("Bo", names, "Box").info) == ("class", "A box with a lid.")
    assert option("box.o", names, "open").detail == "(wide, far=1)"
    assert option("np.lins", names, "linspace").info.startswith("Return evenly spaced numbers")


def test_long_lists_are_names_only(names):
    found = complete("np.", names)
    assert len(found.options) > MAX_DESCRIBED
    assert {o.info for o in found.options} == {""}


@pytest.mark.parametrize(
    ("before", "arguments"),
    [
        ("score(", ["x=", "sigma=", "steps="]),
        ("score(1, s", ["sigma=", "steps="]),
        ("score(1, 2, s", ["steps="]),
        ("score(1, sigma=2, ", ["steps="]),
        ("max(score(steps=2, ", ["x=", "sigma="]),
        ("Box(", ["width="]),
        ("box.open(", ["wide=", "far="]),
        ("score((1, s", ["x=", "sigma=", "steps="]),
        ("score[", []),
        ("def score(", []),
    ],
)
def test_arguments(names, before, arguments):
    found = [o.label for o in complete(before, names).options if o.label.endswith("=")]
    wanted = [a for a in arguments if a.startswith(before[-1])] if before[-1].isalpha() else arguments
    assert found == wanted


@pytest.mark.parametrize(
    ("before", "name", "parameter"),
    [
        ("score(", "score", "x"),
        ("score(1, ", "score", "sigma=1.0"),
        ("score(1, 2, ", "score", None),
        ("score(1, steps=", "score", "steps=3"),
        ("score(steps=2, sigma=(1, 2)[0], x=", "score", "x"),
        ("score(',', ", "score", "sigma=1.0"),
        ("score(f(1, 2), ", "score", "sigma=1.0"),
        ("score([1, 2", "score", "x"),
        ("score(1 == ", "score", "x"),
        ("gather(1, 2, 3, ", "gather", "*rest"),
        ("gather(1, last=", "gather", "last=0"),
        ("gather(nobody=", "gather", None),
        ("np.zeros((3, 4), ", "zeros", "dtype=None"),
        ("np.exp(", "exp", "x"),
        ("np.linspace(0, 1, ", "linspace", "num=50"),
        ("rng.normal(0, ", "normal", "scale=1.0"),
        ("Box(", "Box", "width"),
        ("box.open(1, ", "open", "far=1"),
        ("print(1, 2", "print", "*args"),
    ],
)
def test_signature(names, before, name, parameter):
    found = signature_at(before, names)
    assert found.name == name
    assert (found.parameters[found.current] if found.current >= 0 else None) == parameter


@pytest.mark.parametrize(
    "before", ["", "score", "score()", "(1, ", "x(", "def score(", "unknown(", "'score(", "{score: ("]
)
def test_no_signature(names, before):
    assert signature_at(before, names) is None


def test_a_signature_says_what_the_function_does(names):
    assert signature_at("score(", names).doc == "The score at x."


def test_a_library_s_own_lazy_parts_are_found():
    import panel as pn

    assert "IntSlider" in labels("pn.widgets.IntSl", {"pn": pn})


def test_modules_that_were_not_imported_are_not_imported_for_it(monkeypatch):
    monkeypatch.setattr("builtins.__import__", lambda *a: pytest.fail("something was imported"))
    assert labels("from fractions_unknown import a", {}) == []


def test_attributes_of_a_module_made_by_hand():
    made = types.ModuleType("made")
    made.value = np.float64(2)
    assert labels("made.va", {"made": made}) == ["value"]

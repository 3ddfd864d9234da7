"""Functions that run a reader's code: what can take their place, what cannot, and how they get their own back."""

from __future__ import annotations

import inspect
import sys
import textwrap
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.browser.code_overrides import CodeOverrides, EditError, hint_about, shown_error
from diffusion_lab.app.instrument import Instrument, Panel, Readout, Status, Transport, computed, number, readings
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.editable import editable_functions, forget_cached_calls, sources
from diffusion_lab.app.instrument.instrument import StateError
from diffusion_lab.app.instrument.scenes import Plane, Points

from ...examples import Edit, examples

# A module of its own, as if it were one of the instruments': what edits leave in it is seen.
module = types.ModuleType("diffusion_lab.instruments.trial.kernel")
exec(
    """
from functools import lru_cache

FACTOR = 2

def double(x, plus=0, *, times=1):
    return FACTOR * x * times + plus

@lru_cache
def kept(x):
    return double(x)

class Line:
    def __init__(self, slope):
        self.slope = slope

    def at(self, x):
        return self.slope * double(x)
""",
    module.__dict__,
)
trial: Any = module
NAME = "trial.kernel.double"


class Trial(Instrument):
    """Shows what the functions of the module give for 3."""

    editable = (trial.double, trial.kept, trial.Line.at)
    place = number(3, 0, 9, 1, "Place", "Where.")
    panel = Panel(Transport("Go", plays="place", seconds=1), readouts=[Readout("shown", "shown", ".1f")])
    plane = Plane(1.0, Points("dots", "ink"))

    @computed
    def result(self):
        return trial.kept(3) + trial.Line(10).at(3)

    @plane.layer("dots")
    def _(self):
        return {"x": [[self.place, 0.0]]}

    @readings
    def read(self):
        return {"shown": 1.0 * self.result}

    def status(self):
        return Status("a trial")

    def describe(self):
        return f"{self.reading_texts['shown']}."


class Place:
    """An instrument on a page that counts how often it has been computed again, and holds what it shows."""

    def __init__(self) -> None:
        self.instrument = Trial()
        self.computed = 0
        self.shown = self.instrument.answer().numbers["shown"]

    def recompute(self) -> None:
        self.computed += 1
        self.instrument.recompute()
        self.shown = self.instrument.answer().numbers.get("shown", self.shown)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setitem(sys.modules, module.__name__, module)
    forget_cached_calls()
    return Place()


@pytest.fixture
def edits(place: Place) -> Iterator[CodeOverrides]:
    made = CodeOverrides({"a": place})
    yield made
    made.reset_all()
    assert (trial.double(1), trial.double(1, 1, times=3)) == (2, 7)
    assert "helper" not in vars(module)


def code(body: str, head: str = "def double(x, plus=0, *, times=1):") -> str:
    return f"{head}\n    {body}\n"


def test_every_reference_runs_the_edit_and_nothing_kept_holds(edits: CodeOverrides, place: Place) -> None:
    before = trial.double
    assert place.shown == 66
    edits.edit(Trial, NAME, code("return 100 * x"))
    assert (before(1), trial.kept(1), place.shown, place.computed) == (100, 100, 3300, 1)
    assert edits.by_place() == {"a": [NAME]}
    edits.reset(Trial, NAME)
    assert (place.shown, place.computed, edits.by_place()) == (66, 2, {"a": []})
    assert place.instrument.reading_texts == {"shown": "66.0"}


def test_names_of_the_module_are_there_and_new_ones_come_and_go(edits: CodeOverrides, place: Place) -> None:
    edits.edit(
        Trial, NAME, "import math\n\ndef helper(x):\n    return math.floor(x) + FACTOR\n" + code("return helper(x)")
    )
    assert place.shown == 5 + 50
    assert "helper" in vars(module)
    edits.edit(Trial, NAME, code("return x"))
    assert (place.shown, "helper" in vars(module), "math" in vars(module)) == (33, False, False)


def test_defaults_go_with_the_code(edits: CodeOverrides, place: Place) -> None:
    edits.edit(Trial, NAME, code("return x * times + plus", "def double(x, plus=5, *, times=4):"))
    assert (trial.double(1), place.shown) == (9, 17 + 170)


def test_a_method_and_a_function_that_is_kept(edits: CodeOverrides, place: Place) -> None:
    edits.edit(Trial, "trial.kernel.Line.at", "def at(self, x):\n    return -self.slope\n")
    assert place.shown == 6 - 10
    edits.edit(Trial, "trial.kernel.kept", "@lru_cache\ndef kept(x):\n    return 1000\n")
    assert place.shown == 1000 - 10
    edits.reset(Trial)
    assert place.shown == 66


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("x = 1\n", "The cell must define `double`, as a function.", 0),
        ("double = len\n", "The cell must define `double`, as a function.", 0),
        ("from math import sqrt as double\n", "The cell must define `double`, as a function.", 0),
        (
            "\ndef double(x, plus=0):\n    return x\n",
            "`double` is called with the parameters (x, plus, times), this one has (x, plus).",
            2,
        ),
        (
            "def double(x, *, plus=0, times=1):\n    return x\n",
            "`double` is called with the parameters (x, plus, times), this one has (x, plus, times).",
            1,
        ),
        (
            code("return x") + "FACTOR = 3\n",
            "The cell may change `double` only, and sets `FACTOR`, which others use too.",
            0,
        ),
        (
            f"def make():\n  y = 1\n  {code('return y').strip()}\n  return double\ndouble = make()\n",
            "`double` must not be a closure: it uses y of an enclosing function.",
            0,
        ),
    ],
)
def test_what_cannot_take_its_place(edits: CodeOverrides, place: Place, source: str, message: str, line: int) -> None:
    with pytest.raises(EditError) as caught:
        edits.edit(Trial, NAME, source)
    assert (str(caught.value), shown_error(caught.value, NAME).line) == (message, line)
    assert (place.shown, place.computed, edits.by_place()) == (66, 0, {"a": []})


def test_a_fault_in_the_code_leaves_what_ran_before(edits: CodeOverrides, place: Place) -> None:
    edits.edit(Trial, NAME, code("return 100 * x"))
    with pytest.raises(ZeroDivisionError) as caught:
        edits.edit(Trial, NAME, code("y = 1\n    return y / 0"))
    output = shown_error(caught.value, NAME)
    assert output.body == "line 3 in double: return y / 0\nZeroDivisionError: division by zero"
    assert output.line == 3
    assert (place.shown, trial.double(1), edits.by_place()) == (3300, 100, {"a": [NAME]})


def test_a_mistake_of_grammar_has_its_line(edits: CodeOverrides) -> None:
    with pytest.raises(SyntaxError) as caught:
        edits.edit(Trial, NAME, "\n\ndef double(x:\n")
    assert shown_error(caught.value, NAME).line == 3


def test_a_value_that_cannot_be_used_is_said_to_be_one(edits: CodeOverrides, place: Place) -> None:
    with pytest.raises(TypeError) as caught:
        edits.edit(Trial, NAME, code("return {}"))
    assert shown_error(caught.value, NAME).body.startswith(
        "`double` ran, but its result could not be used:\nTypeError: "
    )
    assert place.shown == 66


def test_an_error_in_an_edit_has_the_hint_that_a_cell_has(edits: CodeOverrides) -> None:
    source = code("return lenn(x)")
    with pytest.raises(NameError) as named:
        edits.edit(Trial, NAME, source)
    assert hint_about(named.value, source) == "Is `lenn` meant to be `len`?"
    source = "def double(x)\n    return x"
    with pytest.raises(SyntaxError) as spelt:
        edits.edit(Trial, NAME, source)
    assert hint_about(spelt.value, source) == "A line that begins with `def` must end with a colon `:`."
    assert hint_about(KeyboardInterrupt()) == ""


def test_stop_puts_back_what_ran_before(edits: CodeOverrides, place: Place) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        edits.edit(Trial, NAME, code("raise KeyboardInterrupt"))
    assert shown_error(caught.value, NAME).body.endswith("Stopped.")
    assert place.shown == 66


def test_a_fault_later_on_is_blamed_on_the_edit(edits: CodeOverrides, place: Place) -> None:
    instrument = place.instrument
    edits.edit(Trial, NAME, code("return 100 * x if x == 3 else 1 / 0"))

    def fails(act: Any) -> BaseException:
        with pytest.raises(Exception) as caught:
            act()
        return caught.value

    def answers_with(status: Any) -> BaseException:
        instrument.recompute()
        instrument.__dict__["status"] = status
        try:
            return fails(instrument.answer)
        finally:
            del instrument.__dict__["status"]

    assert edits.blamed(answers_with(lambda: trial.double(4))) == NAME
    assert edits.blamed(answers_with(lambda: len(3))) == NAME, "its value may be what is at fault"  # type: ignore[arg-type]
    instrument.__dict__["table"] = lambda: trial.double(4)
    assert edits.blamed(fails(instrument.csv)) == NAME
    instrument.__dict__["reconcile"] = lambda changed: trial.double(4)
    assert edits.blamed(fails(lambda: instrument.move(place=5))) == NAME
    del instrument.__dict__["reconcile"]
    assert edits.blamed(fails(lambda: instrument.move(place=99))) == ""
    assert edits.blamed(fails(lambda: instrument.act({"action": "fly"}))) == ""
    assert isinstance(fails(lambda: instrument.act({"action": "fly"})), StateError)
    edits.reset_all()
    assert edits.blamed(answers_with(lambda: len(3))) == "", "nothing is edited"  # type: ignore[arg-type]


def test_an_instrument_that_is_closed_and_one_that_has_no_part_in_it_are_left_alone(place: Place) -> None:
    class Other(Trial):
        """Runs other functions."""

        editable = (trial.Line.at,)

    other = Place()
    other.instrument = Other()
    live = {"a": place, "b": other}
    edits = CodeOverrides(live)
    edits.edit(Trial, NAME, code("return 100 * x"))
    assert (place.computed, other.computed) == (1, 0)
    assert edits.by_place() == {"a": [NAME], "b": []}
    del live["a"]
    edits.reset_all()
    assert (place.computed, trial.double(1)) == (1, 2)


# --- what the instruments offer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", instrument_names())
def test_every_instrument_offers_functions_with_sources_that_compile(name: str) -> None:
    cls = instrument_class(name)
    offered = sources(cls)
    assert len(offered) >= 3
    for source in offered:
        assert source["code"].startswith(("def ", "@"))
        compile(source["code"], "<source>", "exec")
        assert '"""' in source["code"], "what it takes and gives is said in it"
        head = next(line for line in source["code"].splitlines() if line.startswith("def "))
        assert source["title"].split(".")[-1] in head
    functions = list(editable_functions(cls).values())
    assert len({function.__qualname__ for function in functions}) == len(functions), "errors name them by it"


class Shown:
    """An instrument on a page with what it shows: readings, and the columns of its layers."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.now: dict[str, Any] = {}
        self.recompute()

    def recompute(self) -> None:
        self.instrument.recompute()
        answer = self.instrument.answer()
        self.now |= answer.texts | answer.layers

    def copy(self) -> dict[str, Any]:
        """Columns as texts, so that they can be compared; without times, which no two runs have in common."""
        return {
            key: str({name: np.asarray(column).tolist() for name, column in value.items()})
            if isinstance(value, dict)
            else value
            for key, value in self.now.items()
            if key not in self.instrument.panel.durations
        }


@pytest.mark.parametrize("name", instrument_names())
def test_its_own_source_changes_nothing(name: str) -> None:
    cls = instrument_class(name)
    live = Shown(cls(**examples(name).quick))
    edits = CodeOverrides({"a": live})
    before, csv = live.copy(), live.instrument.csv()
    try:
        for function, own in editable_functions(cls).items():
            edits.edit(cls, function, textwrap.dedent(inspect.getsource(own)))
        assert len(edits.by_place()["a"]) == len(sources(cls))
        words, _, rest = live.instrument.csv().partition("\n")[2].partition("\n")
        assert words == "# runs your " + ", ".join(source["title"].rpartition(".")[2] for source in sources(cls))
        assert (live.copy(), f"# {cls.title}\n{rest}") == (before, csv)
        assert live.instrument.status_text().startswith(words[2:])
    finally:
        edits.reset_all()
    assert edits.by_place() == {"a": []}
    assert (live.copy(), live.instrument.csv()) == (before, csv)


PLAIN = [
    (name, s["name"], s["code"]) for name in instrument_names() for s in sources(instrument_class(name)) if s["plain"]
]


@pytest.mark.parametrize(("name", "function", "code"), PLAIN, ids=lambda value: value if "\n" not in value else "")
def test_a_plain_form_shows_the_same_as_the_fast_one(name: str, function: str, code: str) -> None:
    """Points to a thousandth, far below a pixel: a training in single precision multiplies the rounding."""
    cls = instrument_class(name)
    live = Shown(cls())
    edits = CodeOverrides({"a": live})
    before = dict(live.now)
    try:
        edits.edit(cls, function, code)
        for key, columns in live.now.items():
            if isinstance(columns, dict):
                for column, values in columns.items():
                    if not isinstance(values, list):
                        np.testing.assert_allclose(values, before[key][column], rtol=1e-3, atol=1e-3, err_msg=key)
    finally:
        edits.reset_all()


EDITS = [(name, edit) for name in instrument_names() for edit in examples(name).edits]


@pytest.mark.parametrize(
    ("name", "edit"), EDITS, ids=lambda value: value.function if isinstance(value, Edit) else value
)
def test_an_edit_has_an_effect(name: str, edit: Edit) -> None:
    """Each that `examples.toml` names moves what it says, and leaves nothing behind."""
    cls = instrument_class(name)
    live = Shown(cls(**edit.state))
    edits = CodeOverrides({"a": live})
    (source,) = (s for s in sources(cls) if s["name"] == edit.function)
    before = live.copy()
    try:
        edits.edit(cls, source["name"], source["code"].replace(edit.find, edit.replace))
        after = live.copy()
        assert [key for key in edit.moves if after[key] == before[key]] == []
    finally:
        edits.reset_all()
    assert live.copy() == before

"""Functions that run a reader's code: what can take their place, what cannot, and how they get their own back."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
from bokeh.plotting import figure

from diffusion_lab.app.browser.code_overrides import CodeOverrides, EditError, told
from diffusion_lab.app.instrument.component import Instrument, StateError, forget_results
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.app.instrument.editable import editable_functions, sources

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

    editable: ClassVar[Any] = (trial.double, trial.kept, trial.Line.at)
    kept: ClassVar[tuple[str, ...]] = ("_result",)
    _result: int | None = None

    def make_figure(self) -> figure:
        return figure(width=100, height=100, x_range=(0, 1), y_range=(0, 1))

    def update(self, changed: frozenset[str]) -> None:
        if self._result is None:
            self._result = trial.kept(3) + trial.Line(10).at(3)
        self.shown = 1.0 * self._result

    def restyle(self) -> None:
        pass

    def readings(self) -> dict[str, str | list[float]]:
        return {"shown": str(self.shown)}

    def describe(self) -> str:
        return f"{self.shown}"


class Place:
    """An instrument on a page that counts how often it has computed anew."""

    def __init__(self) -> None:
        self.component = Trial()
        self.computed = 0

    def recompute(self) -> None:
        self.computed += 1
        self.component.recompute()

    @property
    def shown(self) -> float:
        return self.component.shown


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setitem(sys.modules, module.__name__, module)
    forget_results()
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
    assert place.component.readings_shown == {"shown": "66.0"}


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
            "`double` must stand alone: it uses y of a scope around it.",
            0,
        ),
    ],
)
def test_what_cannot_take_its_place(edits: CodeOverrides, place: Place, source: str, message: str, line: int) -> None:
    with pytest.raises(EditError) as caught:
        edits.edit(Trial, NAME, source)
    assert (str(caught.value), told(caught.value, NAME).line) == (message, line)
    assert (place.shown, place.computed, edits.by_place()) == (66, 0, {"a": []})


def test_a_fault_in_the_code_leaves_what_ran_before(edits: CodeOverrides, place: Place) -> None:
    edits.edit(Trial, NAME, code("return 100 * x"))
    with pytest.raises(ZeroDivisionError) as caught:
        edits.edit(Trial, NAME, code("y = 1\n    return y / 0"))
    output = told(caught.value, NAME)
    assert output.body == "line 3 in double: return y / 0\nZeroDivisionError: division by zero"
    assert output.line == 3
    assert (place.shown, trial.double(1), edits.by_place()) == (3300, 100, {"a": [NAME]})


def test_a_mistake_of_grammar_has_its_line(edits: CodeOverrides) -> None:
    with pytest.raises(SyntaxError) as caught:
        edits.edit(Trial, NAME, "\n\ndef double(x:\n")
    assert told(caught.value, NAME).line == 3


def test_a_value_that_cannot_be_used_is_said_to_be_one(edits: CodeOverrides, place: Place) -> None:
    with pytest.raises(TypeError) as caught:
        edits.edit(Trial, NAME, code("return {}"))
    assert told(caught.value, NAME).body.startswith(
        "`double` ran, but what it returned could not be used:\nTypeError: "
    )
    assert place.shown == 66


def test_stop_puts_back_what_ran_before(edits: CodeOverrides, place: Place) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        edits.edit(Trial, NAME, code("raise KeyboardInterrupt"))
    assert told(caught.value, NAME).body.endswith("Stopped.")
    assert place.shown == 66


def test_a_fault_later_on_is_blamed_on_the_edit(edits: CodeOverrides, place: Place) -> None:
    component = place.component
    edits.edit(Trial, NAME, code("return 100 * x if x == 3 else 1 / 0"))

    def fails(act: Any) -> BaseException:
        with pytest.raises(Exception) as caught:
            act()
        return caught.value

    del component._result
    component.__dict__["update"] = lambda changed: trial.double(4)
    assert edits.blamed(fails(lambda: component._on_settings())) == NAME
    component.__dict__["update"] = lambda changed: len(3)  # type: ignore[arg-type]
    assert edits.blamed(fails(lambda: component._on_settings())) == NAME, "its value may be what is at fault"
    assert edits.blamed(fails(lambda: component.param.update(theme="pink"))) == ""
    assert edits.blamed(fails(lambda: component._handle_msg({"action": "fly"}))) == ""
    assert isinstance(fails(lambda: component._handle_msg({"action": "fly"})), StateError)
    del component.__dict__["update"]
    edits.reset_all()
    component.__dict__["update"] = lambda changed: len(3)  # type: ignore[arg-type]
    assert edits.blamed(fails(lambda: component._on_settings())) == "", "nothing is edited"
    del component.__dict__["update"]


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
        assert source["title"].split(".")[-1] in source["code"].splitlines()[0]
    functions = list(editable_functions(cls).values())
    assert len({function.__name__ for function in functions}) == len(functions), "errors name them by it"


@pytest.mark.parametrize("name", instrument_names())
def test_its_own_source_changes_nothing(name: str) -> None:
    cls = instrument_class(name)

    class Live:
        component = cls()

        def recompute(self) -> None:
            self.component.recompute()

    live = Live()
    edits = CodeOverrides({"a": live})

    def shown() -> Any:
        return dict(live.component.readings_shown), live.component.csv()

    before = shown()
    try:
        for source in sources(cls):
            edits.edit(cls, source["name"], source["code"])
        assert len(edits.by_place()["a"]) == len(sources(cls))
        assert shown() == before
    finally:
        edits.reset_all()
    assert edits.by_place() == {"a": []}
    assert shown() == before


#: Instrument, function, what to change in its source, settings at which it tells, and a reading that it changes.
EFFECTS = [
    ("ring", "score", ("pull /= ", "pull /= 2 * "), {"mode": "reverse"}, "within"),
    ("ring", "alpha_bar", ("-self.rate", "-0.5 * self.rate"), {}, "alpha_bar"),
    (
        "ring",
        "annealed_langevin",
        ("+ noise * rng", "+ 0 * noise * rng"),
        {"mode": "reverse"},
        "distance",
    ),
    (
        "ring",
        "ddim",
        ("after.signal * clean", "after.signal * 0.5 * clean"),
        {"mode": "reverse", "sampler": "DDIM"},
        "within",
    ),
    ("guidance", "combine", ("(1.0 - guidance_scale)", "(1.1 - guidance_scale)"), {}, "spread"),
    ("guidance", "exact_eps_of_both", ("-level.sigma_t)", "-1.1 * level.sigma_t)"), {}, "spread"),
    ("guidance", "heun_step", ("/ 2.0", "/ 4.0"), {}, "spread"),
    ("flow", "marginal_velocity", ("+ rate * x", "+ 0.5 * rate * x"), {}, "straightness"),
    ("flow", "flow_euler", ("(t_next - t)", "0.5 * (t_next - t)"), {}, "end_error"),
    ("unmask", "scores", ("np.round(score", "np.round(-score"), {"progress": 0.5}, "likelihood"),
    ("unmask", "posterior", ("[0]", "[0] ** 0.2"), {"progress": 0.5}, "likelihood"),
]


@pytest.mark.parametrize(("name", "function", "change", "settings", "reading"), EFFECTS)
def test_an_edit_has_an_effect(name: str, function: str, change: tuple[str, str], settings: Any, reading: str) -> None:
    cls = instrument_class(name)

    class Live:
        component = cls(**settings)

        def recompute(self) -> None:
            self.component.recompute()

    live = Live()
    edits = CodeOverrides({"a": live})
    (source,) = (s for s in sources(cls) if s["title"].endswith(function))
    assert change[0] in source["code"]
    before = live.component.readings_shown[reading]
    try:
        edits.edit(cls, source["name"], source["code"].replace(*change))
        assert live.component.readings_shown[reading] != before
    finally:
        edits.reset_all()
    assert live.component.readings_shown[reading] == before
    assert np.isfinite([float(x) for x in str(before).replace("−", "-").split()[:1]]).all()

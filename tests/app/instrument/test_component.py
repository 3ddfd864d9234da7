"""The base class of instruments, on a small one of its own."""

from typing import ClassVar

import numpy as np
import param
import pytest
from bokeh.plotting import figure

from diffusion_lab.app.instrument.component import Instrument, StateError
from diffusion_lab.app.instrument.front_panel import (
    Bars,
    Brush,
    FrontPanel,
    Handle,
    Legend,
    Measure,
    Menu,
    Readout,
    Slider,
    Text,
    Toggles,
    Transport,
)

from ..markup import Elements


class Dial(Instrument):
    """A dial on a line; `half` is kept at half of `level`."""

    title: ClassVar[str] = "Dial <&>"
    level = param.Number(default=0.2, bounds=(0.0, 1.0), step=0.1, label="Level", doc='How "high".')
    half = param.Number(default=0.1, bounds=(0.0, 0.5), step=0.1, label="Half", doc="Half of it.")
    on = param.Boolean(default=False, label="On", doc="Whether.")
    word = param.String(default="ab", regex=r"^[a-z]{0,4}$", label="Word", doc="A short word.")
    kind_of = param.Selector(default="low_pass", objects=["low_pass", "<high>"], label="Kind", doc="Which.")
    seed = param.Integer(default=0, bounds=(0, 9), label="Seed", doc="Seed.")

    front_panel: ClassVar[FrontPanel] = FrontPanel(
        readouts=[Readout("sum", "sum")],
        controls=[
            Slider("level", symbol="l", unit="m"),
            Slider("half", when="on"),
            Toggles(("on",)),
            Text("word", example="cd"),
            Menu("kind_of", when="kind_of:<high>"),
            Transport("Go", plays="level", seconds=2),
        ],
        measures=[Measure("m", "measured", beside="±"), Bars("b", "bars", target=0.5, full_scale=2.0)],
        legends=[Legend("line", "acc", when="on")],
        pads=[Handle("level", "half", "The <point>", when="on"), Brush("word", "Draw", max_points=1)],
        chart="What <it> shows",
    )
    figure_extent: ClassVar[tuple[float, float]] = (1.0, 2.0)

    def make_figure(self) -> figure:
        self.calls: list[tuple[str, frozenset[str]]] = []
        plot = figure(width=100, height=100, x_range=(0, 1), y_range=(0, 1))
        plot.axis.visible = False
        self.line = plot.line([0, 1], [0, 0])
        return plot

    def make_chart(self) -> figure:
        return figure(width=70, height=50, x_range=(0, 1), y_range=(0, 1))

    def reconcile(self, changed: frozenset[str]) -> None:
        self.calls.append(("reconcile", changed))
        self.half = self.level / 2

    def update(self, changed: frozenset[str]) -> None:
        self.calls.append(("update", changed))
        self.line.data_source.data = {"x": [0, 1], "y": [self.level, self.half]}

    def restyle(self) -> None:
        self.calls.append(("restyle", frozenset({self.theme})))

    def readings(self) -> dict[str, str | list[float]]:
        return {"sum": f"{self.level + self.half:.2f}", "m": "1", "m_true": "2", "b": [0.5, 1.0], "b_true": "true ½"}

    def describe(self) -> str:
        return f"Level {self.level:.1f}."

    def table(self) -> dict[str, np.ndarray]:
        return {"level": np.array([self.level, 1 / 3]), "n": np.arange(2), "said": np.array(["a, b", '"'])}


@pytest.fixture
def dial() -> Dial:
    made = Dial()
    made.calls.clear()
    return made


def test_what_settles_together_is_updated_once(dial):
    dial.param.update(level=0.8, on=True)
    assert dial.calls == [("reconcile", frozenset({"level", "on"})), ("update", frozenset({"level", "on", "half"}))]
    assert (dial.half, dial.readings_shown["sum"], dial.description) == (0.4, "1.20", "Level 0.8.")


def test_what_settles_back_is_told_as_moved(dial):
    dial.half = 0.3
    assert dial.half == 0.1
    assert dial.calls == [("reconcile", frozenset({"half"})), ("update", frozenset({"half"}))]


def test_a_change_of_theme_restyles_and_computes_nothing(dial):
    dial.theme = "dark"
    assert dial.calls == [("restyle", frozenset({"dark"}))]


def test_settings_are_the_reader_s_own_in_order():
    assert Dial.settings() == ("level", "half", "on", "word", "kind_of", "seed")


def test_a_setting_of_no_precedence_is_not_the_reader_s():
    class Hidden(Dial):
        inner = param.Number(default=0, bounds=(0, 1), precedence=-1)

    assert Hidden.settings() == Dial.settings()


def test_state_is_what_differs_from_the_defaults(dial):
    dial.param.update(level=0.4, seed=3)
    assert dial.state() == {"level": 0.4, "half": 0.2, "seed": 3}


def test_markup_escapes_and_numbers(dial):
    elements = Elements(dial.markup)
    (section,) = [tag for tag in elements.tags if tag["tag"] == "section"]
    assert section["aria-label"] == "Dial <&>"
    (level, half, seed) = [tag for tag in elements.tags if tag.get("type") == "number"]
    assert (level["title"], level["value"], level["step"]) == ('How "high".', "0.2", "0.1")
    assert (half["data-param"], seed["data-param"], seed["step"]) == ("half", "seed", "1")
    assert [(tag["data-when"], "hidden" in tag) for tag in elements.having("data-when")] == [
        ("on", True),
        ("on", True),
        ("on", True),
        ("kind_of:<high>", True),
    ]
    options = [(tag["value"], "selected" in tag) for tag in elements.tags if tag["tag"] == "option"]
    assert options == [("low_pass", True), ("<high>", False)]
    assert ">Low pass</option>" in dial.markup
    assert "<p>What &lt;it&gt; shows</p>" in dial.markup
    assert '<span class="true">± <span data-reading="m_true">2<' in dial.markup
    (bars,) = elements.having("data-bars")
    assert (bars["data-scale"], bars["style"]) == ("2.0", "--target: 0.25")
    heights = [tag["style"] for tag in elements.tags if tag["tag"] == "li"]
    assert heights == ["--v: 0.25; --c: var(--c0)", "--v: 0.5; --c: var(--c1)"]
    assert [name for name in ("&lt;&amp;&gt;", 'title="How &#34;high&#34;."') if name not in dial.markup] == []


def test_the_markup_is_of_the_state_it_was_made_in():
    markup = Dial(level=0.6, on=True, kind_of="<high>").markup
    elements = Elements(markup)
    assert not any("hidden" in tag for tag in elements.having("data-when"))
    assert ["selected" in tag for tag in elements.tags if tag["tag"] == "option"] == [False, True]
    assert {tag["value"] for tag in elements.having("data-param") if tag["data-param"] == "level"} == {"0.6"}
    assert ["checked" in tag for tag in elements.tags if tag.get("type") == "checkbox"] == [True]
    assert 'data-reading="sum">0.90<' in markup


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ({"level": "1e-1", "seed": " 3 "}, {"level": 0.1, "seed": 3}),
        ({"on": "TRUE"}, {"on": True}),
        ({"on": "0"}, {"on": False}),
        ({"word": "xyz"}, {"word": "xyz"}),
        ({"kind_of": "LOW_pass"}, {"kind_of": "low_pass"}),
        ({}, {}),
    ],
)
def test_texts_are_read(texts, values):
    assert Dial.parse_state(texts) == values


def test_a_text_that_does_not_fit_its_pattern_is_refused():
    with pytest.raises(StateError, match=r"`word` must be a text that matches \^\[a-z\]\{0,4\}\$, got 'A'"):
        Dial.parse_state({"word": "A"})


def test_one_wrong_text_takes_none(dial):
    with pytest.raises(StateError):
        dial.param.update(**Dial.parse_state({"level": "0.9", "seed": "10"}))
    assert dial.state() == {}


def test_a_class_without_its_methods_says_so():
    class Empty(Instrument):
        pass

    with pytest.raises(NotImplementedError):
        Empty()


def test_a_text_entry_has_its_pattern_and_room_for_what_is_wrong(dial):
    elements = Elements(dial.markup)
    (entry,) = [tag for tag in elements.having("pattern") if tag["data-param"] == "word"]
    assert (entry["type"], entry["value"], entry["pattern"]) == ("text", "ab", "^[a-z]{0,4}$")
    assert entry["placeholder"] == "cd"
    assert [tag["role"] for tag in elements.tags if tag.get("data-reading") == "word_problem"] == ["alert"]


def test_pads_stand_where_their_params_are():
    (handle, brush) = (
        Elements(Dial(level=0.6).markup).having("data-extent"),
        Elements(Dial().markup).having("data-brush"),
    )
    assert [(tag["data-x"], tag["data-y"], tag["data-extent"]) for tag in handle] == [("level", "half", "1.0 2.0")]
    (knob,) = [tag for tag in Elements(Dial(level=0.6).markup).having("style") if tag["tag"] == "button"]
    assert knob["style"] == "left: 80.0%; top: 42.5%"
    assert knob["aria-label"] == "The <point>: arrow keys move it"
    assert [(tag["data-brush"], tag["data-max"]) for tag in brush] == [("word", "1")]


def test_playing_from_the_start_sets_all_at_once(dial):
    dial.level = 0.6
    dial.calls.clear()
    dial.play_from_start(seed=3)
    assert (dial.level, dial.seed, dial.playing) == (0.0, 3, True)
    assert [name for name, _ in dial.calls] == ["reconcile", "update"]


def test_the_data_are_written_as_csv(dial):
    assert dial.csv().splitlines() == ["level,n,said", '0.2,0,"a, b"', '0.333333333,1,""""']


def test_what_the_page_shares_is_all_but_pictures_and_markup():
    shared = set(Dial.shared())
    assert set(Dial.settings()) < shared
    assert {"readings_shown", "description", "query", "playing", "theme"} <= shared
    assert not {"figure", "chart", "markup"} & shared


def test_pictures_are_children_of_the_component(dial):
    assert (dial.figure.object, dial.chart.object) == (dial.plot, dial.chart_plot)
    assert np.allclose(dial.line.data_source.data["y"], [0.2, 0.1])

"""The front panel as HTML, on the small instrument of `dial.py`: every kind of item, escaped, in a given state."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from diffusion_lab.app.instrument import Panel, Row, Table, Transport, number, whole
from diffusion_lab.app.instrument.markup import CHARACTER, SLIDER, front_panel_html, scene_mark, slider_marks
from diffusion_lab.app.instrument.scenes import BY_PART, Arrows, Axes, Boxes, Heat, Lines, Plane, Points
from diffusion_lab.app.instrument.settings import played_places

from ..markup import Elements
from .dial import Dial


def markup(**settings) -> str:
    dial = Dial(**settings)
    return front_panel_html(dial, dial.answer())


def elements(**settings) -> Elements:
    return Elements(markup(**settings))


def test_words_are_escaped():
    text, found = markup(), elements()
    (panel,) = [tag for tag in found.tags if tag.get("class") == "front-panel"]
    assert panel["aria-label"] == "Dial <&>"
    for escaped in (
        *("Dial &lt;&amp;&gt;", 'title="How &#34;high&#34;."', "<p>What &lt;it&gt; shows</p>", "the &lt;line&gt;"),
        *("<span>data &lt;</span><span>noise</span>", "<span>The &lt;flow&gt;</span>", 'title="The &#34;mean&#34;."'),
    ):
        assert escaped in text
    assert "<flow>" not in text


def test_sliders_have_bounds_value_unit_and_ends():
    found = elements()
    numbers = {tag["data-param"]: tag for tag in found.tags if tag.get("type") == "number"}
    assert list(numbers) == ["level", "seed", "half", "count", "langevin_steps"]
    level, seed, half, count, _ = numbers.values()
    assert (level["title"], level["aria-label"]) == ('How "high".', "Level")
    assert [level[name] for name in ("min", "max", "step", "value")] == ["0.0", "1.0", "0.1", "0.2"]
    assert [half[name] for name in ("max", "value")] == ["0.5", "0.1"]
    assert (count["step"], seed["step"], seed["max"]) == ("1", "1", "9999")
    ranges = [tag["data-param"] for tag in found.tags if tag.get("type") == "range"]
    assert ranges == ["level", "half", "count", "langevin_steps"], "the seed is a number alone"
    assert [tag["class"] for tag in found.tags if tag.get("class") in ("ends", "unit")] == ["unit", "ends"]
    assert "<span>data &lt;</span><span>noise</span>" in markup()
    assert "Level <i>l</i></span>" in markup()


def test_conditions_stand_where_they_were_declared():
    conditions = [(tag["data-when"], "hidden" in tag) for tag in elements().having("data-when")]
    assert conditions == [
        ("show_line:true", True),  # the handle
        ("view:flow", True),  # the tap
        ("show_line:true", True),  # the legend
        ("view:pairs", False),
        ("view:pairs|flow;show_line:true", True),  # both must hold
        ("view:flow", True),  # the menu
        ("view:flow", True),  # the switch
        ("show_line:true", True),  # the measure
    ]


@pytest.mark.parametrize(
    ("settings", "shown"),
    [({"view": "flow"}, 3), ({"show_line": True}, 5), ({"view": "flow", "show_line": True}, 7), ({}, 1)],
)
def test_the_markup_shows_what_is_met_in_its_state(settings, shown):
    assert sum("hidden" not in tag for tag in elements(**settings).having("data-when")) == shown


def test_the_markup_is_of_the_state_it_was_made_in():
    text = markup(level=0.6, show_line=True, view="flow", sampler="sde_euler", word="xyz")
    found = Elements(text)
    assert {tag["value"] for tag in found.having("data-param") if tag["data-param"] == "level"} == {"0.6"}
    assert ["checked" in tag for tag in found.tags if tag.get("type") == "checkbox"] == [True, False]
    radios = [(tag["value"], "checked" in tag) for tag in found.tags if tag.get("type") == "radio"]
    assert radios == [("pairs", False), ("flow", True)]
    options = [(tag["value"], "selected" in tag) for tag in found.tags if tag["tag"] == "option"]
    assert options == [("ode_heun", False), ("sde_euler", True)]
    assert [tag["value"] for tag in found.tags if tag.get("type") == "text"] == ["xyz"]
    assert 'data-reading="sum">0.90<' in text
    assert 'aria-label="Level 0.6, sum 0.90."' in text


def test_legends_are_those_of_the_layers():
    found = elements()
    marks = [(tag["data-mark"], tag["style"]) for tag in found.having("data-mark")]
    assert marks == [("line", "--c: var(--acc); --o: 1; --w: 2px"), ("arrow", "--c: var(--mute); --o: 1; --w: 1.5px")]


def test_legends_show_marks_as_they_are_drawn():
    class Drawn(Dial):
        """A layer for each kind of mark."""

        plane = Plane(
            2.0,
            Lines("dashed", "acc", dash=(5, 3), alpha=0.5, legend="dashes"),
            Arrows("arrows", "ink", width=3, scale=(1.0, "2 per <unit>"), legend="arrows"),
            Points("points", BY_PART, legend="points"),
            Heat("heat", "ink", strongest=0.4, ramp=("0", "1"), legend="error"),
            Boxes("frame", "bg", outline="ink", legend="given"),
            Boxes("filled", "mute", alpha=0.1, outline="mute", legend="drafted"),
        )

        @plane.layer("dashed", "arrows", "points", "heat", "frame", "filled")
        def _(self):
            return [None] * 6

    drawn = Drawn()
    text = front_panel_html(drawn, drawn.answer())
    found = [(tag["data-mark"], "data-dashed" in tag, tag["style"]) for tag in Elements(text).having("data-mark")]
    assert found == [
        ("line", True, "--c: var(--acc); --o: 0.5; --w: 2px; --dash: 5px; --period: 8px"),
        ("arrow", False, "--c: var(--ink); --o: 1; --w: 3px; --long: 0.2500"),
        ("dot", False, "--c: var(--parts); --o: 0.85"),
        ("ramp", False, "--c: var(--ink); --o: 0.4"),
        ("frame", False, "--c: var(--ink)"),
        ("frame", False, "--c: var(--mute); --fill: color-mix(in srgb, var(--mute) 10%, transparent)"),
    ]
    assert "arrows <small>(this long: 2 per &lt;unit&gt;)</small>" in text
    assert text.index(">0<i data-mark") < text.index("</i>1</span>error")
    assert text.index('data-scene="plane"') < text.index('class="legends"') < text.index('class="rail"')


def test_measures_have_what_stands_beside_them():
    text, found = markup(), elements()
    assert '<b data-reading="mean">0.085</b> <span class="true">± <span data-reading="mean_true">0.000<' in text
    (bars,) = found.having("data-bars")
    assert (bars["data-scale"], bars["style"]) == ("2.0", "--target: 0.25")
    heights = [tag["style"] for tag in found.tags if tag["tag"] == "li"]
    assert heights == ["--v: 0.25; --c: var(--c0)", "--v: 0.5; --c: var(--c1)"]
    assert '<span class="true" data-reading="shares_true">true ½</span>' in text
    assert '<span class="true">true <span data-reading="late_true">1.0<' in text, "the word where none is given"


def test_a_table_has_a_cell_for_each_row_and_column():
    table = Table("Both <sides>", {"one": "One", "other": "Other"}, [Row("mean", "mean", ".3f", "A <doc>.")])
    panel = replace(Dial.panel, tables=[table])
    tabled = type("Tabled", (Dial,), {"panel": panel, "__module__": Dial.__module__})()
    answer = tabled.answer()
    answer.texts |= {"mean_one": "0.250", "mean_other": "–"}
    text = front_panel_html(tabled, answer)
    assert "<caption>Both &lt;sides&gt;</caption>" in text
    assert '<th scope="col">One</th><th scope="col">Other</th>' in text
    assert '<tr title="A &lt;doc&gt;."><th scope="row">mean</th>' in text
    assert '<td data-reading="mean_one">0.250</td><td data-reading="mean_other">–</td></tr>' in text
    assert "<table>" not in markup()


def test_a_text_entry_has_its_pattern_and_room_for_what_is_wrong():
    found = elements()
    (entry,) = found.having("pattern")
    assert (entry["data-param"], entry["type"], entry["value"]) == ("word", "text", "ab")
    assert (entry["pattern"], entry["placeholder"]) == ("^[a-z]{0,4}$", "cd")
    assert [tag["role"] for tag in found.tags if tag.get("data-reading") == "word_problem"] == ["alert"]
    assert entry["data-words"] == "ab|left of"
    assert 'data-reading="word_problem">A word is missing.<' in markup(word="")


def test_pads_stand_where_their_settings_are():
    found = elements(level=0.6)
    (handle,), (brush,), (tap,) = (found.having(name) for name in ("data-handle", "data-brush", "data-tap"))
    assert (handle["data-x"], handle["data-y"], handle["data-extent"]) == ("level", "half", "1.0 2.0")
    (knob,) = [tag for tag in found.having("style") if tag["tag"] == "button"]
    assert knob["style"] == "left: 80.0%; top: 42.5%"
    assert knob["aria-label"] == "The <point>: arrow keys move it"
    assert (brush["data-brush"], brush["data-max"], brush["title"]) == ("drawing", "1", "Draw")
    assert (tap["data-range"], tap["title"]) == ("-1.0 1.0 -2.0 2.0", "Tap")


def test_the_transport_says_what_it_plays():
    (transport,) = elements().having("data-plays")
    film = {"setting": "level", "places": [0.0, 1.0], "grain": 0}
    assert (json.loads(transport["data-plays"]), transport["data-seconds"]) == ({"": film}, "2")
    assert [tag["data-action"] for tag in elements().having("data-action")] == ["run", "step", "reset"]
    assert 'title="One tenth"' in markup()

    class Whole(Dial):
        """Plays a whole number."""

        panel = Panel(Transport("Go", plays="count", seconds=1))

    whole = Whole()
    (transport,) = Elements(front_panel_html(whole, whole.answer())).having("data-plays")
    assert json.loads(transport["data-plays"]) == {"": {"setting": "count", "places": [1, 50], "grain": 1}}

    class Views(Dial):
        """Plays what is on show; in one view nothing is."""

        panel = Panel(Transport("Go", plays={"pairs": "level"}, seconds=1))

    for view in ("pairs", "flow"):
        views = Views(view=view)
        found = Elements(front_panel_html(views, views.answer()))
        buttons = [*found.having("data-play"), *found.having("data-action")]
        assert ["hidden" in button for button in buttons] == [view == "flow", False, view == "flow", False]


def test_the_main_settings_and_the_transport_come_before_the_others():
    text = markup()
    order = [text.index(mark) for mark in ('data-param="level"', 'data-param="view"', 'class="transport"', "data-more")]
    assert order == sorted(order) and order[-1] < text.index('data-param="half"') < text.index('data-param="show_heat"')
    assert text.count(" data-main") == 2
    assert "data-folded" not in text

    class Rare(Dial):
        """An instrument with a setting that is rarely used."""

        rare = whole(1, 0, 9, "Rare", "Rarely used.", folded=True)

    text = front_panel_html(rare := Rare(), rare.answer())
    assert text.count("data-folded") == 1
    assert text.index("data-more") < text.index("data-folded") < text.index('data-param="rare"')

    class All(Dial):
        """An instrument of which all settings are main ones."""

        panel = Panel(Transport("Go", plays="level", seconds=1), main=Dial.settings())

    every = All()
    assert front_panel_html(every, every.answer()).count('data-param="half"') == 2


def test_neighbouring_switches_stand_in_one_row():
    assert [tag["data-param"] for tag in elements().tags if tag.get("type") == "checkbox"] == ["show_line", "show_heat"]
    assert markup().count('class="toggles"') == 1


def test_each_scene_has_its_place():
    text, found = markup(), elements()
    assert [text.count(scene_mark(name)) for name in ("plane", "chart")] == [1, 1]
    figures = [(tag["data-scene"], tag["data-place"], tag["aria-label"]) for tag in found.having("data-scene")]
    assert figures == [("plane", "0", "Level 0.2, sum 0.30."), ("chart", "1", "What <it> shows")]
    assert text.index('class="pane"') < text.index('data-scene="plane"') < text.index('class="rail"')
    assert text.index('class="rail"') < text.index('data-scene="chart"')
    (panel,) = [tag for tag in found.tags if tag.get("class") == "front-panel"]
    assert panel["style"] == "--aspect: 0.5"


def test_a_scene_stands_below_the_pictures_or_below_the_measures():
    class Two(Dial):
        """Two charts."""

        chart = Dial.chart
        wide = Axes("Wide", Lines("curve", "ink"), x=(0, 1), y=(0, 1), place="below")
        plane = Dial.plane

        @wide.layer("curve")
        def _(self):
            return None

    two = Two()
    text = front_panel_html(two, two.answer())
    places = [
        text.index(mark) for mark in ('data-scene="plane"', 'data-scene="wide"', 'class="rail"', 'data-scene="chart"')
    ]
    assert places == sorted(places)


def test_a_legend_shows_where_its_scene_does():
    class Two(Dial):
        """Two pictures, one of them at times."""

        plane = Dial.plane
        other = Plane(3.0, Points("more", "ink", legend="more points", when="show_line"), when={"view": "flow"})

        @other.layer("more")
        def _(self):
            return None

    two = Two()
    text = front_panel_html(two, two.answer())
    pane = text.index('class="pane" data-when="view:flow" hidden')
    assert pane < text.index('data-when="show_line:true" hidden', pane) < text.index("more points", pane)


def test_pictures_stand_side_by_side_under_their_titles():
    class Two(Dial):
        """Two pictures."""

        plane = Dial.plane
        other = Plane(3.0, Points("more", "ink"), title="The <other>", when={"view": "flow"})

        @other.layer("more")
        def _(self):
            return None

    two = Two()
    text = front_panel_html(two, two.answer())
    panes = [text.index('class="panes"'), *(text.index(f'data-scene="{name}"') for name in ("plane", "other"))]
    assert panes == sorted(panes)
    assert '<p class="scene-title">The &lt;other&gt;</p>' in text
    assert '<p class="scene-title">The plane</p>' in text
    assert [tag["data-when"] for tag in Elements(text).tags if tag.get("class") == "pane" and "hidden" in tag] == [
        "view:flow"
    ]
    assert '<p class="scene-title">' not in markup(), "one picture needs none"


# --- moments on a slider, and the pace at which it is played ---------------------------------------------------------


def test_marks_are_buttons_that_go_there():
    class Marked(Dial):
        """With moments."""

        level = number(
            0.2, 0, 1, 0.1, "Level", "How.", when={"view": "pairs"},
            marks={0.5: "half <way>", 0.25: "a quarter"}, marks_when={"count": 5},
        )  # fmt: skip

    for count, hidden in ((5, False), (6, True)):
        marked = Marked(count=count)
        text = front_panel_html(marked, marked.answer())
        found = Elements(text)
        buttons = found.having("data-goto")
        assert [(b["tag"], b["data-goto"], b["value"]) for b in buttons] == [
            ("button", "level", "0.25"),
            ("button", "level", "0.5"),
        ]
        assert [b["aria-label"] for b in buttons] == ["Level 0.25: a quarter", "Level 0.5: half <way>"]
        assert "<span>half &lt;way&gt;</span>" in text
        (row,) = [tag for tag in found.tags if tag.get("class") == "marks"]
        assert (row["data-when"], "hidden" in row) == ("count:5", hidden)
    assert 'class="marks"' not in markup()


@pytest.mark.subject(
    slider_marks,
    one_line=lambda p: [replace(mark, line=0) for mark in slider_marks(p)],
    all_behind=lambda p: [replace(mark, before=False) for mark in slider_marks(p)],
)
@pytest.mark.parametrize(
    "marks",
    [
        {0.1: "clusters merge", 0.18: "the hole fills", 0.2: "nothing", 0.9: "almost noise", 1.0: "noise"},
        {0.0: "a", 0.01: "b", 0.02: "c", 0.5: "half of all"},
    ],
)
def test_marks_do_not_meet_on_the_narrowest_slider(subject, marks, request):
    """Words of one line are apart and inside, and no tick passes through words."""
    if "all_behind" in request.node.name and 1.0 not in marks:
        pytest.skip("nothing is at the end")
    p = number(0.2, 0, 1, 0.1, "Level", "How.", marks=marks)
    found = subject(p)
    assert [mark.words for mark in found] == [marks[value] for value in sorted(marks)]
    spans = []
    for mark in found:
        width = CHARACTER * len(mark.words) / SLIDER
        start = mark.share - width if mark.before else mark.share
        assert start >= 0 and start + width <= 1.001
        spans.append((mark, start, start + width))
    for mark, start, end in spans:
        for other, other_start, other_end in spans:
            if other is not mark and other.line == mark.line:
                assert end <= other_start or other_end <= start, f"{mark.words!r} and {other.words!r} meet"


@pytest.mark.subject(
    played_places,
    even_in_the_setting=lambda p, count: np.linspace(*p.bounds, count).tolist(),
    backwards=lambda p, count: (1 - np.array(played_places(p, count)[::-1])).tolist(),
)
def test_playing_spends_its_time_where_the_quantity_changes(subject):
    """x³ changes by equal amounts in equal times, except for the twentieth that passes evenly in x."""
    p = number(0.2, 0, 1, 0.1, "Level", "How.", pace=lambda x: x**3)
    places = np.array(subject(p, 21))
    assert (places[0], places[-1]) == (0, 1)
    assert np.all(np.diff(places) > 0)
    changes = 0.95 * np.diff(places**3) + 0.05 * np.diff(places)
    np.testing.assert_allclose(changes, 1 / 20, atol=2e-4)


def test_without_a_pace_a_setting_is_played_evenly():
    assert played_places(number(0.2, -1, 3, 0.1, "Level", "How.")) == [-1, 3]

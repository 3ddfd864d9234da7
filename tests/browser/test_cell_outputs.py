"""What cells give back in the browser: tables, hints, figures and widgets that stay alive in both directions."""

from __future__ import annotations

from typing import Any


def held(lab: Any) -> list[int]:
    """How many documents and views Bokeh holds."""
    return lab.page.evaluate("[Bokeh.documents.length, Bokeh.index.roots.length]")


def test_a_missing_name_sends_the_reader_to_the_cell_above(lab: Any) -> None:
    lab.open()
    cell = lab.edit("langevin", "print(len(x0))")
    lab.run(cell)
    hint = cell.locator(".output.hint")
    assert hint.locator("code").inner_text() == "x0"
    hint.locator("button").click()
    cell.locator("pre.output.text", has_text="400").wait_for()
    lab.live_figure(lab.page.locator("#cell-dissolve"))


def test_all_cells_run_in_order_and_stop_at_the_first_that_fails(lab: Any) -> None:
    lab.open()
    first = lab.edit("dissolve", "y = 1 / 0")
    first.locator(".menu summary").click()
    first.locator("[data-do=all]").click()
    first.locator(".state", has_text="error").wait_for()
    last = lab.page.locator("#cell-langevin")
    last.locator(".state", has_text="not run: the cell before it failed").wait_for()
    assert first.locator(".hint").inner_text() == "Nothing can be divided by zero."


def test_a_matrix_is_a_table(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "import numpy as np\nnp.arange(6.0).reshape(2, 3)")
    lab.run(cell)
    assert cell.locator("caption").inner_text() == "array, shape (2, 3), float64"
    assert cell.locator("tr").nth(2).locator("td").all_inner_texts() == ["3", "4", "5"]


WIDGETS = """
import panel as pn
slider = pn.widgets.IntSlider(label="n", start=1, end=9)
def told(n):
    return f"n is {n}" if n < 9 else f"{1 / 0}"
pn.Column(slider, pn.bind(told, slider))
"""


def test_a_widget_and_what_is_bound_to_it_stay_linked_both_ways(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", WIDGETS)
    lab.run(cell)
    assert cell.locator(".output.live").get_attribute("aria-label") == "Column"
    cell.get_by_text("n is 1").wait_for()
    handle = cell.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    cell.get_by_text("n is 2").wait_for()
    other = lab.edit("langevin", "slider.value = 5\nprint(slider.value)")
    assert lab.run(other) == ["5\n"]
    cell.get_by_text("n is 5").wait_for()
    lab.edit("langevin", "slider.value")
    handle.press("End")  # what is bound fails: it is said where it happened, and the widget goes on
    problem = cell.locator(".problem")
    problem.wait_for()
    assert problem.inner_text().splitlines() == [
        'line 5 of cell dissolve in told: return f"n is {n}" if n < 9 else f"{1 / 0}"',
        "ZeroDivisionError: division by zero",
    ]
    assert lab.run(other) == ["9"]
    handle.press("Home")
    cell.get_by_text("n is 1").wait_for()


def test_a_figure_follows_the_theme_and_later_cells(lab: Any) -> None:
    lab.open()
    line = "line = f.line([0, 1], [0, 1], line_color='#0072b2')"
    code = f"from bokeh.plotting import figure\nf = figure(height=200)\n{line}\nf"
    cell = lab.edit("dissolve", code)
    lab.run(cell)
    lab.live_figure(cell)
    models = "[...Bokeh.documents.at(-1)._all_models.values()]"
    colour = f"() => {models}.find(m => m.type === 'Line').line_color.value"
    assert lab.page.evaluate(colour) == "#0072b2"
    lab.page.locator("button.theme").click()
    lab.page.wait_for_function(f"() => ({colour})() === '#56b4e9'")
    lab.run(lab.edit("langevin", "line.glyph.line_color = 'red'"))
    lab.page.wait_for_function(f"() => ({colour})() === 'red'")


def test_what_the_next_run_replaces_is_closed_on_both_sides(lab: Any) -> None:
    lab.open()
    lab.wait_all_live()
    before = held(lab)
    cell = lab.edit("dissolve", "plot_line([0, 1], [0, 1])")
    lab.run(cell)
    lab.live_figure(cell)
    first = held(lab)
    assert first[0] == before[0] + 1
    for _ in range(3):
        lab.run(cell)
        lab.live_figure(cell)
    assert held(lab) == first
    cell.locator(".reset").click()
    assert held(lab) == before


def test_a_pinned_copy_that_is_closed_leaves_nothing(lab: Any) -> None:
    lab.open()
    lab.wait_all_live()
    before = held(lab)
    for _ in range(2):
        lab.page.locator("#instrument-ring").evaluate(
            "(e) => e.dispatchEvent(new CustomEvent('lab:pin', { detail: { query: 't=0.5' } }))"
        )
        lab.page.locator("[data-slot$=pinned] .live-view").wait_for()
        assert held(lab)[0] == before[0] + 1
        lab.page.locator("[data-slot$=pinned] .unpin").click()
    assert held(lab) == before


def test_figures_are_drawn_near_the_window_and_a_helper_s_figure_can_be_changed(lab: Any) -> None:
    lab.open()
    cell = lab.edit(
        "dissolve", "for k in range(20):\n    f = plot_line([0, 1], [0, k], title='k')\nf.title.text = 'The last'\nf"
    )
    lab.run(cell)
    drawn = cell.locator(".output.live .live-view")
    drawn.first.wait_for()
    assert cell.locator(".output.live").count() == 20, "the last is shown once"
    assert drawn.count() < 15
    cell.locator(".output.live").last.scroll_into_view_if_needed()
    cell.locator(".output.live").last.locator(".live-view").wait_for()
    titles = (
        "Bokeh.documents.flatMap(d => [...d._all_models.values()]).filter(m => m.type === 'Title').map(m => m.text)"
    )
    lab.wait(f"{titles}.includes('The last')")


def test_an_instrument_is_alive_in_a_cell(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "from diffusion_lab.instruments.ring.component import Ring\nring = Ring(t=0.3)\nring")
    lab.run(cell)
    lab.live_figure(cell)
    shown, slider = cell.locator("[data-reading=t]"), cell.locator("input[type=range][data-param=t]")
    assert shown.inner_text() == "0.300"
    before = lab.page.evaluate(POINTS)
    slider.evaluate("e => { e.value = 0.5; e.dispatchEvent(new Event('input')); }")
    cell.locator("[data-reading=t]", has_text="0.50").wait_for()
    assert lab.page.evaluate(POINTS) != before, "the picture moves"
    other = lab.edit("langevin", "print(ring.t)\nring.t = 0.1")
    assert lab.run(other) == ["0.5\n"]
    cell.locator("[data-reading=t]", has_text="0.10").wait_for()
    assert float(slider.input_value()) == 0.1
    assert lab.page.locator("#instrument-ring [data-reading=t]").inner_text() == "0.050", (
        "the page's own ring stays where it was"
    )


#: Where the points are that the latest document of the page draws.
POINTS = """[...Bokeh.documents.at(-1)._all_models.values()]
  .find(m => m.type === "ColumnDataSource" && m.name === "plane.points").get_column("x").slice(0, 5).join()"""


def test_a_traceback_through_a_library_can_be_printed(lab: Any) -> None:
    lab.open()
    code = (
        "import traceback, numpy as np\ntry:\n    np.linalg.inv(np.zeros((2, 2)))\nexcept Exception:\n"
        "    traceback.print_exc()"
    )
    (printed,) = lab.run(lab.edit("dissolve", code))
    assert "np.linalg.inv(np.zeros((2, 2)))" in printed
    assert "Singular matrix" in printed

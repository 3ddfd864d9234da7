"""The plotting helpers of cells: what they draw is what they were given, and what they refuse they say."""

import numpy as np
import pytest

from diffusion_lab.app.cells.outputs import Output
from diffusion_lab.app.cells.plots import plot_hist, plot_image, plot_line, plot_scatter
from diffusion_lab.app.cells.session import Session
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.theme import TOKENS


def data(plot) -> list[dict[str, np.ndarray]]:
    return [{name: np.asarray(v) for name, v in r.data_source.data.items()} for r in plot.renderers]


def assert_ranges(plot, x: tuple[float, float], y: tuple[float, float]) -> None:
    got = [plot.x_range.start, plot.x_range.end, plot.y_range.start, plot.y_range.end]
    assert got == pytest.approx([*x, *y])


def test_scatter():
    plot = plot_scatter([0, 10], (-1, 3), labels=[1, 8], title="Two points")
    (source,) = data(plot)
    assert (source["x"].tolist(), source["y"].tolist()) == ([0, 10], [-1, 3])
    assert source["label"].tolist() == [1, 2], "six colours, then from the first again"
    assert_ranges(plot, (-0.5, 10.5), (-1.2, 3.2))  # a twentieth more on each side
    assert plot.title.text == "Two points"


def test_scatter_colours_follow_the_labels():
    svg = figure_svg(plot_scatter(range(7), range(7), labels=range(7)))
    assert [svg.count(f'stroke="var(--c{k})"') for k in range(6)] == [1] * 6
    assert svg.count("h0") == 7


def test_scatter_without_labels_has_one_colour():
    svg = figure_svg(plot_scatter([0, 1], [0, 1]))
    assert 'stroke="var(--c0)"' in svg
    assert 'stroke="var(--c1)"' not in svg


def test_line():
    plot = plot_line([0, 1, 2], [[0, 1, 4], [0, -1, -4]])
    assert [(line["x"].tolist(), line["y"].tolist()) for line in data(plot)] == [
        ([0, 1, 2], [0, 1, 4]),
        ([0, 1, 2], [0, -1, -4]),
    ]
    assert [r.glyph.line_color for r in plot.renderers] == [TOKENS["light"]["c0"], TOKENS["light"]["c1"]]
    assert_ranges(plot, (-0.1, 2.1), (-4.4, 4.4))


def test_one_line_may_be_flat_in_both_senses():
    plot = plot_line([0, 1], [3, 3])
    assert_ranges(plot, (-0.05, 1.05), (2.5, 3.5))
    assert len(plot.renderers) == 1


def test_hist_is_a_density(rng):
    values = rng.exponential(size=1000)
    (bars,) = data(plot_hist(values, bins=17))
    assert len(bars["top"]) == 17
    assert np.sum(bars["top"] * (bars["right"] - bars["left"])) == pytest.approx(1, abs=1e-12)
    counts = [np.sum((values >= a) & (values < b)) for a, b in zip(bars["left"], bars["right"], strict=True)]
    counts[-1] += 1  # the largest value closes the last interval
    np.testing.assert_allclose(bars["top"] * (bars["right"] - bars["left"]) * 1000, counts, rtol=1e-12)


def test_hist_stands_on_zero(rng):
    plot = plot_hist(rng.normal(size=100))
    assert plot.y_range.start == 0


def test_ranges_ignore_what_is_not_finite():
    with pytest.warns(RuntimeWarning, match="1 of 3 points is nan or infinite and not drawn"):
        plot = plot_scatter([0, 1, np.inf], [0, 1, np.nan])
    assert_ranges(plot, (-0.05, 1.05), (-0.05, 1.05))


def test_a_missing_value_makes_a_gap_and_points_between_gaps_are_dots():
    with pytest.warns(RuntimeWarning, match="2 of 6 values are nan or infinite and not drawn"):
        plot = plot_line(range(6), [0, 1, np.nan, 3, np.inf, 5])
    line, dots = data(plot)
    assert np.isnan(line["y"]).tolist() == [False, False, True, False, True, False]
    assert (dots["x"].tolist(), dots["y"].tolist()) == ([3, 5], [3, 5])


def test_a_warning_of_missing_values_names_the_reader_s_line():
    outputs: list[Output] = []
    Session().run("one", "y = [1, float('inf'), 3]\nplot_line([0, 1, 2], y)", outputs.append)
    assert outputs[-1].body == "Line 2: 1 of 3 values is nan or infinite and not drawn."


def test_missing_entries_of_an_image_are_transparent():
    with pytest.warns(RuntimeWarning, match="1 of 4 values"):
        svg = figure_svg(plot_image([[0, 1], [np.nan, 2]]))
    with pytest.warns(RuntimeWarning, match="1 of 4 values"):
        other = figure_svg(plot_image([[0, 1], [2, np.nan]]))
    assert svg != other


def test_a_histogram_leaves_out_what_is_not_finite():
    with pytest.warns(RuntimeWarning, match="2 of 4 values"):
        (bars,) = data(plot_hist([0, 1, np.nan, np.inf], bins=2))
    assert bars["top"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "plot",
    [
        lambda **names: plot_line([0, 1], [0, 1], **names),
        lambda **names: plot_scatter([0, 1], [0, 1], **names),
        lambda **names: plot_hist([0, 1], **names),
        lambda **names: plot_image([[0, 1]], **names),
    ],
)
def test_axes_can_have_names(plot):
    svg = figure_svg(plot(xlabel="time & place", ylabel="height"))
    assert ">time &amp; place</text>" in svg
    assert ">height</text>" in svg


def test_lines_and_labels_have_legends():
    svg = figure_svg(plot_line([0, 1], [[0, 1], [1, 0]], legend=["up", "<down>"]))
    assert svg.index(">up</text>") < svg.index(">&lt;down&gt;</text>")
    assert svg.count('stroke="var(--c1)"') == 2, "the line and its mark in the legend"
    plot = plot_scatter([0, 1, 2], [0, 1, 2], labels=[0, 1, 2], legend=["a", "b"])
    assert [source["label"].tolist() for source in data(plot)] == [[0], [1], [2]]
    assert [item.label.value for item in plot.legend[0].items] == ["a", "b"]


def test_a_legend_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="one name for each line: there are 2, got 1"):
        plot_line([0, 1], [[0, 1], [1, 0]], legend="one")


def test_nothing_to_plot_is_an_empty_picture():
    svg = figure_svg(plot_scatter([], []))
    assert "h0" not in svg


def test_a_histogram_of_nothing_is_refused():
    with pytest.raises(ValueError, match="`values` must hold at least one number"):
        plot_hist([])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_scatter([1, 2], [1]), "`x` and `y` must have the same length, got 2 and 1."),
        (lambda: plot_scatter([1], [1], [1, 2]), "`x` and `labels` must have the same length, got 1 and 2."),
        (lambda: plot_scatter([[1]], [1]), "`x` must be a list of numbers, got an array of shape (1, 1)."),
        (lambda: plot_scatter(1, [1]), "`x` must be a list of numbers, got an array of shape ()."),
        (lambda: plot_line([1, 2], [1, 2, 3]), "`x` and `y` must have the same length, got 2 and 3."),
        (lambda: plot_line([1, 2], [[1, 2, 3]]), "`x` and `y` must have the same length, got 2 and 3."),
        (lambda: plot_hist(np.ones((2, 3))), "`values` must be a list of numbers, got an array of shape (2, 3)."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.parametrize("helper", [plot_scatter, plot_line, plot_hist])
def test_every_helper_says_what_it_does(helper):
    assert "`x`" in helper.__doc__ or "`values`" in helper.__doc__

"""Figures as SVG: coordinates by closed form, colours as the theme's variables, nothing drawn wrongly in silence."""

import base64
import math
import re
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np
import pytest
from bokeh.models import FixedTicker, LinearColorMapper, Span
from bokeh.plotting import figure

from diffusion_lab.app.instrument import figure_svg as module
from diffusion_lab.app.instrument import svg
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.svg import log_ticks, nice_ticks
from diffusion_lab.app.instrument.theme import TOKENS, data_palette

NUMBER = r"-?\d+(?:\.\d+)?"


def bare(**options: object) -> figure:
    """A figure of 200 by 100 pixels over [0, 10] × [-1, 1], without axes: 20 px a unit in x, 50 in y."""
    plot = figure(width=200, height=100, x_range=(0, 10), y_range=(-1, 1), **options)
    plot.axis.visible = False
    return plot


def elements(plot: figure, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(figure_svg(plot)).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


def path(plot: figure) -> ET.Element:
    (only,) = elements(plot, "path")
    return only


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(NUMBER, text)]


# --- coordinates -----------------------------------------------------------------------------------------------------


def test_dots():
    plot = bare()
    plot.scatter([0, 5, 10], [-1, 0, 1], size=7, fill_color="#123456", fill_alpha=0.25)
    dots = path(plot)
    assert dots.get("d") == "M0.0 100.0h0M100.0 50.0h0M200.0 0.0h0"
    assert (dots.get("stroke"), dots.get("stroke-width"), dots.get("stroke-opacity")) == ("#123456", "7", "0.25")
    assert dots.get("stroke-linecap") == "round"


def test_dots_of_several_colours_are_one_path_a_colour():
    plot = bare()
    mapper = LinearColorMapper(palette=["#111111", "#222222", "#333333"], low=-0.5, high=2.5)
    source = {"x": [0, 1, 2, 3, 4], "y": [0] * 5, "k": [2, 0, 2, -7, 9]}
    plot.scatter("x", "y", source=source, fill_color={"field": "k", "transform": mapper})
    assert [(dots.get("stroke"), dots.get("d")) for dots in elements(plot, "path")] == [
        ("#333333", "M0.0 50.0h0M40.0 50.0h0M80.0 50.0h0"),  # above the range: the last colour
        ("#111111", "M20.0 50.0h0M60.0 50.0h0"),  # below it: the first
    ]


def test_a_line():
    plot = bare()
    plot.line([0, 2.5, 10], [1, -1, 0], line_color="#abcdef", line_width=3, line_alpha=0.5)
    line = path(plot)
    assert line.get("d") == "M0.0 0.0L50.0 100.0L200.0 50.0"
    assert (line.get("stroke"), line.get("stroke-width"), line.get("stroke-opacity")) == ("#abcdef", "3", "0.5")
    assert line.get("fill") == "none"


def test_several_lines_are_one_path():
    plot = bare()
    plot.multi_line([[0, 1], [2, 3, 4]], [[0, 1], [0, -1, 0]])
    assert path(plot).get("d") == "M0.0 50.0L20.0 0.0M40.0 50.0L60.0 100.0L80.0 50.0"


def test_segments():
    plot = bare()
    plot.segment([0, 5], [0, 1], [10, 5], [0, -1])
    assert path(plot).get("d") == "M0.0 50.0L200.0 50.0M100.0 0.0L100.0 100.0"


def test_segments_of_several_colours_are_one_path_each():
    plot = bare()
    palette = LinearColorMapper(palette=[TOKENS["light"]["c0"], TOKENS["light"]["c1"]], low=-0.5, high=1.5)
    source = {"x": [0, 5, 0], "y": [0, 1, 0], "x1": [10, 5, 0], "y1": [0, -1, 1], "k": [0, 1, 0]}
    plot.segment("x", "y", "x1", "y1", source=source, line_color={"field": "k", "transform": palette})
    drawn = [(found.get("stroke"), found.get("d")) for found in elements(plot, "path")]
    assert drawn == [
        ("var(--c0)", "M0.0 50.0L200.0 50.0M0.0 50.0L0.0 0.0"),
        ("var(--c1)", "M100.0 0.0L100.0 100.0"),
    ]


def test_quads():
    plot = bare()
    plot.quad(left=[0, 2], right=[2, 4], top=[1, 0], bottom=-1, fill_color="#123456", fill_alpha=0.5)
    boxes = path(plot)
    assert boxes.get("d") == "M0.0 100.0V0.0H40.0V100.0zM40.0 100.0V50.0H80.0V100.0z"
    assert (boxes.get("fill"), boxes.get("fill-opacity")) == ("#123456", "0.5")


def test_rects_stand_about_their_centres():
    plot = bare()
    plot.rect([1, 5], [0, 0.5], width=[2, 1], height=1, fill_color="#123456", fill_alpha=[1, 0.5], line_color=None)
    found = [[float(rect.get(k)) for k in ("x", "y", "width", "height")] for rect in elements(plot, "rect")]
    assert found == [[0, 25, 40, 50], [90, 0, 20, 50]]
    assert [rect.get("fill-opacity") for rect in elements(plot, "rect")] == ["1", "0.5"]
    assert {(rect.get("fill"), rect.get("stroke")) for rect in elements(plot, "rect")} == {("#123456", None)}


def test_rects_take_a_colour_each_and_an_outline():
    plot = bare()
    mapper = LinearColorMapper(palette=["#111111", "#222222"], low=0, high=1)
    colour = {"field": "k", "transform": mapper}
    plot.rect("x", "y", 1, 1, source={"x": [1, 2], "y": [0, 0], "k": [1, 0]}, fill_color=colour, line_color="#333333")
    assert [rect.get("fill") for rect in elements(plot, "rect")] == ["#222222", "#111111"]
    assert {rect.get("stroke") for rect in elements(plot, "rect")} == {"#333333"}


@pytest.mark.parametrize(("align", "anchor"), [("left", "start"), ("center", "middle"), ("right", "end")])
@pytest.mark.parametrize(
    ("baseline", "dominant"),
    [("alphabetic", "auto"), ("middle", "central"), ("top", "hanging"), ("bottom", "text-after-edge")],
)
def test_words_stand_at_their_points(align, anchor, baseline, dominant):
    plot = bare()
    plot.text([1, 2], [0, 1], ["a <b> & c", "d"], text_align=align, text_baseline=baseline, text_font_size="13px",
              text_color=TOKENS["light"]["ink"])  # fmt: skip
    assert [(text.text, text.get("x"), text.get("y")) for text in elements(plot, "text")] == [
        ("a <b> & c", "20.0", "50.0"),
        ("d", "40.0", "0.0"),
    ]
    (group,) = elements(plot, "g")
    assert [group.get(k) for k in ("text-anchor", "dominant-baseline", "font-size")] == [anchor, dominant, "13px"]
    assert {text.get("fill") for text in elements(plot, "text")} == {"var(--ink)"}


def test_an_area_goes_out_below_and_back_above():
    plot = bare()
    plot.varea([0, 5, 10], [-1, -0.5, -1], [1, 0.5, 1], fill_color="#123456", fill_alpha=0.2)
    area = path(plot)
    assert area.get("d") == "M0.0 100.0L100.0 75.0L200.0 100.0L200.0 0.0L100.0 25.0L0.0 0.0z"
    assert (area.get("fill"), area.get("fill-opacity")) == ("#123456", "0.2")


def test_a_logarithmic_axis_is_even_in_powers():
    plot = figure(width=200, height=100, x_range=(1, 100), y_range=(0.001, 10), x_axis_type="log", y_axis_type="log")
    plot.axis.visible = False
    plot.line([1, 10, 100], [10, 0.1, 0.001])
    assert path(plot).get("d") == "M0.0 0.0L100.0 50.0L200.0 100.0"


def test_a_logarithmic_axis_has_its_ticks_in_place():
    plot = figure(width=254, height=140, x_range=(0.1, 1000), y_range=(0, 1), x_axis_type="log")
    plot.yaxis.visible = False
    assert [(text.text, float(text.get("x"))) for text in elements(plot, "text")] == [
        ("0.1", 44), ("1", 94), ("10", 144), ("100", 194), ("1000", 244)
    ]  # fmt: skip


def pixels(href: str) -> np.ndarray:
    """The (H, W, 4) pixels of a PNG's data address, read by the PNG specification; checks every chunk's sum."""
    data = base64.b64decode(href.removeprefix("data:image/png;base64,"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour_type = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour_type) == (8, 6)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + 4 * width)
    assert np.all(rows[:, 0] == 0)
    return rows[:, 1:].reshape(height, width, 4)


def test_an_image_has_its_first_row_at_the_bottom():
    plot = bare()
    mapper = LinearColorMapper(palette=["#ff0000", "#00ff00", "#0000ff80"], low=0, high=3)
    plot.image([np.array([[0.5, 1.5, 2.5], [2.5, 2.5, 9.0]])], x=2, y=-0.5, dw=6, dh=1, color_mapper=mapper)
    (image,) = elements(plot, "image")
    assert [float(image.get(name)) for name in ("x", "y", "width", "height")] == [40, 25, 120, 50]
    red, green, blue = [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 128]
    assert pixels(image.get("href")).tolist() == [[blue, blue, blue], [red, green, blue]]


def test_a_picture_in_its_own_colours():
    """Red is the lowest byte of a pixel, the first row is at the bottom; pixels stay squares, as Bokeh draws them."""
    plot = bare()
    red, green, faint = 0xFF0000FF, 0xFF00FF00, 0x40FF0000
    plot.image_rgba([np.array([[red, green], [faint, 0]], np.uint32)], x=2, y=-0.5, dw=6, dh=1)
    (image,) = elements(plot, "image")
    assert [float(image.get(name)) for name in ("x", "y", "width", "height")] == [40, 25, 120, 50]
    assert (image.get("style"), image.get("preserveAspectRatio")) == ("image-rendering:pixelated", "none")
    top, bottom = pixels(image.get("href")).tolist()
    assert (top, bottom) == ([[0, 0, 255, 64], [0, 0, 0, 0]], [[255, 0, 0, 255], [0, 255, 0, 255]])


def test_shades_of_one_token_follow_the_theme():
    """The picture is a mask over the token's own colour: white where it shows, by the palette's opacities."""
    palettes = [[f"{TOKENS[theme]['ink']}{alpha}" for alpha in ("00", "80", "ff")] for theme in ("light", "dark")]
    drawn = []
    for palette in palettes:
        plot = bare()
        mapper = LinearColorMapper(palette=palette, low=0, high=3)
        plot.image([np.array([[0.5, 1.5, 2.5]])], x=2, y=-0.5, dw=6, dh=1, color_mapper=mapper)
        (mask,), (rect,), (image,) = (elements(plot, name) for name in ("mask", "rect", "image"))
        assert (rect.get("fill"), rect.get("mask")) == ("var(--ink)", f"url(#{mask.get('id')})")
        assert pixels(image.get("href")).tolist() == [[[255, 255, 255, 0], [255, 255, 255, 128], [255, 255, 255, 255]]]
        drawn.append(figure_svg(plot))
    assert drawn[0] == drawn[1]


def test_axes_take_their_margins():
    plot = figure(width=254, height=140, x_range=(0, 10), y_range=(-1, 1))  # leaves 200 by 100 at (44, 10)
    plot.scatter([0, 10], [-1, 1])
    assert elements(plot, "path")[-1].get("d") == "M44.0 110.0h0M244.0 10.0h0"
    ticks = {text.text: (float(text.get("x")), float(text.get("y"))) for text in elements(plot, "text")}
    assert ticks["4"] == (44 + 80, 110 + 18)
    assert ticks["−0.5"] == (44 - 8, 10 + 75 + 4)
    assert set(ticks) == {"0", "2", "4", "6", "8", "10", "−1", "−0.5", "0.5", "1"}


@pytest.mark.parametrize(("names", "left", "height"), [(("x", ""), 44, 82), (("", "y"), 62, 100), (("x", "y"), 62, 82)])
def test_the_name_of_an_axis_takes_room_on_its_own_side(names, left, height):
    frame = svg.Frame.of((254, 140), (0, 10), (-1, 1), axes=True, names=names)
    assert (frame.left, frame.top, frame.width, frame.height) == (left, 10, 254 - left - 10, height)


@pytest.mark.subject(svg.tick_label, plain=lambda value: f"{value:g}")
def test_small_powers_of_ten_are_written_as_powers(subject):
    assert [subject(value) for value in (1e-12, 1e-6, 1e-4, 0.3, 1, 100)] == [
        "10⁻¹²",
        "10⁻⁶",
        "0.0001",
        "0.3",
        "1",
        "100",
    ]
    assert subject(2.5e-6) == "2.5e-06", "only powers"


def test_a_hidden_axis_has_no_ticks():
    plot = figure(width=254, height=140, x_range=(0, 10), y_range=(-1, 1))
    plot.yaxis.visible = False
    assert [text.text for text in elements(plot, "text")] == ["0", "2", "4", "6", "8", "10"]


def test_hidden_glyphs_are_not_drawn():
    plot = bare()
    plot.scatter([1], [0]).visible = False
    assert elements(plot, "path") == []


def test_the_view_box_is_the_figure():
    root = ET.fromstring(figure_svg(bare()))
    assert root.get("viewBox") == "0 0 200 100"


# --- ticks -----------------------------------------------------------------------------------------------------------


def too_many(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10(high - low) - 1)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


@pytest.mark.subject(
    nice_ticks,
    too_many=too_many,
    uneven=lambda low, high: [*nice_ticks(low, high)[:-1], high],
    outside=lambda low, high: [t - (high - low) for t in nice_ticks(low, high)],
    not_round=lambda low, high: list(np.linspace(low, high, 5)),
)
def test_ticks_are_few_round_even_and_inside(subject, rng):
    for _ in range(300):
        span = 10 ** rng.uniform(-6, 6)
        low = float(rng.normal() * span)
        ticks = subject(low, low + span)
        assert 2 <= len(ticks) <= 6
        steps = np.diff(ticks)
        step = steps.mean()
        mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
        assert min(abs(mantissa - m) for m in (1, 2, 5)) < 1e-3
        np.testing.assert_allclose(steps, step, rtol=1e-3)
        np.testing.assert_allclose(np.array(ticks) / step, np.round(np.array(ticks) / step), atol=1e-3)
        assert low - 1e-6 * span <= ticks[0]
        assert ticks[-1] <= low + span * (1 + 1e-6)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-2, 3, [-2, -1, 0, 1, 2, 3]),
        (0.05, 0.95, [0.2, 0.4, 0.6, 0.8]),
        (0, 25, [0, 5, 10, 15, 20, 25]),
        (-1e-3, 1e-3, [-0.001, -0.0005, 0, 0.0005, 0.001]),
        (1e6, 1e6 + 5, [1000000, 1000001, 1000002, 1000003, 1000004, 1000005]),
    ],
)
def test_ticks_of(low, high, ticks):
    assert nice_ticks(low, high) == ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 3, [1, 10, 100, 1000]),
        (-2, 0.5, [0.01, 0.1, 1]),
        (0, 1, [1, 2, 5, 10]),
        (math.log10(1.5), math.log10(30), [2, 5, 10, 20]),
        (math.log10(0.5), math.log10(5), [0.5, 1, 2, 5]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks, rel=1e-12)


def labels(plot: figure) -> list[str]:
    return [text.text for text in elements(plot, "text")]


@pytest.mark.parametrize("kind", ["linear", "log"])
def test_ticks_that_an_axis_names_are_its_ticks(kind):
    """As Bokeh draws them: those within the range."""
    plot = figure(width=300, height=200, x_range=(0.1, 10), y_range=(0, 1), x_axis_type=kind)
    plot.xaxis.ticker = FixedTicker(ticks=[0.01, 0.1, 3, 10, 30])
    assert labels(plot)[:4] == ["0.1", "3", "10", "0"]


def test_a_narrow_logarithmic_axis_has_ticks():
    assert len(log_ticks(math.log10(2.1), math.log10(4.9))) >= 2


def test_a_wide_logarithmic_axis_has_few_ticks():
    assert len(log_ticks(-12, 3)) <= svg.MAX_TICKS + 1


def test_ticks_of_a_tiny_range():
    assert nice_ticks(0, 5e-12) == pytest.approx([0, 1e-12, 2e-12, 3e-12, 4e-12, 5e-12], rel=1e-9, abs=0)


def test_labels_of_ticks_differ():
    plot = figure(width=254, height=140, x_range=(1e6, 1e6 + 5), y_range=(0, 1))
    plot.yaxis.visible = False
    labels = [text.text for text in elements(plot, "text")]
    assert len(set(labels)) == len(labels) == 6


# --- colours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_the_theme_are_variables(theme):
    plot = bare()
    mapper = LinearColorMapper(palette=data_palette(theme), low=-0.5, high=5.5)
    source = {"x": range(6), "y": [0] * 6, "k": range(6)}
    plot.scatter("x", "y", source=source, fill_color={"field": "k", "transform": mapper})
    plot.line([0, 1], [0, 1], line_color=TOKENS[theme]["acc"].upper())
    plot.segment([0], [0], [1], [1], line_color=TOKENS[theme]["field"])
    plot.quad(left=[0], right=[1], top=[1], bottom=[0], fill_color=TOKENS[theme]["c3"])
    assert [p.get("stroke") or p.get("fill") for p in elements(plot, "path")] == [
        *(f"var(--c{k})" for k in range(6)), "var(--acc)", "var(--field)", "var(--c3)"
    ]  # fmt: skip


def test_a_list_of_colours_is_taken_dot_by_dot():
    plot = bare()
    plot.scatter("x", "y", source={"x": [1, 2], "y": [0, 0], "c": ["#010203", TOKENS["dark"]["c1"]]}, fill_color="c")
    assert [dots.get("stroke") for dots in elements(plot, "path")] == ["#010203", "var(--c1)"]


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_description_is_the_text_alternative():
    text = """5 < 6 & "quoted" 'words' <script>"""
    root = ET.fromstring(figure_svg(bare(), description=text))
    assert (root.get("role"), root.get("aria-label"), root.get("aria-hidden")) == ("img", text, None)


def test_without_a_description_it_is_decoration():
    root = ET.fromstring(figure_svg(bare()))
    assert (root.get("role"), root.get("aria-hidden")) == (None, "true")


def test_the_title_is_shown():
    plot = figure(width=254, height=140, x_range=(0, 10), y_range=(-1, 1), title="What it shows")
    assert "What it shows" in [text.text for text in elements(plot, "text")]


# --- what it refuses -------------------------------------------------------------------------------------------------


def refusal(plot: figure) -> str:
    with pytest.raises(ValueError) as refused:
        figure_svg(plot)
    return str(refused.value)


GLYPHS = ["Image", "ImageRGBA", "Line", "MultiLine", "Quad", "Rect", "Scatter", "Segment", "Text", "VArea"]


def test_an_unknown_glyph_is_refused_by_name():
    plot = bare()
    plot.circle([0], [0], radius=1)
    assert refusal(plot) == f"Circle has no drawing as SVG; it may be one of {', '.join(GLYPHS)}."


def test_every_drawing_is_tested_here():
    """A new glyph needs its closed form above."""
    assert sorted(kind.__name__ for kind in module._DRAW) == GLYPHS


@pytest.mark.parametrize(("ranges", "named"), [((5, 5), "(5, 5)"), ((3, -3), "(3, -3)")])
def test_a_range_without_room_is_refused(ranges, named):
    plot = figure(width=100, height=100, x_range=(0, 1), y_range=ranges)
    assert refusal(plot) == f"A figure drawn as SVG needs a fixed y_range with start < end, got {named}."


def test_a_range_that_follows_its_data_is_refused():
    plot = figure(width=100, height=100)
    plot.scatter([0, 1], [0, 1])
    assert refusal(plot).startswith("A figure drawn as SVG needs a fixed x_range with start < end, got (nan, nan).")


@pytest.mark.parametrize("low", [0, -1])
def test_a_logarithmic_axis_down_to_0_is_refused(low):
    plot = figure(width=100, height=100, x_range=(low, 10), y_range=(0, 1), x_axis_type="log")
    assert refusal(plot) == f"A logarithmic axis needs a range above 0; x_range is ({low}, 10)."


def test_an_annotation_is_refused():
    plot = bare()
    plot.add_layout(Span(location=0, dimension="width"))
    assert "Span" in refusal(plot)


@pytest.mark.parametrize("draw", ["line", "scatter"])
def test_what_is_not_a_number_leaves_a_gap(draw):
    plot = bare()
    getattr(plot, draw)([0, 1, 2, 3], [0, math.nan, 0, 1])
    assert "nan" not in figure_svg(plot)
    assert sum(len(numbers(p.get("d"))) for p in elements(plot, "path")) in (6, 9)  # 3 points; dots have an h0

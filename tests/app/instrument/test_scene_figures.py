"""Scenes as Bokeh figures: a glyph and an SVG for every kind of layer, and the colours of both themes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bokeh.models import ColumnDataSource, FixedTicker, GlyphRenderer, LinearColorMapper, NoOverlap
from bokeh.models import glyphs as bokeh_glyphs

from diffusion_lab.app.instrument import scene_figures
from diffusion_lab.app.instrument.figure_svg import figure_svg
from diffusion_lab.app.instrument.scene_figures import SMOOTH, SceneFigure
from diffusion_lab.app.instrument.scenes import BY_PART, Axes, Boxes, Heat, Image, Layer, Lines, Plane, Points, Scene
from diffusion_lab.app.instrument.theme import TOKENS, data_palette, shades

from .test_scenes import KINDS

KINDS_OF = {type(layer): (layer, data) for layer, data, _ in reversed(KINDS)}  # the first of each kind

#: What the SVG of a layer is made of.
ELEMENTS = {
    "Scatter": "<path",
    "Segment": "<path",
    "Line": "<path",
    "Rect": "<rect",
    "VArea": "<path",
    "Text": "<text",
    "Image": "<image",
    "ImageRGBA": "<image",
}


def plane(*layers: Layer) -> SceneFigure:
    scene = Plane(10.0, *layers)
    scene.name = "plane"
    return SceneFigure(scene, "light")


def kind_name(value: object) -> str | None:
    return f"{type(value).__name__}-{value.colour}" if isinstance(value, Layer) else ""


# --- glyphs ----------------------------------------------------------------------------------------------------------


def test_every_kind_of_layer_has_a_glyph():
    assert set(scene_figures._GLYPHS) == set(KINDS_OF)


@pytest.mark.parametrize(("layer", "data", "columns"), KINDS, ids=kind_name)
def test_a_layer_is_drawn_with_its_columns(layer, data, columns):
    """The glyph reads columns that there are, also while the layer is empty, and has a drawing as SVG."""
    figure = plane(layer)
    glyph, source = figure.renderers["a"].glyph, figure.sources["a"]
    assert set(source.data) == set(layer.column_names)
    fields = [spec.field for _, spec in glyph.properties_with_values().items() if hasattr(spec, "field")]
    assert set(fields) <= set(layer.column_names)
    assert set(layer.column_names) - {"part", "alpha"} <= {*fields, *_texts(glyph)}
    mark = ELEMENTS[type(glyph).__name__]
    empty = figure_svg(figure.plot)
    figure.put("a", layer.columns(data))
    drawn = figure_svg(figure.plot)
    assert mark in drawn
    assert drawn != empty
    figure.show("a", False)
    assert mark not in figure_svg(figure.plot)


def _texts(glyph: Any) -> set[str]:
    return {value for value in glyph.properties_with_values().values() if isinstance(value, str)}


def test_glyphs_are_named_after_scene_and_layer():
    figure = plane(Points("dots"), Lines("line"))
    assert figure.plot.name == "plane"
    for name in ("dots", "line"):
        assert figure.renderers[name].name == figure.sources[name].name == f"plane.{name}"
    drawn = [renderer.name for renderer in figure.plot.renderers]
    assert drawn == ["plane.dots", "plane.line"], "from bottom to top"


def test_options_of_layers_reach_their_glyphs():
    figure = plane(
        Points("dots", size=7, alpha=0.5), Lines("line", width=3, dash=(4, 2)), Boxes("boxes", "c1", outline="ink")
    )
    dots, line, boxes = (figure.renderers[name].glyph for name in ("dots", "line", "boxes"))
    assert (dots.size, dots.fill_alpha, dots.line_color) == (7, 0.5, None)
    assert (line.line_width, line.line_dash) == (3, [4, 2])
    assert (boxes.fill_color, boxes.line_color) == (TOKENS["light"]["c1"], TOKENS["light"]["ink"])


def test_a_picture_is_one_row_over_the_whole_plane():
    figure = plane(Heat("heat"), Image("image"))
    for name in ("heat", "image"):
        glyph = figure.renderers[name].glyph
        assert (glyph.x, glyph.y, glyph.dw, glyph.dh) == (-10, -10, 20, 20)
        assert len(figure.sources[name].data["image"]) == 1
    assert isinstance(figure.renderers["image"].glyph, bokeh_glyphs.ImageRGBA)


# --- colours ---------------------------------------------------------------------------------------------------------


def themed(figure: SceneFigure) -> dict[str, dict[str, Any]]:
    """Name of the class and property → its value now, of every model that has colours of themes."""
    found = {}
    for model in figure.plot.references():
        for tag in model.tags:
            for name in tag["light"] if isinstance(tag, dict) else ():
                found[f"{type(model).__name__}.{name}"] = getattr(model, name)
    return found


@pytest.mark.parametrize(("layer", "data", "columns"), KINDS, ids=kind_name)
def test_colours_of_both_themes_are_in_the_tags(layer, data, columns):
    figure = plane(layer)
    tags = [tag for model in figure.plot.references() for tag in model.tags if isinstance(tag, dict)]
    if isinstance(layer, Image):
        assert tags == [], "it has its own colours"
        return
    (tag,) = tags
    assert set(tag) == {"light", "dark"}
    assert set(tag["light"]) == set(tag["dark"])
    flat = {
        theme: [c for v in values.values() for c in (v if isinstance(v, list) else [v])]
        for theme, values in tag.items()
    }
    assert len(flat["light"]) == len(flat["dark"])
    for theme, colours in flat.items():
        assert {colour[:7] for colour in colours} <= set(TOKENS[theme].values())
    light = themed(figure)
    figure.restyle("dark")
    dark = themed(figure)
    assert light.keys() == dark.keys()
    assert light != dark
    figure.restyle("light")
    assert themed(figure) == light


def test_a_figure_is_made_in_its_theme():
    scene = Plane(1.0, Points("a", "acc"), Points("b", BY_PART))
    for theme in ("light", "dark"):
        figure = SceneFigure(scene, theme)
        assert figure.renderers["a"].glyph.fill_color == TOKENS[theme]["acc"]
        mapper = figure.renderers["b"].glyph.fill_color.transform
        assert mapper.palette == [TOKENS[theme]["mute"], *data_palette(theme)]


def colour_of(mapper: LinearColorMapper, value: float) -> str:
    """As Bokeh's linear colour mapper has it."""
    share = (value - mapper.low) / (mapper.high - mapper.low)
    return mapper.palette[min(max(int(share * len(mapper.palette)), 0), len(mapper.palette) - 1)]


@pytest.mark.parametrize("part", [-1, 0, 1, 2, 3, 4, 5])
def test_a_part_has_its_colour(part):
    expected = data_palette("light")[part] if part >= 0 else TOKENS["light"]["mute"]
    figure = plane(Points("dots", BY_PART), Heat("heat", BY_PART))
    assert colour_of(figure.renderers["dots"].glyph.fill_color.transform, part) == expected
    assert colour_of(figure.renderers["heat"].glyph.color_mapper, part) == expected
    assert colour_of(figure.renderers["heat"].glyph.color_mapper, -2)[7:] == "00", "nothing"


def test_shades_go_from_nothing_to_the_token():
    mapper = plane(Heat("heat", "ink", strongest=0.5)).renderers["heat"].glyph.color_mapper
    assert colour_of(mapper, 0) == TOKENS["light"]["ink"] + "00"
    assert colour_of(mapper, 255) == TOKENS["light"]["ink"] + "80"
    alphas = [int(colour_of(mapper, value)[7:], 16) for value in range(256)]
    assert alphas == sorted(alphas)


def test_a_diverging_picture_has_nothing_in_the_middle():
    mapper = plane(Heat("heat", "diverging", strongest=1.0)).renderers["heat"].glyph.color_mapper
    assert colour_of(mapper, -127) == TOKENS["light"]["c0"] + "ff"
    assert colour_of(mapper, 127) == TOKENS["light"]["c1"] + "ff"
    assert colour_of(mapper, 0)[7:] == "00"
    negative = [int(colour_of(mapper, -value)[7:], 16) for value in range(1, 128)]
    assert negative == sorted(negative)
    assert all(colour_of(mapper, -value).startswith(TOKENS["light"]["c0"]) for value in range(5, 128))


@pytest.mark.subject(
    shades,
    opaque=lambda colour, strongest, count: [f"{colour}{round(k / (count - 1) * 255):02x}" for k in range(count)],
    from_something=lambda colour, strongest, count: shades(colour, strongest, count + 1)[1:],
)
def test_shades(subject):
    assert subject("#123456", 0.5, 3) == ["#12345600", "#12345640", "#12345680"]


# --- planes and axes -------------------------------------------------------------------------------------------------


def test_a_plane_is_bare():
    plot = plane(Points("a")).plot
    assert not any(axis.visible for axis in plot.axis)
    assert not any(grid.visible for grid in plot.grid)
    assert (plot.x_range.start, plot.x_range.end, plot.aspect_ratio, plot.toolbar_location) == (-10, 10, 1, None)


def axes(**options: Any) -> SceneFigure:
    return SceneFigure(Axes("Loss", Lines("a"), x=(1, 100), y=(0.1, 10), **options), "light")


@pytest.mark.parametrize(
    ("log", "scales"), [("", ("Linear", "Linear")), ("y", ("Linear", "Log")), ("xy", ("Log", "Log"))]
)
def test_axes_may_be_logarithmic(log, scales):
    plot = axes(log=log).plot
    assert (type(plot.x_scale).__name__, type(plot.y_scale).__name__) == tuple(f"{kind}Scale" for kind in scales)
    figure_svg(plot)


def test_axes_have_names_ticks_and_colours():
    figure = axes(x_label="step", y_label="loss in nats", ticks={"y": (1e-6, 0.1, 1, 10)}, log="y")
    plot = figure.plot
    assert (plot.xaxis.axis_label, plot.yaxis.axis_label) == ("step", "loss in nats")
    assert isinstance(plot.yaxis.ticker, FixedTicker)
    assert plot.ygrid[0].ticker is plot.yaxis[0].ticker, "lines stand where the numbers are"
    assert plot.yaxis.major_label_overrides == {1e-6: "10⁻⁶", 0.1: "0.1", 1: "1", 10: "10"}
    for axis in plot.axis:
        assert isinstance(axis.major_label_policy, NoOverlap), (
            "in a low chart ticks are nearer than their labels are high"
        )
    for theme in ("dark", "light"):
        figure.restyle(theme)
        for axis in plot.axis:
            assert axis.major_label_text_color == axis.axis_line_color == TOKENS[theme]["mute"]
        assert [grid.grid_line_color for grid in plot.ygrid] == [TOKENS[theme]["line"]]
        assert [grid.grid_line_color for grid in plot.xgrid] == [None]


def test_ranges_can_be_moved():
    figure = axes()
    figure.set_ranges((2.0, 3.0), (4.0, 5.0))
    plot = figure.plot
    assert [(r.start, r.end) for r in (plot.x_range, plot.y_range)] == [(2, 3), (4, 5)]


def test_data_are_put_into_their_own_layer():
    figure = plane(Points("a"), Points("b"))
    figure.put("b", {"x": np.ones(3, np.float32), "y": np.ones(3, np.float32)})
    assert (len(figure.sources["a"].data["x"]), len(figure.sources["b"].data["x"])) == (0, 3)


def test_a_scene_of_nothing_can_be_drawn():
    assert figure_svg(plane().plot).startswith("<svg")


def test_models_are_those_that_the_page_finds_by_name():
    """`layers.js` looks for these types."""
    figure = plane(Points("a"))
    assert type(figure.sources["a"]) is ColumnDataSource
    assert type(figure.renderers["a"]) is GlyphRenderer
    assert figure.plot.__qualified_model__ == "Figure"
    assert isinstance(figure.scene, Scene)


def test_densities_are_drawn_smoothly_and_pictures_of_pixels_are_not():
    """By a tag, which the page and the SVG read: Bokeh has no such property."""
    smooth = {
        "heat": Heat("a", "ink"),
        "diverging": Heat("a", "diverging"),
        "pixels": Heat("a", "ink", smooth=False),
        "parts": Heat("a", BY_PART),
        "image": Image("a"),
    }
    found = {name: SMOOTH in plane(layer).renderers["a"].glyph.tags for name, layer in smooth.items()}
    assert found == {"heat": True, "diverging": True, "pixels": False, "parts": False, "image": False}
    for layer, pixelated in ((smooth["heat"], False), (smooth["pixels"], True), (smooth["parts"], True)):
        figure = plane(layer)
        figure.put("a", layer.columns({"image": np.zeros((2, 2), np.int8 if layer.colour == BY_PART else float)}))
        assert ("image-rendering:pixelated" in figure_svg(figure.plot)) == pixelated

"""Makes Bokeh figures of scenes: one glyph for each layer, with a source of the layer's name.

The tags of each model that has colours hold the colours of both themes, as
`{"light": {property: value}, "dark": {…}}`, so that Python and the page change themes in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.core.properties import value
from bokeh.model import Model
from bokeh.models import ColumnDataSource, FixedTicker, GlyphRenderer, LinearColorMapper, NoOverlap
from bokeh.plotting import figure

from diffusion_lab.app.instrument.scenes import (
    BY_PART,
    CHART_WIDTH,
    PICTURE_WIDTH,
    Arrows,
    Axes,
    Band,
    Bars,
    Boxes,
    Columns,
    Heat,
    Image,
    ImageGrid,
    Layer,
    Lines,
    Points,
    Scene,
    Segments,
    Texts,
)
from diffusion_lab.app.instrument.svg import tick_label
from diffusion_lab.app.instrument.theme import TOKENS, ThemeName, axis_colours, data_palette, heat_palette

FONT = "Inter Variable, system-ui, sans-serif"
THEMES: tuple[ThemeName, ThemeName] = ("light", "dark")
#: Tag of an image that is drawn smoothly, by interpolation between its cells: a density, not a picture of pixels.
SMOOTH = "smooth"
#: Pixels above and beside axes, where half of the last tick's number has room, as in the first picture (SVG).
AXES_BORDER = 10


class SceneFigure:
    """A scene's Bokeh figure, with the sources and glyphs of its layers by name."""

    def __init__(self, scene: Scene, theme: ThemeName) -> None:
        self.scene = scene
        self.plot = _axes(scene) if isinstance(scene, Axes) else _plane(scene)
        self.plot.name = scene.name
        self.sources: dict[str, ColumnDataSource] = {}
        self.renderers: dict[str, GlyphRenderer] = {}
        for name, layer in scene.layers.items():
            source = ColumnDataSource(_bokeh_columns(layer.empty()), name=f"{scene.name}.{name}")
            renderer = _GLYPHS[type(layer)](self.plot, layer, source)
            renderer.name = source.name
            self.sources[name], self.renderers[name] = source, renderer
        self.restyle(theme)

    def put(self, name: str, columns: Columns) -> None:
        """Sets the data of a layer."""
        self.sources[name].data = _bokeh_columns(columns)

    def show(self, name: str, visible: bool) -> None:
        """Shows or hides a layer."""
        self.renderers[name].visible = visible

    def set_ranges(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Sets the ranges of the axes."""
        self.plot.x_range.update(start=x[0], end=x[1])
        self.plot.y_range.update(start=y[0], end=y[1])

    def restyle(self, theme: ThemeName) -> None:
        """Applies the theme's colours."""
        for model in self.plot.references():
            for tag in model.tags:
                if isinstance(tag, dict) and theme in tag:
                    model.update(**tag[theme])


def _bokeh_columns(columns: Columns) -> dict[str, Any]:
    """A picture is one row of its source."""
    return {name: [column] if name == "image" else column for name, column in columns.items()}


def _figure(scene: Scene, width: int, **options: Any) -> figure:
    """An empty figure of the scene's ranges and aspect, without tools or ground; `options` go to Bokeh's figure."""
    return figure(
        x_range=scene.x,
        y_range=scene.y,
        width=width,
        height=round(width / scene.aspect),
        aspect_ratio=scene.aspect,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=1,
        **options,
    )


def _plane(scene: Scene) -> figure:
    plot = _figure(scene, PICTURE_WIDTH)
    plot.axis.visible = False
    plot.grid.visible = False
    return plot


def _axes(scene: Axes) -> figure:
    plot = _figure(
        scene,
        PICTURE_WIDTH if scene.place in ("picture", "below") else CHART_WIDTH,
        x_axis_type="log" if "x" in scene.log else "linear",
        y_axis_type="log" if "y" in scene.log else "linear",
        x_axis_label=scene.x_label or None,
        y_axis_label=scene.y_label or None,
    )
    for side, axis, grid in (("x", plot.xaxis, plot.xgrid), ("y", plot.yaxis, plot.ygrid)):
        if side in scene.ticks:  # plain numbers; Bokeh would draw 10⁻¹ in two pieces
            axis.ticker = grid.ticker = FixedTicker(ticks=list(scene.ticks[side]))
            axis.major_label_overrides = {tick: tick_label(tick) for tick in scene.ticks[side]}
    plot.min_border_top = plot.min_border_right = AXES_BORDER
    plot.xgrid.grid_line_color = None
    for axis in plot.axis:
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
        axis.major_label_policy = NoOverlap(min_distance=2)
        axis.major_tick_in, axis.major_tick_out = 0, 4
        _themed(axis, axis_colours)
    for grid in plot.ygrid:
        _themed(grid, lambda theme: {"grid_line_color": TOKENS[theme]["line"]})
    return plot


def _themed(model: Model, colours: Callable[[ThemeName], dict[str, Any]]) -> None:
    model.tags = [{theme: colours(theme) for theme in THEMES}]


# --- glyphs ----------------------------------------------------------------------------------------------------------


def _glyph(plot: figure, kind: str, layer: Layer, source: ColumnDataSource, part: str, **options: Any) -> GlyphRenderer:
    """A glyph of Bokeh's method `kind` whose `part` (line, fill or text) has the layer's colour."""
    coordinates = layer.names[:4]
    if layer.colour == BY_PART:
        mapper = LinearColorMapper(palette=["#000000"] * 7, low=-1.5, high=5.5)
        _themed(mapper, lambda theme: {"palette": [TOKENS[theme]["mute"], *data_palette(theme)]})
        options[f"{part}_color"] = {"field": "part", "transform": mapper}
    renderer = getattr(plot, kind)(*coordinates, source=source, **options)
    if layer.colour != BY_PART:
        _themed(renderer.glyph, lambda theme: {f"{part}_color": TOKENS[theme][layer.colour]})
    return renderer


def _points(plot: figure, layer: Points, source: ColumnDataSource) -> GlyphRenderer:
    return _glyph(plot, "scatter", layer, source, "fill", size=layer.size, line_color=None, fill_alpha=layer.alpha)


def _segments(plot: figure, layer: Segments | Arrows, source: ColumnDataSource) -> GlyphRenderer:
    return _glyph(plot, "segment", layer, source, "line", line_width=layer.width, line_alpha=layer.alpha)


def _line(plot: figure, layer: Lines, source: ColumnDataSource) -> GlyphRenderer:
    dash = {"line_dash": list(layer.dash)} if layer.dash else {}
    return _glyph(plot, "line", layer, source, "line", line_width=layer.width, line_alpha=layer.alpha, **dash)


def _rect(plot: figure, layer: Bars | Boxes, source: ColumnDataSource) -> GlyphRenderer:
    renderer = _glyph(plot, "rect", layer, source, "fill", fill_alpha="alpha", line_color=None)
    if isinstance(layer, Boxes) and layer.outline:
        fill = {} if layer.colour == BY_PART else {"fill_color": layer.colour}
        tokens = {**fill, "line_color": layer.outline}
        _themed(renderer.glyph, lambda theme: {name: TOKENS[theme][token] for name, token in tokens.items()})
    return renderer


def _band(plot: figure, layer: Band, source: ColumnDataSource) -> GlyphRenderer:
    return _glyph(plot, "varea", layer, source, "fill", fill_alpha=layer.alpha)


def _texts(plot: figure, layer: Texts, source: ColumnDataSource) -> GlyphRenderer:
    return _glyph(
        plot,
        "text",
        layer,
        source,
        "text",
        text_font=value(FONT),
        text_font_size=value(layer.size),
        text_align=layer.align,
        text_baseline="middle",
        text_alpha=layer.alpha,
    )


def _place(scene_plot: figure) -> dict[str, float]:
    x, y = scene_plot.x_range, scene_plot.y_range
    return {"x": x.start, "y": y.start, "dw": x.end - x.start, "dh": y.end - y.start}


def _heat(plot: figure, layer: Heat, source: ColumnDataSource) -> GlyphRenderer:
    low, high, _ = heat_palette(layer.colour, layer.strongest, "light")
    mapper = LinearColorMapper(palette=["#000000"], low=low, high=high)
    _themed(mapper, lambda theme: {"palette": heat_palette(layer.colour, layer.strongest, theme)[2]})
    renderer = plot.image("image", source=source, color_mapper=mapper, **_place(plot))
    if layer.smooth and layer.colour != BY_PART:
        renderer.glyph.tags = [SMOOTH]
    return renderer


def _image(plot: figure, layer: Image, source: ColumnDataSource) -> GlyphRenderer:
    return plot.image_rgba("image", source=source, **_place(plot))


_GLYPHS: dict[type[Layer], Callable[..., GlyphRenderer]] = {
    Points: _points,
    Segments: _segments,
    Arrows: _segments,
    Lines: _line,
    Bars: _rect,
    Boxes: _rect,
    Band: _band,
    Texts: _texts,
    Heat: _heat,
    Image: _image,
    ImageGrid: _image,
}

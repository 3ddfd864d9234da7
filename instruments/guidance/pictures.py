"""What the guidance dial draws: points and arrows over the tilted density; adherence against spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.scene import arrow, plane, segments, shades
from diffusion_lab.app.theme import TOKENS, ThemeName, data_palette, style_axes
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.tilted import Measures
from diffusion_lab.instruments.guidance import kernel

EXTENT = (3.3, 3.63)  # half the width and half the height of the picture, in data units
CELLS = (150, 165)  # of the shading
CIRCLE = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 41))
ARROWS = ("mute", "ink", "acc")  # unconditional, conditional, guided
CHART_RANGE = ((0.0, 2.2), (0.3, 1.04))
FONT = "Inter Variable, system-ui, sans-serif"


class Picture:
    """The plane: shading, circles about the clusters of each class, and samples or a probe over them."""

    def __init__(self, theme: ThemeName) -> None:
        self.plot = plot = plane(*EXTENT)
        self._palette = LinearColorMapper(low=-0.5, high=5.5)
        self._shade = LinearColorMapper(low=0, high=256)
        self.image = ColumnDataSource({"image": []})
        self.points, self.paths, self.line = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        self.classes = [ColumnDataSource({"x": [], "y": []}) for _ in range(3)]
        self.names = ColumnDataSource({"x": [], "y": [], "name": [], "class": []})
        ends = ("x", "y", "x1", "y1")
        self.arrows = [ColumnDataSource({name: [] for name in ends}) for _ in ARROWS]
        corner = {"x": -EXTENT[0], "y": -EXTENT[1], "dw": 2 * EXTENT[0], "dh": 2 * EXTENT[1]}
        self._image = plot.image("image", source=self.image, color_mapper=self._shade, **corner)
        self._classes = [plot.line("x", "y", source=source) for source in self.classes]
        self._paths = plot.line("x", "y", source=self.paths, line_width=1, line_alpha=0.45)
        self._points = plot.scatter("x", "y", source=self.points, size=4.5, line_color=None, fill_alpha=0.75)
        self._names = plot.text(
            "x",
            "y",
            text="name",
            source=self.names,
            text_align="center",
            text_baseline="middle",
            text_font={"value": FONT},
            text_font_size={"value": "15px"},
            text_color={"field": "class", "transform": self._palette},
        )
        self._line = plot.line("x", "y", source=self.line, line_width=1, line_alpha=0.8)
        self._arrows = [plot.segment(*ends, source=source, line_width=2.5) for source in self.arrows]
        self.restyle(theme)

    def restyle(self, theme: ThemeName) -> None:
        """The same picture in the theme's colours."""
        colours = TOKENS[theme]
        self._palette.palette = data_palette(theme)
        self._shade.palette = shades(colours["ink"], 0.4)
        for glyph, colour in zip(self._classes, data_palette(theme), strict=False):
            glyph.glyph.line_color = colour
        for glyph, name in zip(self._arrows, ARROWS, strict=True):
            glyph.glyph.line_color = colours[name]
        self._paths.glyph.line_color = self._points.glyph.fill_color = colours["acc"]
        self._line.glyph.line_color = colours["mute"]

    def show(self, *, probing: bool, tilted: bool, classes: bool, paths: bool) -> None:
        """Which of the layers are seen."""
        self._points.visible = not probing
        self._paths.visible = paths and not probing
        for glyph in (*self._arrows, self._line):
            glyph.visible = probing
        self._image.visible = tilted
        self._names.visible = classes
        for source, glyph in zip(self.classes, self._classes, strict=True):
            glyph.visible = classes and len(source.data["x"]) > 0

    def draw_points(self, x: np.ndarray) -> None:
        """Points (N, 2)."""
        self.points.data.update(x=x[:, 0], y=x[:, 1])

    def draw_paths(self, way: np.ndarray) -> None:
        """The ways of a few points, (F, P, 2): one line with gaps."""
        gap = np.full((1, *way.shape[1:]), np.nan, np.float32)
        x, y = np.concatenate([way, gap]).transpose(2, 1, 0).reshape(2, -1)
        self.paths.data = {"x": x, "y": y}

    def draw_probe(self, probe: kernel.Probe) -> None:
        """The three arrows and the thin line through their ends."""
        for source, tip in zip(self.arrows, probe.tips, strict=True):
            source.data = segments(*arrow(probe.position, tip - probe.position))
        self.line.data = dict(zip(("x", "y"), probe.tips.T.astype(np.float32), strict=True))

    def draw_tilted(self, image: np.ndarray) -> None:
        """Shades (rows, columns) from 0 to 255 over all of the picture."""
        self.image.data = {"image": [image]}

    def draw_classes(self, groups: dict[str, GaussianMixture], chosen: str, away: float) -> None:
        """Circles of one standard deviation about each cluster, thick for the chosen group, and each group's name.

        away: how far a name stands below the chosen circle or above another; at its centre where that is 0.
        """
        names, places = [], []
        for place, (source, glyph) in enumerate(zip(self.classes, self._classes, strict=True)):
            if place >= len(groups):
                source.data = {"x": [], "y": []}
                continue
            name, mixture = list(groups.items())[place]
            circles = (mixture.means @ (1, 1j))[:, None] + mixture.s * np.append(CIRCLE, np.nan)
            source.data = {"x": circles.real.astype(np.float32).ravel(), "y": circles.imag.astype(np.float32).ravel()}
            glyph.glyph.line_width = 2.0 if name == chosen else 1.0
            glyph.glyph.line_alpha = 1.0 if name == chosen else 0.6
            names.append(name)
            up = -1.0 if name == chosen else 1.0
            places.append(mixture.means[0] + (0.0, up * (mixture.s + away) if away else 0.0))
        x, y = np.transpose(places)
        self.names.data = {"x": x, "y": y, "name": names, "class": np.arange(len(names))}


class Chart:
    """Adherence against spread for all w at once, of the tilted density and of samples, and where the dial stands."""

    def __init__(self, theme: ThemeName, aspect: float) -> None:
        self.plot = chart = figure(
            x_range=CHART_RANGE[0],
            y_range=CHART_RANGE[1],
            width=340,
            height=200,
            aspect_ratio=aspect,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
        )
        self.curves, self.marks = ([ColumnDataSource({"x": [], "y": []}) for _ in range(2)] for _ in range(2))
        self._curves = [chart.line("x", "y", source=source, line_width=2) for source in self.curves]
        self._marks = [chart.scatter("x", "y", source=source, size=9, line_color=None) for source in self.marks]
        self.restyle(theme)

    def restyle(self, theme: ThemeName) -> None:
        """The same chart in the theme's colours."""
        for curve, mark, name in zip(self._curves, self._marks, ("mute", "acc"), strict=True):
            curve.glyph.line_color = mark.glyph.fill_color = TOKENS[theme][name]
        style_axes(self.plot, theme)

    def show_marks(self, shown: bool) -> None:
        """Whether the dots are seen."""
        for glyph in self._marks:
            glyph.visible = shown

    def draw_curves(self, curves: Sequence[kernel.Curve]) -> None:
        """The curve of the tilted density and that of samples."""
        for source, curve in zip(self.curves, curves, strict=True):
            source.data = {"x": curve.spread, "y": curve.adherence}

    def draw_marks(self, places: Sequence[Measures]) -> None:
        """The dots: the tilted density's, and that of the samples."""
        for source, here in zip(self.marks, places, strict=True):
            source.data = {"x": [here.spread], "y": [here.adherence]}

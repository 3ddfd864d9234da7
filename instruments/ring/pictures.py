"""What the ring instrument draws: points over paths over the score field over the density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper

from diffusion_lab.app.scene import plane, segments, shades
from diffusion_lab.app.theme import TOKENS, ThemeName, data_palette

EXTENT = 3.2  # half the width of the picture, in data units
POINT_SIZES = {520: 5.0, 2000: 3.4, 20000: 1.8}  # pixels across
UNKNOWN = -1  # the part of a point of which nobody knows yet where it ends


class Picture:
    """The figure, its sources and its glyphs."""

    def __init__(self, theme: ThemeName) -> None:
        colours = TOKENS[theme]
        # Twenty thousand points in twenty milliseconds want the graphics card; without one Bokeh draws as ever.
        self.plot = plane(EXTENT, output_backend="webgl")
        self.palette = LinearColorMapper(
            palette=data_palette(theme), low=-0.5, high=5.5, low_color=colours["mute"]
        )
        self.shade = LinearColorMapper(palette=shades(colours["ink"]), low=0, high=1)
        self.density = ColumnDataSource({"image": []})
        self.field = ColumnDataSource({name: [] for name in ("x", "y", "x1", "y1")})
        self.paths = ColumnDataSource({"x": [], "y": []})
        self.points = ColumnDataSource({"x": [], "y": [], "part": []})
        side = 2 * EXTENT
        place = {"x": -EXTENT, "y": -EXTENT, "dw": side, "dh": side}
        self.density_glyph = self.plot.image("image", source=self.density, color_mapper=self.shade, **place)
        self.field_glyph = self.plot.segment(
            "x", "y", "x1", "y1", source=self.field, line_color=colours["field"], line_width=1
        )
        self.paths_glyph = self.plot.multi_line(
            "x", "y", source=self.paths, line_color=colours["acc"], line_width=1, line_alpha=0.7
        )
        self.points_glyph = self.plot.scatter(
            "x",
            "y",
            source=self.points,
            size=POINT_SIZES[520],
            line_color=None,
            fill_alpha=0.85,
            fill_color={"field": "part", "transform": self.palette},
        )

    def restyle(self, theme: ThemeName) -> None:
        """The same picture in the theme's colours."""
        colours = TOKENS[theme]
        self.palette.update(palette=data_palette(theme), low_color=colours["mute"])
        self.shade.palette = shades(colours["ink"])
        self.field_glyph.glyph.line_color = colours["field"]
        self.paths_glyph.glyph.line_color = colours["acc"]

    def show_points(self, x: np.ndarray, part: np.ndarray | None) -> None:
        """Points x (N, 2), and their parts (N,) where these have changed."""
        moved = {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32)}
        if part is None:
            self.points.data.update(moved)
            return
        self.points.data = {**moved, "part": part.astype(np.float32)}
        size = POINT_SIZES[len(x)]
        if self.points_glyph.glyph.size != size:
            self.points_glyph.glyph.size = size

    def show_field(self, arrows: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Segments from starts to ends, each (M, 2), or none."""
        self.field_glyph.visible = arrows is not None
        if arrows is not None:
            self.field.data = segments(*arrows)

    def show_density(self, density: np.ndarray | None) -> None:
        """Shading by `density` (R, R), the darkest at its largest, or none."""
        self.density_glyph.visible = density is not None
        if density is not None:
            self.density.data = {"image": [(density / density.max()).astype(np.float32)]}

    def show_paths(self, clouds: Sequence[np.ndarray] | None) -> None:
        """The way that points took through `clouds`, each (N, 2), or none."""
        self.paths_glyph.visible = clouds is not None
        if clouds is not None:
            recent = np.stack(clouds, axis=1)
            self.paths.data = {"x": list(recent[:, :, 0]), "y": list(recent[:, :, 1])}

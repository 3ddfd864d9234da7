"""What the ring instrument draws: points over paths over the score field over the density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, LinearColorMapper

from diffusion_lab.app.instrument.scene import plane, segments, shades
from diffusion_lab.app.instrument.theme import TOKENS, ThemeName, data_palette

EXTENT = 3.2  # half the width of the picture, in data units
POINT_SIZES = {520: 5.0, 2000: 3.4}  # pixels across
UNKNOWN = -1  # the part of a point of which nobody knows yet where it ends
#: More points than these have sizes for are drawn as pixels of one image, this many a side: a canvas takes 80 ms for
#: 20000 discs and 3 ms for the image, with and without a graphics card.
PIXELS = 440


class Picture:
    """The figure, its sources and its glyphs."""

    def __init__(self, theme: ThemeName) -> None:
        colours = TOKENS[theme]
        self.plot = plane(EXTENT)
        self.palette = LinearColorMapper(palette=_part_colours(theme), low=-1.5, high=5.5)
        self.pixel_palette = LinearColorMapper(palette=_pixel_colours(theme), low=-2.5, high=5.5)
        self.shade = LinearColorMapper(palette=shades(colours["ink"]), low=0, high=1)
        self.density = ColumnDataSource({"image": []})
        self.field = ColumnDataSource({name: [] for name in ("x", "y", "x1", "y1")})
        self.paths = ColumnDataSource({"x": [], "y": []})
        self.points = ColumnDataSource({"x": [], "y": [], "cluster": []})
        self.crowd = ColumnDataSource({"image": []})
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
            fill_color={"field": "cluster", "transform": self.palette},
        )
        self.crowd_glyph = self.plot.image("image", source=self.crowd, color_mapper=self.pixel_palette, **place)

    def restyle(self, theme: ThemeName) -> None:
        """The same picture in the theme's colours."""
        colours = TOKENS[theme]
        self.palette.palette = _part_colours(theme)
        self.pixel_palette.palette = _pixel_colours(theme)
        self.shade.palette = shades(colours["ink"])
        self.field_glyph.glyph.line_color = colours["field"]
        self.paths_glyph.glyph.line_color = colours["acc"]

    def show_points(self, x: np.ndarray, part: np.ndarray, *, recoloured: bool) -> None:
        """Points x (N, 2) of the parts (N,); `recoloured` where the parts are others than before."""
        crowd = len(x) not in POINT_SIZES
        if self.crowd_glyph.visible is not crowd or recoloured:
            self.crowd_glyph.visible, self.points_glyph.visible = crowd, not crowd
        if crowd:
            self.crowd.data = {"image": [_pixels(x, part)]}
            return
        moved = {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32)}
        if not recoloured:
            self.points.data.update(moved)
            return
        self.points.data = {**moved, "cluster": part.astype(np.float32)}
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


def _part_colours(theme: ThemeName) -> list[str]:
    """Of `UNKNOWN`, then of the parts."""
    return [TOKENS[theme]["mute"], *data_palette(theme)]


def _pixel_colours(theme: ThemeName) -> list[str]:
    """Of no point, then as `_part_colours`."""
    return [TOKENS[theme]["ink"] + "00", *_part_colours(theme)]


def _pixels(x: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The part at each pixel (PIXELS, PIXELS) [row y, column x], -2 where there is no point; the last of several."""
    image = np.full((PIXELS, PIXELS), UNKNOWN - 1, dtype=np.int8)
    column, row = np.floor((x.T + EXTENT) * (PIXELS / (2 * EXTENT))).astype(np.int32)
    seen = (column >= 0) & (column < PIXELS) & (row >= 0) & (row < PIXELS)
    image[row[seen], column[seen]] = part[seen]
    return image

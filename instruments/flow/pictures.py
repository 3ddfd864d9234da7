"""What the flow instrument draws: points over their paths over the field, what meets at the probe, and its chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.scene import arrow, plane, segments
from diffusion_lab.app.theme import TOKENS, ThemeName, data_palette, style_axes
from diffusion_lab.instruments.common.samplers.flow import Velocity
from diffusion_lab.instruments.flow import kernel

EXTENT = 3.3  # half the width of the picture, in data units
FIELD = EXTENT * np.linspace(-0.93, 0.93, 17)  # where arrows stand, along both axes
HALF_LENGTH_SPEED = 2.0  # the speed whose arrow is half as long as the longest
ARROW_TIME = 0.4  # velocities at the probe are drawn as what a point covers in this time
CHART = {"x": (0.8, 160.0), "y": (2.5e-4, 90.0)}  # evaluations, and end error in units
TICKS = {"x": (1, 10, 100), "y": (0.001, 0.01, 0.1, 1, 10)}
SOLVER_COLOURS = {"euler": "c0", "heun": "c1", "midpoint": "c2"}
FONT = "Inter Variable, system-ui, sans-serif"
ENDS = ("x", "y", "x1", "y1")


class Picture:
    """The plane, on equal axes without furniture."""

    def __init__(self, theme: ThemeName) -> None:
        self.plot = plot = plane(EXTENT)
        self._palette = LinearColorMapper(low=-0.5, high=5.5)
        self.field, self.diffusion, self.meeting, self.arrows, self.mean = (
            ColumnDataSource({name: [] for name in ENDS}) for _ in range(5)
        )
        self.paths = ColumnDataSource({name: [] for name in (*ENDS, "cluster")})
        self.points = ColumnDataSource({"x": [], "y": [], "cluster": []})
        by_cluster = {"field": "cluster", "transform": self._palette}
        self._field = plot.segment(*ENDS, source=self.field, line_width=1)
        self._diffusion = plot.segment(*ENDS, source=self.diffusion, line_width=1, line_alpha=0.5)
        self._paths = plot.segment(*ENDS, source=self.paths, line_width=1, line_alpha=0.55, line_color=by_cluster)
        self._meeting = plot.segment(*ENDS, source=self.meeting, line_width=1)
        self._points = plot.scatter(
            "x", "y", source=self.points, size=5, line_color=None, fill_alpha=0.85, fill_color=by_cluster
        )
        self._arrows = plot.segment(*ENDS, source=self.arrows, line_width=1.5, line_alpha=0.8)
        self._mean = plot.segment(*ENDS, source=self.mean, line_width=3)
        self.restyle(theme)

    def restyle(self, theme: ThemeName) -> None:
        """The same picture in the theme's colours."""
        colours = TOKENS[theme]
        self._palette.palette = data_palette(theme)
        self._field.glyph.line_color = self._meeting.glyph.line_color = colours["field"]
        self._diffusion.glyph.line_color = colours["mute"]
        self._arrows.glyph.line_color = colours["ink"]
        self._mean.glyph.line_color = colours["acc"]

    def show(self, *, probing: bool, paths: bool, field: bool, diffusion: bool) -> None:
        """Which of the layers are seen."""
        self._paths.visible = paths and not probing
        self._meeting.visible = paths and probing
        self._arrows.visible = self._mean.visible = probing
        self._field.visible = field
        self._diffusion.visible = diffusion and not probing

    def draw_points(self, x: np.ndarray, cluster: np.ndarray | None) -> None:
        """Points (N, 2), and the colour of each (N,), unless it stays."""
        moved = {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32)}
        if cluster is not None:
            moved["cluster"] = cluster.astype(np.float32)
        self.points.data.update(moved)

    def draw_paths(self, start: np.ndarray, end: np.ndarray, cluster: np.ndarray) -> None:
        """Segments (M P, 2) of the paths of P points, and the colour of each point (P,)."""
        colours = np.tile(cluster, len(start) // len(cluster)).astype(np.float32)
        self.paths.data = {**segments(start, end), "cluster": colours}

    def draw_diffusion(self, start: np.ndarray, end: np.ndarray) -> None:
        """Segments (M, 2) of the paths on the diffusion path."""
        self.diffusion.data = segments(start, end)

    def draw_field(self, velocity: Velocity, t: float) -> None:
        """Arrows along the velocity at t; the faster the longer."""
        start = np.stack(np.meshgrid(FIELD, FIELD), axis=-1).reshape(-1, 2)
        along = velocity(start, t)
        speed = np.linalg.norm(along, axis=1, keepdims=True)
        end = start + 0.85 * (FIELD[1] - FIELD[0]) * along / (speed + HALF_LENGTH_SPEED)
        self.field.data = segments(start, end)

    def draw_meeting(self, x: np.ndarray, met: kernel.Meeting, paths: tuple[np.ndarray, np.ndarray]) -> None:
        """At the probe x (2,): the paths that meet there as segments, their velocities and the mean of all."""
        self.meeting.data = segments(*paths)
        self.arrows.data = segments(np.tile(x, (len(met.velocities), 1)), x + ARROW_TIME * met.velocities)
        self.mean.data = segments(*arrow(x, ARROW_TIME * met.mean))


class Chart:
    """The end error of the three solvers against evaluations, on log–log axes, and where the picture's own stands."""

    def __init__(self, theme: ThemeName, aspect: float) -> None:
        self.plot = chart = figure(
            x_range=CHART["x"],
            y_range=CHART["y"],
            x_axis_type="log",
            y_axis_type="log",
            width=340,
            height=round(340 / aspect),
            sizing_mode="stretch_width",
            aspect_ratio=aspect,
            toolbar_location=None,
            tools="",
            min_border=1,
        )
        for axis, name in ((chart.xaxis, "x"), (chart.yaxis, "y")):  # plain numbers; Bokeh would set 10⁻¹ in two pieces
            axis.ticker = FixedTicker(ticks=TICKS[name])
            axis.major_label_overrides = {tick: f"{tick:g}" for tick in TICKS[name]}
        self.curves = {name: ColumnDataSource({"x": [], "y": []}) for name in kernel.SOLVERS}
        self.here = ColumnDataSource({"x": [], "y": []})
        self._curves = {name: chart.line("x", "y", source=source, line_width=2) for name, source in self.curves.items()}
        self._names: dict[str, Any] = {}
        for k, name in enumerate(kernel.SOLVERS):
            source = ColumnDataSource({"x": [1.0], "y": [1e-2 / 3.4**k], "name": [name.capitalize()]})
            self._names[name] = chart.text(
                "x", "y", "name", source=source, text_font={"value": FONT}, text_font_size="12px"
            )
        self._here = chart.scatter("x", "y", source=self.here, size=9, line_color=None)
        self.restyle(theme)

    def restyle(self, theme: ThemeName) -> None:
        """The same chart in the theme's colours."""
        colours = TOKENS[theme]
        style_axes(self.plot, theme)
        self._here.glyph.fill_color = colours["ink"]
        for name, token in SOLVER_COLOURS.items():
            self._curves[name].glyph.line_color = colours[token]
            self._names[name].glyph.text_color = colours[token]

    def draw_curves(self, errors: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        """Evaluations and end errors of each solver, as far as they are within the chart."""
        low, high = CHART["y"]
        for name, (nfe, error) in errors.items():
            inside = (error >= low) & (error <= high)
            self.curves[name].data = {"x": nfe[inside].astype(float), "y": error[inside]}

    def draw_here(self, nfe: int, error: float) -> None:
        """The dot of the picture's own solver, where it is within the chart."""
        inside = CHART["y"][0] <= error <= CHART["y"][1]
        self.here.data = {"x": [float(nfe)] * inside, "y": [error] * inside}

"""The ring of clusters on its front panel: forward noising by a slider, the road back by the exact score."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import param
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import Bars, Choice, FrontPanel, Legend, Measure, Readout, Slider, Toggles, Transport
from diffusion_lab.app.theme import TOKENS, data_palette
from diffusion_lab.instruments.common import datasets, schedules
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.ring import kernel

RING = datasets.ring()
EXTENT = 3.2  # half the width of the picture, in data units
FIELD = EXTENT * np.linspace(-0.93, 0.93, 19)  # where arrows stand, along both axes
HALF_LENGTH_SCORE = 4.0  # the score, in 1/unit, whose arrow is half as long as the longest
DENSITY_SIDE = 96  # cells a side
NUM_POINTS = kernel.NUM_POINTS
MAX_FRAMES = 240
PATH_POINTS = 40  # points that show where they came from
PATH_FRAMES = 14  # and how far back


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of the reverse process: what it was made from, what came out, and in what time."""

    seed: int
    num_levels: int
    trajectory: kernel.Trajectory
    destination: np.ndarray  # (N,) the cluster that each point ends in
    milliseconds: float


class Ring(Instrument):
    """Six Gaussian clusters on a ring, dissolved by the forward process and recovered by annealed Langevin sampling."""

    title: ClassVar[str] = "Ring of clusters"

    mode = param.Selector(
        default="forward",
        objects=["clean", "forward", "reverse"],
        label="Mode",
        doc="Clean data; the forward process at t; or the reverse process, sampled from noise.",
    )
    t = param.Number(
        default=0.18,
        bounds=(0.0, 1.0),
        step=0.01,
        label="Noise level",
        doc="Time of the forward process: 0 is clean, 1 is noise.",
    )
    progress = param.Number(
        default=1.0,
        bounds=(0.0, 1.0),
        step=0.005,
        label="Sampling progress",
        doc="How far along the reverse process the picture stands: 0 is pure noise, 1 is the finished sample.",
    )
    num_levels = param.Integer(
        default=60,
        bounds=(10, 120),
        step=1,
        label="Noise levels",
        doc="Noise levels that the sampler anneals through.",
    )
    seed = param.Integer(
        default=4,
        bounds=(0, 9999),
        label="Seed",
        doc="The same seed gives the same points and the same noise.",
    )
    show_field = param.Boolean(
        default=True, label="Score field", doc="Arrows uphill in log density; length grows with the score."
    )
    show_density = param.Boolean(
        default=False, label="Density", doc="Shading by the exact density of the points at this noise level."
    )
    show_paths = param.Boolean(
        default=False, label="Paths", doc="Where forty of the points have just come from, in reverse."
    )

    front_panel: ClassVar[FrontPanel] = FrontPanel(
        readouts=[
            Readout("t", "t"),
            Readout("alpha_bar", "ᾱ(t)"),
            Readout("signal", "signal"),
            Readout("noise", "noise"),
        ],
        controls=[
            Choice("mode"),
            Slider("t", symbol="t", when="mode:clean|forward"),
            Slider("progress", when="mode:reverse"),
            Slider("num_levels"),
            Toggles(("show_field", "show_density", "show_paths")),
            Transport(run="Sample", plays="progress", seconds=5),
        ],
        measures=[
            Bars(
                "mode_mass",
                "Mass per cluster",
                target=1 / 6,
                full_scale=0.25,
                doc="Share of the points nearest each cluster's centre; the dashed line is the true share.",
            ),
            Measure(
                "within",
                "within 3σ of a centre",
                doc="Share of the points within 3 standard deviations of a clean cluster's centre.",
            ),
        ],
        legends=[
            Legend("score ∇ log p", "field", when="show_field"),
            Legend("last steps of 40 points", "acc", when="show_paths"),
        ],
    )

    _run: _Run | None = None

    # --- what is computed --------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Clean points and the noise that dissolves them, from the seed."""
        rng = np.random.default_rng(self.seed)
        self._x0, self._component = kernel.draw_clean(RING, NUM_POINTS, rng)
        self._eps = rng.standard_normal(self._x0.shape)

    def _sample(self) -> _Run:
        """The whole reverse trajectory, from the seed; kept until seed or levels change."""
        if self._run is not None and (self._run.seed, self._run.num_levels) == (self.seed, self.num_levels):
            return self._run
        start = time.perf_counter()
        rng = np.random.default_rng(self.seed)
        trajectory = kernel.reverse(RING, NUM_POINTS, self.num_levels, rng=rng, max_frames=MAX_FRAMES)
        milliseconds = 1000 * (time.perf_counter() - start)
        destination = nearest(trajectory.x[-1], RING.means)
        self._run = _Run(self.seed, self.num_levels, trajectory, destination, milliseconds)
        return self._run

    def _frame(self) -> int:
        return round(self.progress * (len(self._sample().trajectory.x) - 1))

    def _time(self) -> float:
        """The t of the picture, in either direction."""
        return float(self._sample().trajectory.t[self._frame()]) if self.mode == "reverse" else self.t

    def settle(self, changed: frozenset[str]) -> None:
        """Mode and t agree: clean means t = 0."""
        if "mode" in changed and self.mode == "clean":
            self.t = 0.0
        elif "mode" in changed and "t" not in changed and self.mode == "forward" and self.t == 0:
            self.t = self.param.t.default
        elif self.mode != "reverse":
            self.mode = "clean" if self.t == 0 else "forward"
        if self.mode != "reverse":
            self.playing = False

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Points over the score field over the density, on equal axes without furniture."""
        colours = TOKENS[self.theme]
        plot = figure(
            x_range=(-EXTENT, EXTENT),
            y_range=(-EXTENT, EXTENT),
            width=600,
            height=600,
            aspect_ratio=1,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
            background_fill_alpha=0,
            border_fill_alpha=0,
            outline_line_color=None,
            min_border=1,
        )
        plot.axis.visible = False
        plot.grid.visible = False
        self._palette = LinearColorMapper(palette=data_palette(self.theme), low=-0.5, high=5.5)
        self._shade = LinearColorMapper(palette=_shades(colours["ink"]), low=0, high=1)
        self._density = ColumnDataSource({"image": []})
        self._field = ColumnDataSource({name: [] for name in ("x", "y", "x1", "y1")})
        self._paths = ColumnDataSource({"x": [], "y": []})
        self._points = ColumnDataSource({"x": [], "y": [], "cluster": []})
        self._density_glyph = plot.image(
            "image",
            source=self._density,
            x=-EXTENT,
            y=-EXTENT,
            dw=2 * EXTENT,
            dh=2 * EXTENT,
            color_mapper=self._shade,
        )
        self._field_glyph = plot.segment(
            "x", "y", "x1", "y1", source=self._field, line_color=colours["field"], line_width=1
        )
        self._paths_glyph = plot.multi_line(
            "x", "y", source=self._paths, line_color=colours["acc"], line_width=1, line_alpha=0.7
        )
        self._points_glyph = plot.scatter(
            "x",
            "y",
            source=self._points,
            size=5,
            line_color=None,
            fill_alpha=0.85,
            fill_color={"field": "cluster", "transform": self._palette},
        )
        return plot

    def restyle(self) -> None:
        """The same picture in the theme's colours."""
        colours = TOKENS[self.theme]
        self._palette.palette = data_palette(self.theme)
        self._shade.palette = _shades(colours["ink"])
        self._field_glyph.glyph.line_color = colours["field"]
        self._paths_glyph.glyph.line_color = colours["acc"]

    def update(self, changed: frozenset[str]) -> None:
        """Recompute what the changed settings touch, and move the picture."""
        if "seed" in changed:
            self._draw()
        if self.mode == "reverse":
            run = self._sample()
            x = run.trajectory.x[self._frame()]
            cluster = run.destination
            self.status = (
                f"{self.num_levels} levels × {kernel.NUM_STEPS} steps × {NUM_POINTS} points"
                f" · {run.milliseconds:.0f} ms · exact score, float64"
            )
        else:
            x = kernel.forward(self._x0, self._eps, self.t)
            cluster = self._component
            self.status = f"{NUM_POINTS} points, one jump by equation (1.2) · exact score, float64"
        self._x = x
        moved = {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32)}
        if {"mode", "seed", "num_levels"} & changed:
            moved["cluster"] = cluster.astype(np.float32)
        self._points.data.update(moved)
        self._draw_field()
        self._draw_density()
        self._draw_paths()

    def _draw_field(self) -> None:
        self._field_glyph.visible = self.show_field
        if self.show_field:
            start, score = kernel.score_field(RING, self._time(), FIELD)
            norm = np.linalg.norm(score, axis=1, keepdims=True)
            end = start + 0.85 * (FIELD[1] - FIELD[0]) * score / (norm + HALF_LENGTH_SCORE)
            self._field.data = {"x": start[:, 0], "y": start[:, 1], "x1": end[:, 0], "y1": end[:, 1]}

    def _draw_density(self) -> None:
        self._density_glyph.visible = self.show_density
        if self.show_density:
            density = kernel.density(RING, self._time(), EXTENT, DENSITY_SIDE)
            self._density.data = {"image": [(density / density.max()).astype(np.float32)]}

    def _draw_paths(self) -> None:
        shown = self.show_paths and self.mode == "reverse"
        self._paths_glyph.visible = shown
        if shown:
            frame = self._frame()
            recent = self._sample().trajectory.x[max(0, frame - PATH_FRAMES) : frame + 1, :PATH_POINTS]
            self._paths.data = {"x": list(recent[:, :, 0].T), "y": list(recent[:, :, 1].T)}

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """t, ᾱ, signal and noise; mass per cluster and the share within 3σ, measured on the points shown."""
        t = self._time()
        alpha_bar = float(schedules.exponential_alpha_bar(t))
        self._measures = m = kernel.measures(self._x, RING, t)
        return {
            "t": f"{t:.2f}",
            "alpha_bar": f"{alpha_bar:.3f}",
            "signal": f"{alpha_bar**0.5:.3f}",
            "noise": f"{(1 - alpha_bar) ** 0.5:.3f}",
            "mode_mass": [float(share) for share in m.mode_mass],
            "mode_mass_true": "true 1/6",
            "within": f"{m.within:.3f}",
            "within_true": f"{m.within_true:.3f}",
        }

    def describe(self) -> str:
        """The picture in words."""
        t = self._time()
        m = self._measures
        if self.mode == "reverse":
            what = f"Reverse process, {self.progress:.0%} done: {NUM_POINTS} points sampled from noise"
        elif self.mode == "clean":
            what = f"Clean data: {NUM_POINTS} points in six clusters on a ring"
        else:
            what = f"Forward process: {NUM_POINTS} points of a six-cluster ring under noise"
        return (
            f"{what}, noise level t = {t:.2f}. {m.within:.0%} of the points lie within three standard deviations of a"
            f" cluster's centre (true value {m.within_true:.0%}); shares per cluster run from"
            f" {m.mode_mass.min():.0%} to {m.mode_mass.max():.0%}."
        )

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Sample: the reverse process from pure noise, played from its first frame."""
        self.param.update(mode="reverse", progress=0.0)
        self.playing = True

    def step(self) -> None:
        """One noise level on: in reverse towards the data, forward towards the noise."""
        if self.mode == "reverse":
            self.param.update(playing=False, progress=min(1.0, self.progress + 1 / self.num_levels))
        else:
            self.t = min(1.0, self.t + self.param.t.step)


def _shades(ink: str) -> list[str]:
    """From nothing to a third of `ink`, as 64 colours with alpha: the page's own ground shines through."""
    return [f"{ink}{round(level * 0.36 / 63 * 255):02x}" for level in range(64)]

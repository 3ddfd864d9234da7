"""The guidance dial on its front panel: what guided sampling gives, what it was meant to give, and a point to probe."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
import param
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import Choice, FrontPanel, Legend, Measure, Menu, Readout, Slider, Toggles, Transport
from diffusion_lab.app.theme import TOKENS, data_palette, style_axes
from diffusion_lab.instruments.common.guidance import GaussianAnswers
from diffusion_lab.instruments.guidance import kernel

EXTENT = (3.3, 3.63)  # half the width and half the height of the picture, in data units
CELLS = (110, 121)  # of the shading
CIRCLE = np.linspace(0.0, 2.0 * np.pi, 41)
PATH_POINTS = {"deterministic": 40, "stochastic": 12, "langevin": 4}  # that show the ways they came
METHODS = {
    "deterministic": "probability-flow ODE, Heun",
    "stochastic": "reverse SDE, noise and Heun",
    "langevin": "annealed Langevin",
}
ARROWS = ("mute", "ink", "acc")  # unconditional, conditional, guided
CHART_RANGE = ((0.0, 2.2), (0.3, 1.04))


class Guidance(Instrument):
    """Classifier-free guidance on a conditional Gaussian mixture, with both predictions exact."""

    title: ClassVar[str] = "Guidance dial"
    figure_aspect: ClassVar[float] = 600 / 660

    view = param.Selector(
        default="samples",
        objects=["samples", "probe"],
        label="View",
        doc="Points sampled with guidance, or the predictions at one point that you place.",
    )
    condition = param.Selector(
        default="A",
        objects=["A", "B", "C", "gaussian"],
        label="Condition",
        doc="The class asked for; Gaussian, p(x|c) = N(0, I) within p(x) = N(0, 2 I), has known answers.",
    )
    convention = param.Selector(
        default="scale",
        objects=["scale", "weight"],
        label="Convention",
        doc="Scale: (1 − w) ε∅ + w ε_c, plain conditioning at w = 1. Weight: (1 + w′) ε_c − w′ ε∅, plain at w′ = 0.",
    )
    guidance_scale = param.Number(
        default=3.0,
        bounds=(0.0, 10.0),
        step=0.1,
        label="Guidance scale",
        doc="0 ignores the condition, 1 is plain conditioning, above 1 extrapolates.",
    )
    guidance_weight = param.Number(
        default=2.0,
        bounds=(-1.0, 9.0),
        step=0.1,
        label="Guidance weight",
        doc="The same dial counted from plain conditioning: w′ = w − 1.",
    )
    sampler = param.Selector(
        default="deterministic",
        objects=["deterministic", "stochastic", "langevin"],
        label="Sampler",
        doc="The probability-flow ODE, the reverse SDE, or annealed Langevin, each with the guided prediction.",
    )
    guide_at = param.Selector(
        default="every_level",
        objects=["every_level", "interval"],
        label="Guide at",
        doc="Guidance at every noise level, or within an interval, with plain conditioning outside it.",
    )
    interval_low = param.Number(
        default=0.05,
        bounds=(0.0, 1.0),
        step=0.01,
        label="Interval from",
        doc="Below this noise level t, plain conditioning.",
    )
    interval_high = param.Number(
        default=0.3,
        bounds=(0.0, 1.0),
        step=0.01,
        label="Interval to",
        doc="Above this noise level t, plain conditioning.",
    )
    progress = param.Number(
        default=1.0,
        bounds=(0.0, 1.0),
        step=0.005,
        label="Sampling progress",
        doc="How far along the way from noise the picture stands: 1 is the finished sample.",
    )
    num_levels = param.Integer(
        default=24, bounds=(6, 60), step=1, label="Noise levels", doc="Noise levels that the sampler steps through."
    )
    num_steps = param.Integer(
        default=5, bounds=(1, 12), step=1, label="Steps a level", doc="Langevin steps at each noise level."
    )
    probe_x = param.Number(
        default=0.1, bounds=(-3.0, 3.0), step=0.05, label="Probe, across", doc="Where the probed point lies, across."
    )
    probe_y = param.Number(
        default=0.6, bounds=(-3.0, 3.0), step=0.05, label="Probe, up", doc="Where the probed point lies, upwards."
    )
    t = param.Number(
        default=0.12, bounds=(0.01, 1.0), step=0.01, label="Noise level", doc="How noisy the probed point is."
    )
    seed = param.Integer(
        default=4, bounds=(0, 9999), label="Seed", doc="The same seed gives the same noise, at every w."
    )
    show_tilted = param.Boolean(
        default=True, label="Tilted density", doc="Shading by p(x|c)^w p(x)^(1−w) at the picture's noise level."
    )
    show_classes = param.Boolean(
        default=True, label="Classes", doc="Circles of one standard deviation about each cluster of each class."
    )
    show_paths = param.Boolean(
        default=False, label="Paths", doc="The ways that a few of the points have come from noise."
    )

    front_panel: ClassVar[FrontPanel] = FrontPanel(
        readouts=[Readout("w", "w"), Readout("weight", "w′ = w − 1"), Readout("t", "t"), Readout("nfe", "NFE")],
        controls=[
            Choice("view"),
            Choice("condition"),
            Slider("guidance_scale", symbol="w", when="convention:scale"),
            Slider("guidance_weight", symbol="w′", when="convention:weight"),
            Menu("convention"),
            Menu("sampler"),
            Menu("guide_at"),
            Slider("interval_low", symbol="t", when="guide_at:interval"),
            Slider("interval_high", symbol="t", when="guide_at:interval"),
            Slider("progress", when="view:samples"),
            Slider("num_levels", when="view:samples"),
            Slider("num_steps", when="sampler:langevin"),
            Slider("probe_x", symbol="x", when="view:probe"),
            Slider("probe_y", symbol="y", when="view:probe"),
            Slider("t", symbol="t", when="view:probe"),
            Toggles(("show_tilted", "show_classes", "show_paths")),
            Transport(run="Sample", plays="progress", seconds=4),
        ],
        measures=[
            Measure(
                "adherence",
                "adherence p(c | x)",
                doc="Mean probability of the class at the points shown; beside it, under the tilted density.",
                beside="tilted",
                when="view:samples",
            ),
            Measure(
                "spread",
                "spread",
                doc="Root mean squared distance from the mean; beside it, of the tilted density.",
                beside="tilted",
                when="view:samples",
            ),
            Measure(
                "beyond",
                "beyond the class mean",
                doc="How far the mean lies past that of the class, on the way there from the mean of all data.",
                beside="tilted",
                when="view:samples",
            ),
            Measure(
                "variance",
                "variance per axis",
                doc="Of the points; beside it the known answer for this sampler, from infinite noise in endless steps.",
                beside="known",
                when="condition:gaussian",
            ),
            Measure(
                "eps_uncond", "ε∅", doc="Noise predicted without the condition.", beside="length", when="view:probe"
            ),
            Measure("eps_cond", "ε_c", doc="Noise predicted with the condition.", beside="length", when="view:probe"),
            Measure("eps_guided", "ε̃", doc="The two, extrapolated by w.", beside="length", when="view:probe"),
            Measure(
                "classifier",
                "∇ log p(c | x)",
                doc="Slope of the classifier by differences; beside it (ε∅ − ε_c)/√(1 − ᾱ): the same.",
                beside="from ε",
                when="view:probe",
            ),
        ],
        legends=[
            Legend("guided samples", "acc", when="view:samples"),
            Legend("− √(1 − ᾱ) ε∅", "mute", when="view:probe"),
            Legend("− √(1 − ᾱ) ε_c", "ink", when="view:probe"),
            Legend("− √(1 − ᾱ) ε̃", "acc", when="view:probe"),
        ],
        chart="Adherence (up) against spread (across) at w from 0 to 10: samples in colour, tilted density in grey",
    )

    _run: tuple[kernel.Settings, kernel.Run, float] | None = None
    _curve_of: kernel.Settings | None = None
    _marked: kernel.Settings | None = None
    _shaded: tuple[str, float, float] | None = None
    _outlined: tuple[str, float] | None = None

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._initial = {name: getattr(self, name) for name in self.settings()}  # as settled, both names of w agreeing

    # --- what is computed --------------------------------------------------------------------------------------------

    def _settings(self) -> kernel.Settings:
        """What a run depends on; what has no say in it at its default, so that moving it costs nothing."""
        return kernel.Settings(
            condition=self.condition,
            sampler=self.sampler,
            guidance_scale=self.guidance_scale,
            interval=(self.interval_low, self.interval_high) if self.guide_at == "interval" else (0.0, 1.0),
            num_levels=self.num_levels,
            num_steps=self.num_steps if self.sampler == "langevin" else 1,
            seed=self.seed,
        )

    def _sample(self) -> tuple[kernel.Run, float]:
        """The run of the current settings and the milliseconds it took; kept until a setting that it uses changes."""
        settings = self._now
        if self._run is None or self._run[0] != settings:
            start = time.perf_counter()
            run = kernel.sample(settings)
            self._run = settings, run, 1000 * (time.perf_counter() - start)
        return self._run[1:]

    def _frame(self) -> int:
        return round(self.progress * (len(self._sample()[0].x) - 1))

    def _time(self) -> float:
        """The t of the picture."""
        return self.t if self.view == "probe" else float(self._sample()[0].t[self._frame()])

    def settle(self, changed: frozenset[str]) -> None:
        """The two names of the dial agree, the interval is in order, and only samples are played."""
        moved = changed or frozenset(self.state())
        if "guidance_weight" in moved and "guidance_scale" not in moved:
            self.guidance_scale = round(self.guidance_weight + 1.0, 9)
        else:
            self.guidance_weight = round(self.guidance_scale - 1.0, 9)
        if "interval_high" in moved:
            self.interval_low = min(self.interval_low, self.interval_high)
        else:
            self.interval_high = max(self.interval_low, self.interval_high)
        if self.view == "probe":
            self.playing = False

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Points over circles of the classes over the tilted density, on equal axes without furniture."""
        plot = figure(
            x_range=(-EXTENT[0], EXTENT[0]),
            y_range=(-EXTENT[1], EXTENT[1]),
            width=600,
            height=660,
            aspect_ratio=self.figure_aspect,
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
        self._palette = LinearColorMapper(low=-0.5, high=5.5)
        self._shade = LinearColorMapper(low=0, high=256)
        self._image = ColumnDataSource({"image": []})
        self._classes = [ColumnDataSource({"x": [], "y": []}) for _ in range(3)]
        self._names = ColumnDataSource({"x": [], "y": [], "name": [], "class": []})
        self._paths = ColumnDataSource({"x": [], "y": []})
        self._points = ColumnDataSource({"x": [], "y": []})
        self._arrows = [ColumnDataSource({"x": [], "y": []}) for _ in ARROWS]
        self._probe = ColumnDataSource({"x": [], "y": []})
        self._line = ColumnDataSource({"x": [], "y": []})
        corner = {"x": -EXTENT[0], "y": -EXTENT[1], "dw": 2 * EXTENT[0], "dh": 2 * EXTENT[1]}
        self._image_glyph = plot.image("image", source=self._image, color_mapper=self._shade, **corner)
        self._class_glyphs = [plot.multi_line("x", "y", source=source) for source in self._classes]
        self._paths_glyph = plot.multi_line("x", "y", source=self._paths, line_width=1, line_alpha=0.45)
        self._points_glyph = plot.scatter("x", "y", source=self._points, size=4.5, line_color=None, fill_alpha=0.75)
        self._name_glyph = plot.text(
            "x",
            "y",
            text="name",
            source=self._names,
            text_align="center",
            text_baseline="middle",
            text_font={"value": "Inter Variable, system-ui, sans-serif"},
            text_font_size={"value": "15px"},
            text_color={"field": "class", "transform": self._palette},
        )
        self._line_glyph = plot.line("x", "y", source=self._line, line_width=1, line_alpha=0.8)
        self._arrow_glyphs = [plot.line("x", "y", source=source, line_width=2.5) for source in self._arrows]
        self._probe_glyph = plot.scatter("x", "y", source=self._probe, size=10, line_color=None)
        return plot

    def make_chart(self) -> figure:
        """Adherence against spread, for all w at once, and where the dial stands."""
        chart = figure(
            x_range=CHART_RANGE[0],
            y_range=CHART_RANGE[1],
            width=340,
            height=200,
            aspect_ratio=self.chart_aspect,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="",
        )
        self._curves = [ColumnDataSource({"x": [], "y": []}) for _ in range(2)]
        self._marks = [ColumnDataSource({"x": [], "y": []}) for _ in range(2)]
        self._curve_glyphs = [chart.line("x", "y", source=source, line_width=2) for source in self._curves]
        self._mark_glyphs = [chart.scatter("x", "y", source=source, size=9, line_color=None) for source in self._marks]
        self._chart = chart
        self.restyle()
        return chart

    def restyle(self) -> None:
        """The same picture in the theme's colours."""
        colours = TOKENS[self.theme]
        self._palette.palette = data_palette(self.theme)
        self._shade.palette = [f"{colours['ink']}{round(level * 0.4 / 63 * 255):02x}" for level in range(64)]
        for glyph, colour in zip(self._class_glyphs, data_palette(self.theme), strict=False):
            glyph.glyph.line_color = colour
        for glyph, name in zip(self._arrow_glyphs, ARROWS, strict=True):
            glyph.glyph.line_color = colours[name]
        for glyphs in (self._curve_glyphs, self._mark_glyphs):
            for glyph, name in zip(glyphs, ("mute", "acc"), strict=True):
                setattr(glyph.glyph, "line_color" if glyphs is self._curve_glyphs else "fill_color", colours[name])
        self._paths_glyph.glyph.line_color = self._points_glyph.glyph.fill_color = colours["acc"]
        self._line_glyph.glyph.line_color = colours["mute"]
        self._probe_glyph.glyph.fill_color = colours["ink"]
        style_axes(self._chart, self.theme)

    def update(self, changed: frozenset[str]) -> None:
        """Recompute what the changed settings touch, and move the picture."""
        self._now = self._settings()
        probing = self.view == "probe"
        for glyph in (self._points_glyph, self._paths_glyph):
            glyph.visible = not probing
        for glyph in (*self._arrow_glyphs, self._line_glyph, self._probe_glyph):
            glyph.visible = probing
        t = self._time()
        if probing:
            self._draw_probe()
        else:
            self._draw_samples(t)
        self._draw_tilted(t)
        self._draw_classes(t)
        self._draw_chart()

    def _draw_samples(self, t: float) -> None:
        (run, milliseconds), frame = self._sample(), self._frame()
        self._x = run.x[frame]
        self._found = kernel.measures(kernel.noised(self.condition, t), self._x)
        self._target = kernel.tilted(self.condition, t).measures(self.guidance_scale)
        self._points.data.update(x=self._x[:, 0], y=self._x[:, 1])
        self._paths_glyph.visible = self.show_paths
        if self.show_paths:
            way = run.x[: frame + 1, : PATH_POINTS[self.sampler]]
            self._paths.data = {"x": list(way[:, :, 0].T), "y": list(way[:, :, 1].T)}
        steps = f" × {self.num_steps} steps" if self.sampler == "langevin" else ""
        self.status = (
            f"{METHODS[self.sampler]}: {self.num_levels} levels{steps} × {len(self._x)} points, {run.nfe} evaluations"
            f" each, both branches counted · {milliseconds:.0f} ms · exact predictions, float64"
        )

    def _draw_probe(self) -> None:
        model, at = kernel.CONDITIONS[self.condition], (self.probe_x, self.probe_y)
        self._probed = probe = kernel.probe(model, at, self.t, self._scale_at(self.t))
        for source, tip in zip(self._arrows, probe.tips, strict=True):
            line = kernel.arrow(probe.position, tip)
            source.data = {"x": line[:, 0], "y": line[:, 1]}
        self._probe.data = {"x": [at[0]], "y": [at[1]]}
        self._line.data = {"x": probe.tips[:, 0], "y": probe.tips[:, 1]}
        self.status = "Two exact predictions at one point, and their extrapolation · float64"

    def _scale_at(self, t: float) -> float:
        """The w that acts at the noise level t."""
        within = self.guide_at == "every_level" or self.interval_low < t <= self.interval_high
        return self.guidance_scale if within else 1.0

    def _draw_tilted(self, t: float) -> None:
        self._image_glyph.visible = self.show_tilted
        shaded = self.condition, t, self._scale_at(t) if self.view == "probe" else self.guidance_scale
        if self.show_tilted and shaded != self._shaded:
            self._shaded = shaded
            self._image.data = {"image": [kernel.tilted_image(*shaded, EXTENT, CELLS)]}

    def _draw_classes(self, t: float) -> None:
        groups = kernel.groups(self.condition, t)
        for place, glyph in enumerate(self._class_glyphs):
            glyph.visible = self.show_classes and place < len(groups)
        self._name_glyph.visible = self.show_classes
        outlined = self.condition, t
        if not self.show_classes or outlined == self._outlined:
            return
        self._outlined = outlined
        names, places = [], []
        for source, glyph, (name, mixture) in zip(self._classes, self._class_glyphs, groups.items(), strict=False):
            radius = mixture.s
            source.data = {
                "x": list(mixture.means[:, :1] + radius * np.cos(CIRCLE)),
                "y": list(mixture.means[:, 1:] + radius * np.sin(CIRCLE)),
            }
            chosen = name in (self.condition, "p(x|c)")
            glyph.glyph.line_width = 2.0 if chosen else 1.0
            glyph.glyph.line_alpha = 1.0 if chosen else 0.6
            names.append(name)
            above = radius + 0.17 if self.condition == "gaussian" else 0.0
            places.append(mixture.means[0] + (0.0, above))
        x, y = np.transpose(places)
        self._names.data = {"x": x, "y": y, "name": names, "class": np.arange(len(names))}

    def _draw_chart(self) -> None:
        everywhere = self._now.at_scale(1.0)
        if self._curve_of != everywhere:
            self._curve_of = everywhere
            curves = kernel.tilted_curve(self.condition), kernel.sampled_curve(everywhere)
            for source, curve in zip(self._curves, curves, strict=True):
                source.data = {"x": curve.spread, "y": curve.adherence}
        for glyph in self._mark_glyphs:
            glyph.visible = self.view == "samples"
        if self.view == "probe" or self._marked == self._now:
            return
        self._marked = self._now
        final = kernel.measures(kernel.CONDITIONS[self.condition], self._sample()[0].x[-1])
        target = kernel.tilted(self.condition, 0.0).measures(self.guidance_scale)
        for source, here in zip(self._marks, (target, final), strict=True):
            source.data = {"x": [here.spread], "y": [here.adherence]}

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """The dial in both conventions; measures of the points beside the tilted density's; the probe's vectors."""
        keys = [measure.key for measure in self.front_panel.measures]
        texts: dict[str, str | list[float]] = dict.fromkeys([*keys, *(f"{key}_true" for key in keys)], "–")
        texts |= {
            "w": f"{self.guidance_scale:.1f}",
            "weight": _signed(self.guidance_weight, 1),
            "t": f"{self._time():.2f}",
            "nfe": str(self._sample()[0].nfe) if self.view == "samples" else "2",
        }
        if self.view == "probe":
            p = self._probed
            for key, eps in (("eps_uncond", p.eps_uncond), ("eps_cond", p.eps_cond), ("eps_guided", p.eps_guided)):
                texts |= {key: _vector(eps), f"{key}_true": f"{np.hypot(*eps):.2f}"}
            return texts | {"classifier": _vector(p.classifier), "classifier_true": _vector(p.from_eps)}
        for end, m in (("", self._found), ("_true", self._target)):
            texts |= {f"adherence{end}": f"{m.adherence:.3f}", f"spread{end}": f"{m.spread:.2f}"}
            texts[f"beyond{end}"] = _signed(m.beyond, 2)
        if self.condition == "gaussian" and self.progress == 1 and self.guide_at == "every_level":
            known = getattr(GaussianAnswers.at(self.guidance_scale), kernel.ANSWER_OF[self.sampler])
            texts |= {"variance": f"{kernel.variance(self._x):.3f}", "variance_true": f"{known:.3f}"}
        return texts

    def describe(self) -> str:
        """The picture in words."""
        what = "the Gaussian case" if self.condition == "gaussian" else f"class {self.condition}"
        if self.convention == "scale":
            dial = f"guidance scale w = {self.guidance_scale:.1f}"
        else:
            dial = f"guidance weight w′ = {_signed(self.guidance_weight, 1)}"
        if self.guide_at == "interval":
            dial += f" between t = {self.interval_low:.2f} and {self.interval_high:.2f}"
        steps = f" of {self.num_steps} Langevin steps" if self.sampler == "langevin" else ""
        how = f"{self.sampler} sampler, {self.num_levels} noise levels{steps}"
        if self.view == "probe":
            p = self._probed
            return (
                f"A point at ({self.probe_x:.2f}, {self.probe_y:.2f}), noise level t = {self.t:.2f}, {what}, {dial}."
                f" Noise predicted without the condition {_vector(p.eps_uncond)}, with it {_vector(p.eps_cond)},"
                f" guided {_vector(p.eps_guided)}. The guided arrow ends on the line through the other two ends."
                f" The chart is of samples: {how}."
            )
        m, target = self._found, self._target
        return (
            f"{len(self._x)} points sampled for {what}, {dial}, {how}, {self.progress:.1%} done."
            f" Adherence {m.adherence:.3f} where the tilted density has {target.adherence:.3f}; spread {m.spread:.2f}"
            f" against {target.spread:.2f}; the mean lies {_signed(m.beyond, 2)} beyond that of the class, against"
            f" {_signed(target.beyond, 2)}."
        )

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Sample: from pure noise, played from its first frame."""
        self.param.update(view="samples", progress=0.0)
        self.playing = True

    def step(self) -> None:
        """One step of the sampler on; for the probe, a little more noise."""
        if self.view == "samples":
            self.param.update(playing=False, progress=min(1.0, self.progress + 1 / (len(self._sample()[0].x) - 1)))
        else:
            self.t = min(1.0, self.t + self.param.t.step)


def _signed(value: float, decimals: int) -> str:
    """A number with a real minus sign; a dash where there is none."""
    return "–" if np.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def _vector(v: np.ndarray) -> str:
    return f"({_signed(v[0], 2)}, {_signed(v[1], 2)})"

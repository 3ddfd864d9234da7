"""Flow matching on its front panel: straight pairs, the flow they average to, and what straightens it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import param
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, LinearColorMapper
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import Choice, FrontPanel, Legend, Measure, Menu, Readout, Slider, Toggles, Transport
from diffusion_lab.app.theme import TOKENS, data_palette, style_axes
from diffusion_lab.instruments.flow import kernel

EXTENT = 3.3  # half the width of the picture, in data units
FIELD = EXTENT * np.linspace(-0.93, 0.93, 17)  # where arrows stand, along both axes
HALF_LENGTH_SPEED = 2.0  # the speed whose arrow is half as long as the longest
PATH_POINTS = 72  # points whose paths are drawn
MEETING = 24  # pairs drawn through the probe
ARROW_TIME = 0.4  # velocities at the probe are drawn as what a point covers in this time
LADDER = (1, 2, 4, 8, 16, 32, 64)  # steps in the chart
CHART = {"x": (0.8, 160.0), "y": (2.5e-4, 90.0)}  # evaluations, and end error in units
CENTRE_SDS = 3.0
SOLVER_COLOURS = {"euler": "c0", "heun": "c1", "midpoint": "c2"}


@dataclass(frozen=True, eq=False)
class _Case:
    """Everything about one flow that does not depend on how it is followed."""

    flow: kernel.Flow
    pairs: kernel.Pairs  # of the points shown
    reference: kernel.Reference
    errors: dict[Any, tuple[np.ndarray, np.ndarray]]
    towards: np.ndarray  # (N,) the cluster each point's flow ends nearest to
    of_pair: np.ndarray  # (N,) the cluster the data of its pair lie nearest to
    within_true: float  # share of the data within CENTRE_SDS of a centre
    fit_ms: float


@lru_cache(maxsize=24)
def _case(data_set: str, name: str, batch_size: int, seed: int) -> _Case:
    """One flow, made and measured; kept, since readers go to and fro and a fit takes a while."""
    mixture = kernel.DATA[data_set]
    drawn = kernel.draw_pairs(mixture, kernel.NUM_POINTS, np.random.default_rng(seed))
    previous = None
    if name.startswith("reflow"):
        before = "rectified_flow" if name == "reflow_once" else "reflow_once"
        earlier = _case(data_set, before, 1, seed)
        previous, pairs = earlier.flow, kernel.Pairs(drawn.noise, earlier.reference.end)
    elif name == "minibatch_transport":
        pairs = kernel.couple(drawn, batch_size)
    else:
        pairs = drawn
    start = time.perf_counter()
    rng = np.random.default_rng([seed, kernel.FLOWS.index(name)])
    flow = kernel.make_flow(mixture, name, rng, batch_size=batch_size, previous=previous)
    fit_ms = 1000 * (time.perf_counter() - start)
    reference = kernel.refer(flow.velocity, drawn.noise)
    errors = kernel.convergence(flow.velocity, drawn.noise, reference.end, LADDER)
    towards, of_pair = (kernel.nearest(x, mixture.means) for x in (reference.end, pairs.data))
    within_true = kernel.fraction_within_truth(mixture, CENTRE_SDS * mixture.s, 1.0, 0.0)
    return _Case(flow, pairs, reference, errors, towards, of_pair, within_true, fit_ms)


class FlowMatching(Instrument):
    """Noise carried to data: along straight lines pair by pair, or by the one flow that those lines average to."""

    title: ClassVar[str] = "Flow from noise to data"

    mode = param.Selector(
        default="flow",
        objects=["pairs", "flow", "probe"],
        label="Picture",
        doc="Points on the paths of their own pairs; carried by the velocity field; or what meets at one place.",
    )
    flow = param.Selector(
        default="rectified_flow",
        objects=list(kernel.FLOWS),
        label="Flow",
        doc="Exact: rectified flow, diffusion. Fitted to pairs when chosen: minibatch transport, reflow.",
    )
    batch = param.Selector(
        default="16",
        objects=["4", "16", "64"],
        label="Batch size",
        doc="Noise and data are paired by optimal assignment within batches of this many.",
    )
    data_set = param.Selector(
        default="ring", objects=list(kernel.DATA), label="Data", doc="The Gaussian mixture to be reached at t = 1."
    )
    t = param.Number(default=0.85, bounds=(0.0, 1.0), step=0.01, label="Time", doc="From noise at 0 to data at 1.")
    num_steps = param.Integer(
        default=16, bounds=(1, 64), step=1, label="Steps", doc="Equal steps that the solver takes from t = 0 to t = 1."
    )
    solver = param.Selector(
        default="euler",
        objects=list(kernel.SOLVERS),
        label="Solver",
        doc="Euler evaluates the velocity once a step; Heun and midpoint twice.",
    )
    seed = param.Integer(
        default=4, bounds=(0, 9999), label="Seed", doc="The same seed gives the same noise, data and fits."
    )
    show_paths = param.Boolean(
        default=True,
        label="Paths",
        doc="Where 72 of the points have been; the whole paths of 72 pairs; the paths that meet at the probe.",
    )
    show_field = param.Boolean(
        default=False, label="Field", doc="Arrows along the flow's velocity at this time; length grows with speed."
    )
    probe_x = param.Number(
        default=0.2, bounds=(-3.0, 3.0), step=0.05, label="Probe across", doc="Or click or tap the picture."
    )
    probe_y = param.Number(
        default=0.9, bounds=(-3.0, 3.0), step=0.05, label="Probe up", doc="Or click or tap the picture."
    )

    front_panel: ClassVar[FrontPanel] = FrontPanel(
        readouts=[Readout("t", "t"), Readout("nfe", "evaluations"), Readout("end_error", "end error")],
        controls=[
            Choice("mode"),
            Menu("flow"),
            Menu("batch", when="flow:minibatch_transport"),
            Menu("data_set"),
            Slider("t", symbol="t"),
            Slider("num_steps"),
            Choice("solver"),
            Toggles(("show_paths", "show_field")),
            Slider("probe_x", when="mode:probe"),
            Slider("probe_y", when="mode:probe"),
            Transport(run="Flow", plays="t", seconds=5),
        ],
        measures=[
            Measure(
                "straightness",
                "straightness S of the flow",
                doc="0 if all points move on straight lines at constant speed; with its Monte-Carlo standard error.",
                beside="±",
            ),
            Measure(
                "detour",
                "path length ÷ distance",
                doc="1 if all paths are straight, at any speed; with its Monte-Carlo standard error.",
                beside="±",
            ),
            Measure(
                "cost",
                "transport cost",
                doc="Mean squared distance from noise to data under the flow, beside that of the pairs it is made of.",
                beside="pairs",
            ),
            Measure(
                "within",
                "ends within 3σ of a centre",
                doc="Share of the solver's end points within 3 standard deviations of a cluster's centre.",
            ),
            Measure(
                "probe",
                "velocity at the probe",
                doc="The flow's velocity there, beside the root mean square distance of the single velocities from it.",
                beside="spread",
            ),
        ],
        legends=[
            Legend("velocity field", "field", when="show_field"),
            Legend("velocities that meet at the probe", "ink", when="mode:probe"),
            Legend("their mean", "acc", when="mode:probe"),
        ],
        chart="End error against evaluations of the velocity",
    )
    chart_aspect: ClassVar[float] = 1.9

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Points over their paths over the field, on equal axes without furniture; the probe on top."""
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
        ends = ("x", "y", "x1", "y1")
        self._field, self._meeting, self._arrows, self._mean = (
            ColumnDataSource({name: [] for name in ends}) for _ in range(4)
        )
        self._paths = ColumnDataSource({name: [] for name in (*ends, "cluster")})
        self._points = ColumnDataSource({"x": [], "y": [], "cluster": []})
        self._probe = ColumnDataSource({"x": [], "y": []})
        by_cluster = {"field": "cluster", "transform": self._palette}
        self._field_glyph = plot.segment(*ends, source=self._field, line_width=1)
        self._paths_glyph = plot.segment(
            *ends, source=self._paths, line_width=1, line_alpha=0.55, line_color=by_cluster
        )
        self._meeting_glyph = plot.segment(*ends, source=self._meeting, line_width=1)
        self._points_glyph = plot.scatter(
            "x", "y", source=self._points, size=5, line_color=None, fill_alpha=0.85, fill_color=by_cluster
        )
        self._arrows_glyph = plot.segment(*ends, source=self._arrows, line_width=1.5, line_alpha=0.8)
        self._mean_glyph = plot.segment(*ends, source=self._mean, line_width=3)
        self._probe_glyph = plot.scatter("x", "y", source=self._probe, size=9, line_color=None)
        plot.on_event(Tap, self._tapped)
        self._colour()
        return plot

    def make_chart(self) -> figure:
        """The end error of the three solvers on this flow, on log–log axes, and where the picture's own stands."""
        chart = figure(
            x_range=CHART["x"],
            y_range=CHART["y"],
            x_axis_type="log",
            y_axis_type="log",
            width=340,
            height=179,
            sizing_mode="stretch_width",
            aspect_ratio=1.9,
            toolbar_location=None,
            tools="",
            min_border=1,
        )
        self._chart = chart
        self._curves = {name: ColumnDataSource({"x": [], "y": []}) for name in kernel.SOLVERS}
        self._here = ColumnDataSource({"x": [], "y": []})
        self._curve_glyphs = {
            name: chart.line("x", "y", source=source, line_width=2) for name, source in self._curves.items()
        }
        self._name_glyphs = {}
        for k, name in enumerate(kernel.SOLVERS):
            source = ColumnDataSource({"x": [1.0], "y": [1e-2 / 3.4**k], "name": [name.capitalize()]})
            self._name_glyphs[name] = chart.text("x", "y", "name", source=source, text_font_size="12px")
        self._here_glyph = chart.scatter("x", "y", source=self._here, size=9, line_color=None)
        self._colour_chart()
        return chart

    def restyle(self) -> None:
        """The same pictures in the theme's colours."""
        self._palette.palette = data_palette(self.theme)
        self._colour()
        self._colour_chart()

    def _colour(self) -> None:
        colours = TOKENS[self.theme]
        self._field_glyph.glyph.line_color = colours["field"]
        self._meeting_glyph.glyph.line_color = colours["field"]
        self._arrows_glyph.glyph.line_color = colours["ink"]
        self._mean_glyph.glyph.line_color = self._probe_glyph.glyph.fill_color = colours["acc"]

    def _colour_chart(self) -> None:
        colours = TOKENS[self.theme]
        style_axes(self._chart, self.theme)
        self._here_glyph.glyph.fill_color = colours["ink"]
        for name, token in SOLVER_COLOURS.items():
            self._curve_glyphs[name].glyph.line_color = colours[token]
            self._name_glyphs[name].glyph.text_color = colours[token]

    # --- what is computed --------------------------------------------------------------------------------------------

    def update(self, changed: frozenset[str]) -> None:
        """Recompute what the changed settings touch, and move the picture."""
        of_case = {"data_set", "flow", "batch", "seed"}
        if of_case & changed:
            batch = int(self.batch) if self.flow == "minibatch_transport" else 1
            self._case = _case(self.data_set, self.flow, batch, self.seed)
            self._draw_curves()
        if (of_case | {"num_steps", "solver"}) & changed:
            self._follow()
        if changed - {"show_field", "probe_x", "probe_y"}:
            self._draw_points(recolour=bool((of_case | {"mode"}) & changed))
            self._draw_paths()
        if (of_case | {"t", "show_field"}) & changed:
            self._draw_field()
        if (of_case | {"t", "mode", "show_paths", "probe_x", "probe_y"}) & changed:
            self._draw_probe()
        self.status = self._what_was_done()

    def _follow(self) -> None:
        """The points under the chosen solver, from the same noise as ever."""
        start = time.perf_counter()
        self._run = kernel.follow(self._case.flow.velocity, self._case.pairs.noise, self.num_steps, self.solver)
        self._run_ms = 1000 * (time.perf_counter() - start)
        self._end_error = kernel.end_error(self._run.states[-1], self._case.reference.end)
        mixture = kernel.DATA[self.data_set]
        self._within = kernel.fraction_within(self._run.states[-1], mixture.means, CENTRE_SDS * mixture.s)
        inside = CHART["y"][0] <= self._end_error <= CHART["y"][1]
        self._here.data = {"x": [float(self._run.nfe)] * inside, "y": [self._end_error] * inside}

    def _draw_curves(self) -> None:
        low, high = CHART["y"]
        for name, (nfe, error) in self._case.errors.items():
            inside = (error >= low) & (error <= high)
            self._curves[name].data = {"x": nfe[inside].astype(float), "y": error[inside]}

    def _what_was_done(self) -> str:
        case, each = self._case, f"{kernel.NUM_POINTS} points"
        if case.flow.trained_on is None:
            field = "exact velocity, float64"
        else:
            pairs = len(case.flow.trained_on.noise)
            field = f"velocity fitted to {pairs} pairs by local linear kernel regression in {case.fit_ms:.0f} ms"
        if self.mode != "flow":
            return f"{each} on the paths of their pairs, in closed form · beside it: {field}"
        plural = "step" if self.num_steps == 1 else "steps"
        return f"{each}, {self.num_steps} {self.solver.capitalize()} {plural} · {self._run_ms:.1f} ms · {field}"

    def _draw_points(self, recolour: bool) -> None:
        case = self._case
        if self.mode != "flow":
            x = kernel.conditional_point(case.pairs.noise, case.pairs.data, self.t, case.flow.path)
        else:
            x = self._run.at(self.t)
        moved = {"x": x[:, 0].astype(np.float32), "y": x[:, 1].astype(np.float32)}
        if recolour:
            moved["cluster"] = (case.towards if self.mode == "flow" else case.of_pair).astype(np.float32)
        self._points.data.update(moved)

    def _draw_paths(self) -> None:
        shown = self.show_paths and self.mode != "probe"
        self._paths_glyph.visible = shown
        if not shown:
            return
        case = self._case
        if self.mode == "pairs":
            start, end = kernel.conditional_paths(case.pairs, case.flow.path, PATH_POINTS)
            cluster = case.of_pair
        else:
            start, end = kernel.trails(self._run, self.t, PATH_POINTS)
            cluster = case.towards
        pieces = len(start) // PATH_POINTS
        colours = np.tile(cluster[:PATH_POINTS], pieces).astype(np.float32)
        self._paths.data = {**_segments(start, end), "cluster": colours}

    def _draw_field(self) -> None:
        self._field_glyph.visible = self.show_field
        if self.show_field:
            start = np.stack(np.meshgrid(FIELD, FIELD), axis=-1).reshape(-1, 2)
            velocity = self._case.flow.velocity(start, self.t)
            speed = np.linalg.norm(velocity, axis=1, keepdims=True)
            end = start + 0.85 * (FIELD[1] - FIELD[0]) * velocity / (speed + HALF_LENGTH_SPEED)
            self._field.data = _segments(start, end)

    def _draw_probe(self) -> None:
        shown = self.mode == "probe"
        for glyph in (self._arrows_glyph, self._mean_glyph, self._probe_glyph):
            glyph.visible = shown
        self._meeting_glyph.visible = shown and self.show_paths
        if not shown:
            return
        x = np.array([self.probe_x, self.probe_y])
        rng = np.random.default_rng([self.seed, len(kernel.FLOWS)])
        mixture, flow = kernel.DATA[self.data_set], self._case.flow
        self._met = met = kernel.meeting(mixture, flow, x, self.t, MEETING, rng)
        self._meeting.data = _segments(*kernel.conditional_paths(met.pairs, flow.path, MEETING))
        self._arrows.data = _segments(np.tile(x, (len(met.velocities), 1)), x + ARROW_TIME * met.velocities)
        self._mean.data = _segments(*_arrow(x, ARROW_TIME * met.mean))
        self._probe.data = {"x": [self.probe_x], "y": [self.probe_y]}

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """Time, evaluations and end error of the solver; measures of the flow on the points shown."""
        reference = self._case.reference
        pairs = kernel.transport_cost(self._case.pairs.noise, self._case.pairs.data)
        probe, spread = "–", "–"
        if self.mode == "probe":
            probe = f"({self._met.mean[0]:.2f}, {self._met.mean[1]:.2f})".replace("-", "−")
            spread = "–" if np.isnan(self._met.spread) else f"{self._met.spread:.2f}"
        return {
            "t": f"{self.t:.2f}",
            "nfe": f"{self._run.nfe}",
            "end_error": f"{self._end_error:.3g}",
            "straightness": f"{reference.straightness.value:.3g}",
            "straightness_true": f"{reference.straightness.error:.1g}",
            "detour": f"{reference.detour.value:.3f}",
            "detour_true": f"{reference.detour.error:.3f}",
            "cost": f"{reference.cost.value:.3f}",
            "cost_true": f"{pairs.value:.3f}",
            "within": f"{self._within:.3f}",
            "within_true": f"{self._case.within_true:.3f}",
            "probe": probe,
            "probe_true": spread,
        }

    def describe(self) -> str:
        """The picture in words."""
        case, reference = self._case, self._case.reference
        kind = "exact" if case.flow.exact else "fitted"
        name = self.flow.replace("_", " ")
        if self.flow == "minibatch_transport":
            name += f" in batches of {self.batch}"
        where = f"{name} to the {self.data_set.replace('_', ' ')} data ({kind} velocity, seed {self.seed})"
        if self.mode != "flow":
            what = f"{kernel.NUM_POINTS} points on the paths of their own pairs of {where}, at t = {self.t:.2f}."
        else:
            what = (
                f"{kernel.NUM_POINTS} points carried by the {where}, at t = {self.t:.2f}, in {self.num_steps}"
                f" {self.solver.capitalize()} steps."
            )
        words = (
            f"{what} The solver ({self.solver}, {self.num_steps} steps, {self._run.nfe} evaluations) ends"
            f" {self._end_error:.3g} units from the flow's own end, root mean square; {self._within:.0%} of its ends"
            f" lie within three standard deviations of a centre (true value {self._case.within_true:.0%})."
            f" Straightness S is {reference.straightness.value:.3f}, path length over distance"
            f" {reference.detour.value:.2f}."
        )
        if self.mode == "probe":
            words += (
                f" At the probe ({self.probe_x:.2f}, {self.probe_y:.2f}) the mean velocity is"
                f" ({self._met.mean[0]:.2f}, {self._met.mean[1]:.2f}), mean of {len(self._met.velocities)} drawn paths"
                f" and all others; they spread by {self._met.spread:.2f}."
            )
        return words

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Flow: from noise to data, played from t = 0."""
        self.t = 0.0
        self.playing = True

    def step(self) -> None:
        """On to the solver's next node."""
        node = int(self.t * self.num_steps + 1e-9) + 1
        self.param.update(playing=False, t=min(1.0, node / self.num_steps))

    def _tapped(self, event: Tap) -> None:
        if self.mode == "probe" and event.x is not None and event.y is not None:
            low, high = self.param.probe_x.bounds
            x, y = (round(float(np.clip(value, low, high)), 2) for value in (event.x, event.y))
            self.param.update(probe_x=x, probe_y=y)


def _segments(start: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a segment glyph from starts and ends (M, 2)."""
    columns = np.concatenate([start, end], axis=1).astype(np.float32)
    return {name: np.ascontiguousarray(columns[:, k]) for k, name in enumerate(("x", "y", "x1", "y1"))}


def _arrow(x: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An arrow from x (2,) along `vector` (2,) as three segments: shaft and two barbs."""
    tip, size = x + vector, np.hypot(*vector)
    back = -min(0.16, 0.4 * size) * vector / max(size, 1e-9)
    turned = np.array([-back[1], back[0]]) * 0.6
    return np.stack([x, tip, tip]), np.stack([tip, tip + back + turned, tip + back - turned])

"""Flow matching on its front panel: straight pairs, the flow they average to, and what straightens it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import param
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import FrontPanel
from diffusion_lab.instruments.common import couplings, flows
from diffusion_lab.instruments.common.flows import DIFFUSION
from diffusion_lab.instruments.common.metrics import fraction_within, fraction_within_truth, nearest
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers import flow as flow_samplers
from diffusion_lab.instruments.flow import kernel, pictures
from diffusion_lab.instruments.flow.panel import FRONT_PANEL

PATH_POINTS = 72  # points whose paths are drawn
MEETING = 24  # pairs drawn through the probe
LADDER = (1, 2, 4, 8, 16, 32, 64)  # steps in the chart
CENTRE_SDS = 3.0


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


@lru_cache(maxsize=12)  # a fitted field is 3 MB
def _case(data_set: str, name: str, batch_size: int, seed: int) -> _Case:
    """One flow, made and measured; kept, since readers go to and fro and a fit takes a while."""
    mixture = kernel.DATA[data_set]
    drawn = kernel.draw_pairs(mixture, kernel.NUM_POINTS, seeded(seed))
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
    rng = seeded([seed, kernel.FLOWS.index(name)])
    flow = kernel.make_flow(mixture, name, rng, batch_size=batch_size, previous=previous)
    fit_ms = 1000 * (time.perf_counter() - start)
    reference = kernel.reference_solution(flow.velocity, drawn.noise)
    errors = kernel.convergence(flow.velocity, drawn.noise, reference.end, LADDER)
    towards, of_pair = (nearest(x, mixture.means) for x in (reference.end, pairs.data))
    within_true = fraction_within_truth(mixture, CENTRE_SDS * mixture.s, 1.0, 0.0)
    return _Case(flow, pairs, reference, errors, towards, of_pair, within_true, fit_ms)


@lru_cache(maxsize=12)
def _diffusion_run(data_set: str, seed: int) -> kernel.Run:
    """The points whose paths are drawn, as diffusion's own flow carries them; its steps are short enough to be it."""
    mixture = kernel.DATA[data_set]
    noise = kernel.draw_pairs(mixture, kernel.NUM_POINTS, seeded(seed)).noise[:PATH_POINTS]
    flow = kernel.make_flow(mixture, "diffusion", seeded(seed))
    return kernel.solve(flow.velocity, noise, 64, "midpoint")


class FlowMatching(Instrument):
    """Noise carried to data: along straight lines pair by pair, or by the one flow that those lines average to."""

    title: ClassVar[str] = "Flow from noise to data"
    figure_extent: ClassVar[tuple[float, float]] = (pictures.EXTENT, pictures.EXTENT)

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
    show_diffusion = param.Boolean(
        default=False,
        label="Diffusion",
        doc="Where the same points have been on the diffusion path: under its exact flow, or pair by pair.",
    )
    probe_x = param.Number(
        default=0.2, bounds=(-3.0, 3.0), step=0.05, label="Probe across", doc="Where the probe lies, across."
    )
    probe_y = param.Number(
        default=0.9, bounds=(-3.0, 3.0), step=0.05, label="Probe up", doc="Where the probe lies, upwards."
    )

    front_panel: ClassVar[FrontPanel] = FRONT_PANEL
    editable = (
        flows.marginal_velocity,
        flow_samplers.flow_euler,
        flow_samplers.flow_heun,
        flow_samplers.flow_midpoint,
        flows.conditional_point,
        couplings.minibatch_couple,
    )
    chart_aspect: ClassVar[float] = 1.9

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Points over their paths over the field; the probe on top."""
        self._picture = pictures.Picture(self.theme)
        return self._picture.plot

    def make_chart(self) -> figure:
        """The end error of the three solvers on this flow, and where the picture's own stands."""
        self._chart = pictures.Chart(self.theme, self.chart_aspect)
        return self._chart.plot

    def restyle(self) -> None:
        """The same pictures in the theme's colours."""
        self._picture.restyle(self.theme)
        self._chart.restyle(self.theme)

    # --- what is computed --------------------------------------------------------------------------------------------

    def update(self, changed: frozenset[str]) -> None:
        """Recompute what the changed settings touch, and move the picture."""
        of_case = {"data_set", "flow", "batch", "seed"}
        if of_case & changed:
            batch = int(self.batch) if self.flow == "minibatch_transport" else 1
            self._case = _case(self.data_set, self.flow, batch, self.seed)
            self._chart.draw_curves(self._case.errors)
        if (of_case | {"num_steps", "solver"}) & changed:
            self._follow()
        if changed - {"show_field", "probe_x", "probe_y"}:
            self._draw_points(recolour=bool((of_case | {"mode"}) & changed))
            self._draw_paths()
        if (of_case | {"t", "mode", "show_diffusion"}) & changed:
            self._draw_diffusion()
        if self.show_field and (of_case | {"t", "show_field"}) & changed:
            self._picture.draw_field(self._case.flow.velocity, self.t)
        if self.mode == "probe" and changed - {"num_steps", "solver", "show_field"}:
            self._draw_probe()
        if {"mode", "show_paths", "show_field", "show_diffusion"} & changed:
            self._picture.show(
                probing=self.mode == "probe",
                paths=self.show_paths,
                field=self.show_field,
                diffusion=self.show_diffusion,
            )
        self.status = self._what_was_done()

    def _follow(self) -> None:
        """The points under the chosen solver, from the same noise as ever."""
        start = time.perf_counter()
        self._run = kernel.solve(self._case.flow.velocity, self._case.pairs.noise, self.num_steps, self.solver)
        self._run_ms = 1000 * (time.perf_counter() - start)
        self._end_error = kernel.end_error(self._run.states[-1], self._case.reference.end)
        mixture = kernel.DATA[self.data_set]
        self._within = fraction_within(self._run.states[-1], mixture.means, CENTRE_SDS * mixture.s)
        self._chart.draw_here(self._run.nfe, self._end_error)

    def _what_was_done(self) -> str:
        case, each = self._case, f"{kernel.NUM_POINTS} points"
        if case.flow.trained_on is None:
            field = "exact velocity, float64"
        else:
            pairs = len(case.flow.trained_on.noise)
            field = f"velocity fitted to {pairs} pairs by local linear kernel regression in {case.fit_ms:.0f} ms"
        if self.mode != "flow":
            return f"{each} on the paths of their pairs, in closed form · beside it: {field}"
        return f"{each}, {self._steps()} · {self._run_ms:.1f} ms · {field}"

    def _steps(self) -> str:
        """What the solver does, in words."""
        return f"{self.num_steps} {self.solver.capitalize()} step{'s' if self.num_steps > 1 else ''}"

    def _draw_points(self, recolour: bool) -> None:
        case = self._case
        if self.mode == "flow":
            self._x, cluster = self._run.at(self.t), case.towards
        else:
            self._x = flows.conditional_point(case.pairs.noise, case.pairs.data, self.t, case.flow.path)
            cluster = case.of_pair
        self._picture.draw_points(self._x, cluster if recolour else None)

    def _draw_paths(self) -> None:
        if not self.show_paths or self.mode == "probe":
            return
        case = self._case
        if self.mode == "pairs":
            ends, cluster = kernel.conditional_paths(case.pairs, case.flow.path, PATH_POINTS), case.of_pair
        else:
            ends, cluster = kernel.path_segments(self._run, self.t, PATH_POINTS), case.towards
        self._picture.draw_paths(*ends, cluster[:PATH_POINTS])

    def _draw_diffusion(self) -> None:
        if not self.show_diffusion or self.mode == "probe":
            return
        if self.mode == "pairs":
            ends = kernel.conditional_paths(self._case.pairs, DIFFUSION, PATH_POINTS)
        else:
            ends = kernel.path_segments(_diffusion_run(self.data_set, self.seed), self.t, PATH_POINTS)
        self._picture.draw_diffusion(*ends)

    def _draw_probe(self) -> None:
        x = np.array([self.probe_x, self.probe_y])
        rng = seeded([self.seed, len(kernel.FLOWS)])
        flow = self._case.flow
        self._met = met = kernel.pairs_through(kernel.DATA[self.data_set], flow, x, self.t, MEETING, rng)
        self._picture.draw_meeting(x, met, kernel.conditional_paths(met.pairs, flow.path, MEETING))

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """Time, evaluations and end error of the solver; measures of the flow on the points shown."""
        reference = self._case.reference
        pairs = flows.transport_cost(self._case.pairs.noise, self._case.pairs.data)
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
            what = f"{kernel.NUM_POINTS} points carried by the {where}, at t = {self.t:.2f}, in {self._steps()}."
        words = (
            f"{what} The solver ({self._steps()}, evaluations: {self._run.nfe}) ends"
            f" {self._end_error:.3g} units from the flow's own end, root mean square; {self._within:.0%} of its ends"
            f" lie within three standard deviations of a centre (true value {self._case.within_true:.0%})."
            f" Straightness S is {reference.straightness.value:.3f}, path length over distance"
            f" {reference.detour.value:.2f}."
        )
        if self.show_diffusion and self.mode != "probe":
            words += " Beside them, in grey, the paths of the same points by diffusion."
        if self.mode == "probe":
            met = self._met
            words += (
                f" At the probe ({self.probe_x:.2f}, {self.probe_y:.2f}) the mean velocity is"
                f" ({met.mean[0]:.2f}, {met.mean[1]:.2f})"
            )
            words += (
                f", mean of {len(met.velocities)} drawn paths and all others; they spread by {met.spread:.2f}."
                if len(met.velocities)
                else "; so near the end no paths are drawn."
            )
        return words

    def table(self) -> dict[str, np.ndarray]:
        """The points shown, with the two ends of each: the pair's, or of the flow as the solver follows it."""
        noise = self._case.pairs.noise
        if self.mode == "flow":
            data, cluster = self._run.states[-1], self._case.towards
        else:
            data, cluster = self._case.pairs.data, self._case.of_pair
        columns = {"x": self._x, "noise": noise, "end": data}
        named = {f"{name}_{axis}": x[:, k] for name, x in columns.items() for k, axis in enumerate("xy")}
        return {"x": named.pop("x_x"), "y": named.pop("x_y"), **named, "cluster": cluster}

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Flow: from noise to data, played from t = 0."""
        self.play_from_start()

    def step(self) -> None:
        """On to the solver's next node."""
        node = int(self.t * self.num_steps + 1e-9) + 1
        self.param.update(playing=False, t=min(1.0, node / self.num_steps))

"""Flow matching: straight pairs, the flow that they average to, and how to straighten it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from diffusion_lab.app.instrument import Handle, Instrument, Measure, Panel, Readout, Status, Transport  # isort: skip
from diffusion_lab.app.instrument import choice, computed, number, readings, seed, switch, whole  # isort: skip
from diffusion_lab.app.instrument.scenes import BY_PART, Arrows, Axes, Heat, Lines, Plane, Points  # isort: skip
from diffusion_lab.app.instrument.scenes import Segments, Texts, field_arrows, field_scale  # isort: skip
from diffusion_lab.instruments.common import couplings, flows
from diffusion_lab.instruments.common.metrics import Discrepancy, fraction_within, fraction_within_truth
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.flow import flow_euler, flow_heun, flow_midpoint, flow_sde_euler
from diffusion_lab.instruments.common.score_grid import grid_points, relative_density
from diffusion_lab.instruments.flow import kernel, words

PATH_POINTS, MEETING = 72, 24  # points whose paths are drawn, pairs drawn through the probe
EXTENT = 3.3  # half the width of the picture, in data units
FIELD = EXTENT * np.linspace(-0.93, 0.93, 17)  # where arrows of the field are drawn, along both axes
HALF_LENGTH_SPEED = 2.0  # the speed whose arrow is half as long as the longest
ARROW_TIME = 0.4  # velocities at the probe are drawn as the distance covered in this time
CELLS = 96  # of the shading of the data, along both axes
NOISE = np.stack([np.cos(ANGLES := np.linspace(0, 2 * np.pi, 73)), np.sin(ANGLES)], axis=1)  # the unit circle
LADDER = (1, 2, 4, 8, 16, 32, 64)  # steps in the chart
DISTANCES = (0.015, 0.9)  # distances that it can hold
LINE = 1.6  # ratio of two of them that are a line of text apart
ERRORS = (2.5e-4, 90.0)  # end errors that the chart can hold, in units
CENTRE_SDS = 3.0
REFLOW_OF = {"reflow_once": "rectified_flow", "reflow_twice": "reflow_once"}
MOVING, PROBING, BESIDE = {"view": ("pairs", "flow", "both")}, {"view": "probe"}, {"view": "both"}
CAPTION = [(-0.96 * EXTENT, 0.95 * EXTENT)]
SDE = {"flow": kernel.EXACT_FLOWS, "solver": "euler"}  # where noise can be added: the score is known


def _flow(name: str) -> Any:
    """The result that computes the flow `name`; a reflow reads the previous flow."""

    def make(self: FlowMatching) -> Any:
        mixture, rng = kernel.DATA[self.data_set], seeded([self.seed, kernel.FLOWS.index(name)])
        return (yield from kernel.make_flow.work(mixture, name, rng, **self._made_from(name)))

    return computed(work=True, keep=4, unit="steps")(make)  # a fitted field is 3 MB


class FlowMatching(Instrument):
    """Noise moved to data: along a straight line for each pair, or by the one flow that these lines average to."""

    title: ClassVar[str] = "Flow from noise to data"
    question = "Why are straight pairs not straight paths, and what straightens them?"
    editable = (
        flows.marginal_velocity, flow_euler, flow_heun, flow_midpoint,
        flows.conditional_point, couplings.minibatch_couple, flows.score_of_velocity, flow_sde_euler,
    )  # fmt: skip

    # fmt: off
    view = choice(("pairs", "flow", "both", "probe"), "flow", "Picture", style="row",
        doc="Points on the paths of their pairs; points moved by the velocity field; both side by side; or paths that"
        " meet at one place.")
    flow = choice(kernel.FLOWS, "rectified_flow", "Flow",
        "Exact: rectified flow, diffusion. Fitted to pairs when chosen: minibatch transport, reflow.")
    batch_size = choice(("4", "16", "64"), "16", "Batch size", when={"flow": "minibatch_transport"},
        doc="Noise and data are paired by optimal assignment within batches of this many.")
    data_set = choice(tuple(kernel.DATA), "ring", "Data", "The Gaussian mixture to be reached at t = 1.")
    t = number(0.85, 0.0, 1.0, 0.01, "Time", "From noise at 0 to data at 1.", symbol="t", ends=("noise", "data"))
    num_steps = whole(16, 1, 64, "Steps", "Equal steps that the solver takes from t = 0 to t = 1.")
    solver = choice(kernel.SOLVERS, "euler", "Solver", style="row",
        doc="Euler evaluates the velocity once a step; Heun and midpoint twice.")
    sde_sigma = number(0, 0, 2, 0.05, "Fresh noise", "Noise of the SDE that has the same density as the flow at every"
        " t; 0 is the flow itself. For exact flows, by Euler's steps.", symbol="σ", when=SDE)
    chart_shows = choice({"end_error": "End error", "distance": "Distance by σ"}, "end_error", "Chart", style="row",
        doc="Error of the flow's ends against evaluations; or distance of the SDE's ends from the data against σ.")
    seed = seed(4, "The same seed gives the same noise, data and fits.")
    show_paths = switch(True, "Paths",
        "In Flow, the paths of 72 points so far; in Pairs, the paths of 72 pairs; in Probe, those through the probe.")
    show_field = switch(False, "Field", "Arrows along the flow's velocity at this time; length grows with speed.")
    show_diffusion = switch(False, "Diffusion",
        "The paths of the same points by diffusion: under its exact flow or, in Pairs, of each pair.")
    probe_x = number(0.2, -3.0, 3.0, 0.05, "Probe across", "Where the probe lies, across.", when=PROBING)
    probe_y = number(0.9, -3.0, 3.0, 0.05, "Probe up", "Where the probe lies, upwards.", when=PROBING)

    panel = Panel(
        Transport("Flow", plays="t", seconds=5), frames="t",
        readouts=(
            Readout("t", "t", ".2f"), Readout("nfe", "evaluations", "d"), Readout("end_error", "end error", ".3g"),
        ),
        measures=(
            Measure("straightness", "straightness S of the flow", ".3g", "±", ".1g",
                "0 if all points move on straight lines at constant speed; with its Monte-Carlo standard error."),
            Measure("detour", "path length ÷ distance", ".3f", "±",
                doc="1 if all paths are straight, at any speed; with its Monte-Carlo standard error."),
            Measure("cost", "transport cost", ".3f", "pairs",
                doc="Mean squared distance from noise to data under the flow, beside that of the pairs it is made of."),
            Measure("within", "ends within 3σ of a centre", ".3f",
                doc="Share of the solver's end points within 3 standard deviations of a cluster's centre."),
            Measure("distance", "distance to the exact density", ".3f", "chance",
                when={"view": ("flow", "both", "probe")},
                doc="Maximum mean discrepancy (Gaussian kernel, width 0.5) between the points at the solver's last step"
                " up to t and the exact density, beside its value for as many perfect draws. Fitted flows: at t = 1."),
            Measure("probe", "velocity at the probe", ".2f", "spread", when=PROBING,
                doc="The flow's velocity there, beside the root mean square distance of single velocities from it."),
        ),
        pads=(Handle("probe_x", "probe_y", "Probe", PROBING),),
    )

    plane = Plane(
        EXTENT,
        Heat("target", "ink", strongest=0.16, legend="density of the data"),
        Lines("noise", "mute", width=1, alpha=0.8, dash=(2, 4), legend="noise: 1 and 2 standard deviations"),
        Arrows("field", "field", width=1, head=0.1, when="show_field", legend="velocity of the flow",
            scale=field_scale(FIELD, 4, HALF_LENGTH_SPEED)),
        Segments("diffusion", "mute", alpha=0.5, when={"show_diffusion": True} | MOVING, legend="paths of diffusion"),
        Segments("paths", BY_PART, alpha=0.55, when={"show_paths": True} | MOVING, legend="paths"),
        Segments("meeting", "field", when={"show_paths": True} | PROBING, legend="paths that meet at the probe"),
        Points("starts", "mute", size=3.5, when="show_paths", legend="where they start, in noise"),
        Points("goals", "ink", size=3.5, when={"show_paths": True, "view": ("pairs", "probe")}, legend="and end"),
        Points("points", BY_PART, legend="points, each in the colour of the cluster it goes to"),
        Arrows("velocities", "ink", alpha=0.8, head=0.1, when=PROBING, legend="velocities there",
            scale=(ARROW_TIME, "1")),
        Arrows("mean", "acc", width=3, when=PROBING, legend="their mean"),
        Texts("caption", "mute", size="13px", align="left", when=BESIDE),
    )
    beside = Plane(
        EXTENT,
        Heat("target", "ink", strongest=0.16),
        Lines("noise", "mute", width=1, alpha=0.8, dash=(2, 4)),
        Segments("paths", BY_PART, alpha=0.55, when="show_paths"),
        Points("starts", "mute", size=3.5, when="show_paths"),
        Points("points", BY_PART),
        Texts("caption", "mute", size="13px", align="left"),
        when=BESIDE,
    )
    chart = Axes(
        "End error against evaluations of the velocity",
        *(Lines(solver, f"c{k}") for k, solver in enumerate(kernel.SOLVERS)),
        Texts("names", BY_PART, size="12px", align="left"),
        Points("here", "ink", size=9, alpha=1.0),
        x=(0.8, 160.0), y=ERRORS, log="xy", ticks={"x": (1, 10, 100), "y": (0.001, 0.01, 0.1, 1, 10)}, aspect=1.9,
        x_label="evaluations", y_label="end error", when={"chart_shows": "end_error"},
    )
    sde_chart = Axes(
        "Distance of the ends from the data against σ",
        Lines("chance", "mute", width=1, dash=(4, 3), legend="perfect draws"),
        *(Lines(f"steps_{steps}", f"c{k}") for k, steps in enumerate(kernel.SDE_STEPS)),
        Texts("names", BY_PART, size="12px", align="left"),
        Points("here", "ink", size=9, alpha=1.0),
        x=(-0.05, 2.75), y=DISTANCES, log="y", ticks={"x": (0, 0.5, 1, 1.5, 2), "y": (0.02, 0.05, 0.1, 0.2, 0.5)},
        aspect=1.9, x_label="fresh noise σ", y_label="distance", when={"chart_shows": "distance"},
    )
    # fmt: on

    # --- what is computed --------------------------------------------------------------------------------------------

    rectified_flow, minibatch_transport, reflow_once, reflow_twice, diffusion = map(_flow, kernel.FLOWS)

    def _made_from(self, name: str) -> dict[str, Any]:
        """The kernel's options that a flow depends on, besides data and noise."""
        if name in REFLOW_OF:
            return {"previous": getattr(self, REFLOW_OF[name])}
        return {"batch_size": int(self.batch_size)} if name == "minibatch_transport" else {}

    @computed(work=True, keep=8, unit="steps")
    def case(self) -> Any:
        """The flow, its pairs, reference and errors: everything that does not depend on the solver."""
        mixture, flow = kernel.DATA[self.data_set], getattr(self, self.flow)
        drawn = kernel.draw_pairs(mixture, kernel.NUM_POINTS, seeded(self.seed))
        return (yield from kernel.measure.work(mixture, flow, drawn, LADDER, **self._made_from(self.flow)))

    @property
    def noisy(self) -> bool:
        """Whether the points follow the SDE: its noise has an effect here and is not 0."""
        return self.flow in kernel.EXACT_FLOWS and self.solver == "euler" and self.sde_sigma > 0

    @computed
    def run_of_solver(self) -> kernel.Run:
        """The points under the chosen solver, from the same noise for all solvers; or under the SDE."""
        if self.noisy:
            noise = kernel.sde_noise(self.seed)
            return kernel.solve_sde(self.case.flow, self.case.pairs.noise, self.num_steps, self.sde_sigma, noise)
        return kernel.solve(self.case.flow.velocity, self.case.pairs.noise, self.num_steps, self.solver)

    @computed
    def node(self) -> int:
        """The solver's last node up to t. What depends on the node alone is not computed again between two nodes."""
        return self.run_of_solver.node(self.t)

    @computed
    def distance(self) -> Discrepancy | None:
        """Distance of the points at that node from the exact density there; of a fitted flow only the last is known."""
        if not self.case.flow.exact and self.node < self.num_steps:
            return None
        return self._distance(self.node)

    @computed
    def end_distance(self) -> Discrepancy:
        """Distance of the solver's ends from the data."""
        return self._distance(self.num_steps)

    def _distance(self, node: int) -> Discrepancy:
        mixture, path = kernel.DATA[self.data_set], self.case.flow.path
        return kernel.distance_from_marginal(mixture, path, self.run_of_solver, node)

    @computed(work=True, keep=4, unit="runs")
    def curves(self) -> Any:
        """Distances of the SDE's ends from the data, (steps, sigmas), for the chart; None for a fitted flow."""
        mixture, flow, noise = kernel.DATA[self.data_set], self.case.flow, self.case.pairs.noise
        if not flow.exact:
            return None
        return (yield from kernel.distances.work(mixture, flow, noise, kernel.SDE_STEPS, kernel.SIGMAS, self.seed))

    @computed
    def ends(self) -> tuple[float, float, float]:
        """The solver's end error; the shares of its ends, and of the data, near a centre."""
        mixture, end = kernel.DATA[self.data_set], self.run_of_solver.states[-1]
        radius = CENTRE_SDS * mixture.s
        within = fraction_within(end, mixture.means, radius)
        within_true = fraction_within_truth(mixture, radius, 1.0, 0.0)
        return kernel.end_error(end, self.case.reference.end), within, within_true

    @computed
    def shown(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 2) at t, carried by the flow or on the paths of their pairs, and the cluster (N,) of each."""
        case = self.case
        if self.view == "flow":
            return self.carried
        return flows.conditional_point(case.pairs.noise, case.pairs.data, self.t, case.flow.path), case.pair_cluster

    @computed
    def carried(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 2) at t under the solver, and the cluster (N,) where each ends."""
        run, case = self.run_of_solver, self.case
        if self.noisy:
            return run.at(self.t), kernel.nearest(run.states[-1], kernel.DATA[self.data_set].means)
        return run.at(self.t), case.end_cluster

    @computed(keep=4)
    def diffusion_run(self) -> kernel.Run:
        """The drawn points, moved by the flow of diffusion in steps so short that the solver's error is invisible."""
        return kernel.solve(self.diffusion.velocity, self.case.pairs.noise[:PATH_POINTS], 64, "midpoint")

    @computed
    def met(self) -> kernel.Meeting:
        """The paths and velocities that meet at the probe."""
        at, rng = (self.probe_x, self.probe_y), seeded([self.seed, len(kernel.FLOWS)])
        return kernel.pairs_through(kernel.DATA[self.data_set], self.case.flow, at, self.t, MEETING, rng)

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @plane.layer("points")
    def _draw_points(self) -> dict[str, Any]:
        x, cluster = self.shown
        return {"x": x, "part": cluster}

    @plane.layer("paths")
    def _draw_paths(self) -> dict[str, Any]:
        case = self.case
        if self.view == "flow":
            return self._carried_paths()
        start, end = kernel.conditional_paths(case.pairs, case.flow.path, PATH_POINTS)
        return {"start": start, "end": end, "part": case.pair_cluster[:PATH_POINTS]}

    def _carried_paths(self) -> dict[str, Any]:
        start, end = kernel.path_segments(self.run_of_solver, self.t, PATH_POINTS)
        return {"start": start, "end": end, "part": self.carried[1][:PATH_POINTS]}

    @beside.layer("points", "paths", "starts", "caption")
    def _draw_beside(self) -> Iterator[dict[str, Any]]:
        x, cluster = self.carried
        yield {"x": x, "part": cluster}
        yield self._carried_paths()
        yield {"x": self.case.pairs.noise[:PATH_POINTS]}
        yield {"at": CAPTION, "text": ["under the SDE" if self.noisy else "under the mean velocity"]}

    @plane.layer("caption")
    def _draw_caption(self) -> dict[str, Any]:
        return {"at": CAPTION, "text": ["each on the path of its pair"]}

    @beside.layer("target", "noise")
    @plane.layer("target", "noise")
    def _draw_ends_of_time(self) -> Iterator[dict[str, Any]]:
        yield {"image": relative_density(kernel.DATA[self.data_set], grid_points(EXTENT, CELLS)).reshape(CELLS, CELLS)}
        yield {"paths": NOISE[:, None] * np.array([1.0, 2.0])[None, :, None]}

    @plane.layer("starts", "goals")
    def _draw_ends_of_paths(self) -> list[dict[str, Any]]:
        pairs = self.met.pairs if self.view == "probe" else self.case.pairs
        return [{"x": x[: MEETING if self.view == "probe" else PATH_POINTS]} for x in (pairs.noise, pairs.data)]

    @plane.layer("diffusion")
    def _draw_diffusion(self) -> dict[str, Any]:
        if self.view == "flow":
            start, end = kernel.path_segments(self.diffusion_run, self.t, PATH_POINTS)
        else:
            start, end = kernel.conditional_paths(self.case.pairs, flows.DIFFUSION, PATH_POINTS)
        return {"start": start, "end": end}

    @plane.layer("field")
    def _draw_field(self) -> dict[str, Any]:
        nodes = np.stack(np.meshgrid(FIELD, FIELD), axis=-1).reshape(-1, 2)
        return field_arrows(FIELD, self.case.flow.velocity(nodes, self.t), HALF_LENGTH_SPEED)

    @plane.layer("meeting", "velocities", "mean")
    def _draw_meeting(self) -> Iterator[dict[str, Any]]:
        start, end = kernel.conditional_paths(self.met.pairs, self.case.flow.path, MEETING)
        at = self.probe_x, self.probe_y
        yield {"start": start, "end": end}
        yield {"at": at, "along": ARROW_TIME * self.met.velocities}
        yield {"at": at, "along": ARROW_TIME * self.met.mean[None]}

    @chart.layer(*kernel.SOLVERS, "names")
    def _draw_errors(self) -> Iterator[dict[str, Any]]:
        for solver in kernel.SOLVERS:
            nfe, error = self.case.errors[solver]
            inside = (error >= ERRORS[0]) & (error <= ERRORS[1])
            yield {"x": nfe[inside], "y": error[inside]}
        places = [(1.0, 1.25e-2 / 3.4**k) for k in range(len(kernel.SOLVERS))]
        yield {"at": places, "text": map(str.capitalize, kernel.SOLVERS), "part": range(len(kernel.SOLVERS))}

    @chart.layer("here")
    def _draw_here(self) -> dict[str, Any] | None:
        error = self.ends[0]
        inside = not self.noisy and ERRORS[0] <= error <= ERRORS[1]
        return {"x": [(self.run_of_solver.nfe, error)]} if inside else None

    @sde_chart.layer("chance", *(f"steps_{steps}" for steps in kernel.SDE_STEPS), "names")
    def _draw_distances(self) -> Iterator[dict[str, Any] | None]:
        if self.curves is None:
            yield from [None] * (len(kernel.SDE_STEPS) + 1)
            yield {"at": [(0, 0.1)], "text": ["A fitted velocity gives no score."], "part": [-1]}
            return
        steps = range(len(kernel.SDE_STEPS))
        curves = np.clip(self.curves, *DISTANCES)
        yield {"x": kernel.SIGMAS[[0, -1]], "y": np.full(2, self.end_distance.expected)}
        for curve in curves:
            yield {"x": kernel.SIGMAS, "y": curve}
        heights = accumulate(curves[:, -1], lambda above, own: min(own, above / LINE))
        yield {
            "at": [(kernel.SIGMAS[-1] + 0.06, height) for height in heights],
            "text": [f"{kernel.SDE_STEPS[k]} steps" for k in steps],
            "part": steps,
        }

    @sde_chart.layer("here")
    def _draw_strength(self) -> dict[str, Any] | None:
        """At the solver's distance, which without noise is that of the flow: also for Heun and midpoint."""
        if not self.case.flow.exact:
            return None
        distance = float(np.clip(self.end_distance.distance, *DISTANCES))
        return {"x": [(self.sde_sigma if self.noisy else 0.0, distance)]}

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def _of_moment(self) -> dict[str, Any]:
        if self.view != "probe":
            return {"t": self.t, "probe": None}
        spread = None if np.isnan(self.met.spread) else self.met.spread  # of no paths there is none
        return {"t": self.t, "probe": (self.met.mean, spread)}

    @readings
    def _of_points(self) -> dict[str, Any]:
        """Apart from the moment's, which need no solver: they follow t while a flow is fitted."""
        found = self.distance
        return {"distance": (found.distance, found.expected) if found else None}

    @readings
    def _of_flow(self) -> dict[str, Any]:
        reference, pairs, (end_error, *within) = self.case.reference, self.case.pairs, self.ends
        estimates = {"straightness": reference.straightness, "detour": reference.detour}
        return {
            "nfe": self.run_of_solver.nfe, "end_error": None if self.noisy else end_error, "within": tuple(within),
            **{key: (estimate.value, estimate.error) for key, estimate in estimates.items()},
            "cost": (reference.cost.value, flows.transport_cost(pairs.noise, pairs.data).value),
        }  # fmt: skip

    def status(self) -> Status:
        """The solver's work, or that pairs need none; how exact the velocity is, and the time of a fit."""
        points, field = f"{kernel.NUM_POINTS} points", "exact velocity, float64"
        if (pairs := self.case.flow.trained_on) is not None:
            took = f"in {self._graph.milliseconds(self.flow):.0f} ms"
            field = f"velocity fitted to {len(pairs.noise)} pairs by local linear kernel regression {took}"
        if self.view in ("flow", "both"):
            return Status(f"{points}, {words.steps(self)}", field, timed=("run_of_solver",))
        return Status(f"{points} on the paths of their pairs, in closed form", f"beside it: {field}")

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self)

    def table(self) -> dict[str, np.ndarray]:
        """The points shown, with the two ends of each: of its pair, or of its path under the solver."""
        (x, cluster), pairs = self.shown, self.case.pairs
        end = self.run_of_solver.states[-1] if self.view == "flow" else pairs.data
        named = {"": x, "noise_": pairs.noise, "end_": end}
        if self.view == "both":
            named["flow_"] = self.carried[0]
        columns = {f"{name}{axis}": part[:, k] for name, part in named.items() for k, axis in enumerate("xy")}
        return columns | {"cluster": cluster}

    def run(self) -> None:
        """Plays the flow from noise, whatever was shown; beside the pairs where both are."""
        self.play_from_start(view="both" if self.view == "both" else "flow")

    def step(self) -> None:
        """Advances to the solver's next node."""
        node = int(self.t * self.num_steps + 1e-9) + 1
        self.param.update(playing=False, t=min(1.0, node / self.num_steps))

"""Samplers raced on one exact score, looked into one by one, and broken in the ways that are famous."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Instrument, Measure, Panel, Readout, Status, Tap, Transport,
    choice, computed, number, readings, seed, switch, whole,
)  # fmt: skip
from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.samplers import ddim, ddpm, deis, dpm_solver, edm, ode, unipc
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.samplers import charts, faults, kernel, views, words
from diffusion_lab.instruments.samplers.faults import FAULTS
from diffusion_lab.instruments.samplers.kernel import METHODS

PLACES = 121  # noises on an arc
LADDER = (4, 6, 8, 12, 16, 32, 64)  # evaluations in the chart of errors
FAULT_LADDER = (4, 6, 8, 10, 14, 20, 30, 50)  # steps in the chart of faults
MANY = 2000  # points on a line, and of the faults
WITHOUT_NOISE, WITH_NOISE = "ddim", "ddpm"  # beside a sampler of the other kind

Work = Generator[Any, None, Any]  # long work, in slices
RACED = charts.RACED
PAIRS = {"over_time": "on_a_line", "interpolation": "from_arc", "faults": "broken"}  # view → its two runs
SETS = {"view": ("race", "paths", "interpolation")}
TUNED = {"view": ("race", "paths", "over_time", "interpolation")}


def _run(name: str) -> Any:
    """The result that computes a run of the sampler `name` on the data set."""

    def make(self: "Samplers") -> Work:
        states = kernel.states(self.data.mixture, name, self.noise, self.nfe, self.choices, self.seed)
        taken = []
        for state in states:
            taken.append(state)
            yield state.nfe, self.nfe
        return Trajectory.of(taken)

    return computed(work=True, keep=3, unit="evaluations")(make)


# fmt: off
class Samplers(Instrument):
    """Eight samplers from the same noise, on one exact score, with the same budget of evaluations."""

    title = "Comparing samplers"
    question = "Which sampler gets from noise to data with the fewest evaluations, and how can each go wrong?"
    editable = (
        ddim.ddim, ddpm.ddpm, ode.slope, ode.heun_step, dpm_solver.dpm_solver_pp_2m, deis.weights, unipc.corrected,
        edm.edm_stochastic, kernel.spherical, faults.step_from_a_formula, faults.noise_at_zero_snr,
        faults.guidance_scales_mixed_up,
    )

    view = choice({"race": "All samplers", "paths": "One sampler", "over_time": "1-D over time",
        "interpolation": "Interpolation", "faults": "Famous faults"}, "race", "Picture",
        "All samplers side by side; one with its paths; paths on a line; between two noises; or published faults.")
    nfe = whole(10, 4, 64, "Evaluations", step=2, symbol="NFE",
        doc="How often each sampler may ask the network, per point. Heun and EDM ask twice a step.")
    progress = number(1.0, 0, 1, 0.005, "Progress of the run", ends=("noise", "data"),
        doc="Share of the steps that are done: 0 is pure noise, 1 the finished sample.")
    sampler = choice({name: method.label for name, method in METHODS.items()}, "dpm_solver_pp_2m", "Sampler",
        "The sampler that is looked into and marked in the chart.", when=TUNED)
    fault = choice({name: fault.label for name, fault in FAULTS.items()}, "step_from_a_formula", "Fault",
        "A published fault, beside the right way.", when={"view": "faults"})
    data_set = choice(list(datasets.DATA_SETS), "ring", "Data", "The data whose score all samplers use.", when=SETS)
    chart_shows = choice({"end": "Distance to exact ends", "law": "Distance to the exact density"}, "end", "Chart",
        "How far points end from where the exact ODE takes them, or how far the cloud is from the exact density.",
        when=RACED)
    interpolation = choice({"spherical": "Spherical", "linear": "Straight"}, "spherical", "Between the noises",
        "On an arc about the origin, or on the straight line.", style="row", when={"view": "interpolation"})
    fresh_noise = choice({"one": "The same everywhere", "many": "Fresh at each place"}, "many", "Noise of the sampler",
        "Whether a sampler with fresh noise draws it once for all places, or for each.", when={"view": "interpolation"})
    spacing = choice({"karras": "Karras", "uniform_log_snr": "Even in log SNR", "linear": "Linear schedule",
        "cosine": "Cosine schedule"}, "karras", "Noise levels", "How levels are spaced from σ = 80 to 0.02.",
        when=TUNED, folded=True)
    rho = number(7.0, 1, 10, 0.5, "Bend of the spacing", "A high ρ puts more of Karras' levels near the data.",
        symbol="ρ", when=TUNED | {"spacing": "karras"}, folded=True)
    variable = choice({"log_alpha_bar": "log ᾱ (VP)", "sigma": "σ (EDM)"}, "log_alpha_bar", "Euler and Heun step in",
        "The variable in which Euler's and Heun's methods solve the ODE. In σ Euler's is DDIM.",
        when=TUNED, folded=True)
    solver = choice({"heun": "Heun's correction", "euler": "Euler alone"}, "heun", "EDM's solver",
        "Whether EDM's sampler corrects each step by a second evaluation.", when=TUNED, folded=True)
    churn = number(40.0, 0, 80, 1, "EDM's fresh noise",
        "S_churn: 0 adds none, and EDM's sampler is Heun's method in σ.", symbol="S", when=TUNED, folded=True)
    seed = seed(4, "The same seed gives the same noise.")
    show_paths = switch(True, "Paths", "Where some of the points have been.", when={"view": "paths"})
    show_ends = switch(True, "Exact ends", "Where the exact ODE takes the same noise.", when={"view": "paths"})

    panel = Panel(
        Transport("Sample", plays="progress", seconds=5), frames="progress", main=("view", "nfe", "sampler", "fault"),
        readouts=(Readout("nfe", "evaluations", "d"), Readout("steps", "steps", "d"), Readout("sigma", "σ", ".3g")),
        measures=(
            Measure("end_error", "distance to exact ends", ".3g", "DDIM", when=RACED,
                doc="Root mean square distance from where the exact ODE takes the same noise; none with fresh noise."),
            Measure("law_error", "distance to the exact density", ".3f", "perfect draw", when=RACED,
                doc="Maximum mean discrepancy (Gaussian kernel, width 0.5) of 600 points from the exact density."),
            Measure("upper", "share that ends above 0", ".3f", "fresh noise", when={"view": "over_time"},
                doc="Of 2000 points, without fresh noise and with it; exactly 0.700."),
            Measure("jump", "largest jump between neighbours", ".3g", "fresh noise", when={"view": "interpolation"},
                doc=f"Among the ends of {PLACES} noises, without fresh noise and with it."),
            Measure("damage", "distance to the exact density", ".3f", "right way", when={"view": "faults"},
                doc="Maximum mean discrepancy from the exact density, with the fault and without; by chance 0.013."),
            Measure("far", "share of the far cluster", ".3f", "right way", when={"view": "faults"},
                doc="With the fault and without; the exact share stands in the picture."),
            Measure("spread", "spread within a cluster", ".3f", "right way", when={"view": "faults"},
                doc="Root mean square distance from the nearest centre per axis; in the data 0.050."),
        ),
        pads=(Tap("Open one sampler", when={"view": "race"}),),
    )

    race, paths = charts.race(), charts.paths()
    without_noise, with_noise = map(charts.over_time, ("Without fresh noise (ODE)", "With fresh noise (SDE)"))
    smooth, scattered = map(charts.ends_of_arc, ("Without fresh noise", "With fresh noise"))
    right, wrong = map(charts.cloud, ("The right way", "With the fault"))
    errors, histogram, along, damage = charts.errors(), charts.histogram(), charts.along(), charts.damage()
    # fmt: on

    # --- what is computed --------------------------------------------------------------------------------------------

    @computed(keep=6)
    def data(self) -> datasets.DataSet:
        """The data set."""
        return datasets.DATA_SETS[self.data_set]()

    @computed
    def noise(self) -> np.ndarray:
        """Where all runs start, (N, 2)."""
        return kernel.noise(self.seed)

    @computed
    def choices(self) -> kernel.Choices:
        """EDM's design choices."""
        return kernel.Choices(self.spacing, self.rho, self.variable, self.churn, self.solver)

    ddpm, ddim, ode_euler, ode_heun, deis, dpm_solver_pp_2m, unipc, edm_stochastic = map(_run, METHODS)

    @computed(work=True, keep=6, unit="steps")
    def reference(self) -> Work:
        """Where the exact ODE takes the same noise, (N, 2)."""
        return (yield from kernel.reference_ends.work(self.data.mixture, self.noise))

    @computed
    def parts(self) -> np.ndarray:
        """The part of the data where the exact ODE takes each point, (N,)."""
        return self.data.part[nearest(self.reference, self.data.mixture.means)]

    def _parts_of(self, name: str) -> np.ndarray:
        """Colours of a sampler's points: of the exact end, or where it adds fresh noise, of its own end."""
        if not METHODS[name].stochastic:
            return self.parts
        return self.data.part[nearest(getattr(self, name).x[-1], self.data.mixture.means)]

    @computed
    def laws(self) -> dict[str, float]:
        """The distance of every sampler's points to the law."""
        return {name: kernel.law_error(getattr(self, name).x[-1], self.data.mixture).distance for name in METHODS}

    @computed
    def ends(self) -> tuple[float | None, float, float, float]:
        """The chosen sampler's end error, distance to the exact density and its chance value; and DDIM's end error."""
        end, mixture = getattr(self, self.sampler).x[-1], self.data.mixture
        law, exact = kernel.law_error(end, mixture), self.reference
        own = None if METHODS[self.sampler].stochastic else kernel.end_error(end, exact)
        return own, law.distance, law.expected, kernel.end_error(self.ddim.x[-1], exact)

    @computed(work=True, background=True, keep=4, unit="evaluations")
    def curves(self) -> Work:
        """Errors of all samplers at every budget of the chart."""
        mixture, x, reference = self.data.mixture, self.noise, self.reference
        return (yield from kernel.error_curves.work(mixture, x, reference, self.choices, self.seed, LADDER))

    @property
    def pair(self) -> tuple[str, str]:
        """A sampler without fresh noise and one with it: the chosen one, and one of the other kind beside it."""
        fresh = METHODS[self.sampler].stochastic
        return (WITHOUT_NOISE, self.sampler) if fresh else (self.sampler, WITH_NOISE)

    @computed
    def on_a_line(self) -> tuple[Trajectory, Trajectory]:
        """Runs of the pair on the data of the line, from the same noise."""
        x = kernel.noise(self.seed, MANY, 1)
        run = lambda name: kernel.states(kernel.LINE, name, x, self.nfe, self.choices, self.seed)  # noqa: E731
        return tuple(Trajectory.of(run(name)) for name in self.pair)

    @computed
    def arc(self) -> np.ndarray:
        """Noises on the way from one to another, (M, 2)."""
        return kernel.between(self.seed, PLACES, self.interpolation)

    @computed
    def from_arc(self) -> tuple[Trajectory, Trajectory]:
        """Runs of the pair from these noises."""
        one, mixture = self.fresh_noise == "one", self.data.mixture
        run = lambda name: kernel.states(mixture, name, self.arc, self.nfe, self.choices, self.seed, one)  # noqa: E731
        return tuple(Trajectory.of(run(name)) for name in self.pair)

    @computed(keep=4)
    def broken(self) -> tuple[Trajectory, Trajectory]:
        """Runs the right way and with the fault."""
        x = kernel.noise(self.seed, MANY)
        return tuple(Trajectory.of(faults.run(self.fault, x, self.nfe, faulty)) for faulty in (False, True))

    @computed(work=True, keep=8, unit="steps")
    def damages(self) -> Work:
        """Distances to the exact density at every number of steps of the chart, right and with the fault: (B, 2)."""
        return (yield from faults.damages.work(self.fault, kernel.noise(self.seed, MANY), FAULT_LADDER))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @race.layer("target")
    def _(self) -> dict[str, Any]:
        return views.shaded_cells(self.data.mixture)

    @race.layer("frames", "chosen", "names")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.frames(list(METHODS).index(self.sampler), [method.label for method in METHODS.values()])

    @race.layer("points")
    def _(self) -> dict[str, Any]:
        return views.cells([(getattr(self, name), self._parts_of(name)) for name in METHODS], self.progress)

    @race.layer("errors")
    def _(self) -> dict[str, Any]:
        return views.distances([f"{law:.3f}" for law in self.laws.values()])

    @paths.layer("target")
    def _(self) -> dict[str, Any]:
        return views.shaded(self.data.mixture, self.paths)

    @smooth.layer("target")
    @scattered.layer("target")
    def _(self) -> dict[str, Any]:
        return views.shaded(self.data.mixture, self.smooth)

    @paths.layer("points", "paths", "exact", "gaps")
    def _(self) -> Iterator[dict[str, Any]]:
        reference = None if METHODS[self.sampler].stochastic else self.reference
        run, part = getattr(self, self.sampler), self._parts_of(self.sampler)
        return views.one(run, self.progress, part, reference, self.paths)

    @without_noise.layer("density")
    def _(self) -> dict[str, Any]:
        return {"image": views.density_over_time(kernel.LINE, self.on_a_line[0].levels, *self.without_noise.y)}

    @with_noise.layer("density")
    def _(self) -> dict[str, Any]:
        return {"image": views.density_over_time(kernel.LINE, self.on_a_line[1].levels, *self.with_noise.y)}

    @without_noise.layer("paths", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.over_time(self.on_a_line[0], self.progress, METHODS[self.pair[0]].label, self.without_noise)

    @with_noise.layer("paths", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.over_time(self.on_a_line[1], self.progress, METHODS[self.pair[1]].label, self.with_noise)

    @smooth.layer("arc", "curve", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        label = METHODS[self.pair[0]].label
        return views.ends_of_arc(self.arc, self.from_arc[0], self.progress, label, True, self.smooth)

    @scattered.layer("arc", "curve", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        label, joined = METHODS[self.pair[1]].label, self.fresh_noise == "one"
        return views.ends_of_arc(self.arc, self.from_arc[1], self.progress, label, joined, self.scattered)

    @right.layer("points", "shares")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.cloud(self.broken[0], self.progress, self.broken[0], FAULTS[self.fault].law, self.right)

    @wrong.layer("points", "shares")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.cloud(self.broken[1], self.progress, self.broken[0], FAULTS[self.fault].law, self.wrong)

    @errors.layer(*METHODS)
    def _(self) -> Iterator[dict[str, Any]]:
        for curve in self.curves.values():
            yield {"x": curve.nfe, "y": getattr(curve, self.chart_shows)}

    @errors.layer("here", "budget", "guides", "floor")
    def _(self) -> Iterator[dict[str, Any]]:
        own = self.ends[0] if self.chart_shows == "end" else self.ends[1]
        yield {"x": np.array([(getattr(self, self.sampler).nfe[-1], own)] if own else np.empty((0, 2)))}
        yield {"x": [self.nfe] * 2, "y": views.LIMITS[self.chart_shows]}
        yield {"paths": views.guides(self.errors.x, 1.2)}
        yield {"x": list(self.errors.x), "y": [self.ends[2]] * 2}

    @errors.ranges
    def _(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.errors.x, views.LIMITS[self.chart_shows]

    @histogram.layer("without_noise", "with_noise", "exact")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.histogram(self.on_a_line, kernel.LINE)

    @along.layer("without_noise", "with_noise")
    def _(self) -> Iterator[dict[str, Any]]:
        share, (smooth, fresh) = np.linspace(0, 1, PLACES), (run.x[-1][:, 0] for run in self.from_arc)
        yield {"x": share, "y": smooth}
        yield {"x": np.stack([share, fresh], axis=1)}

    @damage.layer("right", "wrong", "floor", "budget")
    def _(self) -> Iterator[dict[str, Any]]:
        for distances in self.damages.T:
            yield {"x": FAULT_LADDER, "y": distances}
        yield {"x": list(self.damage.x), "y": [faults.law_error(self.broken[0].x[-1], self.fault).expected] * 2}
        yield {"x": [self.nfe] * 2, "y": list(self.damage.y)}

    # --- what is read ------------------------------------------------------------------------------------------------

    @property
    def shown_run(self) -> Trajectory:
        """The run that the read-outs are about."""
        if self.view in ("race", "paths"):
            return getattr(self, self.sampler)
        second = self.view == "faults" or METHODS[self.sampler].stochastic
        return getattr(self, PAIRS[self.view])[1 if second else 0]

    @readings
    def of_run(self) -> dict[str, Any]:
        """Evaluations and steps of the whole run, and the noise level where it is now."""
        run = self.shown_run
        place = self.progress * (len(run.x) - 1)
        sigmas = [level.sigma for level in run.levels]
        sigma = float(np.interp(place, range(len(sigmas)), sigmas))
        return {"nfe": int(run.nfe[-1]), "steps": len(sigmas) - 1, "sigma": sigma}

    @readings
    def of_errors(self) -> dict[str, Any]:
        """Errors of the chosen sampler."""
        if self.view not in ("race", "paths"):
            return {"end_error": None, "law_error": None}
        own, law, chance, of_ddim = self.ends
        return {"end_error": (own, of_ddim), "law_error": (law, chance)}

    @readings
    def of_pair(self) -> dict[str, Any]:
        """What the pair does over time, or between two noises."""
        upper = jump = None
        if self.view == "over_time":
            upper = tuple(float(np.mean(run.x[-1] > 0)) for run in self.on_a_line)
        elif self.view == "interpolation":
            jump = tuple(kernel.largest_jump(run.x[-1]) for run in self.from_arc)
        return {"upper": upper, "jump": jump}

    @readings
    def of_fault(self) -> dict[str, Any]:
        """What the fault costs, beside the right way."""
        if self.view != "faults":
            return {"damage": None, "far": None, "spread": None}
        right, wrong = (run.x[-1] for run in self.broken)
        damage = lambda x: faults.law_error(x, self.fault).distance  # noqa: E731
        measures = {"damage": damage, "far": faults.far_share, "spread": faults.spread}
        return {key: (measure(wrong), measure(right)) for key, measure in measures.items()}

    def status(self) -> Status:
        """What is computed, and how exact it is; for a fault its source."""
        if self.view == "faults":
            fault = FAULTS[self.fault]
            what = f"{self.nfe} steps × {MANY} points, with the fault and without, exact score"
            return Status(what, f"source: {fault.source}")
        exactness = "exact score, float64"
        if self.view in ("race", "paths"):
            exactness += f"; exact ends by {kernel.REFERENCE_STEPS} Runge–Kutta steps"
        timed = (self.sampler,) if self.view in ("race", "paths") else ()
        return Status(f"{self.nfe} evaluations a point, from σ = 80 to 0.02", exactness, timed=timed)

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self)

    def table(self) -> dict[str, np.ndarray]:
        """The points shown: of every sampler, of one, or of the pair."""
        if self.view in ("race", "paths"):
            names = tuple(METHODS) if self.view == "race" else (self.sampler,)
            runs = {name: getattr(self, name).at(self.progress) for name in names}
        else:
            names = ("right", "faulty") if self.view == "faults" else self.pair
            pair = zip(names, getattr(self, PAIRS[self.view]), strict=True)
            runs = {name: run.at(self.progress) for name, run in pair}
        return {f"{name}_{'xy'[k]}": x[:, k] for name, x in runs.items() for k in range(x.shape[1])}

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advances to the next state of the sampler."""
        steps = len(self.shown_run.x) - 1
        node = int(self.progress * steps + 1e-9) + 1
        self.param.update(playing=False, progress=min(1.0, node / steps))

    def tap(self, x: float, y: float) -> None:
        """Opens the sampler of the cell that was tapped."""
        if (k := views.cell_at(x, y)) is not None:
            self.param.update(sampler=list(METHODS)[k], view="paths")

"""Samplers raced on one exact score, looked into one by one, and broken in the ways that are famous."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Instrument, Measure, Panel, Readout, Status, Tap, Transport, choice, computed, number, readings, seed, switch, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import (  # isort: skip
    BY_PART, Axes, Bars, Boxes, Heat, Lines, Plane, Points, Segments, Texts,
)  # fmt: skip
from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.samplers import ddim, ddpm, deis, dpm_solver, edm, ode, unipc
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.common.score_grid import grid_points, relative_density
from diffusion_lab.instruments.samplers import faults, kernel, layout
from diffusion_lab.instruments.samplers.faults import FAULTS
from diffusion_lab.instruments.samplers.kernel import METHODS
from diffusion_lab.instruments.samplers.layout import CELL, CENTRES, CHART, density_over_time, guides

EXTENT = CELL / 2  # half the width of a picture, in data units
CELL_POINTS, POINTS, PATHS, LINES, PLACES = (
    160,
    400,
    48,
    36,
    121,
)  # drawn in a cell, alone, as paths, over time, on an arc
LADDER = (4, 6, 8, 12, 16, 24, 32, 48, 64)  # evaluations in the chart of errors
FAULT_LADDER = (4, 6, 8, 10, 14, 20, 30, 50)  # steps in the chart of faults
FAULT_POINTS = 2000
BINS = np.linspace(-3.6, 3.6, 49)  # of the histogram
CURVE = np.linspace(-3.6, 3.6, 181)
WITHOUT_NOISE, WITH_NOISE = "ddim", "ddpm"  # beside a sampler of the other kind

Work = Generator[Any, None, Any]  # long work, in slices
RACED = {"view": ("race", "paths")}
PAIRED = {"view": ("over_time", "interpolation")}
SETS = {"view": ("race", "paths", "interpolation")}
TUNED = {"view": ("race", "paths", "over_time", "interpolation")}
COLOURS = dict(zip(METHODS, ("mute", "c0", "c1", "c2", "c3", "c4", "c5", "acc"), strict=True))


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
    )

    view = choice({"race": "All samplers", "paths": "One sampler", "over_time": "1-D over time",
        "interpolation": "Interpolation", "faults": "Famous faults"}, "race", "Picture",
        "All samplers side by side; one with its paths; paths on a line; between two noises; or published faults.")
    nfe = whole(10, 4, 64, "Evaluations", step=2, symbol="NFE",
        doc="How often each sampler may ask the network, per point. Heun and EDM ask twice a step.")
    progress = number(1.0, 0, 1, 0.005, "Progress of the run", ends=("noise", "data"),
        doc="Share of the steps that are done: 0 is pure noise, 1 the finished sample.")
    sampler = choice({name: method.label for name, method in METHODS.items()}, "dpm_solver_pp_2m", "Sampler", when=TUNED,
        doc="The sampler that is looked into and marked in the chart.")
    fault = choice({name: fault.label for name, fault in FAULTS.items()}, "step_from_a_formula", "Fault",
        "A published fault, beside the right way.", when={"view": "faults"})
    data_set = choice(list(datasets.DATA_SETS), "ring", "Data", "The data whose exact score all samplers use.", when=SETS)
    chart_shows = choice({"end": "Distance to exact ends", "law": "Distance to the data's law"}, "end", "Chart",
        "How far points end from where the exact ODE takes them, or how far the cloud is from the exact density.",
        when=RACED)
    interpolation = choice({"spherical": "Spherical", "linear": "Straight"}, "spherical", "Between the noises",
        "On an arc about the origin, or on the straight line.", style="row", when={"view": "interpolation"})
    fresh_noise = choice({"one": "The same everywhere", "many": "Fresh at each place"}, "many", "Noise of the sampler",
        "Whether a sampler with fresh noise draws it once for all places, or for each.", when={"view": "interpolation"})
    spacing = choice({"karras": "Karras", "uniform_log_snr": "Even in log SNR", "linear": "Linear schedule",
        "cosine": "Cosine schedule"}, "karras", "Noise levels", "How levels are spaced from σ = 80 to 0.02.", when=TUNED,
        folded=True)
    rho = number(7.0, 1, 10, 0.5, "Bend of the spacing", "A high ρ puts more of Karras' levels near the data.", symbol="ρ",
        when=TUNED | {"spacing": "karras"}, folded=True)
    variable = choice({"log_alpha_bar": "log ᾱ (VP)", "sigma": "σ (EDM)"}, "log_alpha_bar", "Euler and Heun step in",
        "The variable in which Euler's and Heun's methods solve the ODE. In σ Euler's is DDIM.", when=TUNED, folded=True)
    solver = choice({"heun": "Heun's correction", "euler": "Euler alone"}, "heun", "EDM's solver",
        "Whether EDM's sampler corrects each step by a second evaluation.", when=TUNED, folded=True)
    churn = number(40.0, 0, 80, 1, "EDM's fresh noise", "S_churn: 0 adds none, and EDM's sampler is Heun's method in σ.",
        symbol="S", when=TUNED, folded=True)
    seed = seed(4, "The same seed gives the same noise.")
    show_paths = switch(True, "Paths", "Where some of the points have been.", when={"view": "paths"})
    show_ends = switch(True, "Exact ends", "Where the exact ODE takes the same noise.", when={"view": "paths"})

    panel = Panel(
        Transport("Sample", plays="progress", seconds=5), frames="progress", main=("view", "nfe", "sampler", "fault"),
        readouts=(Readout("nfe", "evaluations", "d"), Readout("steps", "steps", "d"), Readout("sigma", "σ", ".3g")),
        measures=(
            Measure("end_error", "distance to exact ends", ".3g", "DDIM", when=RACED,
                doc="Root mean square distance from where the exact ODE takes the same noise; none with fresh noise."),
            Measure("law_error", "distance to the law", ".3f", "perfect draw", when=RACED,
                doc="Maximum mean discrepancy (Gaussian kernel, width 0.5) of 1000 points from the exact density."),
            Measure("upper", "share that ends above 0", ".3f", "fresh noise", when={"view": "over_time"},
                doc="Of 2000 points, without fresh noise and with it; exactly 0.700."),
            Measure("jump", "largest jump between neighbours", ".3g", "fresh noise", when={"view": "interpolation"},
                doc=f"Among the ends of {PLACES} noises, without fresh noise and with it."),
            Measure("damage", "distance to the law", ".3f", "right way", when={"view": "faults"},
                doc="Maximum mean discrepancy from the exact density, with the fault and without; by chance 0.013."),
            Measure("far", "share of the far cluster", ".3f", "right way", when={"view": "faults"},
                doc="With the fault and without; in the data 0.800."),
            Measure("spread", "spread within a cluster", ".3f", "right way", when={"view": "faults"},
                doc="Root mean square distance from the nearest centre per axis; in the data 0.050."),
        ),
        pads=(Tap("Open one sampler", when={"view": "race"}),),
    )

    race = Plane(1.0, Heat("target", "ink", strongest=0.2, legend="density of the data"),
        Boxes("frames", "line", outline="line"), Boxes("chosen", "line", outline="acc"),
        Points("points", BY_PART, size=3, legend="points, each in the colour of its part of the data"),
        Texts("names", "ink", size="13px"), Texts("errors", "mute", size="12px"), x=(0, layout.WIDTH), y=(0, layout.HEIGHT),
        title="All samplers; below each name the distance of its points to the law", when={"view": "race"})
    paths = Plane(EXTENT, Heat("target", "ink", strongest=0.2, legend="density of the data"),
        Segments("paths", BY_PART, alpha=0.55, when="show_paths", legend="paths"),
        Segments("gaps", "acc", width=1.2, when="show_ends", legend="from each end to the exact one"),
        Points("exact", "ink", size=3, when="show_ends", legend="exact ends"),
        Points("points", BY_PART, size=4.5, legend="points, each in the colour of its part"), title="One sampler",
        when={"view": "paths"})
    without, with_noise = (
        Axes(title, Heat("density", "ink", strongest=0.3, legend="exact density at each level"),
            Segments("paths", BY_PART, alpha=0.7, legend="paths, by where they end"), Points("points", BY_PART, size=4),
            Texts("name", "ink", size="13px", align="left"), x=(0, 1), y=(-3.6, 3.6), aspect=1.0, place="picture",
            x_label="progress, from noise to data", when={"view": "over_time"}, ticks={"x": (0, 0.5, 1), "y": (-2, 0, 2)})
        for title in ("Without fresh noise (ODE)", "With fresh noise (SDE)"))
    left, right = (
        Plane(EXTENT, Heat("target", "ink", strongest=0.2, legend="density of the data"),
            Lines("arc", "mute", width=1.5, dash=(4, 3), when={"view": "interpolation"}, legend="noises, from one to another"),
            Lines("curve", "field", width=1, when={"view": "interpolation"}),
            Points("points", BY_PART, size=4.5, legend=legend), Texts("name", "ink", size="14px"),
            when={"view": ("interpolation", "faults")}, title=title)
        for title, legend in (("Without fresh noise, or the right way", "points"),
            ("With fresh noise, or with the fault", "points; colours go along the arc, or by cluster")))
    errors = Axes("Error against evaluations of the network", Lines("floor", "field", width=6, alpha=0.5, legend="perfect draws",
            when={"chart_shows": "law"}),
        Lines("guides", "mute", width=1, dash=(2, 3), legend="slopes of order 1, 2 and 3", when={"chart_shows": "end"}),
        Lines("budget", "ink", width=1, dash=(5, 3), legend="this budget"),
        *(Lines(name, COLOURS[name], width=2, dash=(6, 3) if method.stochastic else (), legend=method.label,
            when={"chart_shows": "law"} if method.stochastic else None) for name, method in METHODS.items()),
        Points("here", "ink", size=9, alpha=1.0, legend="this sampler"), log="xy", x=(3.7, 70), y=(3e-4, 6), x_label="evaluations (NFE)",
        y_label="distance", ticks={"x": (4, 8, 16, 32, 64), "y": (0.001, 0.01, 0.1, 1)}, when=RACED, **CHART)
    histogram = Axes("Where points end", Bars("without", "c0", width=BINS[1] - BINS[0], alpha=0.5, legend="without fresh noise"),
        Bars("with_noise", "c1", width=BINS[1] - BINS[0], alpha=0.4, legend="with fresh noise"),
        Lines("exact", "ink", width=1.5, legend="exact density"), x=(-3.6, 3.6), y=(0, 1.05), x_label="x", y_label="density",
        when={"view": "over_time"}, **CHART)
    along = Axes("Where points end, across, along the way from one noise to the other",
        Points("with_noise", "c1", size=4, legend="with fresh noise"), Lines("without", "c0", legend="without"),
        x=(0, 1), y=(-EXTENT, EXTENT), x_label="share of the way", y_label="x", when={"view": "interpolation"}, **CHART)
    damage = Axes("Distance to the law against steps", Lines("floor", "field", width=6, alpha=0.5, legend="perfect draws"),
        Lines("budget", "ink", width=1, dash=(5, 3), legend="this budget"), Lines("right", "c0", legend="right way"),
        Lines("wrong", "acc", legend="with the fault"), log="xy", x=(3.7, 55), y=(8e-3, 0.7), x_label="steps", y_label="distance",
        ticks={"x": (4, 8, 16, 32), "y": (0.01, 0.03, 0.1, 0.3)}, when={"view": "faults"}, **CHART)
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
        """Of the chosen sampler: end error, distance to the law and its chance value; and the end error of DDIM."""
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
        x = kernel.noise(self.seed, FAULT_POINTS, 1)
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
        x = kernel.noise(self.seed, FAULT_POINTS)
        return tuple(Trajectory.of(faults.run(self.fault, x, self.nfe, faulty)) for faulty in (False, True))

    @computed(work=True, keep=8)
    def damages(self) -> Work:
        """Distances to the law at every number of steps of the chart, right and with the fault: (B, 2)."""
        x, rows = kernel.noise(self.seed, FAULT_POINTS), []
        for steps in FAULT_LADDER:
            ends = [Trajectory.of(faults.run(self.fault, x, steps, faulty)).x[-1] for faulty in (False, True)]
            rows.append([faults.law_error(end).distance for end in ends])
            yield len(rows), len(FAULT_LADDER)
        return np.array(rows)

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @race.layer("target")
    def _(self) -> dict[str, Any]:
        return {"image": layout.shade(self.data.mixture)}

    @race.layer("frames", "names")
    def _(self) -> Iterator[dict[str, Any]]:
        yield {"at": CENTRES, "size": (CELL, CELL), "alpha": 0.0}
        yield {"at": CENTRES + (0, CELL / 2 + 1.45), "text": [method.label for method in METHODS.values()]}

    @race.layer("chosen")
    def _(self) -> dict[str, Any]:
        return {"at": CENTRES[list(METHODS).index(self.sampler)], "size": (CELL, CELL), "alpha": 0.0}

    @race.layer("points")
    def _(self) -> dict[str, Any]:
        placed = [layout.place(kernel.at(getattr(self, name), self.progress)[:CELL_POINTS], k) for k, name in enumerate(METHODS)]
        return {"x": np.concatenate(placed), "part": np.concatenate([self._parts_of(name)[:CELL_POINTS] for name in METHODS])}

    @race.layer("errors")
    def _(self) -> dict[str, Any]:
        return {"at": CENTRES + (0, CELL / 2 + 0.55), "text": [f"{law:.3f}" for law in self.laws.values()]}

    @paths.layer("target")
    @left.layer("target")
    @right.layer("target")
    def _(self) -> dict[str, Any]:
        mixture = faults.DATA if self.view == "faults" else self.data.mixture
        return {"image": relative_density(mixture, grid_points(EXTENT, 96)).reshape(96, 96)}

    @paths.layer("points", "paths", "exact", "gaps")
    def _(self) -> Iterator[dict[str, Any]]:
        run, part = getattr(self, self.sampler), self._parts_of(self.sampler)
        x, exact = kernel.at(run, self.progress)[:POINTS], self.reference[:PATHS]
        yield {"x": np.clip(x, -EXTENT, EXTENT), "part": part[:POINTS]}
        nodes = kernel.path_nodes(run, self.progress, PATHS)
        yield {"start": nodes[:-1].reshape(-1, 2), "end": nodes[1:].reshape(-1, 2), "part": part[:PATHS]}
        known = not METHODS[self.sampler].stochastic
        yield {"x": exact if known else np.empty((0, 2))}
        shown = known and self.progress == 1
        yield {"start": run.x[-1][:PATHS], "end": exact} if shown else {"start": np.empty((0, 2)), "end": np.empty((0, 2))}

    @without.layer("density", "paths", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        return self._over_time(0)

    @with_noise.layer("density", "paths", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        return self._over_time(1)

    def _over_time(self, k: int) -> Iterator[dict[str, Any]]:
        """Density, paths, points and name of one of the pair, over progress."""
        run, (low, high) = self.on_a_line[k], self.without.y
        nodes, steps = kernel.path_nodes(run, self.progress, LINES)[..., 0], len(run.x) - 1
        times = np.minimum(np.arange(len(nodes)) / steps, self.progress)
        part = (run.x[-1][:LINES, 0] > 0).astype(int)
        xy = np.stack([np.broadcast_to(times[:, None], nodes.shape), nodes], axis=-1)
        yield {"image": density_over_time(kernel.LINE, list(run.levels), low, high)}
        yield {"start": xy[:-1].reshape(-1, 2), "end": xy[1:].reshape(-1, 2), "part": part}
        yield {"x": xy[-1], "part": part}
        yield {"at": (0.03, 3.2), "text": [METHODS[self.pair[k]].label]}

    @left.layer("arc", "curve", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        return self._beside(0)

    @right.layer("arc", "curve", "points", "name")
    def _(self) -> Iterator[dict[str, Any]]:
        return self._beside(1)

    def _beside(self, k: int) -> Iterator[dict[str, Any]]:
        """What the two planes show: ends of noises on a way, or runs the right way and with the fault."""
        if self.view == "faults":
            x, name = kernel.at(self.broken[k], self.progress)[:POINTS], ("the right way", "with the fault")[k]
            part, curve = nearest(self.broken[0].x[-1][:POINTS], faults.DATA.means), x[:0]
        else:
            x, name = kernel.at(self.from_arc[k], self.progress), METHODS[self.pair[k]].label
            part = np.arange(PLACES) * 6 // PLACES
            scattered = METHODS[self.pair[k]].stochastic and self.fresh_noise == "many"
            curve = x[:0] if scattered else x
        x = np.clip(x, -EXTENT, EXTENT)
        yield {"x": self.arc[:, 0], "y": self.arc[:, 1]}
        yield {"x": curve[:, 0], "y": curve[:, 1]}
        yield {"x": x, "part": part}
        yield {"at": (0, EXTENT - 0.3), "text": [name]}

    @errors.layer(*METHODS)
    def _(self) -> Iterator[dict[str, Any]]:
        for curve in self.curves.values():
            yield {"x": curve.nfe, "y": getattr(curve, self.chart_shows)}

    @errors.layer("here", "budget", "guides", "floor")
    def _(self) -> Iterator[dict[str, Any]]:
        (low, high), own = self._limits(), self.ends[0] if self.chart_shows == "end" else self.ends[1]
        yield {"x": np.array([(getattr(self, self.sampler).nfe[-1], own)] if own else np.empty((0, 2)))}
        yield {"x": [self.nfe] * 2, "y": [low, high]}
        yield {"paths": guides(self.errors.x, 1.2)}
        yield {"x": list(self.errors.x), "y": [self.ends[2]] * 2}

    def _limits(self) -> tuple[float, float]:
        return (3e-4, 6.0) if self.chart_shows == "end" else (0.015, 0.8)

    @errors.ranges
    def _(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.errors.x, self._limits()

    @histogram.layer("without", "with_noise", "exact")
    def _(self) -> Iterator[dict[str, Any]]:
        for run in self.on_a_line:
            counts, _ = np.histogram(run.x[-1][:, 0], BINS)
            yield {"x": (BINS[1:] + BINS[:-1]) / 2, "height": counts / (len(run.x[-1]) * np.diff(BINS))}
        level = run.levels[-1]
        yield {"x": CURVE, "y": np.exp(kernel.LINE.log_density(CURVE[:, None], level.signal, level.sigma_t))}

    @along.layer("without", "with_noise")
    def _(self) -> Iterator[dict[str, Any]]:
        share, (smooth, fresh) = np.linspace(0, 1, PLACES), (run.x[-1][:, 0] for run in self.from_arc)
        yield {"x": share, "y": smooth}
        yield {"x": np.stack([share, fresh], axis=1)}

    @damage.layer("right", "wrong", "floor", "budget")
    def _(self) -> Iterator[dict[str, Any]]:
        for distances in self.damages.T:
            yield {"x": FAULT_LADDER, "y": distances}
        yield {"x": list(self.damage.x), "y": [faults.law_error(self.broken[0].x[-1]).expected] * 2}
        yield {"x": [self.nfe] * 2, "y": list(self.damage.y)}

    # --- what is read ------------------------------------------------------------------------------------------------

    @property
    def shown_run(self) -> Trajectory:
        """The run that the read-outs are about."""
        if self.view in ("race", "paths"):
            return getattr(self, self.sampler)
        fresh = METHODS[self.sampler].stochastic
        return {"over_time": self.on_a_line, "interpolation": self.from_arc, "faults": self.broken}[self.view][
            1 if self.view == "faults" or fresh else 0
        ]

    @readings
    def of_run(self) -> dict[str, Any]:
        """Evaluations and steps of the whole run, and the noise level where it is now."""
        run = self.shown_run
        place = self.progress * (len(run.x) - 1)
        sigmas = [level.sigma for level in run.levels]
        return {"nfe": int(run.nfe[-1]), "steps": len(sigmas) - 1, "sigma": float(np.interp(place, range(len(sigmas)), sigmas))}

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
        measures = {"damage": lambda x: faults.law_error(x).distance, "far": faults.far_share, "spread": faults.spread}
        return {key: (measure(wrong), measure(right)) for key, measure in measures.items()}

    def status(self) -> Status:
        """What is computed, and how exact it is; for a fault its source."""
        if self.view == "faults":
            fault = FAULTS[self.fault]
            return Status(f"{self.nfe} steps × {FAULT_POINTS} points, with the fault and without", f"found: {fault.source}")
        exactness = "exact score, float64"
        if self.view in ("race", "paths"):
            exactness += f"; exact ends by {kernel.REFERENCE_STEPS} Runge–Kutta steps"
        timed = (self.sampler,) if self.view in ("race", "paths") else ()
        return Status(f"{self.nfe} evaluations a point, from σ = 80 to 0.02", exactness, timed=timed)

    def describe(self) -> str:
        """The picture in words."""
        r, data = self.reading_texts, self.label("data_set").lower()
        done = f"{self.progress:.0%} of the run done, noise level {r['sigma']}"
        if self.view == "race":
            laws = ", ".join(f"{METHODS[name].label} {law:.3f}" for name, law in self.laws.items())
            return (
                f"Eight samplers on the {data} data from the same noise, {self.nfe} evaluations each, {done}. Distance of"
                f" their ends to the exact law: {laws}; perfect draws {r['law_error_true']}."
                f" {self._own_errors(r)}"
            )
        if self.view == "paths":
            return f"{POINTS} points under {self.label('sampler')} on the {data} data, {self._budget(r)}, {done}. {self._own_errors(r)}"
        if self.view == "over_time":
            one, other = (METHODS[name].label for name in self.pair)
            return (
                f"{LINES} paths on a line from noise to two clusters at −2 and 2: smooth ones of {one}, jagged ones of"
                f" {other}, {self.nfe} evaluations each, {done}. Above 0 end {r['upper']} and {r['upper_true']} of the points"
                " (exactly 0.700)."
            )
        if self.view == "interpolation":
            one, other = (METHODS[name].label for name in self.pair)
            noise = "the same noise everywhere" if self.fresh_noise == "one" else "fresh noise at each place"
            return (
                f"{PLACES} noises on a {self.label('interpolation').lower()} way from one to another, taken to the {data} data"
                f" by {one} and by {other} with {noise}, {self.nfe} evaluations each, {done}. The largest jump between"
                f" neighbouring ends is {r['jump']} and {r['jump_true']}."
            )
        fault = FAULTS[self.fault]
        return (
            f"{fault.label}, beside the right way: {self.nfe} steps, {done}. Effect: {fault.harm}. Distance to the law"
            f" {r['damage']}, the right way {r['damage_true']}; share of the far cluster {r['far']}, the right way"
            f" {r['far_true']}; spread {r['spread']}, the right way {r['spread_true']}. Source: {fault.source}."
        )

    def _budget(self, texts: dict[str, Any]) -> str:
        return f"{texts['nfe']} evaluations in {texts['steps']} steps"

    def _own_errors(self, texts: dict[str, Any]) -> str:
        """The chosen sampler's errors in words."""
        law = f"its distance to the law {texts['law_error']}, of perfect draws {texts['law_error_true']}"
        if METHODS[self.sampler].stochastic:
            return f"{self.label('sampler')} adds fresh noise, so it has no exact ends; {law}."
        return (
            f"Ends of {self.label('sampler')} are {texts['end_error']} from the exact ones, those of DDIM"
            f" {texts['end_error_true']}; {law}."
        )

    def table(self) -> dict[str, np.ndarray]:
        """The points shown: of every sampler, of one, or of the pair."""
        if self.view in ("race", "paths"):
            names = list(METHODS) if self.view == "race" else [self.sampler]
            runs = {name: kernel.at(getattr(self, name), self.progress) for name in names}
        else:
            pair = {"over_time": self.on_a_line, "interpolation": self.from_arc, "faults": self.broken}[self.view]
            names = ("right", "faulty") if self.view == "faults" else self.pair
            runs = {name: kernel.at(run, self.progress) for name, run in zip(names, pair, strict=True)}
        return {f"{name}_{'xy'[k]}": x[:, k] for name, x in runs.items() for k in range(x.shape[1])}

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advances to the next state of the sampler."""
        steps = len(self.shown_run.x) - 1
        node = int(self.progress * steps + 1e-9) + 1
        self.param.update(playing=False, progress=min(1.0, node / steps))

    def tap(self, x: float, y: float) -> None:
        """Opens the sampler of the cell that was tapped."""
        if (k := layout.cell_at(x, y)) is not None:
            self.param.update(sampler=list(METHODS)[k], view="paths")

"""Fewer steps: the exact consistency map, sampling with it, and students that are fitted in view of the reader."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Estimate, Instrument, Measure, Panel, Readout, Replay, Status, Transport,
    choice, computed, number, readings, seed, switch, whole,
)  # fmt: skip
from diffusion_lab.instruments.common.datasets import DATA_SETS, DataSet
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.exact_ode import exact_trajectory
from diffusion_lab.instruments.common.guidance import combine
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.distill import charts, kernel, quality, students, views, words
from diffusion_lab.instruments.distill.charts import STEPS
from diffusion_lab.instruments.distill.quality import Runs
from diffusion_lab.instruments.distill.students import HALVINGS, SCALES, Moment, State
from diffusion_lab.instruments.distill.views import CELLS, SHOWN

OF_LEVELS = 6  # the chart of the map has every sixth state of the trajectories
NUM_STEPS, EVERY, ON_THE_WAY = students.NUM_STEPS * len(HALVINGS), 20, 100  # training steps: all, a frame, a picture
MOST_RUNS = 8
COARSE = 4  # steps for each factor e in sigma, for regions: right to 2e-4, far below a cell

Work = Generator[Any, None, Any]  # long work, in slices
# fmt: off
RUNS = {"view": ("few_steps", "halving", "guidance")}
SAMPLED = {"view": ("few_steps", "halving")}
TRAINED = {"view": ("halving", "guidance")}
MARKS = {students.NUM_STEPS * (k + 1): f"{n} step{'s' if n > 1 else ''}" for k, n in enumerate(HALVINGS)}
PLAYS = {"map": "noise_level", "few_steps": "progress", "halving": "training_step", "guidance": "training_step"}
PICTURES = {"few_steps": ("by_map", "by_ddim"), "halving": ("student", "teacher"),
    "guidance": ("one_pass", "two_passes")}


class Distill(Instrument):
    """The map from noise to data, exact and learned, and students of a sampler and of guidance."""

    title = "Fewer steps"
    question = "How few passes can a sampler need, and what does each saving cost?"
    editable = (students.two_steps, kernel.noised_again, exact_trajectory, ddim, combine)

    view = choice({"map": "Consistency map", "few_steps": "Few steps", "halving": "Progressive halving",
        "guidance": "Guidance in one pass"}, "map", "Picture",
        "Where each noised point ends; sampling with that map; students with half the steps; or with half the passes.")
    noise_level = number(1.0, 0, 1, 0.01, "Noise level", symbol="t", ends=("data", "noise"), when={"view": "map"},
        doc="Level of the points in the picture: equal steps multiply σ by equal factors, from 0.02 to 80.")
    num_steps = whole(1, 1, 8, "Passes", symbol="n", when={"view": "few_steps"},
        doc="How often consistency sampling applies the map; DDIM gets as many passes.")
    training_step = whole(NUM_STEPS, 0, NUM_STEPS, "Training step", step=EVERY, when=TRAINED, marks=MARKS,
        marks_when={"view": "halving"}, doc="How long students have been trained; a step is one batch of 256 points.")
    guidance_scale = number(3.0, SCALES[0], SCALES[1], 0.1, "Guidance scale", symbol="w", when={"view": "guidance"},
        doc="1 is plain conditioning, and more extrapolates. One student has learned all of them.")
    progress = number(1.0, 0, 1, 0.01, "Progress of the run", ends=("noise", "data"), when=RUNS,
        doc="Share of the sampler's steps that are done: 0 is pure noise, 1 the finished sample.")
    consistency_map = choice({"exact": "Exact map", "learned": "Learned map"}, "exact", "Map", style="row",
        when={"view": "few_steps"}, doc="The exact ODE in small steps, or a small network that was fitted to it.")
    data_set = choice(("ring", "moons", "spiral"), "ring", "Data", "The data, whose score is exact.")
    num_runs = whole(4, 2, MOST_RUNS, "Runs of the error bars", when={"view": ("few_steps", "halving")},
        doc="Independent runs with other seeds, students trained afresh; bars are one standard error long each way.")
    show_paths = switch(False, "Paths", "Where some of the points have been.")
    show_arrows = switch(True, "Arrows", "From some points to their ends, or from a student's ends to its teacher's.",
        when={"view": ("map", "halving", "guidance")})
    seed = seed(4, "The same seed gives the same noise, weights at the start and batches.")

    panel = Panel(
        Transport("Play", PLAYS, seconds=6), frames="noise_level",
        main=("view", "num_steps", "consistency_map", "guidance_scale", "progress"),
        readouts=(Readout("sigma", "σ", ".3g"), Readout("passes", "passes a sample", "d", SAMPLED),
            Readout("loss", "training loss", ".5f", TRAINED), Readout("chance", "distance by chance", ".3f", SAMPLED)),
        measures=(
            Measure("same_end", "from the trajectory's end: the map", ".0e", "denoiser's guess", ".2f",
                when={"view": "map"}, doc="Root mean square distance; the map solves the ODE afresh from this level."),
            Measure("few", "distance to the exact density", ".3f", "DDIM", when={"view": "few_steps"},
                doc="Maximum mean discrepancy of 1000 points from the exact density (Gaussian kernel, width 0.5)."),
            Measure("few_mean", "mean of all runs", ".3f", "DDIM", when={"view": "few_steps"},
                doc="Mean distance to the exact density with its standard error, in 1, 2, 4 or 8 passes."),
            Measure("halved", "distance to the exact density: student", ".3f", "teacher", when={"view": "halving"},
                doc="Maximum mean discrepancy of 1000 points from the exact density (Gaussian kernel, width 0.5)."),
            Measure("lost", "lost by this halving", ".5f", "untrained DDIM", ".4f", when={"view": "halving"},
                doc="Distance of a finished student minus its teacher's: mean over runs with its standard error."),
            Measure("gap", "from the teacher's ends: student", ".3f", "not guided", when={"view": "guidance"},
                doc="Root mean square distance from where the guided teacher takes the same noise; both in one pass."),
            Measure("saved", "passes a sample", "d", "teacher", when={"view": "guidance"},
                doc="Sixteen steps of DDIM, with one prediction each or with two."),
        ))

    plane = charts.level()
    ends = charts.ends()
    by_map = charts.cloud("Consistency sampling", "points, by where they end", "few_steps", 0)
    by_ddim = charts.cloud("DDIM, same passes", "points, by where they end", "few_steps", 1)
    student = charts.cloud("The student", "points, by where the teacher takes them", "halving", 0)
    teacher = charts.cloud("Its teacher", "points, by where the teacher takes them", "halving", 1)
    one_pass = charts.cloud("Student: one pass", "points, by their condition", "guidance", 0)
    two_passes = charts.cloud("Teacher: two passes", "points, by their condition", "guidance", 1)
    misses, compared, halvings, gaps = charts.misses(), charts.few(), charts.quality(), charts.guided()
    # fmt: on

    # --- what is computed: the map -----------------------------------------------------------------------------------

    @computed
    def data(self) -> DataSet:
        """The data set."""
        return DATA_SETS[self.data_set]()

    @computed
    def start(self) -> np.ndarray:
        """The noise in which all samples start, (N, 2)."""
        return quality.start_of(self.seed)

    @computed(work=True, keep=3, unit="steps")
    def way(self) -> Work:
        """The exact trajectories of the points that are drawn."""
        return (yield from kernel.trajectories.work(self.data.mixture, self.start[:SHOWN]))

    @computed
    def parts(self) -> np.ndarray:
        """The part of the data where each of them ends, (N,)."""
        return views.parts_of(self.data, self.way.x[-1])

    @computed
    def level(self) -> Level:
        """The level of the map in the picture."""
        return kernel.level_at(self.noise_level)

    @computed(work=True, keep=32, unit="steps")
    def regions(self) -> Work:
        """The part where each cell of the picture ends, (rows, CELLS)."""
        ends = yield from kernel.consistency_map.work(self.data.mixture, views.places(), self.level, COARSE)
        return views.parts_of(self.data, ends).reshape(-1, CELLS)

    @computed(work=True, keep=3, unit="levels")
    def missed(self) -> Work:
        """How far map and guess lead from the ends of trajectories."""
        return (yield from kernel.misses.work(self.data.mixture, self.way, OF_LEVELS))

    @computed(work=True, keep=32, unit="steps")
    def missed_here(self) -> Work:
        """The same, from the states nearest to the level of the picture."""
        k = round((1.0 - self.noise_level) * (len(self.way.x) - 1))
        return (yield from kernel.miss.work(self.data.mixture, self.way, k))

    # --- what is computed: runs of samplers --------------------------------------------------------------------------

    @computed(work=True, keep=3, unit="training steps")
    def learned(self) -> Work:
        """A network that has learned the map from other trajectories."""
        return (yield from students.learned_map(self.data, self.seed))

    def _map(self) -> kernel.MapWork:
        """The map in use."""
        if self.consistency_map == "learned":
            return self.learned.ends
        mixture = self.data.mixture
        return lambda x, level: kernel.consistency_map.work(mixture, x, level)

    @computed(work=True, keep=8, unit="passes")
    def sampled(self) -> Work:
        """A run of consistency sampling."""
        grid, rng = kernel.levels(self.num_steps)[:-1], seeded((self.seed, 10))
        return (yield from kernel.consistency_sampling.work(self._map(), self.start, grid, rng))

    @computed(work=True, background=True, keep=4, unit="samples")
    def few_runs(self) -> Work:
        """Several runs of it and of DDIM, in all steps of the chart."""
        return (yield from quality.few_steps(self.data, self._map(), STEPS, self.seed, self.num_runs))

    @computed(keep=4)
    def replay(self) -> Replay[tuple[int, State], Moment]:
        """The training of all students of the halving, or of the student of guidance."""
        if self.view == "halving":
            states = students.halving(self.data, self.seed)
        else:
            states = students.guidance_distillation(self.data, self.seed, NUM_STEPS)
        return Replay(enumerate(states), NUM_STEPS, NUM_STEPS // EVERY, lambda state: Moment.of(*state))

    @computed(work=True, keep=8, unit="training steps")
    def moment(self) -> Work:
        """The training at the step of the slider; before it is reached, at every hundredth step."""
        replay, last, shown = self.replay, self.training_step // EVERY, None
        for done, of, frame in replay.to(last):
            if shown is None or frame.step >= shown.step + ON_THE_WAY:
                shown = frame
            yield done, of, shown
        return replay.frames[last]

    @computed(keep=2)
    def others(self) -> list[Replay[tuple[int, State], Moment]]:
        """The training of all students in further runs; of each run only finished students are kept."""
        of_seed = lambda run: students.halving(self.data, quality.seed_of(self.seed, run))  # noqa: E731
        runs = map(enumerate, map(of_seed, range(1, MOST_RUNS)))
        return [Replay(states, NUM_STEPS, len(HALVINGS), lambda state: Moment.of(*state)) for states in runs]

    @computed
    def finished(self) -> int:
        """How many students are finished at the training step."""
        return self.training_step // students.NUM_STEPS

    @property
    def student_finished(self) -> bool:
        """Whether the student of the picture is finished."""
        return self.training_step in MARKS

    @computed(work=True, background=True, keep=5, unit="runs")
    def halving_runs(self) -> Work:
        """Several runs of the halvings that are finished; the first is that of the picture."""
        runs = Runs.none(quality.HALVING_STEPS, 1 + self.finished)
        for run in range(self.num_runs):
            replay, frames = (self.others[run - 1], 1) if run else (self.replay, students.NUM_STEPS // EVERY)
            for done, of, _ in replay.to(self.finished * frames):
                yield run + done / of, self.num_runs, *runs.shown
            trained = [replay.frames[k * frames].student for k in range(1, self.finished + 1)]
            runs = runs.with_run(*quality.halving_run(self.data, trained, self.seed, run))
            yield run + 1, self.num_runs, *runs.shown
        return runs

    @computed
    def conditions(self) -> np.ndarray:
        """The part that is the condition of each guided sample, (N,): all in turn."""
        return np.arange(quality.MANY) % self.data.num_parts

    @computed(keep=8)
    def pair(self) -> tuple[Trajectory, Trajectory]:
        """The two runs side by side: of map and DDIM, or of student and teacher."""
        data, x = self.data, self.start
        if self.view == "few_steps":
            return self.sampled, kernel.ddim_run(MixtureDenoiser(data.mixture), x, self.num_steps)
        if self.view == "halving":
            return quality.halving_pair(data, self.moment, x)
        return quality.guidance_pair(data, self.moment.student, x, self.conditions, self.guidance_scale)

    @property
    def ends_of_pair(self) -> list[np.ndarray]:
        """Where the two end."""
        return [run.x[-1] for run in self.pair]

    @computed(keep=8)
    def law_errors(self) -> tuple[float, float, float]:
        """Distances to the exact density of both of the pair, and that of perfect draws."""
        first, second = (kernel.law_error(x, self.data.mixture) for x in self.ends_of_pair)
        return first.distance, second.distance, first.expected

    @computed(keep=8)
    def distances(self) -> tuple[float, float]:
        """Distances from the guided teacher's ends: the student's, and without guidance."""
        plain, (own, end) = quality.unguided_ends(self.data, self.start, self.conditions), self.ends_of_pair
        return kernel.rms(own, end), kernel.rms(plain, end)

    @computed(work=True, background=True, keep=8, unit="scales")
    def guidance_gaps(self) -> Work:
        """Distances from the guided teacher's ends, at all scales of the chart."""
        student, part = self.moment.student, self.conditions
        return (yield from quality.guidance_gaps.work(self.data, student, self.start, part, charts.CURVE.tolist()))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @plane.layer(*charts.REGIONS)
    def _(self) -> Iterator[dict[str, Any]]:
        for part in range(len(charts.REGIONS)):
            yield {"image": (self.regions == part).astype(float)}

    @plane.layer("points", "paths")
    def _(self) -> Iterator[dict[str, Any]]:
        return views.drawn(self.way, 1.0 - self.noise_level, self.parts)

    @plane.layer("map")
    def _(self) -> dict[str, Any]:
        return views.arrows(self.way.at(1.0 - self.noise_level), self.way.x[-1])

    def colours(self, run: Trajectory) -> np.ndarray:
        """The part whose colour each point of a run has: of its condition, its teacher's end, or its own end."""
        of = self.pair[1] if self.view == "halving" else run
        return self.conditions if self.view == "guidance" else views.parts_of(self.data, of.x[-1])

    @gaps.layer("here")
    def _(self) -> dict[str, Any]:
        return {"x": [(self.guidance_scale, self.distances[0])]}

    @gaps.ranges
    def _(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.gaps.x, (0.0, 1.1 * max(0.5, float(self.guidance_gaps.max())))

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def of_level(self) -> dict[str, Any]:
        """The noise level of the picture: that of the map, or of the run."""
        if self.view == "map":
            return {"sigma": self.level.sigma, "same_end": self.missed_here}
        levels = self.pair[0].levels
        return {"sigma": levels[round(self.progress * (len(levels) - 1))].sigma, "same_end": None}

    @readings
    def of_run(self) -> dict[str, Any]:
        """Passes of the network, loss of the training, and distances."""
        found = dict.fromkeys(("passes", "loss", "chance", "few", "halved", "gap", "saved"))
        if self.view == "map":
            return found
        passes = tuple(int(run.nfe[-1]) for run in self.pair)
        found |= {"passes": passes[0], "chance": self.law_errors[2]}
        if self.view == "few_steps":
            return found | {"few": self.law_errors[:2]}
        found["loss"] = self.moment.loss
        if self.view == "halving":
            return found | {"halved": self.law_errors[:2]}
        return found | {"chance": None, "gap": self.distances, "saved": passes}

    @readings
    def of_runs(self) -> dict[str, Any]:
        """Means over several runs."""
        mean = lost = None
        if self.view == "few_steps" and self.num_steps in STEPS:
            k = STEPS.index(self.num_steps)
            mean = self.few_runs.method[:, k], self.few_runs.ddim[:, k]
        elif self.view == "halving" and self.student_finished:
            lost = quality.lost(self.halving_runs, HALVINGS[self.finished - 1])
        return {
            key: runs and tuple(Estimate(*map(float, quality.mean_and_error(values))) for values in runs)
            for key, runs in (("few_mean", mean), ("lost", lost))
        }

    def status(self) -> Status:
        """What is computed, and how exact it is."""
        if self.view not in ("halving", "guidance"):
            return Status(*words.status(self))
        self.moment  # noqa: B018  the time of a step is taken with each moment
        return Status(*words.status(self), ("replay",), max(1, self.replay.steps_done), "a step")

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self)

    def table(self) -> dict[str, np.ndarray]:
        """The points shown, and where they end."""
        if self.view == "map":
            runs = {"point": self.way.at(1.0 - self.noise_level), "end": self.way.x[-1]}
        else:
            runs = {name: run.at(self.progress) for name, run in zip(PICTURES[self.view], self.pair, strict=True)}
        return {f"{name}_{'xy'[k]}": x[:, k] for name, x in runs.items() for k in (0, 1)}

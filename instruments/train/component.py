"""A denoiser that is trained in view of the reader: its samples, the error of its score, its loss above the floor."""

from collections.abc import Generator, Iterator
from dataclasses import astuple
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Brush, Instrument, Measure, Panel, Readout, Replay, Status, Transport,
    choice, computed, counted, number, readings, seed, switch, text, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import (  # isort: skip
    BY_PART, Arrows, Axes, Band, Heat, Lines, Plane, Points, field_arrows, field_scale,
)  # fmt: skip
from diffusion_lab.instruments.common import curves, datasets
from diffusion_lab.instruments.common.datasets import NULL
from diffusion_lab.instruments.common.denoiser_training import BATCH, DIVERGED, HIDDEN, Run, Task
from diffusion_lab.instruments.common.guidance import combine
from diffusion_lab.instruments.common.irreducible_loss import IrreducibleLoss
from diffusion_lab.instruments.common.learned_denoiser import Checkpoint, sampling
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.preconditioning import Preconditioning
from diffusion_lab.instruments.common.score_grid import ExactPrediction, grid_points, relative_density
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.common.training_levels import SIGMA_MAX, SIGMA_MIN, draw_sigmas
from diffusion_lab.instruments.train import kernel
from diffusion_lab.instruments.train.kernel import EACH_PART, EVERY, NUM_POINTS, NUM_STEPS

EXTENT = 3.2  # half the width of the pictures, in data units
CELLS = 42  # of the error map, along both axes; an arrow in every third
GRID = grid_points(EXTENT, CELLS)
ALONG = GRID[1:CELLS:3, 0]  # where arrows are, along both axes
ON_THE_WAY = 100  # steps between two pictures while the reader waits for a later step

Work = Generator[Any, None, Any]  # long work, in slices

# fmt: off
PREDICTIONS = {"eps_hat": "Noise ε", "x0_hat": "Clean point x₀", "v_pred": "Velocity v", "edm": "EDM preconditioning"}
LEVELS = {"uniform_t": "Uniform in t", "uniform_log_snr": "Uniform in log SNR", "log_normal": "Log-normal (EDM)"}
CONDITIONS = {"none": "None", "each": "Each part in turn", **{name: f"Part {name.upper()}" for name in "abcdef"}}
PARTS = {"none": NULL, "each": EACH_PART, **{name: k for k, name in enumerate("abcdef")}}
CHART: dict[str, Any] = {"place": "below", "aspect": 2.1}


class Train(Instrument):
    """A multilayer perceptron and Adam, on data whose exact score and irreducible loss are known."""

    title = "Training a denoiser"
    question = "How does a network learn to undo noise, and how far above the least loss does it stay?"
    editable = (Task.batches, Preconditioning.target, Adam.update, draw_sigmas, sampling, combine)

    view = choice(("both", "samples", "score"), "both", "Picture", style="row",
        doc="Samples of the network, its score beside the exact one, or both.")
    training_step = whole(300, 0, NUM_STEPS, "Training step", step=EVERY, pace=kernel.progress_of_training,
        doc="How long the network has been trained: a step is one batch of 256 noised points.")
    data_set = choice([*datasets.DATA_SETS, "drawn"], "ring", "Data", "What the network learns to sample.")
    drawing = text("", r"^([0-9a-z]{4}){0,150}$", "Drawing", kind="none",
        doc="The points of the drawn set, four base-36 digits each: x, then y, in 1295ths of the picture.")
    condition = choice(CONDITIONS, "each", "Condition",
        "The part of the data that is the condition of the samples: a cluster, moon, arm or row, one colour each.")
    guidance_scale = number(1.0, 0, 6, 0.1, "Guidance scale", symbol="w",
        when={"condition": tuple(name for name in CONDITIONS if name != "none")},
        doc="0 ignores the condition, 1 is plain conditioning, above 1 extrapolates.")
    noise_level = number(0.08, 0.01, 1, 0.01, "Noise level of the score", symbol="t", ends=("data", "noise"),
        doc="Where on the schedule the learned score is compared with the exact one.")
    prediction = choice(PREDICTIONS, "eps_hat", "Network predicts",
        "The noise, the clean point, the velocity v of both, or the preconditioned target of Karras et al. (2022).")
    level_distribution = choice(LEVELS, "uniform_t", "Noise levels in training",
        "How often each noise level is trained.")
    learning_rate = choice(("0.0003", "0.001", "0.003", "0.01", "0.1", "1"), "0.01", "Learning rate",
        "Step size of Adam. The largest diverges.")
    dropout = number(0.2, 0, 1, 0.05, "Condition dropout", symbol="p",
        doc="Share of training points that are shown without their condition: what guidance needs.")
    chart_shows = choice({"training": "Loss", "levels": "Loss by noise level"}, "training", "Chart", style="row",
        doc="The loss of each step so far, or the expected loss of this moment's network at each noise level.")
    show_arrows = switch(True, "Scores", "Arrows along the exact and the learned score.")
    show_data = switch(True, "Data", "Shading by the density of the data.")
    seed = seed(4, "The same seed gives the same weights at the start, the same batches and the same noise.")

    panel = Panel(
        Transport("Train", plays="training_step", seconds=6, step=f"{EVERY} steps further"),
        frames="training_step",
        readouts=[Readout("step", "step", ",d"), Readout("loss", "loss", ".3g"), Readout("floor", "floor", ".3g"),
            Readout("excess", "above it", ".2g")],
        measures=[
            Measure("score_error", "error of the score × σ", ".3f", "untrained",
                doc="Root mean square over noised data at this noise level; beside it, of a network that predicts 0."),
            Measure("distance", "samples to the data", ".3f", "perfect draw",
                doc="Maximum mean discrepancy (Gaussian kernel, width 0.5), beside that of as many perfect draws.")],
        pads=[Brush("drawing", "Draw the data here", when={"data_set": "drawn"})])

    samples = Plane(EXTENT, Heat("data", "ink", strongest=0.3, when="show_data", legend="density of the data"),
        Points("points", BY_PART, size=4.5, legend="samples, each in the colour of its condition"),
        title="Samples at this step", when={"view": ("both", "samples")})
    score = Plane(EXTENT,
        Heat("error", "acc", strongest=0.75, legend="error of the learned score × σ", ramp=("0", "1")),
        Arrows("exact", "mute", width=4, alpha=0.45, head=0.1, when="show_arrows", legend="exact score × σ",
            scale=field_scale(ALONG, 2, 1.0)),
        Arrows("learned", "ink", width=1.3, head=0.1, when="show_arrows", legend="learned score × σ"),
        title="Score at noise level t", when={"view": ("both", "score")})
    training = Axes("Loss against training step",
        Points("batches", "field", size=3, legend="each batch"), Band("above", "acc", legend="what can be learned"),
        Lines("mean", "ink", legend="running mean"),
        Lines("floor", "acc", width=1.5, dash=(5, 3), legend="floor: the least loss of any network"),
        x=(1, NUM_STEPS), y=(0.02, 2), log="xy", **CHART,
        ticks={"x": (1, 10, 100, 1000), "y": (0.05, 0.1, 0.2, 0.5, 1, 10, 100)}, x_label="training step",
        y_label="loss", when={"chart_shows": "training"})
    levels = Axes("Expected loss against the noise σ", Band("above", "acc", legend="what can be learned"),
        Lines("loss", "ink", legend="this network"),
        Lines("floor", "acc", width=1.5, dash=(5, 3), legend="floor: the least loss of any network"),
        Points("here", "ink", size=9, alpha=1, legend="noise level of the score"),
        x=(SIGMA_MIN, SIGMA_MAX), y=(0, 1), log="x", ticks={"x": (0.1, 1, 10)}, **CHART,
        x_label="noise level σ", y_label="expected loss", when={"chart_shows": "levels"})
    # fmt: on

    def reconcile(self, changed: frozenset[str]) -> None:
        """A condition is a part that the data have."""
        if PARTS[self.condition] not in (NULL, EACH_PART, *range(self.data.num_parts)):
            self.condition = "each"

    # --- what is computed --------------------------------------------------------------------------------------------

    @computed(keep=8)
    def data(self) -> datasets.DataSet:
        """The data set; where nothing is drawn yet, one cluster in the middle."""
        if self.data_set != "drawn":
            return datasets.DATA_SETS[self.data_set]()
        return datasets.drawn(self.drawing or datasets.encode([[0.0, 0.0]], EXTENT), EXTENT)

    @computed
    def task(self) -> Task:
        """The data, the target and the settings of the training."""
        rate = float(self.learning_rate)
        return Task(self.data, self.prediction, self.level_distribution, self.dropout, rate, self.seed)

    @computed
    def part(self) -> np.ndarray:
        """The part of the data that is the condition of each sample, (N,)."""
        return kernel.parts(self.task, PARTS[self.condition])

    @computed(keep=2)
    def replay(self) -> Replay[Run, Checkpoint]:
        """The run, trained up to the latest step that has been shown."""
        task = self.task
        return Replay(kernel.endless(task), NUM_STEPS, NUM_STEPS // EVERY, lambda run: Checkpoint.of(task, run))

    @computed(work=True, keep=NUM_STEPS // EVERY, unit="steps")
    def moment(self) -> Work:
        """Samples and losses at the training step; before it is reached, those of every hundredth step."""
        replay, last, shown = self.replay, self.training_step // EVERY, None
        for done, of, checkpoint in replay.to(last):
            if shown is None or len(checkpoint.losses) >= len(shown.checkpoint.losses) + ON_THE_WAY:
                shown = yield from self._seen(checkpoint, done, of)
            yield done, of, shown
        return (yield from self._seen(replay.frames[last], self.training_step, self.training_step))

    def _seen(self, checkpoint: Checkpoint, done: int, of: int) -> Work:
        """The moment of a checkpoint, by work that is `done` of `of`."""
        scale = 1.0 if self.condition == "none" else self.guidance_scale
        x, excess = kernel.noise(self.seed), self.floor.excess_work(checkpoint.learned.network, thin=4)
        for points in sampling(checkpoint.learned, x, self.part, scale, kernel.SAMPLER_STEPS):
            x = points
            yield done, of
        return kernel.Moment(checkpoint, x, finish(excess))

    @computed
    def checkpoint(self) -> Checkpoint:
        """The checkpoint at the training step; while that is being trained, the latest one with samples."""
        frames, index = self.replay.frames, self.training_step // EVERY
        return frames[index] if index < len(frames) else self.moment.checkpoint

    @computed(keep=32)
    def exact(self) -> ExactPrediction:
        """The exact prediction at the noise level, for the chosen part of the data."""
        part = NULL if self.condition == "each" else PARTS[self.condition]
        return ExactPrediction.of(self.data, self.noise_level, part, GRID)

    @computed
    def learned(self) -> np.ndarray:
        """The noise that the network predicts at the same places, (G², 2)."""
        return self.checkpoint.learned(self.exact.x, self.exact.at, self.exact.part)

    @computed(work=True, keep=8, unit="points")
    def floor(self) -> Work:
        """The least loss of any network."""
        task = self.task
        return (yield from IrreducibleLoss.work(task.data, task.target, task.levels, task.dropout, task.seed))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @samples.layer("points")
    def _(self) -> dict[str, Any]:
        return {"x": self.moment.x, "part": self.part}

    @samples.layer("data")
    def _(self) -> dict[str, Any]:
        return {"image": relative_density(self.data.mixture, grid_points(EXTENT, 72)).reshape(72, 72) ** 0.5}

    @score.layer("error")
    def _(self) -> dict[str, Any]:
        return {"image": np.linalg.norm(self.learned - self.exact.eps, axis=1).reshape(CELLS, CELLS)}

    @score.layer("exact", "learned")
    def _(self) -> Iterator[dict[str, Any]]:
        for eps in (self.exact.eps, self.learned):
            yield field_arrows(ALONG, -eps.reshape(CELLS, CELLS, 2)[1::3, 1::3].reshape(-1, 2), 1.0)

    @training.layer("batches", "mean", "above")
    def _(self) -> Iterator[dict[str, Any]]:
        losses = self.checkpoint.losses
        step, floor = curves.log_spaced(len(losses)), self.floor.mean
        mean = curves.running_mean(losses)[step - 1]
        yield {"x": np.stack([step, losses[step - 1]], axis=1)}
        yield {"x": step, "y": mean}
        yield {"x": step, "low": np.full(len(step), floor), "high": np.maximum(mean, floor)}

    @training.layer("floor")
    def _(self) -> dict[str, Any]:
        return {"x": [1, NUM_STEPS], "y": [self.floor.mean] * 2}

    @training.ranges
    def _(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (1, NUM_STEPS), (0.7 * self.floor.mean, max(3.0, 1.5 * float(self.checkpoint.losses.max(initial=0.0))))

    @levels.layer("floor", "loss", "above", "here")
    def _(self) -> Iterator[dict[str, Any]]:
        sigma, floor, here = self.floor.sigma, self.floor.floor, self.exact.at.sigma
        loss = floor + self.moment.excess
        yield {"x": sigma, "y": floor}
        yield {"x": sigma, "y": loss}
        yield {"x": sigma, "low": floor, "high": loss}
        yield {"x": [(here, np.interp(here, sigma, loss))]}

    @levels.ranges
    def _(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.levels.x, (0.0, 1.25 * float(self.floor.floor.max()))

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def of_run(self) -> dict[str, Any]:
        """The step of the picture and the mean loss of the last steps; of a run that has diverged there is none."""
        losses = self.checkpoint.losses
        none = self.checkpoint.diverged_at is not None or not len(losses)
        return {"step": len(losses), "loss": None if none else curves.running_mean(losses)[-1]}

    @readings
    def of_network(self) -> dict[str, Any]:
        """The floor, and how far the expected loss of the averaged weights is above it."""
        none = self.checkpoint.diverged_at is not None
        return {"floor": self.floor.mean, "excess": None if none else float(self.floor.weight @ self.moment.excess)}

    @readings
    def of_score(self) -> dict[str, Any]:
        """The error of the predicted noise, beside that of always predicting 0."""
        return {"score_error": (self.exact.rms_error(self.learned), self.exact.rms_error(0.0))}

    @readings
    def of_samples(self) -> dict[str, Any]:
        """The distance of the samples to the data, beside that of perfect draws."""
        return {"distance": astuple(kernel.distance(self.task, self.moment.x, PARTS[self.condition]))}

    def status(self) -> Status:
        """The network and its training, or the step at which training diverged."""
        if (step := self.checkpoint.diverged_at) is not None:
            why = f"the loss passed {DIVERGED:,.0f} and training stopped"
            return Status(f"diverged at step {step}: {why}. Choose a smaller learning rate, or Reset.")
        if self.data_set == "drawn" and not self.drawing:
            return Status(datasets.NOTHING_DRAWN)
        what = f"MLP of {' × '.join(map(str, HIDDEN))} units, Adam, batches of {BATCH}"
        return Status(what, "float32, truth in float64", ("replay",), max(1, self.replay.steps_done), "a step")

    def describe(self) -> str:
        """The picture in words."""
        r, condition, samples, score = self.reading_texts, self.label("condition").lower(), "", ""
        drawn = f" of {counted(len(self.drawing) // 4, 'point')}" if self.data_set == "drawn" else ""
        guided = f", guidance scale w = {self.guidance_scale:.1f}" if self.condition != "none" else ""
        if self.view != "score":
            samples = (
                f" {NUM_POINTS} samples (condition: {condition}{guided}) are {r['distance']} from the data, perfect"
                f" draws {r['distance_true']} (maximum mean discrepancy)."
            )
        if self.view != "samples":
            score = (
                f" At t = {self.noise_level:.2f} (condition: {condition}) the learned score times σ is off by"
                f" {r['score_error']}, where that of an untrained network is off by {r['score_error_true']}."
            )
        marked = f"each noise; σ = {self.exact.at.sigma:.2f} is marked"
        chart = "each batch" if self.chart_shows == "training" else marked
        loss = f"The floor is {r['floor']}; the expected loss of the averaged weights is {r['excess']} above it."
        if (step := self.checkpoint.diverged_at) is not None:
            loss = f"Training diverged at step {step}."
        return (
            f"A network after {r['step']} training steps on the {self.label('data_set').lower()} data{drawn}"
            f" ({self.label('prediction')}, {self.label('level_distribution').lower()}, condition dropout"
            f" {self.dropout:.2f}, learning rate {self.learning_rate}).{samples}{score} The chart shows the loss of"
            f" {chart}. {loss}"
        )

    def table(self) -> dict[str, np.ndarray]:
        """The samples, each with the part that was its condition, from 0; -1 for none."""
        return {"x": self.moment.x[:, 0], "y": self.moment.x[:, 1], "part": self.part}

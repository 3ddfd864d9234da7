"""The landscape of generative models: four families on one data set, trained in view of the reader, in one table."""

from collections.abc import Generator
from functools import lru_cache
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    DURATION, AtLeast, Brush, Instrument, Measure, Panel, Replay, Row, Status, Table, Transport,
    choice, computed, readings, seed, text, whole,
)  # fmt: skip
from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.slices import within
from diffusion_lab.instruments.landscape import charts, gan, kernel, ppca, vae, views, words
from diffusion_lab.instruments.landscape.kernel import MODELS, NETWORKS, Frame, Moment
from diffusion_lab.instruments.landscape.networks import NUM_STEPS
from diffusion_lab.instruments.landscape.quality import Yardstick

EVERY = 20  # training steps to the next frame
MOST_RUNS = 3

Work = Generator[Any, None, Any]  # long work, in slices
# fmt: off
TITLES = {"ppca": "PPCA", "vae": "VAE", "gan": "GAN", "diffusion": "Diffusion"}
LABELS = {"ppca": "PPCA", "vae": "VAE", "gan": "GAN", "diffusion": "Diffusion"}


def data_of(data_set: str, drawing: str) -> DataSet:
    """The data set of a name; where nothing is drawn yet, one cluster in the middle."""
    if data_set != "drawn":
        return datasets.DATA_SETS[data_set]()
    return datasets.drawn(drawing or datasets.encode([[0.0, 0.0]], views.EXTENT), views.EXTENT)


@lru_cache(maxsize=2 * len(NETWORKS) * MOST_RUNS)
def training(name: str, data_set: str, drawing: str, seed: int) -> Replay[Frame, Frame]:
    """The training of a network, as far as it has been shown: the instruments of a page share it."""
    frames = kernel.frames(name, data_of(data_set, drawing), seed)
    return Replay(frames, NUM_STEPS, NUM_STEPS // EVERY, kernel.kept)


class Landscape(Instrument):
    """PPCA, a VAE, a GAN and a diffusion model on the same data, trained and measured alike."""

    title = "The landscape of generative models"
    question = "What does each family of generative models do well, and what does it give up?"
    editable = (ppca.eigenvectors, vae.negative_elbo, gan.generator_step, gan.discriminator_step)

    view = choice({"samples": "Samples side by side", "inside": "Inside one model"}, "samples", "Picture", style="row",
        doc="Samples of all four models over the data, or the map of one of them from codes to points.")
    training_step = whole(NUM_STEPS, 0, NUM_STEPS, "Training step", step=EVERY,
        pace=lambda step: float(np.log1p(step / 100)),
        doc="How long the networks have been trained: a step is one batch of 256 points. PPCA needs none.")
    model = choice(LABELS, "vae", "Model", "The model whose inside is shown.", when={"view": "inside"})
    data_set = choice(("moons", "ring", "drawn"), "moons", "Data", "What the models learn to sample.")
    drawing = text("", r"^([0-9a-z]{4}){0,150}$", "Drawing", kind="none",
        doc="The points of the drawn set, four base-36 digits each: x, then y, in 1295ths of the picture.")
    num_runs = whole(1, 1, MOST_RUNS, "Seeds to compare", when={"view": "samples"},
        doc="How many trainings of each model, with other seeds, the range of results is taken over.")
    seed = seed(4, "The same seed gives the same weights at the start, the same batches and the same codes.")

    panel = Panel(
        Transport("Train", "training_step", seconds=6, step=f"{EVERY} steps further"),
        frames="training_step", main=("view", "model", "data_set"),
        measures=[
            Measure("variance", "variance along the line", ".2f", "across it", when={"view": "inside", "model": "ppca"},
                doc="The eigenvalues of the covariance of the data. Where they are equal there is no line to find."),
            Measure("bound", "bound on the log-likelihood: ELBO", ".2f", f"of {kernel.CODES} codes",
                when={"view": "inside", "model": "vae"}, doc="In nats a point; the second is importance-weighted."),
            Measure("told", "discriminator's probability: data", ".0%", "made", when={"view": "inside", "model": "gan"},
                doc="The mean probability of being data that it gives to data points and to samples."),
            Measure("flow", "log-likelihood by the flow", ".3f", "of the data's density",
                when={"view": "inside", "model": "diffusion"}, doc="In nats a point, over the same data points.")],
        tables=[Table("All models, measured alike", {**LABELS, "data": "perfect draws"}, [
            Row("near", "samples near the data, %", ".1f",
                "Share of samples in the region of highest density that holds 95 % of the data."),
            Row("covered", "data covered, %", ".1f",
                "Share of data points with a sample nearer than their fifth nearest other data point."),
            Row("distance", "distance to the data", ".3f",
                "Sliced Wasserstein distance of 1000 samples, in units of the data."),
            Row("likelihood", "log-likelihood a point", ".2f",
                "In nats: exact, by the probability flow, or a lower bound. A GAN has none."),
            Row("passes", "passes a sample", "d", "Passes through the network for one sample."),
            Row("drawing", "time of 1000 samples", DURATION, "On this machine."),
            Row("training", "time of training", DURATION, "On this machine, up to the step that is shown."),
            Row("spread", "near the data over seeds, %", doc="The least and the most, over the seeds to compare.")])],
        pads=[Brush("drawing", "Draw the data here", when={"data_set": "drawn", "view": "samples"})])

    of_ppca, of_vae, of_gan, of_diffusion = (charts.cloud(name, title) for name, title in TITLES.items())
    codes, ends, compared = charts.codes(), charts.ends(), charts.compared()
    # fmt: on

    # --- what is computed --------------------------------------------------------------------------------------------

    @property
    def drawn(self) -> str:
        """The drawing, where it is the data set; "" elsewhere."""
        return self.drawing if self.data_set == "drawn" else ""

    @computed(keep=3)
    def data(self) -> DataSet:
        """The data set."""
        return data_of(self.data_set, self.drawn)

    @computed(keep=3)
    def yardstick(self) -> Yardstick:
        """What all samples are compared with."""
        return Yardstick.of(self.data)

    def _replay(self, name: str, run: int = 0) -> Replay[Frame, Frame]:
        """The training of a network with the seed of a run."""
        return training(name, self.data_set, self.drawn, kernel.seed_of(self.seed, run))

    def _moment(self, name: str) -> Work:
        """The moment of a network at the training step: until it is reached the last picture stays, so that no network
        is judged by a training that has only begun."""
        replay, last = self._replay(name), self.training_step // EVERY
        for done, of, _ in replay.to(last):
            yield done, of
        return (yield from kernel.moment.work(replay.frames[last], self.yardstick, self.seed))

    @computed(work=True, keep=8)
    def ppca_moment(self) -> Work:
        """The moment of PPCA."""
        frame = kernel.fitted(self.data, self.seed)
        return (yield from kernel.moment.work(frame, self.yardstick, self.seed))

    @computed(work=True, keep=8, unit="steps of the VAE")
    def vae_moment(self) -> Work:
        """The moment of the VAE."""
        return self._moment("vae")

    @computed(work=True, keep=8, unit="steps of the GAN")
    def gan_moment(self) -> Work:
        """The moment of the GAN."""
        return self._moment("gan")

    @computed(work=True, keep=8, unit="steps of diffusion")
    def diffusion_moment(self) -> Work:
        """The moment of the diffusion model."""
        return self._moment("diffusion")

    def moment_of(self, name: str) -> Moment:
        """The moment of a model."""
        found: Moment = getattr(self, f"{name}_moment")
        return found

    @computed(work=True, background=True, keep=8, unit="parts of the likelihoods")
    def likelihoods(self) -> Work:
        """The log-likelihoods of all models that have one."""
        line, coder, denoiser = (self.moment_of(name).frame.model for name in ("ppca", "vae", "diffusion"))
        return (yield from kernel.likelihoods.work(self.yardstick, line, coder, denoiser, self.seed))

    @computed(work=True, background=True, keep=4, unit="trainings")
    def spread(self) -> Work:
        """The quality of each model with each seed, (models, seeds, 3)."""
        last, found, done = self.training_step // EVERY, [], 0
        for run in range(self.num_runs):
            seed = kernel.seed_of(self.seed, run)
            row = []
            for name in MODELS:
                frame = kernel.fitted(self.data, seed)
                if name in NETWORKS:
                    for steps, of, _ in (replay := self._replay(name, run)).to(last):
                        yield done + steps / of, self.num_runs * len(MODELS)
                    frame = replay.frames[last]
                work = kernel.moment.work(frame, self.yardstick, seed)
                row.append((yield from within(work, done, self.num_runs * len(MODELS), pieces=0)).quality)
                done += 1
            found.append(row)
        return np.array(found).transpose(1, 0, 2)

    @computed(work=True, keep=8, unit="steps")
    def inside(self) -> Work:
        """The map of the model whose inside is shown."""
        return (yield from views.inside.work(self.moment_of(self.model).frame.model, self.yardstick, self.seed))

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def of_perfect_draws(self) -> dict[str, Any]:
        """The same measures of the data, by draws that are not the ones that all are compared with."""
        near, covered, distance = kernel.perfect(self.yardstick, self.seed)
        found = {"near": 100 * near, "covered": 100 * covered, "distance": distance}
        return _column("data", **found)

    @readings
    def ppca_column(self) -> dict[str, Any]:
        """Quality and cost of PPCA's samples."""
        return self._measures("ppca")

    @readings
    def vae_column(self) -> dict[str, Any]:
        """Those of the VAE's."""
        return self._measures("vae")

    @readings
    def gan_column(self) -> dict[str, Any]:
        """Those of the GAN's."""
        return self._measures("gan")

    @readings
    def diffusion_column(self) -> dict[str, Any]:
        """Those of the diffusion model's."""
        return self._measures("diffusion")

    def _measures(self, name: str) -> dict[str, Any]:
        moment = self.moment_of(name)
        near, covered, distance = moment.quality
        of_model = {"near": 100 * near, "covered": 100 * covered, "distance": distance}
        times = {"drawing": moment.seconds, "training": moment.frame.seconds}
        return _column(name, **of_model, **times, passes=moment.frame.model.passes or None)

    @readings
    def of_likelihoods(self) -> dict[str, Any]:
        """Log-likelihoods."""
        found = self.likelihoods
        of_models = {"ppca": found.ppca, "vae": AtLeast(found.weighted), "gan": None, "diffusion": found.diffusion}
        table = {f"likelihood_{name}": value for name, value in {**of_models, "data": found.exact}.items()}
        return table | {"bound": (found.elbo, found.weighted), "flow": (found.diffusion, found.exact)}

    @readings
    def of_seeds(self) -> dict[str, Any]:
        """The range over seeds, where there are several."""
        found: dict[str, Any] = dict.fromkeys(f"spread_{name}" for name in (*MODELS, "data"))
        if self.num_runs > 1 and self.view == "samples":
            for name, near in zip(MODELS, 100 * self.spread[..., 0], strict=True):
                found[f"spread_{name}"] = f"{near.min():.0f} to {near.max():.0f}"
        return found

    @readings
    def of_inside(self) -> dict[str, Any]:
        """Numbers of one model's inside."""
        found: dict[str, Any] = {"variance": None, "told": None}
        if self.view == "inside" and self.model == "ppca":
            line = self.moment_of("ppca").frame.model
            found["variance"] = float(line.axis @ line.axis + line.var), line.var
        if self.view == "inside" and self.model == "gan":
            moment = self.moment_of("gan")
            found["told"] = tuple(float(moment.frame.model.judged(x).mean()) for x in (self.yardstick.points, moment.x))
        return found

    def status(self) -> Status:
        """What is computed, and how exact it is."""
        if self.data_set == "drawn" and not self.drawing:
            return Status(datasets.NOTHING_DRAWN)
        return Status(*words.status(self))

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self)

    def table(self) -> dict[str, np.ndarray]:
        """The samples of all models."""
        x = {name: self.moment_of(name).x for name in MODELS}
        return {f"{name}_{'xy'[k]}": points[:, k] for name, points in x.items() for k in (0, 1)}


def _column(name: str, **values: Any) -> dict[str, Any]:
    """Readings of a column of the table; None for what it does not have."""
    rows = ("near", "covered", "distance", "passes", "drawing", "training")
    return {f"{row}_{name}": values.get(row) for row in rows}

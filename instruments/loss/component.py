"""The loss in a row of small pictures: clean, noise, input, prediction and squared gap; and the floor under it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Estimate, Instrument, Measure, Panel, Readout, Status, Transport, choice, computed, number, readings, seed,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import (  # isort: skip
    Axes, Boxes, Heat, Image, Lines, Plane, Points, Segments, Texts,
)  # fmt: skip
from diffusion_lab.instruments.common import irreducible_loss, parameterisation
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.schedules import SCHEDULES
from diffusion_lab.instruments.loss import kernel
from diffusion_lab.instruments.loss.kernel import SIDE, TIMES

PITCH = SIDE + 8  # from one tile of the row to the next, in pixels of the pictures
BELOW, ABOVE, MARGIN = 9, 8, 4  # room for words under and over the tiles, and beside the first and the last
WIDTH, HEIGHT = 5 * PITCH - 8 + 2 * MARGIN, SIDE + BELOW + ABOVE
WHITE = 1.5  # the value drawn white; its negative is black
LOUDEST = 6.0  # the squared gap drawn in full colour
TALL = 3.6  # the value whose bar reaches from the middle of a tile to its border

# fmt: off
MODELS = {"skill": "Given skill", "exact": "Best possible"}
PREDICTIONS = {"eps_hat": "Noise ε", "x0_hat": "Clean x₀", "v_pred": "Velocity v"}
HATS = {"eps_hat": ("guess ε̂", "(ε̂ − ε)²"), "x0_hat": ("guess x̂₀", "(x̂₀ − x₀)²"), "v_pred": ("guess v̂", "(v̂ − v)²")}
DATA_SETS = {"pictures": "Small picture", "uneven_modes": "Points on a line"}
SCHEDULE_NAMES = {"exponential": "Exponential", "linear": "Linear (DDPM)", "cosine": "Cosine", "sigmoid": "Sigmoid",
    "karras": "Karras (EDM)"}
CHARTS = {"loss": "Loss and floor", "targets": "ε, x₀, v", "weights": "Weights"}
AS = {"eps_hat": ("as_eps", "noise ε", "c0"), "x0_hat": ("as_x0", "clean x₀", "c1"),
    "v_pred": ("as_v", "velocity v", "c2")}
CHART: dict[str, Any] = {"x": (0, 1.02), "x_label": "time t, from data to noise", "place": "below", "aspect": 2.7}
LOG: dict[str, Any] = {"y": (1e-3, 1e3), "log": "y", "ticks": {"y": (0.001, 0.01, 0.1, 1, 10, 100, 1000)}}


def three(**options: Any) -> Iterator[Lines]:
    """A line for each of the three predictions."""
    for _, words, colour in AS.values():
        yield Lines(f"of_{colour}", colour, legend=words, **options)


THREE = tuple(f"of_{colour}" for _, _, colour in AS.values())


class Loss(Instrument):
    """One training example after another: what goes in, what is asked for, what comes out, and how wrong it is."""

    title = "The loss, made concrete"
    question = "What is the squared gap that training makes small, and how small can it get?"
    editable = (kernel.at_skill, parameterisation.noise, parameterisation.convert, GaussianMixture.score,
        irreducible_loss.posterior_variance)

    model = choice(MODELS, "skill", "Predictor", style="row",
        doc="A mix of the true noise and an error; or the best that can be said from the input alone.")
    skill = number(0.7, 0, 1, 0.01, "Skill", symbol="a", ends=("a guess", "the truth"), when={"model": "skill"},
        doc="The prediction is a ε + √(1 − a²) η: its correlation with the noise ε is a; η is fresh noise.")
    t = number(0.4, 0.02, 0.98, 0.02, "Noise level", "How much of the input is noise: 0 data, 1 noise.",
        symbol="t", ends=("data", "noise"))
    prediction = choice(PREDICTIONS, "eps_hat", "Predicts", style="row",
        doc="The same prediction, expressed as the noise, the clean picture or the velocity between them.")
    data_set = choice(DATA_SETS, "pictures", "Data", style="row",
        doc="A picture of 24 × 24 pixels, one of sixty with grain; or 24 points on a line, from two modes.")
    chart_shows = choice(CHARTS, "loss", "Chart", style="row",
        doc="The loss of the noise; the loss of all three predictions; or the weights that these give to one error.")
    schedule = choice(SCHEDULE_NAMES, "cosine", "Schedule", "The share of signal that is left at t.", folded=True)
    seed = seed(3, "The same seed gives the same picture, noise and error.")

    panel = Panel(
        Transport("Add noise", plays="t", seconds=6), frames="t", main=("model", "skill", "data_set"),
        readouts=[Readout("t", "t", ".2f"), Readout("alpha_bar", "ᾱ(t)", ".3f"), Readout("gap", "mean gap", ".3g"),
            Readout("floor", "floor", ".2g")],
        measures=[
            Measure("as_eps", "squared gap of the noise ε", ".3g", "expected", ".3g",
                doc="Mean over the picture, beside its expected value for this predictor."),
            Measure("as_x0", "of the clean x₀", ".3g", "weight", ".3g",
                doc="The same prediction as a clean picture; beside it, how many times the gap of the noise that is."),
            Measure("as_v", "of the velocity v", ".3g", "weight", ".3g",
                doc="The same prediction as a velocity; beside it, how many times the gap of the noise that is."),
            Measure("batch", "8 pictures at this t", ".3f", "2 (1 − a)", ".3f", when={"model": "skill"},
                doc="Mean squared gap of the noise and its standard error; the expected value is the same at every t."),
            Measure("floor_error", "floor: least gap of ε at this t", ".3g", "±", ".1g",
                doc="Of the best possible predictor; the standard error is 0 where it is exact.")])

    row = Plane(1,
        Image("tiles", "ink"),
        Heat("gap", "acc", strongest=1.0, smooth=False, when={"data_set": "pictures"}, legend="squared gap",
            ramp=("0", f"{LOUDEST:g} or more")),
        Boxes("bars", "ink", when={"data_set": "uneven_modes"}, legend="24 values"),
        Boxes("gap_bars", "acc", when={"data_set": "uneven_modes"}, legend="squared gap"),
        Points("truth", "acc", size=4, when={"data_set": "uneven_modes"}, legend="the truth beside the guess"),
        Lines("frames", "line", width=1),
        Texts("above", "ink", size="12px"), Texts("under", "mute", size="12px"), Texts("between", "ink", size="16px"),
        x=(-MARGIN, WIDTH - MARGIN), y=(-BELOW, SIDE + ABOVE))
    loss = Axes("Mean squared gap of the noise against t",
        Lines("expected", "ink", width=1.5, legend="given skill: 2 (1 − a) at every t", when={"model": "skill"}),
        Segments("errors", "ink", width=1.2, alpha=0.7, when={"model": "skill"}),
        Points("measured", "ink", size=4, legend="measured on 8 pictures, ± 2 standard errors",
            when={"model": "skill"}),
        Lines("floor", "acc", dash=(5, 3), legend="floor: the best possible predictor"),
        Points("here", "acc", size=10, alpha=1, legend="the row above"),
        y=(0, 2.15), y_label="mean gap", when={"chart_shows": "loss"}, **CHART)
    targets = Axes("Loss of this predictor, as ε, x₀ or v, against t", *three(),
        Points("here", "ink", size=9, alpha=1, legend="the row above"),
        y_label="mean gap", when={"chart_shows": "targets"}, **CHART, **LOG)
    weights = Axes("Weight of an error of the clean x₀ in each loss, against t", *three(),
        Lines("now", "mute", width=1, legend="this t"),
        y_label="weight", when={"chart_shows": "weights"}, **CHART, **LOG)
    # fmt: on

    # --- computed results --------------------------------------------------------------------------------------------

    @computed
    def mixture(self) -> GaussianMixture:
        """The data."""
        return kernel.DATA[self.data_set]

    @computed
    def level(self) -> Level:
        """The noise level at t."""
        return SCHEDULES[self.schedule].level(self.t)

    @computed
    def levels(self) -> Level:
        """The noise levels at TIMES."""
        return SCHEDULES[self.schedule].level(TIMES)

    @property
    def place(self) -> int:
        """Place of t among TIMES."""
        return int(np.argmin(np.abs(TIMES - self.t)))

    @computed
    def example(self) -> kernel.Example:
        """What is shown: one picture, or 24 points."""
        return kernel.Example.draw(self.mixture, kernel.EXAMPLES[self.data_set], seeded(self.seed))

    @computed
    def shown(self) -> kernel.Row:
        """The row of the picture."""
        example, level = self.example, self.level
        xt = parameterisation.noise(example.x0, example.eps, level.alpha_bar)
        if self.model == "exact":
            eps_hat = kernel.best_prediction(self.mixture, xt, level)
        else:
            eps_hat = kernel.at_skill(example.eps, example.eta, self.skill)
        return kernel.Row.of(example, eps_hat, xt, level, self.prediction)

    @computed
    def gap_of_noise(self) -> float:
        """Mean squared gap of the row, as noise."""
        return float(np.mean(self.shown.gap) / kernel.weight(self.prediction, self.level))

    @computed
    def batches(self) -> tuple[np.ndarray, np.ndarray]:
        """Noise and error of the pictures behind the measured losses."""
        return kernel.batches(seeded((self.seed, 1)))

    @computed
    def measured(self) -> tuple[np.ndarray, np.ndarray]:
        """Loss of given skill at each of TIMES, with its standard error."""
        return kernel.measured_losses(*self.batches, self.skill)

    @computed(work=True, keep=10, unit="levels")
    def floor(self) -> Any:
        """The least loss of any predictor at each of TIMES."""
        return (yield from kernel.floor.work(self.mixture, SCHEDULES[self.schedule]))

    def _expected(self) -> np.ndarray:
        """Expected loss of the noise of this predictor at TIMES, (T,)."""
        if self.model == "exact":
            found: np.ndarray = self.floor.mean
            return found
        return np.full(len(TIMES), kernel.expected_gap(self.skill))

    # --- layers ------------------------------------------------------------------------------------------------------

    @row.layer("tiles")
    def _(self) -> dict[str, Any]:
        image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        if self.data_set == "pictures":
            found = self.shown
            for k, values in enumerate((found.x0, found.eps, found.xt, found.predicted)):
                grey = np.clip(127.5 * (1.0 + values.reshape(SIDE, SIDE) / WHITE), 0, 255)
                tile = image[ABOVE : ABOVE + SIDE, MARGIN + k * PITCH : MARGIN + k * PITCH + SIDE]
                tile[..., :3], tile[..., 3] = grey[..., None], 255
        return {"image": image}

    @row.layer("gap")
    def _(self) -> dict[str, Any]:
        image = np.zeros((HEIGHT, WIDTH))
        gap = np.minimum(self.shown.gap.reshape(SIDE, SIDE) / LOUDEST, 1.0)
        image[BELOW : BELOW + SIDE, MARGIN + 4 * PITCH : MARGIN + 4 * PITCH + SIDE] = gap[::-1]
        return {"image": image}

    @row.layer("bars", "gap_bars", "truth")
    def _(self) -> Iterator[dict[str, Any]]:
        found, across = self.shown, np.arange(SIDE) + 0.5
        values = np.stack([x[:, 0] for x in (found.x0, found.eps, found.xt, found.predicted)])
        heights = np.clip(values / TALL, -1, 1) * SIDE / 2
        x = across + PITCH * np.arange(4)[:, None]
        at = np.stack([x, SIDE / 2 + heights / 2], axis=-1).reshape(-1, 2)
        yield {"at": at, "size": np.stack([np.full(at.shape[:1], 0.7), np.abs(heights).ravel()], axis=1)}
        gap = np.minimum(found.gap[:, 0] / LOUDEST, 1.0) * SIDE
        size = np.stack([np.full(SIDE, 0.7), gap], axis=1)
        yield {"at": np.stack([across + 4 * PITCH, gap / 2], axis=1), "size": size}
        target = SIDE / 2 * (1 + np.clip(found.target[:, 0] / TALL, -1, 1))
        yield {"x": np.stack([across + 3 * PITCH, target], axis=1)}

    @row.layer("frames")
    def _(self) -> dict[str, Any]:
        corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE), (0, 0)], float)
        return {"paths": corners[:, None] + PITCH * np.arange(5)[None, :, None] * np.array([1.0, 0.0])}

    @row.layer("above", "under", "between")
    def _(self) -> Iterator[dict[str, Any]]:
        middles = SIDE / 2 + PITCH * np.arange(5)
        guess, gap = HATS[self.prediction]
        above = ["clean x₀", "noise ε", "input xₜ", guess, gap]
        yield {"at": np.stack([middles, np.full(5, SIDE + 3.6)], axis=1), "text": above}
        level = self.level
        under = [f"× {level.signal:.2f}", f"× {level.sigma_t:.2f}", "", "", f"mean {np.mean(self.shown.gap):.2f}"]
        yield {"at": np.stack([middles, np.full(5, -4.0)], axis=1), "text": under}
        at = np.stack([middles[:4] + PITCH / 2, np.full(4, SIDE / 2)], axis=1)
        yield {"at": at, "text": ["+", "=", "→", "→"]}

    @loss.layer("expected", "measured", "errors")
    def _(self) -> Iterator[dict[str, Any]]:
        expected, (mean, error) = kernel.expected_gap(self.skill), self.measured
        some = slice(0, None, 2)
        yield {"x": [0, 1.02], "y": [expected, expected]}
        yield {"x": np.stack([TIMES, mean], axis=1)[some]}
        low, high = mean - 2 * error, mean + 2 * error
        yield {"start": np.stack([TIMES, low], 1)[some], "end": np.stack([TIMES, high], 1)[some]}

    @loss.layer("floor")
    def _(self) -> dict[str, Any]:
        return {"x": TIMES, "y": self.floor.mean}

    @loss.layer("here")
    def _(self) -> dict[str, Any]:
        return {"x": [(self.t, min(self.gap_of_noise, self.loss.y[1]))]}

    @targets.layer(*THREE)
    def _(self) -> Iterator[dict[str, Any]]:
        for name in AS:
            loss = self._expected() * kernel.weight(name, self.levels)
            yield {"x": TIMES, "y": np.where((loss >= 1e-3) & (loss <= 1e3), loss, np.nan)}

    @targets.layer("here")
    def _(self) -> dict[str, Any] | None:
        gap = float(np.mean(self.shown.gap))
        return {"x": [(self.t, gap)]} if 1e-3 <= gap <= 1e3 else None

    @weights.layer(*THREE)
    def _(self) -> Iterator[dict[str, Any]]:
        for name in AS:
            weight = kernel.weight(name, self.levels) / kernel.weight("x0_hat", self.levels)
            yield {"x": TIMES, "y": np.where((weight >= 1e-3) & (weight <= 1e3), weight, np.nan)}

    @weights.layer("now")
    def _(self) -> dict[str, Any]:
        return {"x": [self.t, self.t], "y": [1e-3, 1e3]}

    # --- readings ----------------------------------------------------------------------------------------------------

    @readings
    def of_row(self) -> dict[str, Any]:
        """Time, signal left, and the squared gap of the row as each of the three predictions."""
        gap, level = self.gap_of_noise, self.level
        weights = {key: float(kernel.weight(name, level)) for name, (key, _, _) in AS.items()}
        return {
            "t": self.t, "alpha_bar": level.alpha_bar, "gap": float(np.mean(self.shown.gap)),
            "as_x0": (gap * weights["as_x0"], weights["as_x0"]), "as_v": (gap * weights["as_v"], weights["as_v"]),
        }  # fmt: skip

    @readings
    def of_noise(self) -> dict[str, Any]:
        """The squared gap of the noise beside its expected value."""
        return {"as_eps": (self.gap_of_noise, float(self._expected()[self.place]))}

    @readings
    def of_batch(self) -> dict[str, Any]:
        """Measured loss at given skill beside its expected value."""
        mean, error = (float(part[self.place]) for part in self.measured)
        return {"batch": (Estimate(mean, error), kernel.expected_gap(self.skill))}

    @readings
    def of_floor(self) -> dict[str, Any]:
        """The floor at this t, and its standard error."""
        mean, error = float(self.floor.mean[self.place]), float(self.floor.error[self.place])
        return {"floor": mean, "floor_error": (mean, error)}

    def status(self) -> Status:
        """Which predictor, and how exact its numbers are."""
        exact = "floor exact, by quadrature, float64"
        if self.data_set == "pictures":
            exact = f"exact posterior of {kernel.NUM_PICTURES} pictures with grain, floor as a mean over drawn inputs"
        if self.model == "exact":
            return Status("prediction E[ε | input] from the exact score", exact)
        mix = f"{self.skill:.2f} ε + {np.sqrt(1 - self.skill**2):.2f} η"
        return Status(f"prediction {mix} (η: fresh noise), whatever the input", exact)

    def describe(self) -> str:
        """The picture in words."""
        r, level = self.reading_texts, self.level
        data = "A small picture" if self.data_set == "pictures" else "Points on a line"
        who = "the best possible predictor" if self.model == "exact" else f"a predictor of skill {self.skill:.2f}"
        what = {"eps_hat": "the noise", "x0_hat": "the clean data", "v_pred": "the velocity"}[self.prediction]
        skill = ""
        if self.model == "skill":
            skill = f"skill {self.skill:.2f} is expected to have a gap of {r['batch_true']} at every t; "
        chart = {
            "loss": f"Chart: {skill}the floor, the least gap of the noise that any predictor can have, is"
            f" {r['floor']} at this t.",
            "targets": f"The gap is {r['as_eps']} as noise, {r['as_x0']} as clean data, {r['as_v']} as velocity.",
            "weights": f"An error of the clean data counts {level.snr:.3g} times in the loss of the noise, once in its"
            f" own and {1.0 + level.snr:.3g} times in that of the velocity.",
        }[self.chart_shows]
        return (
            f"{data} times {level.signal:.2f} plus noise times {level.sigma_t:.2f} is the input, at t = {r['t']}"
            f" ({self.label('schedule')} schedule). From it {who} predicts {what}; the mean squared gap is {r['gap']}."
            f" As noise it is {r['as_eps']}, expected {r['as_eps_true']}. {chart}"
        )

    def table(self) -> dict[str, np.ndarray]:
        """The row: clean value, noise, input, target, prediction and squared gap of each pixel or point."""
        found = self.shown
        parts = {"x0": found.x0, "eps": found.eps, "xt": found.xt, "target": found.target, "predicted": found.predicted}
        return {name: part.ravel() for name, part in (parts | {"gap": found.gap}).items()}

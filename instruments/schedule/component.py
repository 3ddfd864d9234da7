"""Five noise schedules on the same data with the same noise: when each destroys what, and what few steps cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Instrument, Measure, Panel, Readout, Status, Transport, choice, computed, number, readings, seed, switch, whole,
)  # fmt: skip

from diffusion_lab.app.instrument.scenes import (  # isort: skip
    BY_PART, Axes, Bars, Heat, Lines, Points, Segments, Texts,
)  # fmt: skip
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.parameterisation import noise
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.schedules import SCHEDULES, Cosine
from diffusion_lab.instruments.schedule import kernel

from diffusion_lab.instruments.schedule.charts import (  # isort: skip
    ALL, HALF, LABELS, LOSSES, NAMES, OFFSET, QUANTITIES, SHARE, SHORT, chart_of, loss_layers, names, pieces, row,
)  # fmt: skip
from diffusion_lab.instruments.schedule.kernel import STEPS, TIMES

ROW_CELLS, MARGIN = 50, 16  # cells across a row, and columns of cells beside the picture for the density at t
END = 1 + 0.01 * MARGIN  # where the picture ends, in units of t
NUM_PATHS, CHAIN_POINTS = 6, 2000
EDGES = np.linspace(-HALF, HALF, 49)  # of the histogram's bins
FINE = np.linspace(-HALF, HALF, 181)  # where densities are drawn as lines
FEW, MANY = STEPS.index(5), STEPS.index(50)
# fmt: off
DATA_SETS = {"two_modes": "Two modes", "uneven_modes": "30 % and 70 %", "two_pairs": "Two pairs"}
CHARTS = {**{name: quantity.title for name, quantity in QUANTITIES.items()}, "few_steps": "DDIM in few steps",
    "chain": "Chain and one jump"}
# fmt: on


class Schedules(Instrument):
    """Points on a line, noised under five schedules at once with the same noise; each loss has its moment."""

    title = "Noise schedules"
    question = "When does each schedule destroy what, and which wastes its steps?"
    editable = (Cosine.alpha_bar, kernel.forward_step, kernel.same_paths, GaussianMixture.score, ddim)

    # fmt: off
    t = number(0.3, 0, 1, 0.01, "Time", "Time of the forward process, the same for all schedules: 0 data, 1 noise.",
        symbol="t", ends=("data", "noise"))
    schedule = choice(LABELS, "linear", "Numbers for",
        "The schedule of the read-outs, of the measures and of the chain.")
    chart_shows = choice(CHARTS, "alpha_bar", "Chart", "The quantity in the chart, for all schedules at once.")
    data_set = choice(DATA_SETS, "two_modes", "Data", "The modes on the line, each a Gaussian: at −2 and 2, or four.")
    num_steps = whole(20, 2, 200, "Steps of the chain", symbol="T", when={"chart_shows": "chain"},
        doc="How many small steps the chain takes from t = 0 to t = 1.")
    seed = seed(1, "The same seed gives the same points and the same noise.")
    show_paths = switch(True, "Paths", "Six points under each schedule: the same points and the same noise.")
    show_losses = switch(True, "Losses", "The three moments of each schedule.")

    panel = Panel(
        Transport("Add noise", plays="t", seconds=7), frames="t", main=("schedule", "chart_shows"),
        readouts=[Readout("t", "t", ".2f"), Readout("alpha_bar", "ᾱ(t)", ".3f"), Readout("log_snr", "log-SNR", ".1f"),
            Readout("bits", "bits left", ".2f")],
        measures=[
            Measure("half", "half is noise at t", ".3f", "bits left then", ".2f",
                doc="Where ᾱ = 1/2: signal and noise have equal weights, and the SNR is 1."),
            Measure("modes", "modes merged from t", ".3f", "bits left then", ".2f",
                doc="Where the exact density first has fewer peaks than the data."),
            Measure("information", "class unknown from t", ".3f", "time after that", ".0%",
                doc="Where a noised point carries less than 0.1 bit about its mode, and the share of t that follows."),
            Measure("terminal", "signal left at t = 1, √ᾱ", ".2g", "log-SNR", ".1f",
                doc="Samplers start from pure noise, where no signal is left."),
            Measure("few", "distance after 5 steps of DDIM", ".3f", "after 50", ".3f",
                doc="Earth mover's distance of DDIM's samples on the exact score, in equal steps of t."),
            Measure("difference", "chain minus one jump", ".0e", "steps", "d",
                doc="Largest difference of mean factor or variance between the chain of T steps and equation (1.2).")])

    picture = Axes("The same data with the same noise under five schedules",
        Heat("density", "ink", strongest=0.4, legend="exact density of xₜ at each t", ramp=("0", "its peak")),
        Lines("paths", "ink", width=1, alpha=0.45, when="show_paths", legend="the same points, the same noise"),
        *loss_layers(when="show_losses"),
        Lines("cursor", "acc", width=1.5),
        Lines("profile", "acc", width=1.8, legend="the t of the slider, and the density there"),
        Points("points", BY_PART, size=6, when="show_paths"),
        Texts("names", BY_PART, size="13px", align="left"),
        x=(0, END), y=(0, len(NAMES)), x_label="time t, from data to noise", y_label="xₜ",
        ticks={"x": (0, 0.2, 0.4, 0.6, 0.8, 1), "y": ()}, aspect=1.5, place="picture")
    alpha_bar, log_snr, beta, information = map(chart_of, QUANTITIES)
    few_steps = Axes("Distance of DDIM's samples to the data against steps", Segments("curves", BY_PART, width=2),
        Points("nodes", BY_PART, size=5), Segments("floor", BY_PART, width=1.2, alpha=0.8,
            legend="thin: floor, with infinitely many steps"),
        Texts("names", BY_PART, size="12px", align="left"),
        x=(1.8, 56), y=(1e-3, 3), log="xy", ticks={"x": (2, 5, 10, 20, 50), "y": (0.001, 0.01, 0.1, 1)},
        x_label="steps, equal in t", y_label="distance", aspect=1.75, when={"chart_shows": "few_steps"})
    chain = Axes("xₜ by the chain up to t, and by one jump", Bars("chain", "field", width=EDGES[1] - EDGES[0],
            legend="2000 points, step by step"),
        Lines("jump", "acc", width=1.8, legend="the same points, one jump with other noise"),
        Lines("exact", "ink", width=1.5, dash=(5, 3), legend="exact density"),
        x=(-HALF, HALF), y=(0, 0.85), x_label="xₜ", y_label="density", aspect=1.75, when={"chart_shows": "chain"})
    # fmt: on

    # --- computed results --------------------------------------------------------------------------------------------

    @computed
    def mixture(self) -> GaussianMixture:
        """The data."""
        return kernel.DATA[self.data_set]

    @computed
    def level(self) -> Level:
        """The level of the chosen schedule at t."""
        return kernel.level_of(SCHEDULES[self.schedule], self.t)

    @computed(keep=3)
    def losses(self) -> kernel.Losses:
        """The alpha_bar at which each quantity is lost."""
        return kernel.Losses.of(self.mixture)

    @computed
    def paths(self) -> dict[str, np.ndarray]:
        """Paths of the same points with the same noise under each schedule, (T, N)."""
        rng = seeded(self.seed)
        return kernel.same_paths(self.mixture.sample(NUM_PATHS, rng)[0][:, 0], rng)

    @computed(work=True, keep=3, unit="levels")
    def bits(self) -> Any:
        """Class information under each schedule at TIMES."""
        return (yield from kernel.information_curves.work(self.mixture))

    @computed(work=True, keep=3, background=True, unit="schedules")
    def sampled(self) -> Any:
        """DDIM's distance to the data in few steps."""
        return (yield from kernel.few_steps.work(self.mixture))

    @computed
    def betas(self) -> np.ndarray:
        """The chain of the chosen schedule, (T,)."""
        return SCHEDULES[self.schedule].betas(self.num_steps)

    @computed
    def clean(self) -> np.ndarray:
        """The points of the chain, before any noise."""
        return self.mixture.sample(CHAIN_POINTS, seeded((self.seed, 1)))[0][:, 0]

    @computed
    def states(self) -> np.ndarray:
        """The points after each step of the chain, (T + 1, N)."""
        return kernel.chain(self.clean, self.betas, seeded((self.seed, 2)))

    @property
    def place(self) -> int:
        """Place of t among TIMES."""
        return round(self.t * (len(TIMES) - 1))

    def values_of(self, quantity: str) -> dict[str, np.ndarray]:
        """A quantity of the charts under each schedule at TIMES, (T,)."""
        if quantity == "information":
            bits: dict[str, np.ndarray] = self.bits
            return bits
        if quantity == "beta":
            return {name: kernel.beta_of(schedule, TIMES) for name, schedule in SCHEDULES.items()}
        return {name: getattr(kernel.level_of(schedule, TIMES), quantity) for name, schedule in SCHEDULES.items()}

    # --- layers ------------------------------------------------------------------------------------------------------

    @picture.layer("density")
    def _(self) -> dict[str, Any]:
        times = (np.arange(100) + 0.5) / 100
        places = ((np.arange(ROW_CELLS) + 0.5) / ROW_CELLS - OFFSET) * HALF / SHARE
        image = np.zeros((len(NAMES) * ROW_CELLS, 100 + MARGIN))
        for k, schedule in enumerate(reversed(SCHEDULES.values())):
            density = kernel.densities(self.mixture, schedule.level(times), places)
            density[np.abs(places) > HALF + 1e-6] = 0.0
            image[k * ROW_CELLS : (k + 1) * ROW_CELLS, :100] = density / density.max(axis=0)
        return {"image": image}

    @picture.layer("paths")
    def _(self) -> dict[str, Any]:
        every = slice(None, None, 2)
        heights = np.concatenate([row(name, x[every]) for name, x in self.paths.items()], axis=1)
        times = np.broadcast_to(TIMES[every, None], heights.shape)
        return {"paths": np.stack([times, np.clip(heights, 0, len(NAMES))], axis=-1)}

    @picture.layer(*LOSSES)
    def _(self) -> Iterator[dict[str, Any]]:
        times = np.array([self.losses.times(schedule) for schedule in SCHEDULES.values()])
        ends = np.array([[row(name, sign * HALF) for name in NAMES] for sign in (-1, 1)])
        for column in times.T:
            yield {"paths": np.stack([np.broadcast_to(column, ends.shape), ends], axis=-1)}

    @picture.layer("cursor", "profile", "points")
    def _(self) -> Iterator[dict[str, Any]]:
        yield {"x": [self.t, self.t], "y": [0, len(NAMES)]}
        heights = np.stack([row(name, FINE) for name in NAMES], axis=1)
        density = [kernel.densities(self.mixture, s.level(np.array([self.t])), FINE)[:, 0] for s in SCHEDULES.values()]
        out = np.transpose([1.008 + (END - 1.015) * p / p.max() for p in density])
        yield {"paths": np.stack([out, heights], axis=-1)}
        at = round(self.t * (len(TIMES) - 1))
        places = np.concatenate([row(name, x[at]) for name, x in self.paths.items()])
        xy = np.stack([np.full(len(places), self.t), places], axis=1)
        yield {"x": xy, "part": np.repeat(ALL, NUM_PATHS)}

    @picture.layer("names")
    def _(self) -> dict[str, Any]:
        at = [(0.008, float(row(name, HALF)) + 0.09) for name in NAMES]
        return names(at, list(LABELS.values()))

    @few_steps.layer("curves", "nodes", "floor", "names")
    def _(self) -> Iterator[dict[str, Any]]:
        error = np.stack(list(self.sampled.error.values()))
        floor = np.array([x if x >= self.few_steps.y[0] else np.nan for x in self.sampled.floor.values()])
        yield pieces(np.array(STEPS), error)
        steps = np.broadcast_to(STEPS, error.shape)
        yield {"x": np.stack([steps.ravel(), error.ravel()], axis=1), "part": np.repeat(ALL, len(STEPS))}
        yield pieces(np.array([STEPS[0], STEPS[-1]]), np.stack([floor, floor], axis=1))
        yield names([(2.1, 0.05 / 2.3**k) for k in ALL], SHORT)

    @chain.layer("chain", "jump", "exact")
    def _(self) -> Iterator[dict[str, Any]]:
        k = round(self.t * self.num_steps)
        at = Level.from_alpha_bar(float(np.prod(1.0 - self.betas[:k])))
        jump = noise(self.clean, seeded((self.seed, 3)).standard_normal(CHAIN_POINTS), at.alpha_bar)
        heights = [np.histogram(x, EDGES)[0] / (CHAIN_POINTS * np.diff(EDGES)) for x in (self.states[k], jump)]
        yield {"x": (EDGES[1:] + EDGES[:-1]) / 2, "height": heights[0]}
        yield {"x": np.repeat(EDGES, 2)[1:-1], "y": np.repeat(heights[1], 2)}
        yield {"x": FINE, "y": kernel.densities(self.mixture, at, FINE)[:, 0]}

    # --- readings ----------------------------------------------------------------------------------------------------

    @readings
    def of_level(self) -> dict[str, float]:
        """Time, and the level of the chosen schedule there."""
        return {"t": self.t, "alpha_bar": self.level.alpha_bar, "log_snr": self.level.log_snr}

    @readings
    def of_class(self) -> dict[str, float]:
        """Class information that is left under the chosen schedule at t."""
        return {"bits": kernel.class_information(self.mixture, self.level)}

    @readings
    def of_schedule(self) -> dict[str, Any]:
        """The three moments, the signal left at the end, and the difference of chain and jump."""
        schedule = SCHEDULES[self.schedule]
        half, modes, information = self.losses.times(schedule)
        bits = [kernel.class_information(self.mixture, Level.from_alpha_bar(x)) for x in astuple(self.losses)]
        end = kernel.level_of(schedule, 1.0)
        return {
            "half": (half, bits[0]), "modes": (modes, bits[1]), "information": (information, 1.0 - information),
            "terminal": (end.signal, end.log_snr),
            "difference": (kernel.difference_of_laws(self.betas), self.num_steps),
        }  # fmt: skip

    @readings
    def of_samples(self) -> dict[str, Any]:
        """DDIM's distance to the data."""
        error = self.sampled.error[self.schedule]
        return {"few": (float(error[FEW]), float(error[MANY]))}

    def status(self) -> Status:
        """What is exact and how it was computed."""
        gaussians = f"density, score and class information of {len(self.mixture.weights)} Gaussians exact, float64"
        return Status(f"{len(NAMES)} schedules, {NUM_PATHS} points with the same noise under each", gaussians)

    def describe(self) -> str:
        """The picture in words."""
        moments = [
            f"{LABELS[name]}: half is noise at t = {half:.2f}, modes can no longer be counted from {modes:.2f},"
            f" the class is unknown from {information:.2f}"
            for name, schedule in SCHEDULES.items()
            for half, modes, information in [self.losses.times(schedule)]
        ]
        r = self.reading_texts
        return (
            f"{self.label('data_set')} on a line, noised under five schedules with the same noise, at t = {r['t']}."
            f" {'; '.join(moments)}. Under {self.label('schedule')} ᾱ is {r['alpha_bar']} at this t, {r['bits']} bits"
            f" about the mode are left, and at t = 1 the signal's amplitude is {r['terminal']}."
            f" Chart, {self.label('chart_shows')}: {self._chart_in_words()}."
        )

    def _chart_in_words(self) -> str:
        if self.chart_shows == "few_steps":
            error = self.sampled.error.items()
            return "; ".join(f"{LABELS[name]} {e[FEW]:.2f} in 5 steps, {e[MANY]:.3f} in 50" for name, e in error)
        if self.chart_shows == "chain":
            step, difference = round(self.t * self.num_steps), self.reading_texts["difference"]
            return (
                f"{CHAIN_POINTS} points after {step} of {self.num_steps} steps of the chain and after one jump;"
                f" the two laws differ by {difference}"
            )
        found = self.values_of(self.chart_shows)
        words = "; ".join(f"{LABELS[name]} {values[self.place]:.3g}" for name, values in found.items())
        return words.replace("inf", "∞").replace("-", "−")

    def table(self) -> dict[str, np.ndarray]:
        """The level of each schedule at each t, the bits that are left, and the paths."""
        columns: dict[str, np.ndarray] = {"t": TIMES}
        for name, schedule in SCHEDULES.items():
            columns[f"alpha_bar_{name}"] = np.asarray(schedule.alpha_bar(TIMES))
            columns[f"bits_{name}"] = self.bits[name]
            columns |= {f"x{k}_{name}": path for k, path in enumerate(self.paths[name].T)}
        return columns

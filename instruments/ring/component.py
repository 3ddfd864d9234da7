"""The ring on its front panel: data noised forward by a slider, and the road back by the exact score."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np
import param
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import FrontPanel
from diffusion_lab.instruments.common import datasets, schedules
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers import ddim, ddpm, dpm_solver, langevin, ode, sde
from diffusion_lab.instruments.common.samplers.state import SamplerState
from diffusion_lab.instruments.ring import kernel, runs
from diffusion_lab.instruments.ring.panel import FRONT_PANEL
from diffusion_lab.instruments.ring.pictures import EXTENT, UNKNOWN, Picture

FIELD = EXTENT * np.linspace(-0.93, 0.93, 19)  # where arrows stand, along both axes
HALF_LENGTH_SCORE = 4.0  # the score, in 1/unit, whose arrow is half as long as the longest
DENSITY_SIDE = 96  # cells a side
NUM_POINTS = kernel.NUM_POINTS
MAX_FRAMES = 240
MAX_FRAMES_OF_MANY = 120  # 20000 points in float32 take 0.16 MB a frame
PATH_POINTS = 40  # points that show where they came from
PATH_FRAMES = 14  # and how far back
MEASURED_MOVING = 520  # points that measures look at while the hand moves; at rest all
#: Work is counted in terms of the score: points × Gaussians × evaluations. A run of at most AT_ONCE is computed when
#: it is asked for; a longer one is computed as it plays, at most A_SLICE for one picture.
AT_ONCE, A_SLICE = 48e6, 1e6

SAMPLERS = {
    "Langevin": "langevin",
    "DDPM": "ddpm",
    "DDIM": "ddim",
    "reverse_SDE": "sde_euler",
    "ODE_Euler": "ode_euler",
    "ODE_Heun": "ode_heun",
    "DPM-Solver++": "dpm_solver_pp_2m",
}

DATA_SETS = {
    "ring": "a six-cluster ring",
    "moons": "two moons",
    "spiral": "a two-armed spiral",
    "checkerboard": "a checkerboard",
    "swiss_roll": "a Swiss roll",
    "drawn": "a drawing",
}


@lru_cache(maxsize=8)
def _load(data_set: str, drawing: str) -> datasets.DataSet:
    """A data set by name; where nothing is drawn yet, one cluster in the middle stands in."""
    if data_set != "drawn":
        return datasets.DATA_SETS[data_set]()
    return datasets.drawn(drawing or datasets.encode([[0.0, 0.0]], EXTENT), EXTENT)


@dataclass(eq=False)
class _Road:
    """One way back: what it was asked for with, the run, and the time that it has taken so far."""

    key: tuple[object, ...]
    data: datasets.DataSet
    run: runs.Run
    at_a_time: int | None  # steps that may be computed for one picture; None: all of them
    milliseconds: float = 0.0

    def compute(self, frame: int) -> int:
        """Go on towards `frame`, or to the end where that is quick; returns the frame that can be shown."""
        start = time.perf_counter()
        if self.at_a_time:
            self.run.compute(frame, self.at_a_time)
        else:
            self.run.compute(self.run.num_frames - 1)
        self.milliseconds += 1000 * (time.perf_counter() - start)
        return min(frame, len(self.run.frames) - 1)

    @cached_property
    def unknown(self) -> np.ndarray:
        return np.full(len(self.run.frames[0].x), UNKNOWN)

    @cached_property
    def destination(self) -> np.ndarray:
        """The part (N,) that each point ends nearest to."""
        return self.data.part[nearest(self.run.frames[-1].x, self.data.mixture.means)]

    @property
    def part(self) -> np.ndarray:
        """What colours a point: where it ends, as soon as that is known."""
        return self.destination if self.run.complete else self.unknown


class Ring(Instrument):
    """Six clusters on a ring, or another set of points, dissolved by the forward process and recovered by sampling."""

    title: ClassVar[str] = "Ring of clusters"
    figure_extent: ClassVar[tuple[float, float]] = (EXTENT, EXTENT)
    front_panel: ClassVar[FrontPanel] = FRONT_PANEL
    editable = (
        GaussianMixture.score,
        kernel.forward,
        schedules.Exponential.alpha_bar,
        langevin.annealed_langevin,
        ddpm.ddpm,
        ddim.ddim,
        sde.sde_euler,
        ode.slope,
        ode.heun_step,
        dpm_solver.dpm_solver_pp_2m,
    )
    kept = ("_road",)

    mode = param.Selector(
        default="forward",
        objects=["clean", "forward", "reverse"],
        label="Mode",
        doc="Clean data; the forward process at t; or the reverse process, sampled from noise.",
    )
    t = param.Number(
        default=0.18,
        bounds=(0.0, 1.0),
        step=0.01,
        label="Noise level",
        doc="Time of the forward process: 0 is clean, 1 is noise.",
    )
    progress = param.Number(
        default=1.0,
        bounds=(0.0, 1.0),
        step=0.005,
        label="Sampling progress",
        doc="How far along the reverse process the picture stands: 0 is pure noise, 1 is the finished sample.",
    )
    data_set = param.Selector(
        default="ring",
        objects=list(DATA_SETS),
        label="Data",
        doc="The ring of clusters, or a set of points with a Gaussian kernel about each: the score is exact for all.",
    )
    drawing = param.String(
        default="",
        regex=r"^([0-9a-z]{4}){0,150}$",
        label="Drawing",
        doc="The points of the drawn set, four base-36 digits each: x, then y, in 1295ths of the picture.",
    )
    num_points = param.Selector(
        default="520", objects=["520", "2000", "20000"], label="Points", doc="How many points are drawn and sampled."
    )
    sampler = param.Selector(
        default="Langevin",
        objects=list(SAMPLERS),
        label="Sampler",
        doc="The way back: annealed Langevin at each level, or one step from each level to the next.",
    )
    num_levels = param.Integer(
        default=60,
        bounds=(5, 120),
        step=1,
        label="Noise levels",
        doc="Noise levels that the sampler goes through.",
    )
    langevin_steps = param.Integer(
        default=kernel.NUM_STEPS,
        bounds=(1, 20),
        step=1,
        label="Steps at each level",
        doc="Langevin steps that are taken at every noise level.",
    )
    eta = param.Number(
        default=0.0,
        bounds=(0.0, 1.0),
        step=0.05,
        label="Fresh noise",
        doc="How much noise DDIM adds: 0 none, 1 as much as DDPM with the variance of its posterior.",
    )
    seed = param.Integer(
        default=4,
        bounds=(0, 9999),
        label="Seed",
        doc="The same seed gives the same points and the same noise.",
    )
    show_field = param.Boolean(
        default=True, label="Score field", doc="Arrows uphill in log density; length grows with the score."
    )
    show_density = param.Boolean(
        default=False, label="Density", doc="Shading by the exact density of the points at this noise level."
    )
    show_paths = param.Boolean(
        default=False, label="Paths", doc="Where forty of the points have just come from, in reverse."
    )

    _road: _Road | None = None
    _part: np.ndarray | None = None

    # --- what is computed --------------------------------------------------------------------------------------------

    @property
    def _data(self) -> datasets.DataSet:
        return _load(self.data_set, self.drawing if self.data_set == "drawn" else "")

    def _draw(self) -> None:
        """Clean points and the noise that dissolves them, from the seed."""
        rng = seeded(self.seed)
        self._x0, component = kernel.draw_clean(self._data.mixture, int(self.num_points), rng)
        self._x0_part = self._data.part[component]
        self._eps = rng.standard_normal(self._x0.shape)

    def _back(self) -> _Road:
        """The way back from the seed, as far as it has been computed; kept until what it depends on changes."""
        langevin, eta = self.sampler == "Langevin", self.eta if self.sampler == "DDIM" else 0.0
        num_steps = self.langevin_steps if langevin else 1
        key = (self._data, self.seed, self.num_points, self.sampler, self.num_levels, num_steps, eta)
        if self._road is not None and self._road.key == key:
            return self._road
        mixture, many = self._data.mixture, int(self.num_points)
        rng = seeded(self.seed)
        options = {"num_steps": num_steps} if langevin else {"eta": eta} if self.sampler == "DDIM" else {}
        frames = kernel.sample(mixture, SAMPLERS[self.sampler], many, self.num_levels, rng=rng, **options)
        run = runs.Run(frames, self.num_levels * num_steps, MAX_FRAMES_OF_MANY if many > 2000 else MAX_FRAMES)
        work = many * len(mixture.means)
        at_a_time = None if work * self._nfe() <= AT_ONCE else max(1, int(A_SLICE / work))
        self._road = _Road(key, self._data, run, at_a_time)
        return self._road

    def _nfe(self) -> int:
        return kernel.evaluations(SAMPLERS[self.sampler], self.num_levels, self.langevin_steps)

    def _index(self) -> int:
        return round(self.progress * (self._back().run.num_frames - 1))

    def _frame(self) -> SamplerState[Level]:
        return self._back().run.frames[self._index()]

    def _time(self) -> float:
        """The t of the picture, in either direction."""
        return kernel.SCHEDULE.t(self._frame().level.alpha_bar) if self.mode == "reverse" else self.t

    def settle(self, changed: frozenset[str]) -> None:
        """Mode and t agree: clean means t = 0. What is not computed yet cannot be shown: play there instead."""
        if "mode" in changed and self.mode == "clean":
            self.t = 0.0
        elif "mode" in changed and "t" not in changed and self.mode == "forward" and self.t == 0:
            self.t = self.param.t.default
        elif self.mode != "reverse":
            self.mode = "clean" if self.t == 0 else "forward"
        if self.mode != "reverse":
            self.playing = False
            return
        wanted = self._index()
        reached = self._back().compute(wanted)
        if reached < wanted:
            self.progress = reached / (self._back().run.num_frames - 1)
            self.playing = True

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Points over the score field over the density, on equal axes without furniture."""
        self.picture = Picture(self.theme)
        return self.picture.plot

    def restyle(self) -> None:
        """The same picture in the theme's colours."""
        self.picture.restyle(self.theme)

    def update(self, changed: frozenset[str]) -> None:
        """Recompute what the changed settings touch, and move the picture."""
        if {"seed", "data_set", "drawing", "num_points"} & changed:
            self._draw()
        reverse = self.mode == "reverse"
        self._x = self._frame().x if reverse else kernel.forward(self._x0, self._eps, self.t)
        part = self._back().part if reverse else self._x0_part
        self.picture.show_points(self._x, part, recoloured=part is not self._part)
        self._part = part
        self._draw_field()
        self.picture.show_density(self._density() if self.show_density else None)
        self.picture.show_paths(list(self._recent()) if self.show_paths and reverse else None)
        self._measure(MEASURED_MOVING)
        self.status = self._status_back() if reverse else self._status_forward()

    def rest(self) -> None:
        """The measures of all points."""
        self._measure(len(self._x))

    def _measure(self, count: int) -> None:
        self._measures = kernel.measures(self._x[:count], self._data.mixture, self._time())

    def _draw_field(self) -> None:
        if not self.show_field:
            return self.picture.show_field(None)
        start, score = kernel.score_field(self._data.mixture, self._time(), FIELD)
        norm = np.linalg.norm(score, axis=1, keepdims=True)
        end = start + 0.85 * (FIELD[1] - FIELD[0]) * score / (norm + HALF_LENGTH_SCORE)
        return self.picture.show_field((start, end))

    def _density(self) -> np.ndarray:
        return kernel.density(self._data.mixture, self._time(), EXTENT, DENSITY_SIDE)

    def _recent(self) -> Iterator[np.ndarray]:
        index = self._index()
        for frame in self._back().run.frames[max(0, index - PATH_FRAMES) : index + 1]:
            yield frame.x[:PATH_POINTS]

    # --- what is read ------------------------------------------------------------------------------------------------

    def _steps(self) -> str:
        at_each = f" × {self.langevin_steps} steps" if self.sampler == "Langevin" else ""
        return f"{self.num_levels} levels{at_each}"

    def _status_back(self) -> str:
        road = self._back()
        done = "" if road.run.complete else f" · {road.run.frames[-1].nfe} of {self._nfe()} evaluations, as it plays"
        return (
            f"{self._steps()} × {self.num_points} points · {road.milliseconds:.0f} ms · exact score"
            f" of {self._gaussians()}, float64{done}"
        )

    def _status_forward(self) -> str:
        if self.data_set == "drawn" and not self.drawing:
            return "Nothing is drawn yet: one cluster stands in. Draw on the picture, up to 150 points."
        return f"{self.num_points} points, one jump by equation (1.2) · exact score of {self._gaussians()}, float64"

    def _gaussians(self) -> str:
        mixture = self._data.mixture
        return f"{len(mixture.means)} Gaussian{'s' if len(mixture.means) > 1 else ''} of σ = {mixture.s:g}"

    def readings(self) -> dict[str, str | list[float]]:
        """t, ᾱ, signal, noise and NFE; mass per cluster, share within 3σ and distance, measured on the points shown."""
        alpha_bar = float(kernel.SCHEDULE.alpha_bar(self._time()))
        m = self._measures
        return {
            "t": f"{self._time():.2f}",
            "alpha_bar": f"{alpha_bar:.3f}",
            "signal": f"{alpha_bar**0.5:.3f}",
            "noise": f"{(1 - alpha_bar) ** 0.5:.3f}",
            "nfe": str(self._frame().nfe) if self.mode == "reverse" else "0",
            "mode_mass": [float(share) for share in m.mode_mass] if self.data_set == "ring" else [0.0] * 6,
            "mode_mass_true": "true 1/6",
            "within": f"{m.within:.3f}",
            "within_true": f"{m.within_true:.3f}",
            "distance": f"{m.distance:.3f}",
            "distance_true": f"{m.distance_expected:.3f}",
        }

    def describe(self) -> str:
        """The picture in words."""
        m = self._measures
        name = DATA_SETS[self.data_set]
        if self.data_set == "drawn":
            name += f" of {len(self.drawing) // 4} points"
        if self.mode == "reverse":
            how = f"{self.sampler.replace('_', ' ')}{f', η = {self.eta:.2f}' if self.sampler == 'DDIM' else ''}"
            what = (
                f"Reverse process towards {name}, {self.progress:.1%} done: {self.num_points} points sampled from noise"
                f" by {how}, {self._steps()}"
            )
        elif self.mode == "clean":
            what = f"Clean data: {self.num_points} points of {name}"
        else:
            what = f"Forward process: {self.num_points} points of {name} under noise"
        masses = (
            f" Shares per cluster run from {m.mode_mass.min():.0%} to {m.mode_mass.max():.0%}."
            if self.data_set == "ring"
            else ""
        )
        return (
            f"{what}, noise level t = {self._time():.2f}. {m.within:.0%} of the points lie within three standard"
            f" deviations of a Gaussian's centre (true value {m.within_true:.0%}).{masses}"
            f" Distance to the exact density: {m.distance:.3f}, for perfect draws {m.distance_expected:.3f}."
        )

    def table(self) -> dict[str, np.ndarray]:
        """The points as they are shown, each with its part of the set, from 0; -1 where its end is not known yet."""
        return {"x": self._x[:, 0], "y": self._x[:, 1], "part": np.asarray(self._part)}

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Sample: the reverse process from pure noise, played from its first frame."""
        self.play_from_start(mode="reverse")

    def step(self) -> None:
        """One noise level on: in reverse towards the data, forward towards the noise."""
        if self.mode == "reverse":
            self.param.update(playing=False, progress=min(1.0, self.progress + 1 / self.num_levels))
        else:
            self.t = min(1.0, self.t + self.param.t.step)

"""The ring on its front panel: data noised forward by a slider, and sampled back with the exact score."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Brush, CategoryBars, Ellipses, Instrument, Measure, Panel, Readout, Replay, Status, Transport,
    choice, computed, counted, number, readings, seed, switch, text, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import BY_PART, Arrows, Heat, Lines, Plane, Points  # isort: skip
from diffusion_lab.app.instrument.scenes import Segments, field_arrows, field_scale  # isort: skip
from diffusion_lab.instruments.common import datasets, schedules
from diffusion_lab.instruments.common.full_mixtures import FullMixture, encode
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers import ddim, ddpm, dpm_solver, langevin, ode, sde
from diffusion_lab.instruments.common.samplers.state import SamplerState
from diffusion_lab.instruments.ring import kernel

EXTENT = 3.2  # half the width of the picture, in data units
FIELD = EXTENT * np.linspace(-0.93, 0.93, 19)  # where arrows are, along both axes
HALF_LENGTH_SCORE = 4.0  # the score, in 1/unit, whose arrow is half as long as the longest
DENSITY_SIDE = 96  # cells a side
CROWD_SIDE = 440  # 20000 points are drawn as pixels of one image: a canvas takes 80 ms for discs, 3 ms for the image
MAX_FRAMES = 240
MAX_FRAMES_OF_CROWD = 120  # 20000 points in float32 take 0.16 MB a frame
PATH_POINTS = 40  # points whose paths are drawn
PATH_FRAMES = 14  # and the length of these paths
PARTS = "points, each in the colour of its part of the data"
GUESSED = 520  # points whose x̂₀ is drawn
UNKNOWN = -1  # the part of a point whose end is not known yet

START = encode(
    [[-1.2, -0.2], [1.4, 0.9], [0.7, -1.5]],
    [[0.9, 0.2], [0.5, 0.25], [0.3, 0.3]],
    [0.9, 2.4, 0.0],
    [0.5, 0.3, 0.2],
    EXTENT,
)  # the mixture that a reader begins with
State = SamplerState[Level]
Work = Generator[Any, None, Any]  # long work, in slices

DATA_SETS = {
    "ring": "a six-cluster ring",
    "moons": "two moons",
    "spiral": "a two-armed spiral",
    "checkerboard": "a checkerboard",
    "swiss_roll": "a Swiss roll",
    "mixture": "your own mixture",
    "drawn": "a drawing",
}
SAMPLERS = {
    "langevin": "Langevin", "ddpm": "DDPM", "ddim": "DDIM", "sde_euler": "Reverse SDE",
    "ode_euler": "ODE Euler", "ode_heun": "ODE Heun", "dpm_solver_pp_2m": "DPM-Solver++",
}  # fmt: skip


class Ring(Instrument):
    """Six clusters on a ring, or another data set, dissolved by the forward process and recovered by sampling."""

    title = "Ring of clusters"
    question = "How does noise dissolve data, and how does the score lead back?"
    editable = (
        GaussianMixture.score,
        FullMixture.score,
        kernel.forward,
        kernel.x0_hat,
        schedules.Exponential.alpha_bar,
        langevin.annealed_langevin,
        ddpm.ddpm,
        ddim.ddim,
        sde.sde_euler,
        ode.slope,
        ode.heun_step,
        dpm_solver.dpm_solver_pp_2m,
    )

    view = choice(
        ["clean", "forward", "reverse"], "forward", "View",
        "Clean data; the forward process at t; or the reverse process, sampled from noise.", style="row",
    )  # fmt: skip
    t = number(
        0.18, 0, 1, 0.01, "Noise level", "Time of the forward process: 0 is clean, 1 is noise.",
        symbol="t", ends=("data", "noise"), when={"view": ("clean", "forward")}, pace=kernel.angle,
        marks={round(kernel.MERGE_T, 3): "clusters merge", round(kernel.FILL_T, 3): "the hole fills"},
        marks_when={"data_set": "ring", "show_density": True},
    )  # fmt: skip
    progress = number(
        1.0, 0, 1, 0.005, "Sampling progress",
        "Progress of the reverse process: 0 is pure noise, 1 is the finished sample.",
        ends=("noise", "data"), when={"view": "reverse"}, pace=kernel.angle_of_progress,
        marks={
            round(kernel.progress_of_t(t), 3): words
            for t, words in ((kernel.FILL_T, "a hole opens"), (kernel.MERGE_T, "clusters part"))
        },
        marks_when={"data_set": "ring"},
    )  # fmt: skip
    data_set = choice(
        {**dict.fromkeys(DATA_SETS, ""), "mixture": "Own mixture", "drawn": "Own points"}, "ring", "Data",
        "The ring, a set of points with a Gaussian kernel about each, or what you make: the score is exact for all.",
    )  # fmt: skip
    drawing = text(
        "", r"^([0-9a-z]{4}){0,150}$", "Drawing",
        "The points of the drawn set, four base-36 digits each: x, then y, in 1295ths of the picture.", kind="none",
    )  # fmt: skip
    mixture = text(
        "", r"^([0-9a-z]{12}){0,8}$", "Your mixture",
        "The Gaussians of your own mixture, twelve base-36 digits each: x, y, two standard deviations, angle, weight.",
        kind="none",
    )  # fmt: skip
    num_points = choice(["520", "2000", "20000"], "520", "Points", "How many points are drawn and sampled.")
    sampler = choice(
        SAMPLERS, "langevin", "Sampler",
        "The sampling method: annealed Langevin at each level, or one step from each level to the next.",
    )  # fmt: skip
    num_levels = whole(kernel.NUM_LEVELS, 5, 120, "Noise levels", "Noise levels that the sampler goes through.")
    langevin_steps = whole(
        kernel.NUM_STEPS, 1, 20, "Steps at each level", "Langevin steps that are taken at every noise level.",
        when={"sampler": "langevin"},
    )  # fmt: skip
    eta = number(
        0.0, 0, 1, 0.05, "Fresh noise",
        "How much fresh noise DDIM adds: 0 none, 1 as much as DDPM with the variance β̃ of its posterior.",
        symbol="η", when={"sampler": "ddim"},
    )  # fmt: skip
    seed = seed(4, "The same seed gives the same points and the same noise.")
    show_field = switch(True, "Score field", "Arrows uphill in log density; length grows with the score.")
    show_density = switch(False, "Density", "Shading by the exact density of the points at this noise level.")
    show_paths = switch(False, "Paths", "The last steps of forty of the points, in reverse.")
    show_posterior_mean = switch(
        False, "x̂₀", "The mean of all clean points that each noised point may come from, and a line that leads there."
    )

    panel = Panel(
        Transport("Sample", plays={"forward": "t", "reverse": "progress"}, seconds=6),
        frames="t",
        readouts=[
            Readout("t", "t", ".3f"),
            Readout("alpha_bar", "ᾱ(t)", ".3f"),
            Readout("signal", "signal", ".3f"),
            Readout("noise", "noise", ".3f"),
            Readout("nfe", "NFE", "d"),
        ],
        measures=[
            CategoryBars(
                "mode_mass", "Mass per cluster", target=1 / 6, full_scale=0.25, when={"data_set": "ring"},
                doc="Share of the points nearest each cluster's centre; the dashed line is the true share.",
            ),
            Measure(
                "within", "within 3σ of a centre", ".3f",
                doc="Share of the points within 3 standard deviations of the centre of one of the clean Gaussians.",
            ),
            Measure(
                "distance", "distance to the truth", ".3f", beside="perfect draw",
                doc="Maximum mean discrepancy (Gaussian kernel, width 0.5) between the points and the exact density at"
                " this t, beside the value that as many perfect draws have by chance.",
            ),
        ],
        pads=[
            Ellipses("mixture", START, "Your own mixture", when={"data_set": "mixture"}),
            Brush("drawing", "Draw the data here, or drop a file of points or an image", when={"data_set": "drawn"}),
        ],
    )  # fmt: skip

    plane = Plane(
        EXTENT,
        Heat("density", "ink", when="show_density", legend="exact density"),
        Arrows(
            "field", "field", width=1, head=0.1, when="show_field", legend="score: uphill in log density",
            scale=field_scale(FIELD, 8, HALF_LENGTH_SCORE, "per unit"),
        ),
        Lines(
            "paths", "acc", width=1, alpha=0.7, when={"show_paths": True, "view": "reverse"},
            legend=f"last steps of {PATH_POINTS} points",
        ),
        Segments(
            "to_x0_hat", BY_PART, alpha=0.3, when="show_posterior_mean", legend="from each point to its x̂₀"
        ),
        Points("x0_hat", "ink", size=4, when="show_posterior_mean", legend="x̂₀ = E[x₀ | xₜ]"),
        Points("points", BY_PART, size=5, when={"num_points": "520"}, legend=PARTS),
        Points("many_points", BY_PART, size=3.4, when={"num_points": "2000"}, legend=PARTS),
        Heat("crowd", BY_PART, when={"num_points": "20000"}, legend=PARTS),
    )  # fmt: skip

    def reconcile(self, changed: frozenset[str]) -> None:
        """Keeps view and t consistent: clean means t = 0, and a view that is left for Forward shows some noise."""
        if "view" in changed and self.view == "clean":
            self.t = 0.0
        elif "view" in changed and "t" not in changed and self.view == "forward" and self.t == 0:
            self.t = self.param.t.default
        elif self.view == "clean" and self.t > 0:
            self.view = "forward"

    # --- what is computed --------------------------------------------------------------------------------------------

    @computed(keep=8)
    def data(self) -> kernel.Data:
        """The data set; one cluster until the reader has drawn something, START until a mixture is made."""
        if self.data_set == "mixture":
            return kernel.own_mixture(self.mixture or START, EXTENT)
        if self.data_set == "drawn":
            made = datasets.drawn(self.drawing or datasets.encode([[0.0, 0.0]], EXTENT), EXTENT)
        else:
            made = datasets.DATA_SETS[self.data_set]()
        return kernel.Data(made.mixture, made.part)

    @computed
    def clean(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Clean points, the part of the set that each belongs to, and the noise added to them."""
        rng = seeded(self.seed)
        x0, component = kernel.draw_clean(self.data.mixture, int(self.num_points), rng)
        return x0, self.data.part[component], rng.standard_normal(x0.shape)

    @computed
    def replay(self) -> Replay[State, State]:
        """The reverse process from the seed, computed lazily up to the frame that is shown."""
        count, num_steps = int(self.num_points), self.num_levels
        options: dict[str, float] = {}
        if self.sampler == "langevin":
            options = {"num_steps": self.langevin_steps}
            num_steps *= self.langevin_steps
        elif self.sampler == "ddim":
            options = {"eta": self.eta}
        rng = seeded(self.seed)
        states = kernel.sample(self.data.mixture, self.sampler, count, self.num_levels, rng=rng, **options)
        return Replay(states, num_steps, MAX_FRAMES_OF_CROWD if count > 2000 else MAX_FRAMES, kernel.rounded)

    @computed(work=True, unit="steps")
    def frame(self) -> Work:
        """The state of the reverse process at `progress`."""
        return (yield from self.replay.to(self.replay.index(self.progress)))

    @computed(work=True, background=True)
    def destination(self) -> Work:
        """The part that each point of the reverse process ends nearest to; unknown until the run has ended."""
        data, replay = self.data, self.replay
        unknown = np.full(int(self.num_points), UNKNOWN)
        yield 0, replay.num_steps, unknown
        for done, of in replay.to_end():
            yield done, of, unknown
        return data.part_of(replay.frames[-1].x)

    @computed
    def cloud(self) -> tuple[np.ndarray, np.ndarray]:
        """The points shown (N, 2), and the part of each, which gives its colour."""
        if self.view == "reverse":
            return self.frame.x, self.destination
        x0, part, eps = self.clean
        return kernel.forward(x0, eps, self.t), part

    @computed
    def x0_hat(self) -> np.ndarray:
        """E[x₀ | xₜ] of the first points shown, at most GUESSED of them, (M, 2): exact."""
        return kernel.x0_hat(self.data.mixture, self.cloud[0][:GUESSED], self.time)

    @property
    def time(self) -> float:
        """The t of the picture, in either direction."""
        return float(kernel.SCHEDULE.t(self.frame.level.alpha_bar)) if self.view == "reverse" else self.t

    @computed(work=True, background=True)
    def measures(self) -> Work:
        """Measures of the points shown: first of 520 points, then of all."""
        return (yield from kernel.measures_in_slices(self.cloud[0], self.data.mixture, self.time))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @plane.layer("points")
    @plane.layer("many_points")
    def _(self) -> dict[str, Any]:
        x, part = self.cloud
        return {"x": x, "part": part}

    @plane.layer("crowd")
    def _(self) -> dict[str, Any]:
        return {"image": kernel.pixels(*self.cloud, EXTENT, CROWD_SIDE)}

    @plane.layer("to_x0_hat", "x0_hat")
    def _(self) -> Iterator[dict[str, Any]]:
        x, part = self.cloud
        yield {"start": x[:GUESSED], "end": self.x0_hat, "part": part[:GUESSED]}
        yield {"x": self.x0_hat}

    @plane.layer("field")
    def _(self) -> dict[str, Any]:
        _, score = kernel.score_field(self.data.mixture, self.time, FIELD)
        return field_arrows(FIELD, score, HALF_LENGTH_SCORE)

    @plane.layer("density")
    def _(self) -> dict[str, Any]:
        density = kernel.density(self.data.mixture, self.time, EXTENT, DENSITY_SIDE)
        return {"image": density / density.max()}

    @plane.layer("paths")
    def _(self) -> dict[str, Any]:
        past = [frame for frame in self.replay.frames if frame.nfe <= self.frame.nfe]
        return {"paths": [frame.x[:PATH_POINTS] for frame in past[-PATH_FRAMES - 1 :]]}

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def level(self) -> dict[str, float]:
        """Time, alpha_bar, weights of signal and noise, and evaluations of the score for each point."""
        level = kernel.SCHEDULE.level(self.time)
        weights = {"alpha_bar": level.alpha_bar, "signal": level.signal, "noise": level.sigma_t}
        return {"t": self.time, **weights, "nfe": self.frame.nfe if self.view == "reverse" else 0}

    @readings
    def measured(self) -> dict[str, Any]:
        """Mass per cluster, share within 3σ and distance, each beside its true or expected value."""
        m = self.measures
        mode_mass = m.mode_mass if self.data_set == "ring" else np.zeros(6)
        return {
            "mode_mass": (mode_mass, "true 1/6"),
            "within": (m.within, m.within_true),
            "distance": (m.distance, m.distance_expected),
        }

    def status(self) -> Status:
        """The computation: one jump forward, or the run of the sampler."""
        mixture = self.data.mixture
        gaussians = counted(len(mixture.means), "Gaussian")
        gaussians += " of full covariance" if isinstance(mixture, FullMixture) else f" of σ = {mixture.s:g}"
        exactness = f"exact score of {gaussians}, float64"
        if self.view == "reverse":
            return Status(f"{self._steps()} × {self.num_points} points", exactness, timed=("replay",))
        if self.data_set == "drawn" and not self.drawing:
            return Status(datasets.NOTHING_DRAWN)
        return Status(f"{self.num_points} points, one jump by equation (1.2)", exactness)

    def _steps(self) -> str:
        at_each = f" × {counted(self.langevin_steps, 'step')}" if self.sampler == "langevin" else ""
        return f"{self.num_levels} levels{at_each}"

    def describe(self) -> str:
        """The picture in words."""
        m, name = self.measures, DATA_SETS[self.data_set]
        if self.data_set == "drawn":
            name += f" of {counted(len(self.drawing) // 4, 'point')}"
        elif self.data_set == "mixture":
            name += f" of {counted(len(self.data.mixture.means), 'Gaussian')}"
        how = self.label("sampler") + (f", η = {self.eta:.2f}" if self.sampler == "ddim" else "")
        what = {
            "clean": f"Clean data: {self.num_points} points of {name}",
            "forward": f"Forward process: {self.num_points} points of {name} under noise",
            "reverse": f"Reverse process towards {name}, {self.progress:.1%} done: {self.num_points} points sampled"
            f" from noise by {how}, {self._steps()}",
        }[self.view]
        shares = ""
        if self.data_set == "ring":
            shares = f" Shares per cluster run from {m.mode_mass.min():.0%} to {m.mode_mass.max():.0%}."
        return (
            f"{what}, noise level t = {self.time:.2f}. {m.within:.0%} of the points lie within three standard"
            f" deviations of a Gaussian's centre (true value {m.within_true:.0%}).{shares}"
            f" Distance to the exact density: {m.distance:.3f}, for perfect draws {m.distance_expected:.3f}."
            f"{self._guesses() if self.show_posterior_mean else ''}"
        )

    def _guesses(self) -> str:
        moves = np.linalg.norm(self.x0_hat - self.cloud[0][:GUESSED], axis=1)
        spread = np.sqrt(np.mean(np.sum((self.x0_hat - self.x0_hat.mean(axis=0)) ** 2, axis=1)))
        return (
            f" Lines lead from {len(moves)} points to their x̂₀, the mean of the clean points that each may come from;"
            f" they are {moves.mean():.2f} long on average, and the x̂₀ spread by {spread:.2f} about their mean."
        )

    def table(self) -> dict[str, np.ndarray]:
        """The points as they are shown, each with its part of the set, from 0; -1 where its end is not known yet."""
        x, part = self.cloud
        columns = {"x": x[:, 0], "y": x[:, 1], "part": part}
        if self.show_posterior_mean:
            guess = kernel.x0_hat(self.data.mixture, x, self.time)
            columns |= {"x0_hat_x": guess[:, 0], "x0_hat_y": guess[:, 1]}
        return columns

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Samples: plays the reverse process from pure noise."""
        self.play_from_start(view="reverse")

    def step(self) -> None:
        """Advances by one noise level: in reverse towards the data, forward towards the noise."""
        if self.view == "reverse":
            self.param.update(playing=False, progress=min(1.0, self.progress + 1 / self.num_levels))
        else:
            super().step()

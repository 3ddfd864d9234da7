"""The pictures of the instrument: planes and charts with their layers, legends and data."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from diffusion_lab.app.instrument.scenes import (  # isort: skip
    BY_PART, Arrows, Axes, Heat, Lines, Plane, Points, Segments,
)  # fmt: skip
from diffusion_lab.instruments.distill import views
from diffusion_lab.instruments.distill.kernel import SIGMA_MAX, SIGMA_MIN
from diffusion_lab.instruments.distill.students import HALVINGS, SCALES, TEACHER_STEPS
from diffusion_lab.instruments.distill.views import FEW, HIGH, LEAST, WIDE

STEPS = (1, 2, 4, 8)  # of the chart of consistency sampling
CHART: dict[str, Any] = {"place": "below", "aspect": 2.4}
REGIONS = tuple(f"region_{k}" for k in range(6))  # a layer for each part of the data
WITH_BARS = tuple(f"{name}{part}" for name in ("ddim", "method") for part in ("", "_bars", "_means"))
"""The layers of the two lines with error bars, in the order of `views.lines_with_bars`."""
CURVE = np.linspace(SCALES[0], SCALES[1], 11)  # guidance scales
UNIT = (1.0, "1 unit")  # arrows are as long as the way
PATHS, DATA = "paths so far, by where they end", "density of the data"


# fmt: off
def level() -> Plane:
    """The plane at a level, its regions, and the map of some points."""
    return Plane(WIDE,
        *(Heat(name, f"c{k}", strongest=0.28) for k, name in enumerate(REGIONS)),
        Segments("paths", BY_PART, alpha=0.6, when="show_paths", legend="exact trajectories so far"),
        Points("points", BY_PART, size=4, legend="points and regions, in the colour of the part where they end"),
        Arrows("map", "ink", width=1.2, head=0.12, when="show_arrows", scale=UNIT,
            legend="the map: from a point to its end"),
        half_height=HIGH, title="Points of this level", when={"view": "map"})


def ends() -> Plane:
    """The ends of these points."""
    scene = Plane(WIDE, Heat("target", "ink", strongest=0.25, legend=DATA),
        Points("points", BY_PART, size=4, legend="the same points, taken by the map"),
        half_height=HIGH, title="Their ends", when={"view": "map"})

    @scene.layer("target", "points")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        yield views.density(self.data)
        yield {"x": self.way.x[-1], "part": self.parts}

    return scene


def cloud(title: str, points: str, view: str, index: int) -> Plane:
    """One run of the pair in a view, by its index: points on their way to the data."""
    arrows = index == 0 and view != "few_steps"
    gaps = Arrows("gaps", "ink", width=1, head=0.1, when="show_arrows", scale=UNIT,
        legend="from the student's end to its teacher's")
    scene = Plane(WIDE, Heat("target", "ink", strongest=0.25, legend=DATA),
        Segments("paths", BY_PART, alpha=0.55, when="show_paths", legend=PATHS), *([gaps] if arrows else []),
        Points("points", BY_PART, size=4, legend=points), half_height=HIGH, title=title, when={"view": view})

    @scene.layer("target")
    def draw_data(self: Any) -> dict[str, Any]:
        return views.density(self.data)

    @scene.layer("points", "paths")
    def draw_run(self: Any) -> Iterator[dict[str, Any]]:
        run = self.pair[index]
        return views.drawn(run, self.progress, self.colours(run))

    if arrows:

        @scene.layer("gaps")
        def draw_gaps(self: Any) -> dict[str, Any]:
            return views.arrows(*self.ends_of_pair, FEW if self.progress == 1 else 0)

    return scene


def misses() -> Axes:
    """Distance from a trajectory's end, of the map and of the denoiser's guess."""
    scene = Axes("Distance from the end of a point's trajectory",
        Lines("by_guess", "mute", dash=(6, 3), legend="the denoiser's guess of the clean point"),
        Lines("by_map", "acc", legend="the consistency map"),
        Lines("here", "ink", width=1, dash=(5, 3), legend="this noise level"),
        x=(SIGMA_MIN, SIGMA_MAX), y=(LEAST, 5), log="xy", x_label="noise level σ of the point", y_label="distance",
        ticks={"x": (0.1, 1, 10), "y": (1e-6, 1e-4, 0.01, 1)}, when={"view": "map"}, **CHART)

    @scene.layer("by_map", "by_guess", "here")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        yield {"x": self.missed.sigma, "y": np.maximum(self.missed.by_map, LEAST)}
        yield {"x": self.missed.sigma, "y": self.missed.by_guess}
        yield {"x": [self.level.sigma] * 2, "y": scene.y}

    return scene


def few() -> Axes:
    """Distance to the exact density against steps, of consistency sampling and of DDIM."""
    scene = Axes("Distance to the exact density against passes",
        Lines("chance", "field", width=6, alpha=0.5, legend="perfect draws"),
        *_with_bars("ddim", "c0", "DDIM", dash=(6, 3)), *_with_bars("method", "acc", "consistency sampling"),
        Lines("here", "ink", width=1, dash=(5, 3), legend="these passes"),
        log="xy", x=(0.9, 9), y=(0.012, 1.5), x_label="passes of the network a sample", y_label="distance",
        ticks={"x": STEPS, "y": (0.03, 0.1, 0.3, 1)}, when={"view": "few_steps"}, **CHART)

    @scene.layer(*WITH_BARS)
    def draw_runs(self: Any) -> Iterator[dict[str, Any]]:
        return views.lines_with_bars(self.few_runs)

    @scene.layer("here", "chance")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        yield {"x": [self.num_steps] * 2, "y": scene.y}
        yield {"x": scene.x, "y": [self.law_errors[2]] * 2}

    return scene


def quality() -> Axes:
    """Distance to the exact density against steps, of students and of DDIM without training."""
    scene = Axes("Distance to the exact density against steps",
        Lines("chance", "field", width=6, alpha=0.5, legend="perfect draws"),
        *_with_bars("ddim", "c0", "DDIM, nothing trained", dash=(6, 3)), *_with_bars("method", "acc", "students"),
        Points("here", "ink", size=9, alpha=1, legend="the student in the picture"),
        log="xy", x=(0.9, 18), y=(0.012, 1.5), x_label="steps from noise to data", y_label="distance",
        ticks={"x": (*reversed(HALVINGS), TEACHER_STEPS), "y": (0.03, 0.1, 0.3, 1)}, when={"view": "halving"}, **CHART)

    @scene.layer(*WITH_BARS)
    def draw_runs(self: Any) -> Iterator[dict[str, Any]]:
        return views.lines_with_bars(self.halving_runs)

    @scene.layer("here", "chance")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        yield {"x": [(self.moment.num_steps, self.law_errors[0])]}
        yield {"x": scene.x, "y": [self.law_errors[2]] * 2}

    return scene


def guided() -> Axes:
    """Distance from the teacher's ends against the guidance scale."""
    scene = Axes("Distance from the teacher's ends against w",
        Lines("plain", "c0", dash=(6, 3), legend="one pass of the teacher, not guided"),
        Lines("student", "acc", legend="one pass of the student"),
        Points("here", "ink", size=9, alpha=1, legend="the student in the picture"),
        x=SCALES, y=(0, 1), x_label="guidance scale w", y_label="distance",
        ticks={"x": (1, 2, 3, 4, 5, 6), "y": (0, 0.5, 1, 1.5)}, when={"view": "guidance"}, **CHART)

    @scene.layer("plain", "student")
    def draw(self: Any) -> Iterator[dict[str, Any]]:
        for column in self.guidance_gaps.T[::-1]:
            yield {"x": CURVE, "y": column}

    return scene


# fmt: on
def _with_bars(name: str, colour: str, legend: str, dash: tuple[int, ...] = ()) -> tuple[Lines, Segments, Points]:
    """A line of means with error bars of one standard error."""
    line = Lines(name, colour, dash=dash, legend=legend)
    return line, Segments(f"{name}_bars", colour, width=2), Points(f"{name}_means", colour, size=5, alpha=1)

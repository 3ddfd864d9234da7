"""The pictures of the instrument without their data: planes, axes and charts with their layers and legends."""

from typing import Any

from diffusion_lab.app.instrument.scenes import (  # isort: skip
    BY_PART, Axes, Bars, Boxes, Heat, Lines, Plane, Points, Segments, Texts,
)  # fmt: skip
from diffusion_lab.instruments.samplers.kernel import METHODS
from diffusion_lab.instruments.samplers.views import BINS, CELL, HEIGHT, LIMITS, WIDTH

HALF = CELL / 2  # half the height of a picture, in data units
CHART: dict[str, Any] = {"place": "below", "aspect": 2.4}
RACED = {"view": ("race", "paths")}
COLOURS = dict(zip(METHODS, ("mute", "c0", "c1", "c2", "c3", "c4", "c5", "acc"), strict=True))
LINEAR_TICKS = {"x": (0, 0.25, 0.5, 0.75, 1), "y": (-3, -2, -1, 0, 1, 2, 3)}


def _data() -> Heat:
    return Heat("target", "ink", strongest=0.2, legend="density of the data")


def _budget(legend: str) -> Lines:
    return Lines("budget", "ink", width=1, dash=(5, 3), legend=legend)


def _floor(**options: Any) -> Lines:
    return Lines("floor", "field", width=6, alpha=0.5, legend="perfect draws", **options)


# fmt: off
def race() -> Plane:
    """All samplers side by side."""
    return Plane(1.0, _data(), Boxes("frames", "line", outline="line"), Boxes("chosen", "line", outline="acc"),
        Points("points", BY_PART, size=3, legend="points, each in the colour of its part of the data"),
        Texts("names", "ink", size="13px"), Texts("errors", "mute", size="12px"),
        x=(-0.1, WIDTH + 0.1), y=(-0.1, HEIGHT),
        title="Eight samplers; below each name the distance of the points to the exact density", when={"view": "race"})


def paths() -> Plane:
    """One sampler, its paths and the exact ends."""
    return Plane(1.45 * HALF, _data(), Segments("paths", BY_PART, alpha=0.55, when="show_paths", legend="paths"),
        Segments("gaps", "acc", width=1.2, when="show_ends", legend="from an end to the exact one"),
        Points("exact", "ink", size=3, when="show_ends", legend="exact ends of the paths"),
        Points("points", BY_PART, size=4.5, legend="points, each in the colour of its part of the data"),
        half_height=HALF, title="One sampler and its paths", when={"view": "paths"})


def over_time(title: str) -> Axes:
    """Paths of points on a line, over the density at each level."""
    return Axes(title, Heat("density", "ink", strongest=0.3, legend="exact density at each level"),
        Segments("paths", BY_PART, alpha=0.7, legend="paths, by where they end"), Points("points", BY_PART, size=4),
        Texts("name", "ink", size="13px", align="left"), x=(0, 1), y=(-3.6, 3.6), aspect=1.0, place="picture",
        x_label="noise to data", y_label="x", ticks={"x": (0, 0.5, 1), "y": (-2, 0, 2)},
        when={"view": "over_time"})


def ends_of_arc(title: str) -> Plane:
    """Where noises on the way between two end."""
    return Plane(HALF, _data(), Lines("arc", "mute", width=1.5, dash=(4, 3), legend="noises on the way"),
        Lines("curve", "field", width=1),
        Points("points", BY_PART, size=4.5, legend="their points, coloured along the way"),
        Texts("name", "ink", size="14px"), title=title, when={"view": "interpolation"})


def cloud(title: str) -> Plane:
    """The data of the faults: two clusters with their shares."""
    return Plane(2.5, Points("points", BY_PART, size=4.5, legend="points, by where the right way takes them"),
        Texts("shares", "ink", size="14px"), x=(-1.5, 3.5), y=(-1.25, 3.25), title=title, when={"view": "faults"})


def errors() -> Axes:
    """Error against evaluations, a line for each sampler."""
    return Axes("Error against evaluations of the network", _floor(when={"chart_shows": "law"}),
        Lines("guides", "mute", width=1, dash=(2, 3), legend="slopes of order 1, 2 and 3", when={"chart_shows": "end"}),
        _budget("this budget"),
        *(Lines(name, COLOURS[name], dash=(6, 3) if method.stochastic else (), legend=method.label,
            when={"chart_shows": "law"} if method.stochastic else None) for name, method in METHODS.items()),
        Points("here", "ink", size=9, alpha=1.0, legend="the chosen sampler"), log="xy", x=(3.7, 70), y=LIMITS["end"],
        x_label="evaluations (NFE)", y_label="distance", when=RACED, **CHART,
        ticks={"x": (4, 8, 16, 32, 64), "y": (0.001, 0.01, 0.03, 0.1, 0.3, 1)})


def histogram() -> Axes:
    """Where points on a line end."""
    bars = {"width": float(BINS[1] - BINS[0]), "alpha": 0.45}
    return Axes("Where 2000 points end", Bars("without_noise", "c0", legend="without fresh noise", **bars),
        Bars("with_noise", "c1", legend="with fresh noise", **bars),
        Lines("exact", "ink", width=1.5, legend="exact density"), x=(-3.6, 3.6), y=(0, 1.25), x_label="x",
        y_label="density", ticks={"x": LINEAR_TICKS["y"], "y": (0, 0.5, 1)}, when={"view": "over_time"}, **CHART)


def along() -> Axes:
    """Where noises on the way end, against their place on it."""
    return Axes("How far across each point ends", Points("with_noise", "c1", size=4, legend="with fresh noise"),
        Lines("without_noise", "c0", legend="without fresh noise"), x=(-0.02, 1.02), y=(-HALF, HALF),
        x_label="share of the way from one noise to the other", y_label="x", ticks=LINEAR_TICKS,
        when={"view": "interpolation"}, **CHART)


def damage() -> Axes:
    """Distance to the exact density against steps, with a fault and without."""
    return Axes("Distance to the exact density against steps", _floor(), _budget("these steps"),
        Lines("right", "c0", legend="right way"), Lines("wrong", "acc", legend="with the fault"),
        log="xy", x=(3.7, 70), y=(8e-3, 0.7), x_label="steps",
        y_label="distance", ticks={"x": (4, 8, 16, 32, 64), "y": (0.01, 0.03, 0.1, 0.3)},
        when={"view": "faults"}, **CHART)

"""A small instrument on the contract, for the tests beside this file: every kind of control, layer and reading."""

from __future__ import annotations

import numpy as np

from diffusion_lab.app.instrument import (
    Brush,
    CategoryBars,
    Handle,
    Instrument,
    Measure,
    Panel,
    Readout,
    Status,
    Tap,
    Transport,
    choice,
    computed,
    number,
    readings,
    seed,
    switch,
    text,
    whole,
)
from diffusion_lab.app.instrument.instrument import Answer
from diffusion_lab.app.instrument.scenes import BY_PART, Arrows, Axes, Bars, Heat, Lines, Plane, Points

STEPS = 5

#: Names of its settings, in the order of their definition.
SETTINGS = (
    *("level", "half", "count", "word", "drawing", "view", "sampler", "langevin_steps"),
    *("show_line", "show_heat", "seed"),
)


class Dial(Instrument):
    """A dial on a line; `half` is kept at half of `level`."""

    title = "Dial <&>"

    level = number(
        0.2, 0, 1, 0.1, "Level", 'How "high".', symbol="l", unit="m", ends=("data <", "noise"), when={"view": "pairs"}
    )
    half = number(0.1, 0, 0.5, 0.1, "Half", "Half of it.", when={"view": ("pairs", "flow"), "show_line": True})
    count = whole(5, 1, 50, "Points", "How many.")
    word = text("ab", r"^[a-z]{0,4}$", "Word", "A short word.", example="cd", words=("ab", "left of"))
    drawing = text("", r"^([0-9a-z]{4}){0,9}$", "Drawing", "Points.", kind="none")
    view = choice({"pairs": "Pairs", "flow": "The <flow>"}, "pairs", "View", "Which.", style="row")
    sampler = choice(["ode_heun", "sde_euler"], "ode_heun", "Sampler", "How.", when={"view": "flow"})
    langevin_steps = whole(3, 1, 20, "Steps", "Steps at each level.", symbol="K")
    show_line = switch(False, "Line", "The line.")
    show_heat = switch(False, "Heat", "Heat.", when={"view": "flow"})
    seed = seed(0)

    panel = Panel(
        Transport("Go", plays="level", seconds=2, step="One tenth"),
        frames="level",
        readouts=[Readout("sum", "sum", ".2f")],
        measures=[
            Measure("mean", "mean", ".3f", beside="±", doc='The "mean".'),
            CategoryBars("shares", "shares", target=0.5, full_scale=2.0, doc="Shares."),
            Measure("late", "late", ".1f", when="show_line"),
        ],
        pads=[
            Handle("level", "half", "The <point>", when="show_line"),
            Brush("drawing", "Draw", max_points=1),
            Tap("Tap", when={"view": "flow"}),
        ],
    )

    plane = Plane(
        1.0,
        Heat("heat", "ink", when="show_heat"),
        Points("dots", BY_PART),
        Lines("line", "acc", when="show_line", legend="the <line>"),
        Arrows("arrows", "mute", legend="arrows"),
        half_height=2.0,
        title="The plane",
    )
    chart = Axes("What <it> shows", Bars("bars", "c1"), Lines("late", "c0", when="show_line"), x=(0, 10), y=(0, 1))

    @property
    def calls(self) -> list[str]:
        """What has been computed or done, in order."""
        return self.__dict__.setdefault("_calls", [])

    def reconcile(self, changed: frozenset[str]) -> None:
        self.calls.append("reconcile " + " ".join(sorted(changed)))
        self.half = self.level / 2

    @computed
    def cloud(self):
        self.calls.append("cloud")
        return np.random.default_rng(self.seed).standard_normal((self.count, 2))

    @computed(work=True, unit="steps")
    def slow(self):
        """A sum over the steps; in slices."""
        self.calls.append("slow")
        total = 0.0
        for done in range(STEPS):
            yield done, STEPS
            total += self.level
        return total

    @plane.layer("dots", "line")
    def _(self):
        self.calls.append("dots+line")
        yield {"x": self.cloud, "part": np.arange(self.count) % 6}
        yield {"x": [0, self.level], "y": [0, self.half]}

    @plane.layer("heat")
    def _(self):
        self.calls.append("heat")
        return {"image": np.full((2, 3), self.level)}

    @plane.layer("arrows")
    def _(self):
        return None if self.view == "flow" else {"at": (0, 0), "along": [[1.0, 0.0]]}

    @chart.layer("bars")
    def _(self):
        return {"x": [1, 2], "height": [self.level, 0.5]}

    @chart.layer("late")
    def _(self):
        return {"x": [0, 1], "y": [0, self.slow]}

    @chart.ranges
    def _(self):
        return (0.0, 10.0), (0.0, 1.0 if self.level < 0.5 else 2.0)

    @readings
    def sums(self):
        return {"sum": self.level + self.half, "word_problem": "" if self.word else "A word is missing."}

    @readings
    def means(self):
        return {"mean": (float(self.cloud.mean()), 0.0), "shares": (np.array([0.5, 1.0]), "true ½")}

    @readings
    def late_ones(self):
        return {"late": (self.slow if self.show_line else None, 1.0)}

    def status(self):
        return Status(f"{self.count} points", "float64")

    def describe(self):
        return f"Level {self.level:.1f}, sum {self.reading_texts['sum']}."

    def table(self):
        return {"level": np.array([self.level, 1 / 3]), "n": np.arange(2), "said": np.array(["a, b", '"'])}

    def tap(self, x, y):
        self.calls.append(f"tap {x:g} {y:g}")
        self.level = min(1.0, abs(x))


class Timed(Dial):
    """With the time of its results in the status line."""

    def status(self):
        beside = Status("a sum", timed=("slow",), count=4, each="a pass")
        return Status("points", "float64", timed=("cloud",), beside=beside if self.show_line else None)


def parts(answer: Answer) -> dict[str, object]:
    """What an answer holds: its parts that are not empty."""
    return {name: value for name, value in vars(answer).items() if value not in ({}, None, (), False)}

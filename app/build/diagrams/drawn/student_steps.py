"""Steps of a teacher and of its students on one exact path: halving above, a consistency map below."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing, Point
from diffusion_lab.instruments.common.exact_ode import exact_trajectory
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.distill.kernel import END, SIGMA_MAX, SIGMA_MIN, START, level_at
from diffusion_lab.instruments.distill.students import HALVINGS, TEACHER_STEPS

DATA = GaussianMixture(np.array([[-1.7], [1.7]]), np.array([0.5, 0.5]), 0.25)
NOISE = 0.35
"""Where the path below begins, in standard deviations of the noise."""

TIMES = (1.0, 0.8, 0.66, 0.52, 0.0)
"""Times of the points that are joined with the end: equal differences are equal factors of the noise level."""

FINE = 60
"""Pieces of the drawn path."""

TITLE = "Steps of a teacher and of its students"
WORDS = f"""
Two parts, both with pure noise on the left and data on the right. Above, halving: five rows of points on the same way.
The teacher's row has {TEACHER_STEPS} short steps from one point to the next. The rows of its students have
{", ".join(str(steps) for steps in HALVINGS)} steps: each student goes in one step where the row above goes in two, so
it lands on every second of its points, and the last student reaches the end in one step. Below, a consistency map: one
curved path, flat in heavy noise and rising to a mode of the data as the noise gets less. From each of
{len(TIMES) - 1} points of the path a straight arrow leads to the same place, the path's end. The map takes
each of them there in one step, whatever its noise level.
"""


@cache
def path() -> list[Point]:
    """The exact path: time from 1, the highest noise level, to 0, and the point."""
    x = np.array([[NOISE]])
    span = np.log(SIGMA_MAX / SIGMA_MIN)
    way = exact_trajectory(DATA, x, START, END, FINE)
    return [(1.0, NOISE), *((float(np.log(each.sigma / SIGMA_MIN) / span), float(y[0, 0])) for each, y in way)]


@cache
def heights() -> list[float]:
    """Where the path is at `TIMES`."""
    ends = [START if t == 1 else level_at(t) for t in TIMES]
    return [NOISE, *(_at(end) for end in ends[1:])]


def _at(level: Level) -> float:
    *_, (_, y) = exact_trajectory(DATA, np.array([[NOISE]]), START, level, FINE)
    return float(y[0, 0])


def _halving(drawing: Drawing, left: float, right: float, top: float, between: float, above: bool) -> None:
    """One row of points and steps for the teacher and each student; their names on the left, or above the rows."""
    for row, steps in enumerate((TEACHER_STEPS, *HALVINGS)):
        y, colour = top + row * between, "acc" if row else "ink"
        points = [drawing.point(left + k / steps * (right - left), y, "accent dot" if row else "dot", 6)
                  for k in range(steps + 1)]  # fmt: skip
        for start, end in pairwise(points):
            drawing.between(start, end, colour=colour)
        name = f"{'student' if row else 'teacher'}, {steps} step{'s' if steps > 1 else ''}"
        place = (left - 3, y - 16, "start") if above else (0, y, "start")
        drawing.label(*place[:2], name, place[2], colour=colour)


def _map(drawing: Drawing, left: float, right: float, top: float, height: float) -> None:
    """The path, and arrows from its points to its end."""
    low, high = NOISE, path()[-1][1]

    def at(t: float, x: float) -> Point:
        return right - t * (right - left), top + height * (high - x) / (high - low)

    drawing.curve([at(*each) for each in path()], "mute", 1.6)
    points = [drawing.point(*at(t, x), "dot", 7) for t, x in zip(TIMES, heights(), strict=True)]
    for point in points[:-1]:
        drawing.between(point, points[-1], colour="acc")


def wide() -> Drawing:
    """Names on the left."""
    left, right = 120.0, WIDE - 10
    drawing = Drawing(WIDE, 370)
    drawing.label(0, 10, "Halving", "start", size=13, colour="ink", bold=True)
    drawing.label(left, 10, "pure noise", "start")
    drawing.label(WIDE, 10, "data", "end")
    _halving(drawing, left, right, 36, 27, above=False)
    drawing.label(0, 194, "A consistency map", "start", size=13, colour="ink", bold=True)
    _map(drawing, left, right, 216, 112)
    drawing.label(0, 328, "one exact path", "start")
    drawing.label(0, 236, "each point to\nthe same end", "start", colour="acc")
    drawing.label(left, 356, "pure noise", "start")
    drawing.label(WIDE, 356, "data", "end")
    return drawing


def narrow() -> Drawing:
    """Names above the rows."""
    left, right = 6.0, NARROW - 6
    drawing = Drawing(NARROW, 470)
    drawing.label(0, 10, "Halving", "start", size=13, colour="ink", bold=True)
    drawing.label(NARROW, 10, "noise on the left, data on the right", "end")
    _halving(drawing, left, right, 54, 38, above=True)
    drawing.label(0, 250, "A consistency map", "start", size=13, colour="ink", bold=True)
    drawing.label(0, 276, "from each point of one exact path\nto the same end", "start", colour="acc")
    _map(drawing, left, right, 306, 124)
    drawing.label(0, 456, "pure noise", "start")
    drawing.label(NARROW, 456, "data", "end")
    return drawing

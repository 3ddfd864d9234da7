"""Guidance at one noised point: two exact predictions, and the line that the scale moves along."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing, Point
from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.guidance import combine
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture

CLASS = np.array([[1.0, 1.1], [1.5, 0.1]])
OTHERS = np.array([[-1.6, 0.9], [-1.0, -0.1], [-1.9, -0.2]])
WIDTH = 0.25
ALL = np.concatenate([CLASS, OTHERS])
DATA = ConditionalMixture(
    GaussianMixture(ALL, np.full(5, 0.2), WIDTH), GaussianMixture(CLASS, np.full(2, 0.5), WIDTH), 0.4
)
POINT, LEVEL = np.array([[0.2, -1.3]]), Level.from_alpha_bar(0.5)
SCALES = (0.0, 1.0, 2.0)


@cache
def ends() -> list[NDArray[np.float64]]:
    """Where the prediction at each scale leads: the point with that noise taken off, shrunk to this level."""
    without, with_class = DATA(POINT, LEVEL), DATA(POINT, LEVEL, True)
    return [(POINT - LEVEL.sigma_t * combine(without, with_class, scale))[0] for scale in SCALES]


TITLE = "Guidance at one point"
WORDS = f"""
A map of a noised point among five clusters, drawn where they are at this noise level: three of other classes on the
left, two of the wanted class on the right. The point is below, a little left of the middle. Three arrows begin there.
The first, for the scale w = 0, is the prediction without the class and ends at ({ends()[0][0]:.2f},
{ends()[0][1]:.2f}), between the two groups. The second, for w = 1, is the prediction with the class and ends at
({ends()[1][0]:.2f}, {ends()[1][1]:.2f}), between the two wanted clusters. The third, for w = 2, is guided and ends at
({ends()[2][0]:.2f}, {ends()[2][1]:.2f}), beyond them. The three ends lie on one straight line, at equal distances:
the scale moves along it.
"""


def _draw(width: float, height: float, scale: float, middle: Point) -> Drawing:
    drawing = Drawing(width, height)

    def at(point: NDArray[np.float64]) -> Point:
        return middle[0] + scale * float(point[0]), middle[1] - scale * float(point[1])

    reach = 2 * scale * float(LEVEL.signal) * WIDTH
    for mean in ALL:
        x, y = at(float(LEVEL.signal) * mean)
        wanted = mean in CLASS
        tone = "var(--acc)" if wanted else "var(--mute)"
        drawing.mark(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{reach:.1f}" fill="{tone}" fill-opacity="0.14" stroke="{tone}"/>'
        )
    start = drawing.point(*at(POINT[0]))
    tones, colours = ("open dot", "dot", "accent dot"), ("mute", "ink", "acc")
    targets = [drawing.point(*at(end), tone) for end, tone in zip(ends(), tones, strict=True)]
    drawing.curve([at(2.35 * (ends()[1] - ends()[0]) + ends()[0]), at(ends()[0])], "mute", 1, dashed=True)
    for target, colour in zip(targets, colours, strict=True):
        drawing.between(start, target, colour=colour)
    for target, words, colour in zip(
        targets, ("$w$ = 0\nno class", "$w$ = 1\nthe class", "$w$ = 2\nguided"), colours, strict=True
    ):
        x, y = target.area.middle
        drawing.label(x, y - 26, words, colour=colour, halo=True)
    drawing.label(at(POINT[0])[0], at(POINT[0])[1] + 16, "noised point", colour="ink")
    return drawing


def wide() -> Drawing:
    """The map on a page."""
    return _draw(WIDE, 346, 118, (284, 152))


def narrow() -> Drawing:
    """The map on a phone."""
    return _draw(NARROW, 232, 74, (142, 100))

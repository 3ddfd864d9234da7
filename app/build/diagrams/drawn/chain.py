"""The forward and the reverse chain: noised points of the ring, and samples on their way back by the exact score."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Box, Drawing
from diffusion_lab.app.instrument.svg import dots
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.schedules import Exponential

TIMES = (0.0, 0.03, 0.1, 0.3, 1.0)
"""The levels that are shown."""

POINTS = 60
SUBSTEPS = 20
"""Steps of the sampler from one level that is shown to the next."""

REACH = 3.4
"""Half the side of a picture, in units of the data."""

TITLE = "The forward and the reverse chain"
WORDS = f"""
Two chains of five pictures of {POINTS} points, at the noise levels t = {", ".join(f"{t:g}" for t in TIMES)}.
The forward chain begins with six separate clusters on a ring, x at 0. Each arrow adds a little noise: the
clusters grow, touch, melt into one ring and end as one round cloud without structure, x at 1. The reverse chain
runs against it: it begins with new noise at t = 1 and takes noise away step by step, along the score, until six
clusters stand there again. At each level both pictures have nearly the same distribution, but the points are
others: new noise leads to new data.
"""


@cache
def clouds() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Points of both chains (levels, N, 2), and the clusters (N,) that they come from or end in."""
    data, schedule, rng = ring(), Exponential(), seeded(3)
    part = np.arange(POINTS) % 6
    clean = data.means[part] + data.s * rng.standard_normal((POINTS, 2))
    noise = rng.standard_normal((POINTS, 2))
    levels = [schedule.level(t) for t in TIMES]
    forward = np.stack([level.signal * clean + level.sigma_t * noise for level in levels])
    fine = [schedule.level(t) for a, b in zip(TIMES[:0:-1], TIMES[-2::-1], strict=True)
            for t in np.linspace(a, b, SUBSTEPS, endpoint=False)] + levels[:1]  # fmt: skip
    states = [np.asarray(state.x) for state in ddim(MixtureDenoiser(data), rng.standard_normal((POINTS, 2)), fine, rng)]
    reverse = np.stack(states[::SUBSTEPS][::-1])
    ends = np.argmin(((reverse[0][:, None] - data.means) ** 2).sum(axis=-1), axis=1)
    return forward, reverse, part, ends


def wide() -> Drawing:
    """Both chains from left to right, one above the other."""
    side, gap, first, second = 100, 40, 40, 192
    drawing = Drawing(WIDE, 318)
    drawing.label(0, 18, "Forward: a fixed recipe adds noise", "start", size=13, colour="ink", bold=True)
    drawing.label(WIDE, 18, "$q(x_t | x_{t-1})$", "end", size=13)
    rows = []
    for top, points, parts in zip((first, second), *_chains(), strict=True):
        boxes = [drawing.box(k * (side + gap), top, side, side, tone="picture") for k in range(len(TIMES))]
        _draw(drawing, boxes, points, parts)
        rows.append(boxes)
    for k, t in enumerate(TIMES):
        drawing.label(k * (side + gap) + side / 2, 166, f"$t$ = {t:g}", size=12)
    for left, right in pairwise(rows[0]):
        drawing.arrow(left.at("right"), right.at("left"))
    for left, right in pairwise(rows[1]):
        drawing.arrow(right.at("left"), left.at("right"), colour="acc")
    drawing.label(0, 308, "Reverse: the score takes noise away", "start", size=13, colour="acc", bold=True)
    drawing.label(WIDE, 308, "starts from new noise", "end", size=12)
    return drawing


def narrow() -> Drawing:
    """The forward chain downwards on the left, the reverse chain upwards on the right."""
    side, gap, top = 96, 28, 48
    drawing = Drawing(NARROW, top + len(TIMES) * side + (len(TIMES) - 1) * gap + 26)
    columns = []
    for left, points, parts in zip((12, NARROW - side - 12), *_chains(), strict=True):
        boxes = [drawing.box(left, top + k * (side + gap), side, side, tone="picture") for k in range(len(TIMES))]
        _draw(drawing, boxes, points, parts)
        columns.append(boxes)
    down, up = columns
    drawing.label(down[0].area.middle[0], 22, "Forward:\na fixed recipe", size=13, colour="ink", bold=True)
    drawing.label(up[0].area.middle[0], 22, "Reverse:\nalong the score", size=13, colour="acc", bold=True)
    for above, below in pairwise(down):
        drawing.arrow(above.at("bottom"), below.at("top"))
    for above, below in pairwise(up):
        drawing.arrow(below.at("top"), above.at("bottom"), colour="acc")
    for box, t in zip(down, TIMES, strict=True):
        drawing.label(NARROW / 2, box.area.middle[1], f"$t$ = {t:g}", size=12)
    drawing.label(up[-1].area.middle[0], drawing.height - 12, "new noise", size=12)
    return drawing


def _chains() -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.intp], NDArray[np.intp]]]:
    forward, reverse, part, ends = clouds()
    return (forward, reverse), (part, ends)


def _draw(drawing: Drawing, boxes: list[Box], clouds: NDArray[np.float64], parts: NDArray[np.intp]) -> None:
    """Draws a cloud into each box, without the points that are not in the picture, in the colours of their clusters."""
    scale = boxes[0].area.width / (2 * REACH)
    places = [np.array(box.area.middle) + scale * cloud * (1, -1) for box, cloud in zip(boxes, clouds, strict=True)]
    inside = np.abs(clouds).max(axis=-1) < 0.97 * REACH
    x, y = np.stack(places)[inside].T
    colours = [f"var(--c{part})" for part in np.broadcast_to(parts, inside.shape)[inside]]
    drawing.mark(dots(x, y, colours, 3.4, 0.85))

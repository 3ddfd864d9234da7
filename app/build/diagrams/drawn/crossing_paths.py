"""Straight pairs that cross, and the paths of the mean velocity, which do not: on a line with two modes."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing
from diffusion_lab.instruments.common.flows import marginal_velocity
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.randomness import seeded

DATA = GaussianMixture(np.array([[-1.7], [1.7]]), np.array([0.5, 0.5]), 0.25)
PAIRS, STEPS, REACH = 14, 160, 2.6
SHOWN = 10
"""Steps from one corner of a drawn path to the next."""


@cache
def ways() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Noise (N,) and data (N,) of the pairs, and the paths of the flow from the same noise (steps + 1, N)."""
    rng = seeded(2)
    noise = np.sort(rng.standard_normal(PAIRS))
    data = DATA.means[rng.permutation(np.arange(PAIRS) % 2), 0] + DATA.s * rng.standard_normal(PAIRS)
    x, paths = noise[:, None], [noise]
    for k in range(STEPS):
        x = x + marginal_velocity(DATA, x, k / STEPS) / STEPS
        paths.append(x[:, 0])
    return noise, data, np.array(paths)


TITLE = "Pairs cross, paths of the flow do not"
WORDS = f"""
Two pictures with time from 0, noise, to 1, data, on the horizontal axis and the point x on the vertical one. In the
first, straight lines join {PAIRS} points of noise with points of data in two modes, one above and one below; many
lines cross. In the second, the paths of the flow start from the same noise. They follow the mean velocity. No two of
them cross: noise
above the middle goes to the upper mode, noise below it to the lower one, and the paths bend to
get there.
"""


def _panel(drawing: Drawing, left: float, top: float, size: tuple[float, float], paths: NDArray[np.float64]) -> None:
    """Lines (corners, N) in a frame, coloured by the mode that they end in."""
    width, height = size
    drawing.box(left, top, width, height, tone="picture")
    across = left + np.linspace(0, 1, len(paths)) * width
    for path in paths.T:
        down = top + height / 2 - path / REACH * height / 2
        colour = "c0" if path[-1] > 0 else "c1"
        drawing.curve(zip(across.tolist(), down.tolist(), strict=True), colour, 1.4)
    drawing.label(left, top + height + 12, "noise, $t$ = 0", "start")
    drawing.label(left + width, top + height + 12, "data, $t$ = 1", "end")


def _draw(drawing: Drawing, places: tuple[tuple[float, float], ...], size: tuple[float, float]) -> Drawing:
    noise, data, paths = ways()
    titles = ("Pairs: straight, and crossing", "The flow: its paths do not cross")
    for (left, top), title, lines in zip(places, titles, (np.stack([noise, data]), paths[::SHOWN]), strict=True):
        drawing.label(left, top - 14, title, "start", size=13, colour="ink", bold=True)
        _panel(drawing, left, top, size, lines)
    return drawing


def wide() -> Drawing:
    """Both pictures side by side."""
    return _draw(Drawing(WIDE, 250), ((0, 28), (344, 28)), (316, 200))


def narrow() -> Drawing:
    """One picture above the other."""
    return _draw(Drawing(NARROW, 470), ((0, 28), (0, 268)), (340, 176))

"""One step of DDIM and of Heun's method on the exact ODE, where both are straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Box, Drawing, Point
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser, x0_hat
from diffusion_lab.instruments.common.exact_ode import exact_trajectory
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ode import heun_step, slope

DATA = GaussianMixture(np.array([[-2.0], [2.0]]), np.array([0.5, 0.5]), 0.6)
BEFORE, AFTER, START = 2.0, 0.7, 0.5
"""Noise levels before and after the step, and where the point is before it, with the shrinkage undone."""


@dataclass(frozen=True)
class Step:
    """Heights x with the shrinkage undone: the exact path by σ, where the methods arrive, the slope at DDIM’s end."""

    path: list[Point]
    exact: float
    ddim: float
    heun: float
    slope: float
    guess: float


@cache
def step() -> Step:
    """The step, computed by the samplers of the lab."""
    denoiser, before, after = MixtureDenoiser(DATA), Level.from_sigma(BEFORE), Level.from_sigma(AFTER)
    x = np.array([[START * before.signal]])
    path = [(float(level.sigma), float(y[0, 0] / level.signal)) for level, y in
            exact_trajectory(DATA, x, before, Level.from_sigma(0.05), 60)]  # fmt: skip
    *_, (_, end) = exact_trajectory(DATA, x, before, after, 40)
    eps = slope(denoiser, x, before, "sigma")
    ddim = START + (AFTER - BEFORE) * float(eps[0, 0])
    return Step(
        [(BEFORE, START), *path],
        float(end[0, 0] / after.signal),
        ddim,
        float(heun_step(denoiser, x, before, after)[0, 0] / after.signal),
        float(slope(denoiser, np.array([[ddim * after.signal]]), after, "sigma")[0, 0]),
        float(x0_hat(x, eps, before)[0, 0]),
    )


TITLE = "One step of DDIM and of Heun’s method"
WORDS = f"""
A diagram with the noise level sigma on the horizontal axis, from {BEFORE:g} on the right to 0 on the left, and the
point x, with the shrinkage undone, on the vertical one. The exact path is a curve. It begins at sigma = {BEFORE:g} at
x = {START:g} and bends upwards, faster where there is less noise. DDIM goes straight along the tangent of the path at
its beginning. Followed to sigma = 0 the tangent ends at the guess of the clean point, {step().guess:.2f}. DDIM stops
on it at sigma = {AFTER:g}, at x = {step().ddim:.2f}, where the exact path is at {step().exact:.2f}. Heun's method
looks at the slope there too, which is steeper, goes back and takes the mean of both: it arrives at {step().heun:.2f},
nearer to the path.
"""


def _draw(width: float, height: float) -> Drawing:
    drawing, s = Drawing(width, height), step()
    left, right, top, bottom = 56.0, width - 58, 20.0, height - 42
    low, high = min(s.guess, s.ddim) - 0.35, max(y for _, y in s.path) + 0.1

    def at(sigma: float, x: float) -> Point:
        return left + sigma / BEFORE * (right - left), bottom - (x - low) / (high - low) * (bottom - top)

    def dot(sigma: float, x: float, tone: str) -> Box:
        return drawing.point(*at(sigma, x), tone)

    drawing.curve([(left, bottom), (right, bottom)], "mute", 1)
    for sigma, words in ((0.0, "0"), (AFTER, "$σ'$"), (BEFORE, "$σ$")):
        x, _ = at(sigma, low)
        drawing.curve([(x, top), (x, bottom)], "line", 1)
        drawing.label(x, bottom + 14, words, size=13)
    drawing.label((at(AFTER, 0)[0] + right) / 2, bottom + 32, "← less noise")
    drawing.curve([at(*each) for each in s.path], "c0", 2)
    drawing.curve([at(AFTER, s.ddim), at(0, s.guess)], "mute", 1.2, dashed=True)
    drawing.curve([at(AFTER + each, s.ddim + each * s.slope) for each in (0.0, -0.3)], "acc", 1.4, dashed=True)
    x, y = at(AFTER - 0.3, s.ddim - 0.3 * s.slope)
    drawing.label(x, y - 10, "slope", colour="acc")
    start, ddim, heun = dot(BEFORE, START, "dot"), dot(AFTER, s.ddim, "open dot"), dot(AFTER, s.heun, "accent dot")
    exact, guess = dot(AFTER, s.exact, "first dot"), dot(0, s.guess, "open dot")
    drawing.between(start, ddim)
    drawing.between(start, heun, colour="acc", dashed=True)
    drawing.label(start.area.right + 6, start.area.middle[1], "start", "start", colour="ink")
    drawing.label(ddim.area.right + 22, ddim.area.middle[1] + 18, "DDIM: along the tangent", "start", colour="ink")
    drawing.label(heun.area.right + 7, heun.area.middle[1] - 13, "Heun: mean of both slopes", "start", colour="acc")
    drawing.label(exact.area.left - 8, exact.area.middle[1] + 10, "exact", "end", colour="c0")
    drawing.label(guess.area.left - 7, guess.area.middle[1], "$x̂_0$", "end", size=14, colour="ink")
    return drawing


def wide() -> Drawing:
    """The step on a page."""
    return _draw(WIDE, 320)


def narrow() -> Drawing:
    """The step on a phone."""
    return _draw(NARROW, 340)

"""One training step of a denoiser, and the loop that samples with it."""

from __future__ import annotations

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing

TITLE = "One training step, and the sampling loop"
WORDS = """
Two parts. Training, one step: a level t is drawn at random, a point x at 0 is taken from the data, and noise epsilon
is drawn. The three make the noised point x at t. The network gets the noised point and the level, and guesses the
noise. The squared error compares the guess with the noise that was drawn, and its gradient goes back to the network
and changes its weights theta. Sampling, many steps: begin with noise at t = 1. The network, now fixed, gets the point
x and its level t and guesses the noise in it; one step of a sampler takes a part of that noise away, which gives a
point at the next lower level. This repeats until t = 0, where the point is a new sample.
"""

MIXED = "noised point\n$x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε$"
NETWORK, ERROR = "network\n$ε_θ(x_t, t)$", "squared error\n$‖ε_θ − ε‖^2$"


def wide() -> Drawing:
    """Training above, sampling below, with the network in the same column."""
    drawing = Drawing(WIDE, 372)
    first, second, third, fourth = (0, 92), (136, 188), (372, 104), (532, 128)
    drawing.label(0, 10, "Training, one step", "start", size=13, colour="ink", bold=True)
    level = drawing.box(first[0], 44, first[1], 42, "random\nlevel $t$")
    point = drawing.box(first[0], 100, first[1], 42, "data\npoint $x_0$", "first")
    noise = drawing.box(first[0], 156, first[1], 42, "random\nnoise $ε$")
    mixed = drawing.box(second[0], 95, second[1], 52, MIXED)
    network = drawing.box(third[0], 95, third[1], 52, NETWORK, "learned")
    error = drawing.box(fourth[0], 95, fourth[1], 52, ERROR)
    drawing.arrow(level.at("right", 0.78), mixed.at("left", 0.22), (114, 76.8), (114, 106.4))
    drawing.arrow(point.at("right"), mixed.at("left"))
    drawing.arrow(noise.at("right", 0.22), mixed.at("left", 0.78), (114, 165.2), (114, 135.6))
    drawing.arrow(mixed.at("right"), network.at("left"))
    drawing.arrow(network.at("right"), error.at("left"))
    drawing.arrow(level.at("right", 0.3), network.at("top", 0.3), (network.at("top", 0.3).x, 56.6))
    drawing.arrow(noise.at("right", 0.7), error.at("bottom"), (error.at("bottom").x, 185.4))
    back, into = error.at("top"), network.at("top", 0.7)
    drawing.arrow(back, into, (back.x, 56.6), (into.x, 56.6), colour="acc", dashed=True)
    drawing.label((back.x + into.x) / 2, 44, "gradient: change $θ$", colour="acc")

    drawing.label(0, 236, "Sampling, many steps", "start", size=13, colour="ink", bold=True)
    start = drawing.box(first[0], 260, first[1], 52, "noise\n$t = 1$")
    moving = drawing.box(second[0], 260, second[1], 52, "point $x$\nat level $t$")
    guess = drawing.box(third[0], 260, third[1], 52, "network\n$ε_θ(x, t)$", "learned")
    step = drawing.box(fourth[0], 260, fourth[1], 52, "sampler step\nless noise")
    sample = drawing.box(fourth[0] + 36, 336, fourth[1] - 36, 34, "new sample", "first")
    drawing.arrow(start.at("right"), moving.at("left"))
    drawing.arrow(moving.at("right"), guess.at("left"))
    drawing.arrow(guess.at("right"), step.at("left"))
    leave, into = step.at("bottom", 0.14), moving.at("bottom")
    drawing.arrow(leave, into, (leave.x, 342), (into.x, 342))
    drawing.label((leave.x + into.x) / 2, 332, "again, at the next lower level")
    drawing.arrow(step.at("bottom", 0.64), sample.at("top"))
    drawing.label(step.at("bottom", 0.64).x + 8, 324, "$t = 0$", "start")
    return drawing


def narrow() -> Drawing:
    """Both parts from top to bottom."""
    drawing = Drawing(NARROW, 652)
    drawing.label(0, 10, "Training, one step", "start", size=13, colour="ink", bold=True)
    level = drawing.box(0, 32, 96, 44, "random\nlevel $t$")
    point = drawing.box(122, 32, 96, 44, "data\npoint $x_0$", "first")
    noise = drawing.box(244, 32, 96, 44, "random\nnoise $ε$")
    mixed = drawing.box(60, 110, 220, 52, MIXED)
    network = drawing.box(105, 194, 130, 52, NETWORK, "learned")
    error = drawing.box(105, 278, 130, 52, ERROR)
    drawing.arrow(level.at("bottom", 0.82), mixed.at("top", 18.72 / 220))
    drawing.arrow(point.at("bottom"), mixed.at("top"))
    drawing.arrow(noise.at("bottom", 0.18), mixed.at("top", 201.28 / 220))
    drawing.arrow(mixed.at("bottom"), network.at("top"))
    drawing.arrow(network.at("bottom"), error.at("top"))
    drawing.arrow(level.at("bottom", 0.25), network.at("left", 0.3), (24, network.at("left", 0.3).y))
    drawing.arrow(noise.at("bottom", 0.75), error.at("right"), (316, error.at("right").y))
    back, into = error.at("left"), network.at("left", 0.72)
    drawing.arrow(back, into, (72, back.y), (72, into.y), colour="acc", dashed=True)
    drawing.label(64, 268, "gradient:\nchange $θ$", "end", colour="acc")

    drawing.label(0, 378, "Sampling, many steps", "start", size=13, colour="ink", bold=True)
    start = drawing.box(0, 400, 96, 46, "noise\n$t = 1$")
    moving = drawing.box(140, 400, 130, 46, "point $x$\nat level $t$")
    guess = drawing.box(140, 478, 130, 46, "network\n$ε_θ(x, t)$", "learned")
    step = drawing.box(140, 556, 130, 46, "sampler step\nless noise")
    sample = drawing.box(0, 562, 96, 34, "new sample", "first")
    drawing.arrow(start.at("right"), moving.at("left"))
    drawing.arrow(moving.at("bottom"), guess.at("top"))
    drawing.arrow(guess.at("bottom"), step.at("top"))
    leave, into = step.at("right"), moving.at("right")
    drawing.arrow(leave, into, (304, leave.y), (304, into.y))
    drawing.label(NARROW, 620, "again, at the next lower level", "end")
    drawing.arrow(step.at("left"), sample.at("right"))
    drawing.label(118, 564, "$t = 0$")
    return drawing

"""The exercises of the chapters: each mistake that a beginner makes gets the sentence that mends it."""

from __future__ import annotations

import pytest

from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import Exercise
from diffusion_lab.app.build.site import chapter_paths, read_references
from diffusion_lab.app.cells.outputs import Output
from diffusion_lab.app.cells.session import Session

EXERCISES: dict[str, Exercise] = {
    exercise.label: exercise
    for path in chapter_paths()
    for exercise in parse_chapter(path, path.read_text("utf-8"), read_references()).of(Exercise)
}

JUMP = "import numpy as np\ndef noised(x0, t, eps):\n    a = np.exp(-6 * t)\n    return {}"
DDIM = "import numpy as np\ndef ddim_step(x, eps, a, b):\n    return {}"
GUIDED = "def guided(u, c, w):\n    return {}"
EULER = "def sample(v, x, n):\n    h = 1 / n\n    t = 0.0\n    for k in range(n):\n        {}\n    return x"
VELOCITY = "import numpy as np\ndef from_velocity(x, v, a):\n    p, q = np.sqrt(a), np.sqrt(1 - a)\n    return {}"
SPREAD = (
    "import numpy as np\ndef log_density(x, s, sigma):\n    var = s**2 + sigma**2\n    f = np.sqrt(var / s**2)\n"
    "    end = -0.5 * (f * x)**2 / var - 0.5 * np.log(2 * np.pi * var)\n    return {}"
)
PATCHES = "import numpy as np\ndef tokens(p):\n    return {}"
CUT = "p.reshape(8, 4, 8, 4, 3).transpose({}).reshape(64, 48)"
CERTAIN = "import numpy as np\ndef most_certain(c, m, k):\n    return {}"
KNOWN = "import numpy as np\ndef keep_known(x, y, known, a, e):\n    return {}"
SCALES = "def guided(n, i, b, s, t):\n    return {}"

MISTAKES = [
    ("one-jump", JUMP.format("a * x0 + (1 - a) * eps"), "Without noise the point is multiplied by `alpha_bar`"),
    ("one-jump", JUMP.format("np.sqrt(a) * x0 + (1 - a) * eps"), "The noise is multiplied by `1 - alpha_bar`"),
    ("one-jump", JUMP.format("np.sqrt(a) * x0 + eps"), "The noise is added at full strength."),
    ("one-jump", JUMP.format("np.sqrt(a) * x0 + (1 - np.sqrt(a)) * eps"), "The weights themselves add up to 1."),
    ("one-jump", JUMP.format("x0 + np.sqrt(1 - a) * eps"), "Without noise the point should still shrink"),
    ("one-jump", "def noised(x0, t, eps):\n    x0 = 1", "The function gives nothing back"),
    ("one-jump", "def noise(x0, t, eps):\n    return x0", "The checks look for a function called `noised`."),
    ("ddim-step", DDIM.format("(x - np.sqrt(1 - a) * eps) / np.sqrt(a)"), "That is the guess of the clean point."),
    (
        "ddim-step",
        DDIM.format("np.sqrt(b) * (x - np.sqrt(1 - a) * eps) + np.sqrt(1 - b) * eps"),
        "The noise is taken off, but the shrinkage is not undone",
    ),
    (
        "ddim-step",
        DDIM.format("np.sqrt(b) * (x - np.sqrt(1 - a) * eps) / np.sqrt(a) + np.sqrt(1 - a) * eps"),
        "The noise is put back at its old strength.",
    ),
    ("ddim-step", DDIM.format("b * (x - (1 - a) * eps) / a + (1 - b) * eps"), "The weights are square roots"),
    ("from-velocity", VELOCITY.format("q * x + p * v"), "The function should give back two things"),
    ("from-velocity", VELOCITY.format("(p * x - q * v, q * x + p * v)"), "Both are right, but the other way round"),
    ("from-velocity", VELOCITY.format("(v, p * x - q * v)"), "The first is still the velocity itself."),
    ("from-velocity", VELOCITY.format("(q * x - p * v, p * x - q * v)"), "The noise is"),
    ("from-velocity", VELOCITY.format("((1 - a) * x + a * v, p * x - q * v)"), "The weights are square roots"),
    ("from-velocity", VELOCITY.format("(q * x + p * v, p * x + q * v)"), "The clean point is $"),
    ("spreading", SPREAD.format("end"), "This is still the density at the end of the path."),
    ("spreading", SPREAD.format("end - np.log(f)"), "The sign is the other way round"),
    ("spreading", SPREAD.format("end + f"), "Add the logarithm of the factor"),
    ("spreading", SPREAD.format("end + 1"), "The data are normal, so the answer is"),
    ("spreading", SPREAD.format("end + np.log(np.sqrt(17.0))"), "It is right for one level"),
    ("patches", "def token(p):\n    return p", "The checks look for a function called `tokens`."),
    ("patches", "def tokens(p):\n    p.reshape(64, 48)", "The function gives nothing back"),
    ("patches", PATCHES.format("p"), "There should be 64 tokens of 48 numbers"),
    ("patches", PATCHES.format("p.reshape(64, 48)"), "`reshape` alone cuts the picture into strips"),
    ("patches", PATCHES.format(CUT.format("2, 0, 1, 3, 4")), "The patches are right, but they come column"),
    ("patches", PATCHES.format(CUT.format("0, 2, 3, 1, 4")), "The pixels within a patch come column by column."),
    ("patches", PATCHES.format(CUT.format("0, 2, 1, 3, 4") + "[::-1]"), "The first token should be the patch"),
    (
        "patches",
        PATCHES.format(f"np.vstack([{CUT.format('0, 2, 1, 3, 4')}[:8]] * 8)"),
        "The first row of patches is right",
    ),
    ("keep-known", "def keep(x):\n    return x", "The checks look for a function called `keep_known`."),
    ("keep-known", KNOWN.replace("return {}", "x = 1"), "The function gives nothing back"),
    (
        "keep-known",
        KNOWN.replace("return {}", "x[known] = (np.sqrt(a) * y + np.sqrt(1 - a) * e)[known]\n    return x"),
        "The array that was given has been changed.",
    ),
    ("keep-known", KNOWN.format("y[known]"), "The answer should have the shape of x"),
    ("keep-known", KNOWN.format("np.where(known, y, x)"), "The known part is clean, and the rest is noisy"),
    (
        "keep-known",
        KNOWN.format("np.where(known, x, np.sqrt(a) * y + np.sqrt(1 - a) * e)"),
        "The mask is the wrong way round",
    ),
    ("keep-known", KNOWN.format("np.sqrt(a) * y + np.sqrt(1 - a) * e"), "Everything has been replaced."),
    ("keep-known", KNOWN.format("np.where(known, a * y + (1 - a) * e, x)"), "The weights are square roots"),
    (
        "keep-known",
        KNOWN.format("np.where(known, np.sqrt(1 - a) * y + np.sqrt(a) * e, x)"),
        "The two weights are exchanged",
    ),
    ("keep-known", KNOWN.format("np.where(known, np.sqrt(a) * y, x)"), "The picture shrinks, but no noise is added."),
    ("keep-known", KNOWN.format("0 * x"), "Where nothing is known, x should stay as it is."),
    ("keep-known", KNOWN.format("np.where(known, y + np.sqrt(1 - a) * e, x)"), "The known part is not the picture"),
    ("keep-known", KNOWN.format("np.where(known, 0.6 * y + 0.8 * e, x)"), "At `alpha_bar` = 1 the known part"),
    ("two-scales", SCALES.format("n + t * (b - n)"), "The scale of the picture has no effect yet."),
    ("two-scales", SCALES.format("n + s * (i - n) + t * (b - n)"), "The second leg begins where the first one leads"),
    ("two-scales", SCALES.format("n + t * (i - n) + s * (b - i)"), "The two scales are exchanged."),
    ("two-scales", SCALES.format("s * (i - n) + t * (b - i)"), "Two differences alone are no prediction"),
    ("two-scales", SCALES.format("i + s * (i - n) + t * (b - i)"), "Yours begins at the prediction with the picture"),
    ("two-scales", SCALES.format("b"), "With both scales at 0 the answer should be `eps_none`"),
    ("two-scales", SCALES.format("n + s * (b - n)"), "With the picture at 1 and the text at 0"),
    ("two-scales", SCALES.format("n + s * (i - n)"), "With both scales at 1 it should be `eps_both`"),
    ("two-scales", SCALES.format("n + s * (i - n) + t**2 * (b - i)"), "At 1.5 and 7.5 it should be"),
    ("guided", GUIDED.format("(1 + w) * c - w * u"), "That is the other convention"),
    ("guided", GUIDED.format("w * u + (1 - w) * c"), "The two predictions are the wrong way round"),
    ("guided", GUIDED.format("u + w * c"), "What is added should be `w` times the difference"),
    ("euler-sampler", EULER.format("return x + h * v(x, t)"), "The point has made one step only."),
    ("euler-sampler", EULER.format("x = x + v(x, t)"), "Each step goes the whole way"),
    ("euler-sampler", EULER.format("x = x + h * v(x, t)"), "`t` stays at 0"),
    ("euler-sampler", EULER.format("t += h; x = x + h * v(x, t)"), "The velocity is asked at the end of each step."),
    ("euler-sampler", EULER.format("x = x + h * v(x, k)"), "`t` is the number of the step."),
    ("euler-sampler", EULER.format("x += h * v(x, k * h)"), "The array that was given has been changed."),
    (
        "euler-sampler",
        EULER.replace("    t = 0.0\n", "    x0 = x\n").format("x = x + h * v(x0, k * h)"),
        "Every step uses the velocity at the first x.",
    ),
    ("most-certain", CERTAIN.format("np.argsort(-c)[:k]"), "Place 0 is among them, which is not masked"),
    ("most-certain", CERTAIN.format("np.sort(c[m])[-k:]"), "Those are the confidences."),
    ("most-certain", CERTAIN.format("np.argsort(-c[m])[:k]"), "Either the least certain are taken"),
    ("most-certain", CERTAIN.format("np.argsort(-np.where(m, c, -1))"), "With k = 2 there should be two places"),
]


def told(label: str, code: str) -> list[Output]:
    """What the reader is told of an attempt."""
    outputs: list[Output] = []
    Session().run_exercise(label, code, EXERCISES[label].checks, outputs.append)
    return outputs


@pytest.mark.parametrize(("label", "code", "words"), MISTAKES)
def test_a_mistake_is_told(label, code, words):
    last = told(label, code)[-1]
    assert last.kind == "failed"
    assert last.body.startswith(words)


@pytest.mark.parametrize("label", EXERCISES)
def test_the_solution_passes_and_the_starter_does_not(label):
    exercise = EXERCISES[label]
    assert told(label, exercise.solution)[-1].kind == "passed"
    assert told(label, exercise.starter)[-1].kind == "failed"


def test_every_exercise_has_mistakes_that_are_told():
    assert {label for label, *_ in MISTAKES} == set(EXERCISES)

"""The instrument: its views show the walk that the settings ask for, and its words say what the picture shows."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.scenes.captions import parse
from diffusion_lab.instruments.common.scenes.drawing import draw
from diffusion_lab.instruments.common.text_to_image import answers, pictures, weights
from diffusion_lab.instruments.common.text_to_image.denoiser import ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.walks import walk
from diffusion_lab.instruments.walk.component import Walk

from ..screen import Screen

PROMPT = "red star left of blue circle"


def sampled(scale=3.0, prompt=PROMPT, without=(), steps=4):
    denoiser = ClassifierFreeGuidance(ImageDenoiser(weights.trained(), without), scale, parse(prompt)[0])
    return list(walk(denoiser, "ddim", pictures.noise(4), steps, 4))


@pytest.mark.subject(
    sampled,
    unguided=lambda: sampled(scale=1.0),
    of_another_prompt=lambda: sampled(prompt="red star"),
    without_a_skip=lambda: sampled(without=("fine",)),
)
def test_the_panes_are_a_moment_of_the_walk(subject):
    walked = Walk(num_steps=4, progress=0.5)
    frame = subject()[2]
    np.testing.assert_allclose(walked.moment.x, frame.x, atol=1e-4)
    np.testing.assert_allclose(walked.moment.guess, frame.guess, atol=1e-3)
    rebuilt = frame.level.signal * walked.moment.guess + frame.level.sigma_t * walked.moment.noise
    np.testing.assert_allclose(rebuilt, walked.moment.x, atol=1e-3)


def test_both_ends_of_the_way_are_the_pictures_of_the_seeds():
    own, following = Walk(num_steps=4), Walk(num_steps=4, seed=5)
    for way, seed_s in ((0.0, own), (1.0, following)):
        between = Walk(view="two_seeds", num_steps=4, way=way)
        np.testing.assert_allclose(between.blended, seed_s.walked[-1].x[0], atol=2e-3)
    inside = Walk(view="two_seeds", num_steps=4, way=0.5)
    assert np.abs(inside.blended - inside.both_ends).max(axis=(1, 2, 3)).min() > 0.1


def test_filling_keeps_what_is_given():
    filled = Walk(view="fill", num_steps=4, progress=1.0)
    image = draw([pictures.scene_of(parse(PROMPT)[0], 4)])[0]
    np.testing.assert_allclose(filled.moment.x[0, :, :16], image[:, :16], atol=1e-3)
    assert np.abs(filled.moment.x[0, :, 16:] - image[:, 16:]).max() > 0.1
    filled.drawing = "00zz"
    assert not filled.known[0, 0]


def test_lines_change_the_picture_and_are_seen():
    """Where lines are drawn and the prompt says little, the picture has edges there."""
    plain, led = (Walk(view=view, num_steps=4, progress=1.0) for view in ("from_noise", "lines"))
    assert np.abs(plain.moment.x - led.moment.x).max() > 0.1
    assert Screen(Walk, view="lines", num_steps=4).layers["now.over"]["image"].any()


def test_the_exact_denoiser_gives_a_training_picture_back():
    walked = Walk(chart_shows="memory", num_steps=10)
    own, copied = walked.distances
    assert copied < 1e-3 < 0.02 < own


def test_the_guess_is_measured_against_the_drawn_picture():
    for t, near in ((0.05, 0.08), (0.95, 1.0)):
        guess, noised = Walk(view="to_noise", t=t).of_moment()["guess_off"]
        assert guess < near
        assert guess < noised


def test_what_a_prompt_cannot_say_is_said():
    assert Walk(prompt="red stor").reading_texts["prompt_problem"] == "The network knows no “stor”; do you mean “star”?"
    assert Walk(prompt="red qqq").reading_texts["prompt_problem"] == "The network knows no “qqq”."
    many = Walk(prompt="red blue green red blue green red blue")
    assert many.reading_texts["prompt_problem"] == "A caption has at most 7 words; the last 1 are left out."
    assert Walk().reading_texts["prompt_problem"] == ""


def test_an_empty_prompt_is_the_empty_caption():
    free = Walk(prompt="", num_steps=4)
    assert free.describe().startswith("No prompt.")
    assert free.of_picture()["answered"] is None
    np.testing.assert_allclose(free.walked[-1].x, Walk(guidance_scale=0.0, num_steps=4).walked[-1].x, atol=2e-3)


def test_the_answer_is_that_of_the_rule():
    image = draw([pictures.scene_of(parse(PROMPT)[0], 4)])[0]
    for caption, said in (
        (PROMPT, "as asked"),
        ("blue star left of red circle", "colours exchanged"),
        ("red star right of blue circle", "wrong place"),
        ("red star", "a shape too many"),
        ("green star left of blue circle", "wrong colour, shape or size"),
        ("red red", None),
    ):
        assert answers.answered(image, parse(caption)[0]) == said
    one = draw([pictures.scene_of(parse("red star")[0], 4)])[0]
    assert answers.answered(one, parse(PROMPT)[0]) == "a shape is missing"


@pytest.mark.parametrize("learns", ["word", "network"])
def test_a_word_is_fitted_step_by_step(learns):
    fit = Walk(view="new_word", learns=learns, training_step=10, seed=1)
    assert len(fit.learned.losses) == 10
    moved = fit.learned.network.weights["first/weight"] != weights.trained().weights["first/weight"]
    assert moved.any() == (learns == "network")
    assert fit.asked.shape == (8, 32, 32, 3)


def test_the_trained_network_follows_most_prompts():
    """Prompts of one shape by 10 steps of DDIM, at w = 3: what the sheet beside the weights shows."""
    prompts = ["large red star left", "small blue circle right", "green ring top", "purple cross bottom",
               "orange triangle centre", "yellow square left", "large green square", "small red ring"]  # fmt: skip
    tokens = np.stack([parse(prompt)[0] for prompt in prompts])
    denoiser = ClassifierFreeGuidance(ImageDenoiser(weights.trained()), 3.0, tokens)
    images = list(walk(denoiser, "ddim", pictures.noise(0, 8), 10, 0))[-1].x
    answered = [answers.answered(image, row) for image, row in zip(images, tokens, strict=True)]
    assert answered.count("as asked") >= 7

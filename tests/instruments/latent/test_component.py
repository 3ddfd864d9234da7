"""The instrument: its panes show the walks that the settings ask for, the codes, and the attention."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.latent_diffusion import weights
from diffusion_lab.instruments.common.latent_diffusion.denoiser import LatentDenoiser
from diffusion_lab.instruments.common.scenes.captions import parse
from diffusion_lab.instruments.common.text_to_image import answers, pictures
from diffusion_lab.instruments.common.text_to_image.denoiser import ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.walks import walk
from diffusion_lab.instruments.common.text_to_image.weights import trained
from diffusion_lab.instruments.latent import kernel
from diffusion_lab.instruments.latent.component import Latent

from ..screen import Screen

PROMPT = "red star left of blue circle"


def sampled(scale=3.0, prompt=PROMPT, sampler="ddim"):
    guided = ClassifierFreeGuidance(LatentDenoiser(weights.trained()[1]), scale, parse(prompt)[0])
    return list(walk(guided, sampler, pictures.noise(4, shape=kernel.CODE), 4, 4))


@pytest.mark.subject(
    sampled,
    unguided=lambda: sampled(scale=1.0),
    of_another_prompt=lambda: sampled(prompt="red star"),
    of_another_sampler=lambda: sampled(sampler="ddpm"),
)
def test_the_code_is_a_moment_of_the_walk(subject):
    latent = Latent(num_steps=4, progress=0.5)
    np.testing.assert_allclose(latent.moment.x, subject()[2].x, atol=1e-4)
    coder, _ = weights.trained()
    np.testing.assert_allclose(latent.decoded, coder.decode(subject()[2].guess.astype(np.float32)), atol=2e-3)


def test_beside_it_are_the_pixels_of_the_image_walk():
    guided = ClassifierFreeGuidance(ImageDenoiser(trained()), 3.0, parse(PROMPT)[0])
    frames = list(walk(guided, "ddim", pictures.noise(4), 4, 4))
    np.testing.assert_allclose(Latent(num_steps=4, progress=0.5).pixel_moment.x, frames[2].x, atol=1e-4)


def test_the_autoencoder_loses_less_than_as_many_linear_values():
    latent = Latent(view="compress", num_values=4)
    network, linear = latent.lost
    assert network < 0.03 < 4 * network < linear
    assert latent.network_error < 0.03 < 0.1 < latent.linear_errors[4]
    latent.num_values = 24
    assert latent.lost[0] == network, "it keeps its four values"
    assert latent.lost[1] < 0.6 * linear


def test_what_comes_back_answers_the_prompt():
    """The rule that judges samples finds in the pictures that come back what was drawn."""
    for seed in range(4):
        latent = Latent(view="compress", seed=seed)
        assert answers.answered(latent.given_back[1][0], latent.caption) == "as asked"
        by_one_value = latent.linear_code.of_first(1).there_and_back(latent.picture)[0]
        assert answers.answered(by_one_value, latent.caption) != "as asked", "the rule tells good from bad"


def test_the_table_counts_both_spaces():
    texts = Screen(Latent, num_steps=3).texts
    cells = {"values": ("3,072", "256", "12"), "paper": ("786,432", "16,384", "48")}
    for row, expected in cells.items():
        assert tuple(texts[f"{row}_{column}"] for column in ("pixels", "codes", "ratio")) == expected


def test_only_the_view_from_noise_needs_the_other_network():
    for view, read in (("attention", False), ("compress", False), ("from_noise", True)):
        latent = Latent(view=view, num_steps=3)
        latent.answer()
        assert bool(latent._graph._entries.get("unet")) == read, view


def test_the_attention_follows_the_mark():
    screen = Screen(Latent, view="attention", num_steps=3)
    before = screen.layers["looked.picture"]["image"].copy()
    screen.update(probe_x=10.0, probe_y=-8.0)
    assert (screen.layers["looked.picture"]["image"] != before).any()
    assert (screen.layers["shown.place"]["x"][0], screen.layers["shown.place"]["y"][0]) == (10.0, -10.0)
    places, words = screen.instrument.of_attention()["looked"]
    assert 0 < words < places < 1


def test_the_trained_transformer_follows_most_prompts():
    """Prompts of one shape by 10 steps of DDIM, at w = 3: what the sheet beside the weights shows."""
    found = [
        Latent(prompt=prompt, num_steps=10).of_moment()["answered"]
        for prompt in ("large red star left", "small blue circle right", "green ring top", "purple cross bottom",
                       "orange triangle centre", "yellow square left", "large green square", "small red ring")
    ]  # fmt: skip
    assert found.count("as asked") >= 7

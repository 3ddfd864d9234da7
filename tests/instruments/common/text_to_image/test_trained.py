"""The trained weights: NumPy's results with them are PyTorch's, and the curve of the loss is kept beside them."""

import json
from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.scenes.captions import parse, random_scene
from diffusion_lab.instruments.common.scenes.drawing import draw, outlines
from diffusion_lab.instruments.common.text_to_image import weights
from diffusion_lab.instruments.common.text_to_image.weights import trained, trained_control

REFERENCE = dict(np.load(Path(__file__).with_name("trained.npz")))
PROMPTS = ("large red circle left of small blue square", "", "star")
TOKENS = np.stack([parse(prompt)[0] for prompt in PROMPTS])
SCENES = [random_scene(np.random.default_rng(k)) for k in range(3)]


def predicted(controlled=False, prompts=TOKENS):
    """As `make_reference.py` has it of PyTorch, in float32."""
    network = trained()
    x = 0.5 * draw(SCENES) + 0.8 * np.random.default_rng(3).standard_normal((3, 32, 32, 3))
    control = trained_control()(outlines(SCENES)) if controlled else None
    t = np.array([0.1, 0.5, 0.99], np.float32)
    return network.v(x.astype(np.float32), t, network.words(prompts), control=control)[:, ::3, ::3]


@pytest.mark.subject(predicted, of_other_prompts=lambda: predicted(prompts=TOKENS[::-1]))
def test_the_trained_network_predicts_what_pytorch_does(subject):
    np.testing.assert_allclose(subject(), REFERENCE["v"], atol=2e-4)
    np.testing.assert_allclose(trained().words(TOKENS), REFERENCE["words"], atol=1e-4)


def test_the_trained_control_branch_too():
    np.testing.assert_allclose(predicted(controlled=True), REFERENCE["controlled"], atol=2e-4)
    assert np.abs(REFERENCE["controlled"] - REFERENCE["v"]).max() > 0.1


def test_the_loss_fell_in_training():
    losses = np.array(json.loads(weights.WEIGHTS.with_name("loss.json").read_text("utf-8")))
    assert np.all(np.diff(losses[:, 0]) > 0)
    assert losses[-5:, 1].mean() < 0.1 * losses[0, 1]

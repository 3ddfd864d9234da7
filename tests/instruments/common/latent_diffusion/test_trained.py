"""The trained weights: NumPy's results with them are PyTorch's, and the curves of the losses are kept beside them."""

import json
from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.latent_diffusion.weights import WEIGHTS, trained
from diffusion_lab.instruments.common.scenes.captions import parse, random_scene
from diffusion_lab.instruments.common.scenes.drawing import draw

REFERENCE = dict(np.load(Path(__file__).with_name("trained.npz")))
PROMPTS = ("large red circle left of small blue square", "", "star")
TOKENS = np.stack([parse(prompt)[0] for prompt in PROMPTS])


def predicted(prompts=TOKENS):
    """As `make_reference.py` has it of PyTorch, in float32."""
    x = np.random.default_rng(3).standard_normal((3, 4, 8, 8)).transpose(0, 2, 3, 1).astype(np.float32)
    return trained()[1].v(np.ascontiguousarray(x), np.array([0.1, 0.5, 0.99], np.float32), prompts)


@pytest.mark.subject(predicted, of_other_prompts=lambda: predicted(TOKENS[::-1]))
def test_the_trained_transformer_predicts_what_pytorch_does(subject):
    np.testing.assert_allclose(subject(), REFERENCE["v"], atol=5e-4)


def test_the_trained_autoencoder_too():
    coder, _ = trained()
    images = draw([random_scene(np.random.default_rng(k)) for k in range(3)])
    codes = coder.encode(images)
    np.testing.assert_allclose(codes, REFERENCE["codes"], atol=2e-4)
    np.testing.assert_allclose(coder.decode(codes), REFERENCE["images"], atol=5e-4)
    assert np.sqrt(np.mean(np.square(REFERENCE["images"] - images))) < 0.03


def test_the_losses_fell_in_training():
    curves = json.loads(WEIGHTS.with_name("loss.json").read_text("utf-8"))
    for name, share in (("autoencoder", 0.02), ("transformer", 0.35)):
        losses = np.array(curves[name])
        assert np.all(np.diff(losses[:, 0]) > 0)
        assert losses[-5:, 1].mean() < share * losses[0, 1]

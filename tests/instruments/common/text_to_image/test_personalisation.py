"""A word that is fitted to pictures."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.scenes.captions import WORDS, parse
from diffusion_lab.instruments.common.text_to_image import personalisation
from diffusion_lab.instruments.common.text_to_image.personalisation import fit_word
from diffusion_lab.instruments.common.text_to_image.unet import UNet

from .tiny import weights


@pytest.fixture(scope="module")
def network():
    return UNet.of(weights(), np.float64)


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    images = np.clip(rng.standard_normal((3, 32, 32, 3)), -1, 1)
    return images, np.stack([parse("red star left")[0]] * 3)


def analytic(network, vector, images, captions, place, seed):
    return personalisation._loss(network, vector, images, captions, place, 4, np.random.default_rng(seed))[1]


def of_another_place(network, vector, images, captions, place, seed):
    at = [place - 1] * 4
    embedded = personalisation.with_vector
    try:
        personalisation.with_vector = lambda network, captions, vector, _: embedded(network, captions, vector, at)
        return analytic(network, vector, images, captions, place, seed)
    finally:
        personalisation.with_vector = embedded


@pytest.mark.subject(analytic, of_another_place=of_another_place)
def test_the_gradient_is_that_of_differences(subject, network, examples, rng):
    images, captions = examples
    vector, direction = rng.standard_normal(16), rng.standard_normal(16)
    loss = lambda v: personalisation._loss(network, v, images, captions, 1, 4, np.random.default_rng(5))[0]  # noqa: E731
    expected = (loss(vector + 1e-5 * direction) - loss(vector - 1e-5 * direction)) / 2e-5
    assert subject(network, vector, images, captions, 1, 5) @ direction == pytest.approx(expected, rel=1e-5)


def test_the_times_of_a_batch_are_spread_evenly(network, examples, monkeypatch):
    """One in each eighth of the whole time, so that a batch has all noise levels."""
    images, captions = examples
    forward, seen = UNet.forward, []
    monkeypatch.setattr(UNet, "forward", lambda self, x, t, words: seen.append(t) or forward(self, x, t, words))
    for seed in range(4):
        personalisation._loss(network, np.zeros(16), images, captions, 1, 8, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.floor(8 * np.array(seen)), np.tile(np.arange(8), (4, 1)))
    assert np.ptp(8 * np.array(seen) % 1) > 0.8


def test_fitting_lowers_the_loss_and_changes_the_word_alone(network, examples):
    before = {name: array.copy() for name, array in network.weights.items()}
    images, captions = examples
    steps = fit_word.work(
        network, images, captions, 1, start=WORDS.index("star"), steps=40, batch=4, rng=np.random.default_rng(0)
    )
    seen = []
    try:
        while True:
            seen.append(next(steps))
    except StopIteration as end:
        word = end.value
    assert seen[-1] == (40, 40)
    assert word.losses[-12:].mean() < word.losses[:12].mean()
    assert np.any(word.vector != network.weights["words/tokens"][WORDS.index("star")])
    for name, array in network.weights.items():
        np.testing.assert_array_equal(array, before[name])


def test_every_image_needs_a_caption(network, examples):
    with pytest.raises(ValueError, match="every image needs a caption"):
        fit_word(network, examples[0], examples[1][:2], 1, start=3, rng=np.random.default_rng(0))

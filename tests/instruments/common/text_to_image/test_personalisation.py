"""A word that is fitted to pictures, alone and with the network."""

from itertools import islice

import numpy as np
import pytest

from diffusion_lab.instruments.common.scenes.captions import WORDS, parse
from diffusion_lab.instruments.common.text_to_image import personalisation
from diffusion_lab.instruments.common.text_to_image.personalisation import fitting
from diffusion_lab.instruments.common.text_to_image.unet import UNet

from .tiny import weights

STAR = WORDS.index("star")
TOLD = parse("large red star left")[0]


@pytest.fixture(scope="module")
def network():
    return UNet.of(weights(), np.float64)


@pytest.fixture(scope="module")
def examples():
    rng = np.random.default_rng(0)
    images = np.clip(rng.standard_normal((3, 32, 32, 3)), -1, 1)
    return images, np.stack([parse("red star left")[0]] * 3)


@pytest.fixture(scope="module")
def known():
    """A scene of training beside them."""
    return np.random.default_rng(1).standard_normal((2, 32, 32, 3)), np.stack([TOLD] * 2)


def of_the_word(network, vector, images, captions, place, known):
    return personalisation._loss(network, vector, images, captions, place, known, np.random.default_rng(5))[1]


def of_the_words_of_known_scenes_too(network, vector, images, captions, place, known):
    """As if the new word stood in the captions of the known scenes too."""
    both = np.concatenate([images, known[0]]), np.concatenate([captions, known[1]])
    return of_the_word(network, vector, *both, place, (images[:0], captions[:0]))


@pytest.mark.subject(
    of_the_word,
    another_place=lambda *a: of_the_word(*a[:4], a[4] - 1, a[5]),
    known_scenes_too=of_the_words_of_known_scenes_too,
)
def test_the_gradient_is_that_of_differences(subject, network, examples, known, rng):
    images, captions = examples
    vector, direction = rng.standard_normal(16), rng.standard_normal(16)

    def loss(v):
        return personalisation._loss(network, v, images, captions, 1, known, np.random.default_rng(5))[0]

    expected = (loss(vector + 1e-5 * direction) - loss(vector - 1e-5 * direction)) / 2e-5
    assert subject(network, vector, images, captions, 1, known) @ direction == pytest.approx(expected, rel=1e-5)


def test_a_network_that_knows_its_picture_has_no_loss(network, examples, monkeypatch):
    """Then it knows the noise too, and v = signal eps - sigma_t x0."""
    (image, caption), forward = (part[:1] for part in examples), UNet.forward

    def knowing(self, x, t, words):
        level = personalisation.SCHEDULE.level(t[:, None, None, None])
        noise = (x - level.signal * image) / level.sigma_t
        return level.signal * noise - level.sigma_t * image, forward(self, x, t, words)[1]

    monkeypatch.setattr(UNet, "forward", knowing)
    nothing, rng = (image[:0], caption[:0]), np.random.default_rng(0)
    loss, _, _ = personalisation._loss(network, np.zeros(16), image, caption, 1, nothing, rng)
    assert loss == pytest.approx(0.0, abs=1e-12)


def test_the_times_of_a_batch_are_spread_evenly(network, examples, known, monkeypatch):
    """One in each eighth of the whole time for the pictures of the word, and so for the known scenes."""
    images, captions = (np.tile(part, (4, *[1] * (part.ndim - 1)))[:8] for part in examples)
    forward, seen = UNet.forward, []
    monkeypatch.setattr(UNet, "forward", lambda self, x, t, words: seen.append(t) or forward(self, x, t, words))
    for seed in range(4):
        personalisation._loss(network, np.zeros(16), images, captions, 1, known, np.random.default_rng(seed))
    times = np.array(seen)
    np.testing.assert_array_equal(np.floor(8 * times[:, :8]), np.tile(np.arange(8), (4, 1)))
    np.testing.assert_array_equal(np.floor(2 * times[:, 8:]), np.tile(np.arange(2), (4, 1)))
    assert np.ptp(8 * times % 1) > 0.8


@pytest.mark.parametrize("whole", [False, True])
def test_fitting_lowers_the_loss_and_leaves_the_given_network_alone(whole, network, examples):
    before = {name: array.copy() for name, array in network.weights.items()}
    states = fitting(network, *examples, 1, start=STAR, whole=whole, batch=4, rng=np.random.default_rng(0))
    first = next(states).moment()
    word = next(islice(states, 29, None)).moment()
    assert (len(first.losses), len(word.losses)) == (0, 30)
    assert word.losses[-10:].mean() < word.losses[:10].mean()
    np.testing.assert_array_equal(first.vector, network.weights["words/tokens"][STAR])
    assert np.any(word.vector != first.vector)
    for name, array in network.weights.items():
        np.testing.assert_array_equal(array, before[name])
        learned = whole and personalisation._learns(name)
        assert np.any(word.network.weights[name] != array) == learned, name
        np.testing.assert_array_equal(first.network.weights[name], array)


def test_what_learns_is_what_has_a_gradient(network, examples, known):
    images, captions = examples
    grads = personalisation._loss(network, np.zeros(16), images, captions, 1, known, np.random.default_rng(0))[2]
    assert set(grads) == {name for name in network.weights if personalisation._learns(name)}


def test_the_word_stands_in_captions_as_a_condition(network, examples):
    word = next(fitting(network, *examples, 1, start=STAR, rng=np.random.default_rng(0))).moment()
    captions = np.stack([TOLD, parse("blue ring")[0]])
    embedded = word.embedded(captions, 2)
    np.testing.assert_array_equal(embedded[:, 2], np.stack([word.vector] * 2))
    np.testing.assert_array_equal(embedded[:, [0, 1, 3]], network.embedded(captions)[:, [0, 1, 3]])


def test_every_image_needs_a_caption(network, examples):
    with pytest.raises(ValueError, match="every image needs a caption"):
        next(fitting(network, examples[0], examples[1][:2], 1, start=3, rng=np.random.default_rng(0)))

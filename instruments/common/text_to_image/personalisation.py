"""Personalisation: a new word is fitted to a few pictures, and the network stays as it is (Gal et al. 2023).

The word's vector is the only thing that learns, by the loss that the network was trained with: it is moved until the
network denoises the pictures well with that word in their captions ("textual inversion").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.losses import mean_squared_error
from diffusion_lab.instruments.common.scenes.captions import Tokens
from diffusion_lab.instruments.common.scenes.drawing import Images
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE
from diffusion_lab.instruments.common.text_to_image.unet import UNet

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NewWord:
    """The fitted vector (width,) of a new word, and the loss of every step, (steps,)."""

    vector: Floats
    losses: NDArray[np.float64]


@sliced
def fit_word(
    network: UNet,
    images: Images,
    captions: Tokens,
    place: int,
    *,
    start: int,
    steps: int = 200,
    rate: float = 0.02,
    batch: int = 8,
    rng: np.random.Generator,
) -> Work[NewWord]:
    """Fits the vector of the word at `place` of every caption (N, LONGEST) to its image (N, 32, 32, 3).

    It begins as the vector of the token `start`, a word of a similar meaning, and takes `steps` steps of Adam, each on
    `batch` images at random times. Raises ValueError where captions and images are not as many.
    """
    require(len(images) == len(captions) > 0, "every image needs a caption", (len(images), len(captions)))
    vector = {"word": network.weights["words/tokens"][start].copy()}
    adam, losses = Adam(learning_rate=rate), np.empty(steps)
    for step in range(steps):
        losses[step], gradient = _loss(network, vector["word"], images, captions, place, batch, rng)
        adam.update(vector, {"word": gradient})
        yield step + 1, steps
    return NewWord(vector["word"], losses)


def _loss(
    network: UNet, vector: Floats, images: Images, captions: Tokens, place: int, batch: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """The loss of one step, and its gradient in the word's vector."""
    chosen = rng.integers(len(images), size=batch)
    t = ((np.arange(batch) + rng.random(batch)) / batch).astype(vector.dtype)
    level = SCHEDULE.level(t.astype(np.float64)[:, None, None, None])
    signal, sigma = np.asarray(level.signal, vector.dtype), np.asarray(level.sigma_t, vector.dtype)
    clean, noise = images[chosen], rng.standard_normal(images[chosen].shape).astype(vector.dtype)
    words, of_words = network.words_forward(with_vector(network, captions[chosen], vector, place))
    v, caches = network.forward(signal * clean + sigma * noise, t, words)
    loss, dv = mean_squared_error(v, signal * noise - sigma * clean)
    dwords = network.words_backward(network.backward(dv.astype(vector.dtype), caches)[1], of_words)
    return loss, dwords[:, place].sum(axis=0)


def with_vector(network: UNet, captions: Tokens, vector: Floats, place: int | Sequence[int]) -> Floats:
    """The vectors of the words of captions (N, n), with `vector` in place of the word at `place`: (N, n, width)."""
    embedded = network.embedded(captions).copy()
    embedded[np.arange(len(captions)), place] = vector
    return embedded

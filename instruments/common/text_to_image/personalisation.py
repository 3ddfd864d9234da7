"""Personalisation: a new word is fitted to a few pictures, by the loss that the network was trained with.

Textual inversion (Gal et al. 2023) moves the word's vector alone, and the network stays as it is. DreamBooth (Ruiz et
al. 2023) moves the network too; so that it does not forget the words that it knows, half of each batch are scenes with
captions of its training ("prior preservation").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.arrays import Weights
from diffusion_lab.instruments.common.networks.losses import mean_squared_error
from diffusion_lab.instruments.common.scenes.captions import Tokens, parse, random_caption, random_scene
from diffusion_lab.instruments.common.scenes.drawing import Images, draw
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE
from diffusion_lab.instruments.common.text_to_image.unet import UNet

Floats = NDArray[np.float32]

WORD_RATE, NETWORK_RATE = 0.02, 5e-4
"""Adam's learning rates of the word's vector, and of the network where it learns too."""

LEARNING = ("first", "halve_", "double_", "last", "fine_", "middle_", "coarse")
"""Beginnings of the names of the layers that learn: all convolutions and residual blocks."""


@dataclass(frozen=True, eq=False)
class NewWord:
    """A moment of a fit: the word's vector (width,), the network then, and the loss of each step so far, (steps,)."""

    vector: Floats
    network: UNet
    losses: NDArray[np.float64]

    def embedded(self, captions: Tokens, place: int) -> Floats:
        """The vectors of the words of captions (N, n) with the new word at `place`, as a condition: (N, n, width)."""
        return with_vector(self.network, captions, self.vector, place)


class Fit:
    """The state of a fit, which `fitting` advances."""

    def __init__(self, network: UNet, start: int) -> None:
        self.weights = dict(network.weights)
        self.word = {"vector": network.weights["words/tokens"][start].copy()}
        self.losses: list[float] = []

    @property
    def network(self) -> UNet:
        """The network with the weights of now."""
        return UNet(self.weights)

    def moment(self) -> NewWord:
        """A copy that stays as it is."""
        kept = {name: array.copy() if _learns(name) else array for name, array in self.weights.items()}
        return NewWord(self.word["vector"].copy(), UNet(kept), np.array(self.losses))


def fitting(
    network: UNet,
    images: Images,
    captions: Tokens,
    place: int,
    *,
    start: int,
    whole: bool = False,
    batch: int = 8,
    rng: np.random.Generator,
) -> Iterator[Fit]:
    """Fits the word at `place` of every caption (N, LONGEST) to its image (N, 32, 32, 3); yields before each step.

    Its vector begins as that of the token `start`, a word of a similar meaning. Each step of Adam takes `batch` images
    at random times. whole: the network's convolutions learn too, beside as many scenes of its training. Raises
    ValueError where captions and images are not as many.
    """
    require(len(images) == len(captions) > 0, "every image needs a caption", (len(images), len(captions)))
    fit = Fit(network, start)
    learning: Weights = {}
    if whole:
        learning = {name: array.copy() for name, array in network.weights.items() if _learns(name)}
        fit.weights |= learning
    of_word, of_network = Adam(learning_rate=WORD_RATE), Adam(learning_rate=NETWORK_RATE)
    while True:
        yield fit
        chosen = rng.integers(len(images), size=batch)
        known = _known(batch, rng) if whole else (images[:0], captions[:0])
        loss, dvector, grads = _loss(
            fit.network, fit.word["vector"], images[chosen], captions[chosen], place, known, rng
        )
        fit.losses.append(loss)
        of_word.update(fit.word, {"vector": dvector})
        of_network.update(learning, grads)


def _learns(name: str) -> bool:
    """Whether a weight is one that `UNet.backward` has a gradient of."""
    layer, part = name.split("/") if "/" in name else (name, "")
    return layer.startswith(LEARNING) and not layer.endswith("_seen") and not part.startswith("time_")


def _known(n: int, rng: np.random.Generator) -> tuple[Images, Tokens]:
    """Scenes and captions such as the network was trained with."""
    scenes = [random_scene(rng) for _ in range(n)]
    return draw(scenes), np.stack([parse(random_caption(scene, rng))[0] for scene in scenes])


def _loss(
    network: UNet,
    vector: Floats,
    images: Images,
    captions: Tokens,
    place: int,
    known: tuple[Images, Tokens],
    rng: np.random.Generator,
) -> tuple[float, Floats, Weights]:
    """The loss of one step, and its gradients in the word's vector and in the network's weights."""
    clean = np.concatenate([images, known[0]]).astype(vector.dtype)
    embedded = np.concatenate([with_vector(network, captions, vector, place), network.embedded(known[1])])
    n = len(images)
    t = np.concatenate([(np.arange(part) + rng.random(part)) / part for part in (n, len(known[0])) if part])
    level = SCHEDULE.level(t[:, None, None, None])
    signal, sigma = np.asarray(level.signal, vector.dtype), np.asarray(level.sigma_t, vector.dtype)
    noise = rng.standard_normal(clean.shape).astype(vector.dtype)
    words, of_words = network.words_forward(embedded)
    v, caches = network.forward(signal * clean + sigma * noise, t.astype(vector.dtype), words)
    loss, dv = mean_squared_error(v, signal * noise - sigma * clean)
    _, dwords, grads = network.backward(dv.astype(vector.dtype), caches)
    return loss, network.words_backward(dwords, of_words)[:n, place].sum(axis=0), grads


def with_vector(network: UNet, captions: Tokens, vector: Floats, place: int) -> Floats:
    """The vectors of the words of captions (N, n), with `vector` in place of the word at `place`: (N, n, width)."""
    embedded = network.embedded(captions).copy()
    embedded[:, place] = vector
    return embedded

"""A small masked model that is trained in the page, on texts of the exact model, whose least loss is known.

A multilayer perceptron sees the words within REACH places of a mask, masks and the text's ends among them, and predicts
the word there. It is trained on the masked objective (equation 8.2), each text with its mean weight in place of 1/t.
Of a text that the exact model draws, the least value of that objective is the entropy of the model, by the chain rule.

A run depends on its length and its seed alone, so every moment of it can be made again, bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.masked.chains import MASK, Tokens
from diffusion_lab.instruments.common.masked.objective import mean_weight
from diffusion_lab.instruments.common.networks import softmax
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.losses import cross_entropy
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp, mlp_layers, mlp_weights
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.unmask.kernel import expected_log_likelihood
from diffusion_lab.instruments.unmask.language import VOCABULARY, posterior, word_model
from diffusion_lab.instruments.unmask.model_error import divergence

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

REACH = 4
"""Places to the left and to the right that the network sees."""

OFFSETS = tuple(offset for offset in range(-REACH, REACH + 1) if offset)
SYMBOLS = len(VOCABULARY) + 2
"""What a place can hold: a word, a mask, or nothing, beyond the ends of the text."""

SIZES = (len(OFFSETS) * SYMBOLS, 96, 96, len(VOCABULARY))
NUM_STEPS, EVERY = 800, 20
"""Steps of a run, and from one checkpoint to the next."""

BATCH, BLOCK, RATE = 64, 16, 5e-3
"""Texts a step; steps whose texts are drawn at once; Adam's learning rate."""

TESTED = 4
"""Texts for each number of masks on which the excess is measured."""


def pace(step: float) -> float:
    """The quantity that changes evenly while training is played: from about step 50 on the logarithm of the step."""
    return float(np.log1p(step / 50))


def inputs(x: Tokens, row: Tokens, at: Tokens) -> Array32:
    """The network's input for the positions (row, at) of texts x (B, n): columns (inputs + 1, M), the last row 1."""
    length = x.shape[1]
    padded = np.full((len(x), length + 2 * REACH), SYMBOLS - 1)
    padded[:, REACH : REACH + length] = np.where(x == MASK, SYMBOLS - 2, x)
    columns = np.zeros((SIZES[0] + 1, len(row)), np.float32)
    columns[-1] = 1.0
    for k, offset in enumerate(OFFSETS):
        columns[k * SYMBOLS + padded[row, at + REACH + offset], np.arange(len(row))] = 1.0
    return columns


@dataclass(frozen=True, eq=False)
class Moment:
    """The network at a step of its training, and the loss of each step before it, nats a word. It is a `Model`."""

    weights: Array32
    losses: Array

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.losses)

    def __call__(self, x: Tokens) -> Array:
        """Its laws (B, n, V) at the masks of x (B, n); meaningless where x is revealed."""
        law = np.full((*x.shape, len(VOCABULARY)), 1.0 / len(VOCABULARY))
        row, at = np.nonzero(x == MASK)
        law[row, at] = self.laws_at(inputs(x, row, at))
        return law

    def laws_at(self, columns: Array32) -> Array:
        """Laws (M, V) from `inputs`."""
        return softmax(mlp(mlp_layers(self.weights, SIZES), columns).T.astype(np.float64))


@dataclass(eq=False)
class Run:
    """A run in progress: weights, which change in place, and one loss a step."""

    weights: Array32
    losses: list[float]

    def moment(self) -> Moment:
        """A copy of this moment."""
        return Moment(self.weights.copy(), np.array(self.losses))


def masked_texts(texts: Tokens, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Array]:
    """Masks of texts (B, n) at levels t spread evenly over (0, 1), and the weight of each, (B,), summing to about n."""
    size, length = texts.shape
    t = (np.arange(size) + rng.random(size)) / size
    masked = rng.random(texts.shape) < t[:, None]
    return masked, mean_weight(length, masked.sum(axis=1)) / (size * length)


def training(length: int, seed: int) -> Iterator[Run]:
    """The run at its start and after each step: always the same object, changed."""
    run = Run(mlp_weights(SIZES, seeded((seed, 6))), [])
    flat = np.empty_like(run.weights)
    layers, grads = mlp_layers(run.weights, SIZES), mlp_layers(flat, SIZES)
    adam = Adam(RATE)
    yield run
    while True:
        rng = seeded((seed, 7, len(run.losses)))
        drawn, _ = word_model().left_to_right(np.full((BLOCK * BATCH, length), MASK), 1.0, rng)
        for texts in np.split(drawn, BLOCK):
            masked, weight = masked_texts(texts, rng)
            row, at = np.nonzero(masked)
            net = Mlp(layers, len(row))
            logits = net.forward(inputs(np.where(masked, MASK, texts), row, at))
            loss, dlogits = cross_entropy(logits.T, texts[row, at], weight[row])
            net.backward(np.ascontiguousarray(dlogits.T), grads)
            adam.update({"all": run.weights}, {"all": flat})
            run.losses.append(loss)
            yield run


@dataclass(frozen=True)
class Truth:
    """The exact answers to a training task: texts of `length` words."""

    length: int

    @cached_property
    def floor(self) -> float:
        """The least loss of any model: the entropy of a text, nats a word."""
        return -expected_log_likelihood(np.full(self.length, MASK))

    @cached_property
    def _tested(self) -> tuple[Array32, Array, Array]:
        """Inputs of the network at the masks of test texts, the exact laws there, and weights that sum to 1."""
        rng = seeded([0, 8])
        count = np.repeat(np.arange(1, self.length + 1), TESTED)
        texts, _ = word_model().left_to_right(np.full((len(count), self.length), MASK), 1.0, rng)
        masked = rng.random(texts.shape).argsort(axis=1).argsort(axis=1) < count[:, None]
        x = np.where(masked, MASK, texts)
        row, at = np.nonzero(masked)
        return inputs(x, row, at), posterior(x)[row, at], (1.0 / (count * len(count)))[row]

    def excess(self, moment: Moment) -> float:
        """KL(exact || network) of a masked word, nats, each number of masks alike: the loss above the floor.

        Without the scatter of batches, on test texts that never change.
        """
        columns, exact, weight = self._tested
        return float(weight @ divergence(exact, moment.laws_at(columns)))

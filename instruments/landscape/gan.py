"""A generative adversarial network: Goodfellow et al. 2014, with the non-saturating loss and noise on what is judged.

    generator       x = G(z), z ~ N(0, I)
    discriminator   D(x), the log odds that x is a point of the data and not one that G has made

Both see points with noise about them, which falls to 0 during training (Sønderby et al. 2017): at first the two laws
overlap, so D has a slope that G can follow. Inside, points are in units of the data's standard deviation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.arrays import Weights
from diffusion_lab.instruments.common.networks.ema import Ema
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp_layers, mlp_weights
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import Work
from diffusion_lab.instruments.landscape.networks import (
    BATCH,
    HIDDEN,
    LATENT,
    NUM_STEPS,
    applied,
    batches,
    falling,
    with_ones,
)

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

GENERATOR, DISCRIMINATOR = (LATENT, *HIDDEN, 2), (2, *HIDDEN, 1)
HALF = BATCH // 2
"""Points of the data in a batch, and points that the generator has made: a batch is as large as the other models'."""
RATES = {"generator": 0.005, "discriminator": 0.01}
BETAS = (0.5, 0.99)
"""Adam's: a shorter memory, because the other network changes what is to be learned (Radford et al. 2016)."""
NOISE, NOISY = 0.5, 0.7
"""The noise on both kinds of points at the start, and the share of the training after which there is none."""
DECAY = 0.99
"""Of the average of the generator's weights."""


@dataclass(frozen=True, eq=False)
class Gan:
    """Flat weights of both networks: "generator", averaged, and "discriminator"; sd: the unit of their points."""

    weights: Weights
    sd: float
    passes = 1

    def copy(self) -> Gan:
        """One that stays as it is while training goes on."""
        return Gan({name: value.copy() for name, value in self.weights.items()}, self.sd)

    def drawing(self, z: Array, rng: np.random.Generator) -> Work[Array]:
        """Samples (N, 2) from codes z (N, 2): one pass of the generator; no noise is added."""
        return (yield from self.ends(z))

    def ends(self, z: Array) -> Generator[tuple[float, float], None, Array]:
        """Where codes z (N, 2) lead."""
        yield 0, 1
        return self.sd * applied(self.weights["generator"], GENERATOR, z)

    def judged(self, x: ArrayLike) -> Array:
        """The discriminator's probability (N,) that each of the points x (N, 2) is one of the data."""
        return probability(applied(self.weights["discriminator"], DISCRIMINATOR, np.asarray(x) / self.sd)[:, 0])


def probability(log_odds: Array) -> Array:
    """1 / (1 + exp(-log_odds)), by tanh, which does not overflow; in the precision of `log_odds`."""
    return 0.5 * (1.0 + np.tanh(0.5 * log_odds))


def discriminator_step(network: Mlp, grads: Array32, real: Array32, made: Array32) -> float:
    """The discriminator's loss, a mean of -log D over `real` and of -log(1 - D) over `made`, both (2, HALF), added.

    Its gradients go into `grads`, flat.
    """
    points = real.shape[1]
    odds = network.forward(with_ones(np.concatenate([real, made], axis=1)))
    error = probability(odds)
    error[:, :points] -= 1.0
    network.backward(error / points, mlp_layers(grads, DISCRIMINATOR))
    return float(np.logaddexp(0.0, -odds[:, :points]).mean() + np.logaddexp(0.0, odds[:, points:]).mean())


def generator_step(generator: Mlp, discriminator: Mlp, grads: Array32, made: Array32, noise: Array32) -> float:
    """The generator's non-saturating loss, a mean of -log D over what it has `made` (2, HALF) last, with `noise` on it.

    Its gradients go into `grads`, flat: they come through the discriminator, which stays as it is.
    """
    odds = discriminator.forward(with_ones(made + noise))
    to_made = discriminator.backward_to_input((probability(odds) - 1.0) / made.shape[1])
    generator.backward(to_made, mlp_layers(grads, GENERATOR))
    return float(np.logaddexp(0.0, -odds).mean())


def noise_at(step: int) -> float:
    """Standard deviation of the noise on judged points: from NOISE evenly to 0, in units of the data's."""
    return NOISE * max(0.0, 1.0 - step / (NOISY * NUM_STEPS))


def training(data: DataSet, seed: int) -> Iterator[Gan]:
    """The GAN at the start and after each of NUM_STEPS steps, one of each network: of arrays that change."""
    rng = seeded((seed, 12))
    weights: Weights = {"generator": mlp_weights(GENERATOR, rng), "discriminator": mlp_weights(DISCRIMINATOR, rng)}
    grads = {name: np.empty_like(value) for name, value in weights.items()}
    generator = Mlp(mlp_layers(weights["generator"], GENERATOR), HALF)
    both, judge = (Mlp(mlp_layers(weights["discriminator"], DISCRIMINATOR), points) for points in (BATCH, HALF))
    adams = {name: Adam(rate, *BETAS) for name, rate in RATES.items()}
    average = Ema.of({"generator": weights["generator"]}, DECAY)
    gan = Gan({**average.average, "discriminator": weights["discriminator"]}, data.sd)

    def update(name: str, step: int) -> None:
        adams[name].learning_rate = falling(RATES[name], step)
        adams[name].update({name: weights[name]}, grads)

    yield gan
    for step, real in zip(range(NUM_STEPS), batches(data, HALF, rng), strict=False):
        codes, *noises = rng.standard_normal((4, LATENT, HALF), dtype=np.float32)
        of_real, of_made, again = np.float32(noise_at(step)) * np.stack(noises)
        with np.errstate(over="ignore"):
            made = generator.forward(with_ones(codes))
            discriminator_step(both, grads["discriminator"], real + of_real, made + of_made)
            update("discriminator", step)
            generator_step(generator, judge, grads["generator"], made, again)
            update("generator", step)
        average.update(weights)
        yield gan

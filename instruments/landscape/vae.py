"""A variational autoencoder: Kingma & Welling 2014, with a decoder whose noise is learned too.

    code   z ~ N(0, I)              point   x ~ N(decoder(z), exp(log_var) I)
    guess of the code behind a point        z ~ N(mean(x), diag(exp(log_vars(x)))) by the encoder

It is trained to make the ELBO large, the bound of equation (10.2). Inside, points are in units of the data's standard
deviation.
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
from diffusion_lab.instruments.common.slices import Work, sliced
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

ENCODER, DECODER = (2, *HIDDEN, 2 * LATENT), (LATENT, *HIDDEN, 2)
RATE = 0.015
FIRST_LOG_VAR = -2.0
"""Of the decoder: with more noise at the start, codes are often ignored for good (posterior collapse)."""
DECAY = 0.99
"""Of the average of the weights."""


@dataclass(frozen=True, eq=False)
class Vae:
    """Weights of a VAE: "encoder" and "decoder", flat, and "log_var" (1,); sd: the unit of its points."""

    weights: Weights
    sd: float
    passes = 1

    def copy(self) -> Vae:
        """One that stays as it is while training goes on."""
        return Vae({name: value.copy() for name, value in self.weights.items()}, self.sd)

    @property
    def noise(self) -> float:
        """Standard deviation of the decoder's noise, in units of the data."""
        return float(self.sd * np.exp(0.5 * self.weights["log_var"][0]))

    def encode(self, x: ArrayLike) -> tuple[Array, Array]:
        """Mean and log variances (N, 2) of the code behind each of the points x (N, 2)."""
        guess = applied(self.weights["encoder"], ENCODER, np.asarray(x) / self.sd)
        return guess[:, :LATENT], guess[:, LATENT:]

    def decode(self, z: ArrayLike) -> Array:
        """The mean (N, 2) of the points that codes z (N, 2) lead to."""
        return self.sd * applied(self.weights["decoder"], DECODER, z)

    def drawing(self, z: Array, rng: np.random.Generator) -> Work[Array]:
        """Samples (N, 2) from codes z (N, 2): one pass of the decoder, and its noise."""
        ends = yield from self.ends(z)
        return ends + self.noise * rng.standard_normal(ends.shape)

    def ends(self, z: Array) -> Generator[tuple[float, float], None, Array]:
        """Where codes z (N, 2) lead without noise."""
        yield 0, 1
        return self.decode(z)


@sliced
def bounds(vae: Vae, x: Array, num_codes: int, rng: np.random.Generator) -> Work[tuple[float, float]]:
    """Two lower bounds of the mean log-likelihood of points x (N, 2): the ELBO, and one of `num_codes` codes a point.

    Both from the same codes of the encoder, weighed by w = p(x, z) / q(z | x): the mean of log w, and of the log of the
    mean of w (importance-weighted; Burda, Grosse & Salakhutdinov 2016), which is never lower. Yields after each code.
    """
    mean, log_vars = vae.encode(x)
    var, logs = vae.noise**2, np.empty((num_codes, len(x)))
    for k in range(num_codes):
        eps = rng.standard_normal(mean.shape)
        z = mean + np.exp(0.5 * log_vars) * eps
        of_point = -0.5 * np.sum((x - vae.decode(z)) ** 2, axis=1) / var - np.log(2.0 * np.pi * var)
        logs[k] = of_point + 0.5 * np.sum(eps**2 - z**2 + log_vars, axis=1)
        yield k + 1, num_codes
    peak = logs.max(axis=0)
    weighted = peak + np.log(np.exp(logs - peak).mean(axis=0))
    return float(logs.mean()), float(weighted.mean())


def negative_elbo(networks: tuple[Mlp, Mlp], weights: Weights, grads: Weights, x: Array32, eps: Array32) -> float:
    """The loss -ELBO, a mean over points x (2, N) with the codes' noise eps (2, N); its gradients go into `grads`.

    networks: encoder and decoder on the views of `weights`; log p(x | z) without its constant log(2 pi).
    """
    encoder, decoder = networks
    points = x.shape[1]
    guess = encoder.forward(with_ones(x))
    mean, log_vars = guess[:LATENT], guess[LATENT:]
    spread = np.exp(0.5 * log_vars)
    z = mean + spread * eps
    error = decoder.forward(with_ones(z)) - x
    log_var = weights["log_var"]
    var = np.exp(log_var[0])
    squares = float(np.square(error).sum()) / points
    to_z = decoder.backward_to_input(error / (var * points), mlp_layers(grads["decoder"], DECODER))
    to_mean = to_z + mean / points  # the divergence of N(mean, spread²) from N(0, I) has its gradients beside
    to_log_vars = 0.5 * (to_z * eps * spread + (spread * spread - 1.0) / points)
    encoder.backward(np.concatenate([to_mean, to_log_vars]), mlp_layers(grads["encoder"], ENCODER))
    grads["log_var"][0] = 1.0 - 0.5 * squares / var
    divergence = 0.5 * float((mean**2 + spread**2 - 1.0 - log_vars).sum()) / points
    return float(log_var[0]) + 0.5 * squares / float(var) + divergence


def training(data: DataSet, seed: int) -> Iterator[Vae]:
    """The VAE with the average of the weights, at the start and after NUM_STEPS steps each: of arrays that change."""
    rng = seeded((seed, 11))
    weights: Weights = {"encoder": mlp_weights(ENCODER, rng), "decoder": mlp_weights(DECODER, rng)}
    weights["log_var"] = np.full(1, FIRST_LOG_VAR, np.float32)
    grads = {name: np.empty_like(value) for name, value in weights.items()}
    networks = (
        Mlp(mlp_layers(weights["encoder"], ENCODER), BATCH),
        Mlp(mlp_layers(weights["decoder"], DECODER), BATCH),
    )
    adam, average = Adam(RATE), Ema.of(weights, DECAY)
    yield Vae(average.average, data.sd)
    for step, x in zip(range(NUM_STEPS), batches(data, BATCH, rng), strict=False):
        adam.learning_rate = falling(RATE, step)
        with np.errstate(over="ignore"):
            negative_elbo(networks, weights, grads, x, rng.standard_normal(x.shape, dtype=np.float32))
        adam.update(weights, grads)
        average.update(weights)
        yield Vae(average.average, data.sd)

"""Initial weights, whose size keeps activations and gradients of about the same size from layer to layer."""

import math

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Array


def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform with variance 2 / (inputs + outputs): Glorot & Bengio 2010, equation 16. float64."""
    inputs, outputs = _fans(shape)
    bound = math.sqrt(6.0 / (inputs + outputs))
    return rng.uniform(-bound, bound, shape)


def he_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Normal with variance 2 / inputs, for activations that are 0 on one side: He et al. 2015, equation 10. float64."""
    return math.sqrt(2.0 / _fans(shape)[0]) * rng.standard_normal(shape)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Fan-in and fan-out: (a, b) of a matrix, k² a and k² b of a kernel (k, k, a, b)."""
    places = math.prod(shape[:-2])
    return places * shape[-2], places * shape[-1]

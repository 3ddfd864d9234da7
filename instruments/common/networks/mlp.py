"""A multilayer perceptron (MLP) for many quick steps of small batches, in single precision.

Here the features are the first axis and the points the last, (features, N): the inner loops of every product then run
along the points, which in WebAssembly is the fastest order. The bias is the last column of each weight matrix, and
multiplies a last row of ones in the input: a layer is one product, forward and backward.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from diffusion_lab.instruments.common.networks.arrays import Array
from diffusion_lab.instruments.common.networks.initialisation import glorot_uniform

BLOCK = 256


def mlp_weights(sizes: Sequence[int], rng: np.random.Generator) -> Array:
    """Initial weights of all layers in one array: Glorot's for the matrices, 0 for biases and for the last layer.

    `sizes`: features of the input, of each hidden layer, of the output. The initial network is 0 everywhere.
    """
    layers = [np.zeros((outputs, inputs + 1), np.float32) for inputs, outputs in pairwise(sizes)]
    for layer in layers[:-1]:
        layer[:, :-1] = glorot_uniform(layer[:, :-1].shape, rng)
    return np.concatenate([layer.ravel() for layer in layers])


def mlp_layers(flat: Array, sizes: Sequence[int]) -> list[Array]:
    """The matrix (outputs, inputs + 1) of each layer, as views of `flat`."""
    layers, start = [], 0
    for inputs, outputs in pairwise(sizes):
        end = start + outputs * (inputs + 1)
        layers.append(flat[start:end].reshape(outputs, inputs + 1))
        start = end
    return layers


def mlp(layers: Sequence[Array], x: Array) -> Array:
    """The network's result (outputs, N) for x (inputs + 1, N), whose last row is 1: SiLU after all layers but one.

    In equal blocks of at most BLOCK points, whose buffers are reused and stay in the processor's cache.
    """
    points = x.shape[1]
    width = -(-points // max(1, -(-points // BLOCK)))
    y, network = np.empty((len(layers[-1]), points), x.dtype), Mlp(layers, width, x.dtype)
    for start in range(0, points, width):
        block = x[:, start : start + width]
        if block.shape[1] < width:
            network = Mlp(layers, block.shape[1], x.dtype)
        y[:, start : start + width] = network.forward(block)
    return y


class Mlp:
    """A network whose buffers for `points` columns are allocated once, and reused at every step."""

    def __init__(self, layers: Sequence[Array], points: int, dtype: DTypeLike = np.float32) -> None:
        """`layers` are as from `mlp_layers`; they may change between steps."""
        self.layers = layers
        hidden = [len(layer) for layer in layers[:-1]]
        self._sums, self._shares, self._steps = ([np.empty((size, points), dtype) for size in hidden] for _ in range(3))
        self._active = [np.ones((size + 1, points), dtype) for size in hidden]
        self._inputs: list[Array] = []

    def forward(self, x: Array) -> Array:
        """The result (outputs, N), a new array, for x (inputs + 1, N), whose last row is 1."""
        self._inputs = [x, *self._active]
        for layer, x, z, share, active in zip(
            self.layers, self._inputs, self._sums, self._shares, self._active, strict=False
        ):
            np.matmul(layer, x, out=z)
            np.negative(z, out=share)
            np.exp(share, out=share)
            share += 1.0
            np.reciprocal(share, out=share)  # sigmoid(z)
            np.multiply(z, share, out=active[:-1])
        return self.layers[-1] @ self._inputs[-1]

    def backward(self, dy: Array, grads: Sequence[Array]) -> None:
        """Write the gradients of all layers into `grads`, from that in the last result, (outputs, N)."""
        self._first_sums(dy, grads)

    def backward_to_input(self, dy: Array, grads: Sequence[Array] | None = None) -> Array:
        """The gradient in the last input (inputs, N), without its row of ones; those of the layers too, into `grads`.

        Without `grads` the network is passed through only, as a GAN's discriminator is for its generator.
        """
        return self.layers[0][:, :-1].T @ self._first_sums(dy, grads)

    def _first_sums(self, dy: Array, grads: Sequence[Array] | None) -> Array:
        """The gradient in the first layer's product, a buffer or `dy` itself; on its way those of the layers."""
        for index in range(len(self.layers) - 1, -1, -1):
            if grads is not None:
                np.matmul(dy, self._inputs[index].T, out=grads[index])
            if index:
                share, slope, active = self._shares[index - 1], self._sums[index - 1], self._active[index - 1][:-1]
                np.subtract(1.0, share, out=slope)  # silu'(z) = share + silu(z) (1 - share)
                slope *= active
                slope += share
                dy = np.matmul(self.layers[index][:, :-1].T, dy, out=self._steps[index - 1])
                dy *= slope
        return dy

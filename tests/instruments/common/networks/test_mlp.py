"""The multilayer perceptron with buffers: its definition, its gradients, and that no step leaves traces in the next."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp, mlp_layers, mlp_weights

SIZES = (3, 5, 4, 2)
POINTS = 6


def drawn(rng, dtype=np.float64):
    """Layers with all weights drawn, their flat array, and what comes in: columns with a last row of ones."""
    flat = rng.normal(size=sum(b * (a + 1) for a, b in pairwise(SIZES))).astype(dtype)
    return mlp_layers(flat, SIZES), flat, np.vstack([rng.normal(size=(3, POINTS)), np.ones(POINTS)]).astype(dtype)


def by_definition(layers, x):
    h = x[:-1]
    for layer in layers[:-1]:
        z = layer[:, :-1] @ h + layer[:, -1:]
        h = z / (1 + np.exp(-z))
    return layers[-1][:, :-1] @ h + layers[-1][:, -1:]


def with_wrong(**changes):
    def network(layers, x):
        layers = [layer.copy() for layer in layers]
        for layer in layers:
            layer[:, -1] *= changes.get("bias", 1)
        return mlp(layers, x) * changes.get("sign", 1)

    return network


@pytest.mark.subject(
    mlp,
    bias_forgotten=with_wrong(bias=0),
    wrong_sign=with_wrong(sign=-1),
    relu=lambda layers, x: by_definition(layers, np.maximum(x, 0)),
)
def test_it_is_its_definition(subject, rng):
    layers, _, x = drawn(rng)
    np.testing.assert_allclose(subject(layers, x), by_definition(layers, x), rtol=1e-12)


class Wrong(Mlp):
    """Gradients with one thing forgotten."""

    def __init__(self, thing, *a):
        super().__init__(*a)
        self.thing = thing

    def backward(self, dy, grads):
        if self.thing == "slope":
            self._shares = [np.ones_like(share) for share in self._shares]
        super().backward(dy, grads)
        if self.thing == "bias":
            grads[0][:, -1] = 0
        if self.thing == "sign":
            grads[1][...] *= -1


@pytest.mark.subject(
    Mlp,
    slope_of_silu=lambda *a: Wrong("slope", *a),
    bias_forgotten=lambda *a: Wrong("bias", *a),
    wrong_sign=lambda *a: Wrong("sign", *a),
)
def test_gradients(subject, rng):
    """By central differences of sum(y * dy) in every weight, after a step with other numbers."""
    layers, flat, x = drawn(rng)
    net, dy, got = subject(layers, POINTS, np.float64), rng.normal(size=(2, POINTS)), np.empty_like(flat)
    net.forward(2 * x)
    net.backward(dy, mlp_layers(got, SIZES))
    net.forward(x)
    net.backward(dy, mlp_layers(got, SIZES))
    for index in range(len(flat)):
        sums = []
        for step in (1e-5, -1e-5):
            moved = flat.copy()
            moved[index] += step
            sums.append(np.sum(mlp(mlp_layers(moved, SIZES), x) * dy))
        assert got[index] == pytest.approx((sums[0] - sums[1]) / 2e-5, rel=1e-6, abs=1e-8)


def test_results_are_not_overwritten_by_the_next_step(rng):
    layers, _, x = drawn(rng)
    net = Mlp(layers, POINTS, np.float64)
    first = net.forward(x)
    kept = first.copy()
    net.forward(-x)
    np.testing.assert_array_equal(first, kept)


def test_layers_are_views_of_one_array(rng):
    layers, flat, _ = drawn(rng)
    assert [layer.shape for layer in layers] == [(5, 4), (4, 6), (2, 5)]
    flat += 1
    np.testing.assert_array_equal(np.concatenate([layer.ravel() for layer in layers]), flat)


def test_initial_weights(rng):
    """Single precision, biases and last layer 0: the first answer is 0."""
    flat = mlp_weights(SIZES, rng)
    layers = mlp_layers(flat, SIZES)
    assert flat.dtype == np.float32
    assert all(np.all(layer[:, -1] == 0) for layer in layers)
    assert all(np.all(layer[:, :-1] != 0) for layer in layers[:-1])
    assert np.all(layers[-1] == 0)
    _, _, x = drawn(rng, np.float32)
    assert mlp(layers, x).dtype == np.float32

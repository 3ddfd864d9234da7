"""What training needs beside layers: initial weights, an optimiser that goes on from a copy, an average of weights."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.networks.adam import Adam
from diffusion_lab.instruments.common.networks.ema import Ema
from diffusion_lab.instruments.common.networks.initialisation import glorot_uniform, he_normal


def test_a_copy_of_adam_goes_on_like_the_original(rng):
    """Bit for bit, while the original goes elsewhere; without its moments it would not."""
    weights, grads = {"a": rng.normal(size=5)}, rng.normal(size=(6, 5))
    adam = Adam(0.1)
    for grad in grads[:3]:
        adam.update(weights, {"a": grad})
    copy, kept = adam.copy(), {"a": weights["a"].copy()}
    fresh, other = Adam(0.1, steps=adam.steps), {"a": weights["a"].copy()}
    for grad in grads[3:]:
        adam.update(weights, {"a": grad})
    for grad in grads[3:]:
        copy.update(kept, {"a": grad})
        fresh.update(other, {"a": grad})
    np.testing.assert_array_equal(kept["a"], weights["a"])
    assert np.abs(other["a"] - weights["a"]).max() > 1e-3


def test_adam_stays_in_float32(rng):
    weights = {"a": rng.normal(size=5).astype(np.float32)}
    adam = Adam()
    adam.update(weights, {"a": np.ones(5, np.float32)})
    assert {weights["a"].dtype, adam.mean["a"].dtype, adam.square["a"].dtype} == {np.dtype(np.float32)}


class LastWeights(Ema):
    def update(self, weights):
        self.average = {name: value.copy() for name, value in weights.items()}


class NeverWarm(Ema):
    def update(self, weights):
        self.steps = 10**9
        super().update(weights)


@pytest.mark.subject(Ema, last_weights=LastWeights, full_decay_at_once=NeverWarm)
def test_ema_is_the_stated_mean(subject, rng):
    path = rng.normal(size=(40, 3))
    average = subject.of({"a": path[0]}, 0.8)
    want = path[0]
    for step, weights in enumerate(path[1:], start=1):
        average.update({"a": weights})
        share = min(0.8, (1 + step) / (10 + step))
        want = share * want + (1 - share) * weights
    np.testing.assert_allclose(average.average["a"], want, rtol=1e-12)


def test_a_copy_of_ema_is_apart(rng):
    weights = {"a": rng.normal(size=3)}
    average = Ema.of(weights)
    copy = average.copy()
    average.update({"a": weights["a"] + 1})
    np.testing.assert_array_equal(copy.average["a"], weights["a"])
    assert copy.steps == 0


@pytest.mark.parametrize("shape", [(300, 100), (3, 3, 40, 80)])
@pytest.mark.subject(
    (glorot_uniform, he_normal),
    exchanged=(he_normal, glorot_uniform),
    of_the_last_axes=(lambda s, rng: glorot_uniform(s[::-1], rng) * 2**0.5, lambda s, rng: he_normal(s[::-1], rng)),
)
def test_initial_weights_have_the_stated_variance(subject, rng, shape):
    """To four standard errors of a variance of that many numbers."""
    inputs, outputs = (np.prod(shape[:-2]) * shape[axis] for axis in (-2, -1))
    for make, var in zip(subject, (2 / (inputs + outputs), 2 / inputs), strict=True):
        weights = make(shape, rng)
        assert weights.shape == shape
        assert abs(weights.var() / var - 1) < 4 * np.sqrt(2 / weights.size)
    assert np.abs(subject[0](shape, rng)).max() <= np.sqrt(6 / (inputs + outputs))

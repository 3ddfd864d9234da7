"""Layers and optimiser against PyTorch's, in float64: values that `make_reference.py` has written."""

from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.networks import activations, attention, convolution, dense, normalisation
from diffusion_lab.instruments.common.networks.adam import Adam

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))

CASES = {
    "linear": (dense.linear_forward, dense.linear_backward, {}),
    "layer_norm": (normalisation.layer_norm_forward, normalisation.layer_norm_backward, {}),
    "group_norm": (normalisation.group_norm_forward, normalisation.group_norm_backward, {"groups": 2}),
    "attention": (attention.attention_forward, attention.attention_backward, {}),
    "self_attention": (attention.self_attention_forward, attention.self_attention_backward, {"heads": 2}),
    "gelu": (activations.gelu_forward, activations.gelu_backward, {}),
    "silu": (activations.silu_forward, activations.silu_backward, {}),
    "softmax": (activations.softmax_forward, activations.softmax_backward, {}),
} | {
    f"convolution_{stride}{padding}": (
        convolution.convolution_forward,
        convolution.convolution_backward,
        {"stride": stride, "padding": padding},
    )
    for stride, padding in ((1, 1), (2, 1), (1, 0))
}


def case(name):
    """Inputs, gradient in the result, result, and gradients in the inputs."""
    arrays = {key.split(".")[1]: REFERENCE[key] for key in REFERENCE.files if key.startswith(f"{name}.")}
    inputs = {key: value for key, value in arrays.items() if f"grad_{key}" in arrays}
    return inputs, arrays["dy"], arrays["y"], {key: arrays[f"grad_{key}"] for key in inputs}


@pytest.mark.parametrize("name", CASES)
def test_results_and_gradients_are_pytorchs(name):
    forward, backward, options = CASES[name]
    inputs, dy, want, want_grads = case(name)
    y, cache = forward(**inputs, **options)
    np.testing.assert_allclose(y, want, rtol=1e-9, atol=1e-11)
    result = backward(dy, cache)
    grads = dict(zip(inputs, result, strict=True)) if name == "attention" else {"x": result[0], **result[1]}
    assert set(grads) == set(want_grads)
    for key, grad in grads.items():
        np.testing.assert_allclose(grad, want_grads[key], rtol=1e-9, atol=1e-11, err_msg=key)


def of(kind):
    return {name: REFERENCE[f"optimiser.{kind}_{name}"].copy() for name in "ab"}


class WithoutCorrection(Adam):
    def update(self, weights, grads):
        self.steps = 10**6
        super().update(weights, grads)


class CorrectedOneStepLate(Adam):
    def update(self, weights, grads):
        self.steps = self.steps or 1
        super().update(weights, grads)


class EpsOutsideTheCorrection(Adam):
    def update(self, weights, grads):
        self.eps = 1e-6 * np.sqrt(1 - self.beta_2 ** (self.steps + 1)) * 1.5
        super().update(weights, grads)


class DecayThroughTheGradient(Adam):
    def update(self, weights, grads):
        decay, self.weight_decay = self.weight_decay or 0.1, 0.0
        super().update(weights, {name: grads[name] + decay * weights[name] for name in weights})
        self.weight_decay = decay


MUTANTS = {
    "without_correction": WithoutCorrection,
    "corrected_one_step_late": CorrectedOneStepLate,
    "decay_through_the_gradient": DecayThroughTheGradient,
    "other_beta": lambda *a, beta_2, **k: Adam(*a, beta_2=0.999, **k),
}


@pytest.mark.subject(Adam, eps_outside_the_correction=EpsOutsideTheCorrection, **MUTANTS)
def test_adam_is_pytorchs_step_for_step(subject):
    assert_same_path(subject, "adam", 0.0)


@pytest.mark.subject(Adam, **MUTANTS)
def test_adam_with_decay_is_pytorchs_adamw(subject):
    assert_same_path(subject, "adamw", 0.1)


def assert_same_path(optimiser, name, decay):
    weights, target, noise = of("start"), of("target"), of("noise")
    adam = optimiser(0.03, beta_1=0.8, beta_2=0.95, eps=1e-6, weight_decay=decay)
    for step in range(12):
        adam.update(weights, {key: weights[key] - target[key] - noise[key][step] for key in weights})
        for key, weight in weights.items():
            np.testing.assert_allclose(weight, REFERENCE[f"{name}.{key}"][step], rtol=1e-9)

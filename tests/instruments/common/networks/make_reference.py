"""Writes `reference.npz`: results and gradients of PyTorch's layers, and weights after steps of its optimisers.

Run by hand, `python tests/instruments/common/networks/make_reference.py`, with PyTorch (the group `train` of
`pyproject.toml`). Everything is in float64. Names are CASE.NAME: what goes in, the result `y`, the gradient `dy` in
it that is given, and as `grad_NAME` the gradient in each input that PyTorch finds. Shapes are ours, channels last.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

REFERENCE = Path(__file__).with_name("reference.npz")
RATE, STEPS = 0.03, 12


def main() -> None:
    rng = np.random.default_rng(7)
    kept: dict[str, np.ndarray] = {}

    def case(name, function, **inputs):
        """Keep a function's result and gradients in all of its inputs, which are float64 arrays."""
        tensors = {key: torch.tensor(value, requires_grad=True) for key, value in inputs.items()}
        y = function(**tensors)
        dy = rng.normal(size=tuple(y.shape))
        y.backward(torch.tensor(dy))
        arrays = {**inputs, "dy": dy, "y": y.detach().numpy()}
        arrays |= {f"grad_{key}": tensor.grad.numpy() for key, tensor in tensors.items()}
        kept.update({f"{name}.{key}": value for key, value in arrays.items()})

    def normal(*shape):
        return rng.normal(size=shape)

    def convolution(stride, padding):
        def function(x, weight, bias):
            y = functional.conv2d(x.permute(0, 3, 1, 2), weight.permute(3, 2, 0, 1), bias, stride, padding)
            return y.permute(0, 2, 3, 1)

        return function

    def group_norm(x, scale, shift):
        return functional.group_norm(x.permute(0, 3, 1, 2), 2, scale, shift).permute(0, 2, 3, 1)

    def self_attention(x, qkv, qkv_bias):
        """PyTorch's module, its output projection the identity."""
        one = torch.eye(6, dtype=torch.float64)
        y, _ = functional.multi_head_attention_forward(
            x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1), 6, 2, qkv.T, qkv_bias, None, None, False, 0.0,
            one, torch.zeros(6, dtype=torch.float64), need_weights=False,
        )  # fmt: skip
        return y.transpose(0, 1)

    case("linear", lambda x, weight, bias: functional.linear(x, weight.T, bias),
         x=normal(2, 3, 4), weight=normal(4, 5), bias=normal(5))  # fmt: skip
    for stride, padding in ((1, 1), (2, 1), (1, 0)):
        case(f"convolution_{stride}{padding}", convolution(stride, padding),
             x=normal(2, 5, 6, 2), weight=normal(3, 3, 2, 3), bias=normal(3))  # fmt: skip
    case("layer_norm", lambda x, scale, shift: functional.layer_norm(x, (5,), scale, shift),
         x=normal(2, 3, 5), scale=normal(5), shift=normal(5))  # fmt: skip
    case("group_norm", group_norm, x=normal(2, 3, 2, 6), scale=normal(6), shift=normal(6))
    case("attention", lambda query, key, value: functional.scaled_dot_product_attention(query, key, value),
         query=normal(2, 4, 3), key=normal(2, 5, 3), value=normal(2, 5, 4))  # fmt: skip
    case("self_attention", self_attention, x=normal(2, 4, 6), qkv=normal(6, 18), qkv_bias=normal(18))
    case("gelu", lambda x: functional.gelu(x, approximate="tanh"), x=2 * normal(3, 5))
    case("silu", lambda x: functional.silu(x), x=2 * normal(3, 5))
    case("softmax", lambda x: functional.softmax(x, dim=-1), x=normal(3, 5))

    # Two weights that go to where a quadratic with noisy gradients is least, by steps of each optimiser.
    start, target = {"a": normal(3, 2), "b": normal(4)}, {"a": normal(3, 2), "b": normal(4)}
    noise = {name: normal(STEPS, *value.shape) for name, value in start.items()}
    kept |= {f"optimiser.{kind}_{name}": part[name] for kind, part in
             {"start": start, "target": target, "noise": noise}.items() for name in start}  # fmt: skip
    for optimiser, decay in (("adam", 0.0), ("adamw", 0.1)):
        weights = {name: nn.Parameter(torch.tensor(value)) for name, value in start.items()}
        kind = torch.optim.AdamW if decay else torch.optim.Adam
        steps = kind(weights.values(), lr=RATE, betas=(0.8, 0.95), eps=1e-6, weight_decay=decay)
        path: dict[str, list[np.ndarray]] = {name: [] for name in start}
        for step in range(STEPS):
            for name, weight in weights.items():
                weight.grad = weight.detach() - torch.tensor(target[name] + noise[name][step])
            steps.step()
            for name, weight in weights.items():
                path[name].append(weight.detach().numpy().copy())
        kept |= {f"{optimiser}.{name}": np.stack(values) for name, values in path.items()}
    np.savez_compressed(REFERENCE, **kept)


if __name__ == "__main__":
    main()

"""Writes PyTorch's predictions: `reference.npz` with the weights of `tiny.py`, `trained.npz` with the trained ones.

It needs PyTorch.

python tests/instruments/common/text_to_image/make_reference.py
"""

from pathlib import Path

import numpy as np
import torch
from tiny import TEXT, TIME, WIDTHS, weights

from diffusion_lab.instruments.common.scenes.captions import parse, random_scene
from diffusion_lab.instruments.common.scenes.drawing import draw, outlines
from diffusion_lab.instruments.common.text_to_image import fit
from diffusion_lab.instruments.common.text_to_image.weights import trained, trained_control

PROMPTS = ("large red circle left of small blue square", "", "star")


def main() -> None:
    """Makes both files."""
    of_trained()
    fit.WIDTHS, fit.TIME, fit.TEXT, fit.CONTROL = WIDTHS, TIME, TEXT, (8, 8, 16)
    torch.manual_seed(0)
    network = fit.UNet().double()
    fit.load(network, weights())
    rng = np.random.default_rng(3)
    x, t = rng.standard_normal((3, 32, 32, 3)), np.array([0.1, 0.5, 0.99])
    tokens = np.stack([parse(prompt)[0] for prompt in PROMPTS])
    with torch.no_grad():
        v = network(torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(t), torch.from_numpy(tokens))
    branch = fit.Control(network).double()
    for weight in branch.parameters():
        weight.data = torch.normal(0.0, 0.2, weight.shape, dtype=torch.float64).half().double()
    drawing = (rng.random((3, 32, 32)) < 0.2).astype(float)
    with torch.no_grad():
        given = (torch.from_numpy(t), torch.from_numpy(tokens), torch.from_numpy(drawing))
        controlled = branch(torch.from_numpy(x).permute(0, 3, 1, 2), *given)
    control = {f"control {name}": array.astype(np.float16) for name, array in fit.control_arrays(branch).items()}
    path = Path(__file__).with_name("reference.npz")
    results = {"v": v, "controlled": controlled}
    np.savez_compressed(
        path, t=t, tokens=tokens, drawing=drawing.astype(np.uint8), **control,
        **{name: found.permute(0, 2, 3, 1).numpy()[:, ::3, ::3].astype(np.float32) for name, found in results.items()},
    )  # fmt: skip


def of_trained() -> None:
    """The words and the predictions of the trained network, with and without control."""
    network = fit.UNet().double()
    fit.load(network, trained().weights)
    branch = fit.Control(network).double()
    with torch.no_grad():
        for name, layer in branch.named_children():
            weights = trained_control().weights
            layer.weight.copy_(torch.from_numpy(weights[f"{name}/weight"]).permute(3, 2, 0, 1))
            layer.bias.copy_(torch.from_numpy(weights[f"{name}/bias"]))
    scenes = [random_scene(np.random.default_rng(k)) for k in range(3)]
    rng = np.random.default_rng(3)
    images = torch.from_numpy(0.5 * draw(scenes) + 0.8 * rng.standard_normal((3, 32, 32, 3))).permute(0, 3, 1, 2)
    t, tokens = torch.tensor([0.1, 0.5, 0.99]).double(), torch.from_numpy(np.stack([parse(p)[0] for p in PROMPTS]))
    with torch.no_grad():
        words, v = network.words(tokens), network(images, t, tokens)
        controlled = branch(images, t, tokens, torch.from_numpy(outlines(scenes)).double())
    results = {
        name: found.permute(0, 2, 3, 1).numpy()[:, ::3, ::3] for name, found in (("v", v), ("controlled", controlled))
    }
    np.savez_compressed(
        Path(__file__).with_name("trained.npz"), words=words.numpy().astype(np.float32),
        **{name: found.astype(np.float32) for name, found in results.items()},
    )  # fmt: skip


if __name__ == "__main__":
    main()

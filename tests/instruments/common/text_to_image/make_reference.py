"""Writes `reference.npz`: what PyTorch's network predicts with the weights of `tiny.py`; needs PyTorch.

python tests/instruments/common/text_to_image/make_reference.py
"""

from pathlib import Path

import numpy as np
import torch
from tiny import TEXT, TIME, WIDTHS, weights

from diffusion_lab.instruments.common.scenes.captions import parse
from diffusion_lab.instruments.common.text_to_image import fit

PROMPTS = ("large red circle left of small blue square", "", "star")


def main() -> None:
    """Makes the file."""
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


if __name__ == "__main__":
    main()

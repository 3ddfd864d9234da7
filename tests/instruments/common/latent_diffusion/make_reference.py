"""Writes `reference.npz`: tiny networks of PyTorch with random weights, and what they compute; needs PyTorch.

python tests/instruments/common/latent_diffusion/make_reference.py
"""

from pathlib import Path

import numpy as np
import torch

from diffusion_lab.instruments.common.latent_diffusion import fit
from diffusion_lab.instruments.common.scenes.captions import parse

PROMPTS = ("large red circle left of small blue square", "", "star")
SCALE = 1.75


def main() -> None:
    """Makes the file."""
    fit.FINE, fit.COARSE, fit.WIDTH, fit.BLOCKS, fit.HIDDEN = 8, 16, 16, 2, 32
    torch.manual_seed(0)
    coder, transformer = fit.Autoencoder(), fit.DiT()
    for network in (coder, transformer):
        for weight in network.parameters():
            torch.nn.init.normal_(weight, 0.0, 0.15)
            weight.data = weight.data.half().float()
    rng = np.random.default_rng(3)
    images, codes = rng.standard_normal((3, 32, 32, 3)), rng.standard_normal((3, 8, 8, 4))
    t, tokens = np.array([0.1, 0.5, 0.99]), np.stack([parse(prompt)[0] for prompt in PROMPTS])
    arrays = {f"coder {name}": array for name, array in fit.autoencoder_arrays(coder, SCALE).items()}
    arrays |= {f"transformer {name}": array for name, array in fit.transformer_arrays(transformer).items()}
    channels_first = lambda x: torch.from_numpy(x).permute(0, 3, 1, 2)  # noqa: E731
    with torch.no_grad():
        encoded = SCALE * coder.double().encode(channels_first(images))
        decoded = fit.Autoencoder.decode(coder, channels_first(codes) / SCALE)
        v = transformer.double()(channels_first(codes), torch.from_numpy(t), torch.from_numpy(tokens))
    results = {"encoded": encoded, "decoded": decoded, "v": v}
    np.savez_compressed(
        Path(__file__).with_name("reference.npz"), t=t, tokens=tokens,
        **{name: array.astype(np.float16) for name, array in arrays.items()},
        **{name: result.permute(0, 2, 3, 1).numpy().astype(np.float32) for name, result in results.items()},
    )  # fmt: skip


if __name__ == "__main__":
    main()

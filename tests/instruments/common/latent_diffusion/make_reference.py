"""Writes what networks of PyTorch compute: tiny random ones (`reference.npz`), the trained ones (`trained.npz`).

It needs PyTorch.

python tests/instruments/common/latent_diffusion/make_reference.py
"""

from pathlib import Path

import numpy as np
import torch

from diffusion_lab.instruments.common.latent_diffusion import fit
from diffusion_lab.instruments.common.latent_diffusion.weights import trained
from diffusion_lab.instruments.common.scenes.captions import parse, random_scene
from diffusion_lab.instruments.common.scenes.drawing import draw

PROMPTS = ("large red circle left of small blue square", "", "star")
SCALE = 1.75


def main() -> None:
    """Makes both files."""
    of_trained()
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


def of_trained() -> None:
    """The codes, the pictures that they give back, and the predictions of the trained networks."""
    coder, transformer = fit.Autoencoder(), fit.DiT()
    load_coder(coder, trained()[0].weights)
    load_transformer(transformer, trained()[1].weights)
    scale = float(trained()[0].weights["scale"])
    images = draw([random_scene(np.random.default_rng(k)) for k in range(3)]).astype(float)
    x = torch.from_numpy(np.random.default_rng(3).standard_normal((3, 4, 8, 8)))
    t, tokens = torch.tensor([0.1, 0.5, 0.99]).double(), torch.from_numpy(np.stack([parse(p)[0] for p in PROMPTS]))
    with torch.no_grad():
        codes = coder.double().encode(torch.from_numpy(images).permute(0, 3, 1, 2))
        found = {"codes": scale * codes, "images": coder.decode(codes), "v": transformer.double()(x, t, tokens)}
    np.savez_compressed(
        Path(__file__).with_name("trained.npz"),
        **{name: result.permute(0, 2, 3, 1).numpy().astype(np.float32) for name, result in found.items()},
    )


def load_coder(network: fit.Autoencoder, weights: dict[str, np.ndarray]) -> None:
    """The inverse of `fit.autoencoder_arrays`, but for the scale."""
    network.norm.weight.data, network.norm.bias.data = torch.from_numpy(weights["norm"])
    for name, layer in network.named_children():
        name = "in" if name == "enter" else name
        if isinstance(layer, torch.nn.Conv2d):
            set_convolution(layer, weights[f"{name}/weight"], weights[f"{name}/bias"])
        elif isinstance(layer, fit.Plain):
            for k in (1, 2):
                norm = getattr(layer, f"norm_{k}")
                norm.weight.data = torch.from_numpy(weights[f"{name}/scale_{k}"])
                norm.bias.data = torch.from_numpy(weights[f"{name}/shift_{k}"])
                set_convolution(getattr(layer, f"conv_{k}"), weights[f"{name}/conv_{k}"], weights[f"{name}/bias_{k}"])
            if isinstance(layer.skip, torch.nn.Conv2d):
                set_convolution(layer.skip, weights[f"{name}/skip"][None, None], weights[f"{name}/skip_bias"])


def set_convolution(layer: torch.nn.Conv2d, weight: np.ndarray, bias: np.ndarray) -> None:
    """Sets a layer's weights from (h, w, in, out) and (out,)."""
    layer.weight.data, layer.bias.data = torch.from_numpy(weight).permute(3, 2, 0, 1), torch.from_numpy(bias)


def load_transformer(network: fit.DiT, weights: dict[str, np.ndarray]) -> None:
    """The inverse of `fit.transformer_arrays`."""
    given = {name: torch.from_numpy(array) for name, array in weights.items()}
    network.places.data = given["places"]
    network.tokens.weight.data, network.positions.weight.data = given["tokens"], given["positions"]
    for name in ("patches", "time_1", "time_2", "last_modulation", "last"):
        layer = getattr(network, name)
        layer.weight.data, layer.bias.data = given[name].T, given[f"{name}_bias"]
    for name in ("modulation", "qkv", "out", "up", "down"):
        for k, block in enumerate(network.blocks):
            layer = getattr(block, name)
            layer.weight.data, layer.bias.data = given[name][k].T, given[f"{name}_bias"][k]


if __name__ == "__main__":
    main()

"""Trains the autoencoder and the transformer: `python -m diffusion_lab.instruments.common.latent_diffusion.fit FOLDER`.

With PyTorch, as in `text_to_image/fit.py`, whose stream of scenes, loss and stored runs it shares. First the
autoencoder learns to give images back, with a small penalty on large codes; then the transformer learns to denoise the
codes of the trained encoder.

The kept weights are of the default numbers of steps. The transformer's run was first planned for 22,000, so its
learning rate fell to 0 there, rose, and fell again at the end.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion_lab.instruments.common.latent_diffusion.denoiser import LatentDenoiser
from diffusion_lab.instruments.common.latent_diffusion.weights import WEIGHTS, trained
from diffusion_lab.instruments.common.networks.quantised import quantise
from diffusion_lab.instruments.common.scenes.captions import LONGEST, WORDS, random_scene
from diffusion_lab.instruments.common.scenes.drawing import draw
from diffusion_lab.instruments.common.text_to_image import fit as text_to_image
from diffusion_lab.instruments.common.text_to_image.fit import GROUPS, Run, batch, loss_of

HERE = Path(__file__).parent
"""Where the weights, the curves of the losses and the sheet of samples are kept."""

FINE, COARSE, CODE = 48, 64, 4
"""Channels of the autoencoder at 16 × 16 and at 8 × 8 places, and of a code."""

WIDTH, BLOCKS, HEADS, HIDDEN = 96, 6, 4, 384
"""Of the transformer."""

PENALTY = 1e-4
"""Weight of the penalty on the values of codes, their mean square (a KL divergence without the variances' part)."""

JITTER = 0.05
"""Standard deviation of noise on codes while the decoder learns, so that it does not depend on their last digits."""


class Plain(nn.Module):
    """A residual block without a time."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(GROUPS, a), nn.GroupNorm(GROUPS, b)
        self.conv_1, self.conv_2 = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 3, padding=1)
        self.skip = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, a, h, w) to (N, b, h, w)."""
        h = self.conv_1(functional.silu(self.norm_1(x)))
        return self.skip(x) + self.conv_2(functional.silu(self.norm_2(h)))


class Autoencoder(nn.Module):
    """The network of `autoencoder.py`."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.in_fine = nn.Conv2d(12, FINE, 3, padding=1), Plain(FINE, FINE)
        self.halve, self.in_coarse = nn.Conv2d(FINE, FINE, 3, stride=2, padding=1), Plain(FINE, COARSE)
        self.code, self.uncode = nn.Conv2d(COARSE, CODE, 3, padding=1), nn.Conv2d(CODE, COARSE, 3, padding=1)
        self.out_coarse, self.enlarge = Plain(COARSE, COARSE), nn.Conv2d(COARSE, FINE, 3, padding=1)
        self.out_fine, self.norm = Plain(FINE, FINE), nn.GroupNorm(GROUPS, FINE)
        self.image = nn.Conv2d(FINE, 12, 3, padding=1)

    def encode(self, images: Tensor) -> Tensor:
        """Images (N, 3, 32, 32) to codes (N, 4, 8, 8)."""
        n = len(images)
        folded = images.reshape(n, 3, 16, 2, 16, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 12, 16, 16)
        h = self.halve(self.in_fine(self.enter(folded)))
        return self.code(functional.silu(self.in_coarse(h)))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes to images."""
        h = self.enlarge(functional.interpolate(self.out_coarse(self.uncode(codes)), scale_factor=2.0))
        h = self.image(functional.silu(self.norm(self.out_fine(h))))
        return h.reshape(len(h), 2, 2, 3, 16, 16).permute(0, 3, 4, 1, 5, 2).reshape(len(h), 3, 32, 32)


class Block(nn.Module):
    """A block whose norms follow the time (adaLN-Zero)."""

    def __init__(self) -> None:
        super().__init__()
        self.modulation = nn.Linear(WIDTH, 6 * WIDTH)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        """Tokens (N, n, d) and silu of the time's embedding (N, d) to tokens."""
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.modulation(time)[:, None].chunk(6, dim=-1)
        x = self.qkv(normed(h, shift_1, scale_1))
        query, key, value = (
            part.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2) for part in x.chunk(3, dim=-1)
        )  # written out, as in `text_to_image/fit.py`
        share = torch.softmax(query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5, dim=-1)
        h = h + gate_1 * self.out((share @ value).transpose(1, 2).flatten(2))
        x = functional.gelu(self.up(normed(h, shift_2, scale_2)), approximate="tanh")
        return h + gate_2 * self.down(x)


def normed(h: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm with a scale and a shift from outside."""
    return functional.layer_norm(h, (WIDTH,)) * (1.0 + scale) + shift


class DiT(nn.Module):
    """The network of `transformer.py`."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.places = nn.Linear(CODE, WIDTH), nn.Parameter(0.02 * torch.randn(64, WIDTH))
        self.tokens, self.positions = nn.Embedding(len(WORDS), WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.time_1, self.time_2 = nn.Linear(64, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.register_buffer("frequencies", torch.exp(-math.log(10_000.0) * torch.arange(32) / 32), persistent=False)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.last_modulation, self.last = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, CODE)
        for layer in (self.last_modulation, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        """Codes (N, 4, 8, 8), times (N,) and tokens (N, n) to v."""
        angle = 1000.0 * t[:, None] * self.frequencies
        time = functional.silu(self.time_1(torch.cat([angle.sin(), angle.cos()], dim=1)))
        time = functional.silu(self.time_2(time))
        places = self.patches(x.flatten(2).transpose(1, 2)) + self.places
        h = torch.cat([places, self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]], dim=1)
        for block in self.blocks:
            h = block(h, time)
        shift, scale = self.last_modulation(time)[:, None].chunk(2, dim=-1)
        return self.last(normed(h[:, :64], shift, scale)).transpose(1, 2).reshape(x.shape)


def autoencoder_arrays(network: Autoencoder, scale: float) -> dict[str, np.ndarray]:
    """All weights, float32, under the names of `autoencoder.Autoencoder`."""
    found: dict[str, Tensor] = {"norm": torch.stack([network.norm.weight, network.norm.bias])}
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d):
            name = "in" if name == "enter" else name
            found[f"{name}/weight"], found[f"{name}/bias"] = layer.weight.permute(2, 3, 1, 0), layer.bias
        elif isinstance(layer, Plain):
            for k in (1, 2):
                norm, convolution = getattr(layer, f"norm_{k}"), getattr(layer, f"conv_{k}")
                found[f"{name}/scale_{k}"], found[f"{name}/shift_{k}"] = norm.weight, norm.bias
                found[f"{name}/conv_{k}"] = convolution.weight.permute(2, 3, 1, 0)
                found[f"{name}/bias_{k}"] = convolution.bias
            if isinstance(layer.skip, nn.Conv2d):
                found[f"{name}/skip"], found[f"{name}/skip_bias"] = layer.skip.weight[:, :, 0, 0].T, layer.skip.bias
    found["scale"] = torch.tensor(scale)
    return {name: part.detach().float().cpu().contiguous().numpy() for name, part in found.items()}


def transformer_arrays(network: DiT) -> dict[str, np.ndarray]:
    """All weights, float32, under the names of `transformer.DiT`."""
    found: dict[str, Tensor] = {"places": network.places}
    found["tokens"], found["positions"] = network.tokens.weight, network.positions.weight
    for name in ("patches", "time_1", "time_2", "last_modulation", "last"):
        layer = getattr(network, name)
        found[name], found[f"{name}_bias"] = layer.weight.T, layer.bias
    for name in ("modulation", "qkv", "out", "up", "down"):
        layers = [getattr(block, name) for block in network.blocks]
        found[name] = torch.stack([layer.weight.T for layer in layers])
        found[f"{name}_bias"] = torch.stack([layer.bias for layer in layers])
    return {name: part.detach().float().cpu().contiguous().numpy() for name, part in found.items()}


def code_scale(network: Autoencoder, rng: np.random.Generator) -> float:
    """The factor that gives codes of scenes unit standard deviation."""
    device = next(network.parameters()).device
    with torch.no_grad():
        return 1.0 / float(network.encode(batch(rng, 512)[0].to(device)).std())


def export(coder: Autoencoder, scale: float, transformer: DiT) -> None:
    """Writes the weights of both networks, in one byte each, beside this file."""
    parts = {"coder": autoencoder_arrays(coder, scale), "transformer": transformer_arrays(transformer)}
    named = {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    np.savez_compressed(WEIGHTS, **quantise(named))


def sheet() -> None:
    """As `text_to_image.fit.sheet`, for the same captions; and how well scenes are given back."""
    coder, network = trained()
    rng = np.random.default_rng(5)
    images = draw([random_scene(rng) for _ in range(200)])
    error = np.sqrt(np.mean(np.square(coder.decode(coder.encode(images)) - images)))
    print(f"root mean square error of reconstruction: {error:.4f}")
    text_to_image.sheet(LatentDenoiser(network), HERE, (8, 8, 4), coder.decode)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs are stored")
    parser.add_argument("--autoencoder", type=int, default=8_000, help="steps of the autoencoder (default: 8,000)")
    parser.add_argument("--steps", type=int, default=33_000, help="steps of the transformer (default: 33,000)")
    parser.add_argument("--export", action="store_true", help="write the weights of the stored runs, train no further")
    given = parser.parse_args()
    torch.manual_seed(0)
    coder = Run(Autoencoder(), given.folder / "autoencoder", rate=1e-3)

    def given_back(network: nn.Module, rng: np.random.Generator, images: Tensor, tokens: Tensor) -> Tensor:
        codes = network.encode(images)
        noise = JITTER * torch.randn_like(codes)
        return functional.mse_loss(network.decode(codes + noise), images) + PENALTY * codes.square().mean()

    if not given.export:
        coder.train(given.autoencoder, 0.3, given_back)
    encoder = coder.average
    scale = code_scale(encoder, np.random.default_rng([1, 0]))

    def denoised(network: nn.Module, rng: np.random.Generator, images: Tensor, tokens: Tensor) -> Tensor:
        with torch.no_grad():
            codes = scale * encoder.encode(images)
        return loss_of(network, rng, codes.float(), tokens)

    transformer = Run(DiT(), given.folder / "transformer", rate=1e-3)
    if not given.export:
        transformer.train(given.steps, 0.25, denoised)
    export(encoder, scale, transformer.average)
    losses = {"autoencoder": coder.losses, "transformer": transformer.losses}
    (HERE / "loss.json").write_text(json.dumps(losses), "utf-8")
    sheet()


if __name__ == "__main__":
    main()

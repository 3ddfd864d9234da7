"""Trains the network: `python -m diffusion_lab.instruments.common.text_to_image.fit FOLDER`, with PyTorch.

PyTorch and Pillow are the group `train` of `pyproject.toml`. PyTorch's gradients are reliable, and its forward pass is
an independent implementation with which tests compare `unet.py`. It uses an accelerator where there is one.

Every scene is drawn when it is used, so that no picture is seen twice. The network learns to predict
v = sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) image (Salimans & Ho 2022) on the cosine schedule. A run is stored
every few hundred steps, and goes on from there when it is started again. Over its last part the rate falls to 0.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from diffusion_lab.instruments.common.denoisers import Denoiser
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.networks.quantised import quantise
from diffusion_lab.instruments.common.scenes.adherence import adherence, request
from diffusion_lab.instruments.common.scenes.captions import (
    LONGEST,
    NO_CAPTION,
    WORDS,
    parse,
    random_caption,
    random_scene,
)
from diffusion_lab.instruments.common.scenes.drawing import Scene, draw, outlines
from diffusion_lab.instruments.common.schedules import Cosine
from diffusion_lab.instruments.common.text_to_image.denoiser import ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.walks import walk
from diffusion_lab.instruments.common.text_to_image.weights import CONTROL_WEIGHTS, WEIGHTS, trained

HERE = Path(__file__).parent
"""Where the weights, the curve of the loss and the sheet of samples are kept."""

Batches = Callable[[np.random.Generator, int], tuple[Tensor, ...]]
"""Images (N, 3, 32, 32), their captions' tokens (N, LONGEST), and what else is given with them."""

Loss = Callable[..., Tensor]
"""Called as loss(network, rng, *batch)."""

WIDTHS = (48, 72, 96)
"""Channels at 16, 8 and 4 pixels: 2 × 2 pixels of an image are folded into channels first."""

CONTROL = (32, 48, 64)
"""Channels of the control branch at these resolutions."""

TIME, TEXT, HEAD, GROUPS = 192, 64, 24, 8
"""Width of the time's embedding and of a word's, of an attention head, and groups of a group norm."""

BATCH, RATE, WARM_UP, EMA = 32, 5e-4, 500, 0.9995


class Residual(nn.Module):
    """The residual block of `common/networks/residual.py`."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(GROUPS, a), nn.GroupNorm(GROUPS, b)
        self.conv_1, self.conv_2 = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 3, padding=1)
        self.time = nn.Linear(TIME, b)
        self.skip = nn.Conv2d(a, b, 1) if a != b else nn.Identity()
        nn.init.zeros_(self.conv_2.weight)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Images (N, a, h, w) and times (N, TIME) to (N, b, h, w)."""
        h = self.conv_1(functional.silu(self.norm_1(x))) + self.time(functional.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv_2(functional.silu(self.norm_2(h)))


class Attention(nn.Module):
    """Each place looks at the words, and before that at all places where `itself`."""

    def __init__(self, width: int, itself: bool) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.itself = itself
        if itself:
            self.norm_1 = nn.LayerNorm(width)
            self.qkv, self.out_1 = nn.Linear(width, 3 * width), nn.Linear(width, width)
            nn.init.zeros_(self.out_1.weight)
        self.norm_2 = nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(TEXT, 2 * width)
        self.out_2 = nn.Linear(width, width)
        nn.init.zeros_(self.out_2.weight)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        """Images (N, c, h, w) and words (N, n, TEXT) to images."""
        n, c, height, width = x.shape
        h = x.flatten(2).transpose(1, 2)
        if self.itself:
            h = h + self.out_1(self.attend(*self.qkv(self.norm_1(h)).chunk(3, dim=-1)))
        h = h + self.out_2(self.attend(self.query(self.norm_2(h)), *self.key_value(text).chunk(2, dim=-1)))
        return h.transpose(1, 2).reshape(n, c, height, width)

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention in heads, side by side again."""
        query, key, value = (
            part.unflatten(-1, (self.heads, HEAD)).transpose(1, 2) for part in (query, key, value)
        )  # written out: on a CPU twice as fast as PyTorch's own function
        share = torch.softmax(query @ key.transpose(-2, -1) * HEAD**-0.5, dim=-1)
        return (share @ value).transpose(1, 2).flatten(2)


class Words(nn.Module):
    """Tokens to vectors that know their neighbours: one block of a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(len(WORDS), TEXT), nn.Embedding(LONGEST, TEXT)
        self.norm_1, self.norm_2, self.norm = (nn.LayerNorm(TEXT) for _ in range(3))
        self.attention = nn.MultiheadAttention(TEXT, 4, batch_first=True)
        self.up, self.down = nn.Linear(TEXT, 2 * TEXT), nn.Linear(2 * TEXT, TEXT)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, n) to (N, n, TEXT)."""
        h = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        x = self.norm_1(h)
        h = h + self.attention(x, x, x, need_weights=False)[0]
        h = h + self.down(functional.gelu(self.up(self.norm_2(h)), approximate="tanh"))
        return self.norm(h)


class UNet(nn.Module):
    """A noisy image, its time and a caption to the prediction of v."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c = WIDTHS
        self.words = Words()
        self.time_1, self.time_2 = nn.Linear(64, TIME), nn.Linear(TIME, TIME)
        self.register_buffer("frequencies", torch.exp(-math.log(10_000.0) * torch.arange(32) / 32), persistent=False)
        self.first = nn.Conv2d(12, a, 3, padding=1)
        self.fine_in, self.halve_1 = Residual(a, a), nn.Conv2d(a, a, 3, stride=2, padding=1)
        self.middle_in, self.middle_in_seen = Residual(a, b), Attention(b, True)
        self.halve_2 = nn.Conv2d(b, b, 3, stride=2, padding=1)
        self.coarse_in, self.coarse_in_seen = Residual(b, c), Attention(c, True)
        self.coarse = Residual(c, c)
        self.coarse_out, self.coarse_out_seen = Residual(2 * c, c), Attention(c, True)
        self.double_2 = nn.Conv2d(c, c, 3, padding=1)
        self.middle_out, self.middle_out_seen = Residual(c + b, b), Attention(b, True)
        self.double_1 = nn.Conv2d(b, b, 3, padding=1)
        self.fine_out, self.fine_out_seen = Residual(b + a, a), Attention(a, False)
        self.norm, self.last = nn.GroupNorm(GROUPS, a), nn.Conv2d(a, 12, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, added: Sequence[Tensor] = ()) -> Tensor:
        """Images (N, 3, 32, 32), times (N,) in [0, 1] and tokens (N, n) to v (N, 3, 32, 32).

        `added`: what the control branch adds to the three skip connections, the finest first.
        """
        text = self.words(tokens)
        angle = 1000.0 * t[:, None] * self.frequencies
        time = self.time_2(functional.silu(self.time_1(torch.cat([angle.sin(), angle.cos()], dim=1))))
        n = len(x)
        folded = x.reshape(n, 3, 16, 2, 16, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 12, 16, 16)
        h = fine = self.fine_in(self.first(folded), time)
        h = middle = self.middle_in_seen(self.middle_in(self.halve_1(h), time), text)
        h = coarse = self.coarse_in_seen(self.coarse_in(self.halve_2(h), time), text)
        if added:
            fine, middle, coarse = (own + more for own, more in zip((fine, middle, coarse), added, strict=True))
        h = self.coarse(h, time)
        h = self.coarse_out_seen(self.coarse_out(torch.cat([h, coarse], 1), time), text)
        h = self.double_2(functional.interpolate(h, scale_factor=2.0))
        h = self.middle_out_seen(self.middle_out(torch.cat([h, middle], 1), time), text)
        h = self.double_1(functional.interpolate(h, scale_factor=2.0))
        h = self.fine_out_seen(self.fine_out(torch.cat([h, fine], 1), time), text)
        h = self.last(functional.silu(self.norm(h)))
        return h.reshape(n, 2, 2, 3, 16, 16).permute(0, 3, 4, 1, 5, 2).reshape(n, 3, 32, 32)


class Control(nn.Module):
    """The branch of `control.py`, beside a network that stays as it is."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.held = (network.requires_grad_(False),)  # in a tuple: not a part of this module
        a, b, c = CONTROL
        self.enter = nn.Conv2d(4, a, 3, padding=1)
        self.halve_1, self.halve_2 = (nn.Conv2d(*sizes, 3, stride=2, padding=1) for sizes in ((a, b), (b, c)))
        self.fine_add, self.middle_add, self.coarse_add = (
            nn.Conv2d(width, wide, 3, padding=1) for width, wide in zip(CONTROL, WIDTHS, strict=True)
        )
        for layer in (self.fine_add, self.middle_add, self.coarse_add):
            nn.init.zeros_(layer.weight)

    def added(self, drawing: Tensor) -> list[Tensor]:
        """What is added to the skip connections for drawings (N, 32, 32)."""
        n = len(drawing)
        h = drawing.reshape(n, 16, 2, 16, 2).permute(0, 2, 4, 1, 3).reshape(n, 4, 16, 16)
        fine = functional.silu(self.enter(h))
        middle = functional.silu(self.halve_1(fine))
        coarse = functional.silu(self.halve_2(middle))
        return [self.fine_add(fine), self.middle_add(middle), self.coarse_add(coarse)]

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, drawing: Tensor) -> Tensor:
        """The network's prediction of v, controlled."""
        return self.held[0](x, t, tokens, self.added(drawing))


def control_arrays(branch: Control) -> dict[str, np.ndarray]:
    """All weights of the branch, float32, under the names of `control.Control`."""
    found = {}
    for name, layer in branch.named_children():
        found[f"{name}/weight"] = layer.weight.detach().permute(2, 3, 1, 0).float().cpu().contiguous().numpy()
        found[f"{name}/bias"] = layer.bias.detach().float().cpu().numpy()
    return found


def views(network: UNet) -> dict[str, Tensor | tuple[Tensor, Tensor]]:
    """All weights under the names and in the order of axes of `unet.UNet`, as views of the network's own.

    A pair, the scale and the shift of a norm, is the rows of one array there.
    """
    found: dict[str, Tensor | tuple[Tensor, Tensor]] = {}

    def linear(name: str, layer: nn.Linear, bias: str) -> None:
        found[name], found[bias] = layer.weight.T, layer.bias

    def convolution(name: str, layer: nn.Conv2d, bias: str) -> None:
        found[name], found[bias] = layer.weight.permute(2, 3, 1, 0), layer.bias

    def norm(name: str, layer: nn.LayerNorm | nn.GroupNorm) -> None:
        found[name] = (layer.weight, layer.bias)

    words = network.words
    found["words/tokens"], found["words/positions"] = words.tokens.weight, words.positions.weight
    for name in ("norm_1", "norm_2", "norm"):
        norm(f"words/{name}", getattr(words, name))
    found["words/qkv"], found["words/qkv_bias"] = words.attention.in_proj_weight.T, words.attention.in_proj_bias
    linear("words/out", words.attention.out_proj, "words/out_bias")
    for name in ("up", "down"):
        linear(f"words/{name}", getattr(words, name), f"words/{name}_bias")
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d):
            convolution(f"{name}/weight", layer, f"{name}/bias")
        elif isinstance(layer, nn.Linear):
            linear(f"{name}/weight", layer, f"{name}/bias")
        elif isinstance(layer, nn.GroupNorm):
            norm(name, layer)
        elif isinstance(layer, Residual):
            for k in (1, 2):
                of_norm, of_convolution = getattr(layer, f"norm_{k}"), getattr(layer, f"conv_{k}")
                found[f"{name}/scale_{k}"], found[f"{name}/shift_{k}"] = of_norm.weight, of_norm.bias
                convolution(f"{name}/conv_{k}", of_convolution, f"{name}/bias_{k}")
            linear(f"{name}/time_weight", layer.time, f"{name}/time_bias")
            if isinstance(layer.skip, nn.Conv2d):
                found[f"{name}/skip"], found[f"{name}/skip_bias"] = layer.skip.weight[:, :, 0, 0].T, layer.skip.bias
        elif isinstance(layer, Attention):
            for part in ("norm_1", "norm_2"):
                if hasattr(layer, part):
                    norm(f"{name}/{part}", getattr(layer, part))
            for part in ("qkv", "out_1", "query", "key_value", "out_2"):
                if hasattr(layer, part):
                    linear(f"{name}/{part}", getattr(layer, part), f"{name}/{part}_bias")
    return found


def arrays(network: UNet) -> dict[str, np.ndarray]:
    """All weights, float32, under the names and in the order of axes of `unet.UNet`."""
    stacked = {name: torch.stack(part) if isinstance(part, tuple) else part for name, part in views(network).items()}
    return {name: part.detach().float().cpu().contiguous().numpy() for name, part in stacked.items()}


def load(network: UNet, weights: dict[str, np.ndarray]) -> None:
    """The inverse of `arrays`: sets all weights of the network."""
    with torch.no_grad():
        for name, part in views(network).items():
            rows = zip(part, weights[name], strict=True) if isinstance(part, tuple) else [(part, weights[name])]
            for own, given in rows:
                own.copy_(torch.from_numpy(given))


def batch(rng: np.random.Generator, size: int) -> tuple[Tensor, ...]:
    """New scenes: images (N, 3, 32, 32) and their captions' tokens (N, LONGEST)."""
    return _tensors([random_scene(rng) for _ in range(size)], rng)


def drawn_batch(rng: np.random.Generator, size: int) -> tuple[Tensor, ...]:
    """As `batch`, and beside them drawings (N, 32, 32) of their outlines; one in ten is blank."""
    scenes = [random_scene(rng) for _ in range(size)]
    kept = rng.random((size, 1, 1)) >= NO_CAPTION
    return *_tensors(scenes, rng), torch.from_numpy((outlines(scenes) * kept).astype(np.float32))


def _tensors(scenes: list[Scene], rng: np.random.Generator) -> tuple[Tensor, ...]:
    tokens = np.stack([parse(random_caption(scene, rng))[0] for scene in scenes])
    return torch.from_numpy(draw(scenes)).permute(0, 3, 1, 2), torch.from_numpy(tokens)


def loss_of(network: nn.Module, rng: np.random.Generator, images: Tensor, *given: Tensor) -> Tensor:
    """The mean squared error in v, at times that are spread evenly over [0, 1]; the network takes all that is given."""
    n = len(images)
    t = (np.arange(n) + rng.random(n)) / n
    signal = np.sqrt(Cosine().alpha_bar(t)).astype(np.float32)
    noise = torch.from_numpy(rng.standard_normal(images.shape, np.float32)).to(images.device)
    alpha = torch.from_numpy(signal).to(images.device)[:, None, None, None]
    sigma = torch.sqrt(torch.clamp(1.0 - alpha * alpha, min=0.0))
    x = alpha * images + sigma * noise
    v = network(x, torch.from_numpy(t.astype(np.float32)).to(images.device), *given)
    return functional.mse_loss(v.float(), alpha * noise - sigma * images)


class Run:
    """The training of a network, stored in a folder every few hundred steps: it goes on from there the next time."""

    def __init__(self, network: nn.Module, folder: Path, rate: float = RATE, size: int = BATCH) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.folder, self.rate, self.size = folder, rate, size
        self.network = network.to(self.device)
        #: The exponential moving average of the weights, which is what is used in the end.
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.step, self.losses = 0, []
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "run.pt").exists():
            stored: dict[str, Any] = torch.load(folder / "run.pt", map_location=self.device, weights_only=True)
            for name in ("network", "average", "optimiser"):
                getattr(self, name).load_state_dict(stored[name])
            self.step, self.losses = stored["step"], stored["losses"]

    def train(self, steps: int, falling: float, loss_of: Loss, batches: Batches = batch) -> None:
        """Trains up to `steps` in all; over the last share `falling` of them the learning rate falls to 0."""
        began, total = time.perf_counter(), 0.0
        while self.step < steps:
            rng = np.random.default_rng([0, self.step])
            left = (steps - self.step) / max(1.0, falling * steps)
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate * min(1.0, (self.step + 1) / WARM_UP, left)
            total += self._update(rng, loss_of, [part.to(self.device) for part in batches(rng, self.size)])
            if self.step % 100 == 0:
                self.losses.append([self.step, total / 100])
                seconds = (time.perf_counter() - began) / 100
                print(f"{self.step}: loss {total / 100:.5f}, {seconds:.3f} s a step", flush=True)
                began, total = time.perf_counter(), 0.0
            if self.step % 500 == 0 or self.step == steps:
                self.store()

    def _update(self, rng: np.random.Generator, loss_of: Loss, given: list[Tensor]) -> float:
        """One step of the optimiser and of the average; returns the loss."""
        with torch.autocast(self.device, torch.bfloat16):
            loss = loss_of(self.network, rng, *given)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(EMA, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for old, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
                old.lerp_(new, 1.0 - keep)
        return float(loss.detach())

    def store(self) -> None:
        """Writes the run and the curve of its loss; a run that is stopped meanwhile loses nothing."""
        state = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimiser")}
        torch.save({**state, "step": self.step, "losses": self.losses}, self.folder / "run.part")
        (self.folder / "run.part").replace(self.folder / "run.pt")
        (self.folder / "loss.json").write_text(json.dumps(self.losses), "utf-8")


def export(network: UNet) -> None:
    """Writes the weights, in one byte each, beside this file."""
    np.savez_compressed(WEIGHTS, **quantise(arrays(network)))


def sheet(denoiser: Denoiser, folder: Path, shape: tuple[int, ...], decoded: Callable[..., Any]) -> None:
    """Samples a picture for each of 64 random captions, and writes them into `folder` as `samples.png`.

    Prints the share of them that is as asked, of captions with one shape and with two. `decoded` makes images
    (N, 32, 32, 3) of what the denoiser denoises, (N, *shape).
    """
    rng = np.random.default_rng(0)
    captions = [random_caption(random_scene(rng, one=k % 2 == 0), rng) for k in range(200)]
    chosen = [caption for caption in captions if caption][:64]
    tokens = np.stack([parse(caption)[0] for caption in chosen])
    noise = rng.standard_normal((64, *shape), np.float32)
    for scale in (1.0, 3.0):
        guided = ClassifierFreeGuidance(denoiser, scale, tokens)
        *_, last = walk(guided, "ddim", noise, 20, 0)
        images = decoded(last.x)
        met = adherence(images, tokens)
        two = np.array([len(getattr(request(row), "shapes", ())) == 2 for row in tokens])
        print(f"w = {scale:g}: {met.mean():.3f} as asked; one shape {met[~two].mean():.3f}, two {met[two].mean():.3f}")
    pixels = np.clip(127.5 + 127.5 * images, 0, 255).astype(np.uint8)
    rows = pixels.reshape(8, 8, 32, 32, 3).transpose(0, 2, 1, 3, 4).reshape(256, 256, 3)
    Image.fromarray(rows.repeat(3, axis=0).repeat(3, axis=1)).save(folder / "samples.png", optimize=True)
    (folder / "samples.txt").write_text("\n".join(chosen) + "\n", "utf-8")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs are stored")
    parser.add_argument("--steps", type=int, default=60_000, help="steps of the network (default: 60,000)")
    parser.add_argument("--control", type=int, default=8_000, help="steps of the control branch (default: 8,000)")
    parser.add_argument("--export", action="store_true", help="write the weights of the stored runs, train no further")
    given = parser.parse_args()
    torch.manual_seed(0)
    run = Run(UNet(), given.folder)
    if not given.export:
        run.train(given.steps, 0.25, loss_of)
    export(run.average)
    (HERE / "loss.json").write_text(json.dumps(run.losses), "utf-8")
    branch = Run(Control(run.average), given.folder / "control", rate=1e-3)
    if not given.export:
        branch.train(given.control, 0.25, loss_of, drawn_batch)
    np.savez_compressed(CONTROL_WEIGHTS, **quantise(control_arrays(branch.average)))
    sheet(ImageDenoiser(trained()), HERE, (32, 32, 3), np.asarray)


if __name__ == "__main__":
    main()

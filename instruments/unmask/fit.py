"""Trains the small transformer of this instrument: `python -m diffusion_lab.instruments.unmask.fit`, with PyTorch.

PyTorch is the group `train` of `pyproject.toml`. Its gradients are reliable, and its forward pass is an independent
implementation with which tests compare `common/networks/transformer.py`.

The training texts are new draws from the word model, 12 to 24 words long, so that the law to learn is known exactly
and no text can be memorised. Writes `weights.npz` (float16) beside this file, and for the tests PyTorch's results
on some texts with these weights. About nine minutes on one core; the seeds are fixed.
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion_lab.instruments.common.masked.chains import MASK
from diffusion_lab.instruments.common.masked.objective import mean_weight
from diffusion_lab.instruments.unmask import kernel

HERE = Path(__file__).parent
REFERENCE = HERE.parents[1] / "tests/instruments/unmask/reference.npz"

WIDTH, BLOCKS, HEADS, HIDDEN = 64, 3, 4, 128
SHORTEST, LONGEST = 12, 24
BATCH, RATE, WARM_UP = 192, 3e-3, 300
DRAWN_AT_ONCE = 64  # batches of texts


class Block(nn.Module):
    """Attention among all positions and two layers at each, both with residual connections."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, h: Tensor) -> Tensor:
        """(B, n, d) to (B, n, d)."""
        x = self.norm_1(h)
        h = h + self.attention(x, x, x, need_weights=False)[0]
        return h + self.down(functional.gelu(self.up(self.norm_2(h)), approximate="tanh"))


class Encoder(nn.Module):
    """Tokens to logits, both sides in view."""

    def __init__(self) -> None:
        super().__init__()
        words = len(kernel.VOCABULARY)
        self.tokens, self.positions = nn.Embedding(words + 1, WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm, self.readout = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, words)

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Activations (B, n, d) before the first block and after each; a mask is the last token."""
        states = [self.tokens(x % self.tokens.num_embeddings) + self.positions.weight[: x.shape[1]]]
        for block in self.blocks:
            states.append(block(states[-1]))
        return states

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, n, V)."""
        return self.readout(self.norm(self.hidden(x)[-1]))

    def weights(self) -> dict[str, Any]:
        """All arrays under the names of `networks.Transformer`, float16."""

        def stacked(parts: list[Tensor]) -> np.ndarray:
            return torch.stack(parts).detach().numpy().astype(np.float16)

        def norm(layer: nn.LayerNorm) -> Tensor:
            return torch.stack([layer.weight, layer.bias])

        blocks = list(self.blocks)
        of_blocks = {
            "norm_1": [norm(b.norm_1) for b in blocks],
            "qkv": [b.attention.in_proj_weight.T for b in blocks],
            "qkv_bias": [b.attention.in_proj_bias for b in blocks],
            "out": [b.attention.out_proj.weight.T for b in blocks],
            "out_bias": [b.attention.out_proj.bias for b in blocks],
            "norm_2": [norm(b.norm_2) for b in blocks],
            "up": [b.up.weight.T for b in blocks],
            "up_bias": [b.up.bias for b in blocks],
            "down": [b.down.weight.T for b in blocks],
            "down_bias": [b.down.bias for b in blocks],
        }
        ends = {
            "tokens": self.tokens.weight,
            "positions": self.positions.weight,
            "norm": norm(self.norm),
            "readout": self.readout.weight.T,
            "readout_bias": self.readout.bias,
        }
        return {
            "heads": np.array(HEADS),
            **{name: stacked(parts) for name, parts in of_blocks.items()},
            **{name: stacked([part])[0] for name, part in ends.items()},
        }


def batches(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Infinitely many batches of clean texts (BATCH, n) of the word model, each of one length."""
    while True:
        start = np.full((DRAWN_AT_ONCE * BATCH, LONGEST), MASK)
        drawn, _ = kernel.word_model().left_to_right(start, 1.0, rng)
        for x0 in np.split(drawn, DRAWN_AT_ONCE):
            yield x0[:, : rng.integers(SHORTEST, LONGEST + 1)]  # a shorter text is the beginning of a longer one


def train(steps: int, seed: int) -> Encoder:
    """The encoder after `steps` of AdamW on the masked objective (equation 8.2), its rate falling as a cosine."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Encoder()
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], RATE, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min((k + 1) / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * k / steps))
    )
    start, recent = time.perf_counter(), []
    for step, x0 in zip(range(steps), batches(rng), strict=False):
        length = x0.shape[1]
        t = (np.arange(BATCH) + rng.random(BATCH)) / BATCH  # uniform, one in each of equal parts
        masked = rng.random(x0.shape) < t[:, None]
        weight = mean_weight(length, masked.sum(axis=1)) / length
        logits = model(torch.from_numpy(np.where(masked, MASK, x0)))
        nats = functional.cross_entropy(logits.transpose(1, 2), torch.from_numpy(x0), reduction="none")
        weights = torch.from_numpy((weight[:, None] * masked).astype(np.float32))
        loss = (nats * weights).sum() / BATCH
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        recent.append(loss.item())
        if (step + 1) % 500 == 0:
            spent = time.perf_counter() - start
            print(f"step {step + 1}, {spent:.0f} s: objective {np.mean(recent[-500:]):.4f} nats a word", flush=True)
    return model


def rounded(model: Encoder) -> Encoder:
    """The model with every weight rounded to float16."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half().float())
    return model.eval()


def reference(model: Encoder, seed: int) -> dict[str, Any]:
    """Partly masked texts of two lengths, and their activations and logits by PyTorch in float32."""
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for length in (SHORTEST, LONGEST):
        x0, _ = kernel.word_model().left_to_right(np.full((3, length), MASK), 1.0, rng)
        x = np.where(rng.random(x0.shape) < np.array([[0.3], [0.7], [1.0]]), MASK, x0)
        with torch.no_grad():
            states, logits = model.hidden(torch.from_numpy(x)), model(torch.from_numpy(x))
        made |= {f"x_{length}": x, f"hidden_{length}": torch.stack(states).numpy(), f"logits_{length}": logits.numpy()}
    return made


def main() -> None:
    """Train, round, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=7_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=HERE / "weights.npz")
    parser.add_argument("--reference", type=Path, default=REFERENCE)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = rounded(train(chosen.steps, chosen.seed))
    np.savez_compressed(chosen.to, **model.weights())
    np.savez_compressed(chosen.reference, **reference(model, chosen.seed + 1))
    print(f"{chosen.to}: {chosen.to.stat().st_size} bytes")


if __name__ == "__main__":
    main()

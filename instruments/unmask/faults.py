"""Published faults of masked decoding: how they draw words and take their confidence, beside the right way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.masked.chains import Tokens
from diffusion_lab.instruments.common.masked.decoding import Proposal, propose
from diffusion_lab.instruments.common.masked.rules import scores

Array = NDArray[np.float64]


def noisy_confidence(law: Array, temperature: float, remasking: str, rng: np.random.Generator) -> tuple[Tokens, Array]:
    """The confidence is taken from the logits with the Gumbel noise of the draw: a lucky draw looks sure.

    With the noise a law is p / E^T, normalised, E exponential: see `chains.draw`. Words are drawn as they should be.
    """
    if temperature == 0 or not len(law):
        return propose(law, temperature, remasking, rng)
    spread = np.maximum(rng.standard_exponential(law.shape), 1e-100)
    noisy = law / spread**temperature
    noisy /= noisy.sum(axis=1, keepdims=True)
    drawn = noisy.argmax(axis=1)
    return drawn, scores(noisy, drawn, remasking)


def float32_noise(law: Array, temperature: float, remasking: str, rng: np.random.Generator) -> tuple[Tokens, Array]:
    """Gumbel noise in single precision: what is 3.6e-9 times as likely as the likeliest word is never drawn."""
    return _rounded(law, temperature, remasking, rng, np.float32, 24)


def float16_noise(law: Array, temperature: float, remasking: str, rng: np.random.Generator) -> tuple[Tokens, Array]:
    """Gumbel noise in half precision: what is 6.4e-5 times as likely as the likeliest word is never drawn."""
    return _rounded(law, temperature, remasking, rng, np.float16, 11)


def _rounded(
    law: Array, temperature: float, remasking: str, rng: np.random.Generator, kind: type, bits: int
) -> tuple[Tokens, Array]:
    """Draws with E = -log u in a coarse type, u a multiple of 2^-bits below 1, as such random numbers are made."""
    if temperature == 0 or not len(law):
        return propose(law, temperature, remasking, rng)
    u: NDArray[Any] = (np.floor(rng.random(law.shape) * 2.0**bits) / 2.0**bits).astype(kind)
    with np.errstate(divide="ignore", over="ignore"):
        spread = (-np.log(u)) ** kind(temperature)
        drawn = (law.astype(kind) / np.maximum(spread, np.finfo(kind).tiny)).argmax(axis=1)
    return drawn, scores(law, drawn, remasking)


@dataclass(frozen=True)
class Fault:
    """A fault. label: for the menu; harm: what it does, in words; source: where it was found or described."""

    proposal: Proposal
    label: str
    harm: str
    source: str


NONE = "none"

FAULTS: Mapping[str, Fault] = {
    "noisy_confidence": Fault(
        noisy_confidence, "Noisy confidence", "the passes begin with the words of the luckiest draws",
        "against Nie et al. 2025, generate.py, where the confidence is that of the logits without noise",
    ),
    "float32_noise": Fault(
        float32_noise, "Gumbel noise in float32", "nothing that can be seen with so few words",
        "Zheng et al. 2024",
    ),
    "float16_noise": Fault(
        float16_noise, "Gumbel noise in float16", "rare words are drawn too rarely",
        "Zheng et al. 2024, in the half precision of many fast implementations",
    ),
}  # fmt: skip


def proposal_of(fault: str) -> Proposal:
    """How a fault draws and scores; NONE is the right way."""
    return FAULTS[fault].proposal if fault in FAULTS else propose

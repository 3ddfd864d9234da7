"""The trained networks: their file, and the networks in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from diffusion_lab.instruments.common.latent_diffusion.autoencoder import Autoencoder
from diffusion_lab.instruments.common.latent_diffusion.transformer import DiT
from diffusion_lab.instruments.common.networks.quantised import restore

WEIGHTS = Path(__file__).with_name("weights.npz")


@cache
def trained() -> tuple[Autoencoder, DiT]:
    """The networks that `fit.py` has trained. Their file must be there: see `app.instrument.assets.asset`."""
    with np.load(WEIGHTS) as file:
        arrays = restore({name: file[name] for name in file.files})

    def part(name: str) -> dict[str, np.ndarray]:
        start = f"{name}/"
        return {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}

    return Autoencoder(part("coder")), DiT(part("transformer"))

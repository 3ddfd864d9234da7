"""The trained networks: their files, and the networks in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from diffusion_lab.instruments.common.networks.quantised import restore
from diffusion_lab.instruments.common.text_to_image.control import Control
from diffusion_lab.instruments.common.text_to_image.unet import UNet

WEIGHTS = Path(__file__).with_name("weights.npz")
CONTROL_WEIGHTS = Path(__file__).with_name("control-weights.npz")


@cache
def trained() -> UNet:
    """The U-Net that `fit.py` has trained. Its file must be there: see `app.instrument.assets.asset`."""
    return UNet(_read(WEIGHTS))


@cache
def trained_control() -> Control:
    """The control branch that `fit.py` has trained."""
    return Control(_read(CONTROL_WEIGHTS))


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return restore({name: file[name] for name in file.files})

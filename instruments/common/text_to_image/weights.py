"""The trained network, read from its file."""

from functools import cache
from pathlib import Path

import numpy as np

from diffusion_lab.instruments.common.networks.quantised import restore
from diffusion_lab.instruments.common.text_to_image.unet import UNet

WEIGHTS = Path(__file__).with_name("weights.npz")
"""Weights in one byte each, as `fit.py` writes them; downloaded when they are first read."""


@cache
def trained() -> UNet:
    """The network; the file must be there (`asset(WEIGHTS)`)."""
    with np.load(WEIGHTS) as arrays:
        return UNet.of(restore(arrays))

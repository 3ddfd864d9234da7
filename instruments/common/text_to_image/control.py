"""Spatial control: a small branch reads a line drawing, and adds to what the U-Net's skip connections carry.

As in ControlNet (Zhang et al. 2023) and the T2I-Adapter (Mou et al. 2024) the trained network stays as it is; the
branch alone is trained, and begins with adding nothing.

    16 × 16  fold, enter → h,     add fine_add(h)
     8 × 8   halve_1 → h,         add middle_add(h)
     4 × 4   halve_2 → h,         add coarse_add(h)
"""

from __future__ import annotations

from diffusion_lab.instruments.common.networks.activations import silu
from diffusion_lab.instruments.common.networks.arrays import Array
from diffusion_lab.instruments.common.networks.convolution import convolution
from diffusion_lab.instruments.common.networks.folding import fold
from diffusion_lab.instruments.common.networks.named_weights import NamedWeights
from diffusion_lab.instruments.common.text_to_image.unet import SKIPS

LAYERS = (("enter", 1), ("halve_1", 2), ("halve_2", 2))
"""The layers that lead down, with their strides; after each of them one adds to a skip connection of SKIPS."""


class Control(NamedWeights):
    """The branch with its weights, by names such as "enter/weight"."""

    def __call__(self, drawing: Array, strength: float = 1.0) -> dict[str, Array]:
        """What is added to each skip connection for drawings (N, 32, 32), 1 on a line and 0 off it."""
        h, added = fold(drawing[..., None]), {}
        for (name, stride), skip in zip(LAYERS, SKIPS, strict=True):
            h = silu(self._convolution(name, h, stride))
            added[skip] = strength * self._convolution(f"{skip}_add", h)
        return added

    def _convolution(self, name: str, x: Array, stride: int = 1) -> Array:
        return convolution(x, self.weights[f"{name}/weight"], self.weights[f"{name}/bias"], stride)

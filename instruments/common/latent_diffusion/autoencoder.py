"""The autoencoder: images of 32 × 32 × 3 values as codes of 8 × 8 × 4, a twelfth, and back (Rombach et al. 2022, 3.1).

    encoder   fold, in 12 → a at 16 × 16, in_fine, halve to 8 × 8, in_coarse a → b, code b → 4
    decoder   uncode 4 → b, out_coarse, enlarge to 16 × 16 b → a, out_fine, norm, image a → 12, unfold

`patch_pca` compresses by the same factor with the best linear code of 4 × 4 pixels: what a network must beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.networks.activations import silu
from diffusion_lab.instruments.common.networks.arrays import Array
from diffusion_lab.instruments.common.networks.convolution import convolution
from diffusion_lab.instruments.common.networks.folding import doubled, fold, unfold
from diffusion_lab.instruments.common.networks.named_weights import NamedWeights
from diffusion_lab.instruments.common.networks.normalisation import group_norm
from diffusion_lab.instruments.common.networks.residual import residual_block_forward

SIDE, CHANNELS, GROUPS = 8, 4, 8
"""Places along each side of a code, values at each place, groups of a group norm."""

PATCH = 4
"""Pixels along each side of what one place of a code stands for."""


class Autoencoder(NamedWeights):
    """The network with its weights by name. "scale" () makes the values of codes of the training set of unit size."""

    def encode(self, images: Array) -> Array:
        """The codes (N, 8, 8, 4) of images (N, 32, 32, 3) from -1 to 1."""
        h = self._convolution("in", fold(images))
        h = self._convolution("halve", self._residual("in_fine", h), 2)
        h = silu(self._residual("in_coarse", h))
        return self._convolution("code", h) * self.weights["scale"]

    def decode(self, codes: Array) -> Array:
        """The images (N, 32, 32, 3) of codes (N, 8, 8, 4)."""
        h = self._convolution("uncode", codes / self.weights["scale"])
        h = self._convolution("enlarge", doubled(self._residual("out_coarse", h)))
        h = self._residual("out_fine", h)
        h = silu(group_norm(h, *self.weights["norm"], GROUPS))
        return unfold(self._convolution("image", h))

    def _convolution(self, name: str, x: Array, stride: int = 1) -> Array:
        return convolution(x, self.weights[f"{name}/weight"], self.weights[f"{name}/bias"], stride)

    def _residual(self, name: str, x: Array) -> Array:
        return residual_block_forward(x, None, self.part(name), GROUPS)[0]


@dataclass(frozen=True, eq=False)
class PatchPca:
    """The best linear code of patches: their mean (48,), and the directions (48, k) of most variance, orthonormal."""

    mean: Array
    directions: Array

    def encode(self, images: Array) -> Array:
        """Codes (N, 8, 8, k) of images (N, 32, 32, 3)."""
        return (patches(images) - self.mean) @ self.directions

    def decode(self, codes: Array) -> Array:
        """The images of codes."""
        return _images(codes @ self.directions.T + self.mean)

    def of_first(self, values: int) -> PatchPca:
        """The code of the first `values` of these directions."""
        return PatchPca(self.mean, self.directions[:, :values])

    def there_and_back(self, images: Array) -> Array:
        """Images (N, 32, 32, 3) as their codes give them back."""
        return self.decode(self.encode(images))


def patch_pca(images: Array, values: int = CHANNELS) -> PatchPca:
    """The principal components of the patches of `images` (N, 32, 32, 3), `values` for each patch (Pearson 1901)."""
    require(1 <= values <= PATCH * PATCH * 3, "`values` must lie between 1 and 48", values)
    flat = patches(np.asarray(images, np.float64)).reshape(-1, PATCH * PATCH * 3)
    mean = flat.mean(axis=0)
    centred = flat - mean
    _, directions = np.linalg.eigh(centred.T @ centred)  # the variances rise
    return PatchPca(mean, directions[:, ::-1][:, :values])


def patches(images: Array) -> Array:
    """Patches of 4 × 4 pixels as vectors: (N, 32, 32, 3) to (N, 8, 8, 48)."""
    n, height, width, channels = images.shape
    parts = images.reshape(n, height // PATCH, PATCH, width // PATCH, PATCH, channels).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, height // PATCH, width // PATCH, -1)


def _images(parts: Array) -> Array:
    """The inverse of `patches`."""
    n, height, width, _ = parts.shape
    pixels = parts.reshape(n, height, width, PATCH, PATCH, -1).transpose(0, 1, 3, 2, 4, 5)
    return pixels.reshape(n, height * PATCH, width * PATCH, -1)

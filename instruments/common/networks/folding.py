"""Rearrangements of images (N, height, width, channels): pixels as channels and back, and larger pixels."""

from diffusion_lab.instruments.common.networks.arrays import Array


def fold(x: Array) -> Array:
    """Blocks of 2 × 2 pixels as channels: (N, 2 h, 2 w, c) to (N, h, w, 4 c), pixel by pixel (space to depth)."""
    n, height, width, channels = x.shape
    parts = x.reshape(n, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, height // 2, width // 2, 4 * channels)


def unfold(x: Array) -> Array:
    """The inverse of `fold`, and its gradient."""
    n, height, width, channels = x.shape
    parts = x.reshape(n, height, width, 2, 2, channels // 4).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, 2 * height, 2 * width, channels // 4)


def doubled(x: Array) -> Array:
    """Every place four times: (N, h, w, c) to (N, 2 h, 2 w, c)."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def doubled_backward(dy: Array) -> Array:
    """The gradient of `doubled`."""
    n, height, width, channels = dy.shape
    return dy.reshape(n, height // 2, 2, width // 2, 2, channels).sum(axis=(2, 4))

"""Convolution of images (N, height, width, channels), as one product of matrices (im2col)."""

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights


def convolution(x: Array, weight: Array, bias: Array, stride: int = 1, padding: int = 1) -> Array:
    """Cross-correlation of x (N, h, w, a) with weight (k, k, a, b), plus bias (b,): (N, h', w', b).

    h' = (h + 2 padding - k) // stride + 1, and so w'. Outside of the image there are zeros.
    """
    return convolution_forward(x, weight, bias, stride, padding)[0]


def convolution_forward(x: Array, weight: Array, bias: Array, stride: int = 1, padding: int = 1) -> tuple[Array, Cache]:
    """`convolution`, and its cache."""
    windows = _windows(x, len(weight), stride, padding)
    columns = windows.reshape(-1, weight[..., 0].size)
    y = columns @ weight.reshape(-1, weight.shape[-1]) + bias
    return y.reshape(*windows.shape[:3], -1), (x.shape, windows.shape, columns, weight, stride, padding)


def convolution_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """Gradients in x, weight and bias."""
    shape, windows_shape, columns, weight, stride, padding = cache
    flat = dy.reshape(-1, dy.shape[-1])
    grads = {"weight": (columns.T @ flat).reshape(weight.shape), "bias": flat.sum(axis=0)}
    dwindows = (flat @ weight.reshape(-1, weight.shape[-1]).T).reshape(windows_shape)
    n, height, width, channels = shape
    dpadded = np.zeros((n, height + 2 * padding, width + 2 * padding, channels), dy.dtype)
    for row, column in np.ndindex(*windows_shape[3:5]):
        _shifted(dpadded, row, column, stride, windows_shape)[...] += dwindows[:, :, :, row, column]
    return dpadded[:, padding : padding + height, padding : padding + width], grads


def _windows(x: Array, size: int, stride: int, padding: int) -> Array:
    """The part of x under the kernel at each place: (N, h', w', size, size, channels)."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    n, height, width, channels = padded.shape
    shape = (n, (height - size) // stride + 1, (width - size) // stride + 1, size, size, channels)
    windows = np.empty(shape, x.dtype)
    for row, column in np.ndindex(size, size):
        windows[:, :, :, row, column] = _shifted(padded, row, column, stride, shape)
    return windows


def _shifted(padded: Array, row: int, column: int, stride: int, shape: tuple[int, ...]) -> Array:
    """The view of padded images that the kernel's entry (row, column) meets: (N, h', w', channels)."""
    rows, columns = stride * (shape[1] - 1) + 1, stride * (shape[2] - 1) + 1
    return padded[:, row : row + rows : stride, column : column + columns : stride]

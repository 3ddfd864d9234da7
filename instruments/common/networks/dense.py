"""The dense (fully connected) layer."""

from diffusion_lab.instruments.common.networks.arrays import Array, Cache, Weights


def linear(x: Array, weight: Array, bias: Array) -> Array:
    """x weight + bias: (..., a) and (a, b) give (..., b). One flat matrix product, which NumPy does fastest."""
    return (x.reshape(-1, x.shape[-1]) @ weight + bias).reshape(*x.shape[:-1], -1)


def linear_forward(x: Array, weight: Array, bias: Array) -> tuple[Array, Cache]:
    """`linear`, and its cache."""
    return linear(x, weight, bias), (x, weight)


def linear_backward(dy: Array, cache: Cache) -> tuple[Array, Weights]:
    """Gradients in x, weight and bias."""
    x, weight = cache
    flat = dy.reshape(-1, dy.shape[-1])
    dx = (flat @ weight.T).reshape(x.shape)
    return dx, {"weight": x.reshape(-1, x.shape[-1]).T @ flat, "bias": flat.sum(axis=0)}

"""Neural networks in NumPy: layers with their gradients, losses, optimiser and initial weights.

Each layer is three pure functions, for example in `dense`:

    linear(x, weight, bias)           the result, for inference
    linear_forward(x, weight, bias)   the result, and a cache for the backward pass
    linear_backward(dy, cache)        the gradient in x, and a dictionary of the gradients in the weights, by name

dy is the gradient of a scalar loss in the result, and has its shape. Weights are plain arrays. Results have the dtype
of the inputs: float32 for speed, float64 to check gradients. The features (channels) are the last axis.
"""

from diffusion_lab.instruments.common.networks.activations import softmax
from diffusion_lab.instruments.common.networks.transformer import Transformer

__all__ = ["Transformer", "softmax"]

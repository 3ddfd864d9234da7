"""One step of Adam, plainly."""

import numpy as np

from diffusion_lab.instruments.common.networks import adam
from diffusion_lab.instruments.common.networks.arrays import Weights


class Adam(adam.Adam):
    """The optimiser, with its step as it is written."""

    def update(self, weights: Weights, grads: Weights) -> None:
        """One step of all `weights`, which are changed in place, against their gradients of the same names.

        Kingma & Ba 2015, algorithm 1. `weight_decay` as in AdamW (Loshchilov & Hutter 2019).
        """
        self.steps += 1
        for name, weight in weights.items():
            grad = grads[name]
            mean = self.beta_1 * self.mean.get(name, 0.0) + (1.0 - self.beta_1) * grad
            square = self.beta_2 * self.square.get(name, 0.0) + (1.0 - self.beta_2) * grad**2
            self.mean[name], self.square[name] = mean, square
            unbiased_mean = mean / (1.0 - self.beta_1**self.steps)
            unbiased_square = square / (1.0 - self.beta_2**self.steps)
            weight *= 1.0 - self.learning_rate * self.weight_decay
            weight -= self.learning_rate * unbiased_mean / (np.sqrt(unbiased_square) + self.eps)

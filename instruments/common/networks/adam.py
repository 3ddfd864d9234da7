"""The optimiser Adam."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from diffusion_lab.instruments.common.networks.arrays import Weights


@dataclass(eq=False)
class Adam:
    """Adam, Kingma & Ba 2015, algorithm 1 with bias correction, and its state: steps done and the two moments.

    `weight_decay` above 0 shrinks the weights independently of the gradient, as AdamW does (Loshchilov & Hutter 2019).
    Many small arrays have a large overhead: weights that are views of one array can be passed as that array.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    steps: int = 0
    mean: Weights = field(default_factory=dict)
    square: Weights = field(default_factory=dict)

    def update(self, weights: Weights, grads: Weights) -> None:
        """One step of all `weights`, which are changed in place, against their gradients of the same names."""
        self.steps += 1
        correction = math.sqrt(1.0 - self.beta_2**self.steps)
        rate = self.learning_rate / (1.0 - self.beta_1**self.steps)
        for name, weight in weights.items():
            grad = grads[name]
            mean = self.mean.setdefault(name, np.zeros_like(weight))
            square = self.square.setdefault(name, np.zeros_like(weight))
            mean *= self.beta_1
            mean += (1.0 - self.beta_1) * grad
            square *= self.beta_2
            step = grad * grad
            step *= 1.0 - self.beta_2
            square += step
            np.sqrt(square, out=step)
            step /= correction
            step += self.eps
            np.divide(mean, step, out=step)
            step *= rate
            if self.weight_decay:
                weight *= 1.0 - self.learning_rate * self.weight_decay
            weight -= step

    def copy(self) -> Adam:
        """A copy of the optimiser with copied moments, to continue from later."""
        mean, square = ({name: value.copy() for name, value in kept.items()} for kept in (self.mean, self.square))
        return replace(self, mean=mean, square=square)

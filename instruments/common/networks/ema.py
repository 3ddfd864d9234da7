"""An exponential moving average (EMA) of weights, which samples better than the last weights (Ho et al. 2020)."""

from dataclasses import dataclass

from diffusion_lab.instruments.common.networks.arrays import Weights


@dataclass(eq=False)
class Ema:
    """The average and its number of steps. `decay` is the factor of the old average in a step.

    The factor is smaller at first, (1 + n) / (10 + n) at step n, so that the initial weights are soon forgotten.
    """

    average: Weights
    decay: float = 0.999
    steps: int = 0

    @classmethod
    def of(cls, weights: Weights, decay: float = 0.999) -> "Ema":
        """An average that starts at a copy of `weights`."""
        return cls({name: value.copy() for name, value in weights.items()}, decay)

    def update(self, weights: Weights) -> None:
        """Add the weights after one more step; the average is changed in place."""
        self.steps += 1
        share = min(self.decay, (1.0 + self.steps) / (10.0 + self.steps))
        for name, value in self.average.items():
            value *= share
            value += (1.0 - share) * weights[name]

    def copy(self) -> "Ema":
        """A copy of the average, to continue from later."""
        return Ema({name: value.copy() for name, value in self.average.items()}, self.decay, self.steps)

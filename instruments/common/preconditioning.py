"""The training target of a denoising network and the scalings of its input and output: Karras et al. 2022, equation 7
and table 1.

    D(x; sigma) = c_skip x + c_out F(c_in x; c_noise)

F is the network, D(x; sigma) predicts the clean point from x = x0 + sigma eps (VE), and F is trained to give

    target = (x0 - c_skip x) / c_out

by the mean squared error, with the same weight at every level: this is Karras' weight lambda = 1 / c_out² of the error
of D. The three usual predictions have this form too, so that one implementation covers all. σ is sigma, and σ_data the
standard deviation of the data per axis.

    type      c_skip                 c_out                    c_in              target
    eps_hat   1                      -σ                       1/√(σ²+1)         eps
    x0_hat    0                      1                        1/√(σ²+1)         x0
    v_pred    1/(σ²+1)               -σ/√(σ²+1)               1/√(σ²+1)         signal eps - sigma_t x0
    edm       σ_data²/(σ²+σ_data²)   σ σ_data/√(σ²+σ_data²)   1/√(σ²+σ_data²)   variance 1, as the input

`edm` with sigma_data = 1 is `v_pred` except for the sign of F.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require

Array = NDArray[np.float64]
Number = float | Array
Target = Literal["eps_hat", "x0_hat", "v_pred", "edm"]

TARGETS: tuple[Target, ...] = ("eps_hat", "x0_hat", "v_pred", "edm")


@dataclass(frozen=True, eq=False)
class Preconditioning:
    """The four scalings at a noise level: floats, or arrays that broadcast against the points."""

    c_skip: Number
    c_out: Number
    c_in: Number
    c_noise: Number

    @classmethod
    def at(cls, sigma: Number, target: Target, sigma_data: float = 1.0) -> "Preconditioning":
        """At VE noise `sigma`, above 0; c_noise is log(sigma) / 4 for all. Raises ValueError for another target."""
        require(target in TARGETS, f"`target` must be one of {', '.join(TARGETS)}", repr(target))
        sigma = np.asarray(sigma, dtype=np.float64)
        unit = sigma_data if target == "edm" else 1.0
        c_in, c_noise = 1.0 / np.sqrt(sigma**2 + unit**2), np.log(sigma) / 4.0
        if target == "eps_hat":
            return cls(1.0 + 0.0 * sigma, -sigma, c_in, c_noise)
        if target == "x0_hat":
            return cls(0.0 * sigma, 1.0 + 0.0 * sigma, c_in, c_noise)
        sign = 1.0 if target == "edm" else -1.0
        return cls((unit * c_in) ** 2, sign * sigma * unit * c_in, c_in, c_noise)

    def clean(self, x: Array, network: Array) -> Array:
        """The clean point predicted from x (VE) and the network's output there."""
        return self.c_skip * x + self.c_out * network

    def target(self, x: Array, x0: Array) -> Array:
        """The training target of the network at x (VE) if x0 is `clean`."""
        return (x0 - self.c_skip * x) / self.c_out

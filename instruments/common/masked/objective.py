"""The exact training objective of a masked model, and the weight that makes the variance of its estimator finite."""

from itertools import product
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffusion_lab.instruments.common.masked.chains import MASK, Tokens
from diffusion_lab.instruments.common.masked.decoding import Model

Array = NDArray[np.float64]


def mean_weight(length: int, num_masked: ArrayLike) -> Array:
    """The factor 1/t of the objective averaged over t ~ U(0, 1), given that `num_masked` of `length` are masked.

    t is then Beta(m + 1, n - m + 1), whose mean 1/t is (n + 1)/m; 0 where nothing is masked. It replaces 1/t
    without changing the mean of the objective, and makes its variance finite.
    """
    count = np.asarray(num_masked, np.float64)
    return np.divide(length + 1, count, out=np.zeros(count.shape), where=count > 0)


def masked_objective(model: Model, x0: Tokens) -> float:
    """The masked diffusion objective at x0 (n,), in nats, without sampling: over every set of masked positions.

    E over t ~ U(0, 1) and masks of (1/t) sum over masked i of -log p(x0_i | revealed). With m of n masked, t
    integrates to (m - 1)! (n - m)! / n!, one over m C(n, m). The estimator that draws t has infinite variance: the
    mean of 1/t² times the chance t of a mask diverges at 0.
    """
    n = len(x0)
    masks = np.array(list(product([False, True], repeat=n)))[1:]
    law = model(np.where(masks, MASK, x0))
    nats = -np.log(law[:, np.arange(n), x0])
    count = masks.sum(axis=1)
    weight = 1.0 / (count * np.array([comb(n, m) for m in count]))
    return float(np.sum(weight * np.sum(nats * masks, axis=1)))

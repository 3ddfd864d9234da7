"""The masked objective is the likelihood, and its weight the mean of 1/t."""

from itertools import product
from math import factorial

import numpy as np
import pytest

from diffusion_lab.instruments.common.masked.chains import MASK, Chain
from diffusion_lab.instruments.common.masked.objective import masked_objective, mean_weight

from .cases import model_of


def summed(weight, over_masked=True):
    """The objective with `weight(m, n)` for each set of m masked positions."""

    def objective(model, x0):
        n, total = len(x0), 0.0
        for mask in map(np.array, list(product([False, True], repeat=n))[1:]):
            law = model(np.where(mask, MASK, x0)[None])[0]
            nats = -np.log(law[np.arange(n), x0])
            total += weight(int(mask.sum()), n) * (nats[mask].sum() if over_masked else nats[0])
        return total

    return objective


@pytest.mark.subject(
    masked_objective,
    without_1_over_t=summed(lambda m, n: factorial(m) * factorial(n - m) / factorial(n + 1)),
    every_set_alike=summed(lambda m, n: 1 / (2**n - 1)),
    mean_over_the_masked=summed(lambda m, n: factorial(m) * factorial(n - m) / factorial(n) / m / n),
    first_token_only=summed(lambda m, n: factorial(m - 1) * factorial(n - m) / factorial(n), over_masked=False),
)
def test_the_objective_of_exact_posteriors_is_the_likelihood(subject, rng):
    """EQ 10.6 summed over all masks equals -log p(x0), sequence by sequence."""
    chain = Chain.second_order(rng.dirichlet([1] * 3), rng.dirichlet([1] * 3, 3), rng.dirichlet([1] * 3, (3, 3)))
    for x0 in rng.integers(3, size=(6, 5)):
        assert subject(model_of(chain), x0) == pytest.approx(-chain.log_prob(x0)[0], abs=1e-11)


def test_the_weights_are_the_integral_over_t():
    """1/t times the chance of one set of m masks, integrated by quadrature."""
    n = 6
    t, w = np.polynomial.legendre.leggauss(20)
    t, w = (t + 1) / 2, w / 2
    for m in range(1, n + 1):
        integral = np.sum(w * t ** (m - 1) * (1 - t) ** (n - m))
        assert integral == pytest.approx(factorial(m - 1) * factorial(n - m) / factorial(n), rel=1e-12)


@pytest.mark.subject(
    mean_weight,
    plain=lambda n, m: n / np.maximum(m, 1) * (np.asarray(m) > 0),
    one_less=lambda n, m: (n + 1) / (np.asarray(m) + 1) * (np.asarray(m) > 0),
    even=lambda n, m: np.full(np.shape(m), 2.0),
)
def test_the_mean_weight_is_that_of_one_over_t(subject):
    """By integrating over t: E[1/t | m of n masked] under t ~ U(0, 1)."""
    t = (np.arange(200_000) + 0.5) / 200_000
    for n in (1, 4, 9):
        weights = subject(n, np.arange(n + 1))
        assert weights[0] == 0
        for m in range(2 if n > 1 else 1, n + 1):
            chance = t**m * (1 - t) ** (n - m)
            assert weights[m] == pytest.approx(np.sum(chance / t) / np.sum(chance), rel=1e-4)

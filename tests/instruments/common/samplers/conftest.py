"""Starting points on the ring, and where the exact ODE takes them."""

from itertools import pairwise

import numpy as np
import pytest

from .cases import RING, SIGMA_MAX, levels


@pytest.fixture(scope="session")
def start():
    x = np.random.default_rng(1).standard_normal((200, 2))
    x.flags.writeable = False
    return x


@pytest.fixture(scope="session")
def exact(start):
    """The ODE's own end at sigma = 0.05, by classical Runge–Kutta in log sigma, VE: an independent road."""
    x, log_sigma = start / levels(1)[0].signal, np.linspace(np.log(SIGMA_MAX), np.log(0.05), 1501)

    def f(x, u):  # dx/d(log sigma) = -sigma² score
        return -np.exp(2 * u) * RING.score(x, 1.0, np.exp(u))

    for u, after in pairwise(log_sigma):
        h = after - u
        k1 = f(x, u)
        k2 = f(x + h / 2 * k1, u + h / 2)
        k3 = f(x + h / 2 * k2, u + h / 2)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(x + h * k3, after))
    return x / np.sqrt(1 + 0.05**2)

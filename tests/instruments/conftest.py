"""Mixtures and statistics that tests of several kernels share: significance ALPHA a test, fixed seeds."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.mixtures import GaussianMixture

ALPHA = 1e-4


@pytest.fixture
def lopsided() -> GaussianMixture:
    """Four unequal clusters without any symmetry to hide behind."""
    means = [[1.5, 0.3], [-1.0, 1.2], [-0.6, -1.4], [0.9, -1.6]]
    return GaussianMixture(np.array(means), np.array([0.4, 0.3, 0.2, 0.1]), 0.25)


@pytest.fixture
def assert_follows():
    """A check that points x (N, 2) follow a mixture at a noise level.

    Kolmogorov–Smirnov on three projections against their exact law, a mixture of normals: significance ALPHA
    in all (Bonferroni).
    """

    def check(x: np.ndarray, mixture: GaussianMixture, signal: float, sigma: float) -> None:
        sd = np.sqrt(mixture.var(signal, sigma))
        for angle in (0.0, 0.6, 2.0):
            direction = np.array([np.cos(angle), np.sin(angle)])
            centres = signal * mixture.means @ direction
            law = lambda u, c=centres: stats.norm.cdf(u[:, None], c, sd) @ mixture.weights  # noqa: E731
            p = stats.kstest(x @ direction, law).pvalue
            assert p > ALPHA / 3, f"projection at {angle} rad: p = {p:.1e}"

    return check


@pytest.fixture
def assert_variance():
    """A check that residuals (N, d), normal about 0, have variance `var`: chi-square, two-sided, ALPHA."""

    def check(residuals: np.ndarray, var: float) -> None:
        statistic = np.sum(residuals**2) / var
        p = 2 * min(stats.chi2.cdf(statistic, residuals.size), stats.chi2.sf(statistic, residuals.size))
        assert p > ALPHA, f"variance {np.mean(residuals**2):.6g}, expected {var:.6g}: p = {p:.1e}"

    return check


@pytest.fixture
def assert_counts():
    """A check that counts (K,) follow probabilities (K,): Pearson's chi-square, ALPHA."""

    def check(counts: np.ndarray, probability: np.ndarray) -> None:
        p = stats.chisquare(counts, probability * counts.sum()).pvalue
        assert p > ALPHA, f"counts {counts}, expected {probability * counts.sum()}: p = {p:.1e}"

    return check

"""The distributions of noise levels in training: the laws of the draws, and that nodes and draws agree."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common import training_levels
from diffusion_lab.instruments.common.training_levels import LEVEL_DISTRIBUTIONS, SIGMA_MAX, SIGMA_MIN
from diffusion_lab.instruments.common.training_levels import draw_sigmas as draw
from diffusion_lab.instruments.common.training_levels import sigma_nodes as nodes

ALPHA = 1e-4
T_MIN = np.log1p(SIGMA_MIN**2) / 6

#: A map of sigma to a variable, and the law that it has there.
LAWS = {
    "uniform_t": (lambda sigma: np.log1p(sigma**2) / 6, stats.uniform(T_MIN, 1 - T_MIN)),
    "uniform_log_snr": (lambda s: -2 * np.log(s), stats.uniform(-2 * np.log(SIGMA_MAX), 2 * np.log(SIGMA_MAX / 0.02))),
    "log_normal": (np.log, stats.norm(-1.2, 1.2)),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.subject(
    draw,
    another=lambda name, n, rng: draw(LEVEL_DISTRIBUTIONS[LEVEL_DISTRIBUTIONS.index(name) - 1], n, rng),
    squares=lambda name, n, rng: draw(name, n, rng) ** 2,
    too_noisy=lambda name, n, rng: 1.5 * draw(name, n, rng),
)
def test_draws_follow_their_law(subject, rng, name):
    to, law = LAWS[name]
    assert stats.kstest(to(subject(name, 10_000, rng)), law.cdf).pvalue > ALPHA


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.subject(
    nodes,
    equal_weights_everywhere=lambda name, n: (nodes("uniform_log_snr", n)[0], np.full(n, 1 / n * 1.05)),
    of_another=lambda name, n: nodes(LEVEL_DISTRIBUTIONS[LEVEL_DISTRIBUTIONS.index(name) - 1], n),
)
def test_weighted_sums_are_means(subject, name):
    """Of a curve as steep as a loss, against a million quantiles of the law."""
    curve = lambda sigma: 0.04 / (0.04 + sigma**2)  # noqa: E731
    to, law = LAWS[name]
    table = np.geomspace(1e-5, 100, 200_001)
    order = np.argsort(to(table))
    sigma = np.interp(law.ppf((np.arange(10**6) + 0.5) / 10**6), to(table)[order], table[order])
    levels, weights = subject(name, 32)
    assert np.all(np.diff(levels) > 0)
    assert weights.sum() == pytest.approx(1)
    assert weights @ curve(levels) == pytest.approx(np.mean(curve(sigma)), rel=3e-3)


@pytest.mark.subject(nodes, three_sds=lambda name, n: (nodes(name, n)[0] ** (2 / 3) * np.exp(-0.4), nodes(name, n)[1]))
def test_the_nodes_of_log_normal_reach_into_its_tails(subject):
    levels, weights = subject("log_normal", 32)
    assert weights @ np.log(levels) == pytest.approx(-1.2)
    assert np.sqrt(weights @ (np.log(levels) + 1.2) ** 2) == pytest.approx(1.2, rel=1e-3)
    assert np.log(levels[-1]) == pytest.approx(-1.2 + 1.2 * 4.5, abs=0.2)


def test_the_ends_are_those_of_the_schedule():
    assert pytest.approx(np.sqrt(np.exp(6) - 1)) == training_levels.SIGMA_MAX
    low, high = (draw_at(u) for u in (0.0, 1.0))
    assert (low, high) == (pytest.approx(SIGMA_MIN), pytest.approx(SIGMA_MAX))


def draw_at(u):
    return float(training_levels._sigma("uniform_t", np.array(u)))


def test_another_distribution_is_refused(rng):
    with pytest.raises(ValueError) as refused:
        draw("cosine", 3, rng)
    known = "uniform_t, uniform_log_snr, log_normal"
    assert str(refused.value) == f"`distribution` must be one of {known}, got 'cosine'."

"""The floor under the loss: posterior variances against sums over a grid, floors against losses of exact denoisers."""

from dataclasses import replace

import numpy as np
import pytest

from diffusion_lab.instruments.common import irreducible_loss
from diffusion_lab.instruments.common.datasets import DATA_SETS, NULL, DataSet
from diffusion_lab.instruments.common.irreducible_loss import IrreducibleLoss, posterior_variance
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.preconditioning import TARGETS, Preconditioning
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.common.training_levels import LEVEL_DISTRIBUTIONS, draw_sigmas


def within(mixture, x, signal, sigma):
    """The part of the variance that is inside of the components."""
    return np.square(sigma) / mixture.var(signal, sigma) * mixture.s**2 + np.zeros(x.shape[:-1])


@pytest.mark.subject(
    posterior_variance,
    within_alone=within,
    between_alone=lambda *a: posterior_variance(*a) - within(*a),
    summed_over_axes=lambda *a: 2 * posterior_variance(*a),
    of_the_data=lambda mixture, x, *_: np.full(x.shape[:-1], 1.0),
)
@pytest.mark.parametrize(("signal", "sigma"), [(1.0, 0.5), (1.0, 0.8), (0.6, 0.8), (0.2, 1.0)])
def test_posterior_variance_is_that_of_bayes_rule(subject, lopsided, rng, signal, sigma):
    """Against p(x0) p(x | x0) summed over a grid of x0, at points from the noised data."""
    axis = np.linspace(-4, 4, 321)
    x0 = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    prior = np.exp(lopsided.log_density(x0, 1.0, 0.0))
    clean, _ = lopsided.sample(6, rng)
    points = signal * clean + sigma * rng.normal(size=(6, 2))
    for x, got in zip(points, subject(lopsided, points, signal, sigma), strict=True):
        p = prior * np.exp(-np.sum((x - signal * x0) ** 2, axis=1) / (2 * sigma**2))
        p /= p.sum()
        assert got == pytest.approx(np.mean(p @ x0**2 - (p @ x0) ** 2), rel=1e-4)


@pytest.mark.parametrize("target", TARGETS)
def test_one_gaussian_has_the_closed_form(target):
    """N(0, s² I): s² sigma² / (s² + sigma²) over c_out²; alpha_bar s² / (alpha_bar s² + 1 - alpha_bar) of the noise."""
    data = DataSet(GaussianMixture(np.zeros((1, 2)), np.ones(1), 0.6), np.zeros(1, int))
    found = IrreducibleLoss.of(data, target, "uniform_log_snr")
    c_out = Preconditioning.at(found.sigma, target, 0.6).c_out
    np.testing.assert_allclose(found.floor, 0.36 * found.sigma**2 / (0.36 + found.sigma**2) / c_out**2, rtol=1e-9)
    if target == "eps_hat":
        alpha_bar = 1 / (1 + found.sigma**2)
        np.testing.assert_allclose(found.floor, alpha_bar * 0.36 / (alpha_bar * 0.36 + 1 - alpha_bar), rtol=1e-9)
    if target == "edm":
        np.testing.assert_allclose(found.floor, 1, rtol=1e-9)


class Exact:
    """The best network: the posterior mean of the target, given the part where it is known."""

    def __init__(self, data, target):
        self.data, self.target = data, target

    def __call__(self, x, sigma, part):
        mean = np.empty_like(x)
        for number in np.unique(part).tolist():
            of_part = part == number
            mean[of_part] = self.data.law(number).posterior_mean(x[of_part], 1.0, sigma[of_part])
        return Preconditioning.at(sigma[:, None], self.target, self.data.sd).target(x, mean)


def drawn_loss(network, data, target, levels, dropout, rng, n=60_000):
    """The mean loss of a network on fresh points, and its standard error."""
    x0, component = data.mixture.sample(n, rng)
    sigma = draw_sigmas(levels, n, rng)
    x = x0 + sigma[:, None] * rng.normal(size=(n, 2))
    part = np.where(rng.random(n) < dropout, NULL, data.part[component])
    want = Preconditioning.at(sigma[:, None], target, data.sd).target(x, x0)
    losses = np.mean((network(x, sigma, part) - want) ** 2, axis=1)
    return losses.mean(), losses.std() / np.sqrt(n)


of = IrreducibleLoss.of


def patched(*a):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(irreducible_loss, "posterior_variance", within)
        return of(*a)


CASES = [
    ("ring", "eps_hat", "uniform_t", 0.1),
    ("moons", "x0_hat", "log_normal", 0.0),
    ("moons", "v_pred", "uniform_log_snr", 1.0),
    ("ring", "edm", "log_normal", 0.5),
]


@pytest.mark.subject(
    of,
    spread_of_components_forgotten=patched,
    other_dropout=lambda data, target, levels, p: of(data, target, levels, 1.0 if p < 1 else 0.0),
    of_another_target=lambda data, target, *a: of(data, "x0_hat" if target != "x0_hat" else "v_pred", *a),
)
@pytest.mark.parametrize("case", CASES)
def test_the_floor_is_the_loss_of_the_exact_denoiser(subject, rng, case):
    """Within four standard errors of the two together."""
    name, target, levels, dropout = case
    data = DATA_SETS[name]()
    found = subject(data, target, levels, dropout)
    loss, error = drawn_loss(Exact(data, target), data, target, levels, dropout, rng)
    assert abs(found.mean - loss) < 4 * np.hypot(found.error, error)


@pytest.mark.subject(
    lambda found: found,
    too_sure=lambda found: replace(found, floor_error=found.floor_error / 2),
    spread_for_error=lambda found: replace(found, floor_error=found.floor_error * 11),
)
def test_the_floor_scatters_by_its_error(subject):
    """Over 40 seeds."""
    data = DATA_SETS["ring"]()
    found = [subject(IrreducibleLoss.of(data, "eps_hat", "log_normal", 0.1, seed, n=32)) for seed in range(40)]
    z = np.array([run.mean for run in found])
    assert 0.5 < z.var(ddof=1) / np.mean([run.error**2 for run in found]) < 2


def test_the_exact_denoiser_has_no_excess():
    data = DATA_SETS["moons"]()
    found = IrreducibleLoss.of(data, "v_pred", "uniform_t", 0.3)
    np.testing.assert_allclose(found.excess(Exact(data, "v_pred")), 0, atol=1e-20)


@pytest.mark.subject(
    lambda found, network: found.weight @ found.excess(network),
    summed_over_axes=lambda found, network: 2 * found.weight @ found.excess(network),
    even_weights=lambda found, network: found.excess(network).mean(),
    conditions_ignored=lambda found, network: (
        replace(found, share=np.full(len(found.share), 1 / 256)).excess(network) @ found.weight
    ),
)
def test_loss_is_floor_and_excess(subject, rng):
    """Of a network that is a little wrong, and more so where it knows the part."""
    data = DATA_SETS["ring"]()
    exact = Exact(data, "eps_hat")
    network = lambda x, sigma, part: exact(x, sigma, part) + 0.3 * np.sin(x) + 0.3 * (part != NULL)[:, None]  # noqa: E731
    found = IrreducibleLoss.of(data, "eps_hat", "uniform_t", 0.2)
    loss, error = drawn_loss(network, data, "eps_hat", "uniform_t", 0.2, rng)
    assert abs(found.mean + subject(found, network) - loss) < 4 * np.hypot(found.error, error) + 1e-3


@pytest.mark.subject(
    lambda found, network, thin: finish(found.excess_work(network, thin)),
    not_scaled=lambda found, network, thin: finish(found.excess_work(network, thin)) / thin,
    of_the_clean_half=lambda found, network, thin: thin * finish(found.excess_work(network, thin)) / 2,
)
@pytest.mark.parametrize("thin", [4, 8])
def test_a_share_of_the_points_gives_nearly_the_same_excess(subject, thin):
    data = DATA_SETS["spiral"]()
    exact = Exact(data, "eps_hat")
    network = lambda x, sigma, part: exact(x, sigma, part) + 0.3 * np.sin(3 * x)  # noqa: E731
    found = IrreducibleLoss.of(data, "eps_hat", "log_normal", 0.2)
    full = found.excess(network)
    np.testing.assert_array_equal(full, finish(found.excess_work(network)))
    np.testing.assert_allclose(found.weight @ subject(found, network, thin), found.weight @ full, rtol=0.1)


def test_floors_and_excess_can_pause():
    data = DATA_SETS["ring"]()
    work = IrreducibleLoss.work(data, "eps_hat", "uniform_t")
    assert len(list(work)) == 2 * 32 * 128 / irreducible_loss.SLICE
    found = IrreducibleLoss.of(data, "eps_hat", "uniform_t")
    assert len(list(found.excess_work(Exact(data, "eps_hat")))) == 32 * 128 / irreducible_loss.SLICE


@pytest.mark.parametrize("levels", LEVEL_DISTRIBUTIONS)
def test_knowing_the_part_lowers_the_floor(levels):
    data = DATA_SETS["moons"]()
    known, unknown = (IrreducibleLoss.of(data, "x0_hat", levels, dropout) for dropout in (0.0, 1.0))
    assert known.mean < unknown.mean - 4 * np.hypot(known.error, unknown.error)

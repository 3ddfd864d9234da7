"""The reverse process by every sampler: what a frame says of itself, and what comes out."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import DATA_SETS, ring
from diffusion_lab.instruments.common.metrics import mmd, mode_mass
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.schedules import exponential_alpha_bar, geometric_sigmas
from diffusion_lab.instruments.ring import kernel


@pytest.mark.parametrize("sampler", kernel.SAMPLERS)
def test_a_frame_says_where_it_stands(sampler, rng):
    options = {"num_steps": 3} if sampler == "langevin" else {}
    frames = list(kernel.sample(ring(), sampler, 7, 6, rng=rng, **options))
    assert frames[0].nfe == 0
    assert frames[0].t == pytest.approx(1, abs=1e-15)
    assert frames[-1].nfe == kernel.evaluations(sampler, 6, 3)
    assert frames[-1].sigma == pytest.approx(kernel.SIGMA_MIN)
    for frame in frames:
        assert frame.alpha_bar == pytest.approx(1 / (1 + frame.sigma**2), rel=1e-12)
        assert exponential_alpha_bar(frame.t) == pytest.approx(frame.alpha_bar, rel=1e-12)
    if sampler != "langevin":
        assert [frame.level for frame in frames] == list(range(7))
        np.testing.assert_allclose([frame.sigma for frame in frames], geometric_sigmas(kernel.SIGMA_MAX, 0.01, 7))


def test_all_samplers_begin_at_the_same_noise():
    starts = [next(kernel.sample(ring(), name, 50, rng=np.random.default_rng(5))).x for name in kernel.SAMPLERS]
    for start in starts:
        np.testing.assert_allclose(start, np.random.default_rng(5).standard_normal((50, 2)), rtol=1e-14)


def crooked(score):
    """From a mixture, one whose `score(mixture, x, signal, sigma)` is wrong."""

    def make(mixture):
        wrong = GaussianMixture(mixture.means, mixture.weights, mixture.s)
        object.__setattr__(wrong, "score", lambda x, signal, sigma: score(mixture, x, signal, sigma))
        return wrong

    return make


@pytest.mark.parametrize("sampler", kernel.SAMPLERS)
@pytest.mark.subject(
    lambda mixture: mixture,
    sign_flipped=crooked(lambda m, x, a, b: -m.score(x, a, b)),
    missing_sqrt=crooked(lambda m, x, a, b: m.score(x, a, np.sqrt(b))),
    signal_left_out=crooked(lambda m, x, a, b: m.score(1.2 * x, a, b)),
    forgets_a_mode=crooked(lambda m, x, a, b: GaussianMixture(m.means[1:], np.full(5, 0.2), m.s).score(x, a, b)),
)
def test_every_sampler_brings_the_ring_back(subject, sampler, rng, assert_counts):
    """In 80 levels 2000 points come to equal clusters, and to 1.6 times the distance that perfect draws have."""
    *_, last = kernel.sample(subject(ring()), sampler, 2000, 80, rng=rng)
    assert_counts(2000 * mode_mass(last.x, ring().means), np.full(6, 1 / 6))
    sigma_t = np.sqrt(1 - last.alpha_bar)
    found = mmd(last.x, ring(), np.sqrt(last.alpha_bar), sigma_t)
    assert found.distance < 1.6 * found.expected


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_comes_back(name, rng):
    mixture = DATA_SETS[name]().mixture
    *_, last = kernel.sample(mixture, "dpm_solver_pp_2m", 1000, 40, rng=rng)
    found = kernel.measures(last.x, mixture, last.t)
    assert found.distance < 1.6 * found.distance_expected
    assert abs(found.within - found.within_true) < 5 * found.within_error + 2e-3


def test_an_unknown_sampler_is_refused(rng):
    with pytest.raises(ValueError) as refusal:
        kernel.sample(ring(), "DDIM", rng=rng)
    names = "langevin, ddpm, ddim, sde_euler, ode_euler, ode_heun, dpm_solver_pp_2m"
    assert str(refusal.value) == f"`sampler` must be one of {names}, got DDIM."

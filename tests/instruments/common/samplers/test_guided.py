"""Guided samplers against the closed forms of the Gaussian case, p(x|c) = N(0, 1) and p(x) = N(0, 2) on a line."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.guidance import GaussianAnswers, guided
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.langevin import annealed_langevin
from diffusion_lab.instruments.common.samplers.ode import heun_step, ode_heun
from diffusion_lab.instruments.common.samplers.sde import sde_heun
from diffusion_lab.instruments.common.samplers.state import stepped
from diffusion_lab.instruments.common.schedules import Karras

from .cases import one_level_late, sign_flipped

SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 7.5)


def on_a_line(var):
    return GaussianMixture(np.zeros((1, 1)), np.ones(1), np.sqrt(var))


ON_A_LINE = ConditionalMixture(on_a_line(2.0), on_a_line(1.0), 0.5)


@pytest.fixture
def model(lopsided) -> ConditionalMixture:
    """Of the lopsided four, the first and the last have the condition."""
    return ConditionalMixture(lopsided, GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), lopsided.s), 0.5)


class Impulses:
    """Noise whose k-th draw moves the k-th point alone: on a linear sampler the points are its impulse responses."""

    def __init__(self):
        self.drawn = 0

    def standard_normal(self, size):
        self.drawn += 1
        z = np.zeros(size)
        z[self.drawn, 0] = 1.0
        return z


SIGMA_MAX = 1e3


def exact_variance(sampler, w, n, sigma_max=SIGMA_MAX):
    """Variance of what a sampler makes of N(0, sigma_max²), in VE, on the Gaussian case: with no chance in it."""
    grid = Karras(1e-3, sigma_max).levels(n, clean=True)
    x = np.zeros((n + 1, 1))
    x[0] = sigma_max * grid[0].signal
    *_, last = sampler(guided(ON_A_LINE, w), x, grid, Impulses())
    return float(np.sum(last.x**2))


def half_slope(denoiser, x, levels, rng):
    return ode_heun(lambda x, level, condition=None: 0.5 * denoiser(x, level), x, levels)


@pytest.mark.subject(
    ode_heun,
    half_slope=half_slope,
    one_level_late=one_level_late(ode_heun),
    stochastic=lambda *arguments: sde_heun(*arguments),
)
def test_the_guided_ode_ends_at_its_closed_form(subject):
    """2^(1-w) to 0.1 %, at 900 levels: nowhere near the tilted variance but at w = 1."""
    for w in SCALES:
        answers = GaussianAnswers.at(w)
        assert exact_variance(subject, w, 900) == pytest.approx(answers.deterministic, rel=1e-3)


def churned(added=lambda a, b: a * a - b * b, back_from=lambda a, b: np.sqrt(2 * a * a - b * b), change=lambda f: f):
    """`sde_heun` with another variance of the noise added, another level to come back from, another denoiser."""

    def sampler(denoiser, x, levels, rng):
        def step(eps_hat, x, cur, after):
            hat = Level.from_sigma(back_from(cur.sigma, after.sigma))
            noise = np.sqrt(added(cur.sigma, after.sigma)) * rng.standard_normal(x.shape)
            return heun_step(change(eps_hat), hat.signal * (x / cur.signal + noise), hat, after)

        return stepped(denoiser, x, levels, step)

    return sampler


@pytest.mark.subject(
    sde_heun,
    missing_sqrt=churned(added=lambda a, b: (a * a - b * b) ** 2),
    half_the_noise=churned(added=lambda a, b: (a * a - b * b) / 2),
    no_way_back=churned(back_from=lambda a, b: a),
    sign_flipped=churned(change=sign_flipped),
    no_noise=ode_heun,
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_guided_sde_ends_at_its_closed_form(subject):
    """(2 - 2^(2-2w))/(2w - 1) to 0.3 %, from 300 and 600 levels by Richardson's rule for first order."""
    with np.errstate(all="ignore"):
        for w in (0.0, 0.5, 1.0, 2.0, 4.0):
            coarse, fine = (exact_variance(subject, w, n) for n in (300, 600))
            assert 2 * fine - coarse == pytest.approx(GaussianAnswers.at(w).stochastic, rel=3e-3)


def test_samplers_converge_at_their_order():
    """Error of the variance as levels double: a quarter for the ODE and the SDE without guidance, a half guided."""
    for sampler, w, n, order in ((ode_heun, 3.0, 100, 2), (sde_heun, 1.0, 300, 2), (sde_heun, 3.0, 600, 1)):
        answers = GaussianAnswers.at(w)
        truth = answers.deterministic if sampler is ode_heun else answers.stochastic
        coarse, fine = (abs(exact_variance(sampler, w, levels) - truth) for levels in (n, 2 * n))
        assert np.log2(coarse / fine) == pytest.approx(order, abs=0.15)


@pytest.mark.subject(
    guided,
    no_guidance=lambda model, w: guided(model, 1.0),
    weight_for_scale=lambda model, w: guided(model, w + 1),
    one_branch=lambda model, w: guided(ConditionalMixture(model.cond, model.cond, 0.5), w),
)
def test_langevin_settles_on_the_tilt_of_its_level(subject):
    """At sigma = 1, p_c = N(0, 2) and p = N(0, 3) in VE: the tilt has variance 1/(w/2 + (1-w)/3) = 6/(w + 2)."""
    level = Level.from_sigma(1.0)
    for w in (1.5, 3.0, 6.0):
        guide, start = subject(ON_A_LINE, w), np.zeros((361, 1))
        *_, last = annealed_langevin(guide, start, [level] * 12, Impulses(), num_steps=30, step_size=0.02)
        assert np.sum(last.x**2) / level.alpha_bar == pytest.approx(6 / (w + 2), rel=0.02)


@pytest.mark.subject(
    ode_heun,
    unconditional=lambda guide, *at: ode_heun(guided(guide.denoiser, 0.0), *at),
)
def test_plain_conditioning_samples_the_condition(subject, model, rng, assert_follows):
    """w = 1 on a mixture, 4000 points by the ODE: the law of the conditional mixture."""
    x = rng.standard_normal((4000, 2))
    *_, last = subject(guided(model, 1.0), x, Karras(0.01, 40.0).levels(120, clean=True), rng)
    assert_follows(last.x, model.cond, 1.0, 0.0)


def test_no_guidance_samples_all_the_data(model, rng, assert_follows):
    x = rng.standard_normal((4000, 2))
    for sampler in (ode_heun, sde_heun):
        *_, last = sampler(guided(model, 0.0), x, Karras(0.01, 40.0).levels(200, clean=True), rng)
        assert_follows(last.x, model.uncond, 1.0, 0.0)

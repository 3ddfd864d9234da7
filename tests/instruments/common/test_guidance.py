"""Guidance: exact predictions, both conventions, samplers against closed forms of the Gaussian case, and the tilt."""

from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.integrate._ivp.rk import rk_step

from diffusion_lab.instruments.common import guidance
from diffusion_lab.instruments.common.guidance import (
    Conditioned,
    GaussianAnswers,
    Guide,
    Measures,
    Tilted,
    centres,
    combine,
    combine_by_weight,
    exact_eps,
    exact_eps_of_both,
    heun_ode,
    heun_sde,
    karras_sigmas,
    log_density_on_grid,
    measures,
)
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers import annealed_langevin

SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 7.5)


def round_gaussian(var, d=2):
    return GaussianMixture(np.zeros((1, d)), np.ones(1), np.sqrt(var))


GAUSSIAN = Conditioned(round_gaussian(2.0), round_gaussian(1.0), 0.5)
ON_A_LINE = Conditioned(round_gaussian(2.0, 1), round_gaussian(1.0, 1), 0.5)


@pytest.fixture
def model(lopsided) -> Conditioned:
    """Of the lopsided four, the first and the last have the condition."""
    return Conditioned(lopsided, GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), lopsided.s), 0.5)


# --- predictions -----------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    exact_eps,
    sign_flipped=lambda m, x, sigma: -exact_eps(m, x, sigma),
    score_itself=lambda m, x, sigma: exact_eps(m, x, sigma) / sigma,
    weights_forgotten=lambda m, x, sigma: exact_eps(GaussianMixture(m.means, np.full(4, 0.25), m.s), x, sigma),
    one_level_above=lambda m, x, sigma: exact_eps(m, x, 1.001 * sigma),
)
def test_eps_is_the_score_rescaled(subject, lopsided, rng):
    for sigma in (0.01, 0.3, 2.0, 80.0):
        x = lopsided.sample(300, rng)[0] + 3 * sigma * rng.standard_normal((300, 2))
        np.testing.assert_allclose(subject(lopsided, x, sigma), -sigma * lopsided.score(x, 1.0, sigma), atol=1e-12)


@pytest.mark.subject(
    lambda m, x, sigma: exact_eps(m, x, sigma),
    mean_of_the_data=lambda m, x, sigma: (x - m.weights @ m.means) / sigma,
    sign_flipped=lambda m, x, sigma: -exact_eps(m, x, sigma),
)
def test_eps_is_the_mean_of_the_noise_that_was_drawn(subject, lopsided, rng):
    """E[eps | x in a small disc] over a million draws, to 4 standard errors."""
    sigma, n = 0.8, 1_000_000
    eps = rng.standard_normal((n, 2))
    x = lopsided.sample(n, rng)[0] + sigma * eps
    for at in ([0.2, 0.1], [1.0, -1.0]):
        near = np.sum((x - at) ** 2, axis=1) < 0.05**2
        error = eps[near] - subject(lopsided, x[near], sigma)
        assert np.all(np.abs(error.mean(axis=0)) < 4 * error.std(axis=0) / np.sqrt(near.sum()))


def test_eps_is_finite_far_out(lopsided):
    for sigma in (1e-3, 20.0):
        assert np.isfinite(exact_eps(lopsided, np.array([[1e6, -1e6], [0.0, 0.0]]), sigma)).all()


@pytest.mark.subject(
    exact_eps_of_both,
    turned_round=lambda u, c, x, sigma: exact_eps_of_both(c, u, x, sigma),
    one_width_for_both=lambda u, c, x, sigma: (
        exact_eps(u, x, sigma),
        exact_eps(GaussianMixture(c.means, c.weights, u.s), x, sigma),
    ),
    weights_forgotten=lambda u, c, x, sigma: exact_eps_of_both(
        u, GaussianMixture(c.means, np.full(2, 0.5), c.s), x, sigma
    ),
)
def test_both_predictions_at_once_are_the_two(subject, lopsided, rng):
    """Of mixtures of different widths, also where one of them is a million units away."""
    cond = GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), 0.6)
    for sigma in (0.05, 0.7, 20.0):
        x = np.concatenate([(1 + sigma) * rng.standard_normal((100, 2)), [[1e6, -1e6]]])
        for got, mixture in zip(subject(lopsided, cond, x, sigma), (lopsided, cond), strict=True):
            np.testing.assert_allclose(got, exact_eps(mixture, x, sigma), rtol=1e-9, atol=1e-12)


@pytest.mark.subject(
    combine,
    other_convention=combine_by_weight,
    branches_swapped=lambda u, c, w: combine(c, u, w),
    only_the_push=lambda u, c, w: w * (c - u),
)
def test_the_dial_is_a_line_through_both_predictions(subject, rng):
    """w = 0 and w = 1 bit for bit, w = 2 as far beyond the condition as that is from its absence."""
    u, c = rng.standard_normal((2, 50, 2))
    np.testing.assert_array_equal(subject(u, c, 0.0), u)
    np.testing.assert_array_equal(subject(u, c, 1.0), c)
    np.testing.assert_allclose(subject(u, c, 2.0) - c, c - u, atol=1e-14)
    np.testing.assert_allclose(subject(u, c, 5.0), u + 5 * (c - u), atol=1e-13)
    np.testing.assert_array_equal(subject(u, c, np.repeat([0.0, 1.0], 25)[:, None]), [*u[:25], *c[25:]])


@pytest.mark.subject(
    lambda w: w - 1,
    same_number=lambda w: w,
    one_more=lambda w: w + 1,
)
def test_the_other_convention_is_one_less(subject, rng):
    u, c = rng.standard_normal((2, 50, 2))
    for w in SCALES:
        np.testing.assert_allclose(combine_by_weight(u, c, subject(w)), combine(u, c, w), atol=1e-13)
    np.testing.assert_array_equal(combine_by_weight(u, c, 0.0), c)


@pytest.mark.subject(
    Conditioned.classifier_gradient,
    flipped=lambda m, x, a, b: -m.classifier_gradient(x, a, b),
    without_the_rest=lambda m, x, a, b: m.cond.score(x, a, b),
    eps_for_score=lambda m, x, a, b: b * m.classifier_gradient(x, a, b),
)
def test_classifier_guidance_is_the_difference_of_two_scores(subject, model, rng):
    """Against central differences of log p(c|x), itself against Bayes' rule by enumeration of the clusters."""
    x = rng.standard_normal((40, 2))
    for signal, sigma in ((1.0, 0.5), (0.6, 0.8)):
        r = model.uncond.responsibilities(x, signal, sigma)
        classifier = r[:, 0] + r[:, 3]
        np.testing.assert_allclose(np.exp(model.log_classifier(x, signal, sigma)), classifier, atol=1e-13)
        h = 1e-5
        slope = [
            (model.log_classifier(x + h * e, signal, sigma) - model.log_classifier(x - h * e, signal, sigma)) / (2 * h)
            for e in np.eye(2)
        ]
        np.testing.assert_allclose(subject(model, x, signal, sigma), np.stack(slope, axis=1), rtol=1e-6, atol=1e-6)


@pytest.mark.subject(
    lambda model, x, sigma, w: Guide(model, w).score(x, sigma),
    weight_for_scale=lambda model, x, sigma, w: Guide(model, w + 1).score(x, sigma),
    half_the_push=lambda model, x, sigma, w: Guide(model, (w + 1) / 2).score(x, sigma),
    eps_for_score=lambda model, x, sigma, w: -Guide(model, w)(x, sigma),
)
def test_the_guided_score_is_the_gradient_of_the_tilt_at_every_level(subject, model, rng):
    x, h = rng.standard_normal((40, 2)), 1e-5
    for sigma in (0.2, 0.7, 3.0):
        for w in (0.0, 2.0, 5.0):
            log = lambda x, s=sigma, w=w: model.log_tilted(x, 1.0, s, w)  # noqa: E731
            slope = np.stack([(log(x + h * e) - log(x - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
            np.testing.assert_allclose(subject(model, x, sigma, w), slope, rtol=1e-5, atol=1e-5)


@pytest.mark.subject(
    lambda model, w: Guide(model, w, by="classifier"),
    pushed_away=lambda model, w: Flipped(model, w, by="classifier"),
    noise_forgotten=lambda model, w: Unscaled(model, w, by="classifier"),
    classifier_of_clean_points=lambda model, w: Guide(model, w, by="clean_classifier"),
    one_more=lambda model, w: Guide(model, w + 1, by="classifier"),
)
def test_guidance_by_a_classifier_is_guidance_without_one(subject, model, rng):
    """The classifier being exact: s = w gives the same prediction at every level, to rounding."""
    x = rng.standard_normal((60, 2))
    for sigma in (0.05, 0.6, 4.0):
        for w in SCALES:
            np.testing.assert_allclose(subject(model, w)(x, sigma), Guide(model, w)(x, sigma), atol=1e-11)


class Flipped(Guide):
    def push(self, x, sigma):
        return -super().push(x, sigma)


class Unscaled(Guide):
    def push(self, x, sigma):
        return super().push(x, sigma) / sigma


@pytest.mark.subject(
    lambda model, w: Guide(model, w, by="clean_classifier"),
    of_noised_points=lambda model, w: Guide(model, w, by="classifier"),
    flipped=lambda model, w: Flipped(model, w, by="clean_classifier"),
    ve_noise=lambda model, w: Unscaled(model, w, by="clean_classifier"),
)
def test_the_classifier_of_clean_data_is_asked_about_noised_points(subject, model, rng):
    """eps_uncond - w sqrt(1 - alpha_bar) grad log p_0(c|x) at the VP point, the slope by central differences."""
    x, h = rng.standard_normal((40, 2)), 1e-5
    for sigma in (0.3, 2.0):
        signal, sigma_t = 1 / np.sqrt(1 + sigma**2), sigma / np.sqrt(1 + sigma**2)
        log = lambda x: model.log_classifier(x, 1.0, 0.0)  # noqa: E731
        vp = signal * x
        slope = np.stack([(log(vp + h * e) - log(vp - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
        for w in (0.0, 1.0, 4.0):
            expected = exact_eps(model.uncond, x, sigma) - w * sigma_t * slope
            np.testing.assert_allclose(subject(model, w)(x, sigma), expected, rtol=1e-5, atol=1e-5)


# --- counting and the interval ---------------------------------------------------------------------------------------


class Forgetful(Guide):
    """Counts calls, not branches."""

    def __call__(self, x, sigma):
        before = self.nfe
        eps = super().__call__(x, sigma)
        self.nfe = before + 1
        return eps


def closed_below(model, w, low, high):
    return Guide(model, w, np.nextafter(low, 0.0), high)


@pytest.mark.subject(
    Guide,
    counts_calls=Forgetful,
    ignores_the_interval=lambda model, w, low, high: Guide(model, w),
    guides_outside=lambda model, w, low, high: Guide(model, w, high, np.inf),
    low_end_taken_in=closed_below,
)
def test_both_branches_are_counted_and_only_where_they_are_needed(subject, model, rng, monkeypatch):
    calls = []
    one = lambda m, x, sigma: calls.append(m) or exact_eps(m, x, sigma)  # noqa: E731
    monkeypatch.setattr(guidance, "exact_eps", one)
    both = lambda u, c, x, sigma: calls.extend([u, c]) or exact_eps_of_both(u, c, x, sigma)  # noqa: E731
    monkeypatch.setattr(guidance, "exact_eps_of_both", both)
    x = rng.standard_normal((5, 2))
    for w, at_one, inside in ((0.0, 1, 1), (1.0, 1, 1), (3.0, 1, 2)):
        guide = subject(model, w, 0.5, 2.0)
        for sigma, expected in ((3.0, at_one), (2.0, inside), (0.6, inside), (0.5, at_one), (0.1, at_one)):
            before, earlier = guide.nfe, len(calls)
            got = guide(x, sigma)
            scale = w if 0.5 < sigma <= 2.0 else 1.0
            eps = combine(exact_eps(model.uncond, x, sigma), exact_eps(model.cond, x, sigma), scale)
            np.testing.assert_allclose(got, eps, atol=1e-13)
            assert guide.nfe - before == expected == len(calls) - earlier


def test_a_classifier_is_counted_as_an_evaluation_and_w_1_needs_it(model, rng):
    x = rng.standard_normal((5, 2))
    for by in ("classifier", "clean_classifier"):
        for w, expected in ((0.0, 1), (1.0, 2), (3.0, 2)):
            guide = Guide(model, w, by=by)
            guide(x, 0.7)
            assert guide.nfe == expected


def test_a_scale_for_each_point(model, rng):
    x, scales = rng.standard_normal((6, 2)), np.array(SCALES)[:, None]
    together = Guide(model, scales)(x, 0.7)
    for i, w in enumerate(SCALES):
        np.testing.assert_allclose(together[i], Guide(model, w)(x, 0.7)[i], atol=1e-14)


# --- samplers --------------------------------------------------------------------------------------------------------


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
    """Variance of what a sampler makes of N(0, sigma_max²) on the Gaussian case, with no chance in it."""
    x = np.zeros((n + 1, 1))
    x[0] = sigma_max
    *_, last = sampler(Guide(ON_A_LINE, w), x, karras_sigmas(sigma_max, 1e-3, n), Impulses())
    return float(np.sum(last**2))


def ode(eps, x, sigmas, rng):
    return heun_ode(eps, x, sigmas)


def half_slope(eps, x, sigmas, rng):
    return heun_ode(lambda x, sigma: 0.5 * eps(x, sigma), x, sigmas)


def late(eps, x, sigmas, rng):
    """Each step with the noise level of the one before."""
    levels = dict(zip(sigmas[1:].tolist(), sigmas.tolist(), strict=False))
    return heun_ode(lambda x, sigma: eps(x, levels.get(sigma, sigma)), x, sigmas)


@pytest.mark.subject(ode, half_slope=half_slope, off_by_one_level=late)
def test_the_ode_agrees_with_scipy_step_for_step(subject, model, rng):
    """SciPy's explicit Runge-Kutta step with Heun's tableau in sigma, from level to level; to rounding."""
    guide, levels = Guide(model, 3.0), karras_sigmas(20.0, 0.05, 12)[:-1]
    x = 20 * rng.standard_normal((15, 2))
    flat = lambda sigma, y: guide(y.reshape(-1, 2), sigma).ravel()  # noqa: E731
    a, b, c = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.5, 0.5]), np.array([0.0, 1.0])
    y = x.ravel()
    for state, (now, then) in zip(subject(guide, x, levels, rng), pairwise(levels), strict=True):
        y, _ = rk_step(flat, now, y, flat(now, y), then - now, a, b, c, np.empty((3, y.size)))
        np.testing.assert_allclose(state.ravel(), y, rtol=1e-9, atol=1e-10)


@pytest.mark.subject(
    ode,
    half_slope=half_slope,
    off_by_one_level=late,
    stochastic=lambda *arguments: heun_sde(*arguments),
)
def test_the_guided_ode_ends_at_its_closed_form(subject):
    """2^(1-w) to 0.1 %, at 900 levels: nowhere near the tilted variance but at w = 1."""
    for w in SCALES:
        answers = GaussianAnswers.at(w)
        assert exact_variance(subject, w, 900) == pytest.approx(answers.deterministic, rel=1e-3)


def churned(added=lambda a, b: a * a - b * b, back_from=lambda a, b: np.sqrt(2 * a * a - b * b), sign=1.0):
    """`heun_sde` with another variance of the noise added, another level to come back from, another sign of eps."""

    def sampler(eps, x, sigmas, rng):
        for a, b in pairwise(sigmas):
            x = x + np.sqrt(added(a, b)) * rng.standard_normal(x.shape)
            (x,) = heun_ode(lambda x, sigma: sign * eps(x, sigma), x, np.array([back_from(a, b), b]))
            yield x

    return sampler


@pytest.mark.subject(
    heun_sde,
    missing_sqrt=churned(added=lambda a, b: (a * a - b * b) ** 2),
    half_the_noise=churned(added=lambda a, b: (a * a - b * b) / 2),
    no_way_back=churned(back_from=lambda a, b: a),
    sign_flipped=churned(sign=-1.0),
    no_noise=ode,
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
    for sampler, w, n, order in ((ode, 3.0, 100, 2), (heun_sde, 1.0, 300, 2), (heun_sde, 3.0, 600, 1)):
        answers = GaussianAnswers.at(w)
        truth = answers.deterministic if sampler is ode else answers.stochastic
        coarse, fine = (abs(exact_variance(sampler, w, levels) - truth) for levels in (n, 2 * n))
        assert np.log2(coarse / fine) == pytest.approx(order, abs=0.15)


@pytest.mark.subject(
    Guide,
    no_guidance=lambda model, w: Guide(model, 1.0),
    weight_for_scale=lambda model, w: Guide(model, w + 1),
    one_branch=lambda model, w: Guide(Conditioned(model.cond, model.cond, 0.5), w),
)
def test_langevin_settles_on_the_tilt_of_its_level(subject):
    """At sigma = 1, p_c = N(0, 2) and p = N(0, 3): the tilt has variance 1/(w/2 + (1-w)/3) = 6/(w + 2)."""
    for w in (1.5, 3.0, 6.0):
        guide = subject(ON_A_LINE, w)
        *_, last = annealed_langevin(guide.score, np.zeros((361, 1)), np.ones(12), 30, 0.02, Impulses())
        assert np.sum(last.x**2) == pytest.approx(6 / (w + 2), rel=0.02)


@pytest.mark.subject(
    GaussianAnswers.at,
    weight_for_scale=lambda w: GaussianAnswers.at(w + 1),
    removable_point_not_removed=lambda w: (
        GaussianAnswers(*astuple(GaussianAnswers.at(w))[:2], 0.0) if w == 0.5 else GaussianAnswers.at(w)
    ),
    standard_deviations=lambda w: GaussianAnswers(*np.sqrt(astuple(GaussianAnswers.at(w)))),
)
def test_answers_solve_their_equations(subject):
    """Tilt by quadrature; with u = sigma², d(var)/du is var g for the ODE and 2 var g - 1 for the SDE.

    g = w/(1 + u) + (1 - w)/(2 + u) is the slope of the guided score, turned round; SciPy integrates in log u.
    """

    def tilt(x, w, power):
        return x**power * stats.norm.pdf(x) ** w * stats.norm.pdf(x, scale=np.sqrt(2)) ** (1 - w)

    def ending(w, sources):
        def slope(log_u, var):
            u = np.exp(log_u)
            return u * ((1 + sources) * var * (w / (1 + u) + (1 - w) / (2 + u)) - sources)

        ends = np.log([1e8, 1e-9])
        return integrate.solve_ivp(slope, ends, [1e8], method="LSODA", rtol=1e-9, atol=1e-12).y[0, -1]

    for w in SCALES:
        mass, square = (integrate.quad(tilt, -14, 14, (w, power), epsabs=0)[0] for power in (0, 2))
        deterministic, stochastic = ending(w, 0), ending(w, 1)
        answers = subject(w)
        assert answers.tilted == pytest.approx(square / mass, rel=1e-8)
        assert answers.deterministic == pytest.approx(deterministic, rel=1e-5)
        assert answers.stochastic == pytest.approx(stochastic, rel=1e-5)
    assert subject(1.0) == GaussianAnswers(1.0, 1.0, pytest.approx(1.0, rel=1e-12))
    assert subject(0.5).stochastic == pytest.approx(2 * np.log(2), rel=1e-12)
    assert subject(0.5 + 1e-9).stochastic == pytest.approx(2 * np.log(2), rel=1e-8)


@pytest.mark.subject(
    lambda *at: heun_ode(*at[:3]),
    unconditional=lambda eps, *at: heun_ode(Guide(eps.model, 0.0), *at[:2]),
)
def test_plain_conditioning_samples_the_condition(subject, model, rng, assert_follows):
    """w = 1 on a mixture, 4000 points by the ODE: the law of the conditional mixture."""
    x = 40 * rng.standard_normal((4000, 2))
    *_, last = subject(Guide(model, 1.0), x, karras_sigmas(40.0, 0.01, 120), rng)
    assert_follows(last, model.cond, 1.0, 0.0)


def test_no_guidance_samples_all_the_data(model, rng, assert_follows):
    x = 40 * rng.standard_normal((4000, 2))
    for sampler in (ode, heun_sde):
        *_, last = sampler(Guide(model, 0.0), x, karras_sigmas(40.0, 0.01, 200), rng)
        assert_follows(last, model.uncond, 1.0, 0.0)


def test_karras_levels():
    levels = karras_sigmas(80.0, 0.002, 18)
    assert len(levels) == 19
    np.testing.assert_allclose(levels[[0, 1, 17]], [80.0, 57.586, 0.002], rtol=1e-5)
    assert levels[-1] == 0


# --- measures and the tilted density ---------------------------------------------------------------------------------


@pytest.mark.subject(
    lambda model, x: measures(model, x),
    variance_for_spread=lambda model, x: Measures(
        measures(model, x).adherence, measures(model, x).spread ** 2, measures(model, x).beyond
    ),
    other_way=lambda model, x: Measures(*astuple(measures(model, x))[:2], -measures(model, x).beyond),
)
def test_measures_of_the_condition_itself(subject, model, rng):
    """Conditional samples: spread sqrt(tr cov), beyond 0; moved outwards by 0.7, beyond 0.7."""
    x = model.cond.sample(200_000, rng)[0]
    got = subject(model, x)
    between = np.cov(model.cond.means.T, aweights=model.cond.weights, ddof=0)
    assert got.spread == pytest.approx(np.sqrt(np.trace(between) + 2 * model.cond.s**2), rel=5e-3)
    assert got.beyond == pytest.approx(0, abs=0.01)
    way = model.cond.weights @ model.cond.means - model.uncond.weights @ model.uncond.means
    assert subject(model, x + 0.7 * way / np.hypot(*way)).beyond == pytest.approx(got.beyond + 0.7, abs=1e-12)
    assert got.adherence == pytest.approx(Tilted(model).measures(1.0).adherence, abs=2e-3)


@pytest.mark.subject(
    lambda model, w: Tilted(model).measures(w),
    weight_for_scale=lambda model, w: Tilted(model).measures(w + 1),
    unconditional=lambda model, w: Tilted(model).measures(0.0),
    not_normalised=lambda model, w: Measures(*np.multiply(1.01, astuple(Tilted(model).measures(w)))),
)
def test_the_tilted_density_of_the_gaussian_case(subject):
    """Spread sqrt(2 · 2/(w + 1)), and the mean of p(c|x) = exp(-|x|²/4) under it, (w + 1)/(w + 2)."""
    for w in SCALES:
        got = subject(GAUSSIAN, w)
        assert got.spread == pytest.approx(np.sqrt(2 * GaussianAnswers.at(w).tilted), rel=1e-4)
        assert got.adherence == pytest.approx((w + 1) / (w + 2), rel=1e-4)
        assert np.isnan(got.beyond)


@pytest.mark.subject(
    lambda model, w: Tilted(model).measures(w),
    weight_for_scale=lambda model, w: Tilted(model).measures(w + 1),
    prior_forgotten=lambda model, w: Tilted(Conditioned(model.uncond, model.cond, 1.0)).measures(w),
)
def test_the_tilted_density_by_importance_sampling(subject, model, rng):
    """Conditional draws weighted by (p(x|c)/p(x))^(w-1), which is bounded; to 4 standard errors."""
    x = model.cond.sample(100_000, rng)[0]
    adherence = np.exp(model.log_classifier(x, 1.0, 0.0))
    for w in (1.0, 3.0, 6.0):
        weight = adherence ** (w - 1)
        mean = weight @ adherence / weight.sum()
        error = np.sqrt(np.sum((weight * (adherence - mean)) ** 2)) / weight.sum()
        assert abs(subject(model, w).adherence - mean) < 4 * error + 1e-6


def test_cells_of_a_side():
    np.testing.assert_array_equal(centres(2.0, 4), [-1.5, -0.5, 0.5, 1.5])


@pytest.mark.subject(
    log_density_on_grid,
    transposed=lambda m, x, y: log_density_on_grid(m, y, x).T,
    one_dimension_s_norm=lambda m, x, y: log_density_on_grid(m, x, y) + 0.5 * np.log(2 * np.pi * m.s**2),
    equal_weights=lambda m, x, y: log_density_on_grid(GaussianMixture(m.means, np.full(4, 0.25), m.s), x, y),
)
def test_the_density_on_a_grid_is_the_mixture_s(subject, lopsided):
    x, y = centres(4.0, 30), centres(3.0, 20)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    np.testing.assert_allclose(subject(lopsided, x, y), lopsided.log_density(grid, 1.0, 0.0), rtol=1e-10)
    far = log_density_on_grid(lopsided, np.array([1e3]), np.array([0.0]))
    assert far == pytest.approx(np.log(1e-300)), "taken as 1e-300 where it is less"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Conditioned(round_gaussian(1), round_gaussian(1), 0.0),
            "`prior` must be above 0 and at most 1, got 0.0.",
        ),
        (lambda: Guide(GAUSSIAN, -0.5), "`guidance_scale` must be at least 0, got -0.5."),
        (
            lambda: Guide(GAUSSIAN, 1.0, by="hand"),
            "`by` must be one of classifier_free, classifier, clean_classifier, got hand.",
        ),
        (lambda: GaussianAnswers.at(-1.0), "`guidance_scale` must be at least 0, got -1.0."),
        (lambda: karras_sigmas(1.0, 0.1, 1), "`n` must be at least 2, got 1."),
        (lambda: karras_sigmas(1.0, 2.0, 5), "`sigma_min` must be between 0 and `sigma_max` = 1.0, got 2.0."),
        (
            lambda: next(heun_ode(Guide(GAUSSIAN, 1.0), np.zeros((1, 2)), np.array([1.0]))),
            "`sigmas` must hold at least 2 levels, got shape (1,).",
        ),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

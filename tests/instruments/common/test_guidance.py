"""Guidance: both conventions, with and without a classifier, what a call costs, and the known answers."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy import integrate, stats

from diffusion_lab.instruments.common import conditional_mixtures
from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture, exact_eps, exact_eps_of_both
from diffusion_lab.instruments.common.denoisers import Counted, MixtureDenoiser
from diffusion_lab.instruments.common.guidance import (
    ClassifierFreeGuidance,
    ClassifierGuidance,
    GaussianAnswers,
    combine,
    combine_by_weight,
    guided,
    rescaled,
)
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture

SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 7.5)


def round_gaussian(var):
    return GaussianMixture(np.zeros((1, 2)), np.ones(1), np.sqrt(var))


GAUSSIAN = ConditionalMixture(round_gaussian(2.0), round_gaussian(1.0), 0.5)


def grid(*sigmas):
    return Level.from_sigma(np.array(sigmas)).split()


@pytest.fixture
def model(lopsided) -> ConditionalMixture:
    """Of the lopsided four, the first and the last have the condition."""
    return ConditionalMixture(lopsided, GaussianMixture(lopsided.means[[0, 3]], np.array([0.8, 0.2]), lopsided.s), 0.5)


# --- predictions -----------------------------------------------------------------------------------------------------


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


def by_standard_deviation(eps, eps_cond, phi):
    """The paper's own formula, for values whose mean is 0."""
    factor = np.std(eps_cond, axis=1, keepdims=True) / np.std(eps, axis=1, keepdims=True)
    return phi * eps * factor + (1 - phi) * eps


@pytest.mark.subject(
    rescaled,
    upside_down=lambda eps, cond, phi: rescaled(eps, cond, 1 - phi),
    not_at_all=lambda eps, cond, phi: eps,
    as_one_batch=lambda eps, cond, phi: eps * (phi * np.std(cond) / np.std(eps) + 1 - phi),
)
def test_rescaling_is_that_of_lin_et_al(subject, rng):
    """Equal to the standard deviation's form where a point's values have mean 0; direction kept, zeros stay."""
    eps, cond = rng.standard_normal((2, 20, 6)) * np.arange(1, 21)[:, None] ** np.array([1.0, 0.3])[:, None, None]
    eps, cond = (values - values.mean(axis=1, keepdims=True) for values in (eps, cond))
    for phi in (0.0, 0.7, 1.0):
        np.testing.assert_allclose(subject(eps, cond, phi), by_standard_deviation(eps, cond, phi), atol=1e-12)
    np.testing.assert_array_equal(subject(np.zeros((3, 2)), np.ones((3, 2)), 0.7), np.zeros((3, 2)))


def test_rescaling_acts_above_1_only(model, rng):
    """Also where each point has its own scale; then the prediction has the length of the conditional one."""
    x, level = rng.standard_normal((30, 2)), Level.from_sigma(0.8)
    scales = np.repeat([0.5, 1.0, 4.0], 10)[:, None]
    plain, full = (guided(model, scales, rescale=phi)(x, level) for phi in (0.0, 1.0))
    np.testing.assert_array_equal(full[:20], plain[:20])
    np.testing.assert_allclose(np.linalg.norm(full[20:], axis=1), np.linalg.norm(model(x, level, True)[20:], axis=1))
    assert np.abs(full[20:] - plain[20:]).max() > 0.1
    one = guided(model, 4.0, rescale=1.0)(x, level)
    np.testing.assert_array_equal(one[20:], full[20:])


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
    lambda model, w: guided(model, w),
    weight_for_scale=lambda model, w: guided(model, w + 1),
    half_the_push=lambda model, w: guided(model, (w + 1) / 2),
    sign_flipped=lambda model, w: lambda x, level: -guided(model, w)(x, level),
)
def test_the_guided_score_is_the_gradient_of_the_tilt_at_every_level(subject, model, rng):
    x, h = rng.standard_normal((40, 2)), 1e-5
    for level in grid(0.2, 0.7, 3.0):
        for w in (0.0, 2.0, 5.0):
            log = lambda x, level=level, w=w: model.log_tilted(x, level, w)  # noqa: E731
            slope = np.stack([(log(x + h * e) - log(x - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
            score = subject(model, w)(x, level) / -level.sigma_t
            np.testing.assert_allclose(score, slope, rtol=1e-5, atol=1e-5)


class Plain:
    """A network of two predictions that cannot give both in one call."""

    def __init__(self, model):
        self.model = model

    def __call__(self, x, level, condition=None):
        assert condition in (None, "cat")
        return self.model(x, level, condition)


@pytest.mark.subject(
    lambda model, w: ClassifierFreeGuidance(Plain(model), w, "cat"),
    branches_swapped=lambda model, w: ClassifierFreeGuidance(
        Plain(ConditionalMixture(model.cond, model.uncond, 0.5)), w, "cat"
    ),
    one_more=lambda model, w: ClassifierFreeGuidance(Plain(model), w + 1, "cat"),
)
def test_any_denoiser_can_be_guided_by_any_condition(subject, model, rng):
    x = rng.standard_normal((40, 2))
    for level in grid(0.2, 3.0):
        for w in SCALES:
            np.testing.assert_allclose(subject(model, w)(x, level), guided(model, w)(x, level), atol=1e-12)
            other = ClassifierFreeGuidance(Plain(model), w, "dog")
            np.testing.assert_allclose(other(x, level, "cat"), guided(model, w)(x, level), atol=1e-12)


def by_classifier(change):
    """Guidance by the exact classifier of noised points, its gradient put through `change(gradient, level)`."""
    return lambda model, w: ClassifierGuidance(
        model, w, gradient=lambda x, level: change(model.classifier_gradient(x, level), level)
    )


@pytest.mark.subject(
    lambda model, w: guided(model, w, by="classifier"),
    pushed_away=by_classifier(lambda gradient, level: -gradient),
    noise_forgotten=by_classifier(lambda gradient, level: gradient / level.sigma_t),
    ve_noise=by_classifier(lambda gradient, level: gradient / level.signal),
    classifier_of_clean_points=lambda model, w: guided(model, w, by="clean_classifier"),
    one_more=lambda model, w: guided(model, w + 1, by="classifier"),
)
def test_guidance_by_a_classifier_is_guidance_without_one(subject, model, rng):
    """The classifier being exact: s = w gives the same prediction at every level, to rounding."""
    x = rng.standard_normal((60, 2))
    for level in grid(0.05, 0.6, 4.0):
        for w in SCALES:
            np.testing.assert_allclose(subject(model, w)(x, level), guided(model, w)(x, level), atol=1e-11)


def by_clean_classifier(change):
    return lambda model, w: ClassifierGuidance(
        model, w, gradient=lambda x, level: change(model.classifier_gradient(x, CLEAN), level)
    )


@pytest.mark.subject(
    lambda model, w: guided(model, w, by="clean_classifier"),
    of_noised_points=lambda model, w: guided(model, w, by="classifier"),
    flipped=by_clean_classifier(lambda gradient, level: -gradient),
    ve_noise=by_clean_classifier(lambda gradient, level: gradient / level.signal),
)
def test_the_classifier_of_clean_data_is_asked_about_noised_points(subject, model, rng):
    """eps_uncond - w sqrt(1 - alpha_bar) grad log p_0(c|x) at the VP point, the slope by central differences."""
    x, h = rng.standard_normal((40, 2)), 1e-5
    log = lambda x: model.log_classifier(x, CLEAN)  # noqa: E731
    slope = np.stack([(log(x + h * e) - log(x - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
    for level in grid(0.3, 2.0):
        for w in (0.0, 1.0, 4.0):
            expected = MixtureDenoiser(model.uncond)(x, level) - w * level.sigma_t * slope
            np.testing.assert_allclose(subject(model, w)(x, level), expected, rtol=1e-5, atol=1e-5)


# --- counting and the interval ---------------------------------------------------------------------------------------


class CountsCalls:
    """Costs one evaluation at any level."""

    def __init__(self, denoiser):
        self.denoiser = denoiser

    def __call__(self, x, level, condition=None):
        return self.denoiser(x, level)


def closed_below(model, w, low, high):
    return guided(model, w, np.nextafter(low, 0.0), high)


@pytest.mark.subject(
    guided,
    counts_calls=lambda *at: CountsCalls(guided(*at)),
    ignores_the_interval=lambda model, w, low, high: guided(model, w),
    guides_outside=lambda model, w, low, high: guided(model, w, high, np.inf),
    low_end_taken_in=closed_below,
)
def test_both_branches_are_counted_and_only_where_they_are_needed(subject, model, rng, monkeypatch):
    calls = []
    one = lambda m, x, level: calls.append(m) or exact_eps(m, x, level)  # noqa: E731
    monkeypatch.setattr(conditional_mixtures, "exact_eps", one)
    both = lambda u, c, x, level: calls.extend([u, c]) or exact_eps_of_both(u, c, x, level)  # noqa: E731
    monkeypatch.setattr(conditional_mixtures, "exact_eps_of_both", both)
    x = rng.standard_normal((5, 2))
    for w, at_one, inside in ((0.0, 1, 1), (1.0, 1, 1), (3.0, 1, 2)):
        guide = Counted(subject(model, w, 0.5, 2.0))
        for sigma, expected in ((3.0, at_one), (2.0, inside), (0.6, inside), (0.5, at_one), (0.1, at_one)):
            level, before, earlier = Level.from_sigma(sigma), guide.nfe, len(calls)
            got = guide(x, level)
            scale = w if 0.5 < sigma <= 2.0 else 1.0
            eps = combine(exact_eps(model.uncond, x, level), exact_eps(model.cond, x, level), scale)
            np.testing.assert_allclose(got, eps, atol=1e-13)
            assert guide.nfe - before == expected == len(calls) - earlier


def test_a_classifier_is_counted_as_an_evaluation_and_w_1_needs_it(model, rng):
    x = rng.standard_normal((5, 2))
    for by in ("classifier", "clean_classifier"):
        for w, expected in ((0.0, 1), (1.0, 2), (3.0, 2)):
            guide = Counted(guided(model, w, by=by))
            guide(x, Level.from_sigma(0.7))
            assert guide.nfe == expected


def test_a_scale_for_each_point(model, rng):
    x, scales, level = rng.standard_normal((6, 2)), np.array(SCALES)[:, None], Level.from_sigma(0.7)
    for by in ("classifier_free", "classifier"):
        guide = Counted(guided(model, scales, by=by))
        together = guide(x, level)
        assert guide.nfe == 2
        for i, w in enumerate(SCALES):
            np.testing.assert_allclose(together[i], guided(model, w, by=by)(x, level)[i], atol=1e-14)


# --- the known answers -----------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: guided(GAUSSIAN, -0.5), "`guidance_scale` must be at least 0, got -0.5."),
        (
            lambda: guided(GAUSSIAN, 1.0, by="hand"),
            "`by` must be one of classifier_free, classifier, clean_classifier, got hand.",
        ),
        (lambda: GaussianAnswers.at(-1.0), "`guidance_scale` must be at least 0, got -1.0."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

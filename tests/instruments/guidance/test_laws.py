"""Which law each sampler of the guidance dial comes to, with each kind of guidance."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.guidance import GaussianAnswers
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.tilted import Tilted
from diffusion_lab.instruments.guidance import kernel, pictures
from diffusion_lab.instruments.guidance.kernel import CONDITIONS, Settings

# --- what guidance comes to ------------------------------------------------------------------------------------------


def of_another_sampler(name):
    return lambda settings, n: kernel.sample(replace(settings, sampler=name), n)


@pytest.mark.subject(
    kernel.sample,
    ode_heun=of_another_sampler("ode_heun"),
    sde_heun=of_another_sampler("sde_heun"),
    langevin=of_another_sampler("langevin"),
    weight_for_scale=lambda settings, n: kernel.sample(settings.at_scale(settings.guidance_scale + 1), n),
)
def test_the_gaussian_case_has_its_known_answers(subject):
    """Variance at w = 3 against 2^(1-w), (2 - 2^(2-2w))/(2w - 1) and 2/(w + 1): 4 standard errors and 4 %.

    The 4 % cover what finite noise (sigma_max = 20), finite steps and Langevin's own bias leave.
    """
    n = 4000
    for sampler, levels, steps in (("ode_heun", 80, 1), ("sde_heun", 400, 1), ("langevin", 40, 25)):
        settings = Settings("gaussian", sampler, 3.0, num_levels=levels, num_steps=steps)
        known = getattr(GaussianAnswers.at(3.0), kernel.ANSWER_OF[sampler])
        found = kernel.variance(subject(settings, n).x[-1])
        assert abs(found / known - 1) < 0.04 + 4 / np.sqrt(n)


def impulses(seed, draws):
    """Noise of which the k-th draw moves the k-th point alone: on a linear sampler the points are its responses."""
    z = np.zeros((draws, 2, draws))
    z[np.arange(draws), 0, np.arange(draws)] = 1.0
    return z


def another(**changes):
    return lambda settings: kernel.exact_variance(replace(settings, **changes))


@pytest.mark.subject(
    kernel.exact_variance,
    in_the_limit=lambda settings: getattr(
        GaussianAnswers.at(settings.guidance_scale), kernel.ANSWER_OF[settings.sampler]
    ),
    weight_for_scale=lambda settings: kernel.exact_variance(settings.at_scale(settings.guidance_scale + 1)),
    interval_ignored=another(interval=(0.0, 1.0)),
    guided_alike=another(guide_by="classifier_free"),
    one_level_less=lambda settings: kernel.exact_variance(replace(settings, num_levels=settings.num_levels - 1)),
    not_rescaled=another(rescale=0.0),
    model_without_error=another(model_error=0.0),
)
def test_the_exact_variance_is_that_of_the_sampler_itself(subject, monkeypatch):
    """The sampler run on impulses: it is linear here, so squares of the responses add up to the variance; float32."""
    monkeypatch.setattr(kernel, "_tape", impulses)
    for sampler, guide_by in product(kernel.SAMPLERS, kernel.GUIDE_BY):
        for w, levels, interval in ((0.0, 9, (0.0, 1.0)), (3.0, 24, (0.0, 1.0)), (6.0, 12, (0.05, 0.5))):
            more = {"rescale": 0.7, "model_error": 0.3} if levels == 12 else {}
            settings = Settings("gaussian", sampler, w, interval, levels, 3, guide_by=guide_by, **more)
            draws = 1 if sampler == "ode_heun" else settings.steps + 1
            responses = kernel.sample(settings, draws).x[-1, :, 0].astype(float)
            assert subject(settings) == pytest.approx(np.sum(responses**2), rel=1e-5)


def test_the_exact_variance_comes_to_the_known_answers():
    """With 400 levels at w = 3, to 4 %: from noise of sigma 20, not endless, and Langevin with its own bias."""
    for sampler, steps in (("ode_heun", 1), ("sde_heun", 1), ("langevin", 25)):
        settings = Settings("gaussian", sampler, num_levels=400, num_steps=steps)
        known = getattr(GaussianAnswers.at(3.0), kernel.ANSWER_OF[sampler])
        assert kernel.exact_variance(settings) == pytest.approx(known, rel=0.04)


@pytest.mark.subject(
    kernel.sample,
    ode_heun=of_another_sampler("ode_heun"),
    a_tenth_more=lambda settings, n: kernel.sample(settings.at_scale(1.1 * settings.guidance_scale), n),
)
def test_samples_of_the_gaussian_case_have_the_exact_variance_of_so_many_levels(subject):
    """At 24 levels, where the limit is still off: chi-square of 40,000 numbers, both sides, 1e-4."""
    for sampler in ("sde_heun", "langevin"):
        settings = Settings("gaussian", sampler, seed=11)
        x = subject(settings, 20_000).x[-1].astype(float)
        statistic = np.sum(x**2) / kernel.exact_variance(settings)
        assert min(stats.chi2.cdf(statistic, x.size), stats.chi2.sf(statistic, x.size)) > 5e-5


def test_a_classifier_of_noised_points_samples_the_same_and_one_of_clean_points_does_not():
    """The same noise: float32 apart with s = w. The classifier of clean data is sure too soon: half the spread."""
    for sampler in kernel.SAMPLERS:
        free = kernel.sample(Settings(sampler=sampler)).x[-1]
        np.testing.assert_allclose(
            kernel.sample(Settings(sampler=sampler, guide_by="classifier")).x[-1], free, atol=1e-5
        )
    plain, clean = (
        kernel.measures(CONDITIONS["a"], kernel.sample(Settings(guide_by=by, guidance_scale=1.0)).x[-1])
        for by in ("classifier", "clean_classifier")
    )
    assert clean.spread < 0.6 * plain.spread
    assert clean.adherence > 0.99 > plain.adherence + 0.05


# --- rescale, and a model with an error ------------------------------------------------------------------------------


@pytest.mark.parametrize("guidance_scale", [0.0, 0.5, 1.0])
def test_the_exact_variance_knows_that_rescaling_acts_above_scale_1_only(guidance_scale):
    plain = Settings("gaussian", guidance_scale=guidance_scale)
    assert kernel.exact_variance(replace(plain, rescale=0.7)) == kernel.exact_variance(plain)


def test_rescaling_saves_spread_and_undoes_over_saturation():
    """More of it: ever more spread, ever nearer to the class, for each class at w = 3; none below w = 1."""
    for condition in "abc":
        found = [
            kernel.measures(CONDITIONS[condition], kernel.sample(Settings(condition, rescale=phi)).x[-1])
            for phi in (0.0, 0.5, 1.0)
        ]
        assert found[0].spread < found[1].spread < found[2].spread
        assert found[0].beyond > found[1].beyond > found[2].beyond
        assert found[2].beyond < 0.65 * found[0].beyond
    half = Settings(guidance_scale=0.5)
    np.testing.assert_array_equal(kernel.sample(replace(half, rescale=1.0)).x, kernel.sample(half).x)


@pytest.mark.subject(
    kernel.predictions,
    exact=lambda condition, error, by: kernel.predictions(condition, 0.0, by),
    error_in_one_branch=lambda condition, error, by: replace(
        kernel.predictions(condition, error, by), uncond=kernel.predictions(condition, 0.0, by).uncond
    ),
    free_of_the_class=lambda condition, error, by: kernel.predictions(condition, error),
)
def test_a_model_with_an_error_is_exact_for_noisier_data(subject, rng):
    """Against the exact prediction with the variance of the noise raised by the error's."""
    x, level, error = rng.standard_normal((40, 2)), Level.from_alpha_bar(0.7), 0.3
    data = CONDITIONS["b"]
    for by in kernel.GUIDE_BY:
        model = subject("b", error, by)
        worse = (data.cond, error + kernel.WORSE) if by == "worse_model" else (data.uncond, error)
        for part, mixture, extra in ((model.uncond, *worse), (model.cond, data.cond, error)):
            expected = mixture.score(x, level.signal, np.hypot(level.sigma_t, level.signal * extra))
            np.testing.assert_allclose(part.score(x, level.signal, level.sigma_t), expected, atol=1e-12)


def test_a_worse_model_takes_the_error_away_without_the_tilt():
    """Karras et al. 2024: class C with an error of 0.3 at w = 1.5. Classifier-free guidance moves the mean instead."""
    exact = Tilted(CONDITIONS["c"]).measures(1.0)

    def found(w, guide_by):
        settings = Settings("c", guidance_scale=w, guide_by=guide_by, model_error=0.3, seed=4)
        return kernel.measures(CONDITIONS["c"], kernel.sample(settings, 1500).x[-1])

    plain, auto, free = found(1.0, "worse_model"), found(1.5, "worse_model"), found(1.5, "classifier_free")
    assert plain.spread - exact.spread > 2 * abs(auto.spread - exact.spread)
    assert exact.adherence - plain.adherence > 2 * abs(auto.adherence - exact.adherence)
    assert abs(auto.beyond) < 0.06 < 0.15 < free.beyond


@pytest.mark.parametrize("condition", ["a", "b", "c"])
def test_only_langevin_comes_near_the_tilted_density(condition):
    """Over-saturation at w = 5: both diffusions go more than twice as far beyond the class as Langevin does."""
    target = pictures.AtNoise(condition, 0.0).tilted.measures(5.0)
    beyond = {}
    for sampler, levels, steps in (("ode_heun", 40, 1), ("sde_heun", 80, 1), ("langevin", 40, 20)):
        settings = Settings(condition, sampler, 5.0, num_levels=levels, num_steps=steps)
        beyond[sampler] = kernel.measures(settings.model, kernel.sample(settings, 1500).x[-1]).beyond - target.beyond
    assert abs(beyond["langevin"]) < 0.2
    assert beyond["ode_heun"] > beyond["sde_heun"] > 2 * abs(beyond["langevin"])


def test_the_dial_trades_spread_for_adherence():
    for sampler in ("ode_heun", "sde_heun"):
        curve = kernel.sampled_curve(Settings(sampler=sampler))
        assert np.all(np.diff(curve.adherence) > -1e-9)
        assert np.all(np.diff(curve.spread) < 0)


def independent_noise(settings, num_points):
    curves = [
        kernel.sampled_curve(replace(settings, seed=settings.seed + k), num_points)
        for k in range(len(kernel.CURVE_SCALES))
    ]
    columns = range(len(kernel.CURVE_SCALES))
    pick = lambda name: np.array([getattr(curves[k], name)[k] for k in columns])  # noqa: E731
    return kernel.Curve(pick("adherence"), pick("spread"))


@pytest.mark.subject(
    kernel.sampled_curve,
    independent_noise=independent_noise,
    shifted_scales=lambda settings, n: kernel.Curve(
        *(np.roll(getattr(kernel.sampled_curve(settings, n), name), 1) for name in ("adherence", "spread"))
    ),
)
def test_the_curve_is_the_samples_at_each_scale(subject):
    """One batch of all scales gives what separate runs of the same noise give, to float32."""
    for sampler in kernel.SAMPLERS:
        settings = Settings(sampler=sampler, num_levels=10, num_steps=2, interval=(0.05, 0.6))
        curve = subject(settings, 40)
        for k, scale in enumerate(kernel.CURVE_SCALES):
            m = kernel.measures(settings.model, kernel.sample(settings.at_scale(scale), 40).x[-1])
            tolerance = 2e-3 if sampler == "langevin" else 1e-5  # frames are scaled by 1/sqrt(1 + sigma²) = 0.9988
            assert curve.adherence[k] == pytest.approx(m.adherence, abs=tolerance)
            assert curve.spread[k] == pytest.approx(m.spread, rel=tolerance)

"""The guidance dial's kernel: which law each sampler comes to, the ends of the dial, the probe and the pictures."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.guidance import GaussianAnswers, guided
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS
from diffusion_lab.instruments.common.schedules import Geometric, Karras
from diffusion_lab.instruments.common.tilted import Tilted
from diffusion_lab.instruments.guidance import kernel, pictures
from diffusion_lab.instruments.guidance.kernel import CONDITIONS, Settings


def noised_level(t):
    return np.exp(-3 * t), np.sqrt(-np.expm1(-6 * t))


def start(settings, n=kernel.NUM_POINTS):
    rng = np.random.default_rng(settings.seed)
    return rng.standard_normal((n, 2)), rng


# --- the data --------------------------------------------------------------------------------------------------------


def test_classes_are_parts_of_the_whole(rng):
    x = 3 * rng.standard_normal((200, 2))
    total = sum(np.exp(CONDITIONS[name].log_classifier(x, Level.from_alpha_bar(0.64))) for name in "abc")
    np.testing.assert_allclose(total, 1, atol=1e-12)


def test_what_the_gaussian_condition_leaves_is_a_density(rng):
    """p(x) - p(c) p(x|c) >= 0, which is p(c|x) <= 1; p(c|x) = exp(-|x|²/4)."""
    x = 4 * rng.standard_normal((500, 2))
    found = CONDITIONS["gaussian"].log_classifier(x, CLEAN)
    np.testing.assert_allclose(found, -np.sum(x**2, axis=1) / 4, atol=1e-12)


@pytest.mark.subject(
    pictures.noised,
    clean=lambda name, t: CONDITIONS[name],
    half_the_time=lambda name, t: pictures.noised(name, t / 2),
)
def test_the_noised_model_is_the_model_at_its_level(subject, rng):
    x = rng.standard_normal((50, 2))
    for name, t in product(CONDITIONS, (0.05, 0.4)):
        at, model = noised_level(t), CONDITIONS[name]
        got = subject(name, t)
        for part in ("uncond", "cond"):
            expected = getattr(model, part).log_density(x, *at)
            np.testing.assert_allclose(getattr(got, part).log_density(x, 1.0, 0.0), expected, atol=1e-11)


# --- the ends of the dial --------------------------------------------------------------------------------------------


def plain(settings, mixture):
    """The settings' sampler on one mixture, without any guidance: its last points in VP coordinates."""
    x, rng = start(settings)
    if settings.sampler == "langevin":
        levels = Geometric(kernel.SIGMA_MIN, kernel.SIGMA_MAX).levels(settings.num_levels)
        options = {"num_steps": settings.num_steps, "step_size": kernel.LANGEVIN_STEP_SIZE}
    else:
        levels, options = Karras(kernel.SIGMA_MIN, kernel.SIGMA_MAX).levels(settings.num_levels, clean=True), {}
    *_, last = SAMPLERS[settings.sampler](MixtureDenoiser(mixture), x, levels, rng, **options)
    return last.x.astype(np.float32)


@pytest.mark.subject(
    kernel.sample,
    weight_for_scale=lambda settings: kernel.sample(settings.at_scale(settings.guidance_scale + 1)),
    weight_for_scale_below=lambda settings: kernel.sample(settings.at_scale(abs(settings.guidance_scale - 1))),
    other_noise=lambda settings: kernel.sample(replace(settings, seed=9)),
    a_little_guidance=lambda settings: kernel.sample(settings.at_scale(settings.guidance_scale + 1e-4)),
)
def test_0_is_unconditional_and_1_conditional(subject):
    """To float32, whatever lies between."""
    for sampler, condition in product(kernel.SAMPLERS, CONDITIONS):
        settings = Settings(condition=condition, sampler=sampler, seed=3)
        for scale, mixture in ((0.0, settings.model.uncond), (1.0, settings.model.cond)):
            run = subject(settings.at_scale(scale))
            np.testing.assert_allclose(run.x[-1], plain(settings, mixture), atol=2e-6)


def test_the_ends_of_the_dial_follow_their_laws(assert_follows):
    """3000 points by the ODE at 120 levels: with w = 0 all the data, with w = 1 the class."""
    for scale in (0.0, 1.0):
        settings = Settings(condition="b", guidance_scale=scale, num_levels=120)
        mixture = settings.model.cond if scale else settings.model.uncond
        assert_follows(kernel.sample(settings, 3000).x[-1].astype(float), mixture, 1.0, 0.0)


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


# --- counting and the interval ---------------------------------------------------------------------------------------


@pytest.mark.subject(
    kernel.sample,
    one_branch_counted=lambda settings: replace(kernel.sample(settings), nfe=kernel.sample(settings.at_scale(1.0)).nfe),
    interval_ignored=lambda settings: kernel.sample(replace(settings, interval=(0.0, 1.0))),
)
def test_evaluations_are_counted_in_both_branches(subject):
    n = 10
    for sampler, calls in (("ode_heun", 2 * n - 1), ("sde_heun", 2 * n - 1), ("langevin", 4 * n)):
        settings = Settings(sampler=sampler, num_levels=n, num_steps=4)
        assert subject(settings.at_scale(3.0)).nfe == 2 * calls
        assert subject(replace(settings, interval=(0.5, 0.5))).nfe == calls
        half = subject(replace(settings, interval=(0.0, 0.3))).nfe
        assert calls < half < 2 * calls


def test_an_empty_interval_is_plain_conditioning():
    for sampler in kernel.SAMPLERS:
        settings = Settings(sampler=sampler)
        empty = kernel.sample(replace(settings, interval=(0.2, 0.2)))
        np.testing.assert_array_equal(empty.x, kernel.sample(settings.at_scale(1.0)).x)
        np.testing.assert_array_equal(
            kernel.sample(replace(settings, interval=(0.0, 1.0))).x, kernel.sample(settings).x
        )


def test_frames_say_their_noise():
    for sampler in kernel.SAMPLERS:
        settings = Settings(sampler=sampler, num_levels=8, num_steps=3)
        run = kernel.sample(settings)
        assert len(run.x) == len(run.sigma) == len(run.t) == (25 if sampler == "langevin" else 9)
        assert run.x.dtype == np.float32
        np.testing.assert_allclose(np.exp(-6 * run.t), 1 / (1 + run.sigma**2), rtol=1e-12)
        assert run.t[0] == pytest.approx(1.0)
        assert np.all(np.diff(run.t) <= 0)
        assert run.t[-1] == pytest.approx(0.0, abs=5e-4)
        np.testing.assert_allclose(run.x[0], start(settings)[0], rtol=1e-6)


def test_frames_are_known_before_the_run():
    for sampler in kernel.SAMPLERS:
        settings = Settings(sampler=sampler, num_levels=7, num_steps=2)
        run = kernel.sample(settings)
        assert settings.steps == len(run.x) - 1 == (14 if sampler == "langevin" else 7)
        np.testing.assert_array_equal(settings.frame_times, run.t)
        np.testing.assert_array_equal([level.sigma for level in settings.at_scale(9.0).frame_levels], run.sigma)
        if sampler != "langevin":  # N(0, I) stays N(0, I) in VP coordinates, if each frame is as noisy as it says
            noisy = kernel.sample(replace(settings, condition="gaussian", guidance_scale=1.0, num_levels=40), 4000)
            np.testing.assert_allclose(noisy.x[:20].std(axis=(1, 2)), 1.0, rtol=0.06)


@pytest.mark.parametrize("sliced", [kernel.sample, kernel.sampled_curve])
def test_work_says_how_far_it_is_at_each_noise_level(sliced):
    for sampler in kernel.SAMPLERS:
        settings = Settings(sampler=sampler, num_levels=9, num_steps=3)
        assert list(sliced.work(settings, 5)) == [(k, 9) for k in range(1, 10)]


def test_a_seed_gives_the_same_run():
    for sampler in kernel.SAMPLERS:
        settings = Settings(sampler=sampler)
        np.testing.assert_array_equal(kernel.sample(settings).x, kernel.sample(settings).x)
        assert not np.array_equal(kernel.sample(replace(settings, seed=1)).x, kernel.sample(settings).x)


# --- the tilted density ----------------------------------------------------------------------------------------------


def shading(name, t, w, *picture):
    return pictures.tilted_image(*pictures.log_densities(pictures.noised(name, t), *picture), w)


@pytest.mark.subject(
    shading,
    weight_for_scale=lambda name, t, w, *picture: shading(name, t, w + 1, *picture),
    conditional=lambda name, t, w, *picture: shading(name, t, 1.0, *picture),
    clean=lambda name, t, *rest: shading(name, 0.0, *rest),
    upside_down=lambda *arguments: shading(*arguments)[::-1],
)
def test_the_shading_is_the_tilted_density(subject):
    """Against products of SciPy's densities, to one shade in 255."""
    extent, cells = (3.3, 3.63), (22, 24)
    x = extent[0] * ((2 * np.arange(22) + 1) / 22 - 1)
    y = extent[1] * ((2 * np.arange(24) + 1) / 24 - 1)
    at = np.stack(np.meshgrid(x, y), axis=-1)
    for name, t, w in (("a", 0.0, 3.0), ("c", 0.1, 6.0), ("gaussian", 0.05, 2.0)):
        signal, sigma_t = noised_level(t)
        density = []
        for mixture in (CONDITIONS[name].cond, CONDITIONS[name].uncond):
            var = signal**2 * mixture.s**2 + sigma_t**2
            parts = zip(mixture.weights, mixture.means, strict=True)
            density.append(sum(a * stats.multivariate_normal.pdf(at, signal * mean, var) for a, mean in parts))
        tilted = density[0] ** w * density[1] ** (1 - w)
        got = subject(name, t, w, extent, cells)
        assert got.dtype == np.uint8
        assert got.shape == (24, 22)
        assert np.abs(got - 255 * tilted / tilted.max()).max() <= 1.01


def test_what_a_picture_needs_at_one_level():
    at = pictures.AtNoise("b", 0.2)
    model = pictures.noised("b", 0.2)
    cond, uncond = at.log_densities
    assert cond.shape == uncond.shape == pictures.CELLS[::-1]
    x, y = pictures.EXTENT * (1 - 1 / np.array(pictures.CELLS))  # the centre of the upper right cell
    assert cond[-1, -1] == pytest.approx(model.cond.log_density(np.array([x, y]), 1.0, 0.0), rel=1e-6)
    assert uncond[-1, 0] == pytest.approx(model.uncond.log_density(np.array([-x, y]), 1.0, 0.0), rel=1e-6)
    assert at.tilted.measures(1.0).adherence == pytest.approx(Tilted(model).measures(1.0).adherence)
    assert at.tilted is at.tilted, "computed once"


@pytest.mark.subject(
    pictures.groups,
    clean=lambda name, t: pictures.groups(name, 0.0),
    of_class_a=lambda name, t: pictures.groups("a", t),
)
def test_circles_are_one_standard_deviation_about_each_cluster(subject):
    for name, names, chosen in (("b", ["A", "B", "C"], 1), ("gaussian", ["p(x|c)", "p(x)"], 0)):
        groups = subject(name, 0.2)
        assert [group.name for group in groups] == names
        assert [group.chosen for group in groups] == [k == chosen for k in range(len(groups))]
        mixture = pictures.noised(name, 0.2).cond
        circles = groups[chosen].circles
        assert circles.shape == (73, len(mixture.means), 2)
        np.testing.assert_allclose(np.linalg.norm(circles - mixture.means, axis=2), mixture.s, rtol=1e-12)
        np.testing.assert_allclose(circles[0], circles[-1], atol=1e-12)
        assert np.ptp(circles, axis=0) == pytest.approx(2 * mixture.s, rel=0.01), "all the way round"


def test_names_stand_at_a_cluster_or_outside_circles_about_one_centre():
    for group in pictures.groups("a", 0.1):
        np.testing.assert_allclose(group.label_at, pictures.noised(group.name.lower(), 0.1).cond.means[0])
    inner, outer = pictures.groups("gaussian", 0.0)
    np.testing.assert_allclose(inner.label_at, (0.0, -1.0 - 0.17))
    np.testing.assert_allclose(outer.label_at, (0.0, np.sqrt(2.0) + 0.17))


def test_the_tilted_curve_is_monotone():
    for name in CONDITIONS:
        curve = kernel.tilted_curve(name)
        assert np.all(np.diff(curve.adherence) > 0)
        assert np.all(np.diff(curve.spread) < 0)


# --- the probe -------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    pictures.probe,
    branches_swapped=lambda *at: replace(
        pictures.probe(*at), eps_uncond=pictures.probe(*at).eps_cond, eps_cond=pictures.probe(*at).eps_uncond
    ),
    in_ve_coordinates=lambda m, x, t, w: pictures.probe(m, tuple(np.multiply(x, np.exp(-3 * t))), t, w),
    tips_of_x0_hat=lambda m, x, t, w: replace(
        pictures.probe(m, x, t, w), tips=pictures.probe(m, x, t, w).tips * np.exp(3 * t)
    ),
)
def test_the_probe_shows_the_two_predictions(subject):
    """eps by the score at the VP level; arrows end at sqrt(alpha_bar) E[x0|x], by the posterior mean."""
    for name, t, w in product(CONDITIONS, (0.05, 0.3), (0.0, 1.0, 4.0)):
        model, (signal, sigma_t), x = CONDITIONS[name], noised_level(t), (0.4, -0.7)
        p = subject(model, x, t, w)
        np.testing.assert_allclose(
            p.eps_uncond, -sigma_t * model.uncond.score(np.array(x), signal, sigma_t), atol=1e-12
        )
        np.testing.assert_allclose(p.eps_cond, -sigma_t * model.cond.score(np.array(x), signal, sigma_t), atol=1e-12)
        means = [m.posterior_mean(np.array(x), signal, sigma_t) for m in (model.uncond, model.cond)]
        np.testing.assert_allclose(p.tips[:2], signal * np.array(means), atol=1e-12)
        np.testing.assert_allclose(p.tips[2], (1 - w) * p.tips[0] + w * p.tips[1], atol=1e-12)
        np.testing.assert_allclose(p.classifier, p.from_eps, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(
            p.classifier, model.classifier_gradient(np.array(x), kernel.SCHEDULE.level(t)), rtol=1e-5, atol=1e-7
        )


def test_guided_arrow_is_the_guided_prediction_of_the_samplers():
    model, t, w, x = CONDITIONS["b"], 0.2, 5.0, (0.3, 0.2)
    level = Level.from_alpha_bar(np.exp(-6 * t))
    for by in kernel.GUIDED_BY:
        expected = guided(model, w, by=by)(np.array([x]), level)[0]
        np.testing.assert_allclose(pictures.probe(model, x, t, w, by).eps_guided, expected, atol=1e-12)


def test_the_probe_shows_the_classifier_that_guides():
    """Its slope is what leads from the unconditional prediction to the guided one: at every level of noised points."""
    model, t, x = CONDITIONS["a"], 0.2, (0.1, 0.6)
    sigma_t = noised_level(t)[1]
    for by in ("classifier", "clean_classifier"):
        p = pictures.probe(model, x, t, 1.0, by)
        np.testing.assert_allclose((p.eps_uncond - p.eps_guided) / sigma_t, p.classifier, rtol=1e-5)
    assert np.hypot(*(p.classifier - p.from_eps)) > 1, "of clean points it is another"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Settings(condition="D"), "`condition` must be one of a, b, c, gaussian, got D."),
        (lambda: Settings(sampler="x"), "`sampler` must be one of ode_heun, sde_heun, langevin, got x."),
        (
            lambda: Settings(guide_by="hand"),
            "`guide_by` must be one of classifier_free, classifier, clean_classifier, worse_model, got hand.",
        ),
        (
            lambda: kernel.exact_variance(Settings()),
            "`condition` must be \"gaussian\", got 'a'.",
        ),
        (lambda: Settings(interval=(0.5, 0.4)), "`interval` must be 0 <= low <= high <= 1, got (0.5, 0.4)."),
        (lambda: kernel.sample(Settings(), 0), "`num_points` must be at least 1, got 0."),
        (lambda: kernel.sample(Settings(guidance_scale=-1.0)), "`guidance_scale` must be at least 0, got -1.0."),
        (lambda: kernel.sample(Settings(rescale=1.5)), "`rescale` must be between 0 and 1, got 1.5."),
        (lambda: kernel.sample(Settings(model_error=-0.1)), "`model_error` must be at least 0, got -0.1."),
        (lambda: pictures.probe(CONDITIONS["a"], (0.0, 0.0), 0.0, 1.0), "`t` must be above 0, got 0.0."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

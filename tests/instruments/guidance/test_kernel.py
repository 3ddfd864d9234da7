"""The guidance dial's kernel: the data, the ends of the dial, what is counted, and what it refuses."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS
from diffusion_lab.instruments.common.schedules import Geometric, Karras
from diffusion_lab.instruments.common.tilted import measures
from diffusion_lab.instruments.guidance import kernel, pictures
from diffusion_lab.instruments.guidance.kernel import CONDITIONS, Settings


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


@pytest.mark.parametrize("sampler", kernel.SAMPLERS)
def test_a_point_of_the_curve_is_measured_as_clean_data(sampler):
    """The same noise at one w alone gives the same; Langevin's last level still has a little noise, so x / signal."""
    settings = Settings(sampler=sampler, num_levels=9, num_steps=3)
    curve = kernel.sampled_curve(settings)
    for at in (2, 6):
        run = kernel.sample(settings.at_scale(kernel.CURVE_SCALES[at]), kernel.CURVE_POINTS)
        clean = run.x[-1] * np.sqrt(1 + run.sigma[-1] ** 2)
        expected = measures(settings.model, clean)
        assert (curve.adherence[at], curve.spread[at]) == pytest.approx((expected.adherence, expected.spread), rel=1e-5)


# --- what it refuses -------------------------------------------------------------------------------------------------


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

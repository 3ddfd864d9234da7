"""The pictures of the guidance dial: the noised model, the tilted density and the probe."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.guidance import guided
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.tilted import Tilted
from diffusion_lab.instruments.guidance import kernel, pictures
from diffusion_lab.instruments.guidance.kernel import CONDITIONS


def noised_level(t):
    return np.exp(-3 * t), np.sqrt(-np.expm1(-6 * t))


# --- the noised model ------------------------------------------------------------------------------------------------


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

"""Samples, measures and likelihoods of all models, against definitions and against what is known of the data."""

from itertools import islice

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from diffusion_lab.instruments.common.datasets import DATA_SETS
from diffusion_lab.instruments.common.denoiser_training import Task
from diffusion_lab.instruments.common.learned_denoiser import Learned, sample
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.networks.mlp import mlp_weights
from diffusion_lab.instruments.common.preconditioning import TARGETS
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.landscape import diffusion, kernel, quality
from diffusion_lab.instruments.landscape.kernel import NETWORKS, frames, kept, likelihoods, moment
from diffusion_lab.instruments.landscape.networks import NUM_STEPS
from diffusion_lab.instruments.landscape.quality import INSIDE, NUM_POINTS, Yardstick

RING, MOONS = DATA_SETS["ring"](), DATA_SETS["moons"]()
YARD = Yardstick.of(MOONS)


def perfect(rng, data=MOONS):
    return data.mixture.sample(NUM_POINTS, rng)[0]


# --- measures --------------------------------------------------------------------------------------------------------


def on_one_point(rng):
    return np.repeat(MOONS.mixture.means[:1], NUM_POINTS, axis=0)


def of_one_moon(rng):
    return MOONS.law(0).sample(NUM_POINTS, rng)[0]


def too_wide(rng):
    x = perfect(rng)
    return x + 0.3 * rng.standard_normal(x.shape)


@pytest.mark.subject(perfect, on_one_point=on_one_point, of_one_moon=of_one_moon, too_wide=too_wide)
def test_perfect_draws_pass_all_measures(subject, rng):
    near, coverage, distance = YARD.quality(subject(rng))
    assert near == pytest.approx(INSIDE, abs=0.03)
    assert coverage > 0.94
    assert distance < 0.07


def test_each_measure_tells_its_own_fault(rng):
    near, coverage, _ = YARD.quality(on_one_point(rng))
    assert (near, coverage < 0.05) == (1.0, True)
    near, coverage, distance = YARD.quality(of_one_moon(rng))
    assert near > 0.9
    assert coverage == pytest.approx(0.5, abs=0.06)
    assert distance > 0.3
    near, coverage, _ = YARD.quality(too_wide(rng))
    assert near < 0.6
    assert coverage > 0.8


@pytest.mark.subject(
    Yardstick.distance,
    of_one_direction=lambda yard, x: wasserstein_distance(x[:, 0], yard.points[:, 0]),
    squared=lambda yard, x: yard.distance(x) ** 2,
)
def test_the_distance_is_the_mean_over_directions(subject, rng):
    x = too_wide(rng)
    gaps = [wasserstein_distance(x @ d, q) for d, q in zip(YARD.directions.T, YARD.quantiles.T, strict=True)]
    assert subject(YARD, x) == pytest.approx(np.mean(gaps), rel=1e-9)
    np.testing.assert_allclose(np.linalg.norm(YARD.directions, axis=0), 1)


def test_a_neighbourhood_reaches_to_the_fifth_neighbour():
    distances = np.sort(np.linalg.norm(YARD.points[7] - YARD.points, axis=1))
    assert YARD.radii[7] == pytest.approx(distances[5])


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """All models after full training on the moons: a few seconds."""
    found = {"ppca": kernel.fitted(MOONS, 4)}
    for name in NETWORKS:
        for frame in frames(name, MOONS, 4):
            last = frame
        found[name] = kept(last)
    return found


def test_trained_models_have_the_quality_that_the_chapter_tells_of(trained):
    quality = {name: moment(frame, YARD, 4).quality for name, frame in trained.items()}
    assert quality["ppca"].near < 0.45 < 0.65 < quality["vae"].near < quality["diffusion"].near
    assert quality["ppca"].near < quality["gan"].near < quality["diffusion"].near
    assert quality["gan"].coverage < quality["vae"].coverage
    assert quality["diffusion"].coverage > 0.9
    assert quality["diffusion"].distance < 0.1 < quality["ppca"].distance
    assert {frame.step for name, frame in trained.items() if name != "ppca"} == {NUM_STEPS}


def test_likelihoods_are_in_their_order(trained):
    found = likelihoods(YARD, *(trained[name].model for name in ("ppca", "vae", "diffusion")), 4)
    x = YARD.points[: kernel.TESTED]
    assert found.exact == pytest.approx(MOONS.mixture.log_density(x, 1.0, 0.0).mean())
    assert found.ppca == pytest.approx(trained["ppca"].model.log_likelihood(x).mean())
    assert found.ppca < found.elbo < found.weighted < found.exact
    assert found.exact - 0.2 < found.diffusion < found.exact + 0.02


def test_samples_of_diffusion_are_those_of_the_sampler(trained, rng):
    model, z = trained["diffusion"].model, rng.standard_normal((50, 2))
    np.testing.assert_array_equal(finish(model.ends(z)), sample(model.learned, z, -1, 1.0, diffusion.STEPS))
    ways = model.paths(z)
    np.testing.assert_array_equal(ways.x[0], z)
    np.testing.assert_array_equal(ways.x[-1], finish(model.ends(z)))
    assert ways.nfe[-1] == model.passes


def wrong_divergence(scale):
    def field(model, y, sigma):
        eps, divergence = model.field(y, sigma)
        return eps, scale * divergence

    return field


@pytest.mark.subject(
    diffusion.Diffusion.field, one_axis=wrong_divergence(0.5), sign=wrong_divergence(-1.0), none=wrong_divergence(0.0)
)
def test_the_field_has_the_noise_and_its_divergence(subject, trained, rng):
    model = trained["diffusion"].model
    for sigma in (0.1, 1.0, 5.0):
        y, level = perfect(rng)[:40] + sigma * rng.standard_normal((40, 2)), Level.from_sigma(sigma)
        eps, divergence = subject(model, y, sigma)
        np.testing.assert_allclose(eps, model.learned(level.signal * y, level), atol=1e-5)
        step, slopes = 0.02 * max(0.5, sigma), np.zeros(40)
        for axis in (0, 1):
            shift = step * np.eye(2)[axis]
            ahead, behind = (model.field(y + sign * shift, sigma)[0][:, axis] for sign in (1, -1))
            slopes += (ahead - behind) / (2 * step)
        np.testing.assert_allclose(divergence, slopes, rtol=0.1, atol=0.08 / sigma)


@pytest.mark.parametrize("target", TARGETS)
def test_the_divergence_is_right_for_every_target(target, rng):
    """Of an untrained network, whose last layer is 0: then the noise is (1 - c_skip) y / sigma."""
    task = Task(MOONS, target)
    model = diffusion.Diffusion(Learned(task, mlp_weights(task.sizes, rng)))
    for sigma in (0.1, 1.0, 5.0):
        eps, divergence = model.field(np.eye(2), sigma)
        np.testing.assert_allclose(divergence, np.trace(eps), atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_depends_on_its_seed_alone(name):
    def after(seed):
        return kept(list(islice(frames(name, RING, seed), 6))[-1])

    z = np.random.default_rng(0).standard_normal((20, 2))
    one, same, other = (finish(after(seed).model.ends(z)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_every_use_of_a_seed_has_numbers_of_its_own(monkeypatch):
    """Else perfect draws would have the clusters of the points that they are compared with."""
    seeds = []

    def recorded(seed):
        seeds.append(seed)
        return seeded(seed)

    for module in (kernel, quality):
        monkeypatch.setattr(module, "seeded", recorded)
    moment(kernel.fitted(MOONS, 0), Yardstick.of(MOONS), 0)
    kernel.perfect(YARD, 0)
    assert len(seeds) == len(set(seeds)) == 4


def test_frames_count_steps_and_seconds():
    found = list(islice(frames("vae", RING, 1), 4))
    assert [frame.step for frame in found] == [0, 1, 2, 3]
    assert np.all(np.diff([frame.seconds for frame in found]) > 0)


def test_moments_of_one_seed_can_be_followed():
    frame = kernel.fitted(MOONS, 4)
    np.testing.assert_array_equal(moment(frame, YARD, 4).x, moment(frame, YARD, 4).x)
    assert not np.array_equal(moment(frame, YARD, 4).x, moment(frame, YARD, 5).x)
    assert len(moment(frame, YARD, 4).x) == NUM_POINTS

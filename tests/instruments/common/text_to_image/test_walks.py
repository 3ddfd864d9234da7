"""Walks: from an image to noise and back, frame by frame, and what guidance buys and costs."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.scenes.adherence import OUTCOMES, adherence, request
from diffusion_lab.instruments.common.scenes.captions import LONGEST, parse
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.common.text_to_image import walks
from diffusion_lab.instruments.common.text_to_image.denoiser import ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.memory import Memory, training_scenes
from diffusion_lab.instruments.common.text_to_image.unet import UNet
from diffusion_lab.instruments.common.text_to_image.walks import forward, levels, spread_of, tradeoff, walk

from .tiny import weights

SCENES = training_scenes(60)[0]


@pytest.fixture(scope="module")
def memory():
    return Memory.of(SCENES)


class Asked:
    """The exact denoiser of the set, with captions as conditions; without one it shows anything."""

    def __init__(self, memory):
        self.memory = memory

    def __call__(self, x, level, condition=None):
        if condition is None:
            return self.memory(x, level)
        wanted = request(condition)
        return self.memory(x, level, adherence(self.memory.images, np.tile(condition, (60, 1))) if wanted else None)


@pytest.fixture
def noise(rng):
    return rng.standard_normal((5, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm_solver_pp_2m"])
def test_a_walk_has_a_frame_for_each_step_and_ends_clean(sampler, memory, noise):
    frames = list(walk(memory, sampler, noise, 12, seed=4))
    assert len(frames) == 13
    np.testing.assert_array_equal(frames[0].x, noise)
    assert [frame.level.sigma for frame in frames] == [level.sigma for level in levels(12)]
    np.testing.assert_array_equal(frames[-1].x, frames[-1].guess)
    assert memory.nearest(frames[-1].x)[1].max() < 0.01
    again = list(walk(memory, sampler, noise, 12, seed=4))
    np.testing.assert_array_equal(again[-1].x, frames[-1].x)


def of_the_step_before(*arguments, **options):
    """The guess beside an image is that of another step."""
    frames = list(walk(*arguments, **options))
    return [frames[0], *(walks.Frame(b.level, b.x, a.guess, a.noise) for a, b in pairwise(frames))]


@pytest.mark.subject(walk, of_the_step_before=of_the_step_before)
def test_the_guess_belongs_to_its_image(subject, memory, noise):
    for frame in list(subject(memory, "ddpm", noise, 8, seed=1))[:-1]:
        np.testing.assert_allclose(frame.guess, memory.clean(frame.x, frame.level), atol=2e-3)
        rebuilt = frame.level.signal * frame.guess + frame.level.sigma_t * frame.noise
        np.testing.assert_allclose(rebuilt, frame.x, atol=1e-4)


@pytest.mark.parametrize("t", [0.0, 0.3, 0.8, 1.0])
def test_forward_mixes_image_and_noise(t, memory, noise):
    frame = forward(memory.images[:5], noise, t, memory, None)
    mixed = frame.level.signal * memory.images[:5] + frame.level.sigma_t * noise
    np.testing.assert_allclose(frame.x, mixed, atol=1e-6)
    if t < 0.5:
        np.testing.assert_allclose(frame.guess, memory.images[:5], atol=0.02)


def test_an_image_is_noised_no_further_than_samplers_begin(memory, noise):
    """At t = 1 no signal would be left, and a prediction of the noise would not say what the image is."""
    frame = forward(memory.images[:5], noise, 1.0, memory, None)
    assert frame.level == walks.SCHEDULE.level(walks.T_MAX)
    assert frame.level.signal > 1e-3


def test_the_spread_is_that_of_all_pairs(rng):
    images = rng.standard_normal((4, 6, 6, 3))
    pairs = [np.mean(np.square(a - b)) for k, a in enumerate(images) for b in images[k + 1 :]]
    assert spread_of(images) == pytest.approx(np.sqrt(np.mean(pairs)))


def test_guidance_buys_adherence_and_costs_spread(memory, noise):
    caption = parse("circle")[0]
    found = tradeoff(Asked(memory), caption, (0.0, 1.0), noise, 10)
    assert found.outcomes.shape == (2, 5)
    assert sum(found.share_of(name) for name in OUTCOMES) == pytest.approx(1.0)
    assert found.share[1] == 1.0 > found.share[0]
    assert found.spread[1] < found.spread[0]


def test_the_trade_off_says_how_far_it_is(noise):
    denoiser = ImageDenoiser(UNet.of(weights()))
    work = tradeoff.work(denoiser, np.zeros(LONGEST, int), (0.0, 2.0), noise[:2], 3)
    results = []

    def kept():
        results.append((yield from work))

    assert list(kept()) == [(k, 6) for k in (0, 1, 2, 3, 3, 4, 5, 6)]
    assert not results[0].share.any(), "the empty caption has no rule"
    assert results[0].spread[0] == pytest.approx(results[0].spread[1]), "without a caption nothing is amplified"


def test_the_denoiser_is_the_network_s_v(noise):
    network = UNet.of(weights(), np.float64)
    level, caption = levels(7)[2], parse("blue square")[0]
    both = ImageDenoiser(network).both(noise, level, caption)
    t = np.full(5, walks.SCHEDULE.t(level.alpha_bar))
    for found, tokens in zip(both, (np.zeros(LONGEST, int), caption), strict=True):
        v = network.v(noise.astype(float), t, network.words(np.tile(tokens, (5, 1))))
        np.testing.assert_allclose(found, level.signal * v + level.sigma_t * noise, atol=1e-4)


def test_finishing_the_work_is_calling_the_function(memory, noise):
    caption = parse("star")[0]
    work = finish(tradeoff.work(Asked(memory), caption, (1.0,), noise[:2], 4))
    np.testing.assert_array_equal(work.outcomes, tradeoff(Asked(memory), caption, (1.0,), noise[:2], 4).outcomes)

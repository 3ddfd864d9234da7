"""The exact denoiser of a training set, and inpainting with any denoiser."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.denoisers import MixtureDenoiser, x0_hat
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import ddpm
from diffusion_lab.instruments.common.scenes.captions import random_scene
from diffusion_lab.instruments.common.schedules import Cosine
from diffusion_lab.instruments.common.text_to_image.inpainting import Inpainting
from diffusion_lab.instruments.common.text_to_image.memory import Memory, training_scenes

LEVELS = Cosine().levels(25, t_max=0.995, t_min=0.02, clean=True)


@pytest.fixture(scope="module")
def memory():
    return Memory.of(training_scenes(40)[0])


@pytest.fixture
def noise(rng):
    return rng.standard_normal((6, 32, 32, 3)).astype(np.float32)


def end(denoiser, x, sampler=ddim, **options):
    *_, state = sampler(denoiser, x, LEVELS, **options)
    return np.asarray(state.x, np.float32)


def unweighted(memory, x, level):
    """Forgets that the images are scaled by the signal."""
    near = Level.from_sigma(level.sigma)
    return memory.clean(x / level.signal, Level(1.0, near.sigma, 1.0, near.sigma_t))


@pytest.mark.subject(lambda memory, x, level: memory.clean(x, level), unweighted=unweighted)
def test_it_is_the_posterior_mean_of_a_mixture_of_points(subject, memory, rng):
    level = Level.from_alpha_bar(0.003)
    x = level.signal * memory.images[:5] + level.sigma_t * rng.standard_normal((5, 32, 32, 3))
    points = GaussianMixture(means=memory.images.reshape(40, -1).astype(float), weights=np.full(40, 1 / 40), s=1e-4)
    flat = x.reshape(5, -1)
    exact = x0_hat(flat, MixtureDenoiser(points)(flat, level), level).reshape(x.shape)
    assert np.ptp(memory.shares(x, level).max(axis=1)) > 0.01, "several images must have a say"
    np.testing.assert_allclose(subject(memory, x, level), exact, atol=2e-3)


@pytest.mark.parametrize(("sampler", "options"), [(ddim, {}), (ddpm, {"rng": np.random.default_rng(1)})])
def test_samplers_end_at_images_of_the_set(memory, noise, sampler, options):
    index, gap = memory.nearest(end(memory, noise, sampler, **options))
    assert gap.max() < 1e-3
    assert len(set(index)) > 1


def test_nearest_measures_the_difference_of_values(memory):
    index, gap = memory.nearest(memory.images[[7, 3]] + np.float32(0.05))
    assert list(index) == [7, 3]
    np.testing.assert_allclose(gap, 0.05, rtol=1e-3)


def test_a_condition_allows_some_images_only(memory, noise):
    asked = np.zeros(40, bool)
    asked[[4, 9]] = True
    index, _ = memory.nearest(end(lambda x, level, _: memory(x, level, asked), noise))
    assert set(index) <= {4, 9}
    with pytest.raises(ValueError, match="at least one image of the training set"):
        memory(noise, LEVELS[3], np.zeros(40, bool))


def test_training_sets_begin_alike():
    few, many = training_scenes(5), training_scenes(9)
    assert few[0] == many[0][:5]
    assert len(many[1]) == 9


def replaced_too_late(denoiser, image, known, x):
    """The known part is only put into the result."""
    return np.where(known[..., None], image, end(denoiser, x))


def inpainted(denoiser, image, known, x):
    return end(Inpainting(denoiser, image, known), x)


@pytest.mark.subject(inpainted, replaced_too_late=replaced_too_late)
def test_inpainting_keeps_what_is_known_and_fills_in_what_belongs_to_it(subject, memory, noise):
    known = np.ones((32, 32), bool)
    known[:, 16:] = False  # the right half is to be filled
    made = subject(memory, memory.images[13], known, noise)
    np.testing.assert_allclose(
        made[:, :, :16], np.broadcast_to(memory.images[13][:, :16], made[:, :, :16].shape), atol=1e-5
    )
    assert set(memory.nearest(made)[0]) == {13}
    assert memory.nearest(made)[1].max() < 0.02


def test_inpainting_costs_what_its_denoiser_costs(memory):
    some = np.arange(40) < 20
    guided = ClassifierFreeGuidance(memory, 3.0, some)
    level, known = LEVELS[3], np.ones((32, 32), bool)
    for denoiser, cost in ((memory, 1), (guided, guided.evaluations(level))):
        assert Inpainting(denoiser, memory.images[0], known).evaluations(level) == cost
    assert guided.evaluations(level) == 2


def test_inpainting_refuses_masks_of_another_size(memory):
    with pytest.raises(ValueError, match="`known` must have the height and the width"):
        Inpainting(memory, memory.images[0], np.ones((16, 16), bool))


def test_the_training_set_has_all_kinds(rng):
    assert {random_scene(rng).layout for _ in range(300)} == {
        "left",
        "right",
        "top",
        "bottom",
        "centre",
        "left of",
        "above",
    }

"""The network as a denoiser: what it makes of v, and its two branches of guidance."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.scenes.captions import parse
from diffusion_lab.instruments.common.schedules import Cosine
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE, ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.unet import UNet

from .tiny import weights

CAPTION = parse("red star left")[0]


@pytest.fixture(scope="module")
def denoiser():
    return ImageDenoiser(UNet.of(weights()))


@pytest.fixture
def x(rng):
    return rng.standard_normal((2, 32, 32, 3)).astype(np.float32)


@pytest.mark.subject(
    lambda denoiser, x, level: denoiser(x, level, CAPTION),
    v_itself=lambda denoiser, x, level: denoiser.network.v(
        x, np.full(2, SCHEDULE.t(level.alpha_bar)), words_of(denoiser)
    ),
    without_the_caption=lambda denoiser, x, level: denoiser(x, level),
)
@pytest.mark.parametrize("alpha_bar", [0.9, 0.2])
def test_noise_and_clean_image_that_it_predicts_make_up_its_v(denoiser, x, alpha_bar, subject):
    """By definition v is signal eps - sigma_t x0, and x is signal x0 + sigma_t eps, at one noise level."""
    level = Level.from_alpha_bar(alpha_bar)
    eps = subject(denoiser, x, level).astype(float)
    x0 = (x - level.sigma_t * eps) / level.signal
    t = np.full(2, Cosine().t(alpha_bar), np.float32)
    v = denoiser.network.v(x, t, words_of(denoiser))
    np.testing.assert_allclose(level.signal * eps - level.sigma_t * x0, v, atol=1e-3)
    np.testing.assert_allclose(
        denoiser.clean(x, level, CAPTION), (x - level.sigma_t * denoiser(x, level, CAPTION)) / level.signal, atol=1e-4
    )


def words_of(denoiser):
    return np.repeat(denoiser.network.words(CAPTION[None]), 2, axis=0)


@pytest.mark.subject(
    lambda denoiser, *call: denoiser.both(*call), swapped=lambda denoiser, *call: denoiser.both(*call)[::-1]
)
def test_both_are_the_predictions_without_and_with_the_caption(denoiser, x, subject):
    level = Level.from_alpha_bar(0.4)
    without, given = subject(denoiser, x, level, CAPTION)
    np.testing.assert_allclose(without, denoiser(x, level), atol=1e-5)
    np.testing.assert_allclose(given, denoiser(x, level, CAPTION), atol=1e-5)
    assert np.abs(without - given).max() > 1e-2

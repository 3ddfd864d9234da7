"""What walks begin with, what a reader draws, and what is seen of the attention."""

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.scenes.adherence import request
from diffusion_lab.instruments.common.scenes.captions import parse
from diffusion_lab.instruments.common.scenes.drawing import GROUND
from diffusion_lab.instruments.common.text_to_image import pictures
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE, ImageDenoiser
from diffusion_lab.instruments.common.text_to_image.unet import UNet
from diffusion_lab.instruments.common.text_to_image.walks import Frame
from diffusion_lab.instruments.walk import kernel

from ..common.text_to_image.tiny import weights


def test_more_noise_begins_with_the_same_images():
    assert pictures.noise(3, 4).shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(pictures.noise(3, 4)[:2], pictures.noise(3, 2))
    assert stats.kstest(pictures.noise(3, 4).ravel(), "norm").pvalue > 1e-4


@pytest.mark.subject(kernel.between, along_a_line=lambda a, b, way: (1 - way) * a + way * b)
def test_noise_between_two_seeds_is_as_strong_as_noise(subject):
    a, b = pictures.noise(1), pictures.noise(2)
    np.testing.assert_allclose(subject(a, b, 0.0), a, atol=1e-6)
    np.testing.assert_allclose(subject(a, b, 1.0), b, atol=1e-6)
    for way in (0.25, 0.5, 0.8):
        assert np.var(subject(a, b, way)) == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("caption", ["red star left of blue circle", "large green ring top", "ring"])
def test_a_given_picture_is_what_the_caption_describes(caption):
    tokens = parse(caption)[0]
    scene = pictures.scene_of(tokens, 5)
    assert len(scene.shapes) == len(request(tokens).shapes)
    assert scene == pictures.scene_of(tokens, 5)
    assert len({pictures.scene_of(tokens, seed) for seed in range(6)}) > 1


def test_a_caption_without_a_rule_has_some_picture():
    assert pictures.scene_of(parse("red red red")[0], 1).shapes


# --- drawing ---------------------------------------------------------------------------------------------------------

CORNER = "00zz"  # the upper left corner of the picture


def test_a_dab_is_where_the_hand_was():
    assert kernel.dabs(CORNER + "zz00").tolist() == [[0.0, 0.0], [32.0, 32.0]]
    marked = kernel.near(kernel.dabs(CORNER), 3.0)
    assert marked[0, 0] and marked[0, 2] and not marked[0, 3] and not marked[31, 0] and not marked[0, 31]


def unjoined(points, radius):
    return np.logical_or.reduce([kernel.near(point[None], radius) for point in points])


@pytest.mark.subject(kernel.near, unjoined=unjoined)
def test_near_dabs_are_one_stroke_and_others_are_not(subject):
    stroke = np.array([[4.0, 8.0], [7.5, 8.0]])
    assert subject(stroke, 0.6)[7, 4:7].all()
    apart = np.array([[4.0, 8.0], [14.0, 8.0]])
    assert not subject(apart, 0.6)[7, 6:12].any()


def closed(points, radius):
    return kernel.near(np.concatenate([points, points[:1]]), radius)


@pytest.mark.subject(kernel.near, closed=closed)
def test_the_end_of_a_stroke_is_not_joined_to_its_beginning(subject):
    stroke = np.array([[4.0, 8.0], [7.0, 8.0], [6.0, 11.0]])
    assert not subject(stroke, 0.6)[9, 4:6].any()


def test_what_is_given_is_all_that_is_not_painted_over():
    assert kernel.known("").sum() == 512
    assert kernel.known("")[:, :16].all()
    painted = ~kernel.known(CORNER)
    assert 0 < painted.sum() < 30
    assert painted[0, 0]
    assert set(np.unique(kernel.lines(CORNER))) == {0.0, 1.0}


# --- what is seen ----------------------------------------------------------------------------------------------------


def test_attention_has_a_picture_for_each_word_of_the_caption():
    network, x = UNet.of(weights()), pictures.noise(2)
    frame = Frame(SCHEDULE.level(0.5), x, x, x)
    shares = kernel.attention(ImageDenoiser(network), frame, parse("large red star")[0])
    assert shares.shape == (3, 16, 16)
    assert np.all(shares >= 0) and np.all(shares.sum(axis=0) < 1), "the end of the caption is looked at too"
    off = kernel.attention(ImageDenoiser(network, ("fine",)), frame, parse("large red star")[0])
    assert np.abs(off - shares).max() > 1e-3, "of the denoiser that is shown"


def test_attention_is_the_mean_of_the_finer_maps(monkeypatch):
    """Maps of 16 and of 8 places along a side, whichever word they look at, and not those of 4."""
    found = {side: np.full((1, side, side, 8), share) for side, share in ((16, 0.2), (8, 0.4), (4, 0.9))}
    monkeypatch.setattr(kernel, "maps", lambda caches: found)
    x = pictures.noise(2)
    shares = kernel.attention(ImageDenoiser(UNet.of(weights())), Frame(SCHEDULE.level(0.5), x, x, x), parse("star")[0])
    np.testing.assert_allclose(shares, np.full((1, 16, 16), 0.3), rtol=1e-6)


def test_a_picture_is_lit_where_a_word_is_looked_at():
    share = np.zeros((16, 16), np.float32)
    share[2, 3] = 0.2
    image = np.ones((32, 32, 3), np.float32)
    lit = pictures.lit(image, share)
    np.testing.assert_array_equal(lit[4:6, 6:8], 1.0)
    ground = 2.0 * np.array(GROUND) - 1.0
    np.testing.assert_allclose(lit[8:], np.broadcast_to(0.35 * ground - 0.25, (24, 32, 3)), atol=1e-6)


def test_values_become_colours_and_noise_becomes_grey():
    assert pictures.coloured(np.array([-1.0, 0.0, 1.0, 3.0])).tolist() == [0.0, 0.5, 1.0, 1.0]
    assert kernel.shown_noise(np.array([-2.0, 0.0, 2.0])).tolist() == [0.0, 0.5, 1.0]

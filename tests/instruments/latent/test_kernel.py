"""Errors of linear codes, places of a code, and what is read from the attention."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from diffusion_lab.instruments.common.latent_diffusion.autoencoder import PatchPca, patch_pca
from diffusion_lab.instruments.common.text_to_image.memory import Memory, training_scenes
from diffusion_lab.instruments.latent import kernel


@pytest.fixture(scope="module")
def code():
    return patch_pca(Memory.of(training_scenes(60)[0]).images, 12)


@pytest.fixture(scope="module")
def images():
    return Memory.of(training_scenes(20, seed=1)[0]).images


def around_zero(code, images):
    return kernel.linear_errors(PatchPca(np.zeros(48), code.directions), images)


def of_the_last_values(code, images):
    return kernel.linear_errors(PatchPca(code.mean, code.directions[:, ::-1]), images)


@pytest.mark.subject(kernel.linear_errors, around_zero=around_zero, of_the_last_values=of_the_last_values)
def test_the_errors_are_those_of_the_pictures_that_come_back(subject, code, images):
    errors = subject(code, images)
    assert errors.shape == (13,)
    for values in (0, 1, 5, 12):
        off = code.of_first(values).there_and_back(images) - images
        assert errors[values] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-6)
    assert np.all(np.diff(errors) <= 0)


def test_more_values_lose_less_of_one_picture(code, images):
    assert kernel.linear_errors(code, images[:1])[-1] < 0.7 * kernel.linear_errors(code, images[:1])[1]


@pytest.mark.parametrize(
    ("point", "place"),
    [((-16, 16), (0, 0)), ((15.9, -15.9), (7, 7)), ((16, -16), (7, 7)), ((0.1, 0.1), (3, 4)), ((-0.1, -0.1), (4, 3))],
)
def test_a_point_lies_in_a_place(point, place):
    assert kernel.place_of(*point) == place


def test_the_middle_of_a_place_lies_in_it():
    for row in range(8):
        for column in range(8):
            assert kernel.place_of(*kernel.centre_of(row, column)) == (row, column)


def attention(blocks=2, heads=3, words=8):
    """Shares whose rows sum to 1; place 19, row 2 and column 3, looks at place 5 and at word 1 alone."""
    shares = np.full((1, heads, 64 + words, 64 + words), 1.0 / (64 + words))
    shares[:, :, 19] = 0.0
    shares[:, :, 19, [5, 65]] = 0.75, 0.25
    return [shares] * blocks


def columns_for_rows(attention, row, column):
    return kernel.looks([share.swapaxes(-1, -2) for share in attention], row, column)


def turned(attention, row, column):
    return kernel.looks(attention, column, row)


@pytest.mark.subject(kernel.looks, columns_for_rows=columns_for_rows, turned=turned)
def test_a_place_looks_at_places(subject):
    seen = subject(attention(), 2, 3)
    assert seen.shape == (2, 8, 8)
    expected = np.zeros((8, 8))
    expected[0, 5] = 0.75
    np.testing.assert_allclose(seen, [expected] * 2)


def test_places_look_at_words():
    seen = kernel.looks_at_words(attention(), 3)
    assert seen.shape == (3, 8, 8)
    assert seen[:, 2, 3].tolist() == [0.0, 0.25, 0.0]
    np.testing.assert_allclose(seen[:, 0, 0], 1 / 72)


def of_the_first_block(attention, count):
    return kernel.looks_at_words(attention[:1], count)


def of_the_first_head(attention, count):
    return kernel.looks_at_words([share[:, :1] for share in attention], count)


@pytest.mark.subject(kernel.looks_at_words, of_the_first_block=of_the_first_block, of_the_first_head=of_the_first_head)
def test_all_blocks_and_heads_count_alike(subject, rng):
    shares = list(rng.random((2, 1, 3, 72, 72)))
    seen = subject(shares, 4)
    want = np.mean([share[0, head, 13, 64:68] for share in shares for head in range(3)], axis=0)
    np.testing.assert_allclose(seen[:, 1, 5], want)


def test_the_time_of_a_step_is_that_of_the_walk_over_its_steps(monkeypatch):
    """A clock that a state takes one second on: four states, three steps."""
    ticks = count()
    monkeypatch.setattr(kernel, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    monkeypatch.setattr(kernel, "walk", lambda *_: iter("abcd"))
    found = kernel.walked(None, "ddim", None, 3, 0)
    assert (found.frames, found.seconds) == (["a", "b", "c", "d"], 4 / 3)


def test_channels_are_grey_at_zero():
    code = np.zeros((8, 8, 4), np.float32)
    code[1, 2] = [0.0, 2.5, -2.5, 9.0]
    assert kernel.channels(code)[:, 1, 2].tolist() == [0.5, 1.0, 0.0, 1.0]
    assert np.all(kernel.channels(code)[:, 0, 0] == 0.5)


def test_the_costs_on_paper_are_the_known_ones():
    assert kernel.VALUES["pixels"] / kernel.VALUES["codes"] == 12
    assert kernel.ON_PAPER["pixels"] / kernel.ON_PAPER["codes"] == 48

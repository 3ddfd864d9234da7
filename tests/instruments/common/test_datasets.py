"""The ring as the pages describe it."""

import numpy as np
import pytest

from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.common.datasets import ring


def test_ring_starts_at_the_top_and_runs_counter_clockwise():
    means = ring().means
    assert means.shape == (6, 2)
    np.testing.assert_allclose(means[0], [0, 2], atol=1e-15)
    turns = np.unwrap(np.arctan2(means[:, 1], means[:, 0]))
    np.testing.assert_allclose(np.diff(turns), np.pi / 3, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*means.T), 2, rtol=1e-15)


def test_ring_is_balanced():
    mixture = ring(num_modes=7, radius=3.0, s=0.1)
    np.testing.assert_array_equal(mixture.weights, np.full(7, 1 / 7))
    np.testing.assert_allclose(mixture.means.sum(axis=0), 0, atol=1e-14)
    assert mixture.s == 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_modes": 0}, "`num_modes` must be at least 1, got 0."),
        ({"radius": -1}, "`radius` must be above 0, got -1."),
        ({"s": 0}, "`s` must be above 0 and finite, got 0."),
    ],
)
def test_ring_refuses(arguments, message):
    with pytest.raises(ValueError) as refusal:
        ring(**arguments)
    assert str(refusal.value) == message


# --- sets of points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", datasets.DATA_SETS)
def test_every_set_is_centred_in_the_picture_and_quick(name):
    """Balanced about the origin, three widths inside |x| <= 2.8, equal weights, and at most 160 kernels."""
    data = datasets.DATA_SETS[name]()
    mixture = data.mixture
    np.testing.assert_allclose(mixture.weights @ mixture.means, 0, atol=1e-12)
    assert np.abs(mixture.means).max() + 3 * mixture.s <= 2.8
    np.testing.assert_allclose(mixture.weights, 1 / len(mixture.means), rtol=1e-12)
    assert len(mixture.means) <= 160
    assert sorted(set(data.part.tolist())) == list(range(data.num_parts))
    assert 1 <= data.num_parts <= 6


@pytest.mark.parametrize("name", ["moons", "spiral", "swiss_roll"])
def test_kernels_along_a_curve_leave_no_beads(name):
    """Neighbours stand evenly, close enough that the density along each arm ripples by less than a thirtieth."""
    data = datasets.DATA_SETS[name]()
    arms = [data.mixture.means] if name == "swiss_roll" else np.split(data.mixture.means, 2)
    for arm in arms:
        gaps = np.hypot(*np.diff(arm, axis=0).T)
        assert np.ptp(gaps) < 0.02 * gaps.mean()
        assert 2 * np.exp(-2 * (np.pi * data.mixture.s / gaps.mean()) ** 2) < 1 / 30


def test_moons_and_spiral_are_their_own_half_turn():
    for make in (datasets.moons, datasets.spiral):
        means = make().mixture.means
        np.testing.assert_allclose(np.split(means, 2)[0], -np.split(means, 2)[1], rtol=1e-14)


def test_the_moons_are_half_circles_that_interlock():
    data = datasets.moons()
    upper = data.mixture.means[data.part == 0]
    np.testing.assert_allclose(np.hypot(*(upper - (-0.75, -0.375)).T), 1.5, rtol=1e-14)
    assert upper[:, 1].min() > -0.375
    lower = data.mixture.means[data.part == 1]
    assert lower[:, 0].min() < upper[:, 0].max()
    assert lower[:, 1].max() > upper[:, 1].min()


def test_the_swiss_roll_is_an_archimedean_spiral():
    """Radius in proportion to angle, over a turn and a half, about a centre that the shift moved."""
    arm = datasets.swiss_roll().mixture.means
    unshifted = datasets._even(lambda u: datasets._polar(2.4 * (1 + 2 * u) / 3, np.pi * (1.5 + 3 * u)), 120)
    np.testing.assert_allclose(arm - arm[0], unshifted - unshifted[0], atol=1e-12)
    radius, angle = np.hypot(*unshifted.T), np.unwrap(np.arctan2(unshifted[:, 1], unshifted[:, 0]))
    ratio = np.diff(radius) / np.diff(angle)
    np.testing.assert_allclose(ratio, 2.4 / (4.5 * np.pi), rtol=1e-6)
    assert np.ptp(angle) == pytest.approx(3 * np.pi, rel=0.03)


def test_the_checkerboard_is_dark_where_row_and_column_are_even_or_odd():
    data = datasets.checkerboard()
    column, row = np.floor(data.mixture.means.T / 1.1 + 2).astype(int)
    np.testing.assert_array_equal(row, data.part)
    np.testing.assert_array_equal((row + column) % 2, 0)
    counts = np.zeros((4, 4), dtype=int)
    np.add.at(counts, (row, column), 1)
    assert sorted(counts.ravel().tolist()) == [0] * 8 + [16] * 8


# --- drawn points ----------------------------------------------------------------------------------------------------


def wrong_decode(change):
    return lambda text, extent: change(datasets.decode(text, extent))


@pytest.mark.subject(
    datasets.decode,
    exchanged=wrong_decode(lambda x: x[:, ::-1]),
    upside_down=wrong_decode(lambda x: x * (1, -1)),
    one_step_off=wrong_decode(lambda x: x + 2 * 3.2 / 1295),
    of_another_extent=lambda text, extent: datasets.decode(text, 3.0),
)
def test_points_come_back_from_their_text(subject, rng):
    """Within half a step of the grid, 3.2/1295; beyond the picture they come back to its edge."""
    x = rng.uniform(-4, 4, (150, 2))
    text = datasets.encode(x, 3.2)
    assert len(text) == 600
    back = subject(text, 3.2)
    np.testing.assert_allclose(back, np.clip(x, -3.2, 3.2), atol=3.2 / 1295 * (1 + 1e-9))
    assert datasets.encode(back, 3.2) == text


def test_the_text_is_what_the_brush_writes():
    """x, then y, each round((v + extent)/(2 extent) 1295) in base 36, from the lower left corner."""
    assert datasets.encode([[-3.2, -3.2], [3.2, -3.2], [0.0, 3.2]], 3.2) == "0000" + "zz00" + "i0zz"
    assert int("i0", 36) == 648
    assert datasets.encode(np.zeros((0, 2)), 1.0) == ""
    assert datasets.decode("", 1.0).shape == (0, 2)


def test_drawn_points_are_a_mixture():
    data = datasets.drawn("0000zz00i0zz", 3.2)
    np.testing.assert_allclose(data.mixture.means, datasets.decode("0000zz00i0zz", 3.2))
    np.testing.assert_allclose(data.mixture.weights, 1 / 3)
    assert data.num_parts == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.decode("000", 1.0), "`text` must have four characters a point, got 3 characters."),
        (lambda: datasets.decode("00A-", 1.0), "`text` must hold only 0-9 and a-z, got -A."),
        (lambda: datasets.decode("0000" * 151, 1.0), "`text` must hold at most 150 points, got 151: draw fewer."),
        (lambda: datasets.encode(np.zeros((151, 2)), 1.0), "`text` must hold at most 150 points, got 151: draw fewer."),
        (lambda: datasets.decode("0000", 0.0), "`extent` must be above 0, got 0.0."),
        (lambda: datasets.drawn("", 1.0), "`text` must hold at least one point, got none: draw one."),
    ],
)
def test_texts_that_are_none_are_refused(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.subject(
    lambda data: data.sd,
    variance=lambda data: data.sd**2,
    of_the_means=lambda data: np.sqrt(data.sd**2 - data.mixture.s**2),
    of_both_axes=lambda data: np.sqrt(2) * data.sd,
)
@pytest.mark.parametrize("name", datasets.DATA_SETS)
def test_the_standard_deviation_is_that_of_the_points(subject, rng, name):
    """To 0.2 %: of 400,000 numbers, hardly beyond 3, the standard error is below 0.1 %."""
    data = datasets.DATA_SETS[name]()
    x, _ = data.mixture.sample(200_000, rng)
    assert subject(data) == pytest.approx(np.sqrt(np.mean(x**2)), rel=2e-3)


@pytest.mark.parametrize("name", datasets.DATA_SETS)
def test_the_parts_make_up_the_whole(name, rng):
    data = datasets.DATA_SETS[name]()
    x = rng.normal(size=(50, 2))
    assert data.law(datasets.NULL) is data.mixture
    shares = np.bincount(data.part, data.mixture.weights)
    density = sum(share * np.exp(data.law(part).log_density(x, 0.8, 0.6)) for part, share in enumerate(shares.tolist()))
    np.testing.assert_allclose(density, np.exp(data.mixture.log_density(x, 0.8, 0.6)), rtol=1e-9)

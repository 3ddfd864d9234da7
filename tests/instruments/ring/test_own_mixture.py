"""The reader's own mixture in the ring: shown, measured and sampled with its exact score."""

import numpy as np
import pytest

from diffusion_lab.app.instrument import StateError
from diffusion_lab.instruments.common.full_mixtures import FullMixture, decode, encode
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import EXTENT, START, Ring

from .shown import layer, points, shown, status

TWO = encode([[-1.5, 0.0], [1.5, 0.5]], [[1.0, 0.15], [0.3, 0.3]], [1.2, 0.0], [0.75, 0.25], EXTENT)


@pytest.fixture
def own():
    return Ring(data_set="mixture", mixture=TWO, t=0.0)


def test_its_points_are_those_of_its_gaussians(own):
    """The first is narrow and turned by 1.2 rad, with three quarters of the points."""
    x, part = points(own), layer(own, "points")["part"]
    assert np.mean(part == 0) == pytest.approx(0.75, abs=0.08)
    along = np.linalg.eigh(np.cov(x[part == 0].T))[1][:, 1]
    assert abs(along @ [np.cos(1.2), np.sin(1.2)]) == pytest.approx(1, abs=0.01)
    assert "2 Gaussians of full covariance" in status(own)
    assert "your own mixture of 2 Gaussians" in own.describe()
    assert float(shown(own)["within_true"]) == pytest.approx(0.989, abs=2e-3)


def test_before_anything_is_made_there_is_a_mixture_to_begin_with():
    assert len(decode(START, EXTENT).means) == 3
    np.testing.assert_array_equal(points(Ring(data_set="mixture")), points(Ring(data_set="mixture", mixture=START)))


def test_density_and_arrows_are_those_of_the_mixture(own):
    own.param.update(show_density=True, t=0.1)
    image = layer(own, "density")["image"] / 255
    mixture, level = decode(TWO, EXTENT), kernel.SCHEDULE.level(0.1)
    centres = kernel.pixel_centres(EXTENT, len(image))
    truth = np.exp(mixture.log_density(np.stack(np.meshgrid(centres, centres), axis=-1), level.signal, level.sigma_t))
    np.testing.assert_allclose(image, truth / truth.max(), atol=0.51 / 255)


class RoundScore(FullMixture):
    """With the score of round Gaussians."""

    def score(self, x, signal, sigma):
        widths = np.sqrt(np.linalg.det(self.covariances))
        return FullMixture(self.means, self.weights, widths[:, None, None] * np.eye(2)).score(x, signal, sigma)


def as_it_is(mixture):
    return mixture


def with_a_round_score(mixture):
    return RoundScore(mixture.means, mixture.weights, mixture.covariances)


@pytest.mark.subject(as_it_is, round_score=with_a_round_score)
def test_samplers_reach_the_mixture(subject):
    """3000 points, 60 levels: at most 2.2 times the distance of perfect draws. A start at N(0, I) costs a little."""
    mixture = decode(TWO, EXTENT)
    for sampler in ("ddpm", "ode_heun", "sde_euler"):
        *_, state = kernel.sample(subject(mixture), sampler, 3000, rng=np.random.default_rng(5))
        m = kernel.measures(state.x, mixture, float(kernel.SCHEDULE.t(state.level.alpha_bar)))
        assert m.distance < 2.2 * m.distance_expected, sampler
        assert m.within == pytest.approx(m.within_true, abs=0.02)


def test_in_reverse_colours_go_by_the_likeliest_gaussian():
    panel = Ring(data_set="mixture", mixture=TWO, view="reverse", sampler="ddim", num_levels=30)
    part = layer(panel, "points")["part"]
    expected = decode(TWO, EXTENT).responsibilities(points(panel), 1.0, 0.0).argmax(axis=1)
    assert np.mean(part == expected) > 0.995


def test_it_is_kept_by_link_preset_and_another_data_set(own):
    assert Ring.parse_state({"mixture": TWO, "data_set": "mixture"}) == {"mixture": TWO, "data_set": "mixture"}
    own.data_set = "ring"
    own.preset({"t": 0.3})
    assert own.mixture == TWO
    made = Ring()
    made.param.update(mixture=TWO, data_set="mixture")
    assert f"mixture={TWO}" in made.query
    with pytest.raises(StateError, match="`mixture` must be a text that matches"):
        Ring.parse_state({"mixture": TWO[:-1]})

"""The VAE: gradients of its loss, and its bounds where the likelihood is known."""

from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from diffusion_lab.instruments.common.datasets import DATA_SETS
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp_layers, mlp_weights
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.landscape import vae
from diffusion_lab.instruments.landscape.vae import DECODER, ENCODER, Vae, bounds, negative_elbo

MOONS = DATA_SETS["moons"]()
POINTS = 5


def weights_of(rng):
    """All weights drawn, in double precision."""
    return {
        "encoder": mlp_weights(ENCODER, rng) + 0.3 * rng.standard_normal(len(mlp_weights(ENCODER, rng))),
        "decoder": mlp_weights(DECODER, rng) + 0.3 * rng.standard_normal(len(mlp_weights(DECODER, rng))),
        "log_var": np.array([-0.7]),
    }


def loss_of(weights, grads, x, eps, function=negative_elbo):
    networks = [
        Mlp(mlp_layers(weights[name], sizes), POINTS, np.float64)
        for name, sizes in (("encoder", ENCODER), ("decoder", DECODER))
    ]
    return function(networks, weights, grads, x, eps)


def with_wrong(name, scale):
    """Gradients of one group of weights that are wrong by a factor."""

    def function(networks, weights, grads, x, eps):
        loss = negative_elbo(networks, weights, grads, x, eps)
        grads[name] *= scale
        return loss

    return function


@pytest.mark.subject(
    negative_elbo,
    encoder=with_wrong("encoder", 2.0),
    decoder=with_wrong("decoder", -1.0),
    noise=with_wrong("log_var", 0.5),
)
def test_gradients(subject, rng):
    """By central differences, in some weights of each group."""
    weights, x, eps = weights_of(rng), rng.normal(size=(2, POINTS)), rng.normal(size=(2, POINTS))
    grads = {name: np.empty_like(value) for name, value in weights.items()}
    loss_of(weights, grads, x, eps, subject)
    spare = {name: np.empty_like(value) for name, value in weights.items()}
    for name, value in weights.items():
        for index in rng.choice(len(value), min(12, len(value)), replace=False):
            sums = []
            for step in (1e-5, -1e-5):
                value[index] += step
                sums.append(loss_of(weights, spare, x, eps))
                value[index] -= step
            assert grads[name][index] == pytest.approx((sums[0] - sums[1]) / 2e-5, rel=1e-5, abs=1e-7), name


@pytest.fixture(scope="module")
def trained():
    """After some hundred steps."""
    *_, last = (model.copy() for model in islice(vae.training(MOONS, 1), 300))
    return last


def test_the_loss_is_the_elbo(trained, rng):
    """But for the unit of points and the constant; the divergence of the codes is in closed form there, drawn here."""
    x = MOONS.mixture.sample(400, rng)[0]
    elbo, _ = bounds(trained, x, 40, rng)
    losses = []
    for _ in range(40):
        columns = (x / MOONS.sd).T.astype(np.float32)
        networks = [
            Mlp(mlp_layers(trained.weights[name], sizes), 400)
            for name, sizes in (("encoder", ENCODER), ("decoder", DECODER))
        ]
        grads = {name: np.empty_like(value) for name, value in trained.weights.items()}
        eps = rng.standard_normal((2, 400), dtype=np.float32)
        losses.append(negative_elbo(networks, trained.weights, grads, columns, eps))
    assert -np.mean(losses) - np.log(2 * np.pi) - 2 * np.log(MOONS.sd) == pytest.approx(elbo, abs=0.03)


# --- where the likelihood is known: a linear decoder -----------------------------------------------------------------

MAP, NOISE = np.array([[1.2, 0.3], [-0.4, 0.8]]), 0.5
COVARIANCE = MAP @ MAP.T + NOISE**2 * np.eye(2)


def linear(width):
    """A linear VAE whose map has orthogonal columns turned out, with an encoder `width` times too wide."""
    u, scales, vt = np.linalg.svd(MAP)
    maps = u * scales  # codes turned by vt have independent laws given a point
    var = NOISE**2 / (scales**2 + NOISE**2)
    encode = lambda x: (x @ maps * var / NOISE**2, np.broadcast_to(np.log(width * var), x.shape))  # noqa: E731
    assert vt.shape == (2, 2)
    return SimpleNamespace(encode=encode, decode=lambda z: z @ maps.T, noise=NOISE)


def without_prior(model, x, codes, rng):
    elbo, weighted = bounds(model, x, codes, rng)
    return elbo + 1.0, weighted + 1.0


@pytest.mark.subject(bounds, prior_forgotten=without_prior, swapped=lambda *a: bounds(*a)[::-1])
def test_bounds_of_a_linear_vae(subject, rng):
    """With the right encoder both are the likelihood; with a wrong one the ELBO lacks the divergence, and more."""
    x = rng.multivariate_normal([0, 0], COVARIANCE, size=500)
    exact = multivariate_normal([0, 0], COVARIANCE).logpdf(x).mean()
    np.testing.assert_allclose(bounds(linear(1.0), x, 4, rng), exact, atol=1e-9)
    for width in (0.5, 2.0):
        elbo, weighted = subject(linear(width), x, 64, rng)
        assert elbo == pytest.approx(exact - (width - 1 - np.log(width)), abs=0.03)  # two numbers of half that each
        assert elbo < weighted < exact + 0.02
        assert exact - weighted < 0.3 * (exact - elbo)


def test_samples_are_decoded_codes_with_noise(trained, rng):
    z = rng.standard_normal((4000, 2))
    noise = finish(trained.drawing(z, rng)) - finish(trained.ends(z))
    np.testing.assert_allclose(np.cov(noise.T), trained.noise**2 * np.eye(2), atol=0.06 * trained.noise**2)
    np.testing.assert_array_equal(finish(trained.ends(z)), trained.decode(z))


def test_what_is_shown_is_the_average_of_the_weights(monkeypatch):
    """With a decay of 0 the average is the weights themselves; from them, the average as it should be."""
    shown = [model.copy().weights["decoder"] for model in islice(vae.training(MOONS, 1), 4)]
    monkeypatch.setattr(vae, "DECAY", 0.0)
    average, *weights = [model.copy().weights["decoder"] for model in islice(vae.training(MOONS, 1), 4)]
    for step, (got, new) in enumerate(zip(shown[1:], weights, strict=True), start=1):
        share = (1 + step) / (10 + step)
        average = share * average + (1 - share) * new
        np.testing.assert_allclose(got, average, rtol=1e-5, atol=1e-7)


def test_training_lowers_the_loss_and_a_copy_stays(trained, rng):
    x = MOONS.mixture.sample(400, rng)[0]
    states = vae.training(MOONS, 1)
    first = next(states)
    kept = first.copy()
    before = kept.weights["decoder"].copy()
    next(states)
    np.testing.assert_array_equal(kept.weights["decoder"], before)
    assert not np.array_equal(first.weights["decoder"], before), "the other has changed"
    assert bounds(trained, x, 8, rng)[0] > bounds(Vae(kept.weights, kept.sd), x, 8, rng)[0] + 1

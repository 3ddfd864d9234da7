"""The GAN: gradients of both losses, and what the discriminator learns."""

from itertools import islice

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import DATA_SETS
from diffusion_lab.instruments.common.networks.mlp import Mlp, mlp_layers, mlp_weights
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.landscape import gan
from diffusion_lab.instruments.landscape.gan import DISCRIMINATOR, GENERATOR, discriminator_step, generator_step
from diffusion_lab.instruments.landscape.networks import LEAST, NUM_STEPS, falling

MOONS = DATA_SETS["moons"]()
POINTS = 6


def drawn(sizes, rng):
    flat = mlp_weights(sizes, rng)
    return flat + 0.3 * rng.standard_normal(len(flat))


def network(flat, sizes, points=POINTS):
    return Mlp(mlp_layers(flat, sizes), points, np.float64)


def differences(loss, flat, rng, count=15):
    """Central differences in some weights: index → slope."""
    found = {}
    for index in rng.choice(len(flat), count, replace=False):
        sums = []
        for step in (1e-5, -1e-5):
            flat[index] += step
            sums.append(loss())
            flat[index] -= step
        found[index] = (sums[0] - sums[1]) / 2e-5
    return found


def with_grads(step, change):
    def function(*arguments):
        loss = step(*arguments)
        grads = next(a for a in arguments if isinstance(a, np.ndarray))
        grads[...] = change(grads)
        return loss

    return function


def saturating(generator, discriminator, grads, made, noise):
    """The gradient of log(1 - D), the loss of the two-player game as it is written down."""
    odds = discriminator.forward(gan.with_ones(made + noise))
    to_made = discriminator.backward_to_input(-gan.probability(odds) / made.shape[1])
    generator.backward(to_made, mlp_layers(grads, GENERATOR))
    return float(np.logaddexp(0.0, -odds).mean())


@pytest.mark.subject(
    discriminator_step,
    sign=with_grads(discriminator_step, np.negative),
    half=with_grads(discriminator_step, lambda grads: grads / 2),
    kinds_swapped=lambda net, grads, real, made: discriminator_step(net, grads, made, real),
)
def test_gradients_of_the_discriminator(subject, rng):
    flat, real, made = drawn(DISCRIMINATOR, rng), rng.normal(size=(2, POINTS)), 1 + rng.normal(size=(2, POINTS))
    grads, spare = np.empty_like(flat), np.empty_like(flat)
    subject(network(flat, DISCRIMINATOR, 2 * POINTS), grads, real, made)

    def loss():
        return discriminator_step(network(flat, DISCRIMINATOR, 2 * POINTS), spare, real, made)

    for index, slope in differences(loss, flat, rng).items():
        assert grads[index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.subject(generator_step, sign=with_grads(generator_step, np.negative), saturating=saturating)
def test_gradients_of_the_generator_come_through_the_discriminator(subject, rng):
    flat, judge = drawn(GENERATOR, rng), drawn(DISCRIMINATOR, rng)
    z, noise = rng.normal(size=(2, POINTS)), 0.3 * rng.normal(size=(2, POINTS))
    grads, spare, before = np.empty_like(flat), np.empty_like(flat), judge.copy()
    generator = network(flat, GENERATOR)
    subject(generator, network(judge, DISCRIMINATOR), grads, generator.forward(gan.with_ones(z)), noise)
    np.testing.assert_array_equal(judge, before)

    def loss():
        made = (net := network(flat, GENERATOR)).forward(gan.with_ones(z))
        return generator_step(net, network(judge, DISCRIMINATOR), spare, made, noise)

    for index, slope in differences(loss, flat, rng).items():
        assert grads[index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_losses_are_cross_entropies(rng):
    flat, points = drawn(DISCRIMINATOR, rng), rng.normal(size=(2, 2 * POINTS))
    net = network(flat, DISCRIMINATOR, 2 * POINTS)
    loss = discriminator_step(net, np.empty_like(flat), points[:, :POINTS], points[:, POINTS:])
    p = gan.probability(net.forward(gan.with_ones(points)))[0]
    assert loss == pytest.approx(-np.log(p[:POINTS]).mean() - np.log(1 - p[POINTS:]).mean())


def test_probabilities_do_not_overflow():
    np.testing.assert_allclose(gan.probability(np.array([-2000.0, 0.0, 2000.0])), [0, 0.5, 1])


def test_noise_falls_to_nothing_and_the_learning_rate_nearly():
    assert gan.noise_at(0) == gan.NOISE
    assert gan.noise_at(NUM_STEPS // 2) == pytest.approx(gan.NOISE * (1 - 0.5 / gan.NOISY))
    assert gan.noise_at(round(gan.NOISY * NUM_STEPS)) == gan.noise_at(NUM_STEPS) == 0
    assert [falling(2.0, 0), falling(2.0, NUM_STEPS // 2)] == pytest.approx([2.0, 1 + LEAST])
    assert falling(2.0, NUM_STEPS) == falling(2.0, 2 * NUM_STEPS) == pytest.approx(2 * LEAST)


@pytest.fixture(scope="module")
def trained():
    *_, last = (model.copy() for model in islice(gan.training(MOONS, 1), 400))
    return last


def test_the_discriminator_tells_data_from_far_places(trained):
    x = MOONS.mixture.means
    assert trained.judged(x).mean() > trained.judged(3 * x + 2).mean() + 0.1


def test_samples_are_what_the_generator_makes(trained, rng):
    z = rng.standard_normal((500, 2))
    made = finish(trained.drawing(z, rng))
    np.testing.assert_array_equal(made, finish(trained.ends(z)))
    assert 0.5 < made.std() / MOONS.sd < 1.5, "it has learned the scale of the data"

"""The autoencoder and the transformer: PyTorch's results; and the linear code beside the autoencoder."""

from pathlib import Path

import numpy as np
import pytest

from diffusion_lab.instruments.common.latent_diffusion import autoencoder
from diffusion_lab.instruments.common.latent_diffusion.autoencoder import Autoencoder, patch_pca, patches
from diffusion_lab.instruments.common.latent_diffusion.transformer import DiT
from diffusion_lab.instruments.common.scenes.captions import random_scene
from diffusion_lab.instruments.common.scenes.drawing import draw

REFERENCE = dict(np.load(Path(__file__).with_name("reference.npz")))


def inputs():
    """The images and the codes of the reference."""
    rng = np.random.default_rng(3)
    return rng.standard_normal((3, 32, 32, 3)), rng.standard_normal((3, 8, 8, 4))


def weights(network):
    """The weights of one of the reference's networks, by name."""
    start = f"{network} "
    return {key.removeprefix(start): array for key, array in REFERENCE.items() if key.startswith(start)}


def changed(network, **changes):
    arrays = weights(network)
    return {**arrays, **{name: change(arrays[name]) for name, change in changes.items()}}


def images_there_and_back(**changes):
    coder = Autoencoder.of(changed("coder", **changes), np.float64)
    images, codes = inputs()
    return coder.encode(images), coder.decode(codes)


def unscaled():
    return images_there_and_back(scale=np.ones_like)


def other_order_of_pixels():
    encoded, decoded = images_there_and_back()
    return encoded, decoded.swapaxes(1, 2)


@pytest.mark.subject(images_there_and_back, unscaled=unscaled, other_order_of_pixels=other_order_of_pixels)
def test_the_autoencoder_computes_what_pytorch_does(subject):
    encoded, decoded = subject()
    np.testing.assert_allclose(encoded, REFERENCE["encoded"], atol=2e-6)
    np.testing.assert_allclose(decoded, REFERENCE["decoded"], atol=2e-6)


def predicted(**changes):
    network = DiT.of(changed("transformer", **changes), np.float64)
    return network.v(inputs()[1], REFERENCE["t"], REFERENCE["tokens"])


@pytest.mark.subject(
    predicted,
    without_places=lambda: predicted(places=np.zeros_like),
    without_gates=lambda: predicted(modulation_bias=lambda bias: bias + 1.0),
    in_other_order=lambda: predicted(positions=lambda table: table[::-1]),
)
def test_the_transformer_predicts_what_pytorch_does(subject):
    np.testing.assert_allclose(subject(), REFERENCE["v"], atol=5e-6)


def test_every_place_shares_its_attention_among_places_and_words():
    network = DiT.of(weights("transformer"), np.float64)
    _, seen = network.forward(inputs()[1], REFERENCE["t"], REFERENCE["tokens"])
    assert [share.shape for share in seen] == [(3, 4, 72, 72)] * 2
    np.testing.assert_allclose(seen[0].sum(axis=-1), 1.0, atol=1e-12)


# --- the linear code -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(1)
    return draw([random_scene(rng) for _ in range(150)]).astype(float)


def first_pixels(images, values):
    """Directions that are not those of most variance."""
    return autoencoder.PatchPca(patches(images).mean(axis=(0, 1, 2)), np.eye(48)[:, :values])


def off_centre(images, values):
    code = patch_pca(images, values)
    return autoencoder.PatchPca(np.zeros(48), code.directions)


@pytest.mark.subject(patch_pca, first_pixels=first_pixels, off_centre=off_centre)
def test_no_linear_code_gives_images_back_better(subject, scenes):
    """The squared error is the sum of the variances that are left out (Eckart & Young 1936)."""
    code = subject(scenes, 4)
    error = np.square(code.decode(code.encode(scenes)) - scenes).mean()
    left_out = np.linalg.eigvalsh(np.cov(patches(scenes).reshape(-1, 48).T, bias=True))[:-4].sum() / 48
    assert error == pytest.approx(left_out, rel=1e-6)


def test_all_directions_give_images_back_exactly(scenes):
    code = patch_pca(scenes, 48)
    np.testing.assert_allclose(code.decode(code.encode(scenes)), scenes, atol=1e-9)
    np.testing.assert_allclose(code.directions.T @ code.directions, np.eye(48), atol=1e-9)


def test_patches_are_parts_of_the_image(scenes):
    np.testing.assert_array_equal(patches(scenes)[3, 2, 5], scenes[3, 8:12, 20:24].ravel())


@pytest.mark.parametrize("values", [0, 49])
def test_a_linear_code_has_between_1_and_48_values(scenes, values):
    with pytest.raises(ValueError, match="`values` must lie between 1 and 48"):
        patch_pca(scenes, values)

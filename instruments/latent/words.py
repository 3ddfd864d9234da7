"""The instrument in words: what the panes show, and what is computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffusion_lab.app.instrument import NotReady, Status
from diffusion_lab.instruments.common.scenes.captions import words_of
from diffusion_lab.instruments.common.text_to_image.answers import SAMPLERS, seen
from diffusion_lab.instruments.latent.kernel import VALUES, place_of


def network(i: Any) -> str:
    """The transformer and its size."""
    return f"a transformer of {i.transformer.num_weights / 1e6:.1f} million weights in 8 bits, float32"


def status(i: Any) -> Status:
    """The time of a step of each walk."""
    if i.view == "compress":
        weights = f"autoencoder of {i.coder.num_weights / 1e3:.0f} thousand weights in 8 bits, float32"
        return Status(f"one picture encoded and decoded by an {weights}", timed=("given_back",))
    beside = Status(f"beside it a U-Net of {i.unet.num_weights / 1e6:.1f} million") if i.view == "from_noise" else None
    return Status(
        f"{i.num_steps} steps of {SAMPLERS[i.sampler]} by {network(i)}",
        "", ("walked",), i.num_steps, "a step", beside=beside,
    )  # fmt: skip


def describe(i: Any) -> str:
    """The panes of the view, and the chart or the row below."""
    prompt = f"Prompt: “{' '.join(words_of(i.caption))}”." if np.any(i.caption) else "No prompt."
    return f"{prompt} {VIEWS[i.view](i)}"


def _from_noise(i: Any) -> str:
    level = i.moment.level
    return (
        f"{i.num_steps} steps of {SAMPLERS[i.sampler]}, guidance scale {i.guidance_scale:g}, seed {i.seed}. After step"
        f" {i.at}: signal {level.signal:.2f}, noise {level.sigma_t:.2f}. In codes of {VALUES['codes']} values the guess"
        f" shows {seen(i.decoded[0])}, {_spread(i.decoded)}; in {VALUES['pixels']:,} pixel values it shows"
        f" {seen(i.pixel_moment.guess[0])}, {_spread(i.pixel_moment.guess)}."
    )


def _compress(i: Any) -> str:
    network, linear = i.lost
    errors = ", ".join(f"{i.linear_errors[k]:.3f} with {k}" for k in (1, 2, 4, 8, 16))
    try:
        many = f"the autoencoder is {i.network_error:.3f} off"
    except NotReady:
        many = "the autoencoder is still being measured"
    return (
        f"A drawn picture, seed {i.seed}, {_spread(i.picture)}; given back from its code it is {network:.3f} off, by"
        f" PCA with {i.num_values} values of each patch {linear:.3f}. Over many pictures {many}, PCA {errors}."
    )


def _attention(i: Any) -> str:
    row, column = place_of(i.probe_x, i.probe_y)
    return (
        f"After step {i.at} of {i.num_steps} the guess shows {seen(i.decoded[0])}. The marked place is in row"
        f" {row + 1}, column {column + 1}. {BELOW[i.chart_shows](i)}"
    )


def _blocks(i: Any) -> str:
    shares = ", ".join(f"{share:.2f}" for share in i.looks.sum(axis=(1, 2)))
    return f"In the blocks it gives these shares of its attention to places, and the rest to words: {shares}."


def _words(i: Any) -> str:
    names = words_of(i.caption)
    shares = [f"“{name}” {share.mean():.3f}" for name, share in zip(names, i.at_words, strict=True)]
    return f"Mean attention of all places to each word: {', '.join(shares)}." if shares else "There are no words."


def _spread(picture: Any) -> str:
    return f"standard deviation of its values {picture.std(dtype=float):.4f}"


BELOW = {"blocks": _blocks, "words": _words}
VIEWS = {"from_noise": _from_noise, "compress": _compress, "attention": _attention}

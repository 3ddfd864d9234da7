"""The instrument in words: what the picture shows, and what is computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffusion_lab.app.instrument import NotReady, Status, counted
from diffusion_lab.instruments.common.scenes.captions import words_of
from diffusion_lab.instruments.common.scenes.recognition import Found
from diffusion_lab.instruments.common.text_to_image.answers import SAMPLERS, seen
from diffusion_lab.instruments.common.text_to_image.pictures import Floats
from diffusion_lab.instruments.walk.charts import FILM


def status(i: Any) -> Status:
    """The network's time, and that of the chart."""
    what = f"U-Net of {i.network.num_weights / 1e6:.1f} million weights in 8 bits, float32"
    if i.view == "to_noise":
        return Status(f"one prediction by a {what}", timed=("moment",))
    if i.view == "new_word":
        i.learned  # noqa: B018  the time of a step is taken with each moment
        replay = i.replay
        return Status(f"trained here: a {what}", "", ("replay",), max(1, replay.steps_done), "a step")
    run = "both_ends" if i.view == "two_seeds" else "walked"
    return Status(f"{i.num_steps} steps of {SAMPLERS[i.sampler]} by a {what}", "", (run,), i.num_steps, "a step")


def describe(i: Any) -> str:
    """The panes of the view, and the row below."""
    prompt = f"Prompt: “{' '.join(words_of(i.caption))}”." if np.any(i.caption) else "No prompt."
    return f"{prompt} {VIEWS[i.view](i)} {_below(i)}".strip()


def _run(i: Any) -> str:
    """How pictures are sampled."""
    off = "" if i.skip == "none" else f", the {i.skip} skip connection off"
    return f"{i.num_steps} steps of {SAMPLERS[i.sampler]}, guidance scale {i.guidance_scale:g}{off}."


def _spread(picture: Floats) -> str:
    return f"standard deviation of its values {picture.std(dtype=float):.4f}"


def _moment(i: Any) -> str:
    shown = i.moment
    return (
        f"signal {shown.level.signal:.2f}, noise {shown.level.sigma_t:.2f}. The model's guess of the clean picture"
        f" shows {seen(shown.guess[0])}, {_spread(shown.guess)}."
    )


def _walk(i: Any) -> str:
    return f"{_run(i)} After step {i.at}: {_moment(i)}"


def _to_noise(i: Any) -> str:
    return f"A drawn picture at t = {i.t:g}: {_moment(i)}"


def _fill(i: Any) -> str:
    return f"{_walk(i)} {int((~i.known).sum())} of {i.known.size} pixels are filled by the model, the others are given."


def _lines(i: Any) -> str:
    return f"{_walk(i)} A control branch adds lines of {int(i.lines.sum())} pixels to the skip connections."


def _two_seeds(i: Any) -> str:
    a, b = (seen(picture) for picture in i.both_ends)
    return (
        f"{_run(i)} Seed {i.seed} gives {a}, the next seed {b}; {i.way:.0%} of the way between them: {seen(i.blended)},"
        f" {_spread(i.blended)}."
    )


def _new_word(i: Any) -> str:
    shapes = ", ".join(seen_kind(found) for found in i.drawn_shapes)
    what = "the word's vector alone" if i.learns == "word" else "the word's vector and the network"
    return (
        f"A new word for four pictures of a heart, after {counted(i.training_step, 'training step')} of {what}."
        f" Asked for it at guidance scale {i.guidance_scale:g}, the network draws: {shapes}; {_spread(i.asked)}."
    )


def seen_kind(found: list[Found]) -> str:
    """The colour and kind of the largest shape."""
    return f"“{found[0].colour} {found[0].kind or 'form of no known kind'}”" if found else "nothing"


VIEWS = {
    "from_noise": _walk, "to_noise": _to_noise, "two_seeds": _two_seeds, "fill": _fill, "lines": _lines,
    "new_word": _new_word,
}  # fmt: skip


def _below(i: Any) -> str:
    if i.view not in FILM:
        return ""
    try:
        return BELOW[i.chart_shows](i)
    except NotReady:
        return "The chart is still being measured."


def _of_words(i: Any) -> str:
    names = words_of(i.caption)
    if not names:
        return ""
    sums = [f"“{name}” {share.mean():.2f}" for name, share in zip(names, i.shares, strict=True)]
    return f"Mean attention to each word: {', '.join(sums)}."


def _of_memory(i: Any) -> str:
    own, copied = i.distances
    return (
        f"The nearest training picture is {own:.3f} away from the network's, and {copied:.3f} from that of the exact"
        " denoiser of the training set."
    )


def _of_guidance(i: Any) -> str:
    found = i.tradeoff
    shares = ", ".join(f"{share:.2f} at w = {scale:g}" for scale, share in zip(found.scales, found.share, strict=True))
    return f"Share of {counted(i.num_samples, 'picture')} as asked: {shares}."


BELOW = {"words": _of_words, "memory": _of_memory, "guidance": _of_guidance}

"""A prompt and its picture in words: what cannot be used of the prompt, and how the picture answers it."""

from __future__ import annotations

from diffusion_lab.instruments.common.scenes.adherence import OUTCOMES, outcomes, request
from diffusion_lab.instruments.common.scenes.captions import LONGEST, Tokens, Unknown
from diffusion_lab.instruments.common.scenes.recognition import Found, recognise
from diffusion_lab.instruments.common.text_to_image.pictures import Floats

SAMPLERS = {"ddim": "DDIM", "ddpm": "DDPM", "dpm_solver_pp_2m": "DPM-Solver++ (2M)"}


def problems(unknown: list[Unknown], too_many: int) -> str:
    """What cannot be used of a prompt, in sentences; "" if all is."""
    said = [
        f"The network knows no “{word.word}”{f'; do you mean “{word.like}”?' if word.like else '.'}" for word in unknown
    ]
    if too_many:
        said.append(f"A caption has at most {LONGEST - 1} words; the last {too_many} are left out.")
    return " ".join(said)


def answered(picture: Floats, tokens: Tokens) -> str | None:
    """How a picture (32, 32, 3) answers its caption, in words; None where the caption has no rule."""
    if request(tokens) is None:
        return None
    return OUTCOMES[outcomes(picture[None], tokens[None])[0]]


def seen(picture: Floats) -> str:
    """The shapes that the rule recognises in a picture (32, 32, 3)."""
    (found,) = recognise(picture[None])
    return f"“{' and '.join(_shape(shape) for shape in found)}”" if found else "no shape"


def _shape(shape: Found) -> str:
    return f"a {shape.size} {shape.colour} {shape.kind or 'form of no known kind'}"

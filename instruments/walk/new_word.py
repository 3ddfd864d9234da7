"""The word that is taught: four pictures of a heart, their captions, and what is asked for with the word afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffusion_lab.instruments.common.scenes.captions import ANY, WORDS, Tokens, parse
from diffusion_lab.instruments.common.scenes.drawing import KINDS, PLACES, UNNAMED, Images, Scene, Shape, draw
from diffusion_lab.instruments.common.scenes.recognition import Found, recognise

NUM_STEPS, EVERY = 80, 10
"""Steps of a fit, and from one frame to the next."""

START = WORDS.index(ANY)
"""The word whose vector the new one begins as: any shape."""

(SHAPE,) = UNNAMED
"""The shape that no caption names."""

PLACE = 1
"""Where the new word stands in all captions here: behind the colour."""

GIVEN = (("red", "left"), ("blue", "right"), ("green", "top"), ("purple", "bottom"))
ASKED = (("yellow", "right"), ("red", "bottom"), ("blue", "left"), ("orange", "top"))
KNOWN = ("red star left", "blue circle right", "green cross top", "purple square bottom")
"""Colour and place of the given pictures; of those that are asked for, none of which was given; captions of old."""


def examples() -> tuple[Images, Tokens]:
    """The given pictures (4, 32, 32, 3) and their captions (4, LONGEST)."""
    scenes = [
        Scene((Shape(SHAPE, colour, "large", *PLACES[place]),), place) for colour, place in GIVEN
    ]  # fmt: skip
    return draw(scenes), captions(GIVEN)


def captions(pairs: tuple[tuple[str, str], ...]) -> Tokens:
    """Captions (N, LONGEST) of colour, word and place; the new word is written as the token START."""
    return np.stack([parse(f"{colour} {ANY} {place}")[0] for colour, place in pairs])


def recognised(images: Images) -> list[list[Found]]:
    """The shapes in images (N, 32, 32, 3), among them the new one."""
    return recognise(images, (*KINDS, SHAPE))


def hits(found: list[list[Found]]) -> int:
    """How many of the pictures that were asked for show the new shape, alone and in the colour asked for."""
    wanted = [replace(shapes[0], kind=SHAPE, colour=colour) if len(shapes) == 1 else None
        for shapes, (colour, _) in zip(found, ASKED, strict=True)]  # fmt: skip
    return sum(want is not None and shapes[0] == want for shapes, want in zip(found, wanted, strict=True))

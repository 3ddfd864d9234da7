"""Captions of scenes: a few known words in a fixed grammar, from which a caption may leave words out.

One shape: [size] [colour] shape [place], such as "large red star left". Two shapes: [size] [colour] shape, a relation
or "and", [size] [colour] shape, such as "small blue ring above green square". The word "shape" stands for any kind.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.scenes.drawing import (
    COLOURS,
    JITTER,
    KINDS,
    PLACES,
    RADII,
    RELATIONS,
    Scene,
    Shape,
)  # fmt: skip

Tokens = NDArray[np.int64]

ANY = "shape"
"""The noun of a shape of which a caption does not say the kind."""

MIRRORED = {"right of": "left of", "below": "above"}
"""Relations in which the shapes are named in the other order."""

LINKS = ("and", *RELATIONS, *MIRRORED)
"""What stands between the two shapes of a caption."""

WORDS = ("", *RADII, *COLOURS, *KINDS, ANY, *PLACES, *LINKS)
"""The vocabulary. Token 0 is the end of a caption, which fills the rest of its length."""

IGNORED = frozenset(["a", "an", "the", "at", "on", "in", "of", "to", "is", "with"])
"""Words without a meaning here, which a reader may type."""

SYNONYMS = {
    "big": "large", "huge": "large", "little": "small", "tiny": "small", "center": "centre", "middle": "centre",
    "disc": "circle", "disk": "circle", "box": "square", "plus": "cross", "under": "below", "over": "above",
    "shapes": ANY, **{f"{kind}{'es' if kind.endswith('s') else 's'}": kind for kind in KINDS},
}  # fmt: skip
"""What a reader may type for a word of the vocabulary."""

LONGEST = 8
"""Tokens of every caption, its end included."""

NO_SIZE, NO_COLOUR, NO_KIND, NO_PLACE, NO_RELATION = 0.5, 0.2, 0.1, 0.4, 0.4
"""How often a caption leaves out each of these; "and" replaces the relation, in either order."""

NO_CAPTION = 0.1
"""How often a scene has the empty caption, from which guidance learns what pictures are like without one."""


def random_scene(rng: np.random.Generator, one: bool | None = None) -> Scene:
    """One shape at a place or two in a relation, equally often unless `one` says which, with uniform properties.

    Two shapes differ in kind or colour, and two of one colour are not both large: they might touch.
    """
    single = rng.random() < 0.5 if one is None else one
    layout = str(rng.choice(list(PLACES if single else RELATIONS)))
    centres = RELATIONS[layout] if layout in RELATIONS else (PLACES[layout],)
    while True:
        shapes = tuple(_random_shape(centre, rng) for centre in centres)
        if len(shapes) == 1 or differ(*shapes):
            return Scene(shapes, layout)


def differ(a: Shape, b: Shape) -> bool:
    """Whether two shapes may stand in one scene: they can be told apart, and do not touch."""
    return a.colour != b.colour or (a.kind != b.kind and "small" in (a.size, b.size))


def _random_shape(centre: tuple[float, float], rng: np.random.Generator) -> Shape:
    kind, colour, size = (str(rng.choice(list(names))) for names in (KINDS, COLOURS, RADII))
    x, y = np.array(centre) + rng.uniform(-JITTER, JITTER, 2)
    return Shape(kind, colour, size, float(x), float(y))


def random_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A true caption of the scene with words left out at random, or the empty one."""
    if rng.random() < NO_CAPTION:
        return ""
    named = [_named(shape, rng) for shape in scene.shapes]
    if len(named) == 1:
        return named[0] if rng.random() < NO_PLACE else f"{named[0]} {scene.layout}"
    link = scene.layout
    if rng.random() < NO_RELATION:
        link = "and"
    elif rng.random() < 0.5:
        link = next(mirrored for mirrored, relation in MIRRORED.items() if relation == link)
    if link in MIRRORED or (link == "and" and rng.random() < 0.5):
        named.reverse()
    return f"{named[0]} {link} {named[1]}"


def _named(shape: Shape, rng: np.random.Generator) -> str:
    parts = [(shape.size, NO_SIZE), (shape.colour, NO_COLOUR)]
    words = [word for word, left_out in parts if rng.random() >= left_out]
    return " ".join([*words, ANY if rng.random() < NO_KIND else shape.kind])


@dataclass(frozen=True)
class Unknown:
    """A word of a prompt that no caption has, and the known word that is most like it, "" if none is."""

    word: str
    like: str


def parse(prompt: str) -> tuple[Tokens, list[Unknown], int]:
    """The tokens (LONGEST,) of a prompt, its unknown words, which are left out, and how many words were too many."""
    text = re.sub(r"\b(left|right)[\s,]+of\b", r"\1_of", prompt.lower())
    found: list[int] = []
    unknown = []
    for typed in re.findall(r"[\w-]+", text):
        word = typed.replace("_of", " of")
        word = SYNONYMS.get(word, word)
        if word in IGNORED:
            continue
        if word in WORDS:
            found.append(WORDS.index(word))
        else:
            like = difflib.get_close_matches(word, WORDS[1:], 1)
            unknown.append(Unknown(word, like[0] if like else ""))
    tokens = np.zeros(LONGEST, np.int64)
    kept = found[: LONGEST - 1]
    tokens[: len(kept)] = kept
    return tokens, unknown, len(found) - len(kept)


def words_of(tokens: Tokens) -> list[str]:
    """The words of a caption's tokens (n,), without the end."""
    return [WORDS[token] for token in tokens if token]

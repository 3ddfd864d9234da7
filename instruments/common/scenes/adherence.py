"""Whether a picture shows what its caption asks for, by an exact rule on the shapes that are recognised in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffusion_lab.instruments.common.scenes.captions import (
    ANY,
    LINKS,
    MIRRORED,
    Tokens,
    differ,
    random_scene,
    words_of,
)
from diffusion_lab.instruments.common.scenes.drawing import COLOURS, KINDS, PLACES, RADII, Images, Scene
from diffusion_lab.instruments.common.scenes.recognition import Found, recognise

APART = 4.0
"""Pixels by which centres must differ for one shape to be left of, or above, another."""


@dataclass(frozen=True)
class Wanted:
    """What a caption says of one shape; "" where it does not say it."""

    size: str = ""
    colour: str = ""
    kind: str = ""
    place: str = ""

    def fits(self, found: Found) -> bool:
        """Whether the shape is what is wanted."""
        pairs = ((self.size, found.size), (self.colour, found.colour), (self.kind, found.kind))
        return all(not want or want == got for want, got in pairs) and self.place in ("", nearest_place(found))


@dataclass(frozen=True)
class Request:
    """A caption as wanted shapes, one or two, and the relation of the first to the second: "", "left of" or "above"."""

    shapes: tuple[Wanted, ...]
    relation: str = ""

    def met_by(self, found: list[Found]) -> bool:
        """Whether there are as many shapes as wanted, each fits, and they are in the relation."""
        if len(found) != len(self.shapes):
            return False
        if len(found) == 1:
            return self.shapes[0].fits(found[0])
        orders = (found, found[::-1])
        return any(
            all(want.fits(got) for want, got in zip(self.shapes, order, strict=True)) and self._related(*order)
            for order in orders
        )

    def _related(self, first: Found, second: Found) -> bool:
        distance = {"": APART, "left of": second.x - first.x, "above": second.y - first.y}
        return distance[self.relation] >= APART


OUTCOMES = {
    "met": "as asked",
    "swapped": "colours exchanged",
    "place": "wrong place",
    "missing": "a shape is missing",
    "extra": "a shape too many",
    "wrong": "wrong colour, shape or size",
}
"""How a picture answers a request, with words for people: the known failures of binding, each told by the rule."""


def outcome(wanted: Request, found: list[Found]) -> str:
    """The one of OUTCOMES that holds: the first that fits, in the order "met", a wrong count, "swapped", "place"."""
    if wanted.met_by(found):
        return "met"
    if len(found) != len(wanted.shapes):
        return "missing" if len(found) < len(wanted.shapes) else "extra"
    if _exchanged(wanted).met_by(found):
        return "swapped"
    return "place" if _anywhere(wanted).met_by(found) else "wrong"


def _exchanged(wanted: Request) -> Request:
    """The request with the colours of its two shapes exchanged."""
    colours = [want.colour for want in reversed(wanted.shapes)]
    shapes = (replace(want, colour=colour) for want, colour in zip(wanted.shapes, colours, strict=True))
    return replace(wanted, shapes=tuple(shapes))


def _anywhere(wanted: Request) -> Request:
    """The request without places and relation."""
    return Request(tuple(replace(want, place="") for want in wanted.shapes))


def nearest_place(found: Found) -> str:
    """The name of the place that is nearest to a shape's centre."""
    return min(PLACES, key=lambda name: (PLACES[name][0] - found.x) ** 2 + (PLACES[name][1] - found.y) ** 2)


def request(tokens: Tokens) -> Request | None:
    """What a caption asks for; None where it does not follow the grammar of captions, so that no rule can judge it."""
    words = words_of(tokens)
    links = [index for index, word in enumerate(words) if word in LINKS]
    if len(links) > 1:
        return None
    if not links:
        one = _wanted(words, True)
        return Request((one,)) if one else None
    first, second = _wanted(words[: links[0]], False), _wanted(words[links[0] + 1 :], False)
    if not first or not second:
        return None
    link = words[links[0]]
    if link in MIRRORED:
        return Request((second, first), MIRRORED[link])
    return Request((first, second), "" if link == "and" else link)


def _wanted(words: list[str], placed: bool) -> Wanted | None:
    """One shape, its words in any order; None where one occurs twice, is of another kind, or no shape is named."""
    said = {"size": "", "colour": "", "kind": "", "place": ""}
    groups = {"size": RADII, "colour": COLOURS, "kind": {**KINDS, ANY: None}, "place": PLACES if placed else {}}
    for word in words:
        part = next((part for part, names in groups.items() if word in names), None)
        if part is None or said[part]:
            return None
        said[part] = word
    if not said["kind"]:
        return None
    return Wanted(**{**said, "kind": "" if said["kind"] == ANY else said["kind"]})


def adherence(images: Images, tokens: Tokens) -> np.ndarray:
    """For each image (N, 32, 32, 3) whether it shows what its caption (N, LONGEST) asks for: booleans (N,).

    A caption without a rule counts as not met.
    """
    return np.array([found == "met" for found in outcomes(images, tokens)])


def outcomes(images: Images, tokens: Tokens) -> list[str]:
    """For each image (N, 32, 32, 3) how it answers its caption (N, LONGEST): one of OUTCOMES.

    A caption without a rule counts as "wrong".
    """
    requests = [request(row) for row in tokens]
    pairs = zip(requests, recognise(images), strict=True)
    return [outcome(wanted, found) if wanted else "wrong" for wanted, found in pairs]


def scene_for(wanted: Request, rng: np.random.Generator) -> Scene:
    """A scene that meets a request; what the request leaves open is random."""
    while True:
        scene = random_scene(rng, one=len(wanted.shapes) == 1)
        places = [wanted.shapes[0].place] if len(scene.shapes) == 1 else [wanted.relation]
        if places[0] and places[0] != scene.layout:
            continue
        shapes = tuple(
            replace(shape, **{part: getattr(want, part) for part in ("size", "colour", "kind") if getattr(want, part)})
            for shape, want in zip(scene.shapes, wanted.shapes, strict=True)
        )
        if len(shapes) == 1 or differ(*shapes) or rng.random() < 0.01:  # two that are asked for alike are drawn alike
            return Scene(shapes, scene.layout)

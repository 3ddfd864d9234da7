"""The word that is taught: its pictures, and the rule that says whether it has been learned."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.scenes.captions import WORDS, words_of
from diffusion_lab.instruments.common.scenes.drawing import PLACES, Scene, Shape, draw
from diffusion_lab.instruments.common.scenes.recognition import recognise
from diffusion_lab.instruments.walk import new_word


def drawings(kind, pairs=new_word.ASKED):
    return draw([Scene((Shape(kind, colour, "large", *PLACES[place]),), place) for colour, place in pairs])


def test_the_given_pictures_show_the_shape_that_no_word_names():
    images, captions = new_word.examples()
    found = new_word.recognised(images)
    assert [(shape.kind, shape.colour) for (shape,) in found] == [("heart", colour) for colour, _ in new_word.GIVEN]
    assert not any(shape.kind == "heart" for (shape,) in recognise(images)), "the rule of captions does not know it"
    assert "heart" not in WORDS
    assert [words_of(tokens)[new_word.PLACE] for tokens in captions] == ["shape"] * 4


def test_none_of_the_given_pairs_is_asked_for():
    assert not set(new_word.GIVEN) & set(new_word.ASKED)


@pytest.mark.subject(new_word.hits, any_shape=lambda found: sum(len(shapes) == 1 for shapes in found))
def test_a_picture_counts_that_has_the_shape_in_its_colour(subject):
    assert subject(new_word.recognised(drawings("heart"))) == 4
    assert subject(new_word.recognised(drawings("star"))) == 0
    exchanged = drawings("heart", (*new_word.ASKED[2:], *new_word.ASKED[:2]))
    assert subject(new_word.recognised(exchanged)) == 0
    assert subject(new_word.recognised(np.full((4, 32, 32, 3), 0.9, np.float32))) == 0

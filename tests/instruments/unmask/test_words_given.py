"""Words that a reader gives to masked diffusion, by name and by tap."""

import pytest

from diffusion_lab.app.instrument import StateError
from diffusion_lab.instruments.unmask import kernel, language, layout
from diffusion_lab.instruments.unmask.component import Unmask

from .shown import column, everything


def test_words_given_stay_where_they_are_in_both_texts():
    unmask = Unmask(given="15:. 2:cat 7:sea")
    for progress in (0.0, 0.4, 1.0):
        unmask.progress = progress
        for side in unmask.shown.sides.values():
            assert [kernel.VOCABULARY[side.x[i]] for i in (14, 1, 6)] == [".", "cat", "sea"]
    answer = unmask.answer()
    assert len(answer.layers["plane.pins"]["x"]) == 6
    assert "given “cat” at 2, “sea” at 7, “.” at 15" in answer.description
    assert answer.texts["given_problem"] == ""


def test_what_cannot_be_given_is_said_and_kept():
    """Nothing typed is lost: a word beyond the end comes back when the text is long enough."""
    unmask = Unmask(given="2:cat 3:captin 14:sea", length=12)
    assert unmask.pins[0] == ((2, "cat"),)
    problem = unmask.reading_texts["given_problem"]
    assert problem.startswith("“captin” is not a word of the corpus; near it: captain")
    assert problem.endswith("“sea” has no place 14 in 12 words.")
    unmask.length = 15
    assert unmask.pins[0] == ((2, "cat"), (14, "sea"))
    assert unmask.given == "2:cat 3:captin 14:sea"


def test_many_problems_are_counted():
    unmask = Unmask(given=" ".join(f"{place}:captin" for place in range(1, 10)) + " 0:captain 10:cat")
    problem = unmask.reading_texts["given_problem"]
    assert problem.count("“captin” is not a word of the corpus") == language.SHOWN_PROBLEMS
    assert problem.endswith("7 more cannot be used.")
    assert unmask.pins[0] == ((10, "cat"),)


def test_place_0_is_no_place():
    assert Unmask(given="0:captain").reading_texts["given_problem"] == "“captain” has no place 0 in 15 words."


def test_all_words_can_be_given():
    text = ["the", "cat", "sleeps", "on", "the", "bed", ".", "the", "dog", "sleeps", ".", "the"]
    unmask = Unmask(length=12, given=" ".join(f"{i}:{word}" for i, word in enumerate(text, 1)))
    assert kernel.text(unmask.shown.sides["unmasked"].x) == " ".join(text)
    assert unmask.reading_texts["revealed"] == unmask.reading_texts["revealed_true"] == "0 of 0"
    assert unmask.reading_texts["likelihood"] == "–"
    assert everything(unmask).status.startswith("a pass of unmasking computes all 12 words")


def tap(unmask, name, place):
    x, y, *_ = layout.cells(name, unmask.length)
    unmask.answer()
    unmask.act({"action": "tap", "x": x[place - 1], "y": y[place - 1]})


def test_a_tap_gives_a_word_and_masks_it_again():
    unmask = Unmask(progress=1.0, given="3:captin")
    ours = kernel.VOCABULARY[unmask.shown.sides["unmasked"].x[8]]
    tap(unmask, "unmasked", 9)
    assert unmask.given == f"3:captin 9:{ours}"
    theirs = kernel.VOCABULARY[unmask.shown.sides["written"].x[0]]
    tap(unmask, "written", 1)
    assert unmask.given == f"1:{theirs} 3:captin 9:{ours}"
    tap(unmask, "unmasked", 9)
    assert unmask.given == f"1:{theirs} 3:captin"


def test_a_tap_on_a_mask_gives_a_guess_that_is_shown():
    unmask = Unmask(progress=0.0)
    tap(unmask, "unmasked", 4)
    assert unmask.given == ""
    unmask.show_guesses = True
    guess = column(unmask, "plane.guesses", "text")[3]
    tap(unmask, "written", 4)
    assert unmask.given == ""
    tap(unmask, "unmasked", 4)
    assert unmask.given == f"4:{guess}"


def test_a_tap_beside_the_words_does_nothing():
    unmask = Unmask(progress=1.0)
    unmask.answer()
    for x, y in ((300, 100), (300, 835), (-50, 600)):
        unmask.act({"action": "tap", "x": x, "y": y})
    assert unmask.given == ""
    with pytest.raises(StateError):
        unmask.act({"action": "tap", "x": None, "y": None})


@pytest.mark.parametrize("length", [12, 15, 24])
def test_every_cell_is_found_where_it_is_drawn(length):
    for name in layout.TOPS:
        x, y, w, h = layout.cells(name, length)
        for i in range(length):
            for dx, dy in ((0, 0), (0.49, 0.49), (-0.49, 0.49), (0.49, -0.49)):
                assert layout.cell_at(length, x[i] + dx * w, y[i] + dy * h) == (name, i)

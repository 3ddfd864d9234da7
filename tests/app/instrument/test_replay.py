"""Replay: frames of a run, computed no further than they are asked for, and its time in the status line."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from diffusion_lab.app.instrument import Replay


def squares(taken: list[int], end: int = 100) -> Iterator[int]:
    """0, 1, 4, …; what has been taken is noted."""
    for number in range(end):
        taken.append(number)
        yield number * number


def finish(work, at_most=math.inf):
    """Runs work to its end, or for so many steps; returns what it yielded, and its result."""
    yielded = []
    while len(yielded) < at_most:
        try:
            yielded.append(next(work))
        except StopIteration as end:
            return yielded, end.value
    work.close()
    return yielded, None


@pytest.mark.subject(
    lambda replay, frame: replay.to(frame),
    to_the_end=lambda replay, frame: replay.to(replay.num_frames - 1),
    one_frame_off=lambda replay, frame: replay.to(max(0, frame - 1)),
)
def test_a_run_goes_no_further_than_it_is_asked(subject):
    """Of the states 0, 1, 3, 4, 6, 8 that are kept, the third is reached after three steps."""
    taken: list[int] = []
    replay = Replay(squares(taken), 8, 5, str)
    assert (replay.num_frames, replay.frames, taken) == (6, ["0"], [0])
    yielded, frame = finish(subject(replay, 2))
    assert (yielded, frame) == ([(1, 3, "1"), (2, 3, "1"), (3, 3, "9")], "9")
    assert taken == [0, 1, 2, 3]
    assert finish(subject(replay, 1)) == ([], "1"), "what has been computed is kept"


def test_in_slices_and_in_any_order_it_is_the_same_run():
    whole, sliced = (Replay(squares([]), 8, 5, str) for _ in range(2))
    finish(whole.to_end())
    while not sliced.complete:
        finish(sliced.to(5), 1)
        finish(sliced.to_end(), 1)
    assert whole.frames == sliced.frames == ["0", "1", "9", "16", "36", "64"]
    assert whole.steps_done == sliced.steps_done == 8


def test_progress_names_a_frame():
    replay = Replay(squares([]), 8, 5, str)
    assert [replay.index(share) for share in (0, 0.09, 0.11, 0.5, 1)] == [0, 0, 1, 2, 5]


def test_a_run_counts_its_own_time():
    replay = Replay(squares([]), 8, 5, str)
    start = replay.milliseconds
    finish(replay.to_end())
    spent = replay.milliseconds
    finish(replay.to_end())
    assert 0 < start < spent == replay.milliseconds


def test_a_run_that_ends_early_says_so():
    with pytest.raises(ValueError) as caught:
        finish(Replay(squares([], end=4), 8, 5, str).to_end())
    assert str(caught.value) == "The run ended after 3 of 8 steps."

"""The benchmarks keep up with the kernels they time, and read off a page's notes what these say."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

import _workloads as workloads
import dragging


@pytest.mark.parametrize("group", workloads.GROUPS)
def test_every_workload_runs(group):
    for work in workloads.GROUPS[group]().values():
        work()


def test_what_javascript_does_too_comes_to_something():
    for inputs, work in workloads.prepared().values():
        result = work(inputs)
        assert np.isfinite(result).all()
        assert result.std() > 0


#: Two moves while Python is busy with the first value: the third value, not the second, is answered next.
NOTES = [
    ["move", 0.0, 0.1],
    ["sent", 1.0, {"t": 0.1}],
    ["move", 16.0, 0.2],
    ["arrived", 20.0],
    ["applied", 21.0],
    ["move", 22.0, 0.3],
    ["idle", 23.0],
    ["sent", 23.0, {"t": 0.3}],
    ["drawn", 30.0, 34.0],
    ["frames", 34.0, 50.0],
    ["arrived", 40.0],
    ["applied", 41.0],
    ["idle", 42.0],
    ["drawn", 60.0, 66.0],
    ["frames", 50.0, 66.0],
]


def test_each_move_waits_for_its_own_picture_or_a_newer_one():
    found = dragging.dragged(NOTES, ["t"], seconds=0.1)
    assert found.to_paint == [34.0, 50.0, 44.0]
    assert found.python == [19.0, 17.0]
    assert (found.moves, found.painted, found.text_only) == (3, 2, False)


def test_a_change_of_text_counts_from_the_next_frame():
    found = dragging.dragged([note for note in NOTES if note[0] != "drawn"], ["t"], seconds=0.1)
    assert found.to_paint == [34.0, 34.0, 28.0]
    assert found.text_only


def test_a_move_without_an_answer_is_an_error():
    with pytest.raises(RuntimeError, match="1 of 4 moves of t were never answered"):
        dragging.dragged([*NOTES, ["move", 70.0, 0.4]], ["t"], seconds=0.1)

"""How far a run is computed, and which of its states are kept."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.ring import kernel, runs


def run(num_levels=8, max_frames=5):
    frames = kernel.sample(ring(), "ddpm", 30, num_levels, rng=np.random.default_rng(3))
    return runs.Run(frames, num_levels, max_frames)


@pytest.mark.subject(
    lambda a, step: a.compute(a.num_frames - 1, step),
    to_the_next_frame=lambda a, step: a.compute(len(a.frames)),
    without_a_limit=lambda a, step: a.compute(a.num_frames - 1),
)
def test_a_run_goes_no_further_than_it_is_asked(subject):
    """Steps are counted, kept frames or not; in slices or at once it is the same run, bit for bit."""
    one = run()
    assert (one.num_frames, len(one.frames), one.complete) == (6, 1, False)
    subject(one, 2)  # of the states 0, 1, 3, 4, 6, 8 that are kept, the second
    assert [frame.nfe for frame in one.frames] == [0, 1]
    subject(one, 2)
    assert [frame.nfe for frame in one.frames] == [0, 1, 3, 4]
    while not one.complete:
        subject(one, 2)
    whole = run()
    whole.compute(5)
    assert [frame.nfe for frame in whole.frames] == [frame.nfe for frame in one.frames] == [0, 1, 3, 4, 6, 8]
    for a, b in zip(one.frames, whole.frames, strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        assert a.x.dtype == np.float32


@pytest.mark.subject(
    runs.frame_indices,
    without_the_end=lambda total, max_frames: np.arange(min(max_frames, total)) * total // min(max_frames, total),
    fixed_stride=lambda total, max_frames: np.arange(0, total + 1, max(1, total // max_frames)),
    repeated=lambda total, max_frames: np.arange(max_frames + 1) * total // max_frames,
)
def test_frames_are_evenly_spaced_with_both_ends(subject):
    for total in (1, 2, 7, 599, 600, 601):
        for max_frames in (1, 2, 60, 240, 600, 5000):
            kept = subject(total, max_frames)
            assert len(kept) == min(max_frames, total) + 1
            assert (kept[0], kept[-1]) == (0, total)
            gaps = np.diff(kept)
            assert gaps.min() >= 1
            assert np.ptp(gaps) <= 1


def test_memory_is_bounded_as_stated():
    one = run(num_levels=100, max_frames=9)
    one.compute(9)
    assert sum(frame.x.nbytes for frame in one.frames) == 8 * 30 * 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: runs.frame_indices(0, 5), "`total` must be at least 1, got 0."),
        (lambda: runs.frame_indices(5, 0), "`max_frames` must be at least 1, got 0."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

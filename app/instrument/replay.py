"""Replay: caches the states of an iterator as frames that can be scrubbed. Frames are computed lazily."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import Any, Generic, TypeVar

State = TypeVar("State")
Frame = TypeVar("Frame")


class Replay(Generic[State, Frame]):
    """Frames of a run of `num_steps` steps: the start and at most `max_frames` states after it, evenly spaced.

    states: the start, then the state after each step; keep: makes the frame of a state (a compact copy). The frames
    include both ends of the run. A frame depends only on the iterator, not on the order of access.
    milliseconds: the computing time of the steps so far.
    """

    def __init__(
        self, states: Iterable[State], num_steps: int, max_frames: int, keep: Callable[[State], Frame]
    ) -> None:
        if num_steps < 1 or max_frames < 1:
            raise ValueError(f"A replay needs at least 1 step and 1 frame, got {num_steps} and {max_frames}.")
        self._states = iter(states)
        self._keep = keep
        self.num_steps = num_steps
        self.steps_done = -1
        self.milliseconds = 0.0
        count = min(max_frames, num_steps)
        self.frame_steps = [k * num_steps // count for k in range(count + 1)]
        self.frames: list[Frame] = []
        self._take()

    @property
    def num_frames(self) -> int:
        """Frames of the whole run."""
        return len(self.frame_steps)

    @property
    def complete(self) -> bool:
        """Whether the last frame has been computed."""
        return len(self.frames) == self.num_frames

    def index(self, progress: float) -> int:
        """The frame at a share of the run from 0 to 1."""
        return round(progress * (self.num_frames - 1))

    def to(self, frame: int) -> Generator[tuple[int, int, Frame], None, Frame]:
        """Work (`computed(work=True)`) that computes up to `frame`: yields steps done, steps wanted and the last frame.

        The run is visible while it is computed; the result is the frame itself.
        """
        while len(self.frames) <= frame:
            self._take()
            yield self.steps_done, self.frame_steps[frame], self.frames[-1]
        return self.frames[frame]

    def to_end(self) -> Generator[tuple[int, int], None, Replay[State, Frame]]:
        """Work that computes all frames and returns the replay; it shows nothing before the end."""
        while not self.complete:
            self._take()
            yield self.steps_done, self.num_steps
        return self

    def _take(self) -> None:
        """Takes one state from the iterator, and stores its frame if it is one of those to keep."""
        start = time.perf_counter()
        try:
            state: Any = next(self._states)
        except StopIteration:
            raise ValueError(f"The run ended after {self.steps_done} of {self.num_steps} steps.") from None
        self.milliseconds += 1000 * (time.perf_counter() - start)
        self.steps_done += 1
        if self.steps_done == self.frame_steps[len(self.frames)]:
            self.frames.append(self._keep(state))

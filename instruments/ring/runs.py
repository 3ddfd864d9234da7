"""A run of a sampler, computed no further than it has been looked at."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.state import SamplerState

MAX_FRAMES = 60


def frame_indices(total: int, max_frames: int) -> NDArray[np.int64]:
    """Which of the states 0 … `total` to keep: at most `max_frames` + 1, evenly spaced, with both ends."""
    require(total >= 1, "`total` must be at least 1", total)
    require(max_frames >= 1, "`max_frames` must be at least 1", max_frames)
    count = min(max_frames, total)
    return np.arange(count + 1, dtype=np.int64) * total // count


class Run:
    """A run of a sampler, computed no further than it has been looked at.

    frames: those kept so far, float32, in order; num_frames: how many there will be; both ends are among them.
    """

    def __init__(self, frames: Iterator[SamplerState[Level]], num_steps: int, max_frames: int = MAX_FRAMES) -> None:
        """`frames` are the start and `num_steps` more, of which at most `max_frames` + 1 are kept."""
        self._coming = enumerate(frames)
        self._kept = frame_indices(num_steps, max_frames)
        self.frames: list[SamplerState[Level]] = []
        self.compute(0)

    @property
    def num_frames(self) -> int:
        """Frames of the whole run."""
        return len(self._kept)

    @property
    def complete(self) -> bool:
        """Whether the end has been reached."""
        return len(self.frames) == self.num_frames

    def compute(self, frame: int, at_most: float = np.inf) -> None:
        """Go on to the kept frame `frame`, by at most `at_most` steps."""
        while len(self.frames) <= frame and at_most > 0:
            number, state = next(self._coming)
            at_most -= 1
            if number == self._kept[len(self.frames)]:
                self.frames.append(replace(state, x=state.x.astype(np.float32)))

"""The states that every sampler yields, for the start and after each step; and all states of a run, stacked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from diffusion_lab.instruments.common.checks import require
from diffusion_lab.instruments.common.denoisers import Counted, Denoiser
from diffusion_lab.instruments.common.levels import Level

Array = NDArray[np.float64]
L = TypeVar("L")
Step = Callable[[Denoiser, Array, Level, Level], Array]


class Normals(Protocol):
    """The source of a sampler's noise: `numpy.random.Generator`, or any object with this method."""

    def standard_normal(self, size: tuple[int, ...], /) -> Array:
        """Independent N(0, 1) numbers of the shape `size`."""


@dataclass(frozen=True, eq=False)
class SamplerState(Generic[L]):
    """The points after a step.

    step: from 0, the start; nfe: network evaluations per point so far; level: of x, a `Level`, or for flows the time
    t; x: (N, ...), VP coordinates, an array that the sampler never writes to again.
    """

    step: int
    nfe: int
    level: L
    x: Array


@dataclass(frozen=True, eq=False)
class Trajectory(Generic[L]):
    """States of one run, stacked: x (F, N, ...), step and nfe (F,), and the F levels."""

    step: NDArray[np.int64]
    nfe: NDArray[np.int64]
    levels: tuple[L, ...]
    x: NDArray[np.floating]

    @classmethod
    def of(cls, states: Iterable[SamplerState[L]], dtype: DTypeLike = np.float64) -> "Trajectory[L]":
        """From an iterator of states, each converted to `dtype` at once. Raises ValueError if it is empty."""
        rows = [(state.step, state.nfe, state.level, state.x.astype(dtype)) for state in states]
        require(rows, "`states` must hold at least one state", "none")
        step, nfe, levels, x = zip(*rows, strict=True)
        return cls(np.array(step), np.array(nfe), levels, np.stack(x))

    def at(self, progress: float) -> NDArray[np.floating]:
        """The points (N, ...) when the share `progress` of the steps is done, on straight lines between states."""
        place = progress * (len(self.x) - 1)
        k = min(int(place), len(self.x) - 2)
        share = place - k
        return (1.0 - share) * self.x[k] + share * self.x[k + 1]

    def nodes(self, progress: float, points: int) -> NDArray[np.floating]:
        """The way of the first `points` points up to `progress`, (F, P, ...): states, and where the points are now."""
        steps = len(self.x) - 1
        before = self.x[: int(np.ceil(progress * steps - 1e-9)), :points]
        return np.concatenate([before, self.at(progress)[None, :points]])


def stepped(denoiser: Denoiser, x: ArrayLike, levels: Sequence[Level], step: Step) -> Iterator[SamplerState[Level]]:
    """The start, then a state after each `step(eps_hat, x, cur, after)` from one level to the next.

    For samplers that step between levels; `eps_hat` is the denoiser, its evaluations counted.
    Raises ValueError at the call unless there are two levels or more and the noise falls from each to the next.
    """
    require(len(levels) >= 2, "`levels` must hold at least 2 levels", len(levels))
    sigmas = [level.sigma for level in levels]
    falling = all(cur > after for cur, after in pairwise(sigmas)) and levels[0].alpha_bar > 0
    require(falling, "`levels` must fall in noise, from below infinite to at least 0", f"sigma = {_shown(sigmas)}")

    def states(x: Array) -> Iterator[SamplerState[Level]]:
        eps_hat = Counted(denoiser)
        yield SamplerState(0, 0, levels[0], x)
        for number, (cur, after) in enumerate(pairwise(levels), start=1):
            x = step(eps_hat, x, cur, after)
            yield SamplerState(number, eps_hat.nfe, after, x)

    return states(np.asarray(x, dtype=np.float64))


def _shown(sigmas: Sequence[object]) -> str:
    return ", ".join(f"{sigma:.4g}" for sigma in sigmas[:6]) + (", …" if len(sigmas) > 6 else "")

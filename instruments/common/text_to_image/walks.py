"""Images on their way: from an image to noise, and from noise to an image, with the model's guess at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.denoisers import Condition, Denoiser, evaluations, x0_hat
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.samplers.by_name import SAMPLERS
from diffusion_lab.instruments.common.scenes.adherence import outcomes
from diffusion_lab.instruments.common.scenes.captions import Tokens
from diffusion_lab.instruments.common.slices import Work, sliced
from diffusion_lab.instruments.common.text_to_image.denoiser import SCHEDULE, T_MAX

Images = NDArray[np.float32]

T_MIN = 0.02
"""The last level at which the network is asked: the jump from there takes away the last noise."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A moment of a walk: images x (N, 32, 32, 3) at a level, the model's guess of the clean ones, and its noise."""

    level: Level
    x: Images
    guess: Images
    noise: Images


def levels(num_steps: int) -> list[Level]:
    """The levels of a walk of `num_steps` steps, from nearly pure noise to clean, at equal distances in time."""
    return SCHEDULE.levels(num_steps, t_max=T_MAX, t_min=T_MIN, clean=True)


class _Watched:
    """A denoiser that remembers its last prediction."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser

    def __call__(self, x: Images, level: Level, condition: Condition = None, /) -> Images:
        noise = self.denoiser(x, level, condition)
        self.frame = Frame(level, x, x0_hat(x, noise, level), noise)
        return noise

    def evaluations(self, level: Level) -> int:
        return evaluations(self.denoiser, level)


def walk(denoiser: Denoiser, sampler: str, x: Images, num_steps: int, seed: int) -> Iterator[Frame]:
    """A frame for the start and for each step, num_steps + 1, of one of SAMPLERS from noise x (N, 32, 32, 3).

    Samplers of first order ask the network once a step, so its guess belongs to the image before the step. The last
    frame is clean: its guess is itself.
    """
    watched = _Watched(denoiser)
    states = SAMPLERS[sampler](watched, x, levels(num_steps), seeded((seed, 1)))
    state = next(states)
    for after in states:
        yield watched.frame
        state = after
    clean = np.asarray(state.x)
    yield Frame(state.level, clean, clean, np.zeros_like(clean))


def forward(image: Images, noise: Images, t: float, denoiser: Denoiser, condition: Condition) -> Frame:
    """Images (N, 32, 32, 3) with their `noise` at time t, and what the model says of them."""
    level = SCHEDULE.level(min(max(t, 1e-3), T_MAX))
    x = (level.signal * image + level.sigma_t * noise).astype(np.float32)
    eps_hat = denoiser(x, level, condition)
    return Frame(level, x, x0_hat(x, eps_hat, level).astype(np.float32), eps_hat)


@dataclass(frozen=True, eq=False)
class Tradeoff:
    """What guidance buys and costs at each of `scales` (S,): the share of images that show what was asked, and how
    far apart images of one caption are, the root mean square of the difference of their values, (S,). `outcomes` has
    one of adherence.OUTCOMES for each image, (S, N).
    """

    scales: NDArray[np.float64]
    outcomes: NDArray[np.str_]
    spread: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """The share of images that show what was asked, (S,)."""
        return self.share_of("met")

    def share_of(self, outcome: str) -> NDArray[np.float64]:
        """The share of images with this outcome, (S,)."""
        return np.mean(self.outcomes == outcome, axis=1)


@sliced
def tradeoff(
    denoiser: Denoiser, caption: Tokens, scales: tuple[float, ...], x: Images, num_steps: int
) -> Work[Tradeoff]:
    """Samples by DDIM from the same noise x (N, 32, 32, 3) at each guidance scale; yields after each step."""
    of, done = len(scales) * num_steps, 0
    found, spread = [], []
    tokens = np.broadcast_to(caption, (len(x), len(caption)))
    for scale in scales:
        guided = ClassifierFreeGuidance(denoiser, scale, caption)
        frames = []
        for frame in walk(guided, "ddim", x, num_steps, 0):
            frames.append(frame)
            yield done + len(frames) - 1, of
        done += num_steps
        found.append(outcomes(frames[-1].x, tokens))
        spread.append(spread_of(frames[-1].x))
    return Tradeoff(np.array(scales), np.array(found), np.array(spread))


def spread_of(images: Images) -> float:
    """Root mean square difference of the values of two of the images (N, ...), over all pairs."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    return float(np.sqrt(2.0 * flat.var(axis=0, ddof=1).mean()))

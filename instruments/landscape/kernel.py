"""Four models of the same data, trained and measured alike: their runs, their samples, their likelihoods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.common.datasets import DataSet
from diffusion_lab.instruments.common.flow_likelihood import log_likelihood
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import Work, sliced, within
from diffusion_lab.instruments.landscape import diffusion, gan, ppca, vae
from diffusion_lab.instruments.landscape.diffusion import Diffusion, likelihood_levels
from diffusion_lab.instruments.landscape.ppca import Ppca
from diffusion_lab.instruments.landscape.quality import NUM_POINTS, REFERENCE, Quality, Yardstick
from diffusion_lab.instruments.landscape.vae import Vae, bounds

Array = NDArray[np.float64]

NETWORKS: dict[str, Callable[[DataSet, int], Iterator[Any]]] = {
    "vae": vae.training,
    "gan": gan.training,
    "diffusion": diffusion.training,
}
"""The models that are trained step by step."""
MODELS = ("ppca", *NETWORKS)
TESTED, CODES, FLOW_STEPS = 256, 32, 60
"""Data points whose likelihood is taken, codes for the tighter bound, and steps of the flow: right to 0.01 nats."""


class Model(Protocol):
    """What can be drawn from. passes: of a network for each sample."""

    passes: int

    def drawing(self, z: Array, rng: np.random.Generator) -> Work[Array]:
        """Samples (N, 2) from codes z (N, 2)."""

    def ends(self, z: Array) -> Work[Array]:
        """Where codes z (N, 2) lead, without noise that is added at the end."""


class Frame(NamedTuple):
    """A model at a step of its training, and the seconds that all steps so far took."""

    step: int
    model: Any
    seconds: float


class Moment(NamedTuple):
    """A frame, samples of it (NUM_POINTS, 2), their quality, and the seconds that drawing them took."""

    frame: Frame
    x: Array
    quality: Quality
    seconds: float


def frames(name: str, data: DataSet, seed: int) -> Iterator[Frame]:
    """The training of a network, with its time: models share arrays that change, and `kept` makes copies."""
    states, seconds, step = NETWORKS[name](data, seed), 0.0, 0
    while True:
        began = perf_counter()
        model = next(states, None)
        if model is None:
            return
        seconds += perf_counter() - began
        yield Frame(step, model, seconds)
        step += 1


def kept(frame: Frame) -> Frame:
    """A copy that stays as it is."""
    return frame._replace(model=frame.model.copy())


def fitted(data: DataSet, seed: int) -> Frame:
    """PPCA of REFERENCE draws of the data, which needs no steps."""
    x, _ = data.mixture.sample(REFERENCE, seeded((seed, 10)))
    began = perf_counter()
    model = ppca.fit(x)
    return Frame(0, model, perf_counter() - began)


@sliced
def moment(frame: Frame, yardstick: Yardstick, seed: int) -> Work[Moment]:
    """Samples of a frame and their quality. Equal seeds give equal codes, so that points can be followed."""
    rng = seeded((seed, 14))
    work, seconds = frame.model.drawing(rng.standard_normal((NUM_POINTS, 2)), rng), 0.0
    while True:
        began = perf_counter()
        try:
            progress = next(work)
        except StopIteration as end:
            seconds += perf_counter() - began
            return Moment(frame, end.value, yardstick.quality(end.value), seconds)
        seconds += perf_counter() - began
        yield progress


def perfect(yardstick: Yardstick, seed: int) -> Quality:
    """The quality of as many draws of the data itself: what chance leaves of the best that a model can reach."""
    return yardstick.quality(yardstick.data.mixture.sample(NUM_POINTS, seeded((seed, 17)))[0])


def seed_of(seed: int, run: int) -> int:
    """The seed of a run; the first has the reader's."""
    return seed + 10_000 * run


class Likelihoods(NamedTuple):
    """Mean log-likelihoods of a data point, in nats.

    exact: of the data's own density; ppca and diffusion: exact for these models, up to the steps of the flow; elbo and
    weighted: lower bounds for the VAE. A GAN has none.
    """

    exact: float
    ppca: float
    elbo: float
    weighted: float
    diffusion: float


@sliced
def likelihoods(yardstick: Yardstick, line: Ppca, coder: Vae, denoiser: Diffusion, seed: int) -> Work[Likelihoods]:
    """Of TESTED data points that no model was trained on."""
    x, mixture = yardstick.points[:TESTED], yardstick.data.mixture
    elbo, weighted = yield from within(bounds.work(coder, x, CODES, seeded((seed, 15))), 0, 2)
    flow = yield from within(log_likelihood.work(denoiser.field, x, likelihood_levels(FLOW_STEPS)), 1, 2)
    exact = float(mixture.log_density(x, 1.0, 0.0).mean())
    return Likelihoods(exact, float(line.log_likelihood(x).mean()), elbo, weighted, float(flow.mean()))

"""The charts, each of one quantity: their layers, the data of these, and the measurements in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.app.instrument.scenes import Axes, Band, Layer, Lines, Points, Segments
from diffusion_lab.instruments.common.curves import log_spaced, running_mean
from diffusion_lab.instruments.unmask import kernel
from diffusion_lab.instruments.unmask.end_of_text import TEXTS, WAYS, EndShares
from diffusion_lab.instruments.unmask.faults import FAULTS
from diffusion_lab.instruments.unmask.layout import segment, segments
from diffusion_lab.instruments.unmask.model_error import ModelErrorCurve
from diffusion_lab.instruments.unmask.training import NUM_STEPS, Moment

Array = NDArray[np.float64]
Ranges = tuple[tuple[float, float], tuple[float, float]]

ASPECT = 2.0
UNMASKING, WRITING = "unmasking in K passes", "left to right"


def _curve(name: str, colour: str, legend: str) -> tuple[Layer, Layer]:
    """A line with dots at its values."""
    return Lines(name, colour, width=1.5, legend=legend), Points(f"{name}_dots", colour, alpha=1)


def _of_samples(title: str, y_label: str, *more: Layer) -> Axes:
    """A chart of a quantity of decoded texts: unmasking against K, and left to right with its standard error."""
    return Axes(
        title, Segments("here", "ink", alpha=0.6, legend="K of the picture"), *more, Band("band", "c1"),
        Segments("written", "c1", width=2, legend=WRITING), Segments("errors", "c0", width=1.5),
        *_curve("unmasked", "c0", UNMASKING), x=(0.5, 15.5), y=(-7, 0), x_label="passes K", y_label=y_label,
        aspect=ASPECT, when={"view": "decode", "chart_shows": "samples"},
    )  # fmt: skip


likelihood = _of_samples(
    "Mean log-likelihood of a word",
    "log p, nats a word",
    Segments("perfect", "mute", legend="perfect sampler"),
    Segments("faulty_errors", "c3", width=1.5, when={"fault": tuple(FAULTS)}),
    Lines("faulty", "c3", width=1.5, dash=(5, 3), when={"fault": tuple(FAULTS)}, legend="with the fault"),
)
variety = _of_samples("Share of distinct pairs of words", "share")
loss = Axes(
    "Loss of K passes on the small chain",
    *_curve("forward", "c0", "KL(p ‖ q)"), *_curve("backward", "c2", "KL(q ‖ p)"),
    x=(0.5, 5.5), y=(0, 1), x_label="passes K", y_label="nats", aspect=ASPECT,
    when={"view": "decode", "chart_shows": "chain"},
)  # fmt: skip
error = Axes(
    "Error of the learned model", Segments("errors", "c0", width=1.5),
    *_curve("distance", "c0", "KL(exact ‖ learned) of a masked word"), x=(0.5, 15.5), y=(0, 1), x_label="masks m",
    y_label="nats", aspect=ASPECT, when={"view": "decode", "chart_shows": "distance"},
)  # fmt: skip
ends = Axes(
    "Share of end-of-text in texts that end", Segments("exact_share", "mute", width=2, legend="exact share"),
    Segments("share_errors", "mute", width=1.5), *_curve("low_confidence", "c0", "low confidence"),
    *_curve("confidence", "c1", "confidence"), *_curve("random", "c2", "random"),
    *_curve("end_last", "c3", "low confidence, end-of-text last"),
    x=(0.5, 15.5), y=(0, 1.05), x_label="passes K", y_label="share", aspect=ASPECT,
    when={"view": "decode", "chart_shows": "end_of_text"},
)  # fmt: skip
training = Axes(
    "Loss against training step", Points("batches", "field", size=3, legend="each batch"),
    Lines("mean", "ink", legend="running mean"),
    Lines("floor", "acc", width=1.5, dash=(5, 3), legend="floor: the least loss of any model"),
    Points("above", "acc", size=9, alpha=1, legend="floor + KL(exact ‖ network) at this step"),
    x=(1, NUM_STEPS), y=(1, 5), log="x", ticks={"x": (1, 10, 100, 1000)}, x_label="step", y_label="nats a word",
    aspect=ASPECT, when={"view": "train"},
)  # fmt: skip


# --- data of the layers ----------------------------------------------------------------------------------------------


def _line(x: Array, y: Array) -> Iterator[dict[str, Any]]:
    yield {"x": x, "y": y}
    yield {"x": np.column_stack([x, y])}


def _samples(q: kernel.Quality, mean: Array, se: Array, written: tuple[float, float]) -> Iterator[dict[str, Any]]:
    """Data of the layers that both charts of samples have."""
    end, (level, level_se) = _end(q), written
    yield {"x": [0.5, end], "low": [level - level_se] * 2, "high": [level + level_se] * 2}
    yield segments([segment([0.5], level, end, level)])
    yield segments([segment(q.steps, mean - se, q.steps, mean + se)])
    yield from _line(q.steps, mean)


def _end(q: kernel.Quality) -> float:
    return float(q.steps[-1]) + 0.5


SAMPLED = ("band", "written", "errors", "unmasked", "unmasked_dots")


@likelihood.layer("perfect", *SAMPLED)
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    q: kernel.Quality = instrument.samples
    yield segments([segment([0.5], q.expected, _end(q), q.expected)])
    yield from _samples(q, q.likelihood, q.likelihood_error, q.written)


@likelihood.layer("faulty_errors", "faulty")
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    q: kernel.Quality = instrument.faulty
    mean, se = q.likelihood, q.likelihood_error
    yield segments([segment(q.steps, mean - se, q.steps, mean + se)])
    yield {"x": q.steps, "y": mean}


@variety.layer(*SAMPLED)
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    q: kernel.Quality = instrument.samples
    return _samples(q, q.distinct, q.distinct_error, q.written_distinct)


def _likelihoods(q: kernel.Quality) -> tuple[float, float]:
    """The range of the axis."""
    return min(-3.0, float(np.floor((q.likelihood - q.likelihood_error).min())), q.written[0] - 0.5), 0.0


@likelihood.ranges
def _(instrument: Any) -> Ranges:
    return (0.5, _end(instrument.samples)), _likelihoods(instrument.samples)


@variety.ranges
def _(instrument: Any) -> Ranges:
    return (0.5, _end(instrument.samples)), (0.0, 1.05)


def _here(instrument: Any, low: float, high: float) -> dict[str, Any]:
    """The K of the picture: more passes than words are not used."""
    k = min(instrument.num_inference_steps, instrument.length)
    return segments([segment([k], low, k, high)])


@likelihood.layer("here")
def _(instrument: Any) -> dict[str, Any]:
    return _here(instrument, *_likelihoods(instrument.samples))


@variety.layer("here")
def _(instrument: Any) -> dict[str, Any]:
    return _here(instrument, 0.0, 1.05)


@loss.layer("forward", "forward_dots", "backward", "backward_dots")
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    for curve in instrument.chain:
        yield from _line(np.arange(1.0, len(curve) + 1), curve)


@loss.ranges
def _(instrument: Any) -> Ranges:
    high = 1.12 * max(0.05, *(float(curve.max()) for curve in instrument.chain))
    return (0.5, len(instrument.chain[0]) + 0.5), (-0.04 * high, high)


@error.layer("errors", "distance", "distance_dots")
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    curve: ModelErrorCurve = instrument.distance
    m = np.arange(1.0, len(curve.mean) + 1)
    yield segments([segment(m, curve.mean - curve.error, m, curve.mean + curve.error)])
    yield from _line(m, curve.mean)


@error.ranges
def _(instrument: Any) -> Ranges:
    curve: ModelErrorCurve = instrument.distance
    high = 1.12 * float((curve.mean + curve.error).max())
    return (0.5, len(curve.mean) + 0.5), (-0.04 * high, high)


@ends.layer("exact_share", "share_errors", *(f"{way}{part}" for way in WAYS for part in ("", "_dots")))
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    found: EndShares = instrument.end_of_text
    yield segments([segment([0.5], found.exact, float(found.steps[-1]) + 0.5, found.exact)])
    bars = ((found.share[way], found.error[way]) for way in WAYS)
    yield segments([segment(found.steps, mean - se, found.steps, mean + se) for mean, se in bars])
    for way in WAYS:
        yield from _line(found.steps, found.share[way])


@ends.ranges
def _(instrument: Any) -> Ranges:
    return (0.5, float(instrument.end_of_text.steps[-1]) + 0.5), (0.0, 1.05)


@training.layer("batches", "mean", "floor", "above")
def _(instrument: Any) -> Iterator[dict[str, Any]]:
    losses, floor = instrument.trained.losses, instrument.truth.floor
    step = log_spaced(len(losses))
    yield {"x": np.stack([step, losses[step - 1]], axis=1)}
    yield {"x": step, "y": running_mean(losses, 50)[step - 1]}
    yield {"x": [1, NUM_STEPS], "y": [floor] * 2}
    yield {"x": [(max(len(losses), 1), floor + instrument.excess)]}


@training.ranges
def _(instrument: Any) -> Ranges:
    return (1, NUM_STEPS), (0.9 * instrument.truth.floor, 5.5)


# --- in words --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    """A measurement: its result in words, and the size of the sample."""

    words: str
    sample: str


@singledispatch
def report(result: Any) -> Report:
    """The report of a measurement."""
    raise TypeError(f"There is no report of {type(result).__name__}.")


@report.register
def _(q: kernel.Quality) -> Report:
    words = (
        f"Charts, {kernel.SAMPLES} texts for each K: mean log p {q.likelihood[0]:.2f} nats a word at K = 1 and"
        f" {q.likelihood[-1]:.2f} ± {q.likelihood_error[-1]:.2f} at K = {q.steps[-1]}, left to right"
        f" {q.written[0]:.2f} ± {q.written[1]:.2f}; share of distinct pairs {q.distinct[0]:.2f},"
        f" {q.distinct[-1]:.2f} and {q.written_distinct[0]:.2f}."
    )
    return Report(words, f"{len(q.steps)} × {kernel.SAMPLES} texts, {q.passes} passes")


@report.register
def _(curves: tuple) -> Report:
    forward, backward = curves
    n = len(forward)
    words = (
        f"Chart, a chain of two states: KL(p‖q) {forward[0]:.4f} nats at K = 1 and {forward[-1]:.4f} at"
        f" K = {n}, KL(q‖p) {backward[0]:.4f} and {backward[-1]:.4f}."
    )
    return Report(words, f"every path of {n} tokens")


@report.register
def _(curve: ModelErrorCurve) -> Report:
    n = len(curve.mean)
    words = (
        f"Chart, {curve.texts} texts for each number of masks: KL(exact ‖ learned) of a masked word"
        f" {curve.mean[0]:.4f} nats with one mask and {curve.mean[-1]:.4f} with {n}, at most"
        f" {curve.mean.max():.4f}; on average {curve.excess:.4f}, the objective's excess. Ignoring the context loses"
        f" {curve.blind[0]:.2f} with one mask and {curve.blind[n // 2]:.2f} with {n // 2 + 1}."
    )
    return Report(words, f"{n} × {curve.texts} texts, both models")


@report.register
def _(found: EndShares) -> Report:
    each = "; ".join(
        f"{way.replace('_', ' ')} {share[0]:.3f} at K = 1 and {share[-1]:.3f} ± {found.error[way][-1]:.3f}"
        f" at K = {found.steps[-1]}"
        for way, share in found.share.items()
    )
    words = (
        f"Chart, share of end-of-text, exactly {found.exact:.3f}: {each}. A text by low confidence: “{found.example}”."
    )
    return Report(words, f"{len(found.steps)} × {TEXTS} texts in {len(WAYS)} ways")


def training_report(moment: Moment, floor: float, excess: float) -> Report:
    """The training in words."""
    loss = f" The running mean of the loss is {running_mean(moment.losses, 50)[-1]:.3f}." if moment.step else ""
    words = (
        f"Chart, loss in nats a word after {moment.step} training steps: {excess:.3f} above the floor of"
        f" {floor:.3f}.{loss}"
    )
    return Report(words, f"{moment.step} training steps")


def published(found: EndShares) -> tuple[float, float, float]:
    """Share of end-of-text by the published rule with as many passes as words, its standard error, the exact share."""
    return float(found.share["low_confidence"][-1]), float(found.error["low_confidence"][-1]), found.exact


def likelihood_at(q: kernel.Quality, k: int) -> tuple[float, float]:
    """Mean log-likelihood with K = k passes, or the nearest K that is measured, and its standard error."""
    at = int(np.abs(q.steps - k).argmin())
    return float(q.likelihood[at]), float(q.likelihood_error[at])

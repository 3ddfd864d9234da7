"""The chart for each of its three quantities, as arrays for its layers and in words."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffusion_lab.instruments.unmask import kernel
from diffusion_lab.instruments.unmask.layout import labels, segment, segments
from diffusion_lab.instruments.unmask.model_error import ModelErrorCurve

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chart:
    """x, y: ranges of the axes; layers: data by name; words: the chart in words; measured: the size of the sample.

    by_passes: whether x is the number K of passes, on which the picture's own K can be marked.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    layers: dict[str, dict[str, Any]]
    words: str
    measured: str
    by_passes: bool = False


def _curves(x: Array, *curves: Array) -> dict[str, Array]:
    """Data of a line through several curves over the same x, with gaps between them."""
    return {
        "x": np.tile(np.append(x, np.nan), len(curves)),
        "y": np.concatenate([np.append(y, np.nan) for y in curves]),
    }


def _dots(x: Array, *curves: Array) -> dict[str, Array]:
    return {"x": np.column_stack([np.tile(x, len(curves)), np.concatenate(curves)])}


@singledispatch
def chart_of(result: Any) -> Chart:
    """The chart of a measurement."""
    raise TypeError(f"There is no chart of {type(result).__name__}.")


@chart_of.register
def _(q: kernel.Quality) -> Chart:
    """Share of distinct pairs above 0, mean log-likelihood below it, each with its standard error."""
    end = float(q.steps[-1]) + 0.5
    low = min(-3.0, float(np.floor((q.likelihood - q.likelihood_error).min())), q.written[0] - 0.5)
    k = np.tile(q.steps, 2)
    mean, error = np.append(q.likelihood, q.distinct), np.append(q.likelihood_error, q.distinct_error)
    bands = {
        name: {"x": [0.5, end], "low": [m - se] * 2, "high": [m + se] * 2}
        for name, (m, se) in (("band", q.written), ("band_distinct", q.written_distinct))
    }
    levels = np.array([q.written[0], q.written_distinct[0]])
    above = levels[0] > q.expected - 0.3
    x, y = (0.8, q.expected - 0.09 * low) if above else (0.6 * end, levels[0] + 0.06 * low)
    named = [(end - 0.8, 0.93, "distinct pairs, share"), (end - 0.8, low * 0.92, "log p, nats a word")]
    layers = {
        "levels": segments([segment(0.5, [0, q.expected], end, [0, q.expected])]),
        "written": segments([segment(0.5, levels, end, levels)]),
        "errors": segments([segment(k, mean - error, k, mean + error)]),
        "first": _curves(q.steps, q.likelihood, q.distinct),
        "first_dots": _dots(q.steps, q.likelihood, q.distinct),
        "label_left": labels([[(x, y, "left to right")]]),
        "label_axis": labels([named]),
        **bands,
    }
    words = (
        f"Chart, {kernel.SAMPLES} texts for each K: mean log p {q.likelihood[0]:.2f} nats a word at K = 1 and"
        f" {q.likelihood[-1]:.2f} ± {q.likelihood_error[-1]:.2f} at K = {q.steps[-1]}, left to right"
        f" {q.written[0]:.2f} ± {q.written[1]:.2f}; share of distinct pairs {q.distinct[0]:.2f},"
        f" {q.distinct[-1]:.2f} and {q.written_distinct[0]:.2f}."
    )
    measured = f"{len(q.steps)} × {kernel.SAMPLES} texts, {q.passes} passes"
    return Chart((0.5, end), (low, 1.15), layers, words, measured, by_passes=True)


@chart_of.register
def _(curves: tuple) -> Chart:
    """The two divergences of the small chain against K, in nats."""
    forward, backward = curves
    n = len(forward)
    k, middle = np.arange(1.0, n + 1), (n + 1) / 2
    high = 1.12 * max(0.05, float(max(forward.max(), backward.max())))
    said = ["KL(p‖q)", f"K = 1: {forward[0]:.4f}, total correlation", f"K = n: {forward[-1]:.4f}"]
    layers = {
        "levels": segments([segment([0.5], 0, n + 0.5, 0)]),
        "first": _curves(k, forward),
        "first_dots": _dots(k, forward),
        "second": _curves(k, backward),
        "second_dots": _dots(k, backward),
        "label_second": labels([[(middle, 0.93 * high, "KL(q‖p)")]]),
        "label_first": labels([[(middle, (0.83 - 0.1 * line) * high, text) for line, text in enumerate(said)]]),
    }
    words = (
        f"Chart, a chain of two states: KL(p‖q) {forward[0]:.4f} nats at K = 1 and {forward[-1]:.4f} at"
        f" K = {len(forward)}, KL(q‖p) {backward[0]:.4f} and {backward[-1]:.4f}."
    )
    return Chart((0.5, n + 0.5), (-0.04 * high, high), layers, words, f"every path of {n} tokens")


@chart_of.register
def _(curve: ModelErrorCurve) -> Chart:
    """The error of the learned law of a masked word against the number of masks, with standard errors."""
    n = len(curve.mean)
    m, middle = np.arange(1.0, n + 1), (n + 1) / 2
    high = 1.45 * float((curve.mean + curve.error).max())
    said = [
        f"mean over all m, excess of the objective: {curve.excess:.4f}",
        f"context ignored: {curve.blind[0]:.2f} at m = 1, {curve.blind[n // 2]:.2f} at m = {n // 2 + 1}",
    ]
    layers = {
        "levels": segments([segment([0.5], 0, n + 0.5, 0)]),
        "errors": segments([segment(m, curve.mean - curve.error, m, curve.mean + curve.error)]),
        "first": _curves(m, curve.mean),
        "first_dots": _dots(m, curve.mean),
        "label_first": labels([[(middle, 0.94 * high, "KL(exact ‖ learned) of a masked word")]]),
        "label_middle": labels([[(middle, (0.84 - 0.1 * line) * high, text) for line, text in enumerate(said)]]),
    }
    words = (
        f"Chart, {curve.texts} texts for each number of masks: KL(exact ‖ learned) of a masked word"
        f" {curve.mean[0]:.4f} nats with one mask and {curve.mean[-1]:.4f} with {len(curve.mean)}, at most"
        f" {curve.mean.max():.4f}; on average {curve.excess:.4f}, the objective's excess."
    )
    return Chart((0.5, n + 0.5), (-0.04 * high, high), layers, words, f"{n} × {curve.texts} texts, both models")

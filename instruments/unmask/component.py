"""Masked diffusion on its front panel: a text revealed pass by pass, beside the same model writing left to right."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import ClassVar

import numpy as np
import param
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import Choice, FrontPanel, Legend, Measure, Menu, Readout, Slider, Toggles, Transport
from diffusion_lab.instruments.unmask import kernel, pictures

RULES = [*kernel.RULES[:-1], "ReMDM"]  # as they are written; the kernel's are in lower case
SLOTS = (1, 2, 3)


def _position(default: int, number: int) -> param.Integer:
    return param.Integer(
        default=default,
        bounds=(1, 24),
        label=f"Position of word {number}",
        doc="Where the word stands, from 1; beyond the end it is the last. Of two at one position the later counts.",
    )


def _word(default: str, number: int) -> param.Selector:
    return param.Selector(
        default=default, objects=list(kernel.VOCABULARY), label=f"Word {number}", doc="The word that is given there."
    )


class Unmask(Instrument):
    """An exact word model decoded by unmasking in K passes, and left to right in n; given words stay where they are."""

    title: ClassVar[str] = "Masked diffusion"
    figure_aspect: ClassVar[float] = pictures.WIDTH / pictures.HEIGHT
    chart_aspect: ClassVar[float] = 1.25

    num_inference_steps = param.Integer(
        default=5,
        bounds=(1, 24),
        label="Passes",
        doc="Passes in which all masks are filled; more than there are masks are not used.",
    )
    progress = param.Number(
        default=0.2,
        bounds=(0.0, 1.0),
        step=0.005,
        label="Progress",
        doc="How far both decodings stand, at the same number of passes: 1 is when the slower has finished.",
    )
    remasking = param.Selector(
        default="confidence",
        objects=RULES,
        label="Commit by",
        doc="Which masked positions a pass commits. Low confidence is LLaDA's published rule; ReMDM masks again.",
    )
    eta_cap = param.Number(
        default=0.2,
        bounds=(0.0, 0.9),
        step=0.05,
        label="Masked again, at most",
        doc="ReMDM: the largest probability that a pass masks a committed word again.",
    )
    temperature = param.Number(
        default=1.0,
        bounds=(0.0, 2.0),
        step=0.1,
        label="Temperature",
        doc="Words are drawn from p to the power 1/T, normalised; 0 takes the likeliest.",
    )
    length = param.Integer(default=15, bounds=(12, 24), label="Words", doc="Length of the text, full stops included.")
    given = param.Selector(
        default="0", objects=["0", "1", "2", "3"], label="Words given", doc="Words that are pinned before decoding."
    )
    position_1 = _position(24, 1)
    word_1 = _word(".", 1)
    position_2 = _position(14, 2)
    word_2 = _word("letter", 2)
    position_3 = _position(6, 3)
    word_3 = _word("captain", 3)
    show_guesses = param.Boolean(
        default=False, label="Guesses", doc="The likeliest word under each mask, given all that is revealed."
    )
    chart_shows = param.Selector(
        default="samples",
        objects=["samples", "exact"],
        label="Chart",
        doc="Samples of this model, measured; or a chain of two states and five tokens, where the loss is exact.",
    )
    stay = param.Number(
        default=0.9,
        bounds=(0.5, 0.95),
        step=0.05,
        label="Small chain: stays with",
        doc="Probability that the small chain keeps its state from one token to the next; 0.5 is independence.",
    )
    seed = param.Integer(
        default=3, bounds=(0, 9999), label="Seed", doc="The same seed gives the same draws, in both decodings."
    )

    front_panel: ClassVar[FrontPanel] = FrontPanel(
        readouts=[
            Readout("passes", "passes spent"),
            Readout("unmasked", "unmasked"),
            Readout("written", "left to right"),
        ],
        controls=[
            Slider("num_inference_steps", symbol="K"),
            Slider("progress"),
            Transport(run="Unmask", plays="progress", seconds=6),
            Menu("remasking"),
            Slider("eta_cap", symbol="σ", when="remasking:ReMDM"),
            Slider("temperature", symbol="T"),
            Slider("length", symbol="n"),
            Menu("given"),
            *[
                item
                for count in SLOTS
                for k in SLOTS[:count]
                for item in (Menu(f"word_{k}", when=f"given:{count}"), Slider(f"position_{k}", when=f"given:{count}"))
            ],
            Toggles(("show_guesses",)),
            Choice("chart_shows"),
            Slider("stay", when="chart_shows:exact"),
        ],
        measures=[
            Measure(
                "likelihood",
                "log p, nats a word",
                doc="Of what is revealed, for each word that was not given; beside it the exact mean over full texts.",
                beside="mean",
            ),
            Measure(
                "joints",
                "odd neighbours",
                doc="Pairs of revealed neighbours that stand nowhere in the corpus, in both texts.",
                beside="left to right",
            ),
            Measure(
                "cost",
                "cost, positions",
                doc="A diffusion pass computes all n positions; a left-to-right pass with its cache computes one.",
                beside="left to right",
            ),
            Measure(
                "correlation",
                "total correlation",
                doc="What one pass loses on the small chain, in nats: summed over all sequences, and by the formula.",
                beside="formula",
                when="chart_shows:exact",
            ),
        ],
        legends=[
            Legend("revealed by this pass", "acc"),
            Legend("odd neighbours: never together in the corpus", "c3"),
            Legend("masked again", "c5"),
        ],
        chart="Quality against the number of passes K",
    )

    _measured: tuple[object, ...] | None = None  # what `_result` was measured for
    _drawn: object = None  # which result the chart shows
    _pale = False
    _result: kernel.Quality | tuple[np.ndarray, np.ndarray] | None = None
    _chart_took = ""

    # --- what is computed --------------------------------------------------------------------------------------------

    def _pins(self) -> tuple[tuple[int, str], ...]:
        """(position, word) of what is given, by position, none beyond the end and none twice."""
        slots = SLOTS[: int(self.given)]
        pins = {min(getattr(self, f"position_{k}"), self.length): getattr(self, f"word_{k}") for k in slots}
        return tuple(sorted(pins.items()))

    def _rule(self) -> tuple[str, float]:
        return self.remasking.lower(), self.eta_cap if self.remasking == "ReMDM" else 0.0

    def _chart_task(self) -> tuple[object, ...]:
        """What the chart depends on: not the number of passes."""
        if self.chart_shows == "samples":
            return self.length, self._pins(), self._rule(), self.temperature, self.seed
        return self._rule(), self.stay

    def update(self, changed: frozenset[str]) -> None:
        """Decode if the task is another, and show where both decodings stand."""
        rule = *self._rule(), self.temperature, self.seed
        self._decoding, self._milliseconds = _decoded(self.length, self._pins(), self.num_inference_steps, *rule)
        total = self._decoding.after(0).total
        self._shown = self._decoding.after(round(self.progress * total))
        pictures.draw_texts(self._texts, self._shown, self.show_guesses)
        self._update_chart()

    def rest(self) -> None:
        """Measure what the chart shows, where it is not measured yet."""
        if self._measured == self._chart_task():
            return
        start = time.perf_counter()
        rule, eta_cap = self._rule()
        if self.chart_shows == "samples":
            quality = _quality(self.length, self._pins(), rule, self.temperature, eta_cap, self.seed)
            what = f"{len(quality.steps)} × {kernel.SAMPLES} texts, {quality.passes} passes"
            self._result = quality
        else:
            self._result = kernel.kl_curve(rule, self.stay, eta_cap)
            what = f"every path of {kernel.SMALL_LENGTH} tokens"
        self._measured = self._chart_task()
        self._chart_took = f"chart: {what}, {1000 * (time.perf_counter() - start):.0f} ms"
        self._update_chart()

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Two grids of words and, below them, when each was revealed."""
        self._texts = pictures.text_scene(self.theme)
        return self._texts.plot

    def make_chart(self) -> figure:
        """Quality against K."""
        self._chart = pictures.chart_scene(self.theme, self.chart_aspect)
        return self._chart.plot

    def restyle(self) -> None:
        """The same picture and chart in the theme's colours."""
        self._texts.restyle(self.theme)
        self._chart.restyle(self.theme)

    def _update_chart(self) -> None:
        """What was measured last, pale while the settings have moved on from it; and the status line."""
        current = self._measured is not None and self._measured == self._chart_task()
        if self._pale == current:
            self._pale = not current
            self._chart.fade(self._pale)
        if self._drawn is not self._result:
            self._drawn = self._result
            if isinstance(self._result, kernel.Quality):
                pictures.draw_samples(self._chart, self._result)
            elif self._result is not None:
                pictures.draw_small_chain(self._chart, self._result)
        sampled = isinstance(self._result, kernel.Quality)
        pictures.draw_here(self._chart, min(self.num_inference_steps, self.length) if sampled else None)
        self.status = (
            f"{self._shown.nfe} of {self._decoding.nfe} full passes over {self.length} words, none cached · "
            f"{self._milliseconds:.0f} ms for the decoding · exact posteriors, float64 · "
            f"{self._chart_took if current else 'chart: measured when the controls rest'}"
        )

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """Passes and words revealed; likelihood, odd neighbours and cost of what is shown, beside their comparison."""
        shown, given = self._shown, self._decoding.given
        unmasked, written = shown.sides["unmasked"], shown.sides["written"]
        free = int((~shown.given).sum())
        revealed = [free - int((side.x == kernel.MASK).sum()) for side in (unmasked, written)]
        likelihood = kernel.evidence(unmasked.x, given) / revealed[0] if revealed[0] else None
        correlation, formula = kernel.correlation(self.stay)
        return {
            "passes": f"{max(unmasked.spent, written.spent)} of {shown.total}",
            "unmasked": f"{revealed[0]} of {free}",
            "written": f"{revealed[1]} of {free}",
            "likelihood": "–" if likelihood is None else _signed(likelihood),
            "likelihood_true": _signed(_expected(self.length, self._pins())),
            "joints": str(int(unmasked.odd.sum())),
            "joints_true": str(int(written.odd.sum())),
            "cost": f"{shown.nfe} × {self.length} = {shown.nfe * self.length}",
            "cost_true": str(written.spent),
            "correlation": f"{correlation:.4f}",
            "correlation_true": f"{formula:.4f}",
        }

    def describe(self) -> str:
        """The picture in words."""
        unmasked, written = self._shown.sides["unmasked"], self._shown.sides["written"]
        masked = unmasked.x == kernel.MASK
        pins = ", ".join(f"“{word}” at {position}" for position, word in self._pins())
        rule = self.remasking.replace("_", " ") + (f" with σ up to {self.eta_cap:g}" if self._rule()[1] else "")
        sure = float(unmasked.confidence[~masked].mean()) if not masked.all() else 0.0
        return (
            f"{self.length} words{f', given {pins}' if pins else ''}. Unmasking in {self.num_inference_steps} passes by"
            f" {rule}, temperature {self.temperature:g}, after {unmasked.spent} of them: “{kernel.text(unmasked.x)}”,"
            f" {int(masked.sum())} still masked, revealed at a mean probability of {sure:.3f},"
            f" {int(unmasked.odd.sum())} pairs of neighbours that the corpus never has. Left to right, after"
            f" {written.spent} of {written.passes} passes: “{kernel.text(written.x)}”,"
            f" {int(written.odd.sum())} such pairs. {self._chart_in_words()}"
        )

    def _chart_in_words(self) -> str:
        if self._measured != self._chart_task():
            return f"The chart ({self.chart_shows}) is not measured yet for these settings."
        if isinstance(self._result, kernel.Quality):
            q = self._result
            return (
                f"Chart, {kernel.SAMPLES} texts for each K: mean log p {q.likelihood[0]:.2f} nats a word at K = 1 and"
                f" {q.likelihood[-1]:.2f} ± {q.likelihood_error[-1]:.2f} at K = {q.steps[-1]}, left to right"
                f" {q.written[0]:.2f} ± {q.written[1]:.2f}; share of distinct pairs {q.distinct[0]:.2f},"
                f" {q.distinct[-1]:.2f} and {q.written_distinct[0]:.2f}."
            )
        assert self._result is not None
        forward, backward = self._result
        return (
            f"Chart, a chain of two states that stays with {self.stay:g}: KL(p‖q) {forward[0]:.4f} nats at K = 1 and"
            f" {forward[-1]:.4f} at K = {len(forward)}, KL(q‖p) {backward[0]:.4f} and {backward[-1]:.4f}."
        )

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Unmask: from all masks, played."""
        self.progress = 0.0
        self.playing = True

    def step(self) -> None:
        """One pass on."""
        total = self._shown.total
        self.param.update(playing=False, progress=min(1.0, (round(self.progress * total) + 1) / total))


@lru_cache(maxsize=256)
def _decoded(
    length: int,
    pins: tuple[tuple[int, str], ...],
    steps: int,
    rule: str,
    eta_cap: float,
    temperature: float,
    seed: int,
) -> tuple[kernel.Decoding, float]:
    """A decoding and the milliseconds it took; kept, since a slider comes back to where it was."""
    start = time.perf_counter()
    made = kernel.decoding(kernel.sequence(length, dict(pins)), steps, rule, temperature, eta_cap, seed)
    return made, 1000 * (time.perf_counter() - start)


@lru_cache(maxsize=64)
def _quality(
    length: int, pins: tuple[tuple[int, str], ...], rule: str, temperature: float, eta_cap: float, seed: int
) -> kernel.Quality:
    given = kernel.sequence(length, dict(pins))
    return kernel.quality(given, rule, temperature, eta_cap, seed, kernel.SAMPLES)


@lru_cache(maxsize=256)
def _expected(length: int, pins: tuple[tuple[int, str], ...]) -> float:
    return kernel.expected_log_likelihood(kernel.sequence(length, dict(pins)))


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")

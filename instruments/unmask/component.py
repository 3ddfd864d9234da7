"""Masked diffusion on its front panel: a text revealed pass by pass, beside the same model writing left to right."""

from __future__ import annotations

import time
import timeit
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import param
from bokeh.events import DoubleTap, PointEvent, Tap
from bokeh.plotting import figure

from diffusion_lab.app.component import Instrument
from diffusion_lab.app.front_panel import (
    Choice,
    FrontPanel,
    Legend,
    Measure,
    Menu,
    Readout,
    Slider,
    Text,
    Toggles,
    Transport,
)
from diffusion_lab.instruments.common.masked import chains, rules
from diffusion_lab.instruments.unmask import kernel, language, pictures
from diffusion_lab.instruments.unmask.model_error import TEXTS, ModelErrorCurve, distance, model_error_curve

RULES = [*kernel.RULES[:-1], "ReMDM"]  # as they are written; the kernel's are in lower case


class Unmask(Instrument):
    """A text decoded by unmasking in K passes, and left to right in n; given words stay where they are."""

    title: ClassVar[str] = "Masked diffusion"
    figure_aspect: ClassVar[float] = pictures.WIDTH / pictures.HEIGHT
    chart_aspect: ClassVar[float] = 1.25

    model = param.Selector(
        default="exact",
        objects=["exact", "learned"],
        label="Model",
        doc="What unmasks and drafts: the word chain's own posteriors, or a small transformer trained on its texts.",
    )
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
    given = param.String(
        default="",
        regex=r"^[0-9A-Za-z:., ]{0,300}$",
        label="Words given",
        doc="Places and words, like 6:captain 14:letter. A tap on a word of the picture gives it, or masks it again.",
    )
    show_guesses = param.Boolean(
        default=False, label="Guesses", doc="The likeliest word under each mask, given all that is revealed."
    )
    writing = param.Selector(
        default="word_by_word",
        objects=["word_by_word", "drafts"],
        label="Left to right",
        doc="One word a pass, or several, from a draft that the model makes and left to right verifies.",
    )
    block = param.Integer(
        default=4, bounds=(1, 8), label="Words a draft", doc="Words that the model drafts in one pass, for a verifier."
    )
    chart_shows = param.Selector(
        default="samples",
        objects=["samples", "chain", "distance"],
        label="Chart",
        doc="Texts of the model, measured; a chain of two states, where all is exact; or how far off the learned is.",
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

    editable = (rules.scores, rules.remdm_probabilities, language.posterior, language.learned, chains.draw)
    kept = ("_measured",)

    front_panel: ClassVar[FrontPanel] = FrontPanel(
        frames="progress",
        readouts=[
            Readout("passes", "passes spent"),
            Readout("unmasked", "unmasked"),
            Readout("written", "left to right"),
        ],
        controls=[
            Slider("num_inference_steps", symbol="K"),
            Slider("progress"),
            Transport(run="Unmask", plays="progress", seconds=6),
            Text("given", example="6:captain 14:letter"),
            Choice("model"),
            Menu("remasking"),
            Slider("eta_cap", symbol="σ", when="remasking:ReMDM"),
            Slider("temperature", symbol="T"),
            Slider("length", symbol="n"),
            Menu("writing"),
            Slider("block", symbol="b", when="writing:drafts"),
            Toggles(("show_guesses",)),
            Choice("chart_shows"),
            Slider("stay", when="chart_shows:chain"),
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
                doc="A diffusion pass computes all n positions; a left-to-right pass with its cache, what it checks.",
                beside="left to right",
            ),
            Measure(
                "distance",
                "learned off by, nats",
                doc="KL(exact ‖ learned), mean over the masked words; beside it, what ignoring the context would lose.",
                beside="context ignored",
                when="model:learned",
            ),
            Measure(
                "kept",
                "kept of a draft",
                doc="Drafted words that stood, a pass; passes to the right saved. Each draft costs a diffusion pass.",
                beside="saved",
                when="writing:drafts",
            ),
            Measure(
                "correlation",
                "total correlation",
                doc="What one pass loses on the small chain, in nats: summed over all sequences, and by the formula.",
                beside="formula",
                when="chart_shows:chain",
            ),
        ],
        legends=[
            Legend("revealed by this pass", "acc"),
            Legend("odd neighbours: never together in the corpus", "c3"),
            Legend("masked again, or a refused draft", "c5"),
        ],
        chart="In nats: against passes K, or masks m",
    )

    _measured: tuple[object, ...] | None = None  # what `_result` was measured for
    _drawn: object = None  # which result the chart shows
    _pale = False
    _result: kernel.Quality | ModelErrorCurve | tuple[np.ndarray, np.ndarray] | None = None
    _chart_took = ""

    # --- what is computed --------------------------------------------------------------------------------------------

    def _pins(self) -> kernel.Pins:
        """(position, word) of what is given, by position, as far as it can be read."""
        return kernel.read_pins(self.given, self.length)[0]

    def _rule(self) -> tuple[str, float]:
        return self.remasking.lower(), self.eta_cap if self.remasking == "ReMDM" else 0.0

    def _chart_task(self) -> tuple[object, ...]:
        """What the chart depends on: not the number of passes."""
        if self.chart_shows == "samples":
            return self.model, self.length, self._pins(), self._rule(), self.temperature, self.seed
        return (self._rule(), self.stay) if self.chart_shows == "chain" else (self.length, self.seed)

    def update(self, changed: frozenset[str]) -> None:
        """Decode if the task is another, and show where both decodings stand."""
        rule, eta_cap = self._rule()
        options = rule, self.temperature, eta_cap, self.seed, self.model, self.block if self.writing == "drafts" else 0
        self._decoding = _decoded(self.length, self._pins(), self.num_inference_steps, *options)
        self._shown = self._decoding.after(round(self.progress * self._decoding.after(0).total))
        pictures.draw_texts(self._texts, self._shown, self._guesses() if self.show_guesses else None)
        self._update_chart()

    def _guesses(self) -> np.ndarray:
        return kernel.guesses(self._shown.sides["unmasked"].x, self.model)[0]

    def rest(self) -> None:
        """Measure what the chart shows, where it is not measured yet."""
        if self._measured == self._chart_task():
            return
        start = time.perf_counter()
        rule, eta_cap = self._rule()
        if self.chart_shows == "samples":
            quality = _quality(self.length, self._pins(), rule, self.temperature, eta_cap, self.seed, self.model)
            what = f"{len(quality.steps)} × {kernel.SAMPLES} texts, {quality.passes} passes"
            self._result = quality
        elif self.chart_shows == "chain":
            self._result = kernel.kl_curve(rule, self.stay, eta_cap)
            what = f"every path of {kernel.SMALL_LENGTH} tokens"
        else:
            self._result = model_error_curve(self.length, self.seed)
            what = f"{self.length} × {TEXTS} texts, both models"
        self._measured = self._chart_task()
        self._chart_took = f"chart: {what}, {1000 * (time.perf_counter() - start):.0f} ms"
        self._update_chart()

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def make_figure(self) -> figure:
        """Two grids of words and, below them, when each was revealed."""
        self._texts = pictures.text_scene(self.theme)
        for event in (Tap, DoubleTap):  # a tap soon after another comes as one that is double
            self._texts.plot.on_event(event, self._tapped)
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
            elif isinstance(self._result, ModelErrorCurve):
                pictures.draw_gap(self._chart, self._result)
            elif self._result is not None:
                pictures.draw_small_chain(self._chart, self._result)
        sampled = isinstance(self._result, kernel.Quality)
        pictures.draw_here(self._chart, min(self.num_inference_steps, self.length) if sampled else None)
        made = "exact posteriors, float64" if self.model == "exact" else "transformer, float32"
        self.status = (
            f"{self._shown.nfe} of {self._decoding.nfe} full passes over {self.length} words, none cached · "
            f"{_pass_time(self.model, self.length):.1f} ms a pass · {made} · "
            f"{self._chart_took if current else 'chart: measured when the controls rest'}"
        )

    # --- what is read ------------------------------------------------------------------------------------------------

    def readings(self) -> dict[str, str | list[float]]:
        """Passes and words revealed; what is measured on what is shown, each beside its comparison."""
        shown, given = self._shown, self._decoding.given
        unmasked, written = shown.sides["unmasked"], shown.sides["written"]
        free = int((~shown.given).sum())
        revealed = [free - int((side.x == kernel.MASK).sum()) for side in (unmasked, written)]
        likelihood = kernel.evidence(unmasked.x, given) / revealed[0] if revealed[0] else None
        correlation, formula = kernel.correlation(self.stay)
        off = distance(unmasked.x) if self.model == "learned" else None
        kept, drafted, saved = shown.drafted
        return {
            "given_problem": kernel.read_pins(self.given, self.length)[1],
            "passes": f"{max(unmasked.spent, written.spent)} of {shown.total}",
            "unmasked": f"{revealed[0]} of {free}",
            "written": f"{revealed[1]} of {free}",
            "likelihood": "–" if likelihood is None else _signed(likelihood),
            "likelihood_true": _signed(_expected(self.length, self._pins())),
            "joints": str(int(unmasked.odd.sum())),
            "joints_true": str(int(written.odd.sum())),
            "cost": f"{shown.nfe} × {self.length} = {shown.nfe * self.length}",
            "cost_true": str(shown.positions),
            "distance": f"{off[0]:.4f}" if off else "–",
            "distance_true": f"{off[1]:.2f}" if off else "–",
            "kept": f"{kept / written.spent:.1f} of {drafted / written.spent:.1f}" if drafted else "–",
            "kept_true": f"{saved} passes" if drafted else "–",
            "correlation": f"{correlation:.4f}",
            "correlation_true": f"{formula:.4f}",
        }

    def describe(self) -> str:
        """The picture in words."""
        shown = self._shown
        unmasked, written = shown.sides["unmasked"], shown.sides["written"]
        masked = unmasked.x == kernel.MASK
        pins = ", ".join(f"“{word}” at {position}" for position, word in self._pins())
        rule = self.remasking.replace("_", " ") + (f" with σ up to {self.eta_cap:g}" if self._rule()[1] else "")
        sure = float(unmasked.confidence[~masked].mean()) if not masked.all() else 0.0
        off = distance(unmasked.x) if self.model == "learned" else None
        kept, drafted, saved = shown.drafted
        return (
            f"{self.length} words{f', given {pins}' if pins else ''}. Unmasking by the {self.model} model in"
            f" {self.num_inference_steps} passes by {rule}, temperature {self.temperature:g}, after {unmasked.spent} of"
            f" them: “{kernel.text(unmasked.x)}”, {int(masked.sum())} still masked, revealed at a mean probability of"
            f" {sure:.3f}, {int(unmasked.odd.sum())} pairs of neighbours that the corpus never has."
            + (f" Its law of a masked word is {off[0]:.4f} nats from the exact one." if off else "")
            + f" Left to right, after {written.spent} of {written.passes} passes: “{kernel.text(written.x)}”,"
            f" {int(written.odd.sum())} such pairs."
            + (f" {kept} of {drafted} drafted words were kept, which saved {saved} passes." if drafted else "")
            + f" {self._chart_in_words()}"
        )

    def table(self) -> dict[str, np.ndarray]:
        """Both texts as they stand, word by word."""
        return self._shown.table()

    def _chart_in_words(self) -> str:
        if self._result is None or self._measured != self._chart_task():
            return f"The chart ({self.chart_shows}) is not measured yet for these settings."
        return pictures.chart_in_words(self._result)

    # --- what the buttons do -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Unmask: from all masks, played."""
        self.play_from_start()

    def step(self) -> None:
        """One pass on."""
        total = self._shown.total
        self.param.update(playing=False, progress=min(1.0, (round(self.progress * total) + 1) / total))

    def _tapped(self, event: PointEvent) -> None:
        """A tap on a word gives it; on one that is given, masks it again; on a guess, gives that."""
        hit = pictures.cell_at(self.length, event.x, event.y) if event.x is not None and event.y is not None else None
        if hit is None:
            return
        name, i = hit
        token = self._shown.sides[name].x[i]
        if token == kernel.MASK and self.show_guesses and name == "unmasked":
            token = self._guesses()[i]
        if self._shown.given[i]:
            self.given = kernel.with_pin(self.given, i + 1, "")
        elif token != kernel.MASK:
            self.given = kernel.with_pin(self.given, i + 1, kernel.VOCABULARY[token])


@lru_cache(maxsize=256)
def _decoded(length: int, pins: kernel.Pins, steps: int, *options: Any) -> kernel.Decoding:
    """Kept, since a slider comes back to where it was."""
    return kernel.decoding(kernel.sequence(length, dict(pins)), steps, *options)


@lru_cache(maxsize=64)
def _quality(
    length: int, pins: kernel.Pins, rule: str, temperature: float, eta_cap: float, seed: int, model: str
) -> kernel.Quality:
    given = kernel.sequence(length, dict(pins))
    return kernel.quality(given, rule, temperature, eta_cap, seed, kernel.SAMPLES, model)


@lru_cache(maxsize=256)
def _expected(length: int, pins: kernel.Pins) -> float:
    return kernel.expected_log_likelihood(kernel.sequence(length, dict(pins)))


@lru_cache(maxsize=64)
def _pass_time(model: str, length: int) -> float:
    """Milliseconds of one pass over one text, the quickest of three."""
    x = kernel.sequence(length, {})[None]
    return 1000 * min(timeit.repeat(lambda: kernel.MODELS[model](x), number=1, repeat=3))


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")

"""Masked diffusion: a text revealed pass by pass, beside the same model writing left to right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Instrument, Measure, NotReady, Panel, Readout, Status, Tap, Transport,
    asset, choice, computed, counted, number, readings, seed, switch, text, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import Boxes, Plane, Segments, Texts
from diffusion_lab.instruments.common.masked import chains, rules
from diffusion_lab.instruments.common.masked.decoding import Pass
from diffusion_lab.instruments.common.masked.drafts import Round
from diffusion_lab.instruments.common.slices import Work
from diffusion_lab.instruments.unmask import charts, kernel, language, layout, model_error

KEPT = 64  # results cached for settings that return to earlier values
RULES = {rule: "ReMDM" if rule == "remdm" else "" for rule in kernel.RULES}

State = TypeVar("State")


class Unmask(Instrument):
    """A text decoded by unmasking in K passes, and left to right in n; given words stay in place."""

    title = "Masked diffusion"
    question = "What does a text model lose when it reveals several words in one pass?"
    editable = (rules.scores, rules.remdm_probabilities, language.posterior, language.learned, chains.draw)

    # --- what can be set ---------------------------------------------------------------------------------------------

    num_inference_steps = whole(
        5, 1, 24, "Passes", symbol="K",
        doc="Number of passes in which all masks are filled. More passes than masks are used by ReMDM only.",
    )  # fmt: skip
    progress = number(
        0.2, 0, 1, 0.005, "Progress",
        doc="Progress of both decodings, at the same number of passes: at 1 the slower one has finished.",
    )  # fmt: skip
    given = text(
        "", r"^[0-9A-Za-z:., ]{0,300}$", "Words given", example="6:captain 14:letter",
        doc="Places and words, like 6:captain 14:letter. A tap on a word of the picture gives it, or masks it again.",
    )  # fmt: skip
    model = choice(
        ["exact", "learned"], "exact", "Model", style="row",
        doc="The model that unmasks and drafts: the exact word chain, or a transformer trained on its texts.",
    )  # fmt: skip
    remasking = choice(
        RULES, "confidence", "Commit by",
        doc="Which positions a pass fills. Low confidence is LLaDA's published rule; ReMDM also masks words again.",
    )  # fmt: skip
    eta_cap = number(
        0.2, 0, 0.9, 0.05, "Masked again, at most", symbol="σ", when={"remasking": "remdm"},
        doc="ReMDM: the largest probability that a pass masks a committed word again.",
    )  # fmt: skip
    temperature = number(
        1.0, 0, 2, 0.1, "Temperature", symbol="T",
        doc="Words are drawn from p to the power 1/T, normalised; 0 takes the likeliest.",
    )  # fmt: skip
    length = whole(15, 12, 24, "Words", "Length of the text, full stops included.", symbol="n")
    writing = choice(
        ["word_by_word", "drafts"], "word_by_word", "Left to right",
        doc="One word a pass, or several, drafted by the model and verified left to right.",
    )  # fmt: skip
    block = whole(
        4, 1, 8, "Words a draft", symbol="b", when={"writing": "drafts"},
        doc="Words that the model drafts in one pass, for a verifier.",
    )  # fmt: skip
    show_guesses = switch(False, "Guesses", "The likeliest word under each mask, given all that is revealed.")
    chart_shows = choice(
        ["samples", "chain", "distance"], "samples", "Chart", style="row",
        doc="Texts of the model, measured; a chain of two states, computed exactly; or the error of the learned model.",
    )  # fmt: skip
    stay = number(
        0.9, 0.5, 0.95, 0.05, "Small chain: stays with", when={"chart_shows": "chain"},
        doc="Probability that the small chain keeps its state from one token to the next; 0.5 is independence.",
    )  # fmt: skip
    seed = seed(3, "The same seed gives the same draws, in both decodings.")

    panel = Panel(
        Transport("Unmask", plays="progress", seconds=6, step="One pass forward"),
        frames="progress",
        main=["num_inference_steps"],
        readouts=[
            Readout("unmasked", "unmasking"),
            Readout("written", "left to right"),
        ],
        measures=[
            Measure("revealed", "words revealed", "", "left to right", doc="Of the words that were not given."),
            Measure(
                "likelihood", "log p, nats a word", ".2f", "mean",
                doc="Mean over the words revealed, under the exact model; beside it the exact mean over full texts.",
            ),
            Measure(
                "joints", "odd neighbours", "d", "left to right",
                doc="Pairs of revealed neighbours that never occur in the corpus, in both texts.",
            ),
            Measure(
                "cost", "cost, positions", "d", "left to right",
                doc="A diffusion pass computes all n positions; a cached left-to-right pass only those it checks.",
            ),
            Measure(
                "distance", "learned off by, nats", ".4f", "context ignored", ".2f", when={"model": "learned"},
                doc="KL(exact ‖ learned), mean over the masked words; beside it, the loss of ignoring the context.",
            ),
            Measure(
                "kept", "draft accepted", "", "saved", when={"writing": "drafts"},
                doc="Words accepted from the draft, per pass; passes saved. Each draft costs a diffusion pass.",
            ),
            Measure(
                "correlation", "total correlation", ".4f", "formula", when={"chart_shows": "chain"},
                doc="Loss of a single pass on the small chain, in nats: summed over all sequences, and by formula.",
            ),
        ],
        pads=[Tap("Tap a word to give it, and again to mask it")],
    )  # fmt: skip

    plane = Plane(
        layout.WIDTH / 2,
        Boxes("cells", "c0", alpha=layout.SURE, legend="probability when revealed", ramp=("0", "1")),
        Boxes("masks", "mute", alpha=0.28, legend="mask"),
        Boxes("pins", "bg", outline="ink", legend="given"),
        Segments("rules", "line"),
        Segments("diagonal", "mute", width=2),
        Segments("new", "acc", width=3, legend="revealed by this pass"),
        Segments("joints", "c3", width=4, legend="odd neighbours: never together in the corpus"),
        Segments("again", "c5", width=3, legend="masked again, or a refused draft"),
        Texts("words", "ink", size="19px"),
        Texts("guesses", "mute", size="19px", when="show_guesses"),
        Texts("headings", "mute", size="15px", align="left"),
        x=(0, layout.WIDTH),
        y=(0, layout.HEIGHT),
    )
    likelihood_chart, variety_chart = charts.likelihood, charts.variety
    loss_chart, error_chart = charts.loss, charts.error

    # --- what is computed: the two decodings -------------------------------------------------------------------------

    @computed(keep=KEPT)
    def pins(self) -> tuple[kernel.Pins, str]:
        """(position, word) of each given word, by position, and the problems of the other typed entries."""
        return kernel.read_pins(self.given, self.length)

    @computed(keep=KEPT)
    def start(self) -> kernel.Tokens:
        """Masks, and the words that are given."""
        return kernel.sequence(self.length, dict(self.pins[0]))

    @computed(work=True, keep=2, unit="bytes of weights")
    def predictor(self) -> Work[str]:
        """The name of the model in use, once it is ready: the learned one needs its weights."""
        language.word_model()  # cached here, so that its time does not count for the first pass
        if self.model == "learned":
            yield from asset(language.WEIGHTS)
            language.network()
        return str(self.model)

    @computed(work=True, keep=KEPT, unit="passes")
    def passes(self) -> Work[tuple[Pass, ...]]:
        """Unmasking: the start, and the state after each pass."""
        rule, eta_cap = self._rule()
        task = self.start, self.num_inference_steps, rule, self.temperature, eta_cap, self.seed
        return (yield from _collected(kernel.unmasking(*task, self.predictor), self.num_inference_steps))

    @computed(work=True, keep=KEPT, unit="passes")
    def rounds(self) -> Work[tuple[Round, ...]]:
        """Left to right: the start, and the state after each pass."""
        task = self.start, self.temperature, self.seed
        drafts = (self.predictor, self.block) if self.writing == "drafts" else ()
        return (yield from _collected(kernel.writing(*task, *drafts), self.length))

    @computed(keep=KEPT)
    def decoding(self) -> kernel.Decoding:
        """Both."""
        return kernel.Decoding(self.start, self.passes, self.rounds, self.block if self.writing == "drafts" else 0)

    @computed
    def spent(self) -> int:
        """Passes spent on each text."""
        return round(self.progress * self.decoding.total)

    @computed(keep=KEPT)
    def shown(self) -> kernel.Shown:
        """Both texts at that number of passes."""
        return self.decoding.after(self.spent)

    @computed(keep=KEPT)
    def guesses(self) -> kernel.Tokens:
        """The likeliest word at each place of the upper text."""
        return kernel.guesses(self.shown.sides["unmasked"].x, self.predictor)[0]

    @computed(keep=KEPT)
    def off(self) -> tuple[float | None, float | None]:
        """The error of the learned model at the masked words, and the loss of ignoring the context."""
        learned = self.model == "learned" and self.predictor
        return (model_error.distance(self.shown.sides["unmasked"].x) if learned else None) or (None, None)

    @computed(keep=KEPT)
    def expected(self) -> float:
        """Mean log-likelihood of a perfect sampler's texts, nats a word."""
        return kernel.expected_log_likelihood(self.start)

    def _rule(self) -> tuple[str, float]:
        return self.remasking, self.eta_cap if self.remasking == "remdm" else 0.0

    # --- what is computed: the chart, a result for each value of `chart_shows` ---------------------------------------

    @computed(work=True, background=True, keep=KEPT, unit="passes")
    def samples(self) -> Work[kernel.Quality]:
        """The quality of texts decoded in K passes, for many K."""
        rule, eta_cap = self._rule()
        task = self.start, rule, self.temperature, eta_cap, self.seed, kernel.SAMPLES
        return (yield from kernel.quality.work(*task, self.predictor))

    @computed(work=True, background=True, keep=KEPT)
    def chain(self) -> Work[tuple[np.ndarray, np.ndarray]]:
        """The exact loss of decoding in K passes on the small chain."""
        rule, eta_cap = self._rule()
        return (yield from kernel.kl_curve.work(rule, self.stay, eta_cap))

    @computed(work=True, background=True, keep=KEPT, unit="texts")
    def distance(self) -> Work[model_error.ModelErrorCurve]:
        """The error of the learned model for every number of masks."""
        yield from asset(language.WEIGHTS)
        return (yield from model_error.model_error_curve.work(self.length, self.seed))

    @computed
    def report(self) -> charts.Report:
        """The measurement in the chart, in words."""
        return charts.report(getattr(self, self.chart_shows))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @plane.layer(*layout.LAYERS)
    def _(self) -> Iterable[dict[str, Any]]:
        return layout.picture(self.shown, self.guesses if self.show_guesses else None).values()

    # --- what is read ------------------------------------------------------------------------------------------------

    @readings
    def counts(self) -> dict[str, Any]:
        """Passes, words and positions so far."""
        shown = self.shown
        unmasked, written = shown.sides["unmasked"], shown.sides["written"]
        kept, drafted, saved = shown.drafted
        return {
            "unmasked": shown.counter("unmasked"),
            "written": shown.counter("written"),
            "revealed": tuple(f"{shown.revealed(name)} of {shown.free}" for name in shown.sides),
            "joints": (int(unmasked.odd.sum()), int(written.odd.sum())),
            "cost": (f"{shown.nfe} × {self.length} = {shown.nfe * self.length}", shown.positions),
            "kept": (f"{kept / written.spent:.1f} of {drafted / written.spent:.1f}", counted(saved, "pass", "passes"))
            if drafted
            else (None, None),
        }

    @readings
    def likelihoods(self) -> dict[str, Any]:
        """Likelihood of the revealed words, beside the mean of a perfect sampler's texts."""
        shown, revealed = self.shown, self.shown.revealed("unmasked")
        evidence = kernel.evidence(shown.sides["unmasked"].x, self.start) / revealed if revealed else None
        return {"likelihood": (evidence, self.expected)}

    @readings
    def others(self) -> dict[str, Any]:
        """Readings that depend neither on the passes nor on the texts, and the distance of the learned model."""
        return {"distance": self.off, "correlation": kernel.correlation(self.stay)}

    @readings
    def problems(self) -> dict[str, Any]:
        """The problems of the given words."""
        return {"given_problem": self.pins[1]}

    def status(self) -> Status:
        """Passes and their time; the chart's work."""
        nfe, report, shown = self.decoding.nfe, self._report(), self.shown
        both = f"unmasking: {shown.counter('unmasked')} · left to right: {shown.counter('written')}"
        return Status(
            f"{both} · a pass of unmasking computes all {self.length} words",
            "exact posteriors, float64" if self.model == "exact" else "transformer, float32",
            timed=("passes",) if nfe else (),
            count=nfe,
            each="a pass",
            beside=Status(f"chart: {report.sample}", timed=(self.chart_shows,))
            if report
            else Status("chart: being measured"),
        )

    def describe(self) -> str:
        """The picture in words."""
        shown, report = self.shown, self._report()
        unmasked, written = shown.sides["unmasked"], shown.sides["written"]
        masks = unmasked.x == kernel.MASK
        pins = ", ".join(f"“{word}” at {position}" for position, word in self.pins[0])
        rule = f"ReMDM with σ up to {self.eta_cap:g}" if self.remasking == "remdm" else self.remasking.replace("_", " ")
        drawn = ~masks & ~shown.given
        sure = f" revealed at a mean probability of {unmasked.confidence[drawn].mean():.3f}," if drawn.any() else ""
        kept, drafted, saved = shown.drafted
        passes = counted(saved, "pass", "passes")
        return (
            f"{self.length} words{f', given {pins}' if pins else ''}. Unmasking by the {self.model} model in"
            f" {counted(self.num_inference_steps, 'pass', 'passes')} by {rule}, temperature {self.temperature:g},"
            f" {shown.counter('unmasked')}: “{kernel.text(unmasked.x)}”, {int(masks.sum())} still masked,{sure}"
            f" {counted(int(unmasked.odd.sum()), 'pair')} of neighbours that the corpus never has."
            + (f" Its law of a masked word is {self.off[0]:.4f} nats from the exact one." if self.off[0] else "")
            + f" Left to right, {shown.counter('written')}: “{kernel.text(written.x)}”,"
            f" {counted(int(written.odd.sum()), 'such pair')}."
            + (f" {kept} of {drafted} drafted words were accepted, which saved {passes}." if drafted else "")
            + (f" {report.words}" if report else f" The chart ({self.chart_shows}) is still being measured.")
        )

    def _report(self) -> charts.Report | None:
        """The measurement, or None before it is done: the description does not wait for it."""
        try:
            report: charts.Report = self.report
        except NotReady:
            return None
        return report

    def table(self) -> dict[str, np.ndarray]:
        """Both texts so far, word by word."""
        return self.shown.table()

    # --- what buttons and taps do ------------------------------------------------------------------------------------

    def step(self) -> None:
        """Advances by one pass."""
        total = self.shown.total
        self.param.update(playing=False, progress=min(1.0, (round(self.progress * total) + 1) / total))

    def tap(self, x: float, y: float) -> None:
        """A tap on a word gives it; on one that is given, masks it again; on a guess, gives that."""
        hit = layout.cell_at(self.length, x, y)
        if hit is None:
            return
        name, i = hit
        token = self.shown.sides[name].x[i]
        if token == kernel.MASK and self.show_guesses and name == "unmasked":
            token = self.guesses[i]
        if self.shown.given[i]:
            self.given = kernel.with_pin(self.given, i + 1, "")
        elif token != kernel.MASK:
            self.given = kernel.with_pin(self.given, i + 1, kernel.VOCABULARY[token])


def _collected(states: Iterable[State], of: int) -> Work[tuple[State, ...]]:
    """Work that collects all states, the first of which is the start."""
    found = []
    for state in states:
        found.append(state)
        yield len(found) - 1, of
    return tuple(found)

"""Masked diffusion: a text revealed pass by pass, beside the same model writing left to right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from diffusion_lab.app.instrument import (  # isort: skip
    Estimate, Instrument, NotReady, Replay, Status,
    asset, choice, computed, counted, number, readings, seed, switch, text, whole,
)  # fmt: skip
from diffusion_lab.app.instrument.scenes import Boxes, Plane, Segments, Texts
from diffusion_lab.instruments.common.masked import chains, rules
from diffusion_lab.instruments.common.masked.decoding import Model, Pass
from diffusion_lab.instruments.common.masked.drafts import Round
from diffusion_lab.instruments.common.slices import Work

from diffusion_lab.instruments.unmask import (  # isort: skip
    charts, end_of_text, faults, kernel, language, layout, model_error, training, words,
)  # fmt: skip
from diffusion_lab.instruments.unmask.front_panel import DECODE, PANEL, TRAIN

KEPT = 64  # results cached for settings that return to earlier values
RULES = {rule: "ReMDM" if rule == "remdm" else "" for rule in kernel.RULES}

State = TypeVar("State")


class Unmask(Instrument):
    """A text decoded by unmasking in K passes, and left to right in n; given words stay in place."""

    title = "Masked diffusion"
    question = "What does a text model lose when it reveals several words in one pass?"
    editable = (rules.scores, rules.remdm_probabilities, language.posterior, language.learned, chains.draw,
        faults.noisy_confidence, end_of_text.end_last, training.masked_texts)  # fmt: skip

    # --- what can be set ---------------------------------------------------------------------------------------------

    view = choice(
        {"decode": "Decode", "train": "Train a model"}, "decode", "View", style="row",
        doc="Decoding by a model that is ready, or by one that you train here, at any moment of its training.",
    )  # fmt: skip
    training_step = whole(
        200, 0, training.NUM_STEPS, "Training step", step=training.EVERY, when=TRAIN, pace=training.pace,
        doc=f"How long the network has been trained: a step is a batch of {training.BATCH} texts of the exact model.",
    )  # fmt: skip
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
        ["exact", "learned", "trained"], "exact", "Model", style="row", when=DECODE,
        doc="What unmasks and drafts: the exact word chain, a transformer that learned it, or the model trained here.",
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
    fault = choice(
        {faults.NONE: "None", **{name: fault.label for name, fault in faults.FAULTS.items()}}, faults.NONE, "Fault",
        doc="A published fault in how words are drawn or chosen, beside the right way in the chart.", folded=True,
    )  # fmt: skip
    show_drafts = switch(True, "Drafts", "Words that this pass drew but did not commit: the next pass draws again.")
    show_guesses = switch(False, "Guesses", "The likeliest word under each mask, given all that is revealed.")
    chart_shows = choice(
        ["samples", "chain", "distance", "end_of_text"], "samples", "Chart", style="row", when=DECODE,
        doc="Texts, measured; a chain of two states, exact; the error of a learned model; or texts that end.",
    )  # fmt: skip
    stay = number(
        0.9, 0.5, 0.95, 0.05, "Small chain: stays with", when=DECODE | {"chart_shows": "chain"},
        doc="Probability that the small chain keeps its state from one token to the next; 0.5 is independence.",
    )  # fmt: skip
    seed = seed(3, "The same seed gives the same draws, in both decodings.")

    panel = PANEL
    plane = Plane(
        layout.WIDTH / 2,
        Boxes("cells", "c0", alpha=layout.SURE, legend="probability when revealed", ramp=("0", "1")),
        Boxes("masks", "mute", alpha=0.28, legend="mask"),
        Boxes("pins", "bg", outline="ink", legend="given"),
        Boxes(
            "drafted",
            "mute",
            alpha=layout.PALE,
            outline="mute",
            when="show_drafts",
            legend="drafted, not committed",
        ),
        Segments("rules", "line"),
        Segments("diagonal", "mute", width=2, legend="pass, left to right"),
        Segments("new", "acc", width=3, legend="committed by this pass"),
        Segments("joints", "c3", width=4, legend="odd neighbours"),
        Segments("again", "c5", width=3, legend="masked again, or refused"),
        Texts("words", "ink", size="19px"),
        Texts("guesses", "mute", size="19px", when="show_guesses"),
        Texts("drafts", "mute", size="19px", when="show_drafts"),
        Texts("headings", "mute", size="15px", align="left"),
        x=(0, layout.WIDTH),
        y=(0, layout.HEIGHT),
    )
    likelihood_chart, variety_chart = charts.likelihood, charts.variety
    loss_chart, error_chart = charts.loss, charts.error
    ends_chart, training_chart = charts.ends, charts.training

    # --- what is computed: the two decodings -------------------------------------------------------------------------

    @computed(keep=KEPT)
    def pins(self) -> tuple[kernel.Pins, str]:
        """(position, word) of each given word, by position, and the problems of the other typed entries."""
        return kernel.read_pins(self.given, self.length)

    @computed(keep=KEPT)
    def start(self) -> kernel.Tokens:
        """Masks, and the words that are given."""
        return kernel.sequence(self.length, dict(self.pins[0]))

    @property
    def predicts(self) -> str:
        """The model in use: in the view of training, the one that is trained there."""
        return "trained" if self.view == "train" else str(self.model)

    @property
    def chart(self) -> str:
        """The chart in sight."""
        return "trained" if self.view == "train" else str(self.chart_shows)

    @computed(keep=2)
    def replay(self) -> Replay[training.Run, training.Moment]:
        """The training, up to the latest step that has been shown."""
        steps, every = training.NUM_STEPS, training.EVERY
        return Replay(training.training(self.length, self.seed), steps, steps // every, training.Run.moment)

    @computed(work=True, keep=KEPT, unit="training steps")
    def trained(self) -> Work[training.Moment]:
        """The trained model at the training step."""
        for done, of, _ in self.replay.to(last := self.training_step // training.EVERY):
            yield done, of
        return self.replay.frames[last]

    @computed(keep=4)
    def truth(self) -> training.Truth:
        """The least loss of a model, and the test texts."""
        return training.Truth(self.length)

    @computed(keep=KEPT)
    def excess(self) -> float:
        """How far the trained model is above the least loss."""
        return self.truth.excess(self.trained)

    @computed(work=True, keep=2, unit="bytes of weights")
    def weights(self) -> Work[str]:
        """The name of the model, once it is ready: the learned one needs its weights."""
        language.word_model()  # cached here, so that its time does not count for the first pass
        if self.predicts == "learned":
            yield from asset(language.WEIGHTS)
            language.network()
        return self.predicts

    @computed(keep=KEPT)
    def predictor(self) -> str | Model:
        """The model in use: its name, or the one trained here."""
        return self.trained if self.weights == "trained" else self.weights

    @computed(work=True, keep=KEPT, unit="passes")
    def passes(self) -> Work[tuple[Pass, ...]]:
        """Unmasking: the start, and the state after each pass."""
        rule, eta_cap = self._rule()
        task = self.start, self.num_inference_steps, rule, self.temperature, eta_cap, self.seed
        states = kernel.unmasking(*task, self.predictor, faults.proposal_of(self.fault))
        return (yield from _collected(states, self.num_inference_steps))

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
        model = self.predictor
        if model == "exact":
            return None, None
        own = None if isinstance(model, str) else model
        return model_error.distance(self.shown.sides["unmasked"].x, own) or (None, None)

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

    @computed(work=True, background=True, keep=KEPT, unit="passes")
    def faulty(self) -> Work[kernel.Quality]:
        """The same with the fault, from the same random numbers."""
        rule, eta_cap = self._rule()
        task = self.start, rule, self.temperature, eta_cap, self.seed, kernel.SAMPLES
        return (yield from kernel.quality.work(*task, self.predictor, faults.proposal_of(self.fault)))

    @computed(work=True, background=True, keep=KEPT)
    def chain(self) -> Work[tuple[np.ndarray, np.ndarray]]:
        """The exact loss of decoding in K passes on the small chain."""
        rule, eta_cap = self._rule()
        return (yield from kernel.kl_curve.work(rule, self.stay, eta_cap))

    @computed(work=True, background=True, keep=KEPT, unit="texts")
    def distance(self) -> Work[model_error.ModelErrorCurve]:
        """The error of the learned model for every number of masks."""
        if self.model == "trained":
            task = self.length, self.seed, model_error.TEXTS, self.trained
            return (yield from model_error.model_error_curve.work(*task))
        yield from asset(language.WEIGHTS)
        return (yield from model_error.model_error_curve.work(self.length, self.seed))

    @computed(work=True, background=True, keep=KEPT, unit="passes")
    def end_of_text(self) -> Work[end_of_text.EndShares]:
        """The share of end-of-text in texts of the exact model that end, by rule and number of passes."""
        return (yield from end_of_text.end_shares.work(self.length, self.temperature, self.seed))

    @computed
    def report(self) -> charts.Report:
        """The measurement in the chart, in words."""
        if self.chart == "trained":
            return charts.training_report(self.trained, self.truth.floor, self.excess)
        return charts.report(getattr(self, self.chart_shows))

    # --- what is drawn -----------------------------------------------------------------------------------------------

    @plane.layer(*layout.LAYERS)
    def _(self) -> Iterable[dict[str, Any]]:
        return layout.picture(self.shown, self.guesses if self.show_guesses else None, self.show_drafts).values()

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
    def of_training(self) -> dict[str, Any]:
        """The loss of the trained model beside its floor, and the difference, beside that before the training."""
        if self.view != "train":
            return {"loss": None, "excess": None}
        floor, untrained = self.truth.floor, self.truth.excess(self.replay.frames[0])
        return {"loss": (floor + self.excess, floor), "excess": (self.excess, untrained)}

    @readings
    def of_chart(self) -> dict[str, Any]:
        """Numbers of the chart, where they are measured: of a fault, and of texts that end."""
        ends, damage = None, None
        if self.chart == "end_of_text":
            share, error, exact = charts.published(self.end_of_text)
            ends = Estimate(share, error), exact
        if self.fault != faults.NONE and self.chart == "samples":
            k = min(self.num_inference_steps, self.length)
            damage = tuple(Estimate(*charts.likelihood_at(q, k)) for q in (self.faulty, self.samples))
        return {"ends": ends, "damage": damage}

    @readings
    def problems(self) -> dict[str, Any]:
        """The problems of the given words."""
        return {"given_problem": self.pins[1]}

    def status(self) -> Status:
        """Passes and their time; the chart's work."""
        return words.status(self, self._report())

    def describe(self) -> str:
        """The picture in words."""
        return words.describe(self, self._report())

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
        """Advances by one pass, or trains further."""
        if self.view == "train":
            super().step()
            return
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

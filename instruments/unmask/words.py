"""Masked diffusion in words: both texts, what the last pass did, the model and its error, and what all that cost."""

from typing import Any

import numpy as np

from diffusion_lab.app.instrument import Status, counted
from diffusion_lab.instruments.unmask import charts, faults, kernel

PRECISION = {
    "exact": "exact posteriors, float64",
    "learned": "transformer, float32",
    "trained": "multilayer perceptron trained here, float32",
}


def status(i: Any, report: charts.Report | None) -> Status:
    """Passes and their time; the chart's work."""
    nfe = i.decoding.nfe
    return Status(
        f"a pass of unmasking computes all {i.length} words",
        PRECISION[i.predicts],
        timed=("passes",) if nfe else (),
        count=nfe,
        each="a pass",
        beside=Status(f"chart: {report.sample}", timed=("replay" if i.view == "train" else i.chart,))
        if report
        else Status("chart: being measured"),
    )


def describe(i: Any, report: charts.Report | None) -> str:
    """Both texts and the chart; `report` is None while that is being measured."""
    shown = i.shown
    pins = ", ".join(f"“{word}” at {position}" for position, word in i.pins[0])
    return (
        f"{i.length} words{f', given {pins}' if pins else ''}. {_unmasked(i)}"
        f" Left to right, {shown.counter('written')}: “{kernel.text(shown.sides['written'].x)}”,"
        f" {counted(int(shown.sides['written'].odd.sum()), 'such pair')}.{_accepted(shown)}"
        + (f" {report.words}" if report else f" The chart ({i.chart}) is still being measured.")
    )


def _unmasked(i: Any) -> str:
    shown = i.shown
    side = shown.sides["unmasked"]
    masks = side.x == kernel.MASK
    drawn = ~masks & ~shown.given
    sure = f" revealed at a mean probability of {side.confidence[drawn].mean():.3f}," if drawn.any() else ""
    rule = f"ReMDM with σ up to {i.eta_cap:g}" if i.remasking == "remdm" else i.remasking.replace("_", " ")
    trained = f" after {counted(i.training_step, 'training step')}" if i.predicts == "trained" else ""
    wrong = f" with a fault, {faults.FAULTS[i.fault].label}" if i.fault in faults.FAULTS else ""
    words = (
        f"Unmasking by the {i.predicts} model{trained} in {counted(i.num_inference_steps, 'pass', 'passes')} by"
        f" {rule}{wrong}, temperature {i.temperature:g}, {shown.counter('unmasked')}: “{kernel.text(side.x)}”,"
        f" {int(masks.sum())} still masked,{sure} {counted(int(side.odd.sum()), 'pair')} of neighbours that the corpus"
        " never has."
    )
    drafted = side.drafted != kernel.MASK
    if i.show_drafts and drafted.any():
        draft = kernel.text(np.where(drafted, side.drafted, kernel.MASK))
        words += f" {counted(int(drafted.sum()), 'word')} drafted by this pass but not committed: “{draft}”."
    if i.off[0]:
        words += f" Its distribution of a masked word is {i.off[0]:.4f} nats from the exact one."
    return words


def _accepted(shown: kernel.Shown) -> str:
    kept, drafted, saved = shown.drafted
    saving = counted(saved, "pass", "passes")
    return f" {kept} of {drafted} drafted words were accepted, which saved {saving}." if drafted else ""

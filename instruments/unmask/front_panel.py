"""The front panel of masked diffusion: its transport, read-outs and measures."""

from diffusion_lab.app.instrument import Measure, Panel, Readout, Tap, Transport
from diffusion_lab.instruments.unmask.faults import FAULTS

DECODE, TRAIN = {"view": "decode"}, {"view": "train"}

PANEL = Panel(
    Transport("Run", plays={"decode": "progress", "train": "training_step"}, seconds=6, step="One step forward"),
    frames="progress",
    main=["view", "num_inference_steps", "training_step"],
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
            "damage", "log p over all texts", ".2f", "right way",
            when=DECODE | {"chart_shows": "samples", "fault": tuple(FAULTS)},
            doc="Mean over the texts of the chart with this K, nats a word, ± its standard error; and without.",
        ),
        Measure(
            "loss", "loss, nats a word", ".3f", "floor", when=TRAIN,
            doc="Of the network on test texts; beside it the least of any model, the entropy of the exact one.",
        ),
        Measure(
            "excess", "above the floor, nats", ".3f", "untrained", when=TRAIN,
            doc="The difference of the two, KL(exact ‖ network) of a masked word; and before the training.",
        ),
        Measure(
            "ends", "end-of-text, low confidence", ".3f", "exact", when=DECODE | {"chart_shows": "end_of_text"},
            doc="Its share by low confidence with as many passes as words, ± its standard error; beside it, exactly.",
        ),
        Measure(
            "distance", "learned off by, nats", ".4f", "context ignored", ".2f",
            when=DECODE | {"model": ("learned", "trained")},
            doc="KL(exact ‖ learned), mean over the masked words; beside it, the loss of ignoring the context.",
        ),
        Measure(
            "kept", "draft accepted", "", "saved", when={"writing": "drafts"},
            doc="Words accepted from the draft, per pass; passes saved. Each draft costs a diffusion pass.",
        ),
        Measure(
            "correlation", "total correlation", ".4f", "formula", when=DECODE | {"chart_shows": "chain"},
            doc="Loss of a single pass on the small chain, in nats: summed over all sequences, and by formula.",
        ),
    ],
    pads=[Tap("Tap a word to give it, and again to mask it")],
)  # fmt: skip

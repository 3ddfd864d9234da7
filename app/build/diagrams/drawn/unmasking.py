"""Masked decoding beside autoregression: both ways to write, run by the text model of the instrument."""

from __future__ import annotations

from functools import cache

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing
from diffusion_lab.instruments.unmask import kernel

LENGTH, PASSES, SEED = 6, 3, 5

HIDDEN = "—"


@cache
def texts() -> tuple[list[list[str]], list[list[str]]]:
    """The words after each pass, from the start: by unmasking, and from left to right; `HIDDEN` where masked."""
    done = kernel.decoding(kernel.sequence(LENGTH, {}), PASSES, "confidence", 1.0, 0.0, SEED)
    return [_words(each.x[0]) for each in done.passes], [_words(each.x) for each in done.rounds]


def _words(tokens: kernel.Tokens) -> list[str]:
    return [HIDDEN if word == "_" else word for word in kernel.text(tokens).split()]


TITLE = "Masked decoding beside writing from left to right"
WORDS = f"""
Two tables of {LENGTH} words each, with a row for the start and for each pass; both texts were written by the lab's
text model. Masked decoding begins with {LENGTH} masks and needs {PASSES} passes. Each pass fills the positions where
the model is most certain, anywhere in the text: the rows read
{"; ".join(" ".join(row).replace(HIDDEN, "mask") for row in texts()[0])}. Writing from left to right fills one word in
each pass, always the next one, and needs {len(texts()[1]) - 1} passes:
{"; ".join(" ".join(row).replace(HIDDEN, "mask") for row in texts()[1])}. Words that a pass has just filled are
marked.
"""


def _table(drawing: Drawing, rows: list[list[str]], left: float, top: float, cell: tuple[float, float]) -> None:
    """One row of boxes for each pass, its number on the left."""
    width, height = cell
    for number, row in enumerate(rows):
        y = top + number * (height + 4)
        drawing.label(left - 8, y + height / 2, str(number) if number else "start", "end")
        for place, word in enumerate(row):
            new = number and word != HIDDEN and rows[number - 1][place] == HIDDEN
            tone = "learned" if new else "blank" if word == HIDDEN else "plain"
            drawing.box(left + place * (width + 3), y, width, height, word, tone, size=11)


def wide() -> Drawing:
    """Both tables side by side."""
    masked, written = texts()
    drawing = Drawing(WIDE, 30 + len(written) * 28)
    _table(drawing, masked, 40, 30, (46, 24))
    _table(drawing, written, 368, 30, (46, 24))
    drawing.label(40, 10, "Masked: anywhere, several in a pass", "start", size=13, colour="ink", bold=True)
    drawing.label(368, 10, "From left to right: one in a pass", "start", size=13, colour="ink", bold=True)
    return drawing


def narrow() -> Drawing:
    """One table above the other."""
    masked, written = texts()
    below = 30 + len(masked) * 28 + 46
    drawing = Drawing(NARROW, below + len(written) * 28)
    _table(drawing, masked, 40, 30, (47, 24))
    _table(drawing, written, 40, below, (47, 24))
    drawing.label(40, 12, "Masked: anywhere, several in a pass", "start", size=13, colour="ink", bold=True)
    drawing.label(40, below - 18, "From left to right: one in a pass", "start", size=13, colour="ink", bold=True)
    return drawing

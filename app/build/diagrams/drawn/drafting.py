"""Two rounds of drafting and verifying: words drafted by unmasking, checked by the model that writes left to right."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache

import numpy as np

from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Drawing
from diffusion_lab.instruments.common.masked.chains import MASK, draw
from diffusion_lab.instruments.common.masked.drafts import draft_and_verify
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.unmask.language import VOCABULARY, posterior, sequence, word_model

LENGTH, BLOCK, SEED = 9, 4, 8


@dataclass(frozen=True)
class Round:
    """Words of the text before a round, drafted ones, how many of these are accepted, and the word added."""

    before: list[str]
    drafted: list[str]
    accepted: int
    added: str


@cache
def rounds() -> list[Round]:
    """The rounds in which the lab's two text models write a text together."""
    rng, blank, found = seeded(SEED), sequence(LENGTH, {}), []
    states = draft_and_verify(posterior, word_model(), blank, BLOCK, 1.0, rng)
    text = next(states)
    while text.reached < LENGTH:
        here = slice(text.reached, text.reached + BLOCK)
        law = posterior(np.where(np.arange(LENGTH) < text.reached, text.x, MASK)[None])[0, here]
        drafted = draw(law, 1.0, copy.deepcopy(rng))  # what the round itself draws first
        after = next(states)
        words = [VOCABULARY[token] for token in after.x[: after.reached]]
        found.append(Round(words[: text.reached], [VOCABULARY[token] for token in drafted], after.kept, words[-1]))
        text = after
    return found


def _described(number: int, each: Round) -> str:
    rejected = f" and rejects “{each.drafted[each.accepted]}”" if each.accepted < len(each.drafted) else ""
    return (
        f"Round {number}: the draft is {', '.join(f'“{word}”' for word in each.drafted)}; the verifier accepts the"
        f" first {each.accepted}{rejected}, and adds “{each.added}”."
    )


TITLE = "Words are drafted, then verified"
WORDS = f"""
A text of {LENGTH} words, written in {len(rounds())} rounds. In each round the unmasking model drafts {BLOCK} words in
one pass, all at once. Then the model that writes from left to right checks them in one pass. It accepts words up to the
first one that it rejects, and adds one word after them.
{" ".join(_described(number, each) for number, each in enumerate(rounds(), 1))}
"""

#: What a word is → its box: tone, dashed, bold.
KINDS = {
    "written": ("plain", False, False),
    "drafted": ("plain", True, False),
    "accepted": ("learned", False, False),
    "added": ("strong", False, True),
}


def _lines() -> list[tuple[str, list[tuple[str, str]]]]:
    """The state after each draft and each check: its name, and each word with what it is."""
    found = []
    for number, each in enumerate(rounds(), 1):
        before = [(word, "written") for word in each.before]
        accepted = [(word, "accepted") for word in each.drafted[: each.accepted]]
        found.append((f"draft {number}", [*before, *((word, "drafted") for word in each.drafted)]))
        found.append((f"check {number}", [*before, *accepted, (each.added, "added")]))
    return found


def _word(drawing: Drawing, area: tuple[float, float, float, float], word: str, kind: str) -> None:
    tone, dashed, bold = KINDS[kind]
    drawing.box(*area, word, tone, size=11.5, dashed=dashed, bold=bold)


def _legend(drawing: Drawing, top: float, width: float, left: float = 0.0) -> None:
    for place, kind in enumerate(KINDS):
        _word(drawing, (left + place * (width + 6), top, width, 24), kind, kind)


def wide() -> Drawing:
    """The text from left to right, one line below the other."""
    drawing, width = Drawing(WIDE, 214), 60.0
    for row, (name, words) in enumerate(_lines()):
        top = row * 36 + (row // 2) * 14
        drawing.label(0, top + 14, name, "start", size=12.5, colour="acc" if row % 2 else "ink")
        for place, (word, kind) in enumerate(words):
            _word(drawing, (62 + place * (width + 6.5), top, width, 28), word, kind)
    _legend(drawing, 186, 92, 62)
    return drawing


def narrow() -> Drawing:
    """The text downwards, one column beside the other."""
    width = 80.0
    drawing = Drawing(NARROW, 26 + LENGTH * 32 + 40)
    for column, (name, words) in enumerate(_lines()):
        left = column * (width + 6) + (column // 2) * 2
        drawing.label(left + width / 2, 9, name, size=12.5, colour="acc" if column % 2 else "ink")
        for place, (word, kind) in enumerate(words):
            _word(drawing, (left, 24 + place * 32, width, 26), word, kind)
    _legend(drawing, 24 + LENGTH * 32 + 14, 80)
    return drawing

"""What running a chapter's parts at build time gives, and how a part is refused. Nothing is run here."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class RenderedInstrument:
    """An instrument as it stands on the page before Python has loaded."""

    title: str
    html: str
    description: str
    #: What its main slider shows, as JSON; "" where it has none.
    frames: str
    frames_param: str
    #: The functions that a reader may edit, as JSON.
    code: str


@dataclass(frozen=True)
class RenderedQuiz:
    """A quiz with its answer computed."""

    answer: float
    tolerance: float
    solution_html: str


class ContentError(Exception):
    """A part of a chapter that cannot be shown: why, which of the given parts (from 0), and the line in it (from 1)."""

    def __init__(self, message: str, part: int = 0, line: int = 1) -> None:
        super().__init__(message, part, line)
        self.message, self.part, self.line = message, part, line

    def __str__(self) -> str:
        return self.message


def with_answer(solution: str, answer: float, strong: str = "<b>{}</b>") -> str:
    """A worked solution with the answer at each `{answer:…}`, in the number format that stands there.

    `strong` is how the solution's language stresses it.
    """

    def put(match: re.Match[str]) -> str:
        try:
            return strong.format(format(answer, match[1] or "g"))
        except ValueError:
            raise ContentError(f"`{match[0]}` is no number format.") from None

    return re.sub(r"\{answer(?::([^{}]*))?\}", put, solution)

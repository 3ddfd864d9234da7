"""The results of running a chapter's parts at build time, and the error for a part that fails. Runs nothing itself."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class RenderedInstrument:
    """An instrument as the page shows it before Python has loaded."""

    title: str
    #: The question that it answers.
    question: str
    #: All settings as texts, as JSON.
    state: str
    html: str
    description: str
    #: The Bokeh document that replaces the pictures, as JSON.
    document: str
    #: The still frames of its main slider, as JSON; "" without such a slider.
    frames: str
    frames_param: str
    #: The functions that a reader may edit, as JSON.
    code: str
    #: The settings, as JSON: see `settings_table`.
    settings: str
    #: The first picture as an SVG file with the colours of both themes.
    poster: str


@dataclass(frozen=True)
class RenderedDiagram:
    """A diagram: what it shows in words, and an SVG for each layout, by its name: "wide" and "narrow".

    `file`: the wide one as an SVG file with the colours of both themes.
    """

    title: str
    words: str
    svgs: dict[str, str]
    file: str = ""


@dataclass(frozen=True)
class RenderedQuiz:
    """A quiz with its answer and the values of its mistakes computed."""

    answer: float
    tolerance: float
    mistakes: list[float]
    solution_html: str


class ContentError(Exception):
    """A part of a chapter fails: the reason, the index of the part (from 0), and the line in it (from 1)."""

    def __init__(self, message: str, part: int = 0, line: int = 1) -> None:
        super().__init__(message, part, line)
        self.message, self.part, self.line = message, part, line

    def __str__(self) -> str:
        return self.message


def with_answer(solution: str, answer: float, strong: str = "<b>{}</b>") -> str:
    """Returns a worked solution with each `{answer:FORMAT}` replaced by the answer in that number format.

    `strong` is the markup for bold text in the solution's language. Raises `ContentError` for an invalid format.
    """

    def put(match: re.Match[str]) -> str:
        try:
            return strong.format(format(answer, match[1] or "g"))
        except ValueError:
            raise ContentError(f"`{match[0]}` is no number format.") from None

    return re.sub(r"\{answer(?::([^{}]*))?\}", put, solution)

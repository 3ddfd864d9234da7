"""A chapter as a typed tree: its blocks, in order, and what they share. Made by `chapter_parser`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class ChapterError(Exception):
    """Something in a chapter file is wrong; says file, line, what, and what would be right."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Formula:
    """LaTeX to be typeset; `mark` is what stands in the HTML for it."""

    mark: str
    tex: str
    display: bool
    line: int


@dataclass(frozen=True)
class Text:
    """Words of the author: `markdown` as they were written, and the same as HTML."""

    markdown: str
    html: str


@dataclass(frozen=True)
class Prose:
    """Running text."""

    text: Text


@dataclass(frozen=True)
class Heading:
    """A section's heading."""

    id: str
    text: Text


@dataclass(frozen=True)
class Equation:
    """A numbered formula and the box that says it in words."""

    label: str
    number: str
    tex: str
    mark: str
    words: Text
    line: int


@dataclass(frozen=True)
class InstrumentSlot:
    """A place for an instrument, with the settings it starts from (as texts)."""

    name: str
    state: dict[str, str]
    caption: Text
    line: int


@dataclass(frozen=True)
class Cell:
    """An editable code cell."""

    label: str
    letter: str
    title: str
    code: str
    line: int


@dataclass(frozen=True)
class Exercise:
    """A cell with a hole for the reader to fill: `checks` is Python that says whether it is filled rightly.

    `line` is the first of `starter`; `solution` and `checks` begin so many lines after it.
    """

    label: str
    letter: str
    title: str
    task: Text
    hint: Text
    starter: str
    solution: str
    checks: str
    line: int
    solution_offset: int
    checks_offset: int

    @property
    def code(self) -> str:
        """What stands in the cell at first."""
        return self.starter


@dataclass(frozen=True)
class Quiz:
    """A question with a computed answer: `answer` and `tolerance` are Python expressions."""

    label: str
    question: Text
    answer: str
    tolerance: str
    hint: Text
    solution: Text
    line: int


@dataclass(frozen=True)
class Predict:
    """A question to answer in one's head before what one finds is revealed."""

    question: Text
    reveal: Text


@dataclass(frozen=True)
class Note:
    """A boxed remark."""

    title: Text
    text: Text


@dataclass(frozen=True)
class References:
    """The place of the full list of works cited."""


@dataclass(frozen=True)
class Preset:
    """A link in prose that sets an instrument, to be checked against its Params."""

    name: str
    state: dict[str, str]
    line: int


Block = Prose | Heading | Equation | InstrumentSlot | Cell | Exercise | Quiz | Predict | Note | References


@dataclass
class Chapter:
    """A parsed chapter."""

    path: Path
    slug: str
    number: int
    title: str
    lede: str
    minutes: int
    builds_on: list[str]
    objectives: list[str]
    blocks: list[Block] = field(default_factory=list)
    formulas: list[Formula] = field(default_factory=list)
    presets: list[Preset] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        """All blocks of a kind, in order."""
        return [block for block in self.blocks if isinstance(block, kind)]

    def tasks(self) -> list[str]:
        """What there is to do: names of quizzes and exercises, as the page keeps progress under."""
        return [f"{type(block).__name__.lower()}-{block.label}" for block in self.blocks
                if isinstance(block, Quiz | Exercise)]  # fmt: skip

    def error(self, line: int, message: str) -> ChapterError:
        """An error at a line of this chapter."""
        return ChapterError(self.path, line, message)


@dataclass(frozen=True)
class Reference:
    """A work that chapters cite."""

    key: str
    authors: str
    year: int
    title: str
    venue: str
    url: str

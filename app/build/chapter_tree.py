"""A chapter as a typed tree: its blocks, in order, and what they share. Made by `chapter_parser`.

The texts of a tree hold marks, in their HTML and in their Markdown, for what is known only later: computed values
(`Document.filled`) and numbers of other chapters' equations (`link_equations`). In their HTML there are also marks for
formulas, which the page gets when all of them are typeset.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

#: In a text: a reference to an equation, by its label or by `chapter:label`.
EQUATION_MARK = re.compile("\ue002(.*?)\ue003")
#: In a text: the value with this place in `Document.values`.
VALUE_MARK = re.compile("\ue004(\\d+)\ue005")


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


@dataclass(frozen=True)
class Compute:
    """Code that the build runs for the values below it; neither the page nor the notebook shows it."""

    code: str
    line: int


@dataclass(frozen=True)
class Value:
    """A number in the text that the build computes, or a text.

    It is `expression`, or where `instrument` is given the reading `expression` of that instrument in `state`. `format`
    is a format specification ("" for an instrument's own). `label`: its id on the page; `source`: how it is computed,
    as the author wrote it; `result`: the text, once it is computed.
    """

    label: str
    source: str
    expression: str
    format: str
    line: int
    instrument: str = ""
    state: dict[str, str] = field(default_factory=dict)
    result: str = ""


Block = Prose | Heading | Equation | InstrumentSlot | Cell | Exercise | Quiz | Predict | Note | References


@dataclass(kw_only=True)
class Document:
    """What an author wrote: a chapter, or the text that belongs to an instrument.

    steps: what the build runs in one session, in order; equation_refs: references to equations of other chapters, as
    (`chapter:label`, line).
    """

    path: Path
    slug: str
    blocks: list[Block] = field(default_factory=list)
    formulas: list[Formula] = field(default_factory=list)
    presets: list[Preset] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)
    steps: list[Cell | Compute | Value] = field(default_factory=list)
    equation_refs: list[tuple[str, int]] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        """All blocks of a kind, in order."""
        return [block for block in self.blocks if isinstance(block, kind)]

    @property
    def values(self) -> list[Value]:
        """All computed values of its text, in order."""
        return [step for step in self.steps if isinstance(step, Value)]

    @property
    def html(self) -> str:
        """All running text."""
        return "".join(block.text.html for block in self.of(Prose))

    def filled(self, results: Sequence[str]) -> Self:
        """The document with the results of its values, in order, where their marks are."""
        values = [replace(value, result=result) for value, result in zip(self.values, results, strict=True)]
        following = iter(values)
        return replace(
            self,
            steps=[next(following) if isinstance(step, Value) else step for step in self.steps],
            blocks=_replaced(
                self.blocks,
                lambda text: VALUE_MARK.sub(lambda mark: _span(values[int(mark[1])]), text),
                lambda text: VALUE_MARK.sub(lambda mark: values[int(mark[1])].result, text),
            ),
        )

    def with_equations(self, numbers: dict[str, tuple[str, str]]) -> Self:
        """The document with links to equations: reference → address and number. It leaves other marks."""

        def put(template: str) -> Callable[[re.Match[str]], str]:
            return lambda mark: template.format(*numbers[mark[1]]) if mark[1] in numbers else mark[0]

        link, words = put('<a class="eqref" href="{0}">({1})</a>'), put("({1})")
        blocks = _replaced(
            self.blocks, lambda text: EQUATION_MARK.sub(link, text), lambda text: EQUATION_MARK.sub(words, text)
        )
        return replace(self, blocks=blocks)

    def error(self, line: int, message: str) -> ChapterError:
        """An error at a line of this document."""
        return ChapterError(self.path, line, message)


@dataclass(kw_only=True)
class Chapter(Document):
    """A parsed chapter."""

    number: int
    title: str
    lede: str
    minutes: int
    builds_on: list[str]
    objectives: list[str]

    @property
    def name(self) -> str:
        """By which other texts refer to its equations: the file's name without the number."""
        return self.slug.partition("-")[2]

    def tasks(self) -> list[str]:
        """What there is to do: names of quizzes and exercises, as the page keeps progress under."""
        return [f"{type(block).__name__.lower()}-{block.label}" for block in self.blocks
                if isinstance(block, Quiz | Exercise)]  # fmt: skip


class About(Document):
    """The text that belongs to an instrument; its slug is the instrument's name."""


def link_equations(documents: Iterable[Document], chapters: Sequence[Chapter]) -> list[Any]:
    """The documents with links to equations of other chapters. Raises `ChapterError` for one that does not exist."""
    labels = {chapter.name: [equation.label for equation in chapter.of(Equation)] for chapter in chapters}
    numbers = {
        f"{chapter.name}:{equation.label}": (f"{chapter.slug}.html#eq-{equation.label}", equation.number)
        for chapter in chapters
        for equation in chapter.of(Equation)
    }
    linked = []
    for document in documents:
        for reference, line in document.equation_refs:
            name, _, label = reference.partition(":")
            if name not in labels:
                raise document.error(line, f"There is no chapter `{name}`; there is {', '.join(labels)}.")
            if reference not in numbers:
                has = ", ".join(labels[name]) or "none"
                raise document.error(line, f"No equation `{label}` in chapter `{name}`; it has {has}.")
        linked.append(document.with_equations(numbers))
    return linked


def _span(value: Value) -> str:
    """A value in a page: hovering over it says how it is computed."""
    title, result = html.escape(value.source), html.escape(value.result)
    return f'<span class="value" id="{value.label}" title="{title}">{result}</span>'


def _replaced(blocks: list[Block], in_html: Callable[[str], str], in_markdown: Callable[[str], str]) -> list[Block]:
    """The blocks with every text in them changed."""

    def changed(part: Any) -> Any:
        return Text(in_markdown(part.markdown), in_html(part.html)) if isinstance(part, Text) else part

    return [type(block)(**{name: changed(part) for name, part in vars(block).items()}) for block in blocks]


@dataclass(frozen=True)
class Reference:
    """A work that chapters cite."""

    key: str
    authors: str
    year: int
    title: str
    venue: str
    url: str

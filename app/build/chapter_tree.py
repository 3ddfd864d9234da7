"""A chapter as a typed tree: its blocks in order, with its formulas, values and citations. Made by `chapter_parser`.

The HTML and the Markdown of a tree contain placeholders (“marks”) for text that is known only later: computed values
(filled in by `Document.filled`) and equation numbers (filled in by `link_equations`). The HTML also has a placeholder
for each formula; it is replaced after all formulas have been typeset.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

#: Placeholder of a reference to an equation, by its label or by `chapter:label`.
EQUATION_MARK = re.compile("\ue002(.*?)\ue003")
#: Placeholder of the value with this index in `Document.values`.
VALUE_MARK = re.compile("\ue004(\\d+)\ue005")


class ChapterError(Exception):
    """A mistake in a chapter file; the message gives file, line, the mistake and the fix."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Formula:
    """LaTeX to be typeset; `mark` is its placeholder in the HTML."""

    mark: str
    tex: str
    display: bool
    line: int


@dataclass(frozen=True)
class Text:
    """A text by the author: the original `markdown`, and the same text as `html`."""

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


#: Depths at which a chapter can be read, each with all before it → their names on the page.
DEPTHS = {"idea": "The idea", "mathematics": "The mathematics", "engineering": "Engineering and frontier"}


@dataclass(frozen=True)
class Depth:
    """The blocks from here to the next section, or to the next of these, are for readers of this depth."""

    depth: str


@dataclass(frozen=True)
class Part:
    """Blocks of one depth that follow one another; `number` counts the parts of a chapter."""

    number: int
    depth: str
    blocks: list[Block]

    @property
    def name(self) -> str:
        """The name of the depth."""
        return DEPTHS[self.depth]

    @property
    def section(self) -> Heading | None:
        """The heading, if the part is a whole section."""
        return self.blocks[0] if self.blocks and isinstance(self.blocks[0], Heading) else None

    @property
    def length(self) -> int:
        """The number of characters of its texts and code."""
        return sum(_length(part) for block in self.blocks for part in vars(block).values())


@dataclass(frozen=True)
class Equation:
    """A numbered formula, and the box that explains it in words."""

    label: str
    number: str
    tex: str
    mark: str
    words: Text
    line: int


def instrument_of(slot: str) -> str:
    """Returns the name of the instrument in the slot `slot`: that of `ring-late` is `ring`."""
    return slot.partition("-")[0]


@dataclass(frozen=True)
class InstrumentSlot:
    """A slot for an instrument, with its initial settings (as strings).

    `name` is the name of the slot. The first slot of an instrument has the name of the instrument, later ones have a
    word more, `ring-late`. Presets, values and addresses use it.
    """

    name: str
    state: dict[str, str]
    caption: Text
    line: int

    @property
    def instrument(self) -> str:
        """The name of its instrument."""
        return instrument_of(self.name)


@dataclass(frozen=True)
class Diagram:
    """The place of a diagram, which `diagrams` draws by its name."""

    name: str
    number: str
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
class Listing:
    """Python code to read, which a browser cannot run; `needs` names what it needs, such as “PyTorch”."""

    label: str
    number: str
    title: str
    code: str
    needs: str
    line: int


@dataclass(frozen=True)
class Exercise:
    """A cell with a gap for the reader to fill in; the Python code `checks` tests the reader's solution.

    `line` is the first line of `starter`; `solution_offset` and `checks_offset` are the numbers of lines from there to
    the first lines of `solution` and `checks`.
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
        """The initial code of the cell."""
        return self.starter


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that the author expects: a Python expression for it, and the sentence that the reader gets."""

    value: str
    words: Text
    line: int


@dataclass(frozen=True)
class Quiz:
    """A question with a computed answer: `answer` and `tolerance` are Python expressions."""

    label: str
    question: Text
    answer: str
    tolerance: str
    mistakes: tuple[Mistake, ...]
    hint: Text
    solution: Text
    line: int


@dataclass(frozen=True)
class Predict:
    """A question that the reader answers before revealing the answer; `number` counts them within the chapter."""

    number: int
    question: Text
    reveal: Text


@dataclass(frozen=True)
class Note:
    """A boxed remark; if `folded`, the page shows only its title until the reader opens it."""

    title: Text
    text: Text
    folded: bool


@dataclass(frozen=True)
class Tiles:
    """Figures at a glance: numbers, and what each of them counts."""

    numbers: tuple[Text, ...]
    words: tuple[Text, ...]


@dataclass(frozen=True)
class References:
    """The place of the full list of works cited."""


@dataclass(frozen=True)
class Preset:
    """A link in the prose that sets an instrument: its slot's state, with the settings in `state` over it.

    keep: over what the reader has set instead. block: index of the block that holds it.
    """

    slot: str
    state: dict[str, str]
    keep: bool
    block: int
    line: int


@dataclass(frozen=True)
class Compute:
    """Code that the build runs for later values; neither the page nor the notebook shows it."""

    code: str
    line: int


@dataclass(frozen=True)
class Value:
    """A number or string in the text that the build computes.

    `expression` is a Python expression; if `slot` is given, it is the name of a reading of the instrument there, in
    the slot's state with the settings in `state` over it. `format` is a format specification ("" for the instrument's
    own). `label` is the id on the page, `source` the computation as the author wrote it, `block` the index of the block
    that holds the value, `result` the formatted value after it has been computed.
    """

    label: str
    source: str
    expression: str
    format: str
    block: int
    line: int
    slot: str = ""
    state: dict[str, str] = field(default_factory=dict)
    result: str = ""


Block = (
    Prose
    | Heading
    | Depth
    | Equation
    | InstrumentSlot
    | Diagram
    | Cell
    | Listing
    | Exercise
    | Quiz
    | Predict
    | Note
    | Tiles
    | References
)


@dataclass(kw_only=True)
class Document:
    """A parsed text: a chapter, or an instrument's `about.md`.

    steps: cells, `compute` blocks, values and presets, in reading order, in which the build runs them; equation_refs:
    references to equations of other chapters, as (`chapter:label`, line).
    """

    path: Path
    slug: str
    blocks: list[Block] = field(default_factory=list)
    formulas: list[Formula] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)
    steps: list[Cell | Compute | Value | Preset] = field(default_factory=list)
    equation_refs: list[tuple[str, int]] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        """Returns all blocks of the class `kind`, in order."""
        return [block for block in self.blocks if isinstance(block, kind)]

    @property
    def presets(self) -> list[Preset]:
        """All presets, in order."""
        return [step for step in self.steps if isinstance(step, Preset)]

    @property
    def values(self) -> list[Value]:
        """All computed values in the text, in order."""
        return [step for step in self.steps if isinstance(step, Value)]

    @property
    def html(self) -> str:
        """The HTML of all running text."""
        return "".join(block.text.html for block in self.of(Prose))

    def filled(self, results: Sequence[str]) -> Self:
        """Returns the document with each value's placeholder replaced by its result; `results` is in order."""
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
        """Returns the document with links in place of equation references; `numbers`: reference → (address, number).

        Other placeholders stay.
        """

        def put(template: str) -> Callable[[re.Match[str]], str]:
            return lambda mark: template.format(*numbers[mark[1]]) if mark[1] in numbers else mark[0]

        link, words = put('<a class="eqref" href="{0}">({1})</a>'), put("({1})")
        blocks = _replaced(
            self.blocks, lambda text: EQUATION_MARK.sub(link, text), lambda text: EQUATION_MARK.sub(words, text)
        )
        return replace(self, blocks=blocks)

    def error(self, line: int, message: str) -> ChapterError:
        """Returns an error at a line of this document."""
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

    def parts(self) -> list[Part]:
        """Returns the blocks by depth: each part ends at the next section or where another depth is named."""
        parts = [Part(0, "idea", [])]
        for block in self.blocks:
            if isinstance(block, Depth):
                whole = parts[-1].section and len(parts[-1].blocks) == 1  # the heading goes with what follows it
                parts.append(Part(len(parts), block.depth, [parts[-1].blocks.pop()] if whole else []))
            elif isinstance(block, Heading):
                parts.append(Part(len(parts), "idea", [block]))
            else:
                parts[-1].blocks.append(block)
        return [part for part in parts if part.blocks]

    def minutes_at(self) -> dict[str, int]:
        """Returns the reading time at each depth that the chapter has: its share of the text, in minutes."""
        parts = self.parts()
        length = {depth: sum(part.length for part in parts if part.depth == depth) for depth in DEPTHS}
        times, read = {}, 0
        for depth, own in length.items():
            read += own
            if own:
                times[depth] = max(1, round(self.minutes * read / sum(length.values())))
        return times

    @property
    def name(self) -> str:
        """The file's name without the number; other texts use it to refer to equations of this chapter."""
        return self.slug.partition("-")[2]

    def tasks(self) -> list[str]:
        """Returns the names of all quizzes and exercises, which are the page's keys for saved progress."""
        return [f"{type(block).__name__.lower()}-{block.label}" for block in self.blocks
                if isinstance(block, Quiz | Exercise)]  # fmt: skip


class About(Document):
    """The parsed `about.md` of an instrument; its slug is the instrument's name."""


@dataclass(kw_only=True)
class Overview(Document):
    """A parsed text about all chapters: sections of prose, without a number."""

    title: str
    lede: str


def link_equations(documents: Iterable[Document], chapters: Sequence[Chapter]) -> list[Any]:
    """Returns the documents with links to equations of other chapters.

    Raises `ChapterError` for a reference to a chapter or an equation that does not exist.
    """
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
    """Returns the HTML of a value; its tooltip shows how it is computed."""
    title, result = html.escape(value.source), html.escape(value.result)
    return f'<span class="value" id="{value.label}" title="{title}">{result}</span>'


def _length(part: Any) -> int:
    """The number of characters of a part of a block."""
    match part:
        case Text():
            return len(part.markdown)
        case str():
            return len(part)
        case tuple():
            return sum(map(_length, part))
        case Mistake():
            return _length(part.words)
    return 0


def _replaced(blocks: list[Block], in_html: Callable[[str], str], in_markdown: Callable[[str], str]) -> list[Block]:
    """Returns the blocks with `in_html` and `in_markdown` applied to every text in them."""

    def changed(part: Any) -> Any:
        match part:
            case Text():
                return Text(in_markdown(part.markdown), in_html(part.html))
            case Mistake():
                return replace(part, words=changed(part.words))
            case tuple():
                return tuple(map(changed, part))
        return part

    return [type(block)(**{name: changed(part) for name, part in vars(block).items()}) for block in blocks]


@dataclass(frozen=True)
class Reference:
    """A work that chapters cite. `short`: its authors as running text names them, if not the usual short form."""

    key: str
    authors: str
    year: int
    title: str
    venue: str
    url: str
    short: str = ""

    @property
    def names(self) -> str:
        """The authors as running text names them: one name, two names, or the first name and “et al.”."""
        if self.short:
            return self.short
        names = re.split(", | & ", self.authors)
        if len(names) > 2 or self.authors.endswith(" et al."):
            return f"{names[0].removesuffix(' et al.')} et al."
        return " and ".join(names)

    def cited(self, in_sentence: bool) -> str:
        """Returns “Names (year)” for a sentence in which the authors are named, or “Names, year” for brackets."""
        return f"{self.names} ({self.year})" if in_sentence else f"{self.names}, {self.year}"

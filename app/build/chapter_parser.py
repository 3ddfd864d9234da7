"""Parses a chapter file (Markdown with directives) into a `chapter_tree.Chapter`; other texts are read the same way.

It only parses: it runs no code and knows no instrument.

Directives are fences: `:::{name} argument`, options as `:key: value` lines, then a body. In directives with several
parts, lines `---` separate them. Cells and exercises are code fences, ```` ```{cell} label ````. The texts in between,
and within directives, are read by `chapter_text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from markdown_it.token import Token

from diffusion_lab.app.build.chapter_text import TextReader, is_directive
from diffusion_lab.app.build.chapter_tree import (
    DEPTHS,
    About,
    Block,
    Cell,
    Chapter,
    ChapterError,
    Compute,
    Depth,
    Diagram,
    Document,
    Equation,
    Exercise,
    Heading,
    InstrumentSlot,
    Listing,
    Mistake,
    Note,
    Overview,
    Predict,
    Prose,
    Quiz,
    Reference,
    References,
    Tiles,
)
from diffusion_lab.app.build.directive import Directive
from diffusion_lab.app.build.listing import needs

FRONT_MATTER = {
    "number": int,
    "title": str,
    "lede": str,
    "minutes": int,
    "builds_on": list,
    "objectives": list,
}
OVERVIEW_MATTER = {"title": str, "lede": str}


#: The name of an instrument's slot: the instrument, and a word more for a second slot; groups: both.
SLOT = re.compile(r"(\w+)(?:-([a-z0-9]+))?")


#: A line of `tiles`: a number and words, with a bar between them that is not inside a role.
TILE = re.compile(r"((?:`[^`]*`|[^`|])+?)\s+\|\s+(.+)")


def parse_chapter(path: Path, text: str, references: dict[str, Reference]) -> Chapter:
    """Parses the chapter in `text`; `path` is used in error messages. Raises `ChapterError`."""
    front, body, offset = _front_matter(path, text, FRONT_MATTER)
    chapter = Chapter(path=path, slug=path.stem, **front)
    _Parser(chapter, body, offset, references).read_blocks()
    return _with_own_equations(chapter)


def parse_about(path: Path, text: str, name: str) -> About:
    """Parses the `about.md` of the instrument `name`; its headings are moved down to below a chapter's section."""
    about = About(path=path, slug=name)
    _Parser(about, text, 0, {}).read_about()
    return about


def parse_overview(path: Path, text: str, references: dict[str, Reference]) -> Overview:
    """Parses a text about all chapters. Raises `ChapterError`."""
    front, body, offset = _front_matter(path, text, OVERVIEW_MATTER)
    overview = Overview(path=path, slug=path.stem, **front)
    _Parser(overview, body, offset, references).read_blocks()
    return overview


def _with_own_equations(chapter: Chapter) -> Chapter:
    """Returns the chapter with links in place of references to its own equations."""
    numbers = {equation.label: (f"#eq-{equation.label}", equation.number) for equation in chapter.of(Equation)}
    others = []
    for reference, line in chapter.equation_refs:
        if ":" in reference:
            others.append((reference, line))
        elif reference not in numbers:
            has = ", ".join(numbers) or "none"
            raise chapter.error(line, f"No equation `{reference}` in this chapter; it has {has}.")
    chapter.equation_refs = others
    return chapter.with_equations(numbers)


def _front_matter(path: Path, text: str, wanted: Mapping[str, type]) -> tuple[dict[str, Any], str, int]:
    """Returns the front matter, the body, and the number of lines before the body."""
    match = re.match(r"---\n(.*?\n)---\n", text, re.S)
    if not match:
        raise ChapterError(path, 1, "The file begins with front matter between two `---` lines.")
    try:
        front = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or error
        raise ChapterError(path, (mark.line if mark else 0) + 2, f"Front matter is not YAML: {problem}.") from None
    if not isinstance(front, dict):
        raise ChapterError(path, 1, f"Front matter is a list of `key: value` lines, got {type(front).__name__}.")
    for key, kind in wanted.items():
        if type(front.get(key)) is not kind:  # not isinstance: true is an int
            raise ChapterError(path, 1, f"Front matter needs `{key}` ({kind.__name__}), got {front.get(key)!r}.")
    if unknown := set(front) - set(wanted):
        raise ChapterError(path, 1, f"Front matter has unknown {', '.join(sorted(unknown))}.")
    return front, text[match.end() :], text[: match.end()].count("\n")


class _Parser:
    """Walks the Markdown tokens of a document once, from top to bottom, and adds its blocks to it."""

    def __init__(self, document: Document, body: str, offset: int, references: dict[str, Reference]) -> None:
        self.document = document
        self.number = document.number if isinstance(document, Chapter) else 0
        self.depth = "idea"  # of the blocks that follow
        self.labels: dict[tuple[str, str], tuple[str, int]] = {}  # (directive, label) → number, line
        self.texts = TextReader(document, references)
        self.offset, self.lines = offset, body.split("\n")
        self.tokens = self.texts.md.parse(body)

    def read_blocks(self) -> None:
        """Reads a document with sections."""
        self.texts.note_lines(self.tokens, self.offset)
        prose: list[Token] = []
        position = 0
        while position < len(self.tokens):
            token = self.tokens[position]
            if token.type == "heading_open" and token.level == 0:
                self._end_prose(prose)
                self.document.blocks.append(self._heading(token, self.tokens[position + 1]))
                position += 2
            elif not self._read_directive(token, prose):
                prose.append(token)
            position += 1
        self._end_prose(prose)

    def read_about(self) -> None:
        """Reads an `about.md`, in which `compute` is the only directive."""
        self.texts.note_lines(self.tokens, self.offset)
        prose: list[Token] = []
        for token in self.tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{int(token.tag[1:]) + 2}"
            if not self._read_directive(token, prose):
                prose.append(token)
        self._end_prose(prose)

    def _read_directive(self, token: Token, prose: list[Token]) -> bool:
        """Adds the prose so far and the block of a directive; returns False for any other token."""
        if token.type.startswith("math_block"):
            fix = "Write a formula on separate lines as an equation: `:::{equation} label`."
            raise self.document.error(self._first_line(token), fix)
        if not is_directive(token):
            return False
        self._end_prose(prose)
        if block := self._directive(token):
            self.document.blocks.append(block)
        return True

    def _end_prose(self, prose: list[Token]) -> None:
        if prose:
            lines = [line for token in prose for line in token.map or ()]
            markdown = "\n".join(self.lines[min(lines) : max(lines)])
            text = self.texts.marked(markdown.strip(), self.texts.html(prose), min(lines) + self.offset + 1)
            self.document.blocks.append(Prose(text))
            prose.clear()

    def _heading(self, token: Token, inline: Token) -> Heading:
        self.depth = "idea"
        line = self._first_line(token)
        if token.tag != "h2":
            raise self.document.error(line, f"Sections of a chapter are `##` headings, got `{token.markup}`.")
        identifier = re.sub(r"[^a-z0-9]+", "-", inline.content.lower()).strip("-")
        if not identifier:
            raise self.document.error(line, f"A section's name needs an ASCII letter or digit: “{inline.content}”.")
        if any(heading.id == identifier for heading in self.document.of(Heading)):
            raise self.document.error(line, f"Two sections are called “{inline.content}”.")
        if "{value}" in inline.content:
            raise self.document.error(line, "A section's name cannot hold a computed value.")
        return Heading(identifier, self.texts.marked(inline.content, self.texts.html([inline]), line))

    def _first_line(self, token: Token) -> int:
        return (token.map[0] if token.map else 0) + self.offset + 1

    def _directive(self, token: Token) -> Block | None:
        line = self._first_line(token)
        if token.level:
            raise self.document.error(line, "A directive cannot be inside a list or a quotation.")
        match = re.fullmatch(r"\{(\w+)\}\s*(.*)", token.info.strip())
        makers: dict[str, Callable[[Directive], Block | None]] = {
            "compute": self._compute,
            "equation": self._equation,
            "instrument": self._instrument,
            "diagram": self._diagram,
            "cell": self._cell,
            "listing": self._listing,
            "exercise": self._exercise,
            "quiz": self._quiz,
            "predict": self._predict,
            "note": self._note,
            "tiles": self._tiles,
            "references": lambda directive: References(),
            "depth": self._depth,
        }
        if not isinstance(self.document, Chapter):
            makers = {"compute": self._compute}
        if not match or match[1] not in makers:
            name = match[1] if match else token.info
            raise self.document.error(line, f"Unknown directive `{name}`; there is {', '.join(sorted(makers))}.")
        return makers[match[1]](Directive.read(self.document, match[1], match[2].strip(), token.content, line))

    def _equation(self, d: Directive) -> Equation:
        d.options_are(())
        tex, words, words_line = d.parts()
        number = f"{self.number}.{len(self.document.of(Equation)) + 1}"
        self._claim(d, number)
        mark = self.texts.formula(tex, True, d.body_line)
        return Equation(d.argument, number, tex.strip(), mark, self.texts.text(words, words_line), d.line)

    def _instrument(self, d: Directive) -> InstrumentSlot:
        if not d.argument:
            raise self.document.error(d.line, "An instrument directive names its instrument: `:::{instrument} name`.")
        match = SLOT.fullmatch(d.argument)
        if not match:
            fix = "an instrument, or an instrument, a hyphen, and a word of lower-case letters or digits"
            raise self.document.error(d.line, f"The name of a slot is {fix}, got `{d.argument}`.")
        others = [slot for slot in self.document.of(InstrumentSlot) if slot.instrument == match[1]]
        for slot in others:
            if slot.name == d.argument:
                fix = f"Give the second slot another name: `:::{{instrument}} {match[1]}-again`."
                raise self.document.error(d.line, f"Slot `{slot.name}` was given before, at line {slot.line}. {fix}")
        if match[2] and not others:
            fix = f"The first slot of an instrument has its name alone: `:::{{instrument}} {match[1]}`."
            raise self.document.error(d.line, f"No slot `{match[1]}` is above `{d.argument}`. {fix}")
        if self.depth != "idea":
            fix = "Name it above `:::{depth} " + self.depth + "`, or write `:::{depth} idea` before it."
            raise self.document.error(d.line, f"Instruments are for readers of every depth. {fix}")
        return InstrumentSlot(d.argument, d.options, self.texts.text(d.body, d.body_line), d.line)

    def _diagram(self, d: Directive) -> Diagram:
        d.options_are(())
        if not d.body.strip():
            raise self.document.error(d.line, "The body of `diagram` is its caption, got none.")
        number = f"{self.number}.{len(self.document.of(Diagram)) + 1}"
        self._claim(d, number)
        return Diagram(d.argument, number, self.texts.text(d.body, d.body_line), d.line)

    def _cell(self, d: Directive) -> Cell:
        d.options_are(("title",))
        number = f"{self.number}.{chr(ord('a') + len(self.document.of(Cell)))}"
        self._claim(d, number)
        cell = Cell(d.argument, number, d.options["title"], d.body.rstrip() + "\n", d.body_line)
        self.document.steps.append(cell)
        return cell

    def _listing(self, d: Directive) -> Listing:
        d.options_are(("title",))
        number = f"{self.number}.{len(self.document.of(Listing)) + 1}"
        self._claim(d, number)
        code = d.body.rstrip() + "\n"
        try:
            packages = needs(code)
        except SyntaxError as error:
            place, message = error.lineno or 1, f"Listing `{d.argument}` is no Python: {error.msg}."
        except ValueError as error:
            message, place = error.args
        else:
            return Listing(d.argument, number, d.options["title"], code, packages, d.body_line)
        raise self.document.error(d.body_line + place - 1, message)

    def _compute(self, d: Directive) -> None:
        d.options_are(())
        if d.argument:
            raise self.document.error(d.line, f"`compute` has no argument, got `{d.argument}`.")
        self.document.steps.append(Compute(d.body.rstrip() + "\n", d.body_line))

    def _exercise(self, d: Directive) -> Exercise:
        d.options_are(("title", "hint"))
        parts = d.body.split("\n---\n")
        if len(parts) != 4 or not all(part.strip() for part in parts):
            shape = "task, starter, solution and checks, with a line `---` between them"
            raise self.document.error(d.line, f"`exercise` has four parts: {shape}.")
        lines = [d.body_line]
        for part in parts[:-1]:
            lines.append(lines[-1] + part.count("\n") + 2)
        number = f"{self.number}.{len(self.document.of(Exercise)) + 1}"
        self._claim(d, number)
        task, starter, solution, checks = parts
        return Exercise(
            label=d.argument,
            letter=number,
            title=d.options["title"],
            task=self.texts.text(task, d.body_line),
            hint=self.texts.inline(d.options["hint"], d.line),
            starter=starter.rstrip() + "\n",
            solution=solution.rstrip() + "\n",
            checks=checks.rstrip() + "\n",
            line=lines[1],
            solution_offset=lines[2] - lines[1],
            checks_offset=lines[3] - lines[1],
        )

    def _quiz(self, d: Directive) -> Quiz:
        d.options_are(("answer", "tolerance", "hint"), optional=("mistake",))
        question, solution, solution_line = d.parts()
        self._claim(d, d.argument)
        return Quiz(
            label=d.argument,
            question=self.texts.text(question, d.body_line),
            answer=d.options["answer"],
            tolerance=d.options["tolerance"],
            mistakes=tuple(self._mistake(content, line) for content, line in d.mistakes),
            hint=self.texts.inline(d.options["hint"], d.line),
            solution=self.texts.text(solution, solution_line),
            line=d.line,
        )

    def _mistake(self, content: str, line: int) -> Mistake:
        value, _, words = content.partition("|")
        if not value.strip() or not words.strip():
            raise self.document.error(line, f"A mistake reads `:mistake: expression | sentence`, got `{content}`.")
        return Mistake(value.strip(), self.texts.inline(words.strip(), line), line)

    def _predict(self, d: Directive) -> Predict:
        d.options_are(())
        question, reveal, reveal_line = d.parts()
        number = len(self.document.of(Predict)) + 1
        return Predict(number, self.texts.text(question, d.body_line), self.texts.text(reveal, reveal_line))

    def _note(self, d: Directive) -> Note:
        d.options_are((), optional=("fold",))
        if d.options.get("fold"):
            raise self.document.error(d.line, f"`:fold:` takes no value, got `{d.options['fold']}`.")
        return Note(self.texts.inline(d.argument, d.line), self.texts.text(d.body, d.body_line), "fold" in d.options)

    def _tiles(self, d: Directive) -> Tiles:
        d.options_are(())
        numbers, words = [], []
        for line, content in enumerate(d.body.strip().split("\n"), d.body_line):
            parts = TILE.fullmatch(content)
            if not parts:
                raise self.document.error(line, f"A line of `tiles` reads `number | words`, got `{content}`.")
            numbers.append(self.texts.inline(parts[1], line))
            words.append(self.texts.inline(parts[2], line))
        return Tiles(tuple(numbers), tuple(words))

    def _depth(self, d: Directive) -> Depth:
        d.options_are(())
        if d.argument not in DEPTHS or d.body.strip():
            raise self.document.error(d.line, f"`depth` takes one of {', '.join(DEPTHS)}, and no text.")
        self.depth = d.argument
        return Depth(d.argument)

    def _claim(self, d: Directive, number: str) -> None:
        """Registers the label of a directive; raises an error if it is invalid or used before in this kind."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", d.argument):
            raise self.document.error(d.line, f"A label is lower-case letters, digits and hyphens, got `{d.argument}`.")
        if earlier := self.labels.get((d.name, d.argument)):
            raise self.document.error(
                d.line, f"{d.name.capitalize()} `{d.argument}` was given before, at line {earlier[1]}."
            )
        self.labels[d.name, d.argument] = (number, d.line)

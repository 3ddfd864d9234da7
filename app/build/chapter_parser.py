"""Parses a chapter file (Markdown with directives) into a `chapter_tree.Chapter`.

It only parses: it runs no code and knows no instrument.

Directives are fences: `:::{name} argument`, options as `:key: value` lines, then a body. In directives with several
parts, lines `---` separate them. Cells and exercises are code fences, ```` ```{cell} label ````. Roles are inline:
{eq}`label`.
Formulas and values become placeholders in the texts (see `chapter_tree`), so that those of the whole site can be
typeset and computed together.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

from diffusion_lab.app.build.chapter_tree import (
    About,
    Block,
    Cell,
    Chapter,
    ChapterError,
    Compute,
    Document,
    Equation,
    Exercise,
    Formula,
    Heading,
    InstrumentSlot,
    Mistake,
    Note,
    Predict,
    Preset,
    Prose,
    Quiz,
    Reference,
    References,
    Text,
    Value,
)

FRONT_MATTER = {
    "number": int,
    "title": str,
    "lede": str,
    "minutes": int,
    "builds_on": list,
    "objectives": list,
}


#: A value that is an instrument's reading; groups: slot, state, reading.
READING = re.compile(r"([\w-]+)((?:\s+\w+=\S*)*)\s+:\s+(\S+)")
#: The name of an instrument's slot: the instrument, and a word more for a second slot; groups: both.
SLOT = re.compile(r"(\w+)(?:-([a-z0-9]+))?")
#: Code, which is left unchanged, or a role (its name is group 1).
CODE_OR_ROLE = re.compile(r"```.*?```|``.*?``|\{(\w+)\}`[^`]*`|`[^`]*`", re.S)
#: Roles that become placeholders, and the pattern of these.
MARKING_ROLES = ("eq", "value")
MARK = re.compile("\ue002.*?\ue003|\ue004\\d+\ue005")


def parse_chapter(path: Path, text: str, references: dict[str, Reference]) -> Chapter:
    """Parses the chapter in `text`; `path` is used in error messages. Raises `ChapterError`."""
    front, body, offset = _front_matter(path, text)
    chapter = Chapter(path=path, slug=path.stem, **front)
    _Parser(chapter, body, offset, references).read_blocks()
    return _with_own_equations(chapter)


def parse_about(path: Path, text: str, name: str) -> About:
    """Parses the `about.md` of the instrument `name`; its headings are moved down to below a chapter's section."""
    about = About(path=path, slug=name)
    _Parser(about, text, 0, {}).read_about()
    return about


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


def _front_matter(path: Path, text: str) -> tuple[dict[str, Any], str, int]:
    """Returns the front matter, the body, and the number of lines before the body."""
    match = re.match(r"---\n(.*?\n)---\n", text, re.S)
    if not match:
        raise ChapterError(path, 1, "A chapter begins with front matter between two `---` lines.")
    try:
        front = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or error
        raise ChapterError(path, (mark.line if mark else 0) + 2, f"Front matter is not YAML: {problem}.") from None
    if not isinstance(front, dict):
        raise ChapterError(path, 1, f"Front matter is a list of `key: value` lines, got {type(front).__name__}.")
    for key, kind in FRONT_MATTER.items():
        if type(front.get(key)) is not kind:  # not isinstance: true is an int
            raise ChapterError(path, 1, f"Front matter needs `{key}` ({kind.__name__}), got {front.get(key)!r}.")
    if unknown := set(front) - set(FRONT_MATTER):
        raise ChapterError(path, 1, f"Front matter has unknown {', '.join(sorted(unknown))}.")
    return front, text[match.end() :], text[: match.end()].count("\n")


class _Parser:
    """Walks the Markdown tokens of a document once, from top to bottom, and adds its blocks to it."""

    def __init__(self, document: Document, body: str, offset: int, references: dict[str, Reference]) -> None:
        self.document = document
        self.references = references
        self.number = document.number if isinstance(document, Chapter) else 0
        self.labels: dict[tuple[str, str], tuple[str, int]] = {}  # (directive, label) → number, line
        self.md = self._markdown()
        self.offset, self.lines = offset, body.split("\n")
        self.tokens = self.md.parse(body)

    # --- Markdown ----------------------------------------------------------------------------------------------------

    def _markdown(self) -> MarkdownIt:
        md = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(
            ["table", "smartquotes", "replacements"]
        )
        md.use(dollarmath_plugin, double_inline=False)
        md.use(colon_fence_plugin).use(myst_role_plugin)
        md.add_render_rule(
            "math_inline",
            lambda _self, tokens, i, *_: self._formula(tokens[i].content, False, self._line(tokens[i])),
        )
        md.add_render_rule("myst_role", lambda _self, tokens, i, *_: self._role(tokens[i]))
        return md

    @staticmethod
    def _line(token: Token) -> int:
        return int(token.meta.get("line", 0))

    def _note_lines(self, tokens: list[Token], offset: int) -> list[Token]:
        """Records in each inline token its line in the file, for error messages."""
        for token in tokens:
            if token.type == "inline":
                line = (token.map[0] if token.map else 0) + offset + 1
                for child in token.children or []:
                    child.meta["line"] = line
                    line += child.type in ("softbreak", "hardbreak")
        return tokens

    def _text(self, markdown: str, line: int) -> Text:
        """Parses the text inside a directive; `line` is its first line."""
        tokens = self.md.parse(markdown)
        for token in tokens:
            if _is_directive(token) or token.type.startswith("math_block"):
                place = line + (token.map[0] if token.map else 0)
                raise self.document.error(place, "A directive cannot be inside another directive.")
        return self._marked(markdown.strip(), self._html(self._note_lines(tokens, line - 1)), line)

    def _inline(self, markdown: str, line: int) -> Text:
        return self._marked(markdown, self._html(self._note_lines(self.md.parseInline(markdown), line - 1)), line)

    def _marked(self, markdown: str, html: str, line: int) -> Text:
        """Returns the text with the placeholders of its HTML in its Markdown too."""
        marks = MARK.findall(html)
        following = iter(marks)
        marked = CODE_OR_ROLE.sub(
            lambda found: next(following, "\ue002\ue003") if found[1] in MARKING_ROLES else found[0], markdown
        )
        if MARK.findall(marked) != marks:
            raise self.document.error(line, "`{eq}` and `{value}` cannot be part of a link's address or of a picture.")
        return Text(marked, html)

    def _html(self, tokens: list[Token]) -> str:
        return str(self.md.renderer.render(tokens, self.md.options, {}))

    def _formula(self, tex: str, display: bool, line: int) -> str:
        mark = f"\ue000{self.document.slug}:{len(self.document.formulas)}\ue001"
        self.document.formulas.append(Formula(mark, tex.strip(), display, line))
        return mark

    # --- roles -------------------------------------------------------------------------------------------------------

    def _role(self, token: Token) -> str:
        name, content, line = token.meta["name"], token.content.strip(), self._line(token)
        roles: dict[str, Callable[[str, int], str]] = {
            "eq": self._eq,
            "cite": self._cite,
            "citet": self._citet,
            "set": self._set,
            "value": self._value,
        }
        if name not in roles:
            raise self.document.error(line, f"Unknown role {{{name}}}; there is {', '.join(sorted(roles))}.")
        return roles[name](content, line)

    def _eq(self, reference: str, line: int) -> str:
        if isinstance(self.document, About) and ":" not in reference:
            raise self.document.error(line, f"Outside of a chapter an equation is `chapter:label`, got `{reference}`.")
        self.document.equation_refs.append((reference, line))
        return f"\ue002{html.escape(reference)}\ue003"

    def _value(self, content: str, line: int) -> str:
        source, _, form = content.rpartition("|") if "|" in content else (content, "", "")
        source = " ".join(source.split())
        if not source:
            forms = "`expression | format` or `instrument setting=value : reading | format`"
            raise self.document.error(line, f"A value reads {forms}, got `{content}`.")
        place = len(self.document.values)
        of = f"{self.document.slug}-" if isinstance(self.document, About) else ""
        value = Value(f"value-{of}{place + 1}", source, source, form.strip(), len(self.document.blocks), line)
        if match := READING.fullmatch(source):
            state = dict(pair.split("=", 1) for pair in match[2].split())
            value = replace(value, expression=match[3], slot=match[1], state=state)
        self.document.steps.append(value)
        return f"\ue004{place}\ue005"

    def _cite(self, keys: str, line: int) -> str:
        links = [self._citation(key.strip(), line, in_sentence=False) for key in keys.split(",")]
        return f"({'; '.join(links)})"

    def _citet(self, key: str, line: int) -> str:
        return self._citation(key, line, in_sentence=True)

    def _citation(self, key: str, line: int, in_sentence: bool) -> str:
        if key not in self.references:
            raise self.document.error(
                line, f"No work `{key}` in references.toml; it has {', '.join(sorted(self.references))}."
            )
        if key not in self.document.cited:
            self.document.cited.append(key)
        work = self.references[key]
        return f'<a class="cite" href="#ref-{key}">{html.escape(work.cited(in_sentence))}</a>'

    def _set(self, content: str, line: int) -> str:
        target, bar, text = content.partition("|")
        name, *pairs = target.split() or [""]
        words = set(pairs[: sum("=" not in pair for pair in pairs)])
        del pairs[: len(words)]
        if not bar or not name or not words <= {"keep", "chart"} or not all("=" in pair for pair in pairs):
            forms = "{set}`instrument setting=value | text`, with `keep` or `chart` after the instrument if wanted"
            raise self.document.error(line, f"A preset reads {forms}, got `{content}`.")
        state = dict(pair.split("=", 1) for pair in pairs)
        self.document.steps.append(Preset(name, state, "keep" in words, len(self.document.blocks), line))
        values, marks = html.escape(" ".join(pairs)), "".join(f" data-{word}" for word in sorted(words))
        shown = self._inline(text.strip(), line).html
        return f'<a class="preset" href="#instrument-{name}" data-set="{values}"{marks}>{shown}</a>'

    # --- blocks ------------------------------------------------------------------------------------------------------

    def read_blocks(self) -> None:
        """Reads a chapter."""
        self._note_lines(self.tokens, self.offset)
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
        self._note_lines(self.tokens, self.offset)
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
        if not _is_directive(token):
            return False
        self._end_prose(prose)
        if block := self._directive(token):
            self.document.blocks.append(block)
        return True

    def _end_prose(self, prose: list[Token]) -> None:
        if prose:
            lines = [line for token in prose for line in token.map or ()]
            markdown = "\n".join(self.lines[min(lines) : max(lines)])
            text = self._marked(markdown.strip(), self._html(prose), min(lines) + self.offset + 1)
            self.document.blocks.append(Prose(text))
            prose.clear()

    def _heading(self, token: Token, inline: Token) -> Heading:
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
        return Heading(identifier, self._marked(inline.content, self._html([inline]), line))

    def _first_line(self, token: Token) -> int:
        return (token.map[0] if token.map else 0) + self.offset + 1

    def _directive(self, token: Token) -> Block | None:
        line = self._first_line(token)
        if token.level:
            raise self.document.error(line, "A directive cannot be inside a list or a quotation.")
        match = re.fullmatch(r"\{(\w+)\}\s*(.*)", token.info.strip())
        makers: dict[str, Callable[[_Directive], Block | None]] = {
            "compute": self._compute,
            "equation": self._equation,
            "instrument": self._instrument,
            "cell": self._cell,
            "exercise": self._exercise,
            "quiz": self._quiz,
            "predict": self._predict,
            "note": self._note,
            "references": lambda directive: References(),
        }
        if isinstance(self.document, About):
            makers = {"compute": self._compute}
        if not match or match[1] not in makers:
            name = match[1] if match else token.info
            raise self.document.error(line, f"Unknown directive `{name}`; there is {', '.join(sorted(makers))}.")
        return makers[match[1]](_Directive.read(self.document, match[1], match[2].strip(), token.content, line))

    def _equation(self, d: _Directive) -> Equation:
        d.options_are(())
        tex, words, words_line = d.parts()
        number = f"{self.number}.{len(self.document.of(Equation)) + 1}"
        self._claim(d, number)
        mark = self._formula(tex, True, d.body_line)
        return Equation(d.argument, number, tex.strip(), mark, self._text(words, words_line), d.line)

    def _instrument(self, d: _Directive) -> InstrumentSlot:
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
        return InstrumentSlot(d.argument, d.options, self._text(d.body, d.body_line), d.line)

    def _cell(self, d: _Directive) -> Cell:
        d.options_are(("title",))
        number = f"{self.number}.{chr(ord('a') + len(self.document.of(Cell)))}"
        self._claim(d, number)
        cell = Cell(d.argument, number, d.options["title"], d.body.rstrip() + "\n", d.body_line)
        self.document.steps.append(cell)
        return cell

    def _compute(self, d: _Directive) -> None:
        d.options_are(())
        if d.argument:
            raise self.document.error(d.line, f"`compute` has no argument, got `{d.argument}`.")
        self.document.steps.append(Compute(d.body.rstrip() + "\n", d.body_line))

    def _exercise(self, d: _Directive) -> Exercise:
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
            task=self._text(task, d.body_line),
            hint=self._inline(d.options["hint"], d.line),
            starter=starter.rstrip() + "\n",
            solution=solution.rstrip() + "\n",
            checks=checks.rstrip() + "\n",
            line=lines[1],
            solution_offset=lines[2] - lines[1],
            checks_offset=lines[3] - lines[1],
        )

    def _quiz(self, d: _Directive) -> Quiz:
        d.options_are(("answer", "tolerance", "hint"), optional=("mistake",))
        question, solution, solution_line = d.parts()
        self._claim(d, d.argument)
        return Quiz(
            label=d.argument,
            question=self._text(question, d.body_line),
            answer=d.options["answer"],
            tolerance=d.options["tolerance"],
            mistakes=tuple(self._mistake(content, line) for content, line in d.mistakes),
            hint=self._inline(d.options["hint"], d.line),
            solution=self._text(solution, solution_line),
            line=d.line,
        )

    def _mistake(self, content: str, line: int) -> Mistake:
        value, _, words = content.partition("|")
        if not value.strip() or not words.strip():
            raise self.document.error(line, f"A mistake reads `:mistake: expression | sentence`, got `{content}`.")
        return Mistake(value.strip(), self._inline(words.strip(), line), line)

    def _predict(self, d: _Directive) -> Predict:
        d.options_are(())
        question, reveal, reveal_line = d.parts()
        number = len(self.document.of(Predict)) + 1
        return Predict(number, self._text(question, d.body_line), self._text(reveal, reveal_line))

    def _note(self, d: _Directive) -> Note:
        d.options_are((), optional=("fold",))
        if d.options.get("fold"):
            raise self.document.error(d.line, f"`:fold:` takes no value, got `{d.options['fold']}`.")
        return Note(self._inline(d.argument, d.line), self._text(d.body, d.body_line), "fold" in d.options)

    def _claim(self, d: _Directive, number: str) -> None:
        """Registers the label of a directive; raises an error if it is invalid or used before in this kind."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", d.argument):
            raise self.document.error(d.line, f"A label is lower-case letters, digits and hyphens, got `{d.argument}`.")
        if earlier := self.labels.get((d.name, d.argument)):
            raise self.document.error(
                d.line, f"{d.name.capitalize()} `{d.argument}` was given before, at line {earlier[1]}."
            )
        self.labels[d.name, d.argument] = (number, d.line)


@dataclass(frozen=True)
class _Directive:
    """A parsed directive: argument, options, body, and the lines where it and its body begin.

    `mistakes`: text and line of each option `mistake`, the only one that may be given several times.
    """

    document: Document
    name: str
    argument: str
    options: dict[str, str]
    mistakes: list[tuple[str, int]]
    body: str
    line: int
    body_line: int

    @classmethod
    def read(cls, document: Document, name: str, argument: str, content: str, line: int) -> _Directive:
        options: dict[str, str] = {}
        mistakes: list[tuple[str, int]] = []
        lines, place = content.split("\n"), line + 1
        while lines and (match := re.fullmatch(r":([a-z_]\w*):\s*(.*)", lines[0])):
            if match[1] == "mistake":
                mistakes.append((match[2].strip(), place))
            elif match[1] in options:
                raise document.error(place, f"Option `{match[1]}` is given twice.")
            options[match[1]] = match[2].strip()
            lines.pop(0)
            place += 1
        return cls(document, name, argument, options, mistakes, "\n".join(lines), line, place)

    def options_are(self, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        """Raises an error unless all options `names` are given, and at most those in `optional` besides."""
        if unknown := set(self.options) - {*names, *optional}:
            allowed = f"it has {', '.join([*names, *optional])}" if names or optional else "it has no options"
            raise self.document.error(
                self.line, f"`{self.name}` has no option {', '.join(sorted(unknown))}; {allowed}."
            )
        if missing := [name for name in names if not self.options.get(name)]:
            raise self.document.error(self.line, f"`{self.name}` needs the option {', '.join(missing)}.")

    def parts(self) -> tuple[str, str, int]:
        """Returns the two parts of the body around a `---` line, and the line where the second begins."""
        first, rule, second = self.body.partition("\n---\n")
        if not rule or not second.strip():
            raise self.document.error(self.line, f"`{self.name}` has two parts with a line `---` between them.")
        return first, second, self.body_line + first.count("\n") + 2


def _is_directive(token: Token) -> bool:
    return token.type == "colon_fence" or (token.type == "fence" and token.info.startswith("{"))

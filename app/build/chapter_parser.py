"""Parses a chapter file (Markdown with directives) into a `chapter_tree.Chapter`.

Pure: reads a text, runs nothing, knows no instrument.

Directives are fences: `:::{name} argument`, options as `:key: value` lines, a body; a line `---` parts the body in
two where a directive has two parts. Cells and exercises are code fences, ```` ```{cell} label ````. Roles are inline:
{eq}`label`.
Formulas leave marks in the HTML (see `Formula`), so that all of a site can be typeset in one go.
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
    Block,
    Cell,
    Chapter,
    ChapterError,
    Equation,
    Exercise,
    Formula,
    Heading,
    InstrumentSlot,
    Note,
    Predict,
    Preset,
    Prose,
    Quiz,
    Reference,
    References,
    Text,
)

FRONT_MATTER = {
    "number": int,
    "title": str,
    "lede": str,
    "minutes": int,
    "builds_on": list,
    "objectives": list,
}


def parse_chapter(path: Path, text: str, references: dict[str, Reference]) -> Chapter:
    """The chapter in `text`; `path` names it in errors. Raises `ChapterError`."""
    return _Parser(path, text, references).chapter


class _Parser:
    """Walks the Markdown tokens once, top to bottom."""

    def __init__(self, path: Path, text: str, references: dict[str, Reference]) -> None:
        self.references = references
        self.labels: dict[tuple[str, str], tuple[str, int]] = {}  # (directive, label) → number, line
        self.eq_refs: list[tuple[str, int]] = []
        front, body, offset = self._front_matter(path, text)
        self.chapter = Chapter(path=path, slug=path.stem, **front)
        self.md = self._markdown()
        self.offset, self.lines = offset, body.split("\n")
        self._blocks(self.md.parse(body))
        self._resolve_equation_references()

    # --- front matter ------------------------------------------------------------------------------------------------

    def _front_matter(self, path: Path, text: str) -> tuple[dict[str, Any], str, int]:
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
        """Gives inline tokens the line of the block they stand in, for error messages."""
        for token in tokens:
            if token.type == "inline":
                line = (token.map[0] if token.map else 0) + offset + 1
                for child in token.children or []:
                    child.meta["line"] = line
                    line += child.type in ("softbreak", "hardbreak")
        return tokens

    def _text(self, markdown: str, line: int) -> Text:
        """Words inside a directive, whose first line is `line`."""
        tokens = self.md.parse(markdown)
        for token in tokens:
            if _is_directive(token) or token.type.startswith("math_block"):
                place = line + (token.map[0] if token.map else 0)
                raise self.chapter.error(place, "A directive cannot stand inside another.")
        return Text(markdown.strip(), self._html(self._note_lines(tokens, line - 1)))

    def _inline(self, markdown: str, line: int) -> Text:
        return Text(markdown, self._html(self._note_lines(self.md.parseInline(markdown), line - 1)))

    def _html(self, tokens: list[Token]) -> str:
        return str(self.md.renderer.render(tokens, self.md.options, {}))

    def _formula(self, tex: str, display: bool, line: int) -> str:
        mark = f"\ue000{self.chapter.slug}:{len(self.chapter.formulas)}\ue001"
        self.chapter.formulas.append(Formula(mark, tex.strip(), display, line))
        return mark

    # --- roles -------------------------------------------------------------------------------------------------------

    def _role(self, token: Token) -> str:
        name, content, line = token.meta["name"], token.content.strip(), self._line(token)
        roles: dict[str, Callable[[str, int], str]] = {"eq": self._eq, "cite": self._cite, "set": self._set}
        if name not in roles:
            raise self.chapter.error(line, f"Unknown role {{{name}}}; there is {', '.join(sorted(roles))}.")
        return roles[name](content, line)

    def _eq(self, label: str, line: int) -> str:
        self.eq_refs.append((label, line))
        return f"\ue002{label}\ue003"

    def _cite(self, key: str, line: int) -> str:
        if key not in self.references:
            raise self.chapter.error(
                line, f"No work `{key}` in references.toml; it has {', '.join(sorted(self.references))}."
            )
        if key not in self.chapter.cited:
            self.chapter.cited.append(key)
        work = self.references[key]
        return f'<a class="cite" href="#ref-{key}">{html.escape(work.authors)} ({work.year})</a>'

    def _set(self, content: str, line: int) -> str:
        target, bar, text = content.partition("|")
        name, *pairs = target.split()
        if not bar or not pairs or not all("=" in pair for pair in pairs):
            raise self.chapter.error(line, f"A preset reads {{set}}`instrument param=value | text`, got `{content}`.")
        state = dict(pair.split("=", 1) for pair in pairs)
        self.chapter.presets.append(Preset(name, state, line))
        values = html.escape(" ".join(pairs))
        shown = self._inline(text.strip(), line).html
        return f'<a class="preset" href="#instrument-{name}" data-set="{values}">{shown}</a>'

    def _resolve_equation_references(self) -> None:
        numbers = {equation.label: equation.number for equation in self.chapter.of(Equation)}
        for label, line in self.eq_refs:
            if label not in numbers:
                raise self.chapter.error(
                    line, f"No equation `{label}` in this chapter; it has {', '.join(numbers) or 'none'}."
                )

        def link(match: re.Match[str]) -> str:
            return f'<a class="eqref" href="#eq-{match[1]}">({numbers[match[1]]})</a>'

        self.chapter.blocks = [
            _with_html(block, lambda text: re.sub("\ue002(.*?)\ue003", link, text)) for block in self.chapter.blocks
        ]

    # --- blocks ------------------------------------------------------------------------------------------------------

    def _blocks(self, tokens: list[Token]) -> None:
        self._note_lines(tokens, self.offset)
        prose: list[Token] = []
        position = 0
        while position < len(tokens):
            token = tokens[position]
            block: Block | None = None
            if token.type == "heading_open" and token.level == 0:
                block = self._heading(token, tokens[position + 1])
                position += 2
            elif _is_directive(token):
                block = self._directive(token)
            elif token.type.startswith("math_block"):
                fix = "A formula on lines of its own is an equation: `:::{equation} label`."
                raise self.chapter.error(self._first_line(token), fix)
            if block is None:
                prose.append(token)
            else:
                self._end_prose(prose)
                self.chapter.blocks.append(block)
            position += 1
        self._end_prose(prose)

    def _end_prose(self, prose: list[Token]) -> None:
        if prose:
            lines = [line for token in prose for line in token.map or ()]
            markdown = "\n".join(self.lines[min(lines) : max(lines)])
            self.chapter.blocks.append(Prose(Text(markdown.strip(), self._html(prose))))
            prose.clear()

    def _heading(self, token: Token, inline: Token) -> Heading:
        line = self._first_line(token)
        if token.tag != "h2":
            raise self.chapter.error(line, f"Sections of a chapter are `##` headings, got `{token.markup}`.")
        identifier = re.sub(r"[^a-z0-9]+", "-", inline.content.lower()).strip("-")
        if not identifier:
            raise self.chapter.error(line, f"A section's name needs an ASCII letter or digit: “{inline.content}”.")
        if any(heading.id == identifier for heading in self.chapter.of(Heading)):
            raise self.chapter.error(line, f"Two sections are called “{inline.content}”.")
        return Heading(identifier, Text(inline.content, self._html([inline])))

    def _first_line(self, token: Token) -> int:
        return (token.map[0] if token.map else 0) + self.offset + 1

    def _directive(self, token: Token) -> Block:
        line = self._first_line(token)
        if token.level:
            raise self.chapter.error(line, "A directive cannot stand inside a list or a quotation.")
        match = re.fullmatch(r"\{(\w+)\}\s*(.*)", token.info.strip())
        makers: dict[str, Callable[[_Directive], Block]] = {
            "equation": self._equation,
            "instrument": self._instrument,
            "cell": self._cell,
            "exercise": self._exercise,
            "quiz": self._quiz,
            "predict": self._predict,
            "note": self._note,
            "references": lambda directive: References(),
        }
        if not match or match[1] not in makers:
            name = match[1] if match else token.info
            raise self.chapter.error(line, f"Unknown directive `{name}`; there is {', '.join(sorted(makers))}.")
        return makers[match[1]](_Directive.read(self.chapter, match[1], match[2].strip(), token.content, line))

    def _equation(self, d: _Directive) -> Equation:
        d.options_are(())
        tex, words, words_line = d.parts()
        number = f"{self.chapter.number}.{len(self.chapter.of(Equation)) + 1}"
        self._claim(d, number)
        mark = self._formula(tex, True, d.body_line)
        return Equation(d.argument, number, tex.strip(), mark, self._text(words, words_line), d.line)

    def _instrument(self, d: _Directive) -> InstrumentSlot:
        if not d.argument:
            raise self.chapter.error(d.line, "An instrument directive names its instrument: `:::{instrument} name`.")
        for slot in self.chapter.of(InstrumentSlot):
            if slot.name == d.argument:
                raise self.chapter.error(d.line, f"Instrument `{slot.name}` was given before, at line {slot.line}.")
        return InstrumentSlot(d.argument, d.options, self._text(d.body, d.body_line), d.line)

    def _cell(self, d: _Directive) -> Cell:
        d.options_are(("title",))
        number = f"{self.chapter.number}.{chr(ord('a') + len(self.chapter.of(Cell)))}"
        self._claim(d, number)
        return Cell(d.argument, number, d.options["title"], d.body.rstrip() + "\n", d.body_line)

    def _exercise(self, d: _Directive) -> Exercise:
        d.options_are(("title", "hint"))
        parts = d.body.split("\n---\n")
        if len(parts) != 4 or not all(part.strip() for part in parts):
            shape = "task, starter, solution and checks, with a line `---` between them"
            raise self.chapter.error(d.line, f"`exercise` has four parts: {shape}.")
        lines = [d.body_line]
        for part in parts[:-1]:
            lines.append(lines[-1] + part.count("\n") + 2)
        number = f"{self.chapter.number}.{len(self.chapter.of(Exercise)) + 1}"
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
        d.options_are(("answer", "tolerance", "hint"))
        question, solution, solution_line = d.parts()
        self._claim(d, d.argument)
        return Quiz(
            label=d.argument,
            question=self._text(question, d.body_line),
            answer=d.options["answer"],
            tolerance=d.options["tolerance"],
            hint=self._inline(d.options["hint"], d.line),
            solution=self._text(solution, solution_line),
            line=d.line,
        )

    def _predict(self, d: _Directive) -> Predict:
        question, reveal, reveal_line = d.parts()
        return Predict(self._text(question, d.body_line), self._text(reveal, reveal_line))

    def _note(self, d: _Directive) -> Note:
        return Note(self._inline(d.argument, d.line), self._text(d.body, d.body_line))

    def _claim(self, d: _Directive, number: str) -> None:
        """Equations, cells, exercises and quizzes have labels; no two of a kind in a chapter have the same."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", d.argument):
            raise self.chapter.error(d.line, f"A label is lower-case letters, digits and hyphens, got `{d.argument}`.")
        if earlier := self.labels.get((d.name, d.argument)):
            raise self.chapter.error(
                d.line, f"{d.name.capitalize()} `{d.argument}` was given before, at line {earlier[1]}."
            )
        self.labels[d.name, d.argument] = (number, d.line)


@dataclass(frozen=True)
class _Directive:
    """A directive taken apart: argument, options, body and where the body begins."""

    chapter: Chapter
    name: str
    argument: str
    options: dict[str, str]
    body: str
    line: int
    body_line: int

    @classmethod
    def read(cls, chapter: Chapter, name: str, argument: str, content: str, line: int) -> _Directive:
        options: dict[str, str] = {}
        lines = content.split("\n")
        while lines and (match := re.fullmatch(r":([a-z_]\w*):\s*(.*)", lines[0])):
            if match[1] in options:
                raise chapter.error(line + len(options) + 1, f"Option `{match[1]}` is given twice.")
            options[match[1]] = match[2].strip()
            lines.pop(0)
        return cls(chapter, name, argument, options, "\n".join(lines), line, line + 1 + len(options))

    def options_are(self, names: tuple[str, ...]) -> None:
        """Exactly these options must be there."""
        if unknown := set(self.options) - set(names):
            allowed = f"it has {', '.join(names)}" if names else "it has no options"
            raise self.chapter.error(self.line, f"`{self.name}` has no option {', '.join(sorted(unknown))}; {allowed}.")
        if missing := [name for name in names if not self.options.get(name)]:
            raise self.chapter.error(self.line, f"`{self.name}` needs the option {', '.join(missing)}.")

    def parts(self) -> tuple[str, str, int]:
        """The body's two parts around a `---` line, and the line at which the second begins."""
        first, rule, second = self.body.partition("\n---\n")
        if not rule or not second.strip():
            raise self.chapter.error(self.line, f"`{self.name}` has two parts with a line `---` between them.")
        return first, second, self.body_line + first.count("\n") + 2


def _is_directive(token: Token) -> bool:
    return token.type == "colon_fence" or (token.type == "fence" and token.info.startswith("{"))


def _with_html(block: Block, change: Callable[[str], str]) -> Block:
    """The block with the HTML of every text in it changed."""
    values: dict[str, Any] = {
        name: replace(value, html=change(value.html)) if isinstance(value, Text) else value
        for name, value in vars(block).items()
    }
    return type(block)(**values)

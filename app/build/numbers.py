"""The page that lists all computed numbers of the texts: each with its sentence, and with how it is computed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from diffusion_lab.app.build.chapter_tree import Cell, Chapter, Compute, Heading, Overview, Value
from diffusion_lab.app.build.search_documents import Plain


@dataclass(frozen=True)
class Source:
    """Code that defines names for values; `at`: its address, where a reader can see it on another page."""

    words: str
    at: str
    anchor: str
    code: str
    names: frozenset[str]
    line: int


@dataclass(frozen=True)
class Number:
    """A computed number: the value, where it stands, and what it is computed from.

    `instrument`: the title of the instrument that it is read from, at the address `instrument_at`, or "".
    """

    value: Value
    at: str
    section: str
    section_at: str
    state: str
    instrument: str
    instrument_at: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Listed:
    """The numbers of one text by section, in reading order, and the code of the build that some are computed by."""

    title: str
    anchor: str
    sections: list[tuple[str, list[Number]]]
    code: list[Source]

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(len(rows) for _, rows in self.sections)


def listed_numbers(text: Chapter | Overview, titles: Mapping[str, str], plain: Plain) -> Listed:
    """Returns the numbers of a text as the page shows them; `titles`: slot → title of its instrument."""
    numbers, code = numbers_of(text, titles, plain)
    title = f"{text.number}. {text.title}" if isinstance(text, Chapter) else text.title
    anchor = f"chapter-{text.number}" if isinstance(text, Chapter) else text.slug
    sections = [(section, list(rows)) for section, rows in groupby(numbers, key=lambda number: number.section)]
    return Listed(title, anchor, sections, code)


def numbers_of(text: Chapter | Overview, titles: Mapping[str, str], plain: Plain) -> tuple[list[Number], list[Source]]:
    """Returns the numbers of a text in reading order, and the code of the build that some are computed by."""
    in_chapter = isinstance(text, Chapter)
    address = f"chapters/{text.slug}.html" if in_chapter else f"{text.slug}.html"
    sources = list(_sources(text, address))
    numbers = []
    for value in text.values:
        above = [block for block in text.blocks[: value.block] if isinstance(block, Heading)]
        heading = above[-1] if above else None
        numbers.append(
            Number(
                value=value,
                at=f"{address}#{value.label}",
                section=plain(heading.text.html) if heading else text.title,
                section_at=f"{address}#{heading.id}" if heading else address,
                state=", ".join(f"{name}={setting}" for name, setting in value.state.items()),
                instrument=titles[value.slot] if value.slot else "",
                instrument_at=f"{address}#instrument-{value.slot}" if in_chapter else f"embed/{value.slot}.html",
                sources=() if value.slot else _used(value, sources),
            )
        )
    hidden = [source for source in sources if source.code and any(source in number.sources for number in numbers)]
    return numbers, hidden


def _sources(text: Chapter | Overview, address: str) -> Iterator[Source]:
    count = 0
    for step in text.steps:
        if isinstance(step, Cell):
            names = _defined(step.code)
            yield Source(f"cell {step.letter}", f"{address}#cell-{step.label}", "", "", names, step.line)
        elif isinstance(step, Compute):
            count += 1
            name = f"{text.number}-{count}" if isinstance(text, Chapter) else f"{text.slug}-{count}"
            yield Source(f"code {name}", "", f"code-{name}", step.code, _defined(step.code), step.line)


def _used(value: Value, sources: list[Source]) -> tuple[Source, ...]:
    """Returns the code above a value that has last defined a name in it."""
    names = {node.id for node in ast.walk(ast.parse(value.expression, mode="eval")) if isinstance(node, ast.Name)}
    above = [source for source in sources if source.line < value.line]
    last = {name: [source for source in above if name in source.names][-1:] for name in names}
    used = {source.line: source for found in last.values() for source in found}
    return tuple(used[line] for line in sorted(used))


def _defined(code: str) -> frozenset[str]:
    """Returns the names that code defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(re.sub(r"^%.*$", "", code, flags=re.MULTILINE)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return frozenset(names - {"np"})

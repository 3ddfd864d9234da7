"""The page that lists all computed numbers of the chapters: each with its sentence, and with how it is computed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from diffusion_lab.app.build.chapter_results import Page
from diffusion_lab.app.build.chapter_tree import Cell, Compute, Heading, Value
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
    """A computed number: the value, where it stands, and what it is computed from."""

    value: Value
    at: str
    section: str
    section_at: str
    state: str
    instrument: str
    sources: tuple[Source, ...]


def numbers_of(page: Page, plain: Plain) -> tuple[list[Number], list[Source]]:
    """Returns the numbers of a chapter in reading order, and the code of the build that some are computed by."""
    chapter = page.chapter
    address = f"chapters/{chapter.slug}.html"
    sources = list(_sources(page, address))
    numbers = []
    for value in chapter.values:
        above = [block for block in chapter.blocks[: value.block] if isinstance(block, Heading)]
        heading = above[-1] if above else None
        numbers.append(
            Number(
                value=value,
                at=f"{address}#{value.label}",
                section=plain(heading.text.html) if heading else chapter.title,
                section_at=f"{address}#{heading.id}" if heading else address,
                state=", ".join(f"{name}={setting}" for name, setting in value.state.items()),
                instrument=page.instruments[value.slot].title if value.slot else "",
                sources=() if value.slot else _used(value, sources),
            )
        )
    hidden = [source for source in sources if source.code and any(source in number.sources for number in numbers)]
    return numbers, hidden


def by_section(numbers: Iterable[Number]) -> list[tuple[str, list[Number]]]:
    """Returns the numbers of each section, in reading order."""
    return [(section, list(rows)) for section, rows in groupby(numbers, key=lambda number: number.section)]


def _sources(page: Page, address: str) -> Iterator[Source]:
    chapter, count = page.chapter, 0
    for step in chapter.steps:
        if isinstance(step, Cell):
            names = _defined(step.code)
            yield Source(f"cell {step.letter}", f"{address}#cell-{step.label}", "", "", names, step.line)
        elif isinstance(step, Compute):
            count += 1
            anchor = f"code-{chapter.number}-{count}"
            yield Source(f"code {chapter.number}-{count}", "", anchor, step.code, _defined(step.code), step.line)


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

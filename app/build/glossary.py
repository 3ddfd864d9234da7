"""The glossary: terms from `chapters/glossary.toml`, and the notation, gathered from the words below the equations."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from diffusion_lab.app.build.chapter_text import TextReader
from diffusion_lab.app.build.chapter_tree import About, Chapter, Document, Equation, Heading
from diffusion_lab.app.build.plain_text import MARK
from diffusion_lab.app.build.search_documents import Plain, SearchDocument
from diffusion_lab.app.build.setup_steps import ROOT, SetupError

#: What explains a symbol: an entry of the list below an equation, or a part of one after a semicolon.
ENTRY = re.compile(r"<li>(.*?)</li>", re.DOTALL)
NEXT_SYMBOL = re.compile("; (?=\ue000[^\ue001]*\ue001(?:, \ue000[^\ue001]*\ue001)*:)")
SYMBOLS = re.compile("(\ue000[^\ue001]*\ue001(?:, \ue000[^\ue001]*\ue001)*): (.*)", re.DOTALL)

#: What of a formula does not count when symbols are sorted: how it is set, and what stands over a letter.
NOT_SORTED = re.compile(
    r"\\(?:bar|hat|tilde|sqrt|mathrm|mathbb|mathcal|text|texttt|left|right|lVert|big|[,;!])|[{}$\\]"
)

#: A link in a chapter to a place of its folder.
LINK = re.compile(r'href="(?!https?:|data:|mailto:|\.\./)([^"]*)"')


@dataclass(frozen=True)
class Place:
    """A place in a chapter: its address from the site's root, and how a reader names it."""

    at: str
    words: str


@dataclass(frozen=True)
class Term:
    """A term with its definition as HTML, the forms in which texts use it, and where it is introduced."""

    name: str
    forms: tuple[str, ...]
    html: str
    place: Place

    @property
    def anchor(self) -> str:
        """Its id on the glossary's page."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass
class Meaning:
    """What a symbol means, as HTML, also with its formulas as LaTeX; and the equations that say so."""

    html: str
    written: str
    places: list[Place] = field(default_factory=list)


@dataclass
class Symbol:
    """A symbol, or several that are explained together: placeholders of their formulas, and their meanings."""

    html: str
    order: tuple[str, str]
    meanings: list[Meaning] = field(default_factory=list)


def read_terms(path: Path, chapters: Sequence[Chapter]) -> tuple[list[Term], Document]:
    """Reads the terms, sorted; also returns the document that has the formulas in their definitions."""
    try:
        entries = tomllib.loads((ROOT / path).read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path}: {error}") from None
    document = About(path=path, slug="glossary")
    reader = TextReader(document, {})
    terms = []
    for name in sorted(entries, key=str.casefold):
        entry = entries[name]
        html = reader.inline(entry["text"], 1).html
        terms.append(Term(name, (name, *entry.get("also", ())), html, _place(path, name, entry["at"], chapters)))
    return terms, document


def _place(path: Path, name: str, at: str, chapters: Sequence[Chapter]) -> Place:
    """Returns the place `chapter` or `chapter#section`; raises `SetupError` if there is none."""
    of, _, section = at.partition("#")
    chapter = next((chapter for chapter in chapters if chapter.name == of), None)
    headings = chapter.of(Heading) if chapter else []
    heading = next((heading for heading in headings if heading.id == section), None)
    if not chapter or (section and not heading):
        raise SetupError(f"{path}: the place of `{name}` does not exist: `{at}`.")
    anchor = f"#{section}" if section else ""
    words = heading.text.html if heading else chapter.title
    return Place(f"chapters/{chapter.slug}.html{anchor}", f"{chapter.number}. {words}")


def term_documents(terms: Iterable[Term], plain: Plain) -> Iterator[SearchDocument]:
    """Yields what the search finds of the terms."""
    for term in terms:
        yield SearchDocument(f"glossary.html#{term.anchor}", "term", "Glossary", term.name, plain(term.html))


def notation(chapters: Iterable[Chapter]) -> list[Symbol]:
    """Returns all symbols of the equations, sorted by their letters; equal meanings of a symbol are one."""
    found: dict[str, Symbol] = {}
    for chapter in chapters:
        tex = {formula.mark: formula.tex for formula in chapter.formulas}
        for equation in chapter.of(Equation):
            place = Place(f"chapters/{chapter.slug}.html#eq-{equation.label}", f"({equation.number})")
            for marks, meaning in _explained(equation.words.html):
                written = _written(marks, tex)
                symbol = found.setdefault(written, Symbol(marks, _order(written)))
                _add(symbol, meaning, place, chapter, tex)
    return sorted(found.values(), key=lambda symbol: symbol.order)


def _explained(words: str) -> Iterator[tuple[str, str]]:
    """Yields symbols and their meaning, both as HTML; other entries explain no symbol."""
    for entry in ENTRY.findall(words):
        for part in NEXT_SYMBOL.split(entry):
            if match := SYMBOLS.fullmatch(part.strip()):
                yield match[1], match[2]


def _add(symbol: Symbol, html: str, place: Place, chapter: Chapter, tex: dict[str, str]) -> None:
    def linked(link: re.Match[str]) -> str:
        target = link[1] if not link[1].startswith("#") else f"{chapter.slug}.html{link[1]}"
        return f'href="chapters/{target}"'

    html = LINK.sub(linked, html)
    written = _written(html, tex)
    same = next((meaning for meaning in symbol.meanings if meaning.written == written), None)
    if not same:
        symbol.meanings.append(same := Meaning(html, written))
    same.places.append(place)


def _written(html: str, tex: dict[str, str]) -> str:
    """Returns HTML with LaTeX in place of the placeholders of formulas: texts of two chapters can be compared so."""
    return MARK.sub(lambda mark: tex[mark[0]], html)


def _order(tex: str) -> tuple[str, str]:
    """The letters of a formula, Greek ones by name; then the formula itself."""
    letters = re.sub(r"[^A-Za-z0-9]+", " ", NOT_SORTED.sub(" ", tex)).strip()
    return letters.casefold() or "~", tex

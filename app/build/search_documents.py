"""The documents that the search of the site looks through: one for each section and each numbered part of a chapter.

`static/js/search/find.js` makes the index from them, when the search is first opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from diffusion_lab.app.build.chapter_results import Page
from diffusion_lab.app.build.chapter_tree import (
    Block,
    Cell,
    Document,
    Equation,
    Exercise,
    Heading,
    InstrumentSlot,
    Listing,
    Note,
    Overview,
    Predict,
    Prose,
    Quiz,
)

#: Removes markup from HTML.
Plain = Callable[[str], str]


@dataclass(frozen=True)
class SearchDocument:
    """A part of the site that can be found. `at`: its address from the site's root; `group`: what results are under."""

    at: str
    kind: str
    group: str
    heading: str
    text: str


def search_json(documents: Iterable[SearchDocument]) -> bytes:
    """Returns the documents as a JSON list of objects."""
    return json.dumps([asdict(document) for document in documents], ensure_ascii=False, separators=(",", ":")).encode()


def chapter_documents(page: Page, abouts: Mapping[str, str], plain: Plain) -> Iterator[SearchDocument]:
    """Yields the documents of a chapter in reading order; `abouts`: instrument → its `about.md` as HTML."""
    chapter = page.chapter
    address, group = f"chapters/{chapter.slug}.html", f"{chapter.number}. {chapter.title}"

    def document(anchor: str, kind: str, heading: str, *texts: str) -> SearchDocument:
        return SearchDocument(address + anchor, kind, group, heading, " ".join(text for text in texts if text))

    yield document("", "chapter", chapter.title, chapter.lede, *chapter.objectives)
    for heading, blocks in sections(chapter):
        texts = [plain(html) for block in blocks for html in _running(block)]
        yield document(f"#{heading.id}", "section", plain(heading.text.html), *texts)
    for block in chapter.blocks:
        match block:
            case Equation():
                yield document(f"#eq-{block.label}", "equation", f"Equation ({block.number})", plain(block.words.html))
            case Cell():
                yield document(f"#cell-{block.label}", "cell", f"Cell {block.letter}: {block.title}", block.code)
            case Listing():
                heading = f"Listing {block.number}: {block.title}"
                yield document(f"#listing-{block.label}", "listing", heading, block.code)
            case Exercise():
                heading = f"Exercise {block.letter}: {block.title}"
                yield document(f"#exercise-{block.label}", "exercise", heading, plain(block.task.html))
            case InstrumentSlot():
                rendered = page.instruments[block.name]
                about = abouts[block.name] if block.name == block.instrument else ""
                texts = [rendered.question, plain(block.caption.html), plain(about)]
                yield document(f"#instrument-{block.name}", "instrument", rendered.title, *texts)


def overview_documents(overview: Overview, plain: Plain) -> Iterator[SearchDocument]:
    """Yields the documents of a text about all chapters in reading order."""
    address = f"{overview.slug}.html"
    yield SearchDocument(address, "page", overview.title, overview.title, overview.lede)
    for heading, blocks in sections(overview):
        text = " ".join(plain(html) for block in blocks for html in _running(block))
        yield SearchDocument(f"{address}#{heading.id}", "section", overview.title, plain(heading.text.html), text)


def sections(document: Document) -> list[tuple[Heading, list[Block]]]:
    """Returns each section of a document: its heading, and the blocks below it."""
    found: list[tuple[Heading, list[Block]]] = []
    for block in document.blocks:
        if isinstance(block, Heading):
            found.append((block, []))
        elif found:
            found[-1][1].append(block)
    return found


def _running(block: Block) -> list[str]:
    """Returns the HTML of what a reader of a section has in sight at first; answers to questions stay unfound."""
    match block:
        case Prose():
            return [block.text.html]
        case Note():
            return [block.title.html, block.text.html]
        case Predict() | Quiz():
            return [block.question.html]
    return []

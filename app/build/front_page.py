"""What the front page shows of the chapters: a map of what builds on what, and a path for readers in a hurry."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffusion_lab.app.build.chapter_tree import Chapter, Heading, InstrumentSlot
from diffusion_lab.app.build.rendered import RenderedInstrument
from diffusion_lab.app.build.setup_steps import ROOT, SetupError

#: Size of the map and of the boxes of its chapters, in pixels.
WIDTH, BOX, HIGH, GAP = 760, 148, 52, 26


@dataclass(frozen=True)
class Stop:
    """A place on the path: its address, its name as HTML, its chapter, the time in minutes, and what is there."""

    at: str
    title: str
    chapter: Chapter
    minutes: int
    words: str


@dataclass(frozen=True)
class Box:
    """A chapter on the map: left and top edge of its box."""

    chapter: Chapter
    x: float
    y: float


@dataclass(frozen=True)
class ChapterMap:
    """Boxes, and the curves between them as paths of SVG; each chapter stands right of all that it builds on."""

    boxes: list[Box]
    curves: list[str]
    height: float
    width: int = WIDTH
    box: int = BOX
    high: int = HIGH


def before(chapter: Chapter, chapters: Sequence[Chapter]) -> list[Chapter]:
    """Returns the chapters that a chapter says it builds on, as far as there are any."""
    numbers = {int(found[0]) for words in chapter.builds_on if (found := re.search(r"\d+", words))}
    return [other for other in chapters if other.number in numbers]


def chapter_map(chapters: Sequence[Chapter]) -> ChapterMap:
    """Lays the chapters out in columns: as many steps from the left as the longest way to them has."""
    column: dict[int, int] = {}
    for chapter in chapters:  # a chapter builds on earlier ones only
        column[chapter.number] = max((column[b.number] + 1 for b in before(chapter, chapters)), default=0)
    columns = [
        [c for c in chapters if column[c.number] == place] for place in range(max(column.values(), default=0) + 1)
    ]
    height = max(map(len, columns)) * (HIGH + GAP) - GAP
    apart = (WIDTH - BOX) / max(len(columns) - 1, 1)
    boxes = {}
    for place, stack in enumerate(columns):
        top = (height - len(stack) * (HIGH + GAP) + GAP) / 2
        for row, chapter in enumerate(stack):
            boxes[chapter.number] = Box(chapter, place * apart, top + row * (HIGH + GAP))
    curves = [_curve(boxes[b.number], boxes[chapter.number]) for chapter in chapters for b in before(chapter, chapters)]
    return ChapterMap(list(boxes.values()), curves, height)


def _curve(start: Box, end: Box) -> str:
    x, y, to_x, to_y = start.x + BOX, start.y + HIGH / 2, end.x, end.y + HIGH / 2
    middle = (x + to_x) / 2
    return f"M{x:.0f} {y:.0f}C{middle:.0f} {y:.0f} {middle:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"


def read_path(path: Path, chapters: Sequence[Chapter], instruments: Mapping[str, RenderedInstrument]) -> list[Stop]:
    """Reads the path; raises `SetupError` for a place that does not exist."""
    stops = []
    for entry in tomllib.loads((ROOT / path).read_text("utf-8"))["stop"]:
        of, _, anchor = entry["at"].partition("#")
        chapter = next((chapter for chapter in chapters if chapter.name == of), None)
        title = _title(chapter, anchor, instruments) if chapter else ""
        if not chapter or not title:
            raise SetupError(f"{path}: there is no place `{entry['at']}`.")
        stops.append(Stop(f"chapters/{chapter.slug}.html#{anchor}", title, chapter, entry["minutes"], entry["words"]))
    return stops


def _title(chapter: Chapter, anchor: str, instruments: Mapping[str, RenderedInstrument]) -> str:
    name = anchor.removeprefix("instrument-")
    if anchor != name:
        return instruments[name].title if any(slot.name == name for slot in chapter.of(InstrumentSlot)) else ""
    return next((heading.text.html for heading in chapter.of(Heading) if heading.id == anchor), "")

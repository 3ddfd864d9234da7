"""The glossary, the notation, the path of half an hour and the list of numbers agree with the chapters."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import Markup

from diffusion_lab.app.build.chapter_tree import Chapter, Equation, Heading, InstrumentSlot
from diffusion_lab.app.build.front_page import before, chapter_map
from diffusion_lab.app.build.glossary import notation, read_terms
from diffusion_lab.app.build.numbers import listed_numbers
from diffusion_lab.app.build.setup_steps import ROOT, SetupError
from diffusion_lab.app.build.site import (
    DISAGREEMENTS,
    GLOSSARY,
    PATH,
    read_disagreements,
    read_documents,
    read_references,
)


@pytest.fixture(scope="module")
def chapters() -> list[Chapter]:
    return read_documents(read_references())[0]


def plain(html: str) -> str:
    return str(Markup(html).striptags())


def text_of(chapter: Chapter, section: str) -> str:
    """What a reader sees of a section, or of a whole chapter with its title, in lower case."""
    parts = [] if section else [chapter.title, chapter.lede, *chapter.objectives]
    inside = not section
    for block in chapter.blocks:
        if isinstance(block, Heading) and section:
            inside = block.id == section
        if inside:
            parts += [part.html for part in vars(block).values() if hasattr(part, "html")]
            parts.append(getattr(block, "title", "") if isinstance(getattr(block, "title", ""), str) else "")
    return str(Markup(" ".join(parts)).striptags()).casefold()


def test_every_term_is_used_where_it_is_said_to_be_introduced(chapters):
    terms, _ = read_terms(GLOSSARY.relative_to(ROOT), chapters)
    by_slug = {chapter.slug: chapter for chapter in chapters}
    missing = []
    for term in terms:
        slug, _, section = term.place.at.removeprefix("chapters/").partition(".html")
        text = text_of(by_slug[slug], section.removeprefix("#"))
        if not any(form.casefold() in text for form in term.forms):
            missing.append((term.name, term.place.at))
    assert missing == []
    assert len(terms) >= 50
    assert len({term.anchor for term in terms}) == len(terms)


def test_a_place_that_does_not_exist_is_refused(tmp_path, chapters):
    file = tmp_path / "glossary.toml"
    for at in ("forward#nowhere", "nowhere"):
        file.write_text(f'score = {{ at = "{at}", text = "A." }}\n')
        with pytest.raises(SetupError, match=r"the place of `score` does not exist"):
            read_terms(file, chapters)


def test_the_notation_has_each_symbol_of_each_equation_once(chapters):
    symbols = notation(chapters)
    numbers = {place.words for symbol in symbols for meaning in symbol.meanings for place in meaning.places}
    explained = {f"({e.number})" for c in chapters for e in c.of(Equation) if re.search("<li>\ue000", e.words.html)}
    assert explained <= numbers
    assert len({symbol.order[1] for symbol in symbols}) == len(symbols)
    assert [symbol.order for symbol in symbols] == sorted(symbol.order for symbol in symbols)


def test_equal_meanings_of_a_symbol_are_one(chapters):
    first = chapters[0]
    twice = notation([first, replace(first, slug="copy", blocks=first.blocks)])
    assert len(twice) == len(notation([first]))
    assert all(len(symbol.meanings) <= 2 and len(symbol.meanings[0].places) >= 2 for symbol in twice)


def test_the_path_takes_half_an_hour_and_leaves_time_to_read(chapters):
    """Nobody reads more than 250 words a minute here."""
    stops = tomllib.loads(PATH.read_text("utf-8"))["stop"]
    assert sum(stop["minutes"] for stop in stops) == 30
    by_name = {chapter.name: chapter for chapter in chapters}
    for stop in stops:
        name, _, anchor = stop["at"].partition("#")
        if anchor.startswith("instrument-"):
            assert anchor in {f"instrument-{slot.name}" for slot in by_name[name].of(InstrumentSlot)}
        else:
            words = len(text_of(by_name[name], anchor).split())
            assert 30 < words <= 250 * stop["minutes"], (stop["at"], words)


def test_the_map_has_each_chapter_right_of_what_it_builds_on(chapters):
    laid_out = chapter_map(chapters)
    left = {box.chapter.number: box.x for box in laid_out.boxes}
    assert set(left) == {chapter.number for chapter in chapters}
    edges = [(b.number, chapter.number) for chapter in chapters for b in before(chapter, chapters)]
    assert len(laid_out.curves) == len(edges) > 5
    assert all(left[b] + laid_out.box < left[after] for b, after in edges)
    assert len({(box.x, box.y) for box in laid_out.boxes}) == len(chapters)
    assert max(box.x for box in laid_out.boxes) + laid_out.box <= laid_out.width


def test_numbers_say_what_they_are_computed_from(chapters):
    first = chapters[0]
    titles = {slot.name: slot.name.title() for slot in first.of(InstrumentSlot)}
    listed = listed_numbers(first, titles, plain)
    numbers = [number for _, rows in listed.sections for number in rows]
    assert (listed.title, listed.anchor, listed.count) == ("1. The forward process", "chapter-1", len(numbers))
    assert [number.value for number in numbers] == first.values
    said = {number.value.source: [source.words for source in number.sources] for number in numbers}
    assert said["exp(-6)"] == []
    assert said["excess(0.05)"] == ["code 1-1"]
    assert said["seen[-1]"] == ["cell 1.a"]
    assert said["losses.modes"] == ["code 1-2"]
    assert [source.words for source in listed.code if "def excess" in source.code] == ["code 1-1"]
    read = next(number for number in numbers if number.value.slot == "schedule")
    assert (read.instrument, read.sources) == ("Schedule", ())
    assert read.instrument_at == "chapters/01-forward.html#instrument-schedule"
    sections = [name for name, _ in listed.sections]
    assert sections[0] == "Scheduled destruction" and len(sections) == len(set(sections))


def test_numbers_of_a_text_about_all_chapters(chapters):
    overview = read_disagreements(read_references(), chapters)
    listed = listed_numbers(overview, dict.fromkeys((value.slot for value in overview.values), "A title"), plain)
    assert (listed.title, listed.anchor) == (overview.title, "disagreements")
    assert [number.value for _, rows in listed.sections for number in rows] == overview.values
    section, (first, *_) = listed.sections[0]
    assert (section, first.at) == ("How much faster is DDIM?", "disagreements.html#value-disagreements-1")
    read = next(number for _, rows in listed.sections for number in rows if number.value.slot == "samplers")
    assert (read.instrument, read.instrument_at) == ("A title", "embed/samplers.html")
    assert {source.words for source in listed.code} >= {"code disagreements-1"}


def test_every_text_is_read(chapters):
    read = {chapter.path.name for chapter in chapters} | {DISAGREEMENTS.name}
    assert read == {path.name for path in Path(ROOT / "chapters").glob("*.md")}

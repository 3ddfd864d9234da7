"""The page on which sources disagree: every entry has its four parts, and leads to a place where it can be tried."""

from __future__ import annotations

import re
from html import unescape

import pytest

from diffusion_lab.app.build.chapter_parser import parse_overview
from diffusion_lab.app.build.chapter_tree import ChapterError, Heading, InstrumentSlot, Overview, Prose
from diffusion_lab.app.build.search_documents import overview_documents
from diffusion_lab.app.build.site import DISAGREEMENTS, read_disagreements, read_documents, read_references
from diffusion_lab.app.instrument.discovery import instrument_class

from .places import places, split

PARTS = ["Said.", "Right.", "Why.", "Try it."]

REFERENCES = read_references()
CHAPTERS = {chapter.slug: chapter for chapter in read_documents(REFERENCES)[0]}
OVERVIEW = read_disagreements(REFERENCES, list(CHAPTERS.values()))


def entries(overview: Overview) -> dict[str, str]:
    """Id of each section → the HTML of its texts."""
    found: dict[str, str] = {}
    for block in overview.blocks:
        if isinstance(block, Heading):
            found[block.id] = ""
        elif isinstance(block, Prose):
            found[list(found)[-1]] += block.text.html
    return found


ENTRIES = entries(OVERVIEW)


def links(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"#?]+\.html[^"]*)"', html)]


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_entry_says_what_is_said_what_is_right_why_and_where_to_try_it(entry):
    assert re.findall(r"<p><strong>([^<]+)</strong>", ENTRIES[entry]) == PARTS
    right, why, where = re.split("<strong>(?:Right|Why|Try it)", ENTRIES[entry])[1:]
    assert re.search('class="eqref"|class="cite"|\ue004', right + why), "an equation, a computed number, or a source"
    assert len(links(where)) == where.count("<a ") > 0


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_link_leads_to_a_place_in_a_state_that_its_instrument_accepts(entry):
    for link in links(ENTRIES[entry]):
        file, settings, anchor = split(link)
        chapter = CHAPTERS[file.removesuffix(".html")]
        assert anchor in places(chapter, REFERENCES), link
        slots = {slot.name: slot for slot in chapter.of(InstrumentSlot)}
        for name in {key.partition(".")[0] for key in settings}:
            cls = instrument_class(slots[name].instrument)
            asked = {key.partition(".")[2]: value for key, value in settings.items() if key.startswith(f"{name}.")}
            state = cls.parse_state(slots[name].state | asked)
            assert list(cls.contradictions(state)) == [], link
        if settings:
            assert f"instrument-{name}" == anchor, "the state can be seen where the link leads"


def test_the_page_is_found_by_its_sections():
    found = list(overview_documents(OVERVIEW, lambda html: re.sub("<[^>]*>", "", html)))
    assert [document.at for document in found] == ["disagreements.html", *(f"disagreements.html#{e}" for e in ENTRIES)]
    zeros = next(document for document in found if "vector of zeros" in document.heading)
    assert "null token" in zeros.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\ntitle: A\n---\n", "needs `lede`"),
        ("---\ntitle: A\nlede: B\nnumber: 3\n---\n", "unknown number"),
        ("---\ntitle: A\nlede: B\n---\n## C\n\n:::{instrument} ring\n:::\n", "Unknown directive `instrument`"),
        ("---\ntitle: A\nlede: B\n---\n## C\n\nSee {eq}`jump`.\n", "an equation is `chapter:label`"),
    ],
)
def test_what_such_a_page_cannot_hold_is_refused(text, message):
    with pytest.raises(ChapterError, match=re.escape(message)):
        parse_overview(DISAGREEMENTS, text, REFERENCES)

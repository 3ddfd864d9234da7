"""Every item of the documents behind the lab is where `syllabus.toml` says, with the words that it names."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from typing import Any

import pytest

from diffusion_lab.app.build.site import CHAPTERS, read_disagreements, read_documents, read_references
from diffusion_lab.app.instrument.discovery import instrument_class

from .places import places

ITEMS: list[dict[str, Any]] = tomllib.loads((CHAPTERS / "syllabus.toml").read_text("utf-8"))["items"]
KINDS = {"figure", "fact", "formula", "instrument", "listing", "quiz", "read-out", "reference", "table", "timeline"}


@cache
def texts() -> dict[str, dict[str, str]]:
    """Address of each page → anchor → the words there."""
    references = read_references()
    chapters, _ = read_documents(references)
    pages = {f"chapters/{chapter.slug}.html": places(chapter, references) for chapter in chapters}
    overview = read_disagreements(references, chapters)
    return pages | {f"{overview.slug}.html": places(overview, references)}


def words_at(at: str) -> str | None:
    """The words at a place of a page, or of a read-out or setting, in lower case; None if there is no such place."""
    instrument, colon, key = at.partition(": ")
    if colon:
        cls = instrument_class(instrument)
        labels = {item.key: item.label for item in cls().panel.items}
        labels |= {name: str(cls.param[name].label) for name in cls.settings() if name not in labels}
        return labels[key].casefold() if key in labels else None
    page, _, anchor = at.partition("#")
    return texts().get(page, {}).get(anchor)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item['source']} {item['what']}")
def test_the_item_is_there(item):
    assert set(item) == {"source", "kind", "what", "at", "words"}
    assert item["kind"] in KINDS and item["words"]
    found = words_at(item["at"])
    assert found is not None, f"there is no place {item['at']}"
    assert [words for words in item["words"] if words.casefold() not in found] == [], found


def test_a_line_that_is_wrong_is_found():
    assert words_at("chapters/04-guidance.html#eq-nowhere") is None
    assert words_at("chapters/99-nowhere.html") is None
    assert words_at("ring: nothing") is None
    equation, section = words_at("chapters/04-guidance.html#eq-cfg"), words_at("chapters/04-guidance.html#the-dial")
    assert "null" in section and "null" not in equation, "the words of a place alone, not of its section"


def test_no_item_is_listed_twice():
    twice = [line for line, count in Counter((i["source"], i["what"]) for i in ITEMS).items() if count > 1]
    assert twice == []
    assert {item["source"] for item in ITEMS} == {1, 2, 3, 4, 5}

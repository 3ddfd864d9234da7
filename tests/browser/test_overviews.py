"""The front page and the pages about the chapters: what answers at once, and links that lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from .lab import DESK, PHONE

MakeLab = Callable[..., Any]

PAGES = ("index.html", "glossary.html", "numbers.html", "disagreements.html")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_first_screen_has_a_live_instrument(open_lab: MakeLab, viewport: dict[str, int]) -> None:
    lab = open_lab(viewport=viewport).open("index.html")
    for selector in (".live-view .figure", ".live-view input[type=range][data-param=t]", ".live-view [data-reading=t]"):
        box = lab.instrument.locator(selector).first.bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] < viewport["height"], selector
    lab.slide("t", 0.5)
    lab.shows("t", "0.50")


@pytest.mark.parametrize("width", [390, 768, 1360])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_scrolls_sideways(open_lab: MakeLab, path: str, width: int) -> None:
    lab = open_lab(viewport={"width": width, "height": 900}).open(path, live=False)
    lab.page.locator("html[data-open]").wait_for()
    assert lab.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(dist: Path, path: str) -> None:
    text = (dist / path).read_text("utf-8")
    links = {link for link in re.findall(r'(?:href|src)="([^"]+)"', text) if not re.match(r"https?:|data:", link)}
    assert len(links) > 20
    pages: dict[str, str] = {path: text}
    for link in links:
        page, _, anchor = link.partition("#")
        page = page.partition("?")[0] or path
        assert (dist / page).is_file(), link
        if anchor:
            pages.setdefault(page, (dist / page).read_text("utf-8"))
            assert f'id="{unquote(anchor)}"' in pages[page], link


def test_every_number_of_the_chapters_is_listed(dist: Path) -> None:
    printed = {
        (path.name, place): result
        for path in dist.glob("chapters/*.html")
        for place, result in re.findall(
            r'<span class="value" id="(value-\d+)"[^>]*>([^<]*)</span>', path.read_text("utf-8")
        )
    }
    listed = re.findall(
        r'<td><a href="chapters/([^#"]+)#(value-\d+)">([^<]*)</a>', (dist / "numbers.html").read_text("utf-8")
    )
    assert {(page, place): result for page, place, result in listed} == printed
    assert len(listed) == len(printed) > 200


def test_a_link_to_a_state_shows_it(open_lab: MakeLab) -> None:
    lab = open_lab().open("disagreements.html", live=False)
    lab.page.get_by_role("link", name="The dial by the strength").click()
    lab.wait_live()
    assert lab.value("convention") == "weight"

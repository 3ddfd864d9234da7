"""The search: by keyboard and pointer, with a misspelt word, without a network, and where its files do not come."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from .lab import PHONE

MakeLab = Callable[..., Any]

CONTROLLED = "navigator.serviceWorker?.controller?.state === 'activated'"

PAGES = ("index.html", "chapters/01-forward.html", "teachers.html", "receipts.html")


def opened(lab: Any) -> Any:
    """Waits until the page's script has run, opens the search by its key, and returns the field."""
    lab.page.locator("html[data-open]").wait_for()
    lab.page.keyboard.press("/")
    field = lab.page.locator("dialog input")
    expect(field).to_be_focused()
    return field


def results(lab: Any) -> Any:
    return lab.page.locator("dialog .list a")


def test_nothing_of_it_is_loaded_before_it_is_opened(open_lab: MakeLab) -> None:
    lab = open_lab().open("teachers.html", live=False)
    lab.page.locator("html[data-open]").wait_for()
    before = list(lab.requests)
    opened(lab).fill("score")
    results(lab).first.wait_for()
    later = lab.requests[len(before) :]
    assert [url for url in before if "/search." in url] == []
    assert sorted(
        re.sub(r".*/|[-.][0-9A-Za-z]{8,10}(?=\.)", "", url) for url in later if not re.search("embed|woff2", url)
    ) == [
        "chunk-dialog.js",
        "search.json",
    ]


def test_a_result_leads_to_its_section(open_lab: MakeLab) -> None:
    lab = open_lab().open("teachers.html", live=False)
    opened(lab).fill("langevin by hand")
    first = results(lab).first
    expect(first.locator("b")).to_have_text("Langevin by hand")
    expect(first.locator("mark").first).to_have_text("Langevin")
    expect(lab.page.locator("dialog section").first.locator("h2")).to_have_text("1. The forward process")
    expect(lab.page.locator("dialog .said")).to_contain_text(re.compile(r"^\d+ results?"))
    lab.page.keyboard.press("Enter")
    lab.page.wait_for_url("**/chapters/01-forward.html#langevin-by-hand")
    expect(lab.page.locator("#langevin-by-hand")).to_be_in_viewport()


def test_a_section_of_the_same_page(open_lab: MakeLab) -> None:
    lab = open_lab().open(live=False)
    opened(lab).fill("langevin by hand")
    results(lab).first.click()
    expect(lab.page.locator("dialog")).to_have_count(1)
    expect(lab.page.locator("dialog")).not_to_be_visible()
    expect(lab.page.locator("#langevin-by-hand")).to_be_in_viewport()


def test_a_misspelt_word(open_lab: MakeLab) -> None:
    lab = open_lab().open("teachers.html", live=False)
    opened(lab).fill("langevn dinamics")
    expect(results(lab).first.locator("mark").first).to_have_text(re.compile("^(Langevin|dynamics)$"))


def test_arrows_go_through_the_results(open_lab: MakeLab) -> None:
    lab = open_lab().open("teachers.html", live=False)
    field = opened(lab)
    lab.page.keyboard.type("guidance")
    results(lab).nth(1).wait_for()
    for key, place in [("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0)]:
        lab.page.keyboard.press(key)
        expect(results(lab).nth(place)).to_be_focused()
    lab.page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.type(" scale")
    expect(field).to_have_value("guidance scale")
    lab.page.keyboard.press("Escape")
    expect(lab.page.locator("dialog")).not_to_be_visible()
    lab.page.keyboard.press("/")
    expect(field).to_be_focused()
    expect(field).to_have_value("guidance scale")


def test_the_key_is_a_character_where_text_is_typed(open_lab: MakeLab) -> None:
    lab = open_lab().open("receipts.html", live=False)
    lab.page.locator("html[data-open]").wait_for()
    lab.page.locator("#codes").press("/")
    expect(lab.page.locator("#codes")).to_have_value("/")
    assert lab.page.locator("dialog").count() == 0
    lab.page.locator("button.search").click()
    expect(lab.page.locator("dialog input")).to_be_focused()
    lab.page.keyboard.press("/")
    expect(lab.page.locator("dialog input")).to_have_value("/")


@pytest.mark.parametrize("path", PAGES)
def test_it_is_on_every_page_and_fits_a_phone(open_lab: MakeLab, path: str) -> None:
    lab = open_lab(viewport=PHONE).open(path, live=False)
    assert lab.page.locator("button.search").is_visible()
    opened(lab).fill("noise")
    results(lab).first.wait_for()
    assert lab.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_embedded_pages_have_none(open_lab: MakeLab, dist: Path) -> None:
    assert [path.name for path in dist.glob("embed/**/*.html") if "/search." in path.read_text("utf-8")] == []
    lab = open_lab().open("embed/ring.html", live=False)
    lab.page.locator("html[data-open]").wait_for()
    lab.page.keyboard.press("/")
    assert lab.page.locator("dialog, button.search").count() == 0


def test_without_a_network(open_cold: MakeLab, host: Any) -> None:
    address, switch_off = host
    lab = open_cold(address).open("chapters/05-latent.html")
    lab.wait(CONTROLLED)  # by then the whole site is kept
    switch_off()
    lab.open("receipts.html", live=False)
    opened(lab).fill("langevin by hand")
    results(lab).first.click()
    lab.page.wait_for_url("**/chapters/01-forward.html#langevin-by-hand")
    lab.wait_live()
    lab.messages = [text for text in lab.messages if "ERR_CONNECTION_REFUSED" not in text]


def test_documents_that_do_not_come(open_cold: MakeLab, bad_host: Any) -> None:
    bad_host.troubles["*/search.*.json"] = "503"
    lab = open_cold(bad_host.address).open("teachers.html", live=False)
    field = opened(lab)
    said = lab.page.locator("dialog .said")
    expect(said).to_contain_text("answered 503 to the request for search.")
    field.fill("langevin")
    bad_host.troubles.clear()
    said.locator("button", has_text="Retry").click()
    results(lab).first.wait_for()
    lab.messages.clear()  # the browser itself reports requests that fail


def test_a_script_that_does_not_come(open_cold: MakeLab, bad_host: Any) -> None:
    lab = open_cold(bad_host.address).open("teachers.html", live=False)
    lab.page.locator("html[data-open]").wait_for()
    bad_host.troubles["*/chunk-dialog-*"] = "404"
    lab.page.locator("button.search").click()
    expect(lab.page.locator(".page-bar")).to_contain_text("A part of the page could not be loaded.")
    expect(lab.page.locator(".page-bar button").first).to_have_text("Reload")
    lab.messages.clear()


def test_everything_that_can_be_found_is_at_its_address(dist: Path) -> None:
    name = re.search(r'data-documents="(assets/search\.\w+\.json)"', (dist / "index.html").read_text("utf-8"))
    assert name
    parts = json.loads((dist / name[1]).read_text("utf-8"))
    pages = {path: (dist / path).read_text("utf-8") for path in {part["at"].partition("#")[0] for part in parts}}
    for part in parts:
        page, _, anchor = part["at"].partition("#")
        assert not anchor or f'id="{anchor}"' in pages[page], part["at"]
        assert "\ue000" not in part["text"] and not re.search(r"</\w+>", part["text"]), part
    assert len({part["at"] for part in parts}) == len(parts)
    assert {part["kind"] for part in parts} >= {"chapter", "section", "equation", "cell", "exercise", "instrument"}
    texts = " ".join(part["text"] for part in parts)
    assert "Suppose you want new pictures" in texts
    assert "You have met this number before" not in texts, "a worked solution can be found"

"""Three depths of a chapter: the reader's choice is kept, nothing is out of reach, and the line being read stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

MakeLab = Callable[..., Any]

BIAS = "#eq-bias"


def choose(lab: Any, words: str) -> None:
    lab.page.locator(".depths label", has_text=words).click()


def test_a_reader_chooses_a_depth_and_it_is_kept(lab: Any) -> None:
    page = lab.open(live=False).page
    bias, entry = page.locator(BIAS), page.locator(".toc a[href='#what-is-exact-here-and-what-is-not']")
    expect(bias).to_be_visible()
    choose(lab, "The idea")
    for hidden in (bias, entry):
        expect(hidden).to_be_hidden()
    expect(page.locator(".want").first).to_be_visible()
    lab.open("chapters/01-forward.html", live=False)
    expect(bias).to_be_hidden()
    expect(page.locator(".depths input[value=idea]")).to_be_checked()
    choose(lab, "The mathematics")
    for shown in (bias, entry):
        expect(shown).to_be_visible()
    lab.open("chapters/01-forward.html?depth=idea", live=False)
    expect(bias).to_be_hidden()


def test_a_part_opens_alone_in_its_place_and_closes_again(lab: Any) -> None:
    page = lab.open("chapters/01-forward.html?depth=idea", live=False).page
    want = page.locator(".want").first
    part = page.locator(".part").first
    want.scroll_into_view_if_needed()
    top = want.bounding_box()["y"]
    want.locator("button").click()
    expect(part).to_be_visible()
    assert abs(part.locator(".depth").bounding_box()["y"] - top) <= 1
    assert page.locator(".part").locator("visible=true").count() == 1
    part.locator("[data-less]").click()
    expect(part).to_be_hidden()
    assert abs(want.bounding_box()["y"] - top) <= 1
    want.locator("button").click()
    part.locator("[data-always]").click()
    expect(page.locator(BIAS)).to_be_visible()
    assert abs(part.locator(".depth").bounding_box()["y"] - top) <= 1
    part.locator("[data-less]").click()
    expect(page.locator(BIAS)).to_be_hidden()


def test_a_link_into_a_hidden_part_opens_it(lab: Any) -> None:
    page = lab.open(f"chapters/01-forward.html?depth=idea{BIAS}", live=False).page
    expect(page.locator(BIAS)).to_be_in_viewport()
    page.evaluate("location.hash = 'eq-step'")
    expect(page.locator("#eq-step")).to_be_in_viewport()


def test_without_javascript_all_is_shown(open_cold: MakeLab) -> None:
    page = open_cold(java_script_enabled=False).open("chapters/01-forward.html?depth=idea", live=False).page
    expect(page.locator(BIAS)).to_be_visible()
    for control in (".depths", ".want", ".part .depth button"):
        expect(page.locator(control).first).to_be_hidden()

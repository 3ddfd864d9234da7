"""The page as a book: it reads without JavaScript and without Python, on a desktop and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diffusion_lab.app.build.site import read_documents, read_references

from .held import Held
from .lab import FONTS

MakeLab = Callable[..., Any]


def test_reads_without_javascript(open_cold: MakeLab) -> None:
    page = open_cold(java_script_enabled=False).open(live=False).page
    assert page.locator("h1").inner_text() == "The forward process"
    assert page.locator(".formula .katex-html").count() == page.locator(".formula math").count() == 6
    dots = page.locator("#instrument-ring .still .figure svg path[stroke-linecap=round]").first
    assert dots.is_visible() and dots.get_attribute("d").count("M") > 50
    assert page.locator("#instrument-ring .still [data-reading=alpha_bar]").inner_text() == "0.741"
    outputs = page.locator("[data-cell] .output.text").all_inner_texts()
    assert len(outputs) == 2 and "gap/width" in outputs[0] and "sd of a mode" in outputs[1]
    assert page.locator("[data-cell] .output.picture svg").count() == 2
    assert page.locator(".solution").first.is_visible()
    assert "Needs JavaScript" in page.locator("#instrument-ring .live").inner_text()
    for dead in (".quiz button", ".predict .try", ".cell .run", "button.theme"):
        assert not page.locator(dead).first.is_visible(), f"{dead} can do nothing without JavaScript"


#: Equations whose formula reaches into their number, or is wider than its column.
BADLY_SET = """() => [...document.querySelectorAll(".equation")].filter((equation) => {
  const formula = equation.querySelector(".formula"), room = formula.clientWidth;
  const number = equation.querySelector(".number").getBoundingClientRect();
  const shown = getComputedStyle(formula).overflowX === "visible"
    ? Math.max(...[...formula.querySelectorAll(".base")].map((part) => part.getBoundingClientRect().right))
    : formula.getBoundingClientRect().right;
  return shown > number.left || formula.scrollWidth > room + 1;
}).map((equation) => equation.id)"""


def test_equations_fit_a_narrow_phone(open_lab: MakeLab) -> None:
    chapters, _ = read_documents(read_references())
    lab = open_lab(viewport={"width": 360, "height": 740})
    for chapter in chapters:
        page = lab.open(f"chapters/{chapter.slug}.html", live=False).page
        page.wait_for_function("() => document.fonts.status === 'loaded'")
        assert page.evaluate(BADLY_SET) == [], chapter.slug
    page.add_style_tag(content=".equation { position: relative } .equation .number { position: absolute; right: 40% }")
    assert page.evaluate(BADLY_SET) != [], "a number that lies on its formula is found"


@pytest.mark.parametrize("width", [360, 768, 1360])
def test_nothing_scrolls_sideways(open_lab: MakeLab, width: int) -> None:
    lab = open_lab(viewport={"width": width, "height": 800}).open()
    wide = lab.page.evaluate(
        """() => [...document.querySelectorAll("main *")]
          .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".katex, .description, svg"))
          .map(e => `${e.tagName}.${e.className}`)"""
    )
    assert wide == []
    assert lab.page.evaluate("document.documentElement.scrollWidth") <= width


#: What is shown although it has the attribute `hidden`.
SHOWN = """() => [...document.querySelectorAll("[hidden]")].filter((e) => getComputedStyle(e).display !== "none")
  .map((e) => `${e.tagName}.${e.className}`)"""


@pytest.mark.parametrize("width", [360, 768, 1360])
def test_what_is_hidden_is_not_shown(open_lab: MakeLab, width: int) -> None:
    """As the line that says what the reader has changed, before anything has been changed."""
    lab = open_lab(viewport={"width": width, "height": 800}).open(live=False)
    lab.page.locator("html[data-open]").wait_for()
    assert lab.page.locator(".yours[hidden]").count() == 2
    assert lab.page.evaluate(SHOWN) == []


@pytest.mark.parametrize("width", [360, 1360])
def test_nothing_moves_when_python_takes_over(open_lab: MakeLab, width: int) -> None:
    lab = open_lab(viewport={"width": width, "height": 800})
    held = Held(lab)
    lab.open(live=False)
    measure = """() => ["h2#two-modes-on-a-line", ".rail", ".figure", ".status", ".readouts"].map(selector => {
      const seen = [];
      const find = root => { for (const e of root.querySelectorAll("*")) {
        if (e.matches(selector.replace("h2", ""))) seen.push(e); if (e.shadowRoot) find(e.shadowRoot); } };
      find(document);
      const box = seen[0].getBoundingClientRect();
      return [selector, ...[box.x, box.y + scrollY, box.width, box.height].map(Math.round)].join(" ");
    })"""
    lab.page.wait_for_selector(".still .figure svg")
    lab.page.evaluate(FONTS)
    before = lab.page.evaluate(measure)
    held.let_go()
    lab.wait_live()
    assert lab.page.evaluate(measure) == before


def test_every_link_within_the_page_leads_somewhere(open_lab: MakeLab) -> None:
    page = open_lab().open(live=False).page
    lost = page.evaluate(
        """() => [...document.querySelectorAll("a[href^='#']")].map(a => a.hash.slice(1))
          .filter(id => !document.getElementById(id))"""
    )
    assert lost == []


def test_front_page_leads_to_the_chapter(open_lab: MakeLab) -> None:
    lab = open_lab().open("index.html", live=False)
    lab.page.locator(".chapters a").first.click()
    lab.page.wait_for_url("**/chapters/01-forward.html")


def test_works_from_any_folder_of_a_host(open_cold: MakeLab, dist_below_a_folder: str) -> None:
    lab = open_cold(dist_below_a_folder).open()
    assert lab.reading("t") == 0.05


@pytest.mark.parametrize("width", [390, 768])
def test_contents_and_place_are_at_hand_on_a_small_screen(open_lab: MakeLab, width: int) -> None:
    lab = open_lab(viewport={"width": width, "height": 844}).open(live=False)
    button, sections = lab.page.locator(".toc .sections"), lab.page.locator(".toc nav")
    assert not sections.is_visible()
    lab.page.locator("main h2").nth(3).evaluate("(h2) => h2.scrollIntoView({ behavior: 'instant' })")
    lab.page.locator(".toc .sections", has_text="4 of ").wait_for()
    assert button.bounding_box()["y"] == 0, "it stays at the head of the window"
    button.click()
    link = sections.locator("a").nth(5)
    words = link.inner_text()
    link.click()
    lab.page.locator(".toc .sections", has_text=words).wait_for()
    assert not sections.is_visible()
    button.click()
    lab.page.keyboard.press("Escape")
    assert not sections.is_visible()

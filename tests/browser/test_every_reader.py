"""Narrow windows, fingers and forced colours: every page fits 320 pixels, what is pressed is large enough, and what a
control is set to is seen without the theme's colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diffusion_lab.app.build.setup_steps import ROOT

from .lab import PHONE

DIST = ROOT / "dist"
PAGES = sorted(
    path.relative_to(DIST).as_posix() for pattern in ("*.html", "chapters/*.html", "embed/*.html")
    for path in DIST.glob(pattern)
)  # fmt: skip

#: WCAG 1.4.10: as wide as a window of 1280 pixels at 400 %.
NARROW = {"width": 320, "height": 568}


def test_no_page_scrolls_sideways_at_400_percent(open_lab: Callable[..., Any]) -> None:
    lab = open_lab(viewport=NARROW)
    wide = {}
    for page in PAGES:
        lab.open(page, live=False)
        width = lab.page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            wide[page] = width
    assert wide == {}


#: What is pressed and is narrower or lower than 24 pixels (WCAG 2.5.8, but for links in running text), with its size.
SMALL = """() => {
  const found = [];
  for (const element of document.querySelectorAll("button, input, select, summary, textarea, a")) {
    const own = element.getBoundingClientRect();
    const label = element.closest("label")?.getBoundingClientRect() ?? own;
    const [width, height] = [Math.max(own.width, label.width), Math.max(own.height, label.height)];
    const inText = element.tagName === "A" && getComputedStyle(element).display === "inline";
    if (inText || !element.checkVisibility({ visibilityProperty: true }) || !own.width) continue;
    if (width < 24 || height < 24) found.push([element.outerHTML.slice(0, 120), Math.round(width), Math.round(height)]);
  }
  return found;
}"""


@pytest.mark.parametrize("page", ["index.html", "glossary.html", "chapters/01-forward.html", "embed/samplers.html"])
def test_what_a_finger_presses_is_large_enough(open_cold: Callable[..., Any], page: str) -> None:
    lab = open_cold(viewport=PHONE, has_touch=True, is_mobile=True).open(page, live=False)
    assert lab.page.evaluate("matchMedia('(pointer: coarse)').matches")
    assert lab.page.evaluate(SMALL) == []


def test_with_forced_colours_controls_show_their_state_and_pictures_keep_their_colours(
    open_lab: Callable[..., Any],
) -> None:
    lab = open_lab(forced_colors="active", color_scheme="dark").open("embed/ring.html")
    panel = lab.instrument.locator(".live-view .front-panel")

    def style(selector: str, name: str) -> str:
        return str(panel.locator(selector).first.evaluate(f"(e) => getComputedStyle(e).{name}"))

    chosen, other = (
        style(f".choice input{state} + span", "backgroundColor") for state in (":checked", ":not(:checked)")
    )
    assert chosen != other
    on, off = (style(f".toggles input{state}", "backgroundColor") for state in (":checked", ":not(:checked)"))
    assert on != off
    assert "gradient" in style("input[type=range]", "backgroundImage"), "how far the slider is"
    for kept in (".figure", ".legends", ".bars ol"):
        assert style(kept, "forcedColorAdjust") == "none"
        assert style(kept, "backgroundColor") != "rgba(0, 0, 0, 0)", "on its own ground"
    bars = panel.locator(".bars li").evaluate_all("(all) => all.map((e) => getComputedStyle(e).backgroundColor)")
    assert len(set(bars)) == len(bars) == 6

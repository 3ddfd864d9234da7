"""A chapter on paper: nothing to press, nothing cut, the words of equations, and one PDF without a complaint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

#: What is shown although it can only be pressed.
PRESSED = """() => [...document.querySelectorAll("button, input, summary, select, .rail")]
  .filter((e) => e.checkVisibility({ contentVisibilityAuto: true })).map((e) => `${e.tagName}.${e.className}`)"""

#: Parts of cells with more in them than is shown.
CUT = """() => [...document.querySelectorAll(".cell .code, .cell .output, .cell .outputs")]
  .filter((e) => e.scrollHeight > e.clientHeight + 2 && getComputedStyle(e).overflowY !== "visible").length"""


@pytest.mark.parametrize("chapter", ["01-forward", "08-text"])
def test_a_chapter_on_paper(open_lab: Callable[..., Any], chapter: str) -> None:
    lab = open_lab().open(f"chapters/{chapter}.html", live=False)
    lab.page.locator("html[data-open]").wait_for()
    lab.page.emulate_media(media="print")
    assert lab.page.evaluate(PRESSED) == []
    assert lab.page.evaluate(CUT) == 0
    words = lab.page.locator(".equation figcaption .prose").first
    assert words.is_visible() and words.bounding_box()["height"] > 20
    assert not lab.page.locator(".quiz .solution").first.is_visible()
    assert lab.page.locator(".instrument .figure").first.is_visible()
    assert lab.page.pdf(format="A4").startswith(b"%PDF")

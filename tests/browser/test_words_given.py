"""Words given by hand in the masked diffusion instrument: tapped on the picture, typed, and said back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from diffusion_lab.instruments.unmask import pictures
from diffusion_lab.instruments.unmask.component import Unmask

CHAPTER = "chapters/08-text.html"


def place(lab: Any, name: str, position: int) -> tuple[float, float]:
    """Where a cell of the default length stands in the window."""
    box = lab.page.locator(".live-view .figure").bounding_box()
    x, y, *_ = pictures.cells(name, 15)
    return (
        box["x"] + box["width"] * x[position - 1] / pictures.WIDTH,
        box["y"] + box["height"] * (1 - y[position - 1] / pictures.HEIGHT),
    )


@pytest.mark.parametrize("phone", [False, True])
def test_a_tap_gives_a_word_and_takes_it_back(open_lab: Any, phone: bool) -> None:
    size = {"width": 390, "height": 844} if phone else {"width": 1360, "height": 900}
    lab = open_lab(viewport=size, has_touch=phone).open(CHAPTER)
    tap = lab.page.touchscreen.tap if phone else lab.page.mouse.click
    lab.page.locator(".live-view .figure").scroll_into_view_if_needed()
    given = lab.page.locator(".live-view [data-param=given]")
    word = Unmask().description.split("“")[1].split()[0]
    tap(*place(lab, "unmasked", 1))
    expect(given).to_have_value(f"1:{word}")
    lab.shows("unmasked", "of 14")
    tap(*place(lab, "unmasked", 1))
    expect(given).to_have_value("")


def test_what_is_typed_is_given_and_what_cannot_be_is_said(lab: Any) -> None:
    lab.open(CHAPTER)
    typed = lab.page.locator(".live-view [data-param=given]")
    typed.fill("3:captin 7:letter")
    typed.press("Enter")
    lab.page.locator(".live-view .problem", has_text="near it: captain").wait_for()
    lab.shows("unmasked", "of 14")
    typed.fill("3:captain 7:letter")
    typed.press("Enter")
    lab.shows("unmasked", "of 13")
    expect(lab.page.locator(".live-view .problem")).to_have_text("")


def test_the_learned_model_unmasks_in_the_page(lab: Any) -> None:
    """The same words, and the same distance, as natively."""
    lab.open(CHAPTER)
    lab.page.locator(".live-view input[value=learned]").check()
    native = Unmask(model="learned")
    distance = native.readings_shown["distance"]
    lab.page.locator(".live-view [data-reading=distance]", has_text=distance).wait_for()
    words = native.description.split("”")[0]
    assert words in lab.page.locator(".live-view .figure").get_attribute("aria-label")

"""Words given by hand in the masked diffusion instrument: tapped on the picture, typed, and said back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from diffusion_lab.instruments.unmask import layout
from diffusion_lab.instruments.unmask.component import Unmask

from .lab import PHONE

CHAPTER = "chapters/08-text.html"


def native(**settings: Any) -> Any:
    """What the instrument says in CPython."""
    return Unmask(**settings).answer()


def place(lab: Any, name: str, position: int) -> tuple[float, float]:
    """Where a cell of the default length stands in the window."""
    box = lab.instrument.locator(".live-view .figure").first.bounding_box()
    x, y, *_ = layout.cells(name, 15)
    return (
        box["x"] + box["width"] * x[position - 1] / layout.WIDTH,
        box["y"] + box["height"] * (1 - y[position - 1] / layout.HEIGHT),
    )


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_tap_gives_a_word_and_takes_it_back(open_lab: Any, open_cold: Any, size: str) -> None:
    lab = open_lab() if size == "desk" else open_cold(viewport=PHONE, has_touch=True)
    lab.open(CHAPTER)
    tap = lab.page.mouse.click if size == "desk" else lab.page.touchscreen.tap
    lab.instrument.locator(".live-view .figure").first.scroll_into_view_if_needed()
    given = lab.instrument.locator(".live-view [data-param=given]")
    word = native().description.split("“")[1].split()[0]
    tap(*place(lab, "unmasked", 1))
    expect(given).to_have_value(f"1:{word}")
    lab.shows("written", "of 14")
    tap(*place(lab, "unmasked", 1))
    expect(given).to_have_value("")


def test_what_is_typed_is_given_and_what_cannot_be_is_said(lab: Any) -> None:
    lab.open(CHAPTER)
    typed = lab.instrument.locator(".live-view [data-param=given]")
    typed.fill("3:captin 7:letter")
    typed.press("Enter")
    lab.instrument.locator(".live-view .problem", has_text="near it: captain").wait_for()
    lab.shows("written", "of 14")
    typed.fill("3:captain 7:letter")
    typed.press("Enter")
    lab.shows("written", "of 13")
    expect(lab.instrument.locator(".live-view .problem")).to_have_text("")


# --- the learned model -----------------------------------------------------------------------------------------------

WEIGHTS = re.compile(r"/unmask-weights\.\w+\.bin$")


def test_the_learned_model_unmasks_in_the_page(lab: Any) -> None:
    """The same words, and the same distance, as natively; its weights are downloaded when it is chosen."""
    lab.open(CHAPTER)
    assert not [url for url in lab.requests if WEIGHTS.search(url)]
    lab.instrument.locator(".live-view input[value=learned]").check()
    expected = native(model="learned")
    lab.shows("distance", expected.texts["distance"])
    words = expected.description.split("”")[0]
    assert words in lab.instrument.locator(".live-view .figure").first.get_attribute("aria-label")
    assert len([url for url in lab.requests if WEIGHTS.search(url)]) == 1


def test_weights_that_do_not_come_are_said_and_can_be_tried_again(lab: Any) -> None:
    lab.page.route(WEIGHTS, lambda route: route.fulfill(status=503))
    lab.open(CHAPTER)
    lab.instrument.locator(".live-view input[value=learned]").check()
    said = lab.instrument.locator(".live[data-state=failed]")
    said.wait_for()
    sentence = r"The instrument stopped: \S+ answered 503 to the request for unmask-weights.*; try again later\."
    assert re.search(sentence, said.inner_text())
    assert lab.instrument.locator(".live-view .figure").first.get_attribute("aria-label"), "the picture stays"
    lab.page.unroute(WEIGHTS)
    lab.instrument.locator(".retry").click()
    lab.shows("distance", native(model="learned").texts["distance"])
    lab.messages.clear()  # the browser itself reports the answer that this test has given

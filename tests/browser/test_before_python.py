"""Before Python is live the main slider moves the picture; nothing that the reader did is lost when Python comes.

That the still picture of every instrument follows its slider is tested in `test_controls.py`.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.instruments.ring.component import Ring

from .held import Held
from .lab import model


def still(lab: Any) -> Any:
    return lab.instrument.locator(".still .front-panel")


def put(lab: Any, name: str, value: float) -> None:
    """Moves the still slider as a hand does."""
    slider = still(lab).locator(f".slider[data-ready] input[type=range][data-param={name}]:visible")
    slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


def test_python_takes_over_where_the_reader_left_the_slider(lab: Any) -> None:
    held = Held(lab)
    lab.open(live=False)
    put(lab, "t", 0.43)  # between two frames: Python's own picture is exact
    still(lab).locator(".figure[aria-label*='t = 0.4']").wait_for()
    held.let_go()
    lab.wait_live()
    lab.shows("t", "0.43")
    np.testing.assert_allclose(lab.points()[:, :2], Ring(t=0.43).cloud[0], atol=1e-6)


def test_a_slider_is_not_taken_out_of_the_hand(lab: Any) -> None:
    held = Held(lab)
    lab.open("embed/ring.html", live=False)
    box = still(lab).locator("input[type=range][data-param=t]").bounding_box()
    y = box["y"] + box["height"] / 2
    lab.page.mouse.move(box["x"] + 0.2 * box["width"], y)
    lab.page.mouse.down()
    held.let_go()
    lab.page.wait_for_selector(".arriving .front-panel[data-live]", state="attached")
    lab.wait("window.lab?.python.stages.built")
    lab.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=8)
    assert lab.page.locator(".still").count() == 1, "the picture under the hand is still the one it moves"
    left = float(still(lab).locator("input[type=range][data-param=t]").input_value())
    assert left == pytest.approx(0.6, abs=0.05)
    lab.page.mouse.up()
    lab.shows("t", f"{left:.2f}")
    assert lab.page.locator(".still").count() == 0


def test_the_keyboard_keeps_its_slider(lab: Any) -> None:
    held = Held(lab)
    lab.open("embed/ring.html", live=False)
    still(lab).locator("input[type=range][data-param=t]").press("ArrowRight")
    held.let_go()
    lab.wait_live()
    lab.shows("t", "0.19")
    lab.page.keyboard.press("ArrowRight")
    lab.shows("t", "0.20")


def test_frames_that_do_not_come_lose_nothing(lab: Any) -> None:
    lab.page.route("**/ring-frames.*.json", lambda route: route.fulfill(status=200, body="no frames"))
    held = Held(lab)
    lab.open("embed/ring.html", live=False)
    put(lab, "t", 0.66)
    held.let_go()
    lab.wait_live()
    lab.shows("t", "0.66")


def test_an_address_s_place_of_the_slider_is_shown_at_once(lab: Any) -> None:
    held = Held(lab)
    lab.open("embed/ring.html?t=0.5", live=False)
    still(lab).locator(".figure[aria-label*='t = 0.50']").wait_for()
    held.let_go()
    lab.wait_live()
    assert lab.reading("t") == 0.5


#: Notes the settings that the figures show when they replace the still picture.
NOTE = """() => {
  const stage = document.querySelector(".instrument .stage");
  const look = () => stage.querySelector(".live-view") && (window.replacedWith ??= MODEL.query);
  new MutationObserver(look).observe(stage, { childList: true, subtree: true, attributes: true });
}"""


def test_presets_have_their_pictures_before_python(lab: Any) -> None:
    """The second press too, and Reset all; Python takes over in the state of the last, with no other between."""
    held = Held(lab)
    lab.open("chapters/06-flow.html", live=False)
    presets = lab.page.locator("a.preset:visible")
    place = json.loads(lab.instrument.get_attribute("data-state"))

    def in_the_place() -> Instrument:
        cls = instrument_class("flow")
        return cls(**cls.parse_state(place))

    def press(number: int) -> Instrument:
        link = presets.nth(number)
        link.evaluate("(link) => link.click()")  # it may go over two lines
        flow = in_the_place()
        flow.preset(flow.parse_state(dict(pair.split("=") for pair in link.get_attribute("data-set").split())))
        shows(flow)
        return flow

    def shows(flow: Instrument) -> None:
        flow.forget_answers()
        answer = flow.answer()
        described = answer.description
        still(lab).locator(f".figure[aria-label={json.dumps(described, ensure_ascii=False)}]").wait_for()
        for name, text in answer.texts.items():
            for reading in still(lab).locator(f"[data-reading={name}]").all():
                assert reading.text_content() == text
        assert still(lab).locator("[data-pale]").count() == 0

    press(0)
    assert lab.instrument.locator(".stage .dock-bar").is_visible()
    assert still(lab).locator(".figure svg:visible").count() > 0
    press(3)
    lab.page.locator(".yours button:visible", has_text="Reset all").click()
    shows(in_the_place())
    flow = press(2)
    lab.page.evaluate(NOTE.replace("MODEL", model()))
    held.let_go()
    lab.wait_live()
    assert lab.page.evaluate("window.replacedWith") == flow.query

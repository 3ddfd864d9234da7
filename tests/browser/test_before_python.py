"""Before Python is live the main slider moves the picture; nothing that the reader did is lost when Python comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.ring import kernel


class Held:
    """Keeps the page's Python from starting until it is let go: the pack with its libraries does not come."""

    def __init__(self, lab: Any) -> None:
        self.page = lab.page
        self.page.context.route("**/core.*.pack", lambda route: None)

    def let_go(self) -> None:
        """The pack comes after all."""
        self.page.context.unroute_all(behavior="default")


def still(lab: Any) -> Any:
    return lab.page.locator(".still .front-panel")


def put(lab: Any, name: str, value: float) -> None:
    """Moves the still slider as a hand does."""
    slider = still(lab).locator(f"input[type=range][data-param={name}]:visible")
    slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


@pytest.mark.parametrize("name", instrument_names())
def test_the_main_slider_moves_the_still_picture(open_lab: Any, name: str) -> None:
    lab = open_lab()
    held = Held(lab)
    lab.open(f"embed/{name}.html", live=False)
    cls = instrument_class(name)
    param = cls.front_panel.frames
    low, high = cls.param[param].bounds
    figure = still(lab).locator(".figure")
    before = figure.inner_html()
    put(lab, param, high)
    expected = cls(**{param: high})
    still(lab).locator(f'.figure[aria-label="{expected.description}"]').wait_for()
    after = figure.inner_html()
    for key, text in expected.readings_shown.items():
        if isinstance(text, str):
            assert still(lab).locator(f"[data-reading={key}]").first.inner_text() == text
    put(lab, param, low)
    lab.wait(f"document.querySelector('.still .figure')?.getAttribute('aria-label') !== {expected.description!r}")
    assert len({before, after, figure.inner_html()}) >= 2
    held.let_go()
    lab.wait_live()
    slider = lab.page.locator(f".live-view input[type=range][data-param={param}]:visible")
    assert float(slider.input_value()) == low


def test_python_takes_over_where_the_reader_left_the_slider(open_lab: Any) -> None:
    lab = open_lab()
    held = Held(lab)
    lab.open(live=False)
    put(lab, "t", 0.43)  # between two frames: Python's own picture is exact
    still(lab).locator(".figure[aria-label*='t = 0.4']").wait_for()
    held.let_go()
    lab.wait_live()
    lab.page.locator(".live-view [data-reading=t]", has_text="0.43").wait_for()
    rng = np.random.default_rng(4)
    x0, _ = kernel.draw_clean(datasets.ring(), kernel.NUM_POINTS, rng)
    shown = kernel.forward(x0, rng.standard_normal(x0.shape), 0.43)
    np.testing.assert_allclose(lab.points()[:, :2], shown, atol=1e-6)


def test_a_slider_is_not_taken_out_of_the_hand(open_lab: Any) -> None:
    lab = open_lab()
    held = Held(lab)
    lab.open("embed/ring.html", live=False)
    box = still(lab).locator("input[type=range][data-param=t]").bounding_box()
    y = box["y"] + box["height"] / 2
    lab.page.mouse.move(box["x"] + 0.2 * box["width"], y)
    lab.page.mouse.down()
    held.let_go()
    lab.page.wait_for_selector(".instrument .live[data-state=live]", timeout=60_000)
    lab.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=8)
    assert lab.page.locator(".still").count() == 1, "the picture under the hand is still the one it moves"
    left = float(still(lab).locator("input[type=range][data-param=t]").input_value())
    assert left == pytest.approx(0.6, abs=0.05)
    lab.page.mouse.up()
    lab.page.locator(".live-view [data-reading=t]", has_text=f"{left:.2f}").wait_for()
    assert lab.page.locator(".still").count() == 0


def test_the_keyboard_keeps_its_slider(open_lab: Any) -> None:
    lab = open_lab()
    held = Held(lab)
    lab.open("embed/ring.html", live=False)
    still(lab).locator("input[type=range][data-param=t]").press("ArrowRight")
    held.let_go()
    lab.wait_live()
    lab.page.locator(".live-view [data-reading=t]", has_text="0.19").wait_for()
    lab.page.keyboard.press("ArrowRight")
    lab.page.locator(".live-view [data-reading=t]", has_text="0.20").wait_for()


def test_frames_that_do_not_come_lose_nothing(open_lab: Any) -> None:
    lab = open_lab()
    lab.page.route("**/ring-frames.*.json", lambda route: route.fulfill(status=200, body="no frames"))
    held = Held(lab)
    lab.open("embed/ring.html", live=False)
    put(lab, "t", 0.66)
    held.let_go()
    lab.wait_live()
    lab.page.locator(".live-view [data-reading=t]", has_text="0.66").wait_for()


def test_an_address_s_place_of_the_slider_is_shown_at_once(open_lab: Any) -> None:
    lab = open_lab()
    held = Held(lab)
    lab.open("embed/ring.html?t=0.5", live=False)
    still(lab).locator(".figure[aria-label*='t = 0.50']").wait_for()
    held.let_go()
    lab.wait_live()
    assert lab.reading("t") == 0.5

"""What a reader does on a chapter, in every browser: read, move, press a preset, run, stop, come back, go offline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_TOUCH
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
from diffusion_lab.instruments.ring.component import Ring

from ..lab import CHAPTER, PHONE
from .reader import LIVE, Reader

TIME = "input[type=range][data-param=t]"


#: Opens a page in a frame; `wide` becomes the width that it needs.
IN_FRAME = """((page, width) => {
  const frame = document.createElement("iframe");
  Object.assign(frame.style, { position: "fixed", inset: 0, zIndex: 9, border: 0, width, height: "100%" });
  frame.addEventListener("load", () => (window.wide = frame.contentDocument.documentElement.scrollWidth));
  frame.src = page;
  document.body.replaceChildren(frame);
})(...arguments)"""


def drawn(**settings: Any) -> np.ndarray:
    """(N, 2): the points of a ring as CPython computes them."""
    ring = Ring(**settings)
    ring.answer()
    return ring.cloud[0][:, :2]


def shows(reader: Reader, value: str) -> None:
    """Waits until the ring says that it is at this time."""
    reader.says(".live-view [data-reading=t]", value)


def test_the_ring_draws_the_numbers_of_native_python(reader: Reader) -> None:
    reader.open("embed/ring.html?t=0.05")
    reader.slide("t", 0.4)
    shows(reader, "0.40")
    np.testing.assert_allclose(reader.points(), drawn(t=0.4), atol=1e-6)
    reader.find(f".live-view {TIME}").send_keys(Keys.ARROW_RIGHT)
    shows(reader, "0.41")
    reader.press(".live-view button.run")
    reader.wait("seen('.live-view [data-play][aria-pressed=true]').length")
    reader.wait("seen('.live-view [data-play][aria-pressed=false]').length")
    shows(reader, "0.00")
    np.testing.assert_allclose(reader.points(), drawn(view="reverse"), atol=1e-6)


@pytest.mark.parametrize("name", instrument_names())
def test_every_instrument_describes_what_native_python_draws(reader: Reader, name: str) -> None:
    cls = instrument_class(name)
    reader.open(f"embed/{name}.html")
    high = cls.param[cls.panel.frames].bounds[1]
    reader.slide(cls.panel.frames, high)
    text = cls(**{cls.panel.frames: high}).answer().description
    reader.wait("seen('.live-view [role=img]')[0]?.ariaLabel === arguments[0]", text)


def test_a_preset_docks_its_instrument_and_one_press_leads_back(reader: Reader) -> None:
    reader.open("chapters/06-flow.html")
    preset = "a.preset[data-set*='flow=diffusion']"
    reader.press(preset)
    reader.wait("seen('.instrument.docked .dock-bar').length")
    reader.says(".live-view [data-reading=end_error]", "0.422")
    reader.press(".dock-bar a")
    reader.wait("!document.querySelector('.docked')")
    reader.press(".return")
    reader.wait("!document.querySelector('.return')")
    reader.wait("((top) => top > 0 && top < innerHeight)(seen(arguments[0])[0].getBoundingClientRect().top)", preset)


def test_a_cell_is_edited_and_runs_beside_the_instruments(reader: Reader) -> None:
    reader.open(CHAPTER)
    reader.run("dissolve", "import numpy as np\nprint(np.arange(1, 100001).sum(), np.arange(1, 20).prod())")
    assert reader.ended("dissolve") == "5000050000 121645100408832000\n"
    reader.run("dissolve", "from diffusion_lab.instruments.ring.component import Ring\nRing(t=0.3)")
    reader.wait("seen('#cell-dissolve .output.live .bk-Figure').length")
    reader.slide("t", 0.2)
    shows(reader, "0.20")
    reader.run("dissolve", "prin(1)")
    reader.ended("dissolve")
    reader.says("#cell-dissolve .outputs", "print")


def test_stop_ends_a_loop_and_nothing_is_lost_in_silence(reader: Reader) -> None:
    """Variables are kept, except where Python answers too late: then it is restarted, which the page says."""
    reader.open(CHAPTER)
    reader.run("langevin", "kept = 'still here'")
    reader.ended("langevin")
    for _ in range(2):
        reader.run("dissolve", "print('begun')\nwhile True:\n    pass")
        reader.says("#cell-dissolve pre.output", "begun")
        reader.slide("t", 0.6)
        shows(reader, "0.60")
        reader.press("#cell-dissolve .stop")
        reader.says("#cell-dissolve .state", "stopped")
        reader.run("langevin", "print(kept)")
        if reader.ended("langevin") != "still here\n":
            reader.says("#cell-dissolve .outputs", "Python was restarted")
            reader.run("langevin", "kept = 'still here'\nprint(kept)")
            assert reader.ended("langevin") == "still here\n"
        reader.slide("t", 0.1)
        shows(reader, "0.10")


def test_reload_and_back_keep_what_the_reader_did(reader: Reader) -> None:
    reader.open(CHAPTER)
    reader.slide("t", 0.77)
    shows(reader, "0.77")
    reader.says(".yours", "kept in this browser")
    reader.driver.refresh()
    reader.wait(LIVE)
    shows(reader, "0.77")
    reader.open("chapters/02-learning.html", live=False)
    reader.driver.back()
    reader.wait(LIVE)
    shows(reader, "0.77")


def test_a_later_visit_is_restored_from_a_snapshot(first_visit: Reader) -> None:
    first_visit.open(CHAPTER)
    made = first_visit.wait("window.lab.python.snapshot")
    if first_visit.driver.capabilities["browserName"] == "MiniBrowser":
        assert made == "none: this browser stores nothing for this site"
        pytest.skip("WebKitGTK stores nothing while it is automated")
    assert made == "kept"
    first_visit.open(CHAPTER)
    assert first_visit.get("lab.python.snapshot") == "restored"
    first_visit.slide("t", 0.3)
    shows(first_visit, "0.30")


def test_it_opens_without_a_network(driver: Any, host: tuple[str, Callable[[], None]]) -> None:
    address, switch_off = host
    reader = Reader(driver, address).open(CHAPTER)
    reader.wait("navigator.serviceWorker?.controller?.state === 'activated'")
    switch_off()
    reader.open("chapters/06-flow.html")
    reader.slide("t", 0.8)
    shows(reader, "0.80")
    reader.press("[data-cell] .run")
    reader.wait(r"/\d m?s/.test(seen('[data-cell] .state')[0]?.innerText)")


def test_depth_theme_search_and_quiz(reader: Reader) -> None:
    reader.open(CHAPTER)
    reader.press(".depths label")
    reader.wait("!seen('#eq-bias').length")
    reader.press("button.theme")
    reader.wait("document.documentElement.dataset.theme === 'dark'")
    reader.find("#quiz-alpha-bar-half input").send_keys("0.0498")
    reader.press("#quiz-alpha-bar-half button")
    reader.wait("seen('#quiz-alpha-bar-half output')[0]?.innerText.length > 0")
    reader.press("button.search")
    reader.find("dialog input").send_keys("Langevin")
    reader.wait("seen('dialog .list a').length > 2")


def test_an_isolated_host(driver: Any, isolated_site: str) -> None:
    reader = Reader(driver, isolated_site).open(CHAPTER)
    assert reader.get("crossOriginIsolated")
    reader.slide("t", 0.4)
    shows(reader, "0.40")
    reader.run("dissolve", "print('begun')\nwhile True:\n    pass")
    reader.says("#cell-dissolve pre.output", "begun")
    reader.press("#cell-dissolve .stop")
    reader.says("#cell-dissolve .state", "stopped")
    reader.run("langevin", "print(6 * 7)")
    assert reader.ended("langevin") == "42\n"


@pytest.mark.parametrize("trouble", ["wrong type", "login page", "damaged", "cut"])
def test_files_that_do_not_come_right(driver: Any, bad_host: Any, trouble: str) -> None:
    bad_host.troubles["*/pyodide.asm.wasm"] = trouble
    reader = Reader(driver, bad_host.address).open("embed/ring.html", live=False)
    if trouble != "wrong type":
        reader.says(".live[data-state=failed] .words", "Python did not start: ")
        bad_host.troubles.clear()
        reader.press(".retry")
    reader.wait(LIVE)
    reader.slide("t", 0.4)
    shows(reader, "0.40")


def test_a_phone_with_touch(reader: Reader) -> None:
    reader.driver.get(reader.site + "glossary.html")
    size = f"width={PHONE['width']} height={PHONE['height']} style='position: fixed; inset: 0; z-index: 9; border: 0'"
    reader.get(f"document.body.innerHTML = \"<iframe src='embed/ring.html' {size}></iframe>\"")
    reader.wait("!!document.querySelector('iframe').contentDocument?.querySelector('.live[data-state=live]')")
    reader.driver.switch_to.frame(0)
    reader.wait(LIVE)
    assert reader.get("innerWidth") == PHONE["width"]
    assert reader.get("document.documentElement.scrollWidth") <= PHONE["width"]
    slider = f".live-view {TIME}"
    reader.get("seen(arguments[0])[0].scrollIntoView({ block: 'center', behavior: 'instant' })", slider)
    place = "(({ x, y, width, height }) => [x, y, width, height])(seen(arguments[0])[0].getBoundingClientRect())"
    left, top, wide, high = reader.get(place, slider)
    finger = ActionBuilder(reader.driver, mouse=PointerInput(POINTER_TOUCH, "finger"))
    finger.pointer_action.move_to_location(round(left + 0.2 * wide), round(top + high / 2)).pointer_down()
    finger.pointer_action.move_to_location(round(left + 0.7 * wide), round(top + high / 2)).pointer_up()
    finger.perform()
    value = reader.wait("Number(seen(arguments[0])[0].value) > 0.6 && seen(arguments[0])[0].value", slider)
    shows(reader, f"{float(value):.2f}")


@pytest.mark.parametrize("width", [1360, 390])
def test_no_page_is_wider_than_its_window(reader: Reader, dist: Any, width: int) -> None:
    pages = sorted(str(path.relative_to(dist)) for path in dist.rglob("*.html") if "embed" not in path.parts)
    wide = []
    for page in pages:
        reader.driver.get(reader.site + "licences.html")
        reader.get(IN_FRAME, page, f"{width}px")
        if reader.wait("window.wide") > width:
            wide.append(page)
        # WebKitGTK 2.50 crashes when a page is left while Python starts in a frame of it.
        reader.wait("!frames[0].lab || ['live', 'asleep'].includes(frames[0].lab.python.health)")
    assert not wide

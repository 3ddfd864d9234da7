"""When something fails the page stays readable, says what failed, and recovers where it can."""

from __future__ import annotations

import re
from typing import Any

import pytest


def test_a_host_that_does_not_answer_is_said_and_can_be_tried_again(cold_lab: Any) -> None:
    lab = cold_lab
    lab.page.context.route("**/core.*.bin", lambda route: route.abort())
    lab.open("embed/ring.html", live=False)
    failed = lab.instrument.locator(".live[data-state=failed]")
    failed.wait_for()
    assert re.search(r"Python did not start: [\d.:]+ did not answer the request for core\.", failed.inner_text())
    recovers(lab)


@pytest.mark.parametrize("answer", ["no connection", "not found"])
def test_a_document_that_does_not_come_is_said_and_can_be_tried_again(lab: Any, answer: str) -> None:
    blocked = "**/ring-document.*.json"
    lab.page.route(blocked, lambda route: route.abort() if answer == "no connection" else route.fulfill(status=404))
    lab.open("embed/ring.html", live=False)
    failed = lab.instrument.locator(".live[data-state=failed]")
    failed.wait_for()
    assert "The instrument stopped: the picture could not be drawn: " in failed.inner_text()
    lab.wait("window.lab?.python.stages.built")
    recovers(lab)


def recovers(lab: Any) -> None:
    """The still picture is there; after Retry, with the file, the instrument lives."""
    assert lab.instrument.locator(".still .figure svg").is_visible(), "the still picture stays"
    lab.page.context.unroute_all()
    lab.page.unroute_all()
    lab.page.locator(".retry").click()
    lab.wait_live()
    lab.slide("t", 0.4)
    lab.shows("t", "0.40")
    lab.messages.clear()  # the browser itself reports the request that this test has blocked


def test_python_is_live_where_no_instrument_can_be_opened(lab: Any) -> None:
    lab.page.add_init_script(
        "document.addEventListener('readystatechange', () => {"
        " const place = document.querySelector('[data-instrument]'); if (place) place.dataset.instrument = 'rong'; })"
    )
    lab.open(live=False)
    said = lab.instrument.locator(".live", has_text="There is no instrument `rong`; there is ")
    said.wait_for()
    lab.wait("window.lab.python.health === 'live'")


def test_a_browser_without_simd_is_told(lab: Any) -> None:
    lab.page.add_init_script("WebAssembly.validate = () => false")
    lab.open("embed/ring.html", live=False)
    failed = lab.instrument.locator(".live[data-state=failed]")
    failed.wait_for()
    assert "WebAssembly SIMD" in failed.inner_text()


def test_blocked_storage_loses_nothing_but_memory(lab: Any) -> None:
    lab.page.add_init_script(
        "for (const name of ['getItem', 'setItem', 'removeItem'])"
        " Storage.prototype[name] = () => { throw new DOMException('blocked', 'SecurityError'); }"
    )
    lab.open()
    lab.page.locator("button.theme").click()
    quiz = lab.page.locator("#quiz-noised-value")
    quiz.locator("input").fill("2")
    quiz.locator("button").click()
    assert quiz.locator("output").inner_text() == "Right."


def test_a_preset_that_cannot_be_taken_is_said_and_the_instrument_lives_on(lab: Any) -> None:
    lab.open("embed/ring.html")
    lab.preset("ring", {"t": "7"})
    said = lab.instrument.locator(".live", has_text="`t` must be a number from 0.0 to 1.0, got '7'.")
    said.wait_for()
    lab.slide("t", 0.3)
    lab.shows("t", "0.30")

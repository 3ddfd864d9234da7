"""Without a network: what the service worker has kept opens and runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

CONTROLLED = "navigator.serviceWorker?.controller?.state === 'activated'"


def test_a_chapter_that_was_never_opened_runs_without_a_network(open_cold: Callable[..., Any], host: Any) -> None:
    address, switch_off = host
    lab = open_cold(address).open()
    lab.wait(CONTROLLED)  # by then the whole site is kept
    switch_off()
    lab.open("chapters/06-flow.html?flow.t=0.4")
    assert lab.page.evaluate("lab.python.snapshot") == "restored"
    picture = lab.instrument.locator(".live-view [role=img]").first
    before = picture.get_attribute("aria-label") or ""
    lab.slide("t", 0.8)
    expect(picture).not_to_have_attribute("aria-label", before)
    cell = lab.page.locator("[data-cell]").first
    cell.locator(".run").click()
    cell.locator(".state", has_text="ms").wait_for()
    lab.page.locator(".take [data-receipt]").click()
    code = lab.page.locator("dialog textarea").input_value()
    lab.page.goto(address + "receipts.html")
    lab.page.locator("#codes").fill(code)
    expect(lab.page.locator(".receipts tbody tr")).to_contain_text("Flow matching")
    lab.page.goto(address)
    assert lab.page.locator("#chapters").is_visible()
    lab.messages = [text for text in lab.messages if "ERR_CONNECTION_REFUSED" not in text]


def test_without_a_network_the_packs_start_python_too(open_cold: Callable[..., Any], host: Any) -> None:
    address, switch_off = host
    lab = open_cold(address).open("embed/ring.html")
    lab.wait(CONTROLLED)
    lab.page.evaluate("caches.delete('lab-python')")
    switch_off()
    lab.open("embed/guidance.html")
    assert lab.page.evaluate("lab.python.snapshot") != "restored"
    lab.messages = [text for text in lab.messages if "ERR_CONNECTION_REFUSED" not in text]


def test_what_no_page_needs_is_not_kept(dist: Path) -> None:
    listed = (dist / "service-worker.js").read_text("utf-8").partition(";")[0]
    assert [name for name in ("/chunk-editor-", "/on_demand.", "/style.", "-latin-wght-") if name not in listed] == []
    assert [name for name in ("mathjax", "webgl", "cyrillic", "vietnamese", ".ipynb", ".br") if name in listed] == []


def test_an_embedded_page_keeps_nothing_on_its_own(open_cold: Callable[..., Any], site: str) -> None:
    lab = open_cold()
    lab.page.goto(site + "glossary.html")  # without an instrument, so it does not ask for the service worker itself
    lab.page.evaluate("document.body.innerHTML = '<iframe src=\"embed/ring.html\" width=900 height=900></iframe>'")
    frame = next(frame for frame in lab.page.frames if frame != lab.page.main_frame)
    frame.wait_for_function("() => window.lab?.python.snapshot")
    assert lab.page.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0


REGISTERED = """async () => {
  await navigator.serviceWorker.register("service-worker.js");
  await navigator.serviceWorker.ready;
}"""

#: By then the whole site is kept.
ACTIVATED = "async () => (await navigator.serviceWorker.ready).active.state === 'activated'"


def keep(lab: Any) -> None:
    """Goes to the front page and keeps the site, as a page with an instrument does after a while."""
    lab.page.goto(lab.site)
    lab.page.evaluate(REGISTERED)
    lab.page.wait_for_function(ACTIVATED)


def test_a_host_that_drops_html(open_cold: Callable[..., Any], bad_host: Any) -> None:
    """It redirects `x.html` to `x`; browsers refuse a redirected answer from a cache."""
    bad_host.drops_html = True
    lab = open_cold(bad_host.address)
    keep(lab)
    bad_host.troubles["*"] = "503"
    lab.page.context.set_offline(True)
    for path in ("", "chapters/01-forward.html", "chapters/01-forward", "teachers"):
        lab.page.goto(lab.site + path)
        assert lab.page.locator("h1").is_visible(), path
    lab.messages.clear()


def test_parts_of_an_open_page_outlive_its_version(open_cold: Callable[..., Any], bad_host: Any) -> None:
    lab = open_cold(bad_host.address)
    keep(lab)
    lab.open()
    bad_host.newer = True
    for file in ("*/chunk-editor-*", "*/cells.*", "*/on_demand.*", "*-code.*"):
        bad_host.troubles[file] = "404"
    cell = lab.page.locator("[data-cell]").first
    cell.scroll_into_view_if_needed()
    lab.page.locator("[data-cell][data-editable]").first.wait_for()
    cell.locator(".run").click()
    cell.locator(".state", has_text=re.compile(r"\d m?s")).wait_for()
    assert not lab.page.locator(".page-bar").count()

"""On a host that misbehaves every start ends: Python is live, or one sentence says what came and Retry mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

EMBED = "embed/ring.html"

#: A cell's line when its code has run.
DONE = re.compile(r"\d m?s")


def said(lab: Any) -> str:
    """What the instrument says when it has failed."""
    failed = lab.instrument.locator(".live[data-state=failed] .words")
    failed.wait_for()
    return str(failed.inner_text())


def recovers(lab: Any) -> None:
    """The picture is there; once the host is well, Retry makes the instrument live."""
    assert lab.instrument.locator(".still .figure svg").is_visible(), "the still picture stays"
    lab.page.locator(".retry").click()
    lab.wait_live()
    lab.slide("t", 0.4)
    lab.shows("t", "0.40")
    lab.messages.clear()  # the browser itself reports requests that fail


@pytest.mark.parametrize(
    ("file", "trouble", "words"),
    [
        ("*/pyodide.asm.wasm", "cut", "sent only the first"),
        ("*/pyodide.asm.wasm", "damaged", "pyodide.asm.wasm (8.8 MB) is cut off or damaged"),
        ("*/pyodide.asm.wasm", "hangs", "then nothing for 20 seconds"),
        ("*/pyodide.*.js", "short", "is cut off or damaged"),
        ("*/numpy-_core*.wasm", "404", "(404); if the site has just been updated, reload the page."),
        ("*/start.*.bin", "login page", "sent a web page, perhaps its login page, in place of start."),
        ("*/ring.*.bin", "damaged", "is cut off or damaged"),
        ("*/lab.*.bin", "503", "answered 503"),
        ("*/ring-document.*", "login page", "sent a web page, perhaps its login page, in place of ring-document."),
    ],
)
def test_a_file_that_does_not_come_right(
    open_cold: Callable[..., Any], bad_host: Any, file: str, trouble: str, words: str
) -> None:
    bad_host.troubles[file] = trouble
    lab = open_cold(bad_host.address).open(EMBED, live=False)
    sentence = said(lab)
    assert words in sentence
    assert sentence.startswith("Python did not start: " if "document" not in file else "The instrument stopped: ")
    bad_host.troubles.clear()
    recovers(lab)


@pytest.mark.parametrize("trouble", ["short", "login page"])
def test_the_script_of_the_worker(open_cold: Callable[..., Any], bad_host: Any, trouble: str) -> None:
    bad_host.troubles["*/worker.*.js"] = trouble
    lab = open_cold(bad_host.address).open(EMBED, live=False)
    assert "worker." in said(lab)
    bad_host.troubles.clear()
    recovers(lab)


@pytest.mark.parametrize("file", ["main.*.js", "chunk-bokeh-*.js", "style.*.css"])
def test_a_script_or_style_of_the_page(open_cold: Callable[..., Any], bad_host: Any, file: str) -> None:
    bad_host.troubles[f"*/{file}"] = "short" if file.endswith("js") else "404"
    lab = open_cold(bad_host.address).open(EMBED, live=False)
    if "bokeh" in file:
        assert "The instrument stopped: the picture could not be drawn: A part of this page’s script came cut" in said(
            lab
        )
        again = lab.page.locator(".page-bar button", has_text="Reload")
    elif "style" in file:
        bar = lab.page.locator(".page-bar")
        expect(bar).to_contain_text(" (404); if the site has just been updated, reload the page.")
        again = bar.locator("button", has_text="Reload")
    else:
        lab.page.locator(".cannot", has_text="A part of this page did not arrive, or not whole").wait_for()
        again = lab.page.locator(".cannot .again")
    bad_host.troubles.clear()
    with lab.page.expect_navigation():
        again.click()
    lab.wait_live()
    assert not lab.page.locator(".cannot").is_visible()
    lab.messages.clear()


@pytest.mark.parametrize("file", ["style.*.css", "embed.*.css"])
def test_a_damaged_style_sheet_is_switched_off_with_a_sentence(
    open_cold: Callable[..., Any], bad_host: Any, file: str
) -> None:
    bad_host.troubles[f"*/{file}"] = "damaged"
    lab = open_cold(bad_host.address).open(EMBED, live=False)
    bar = lab.page.locator(".page-bar")
    expect(bar).to_contain_text("is cut off or damaged; try again.")
    switched_off = "[...document.querySelectorAll('link[rel=stylesheet]')].filter((link) => link.disabled).length"
    assert lab.page.evaluate(switched_off) == 1
    assert not lab.page.locator(".cannot").is_visible(), "no sentence about other troubles"
    box = bar.bounding_box()
    assert box is not None and box["y"] + box["height"] <= lab.page.viewport_size["height"], "in sight"
    bad_host.troubles.clear()
    with lab.page.expect_navigation():
        bar.locator("button", has_text="Reload").click()
    lab.wait_live()
    assert lab.page.evaluate(switched_off) == 0 and bar.count() == 0
    lab.messages.clear()


def test_a_style_sheet_that_came_damaged_once_is_renewed_without_a_word(
    open_cold: Callable[..., Any], bad_host: Any
) -> None:
    bad_host.troubles |= {"*/style.*.css": "short once", "*/inter-latin-wght*.woff2": "damaged once"}
    lab = open_cold(bad_host.address).open(EMBED)
    lab.wait("[...document.styleSheets].some(({ href }) => /style\\..*again$/.test(href))")
    assert not bad_host.troubles and lab.page.locator(".page-bar").count() == 0
    lab.open(EMBED)
    lab.wait("[...document.fonts].some(({ family, status }) => family.startsWith('Inter') && status === 'loaded')")
    lab.messages.clear()  # the browser itself reports a font that it cannot read


def test_a_damaged_style_sheet_of_panel(open_cold: Callable[..., Any], bad_host: Any) -> None:
    lab = open_cold(bad_host.address).open()
    bad_host.troubles["*/panel-*/*.css"] = "damaged"
    lab.run(lab.edit("dissolve", "import panel as pn\npn.widgets.FloatSlider()"))
    expect(lab.page.locator(".page-bar")).to_contain_text("is cut off or damaged; try again.", timeout=30_000)
    lab.messages.clear()


def test_a_damaged_file_in_the_cache_is_requested_again_without_a_word(
    open_cold: Callable[..., Any], bad_host: Any
) -> None:
    """The damaged copy came on an earlier visit, and the browser keeps it for a year."""
    bad_host.troubles |= {"*/start.*.bin": "damaged", "*/pyodide.asm.wasm": "damaged", "*/ring-document.*": "short"}
    lab = open_cold(bad_host.address).open(EMBED, live=False)
    said(lab)
    bad_host.troubles.clear()
    lab.open(EMBED)
    lab.messages.clear()


def test_wrong_types_are_no_obstacle(open_cold: Callable[..., Any], bad_host: Any) -> None:
    bad_host.troubles |= {"*.wasm": "wrong type", "*.bin": "wrong type", "*.json": "wrong type"}
    open_cold(bad_host.address).open(EMBED)


def test_an_editor_that_has_gone_with_the_last_version(open_cold: Callable[..., Any], bad_host: Any) -> None:
    """Without a service worker; nothing is lost, and the cell can still be run."""
    lab = open_cold(bad_host.address).open()
    bad_host.troubles["*/chunk-editor-*"] = "404"
    bad_host.newer = True
    cell = lab.page.locator("[data-cell]").first
    cell.scroll_into_view_if_needed()
    bar = lab.page.locator(".page-bar")
    expect(bar).to_contain_text("There is a newer version of this page; reload it. What you have typed is kept.")
    cell.locator(".run").click()
    cell.locator(".state", has_text=DONE).wait_for()
    assert bar.count() == 1
    lab.page.goto("about:blank")  # other cells may still be asking for their editor
    lab.messages.clear()


# --- workers that end -------------------------------------------------------------------------------------------------


def test_an_instruments_worker_that_ends_is_replaced(lab: Any) -> None:
    lab.open(EMBED)
    lab.slide("t", 0.77)
    lab.shows("t", "0.77")
    lab.page.workers[0].evaluate("setTimeout(() => self.close())")
    lab.page.wait_for_function("() => lab.python.health === 'starting'")
    lab.wait_live()
    lab.shows("t", "0.77")
    lab.slide("t", 0.3)
    lab.shows("t", "0.30")


def test_a_cells_worker_that_ends_is_replaced(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "import js\nx = 1\njs.self.close()")
    cell.locator(".cm-content").press("Control+Enter")
    cell.locator(".again").wait_for()
    assert lab.run(lab.edit("dissolve", "print(6 * 7)")) == ["42\n"]


# --- hosts and browsers that allow less -------------------------------------------------------------------------------


def test_plain_http_lacks_only_offline_reading(open_cold: Callable[..., Any], plain_site: str) -> None:
    lab = open_cold(plain_site).open()
    assert not lab.page.evaluate("isSecureContext")
    assert lab.run(lab.edit("dissolve", "import difflib, wave\nprint(6 * 7)")) == ["42\n"]
    foot = lab.page.locator(".foot .offline")
    expect(foot).to_have_text("Offline reading is not available: the page was not sent over https.")


@pytest.mark.parametrize("storage", ["blocked", "small"])
def test_without_storage_cells_start_ahead_and_a_line_says_what_is_missing(
    open_cold: Callable[..., Any], storage: str
) -> None:
    in_page, in_worker, words = {
        "blocked": (
            "navigator.serviceWorker.register = () => Promise.reject(new DOMException('no'))",
            "Object.defineProperty(self, 'caches', { get() { throw new DOMException('no', 'SecurityError') } });",
            "this browser stores nothing for this site.",
        ),
        "small": (
            "navigator.storage.estimate = async () => ({ quota: 5e7 })",
            "navigator.storage.estimate = async () => ({ quota: 5e7 });",
            "this browser has only 50 MB of storage left for this site.",
        ),
    }[storage]

    def allow_less(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=in_worker + answer.text())

    lab = open_cold()
    lab.page.context.route("**/worker.*.js", allow_less)
    lab.page.add_init_script(in_page)
    lab.open()
    lab.page.locator("[data-cell]").first.scroll_into_view_if_needed()
    lab.page.wait_for_function("() => lab.cells.health === 'live'")
    assert lab.page.evaluate("lab.python.snapshot").startswith("none: this browser ")
    expect(lab.page.locator(".foot .offline")).to_have_text(f"Offline reading is not available: {words}")


def test_a_cell_has_no_caches(lab: Any) -> None:
    lab.open()
    code = "import js\nprint([name for name in ('caches', 'Worker') if hasattr(js, name) or hasattr(js.self, name)])"
    assert lab.run(lab.edit("dissolve", code)) == ["[]\n"]


def test_a_page_from_a_file_says_so(open_cold: Callable[..., Any], dist: Any) -> None:
    lab = open_cold(dist.as_uri() + "/")
    lab.page.goto(lab.site + "chapters/01-forward.html")
    expect(lab.page.locator(".cannot").first).to_contain_text("This page was opened from a file.")
    for dead in (".instrument .live", "details.menu", ".cell .run", "button.theme", ".front-panel input[type=range]"):
        assert not lab.page.locator(dead).first.is_visible(), dead
    lab.messages.clear()

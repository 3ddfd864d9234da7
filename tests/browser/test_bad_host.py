"""On a host that misbehaves every start ends: Python is live, or one sentence says what came and Retry mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

EMBED = "embed/ring.html"


def said(lab: Any) -> str:
    """What the instrument says when it has failed."""
    failed = lab.page.locator(".instrument .live[data-state=failed] .words")
    failed.wait_for(timeout=45_000)
    return str(failed.inner_text())


def recovers(lab: Any) -> None:
    """The picture is there; once the host is well, Retry makes the instrument live."""
    assert lab.page.locator(".still .figure svg").is_visible(), "the still picture stays"
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


@pytest.mark.parametrize("trouble", ["cut", "short", "login page", "damaged"])
def test_the_script_of_the_worker(open_cold: Callable[..., Any], bad_host: Any, trouble: str) -> None:
    bad_host.troubles["*/worker.*.js"] = trouble
    lab = open_cold(bad_host.address).open(EMBED, live=False)
    assert "worker." in said(lab)
    bad_host.troubles.clear()
    recovers(lab)


@pytest.mark.parametrize("file", ["main.*.js", "chunk-bokeh-*.js", "style.*.css"])
def test_a_script_or_style_of_the_page(open_cold: Callable[..., Any], bad_host: Any, file: str) -> None:
    bad_host.troubles[f"*/{file}"] = "short" if file.endswith("js") else "404"
    lab = open_cold(bad_host.address).open(live=False)
    if "bokeh" in file:
        assert "The instrument stopped: the picture could not be drawn: A part of this page’s script came cut" in said(lab)
        again = lab.page.locator(".page-bar button", has_text="Reload")
    else:
        lab.page.locator(".cannot", has_text="A part of this page did not arrive, or not whole").wait_for()
        again = lab.page.locator(".cannot .again")
    bad_host.troubles.clear()
    again.click()
    lab.wait_live()
    assert not lab.page.locator(".cannot").is_visible()
    lab.messages.clear()


def test_a_damaged_file_in_the_cache_is_requested_again_without_a_word(open_cold: Callable[..., Any], bad_host: Any) -> None:
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

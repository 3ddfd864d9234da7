"""Does memory stay flat, whatever a reader repeats?

Each action is repeated many times on one page: a cell that draws runs again, an instrument is pinned and unpinned, the
theme is switched, a slider moves, the instrument plays. After each part the garbage is collected and what is left is
counted: the page's JavaScript heap, its elements, listeners and canvases (in the page or not), Bokeh's documents and
views, and the memory of the cells' Python. Growth is that from the end of the first part, when everything has been
loaded, to the last. Each look at Python's memory edits a cell, which leaves some 150 elements to the editor's undo.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from _shared import DIST, Server, browser, finish, machine, profile, ring_page, table
from playwright.sync_api import CDPSession, Page, sync_playwright

LIVE = "() => window.lab?.python?.health === 'live'"
PLAYING = "Bokeh.documents.flatMap((d) => [...d._all_models.values()]).some((m) => m.properties?.query && m.playing)"
PARTS = 5
DRAWING = """import numpy as np
plot_line(np.linspace(0, 1, 1000), np.random.default_rng(0).normal(size=(5, 1000)))
plot_image(np.random.default_rng(1).normal(size=(100, 100)))"""
OWN_MEMORY = "import pyodide_js\nprint(pyodide_js._module.HEAP8.length)"

#: Growth that is allowed in 1000 repetitions: of the heap and of Python's memory in bytes, of all others in number.
BOUNDS = {"heap": 10e6, "Python": 16e6, "elements": 400, "listeners": 200, "canvases": 0, "documents": 0, "views": 0}


def left(page: Page, devtools: CDPSession) -> dict[str, float]:
    """What the page holds after a garbage collection, Python's memory aside."""
    for _ in range(3):  # finalizers of one collection free what the next one finds
        devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    metrics = {item["name"]: item["value"] for item in devtools.send("Performance.getMetrics")["metrics"]}
    prototype = devtools.send("Runtime.evaluate", {"expression": "HTMLCanvasElement.prototype"})["result"]["objectId"]
    objects = devtools.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]["objectId"]
    length = {"objectId": objects, "functionDeclaration": "function() { return this.length; }", "returnByValue": True}
    canvases = devtools.send("Runtime.callFunctionOn", length)["result"]["value"]
    devtools.send("Runtime.releaseObject", {"objectId": objects})
    documents, views = page.evaluate("[Bokeh.documents.length, Bokeh.index.roots.length]")
    return {
        "heap": metrics["JSHeapUsedSize"],
        "elements": metrics["Nodes"],
        "listeners": metrics["JSEventListeners"],
        "canvases": canvases,
        "documents": documents,
        "views": views,
    }


def write(page: Page, code: str) -> None:
    """Puts code into the first cell."""
    cell = page.locator("[data-cell]").first
    cell.scroll_into_view_if_needed()
    editor = cell.locator(".cm-content")
    editor.click()
    editor.press("Control+a")
    page.keyboard.insert_text(code)


def run(page: Page, figures: int = 0) -> str:
    """Runs the first cell, waits until it has ended and its figures are drawn; returns what it prints."""
    cell = page.locator("[data-cell]").first
    page.evaluate("() => document.querySelectorAll('.cell .live-view').forEach((e) => (e.dataset.old = ''))")
    cell.locator(".run").first.click()
    cell.locator(".state", has_text=re.compile(r"\d m?s|error|lost")).wait_for(timeout=120_000)
    page.wait_for_function(f"() => document.querySelectorAll('.cell .live-view:not([data-old])').length === {figures}")
    return "".join(cell.locator("pre.output").all_inner_texts())


def python_memory(page: Page) -> int:
    """Bytes of the memory of the cells' Python, which never shrinks."""
    write(page, OWN_MEMORY)
    return int(run(page))


def pin(page: Page) -> None:
    """Pins the instrument and unpins it."""
    place = page.locator(".instrument[data-instrument]").first
    place.evaluate("(e) => e.dispatchEvent(new CustomEvent('lab:pin', { detail: { query: '' } }))")
    page.locator("[data-slot$=pinned] .live-view").wait_for()
    page.locator("[data-slot$=pinned] .unpin, [data-slot$=pinned] .close").first.click()
    page.locator("[data-slot$=pinned]").wait_for(state="detached")


def slide(page: Page) -> None:
    """Moves the main slider and waits for the answer."""
    move = "(e) => { e.value = e.value < 0.5 ? 0.8 : 0.2; e.dispatchEvent(new Event('input')); }"
    page.locator(".live-view input[type=range][data-param=t]:visible").first.evaluate(move)
    page.wait_for_function("() => !document.querySelector('.instrument[data-busy]')")


def switch(page: Page) -> None:
    """Switches the theme."""
    page.locator("button.theme").click()


def play(page: Page) -> None:
    """Plays the instrument for some frames and stops it."""
    button = page.locator(".instrument .live-view button[data-play]").first
    button.evaluate("(element) => element.click()")  # at once: a real click waits until nothing moves
    page.wait_for_function(f"() => {PLAYING}")
    button.evaluate("(element) => element.click()")
    page.wait_for_function(f"() => !{PLAYING}")


ACTIONS: dict[str, tuple[Callable[[Page], Any], str]] = {
    "a cell that draws runs again": (lambda page: run(page, figures=2), DRAWING),
    "pinned and unpinned": (pin, ""),
    "the theme is switched": (switch, ""),
    "a slider moves": (slide, ""),
    "played and stopped": (play, ""),
}


def soak(page: Page, devtools: CDPSession, repetitions: int) -> dict[str, dict[str, float]]:
    """Action → growth of each quantity per 1000 repetitions."""
    growth = {}
    for name, (act, code) in ACTIONS.items():
        states = []
        for part in range(PARTS):
            if code and part in (0, 1):
                write(page, code)
            for _ in range(repetitions // PARTS):
                act(page)
            states.append(left(page, devtools))
            if part in (0, PARTS - 1):
                states[-1]["Python"] = python_memory(page)
            print(f"  {name}, part {part + 1} of {PARTS}: {states[-1]}", flush=True)
        scale = 1000 / (repetitions * (PARTS - 1) / PARTS)
        growth[name] = {key: scale * (states[-1][key] - states[0][key]) for key in states[0]}
    return growth


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000, help="of each action (1000)")
    repetitions = parser.parse_args().repetitions
    address = Server(DIST).address + ring_page()
    with sync_playwright() as playwright, profile() as folder:
        facts = machine(playwright)
        with browser(playwright, folder) as context:
            page = context.pages[0]
            page.goto(address)
            page.wait_for_function(LIVE, timeout=120_000)
            growth = soak(page, context.new_cdp_session(page), repetitions)
    rows = [[name, *(f"{found[key]:,.0f}" for key in BOUNDS)] for name, found in growth.items()]
    rows.append(["allowed", *(f"{bound:,.0f}" for bound in BOUNDS.values())])
    print("\n" + table(["growth in 1000 repetitions", *BOUNDS], rows))
    over = [f"{name}: {key}" for name, found in growth.items() for key, bound in BOUNDS.items() if found[key] > bound]
    print("\n" + ("Above the bound: " + "; ".join(over) if over else "All within the bounds."))
    key = {f"growth of the heap in 1000 repetitions, {name}, MB": found["heap"] / 1e6 for name, found in growth.items()}
    finish("soak", facts, {"growth": growth}, key=key)


if __name__ == "__main__":
    main()

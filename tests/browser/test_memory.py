"""What is removed from the page is freed, in the page and in Python; `benchmarks/soak.py` repeats it many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Documents of Bokeh in the memory of the cells' Python.
DOCUMENTS = """import gc
from bokeh.document import Document
gc.collect()
sum(isinstance(held, Document) for held in gc.get_objects())"""


def canvases(lab: Any) -> int:
    """Canvases in memory, in the page or not, after a garbage collection."""
    devtools = lab.page.context.new_cdp_session(lab.page)
    for _ in range(3):  # finalizers of one collection free what the next one finds
        devtools.send("HeapProfiler.collectGarbage")
    prototype = devtools.send("Runtime.evaluate", {"expression": "HTMLCanvasElement.prototype"})["result"]["objectId"]
    found = devtools.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]["objectId"]
    length = {"objectId": found, "functionDeclaration": "function() { return this.length; }", "returnByValue": True}
    number = devtools.send("Runtime.callFunctionOn", length)["result"]["value"]
    devtools.detach()
    return int(number)


def growth(lab: Any, act: Callable[[], Any]) -> int:
    """How many canvases more there are after the fourth time than after the first."""
    act()
    first = canvases(lab)
    for _ in range(3):
        act()
    return canvases(lab) - first


def test_a_cell_that_runs_again_frees_its_figures(lab: Any) -> None:
    lab.open()
    cell = lab.edit("dissolve", "plot_line([0, 1], [0, 1])")
    counter = lab.edit("langevin", DOCUMENTS)

    def run() -> None:
        lab.page.evaluate("() => document.querySelector('#cell-dissolve .live-view')?.setAttribute('data-old', '')")
        lab.run(cell)
        cell.locator(".live-view:not([data-old])").wait_for()

    run()
    before = lab.run(counter)
    assert growth(lab, run) == 0
    assert lab.run(counter) == before


def test_a_copy_that_is_unpinned_is_freed(lab: Any) -> None:
    lab.open()

    def pin() -> None:
        lab.instrument.evaluate("(e) => e.dispatchEvent(new CustomEvent('lab:pin', { detail: { query: '' } }))")
        pinned = lab.page.locator("[data-slot$=pinned]")
        pinned.locator(".live-view").wait_for()
        pinned.locator(".unpin").click()
        pinned.wait_for(state="detached")

    assert growth(lab, pin) == 0

"""What does Python cost the reader? The instruments' computations natively, in the browser, and in plain JavaScript.

*Against native Python*: the main computations of each instrument and some NumPy primitives, timed by the same code
(`_workloads.py`) in this Python and in the built site's own worker, as a cell of its page. Natively NumPy has OpenBLAS
and the CPU's widest vectors; in the browser it has 128 bits and no BLAS. Both have one thread: OpenBLAS's own wait for
one another, which on a busy machine takes longer than the product.

*Against JavaScript*: what a lab without Python would do. The ring's sampler (600 evaluations of 520 points, the noise
given) and the forward-backward recursion over the word chain (64 sequences of 24 words), as plain loops over typed
arrays (`javascript/langevin.js`, `posterior.js`) in a worker of the same browser. The arithmetic is the same: before
anything is timed, all three must agree to 1e-9.

*Matrix products*: by layout, size and type, and how many multiplications a nanosecond that is.

Each time is the best of many short rounds, since most are disturbed where others use the machine too.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when NumPy is imported

import _workloads as workloads
import numpy as np
from _shared import DIST, Server, browser, finish, machine, profile, ring_page, table
from playwright.sync_api import BrowserContext, Page, sync_playwright

HERE = Path(__file__).parent
AGREEMENT = 1e-9
LIVE = "() => window.lab?.python?.health === 'live'"

RUN_CELL = """(code) => new Promise((resolve, reject) => {
  const { python } = window.lab;
  const run = (window.benchmarks = (window.benchmarks ?? 1e6) + 1); // no cell of the page has this number
  let printed = "";
  python.on("output", (message) => message.run === run && (printed += message.body));
  python.on("cell_done", (message) => {
    if (message.run === run) message.ok ? resolve(printed) : reject(new Error(printed));
  });
  python.send({ type: "run_cell", run, label: "benchmark", code, above: [], checks: "", starter: "" });
})"""

RUN_SCRIPT = """(task) => new Promise((resolve, reject) => {
  const worker = new Worker("timing.js", { type: "module" });
  worker.onerror = (event) => reject(new Error(event.message ?? "timing.js could not be loaded"));
  worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
  worker.postMessage(task);
})"""

#: Prints the result of a computation that JavaScript does too, as the bytes of its float64 numbers.
RESULT = """
import base64
inputs, work = prepared()[{name!r}]
print(base64.b64encode(np.ascontiguousarray(work(inputs)).tobytes()).decode())
"""


def live_page(context: BrowserContext) -> Page:
    """A page of the built site with Python live and the workloads defined there."""
    page = context.new_page()
    page.goto(Server(DIST).address + ring_page())
    page.wait_for_function(LIVE, timeout=120_000)
    page.wait_for_timeout(3000)
    page.evaluate(RUN_CELL, Path(workloads.__file__).read_text("utf-8"))
    return page


def timed_there(page: Page, group: str, rounds: int) -> dict[str, float]:
    """`workloads.timed` in the page's Python."""
    return json.loads(page.evaluate(RUN_CELL, f"import json\nprint(json.dumps(timed({group!r}, {rounds})))"))


def in_javascript(page: Page, name: str, rounds: int) -> tuple[np.ndarray, float]:
    """Result and milliseconds of the function of that name in `javascript/`."""
    inputs = {
        key: base64.b64encode(np.ascontiguousarray(value, dtype=np.float64).tobytes()).decode()
        if isinstance(value, np.ndarray)
        else value
        for key, value in workloads.prepared()[name][0].items()
    }
    answer = page.evaluate(RUN_SCRIPT, {"name": name, "inputs": inputs, "rounds": rounds})
    return np.array(answer["result"]), answer["ms"]


def against_javascript(lab: Page, bare: Page, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds by computation: native, browser, javascript. Raises where results disagree."""
    here, there = workloads.timed("same", rounds), timed_there(lab, "same", rounds)
    found = {}
    for name, (inputs, work) in workloads.prepared().items():
        native = work(inputs).ravel()
        browsers = np.frombuffer(base64.b64decode(lab.evaluate(RUN_CELL, RESULT.format(name=name))))
        scripts, ms = in_javascript(bare, name, rounds)
        apart = max(float(np.abs(other - native).max()) for other in (browsers, scripts))
        if not apart <= AGREEMENT:
            raise RuntimeError(f"{name}: the results lie {apart:.1e} apart, they must agree to {AGREEMENT:.0e}.")
        found[name] = {"native": here[name], "browser": there[name], "javascript": ms, "apart": apart}
    return found


def report(times: dict[str, dict[str, list[float]]], scripts: dict[str, dict[str, float]]) -> None:
    """Prints the tables."""
    for group, ours in times.items():
        if group == "products":
            counts = {name: count for name, (_, count) in workloads.products().items()}
            head = ["products, ms", "native", "browser", "ratio", "multiplications a ns, browser"]
            rows = [[name, *pair, pair[1] / pair[0], counts[name] / pair[1] / 1e6] for name, pair in ours.items()]
        else:
            head = [f"{group}, ms", "native", "browser", "ratio"]
            rows = [[name, *pair, pair[1] / pair[0]] for name, pair in ours.items()]
        print("\n" + table(head, rows))
    rows = [
        [name, t["native"], t["browser"], t["javascript"], t["browser"] / t["javascript"], f"{t['apart']:.0e}"]
        for name, t in scripts.items()
    ]
    head = ["the same in JavaScript, ms", "native", "browser", "JavaScript", "browser / JavaScript", "apart"]
    print("\n" + table(head, rows))


def main() -> None:
    """Measures and reports."""
    groups = [group for group in workloads.GROUPS if group != "same"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="rounds at least, of which the best counts (default: 7)")
    parser.add_argument("--group", action="append", choices=groups, help="only this one; may be given several times")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        facts = {"rounds": str(options.runs), **machine(playwright)}
        with profile() as folder, browser(playwright, folder) as context:
            lab, bare = live_page(context), context.pages[0]
            bare.goto(Server(HERE / "javascript").address + "floor.html")
            times: dict[str, dict[str, list[float]]] = {}
            for group in options.group or groups:
                here, there = workloads.timed(group, options.runs), timed_there(lab, group, options.runs)
                times[group] = {name: [here[name], there[name]] for name in here}
            scripts = against_javascript(lab, bare, options.runs) if not options.group else {}
    report(times, scripts)
    figures: dict[str, Any] = {"native_and_browser_ms": times, "javascript_ms": scripts}
    key = {f"browser / native, {name.replace(',', '')}": pair[1] / pair[0]
           for group, ours in times.items() if group != "products" for name, pair in ours.items()}  # fmt: skip
    key |= {f"browser / JavaScript, {name}": t["browser"] / t["javascript"] for name, t in scripts.items()}
    finish("kernels", facts, figures, options.json, key=key)


if __name__ == "__main__":
    main()

"""Does a page cost more when the lab has more instruments?

A copy of this checkout gets ten more instruments: copies of one under other names, each with a slot in the last
chapter. It is built, and pages that hold none of them, an embed page and a chapter, are visited on both sites in turn:
first with an empty profile (cold), until the browser has made its snapshot, then again with that profile in a new
browser (warm).

- *sent until live*: bodies as the server sent them.
- *live*: from navigation.
- *snapshot*: its size, and the time from live until it is kept, less the quiet time that it waits for.
- *memory*: PSS of the page with its workers, after the snapshot was made and after it was restored.

What is fetched when nothing else is to be done holds the whole site, for reading without a network: it grows with the
lab, and is printed to be seen, without a limit. A figure of the larger site counts as more when the median of the
ratios within a run and the ratio of the best of all runs are both above its limit; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from pathlib import Path

from _shared import DIST, Server, browser, finish, machine, median, profile, ring_page, table
from building import built
from memory import SETTLE_MS, processes
from playwright.sync_api import Page, Playwright, sync_playwright
from startup import LAB_KEPT, LAB_LIVE, LAB_RESTORED, LAB_STAGES

sys.path.append(str(Path(__file__).parents[1]))
from checkout import copy_checkout

QUIET_MS = 3000  # of `static/js/worker/worker.js`

SNAPSHOT_BYTES = """async () => {
  const store = await caches.open("lab-python");
  const addresses = (await store.keys()).map((request) => request.url);
  const address = addresses.find((url) => url.endsWith("kept=instruments-about"));
  return (await (await store.match(address)).json()).length;
}"""

#: Start of a figure's name → the most that it may be on the larger site, as a ratio; times and memory with the noise of
#: a machine that others use too.
LIMITS = {"sent until live": 1.01, "snapshot, MB": 1.01, "snapshot made": 1.25, "live": 1.2, "memory": 1.1}

Figures = dict[str, float]


def add_instruments(checkout: Path, of: str, number: int) -> None:
    """Copies the instrument `of` so many times, as `of_1`, `of_2`, …, and puts each into the last chapter."""
    chapter = sorted((checkout / "chapters").glob("[0-9]*.md"))[-1]
    slots = []
    for name in (f"{of}_{k}" for k in range(1, number + 1)):
        folder = checkout / "instruments" / name
        shutil.copytree(checkout / "instruments" / of, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for path in folder.glob("*.py"):
            text = path.read_text("utf-8")
            path.write_text(
                text.replace(f"diffusion_lab.instruments.{of}", f"diffusion_lab.instruments.{name}"), "utf-8"
            )
        slots.append(f"\n:::{{instrument}} {name}\nOne more.\n:::\n")
    with chapter.open("a", encoding="utf-8") as text:
        text.writelines(slots)


def visited_twice(playwright: Playwright, server: Server, page: str) -> Figures:
    """A cold and a warm visit of a page."""
    found: Figures = {}
    with profile() as folder:
        for visit, end in (("cold", LAB_KEPT), ("warm", LAB_RESTORED)):
            with browser(playwright, folder) as context:
                found |= _visit(context.pages[0], server, page, visit, end, folder)
    return found


def _visit(page: Page, server: Server, path: str, visit: str, end: str, folder: Path) -> Figures:
    page.wait_for_timeout(500)
    page.goto(server.address + path, wait_until="commit")
    page.wait_for_function(LAB_LIVE, polling=50, timeout=120_000)
    sent = sum(request.sent for request in server.taken())
    live = page.evaluate(LAB_STAGES)["live"]
    found = {f"sent until live, {visit}, MB": sent / 1e6, f"live, {visit}, ms": live}
    if visit == "cold":
        page.wait_for_function("() => window.lab.python.snapshot === 'kept'", polling=50, timeout=120_000)
        found["snapshot made, ms"] = page.evaluate("() => performance.now()") - live - QUIET_MS
        found["snapshot, MB"] = page.evaluate(SNAPSHOT_BYTES) / 1e6
    page.wait_for_function(end, timeout=120_000)
    page.wait_for_timeout(SETTLE_MS)
    found[f"memory, {visit}, MB"] = processes(folder)["page"] / 1e6
    if visit == "cold":
        found["sent when idle, MB"] = sum(request.sent for request in server.taken()) / 1e6
    server.taken()
    return found


def limit(name: str) -> float | None:
    """The most that a figure's ratio may be."""
    return next((most for start, most in LIMITS.items() if name.startswith(start)), None)


def report(page: str, runs: list[list[Figures]], number: int) -> tuple[Figures, list[str]]:
    """Prints the figures of a page, and returns their ratios and the names of those that are above their limits.

    runs: of each run the figures of both sites, the larger one second.
    """
    rows: list[list[object]] = []
    ratios: Figures = {}
    more = []
    for name in runs[0][0]:
        now, then = ([sites[k][name] for sites in runs] for k in (0, 1))
        ratio = median([_ratio(*pair) for pair in zip(now, then, strict=True)])
        best = _ratio(min(now), min(then))
        most = limit(name)
        verdict = "" if most is None else "MORE" if min(ratio, best) > most else "same"
        spreads = (max(values) - min(values) for values in (now, then))
        rows.append([name, median(now), next(spreads), median(then), next(spreads), ratio, best, most, verdict])
        ratios[f"{number} more instruments / now, {page}: {name.rpartition(', ')[0]}"] = ratio
        more += [f"{page}: {name}"] if verdict == "MORE" else []
    print("\n" + table([page, "now", "spread", f"{number} more", "spread", "ratio", "of best", "limit", ""], rows))
    return ratios, more


def _ratio(now: float, then: float) -> float:
    """`then` as a share of `now`; infinite where nothing has become something."""
    return then / now if now else math.inf if then else 1.0


def main() -> int:
    """Measures and reports; 1 if a page costs more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="cold and warm visits of each page (default: 3)")
    parser.add_argument("--more", type=int, default=10, help="instruments that are added (default: 10)")
    parser.add_argument("--of", default="ring", help="which instrument is copied (default: ring)")
    options = parser.parse_args()
    pages = [ring_page(), "embed/ring.html"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        larger = copy_checkout(Path(folder) / "lab")
        add_instruments(larger, options.of, options.more)
        print(f"building with {options.more} more instruments", flush=True)
        seconds = built(larger)
        facts = {"runs": str(options.runs), "build": f"{seconds:.0f} s", **machine(playwright)}
        servers = [Server(DIST), Server(larger / "dist")]
        runs: dict[str, list[list[Figures]]] = {page: [] for page in pages}  # page → run → site → figures
        for run in range(options.runs):
            print(f"run {run + 1} of {options.runs}", flush=True)
            for page in pages:
                order = (0, 1) if run % 2 == 0 else (1, 0)  # neither is always the one after the other
                found = {k: visited_twice(playwright, servers[k], page) for k in order}
                runs[page].append([found[0], found[1]])
    key: Figures = {}
    more: list[str] = []
    for page, figures in runs.items():
        ratios, above = report(page, figures, options.more)
        key |= ratios
        more += above
    finish("scale", facts, {"runs": runs}, key=key)
    print(f"{'MORE:':15}{'; '.join(more) or 'none'}")
    return bool(more)


if __name__ == "__main__":
    sys.exit(main())

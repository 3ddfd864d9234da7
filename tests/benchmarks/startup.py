"""How long until a reader sees the page, and until Python is live? How many bytes is that? And beside others?

Three pages are visited in turn (A B C A B C …), each first with an empty profile (cold), then again with that profile
in a new browser (warm):

- *lab*: the page of `dist/` that has the ring, with all its text. Live is the lab's last stage: the figures show
  Python's first answer and have been painted in the place of the still picture. The warm visit starts from the memory
  snapshot that the browser has made after the first; one that does not fails the benchmark.
- *convert*: the same component published by Panel's own `panel convert --to pyodide-worker`, pre-rendered as is its
  default. Live is the moment its page reports the drawing done; linking Python comes after, so the baseline is
  flattered by some milliseconds. The first visit checks that its slider is then answered.
- *plain*: Pyodide as npm has it, in a worker, that imports the lab's NumPy wheel and prints a line. Live is that line.

With `--lines 25 100` the lab's cold visit is measured again over lines of so many Mbit/s.

*convert* is the converter's output on the same machine and server, with Brotli and the caching that a CDN would
allow. Three things in its files are changed: addresses; the worker is a module, for Pyodide 314 starts in no other;
`loadPyodide` is told where packages and Panel's style sheets lie. Where a file could not be had as published it was
made lighter, never heavier:

- Pyodide is the lab's version, from npm (this Panel would ask for an older one); NumPy is the lab's own wheel, which
  is smaller than the official one.
- Wheels are made from the installed packages, Bokeh's and Panel's trimmed as Panel trims those of its CDN.
- All packages stand in the lock file, so micropip never has to ask a package index.
- PyYAML and MarkupSafe come without their compiled parts. pandas, pillow, contourpy and nh3, which Panel and Bokeh
  require but this app never imports, are stand-ins without contents: their megabytes are missing here.

Bytes are counted by the server: bodies as sent, and the files' own sizes; what was sent until live apart from what is
fetched when nothing else is to be done (*idle*: for cells, for the next page, for reading without a network).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _convert import converted_site
from _line import Line
from _plain import plain_site
from _shared import DIST, RESULTS, Request, Server, browser, finish, machine, median, profile, ring_page, table
from playwright.sync_api import Page, Playwright, sync_playwright

LAB_LIVE = "() => window.lab?.python?.health === 'live'"
LAB_STAGES = "() => window.lab.python.stages"
#: The first visit ends when the browser has made its snapshot and kept the site, as that of a reader who stays a while.
LAB_KEPT = """() => window.lab.python.snapshot === 'kept'
  && navigator.serviceWorker.controller?.state === 'activated'"""
LAB_RESTORED = "() => window.lab.python.snapshot === 'restored'"

#: Notes when which message passed between page and worker; the converted app keeps no times of its own.
OVERHEAR = """
window.heard = {};
window.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data: { type, msg } }) => (heard[msg ?? type] ??= performance.now()));
  }
  postMessage(message, ...rest) {
    if (message?.type) heard["page: " + message.type] ??= performance.now();
    super.postMessage(message, ...rest);
  }
}"""
CONVERT_LIVE = """() => {
  const trouble = Object.keys(window.heard).find((message) => message.includes("Error"));
  if (trouble) throw new Error(trouble);
  return "page: rendered" in window.heard;
}"""
CONVERT_STAGES = """() => ({
  worker: heard["Loading pyodide"], micropip: heard["Installing environment"], packages: heard["Executing code"],
  built: heard.render, live: heard["page: rendered"],
})"""

PLAIN_LIVE = "() => window.printed"
PLAIN_STAGES = "() => ({ live: window.printed })"

PAINTS = (
    """() => Object.fromEntries(performance.getEntriesByType("paint").map(({name, startTime}) => [name, startTime]))"""
)

KINDS = ("document", "style, fonts", "JavaScript", "Pyodide core", "standard library", "packages", "other")


def kind(path: str) -> str:
    """What a file is for."""
    name = path.rpartition("/")[2]
    if name.endswith(".html"):
        return "document"
    if name.endswith((".css", ".woff2")):
        return "style, fonts"
    if name.endswith((".bin", ".whl", ".npz")) or name == "ring.resources.zip":
        return "packages"
    if name.endswith(".wasm") and "/pyodide" not in path:  # NumPy's compiled modules
        return "packages"
    if "stdlib" in name:
        return "standard library"
    if "/pyodide" in path:
        return "Pyodide core"
    return "JavaScript" if name.endswith((".js", ".mjs")) else "other"


@dataclass
class Variant:
    """One of the pages, with what was measured of it. `live`, `stages` and `kept` are questions to the page."""

    name: str
    server: Server
    page: str
    live: str
    stages: str
    init_script: str = ""
    #: The end of a visit: of the first, of the second.
    ends: tuple[str, str] = ("() => true", "() => true")
    check: Callable[[Page], None] | None = None
    times: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {"cold": [], "warm": []})
    #: By visit: what was asked for until live, and with ", idle" behind it what came later.
    requests: dict[str, list[Request]] = field(default_factory=dict)

    def visit_twice(self, playwright: Playwright) -> None:
        """A cold and a warm visit."""
        with profile() as folder:
            for visit, end in zip(("cold", "warm"), self.ends, strict=True):
                self.times[visit].append(self._visit(playwright, folder, self.server.address, end))
                self.requests[visit], self.requests[f"{visit}, idle"] = self._until_live, self.server.taken()

    def visit_over(self, playwright: Playwright, line: Line) -> None:
        """A cold visit over a slower line."""
        with profile() as folder:
            visited = self._visit(playwright, folder, line.address, "() => true")
        self.times.setdefault(f"{line.mbit:g} Mbit/s", []).append(visited)
        self.server.taken()

    def _visit(self, playwright: Playwright, folder: Path, address: str, end: str) -> dict[str, float]:
        with browser(playwright, folder) as context:
            page = context.pages[0]
            if self.init_script:
                page.add_init_script(self.init_script)
            page.wait_for_timeout(500)
            page.goto(address + self.page, wait_until="commit")
            page.wait_for_function(self.live, polling=50, timeout=120_000)
            self._until_live = self.server.taken()
            stages = page.evaluate(self.stages)
            if self.check:
                self.check(page)
                self.check = None
            page.wait_for_function(end, timeout=120_000)
            page.wait_for_timeout(1500)  # the browser stores compiled code
            return {**page.evaluate(PAINTS), **stages}

    def stages_reached(self) -> list[str]:
        """Stages in the order they are reached."""
        first = self.times["cold"][0]
        return sorted(first, key=lambda stage: first[stage])

    def of(self, visit: str, stage: str) -> list[float]:
        """The times of a stage, one a run."""
        return [times[stage] for times in self.times[visit] if stage in times]

    def bytes(self, visit: str, field: str) -> Counter[str]:
        """Bytes by kind; the last run's, for every run's are the same."""
        counted: Counter[str] = Counter()
        for request in self.requests[visit]:
            counted[kind(request.path)] += getattr(request, field)
        return counted


def check_answers(page: Page) -> None:
    """The baseline really is live: its slider moves and Python answers with a patch."""
    page.locator("input[type=range][data-param=t]").first.evaluate(
        "(input) => { input.value = 0.5; input.dispatchEvent(new Event('input')); }"
    )
    page.wait_for_function("() => 'patch' in window.heard", timeout=10_000)


def report(variants: Iterable[Variant]) -> None:
    """Prints times and bytes."""
    for variant in variants:
        rows, before = [], {"cold": 0.0, "warm": 0.0}
        for stage in variant.stages_reached():
            row: list[object] = [stage]
            for visit in before:
                if not variant.of(visit, stage):  # a restored Python imports nothing
                    row += ["", "", ""]
                    continue
                value = median(variant.of(visit, stage))
                painted = "paint" in stage
                row += [
                    round(value),
                    "" if painted else f"+{value - before[visit]:.0f}",
                    round(min(variant.of(visit, stage))),
                ]
                before[visit] = before[visit] if painted else value
            rows.append(row)
        head = [f"{variant.name}: ms, medians", "cold", "step", "best", "warm", "step", "best"]
        print("\n" + table(head, rows))
    columns = [
        (v, *column)
        for v in variants
        for column in (("cold", "sent"), ("cold", "raw"), ("cold, idle", "sent"), ("warm", "sent"))
    ]
    counted = [variant.bytes(visit, field) for variant, visit, field in columns]
    rows = [[name, *(round(column[name] / 1000) for column in counted)] for name in KINDS]
    rows.append(["all", *(round(sum(column.values()) / 1000) for column in counted)])
    print("\n" + table(["kB", *(f"{v.name} {visit} {field}" for v, visit, field in columns)], rows))


def ratios(lab: Variant, others: Iterable[Variant]) -> dict[str, float]:
    """Times of the lab over those of the others: the median of the ratios within each run."""
    rows, found = [], {}
    for other in others:
        for stage in ("first-contentful-paint", "live"):
            for visit in ("cold", "warm"):
                pairs = zip(lab.of(visit, stage), other.of(visit, stage), strict=True)
                each = sorted(ours / theirs for ours, theirs in pairs)
                found[f"{stage} {visit} / {other.name}"] = median(each)
                rows.append([f"{stage}, {visit}, lab / {other.name}", median(each), each[0], each[-1]])
    print("\n" + table(["ratio, within a run", "median", "least", "most"], rows))
    return found


def key_figures(lab: Variant, within: dict[str, float], lines: Iterable[Line]) -> dict[str, float]:
    """What the report has of this."""
    found = {f"live / {other}, {visit}": within[f"live {visit} / {other}"] for other in ("plain", "convert")
             for visit in ("cold", "warm")}  # fmt: skip
    for visit in ("cold", "warm"):
        found[f"first picture, {visit}, ms"] = median(lab.of(visit, "first-contentful-paint"))
        found[f"live, {visit}, ms"] = median(lab.of(visit, "live"))
        found[f"sent until live, {visit}, MB"] = sum(lab.bytes(visit, "sent").values()) / 1e6
    found["sent when idle, cold, MB"] = sum(lab.bytes("cold, idle", "sent").values()) / 1e6
    for line in lines:
        visit = f"{line.mbit:g} Mbit/s"
        found[f"live, cold, {visit}, ms"] = median(lab.of(visit, "live"))
    return found


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="cold and warm visits of each page (default: 5)")
    parser.add_argument("--lines", type=float, nargs="*", default=[], help="Mbit/s of slower lines")
    options = parser.parse_args()
    ends = (LAB_KEPT, LAB_RESTORED)
    lab = Variant("lab", Server(DIST), ring_page(), LAB_LIVE, LAB_STAGES, ends=ends)
    convert = Variant(
        "convert",
        Server(converted_site(RESULTS)),
        "ring.html",
        CONVERT_LIVE,
        CONVERT_STAGES,
        init_script=OVERHEAR,
        check=check_answers,
    )
    plain = Variant("plain", Server(plain_site(RESULTS)), "plain.html", PLAIN_LIVE, PLAIN_STAGES)
    variants = (lab, convert, plain)
    with sync_playwright() as playwright:
        facts = {"runs": str(options.runs), **machine(playwright)}
        lines = [Line(lab.server.address, mbit) for mbit in options.lines]
        for run in range(options.runs):
            print(f"run {run + 1} of {options.runs}", flush=True)
            for variant in variants:
                variant.visit_twice(playwright)
            for line in lines:
                lab.visit_over(playwright, line)
    report(variants)
    for line in lines:
        visits = f"{line.mbit:g} Mbit/s"
        paint, live = (median(lab.of(visits, stage)) for stage in ("first-contentful-paint", "live"))
        print(f"lab, cold, {visits}: first paint {paint:.0f} ms, live {live:.0f} ms")
    figures: dict[str, Any] = {
        variant.name: {
            "times": variant.times,
            "bytes": {
                visit: {field: variant.bytes(visit, field) for field in ("sent", "raw")} for visit in variant.requests
            },
        }
        for variant in variants
    }
    within = ratios(lab, (convert, plain))
    finish("startup", facts, {"ratios": within, **figures}, key=key_figures(lab, within, lines))


if __name__ == "__main__":
    main()

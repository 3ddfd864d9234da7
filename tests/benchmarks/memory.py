"""How much memory does the lab take, of the browser's processes and of each Python?

One profile is taken through the states in which a reader has it: a page before Python, live, after the snapshot was
made, a second visit restored from it, the cells' own Python beside, and after a cell has asked for ever more. Of the
processes it is their proportional set size (PSS): memory shared with others counts by its share. *page* is the renderer
with all of the page's workers, *others* the browser itself, its network and graphics. What an interpreter takes is its
WebAssembly memory, which never shrinks and is bound by `static/js/worker/memory.js`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from _shared import DIST, Server, browser, finish, machine, profile, ring_page, table
from playwright.sync_api import Page, sync_playwright

LIVE = "() => window.lab?.python?.health === 'live'"
KEPT = "() => window.lab.python.snapshot === 'kept'"
RESTORED = "() => window.lab.python.snapshot === 'restored'"
SETTLE_MS = 3000  # collections and compilation in the background

#: Prints the bytes of the memory of the Python that runs it.
OWN_MEMORY = "import pyodide_js\nprint(pyodide_js._module.HEAP8.length)"
RUNAWAY = "taken = []\nwhile True:\n    taken.append(bytearray(20_000_000))"

#: The same in the instruments' Python, which no cell of the page reaches.
IN_INSTRUMENTS = """(code) => new Promise((resolve) => {
  const { python } = window.lab, run = 1e6;
  let printed = "";
  python.on("output", (message) => message.run === run && (printed += message.body));
  python.on("cell_done", (message) => message.run === run && resolve(printed));
  python.send({ type: "run_cell", run, label: "benchmark", code, above: [], checks: "", starter: "" });
})"""


def processes(folder: Path) -> dict[str, int]:
    """PSS in bytes of the browser that has its profile in `folder`: of its renderers, and of all its others."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            commands[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # has ended
    own = {pid for pid, command in commands.items() if f"--user-data-dir={folder}" in command}
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    found = {"page": 0, "others": 0}
    for pid in own:
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        pss = re.search(r"^Pss:\s+(\d+) kB", rollup.read_text(), re.MULTILINE) if rollup.exists() else None
        found["page" if "--type=renderer" in commands[pid] else "others"] += 1024 * int(pss[1]) if pss else 0
    return found


def run_cell(page: Page, code: str) -> str:
    """Puts code into the first cell and runs it; returns what it prints."""
    cell = page.locator("[data-cell]").first
    cell.scroll_into_view_if_needed()
    editor = cell.locator(".cm-content")
    editor.click()
    editor.press("Control+a")
    page.keyboard.insert_text(code)
    editor.press("Control+Enter")
    cell.locator(".state", has_text=re.compile(r"\d m?s|error|lost")).wait_for(timeout=120_000)
    return "".join(cell.locator("pre.output").all_inner_texts())


def visited(page: Page, address: str, *conditions: str) -> None:
    """Goes there and waits for one after the other."""
    page.goto(address)
    for condition in conditions:
        page.wait_for_function(condition, timeout=120_000)
    page.wait_for_timeout(SETTLE_MS)


def measured() -> tuple[dict[str, str], dict[str, dict[str, int]], dict[str, int]]:
    """Facts; state → bytes by kind of process; interpreter → bytes of its memory."""
    address = Server(DIST).address + ring_page()
    states: dict[str, dict[str, int]] = {}
    with sync_playwright() as playwright, profile() as folder:
        facts = machine(playwright)
        with browser(playwright, folder) as context:
            page = context.pages[0]
            page.route("**/worker.*.js", lambda route: route.abort())
            visited(page, address)
            states["page before Python"] = processes(folder)
            page.unroute("**/worker.*.js")
            visited(page, address, LIVE)
            states["live"] = processes(folder)
            page.wait_for_function(KEPT, timeout=120_000)
            page.wait_for_timeout(SETTLE_MS)
            states["snapshot made"] = processes(folder)
        with browser(playwright, folder) as context:
            page = context.pages[0]
            visited(page, address, LIVE, RESTORED)
            states["restored"] = processes(folder)
            interpreters = {"cells, fresh": int(run_cell(page, OWN_MEMORY))}
            page.wait_for_timeout(SETTLE_MS)
            states["cells' Python beside"] = processes(folder)
            run_cell(page, RUNAWAY)
            page.wait_for_timeout(SETTLE_MS)
            states["after a runaway cell"] = processes(folder)
            interpreters["cells, after a runaway"] = int(run_cell(page, OWN_MEMORY))
            interpreters["instruments"] = int(page.evaluate(IN_INSTRUMENTS, OWN_MEMORY))
    return facts, states, interpreters


def main() -> None:
    """Measures and reports."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    facts, states, interpreters = measured()
    rows = [[state, *(round(pss[kind] / 1e6) for kind in ("page", "others"))] for state, pss in states.items()]
    print(table(["MB (PSS)", "page", "others"], rows))
    print("\n" + table(["MB, an interpreter", "memory"], [[name, round(n / 1e6)] for name, n in interpreters.items()]))
    key = {f"memory of the page, {state}, MB": pss["page"] / 1e6 for state, pss in states.items()}
    key |= {f"memory of a Python, {name.replace(',', '')}, MB": size / 1e6 for name, size in interpreters.items()}
    finish("memory", facts, {"states": states, "interpreters": interpreters}, key=key)


if __name__ == "__main__":
    main()

"""How long does an author wait: for the whole site, for a build without changes, until `serve` shows an edit?

All of it happens in a copy of this checkout, which shares its tools and packages:

- *from scratch*: `build.py site` with nothing kept but the environment and NumPy's wheel; one run. Its site must be the
  same, byte for byte, as that of a build which keeps results.
- *unchanged*: the same again and again, from the command to its end.
- *serve*: a chapter is open in a browser, its instruments live; from the write of an edited file until the page has
  been loaded again (a style: until it is applied). Edits of one kind all differ.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _shared import browser, finish, machine, median, profile, table
from playwright.sync_api import Page, sync_playwright

sys.path.append(str(Path(__file__).parents[1]))
from checkout import copy_checkout

CHAPTER = "chapters/01-forward.md"
PAGE = "chapters/01-forward.html"

#: Kind of edit → file, what is found there, and what is put in its place; {} is another number in each run.
EDITS = {
    "prose of a chapter": (CHAPTER, "\n## ", "\nWords {}.\n\n## "),
    "formula": (CHAPTER, "$", "${}"),
    "cell": (CHAPTER, "\nimport numpy as np\n", "\nimport numpy as np\nprint({})\n"),
    "template": ("app/build/templates/base.html", "Skip to the text", "Skip to the text {}"),
    "style": ("static/css/page.css", "h1 {", "h1 {{ z-index: {};"),
    "script": ("static/js/page/page_chrome.js", "export function", "globalThis.edited = {};\nexport function"),
    "component of an instrument": ("instruments/ring/component.py", "How many points", "How many {} points"),
    "kernel of an instrument": ("instruments/ring/kernel.py", "\n\n\n", "\n\nEDITED = {}\n\n\n"),
}
RELOADED = "() => !window.marked && document.readyState === 'complete'"
LIVE = "() => window.lab?.python?.health === 'live'"


def built(checkout: Path) -> float:
    """Seconds of one `build.py site`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "build.py", "site"], cwd=checkout, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@contextmanager
def serving(checkout: Path) -> Iterator[str]:
    """The address of `build.py serve` in the checkout."""
    command = [sys.executable, "build.py", "serve"]
    process = subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True)
    try:
        line = next((line for line in process.stdout or () if "http://" in line), None)
        if line is None:
            raise SystemExit("`build.py serve` has ended; its message is above.")
        yield line.split("the lab is at ")[1].split()[0]
    finally:
        process.terminate()
        process.wait()


def differing(one: Path, other: Path) -> list[str]:
    """The files, as addresses, that are not in both folders with the same contents."""
    first, second = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (one, other)
    )
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def edited(page: Page, path: Path, old: str, new: str, number: int) -> float:
    """Seconds from the write of a file until the page shows it. After that the file is put back."""
    text = path.read_text("utf-8")
    if old not in text:
        raise SystemExit(f"{path.name} has no {old!r} to be edited.")
    shown = f"() => getComputedStyle(document.querySelector('h1')).zIndex === '{number}'"
    seconds = written(
        page, path, text.replace(old, new.format(number), 1), shown if path.suffix == ".css" else RELOADED
    )
    page.wait_for_function(LIVE, timeout=120_000)
    shown = "() => getComputedStyle(document.querySelector('h1')).zIndex === 'auto'"
    written(page, path, text, shown if path.suffix == ".css" else RELOADED)
    page.wait_for_function(LIVE, timeout=120_000)
    return seconds


def written(page: Page, path: Path, text: str, shown: str) -> float:
    page.evaluate("() => { window.marked = true; }")
    start = time.perf_counter()
    path.write_text(text, "utf-8")
    page.wait_for_function(shown, polling=10, timeout=120_000)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="of each but the build from scratch (default: 5)")
    parser.add_argument("--edit", action="append", choices=EDITS, help="only this one; may be given several times")
    parser.add_argument("--not-from-scratch", action="store_true", help="leave out what takes longest")
    options = parser.parse_args()
    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        facts = machine(playwright)
        if not options.not_from_scratch:
            scratch = copy_checkout(Path(folder) / "scratch", kept=False)
            times["from scratch"] = [built(scratch)]
        checkout = copy_checkout(Path(folder) / "kept")
        built(checkout)
        if not options.not_from_scratch and (differs := differing(scratch / "dist", checkout / "dist")):
            raise SystemExit(f"Built from scratch, these files are different: {', '.join(differs)}.")
        times["unchanged"] = [built(checkout) for _ in range(options.runs)]
        with serving(checkout) as address, profile() as empty, browser(playwright, empty) as context:
            page = context.pages[0]
            page.goto(address + PAGE)
            page.wait_for_function(LIVE, timeout=120_000)
            for kind in options.edit or EDITS:
                path, old, new = EDITS[kind]
                runs = range(1, options.runs + 1)
                times[f"serve: {kind}"] = [edited(page, checkout / path, old, new, 1000 + run) for run in runs]
    rows = [[kind, median(seconds), min(seconds), max(seconds)] for kind, seconds in times.items()]
    print(table(["seconds", "median", "least", "most"], rows))
    key = {f"building, {kind}, s": median(seconds) for kind, seconds in times.items()}
    finish("building", facts, {"seconds": times}, key=key)


if __name__ == "__main__":
    main()

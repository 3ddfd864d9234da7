"""How long until Python is live on a first visit: in Chromium, Firefox and WebKitGTK, in turn?

Each visit is that of a new profile to the page of the ring; live is the lab's last stage. The medians also stand in
`browsers.json` beside this file, which is kept in git and shown in the README.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _shared import DIST, Server, finish, machine, median, ring_page, table
from playwright.sync_api import sync_playwright
from selenium.webdriver.support.wait import WebDriverWait

from diffusion_lab.app.build.setup_steps import ROOT

sys.path.insert(0, str(ROOT / "tests/browser"))
from every_browser.drivers import BROWSERS, TITLES

RESULT = Path(__file__).with_suffix(".json")
LIVE = "return window.lab?.python?.stages.live"


def visit(browser: str, address: str) -> tuple[float, str]:
    """Milliseconds until live in a new profile, and the browser's version."""
    with BROWSERS[browser]() as driver:
        driver.get(address)
        return WebDriverWait(driver, 300).until(lambda _: driver.execute_script(LIVE)), driver.capabilities[
            "browserVersion"
        ]


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="visits by each browser (default: 3)")
    options = parser.parse_args()
    address = Server(DIST).address + ring_page()
    times: dict[str, list[float]] = {browser: [] for browser in BROWSERS}
    versions = {}
    for _ in range(options.runs):
        for browser in BROWSERS:
            time, versions[browser] = visit(browser, address)
            times[browser].append(time)
    found = [(f"{TITLES[browser]} {versions[browser]}", round(median(times[browser]))) for browser in BROWSERS]
    rows = [(name, ms, round(ms / found[0][1], 2)) for name, ms in found]
    print(table(["first visit", "live, ms", "/ Chromium"], rows))
    key = {f"live in {TITLES[browser]}, cold, ms": float(ms) for browser, (_, ms) in zip(BROWSERS, found, strict=True)}
    with sync_playwright() as playwright:
        finish("browsers", machine(playwright), {"live, ms": dict(found)}, RESULT, key=key)


if __name__ == "__main__":
    main()

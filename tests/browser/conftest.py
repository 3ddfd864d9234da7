"""The built site in a real Chromium: served from this process, every page watched for errors and foreign requests."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, sync_playwright
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.build.static_host import SiteFile, application

CHAPTER = "chapters/01-forward.html"

#: As a container's root with no outside network: nothing but what the tests ask for.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def serve_in_thread(make: Callable[[], Application]) -> tuple[str, Callable[[], None]]:
    """Serves an application on a free port from a thread of its own; returns its address and how to stop it."""
    ready, stop_requested = threading.Event(), asyncio.Event()
    found: dict[str, object] = {}

    async def main() -> None:
        sockets = bind_sockets(0, "127.0.0.1")
        server = HTTPServer(make())
        server.add_sockets(sockets)
        found.update(port=sockets[0].getsockname()[1], loop=asyncio.get_running_loop())
        ready.set()
        await stop_requested.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    ready.wait()

    def stop() -> None:
        found["loop"].call_soon_threadsafe(stop_requested.set)  # type: ignore[attr-defined]
        thread.join()

    return f"http://127.0.0.1:{found['port']}/", stop


@pytest.fixture(scope="session")
def dist() -> Path:
    """The built site; `python build.py test` has made it."""
    path = ROOT / "dist"
    assert (path / "index.html").exists(), "The site is not built: run the tests by `python build.py test`."
    return path


@pytest.fixture(scope="session")
def site(dist: Path) -> Iterator[str]:
    """Address of the built site."""
    address, stop = serve_in_thread(lambda: application(dist))
    yield address
    stop()


class IsolatedSiteFile(SiteFile):
    """A file with the headers that let a page share memory with its workers."""

    def set_default_headers(self) -> None:
        """Those of cross-origin isolation."""
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cross-Origin-Embedder-Policy", "require-corp")


@pytest.fixture(scope="session")
def isolated_site(dist: Path) -> Iterator[str]:
    """Address of the built site on a host that isolates its pages."""
    files = {"dist": dist, "dress": None}
    address, stop = serve_in_thread(lambda: Application([(r"/(.*)", IsolatedSiteFile, files)]))
    yield address
    stop()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for all tests; each test has a profile of its own."""
    path = os.environ.get("DIFFUSION_LAB_BROWSER") or shutil.which("chromium")
    running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
    yield running
    running.close()


@dataclass
class Lab:
    """A page of the site as a reader has it before them, and what it has said and asked for."""

    page: Page
    site: str
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str = CHAPTER, *, live: bool = True) -> Lab:
        """Goes to a page; waits until Python is live there."""
        self.page.goto(self.site + path)
        if live:
            self.wait_live()
        return self

    def wait_live(self) -> None:
        """Waits until every instrument says that Python is live."""
        self.page.wait_for_selector(".instrument .live[data-state=live]", timeout=60_000)
        self.page.wait_for_selector(".instrument .live-view .front-panel[data-live]")

    def wait(self, expression: str) -> None:
        """Waits until a JavaScript expression is true."""
        self.page.wait_for_function(expression, timeout=30_000)

    def reading(self, key: str) -> float:
        """A read-out or measure of the live instrument."""
        return float(self.page.locator(f".live-view [data-reading={key}]").inner_text())

    def points(self) -> np.ndarray:
        """(N, 3): x, y and cluster of the points that Bokeh draws now."""
        columns = self.page.evaluate(POINTS)
        return np.array([columns["x"], columns["y"], columns["cluster"]]).T

    def edit(self, label: str, code: str) -> Locator:
        """Puts code into a cell as a reader does: focus, select all, type; returns the cell."""
        cell = self.page.locator(f"#cell-{label}")
        cell.scroll_into_view_if_needed()
        self.page.locator(f"#cell-{label}[data-editable]").wait_for()
        editor = cell.locator(".cm-content")
        editor.click()
        editor.press("Control+a")
        self.page.keyboard.insert_text(code)
        return cell

    def run(self, cell: Locator) -> list[str]:
        """Runs a cell by its key; returns what it put out as text."""
        cell.locator(".cm-content").press("Control+Enter")
        cell.locator(".state", has_text=re.compile(r"\d m?s|stopped|error")).wait_for(timeout=60_000)
        return cell.locator("pre.output").all_inner_texts()

    def live_figure(self, cell: Locator) -> Locator:
        """The one live output of a cell, when its figure is drawn."""
        cell.locator(".output.live .live-view .bk-Figure").wait_for()
        return cell.locator(".output.live")

    def slide(self, name: str, value: float) -> None:
        """Moves a slider of the live instrument as a hand does: value and `input` event."""
        slider = self.page.locator(f".live-view input[type=range][data-param={name}]:visible")
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


#: The columns of the one source of the page that has clusters.
POINTS = """() => {
  const source = Bokeh.documents.flatMap(d => [...d._all_models.values()])
    .find(m => m.type === "ColumnDataSource" && m.get_column("cluster"));
  return Object.fromEntries(["x", "y", "cluster"].map(c => [c, [...source.get_column(c)]]));
}"""


@pytest.fixture
def open_lab(browser: Browser, site: str) -> Iterator[Callable[..., Lab]]:
    """Makes labs (with options of a browser context); at the end none may have complained or left its origin."""
    contexts: list[tuple[BrowserContext, Lab]] = []

    def make(address: str = site, **options: object) -> Lab:
        context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})  # type: ignore[arg-type]
        lab = Lab(context.new_page(), address)
        lab.page.on("console", lambda m: m.type in ("error", "warning") and lab.messages.append(m.text))
        lab.page.on("pageerror", lambda error: lab.messages.append(str(error)))
        context.on("request", lambda request: lab.requests.append(request.url))
        contexts.append((context, lab))
        return lab

    yield make
    for context, lab in contexts:
        foreign = [url for url in lab.requests if not url.startswith((lab.site, "data:", "blob:"))]
        messages = list(lab.messages)
        context.close()
        assert not foreign, "the page asked for something outside its own origin"
        assert not messages, "the browser's console has complaints"


@pytest.fixture
def lab(open_lab: Callable[..., Lab]) -> Lab:
    """A lab of desktop width in the light theme."""
    return open_lab()


@pytest.fixture
def dist_below_a_folder(dist: Path, tmp_path: Path) -> Iterator[str]:
    """Address of the site in a sub-folder of a host that knows nothing of it."""
    (tmp_path / "courses").mkdir()
    shutil.copytree(dist, tmp_path / "courses/lab", copy_function=os.link)
    address, stop = serve_in_thread(lambda: application(tmp_path))
    yield f"{address}courses/lab/"
    stop()


@pytest.fixture
def host(dist: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A host of the site that can be switched off: its address and the switch."""
    address, stop = serve_in_thread(lambda: application(dist))
    switches = [stop]

    def switch_off() -> None:
        while switches:
            switches.pop()()

    yield address, switch_off
    switch_off()

"""The built site in a real Chromium: served from this process, every page watched for errors and foreign requests.

Most tests get a page of a *warm* profile (`lab`, `open_lab`): one browser profile for the whole run, whose snapshot of
Python is made once, as for a reader who has been here before. Each test has a page of its own, with empty
`localStorage` and `sessionStorage`. Where the first visit matters, `open_cold` makes a profile for the test alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.build.static_host import SiteFile, application

from .bad_host import BadHost
from .course import CODE, Course, HostPage, open_dialog
from .lab import DESK, PATIENCE, Lab
from .watched import Watched

#: The warm profile has no service worker, so that tests can intercept every request.
NO_SERVICE_WORKER = "delete Navigator.prototype.serviceWorker"

#: A name of this machine that is not `localhost`: pages of such a host, without https, are no secure context.
PLAIN_HOST = "lab.test"

#: As a container's root with no outside network: nothing but what the tests ask for.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
]


expect.set_options(timeout=PATIENCE)


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


def _launch_options() -> dict[str, object]:
    path = os.environ.get("DIFFUSION_LAB_BROWSER") or shutil.which("chromium")
    return {"executable_path": path, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The Chromium in which tests have cold profiles."""
    running = playwright.chromium.launch(**_launch_options())  # type: ignore[arg-type]
    yield running
    running.close()


@pytest.fixture(scope="session")
def new_profile(browser: Browser) -> Callable[..., BrowserContext]:
    """Makes browser profiles: `new_profile(**options of a browser context)`."""

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**{"viewport": DESK, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        return context

    return make


@pytest.fixture(scope="session")
def warm_profile(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmProfile]:
    """The profile that most tests share."""
    folder = tmp_path_factory.mktemp("profile")
    context = playwright.chromium.launch_persistent_context(folder, viewport=DESK, **_launch_options())  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.add_init_script(NO_SERVICE_WORKER)
    yield WarmProfile(context)
    context.close()


class WarmProfile:
    """A browser profile with the site's files in its cache and snapshots of both Pythons for each address."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self._visited: set[str] = set()
        self._devtools = context.new_cdp_session(context.pages[0])

    def new_page(self, address: str) -> Page:
        """A page with empty storage, after the first visit to this address has left its snapshots."""
        if address not in self._visited:
            with self.context.new_page() as page:
                page.goto(address + "embed/ring.html")
                for python in ("python", "cells"):
                    page.wait_for_function(f"() => window.lab?.{python}.snapshot")
                    assert page.evaluate(f"lab.{python}.snapshot") == "kept"
                    page.evaluate("lab.cells.wake()")
            self._visited.add(address)
        origin = address.rstrip("/")
        self._devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage"})
        return self.context.new_page()


def leave(page: Page) -> None:
    """Closes a page of the warm profile after it has stored what it stores at its end.

    A page that is only closed may still store its state when the next test's page already has empty storage.
    """
    if not page.is_closed():
        with contextlib.suppress(PlaywrightError):  # a page that has crashed stores nothing
            page.goto("about:blank")
        page.close()


@pytest.fixture
def watched() -> Iterator[Watched]:
    """The pages of one test."""
    pages = Watched()
    yield pages
    pages.end()


@pytest.fixture
def open_lab(warm_profile: WarmProfile, site: str, watched: Watched) -> Callable[..., Lab]:
    """Makes labs in the warm profile: `open_lab(address, viewport=..., reduced_motion=...)`."""

    def make(address: str = site, viewport: dict[str, int] = DESK, **media: str) -> Lab:
        page = warm_profile.new_page(address)
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        if media:
            page.emulate_media(**media)  # type: ignore[arg-type]
        return watched.lab(page, address, page, lambda: leave(page))

    return make


@pytest.fixture
def open_cold(new_profile: Callable[..., BrowserContext], site: str, watched: Watched) -> Callable[..., Lab]:
    """Makes labs with a new profile each: `open_cold(address, **options of a browser context)`."""

    def make(address: str = site, **options: object) -> Lab:
        context = new_profile(**options)
        return watched.lab(context.new_page(), address, context, context.close)

    return make


@pytest.fixture
def lab(open_lab: Callable[..., Lab]) -> Lab:
    """A lab of desktop width in the light theme, in the warm profile."""
    return open_lab()


@pytest.fixture
def cold_lab(open_cold: Callable[..., Lab]) -> Lab:
    """A lab of a reader who is here for the first time."""
    return open_cold()


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


@pytest.fixture
def plain_site(site: str) -> str:
    """Address of the built site without https, as in a classroom's network."""
    return site.replace("127.0.0.1", PLAIN_HOST)


@pytest.fixture
def bad_host(dist: Path) -> Iterator[BadHost]:
    """A host of the site that misbehaves on request."""
    host = BadHost(dist)
    host.address, stop = serve_in_thread(host.application)
    yield host
    stop()


@pytest.fixture
def course(warm_profile: Any, site: str) -> Iterator[Course]:
    pages: dict[str, str] = {}
    address, stop = serve_in_thread(lambda: Application([(r"/(.*)", HostPage, {"pages": pages})]))
    page = warm_profile.new_page(site)
    made = Course(address, pages, page, site)
    yield made
    page.close()
    stop()
    assert not made.messages, f"the browser's console has complaints: {made.messages}"


@pytest.fixture(scope="module")
def codes(warm_profile: Any, site: str) -> dict[str, str]:
    """The two codes that the dialog gives for one state."""
    page = warm_profile.new_page(site)
    lab = Lab(page, site).open("embed/ring.html?t=0.3&seed=7")
    open_dialog(lab)
    dialog = page.locator("dialog")
    lab.wait(f"{CODE}.includes('data-heights=')")
    found = {}
    for kind in ("iframe", "element"):
        dialog.locator(f"[name=kind][value={kind}]").check()
        found[kind] = dialog.locator("textarea").input_value()
    leave(page)
    return found

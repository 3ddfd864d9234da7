"""What the benchmarks share: a local server that counts bytes, a browser, facts about the machine, tables."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import tornado.httpserver
import tornado.netutil
import tornado.web
from playwright.sync_api import BrowserContext, Playwright

from diffusion_lab.app.build.setup_steps import ROOT, WORK
from diffusion_lab.app.build.static_host import application

DIST = ROOT / "dist"
RESULTS = WORK / "benchmarks"

#: Nothing but this machine can be reached, and nothing of the browser's own work runs beside the page's.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass(frozen=True)
class Request:
    """One answer of the server: bytes of its body as sent, and the size of the file it was made from."""

    path: str
    status: int
    sent: int
    raw: int


class Server:
    """A folder served by the lab's own server in a thread, every answer noted in `requests`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[Request] = []
        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        self.address = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/"
        threading.Thread(target=lambda: asyncio.run(self._serve(sockets)), daemon=True).start()

    async def _serve(self, sockets: list[Any]) -> None:
        app = application(self.folder)
        app.settings["log_function"] = self._note
        tornado.httpserver.HTTPServer(app).add_sockets(sockets)
        await asyncio.Event().wait()

    def _note(self, handler: tornado.web.RequestHandler) -> None:
        path, status = unquote(handler.request.path).lstrip("/"), handler.get_status()
        sent = int(handler._headers.get("Content-Length", 0))
        raw = (self.folder / path).stat().st_size if status == 200 else 0
        self.requests.append(Request(path, status, sent, raw))

    def taken(self) -> list[Request]:
        """What was asked for since the last call. Raises if anything of it was missing."""
        requests, self.requests = self.requests, []
        missing = [request.path for request in requests if request.status >= 400 and request.path != "favicon.ico"]
        if missing:
            raise RuntimeError(f"The page asked for what is not there: {missing}")
        return requests


def browser_path() -> str:
    """The Chromium to measure in."""
    found = shutil.which(os.environ.get("DIFFUSION_LAB_BROWSER") or "chromium")
    if not found:
        raise SystemExit("No Chromium: set DIFFUSION_LAB_BROWSER to a browser's path.")
    return found


@contextmanager
def profile() -> Iterator[Path]:
    """An empty profile, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="profile-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def browser(playwright: Playwright, folder: Path) -> Iterator[BrowserContext]:
    """A browser with this profile, closed at the end; fails if the page asked for anything on another machine."""
    strangers: list[str] = []
    context = playwright.chromium.launch_persistent_context(
        folder,
        executable_path=browser_path(),
        headless=True,
        args=FLAGS,
        viewport={"width": 1280, "height": 900},
    )
    context.on("requestfailed", lambda request: strangers.append(request.url))
    try:
        yield context
    finally:
        context.close()
    if strangers := [url for url in strangers if "//127.0.0.1:" not in url]:
        raise RuntimeError(f"The page asked for what lies on other machines: {sorted(set(strangers))}")


def ring_page() -> str:
    """The address, below the site's root, of the first page with the ring instrument."""
    for page in sorted(DIST.glob("chapters/*.html")):
        if 'data-instrument="ring"' in page.read_text("utf-8"):
            return page.relative_to(DIST).as_posix()
    raise SystemExit("No page of dist/ has the ring instrument; build the site first.")


def machine(playwright: Playwright) -> dict[str, str]:
    """Where the figures come from."""
    chromium = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
    version = chromium.version
    chromium.close()
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), "unknown")
    return {
        "CPU": f"{cpu}, {os.cpu_count()} cores",
        "browser": f"Chromium {version}, headless",
        "load at start": load(),
    }


def load() -> str:
    """The load averages over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned text: first column to the left, numbers to the right; None is a blank."""
    cells = [[*map(str, head)], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 1 else f"{cell:.2f}" if abs(cell) < 20 else f"{cell:.0f}"
    return str(cell)


def finish(
    name: str, facts: dict[str, str], figures: dict[str, Any], copy: Path | None = None, *, key: dict[str, float]
) -> None:
    """Prints the facts and writes everything to a JSON file in `.build/benchmarks/`, and to `copy`.

    `key`: the figures that the report of all benchmarks has; the unit, if any, stands behind the last comma.
    """
    facts = {**facts, "load at end": load()}
    print("\n" + "\n".join(f"{key + ':':15}{value}" for key, value in facts.items()))
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    for target in filter(None, (path, copy)):
        target.write_text(json.dumps({"facts": facts, "key": key, **figures}, indent=1) + "\n")
    print(f"{'written:':15}{path.relative_to(ROOT)}")

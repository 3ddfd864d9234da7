"""Serves the built site on this machine, builds it again when a source file changes, and reloads open pages."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable
from pathlib import Path

import tornado.iostream
import tornado.web
from watchfiles import awatch

from diffusion_lab.app.environment import ROOT, Say, SetupError

WATCHED = ("app", "chapters", "instruments", "static/js", "static/css")

#: Put into the pages that are served by `serve`, never into those in `dist/`.
RELOAD = b'<script>new EventSource("/_changes").onmessage = () => location.reload();</script></body>'

#: Kinds that browsers insist on; a machine's own table may say otherwise.
KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}

#: An author's pages come from the disk alone: a service worker that an earlier visit has left takes itself away.
SERVICE_WORKER = "service-worker.js"
NO_SERVICE_WORKER = (
    "addEventListener('install', () => skipWaiting());"
    "addEventListener('activate', (event) => event.waitUntil(registration.unregister()));"
)


class SiteFile(tornado.web.RequestHandler):
    """A file of the site, or its Brotli twin where the browser takes it; a folder is its `index.html`."""

    def initialize(self, dist: Path, reloads: bool) -> None:
        """`dist`: the site; `reloads`: whether pages listen for changes."""
        self.dist, self.reloads = dist.resolve(), reloads

    def get(self, path: str) -> None:
        """The file at `path`."""
        try:
            file = (self.dist / path).resolve()
        except ValueError:  # a null byte
            raise tornado.web.HTTPError(404) from None
        if not file.is_relative_to(self.dist):
            raise tornado.web.HTTPError(403)
        if file.is_dir():
            file /= "index.html"
        if not file.is_file():
            raise tornado.web.HTTPError(404)
        kind = KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0]
        self.set_header("Content-Type", kind or "application/octet-stream")
        hashed = file.is_relative_to(self.dist / "assets")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable" if hashed else "no-cache")
        if self.reloads and file.suffix == ".html":
            self.write(file.read_bytes().replace(b"</body>", RELOAD))
            return
        if self.reloads and path == SERVICE_WORKER:
            self.write(NO_SERVICE_WORKER)
            return
        twin = file.with_name(file.name + ".br")
        self.set_header("Vary", "Accept-Encoding")
        if "br" in self.request.headers.get("Accept-Encoding", "") and twin.exists():
            self.set_header("Content-Encoding", "br")
            file = twin
        self.write(file.read_bytes())

    head = get


class Changes(tornado.web.RequestHandler):
    """A stream of server-sent events: one message each time the site has been built again."""

    def initialize(self, listeners: set[asyncio.Event]) -> None:
        """`listeners`: one event for each open page, set by the builder."""
        self.listeners = listeners

    async def get(self) -> None:
        """Stays open as long as the page does."""
        self.set_header("Content-Type", "text/event-stream")
        changed = asyncio.Event()
        self.listeners.add(changed)
        try:
            await self.flush()
            while True:
                await changed.wait()
                changed.clear()
                self.write("data: built\n\n")
                await self.flush()
        except tornado.iostream.StreamClosedError:
            pass
        finally:
            self.listeners.discard(changed)


def application(dist: Path, listeners: set[asyncio.Event] | None = None) -> tornado.web.Application:
    """The site as a web application; with `listeners` its pages reload when one is told to."""
    routes: list[tuple[str, type, dict[str, object]]] = [
        (r"/(.*)", SiteFile, {"dist": dist, "reloads": listeners is not None})
    ]
    if listeners is not None:
        routes.insert(0, (r"/_changes", Changes, {"listeners": listeners}))
    return tornado.web.Application(routes)


def serve(dist: Path, port: int, rebuild: Callable[[], object], say: Say) -> None:
    """Serves `dist` on 127.0.0.1 until interrupted; `rebuild` is called after each change of a source file."""
    asyncio.run(_serve(dist, port, rebuild, say))


async def _serve(dist: Path, port: int, rebuild: Callable[[], object], say: Say) -> None:
    listeners: set[asyncio.Event] = set()
    application(dist, listeners).listen(port, "127.0.0.1")
    say(f"the lab is at http://127.0.0.1:{port}/  (stop with Ctrl-C)")
    async for changes in awatch(*(ROOT / name for name in WATCHED)):
        names = sorted({str(Path(path).relative_to(ROOT)) for _, path in changes})
        say(f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''} changed: building again")
        try:
            await asyncio.to_thread(rebuild)
        except SetupError as error:
            say(f"not built: {error}")
            continue
        say("built")
        for changed in listeners:
            changed.set()

"""`build.py serve`: rebuilds a draft when a file changes and notifies open pages, which keep their scroll and state."""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import tornado.iostream
import tornado.web
from watchfiles import awatch

from diffusion_lab.app.build.node_python import SCRIPTS, NodePython
from diffusion_lab.app.build.setup_steps import ROOT, Say, SetupError, place_and_message
from diffusion_lab.app.build.site import DRAFT, build_site
from diffusion_lab.app.build.static_host import application

WATCHED = ("app", "chapters", "instruments", "static/js", "static/css")

#: Added to the pages that `serve` sends, never to those of `dist/`.
SCRIPT = ROOT / "static/js/page/live_preview.js"

STYLE = re.compile(rb'<link rel="stylesheet" href="(?:\.\./)*([^"]*)"')
SEARCH = re.compile(rb' data-documents="(?:\.\./)*([^"]*)"')


class Draft:
    """The last built draft, the error of the last build, and the open pages to notify."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error = ""
        self.listeners: set[asyncio.Event] = set()

    def tell(self, error: str) -> None:
        """Stores the error of a new build ("" if it succeeded) and notifies all open pages."""
        self.error = error
        for listener in self.listeners:
            listener.set()

    def state(self, path: str) -> dict[str, str]:
        """Returns the state of the page at `path`: its versions (see `_versions`), and the build error."""
        file = (self.folder / path).resolve()
        if file.is_dir():
            file /= "index.html"
        known = file.is_relative_to(self.folder.resolve()) and file.is_file()
        return {**_versions(file.read_bytes() if known else b""), "error": self.error}


def dressed(page: bytes) -> bytes:
    """Returns the page with the live preview script added; it runs before the page's own scripts."""
    state = html.escape(json.dumps(_versions(page)))
    script = f'<script type="module" src="/_author/live_preview.js" data-author="{state}"></script>'
    return page.replace(b"<head>", b"<head>" + script.encode(), 1)


def _versions(page: bytes) -> dict[str, str]:
    """Returns the addresses of the page's style sheet and of what it searches, and a hash of the page without them.

    Every change to a text gives the search another address on all pages.
    """
    style, search = STYLE.search(page), SEARCH.search(page)
    bare = SEARCH.sub(b"", STYLE.sub(b"", page))
    return {
        "page": hashlib.sha256(bare).hexdigest(),
        "style": style[1].decode() if style else "",
        "search": search[1].decode() if search else "",
    }


class AuthorScript(tornado.web.RequestHandler):
    """Serves the live preview script."""

    def get(self) -> None:
        """Sends the current file of the checkout, uncached."""
        self.set_header("Content-Type", "text/javascript")
        self.set_header("Cache-Control", "no-store")
        self.write(SCRIPT.read_bytes())


class NoServiceWorker(tornado.web.RequestHandler):
    """Serves a service worker that unregisters itself.

    Draft pages must come from the disk, never from the cache of a service worker that an earlier visit installed.
    """

    def get(self) -> None:
        """Sends it at the address of the site's own service worker."""
        self.set_header("Content-Type", "text/javascript")
        self.set_header("Cache-Control", "no-store")
        self.write(
            "addEventListener('install', () => skipWaiting());"
            "addEventListener('activate', (event) => event.waitUntil(registration.unregister()));"
        )


class Changes(tornado.web.RequestHandler):
    """Streams server-sent events: the state of one page, now and after each build."""

    def initialize(self, draft: Draft) -> None:
        """`draft`: the draft that is served."""
        self.draft = draft

    async def get(self) -> None:
        """Sends events until the page closes the connection."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        path = self.get_query_argument("page").lstrip("/")
        changed = asyncio.Event()
        self.draft.listeners.add(changed)
        try:
            self.write("retry: 300\n\n")
            while True:
                self.write(f"data: {json.dumps(self.draft.state(path))}\n\n")
                await self.flush()
                await changed.wait()
                changed.clear()
        except tornado.iostream.StreamClosedError:
            pass
        finally:
            self.draft.listeners.discard(changed)


def author_application(draft: Draft) -> tornado.web.Application:
    """Returns a web application that serves the draft."""
    routes = [
        (r"/_author/live_preview.js", AuthorScript),
        (r"/_author/changes", Changes, {"draft": draft}),
        (r"/service-worker.js", NoServiceWorker),
    ]
    return application(draft.folder, dressed, routes)


class Rebuild:
    """Rebuilds the draft in this process, which has everything imported, until a module of the builder changes.

    After that, each rebuild runs in a fresh process, because this one holds the old code.
    """

    def __init__(self, numpy_wheel: Path, say: Say, python: NodePython) -> None:
        self._numpy_wheel, self._say, self._python = numpy_wheel, say, python
        self._outdated = False

    def __call__(self, changed: Iterable[Path]) -> str:
        """Rebuilds after the files `changed` were modified; returns the error message, "" on success."""
        if not self._outdated and any(_is_builder(path) for path in changed):
            self._say("the builder itself has changed: from now on each build runs in a fresh process")
            self._outdated = True
            self._python.close()
        return self._in_fresh_process() if self._outdated else self._here()

    def _here(self) -> str:
        try:
            build_site(self._numpy_wheel, lambda _: None, self._python)
        except SetupError as error:
            return str(error)
        except Exception as error:  # an author's mistake can raise anything; the server must go on
            return place_and_message(error)
        return ""

    def _in_fresh_process(self) -> str:
        command = [sys.executable, str(ROOT / "build.py"), "site", "--draft"]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        return done.stderr.strip().removeprefix("build.py: ") if done.returncode else ""


def _is_builder(path: Path) -> bool:
    """Returns whether this process has already loaded the file."""
    modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return str(path) in modules or path == SCRIPTS / "pyodide_run.mjs"


def serve(numpy_wheel: Path, port: int, say: Say) -> None:
    """Builds the draft and serves it on 127.0.0.1 until interrupted."""
    with NodePython() as python:
        build_site(numpy_wheel, say, python)
        asyncio.run(_serve(Draft(DRAFT), port, Rebuild(numpy_wheel, say, python), say, python))


async def _serve(draft: Draft, port: int, rebuild: Callable[[Any], str], say: Say, python: NodePython) -> None:
    author_application(draft).listen(port, "127.0.0.1")
    say(f"the lab is at http://127.0.0.1:{port}/  (stop with Ctrl-C)")
    python.start()  # in the background, so that it is ready for the first edit of an instrument
    async for changes in awatch(*(ROOT / name for name in WATCHED)):
        paths = {Path(path) for _, path in changes}
        names = sorted(str(path.relative_to(ROOT)) for path in paths)
        say(f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''} changed: building again")
        start = time.monotonic()
        error = await asyncio.to_thread(rebuild, paths)
        say(f"not built: {error}" if error else f"built in {time.monotonic() - start:.1f} s")
        draft.tell(error)

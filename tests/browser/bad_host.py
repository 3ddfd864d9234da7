"""A host of the built site that misbehaves on request: it cuts, damages, withholds or replaces files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from tornado.web import Application, HTTPError

from diffusion_lab.app.build.static_host import SiteFile

LOGIN = b"<!doctype html><title>Sign in</title><form><input name=user></form>"

#: What can be wrong with a file → what is then sent.
TROUBLES = {
    "cut": "half of the bytes that were announced, then the connection is closed",
    "short": "half of the bytes, announced as all",
    "damaged": "twenty bytes in the middle are wrong",
    "login page": "a web page, as if nothing were wrong",
    "404": "an error",
    "503": "an error",
    "hangs": "half of the bytes, then nothing",
    "silent": "not even a header",
    "wrong type": "the file as `application/octet-stream`",
}


class BadHost:
    """What is wrong at present: patterns of file names → a trouble. Files are sent uncompressed.

    A trouble with ` once` after it ends with the first request.
    """

    def __init__(self, dist: Path) -> None:
        self.dist = dist
        self.troubles: dict[str, str] = {}
        #: Whether it answers a request for `x.html` with a redirection to `x`.
        self.drops_html = False
        #: Whether it has another version of the pages, with another script.
        self.newer = False
        #: The address, once it is served.
        self.address = ""

    def application(self) -> Application:
        """The web application."""
        return Application([(r"/(.*)", BadFile, {"dist": self.dist, "dress": None, "host": self})])

    def trouble(self, path: str) -> str:
        """What is wrong with a file, or ""."""
        name = next((name for name in self.troubles if fnmatch(path, name)), "")
        trouble = self.troubles.get(name, "")
        if trouble.endswith(" once"):
            del self.troubles[name]
        return trouble.removesuffix(" once")


class BadFile(SiteFile):
    """Serves a file, with its trouble if it has one."""

    def initialize(self, dist: Path, dress: Callable[[bytes], bytes] | None, host: BadHost) -> None:  # type: ignore[override]
        """`host`: what is wrong."""
        super().initialize(dist, dress)
        self.host = host

    async def get(self, path: str) -> None:  # type: ignore[override]
        """Sends the file at `path`, or what comes instead."""
        trouble = self.host.trouble(path)
        if trouble:
            assert trouble in TROUBLES
            self.request.headers.pop("Accept-Encoding", None)
        if self.host.drops_html and path.endswith(".html"):
            self.redirect("/" + path.removesuffix(".html").removesuffix("index"))
            return
        if self.host.drops_html and path and not Path(path).suffix and not path.endswith("/"):
            path += ".html"
        if trouble == "silent":
            await asyncio.Event().wait()
        if trouble in ("404", "503"):
            raise HTTPError(int(trouble))
        if trouble == "login page":
            self.set_header("Content-Type", "text/html")
            self.finish(LOGIN)
            return
        if self.host.newer:
            self.request.headers.pop("Accept-Encoding", None)
        super().get(path)
        data = b"".join(self._write_buffer)
        self._write_buffer.clear()
        await self._misbehave(trouble, data)

    async def _misbehave(self, trouble: str, data: bytes) -> None:
        if self.host.newer:
            data = data.replace(b"assets/main.", b"assets/main.2.")
        if trouble == "wrong type":
            self.set_header("Content-Type", "application/octet-stream")
        if trouble == "damaged":
            middle = len(data) // 2
            data = data[:middle] + bytes(byte ^ 0x55 for byte in data[middle : middle + 20]) + data[middle + 20 :]
        if trouble == "short":
            data = data[: len(data) // 2]
        self.set_header("Content-Length", str(len(data)))
        if trouble in ("cut", "hangs"):
            self.write(data[: len(data) // 2])
            await self.flush()
            if trouble == "hangs":
                await asyncio.Event().wait()
            self.request.connection.stream.close()  # type: ignore[union-attr]
            return
        self.finish(data)

    head = get

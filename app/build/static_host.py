"""Serves a built site locally like a static host: MIME types, cache headers, compressed copies."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tornado.web

#: MIME types that browsers require; the machine's own table may differ.
KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}

#: Encoding → suffix of the compressed copy, the smaller first.
TWINS = {"br": ".br", "gzip": ".gz"}


class SiteFile(tornado.web.RequestHandler):
    """Serves a file of the site, or its compressed copy if the browser accepts it; `index.html` for a folder."""

    def initialize(self, dist: Path, dress: Callable[[bytes], bytes] | None) -> None:
        """`dist`: folder of the site; `dress`: function applied to each page before it is sent, or None."""
        self.dist, self.dress = dist.resolve(), dress

    def get(self, path: str) -> None:
        """Sends the file at `path`."""
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
        if self.dress and file.suffix == ".html":
            self.write(self.dress(file.read_bytes()))
            return
        self.set_header("Vary", "Accept-Encoding")
        taken = accepted(self.request.headers.get("Accept-Encoding", ""))
        for encoding, ending in TWINS.items():
            twin = file.with_name(file.name + ending)
            if encoding in taken and twin.exists():
                self.set_header("Content-Encoding", encoding)
                file = twin
                break
        self.write(file.read_bytes())

    head = get


def accepted(header: str) -> set[str]:
    """Returns the encodings in an `Accept-Encoding` header, without those of weight 0."""
    named = (re.fullmatch(r"\s*([\w*-]+)\s*(?:;\s*q=([\d.]+)\s*)?", part) for part in header.split(","))
    return {match[1].lower() for match in named if match and float(match[2] or 1) > 0}


def application(
    dist: Path, dress: Callable[[bytes], bytes] | None = None, routes: Sequence[Any] = ()
) -> tornado.web.Application:
    """Returns a web application that serves the site. `routes` take precedence; `dress` is applied to each page."""
    return tornado.web.Application([*routes, (r"/(.*)", SiteFile, {"dist": dist, "dress": dress})])

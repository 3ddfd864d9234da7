"""The lab's own server: kinds of files, compressed twins, what a browser may keep, and no way out of the site."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import brotli
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from diffusion_lab.app.build.static_host import application

PAGE = b"<html><body>a page</body></html>"


@pytest.fixture
def dist(tmp_path) -> Path:
    site = tmp_path / "dist"
    (site / "assets").mkdir(parents=True)
    (site / "chapters").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "dist-other").mkdir()
    (tmp_path / "dist-other/secret.txt").write_text("secret")
    (site / "index.html").write_bytes(PAGE)
    (site / "chapters/01.html").write_bytes(PAGE)
    (site / "chapters/01.html.br").write_bytes(brotli.compress(PAGE))
    for name in ("a.mjs", "a.js", "a.wasm", "a.css", "a.json", "a.woff2", "a.bin"):
        (site / "assets" / name).write_bytes(b"plain " + name.encode())
    (site / "assets/a.wasm.br").write_bytes(brotli.compress(b"plain a.wasm"))
    return site


@asynccontextmanager
async def serving(dist: Path, dress: Callable[[bytes], bytes] | None = None) -> AsyncIterator[int]:
    sock, port = bind_unused_port()
    server = HTTPServer(application(dist, dress))
    server.add_sockets([sock])
    try:
        yield port
    finally:
        server.stop()
        await server.close_all_connections()


def get(dist: Path, path: str, *, dress: Callable[[bytes], bytes] | None = None, **options) -> HTTPResponse:
    async def fetch() -> HTTPResponse:
        async with serving(dist, dress) as port:
            options.setdefault("decompress_response", False)
            return await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}{path}", raise_error=False, **options)

    return asyncio.run(fetch())


def raw(dist: Path, target: str) -> bytes:
    """The first line of the answer to a request target that no client would send as it is."""

    async def ask() -> bytes:
        async with serving(dist) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
            writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            return answer

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mjs", "text/javascript"),
        ("a.js", "text/javascript"),
        ("a.wasm", "application/wasm"),
        ("a.css", "text/css"),
        ("a.json", "application/json"),
        ("a.woff2", "font/woff2"),
        ("a.bin", "application/octet-stream"),
    ],
)
def test_files_have_their_kind(dist, name, kind):
    answer = get(dist, f"/assets/{name}")
    # Panel, once imported, tells Python's own table the older name of JavaScript; browsers take both.
    got = answer.headers["Content-Type"].replace("application/javascript", "text/javascript")
    assert (answer.code, got, answer.body) == (200, kind, f"plain {name}".encode())


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_a_folder_is_its_index(dist, path):
    answer = get(dist, path)
    assert (answer.code, answer.body) == (200, PAGE)
    assert answer.headers["Content-Type"].startswith("text/html")


def test_what_has_a_hash_in_its_name_is_kept_and_pages_are_asked_for_again(dist):
    assert get(dist, "/assets/a.js").headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert get(dist, "/chapters/01.html").headers["Cache-Control"] == "no-cache"


def test_a_browser_that_takes_brotli_gets_the_twin(dist):
    plain = get(dist, "/assets/a.wasm")
    twin = get(dist, "/assets/a.wasm", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert twin.headers["Content-Encoding"] == "br"
    assert (brotli.decompress(twin.body), plain.body) == (b"plain a.wasm", b"plain a.wasm")
    assert twin.headers["Content-Type"] == "application/wasm"
    assert twin.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


def test_a_file_without_a_twin_goes_as_it_is(dist):
    answer = get(dist, "/assets/a.js", headers={"Accept-Encoding": "br"})
    assert "Content-Encoding" not in answer.headers
    assert answer.body == b"plain a.js"


def test_head_says_the_same_and_sends_nothing(dist):
    whole, head = get(dist, "/assets/a.js"), get(dist, "/assets/a.js", method="HEAD")
    assert head.body == b""
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]


def test_an_unchanged_page_is_not_sent_again(dist):
    etag = get(dist, "/chapters/01.html").headers["Etag"]
    assert get(dist, "/chapters/01.html", headers={"If-None-Match": etag}).code == 304


@pytest.mark.parametrize("path", ["/absent.html", "/chapters/", "/assets", "/secret.txt"])
def test_what_is_not_there_is_404(dist, path):
    assert get(dist, path).code == 404


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/../dist-other/secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
    ],
)
def test_there_is_no_way_out_of_the_site(dist, target):
    answer = raw(dist, target)
    assert answer.split(b"\r\n")[0] in (b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 404 Not Found")
    assert b"secret" not in answer.replace(target.encode(), b"")
    assert b"root:" not in answer


def test_a_link_out_of_the_site_is_not_followed(dist):
    (dist / "link.txt").symlink_to(dist.parent / "secret.txt")
    assert get(dist, "/link.txt").code == 403


def test_a_null_byte_is_no_file():
    dist = Path(__file__).parent
    assert raw(dist, "/a%00b").split(b"\r\n")[0] in (b"HTTP/1.1 403 Forbidden", b"HTTP/1.1 404 Not Found")


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("br;q=1.0, gzip;q=0.8", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("brotli", None),
        ("identity", None),
        ("", None),
    ],
)
def test_the_best_twin_that_the_browser_takes(dist, header, encoding):
    (dist / "assets/a.wasm.gz").write_bytes(gzip.compress(b"plain a.wasm"))
    answer = get(dist, "/assets/a.wasm", headers={"Accept-Encoding": header})
    assert answer.headers.get("Content-Encoding") == encoding
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert unpack(answer.body) == b"plain a.wasm"


def test_a_page_can_be_dressed_on_its_way(dist):
    def dress(page: bytes) -> bytes:
        return page.replace(b"a page", b"another page")

    answer = get(dist, "/chapters/01.html", dress=dress, headers={"Accept-Encoding": "br"})
    assert "Content-Encoding" not in answer.headers
    assert answer.body == dress(PAGE) != PAGE
    assert get(dist, "/assets/a.js", dress=lambda page: b"").body == b"plain a.js"
    assert get(dist, "/chapters/01.html").body == PAGE

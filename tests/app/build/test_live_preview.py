"""What `serve` tells the pages of an author, and how it builds again. (In a browser: `browser/test_authoring.py`.)"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from diffusion_lab.app.build import live_preview
from diffusion_lab.app.build.live_preview import Draft, Rebuild, author_application, dressed
from diffusion_lab.app.build.setup_steps import ROOT, SetupError

PAGE = (
    b'<html><head><link rel="stylesheet" href="../assets/style.1.css"></head>'
    b'<body><button data-documents="../assets/search.1.json"></button>a page</body></html>'
)


@pytest.fixture
def draft(tmp_path) -> Draft:
    (tmp_path / "draft/chapters").mkdir(parents=True)
    (tmp_path / "draft/chapters/01.html").write_bytes(PAGE)
    (tmp_path / "draft/index.html").write_bytes(PAGE.replace(b"../", b""))
    return Draft(tmp_path / "draft")


def change(draft: Draft, old: bytes, new: bytes) -> None:
    path = draft.folder / "chapters/01.html"
    path.write_bytes(path.read_bytes().replace(old, new))


def test_the_script_runs_before_those_of_the_page():
    page = dressed(PAGE)
    assert page.index(b"/_author/live_preview.js") < page.index(b"stylesheet")
    assert page.replace(page[page.index(b"<script") : page.index(b"</script>") + 9], b"") == PAGE


def test_a_page_knows_the_state_that_it_was_sent_in(draft):
    page = dressed(PAGE).decode()
    told = json.loads(unescape(page.split('data-author="')[1].split('"')[0]))
    assert {**told, "error": ""} == draft.state("chapters/01.html")
    assert (told["style"], told["search"]) == ("assets/style.1.css", "assets/search.1.json")


def test_another_style_sheet_or_search_is_not_a_new_page(draft):
    before = draft.state("chapters/01.html")
    change(draft, b"style.1", b"style.2")
    assert draft.state("chapters/01.html") == {**before, "style": "assets/style.2.css"}
    change(draft, b"search.1", b"search.2")
    both = {"style": "assets/style.2.css", "search": "assets/search.2.json"}
    assert draft.state("chapters/01.html") == {**before, **both}


@pytest.mark.parametrize(("old", "new"), [(b"a page", b"the page"), (b"</head>", b"<script></script></head>")])
def test_any_other_change_is_a_new_page(draft, old, new):
    before = draft.state("chapters/01.html")
    change(draft, old, new)
    after = draft.state("chapters/01.html")
    assert after["page"] != before["page"]
    assert after["style"] == before["style"]


def test_the_front_page_goes_by_its_folder(draft):
    assert draft.state("") == draft.state("index.html")
    assert draft.state("")["style"] == "assets/style.1.css"


@pytest.mark.parametrize("path", ["gone.html", "../secret.html", "chapters/../../secret.html"])
def test_a_page_that_is_not_there_is_a_page_without_contents(draft, path):
    (draft.folder.parent / "secret.html").write_bytes(PAGE)
    assert draft.state(path) == draft.state("absent.html")


# --- the stream ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(draft: Draft) -> AsyncIterator[int]:
    sock, port = bind_unused_port()
    server = HTTPServer(author_application(draft))
    server.add_sockets([sock])
    try:
        yield port
    finally:
        server.stop()
        await server.close_all_connections()


def test_a_page_hears_of_the_present_and_of_each_build_until_it_goes(draft):
    async def listen() -> list[dict[str, str]]:
        async with serving(draft) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /_author/changes?page=%2Fchapters%2F01.html HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"text/event-stream" in await reader.readuntil(b"\r\n\r\n")

            async def heard() -> dict[str, str]:
                text = await asyncio.wait_for(reader.readuntil(b"}\n\n"), 5)
                return json.loads(text.split(b"data: ")[1])

            got = [await heard()]
            draft.tell("chapters/01.md:3: wrong")
            got.append(await heard())
            change(draft, b"a page", b"the page")
            draft.tell("")
            got.append(await heard())
            writer.close()
            while draft.listeners:  # until the closed connection is noticed
                draft.tell("")
                await asyncio.sleep(0)
        return got

    first, failed, mended = asyncio.run(asyncio.wait_for(listen(), 20))
    assert failed == {**first, "error": "chapters/01.md:3: wrong"}
    assert mended["error"] == ""
    assert mended["page"] != first["page"]


def test_the_script_is_the_one_in_the_checkout(draft):
    async def fetch() -> bytes:
        async with serving(draft) as port:
            return (await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/_author/live_preview.js")).body

    assert asyncio.run(fetch()) == (ROOT / "static/js/page/live_preview.js").read_bytes()


def test_an_author_has_no_service_worker(draft):
    (draft.folder / "service-worker.js").write_bytes(b"keeps the site")

    async def fetch() -> bytes:
        async with serving(draft) as port:
            return (await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/service-worker.js")).body

    got = asyncio.run(fetch())
    assert b"keeps" not in got
    assert b"registration.unregister()" in got


# --- building again --------------------------------------------------------------------------------------------------


class Python:
    """Stands for the warm Pyodide."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def rebuild(monkeypatch) -> Rebuild:
    monkeypatch.setattr(Rebuild, "_in_fresh_process", lambda self: "fresh")
    return Rebuild(Path("numpy.whl"), lambda _: None, Python())


def builds(monkeypatch, error: Exception | None = None) -> None:
    def build_site(*_: object) -> None:
        if error:
            raise error

    monkeypatch.setattr(live_preview, "build_site", build_site)


def test_what_is_not_of_the_builder_is_built_here(rebuild, monkeypatch):
    builds(monkeypatch)
    changed = [
        "chapters/01-forward.md",
        "static/js/page/main.js",
        "app/build/templates/base.html",
        "app/browser/worker_api.py",
    ]
    assert rebuild([ROOT / path for path in changed]) == ""
    assert not rebuild._python.closed


@pytest.mark.parametrize(
    "path",
    ["app/build/site.py", "app/build/chapter_parser.py", "app/build/live_preview.py", "app/build/node/pyodide_run.mjs"],
)
def test_a_builder_that_has_changed_is_not_used_any_more(rebuild, monkeypatch, path):
    builds(monkeypatch)
    assert rebuild([ROOT / path]) == "fresh"
    assert rebuild([ROOT / "chapters/01-forward.md"]) == "fresh"
    assert rebuild._python.closed


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SetupError("chapters/01.md:3: wrong"), "chapters/01.md:3: wrong"),
        (
            KeyError("absent"),
            f"tests/app/build/test_live_preview.py:{builds.__code__.co_firstlineno + 3}: KeyError: 'absent'",
        ),
    ],
)
def test_no_error_ends_the_server(rebuild, monkeypatch, error, told):
    builds(monkeypatch, error)
    assert rebuild([ROOT / "chapters/01-forward.md"]) == told


def test_what_runs_in_fresh_processes_is_not_of_the_builder():
    """Else each edit of an instrument would end the warm process."""
    command = "import sys; from diffusion_lab.app.build import live_preview; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    modules = {name.removeprefix("diffusion_lab.") for name in done.stdout.split() if name.startswith("diffusion_lab.")}
    assert "app.build.site" in modules
    cells_and_pictures = {
        *("app.build.prerender", "app.build.still_frames", "app.build.stored_states", "app.cells.session"),
        *(f"app.instrument.{name}" for name in ("figure_svg", "markup", "scene_figures", "theme", "view")),
    }
    assert not cells_and_pictures & modules
    assert not [name for name in modules if name.startswith("instruments")]
    assert not {"bokeh", "panel", "IPython"} & set(done.stdout.split())

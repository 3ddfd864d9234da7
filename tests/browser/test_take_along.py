"""What readers take along: a chapter as a zip, which runs from a folder on a server that knows nothing of it."""

from __future__ import annotations

import http.server
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

SLUG = "02-learning"
CHAPTER = f"chapters/{SLUG}.html"
FOLDER = "diffusion-instrument-lab/"


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """What `python3 -m http.server` does with an empty folder: the folder, its address, and what it could not serve."""
    refused: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_error(self, form: str, *arguments: Any) -> None:
            refused.append(self.path)

        def log_message(self, form: str, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}/", refused
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_chapter_as_a_zip_runs_from_a_folder(
    open_cold: Callable[..., Any], dist: Path, tmp_path_factory: Any, plain_server: Any
) -> None:
    lab = open_cold().open(CHAPTER, live=False)
    said = lab.page.locator(".take output")
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Page as a zip").click()
        expect(said).to_have_text(re.compile(r"^\d+ of \d+ files, \d+ MB$"))
    expect(said).to_have_text(re.compile(r"^Saved as diffusion-instrument-lab-02-learning\.zip, \d+ MB\."))
    folder, address, refused = plain_server
    kept = tmp_path_factory.mktemp("saved") / download.value.suggested_filename
    download.value.save_as(kept)
    with zipfile.ZipFile(kept) as zipped:
        assert zipped.testzip() is None
        assert all(name.startswith(FOLDER) for name in zipped.namelist())
        zipped.extractall(folder)
    (inside,) = folder.iterdir()

    names = {path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file()}
    names = {name for name in names if not name.endswith((".br", ".gz"))}
    assert {path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file()} == names | {
        "README.txt"
    }
    assert all((inside / name).read_bytes() == (dist / name).read_bytes() for name in names)
    read_me = (inside / "README.txt").read_text("utf-8")
    assert "    python3 -m http.server\n" in read_me
    assert f"    http://localhost:8000/{CHAPTER}\n" in read_me
    assert json.loads((inside / f"chapters/{SLUG}.ipynb").read_text("utf-8"))["nbformat"] == 4

    taken = open_cold(address + FOLDER).open(CHAPTER)
    cell = taken.page.locator("[data-cell]").first
    cell.locator(".run").click()
    cell.locator(".state", has_text="ms").wait_for()
    assert cell.locator(".output").count()
    assert not cell.locator(".output.error").count()
    taken.wait("navigator.serviceWorker?.controller?.state === 'activated'")  # it has asked for all files
    taken.page.locator(".turn [rel=prev]").click()
    taken.wait_live()
    assert refused == []


def test_a_file_that_cannot_be_had_is_named_and_nothing_is_saved(open_cold: Callable[..., Any]) -> None:
    lab = open_cold().open(CHAPTER, live=False)
    lab.page.context.route("**/embed/ring.html", lambda route: route.fulfill(status=503))
    downloads: list[object] = []
    lab.page.on("download", lambda download: downloads.append(download))
    button, said = lab.page.get_by_role("button", name="Page as a zip"), lab.page.locator(".take output")
    button.click()
    words = re.compile(
        r"^No zip was made: /embed/ring\.html could not be downloaded, because the server answered 503\."
    )
    expect(said).to_have_text(words)
    expect(button).to_be_enabled()
    assert not downloads
    lab.page.context.unroute("**/embed/ring.html")
    with lab.page.expect_download():
        button.click()
    lab.messages = [text for text in lab.messages if "503" not in text]


def test_a_chapter_as_a_notebook(lab: Any) -> None:
    lab.open(CHAPTER, live=False)
    with lab.page.expect_download() as download:
        lab.page.get_by_role("link", name="Jupyter notebook").click()
    assert download.value.suggested_filename == f"{SLUG}.ipynb"
    assert json.loads(download.value.path().read_text("utf-8"))["metadata"]["title"]

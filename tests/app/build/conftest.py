"""A small checkout whose functions run in fresh processes."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffusion_lab.app.build import build_cache, fresh_process

PROBE = """
import os
from pathlib import Path

import probe_helper

HERE = Path(__file__).parent


def answer(*arguments):
    with (HERE / "calls.log").open("a") as log:
        log.write("called\\n")
    return [probe_helper.VALUE, (HERE / "data.txt").read_text(), *arguments]


def refuse():
    from diffusion_lab.app.build.rendered import ContentError

    raise ContentError("no such thing", 3, 7)


def fail():
    return 1 / 0


def die():
    os._exit(5)
"""


@pytest.fixture
def probe(tmp_path, monkeypatch) -> Iterator[Path]:
    """A checkout of two modules and a data file, all written long ago. Its log of calls is no dependency."""
    app = tmp_path / "app"
    app.mkdir()
    for name, text in {"probe.py": PROBE, "probe_helper.py": "VALUE = 1\n", "data.txt": "a"}.items():
        put(app / name, text)
    monkeypatch.syspath_prepend(str(app))
    for module in (build_cache, fresh_process):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(fresh_process, "NOT_SOURCES", {*fresh_process.NOT_SOURCES, "calls.log"})
    yield app
    shutil.rmtree(fresh_process.BYTE_CODE / tmp_path.relative_to("/"), ignore_errors=True)


def put(path: Path, text: str, age: float = 100.0) -> None:
    """Writes a file, as if so many seconds ago."""
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)

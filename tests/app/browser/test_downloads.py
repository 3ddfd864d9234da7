"""Weights in the browser: downloaded with progress where they are missing; a fake page downloads."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diffusion_lab.app.instrument import (
    Instrument,
    Panel,
    Status,
    Transport,
    asset,
    assets,
    computed,
    readings,
    whole,
)  # fmt: skip
from diffusion_lab.app.instrument.computed import NotReady

MODULE = "diffusion_lab.app.browser.downloads"


class Download:
    """Stands for `labWeights` of the worker: each time it is asked it has got so many bytes more."""

    def __init__(self, data: bytes, step: int) -> None:
        self.data, self.step, self.done, self.error = data, step, -step, ""
        self.asked: list[tuple[str, str]] = []

    def __call__(self, folder: str, name: str) -> Any:
        self.asked.append((folder, name))
        self.done += self.step
        state: dict[str, Any] = {"done": self.done, "of": len(self.data)}
        if self.error:
            state = {"error": self.error}
        elif self.done >= len(self.data):
            state = {"data": self.data}
        return types.SimpleNamespace(to_py=lambda: state)


@pytest.fixture
def download() -> Download:
    return Download(b"0123456789", 4)


@pytest.fixture
def fetch(download, monkeypatch) -> Iterator[Any]:
    """The module's `fetch`, which is used for every asset while the test runs."""
    monkeypatch.setitem(sys.modules, "js", types.SimpleNamespace(labWeights=download))
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    monkeypatch.setattr(assets, "_fetch", [*assets._fetch])
    module = importlib.import_module(MODULE)
    module.install()
    yield module.fetch
    sys.modules.pop(MODULE, None)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "lib/instruments/net/weights.npz"


def finished(work) -> tuple[list[tuple[int, int]], Any]:
    """What work yields, and what it returns."""
    yielded = []
    while True:
        try:
            yielded.append(next(work))
        except StopIteration as end:
            return yielded, end.value


def test_a_missing_file_is_downloaded_with_progress(fetch, download, path):
    assert finished(asset(path)) == ([(0, 10), (4, 10), (8, 10)], path)
    assert path.read_bytes() == b"0123456789"
    assert set(download.asked) == {("net", "weights.npz")}


def test_a_file_that_is_there_is_not_downloaded(fetch, download, path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    assert finished(asset(path)) == ([], path)
    assert (download.asked, path.read_bytes()) == ([], b"mine")


def test_a_download_that_fails_says_so_and_can_be_asked_for_again(fetch, download, path):
    download.error = "weights.npz could not be downloaded"
    with pytest.raises(OSError, match=r"^weights\.npz could not be downloaded$"):
        finished(asset(path))
    assert not path.exists()
    download.error = ""
    assert finished(asset(path))[1].read_bytes() == download.data


def test_two_that_wait_for_one_file_both_get_it(fetch, download, path):
    one, other = asset(path), asset(path)
    assert (next(one), next(other)) == ((0, 10), (4, 10))
    assert finished(one)[1].exists()
    assert finished(other) == ([], path)


class Learned(Instrument):
    """Reads its weights."""

    folder: Path
    seed = whole(0, 0, 9, "Seed", "Seed.")
    panel = Panel(Transport("Go", plays="seed", seconds=1))

    @computed(work=True, unit="bytes")
    def weights(self):
        path = yield from asset(self.folder)
        return path.read_bytes()


def test_an_instrument_waits_for_its_weights_in_slices(fetch, download, path):
    learned = Learned()
    learned.folder = path
    seen = []
    for _ in range(4):
        with learned._graph.slice(0.0):
            try:
                seen.append(learned.weights)
            except NotReady:
                seen.append(learned._graph.progress.done)
    assert seen == [0, 4, 8, b"0123456789"]


def test_on_the_author_s_machine_a_missing_file_is_an_error(path):
    with pytest.raises(FileNotFoundError, match=r"The weights weights\.npz are missing from .*net\."):
        finished(asset(path))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    assert finished(asset(path)) == ([], path)


def test_a_snapshot_waits_for_no_weights_and_no_long_work(fetch, download, path, monkeypatch):
    """The loop that waits for a download would never end there: the worker that makes it handles no messages."""

    class Net(Learned):
        """Reads weights, and trains for ever."""

        folder = path

        @computed(work=True)
        def trained(self):
            while True:
                yield 1, 2

        @readings
        def of_weights(self):
            return {"net": self.weights}

        @readings
        def of_training(self):
            return {"training": self.trained}

        def status(self):
            return Status("")

        def describe(self):
            return ""

    ffi = types.SimpleNamespace(to_js=lambda value: value)
    for name, module in {"pyodide": types.SimpleNamespace(ffi=ffi), "pyodide.ffi": ffi}.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("linked_instruments", "worker_api"):  # they are removed again
        monkeypatch.setitem(sys.modules, f"diffusion_lab.app.browser.{name}", types.ModuleType(name))
        del sys.modules[f"diffusion_lab.app.browser.{name}"]
    api = importlib.import_module("diffusion_lab.app.browser.worker_api")
    monkeypatch.setattr(api, "instrument_class", lambda name: Net)
    monkeypatch.setattr(api, "WARM_UP_SECONDS", 0.01)
    api.WorkerApi().warm_up(["net"])
    assert download.asked == []
    assert next(fetch(path)) == (0, 10), "afterwards weights are downloaded again"

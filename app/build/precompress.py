"""Compresses the site's files with Brotli and gzip, so that a static server can send the compressed copies."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import brotli

from diffusion_lab.app.build.build_cache import BuildCache

#: File suffixes that are worth compressing.
COMPRESSED = {".html", ".js", ".css", ".json", ".wasm", ".bin", ".zip", ".svg"}

#: Suffix of the compressed copy → (the highest level, compression). Pyodide's core takes half a minute, once.
METHODS: dict[str, tuple[int, Callable[[bytes, int], bytes]]] = {
    ".br": (11, lambda data, level: brotli.compress(data, quality=level, lgwin=24)),
    ".gz": (9, lambda data, level: gzip.compress(data, level, mtime=0)),
}


class Precompressor:
    """A context manager that compresses files in the background."""

    def __init__(self, cache: BuildCache) -> None:
        self._cache = cache
        self._begun: dict[Path, list[Future[Path]]] = {}
        # Both libraries release the GIL. Low priority, because the rest of the build does not wait for compression.
        self._pool = ThreadPoolExecutor(os.cpu_count(), initializer=_be_nice)

    def __enter__(self) -> Precompressor:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self, path: Path) -> None:
        """Starts to compress a file, which must be complete."""
        if path.suffix in COMPRESSED and path not in self._begun:
            self._begun[path] = [self._pool.submit(self._twin, path, ending) for ending in METHODS]

    def finish(self) -> None:
        """Waits for all compression and hard-links each copy beside its file; cached files are never modified."""
        for path, twins in self._begun.items():
            for ending, twin in zip(METHODS, twins, strict=True):
                path.with_name(path.name + ending).hardlink_to(twin.result())

    def _twin(self, path: Path, ending: str) -> Path:
        data, (level, compress) = path.read_bytes(), METHODS[ending]
        return self._cache.file("compressed", [data, level], ending, lambda: compress(data, level))


def _be_nice() -> None:
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)

"""Compressed twins of the site's files, so that any server may send them as they lie."""

from __future__ import annotations

import hashlib
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import brotli

from diffusion_lab.app.environment import WORK

#: What is worth compressing.
COMPRESSED = {".html", ".js", ".mjs", ".css", ".json", ".wasm", ".pack", ".zip", ".svg"}


def compress(site: Path) -> None:
    """Brotli twins beside the files of `site`, from a cache of what was compressed before."""
    cache = WORK / "compressed"
    cache.mkdir(exist_ok=True)
    files = [path for path in sorted(site.rglob("*")) if path.is_file() and path.suffix in COMPRESSED]
    with ThreadPoolExecutor() as pool:  # Brotli lets other threads run
        twins = pool.map(lambda path: _compressed(path.read_bytes(), cache), files)
        for path, twin in zip(files, twins, strict=True):
            shutil.copyfile(twin, path.with_name(path.name + ".br"))


def _compressed(data: bytes, cache: Path) -> Path:
    """Where the best that Brotli can make of `data` is kept (half a minute for Pyodide's core, once)."""
    twin = cache / (hashlib.sha256(data).hexdigest() + ".11.br")
    if not twin.exists():
        part = twin.with_suffix(f".{threading.get_ident()}.part")
        part.write_bytes(brotli.compress(data, quality=11, lgwin=24))
        part.replace(twin)
    return twin

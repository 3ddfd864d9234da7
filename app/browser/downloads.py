"""Downloads network weights in the browser when an instrument first reads them, with progress."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import js

from diffusion_lab.app.instrument import assets


def fetch(path: Path) -> Generator[tuple[int, int], None, None]:
    """Downloads the file at `path`; yields (bytes received, bytes in total) until it is complete.

    Between two steps the worker processes its messages, which lets the download continue. Raises `OSError` if it fails;
    the next read of the weights retries.
    """
    if path.exists():
        return
    folder = path.parent.name
    while not path.exists():
        state = js.labWeights(folder, path.name).to_py()  # starts the download or returns its progress
        if "error" in state:
            raise OSError(state["error"])
        if "data" in state:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(state["data"])
        else:
            yield state["done"], state["of"]


def install() -> None:
    """Makes instruments download weights that are missing."""
    assets.fetch_by(fetch)

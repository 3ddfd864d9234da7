"""Weights of networks in the browser: downloaded when an instrument first reads them, with progress."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import js

from diffusion_lab.app.instrument import assets


def fetch(path: Path) -> Generator[tuple[int, int], None, None]:
    """Starts the download of the file at `path` and yields bytes that have come and bytes in all until it is there.

    The worker goes back to its messages between two of these, which lets the download go on. Raises `OSError` when it
    fails; reading the weights again starts another.
    """
    if path.exists():
        return
    folder = path.parent.name
    while not path.exists():
        state = js.labWeights(folder, path.name).to_py()  # asks for it, or says how far it is
        if "error" in state:
            raise OSError(state["error"])
        if "data" in state:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(state["data"])
        else:
            yield state["done"], state["of"]


def install() -> None:
    """From now on weights that are not there are downloaded."""
    assets.fetch_by(fetch)

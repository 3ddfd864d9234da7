"""Weights of networks: files of an instrument's folder that are fetched when they are first needed.

On the author's machine, in a notebook and under `panel serve` the file is in the package. In the browser it belongs
to no pack: `fetch` is replaced there by one that downloads it (`app/browser/downloads.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

#: Work that yields (bytes that have come, bytes in all) until the file at the path is there.
Fetch = Callable[[Path], Generator[tuple[int, int], None, None]]


def _present(path: Path) -> Generator[tuple[int, int], None, None]:
    if not path.exists():
        raise FileNotFoundError(f"The weights {path.name} are missing from {path.parent}.")
    return
    yield


_fetch: list[Fetch] = [_present]


def asset(path: Path) -> Generator[tuple[int, int], None, Path]:
    """Work that makes sure the file at `path` is there, and returns the path: `path = yield from asset(WEIGHTS)`."""
    yield from _fetch[-1](path)
    return path


def fetch_by(fetch: Fetch) -> None:
    """From now on missing files are fetched by `fetch`; for the browser."""
    _fetch.append(fetch)

"""Weights of networks: files of an instrument's folder, downloaded when they are first needed (lazily).

On the author's machine, in a notebook and under `panel serve` the file is in the package. In the browser no pack
contains it: `fetch` is replaced there by a function that downloads it (`app/browser/downloads.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from diffusion_lab.app.instrument.computed import NotReady

#: Work that yields (bytes downloaded, total bytes) until the file at the path exists.
Fetch = Callable[[Path], Generator[tuple[int, int], None, None]]


def _present(path: Path) -> Generator[tuple[int, int], None, None]:
    if not path.exists():
        raise FileNotFoundError(f"The weights {path.name} are missing from {path.parent}.")
    return
    yield


_fetch: list[Fetch] = [_present]


def asset(path: Path) -> Generator[tuple[int, int], None, Path]:
    """Work that makes sure that the file at `path` exists, and returns it: `path = yield from asset(WEIGHTS)`."""
    yield from _fetch[-1](path)
    return path


def fetch_by(fetch: Fetch) -> None:
    """Sets the function that downloads missing files; for the browser."""
    _fetch.append(fetch)


@contextmanager
def without_downloads() -> Iterator[None]:
    """Context in which results that need a missing file are not ready: nothing waits for its download."""

    def never(path: Path) -> Generator[tuple[int, int], None, None]:
        if not path.exists():
            raise NotReady(path.name)
        return
        yield

    _fetch.append(never)
    try:
        yield
    finally:
        _fetch.remove(never)

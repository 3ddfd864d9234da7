"""The build's cache: every entry that a build keeps for later builds, in `.build/cache/KIND/KEY`.

A key is a hash over the inputs of an entry: everything that its contents depend on. When an input changes, so does the
key; an entry is therefore never out of date. Entries are never modified, so that a site can hard-link their files. Each
is written under a temporary name and renamed when it is complete: an interrupted build leaves no half-written entry.

Inputs are values that JSON can hold, bytes, and paths of files. Files of the checkout count by their contents,
installed files by size and time, and entries of the cache by their path, which has their key.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.fresh_process import run_in_fresh_process
from diffusion_lab.app.build.setup_steps import LOCK_BUILD, NODE_MODULES, ROOT, VENV

#: Entries that no build has used for this long are deleted.
KEPT_SECONDS = 30 * 24 * 3600

#: Size of the cache, above which the least recently used entries are deleted.
KEPT_BYTES = 2**30

#: Folders with installed files: the name of each in keys → where it is. In a copy of the checkout they may be links.
INSTALLED = {".venv/": f"{VENV.resolve()}/", "static/node_modules/": f"{NODE_MODULES.resolve()}/"}

#: What every computation in Python depends on: the interpreter and the packages.
PYTHON = (sys.version, LOCK_BUILD)


class BuildCache:
    """The cache in a folder, for one build and its threads. Each source file is hashed once, when it is first needed.

    Builds that run at once must not share the folder: `build_site` holds a lock.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._begun = folder, time.time()
        self._digests: dict[Path, str] = {}
        self._locks: dict[Path, threading.Lock] = {}

    def of(self, function: str, *arguments: Any) -> Any:
        """Returns the result of `function` (`module:name`), cached or computed in a fresh process.

        A cached result is reused until one of the files of the checkout that the process opened changes. Exceptions are
        not cached. The arguments must be JSON-serialisable, because they are part of the key.
        """
        inputs = [*PYTHON, function, arguments]
        with self._lock(self._path("results", inputs)):
            if (found := self._result(inputs)) is None:
                names, result = run_in_fresh_process(function, *arguments)
                self._keep([(inputs, result)], names)
                return result
            return found[0]

    def each(self, function: str, items: Sequence[Any], *arguments: Any) -> list[Any]:
        """Returns the results of `function(items, *arguments)`, a list with one for each item, each cached as by `of`.

        One call of the function, in a fresh process, computes all that are missing. The result of an item must not
        depend on the other items. They are kept apart from those of `of`, under "batches".
        """
        inputs = [[*PYTHON, function, item, arguments] for item in items]
        with self._lock(self._path("batches", [function, arguments])):
            found = [self._result(each, "batches") for each in inputs]
            missing = [k for k, result in enumerate(found) if result is None]
            if missing:
                names, made = run_in_fresh_process(function, [items[k] for k in missing], *arguments)
                self._keep([(inputs[k], result) for k, result in zip(missing, made, strict=True)], names, "batches")
                for k, result in zip(missing, made, strict=True):
                    found[k] = (result,)
            return [result[0] for result in found if result is not None]

    def _result(self, inputs: Any, kind: str = "results") -> tuple[Any] | None:
        """Returns a cached result in a tuple; None if there is none, or if a file that it depends on has changed."""
        files, result = self.get(kind, inputs) or ({}, None)
        return (
            (result,) if files and all(self.digest(ROOT / name) == digest for name, digest in files.items()) else None
        )

    def _keep(self, results: Sequence[tuple[Any, Any]], names: Sequence[str], kind: str = "results") -> None:
        """Caches results by their inputs; `names`: the files that they depend on."""
        # A file that has changed during this build may have been read before the change.
        if all((ROOT / name).stat().st_mtime < self._begun for name in names):
            files = {name: self.digest(ROOT / name) for name in names}
            for inputs, result in results:
                self.put(kind, inputs, (files, result))

    def value(self, kind: str, inputs: Any, make: Callable[[], Any]) -> Any:
        """Returns the value of `make`, cached or computed. It must be picklable."""
        path = self._entry(kind, inputs, "", lambda part: part.write_bytes(pickle.dumps(make())))
        return pickle.loads(path.read_bytes())

    def file(self, kind: str, inputs: Any, suffix: str, make: Callable[[], bytes]) -> Path:
        """Returns a file, whose name ends in `suffix`, with the bytes of `make`."""
        return self._entry(kind, inputs, suffix, lambda part: part.write_bytes(make()))

    def folder(self, kind: str, inputs: Any, make: Callable[[Path], object]) -> Path:
        """Returns a folder that `make` has filled; it gets the path of a new, empty one."""

        def fill(part: Path) -> None:
            part.mkdir()
            make(part)

        return self._entry(kind, inputs, "", fill)

    def values(self, kind: str, inputs: dict[Any, Any], make: Callable[[list[Any]], dict[Any, Any]]) -> dict[Any, Any]:
        """Returns name → value; `inputs` has those of each name. `make` computes all missing values at once."""
        found = {name: self.get(kind, each) for name, each in inputs.items()}
        missing = [name for name, value in found.items() if value is None]
        for name, value in (make(missing) if missing else {}).items():
            self.put(kind, inputs[name], value)
            found[name] = value
        return found

    def get(self, kind: str, inputs: Any) -> Any:
        """Returns a cached value, None if there is none."""
        path = self._path(kind, inputs)
        if not path.exists():
            return None
        os.utime(path)
        return pickle.loads(path.read_bytes())

    def put(self, kind: str, inputs: Any, value: Any) -> None:
        """Caches a value in place of the one that has been there."""
        part = _part(path := self._path(kind, inputs))
        part.write_bytes(pickle.dumps(value))
        part.replace(path)

    def key(self, inputs: Any) -> str:
        """Returns the key for these inputs."""
        return hashlib.sha256(json.dumps(inputs, default=self._stand_in).encode()).hexdigest()

    def digest(self, path: Path) -> str:
        """Returns the hash of a file's contents, "" if there is no such file."""
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return self._digests[path]

    def forget_old(self) -> None:
        """Deletes unfinished entries, and those that no build has used for long (`KEPT_SECONDS`, `KEPT_BYTES`)."""
        entries = [entry for kind in os.scandir(self._folder) for entry in os.scandir(kind)]
        size = 0
        for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True):
            unused = self._begun - entry.stat().st_mtime  # seconds; negative if this build has used it
            size += _size(entry)
            if entry.name.endswith(".part") or unused > KEPT_SECONDS or (unused > 0 and size > KEPT_BYTES):
                _delete(Path(entry))

    def _entry(self, kind: str, inputs: Any, suffix: str, fill: Callable[[Path], object]) -> Path:
        path = self._path(kind, inputs, suffix)
        with self._lock(path):  # another thread may be making the same entry
            if path.exists():
                os.utime(path)
                return path
            fill(part := _part(path))
            if BuildCache(self._folder)._path(kind, inputs, suffix) != path:
                return part  # An input has changed meanwhile: good for this build only. `forget_old` deletes it.
            return part.replace(path)

    def _path(self, kind: str, inputs: Any, suffix: str = "") -> Path:
        return self._folder / kind / (self.key(inputs) + suffix)

    def _lock(self, path: Path) -> threading.Lock:
        return self._locks.setdefault(path, threading.Lock())

    def _stand_in(self, value: Path | bytes) -> Any:
        """Returns what represents an input in the key."""
        if isinstance(value, bytes):
            return hashlib.sha256(value).hexdigest()
        name = os.fspath(value)
        if name.startswith(entries := f"{self._folder}/"):
            return name.removeprefix(entries)
        for inside, place in INSTALLED.items():
            if name.startswith(place):
                name = inside + name.removeprefix(place)
        name = name.removeprefix(f"{ROOT}/")
        if name.startswith(("/", *INSTALLED)):
            status = value.stat()
            return [name, status.st_size, status.st_mtime_ns]
        return [name, self.digest(value)]


def _part(path: Path) -> Path:
    """Returns a new temporary name beside an entry."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")


def _size(entry: os.DirEntry[str]) -> int:
    return sum(map(_size, os.scandir(entry))) if entry.is_dir() else entry.stat().st_size


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path.rename(_part(path)))  # renamed first: an interrupted deletion must not leave half an entry
    else:
        path.unlink()

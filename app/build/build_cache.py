"""Results kept between builds: what a function of the lab returned, as long as all that it depends on is the same.

The function runs in a process of its own, forked from one that has imported other people's packages and nothing of
the lab's, so it sees the files as they are now. The files of the checkout that it opens on its way, its modules among
them, are noted with the result. It is taken again while these files, the arguments, the pinned packages and the
interpreter are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import multiprocessing
import os
import pickle
import py_compile
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.setup_steps import LOCK_BUILD, ROOT, WORK, SetupError, place_and_message

#: Results that no build has asked for in this time are forgotten.
KEPT_SECONDS = 30 * 24 * 3600

#: Below the checkout, but not of it: what stands there is pinned, or made by the build.
NOT_SOURCES = {".venv", ".build", "dist", "node_modules"}

BYTE_CODE = WORK / "byte-code"

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["numpy", "bokeh.plotting", "jinja2", "panel"])
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)
_COMPILING = threading.Lock()


class BuildCache:
    """The results in a folder, during one build: a source file counts as what it was when it was first looked at."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._same = [sys.version, hashlib.sha256(LOCK_BUILD.read_bytes()).hexdigest()]
        self._digests: dict[str, str] = {}

    def of(self, function: str, *arguments: Any) -> Any:
        """What `function` (as `module:name`) returns for arguments that JSON can hold; what it raises is not kept."""
        wanted = json.dumps([self._same, function, arguments])
        path = self._folder / hashlib.sha256(wanted.encode()).hexdigest()
        if path.exists():
            files, result = pickle.loads(path.read_bytes())
            if all(self._digest(name) == digest for name, digest in files.items()):
                os.utime(path)
                return result
        started = time.time()
        names, result = run_in_fresh_process(function, *arguments)
        if all((ROOT / name).stat().st_mtime < started for name in names):  # else what was read may be another version
            files = {name: self._digest(name) for name in names}
            part = path.with_suffix(f".{threading.get_ident()}.part")
            part.write_bytes(pickle.dumps((files, result)))
            part.replace(path)
        return result

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            path = ROOT / name
            self._digests[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return self._digests[name]


def forget_old(folder: Path) -> None:
    """Removes what has not been used for long."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > KEPT_SECONDS:
            path.unlink()


def run_in_fresh_process(function: str, *arguments: Any) -> tuple[list[str], Any]:
    """The files of the checkout that `function` opened in a process of its own, and what it returned.

    Raises `ContentError` as it did, and anything else as `SetupError` with its place. At most as many run at a time as
    there are cores.
    """
    _compile_by_content()
    ours, theirs = _FORKING.Pipe()
    with _CORES:
        process = _FORKING.Process(target=_answer, args=(theirs, function, arguments))
        process.start()
        theirs.close()
        try:
            opened, result, refused, trouble = ours.recv()
        except EOFError:
            process.join()
            raise SetupError(f"{function} ended its process with code {process.exitcode}.") from None
        process.join()
    if refused is not None:
        raise refused
    if trouble:
        raise SetupError(trouble)
    return sorted(filter(None, map(_source, opened))), result


def _compile_by_content() -> None:
    """Byte code of the lab's own files that Python holds against the source's contents (PEP 552).

    By time and size, as is its default, a file that was changed twice within a second could pass for its earlier self.
    Once there, Python keeps it up to date.
    """
    with _COMPILING:
        for folder in ("app", "instruments"):
            for path in (ROOT / folder).rglob("*.py"):
                kept = BYTE_CODE / path.parent.relative_to("/") / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
                if not kept.exists():
                    with contextlib.suppress(py_compile.PyCompileError):  # whoever imports it says what is wrong
                        mode = py_compile.PycInvalidationMode.CHECKED_HASH
                        py_compile.compile(str(path), str(kept), doraise=True, invalidation_mode=mode)


def _answer(pipe: Connection, function: str, arguments: tuple[Any, ...]) -> None:
    """The other process's part."""
    opened: set[str] = set()
    sys.addaudithook(lambda event, told: opened.add(told[0]) if event == "open" and isinstance(told[0], str) else None)
    sys.pycache_prefix, sys.dont_write_bytecode = str(BYTE_CODE), False
    for name in [name for name in sys.modules if name.startswith("diffusion_lab.")]:
        del sys.modules[name]  # what started this process has been read before the hook was there
    module, _, name = function.partition(":")
    result, refused, trouble = None, None, ""
    try:
        result = getattr(importlib.import_module(module), name)(*arguments)
    except Exception as error:
        if type(error).__name__ == "ContentError":
            refused = error
        else:  # a trace of frames cannot be sent
            trouble = place_and_message(error)
    pipe.send((opened, result, refused, trouble))


def _source(path: str) -> str | None:
    """A file of the checkout as its path below the root; None for others."""
    full = Path(path).absolute()
    if not full.is_relative_to(ROOT):
        return None
    inside = full.relative_to(ROOT)
    return None if NOT_SOURCES & set(inside.parts) else inside.as_posix()

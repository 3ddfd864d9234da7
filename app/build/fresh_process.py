"""Runs functions of the lab in fresh processes, which see the current files, and reports the files that they opened.

A process is forked from a server process that has imported third-party packages but none of the lab's own modules.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import py_compile
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.setup_steps import ROOT, WORK, SetupError, place_and_message

#: Folders of the checkout whose files are no dependencies: they are pinned, or made by the build.
NOT_SOURCES = {".venv", ".build", "dist", "node_modules"}

BYTE_CODE = WORK / "byte-code"

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["numpy", "bokeh.plotting", "jinja2", "panel"])
_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)
_COMPILING = threading.Lock()


def run_in_fresh_process(function: str, *arguments: Any) -> tuple[list[str], Any]:
    """Runs `function` in a fresh process; returns the files of the checkout that it opened, and its result.

    Passes on its `ContentError`, and raises `SetupError` with file and line for any other exception. At most one
    process per core runs at a time.
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
    """Compiles the lab's own files to byte code that Python validates by the hash of the source (PEP 552).

    Python's default check by time and size can miss the second of two changes within one second. Once such a file
    exists, Python keeps it up to date.
    """
    with _COMPILING:
        for folder in ("app", "instruments"):
            for path in (ROOT / folder).rglob("*.py"):
                kept = BYTE_CODE / path.parent.relative_to("/") / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
                if not kept.exists():
                    with contextlib.suppress(py_compile.PyCompileError):  # importing the module will report the error
                        mode = py_compile.PycInvalidationMode.CHECKED_HASH
                        py_compile.compile(str(path), str(kept), doraise=True, invalidation_mode=mode)


def _answer(pipe: Connection, function: str, arguments: tuple[Any, ...]) -> None:
    """Runs in the fresh process: calls `function` and sends the opened files and its result through the pipe."""
    opened: set[str] = set()
    sys.addaudithook(lambda event, args: opened.add(args[0]) if event == "open" and isinstance(args[0], str) else None)
    sys.pycache_prefix, sys.dont_write_bytecode = str(BYTE_CODE), False
    for name in [name for name in sys.modules if name.startswith("diffusion_lab.")]:
        del sys.modules[name]  # imported before the hook existed: import again, so that the file is recorded
    module, _, name = function.partition(":")
    result, refused, trouble = None, None, ""
    try:
        result = getattr(importlib.import_module(module), name)(*arguments)
    except Exception as error:
        if type(error).__name__ == "ContentError":
            refused = error
        else:  # a traceback cannot be pickled
            trouble = place_and_message(error)
    pipe.send((opened, result, refused, trouble))


def _source(path: str) -> str | None:
    """Returns the path relative to the checkout's root; None for a file that is no source of the lab."""
    full = Path(path).absolute()
    if not full.is_relative_to(ROOT):
        return None
    inside = full.relative_to(ROOT)
    return None if NOT_SOURCES & set(inside.parts) else inside.as_posix()

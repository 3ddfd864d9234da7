"""Which tests a quick run needs: those of the parts that have changed since they last passed.

A part is a folder of tests, with the folders of the checkout that its tests run. Hashes of all these files are kept in
`.build/quick-tests.json` when a quick run has passed; a part whose hash is the same is left out of the next one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from diffusion_lab.app.build.setup_steps import ROOT, WORK

KEPT = WORK / "quick-tests.json"

#: Tests that a quick run never has: of pages in a browser, of whole sites, of the NumPy wheel, and of what a built site
#: holds.
LEFT_OUT = (
    "tests/browser",
    "tests/build",
    "tests/app/numpy_wheel",
    "tests/app/build/test_live_preview.py",
    "tests/app/build/test_python_packs.py",
)

#: Folder of tests → what they run; `<own>` is the name of the folder that `*` stood for. The first that fits counts.
#: What is not named here runs everything.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "tests/instruments/common": ("instruments/common",),
    "tests/instruments/*": (
        "instruments/<own>",
        "instruments/common",
        "app/instrument",
        "chapters",
        "app/build/chapter_parser.py",
        "app/build/chapter_tree.py",
        "app/build/site.py",
    ),
    "tests/app/instrument": ("app/instrument", "app/cells", "instruments", "static"),
    "tests/app/cells": ("app/instrument", "app/cells", "instruments"),
    "tests/app/browser": ("app/instrument", "app/cells", "app/browser", "instruments"),
    "tests/static": ("static",),
}

#: What every part depends on, beside its tests: how they are collected, the packages, and where things lie.
SHARED = ("pyproject.toml", "requirements-test.lock", "static/package-lock.json", "app/build/setup_steps.py")

#: Below the checkout, but not of it.
NOT_SOURCES = {".git", ".venv", ".build", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", "dist"} | {
    "node_modules"
}


def parts(root: Path = ROOT) -> dict[str, str]:
    """Part → hash over everything that its tests depend on.

    A part is a folder that holds tests, or "tests", for those that lie there without a folder.
    """
    digests = _digests(root)
    folders = {path.rpartition("/")[0] for path in digests if _is_test(path) and not path.startswith(LEFT_OUT)}
    found = {}
    for folder in sorted(folders):
        wanted = {path for path in digests if any(_in(path, source) for source in [*_sources(folder), folder])}
        helpers = {path for path in digests if _in(folder, path.rpartition("/")[0] or ".") and not _is_test(path)}
        lines = [f"{path} {digests.get(path)}" for path in sorted(wanted | helpers | {*SHARED})]
        found[folder] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found


def changed(now: Mapping[str, str]) -> list[str]:
    """The parts that have not passed as they are `now`, in alphabetical order."""
    before = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return sorted(part for part, digest in now.items() if before.get(part) != digest)


def keep(now: Mapping[str, str]) -> None:
    """All of these have passed."""
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(now, indent=0), "utf-8")


def arguments(wanted: Sequence[str], root: Path = ROOT) -> list[str]:
    """pytest's arguments for these parts: files of tests, since a part does not hold those of the folders in it."""
    files = [path.relative_to(root).as_posix() for part in wanted for path in sorted((root / part).glob("test_*.py"))]
    return [path for path in files if not path.startswith(LEFT_OUT)]


# ---------------------------------------------------------------------------------------------------------------------


def _is_test(path: str) -> bool:
    return path.startswith("tests/") and path.rpartition("/")[2].startswith("test_") and path.endswith(".py")


def _in(path: str, folder: str) -> bool:
    return folder in ("", path) or path.startswith(f"{folder}/")


def _sources(folder: str) -> Iterable[str]:
    """The folders that the tests of `folder` run; "" is the whole checkout."""
    for pattern, sources in SOURCES.items():
        head, _, own = folder.rpartition("/")
        if pattern == folder or pattern == f"{head}/*":
            return [source.replace("<own>", own) for source in sources]
        if folder.startswith(f"{pattern}/"):
            return sources
    return [""]


def _digests(root: Path) -> dict[str, str]:
    """Path in the checkout → hash of the file."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        for name in files:
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found

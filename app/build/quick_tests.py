"""Selects the tests of a quick run: those whose files have changed since they last passed.

A part is a folder of tests together with the folders of the checkout that these tests run. After a quick run passes, a
hash of each part is saved in `.build/quick-tests.json`. The next run skips the parts whose hash is unchanged.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from diffusion_lab.app.build.setup_steps import ROOT, WORK

KEPT = WORK / "quick-tests.json"

#: Tests that a quick run always skips, because they need a browser, a built site or the NumPy wheel.
LEFT_OUT = (
    "tests/browser",
    "tests/build",
    "tests/app/numpy_wheel",
    "tests/app/build/test_live_preview.py",
    "tests/app/build/test_python_packs.py",
)

#: Folder of tests → files that they run; `<own>` is the folder name that `*` matched. The first matching key counts.
#: Tests in other folders depend on the whole checkout.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "tests/instruments/common": ("instruments/common",),
    "tests/instruments/*": (
        "instruments/<own>",
        "instruments/common",
        "app/instrument",
        "chapters",
        "app/build/chapter_parser.py",
        "app/build/chapter_text.py",
        "app/build/chapter_tree.py",
        "app/build/directive.py",
        "app/build/site.py",
    ),
    "tests/app/instrument": ("app/instrument", "app/cells", "instruments", "static"),
    "tests/app/cells": ("app/instrument", "app/cells", "instruments"),
    "tests/app/browser": ("app/instrument", "app/cells", "app/browser", "instruments"),
    "tests/static": ("static",),
}

#: Files that every part depends on: pytest's configuration, the packages, and the paths of the build.
SHARED = ("pyproject.toml", "requirements-test.lock", "static/package-lock.json", "app/build/setup_steps.py")

#: Folders of the checkout without sources.
NOT_SOURCES = {".git", ".venv", ".build", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__", "dist"} | {
    "dist-scorm",
    "node_modules",
}


def parts(root: Path = ROOT) -> dict[str, str]:
    """Returns part → hash over all files that its tests depend on.

    A part is named by its folder; "tests" is the part of the tests directly in that folder.
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
    """Returns the parts whose hash in `now` differs from the one saved when they last passed, sorted."""
    before = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return sorted(part for part, digest in now.items() if before.get(part) != digest)


def keep(now: Mapping[str, str]) -> None:
    """Saves the hashes of parts that have passed."""
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(now, indent=0), "utf-8")


def arguments(wanted: Sequence[str], root: Path = ROOT) -> list[str]:
    """Returns pytest's arguments for these parts: test files, because a part excludes the tests of its subfolders."""
    files = [path.relative_to(root).as_posix() for part in wanted for path in sorted((root / part).glob("test_*.py"))]
    return [path for path in files if not path.startswith(LEFT_OUT)]


# ---------------------------------------------------------------------------------------------------------------------


def _is_test(path: str) -> bool:
    return path.startswith("tests/") and path.rpartition("/")[2].startswith("test_") and path.endswith(".py")


def _in(path: str, folder: str) -> bool:
    return folder in ("", path) or path.startswith(f"{folder}/")


def _sources(folder: str) -> Iterable[str]:
    """Returns the folders that the tests of `folder` depend on; "" is the whole checkout."""
    for pattern, sources in SOURCES.items():
        head, _, own = folder.rpartition("/")
        if pattern == folder or pattern == f"{head}/*":
            return [source.replace("<own>", own) for source in sources]
        if folder.startswith(f"{pattern}/"):
            return sources
    return [""]


def _digests(root: Path) -> dict[str, str]:
    """Returns path in the checkout → hash of the file."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        for name in files:
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found

"""Builds the lab's package as a wheel, which readers download with a notebook."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from diffusion_lab.app.build.build_cache import PYTHON, BuildCache
from diffusion_lab.app.build.setup_steps import ROOT, SetupError

#: The sources of the wheel: `package-data` of pyproject.toml, and the files that pyproject.toml names.
SOURCES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "app/**/*.py",
    "app/**/*.html",
    "app/**/*.md",
    "instruments/**/*.py",
    "instruments/**/*.md",
    "instruments/**/*.npz",
    "static/js/page/front_panel.js",
    "static/js/page/pad_ellipses.js",
    "static/js/page/pad_points.js",
    "static/css/front_panel.css",
)

#: The date of all files in the wheel, so that builds are reproducible: 1980-01-01, the earliest date in a zip.
EPOCH = "315532800"


def make_package(cache: BuildCache) -> Path:
    """Returns the path of the wheel, whose folder is cached until a source changes."""
    paths = [path for pattern in SOURCES for path in sorted(ROOT.glob(pattern))]

    def make(folder: Path) -> None:
        sources = folder / "sources"
        for path in paths:  # build from copies, because setuptools writes into the source folder
            copy = sources / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        _build_wheel(sources, folder)
        shutil.rmtree(sources)

    return next(cache.folder("package", [*PYTHON, *paths], make).glob("*.whl"))


def _build_wheel(sources: Path, into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-qq"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "-w", str(into), str(sources)],
        capture_output=True,
        text=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
    )
    if done.returncode:
        raise SetupError(f"The lab's package could not be made:\n{done.stderr}")

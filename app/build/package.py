"""The lab's package as a wheel, which stands beside the notebooks that need it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from diffusion_lab.app.build.setup_steps import ROOT, SetupError

#: What it is made of: `package-data` of pyproject.toml, and what pyproject.toml names.
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
    "static/css/front_panel.css",
)

#: All files in it are of this day, 1980-01-01, the first that a zip can hold: two builds give the same bytes.
EPOCH = "315532800"


def make_package(out: Path) -> Path:
    """The wheel, in the folder `out`; what lies there is taken again while its sources are the same."""
    paths = [path for pattern in SOURCES for path in sorted(ROOT.glob(pattern))]
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    folder = out / digest.hexdigest()[:16]
    if not folder.exists():
        shutil.rmtree(out, ignore_errors=True)
        for path in paths:  # a build leaves files among its sources
            copy = out / "sources" / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        _build_wheel(out / "sources", out / "made")
        (out / "made").rename(folder)
    return next(folder.glob("*.whl"))


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

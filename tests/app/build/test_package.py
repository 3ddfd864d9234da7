"""The package as a wheel: it has all that the instruments and the notebooks need, and is the same each time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.package import make_package
from diffusion_lab.app.build.setup_steps import ROOT
from diffusion_lab.app.instrument.discovery import instrument_names

#: Makes and shows every instrument from the package in the folder that is given.
USE = """
import sys
sys.path.insert(0, sys.argv[1])
from diffusion_lab.app.cells import notebook_helpers
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
assert notebook_helpers.__file__.startswith(sys.argv[1])
for name in instrument_names():
    instrument_class(name)().__panel__()
    print(instrument_class(name).__module__.split(".")[2])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return make_package(BuildCache(tmp_path_factory.mktemp("cache")))


def used(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", USE, str(folder)], capture_output=True, text=True, cwd=folder)


def test_every_instrument_can_be_made_of_it(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    done = used(tmp_path)
    assert done.stdout.split() == instrument_names(), done.stderr


@pytest.mark.parametrize("kind", ["front_panel.js", "front_panel.css", "instrument.html"])
def test_a_file_that_is_missing_is_noticed(wheel, tmp_path, kind):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (path,) = tmp_path.rglob(kind)
    path.unlink()
    assert used(tmp_path).returncode


def test_weights_are_in_it(wheel):
    """They are read only when an instrument is asked for its learned model."""
    weights = [f"diffusion_lab/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("instruments/**/*.npz")]
    assert weights
    assert set(weights) <= set(zipfile.ZipFile(wheel).namelist())


def test_it_is_made_once_and_the_same_each_time(wheel, tmp_path):
    when = wheel.stat().st_mtime_ns
    assert make_package(BuildCache(wheel.parents[2])) == wheel
    assert wheel.stat().st_mtime_ns == when
    assert make_package(BuildCache(tmp_path)).read_bytes() == wheel.read_bytes()

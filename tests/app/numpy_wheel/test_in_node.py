"""The true wheel in the true Pyodide: needs what the set-up makes, npm's packages and the cached wheel."""

import zipfile
from pathlib import Path

import pytest

import diffusion_lab.app
from diffusion_lab.app.numpy_wheel import WheelError, provide_numpy, verify
from diffusion_lab.app.numpy_wheel.commands import Runner
from diffusion_lab.app.numpy_wheel.numpy import pins

PYODIDE = Path(diffusion_lab.app.__file__).parents[1] / "static/node_modules/pyodide"


@pytest.fixture(scope="module")
def wheel() -> Path:
    return provide_numpy(PYODIDE)


def test_the_wheel_works_in_pyodide(wheel: Path, tmp_path: Path):
    runner = Runner(tmp_path / "log", print)
    raises = verify.run_basic_checks(wheel, PYODIDE, runner)
    assert f"numpy {pins.NUMPY};" in runner.log.read_text()
    assert raises or wheel.parent.name != "build"


def test_the_wheel_is_trimmed_but_keeps_its_sources(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert wheel.stat().st_size < 4_000_000
    assert "numpy/linalg/_linalg.py" in names
    assert not [name for name in names if "/tests/" in name or name.endswith((".pyi", ".h"))]


def test_a_failing_check_is_an_error_with_its_reason(wheel: Path, tmp_path: Path):
    """A wheel whose NumPy computes wrongly must not pass, or the checks check nothing."""
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in good.namelist():
            end = b"\ndef array_equal(*a): return False\n" if name == "numpy/__init__.py" else b""
            bad.writestr(name, good.read(name) + end)
    with pytest.raises(WheelError, match=r"(?s)trying the wheel in Pyodide failed.*AssertionError"):
        verify.run_basic_checks(broken, PYODIDE, Runner(tmp_path / "log", print))

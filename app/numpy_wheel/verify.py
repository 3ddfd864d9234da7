"""Verifies a wheel: first the symbols that its modules import, then its behaviour in Pyodide under Node."""

import shutil
import zipfile
from pathlib import Path

from .commands import Runner
from .errors import WheelError
from .numpy import pins
from .numpy.wasm import missing_symbols, offered_symbols

CHECKS = Path(__file__).parent / "checks"
RAISES = "raises LinAlgError"  # as basic.py prints it


def check_name(wheel: Path, shown: str) -> None:
    """Raises WheelError if the file's name has another version, Python or ABI than needed."""
    if wheel.name != pins.WHEEL:
        raise WheelError(
            f"{shown} is the wrong wheel: this Pyodide and the lab's NumPy need a file named {pins.WHEEL}, "
            f"but this one is named {wheel.name}."
        )


def check_imports(wheel: Path, pyodide: Path) -> None:
    """Raises WheelError if a module of the wheel imports a symbol that neither Pyodide nor the module exports."""
    offered = offered_symbols((pyodide / "pyodide.asm.wasm").read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so")]
        lacking = {name: missing_symbols(archive.read(name), offered) for name in modules}
    if not modules:
        raise WheelError(f"{wheel.name} contains no compiled module")
    broken = [f"{name} ({', '.join(names[:5])})" for name, names in lacking.items() if names]
    if broken:
        raise WheelError(f"modules of {wheel.name} import symbols that Pyodide does not export: {'; '.join(broken)}")


def run_basic_checks(wheel: Path, pyodide: Path, runner: Runner) -> bool:
    """Runs `checks/basic.py`; returns whether a singular matrix raises LinAlgError."""
    command: list[str | Path] = [find_node(), CHECKS / "run.mjs", pyodide, wheel, CHECKS / "basic.py"]
    output = runner.run("trying the wheel in Pyodide", command, limit=300)
    if f"numpy {pins.NUMPY};" not in output:
        raise WheelError(f"{wheel.name} contains another NumPy than {pins.NUMPY}: {output.strip()}")
    return RAISES in output


def run_test_suite(full: Path, pyodide: Path, work: Path, python: Path, runner: Runner) -> str:
    """Runs a part of NumPy's own tests, `checks/suite.py`; returns pytest's last line."""
    libraries = work / "test-libraries"
    install: list[str | Path] = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", libraries]
    # Packages for Pyodide's Python: pure Python wheels only.
    target = [
        "--only-binary=:all:",
        "--platform",
        "any",
        "--implementation",
        "py",
        "--python-version",
        pins.PYTHON,
    ]
    runner.run("fetching pytest", [python, *install, *target, *pins.TEST_REQUIREMENTS])
    command: list[str | Path] = [
        find_node(),
        CHECKS / "run.mjs",
        pyodide,
        full,
        CHECKS / "suite.py",
        libraries,
    ]
    advice = "The wheel is not used. A failure that WebAssembly explains is to be named in checks/suite.py."
    output = runner.run("NumPy's own tests in Pyodide", command, limit=2400, advice=advice)
    return next((line for line in reversed(output.splitlines()) if " passed" in line), "no result")


def find_node() -> str:
    """Returns the path of `node`; raises WheelError if it is not installed."""
    node = shutil.which("node")
    if node is None:
        raise WheelError("Node.js (20 or later) is needed to try NumPy in Pyodide, but there is no program `node`.")
    return node

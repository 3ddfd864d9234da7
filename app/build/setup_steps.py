"""Installs the requirements of building and testing: Python packages, front-end libraries and a browser.

Uses only the standard library, because it runs before anything is installed. When a step is complete, it writes a stamp
file with the hash of its inputs. A step without a matching stamp runs again, so an interrupted set-up is repeated.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
WORK = ROOT / ".build"
NODE_MODULES = ROOT / "static/node_modules"
LOCK_BUILD = ROOT / "requirements-build.lock"
LOCK_TEST = ROOT / "requirements-test.lock"

PYTHON_NEEDED = (3, 11)
NODE_NEEDED = 20
DISK_NEEDED = 3 * 2**30  # bytes, for packages, front-end libraries and the NumPy build

#: Programs to use as the tests' browser, in order; without any of them, Debian's package is installed.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

#: Program → the package of Debian that has it: for the tests in every browser, besides Chromium itself.
EVERY_BROWSER = {
    "chromedriver": "chromium-driver",
    "firefox-esr": "firefox-esr",
    "WebKitWebDriver": "webkit2gtk-driver",
    "Xvfb": "xvfb",
}

Say = Callable[[str], None]


class SetupError(Exception):
    """Set-up failed; the message gives the cause and the fix."""


def place_and_message(error: BaseException) -> str:
    """Returns the error as one line, with the file of the checkout and the line where it was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        path, line, message = error.filename, error.lineno or 0, error.msg
    else:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if _of_checkout(frame.filename)]
        # Jinja's template errors carry their own file and line; their traceback ends inside Jinja.
        path = getattr(error, "filename", None) or (ours[-1].filename if ours else "")
        line = getattr(error, "lineno", None) or (ours[-1].lineno if ours else 0) or 0
        message = f"{type(error).__name__}: {error}"
    if not _of_checkout(path):
        return message
    return f"{Path(path).relative_to(ROOT)}:{line}: {message}"


def _of_checkout(path: str) -> bool:
    return Path(path).is_relative_to(ROOT) and not Path(path).is_relative_to(VENV)


class Progress:
    """Prints each step with the seconds since the start."""

    def __init__(self) -> None:
        # Stored in the environment, because the process restarts in the virtual environment and the clock must go on.
        self._start = float(os.environ.setdefault("DIFFUSION_LAB_STARTED", str(time.time())))

    def __call__(self, message: str) -> None:
        """Prints one step."""
        print(f"[{time.time() - self._start:5.1f} s] {message}", flush=True)


def ensure_python(say: Say, *, tests: bool = False) -> None:
    """Creates a virtual environment with the pinned packages, and restarts this process in it if necessary."""
    _check_machine()
    lock = LOCK_TEST if tests else LOCK_BUILD
    python = VENV / "bin/python"
    made = VENV / "made.stamp"
    if not made.exists():
        say("making a virtual environment in .venv")
        shutil.rmtree(VENV, ignore_errors=True)
        _run(
            [sys.executable, "-m", "venv", str(VENV)],
            "The virtual environment could not be made; on Debian install python3-venv.",
        )
        made.touch()
    stamp, key = VENV / f"{lock.stem}.stamp", _hash([LOCK_BUILD, LOCK_TEST, ROOT / "pyproject.toml"])
    # The test lock file includes all packages of the build.
    if not (_stamped(stamp, key) or _stamped(VENV / f"{LOCK_TEST.stem}.stamp", key)):
        say(f"installing Python packages from {lock.name}")
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        advice = "Python packages could not be installed; look at the message above, then run the command again."
        _run([*pip, "--require-hashes", "-r", str(lock)], advice)
        _run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], advice)
        stamp.write_text(key)
    # Set before NumPy is imported, which reads it. The lab's matrices are too small to gain from threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYTHONHASHSEED", "0")  # fixes the order of sets: builds are reproducible
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])


def ensure_front_end(say: Say) -> None:
    """Installs the front-end libraries of `static/package-lock.json` with npm."""
    stamp, key = NODE_MODULES / ".stamp", _hash([ROOT / "static/package-lock.json"])
    if _stamped(stamp, key):
        return
    _check_node()
    say("installing front-end libraries from static/package-lock.json")
    command = ["npm", "ci", "--prefix", str(ROOT / "static"), "--no-audit", "--no-fund", "--loglevel=error"]
    _run(
        command,
        "Front-end libraries could not be installed; look at the message above, then run the command again.",
    )
    stamp.write_text(key)


def ensure_browser(say: Say) -> str:
    """Returns the path of a Chromium for the tests; installs Debian's package if there is none."""
    if wanted := os.environ.get("DIFFUSION_LAB_BROWSER"):
        if shutil.which(wanted):
            return wanted
        raise SetupError(f"DIFFUSION_LAB_BROWSER is {wanted}, which cannot be run.")
    if found := _browser():
        return found
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError("The tests need Chromium: install it, or set DIFFUSION_LAB_BROWSER to a browser's path.")
    say("installing Debian's chromium for the tests")
    _install(["chromium"])
    if found := _browser():
        return found
    raise SetupError("Debian's chromium was installed but no browser is on the PATH.")


def ensure_every_browser(say: Say) -> None:
    """Installs Debian's Firefox, WebKitGTK and what Selenium drives them and Chromium by, unless they are there."""
    missing = [package for program, package in EVERY_BROWSER.items() if not shutil.which(program)]
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError(f"The tests in every browser need Debian's packages {', '.join(missing)}: install them.")
    say(f"installing Debian's {', '.join(missing)}")
    _install(missing)


def free_port(wanted: int | None = None) -> int:
    """Returns a free local port: `wanted`, or any. Raises `SetupError` if `wanted` is in use."""
    if wanted is not None and not 0 < wanted < 65536:
        raise SetupError(f"A port is a number from 1 to 65535, got {wanted}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError:
            raise SetupError(f"Port {wanted} is in use; choose another with --port, or leave it out.") from None
        return int(probe.getsockname()[1])


# ---------------------------------------------------------------------------------------------------------------------


def _install(packages: list[str]) -> None:
    """Installs packages of Debian."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    advice = f"Debian's {', '.join(packages)} could not be installed; look at the message above."
    _run(["apt-get", "update", "-qq"], advice, environment)
    _run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], advice, environment, quiet=True)


def _browser() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _check_machine() -> None:
    if sys.version_info < PYTHON_NEEDED:
        raise SetupError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    free = shutil.disk_usage(ROOT).free
    if free < DISK_NEEDED and not (VENV.exists() and NODE_MODULES.exists()):
        raise SetupError(
            f"Set-up needs {DISK_NEEDED >> 30} GB of disk space, {free / 2**30:.1f} GB are free at {ROOT}."
        )


def _check_node() -> None:
    if not shutil.which("node") or not shutil.which("npm"):
        raise SetupError(f"Node {NODE_NEEDED} or newer with npm is needed and was not found on the PATH.")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < NODE_NEEDED:
        raise SetupError(f"Node {NODE_NEEDED} or newer is needed, this is {version}.")


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if not path.exists():
            raise SetupError(f"{path.relative_to(ROOT)} is missing from the checkout.")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamped(stamp: Path, key: str) -> bool:
    return stamp.exists() and stamp.read_text() == key


def _run(command: list[str], advice: str, environment: dict[str, str] | None = None, *, quiet: bool = False) -> None:
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL if quiet else None)
    except OSError as error:
        raise SetupError(f"{advice} ({error})") from None
    if done.returncode:
        raise SetupError(advice)

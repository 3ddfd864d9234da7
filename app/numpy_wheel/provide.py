"""Provides the wheel from the first provider that succeeds: cache, user's wheel, official distribution, own build.

A provider without a good wheel raises WheelError with the reason, and the next one is the fallback. If all fail, the
final error lists the reasons.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import verify
from .cache import Cache, cache_root, file_hash, recipe_hash
from .commands import NEWS_EVERY, Runner, Say
from .errors import WheelError
from .numpy import pins, recipe
from .numpy.pack import trim_wheel

RECIPE = Path(__file__).parent / "numpy"
# Address of the official distribution. The npm package has only Pyodide's core; file names in its
# pyodide-lock.json are relative to this address (`cdnUrl` in pyodide.mjs).
OFFICIAL = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
NETWORK_SECONDS = 4  # timeout; short, so that a machine without internet soon tries the next provider


@dataclass(frozen=True)
class Order:
    """The request: the Pyodide that needs a wheel, the environment, and how to report and run programs."""

    pyodide: Path  # the unpacked npm package
    version: str  # of Pyodide
    environ: Mapping[str, str]
    say: Say
    runner: Runner

    @property
    def given(self) -> Path | None:
        """The wheel that the user specifies, or None."""
        path = self.environ.get("DIFFUSION_LAB_NUMPY_WHEEL")
        return Path(path).expanduser().absolute() if path else None


@dataclass(frozen=True)
class Found:
    """A wheel that a provider found or made, not yet trimmed or cached."""

    wheel: Path
    origin: str
    check: Callable[[], dict[str, object]]  # further checks, which return facts for the cache's note


Provider = Callable[[Order, Path], Found]


def provide_numpy(pyodide_dir: Path, say: Say = print) -> Path:
    """Returns the path of a verified NumPy wheel for the Pyodide in `pyodide_dir`, an unpacked npm package `pyodide`.

    Environment: DIFFUSION_LAB_CACHE (the cache folder), DIFFUSION_LAB_NUMPY_WHEEL (a wheel to use),
    DIFFUSION_LAB_NUMPY=build (skip the official distribution). Raises WheelError if there is no wheel.
    """
    environ = dict(os.environ)
    pyodide = Path(pyodide_dir).absolute()
    version = pyodide_version(pyodide)
    root = cache_root(environ)
    cache = Cache(root, f"numpy-{pins.NUMPY}-pyodide-{version}-{recipe_hash(RECIPE)}", pins.WHEEL, say)
    try:
        wheel = cache.find(origins(environ))
        if wheel is None:
            with cache.alone():
                wheel = cache.find(origins(environ))  # another process may have made it meanwhile
                if wheel is None:
                    runner = Runner(root / "logs/numpy.log", say)
                    return first_success(Order(pyodide, version, environ, say, runner), cache, providers(environ))
    except OSError as error:
        raise WheelError(
            f"A file could not be read or written: {error}. Is the disk full? The cache: {root}"
        ) from error
    say(f"NumPy: from the cache, {wheel}")
    return wheel


def pyodide_version(pyodide: Path) -> str:
    """Returns the version of the npm package `pyodide`; raises WheelError if it is not one or has another ABI."""
    try:
        version = json.loads((pyodide / "package.json").read_text())["version"]
        abi = json.loads((pyodide / "pyodide-lock.json").read_text())["info"]["abi_version"]
    except (OSError, ValueError, KeyError) as error:
        raise WheelError(f"{pyodide} is no unpacked npm package `pyodide` ({error}). Run npm install first.") from None
    if abi != pins.ABI:
        raise WheelError(f"Pyodide {version} has the ABI {abi}, but the NumPy recipe is made for {pins.ABI}.")
    return version


def origins(environ: Mapping[str, str]) -> list[str]:
    """Returns the acceptable origins of cached wheels, best first: the own build is faster than the official one."""
    path = environ.get("DIFFUSION_LAB_NUMPY_WHEEL")
    if path:
        wheel = Path(path).expanduser()
        return [given_origin(wheel)] if wheel.is_file() else []
    return ["build"] if environ.get("DIFFUSION_LAB_NUMPY") == "build" else ["build", "official"]


def providers(environ: Mapping[str, str]) -> list[Provider]:
    """Returns the providers to try, in order. If the user specifies a wheel, there is no fallback."""
    if environ.get("DIFFUSION_LAB_NUMPY_WHEEL"):
        return [from_user]
    return [from_build] if environ.get("DIFFUSION_LAB_NUMPY") == "build" else [from_official, from_build]


def first_success(order: Order, cache: Cache, chain: list[Provider]) -> Path:
    """Returns the cached wheel of the first provider whose wheel passes all checks."""
    verify.find_node()  # all checks need Node: report its absence before a long build
    reasons = []
    for provider in chain:
        try:
            with cache.work_folder() as work:
                found = provider(order, work)
                order.say(f"NumPy: checking the wheel ({found.wheel.stat().st_size / 1e6:.1f} MB)")
                facts = found.check()
                trimmed = work / "trimmed" / pins.WHEEL
                trimmed.parent.mkdir()
                facts.update(check_and_trim(found, trimmed, order))
                wheel = cache.put(trimmed, found.origin, facts)
        except WheelError as error:
            order.say(f"NumPy: {error}")
            reasons.append(str(error))
            continue
        order.say(f"NumPy: ready, {wheel.stat().st_size / 1e6:.1f} MB in {wheel}")
        return wheel
    listed = "".join(f"\n- {reason}" for reason in reasons)
    raise WheelError(f"There is no NumPy {pins.NUMPY} for Pyodide {order.version}:{listed}")


def check_and_trim(found: Found, trimmed: Path, order: Order) -> dict[str, object]:
    """Trims a wheel, checks the result in Pyodide, and returns facts for the cache's note."""
    try:
        trim_wheel(found.wheel, trimmed)
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        raise WheelError(f"The wheel {found.wheel.name} cannot be read: {error}") from None
    verify.check_imports(trimmed, order.pyodide)
    raises = verify.run_basic_checks(trimmed, order.pyodide, order.runner)
    if not raises and found.origin == "build":
        raise WheelError("The built NumPy does not raise LinAlgError for a singular matrix: its patch has no effect.")
    if not raises:
        order.say(
            "NumPy: this wheel lacks the lab's patches: inv() of a singular matrix gives NaN, and matrix "
            "products are slow. DIFFUSION_LAB_NUMPY=build makes one that has them."
        )
    return {"numpy": pins.NUMPY, "pyodide": order.version, "raises_linalgerror": raises}


def given_origin(wheel: Path) -> str:
    """Returns the cache's origin name for a user's wheel; it contains the file's hash."""
    return f"given-{file_hash(wheel)[:12]}"


def from_user(order: Order, work: Path) -> Found:
    """Provides the wheel that the user specifies with DIFFUSION_LAB_NUMPY_WHEEL."""
    wheel = order.given
    shown = f"DIFFUSION_LAB_NUMPY_WHEEL={wheel}"
    if wheel is None or not wheel.is_file():
        raise WheelError(f"{shown}: there is no such file.")
    verify.check_name(wheel, shown)
    order.say(f"NumPy: taking {wheel}")
    return Found(wheel, given_origin(wheel), dict)


def from_official(order: Order, work: Path) -> Found:
    """Downloads the wheel of the official Pyodide distribution; its hash is in the npm package."""
    lock = json.loads((order.pyodide / "pyodide-lock.json").read_text())
    entry = lock.get("packages", {}).get("numpy", {})
    if not {"file_name", "sha256"} <= set(entry) or entry.get("version") != pins.NUMPY:
        has = entry.get("version", "none")
        raise WheelError(f"The official distribution has another NumPy ({has}) than this lab ({pins.NUMPY}): skipped.")
    wheel = work / entry["file_name"]
    verify.check_name(wheel, "The official distribution's NumPy")
    address = OFFICIAL.format(version=order.version) + entry["file_name"]
    order.say(f"NumPy: asking the official distribution, {address}")
    download(address, wheel, entry["sha256"], order.say)
    return Found(wheel, "official", dict)


def download(address: str, target: Path, sha256: str, say: Say) -> None:
    """Downloads a file; raises WheelError if the download fails or the hash differs."""
    digest, size, news = hashlib.sha256(), 0, time.monotonic()
    try:
        with urllib.request.urlopen(address, timeout=NETWORK_SECONDS) as answer, target.open("wb") as file:
            while block := answer.read(1 << 16):
                file.write(block)
                digest.update(block)
                size += len(block)
                if time.monotonic() - news > NEWS_EVERY:
                    news = time.monotonic()
                    say(f"  {size / 1e6:.1f} MB")
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise WheelError(f"The official distribution cannot be reached ({reason}).") from None
    if digest.hexdigest() != sha256:
        raise WheelError(f"{address} has the SHA-256 {digest.hexdigest()}, but {sha256} was expected: not used.")


def from_build(order: Order, work: Path) -> Found:
    """Builds the wheel from source; its check runs a part of NumPy's own tests."""
    order.say(f"NumPy: building {pins.NUMPY} from source, some minutes (log: {order.runner.log})")
    start = time.monotonic()
    wheel = recipe.build(order.pyodide, work, order.runner)
    order.say(f"NumPy: built in {time.monotonic() - start:.0f} s; now its own tests")

    def suite() -> dict[str, object]:
        verify.check_imports(wheel, order.pyodide)
        result = verify.run_test_suite(wheel, order.pyodide, work, work / "venv/bin/python", order.runner)
        order.say(f"  {result.strip('= ')}")
        return {"tests": result.strip("= "), "full_sha256": file_hash(wheel)}

    return Found(wheel, "build", suite)

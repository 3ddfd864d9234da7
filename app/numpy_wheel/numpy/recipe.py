"""Builds NumPy for Pyodide from its sdist, from top to bottom: tools, headers, source, compilation, wheel."""

import os
import shutil
import sys
import tarfile
from pathlib import Path

from .. import debian
from ..cache import file_hash
from ..commands import Runner
from ..errors import WheelError
from . import cross, pins, sysroot
from .pack import Files, write_wheel
from .patching import PatchError, apply_patch
from .wasm import offered_symbols

DISK_SPACE = 1_000_000_000  # bytes; about 0.4 GB was seen in use
PATCHES = Path(__file__).parent / "patches"

MESON_OPTIONS = [
    "--prefix=/usr",
    "-Dbuildtype=plain",
    "-Db_ndebug=true",
    "-Dblas=none",
    "-Dlapack=none",
    "-Dallow-noblas=true",
    "-Dcpu-baseline=none",
    "-Dcpu-dispatch=none",
    "-Ddisable-optimization=false",
]


def build(pyodide: Path, work: Path, runner: Runner) -> Path:
    """Builds the full wheel, including NumPy's tests, in the empty folder `work`; returns its path."""
    check_disk_space(work)
    mirror = debian.debian_mirror(debian.machine_sources(), debian.codename())
    debian.ensure_programs(runner, pins.PROGRAMS)
    venv = make_venv(work / "venv", runner)
    headers, versions = fetch_headers(work, mirror, runner)
    sysroot.lay_out_emscripten(headers, work / "sysroot")
    variables = sysroot.build_time_vars(pyodide / "python_stdlib.zip")
    sysroot.lay_out_python(headers, pins.PYTHON, variables, work / "python/include")
    symbols = offered_symbols((pyodide / "pyodide.asm.wasm").read_bytes())
    (work / "symbols.txt").write_text("\n".join(sorted(symbols)) + "\n")

    source = fetch_source(work, venv, runner)
    for patch in sorted(PATCHES.glob("*.diff")):
        try:
            apply_patch(patch, source)
        except (PatchError, OSError) as error:
            raise WheelError(f"NumPy's source is not as the patches expect: {error}") from None

    compile_source(source, work, venv, variables, runner)
    installed = work / "installed"
    meson(
        runner,
        "installing into a folder",
        venv,
        source,
        "install",
        "-C",
        work / "build",
        "--destdir",
        installed,
    )
    (packages,) = installed.glob("usr/lib/python3*/site-packages")
    for module in packages.rglob("*.so"):
        runner.run("stripping", [f"llvm-strip-{pins.LLVM}", "--strip-all", module])

    wheel = work / pins.WHEEL
    write_wheel(wheel, collect(packages, source, work, versions))
    return wheel


def check_disk_space(folder: Path) -> None:
    """Raises WheelError if the disk has too little free space for the build."""
    free = shutil.disk_usage(folder).free
    if free < DISK_SPACE:
        raise WheelError(
            f"Building NumPy takes {DISK_SPACE / 1e9:.1f} GB for a while, but only {free / 1e9:.1f} GB is "
            f"free at {folder}. Make room or point DIFFUSION_LAB_CACHE at a larger disk."
        )


def make_venv(folder: Path, runner: Runner) -> Path:
    """Makes a venv with the build tools, so that nothing is installed outside the work folder."""
    runner.run(
        "making a venv",
        [sys.executable, "-m", "venv", folder],
        advice="On Debian, Python's venv is in the package python3-venv.",
    )
    runner.run(
        "installing Cython and ninja",
        [folder / "bin/python", "-m", "pip", "install", "--quiet", *pins.BUILD_REQUIREMENTS],
        advice="Is pip's package index reachable?",
    )
    return folder


def fetch_headers(work: Path, mirror: debian.Source, runner: Runner) -> tuple[Path, dict[str, str]]:
    """Extracts Emscripten's and CPython's headers from Debian's packages; returns the versions of these packages."""
    (emscripten, em_suite), (python, py_suite) = pins.EMSCRIPTEN_HEADERS, pins.PYTHON_HEADERS
    other = debian.OtherSuites(work / "apt", mirror, [em_suite, py_suite], runner)
    headers = work / "headers"
    versions = {
        emscripten: other.unpack(emscripten, em_suite, sysroot.EMSCRIPTEN_FOLDERS, headers),
        python: other.unpack(python, py_suite, ["usr/include/"], headers),
    }
    return headers, versions


def fetch_source(work: Path, venv: Path, runner: Runner) -> Path:
    """Downloads and unpacks NumPy's sdist; returns its folder."""
    runner.run(
        f"downloading NumPy {pins.NUMPY}",
        [venv / "bin/python", Path(__file__).with_name("fetch_sdist.py"), pins.NUMPY, work],
        advice="Is pip's package index reachable?",
    )
    sdist = work / f"numpy-{pins.NUMPY}.tar.gz"
    found = file_hash(sdist)
    if found != pins.NUMPY_SDIST_SHA256:
        raise WheelError(
            f"NumPy's sdist has the SHA-256 {found}, but the recipe was made for {pins.NUMPY_SDIST_SHA256}"
        )
    with tarfile.open(sdist) as archive:
        archive.extractall(work, filter="data")
    return work / f"numpy-{pins.NUMPY}"


def compile_source(source: Path, work: Path, venv: Path, variables: dict[str, str | int], runner: Runner) -> None:
    """Runs Meson and ninja with the compilers of this folder."""
    python = venv / "bin/python"
    cross.write_programs(work / "bin", python)
    target_python = cross.write_target_python(work / "python", python, variables)
    cross.write_cross_file(work / "cross.ini", target_python, venv / "bin/cython")
    options: list[str | Path] = ["--cross-file", work / "cross.ini", *MESON_OPTIONS]
    meson(runner, "configuring", venv, source, "setup", work / "build", source, *options)
    ninja: list[str | Path] = [venv / "bin/ninja", "-C", work / "build"]  # on all cores
    runner.run("compiling", ninja, env=environment(work, venv), limit=7200)


def meson(runner: Runner, what: str, venv: Path, source: Path, *arguments: str | Path) -> None:
    """Runs the Meson in NumPy's sdist: a fork with support for NumPy's SIMD targets."""
    script = source / "vendored-meson/meson/meson.py"
    runner.run(
        what,
        [venv / "bin/python", script, *arguments],
        cwd=source.parent,  # asking the linker for its version leaves an a.out in the current folder
        env=environment(source.parent, venv),
    )


def environment(work: Path, venv: Path) -> dict[str, str]:
    """Returns the environment of Meson and ninja: the path of the compilers, and the variables that wcc.py reads."""
    unwanted = ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS")  # would be mixed into the flags
    return {
        **dict.fromkeys(unwanted, ""),
        "PATH": os.pathsep.join([f"{work}/bin", f"{venv}/bin", os.environ.get("PATH", os.defpath)]),
        "WCC_LLVM": pins.LLVM,
        "WCC_SYSROOT": str(work / "sysroot"),
        "WCC_SYMBOLS": str(work / "symbols.txt"),
        "WCC_HIDE": str(work),
        "WCC_SHOW": pins.NEUTRAL_PATH,
    }


def collect(packages: Path, source: Path, work: Path, versions: dict[str, str]) -> Files:
    """Returns all files of the wheel; raises WheelError if one has a path of this machine: builds would differ."""
    files = {
        path.relative_to(packages).as_posix(): path.read_bytes()
        for path in packages.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    config = "numpy/__config__.py"
    files[config] = files[config].replace(str(work).encode(), pins.NEUTRAL_PATH.encode())
    telling = sorted(name for name, content in files.items() if str(work).encode() in content)
    if telling:
        raise WheelError(f"the path of the build got into {', '.join(telling)}")
    info = f"numpy-{pins.NUMPY}.dist-info"
    made_with = "".join(f"Made-With: {package} {version}\n" for package, version in sorted(versions.items()))
    wheel = f"Wheel-Version: 1.0\nGenerator: diffusion-instrument-lab\nRoot-Is-Purelib: false\nTag: {pins.TAG}\n"
    files[f"{info}/METADATA"] = (source / "PKG-INFO").read_bytes()
    files[f"{info}/WHEEL"] = (wheel + made_with).encode()
    files[f"{info}/LICENSE.txt"] = (source / "LICENSE.txt").read_bytes()
    return files

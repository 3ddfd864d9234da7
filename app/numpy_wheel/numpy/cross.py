"""Describes the target machine to Meson: compilers, and a Python that reports the configuration of Pyodide's."""

import shlex
from pathlib import Path

from . import pins

CROSS_FILE = """\
[binaries]
c = 'wcc'
cpp = 'wc++'
ar = 'llvm-ar-{llvm}'
strip = 'true'
python = '{python}'
cython = '{cython}'
pkg-config = 'false'

[properties]
needs_exe_wrapper = true
skip_sanity_check = true
longdouble_format = 'IEEE_QUAD_LE'

[built-in options]
c_args = {flags}
cpp_args = {flags}

[host_machine]
system = 'emscripten'
cpu_family = 'wasm32'
cpu = 'wasm32'
endian = 'little'
"""

# Python runs this at startup. It makes sysconfig, which Meson and NumPy's build query, describe Pyodide's Python.
SITE_CUSTOMIZE = """\
import sysconfig

target = {target!r}
root = {root!r}
known = sysconfig.get_config_vars()
known.update({{name: target[name] for name in ("EXT_SUFFIX", "SOABI", "VERSION", "SIZEOF_VOID_P")}})
known.update(py_version_short=target["VERSION"], py_version_nodot=target["VERSION"].replace(".", ""))
known.update(dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), root))
known.update(dict.fromkeys(("INCLUDEPY", "CONFINCLUDEPY"), root + "/include"))
known.update(LIBPYTHON="", LIBPC="/nonexistent", Py_GIL_DISABLED=0)  # a side module links no libpython
sysconfig.get_python_version = lambda: target["VERSION"]
sysconfig.get_platform = lambda: "emscripten-wasm32"
"""


def write_programs(folder: Path, python: Path) -> None:
    """Writes the programs `wcc` and `wc++`. Meson finds them by name, as a path would get into `numpy.__config__`."""
    folder.mkdir(parents=True)
    script = Path(__file__).with_name("wcc.py")
    for name, language in (("wcc", "c"), ("wc++", "c++")):
        _write_program(folder / name, f"exec {shlex.quote(str(python))} -I -S {shlex.quote(str(script))} {language}")


def write_target_python(folder: Path, python: Path, variables: dict[str, str | int]) -> Path:
    """Writes a program that runs the venv's Python but reports the configuration of Pyodide's; returns its path."""
    (folder / "site").mkdir(parents=True)
    wanted = {name: variables[name] for name in ("EXT_SUFFIX", "SOABI", "VERSION", "SIZEOF_VOID_P")}
    (folder / "site/sitecustomize.py").write_text(SITE_CUSTOMIZE.format(target=wanted, root=str(folder)))
    program = folder / "python"
    site = shlex.quote(str(folder / "site"))
    _write_program(program, f"PYTHONPATH={site} exec {shlex.quote(str(python))}")
    return program


def write_cross_file(path: Path, python: Path, cython: Path) -> None:
    """Writes the file for Meson's `--cross-file`."""
    path.write_text(CROSS_FILE.format(llvm=pins.LLVM, python=python, cython=cython, flags=pins.OPTIMISATION))


def _write_program(path: Path, command: str) -> None:
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)

"""Lays out the headers that NumPy is compiled with: Emscripten's and those of Pyodide's CPython."""

import re
import shutil
import zipfile
from pathlib import Path

SYSTEM = "usr/share/emscripten/system"
# Emscripten's own order when it installs its headers: later ones overwrite earlier ones.
C_HEADERS = [
    "include",
    "lib/libc/musl/include",
    "lib/libc/musl/arch/generic",
    "lib/libc/musl/arch/emscripten",
    "lib/compiler-rt/include",
    "lib/libunwind/include",
]
CXX_HEADERS = ["lib/libcxx/include", "lib/libcxxabi/include"]
EMSCRIPTEN_FOLDERS = [f"{SYSTEM}/{folder}/" for folder in C_HEADERS + CXX_HEADERS]


def lay_out_emscripten(unpacked: Path, sysroot: Path) -> None:
    """Copies Emscripten's headers from its unpacked package to `sysroot/include`."""
    for folders, target in ((C_HEADERS, "include"), (CXX_HEADERS, "include/c++/v1")):
        for folder in folders:
            source = unpacked / SYSTEM / folder
            if source.is_dir():
                shutil.copytree(source, sysroot / target, dirs_exist_ok=True)


def build_time_vars(stdlib_zip: Path) -> dict[str, str | int]:
    """Returns the build configuration of Pyodide's Python, from `_sysconfigdata_*.py` in its standard library."""
    with zipfile.ZipFile(stdlib_zip) as archive:
        (name,) = (name for name in archive.namelist() if name.startswith("_sysconfigdata_"))
        source = archive.read(name)
    module: dict[str, dict[str, str | int]] = {}
    exec(compile(source, name, "exec"), module)  # the values are f-strings, which `ast.literal_eval` rejects
    return module["build_time_vars"]


def lay_out_python(unpacked: Path, version: str, variables: dict[str, str | int], include: Path) -> None:
    """Copies CPython's headers from Debian's unpacked package, with a `pyconfig.h` for Pyodide."""
    shutil.copytree(unpacked / f"usr/include/python{version}", include)
    (template,) = (unpacked / "usr/include").glob(f"*-linux-gnu*/python{version}/pyconfig.h")
    (include / "pyconfig.h").write_text(pyconfig(template.read_text(), variables))


def pyconfig(template: str, variables: dict[str, str | int]) -> str:
    """Returns a `pyconfig.h` with the names of Debian's file and the values of Pyodide's build."""
    lines = []
    for line in template.splitlines():
        match = re.match(r"(?:/\*\s*)?#\s*(?:define|undef)\s+(\w+)", line)
        # sysconfig keeps no name that begins with "_" (such as _GNU_SOURCE): the template's line stays.
        if match is None or match[1].startswith(("_", "Py_PYCONFIG_H")):
            lines.append(line)
            continue
        value = variables.get(match[1])
        # sysconfig keeps "not defined" as 0. A macro really defined as 0 looks the same; only sizes matter.
        undefined = value in (None, "") or (value == 0 and not match[1].startswith(("SIZEOF_", "ALIGNOF_")))
        if undefined or value is None:
            lines.append(f"/* #undef {match[1]} */")
        else:
            lines.append(f"#define {match[1]} {value}")
    return "\n".join(lines) + "\n"

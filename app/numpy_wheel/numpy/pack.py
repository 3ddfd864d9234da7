"""Writes wheels reproducibly: the same files give the same bytes. Trims them to the files that programs use."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path

FIXED_TIME = (2024, 1, 1, 0, 0, 0)

# Needed only to test NumPy, compile against it or check types. numpy.testing is kept, because other packages import it.
UNUSED_FOLDERS = re.compile(
    r"numpy/(.*/)?(tests|f2py|include|distutils|_pyinstaller)/|numpy/(_core|random)/lib/|numpy/random/_examples/"
)
UNUSED_SUFFIXES = (".pyi", ".pxd", ".pyx", ".c", ".h", ".a", ".in", ".md", ".typed")
UNUSED_MODULES = re.compile(r".*/(_\w+_tests|_simd)\.cpython[^/]*\.so|numpy/(conftest|_configtool)\.py")

Files = dict[str, bytes]


def is_used(name: str) -> bool:
    """Returns whether the trimmed wheel keeps a file of NumPy's wheel."""
    if not name.startswith("numpy/"):
        return name.endswith((".dist-info/METADATA", ".dist-info/WHEEL")) or "LICENSE" in name
    unused = UNUSED_FOLDERS.match(name) or UNUSED_MODULES.fullmatch(name) or name.endswith(UNUSED_SUFFIXES)
    return not unused


def read_wheel(path: Path) -> Files:
    """Returns all files of a wheel. Raises ValueError if RECORD is missing or a file does not match its hash in it."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    record = next((name for name in files if name.endswith(".dist-info/RECORD")), None)
    if record is None:
        raise ValueError("it has no RECORD")
    for line in files[record].decode().splitlines():
        name, expected, _size = line.rsplit(",", 2)
        if expected and (name not in files or _record_hash(files[name]) != expected):
            raise ValueError(f"its file {name} does not fit RECORD")
    return files


def write_wheel(path: Path, files: Files) -> None:
    """Writes a wheel with a new RECORD: the same files give the same bytes."""
    (info,) = {name.split("/")[0] for name in files if name.endswith(".dist-info/WHEEL")}
    names = sorted(name for name in files if name != f"{info}/RECORD")
    record = [f"{name},{_record_hash(files[name])},{len(files[name])}" for name in names]
    record.append(f"{info}/RECORD,,")
    contents = [(name, files[name]) for name in names]
    contents.append((f"{info}/RECORD", ("\n".join(record) + "\n").encode()))
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents:
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def trim_wheel(full: Path, trimmed: Path) -> None:
    """Writes the wheel `trimmed`: the files of the wheel `full` that programs use."""
    write_wheel(trimmed, {name: content for name, content in read_wheel(full).items() if is_used(name)})


def _record_hash(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.rstrip(b"=").decode()

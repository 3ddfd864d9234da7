"""Small stand-ins: a Pyodide folder, a WebAssembly module made by hand, a NumPy wheel with one in it."""

import json
from pathlib import Path

import pytest

from diffusion_lab.app.numpy_wheel.numpy import pack, pins

ENVIRONMENT = ["DIFFUSION_LAB_CACHE", "DIFFUSION_LAB_NUMPY", "DIFFUSION_LAB_NUMPY_WHEEL", "XDG_CACHE_HOME"]


def leb(number: int) -> bytes:
    """An unsigned LEB128 number."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + leb(rest) if rest else bytes([low])


def text(name: str) -> bytes:
    return leb(len(name)) + name.encode()


def section(kind: int, *entries: bytes) -> bytes:
    content = leb(len(entries)) + b"".join(entries)
    return bytes([kind]) + leb(len(content)) + content


def wasm_module(imports: list[bytes] = (), exports: list[bytes] = ()) -> bytes:
    custom = b"\0" + leb(204) + text("abc") + bytes(200)  # its length takes two bytes
    return b"\0asm\1\0\0\0" + custom + section(2, *imports) + section(7, *exports)


def function_import(name: str, module: str = "env") -> bytes:
    return text(module) + text(name) + b"\0" + leb(300)


def function_export(name: str) -> bytes:
    return text(name) + b"\0" + leb(1)


def write_numpy_wheel(path: Path, side_module: bytes | None = None) -> Path:
    module = wasm_module([function_import("malloc")], [function_export("PyInit_m")])
    info = f"numpy-{pins.NUMPY}.dist-info"
    files = {
        "numpy/__init__.py": b"",
        "numpy/tests/test_it.py": b"",
        "numpy/_core/m.cpython-314-wasm32-emscripten.so": side_module or module,
        f"{info}/METADATA": b"Name: numpy\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\n",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pack.write_wheel(path, files)
    return path


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Path:
    monkeypatch.setenv("DIFFUSION_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    folder = tmp_path / "pyodide"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"version": "314.0.7"}))
    lock = {"info": {"abi_version": pins.ABI}, "packages": {}}
    (folder / "pyodide-lock.json").write_text(json.dumps(lock))
    (folder / "pyodide.asm.wasm").write_bytes(wasm_module(exports=[function_export("malloc")]))
    return folder

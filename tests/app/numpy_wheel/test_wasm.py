from pathlib import Path

import pytest

from diffusion_lab.app.numpy_wheel import WheelError, verify
from diffusion_lab.app.numpy_wheel.commands import Runner
from diffusion_lab.app.numpy_wheel.numpy import pins, wasm

from .conftest import function_export, function_import, text, wasm_module, write_numpy_wheel

# One import of each kind, with and without an upper limit: a wrong length would spoil all that follow.
IMPORTS = [
    function_import("malloc"),
    text("env") + text("table") + b"\x01\x70\x00\x05",
    text("env") + text("table2") + b"\x01\x70\x01\x05\xff\x01",
    text("env") + text("memory") + b"\x02\x01\x80\x02\x80\x80\x02",
    text("GOT.mem") + text("environ") + b"\x03\x7f\x01",
    text("env") + text("__cpp_exception") + b"\x04\x00\x01",
    function_import("free"),
]


def test_all_kinds_of_imports_are_read():
    symbols = wasm.read_symbols(wasm_module(IMPORTS, [function_export("PyInit_m")]))
    names = [(module, kind, name) for module, kind, name in symbols.imports]
    assert names == [
        ("env", wasm.FUNCTION, "malloc"),
        ("env", wasm.TABLE, "table"),
        ("env", wasm.TABLE, "table2"),
        ("env", wasm.MEMORY, "memory"),
        ("GOT.mem", wasm.GLOBAL, "environ"),
        ("env", wasm.TAG, "__cpp_exception"),
        ("env", wasm.FUNCTION, "free"),
    ]
    assert symbols.exports == [(wasm.FUNCTION, "PyInit_m")]


def test_offered_are_exports_and_what_javascript_gives_but_not_tables():
    main = wasm_module(IMPORTS, [function_export("strlen")])
    assert wasm.offered_symbols(main) == {"strlen", "malloc", "environ", "free"}


def test_missing_symbols_are_those_nobody_offers():
    side = wasm_module(
        [*IMPORTS[:1], *IMPORTS[3:], function_import("own"), function_import("backtrace")],
        [function_export("own")],
    )
    assert wasm.missing_symbols(side, {"malloc", "environ"}) == ["backtrace", "free"]
    assert wasm.missing_symbols(side, {"malloc", "environ", "free", "backtrace"}) == []


def test_other_files_are_no_modules():
    with pytest.raises(ValueError, match="not a WebAssembly module"):
        wasm.read_symbols(b"\x7fELF and so on")
    with pytest.raises(ValueError, match="unknown kind 9"):
        wasm.read_symbols(wasm_module([text("env") + text("x") + b"\x09"]))


def test_a_wheel_with_another_version_inside_is_refused(tmp_path: Path, pyodide: Path, monkeypatch):
    runner = Runner(tmp_path / "log", print)
    monkeypatch.setattr(runner, "run", lambda *a, **k: "numpy 2.4.5; a singular matrix raises LinAlgError\n")
    with pytest.raises(WheelError, match=r"another NumPy than 2\.4\.6: numpy 2\.4\.5"):
        verify.run_basic_checks(tmp_path / pins.WHEEL, pyodide, runner)


def test_a_wheel_with_an_import_that_is_not_offered_is_refused(tmp_path: Path, pyodide: Path):
    verify.check_imports(write_numpy_wheel(tmp_path / pins.WHEEL), pyodide)
    broken = write_numpy_wheel(tmp_path / "2" / pins.WHEEL, wasm_module([function_import("backtrace")]))
    with pytest.raises(WheelError, match=r"m\.cpython.*\(backtrace\)"):
        verify.check_imports(broken, pyodide)

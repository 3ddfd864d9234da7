"""The parts of the recipe that can be tried without a compiler."""

import hashlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from diffusion_lab.app.numpy_wheel import WheelError
from diffusion_lab.app.numpy_wheel.numpy import cross, pack, patching, pins, recipe, sysroot, wcc

from .conftest import write_numpy_wheel


@pytest.mark.parametrize(
    "name",
    [
        "numpy/__init__.py",
        "numpy/lib/_npyio_impl.py",
        "numpy/testing/__init__.py",
        "numpy/_core/_multiarray_umath.cpython-314-wasm32-emscripten.so",
        "numpy-2.4.6.dist-info/METADATA",
        "numpy-2.4.6.dist-info/licenses/LICENSE.txt",
    ],
)
def test_what_programs_use_stays(name: str):
    assert pack.is_used(name)


@pytest.mark.parametrize(
    "name",
    [
        "numpy/conftest.py",
        "numpy/__init__.pyi",
        "numpy/py.typed",
        "numpy/f2py/crackfortran.py",
        "numpy/linalg/tests/test_linalg.py",
        "numpy/_core/include/numpy/arrayobject.h",
        "numpy/_core/lib/libnpymath.a",
        "numpy/random/lib/libnpyrandom.a",
        "numpy/_core/_umath_tests.cpython-314-wasm32-emscripten.so",
        "numpy/_core/_simd.cpython-314-wasm32-emscripten.so",
        "numpy-2.4.6.dist-info/entry_points.txt",
    ],
)
def test_what_programs_do_not_use_goes(name: str):
    assert not pack.is_used(name)


def test_a_wheel_is_the_same_bytes_for_the_same_files(tmp_path: Path):
    wheel = write_numpy_wheel(tmp_path / pins.WHEEL)
    files = pack.read_wheel(wheel)
    pack.write_wheel(tmp_path / "again.whl", dict(reversed(files.items())))
    assert (tmp_path / "again.whl").read_bytes() == wheel.read_bytes()
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == (
        hashlib.sha256((tmp_path / "again.whl").read_bytes()).hexdigest()
    )
    pack.trim_wheel(wheel, tmp_path / "trimmed.whl")
    assert set(files) - set(pack.read_wheel(tmp_path / "trimmed.whl")) == {"numpy/tests/test_it.py"}


def test_a_wheel_that_does_not_fit_its_record_is_refused(tmp_path: Path):
    wheel = write_numpy_wheel(tmp_path / pins.WHEEL)
    with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(tmp_path / "bad.whl", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, b"other" if name == "numpy/__init__.py" else good.read(name))
    with pytest.raises(ValueError, match=r"numpy/__init__.py does not fit"):
        pack.read_wheel(tmp_path / "bad.whl")
    with zipfile.ZipFile(tmp_path / "none.whl", "w") as none:
        none.writestr("numpy/__init__.py", "")
    with pytest.raises(ValueError, match="no RECORD"):
        pack.read_wheel(tmp_path / "none.whl")


OLD = "".join(f"line {number}\n" for number in range(1, 31))
NEW = OLD.replace("line 3\n", "line three\n").replace("line 20\n", "").replace("line 29\n", "line 29\nmore\n")


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    """A diff of two files, as the program diff makes it, with a reason before it."""
    for side, content in (("a", OLD), ("b", NEW)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "first.txt").write_text(content)
        (tmp_path / side / "second.txt").write_text(content)
    diff = subprocess.run(["diff", "-ru", "a", "b"], cwd=tmp_path, capture_output=True, text=True, check=False)
    (tmp_path / "x.diff").write_text("The reason.\n- a list\n\n" + diff.stdout)
    return tmp_path / "x.diff"


def test_a_patch_makes_the_new_file_of_the_old(patch: Path, tmp_path: Path):
    changed = patching.apply_patch(patch, tmp_path / "a")
    assert [path.name for path in changed] == ["first.txt", "second.txt"]
    assert (tmp_path / "a/first.txt").read_text() == NEW
    assert (tmp_path / "a/second.txt").read_text() == NEW


@pytest.mark.parametrize("change", [("line 4\n", "other\n"), ("line 20\n", "other\n"), ("line 5\n", "")])
def test_a_patch_that_does_not_fit_changes_nothing(patch: Path, tmp_path: Path, change: tuple[str, str]):
    (tmp_path / "a/first.txt").write_text(OLD.replace(*change))
    with pytest.raises(patching.PatchError, match="does not fit line"):
        patching.apply_patch(patch, tmp_path / "a")
    assert (tmp_path / "a/first.txt").read_text() == OLD.replace(*change)


def test_each_patch_of_the_recipe_gives_its_reason():
    patches = sorted(recipe.PATCHES.glob("*.diff"))
    assert len(patches) == 3
    for each in patches:
        reason, _, rest = each.read_text().partition("--- a/")
        assert len(reason.splitlines()) > 3
        assert rest


def test_pyconfig_has_debians_names_and_pyodides_values():
    template = (
        "#define SIZEOF_LONG 8\n/* #undef HAVE_A */\n#define HAVE_B 1\n#define _GNU_SOURCE 1\n"
        "/* text */\n#define HAVE_C 1\n#define ALIGNOF_D 8\n#ifndef _X\n#define _X 2\n#endif\n"
    )
    values = {"SIZEOF_LONG": 4, "HAVE_A": 1, "HAVE_B": 0, "ALIGNOF_D": 0}
    assert sysroot.pyconfig(template, values) == (
        "#define SIZEOF_LONG 4\n#define HAVE_A 1\n/* #undef HAVE_B */\n#define _GNU_SOURCE 1\n"
        "/* text */\n/* #undef HAVE_C */\n#define ALIGNOF_D 0\n#ifndef _X\n#define _X 2\n#endif\n"
    )


def test_the_target_python_answers_for_pyodide(tmp_path: Path):
    variables = {"EXT_SUFFIX": ".x.so", "SOABI": "x", "VERSION": "3.99", "SIZEOF_VOID_P": 4, "MORE": 1}
    python = cross.write_target_python(tmp_path / "python", Path(shutil.which("python3")), variables)
    code = "from sysconfig import *; print(get_config_var('EXT_SUFFIX'), get_platform(), get_path('include'))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert answer[:2] == [".x.so", "emscripten-wasm32"]
    assert answer[2].startswith(str(tmp_path / "python/include"))


@pytest.fixture
def wcc_settings(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The environment of wcc.py; the list holds the commands that it would run."""
    for name, value in {
        "SYSROOT": "/s",
        "SYMBOLS": "/names",
        "LLVM": "19",
        "HIDE": "/w",
        "SHOW": "/build",
    }.items():
        monkeypatch.setenv(f"WCC_{name}", value)
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command: commands.append(command) or 0)
    monkeypatch.setattr(wcc.os, "execvp", lambda program, command: commands.append(command))
    return commands


def test_wcc_compiles_without_what_is_emccs_alone(wcc_settings):
    wcc.main("c++", ["-sWASM=1", "-std=c++17", "-pthread", "-Wl,-x", "-c", "a.cpp", "-o", "a.o"])
    (command,) = wcc_settings
    assert command[-5:] == ["-std=c++17", "-c", "a.cpp", "-o", "a.o"]
    assert "-ffile-prefix-map=/w=/build" in command
    assert command.index("/s/include/c++/v1") < command.index("/s/include")
    assert "-pthread" not in command


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        ("../numpy/_core/src/umath/loops.c", ["-O3", "-msimd128"]),
        ("../numpy/linalg/lapack_lite/f2c_dlapack.c", ["-O2", "-O2"]),
        ("_multiarray_umath.p/lowlevel_strided_loops.c", ["-O2", "-O2"]),
    ],
)
def test_wcc_leaves_out_vectors_where_they_are_slower(wcc_settings, source, flags):
    wcc.main("c", ["-O3", "-msimd128", "-c", source, "-o", "lapack_lite.o"])
    (command,) = wcc_settings
    assert [argument for argument in command if argument.startswith(("-O", "-msimd"))] == flags


def test_wcc_links_a_module_with_its_constructors_exported(wcc_settings):
    wcc.main("c", ["-shared", "-o", "x/_mod.cpython-314.so", "a.o", "b.a", "-lm", "-Wl,--start-group", "-O3"])
    (command,) = wcc_settings
    assert command[0] == "wasm-ld-19"
    assert command[-2:] == ["a.o", "b.a"]
    assert {"-shared", "--export=__wasm_call_ctors", "--export-if-defined=PyInit__mod"} <= set(command)


def test_wcc_answers_mesons_questions_truthfully(wcc_settings):
    wcc.main("c", ["-O3", "question.c", "-o", "question.wasm"])
    compiling, linking = wcc_settings
    assert compiling[-4:-1] == ["-c", "question.c", "-o"]
    assert "-O3" in compiling
    assert {"--unresolved-symbols=report-all", "--allow-undefined-file=/names"} <= set(linking)
    assert linking[-1] == compiling[-1]


def test_too_little_disk_space_is_told_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Little:
        free = 10**8

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Little)
    with pytest.raises(WheelError, match=r"only 0\.1 GB is free"):
        recipe.check_disk_space(tmp_path)


def test_no_path_of_the_build_gets_into_the_wheel(tmp_path: Path):
    packages, source = tmp_path / "packages", tmp_path / "source"
    (packages / "numpy").mkdir(parents=True)
    source.mkdir()
    for name in ("PKG-INFO", "LICENSE.txt"):
        (source / name).write_text("x")
    (packages / "numpy/__config__.py").write_text(f'path = "{tmp_path}/python"')
    files = recipe.collect(packages, source, tmp_path, {"emscripten": "3"})
    assert files["numpy/__config__.py"] == b'path = "/build/python"'
    (packages / "numpy/other.so").write_bytes(b"\0" + str(tmp_path).encode())
    with pytest.raises(WheelError, match=r"numpy/other\.so"):
        recipe.collect(packages, source, tmp_path, {})

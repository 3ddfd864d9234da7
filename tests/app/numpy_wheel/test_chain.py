import hashlib
import json
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from diffusion_lab.app.numpy_wheel import WheelError, provide, provide_numpy, verify
from diffusion_lab.app.numpy_wheel.numpy import pack, pins, recipe

from .conftest import function_import, wasm_module, write_numpy_wheel

BROKEN = wasm_module([function_import("backtrace")])


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Node and the compilers would do; the true thing is in test_in_node.py."""
    monkeypatch.setattr(verify, "run_basic_checks", lambda wheel, pyodide, runner: True)
    monkeypatch.setattr(verify, "run_test_suite", lambda *arguments: "== 3 passed in 1s ==")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The recipe replaced by one that is done at once; the list grows with each build."""
    done: list[Path] = []

    def build(pyodide: Path, work: Path, runner: object) -> Path:
        done.append(write_numpy_wheel(work / pins.WHEEL))
        return done[-1]

    monkeypatch.setattr(recipe, "build", build)
    return done


@pytest.fixture
def official(tmp_path: Path, pyodide: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An official distribution in a folder; the lock file knows its wheel."""
    wheel = write_numpy_wheel(tmp_path / "official/314.0.7" / pins.WHEEL)
    monkeypatch.setattr(provide, "OFFICIAL", (tmp_path / "official").as_uri() + "/{version}/")
    write_lock(pyodide, pins.NUMPY, hashlib.sha256(wheel.read_bytes()).hexdigest())
    return wheel


def write_lock(pyodide: Path, version: str, sha256: str) -> None:
    entry = {"version": version, "file_name": pins.WHEEL, "sha256": sha256}
    lock = {"info": {"abi_version": pins.ABI}, "packages": {"numpy": entry}}
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock))


def test_the_official_wheel_is_trimmed_and_cached(pyodide, cache_folder, official, builds, said):
    wheel = provide_numpy(pyodide, said.append)
    assert wheel.name == pins.WHEEL
    assert wheel.is_relative_to(cache_folder)
    assert "numpy/tests/test_it.py" not in names_in(wheel)
    assert "numpy/__init__.py" in names_in(wheel)
    official.unlink()
    assert provide_numpy(pyodide, said.append) == wheel
    assert "from the cache" in said[-1]
    assert builds == []


def names_in(wheel: Path) -> set[str]:
    return set(pack.read_wheel(wheel))


def test_without_internet_the_build_follows(pyodide, cache_folder, official, builds, said, monkeypatch):
    def unreachable(address: str, timeout: float) -> None:
        assert timeout <= 5
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(provide.urllib.request, "urlopen", unreachable)
    wheel = provide_numpy(pyodide, said.append)
    assert len(builds) == 1
    assert any("cannot be reached (Name or service not known)" in text for text in said)
    assert json.loads((wheel.parent / "wheel.json").read_text())["tests"] == "3 passed in 1s"


def test_a_wrong_hash_of_the_official_wheel_is_not_used(pyodide, cache_folder, official, builds, said):
    official.write_bytes(official.read_bytes() + b"!")
    assert provide_numpy(pyodide, said.append).parent.name == "build"
    assert any("was expected: not used" in text for text in said)


def test_another_official_version_is_skipped(pyodide, cache_folder, official, builds, said):
    write_lock(pyodide, "2.4.5", "0" * 64)
    assert provide_numpy(pyodide, said.append).parent.name == "build"
    assert any("another NumPy (2.4.5)" in text for text in said)


def test_the_switch_skips_the_official_wheel_even_a_cached_one(
    pyodide, cache_folder, official, builds, said, monkeypatch
):
    assert provide_numpy(pyodide, said.append).parent.name == "official"
    monkeypatch.setenv("DIFFUSION_LAB_NUMPY", "build")
    assert provide_numpy(pyodide, said.append).parent.name == "build"
    assert len(builds) == 1


def test_all_reasons_are_in_the_final_error(pyodide, cache_folder, said, monkeypatch):
    def build(*arguments: object) -> Path:
        raise WheelError("The packages clang-19 are missing")

    monkeypatch.setattr(recipe, "build", build)
    with pytest.raises(WheelError) as error:
        provide_numpy(pyodide, said.append)
    assert "another NumPy (none)" in str(error.value)
    assert "clang-19 are missing" in str(error.value)
    assert not list(cache_folder.glob("wheels/*/*"))


def test_a_build_that_fails_its_tests_is_not_cached(pyodide, cache_folder, builds, said, monkeypatch):
    def failing(*arguments: object) -> str:
        raise WheelError("NumPy's own tests failed")

    monkeypatch.setattr(verify, "run_test_suite", failing)
    with pytest.raises(WheelError, match="own tests failed"):
        provide_numpy(pyodide, said.append)
    assert not list(cache_folder.rglob("*.whl"))


def test_a_build_without_its_patch_is_not_used(pyodide, cache_folder, builds, said, monkeypatch):
    monkeypatch.setattr(verify, "run_basic_checks", lambda wheel, pyodide, runner: False)
    with pytest.raises(WheelError, match="LinAlgError"):
        provide_numpy(pyodide, said.append)


def test_without_node_nothing_is_built(pyodide, cache_folder, builds, said, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(WheelError, match=r"Node\.js \(20 or later\) is needed"):
        provide_numpy(pyodide, said.append)
    assert builds == []


def test_a_tampered_wheel_is_made_again(pyodide, cache_folder, builds, said):
    wheel = provide_numpy(pyodide, said.append)
    wheel.write_bytes(b"tampered")
    again = provide_numpy(pyodide, said.append)
    assert len(builds) == 2
    assert "numpy/__init__.py" in names_in(again)


def test_the_users_wheel_wins_over_the_cache(pyodide, cache_folder, tmp_path, builds, said, monkeypatch):
    built = provide_numpy(pyodide, said.append)
    own = write_numpy_wheel(tmp_path / "own" / pins.WHEEL)
    monkeypatch.setenv("DIFFUSION_LAB_NUMPY_WHEEL", str(own))
    given = provide_numpy(pyodide, said.append)
    assert given != built
    assert given.parent.name.startswith("given-")
    assert provide_numpy(pyodide, said.append) == given
    monkeypatch.delenv("DIFFUSION_LAB_NUMPY_WHEEL")
    assert provide_numpy(pyodide, said.append) == built


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("numpy-2.4.5-cp314-cp314-pyemscripten_2026_0_wasm32.whl", None, "wrong wheel: .* need a file named"),
        ("numpy-2.4.6-cp313-cp313-pyodide_2025_0_wasm32.whl", None, "wrong wheel: .* need a file named"),
        (pins.WHEEL, b"no zip", "cannot be read"),
        (pins.WHEEL, BROKEN, "does not export: .*backtrace"),
        ("missing", None, "no such file"),
    ],
)
def test_a_wrong_wheel_of_the_users_is_an_error_not_skipped(
    name, content, message, pyodide, cache_folder, tmp_path, builds, said, monkeypatch
):
    own = tmp_path / "own" / name
    if content == b"no zip":
        own.parent.mkdir()
        own.write_bytes(content)
    elif name != "missing":
        write_numpy_wheel(own, content)
    monkeypatch.setenv("DIFFUSION_LAB_NUMPY_WHEEL", str(own))
    with pytest.raises(WheelError, match=message):
        provide_numpy(pyodide, said.append)
    assert builds == []


def test_an_official_wheel_without_patches_is_said(pyodide, cache_folder, official, said, monkeypatch):
    monkeypatch.setattr(verify, "run_basic_checks", lambda wheel, pyodide, runner: False)
    assert provide_numpy(pyodide, said.append).parent.name == "official"
    assert any("lacks the lab's patches" in text for text in said)


def test_a_folder_that_is_no_pyodide_and_another_abi_are_explained(tmp_path, pyodide, cache_folder):
    with pytest.raises(WheelError, match="npm install"):
        provide_numpy(tmp_path)
    (pyodide / "pyodide-lock.json").write_text('{"info": {"abi_version": "2027_0"}}')
    with pytest.raises(WheelError, match="ABI 2027_0"):
        provide_numpy(pyodide)


def test_the_module_needs_the_standard_library_alone():
    """As the set-up calls it: nothing installed, the package found as a folder."""
    folder = Path(provide.__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import numpy_wheel; print(*numpy_wheel.__all__)"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == "WheelError provide_numpy\n", result.stderr


def test_the_command_line_explains_errors(tmp_path):
    command = [sys.executable, "-m", "diffusion_lab.app.numpy_wheel"]
    wrong = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: ")
    assert "Traceback" not in wrong.stderr
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2

"""The quick run: which parts a change touches, and that no part runs a source that it does not name."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

from diffusion_lab.app.build import command_line, quick_tests
from diffusion_lab.app.build.quick_tests import LEFT_OUT, arguments, changed, keep, parts
from diffusion_lab.app.build.setup_steps import ROOT

FILES = (
    "app/build/site.py", "app/build/notebook.py", "app/cells/session.py", "app/instrument/view.py",
    "app/browser/worker_api.py", "instruments/common/mixtures.py", "instruments/ring/kernel.py",
    "instruments/flow/kernel.py", "static/js/page/main.js", "chapters/01-forward.md", "pyproject.toml",
    "tests/conftest.py", "tests/test_lint.py", "tests/instruments/conftest.py", "tests/instruments/ring/test_kernel.py",
    "tests/instruments/flow/test_kernel.py", "tests/instruments/common/test_mixtures.py",
    "tests/instruments/common/samplers/test_ddim.py", "tests/app/build/test_notebook.py",
    "tests/app/build/test_live_preview.py", "tests/app/cells/test_session.py", "tests/app/instrument/test_view.py",
    "tests/app/browser/test_worker_api.py", "tests/app/numpy_wheel/test_chain.py", "tests/browser/test_cells.py",
    "tests/new/test_new.py", "tests/static/test_scripts.py",
)  # fmt: skip
ALL = {path.rpartition("/")[0] for path in FILES if "/test_" in path} - {"tests/browser", "tests/app/numpy_wheel"}


@pytest.fixture
def checkout(tmp_path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def touched(checkout: Path, *names: str) -> set[str]:
    """The parts that run after these files have changed."""
    before = parts(checkout)
    for name in names:
        (checkout / name).write_text("changed")
    now = parts(checkout)
    return {part for part in now if now[part] != before[part]}


COMMON = {"tests/instruments/common", "tests/instruments/common/samplers"}
OF_INSTRUMENTS = {"tests/instruments/ring", "tests/instruments/flow"}
WHOLE = {"tests", "tests/app/build", "tests/new"}  # these run everything
OF_ALL_INSTRUMENTS = {"tests/app/instrument", "tests/app/cells", "tests/app/browser"} | WHOLE


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("instruments/ring/kernel.py", {"tests/instruments/ring"} | OF_ALL_INSTRUMENTS),
        ("instruments/common/mixtures.py", COMMON | OF_INSTRUMENTS | OF_ALL_INSTRUMENTS),
        ("app/build/notebook.py", WHOLE),
        ("app/build/site.py", WHOLE | OF_INSTRUMENTS),
        ("app/browser/worker_api.py", WHOLE | {"tests/app/browser"}),
        ("app/cells/session.py", OF_ALL_INSTRUMENTS),
        ("app/instrument/view.py", OF_ALL_INSTRUMENTS | OF_INSTRUMENTS),
        ("static/js/page/main.js", WHOLE | {"tests/static", "tests/app/instrument"}),
        ("chapters/01-forward.md", WHOLE | OF_INSTRUMENTS),
        ("tests/instruments/ring/test_kernel.py", WHOLE | {"tests/instruments/ring"}),
        ("tests/instruments/conftest.py", WHOLE | COMMON | OF_INSTRUMENTS),
        ("tests/conftest.py", ALL),
        ("pyproject.toml", ALL),
    ],
)
def test_a_change_runs_the_parts_that_depend_on_it(checkout, name, wanted):
    assert touched(checkout, name) == wanted


def test_nothing_changed_runs_nothing_and_what_passed_is_left_out(checkout, monkeypatch):
    monkeypatch.setattr(quick_tests, "KEPT", checkout / ".build/quick-tests.json")
    assert changed(parts(checkout)) == sorted(ALL)
    keep(parts(checkout))
    assert changed(parts(checkout)) == []
    (checkout / "tests/static/test_scripts.py").write_text("changed")
    assert changed(parts(checkout)) == ["tests", "tests/app/build", "tests/new", "tests/static"]
    (checkout / "tests/static/test_scripts.py").write_text("tests/static/test_scripts.py")
    assert changed(parts(checkout)) == []


def test_what_needs_a_site_or_a_browser_is_left_out(checkout):
    files = arguments(sorted(parts(checkout)), checkout)
    assert "tests/app/build/test_notebook.py" in files
    assert [path for path in files if path.startswith(LEFT_OUT)] == []
    assert {path.rpartition("/")[0] for path in files} == ALL


def test_what_is_named_exists():
    assert [name for name in LEFT_OUT if not (ROOT / name).exists()] == []
    named = {name for sources in quick_tests.SOURCES.values() for name in sources if "<" not in name}
    assert [name for name in [*named, *quick_tests.SHARED] if not (ROOT / name).exists()] == []


def unnamed(folder: str, source: str) -> list[str]:
    """Modules of the lab that `source`, a file of tests in `folder`, imports and that are not among its sources."""
    sources = [*quick_tests._sources(folder), *quick_tests.SHARED, folder]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("diffusion_lab."):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("diffusion_lab.")]
        else:
            continue
        for name in names:
            path = name.removeprefix("diffusion_lab.").replace(".", "/")
            paths = (path, f"{path}.py", f"{path.rpartition('/')[0]}.py")
            if not any(quick_tests._in(path, place) for path in paths for place in sources):
                found.append(name)
    return found


def test_no_part_imports_what_it_does_not_name():
    for path in arguments(list(parts())):
        source = (ROOT / path).read_text("utf-8")
        assert unnamed(path.rpartition("/")[0], source) == [], path


def test_an_unnamed_import_is_found():
    assert unnamed("tests/instruments/ring", "from diffusion_lab.instruments.flow import kernel") == [
        "diffusion_lab.instruments.flow.kernel"
    ]
    assert unnamed("tests/instruments/ring", "from diffusion_lab.instruments.ring import kernel") == []
    assert unnamed("tests/app/build", "import diffusion_lab.app.build.site") == []


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ran(monkeypatch, tmp_path) -> list[list[str]]:
    """Commands that were run, instead of running them; all succeed."""
    found: list[list[str]] = []
    monkeypatch.setattr(command_line, "ensure_python", lambda *_, **__: None)
    monkeypatch.setattr(command_line, "ensure_front_end", lambda *_: None)
    monkeypatch.setattr(quick_tests, "KEPT", tmp_path / "kept.json")
    monkeypatch.setattr(subprocess, "call", lambda command, **_: found.append(command) or 0)
    return found


def test_a_quick_run_that_passed_is_not_repeated(ran, capsys):
    assert command_line.main(["test", "--quick"]) == 0
    assert command_line.main(["test", "--quick"]) == 0
    (command,) = ran
    assert command[1:5] == ["-m", "pytest", "-n", "2"]
    assert "tests/test_lint.py" in command
    assert "nothing has changed" in capsys.readouterr().out


def test_a_quick_run_that_failed_or_left_tests_out_is_repeated(ran, monkeypatch, tmp_path):
    assert command_line.main(["test", "--quick", "-k", "ring"]) == 0
    assert ran[0][-2:] == ["-k", "ring"]
    assert "-n" not in ran[0]
    monkeypatch.setattr(subprocess, "call", lambda command, **_: 1)
    assert command_line.main(["test", "--quick"]) == 1
    assert not (tmp_path / "kept.json").exists()
    monkeypatch.setattr(subprocess, "call", lambda command, **_: 0)
    assert command_line.main(["test", "--quick"]) == 0
    assert json.loads((tmp_path / "kept.json").read_text()) == parts()


def test_all_tests_run_without_a_browser_in_two_processes_then_with_one(ran, monkeypatch):
    monkeypatch.setattr(command_line, "_built", lambda *_, **__: None)
    monkeypatch.setattr(command_line, "ensure_browser", lambda _: "/usr/bin/browser")
    monkeypatch.setenv("DIFFUSION_LAB_BROWSER", "")
    assert command_line.main(["test"]) == 0
    assert [command[3:] for command in ran] == [
        ["-n", "2", "--ignore=tests/browser"],
        ["-n", "2", "-m", "not alone and not every_browser", "tests/browser"],
        ["-m", "alone", "tests/browser"],
    ]
    ran.clear()
    assert command_line.main(["test", "tests/instruments/ring", "-x"]) == 0
    assert [command[3:] for command in ran] == [["tests/instruments/ring", "-x"]]
    ran.clear()
    monkeypatch.setattr(command_line, "ensure_every_browser", lambda _: None)
    assert command_line.main(["test", "--every-browser", "-k", "firefox"]) == 0
    assert [command[3:] for command in ran] == [["-m", "every_browser", "tests/browser", "-k", "firefox"]]
    codes = [1, 0, 0]
    monkeypatch.setattr(subprocess, "call", lambda *_, **__: codes.pop(0))
    assert (command_line.main(["test"]), codes) == (1, [])

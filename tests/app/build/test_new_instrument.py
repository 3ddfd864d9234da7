"""`build.py new instrument`: what it writes passes the tests of every instrument; what it cannot write it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diffusion_lab.app.build import command_line, new_instrument
from diffusion_lab.app.build.command_line import main
from diffusion_lab.app.build.new_instrument import write_instrument
from diffusion_lab.app.build.setup_steps import ROOT, SetupError

from ...checkout import copy_checkout

NAME = "noised_cluster"
WRITTEN = [
    f"instruments/{NAME}/__init__.py",
    f"instruments/{NAME}/kernel.py",
    f"instruments/{NAME}/component.py",
    f"instruments/{NAME}/about.md",
    f"instruments/{NAME}/examples.toml",
    f"tests/instruments/{NAME}/test_kernel.py",
    f"tests/instruments/{NAME}/test_component.py",
]
LAST_CHAPTER = max(path.name for path in (ROOT / "chapters").glob("[0-9]*.md"))
OF_ARCHITECTURE = (
    "tests/test_architecture.py::test_every_file_keeps_to_its_imports",
    "tests/test_architecture.py::test_every_file_has_a_rule",
    "tests/test_shipped_python.py::test_kernels_import_without_panel_bokeh_and_param",
    "tests/test_instrument_folders.py::test_every_instrument_is_whole",
)
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the checkout with the new instrument; it is the package `diffusion_lab` by its own name."""
    copy = copy_checkout(tmp_path_factory.mktemp("new") / "diffusion_lab", kept=False)
    written = write_instrument(NAME, root=copy)
    assert [path.relative_to(copy).as_posix() for path in written] == [*WRITTEN, f"chapters/{LAST_CHAPTER}"]
    return copy


def run(checkout: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in the copy, with the copy's own packages and not this checkout's."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.parent)}
    return subprocess.run(
        [str(part) for part in command], cwd=checkout, env=environment, capture_output=True, text=True
    )


def pytest_in(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(checkout, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments)


def test_its_tests_and_those_of_every_instrument_pass(checkout):
    own = f"tests/instruments/{NAME}"
    done = pytest_in(checkout, own, "tests/app/instrument/every_instrument", "-k", NAME)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def test_the_architecture_stands(checkout):
    done = pytest_in(checkout, *OF_ARCHITECTURE)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def test_its_tests_can_fail(checkout):
    """Those in the copy are of the code in the copy."""
    kernel = checkout / f"instruments/{NAME}/kernel.py"
    text = kernel.read_text("utf-8")
    kernel.write_text(text.replace("sigma_t * eps", "0.9 * sigma_t * eps"), "utf-8")
    try:
        done = pytest_in(checkout, f"tests/instruments/{NAME}/test_kernel.py", "-k", "exact_normal_law")
    finally:
        kernel.write_text(text, "utf-8")
    assert done.returncode == 1
    assert "FAILED" in done.stdout


def test_linters_are_content(checkout):
    folders = [f"instruments/{NAME}", f"tests/instruments/{NAME}"]
    for command in (["ruff", "check", "--no-cache"], ["ruff", "format", "--no-cache", "--check"]):
        done = run(checkout, BIN / command[0], *command[1:], *folders)
        assert done.returncode == 0, done.stdout + done.stderr
    done = run(checkout, BIN / "mypy", "--cache-dir", os.devnull, f"instruments/{NAME}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def hollow(tmp_path) -> Path:
    """As much of a checkout as the command looks at."""
    (tmp_path / "instruments/common").mkdir(parents=True)
    (tmp_path / "instruments/taken").mkdir()
    (tmp_path / "tests/instruments/tested").mkdir(parents=True)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters/01-first.md").write_text("First.\n\n## Check yourself\n\nA.\n\n## Further reading\n\nB.\n")
    (tmp_path / "chapters/02-last.md").write_text("Last.\n")
    return tmp_path


def files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "chapter", "refusal"),
    [
        ("Cluster", "", "An instrument's name is lower snake case, like `two_words`, got `Cluster`."),
        ("two words", "", "An instrument's name is lower snake case, like `two_words`, got `two words`."),
        ("../out", "", "An instrument's name is lower snake case, like `two_words`, got `../out`."),
        ("a__b", "", "An instrument's name is lower snake case, like `two_words`, got `a__b`."),
        ("3d", "", "An instrument's name is lower snake case, like `two_words`, got `3d`."),
        ("", "", "An instrument's name is lower snake case, like `two_words`, got ``."),
        ("class", "", "`class` is a word of Python's: a package cannot have that name."),
        ("common", "", "`common` holds what several instruments share: an instrument cannot have that name."),
        ("taken", "", "instruments/taken exists already."),
        ("tested", "", "tests/instruments/tested exists already."),
        ("cluster", "07", "There is no chapter 07; there is 01, 02."),
        ("cluster", "1", "There is no chapter 1; there is 01, 02."),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is(hollow, name, chapter, refusal):
    before = files(hollow)
    with pytest.raises(SetupError) as refused:
        write_instrument(name, chapter, hollow)
    assert str(refused.value) == refusal
    assert files(hollow) == before


@pytest.mark.parametrize(("chapter", "place"), [("", "02-last.md"), ("02", "02-last.md"), ("01", "01-first.md")])
def test_it_stands_in_the_chapter_that_is_named_else_in_the_last(hollow, chapter, place):
    before = files(hollow)
    written = write_instrument("two_words", chapter, hollow)
    after = files(hollow)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {path.relative_to(hollow).as_posix() for path in written}
    assert {name for name in changed if name in before} == {f"chapters/{place}"}
    text = after[f"chapters/{place}"]
    slot = ":::{instrument} two_words\nPoints of one Gaussian cluster under noise, and their exact density.\n:::\n\n"
    assert text.replace(slot, "").strip() == before[f"chapters/{place}"].strip()
    if place == "01-first.md":
        assert text.startswith(f"First.\n\n{slot}## Check yourself\n")
    assert "class TwoWords(Instrument)" in after["instruments/two_words/component.py"]
    assert 'title = "Two words"' in after["instruments/two_words/component.py"]


def test_the_command_line(monkeypatch, capsys, hollow):
    monkeypatch.setattr(command_line, "ensure_python", lambda say: None)
    assert main(["new", "instrument", "common"]) == 1
    assert "build.py: `common` holds what several instruments share" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["new", "chapter", "x"])
    monkeypatch.setattr(new_instrument.write_instrument, "__defaults__", ("", hollow))
    monkeypatch.setattr(command_line, "ROOT", hollow)
    assert main(["new", "instrument", "cluster", "--chapter", "01"]) == 0
    assert capsys.readouterr().out.splitlines()[::7] == ["instruments/cluster/__init__.py", "chapters/01-first.md"]

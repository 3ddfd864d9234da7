"""Tests in two processes: what shares a fixture or a survey stays together, and each process runs whole groups."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import group_of


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/browser/test_controls.py::test_run_pause_step_and_reset[walk]", "instrument walk"),
        ("tests/test_lint.py::test_tool_is_content[mypy]", "tests/test_lint.py"),
        ("tests/app/instrument/every_instrument/test_settings.py::test_there_is_a_seed[ring]", "instrument ring"),
        (
            "tests/app/instrument/every_instrument/test_pictures.py::test_it[two_words-start0]",
            "instrument two_words",
        ),
        (
            "tests/app/instrument/every_instrument/test_figures.py::test_versions",
            "tests/app/instrument/every_instrument/test_figures.py",
        ),
    ],
)
def test_groups(nodeid, group):
    assert group_of(nodeid) == group


def test_every_process_runs_whole_groups(tmp_path):
    """Each of six files notes the process of each of its tests."""
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text("utf-8"))
    for k in range(6):
        (tmp_path / f"test_{k}.py").write_text(
            "import os, pathlib, pytest\n"
            "@pytest.mark.parametrize('n', range(4))\n"
            f"def test_it(n): pathlib.Path(r'{tmp_path}/{k}-{{}}.pid'.format(n)).write_text(str(os.getpid()))\n"
        )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pids = {k: {(tmp_path / f"{k}-{n}.pid").read_text() for n in range(4)} for k in range(6)}
    assert [len(of_file) for of_file in pids.values()] == [1] * 6
    assert len(set.union(*pids.values())) == 2

"""The mechanism of `subject` itself: a mutant must fail, and by AssertionError."""

import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[1] / "conftest.py"

CHECKS = """
import pytest

def crash(x):
    raise ZeroDivisionError

@pytest.mark.subject(abs, wrong=lambda x: x)
def test_good(subject):
    assert subject(-1) == 1

@pytest.mark.subject(abs, wrong=lambda x: x)
def test_too_weak(subject):
    assert subject(1) == 1

@pytest.mark.subject(abs, wrong=crash)
def test_crash(subject):
    assert subject(-1) == 1
"""


def test_a_surviving_or_crashing_mutant_fails_the_run(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_checks.py").write_text(CHECKS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--strict-markers",
        "-rf",
        str(tmp_path),
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "2 failed, 4 passed" in run.stdout
    assert "the mutant not_wrong survived: this check cannot fail on it" in run.stdout
    assert "test_crash[not_wrong] - ZeroDivisionError" in run.stdout

"""Runs the tests of the page's scripts, which are in JavaScript, with Node's own test runner."""

import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*.test.mjs"))


def node_test(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", "--test", "--test-reporter=tap", str(path)], capture_output=True, text=True)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_script(path):
    done = node_test(path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) >= 5


def test_a_failing_script_fails(tmp_path):
    failing = tmp_path / "x.test.mjs"
    failing.write_text('import { test } from "node:test";\ntest("no", () => { throw new Error("no"); });\n')
    assert node_test(failing).returncode == 1


def test_every_script_is_run():
    assert {path.name.split(".")[0] for path in SCRIPTS} == {
        "clients",
        "depths",
        "dock_news",
        "download",
        "embed",
        "front_panel",
        "hostile",
        "instruments",
        "interrupts",
        "kept",
        "layers",
        "listings",
        "menu",
        "pad_ellipses",
        "pad_points",
        "png",
        "predictions",
        "printed_text",
        "protocol",
        "python_worker",
        "quizzes",
        "receipts",
        "run_queue",
        "share",
        "scorm",
        "search",
        "service_worker",
        "sharing",
        "still_frames",
        "stored",
        "stored_states",
        "words",
        "xapi",
    }

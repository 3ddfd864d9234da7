"""Style, types and formatting: each tool, with the project's own configuration, has nothing to say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
NODE_BIN = ROOT / "static/node_modules/.bin"

TOOLS = {
    "ruff_check": ([BIN / "ruff", "check", "--no-cache", "--output-format=concise"], ROOT),
    "ruff_format": ([BIN / "ruff", "format", "--no-cache", "--check"], ROOT),
    "mypy": ([BIN / "mypy"], ROOT),
    "eslint": ([NODE_BIN / "eslint", "js"], ROOT / "static"),
    "tsc": ([NODE_BIN / "tsc", "-p", "js"], ROOT / "static"),
}


def run(command: list[Path | str], cwd: Path, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, **options)


@pytest.mark.parametrize("tool", TOOLS)
def test_tool_is_content(tool):
    done = run(*TOOLS[tool])
    assert done.returncode == 0, done.stdout + done.stderr


def test_npm_runs_the_same_tools():
    """`npm run lint` and the tests above cannot drift apart."""
    scripts = json.loads((ROOT / "static/package.json").read_text())["scripts"]
    assert scripts["lint"].split(" && ") == [f"{TOOLS[name][0][0].name} {' '.join(TOOLS[name][0][1:])}"
                                             for name in ("eslint", "tsc")]  # fmt: skip


# --- and each would complain -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ('"""A module."""\n\nimport os\n', "F401"),
        ("x = 1\n", "D100"),
        ('"""A module."""\n\nimport numpy as np\n\nnp.random.seed(1)\n', "NPY002"),
        ('"""A module."""\n\nx = 1' + "0" * 120 + "\n", "E501"),
    ],
)
def test_ruff_knows_the_rule(source, rule):
    done = run(
        [BIN / "ruff", "check", "--no-cache", "--output-format=concise", "--stdin-filename=app/build/x.py", "-"],
        ROOT,
        input=source,
    )
    assert done.returncode == 1
    assert rule in done.stdout


@pytest.mark.parametrize(
    ("name", "source", "rule"),
    [
        ("page/page.js", "export const f = (a) => a == 1;\n", "eqeqeq"),
        ("page/page.js", "const unused = 1;\n", "no-unused-vars"),
        ("page/page.js", "export const f = () => absent;\n", "no-undef"),
        ("worker/worker.js", "document.title = '';\n", "no-undef"),
    ],
)
def test_eslint_knows_the_rule(name, source, rule):
    done = run(
        [NODE_BIN / "eslint", "--stdin", f"--stdin-filename=js/{name}", "--format=json"], ROOT / "static", input=source
    )
    assert done.returncode == 1
    assert [message["ruleId"] for message in json.loads(done.stdout)[0]["messages"]] == [rule]


def test_tsc_reads_the_types_in_comments(tmp_path):
    (tmp_path / "wrong.js").write_text(
        "/** @param {number} x */\n"
        "export const twice = (x) => 2 * x;\n"
        'twice("a");\n'
        "export const any = (untyped) => untyped;\n"
        'export const missing = () => document.querySelector("p").textContent;\n'
    )
    (tmp_path / "tsconfig.json").write_text(
        json.dumps({"extends": str(ROOT / "static/js/tsconfig.json"), "include": ["*.js"]})
    )
    done = run([NODE_BIN / "tsc", "-p", str(tmp_path)], ROOT / "static")
    found = {(line.split("(")[1].split(",")[0], line.split("error ")[1].split(":")[0])
             for line in done.stdout.splitlines()}  # fmt: skip
    assert found == {("3", "TS2345"), ("4", "TS7006"), ("5", "TS2531")}

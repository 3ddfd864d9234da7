"""The same numbers in the browser's Python as in the machine's own: the same code runs in both, and is compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import param
import pytest

from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import Cell
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT
from diffusion_lab.app.build.site import chapter_paths, read_references
from diffusion_lab.app.numpy_wheel import provide_numpy
from diffusion_lab.app.numpy_wheel.verify import CHECKS, find_node

BEFORE = """
x = np.linspace(-3, 3, 1001)
n = np.arange(100)
r = np.random.default_rng(7)
m = r.standard_normal((40, 30))
old = np.random.RandomState(7)
words = np.array(["diffusion", "noise", "a"])
"""

#: What must agree in type and in every bit: whole numbers, and what IEEE 754 or a library in C defines.
EXACT = """
np.arange(1, 100001).sum()
(np.arange(5) + 50000) ** 2
np.arange(1, 20).prod()
np.array([2**31, 1])
np.array([1, 2]) * 2**40
np.full(3, 7) ** 20
np.zeros(2, int) - 1
np.cumsum(np.full(5, 2**30))
np.array([True, True]).sum() * 2**33
np.array([200, 100], np.uint8).sum()
np.array([2**31 - 1], np.int32) + 1
np.array([3]) << 35
np.dot(n, n) ** 3
n @ n * 2**20
np.argsort(x[::-1]) * 10**8
np.argmax(x) * 10**8
np.nonzero(x > 0)[0] ** 4
np.where(x > 2)[0] * 10**9
np.searchsorted(x, [0.5, 1]) * 10**8
np.bincount(n % 7) ** 12
np.digitize(x, [0, 1]) * 2**40
np.unique(n % 5, return_counts=True)[1] ** 9
np.unique(n % 5, return_inverse=True)[1] * 2**40
np.histogram(x, 5)[0] ** 5
np.count_nonzero(m > 0, axis=0) ** 8
np.unravel_index([5, 6], (3, 4))[1] * 2**40
np.lexsort((n % 3, n % 5)) * 2**40
np.indices((2, 3)) * 2**40
np.tril_indices(3)[0] * 2**40
np.diff(np.array([1, 4])) * 2**40
np.trace(np.eye(3, dtype=int)) * 2**40
np.strings.str_len(words) ** 15
np.strings.find(words, "o") * 2**40
np.floor(x).astype(int) * 10**9
np.round(1e12 * x).astype(int)
int(np.float64(1e15)) + np.int_(1)
r.integers(0, 100, 9) * 2**40
r.integers(2**40, size=3)
r.choice(9, 5, p=np.full(9, 1 / 9)) * 2**40
r.choice(30, 5, replace=False) * 2**40
r.permutation(9) * 2**40
r.poisson(4, 5) * 2**40
r.binomial(9, 0.3, 5) * 2**40
r.multinomial(9, [0.5, 0.5]) * 2**40
old.randint(0, 100, 9) * 2**40
old.binomial(9, 0.3, 5) * 2**40
old.poisson(4, 5) * 2**40
old.choice(9, 5, p=np.full(9, 1 / 9)) * 2**40
old.permutation(9) * 2**40
x * 3 + 1 / x
np.sqrt(np.abs(x))
x.sum()
m.sum(axis=0)
m.mean(axis=1)
m.std()
np.cumsum(x)
np.median(m)
np.percentile(m, [5, 50, 95])
np.interp([0.1, 0.2], x, x**2)
np.gradient(x**2, x)
np.round(m, 2)
np.float32(0.1) * m.astype(np.float32)
r.random(9)
r.standard_normal(9)
r.standard_exponential(9)
old.standard_normal(9)
"""

#: What libraries compute in different ways: it must agree up to a few units in the last place.
CLOSE = """
np.exp(x)
np.log(np.abs(x) + 0.1)
np.sin(x)
np.tanh(x)
np.abs(x) ** 2.5
np.hypot(x, 1)
m.T @ m
np.fft.rfft(m[0])
np.linalg.inv(m.T @ m)
np.linalg.svd(m)[1]
np.var(m, axis=0)
r.gamma(2.5, size=9)
"""
ULPS = 64  # of the largest entry, for sums in another order

#: Runs in both: the chapters' cells, in order and with what they print and give, then the expressions.
SCRIPT = """
import contextlib, io, json, sys
from pathlib import Path
import numpy as np
from diffusion_lab.app.cells.value_html import value_html, value_text
folder = next(Path(path) for path in sys.path if Path(path, "given.json").exists())
given = json.loads((folder / "given.json").read_text("utf-8"))

def nothing(*args, **kwargs):
    return None

import ast
helpers = dict.fromkeys(("show", "plot_line", "plot_scatter", "plot_hist", "plot_image"), nothing)
shown = {}
for cells in given["chapters"]:
    names = {"__name__": "__main__", **helpers}
    for label, code in cells:
        tree, printed = ast.parse(code), io.StringIO()
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, label, "exec"), names)
            value = eval(compile(ast.Expression(last.value), label, "eval"), names) if last else None
        text = "" if value is None or hasattr(value, "param") else value_html(value) or value_text(value)
        shown[label] = printed.getvalue() + text

names = {"np": np}
exec(given["before"], names)
values = {}
for expression in given["expressions"]:
    with np.errstate(all="ignore"):
        value = np.asarray(eval(expression, names))
    values[expression] = [str(value.dtype), list(value.shape), value.tobytes().hex()]
(folder / f"found-{sys.platform}.json").write_text(json.dumps({"shown": shown, "values": values}))
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What both Pythons have found, by `sys.platform`."""
    folder = tmp_path_factory.mktemp("numbers")
    chapters = [parse_chapter(path, path.read_text("utf-8"), read_references()).of(Cell) for path in chapter_paths()]
    given = {
        "chapters": [[(cell.label, cell.code) for cell in cells] for cells in chapters],
        "before": BEFORE,
        "expressions": lines(EXACT) + lines(CLOSE),
    }
    (folder / "given.json").write_text(json.dumps(given), "utf-8")
    script = folder / "both.py"
    script.write_text(SCRIPT, "utf-8")
    code = folder / "diffusion_lab"
    ignore = shutil.ignore_patterns("__pycache__")
    for part in ("instruments", "app/instrument", "app/cells"):
        shutil.copytree(ROOT / part, code / part, ignore=ignore)
    for package in (code, code / "app"):
        (package / "__init__.py").touch()
    shutil.copytree(Path(param.__file__).parent, folder / "param", ignore=ignore)
    wheel = provide_numpy(NODE_MODULES / "pyodide")
    node = [find_node(), CHECKS / "run.mjs", NODE_MODULES / "pyodide", wheel, script, folder]
    own = [sys.executable, script]
    for command in (node, own):
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {path.stem.removeprefix("found-"): json.loads(path.read_text()) for path in folder.glob("found-*.json")}


def value(found: dict[str, Any], platform: str, expression: str) -> np.ndarray:
    kind, shape, content = found[platform]["values"][expression]
    return np.frombuffer(bytes.fromhex(content), kind).reshape(shape)


def pair(found: dict[str, Any], expression: str) -> tuple[np.ndarray, np.ndarray]:
    here = next(platform for platform in found if platform != "emscripten")
    return value(found, "emscripten", expression), value(found, here, expression)


@pytest.mark.parametrize("expression", lines(EXACT))
def test_the_same_bits(found, expression):
    page, here = pair(found, expression)
    assert page.dtype == here.dtype
    assert page.tobytes() == here.tobytes(), (page, here)


@pytest.mark.parametrize("expression", lines(CLOSE))
def test_the_same_numbers_but_for_the_last_digits(found, expression):
    page, here = pair(found, expression)
    assert page.dtype == here.dtype
    assert np.abs(page - here).max() <= ULPS * np.spacing(np.abs(here).max())


def test_cells_show_the_same(found):
    page, here = (found[platform]["shown"] for platform in sorted(found, key=lambda name: name != "emscripten"))
    assert {label: text for label, text in page.items() if text != here[label]} == {}
    assert sum(map(bool, page.values())) > 15

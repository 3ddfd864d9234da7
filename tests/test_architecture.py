"""Rules over the syntax tree of every Python file, each shown able to fail: who may import whom, how tests wait."""

import ast
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from diffusion_lab.app import instrument

from .imports import COMMON, LAB, ROOT, imported, sources, within


@dataclass(frozen=True)
class Rule:
    """`files` may import the standard library and, unless it is None, only `may` and `names`; never `may_not`.

    `may` and `may_not` are modules with all that is in them, `names` full names of single things. In `files`, `*`
    stands for one part of a path and a last `**` for all that is below. `<own>` is the package that the file stands in.
    `but`: names of files and folders that the rule passes over. `top_level`: only what runs when the file is imported.
    """

    files: str
    may: tuple[str, ...] | None = None
    may_not: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    top_level: bool = False
    names: tuple[str, ...] = ()


CONTRACT = f"{LAB}.app.instrument"
DRAWERS = ("figure_svg.py", "scene_figures.py", "view.py")
#: What draws with Bokeh, and what shows it with Panel: an instrument knows neither.
DRAWING = tuple(f"{CONTRACT}.{name.removesuffix('.py')}" for name in DRAWERS)
CHAPTERS = tuple(f"{LAB}.app.build.{name}" for name in ("chapter_text", "chapter_tree", "directive"))

RULES = (
    Rule("instruments/common/*.py", may=("numpy", COMMON)),
    Rule("instruments/common/*/*.py", may=("numpy", COMMON), but=("fit.py",)),
    Rule("instruments/common/*/fit.py", may=("numpy", "torch", "PIL", COMMON)),
    Rule("instruments/__init__.py", may=()),
    Rule("instruments/*/__init__.py", may=()),
    # The kernel, and what stands beside it.
    Rule(
        "instruments/*/*.py",
        may=("numpy", COMMON, "<own>"),
        may_not=("<own>.component",),
        but=("component.py", "front_panel.py", "words.py", "charts.py", "fit.py"),
    ),
    # What trains a network stays at home.
    Rule("instruments/*/fit.py", may=("numpy", "torch", COMMON, "<own>"), may_not=("<own>.component",)),
    # The contract is what its package names, and the layers.
    Rule(
        "instruments/*/component.py",
        may=("numpy", COMMON, "<own>", f"{CONTRACT}.scenes"),
        names=tuple(f"{CONTRACT}.{name}" for name in instrument.__all__),
    ),
    # Where a component is large: what its front panel has, and its pictures in words.
    *(
        Rule(
            f"instruments/*/{name}.py",
            may=("numpy", COMMON, "<own>"),
            may_not=("<own>.component",),
            names=tuple(f"{CONTRACT}.{name}" for name in instrument.__all__),
        )
        for name in ("front_panel", "words")
    ),
    # Where an instrument has several: its charts, with the data of their layers.
    Rule("instruments/*/charts.py", may=("numpy", COMMON, "<own>", f"{CONTRACT}.scenes"), may_not=("<own>.component",)),
    # Where an instrument has one: a text that its kernel learns from.
    Rule("instruments/*/corpus.py", may=()),
    Rule("app/__init__.py", may=()),
    # The author's machine: instruments are found, not named; what runs in the worker is imported by the worker alone.
    Rule(
        "app/build/**", may_not=(f"{LAB}.instruments", f"{LAB}.app.browser", "js", "pyodide"), but=("node", "diagrams")
    ),
    Rule("app/build/node/*.py", may=("js", "numpy", "pyodide", f"{LAB}.app.instrument", f"{LAB}.app.browser")),
    # Diagrams show what `common` computes, and what two instruments alone have: the text model, and the students.
    Rule(
        "app/build/diagrams/*.py",
        may=("numpy", "<own>", f"{LAB}.app.build.rendered", f"{CONTRACT}.theme"),
    ),
    Rule(
        "app/build/diagrams/drawn/*.py",
        may=(
            "numpy",
            COMMON,
            f"{LAB}.app.build.diagrams",
            f"{CONTRACT}.svg",
            f"{LAB}.instruments.unmask.kernel",
            f"{LAB}.instruments.unmask.language",
            f"{LAB}.instruments.distill.kernel",
            f"{LAB}.instruments.distill.students",
        ),
    ),
    Rule("app/build/chapter_tree.py", may=()),
    Rule("app/build/directive.py", may=(f"{LAB}.app.build.chapter_tree",)),
    Rule("app/build/listing.py", may=()),
    Rule("app/build/chapter_text.py", may=("markdown_it", "mdit_py_plugins", f"{LAB}.app.build.chapter_tree")),
    Rule(
        "app/build/chapter_parser.py",
        may=(
            "yaml",
            "markdown_it",
            *(f"{LAB}.app.build.{part}" for part in ("chapter_text", "chapter_tree", "directive", "listing")),
        ),
    ),
    # These run before anything is installed.
    Rule("app/build/__init__.py", may=()),
    Rule("app/build/setup_steps.py", may=()),
    Rule("app/build/command_line.py", may=(f"{LAB}.app.build.setup_steps",), top_level=True),
    Rule("build.py", may=(f"{LAB}.app.build.command_line",), top_level=True),
    # Everywhere.
    Rule(
        "app/instrument/**",
        may_not=(f"{LAB}.instruments", f"{LAB}.app.browser", f"{LAB}.app.build", f"{LAB}.app.cells"),
    ),
    # The contract itself: neither Panel nor Bokeh; what draws is imported when a view is asked for.
    Rule("app/instrument/*.py", may=("numpy", "param", CONTRACT), but=(*DRAWERS, "markup.py")),
    Rule("app/instrument/*.py", may_not=(*DRAWING, f"{CONTRACT}.markup"), top_level=True, but=DRAWERS),
    Rule("app/instrument/markup.py", may=("jinja2", "param", CONTRACT)),
    Rule("app/instrument/figure_svg.py", may=("bokeh", "numpy", f"{CONTRACT}.svg", f"{CONTRACT}.theme")),
    Rule(
        "app/instrument/scene_figures.py", may=("bokeh", f"{CONTRACT}.scenes", f"{CONTRACT}.svg", f"{CONTRACT}.theme")
    ),
    Rule("app/instrument/view.py", may=("bokeh", "panel", "param", CONTRACT)),
    # Those that know nothing but Python.
    *(
        Rule(f"app/instrument/{name}.py", may=(CONTRACT,))
        for name in (
            "assets",
            "computed",
            "conditions",
            "discovery",
            "editable",
            "panel",
            "replay",
            "theme",
            "vocabulary",
        )
    ),
    Rule(
        "app/cells/**",
        may=("bokeh", "numpy", "panel", f"{LAB}.app.cells", f"{LAB}.app.instrument"),
        but=("notebook_helpers.py",),
    ),
    Rule("app/cells/notebook_helpers.py", may=("bokeh", "panel", "IPython", f"{LAB}.app.cells")),
    # Help for errors looks at what is there and knows only NumPy.
    Rule(
        "app/cells/hints/*.py",
        may=("numpy", *(f"{LAB}.app.cells.{part}" for part in ("hints", "outputs", "event_loop", "unavailable"))),
    ),
    # The worker.
    Rule("app/browser/**", may_not=(f"{LAB}.instruments", f"{LAB}.app.build", f"{LAB}.app.numpy_wheel")),
    # It answers from instruments alone; Panel and Bokeh are for cells.
    Rule("app/browser/**", may_not=("bokeh", "panel", *DRAWING), but=("lean_bokeh_panel.py", "live_outputs.py")),
    Rule(
        "app/browser/worker_api.py",
        may=(
            "js",
            f"{LAB}.app.browser.downloads",
            f"{LAB}.app.browser.linked_instruments",
            f"{CONTRACT}.assets",
            f"{CONTRACT}.discovery",
        ),
        top_level=True,
    ),
    Rule("app/browser/linked_instruments.py", may=("numpy", "pyodide", CONTRACT), may_not=DRAWING),
    Rule("app/browser/downloads.py", may=("js", f"{CONTRACT}.assets")),
    # Stands alone: it also works where the lab is not installed.
    Rule("app/numpy_wheel/**", may=(f"{LAB}.app.numpy_wheel",), but=("checks", "fetch_sdist.py")),
    Rule("app/numpy_wheel/checks/*.py", may=("numpy", "pytest")),
    Rule("app/numpy_wheel/numpy/fetch_sdist.py", may=("pypi_simple",)),
)


def fits(path: str, rule: Rule) -> bool:
    """Whether `path` is one of the rule's files."""
    parts, wanted = path.split("/"), rule.files.split("/")
    if wanted[-1] == "**":
        parts, wanted = parts[: len(wanted) - 1], wanted[:-1]
    same = len(parts) == len(wanted) and all(map(fnmatch, parts, wanted))
    return same and not set(path.split("/")) & set(rule.but)


def breaches(path: str, source: str) -> list[str]:
    """`file:line: imports name` for every import that a rule forbids."""
    found = []
    own = ".".join([LAB, *Path(path).parent.parts])
    for rule in RULES:
        if not fits(path, rule):
            continue
        may, may_not = ([name.replace("<own>", own) for name in names or ()] for names in (rule.may, rule.may_not))
        for line, name in imported(path, source, top_level=rule.top_level):
            standard = name.split(".")[0] in sys.stdlib_module_names
            allowed = rule.may is None or standard or within(name, may) or name in rule.names
            if within(name, may_not) or not allowed:
                found.append(f"{path}:{line}: imports {name}")
    return found


def test_every_file_keeps_to_its_imports():
    assert [breach for path, source in sources() for breach in breaches(path, source)] == []


def test_every_file_has_a_rule():
    assert [path for path, _ in sources() if not any(fits(path, rule) for rule in RULES)] == []


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [
        ("instruments/ring/kernel.py", "import bokeh.models", "bokeh.models"),
        ("instruments/ring/kernel.py", "def f():\n    import param", "param"),
        (
            "instruments/ring/kernel.py",
            "from diffusion_lab.app.instrument import theme",
            "diffusion_lab.app.instrument.theme",
        ),
        ("instruments/ring/kernel.py", "from ..loss import kernel", "diffusion_lab.instruments.loss.kernel"),
        ("instruments/ring/kernel.py", "import importlib\nimportlib.import_module('panel')", "panel"),
        ("instruments/ring/kernel.py", "import scipy", "scipy"),
        ("instruments/ring/kernel.py", "from . import component", "diffusion_lab.instruments.ring.component"),
        ("instruments/unmask/corpus.py", "import panel", "panel"),
        ("instruments/common/metrics.py", "from scipy import stats", "scipy.stats"),
        ("instruments/common/networks/dense.py", "import torch", "torch"),
        (
            "instruments/common/metrics.py",
            "from diffusion_lab.instruments.ring.kernel import density",
            "diffusion_lab.instruments.ring.kernel.density",
        ),
        ("instruments/ring/component.py", "from diffusion_lab.app.build import site", "diffusion_lab.app.build.site"),
        (
            "instruments/ring/component.py",
            "from diffusion_lab.instruments.loss import kernel",
            "diffusion_lab.instruments.loss.kernel",
        ),
        ("instruments/ring/component.py", "import js", "js"),
        ("instruments/ring/component.py", "import param", "param"),
        ("instruments/ring/component.py", "import panel as pn", "panel"),
        ("instruments/ring/component.py", "from bokeh.plotting import figure", "bokeh.plotting.figure"),
        (
            "instruments/ring/component.py",
            "from diffusion_lab.app.instrument.computed import Graph",
            "diffusion_lab.app.instrument.computed.Graph",
        ),
        (
            "instruments/ring/component.py",
            "from diffusion_lab.app.instrument import theme",
            "diffusion_lab.app.instrument.theme",
        ),
        (
            "instruments/ring/layout.py",
            "from diffusion_lab.app.instrument.scenes import Points",
            "diffusion_lab.app.instrument.scenes.Points",
        ),
        (
            "app/build/chapter_parser.py",
            "from diffusion_lab.app.instrument.discovery import INSTRUMENTS",
            "diffusion_lab.app.instrument.discovery.INSTRUMENTS",
        ),
        (
            "app/build/site.py",
            "from diffusion_lab.instruments.ring import kernel",
            "diffusion_lab.instruments.ring.kernel",
        ),
        ("app/build/site.py", "import diffusion_lab.app.browser.worker_api", "diffusion_lab.app.browser.worker_api"),
        (
            "app/build/diagrams/drawn/chain.py",
            "from diffusion_lab.instruments.ring import kernel",
            "diffusion_lab.instruments.ring.kernel",
        ),
        (
            "app/build/diagrams/drawing.py",
            "from diffusion_lab.instruments.common import datasets",
            "diffusion_lab.instruments.common.datasets",
        ),
        ("app/build/site.py", "from pyodide.ffi import to_js", "pyodide.ffi.to_js"),
        ("app/build/chapter_tree.py", "import yaml", "yaml"),
        ("app/build/node/x.py", "from diffusion_lab.app.build import site", "diffusion_lab.app.build.site"),
        ("app/instrument/scenes.py", "from diffusion_lab.app.cells import plots", "diffusion_lab.app.cells.plots"),
        ("app/instrument/view.py", "import diffusion_lab.app.build.site", "diffusion_lab.app.build.site"),
        ("app/instrument/scenes.py", "import bokeh", "bokeh"),
        ("app/instrument/instrument.py", "def f():\n    import panel", "panel"),
        ("app/instrument/instrument.py", "import jinja2", "jinja2"),
        (
            "app/instrument/instrument.py",
            "from diffusion_lab.app.instrument.view import view_of",
            "diffusion_lab.app.instrument.view.view_of",
        ),
        ("app/instrument/markup.py", "import bokeh", "bokeh"),
        ("app/instrument/scene_figures.py", "import panel", "panel"),
        ("app/instrument/theme.py", "import bokeh", "bokeh"),
        ("app/instrument/computed.py", "import numpy", "numpy"),
        ("app/browser/worker_api.py", "def f():\n    import panel", "panel"),
        (
            "app/browser/worker_api.py",
            "from diffusion_lab.app.browser.live_cells import LiveCells",
            "diffusion_lab.app.browser.live_cells.LiveCells",
        ),
        (
            "app/browser/linked_instruments.py",
            "from diffusion_lab.app.instrument.view import view_of",
            "diffusion_lab.app.instrument.view.view_of",
        ),
        ("app/cells/session.py", "import diffusion_lab.app.build.site", "diffusion_lab.app.build.site"),
        ("app/cells/session.py", "from pyodide.ffi import to_js", "pyodide.ffi.to_js"),
        ("app/cells/session.py", "import IPython", "IPython"),
        ("app/cells/hints/names.py", "import bokeh", "bokeh"),
        ("app/browser/worker_api.py", "from ..build import site", "diffusion_lab.app.build.site"),
        ("app/numpy_wheel/numpy/pins.py", "import numpy", "numpy"),
        (
            "app/browser/worker_api.py",
            "from ...instruments.ring import kernel",
            "diffusion_lab.instruments.ring.kernel",
        ),
        ("app/build/setup_steps.py", "def f():\n    import numpy", "numpy"),
        (
            "app/build/command_line.py",
            "from diffusion_lab.app.build.site import build_site",
            "diffusion_lab.app.build.site.build_site",
        ),
        ("build.py", "import yaml", "yaml"),
    ],
)
def test_a_wrong_import_is_found(path, source, name):
    line = source.count("\n") + 1
    assert set(breaches(path, source)) == {f"{path}:{line}: imports {name}"}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "instruments/ring/kernel.py",
            "import math\nimport numpy.typing\nfrom ..common.mixtures import GaussianMixture",
        ),
        (
            "instruments/ring/component.py",
            "from . import kernel\nfrom diffusion_lab.app.instrument import Panel, computed\n"
            "from diffusion_lab.app.instrument.scenes import Points",
        ),
        ("app/instrument/instrument.py", "def f():\n    from diffusion_lab.app.instrument.view import view_of"),
        ("app/build/command_line.py", "def f():\n    from diffusion_lab.app.build.site import build_site"),
        ("app/browser/worker_api.py", "import js"),
    ],
)
def test_a_right_import_passes(path, source):
    assert breaches(path, source) == []


# --- tests wait for a state, not for some time -----------------------------------------------------------------------


#: A promise that a timer of more than 0 ms resolves, in JavaScript.
TIMER = re.compile(r"new Promise\(.*setTimeout\(\w+, *[1-9]")


def fixed_waits(source: str) -> list[int]:
    """Lines of calls that wait for a fixed time: `page.wait_for_timeout(…)`, `time.sleep(…)`, `sleep(…)`.

    Also a promise in the page that a timer resolves. `asyncio.sleep(0)` lets other tasks run and waits for nothing.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            lets_others_run = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if name == "wait_for_timeout" or (name == "sleep" and not lets_others_run):
                found.append(node.lineno)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TIMER.search(node.value):
            found.append(node.lineno)
    return found


def test_no_test_waits_for_a_fixed_time():
    tests = [path for path in (ROOT / "tests").rglob("*.py") if (ROOT / "tests/benchmarks") not in path.parents]
    found = {path.relative_to(ROOT).as_posix(): fixed_waits(path.read_text("utf-8")) for path in tests}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("page.wait_for_timeout(500)", [1]),
        ("async def f():\n    await page.wait_for_timeout(500)", [2]),
        ("import time\ntime.sleep(0.1)", [2]),
        ("from time import sleep\nsleep(seconds)", [2]),
        ("await asyncio.sleep(1)", [1]),
        ("await asyncio.sleep(0)", []),
        ('page.evaluate("new Promise((done) => ' + 'setTimeout(done, 500))")', [1]),
        ("code = 'time.sleep(1e6)'\npage.wait_for_function('ready')", []),
    ],
)
def test_a_fixed_wait_is_found(source, lines):
    assert fixed_waits(source) == lines


# --- tests in the browser run under the policy of the pages ----------------------------------------------------------

#: A wait for an expression: Playwright would evaluate it as text again and again, which the policy forbids.
EXPRESSION = re.compile(r"""wait_for_function\(\s*f?"(?!\"\"|\(|async|function)""")


def test_what_browser_tests_wait_for_is_a_function():
    found = [path.name for path in (ROOT / "tests/browser").glob("*.py") if EXPRESSION.search(path.read_text("utf-8"))]
    assert not found, "write `() => expression`"


def test_an_expression_that_is_waited_for_is_found():
    assert EXPRESSION.search('page.wait_for_function("window.lab")')
    assert EXPRESSION.search('page.wait_for_function(\n    f"window.{name}")')
    assert not EXPRESSION.search('page.wait_for_function("() => window.lab")')

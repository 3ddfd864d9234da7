"""Who may import whom: tables of rules, held over every file's syntax tree, and each rule shown able to fail."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from diffusion_lab.app import instrument
from diffusion_lab.app.build import python_packs
from diffusion_lab.app.build.chapter_tree import InstrumentSlot
from diffusion_lab.app.build.site import chapter_paths, parse_chapter, read_references
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_names
from diffusion_lab.app.instrument.vocabulary import GLOSSARY

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "static"
LAB = "diffusion_lab"
COMMON = f"{LAB}.instruments.common"


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

RULES = (
    Rule("instruments/common/*.py", may=("numpy", COMMON)),
    Rule("instruments/common/*/*.py", may=("numpy", COMMON)),
    Rule("instruments/__init__.py", may=()),
    Rule("instruments/*/__init__.py", may=()),
    # The kernel, and what stands beside it.
    Rule(
        "instruments/*/*.py",
        may=("numpy", COMMON, "<own>"),
        may_not=("<own>.component",),
        but=("component.py", "fit.py"),
    ),
    # What trains a network stays at home.
    Rule("instruments/*/fit.py", may=("numpy", "torch", COMMON, "<own>"), may_not=("<own>.component",)),
    # The contract is what its package names, and the layers.
    Rule(
        "instruments/*/component.py",
        may=("numpy", COMMON, "<own>", f"{CONTRACT}.scenes"),
        names=tuple(f"{CONTRACT}.{name}" for name in instrument.__all__),
    ),
    # Where an instrument has one: a text that its kernel learns from.
    Rule("instruments/*/corpus.py", may=()),
    Rule("app/__init__.py", may=()),
    # The author's machine: instruments are found, not named; what runs in the worker is imported by the worker alone.
    Rule("app/build/**", may_not=(f"{LAB}.instruments", f"{LAB}.app.browser", "js", "pyodide"), but=("node",)),
    Rule("app/build/node/*.py", may=("js", "numpy", "pyodide", f"{LAB}.app.instrument", f"{LAB}.app.browser")),
    Rule("app/build/chapter_tree.py", may=()),
    Rule(
        "app/build/chapter_parser.py", may=("yaml", "markdown_it", "mdit_py_plugins", f"{LAB}.app.build.chapter_tree")
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
    Rule("app/instrument/figure_svg.py", may=("bokeh", "numpy", f"{CONTRACT}.theme")),
    Rule("app/instrument/scene_figures.py", may=("bokeh", f"{CONTRACT}.scenes", f"{CONTRACT}.theme")),
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
    Rule("app/cells/hints/*.py", may=("numpy", f"{LAB}.app.cells.hints", f"{LAB}.app.cells.outputs")),
    # The worker.
    Rule("app/browser/**", may_not=(f"{LAB}.instruments", f"{LAB}.app.build", f"{LAB}.app.numpy_wheel")),
    # It answers from instruments alone; Panel and Bokeh are for cells.
    Rule("app/browser/**", may_not=("bokeh", "panel", *DRAWING), but=("lean_bokeh_panel.py", "live_outputs.py")),
    Rule(
        "app/browser/worker_api.py",
        may=("js", f"{LAB}.app.browser.downloads", f"{LAB}.app.browser.linked_instruments", f"{CONTRACT}.discovery"),
        top_level=True,
    ),
    Rule("app/browser/linked_instruments.py", may=("numpy", "pyodide", CONTRACT), may_not=DRAWING),
    Rule("app/browser/downloads.py", may=("js", f"{CONTRACT}.assets")),
    # Stands alone: it also works where the lab is not installed.
    Rule("app/numpy_wheel/**", may=(f"{LAB}.app.numpy_wheel",), but=("checks", "fetch_sdist.py")),
    Rule("app/numpy_wheel/checks/*.py", may=("numpy", "pytest")),
    Rule("app/numpy_wheel/numpy/fetch_sdist.py", may=("pypi_simple",)),
)


def imported(path: str, source: str, *, top_level: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that `source`, standing at `path` of the checkout, imports."""
    package = [LAB, *Path(path).parent.parts]
    tree = ast.parse(source)
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            origin += node.module.split(".") if node.module else []
            yield from ((node.lineno, ".".join([*origin, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(name := node.args[0], ast.Constant):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function in ("import_module", "__import__"):
                yield node.lineno, name.value


def within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


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


def sources() -> Iterator[tuple[str, str]]:
    for top in ("app", "instruments"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
    yield "build.py", (ROOT / "build.py").read_text("utf-8")


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


# --- the machinery knows no instrument by name -----------------------------------------------------------------------


def named_instruments(source: str, names: list[str]) -> list[str]:
    """Texts of `source` that are an instrument's name, or a path or dotted name through one."""
    pattern = re.compile(rf"(?:^|instruments[./])({'|'.join(names)})(?:$|[./])")
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and pattern.search(value)]


def test_the_app_names_no_instrument():
    for path, source in sources():
        if path.startswith("app/"):
            names = instrument_names()
            if path == "app/instrument/vocabulary.py":  # a setting may have the name of an instrument
                names = [name for name in names if name not in GLOSSARY]
            assert named_instruments(source, names) == [], path


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("x = 'ring'", ["ring"]),
        ("x = 'instruments/ring/about.md'", ["instruments/ring/about.md"]),
        ("import_module(f'diffusion_lab.instruments.ring.{x}')", ["diffusion_lab.instruments.ring."]),
        ("x = 'a string of ring-shaped earrings'", []),
    ],
)
def test_a_named_instrument_is_found(source, named):
    assert named_instruments(source, ["ring"]) == named


# --- what the browser gets is complete -------------------------------------------------------------------------------

IMPORT_NAMES = {"MarkupSafe": "markupsafe", "PyYAML": "yaml"}


def absent_in_browser(shipped: dict[str, str]) -> list[str]:
    """Imports of the shipped files (path → source) that lead to a file or a package that is not shipped."""
    packages = {IMPORT_NAMES.get(name, name) for name in python_packs.DISTRIBUTIONS} | {"numpy", "js", "pyodide"}
    modules = {f"{LAB}." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in shipped}
    modules.add(LAB)
    # A name that comes from one of these can only be a module.
    folders = {f"{LAB}." + path.removesuffix("/__init__.py").replace("/", ".") for path, source in shipped.items()
               if path.endswith("/__init__.py") and len(ast.parse(source).body) < 2}  # fmt: skip
    found = []
    for path, source in shipped.items():
        for line, name in imported(path, source):
            root = name.split(".")[0]
            known = within(root, packages) or root in sys.stdlib_module_names
            if root == LAB:
                known = name in modules or name.rpartition(".")[0] in modules - folders - {LAB}
            if not known:
                found.append(f"{path}:{line}: imports {name}")
    return found


def test_shipped_python_imports_only_what_is_shipped():
    own = python_packs._own_files()
    shipped = {inside.removeprefix(f"{LAB}/"): path for inside, path in own.items() if inside.endswith(".py")}
    assert {"app/instrument/instrument.py", "app/browser/worker_api.py", "instruments/common/mixtures.py"} < set(
        shipped
    )
    del shipped["app/cells/notebook_helpers.py"]  # for notebooks: nothing in the browser imports it
    assert absent_in_browser({path: file.read_text("utf-8") for path, file in shipped.items()}) == []


@pytest.mark.parametrize(
    "module",
    [
        "diffusion_lab.app.build.site",
        "diffusion_lab.app.cells.missing",
        "diffusion_lab.app.build.setup_steps.ROOT",
        "tornado.web",
    ],
)
def test_an_unshipped_import_is_found(module):
    package, _, name = module.rpartition(".")
    shipped = {
        "app/__init__.py": "",
        "app/cells/__init__.py": "",
        "app/cells/session.py": f"def f():\n    from {package} import {name}",
    }
    assert absent_in_browser(shipped) == [f"app/cells/session.py:2: imports {module}"]


# --- instruments run where nothing visual is installed ---------------------------------------------------------------

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[1].split():
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import importlib
for module in sys.argv[2].split():
    importlib.import_module(module)
exec(sys.argv[3])
"""

#: Makes every instrument, and lets it answer.
ANSWER = """
from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names
for name in instrument_names():
    instrument = instrument_class(name)()
    assert instrument.answer().layers
    assert instrument.csv()
"""


def run_blocked(blocked: str, *modules: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Imports the modules and runs the code where nothing of the packages `blocked` can be imported."""
    command = [sys.executable, "-c", BLOCKED, blocked, " ".join(modules), code]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_kernels_import_without_panel_bokeh_and_param():
    paths = [*(INSTRUMENTS / "common").rglob("[a-z]*.py"), *INSTRUMENTS.glob("*/[a-z]*.py")]
    beside = [path for path in paths if path.name not in ("component.py", "fit.py")]
    modules = {f"{LAB}.instruments." + ".".join(path.relative_to(INSTRUMENTS).with_suffix("").parts) for path in beside}
    assert f"{COMMON}.mixtures" in modules
    assert {f"{LAB}.instruments.{name}.kernel" for name in instrument_names()} <= modules
    done = run_blocked("panel bokeh jinja2 param", *sorted(modules))
    assert done.returncode == 0, done.stderr


def test_components_answer_without_panel_and_bokeh():
    done = run_blocked("panel bokeh jinja2", code=ANSWER)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("blocked", "module"), [("param", "instruments.{}.component"), ("bokeh", "app.instrument.view")]
)
def test_what_is_blocked_is_noticed(blocked, module):
    done = run_blocked(blocked, f"{LAB}.{module.format(instrument_names()[0])}")
    assert done.returncode == 1
    assert re.search(rf"ImportError: {blocked}[.\w]* is blocked", done.stderr)


# --- every instrument is whole ---------------------------------------------------------------------------------------


def lacks(folder: Path, in_chapters: set[str]) -> list[str]:
    """What the instrument of `folder` has not got."""
    wanted = ("__init__.py", "kernel.py", "component.py", "about.md", "examples.toml")
    files = [name for name in wanted if not (folder / name).is_file()]
    return files + ([] if folder.name in in_chapters else ["a place in a chapter"])


def instrument_folders() -> list[Path]:
    return [
        path for path in sorted(INSTRUMENTS.iterdir()) if path.is_dir() and path.name not in ("common", "__pycache__")
    ]


def test_every_instrument_is_whole():
    references = read_references()
    chapters = [parse_chapter(path, path.read_text("utf-8"), references) for path in chapter_paths()]
    placed = {slot.name for chapter in chapters for slot in chapter.of(InstrumentSlot)}
    assert {path.name: lacks(path, placed) for path in instrument_folders() if lacks(path, placed)} == {}
    assert [path.name for path in instrument_folders()] == instrument_names()


def test_a_hollow_instrument_is_found(tmp_path):
    (tmp_path / "kernel.py").touch()
    assert lacks(tmp_path, set()) == [
        "__init__.py",
        "component.py",
        "about.md",
        "examples.toml",
        "a place in a chapter",
    ]


# --- JavaScript ------------------------------------------------------------------------------------------------------

#: Folder of scripts → the folders and scripts that it may import, at run time or for their types. The parts of a page
#: meet in `main.js`, which wires them.
FOLDERS: dict[str, tuple[str, ...]] = {
    "page": ("page/", "bokeh/"),
    "cells": (
        "cells/",
        "bokeh/bokeh_view.js",
        "page/drop_down.js",
        "page/local_store.js",
        "page/progress.js",
        "page/theme.js",
    ),
    "bokeh": ("bokeh/",),
    "embed": ("embed/",),
    "worker": ("worker/",),
}
#: What single scripts may import in place of that.
EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "page/main.js": ("page/", "cells/", "embed/"),
    "embed/embed.js": ("embed/schema.js",),  # runs in other sites' pages
    # Loaded by themselves, or by other scripts than the page's.
    "page/front_panel.js": (),
    "page/live_preview.js": (),
    "page/protocol.js": (),
    "page/service_worker.js": (),
}
#: The scripts whose types all may use.
TYPES = ("page/protocol.js", "page/python_worker.js")
#: Folder or script → the libraries of the registry that it may import.
LIBRARIES = {
    "bokeh/": ("@bokeh/", "@holoviz/panel/"),
    "cells/": ("@codemirror/", "@lezer/"),
    "page/zip_stream.js": ("fflate",),
    "worker/interpreter.js": ("pyodide",),
}


def script_breaches(folder: Path, out: Path) -> list[str]:
    """Imports of the scripts in `folder` that the tables do not have, by esbuild's own reading of them."""
    scripts = sorted(folder.rglob("*.js"))
    command = [STATIC / "node_modules/.bin/esbuild", *scripts, "--bundle", "--packages=external", "--format=esm",
               f"--outdir={out}", f"--metafile={out / 'meta.json'}", "--log-level=error"]  # fmt: skip
    subprocess.run([str(part) for part in command], check=True, cwd=folder)
    found = []
    for name, entry in json.loads((out / "meta.json").read_text())["inputs"].items():
        room = name.partition("/")[0]
        if room not in FOLDERS:
            found.append(f"{name} is in no folder of the table")
            continue
        may = EXCEPTIONS.get(name, FOLDERS[room])
        libraries = tuple(library for where, of in LIBRARIES.items() if name.startswith(where) for library in of)
        for edge in entry["imports"]:
            if not edge["path"].startswith(libraries if edge.get("external") else may):
                found.append(f"{name} imports {edge['path']}")
        for path in sorted(set(re.findall(r'import\("(\.[\w./]+)"\)\.', (folder / name).read_text("utf-8")))):
            of_type = os.path.normpath(Path(room, path))
            if not of_type.startswith((*may, *TYPES)):
                found.append(f"{name} uses types of {of_type}")
    return found


def test_scripts_keep_to_their_imports(tmp_path):
    assert script_breaches(STATIC / "js", tmp_path) == []
    scripts = {path.relative_to(STATIC / "js").as_posix() for path in (STATIC / "js").rglob("*.js")}
    assert {path.partition("/")[0] for path in scripts} == set(FOLDERS)
    assert set(EXCEPTIONS) < scripts


@pytest.mark.parametrize(
    ("name", "line", "breach"),
    [
        ("cells/cells.js", 'import "../page/instruments.js";', "cells/cells.js imports page/instruments.js"),
        (
            "page/quizzes.js",
            'export const f = () => import("../cells/cell.js");',
            "page/quizzes.js imports cells/cell.js",
        ),
        ("page/front_panel.js", 'import "./protocol.js";', "page/front_panel.js imports page/protocol.js"),
        ("page/page_chrome.js", 'import "@codemirror/view";', "page/page_chrome.js imports @codemirror/view"),
        ("worker/memory.js", 'import "../page/protocol.js";', "worker/memory.js imports page/protocol.js"),
        (
            "worker/worker.js",
            '/** @type {import("../cells/cells.js").Cell} */',
            "worker/worker.js uses types of cells/cells.js",
        ),
        ("extra/extra.js", "export const x = 1;", "extra/extra.js is in no folder of the table"),
    ],
)
def test_a_wrong_script_is_found(tmp_path, name, line, breach):
    scripts, out = tmp_path / "js", tmp_path / "out"
    out.mkdir()
    shutil.copytree(STATIC / "js", scripts)
    (scripts / name).parent.mkdir(exist_ok=True)
    with (scripts / name).open("a") as script:
        script.write(f"\n{line}\n")
    assert script_breaches(scripts, out) == [breach]

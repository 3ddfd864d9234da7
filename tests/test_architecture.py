"""Who may import whom: tables of rules, held over every file's syntax tree, and each rule shown able to fail."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from diffusion_lab.app import runtime_assets
from diffusion_lab.app.chapter import InstrumentSlot
from diffusion_lab.app.discovery import INSTRUMENTS, instrument_names
from diffusion_lab.app.site import _chapter_paths, _references, parse_chapter

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "static"
LAB = "diffusion_lab"
COMMON = f"{LAB}.instruments.common"


@dataclass(frozen=True)
class Rule:
    """`files` may import the standard library and, unless it is None, only `may`; never `may_not`.

    `<own>` is the package that the file stands in. `but`: files that the rule passes over. `top_level`: only what runs
    when the file is imported.
    """

    files: str
    may: tuple[str, ...] | None = None
    may_not: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    top_level: bool = False


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
        but=("component.py", "panel.py", "pictures.py", "fit.py"),
    ),
    # What trains a network stays at home.
    Rule("instruments/*/fit.py", may=("numpy", "torch", COMMON, "<own>"), may_not=("<own>.component",)),
    Rule(
        "instruments/*/component.py",
        may=(
            "numpy",
            "param",
            "panel",
            "bokeh",
            COMMON,
            "<own>",
            f"{LAB}.app.component",
            f"{LAB}.app.front_panel",
            f"{LAB}.app.scene",
            f"{LAB}.app.theme",
        ),
    ),
    # Where an instrument has them: what stands on its panel, what it draws, a text that its kernel learns from.
    Rule("instruments/*/panel.py", may=(f"{LAB}.app.front_panel",)),
    Rule(
        "instruments/*/pictures.py",
        may=("numpy", "bokeh", COMMON, "<own>", f"{LAB}.app.scene", f"{LAB}.app.theme"),
        may_not=("<own>.component",),
    ),
    Rule("instruments/*/corpus.py", may=()),
    Rule("app/chapter.py", may=("yaml", "markdown_it", "mdit_py_plugins")),
    Rule("app/theme.py", may=()),
    # Instruments are found, not named; what runs in the worker is imported by the worker alone.
    Rule("app/*.py", may_not=(f"{LAB}.instruments", f"{LAB}.app.runtime", "js", "pyodide")),
    # Help for errors looks at what is there and knows only NumPy.
    Rule("app/hints/*.py", may=("numpy", f"{LAB}.app.hints")),
    Rule("app/wheels/*.py", may_not=(f"{LAB}.instruments", f"{LAB}.app.runtime", "js", "pyodide")),
    Rule("app/wheels/*/*.py", may_not=(f"{LAB}.instruments", f"{LAB}.app.runtime", "js", "pyodide")),
    Rule("app/runtime/*.py", may_not=(f"{LAB}.instruments",)),
    Rule("app/node/*.py", may=("js", "pyodide", f"{LAB}.app.discovery", f"{LAB}.app.runtime")),
    # These run before anything is installed.
    Rule("app/environment.py", may=()),
    Rule("app/__init__.py", may=()),
    Rule("app/command_line.py", may=(f"{LAB}.app.environment",), top_level=True),
    Rule("build.py", may=(f"{LAB}.app.command_line",), top_level=True),
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
    """Like `fnmatch`, but `*` stands for one part of a path."""
    same_depth = path.count("/") == rule.files.count("/")
    return same_depth and fnmatch(path, rule.files) and path.rpartition("/")[2] not in rule.but


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
            if within(name, may_not) or not (rule.may is None or standard or within(name, may)):
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
        ("instruments/ring/kernel.py", "from diffusion_lab.app import theme", "diffusion_lab.app.theme"),
        ("instruments/ring/kernel.py", "from ..loss import kernel", "diffusion_lab.instruments.loss.kernel"),
        ("instruments/ring/kernel.py", "import importlib\nimportlib.import_module('panel')", "panel"),
        ("instruments/ring/kernel.py", "import scipy", "scipy"),
        ("instruments/ring/kernel.py", "from . import component", "diffusion_lab.instruments.ring.component"),
        ("instruments/unmask/corpus.py", "import panel", "panel"),
        ("instruments/common/metrics.py", "from scipy import stats", "scipy.stats"),
        (
            "instruments/common/metrics.py",
            "from diffusion_lab.instruments.ring.kernel import density",
            "diffusion_lab.instruments.ring.kernel.density",
        ),
        ("instruments/ring/component.py", "from diffusion_lab.app import site", "diffusion_lab.app.site"),
        (
            "instruments/ring/component.py",
            "from diffusion_lab.instruments.loss import kernel",
            "diffusion_lab.instruments.loss.kernel",
        ),
        ("instruments/ring/component.py", "import js", "js"),
        (
            "app/chapter.py",
            "from diffusion_lab.app.discovery import INSTRUMENTS",
            "diffusion_lab.app.discovery.INSTRUMENTS",
        ),
        ("app/site.py", "from diffusion_lab.instruments.ring import kernel", "diffusion_lab.instruments.ring.kernel"),
        ("app/site.py", "import diffusion_lab.app.runtime.boot", "diffusion_lab.app.runtime.boot"),
        ("app/cells.py", "from pyodide.ffi import to_js", "pyodide.ffi.to_js"),
        ("app/runtime/boot.py", "from ...instruments.ring import kernel", "diffusion_lab.instruments.ring.kernel"),
        ("app/environment.py", "def f():\n    import numpy", "numpy"),
        ("app/command_line.py", "from diffusion_lab.app.site import build_site", "diffusion_lab.app.site.build_site"),
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
            "from . import kernel\nfrom diffusion_lab.app import theme\nimport panel as pn",
        ),
        ("app/command_line.py", "def f():\n    from diffusion_lab.app.site import build_site"),
        ("app/runtime/boot.py", "import js"),
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
            assert named_instruments(source, instrument_names()) == [], path


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
    packages = {IMPORT_NAMES.get(name, name) for name in runtime_assets.DISTRIBUTIONS} | {"numpy", "js", "pyodide"}
    modules = {f"{LAB}." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in shipped}
    modules.add(LAB)
    found = []
    for path, source in shipped.items():
        for line, name in imported(path, source):
            root = name.split(".")[0]
            known = within(root, packages) or root in sys.stdlib_module_names
            if root == LAB:
                known = name in modules or name.rpartition(".")[0] in modules - {f"{LAB}.app", LAB}
            if not known:
                found.append(f"{path}:{line}: imports {name}")
    return found


def test_shipped_python_imports_only_what_is_shipped():
    own = runtime_assets._own_files()
    shipped = {inside.removeprefix(f"{LAB}/"): path for inside, path in own.items() if inside.endswith(".py")}
    assert {"app/component.py", "app/runtime/boot.py", "instruments/common/mixtures.py"} < set(shipped)
    assert absent_in_browser({path: file.read_text("utf-8") for path, file in shipped.items()}) == []


@pytest.mark.parametrize("module", ["diffusion_lab.app.site", "tornado.web", "diffusion_lab.app.environment.ROOT"])
def test_an_unshipped_import_is_found(module):
    package, _, name = module.rpartition(".")
    shipped = {"app/__init__.py": "", "app/cells.py": f"def f():\n    from {package} import {name}"}
    assert absent_in_browser(shipped) == [f"app/cells.py:2: imports {module}"]


def test_what_stays_at_home_is_there():
    """A file renamed away from the list would be shipped without a word."""
    gone = [path for path in runtime_assets.OWN_LEFT_OUT if not (ROOT / path).exists()]
    assert gone in ([], ["app/server.py"])  # `panel serve` comes later


# --- kernels run where nothing visual is installed -------------------------------------------------------------------

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("panel", "bokeh", "param"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import importlib
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def import_blocked(*modules: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCKED, *modules], capture_output=True, text=True, cwd=ROOT)


def test_kernels_import_without_panel_bokeh_and_param():
    common = [f"{COMMON}.{path.stem}" for path in sorted((INSTRUMENTS / "common").glob("[a-z]*.py"))]
    kernels = [f"{LAB}.instruments.{name}.kernel" for name in instrument_names()]
    done = import_blocked(*common, *kernels)
    assert done.returncode == 0, done.stderr


def test_a_component_does_not():
    done = import_blocked(f"{LAB}.instruments.{instrument_names()[0]}.component")
    assert done.returncode == 1
    assert re.search(r"ImportError: \w+ is blocked", done.stderr)


# --- every instrument is whole ---------------------------------------------------------------------------------------


def lacks(folder: Path, in_chapters: set[str]) -> list[str]:
    """What the instrument of `folder` has not got."""
    files = [name for name in ("__init__.py", "kernel.py", "component.py", "about.md") if not (folder / name).is_file()]
    return files + ([] if folder.name in in_chapters else ["a place in a chapter"])


def instrument_folders() -> list[Path]:
    return [
        path for path in sorted(INSTRUMENTS.iterdir()) if path.is_dir() and path.name not in ("common", "__pycache__")
    ]


def test_every_instrument_is_whole():
    references = _references()
    chapters = [parse_chapter(path, path.read_text("utf-8"), references) for path in _chapter_paths()]
    placed = {slot.name for chapter in chapters for slot in chapter.of(InstrumentSlot)}
    assert {path.name: lacks(path, placed) for path in instrument_folders() if lacks(path, placed)} == {}
    assert [path.name for path in instrument_folders()] == instrument_names()


def test_a_hollow_instrument_is_found(tmp_path):
    (tmp_path / "kernel.py").touch()
    assert lacks(tmp_path, set()) == ["__init__.py", "component.py", "about.md", "a place in a chapter"]


# --- JavaScript ------------------------------------------------------------------------------------------------------

#: Script → scripts it may import at run time. `main.js` wires; the parts meet in `protocol.js` and `python.js` alone.
SCRIPTS: dict[str, set[str]] = {
    "main.js": {
        "cells.js",
        "instruments.js",
        "kernel.js",
        "menu.js",
        "offline.js",
        "progress.js",
        "python.js",
        "quizzes.js",
        "shell.js",
        "take_along.js",
    },
    "take_along.js": {"archive.js"},
    "archive.js": set(),
    "cells.js": {
        "asker.js",
        "cell.js",
        "live_outputs.js",
        "progress.js",
        "runner.js",
        "sharing.js",
        "theme.js",
    },
    "cell.js": {"drop_down.js", "editor.js", "outputs.js", "sharing.js", "store.js"},
    "asker.js": set(),
    "drop_down.js": set(),
    "live_outputs.js": {"drawing.js"},
    "kernel.js": {"cell.js", "runner.js"},
    "outputs.js": set(),
    "sharing.js": set(),
    "theme.js": set(),
    "runner.js": set(),
    "store.js": set(),
    "instruments.js": {"drawing.js", "frames.js", "theme.js"},
    "drawing.js": {"bokeh.js", "bokeh_core.js"},
    "bokeh.js": {"bokeh_all.js", "bokeh_core.js"},
    "bokeh_core.js": set(),
    "bokeh_all.js": set(),
    "plain_modules.js": set(),
    "frames.js": {"front_panel.js"},
    "menu.js": {"drop_down.js"},
    "offline.js": set(),
    "service_worker.js": set(),
    "progress.js": {"store.js"},
    "quizzes.js": {"progress.js", "store.js"},
    "shell.js": {"protocol.js"},
    "python.js": {"protocol.js"},
    "protocol.js": set(),
    "worker.js": {"interpreter.js", "memory.js", "packs.js", "snapshot.js"},
    "interpreter.js": {"packs.js"},
    "memory.js": set(),
    "packs.js": set(),
    "snapshot.js": {"interpreter.js", "packs.js"},
    "editor.js": {"completing.js"},
    "completing.js": set(),
    "front_panel.js": set(),
    "author.js": set(),
}
#: The scripts that may import libraries of the registry, and the scripts whose types all may use.
LIBRARIES = {
    "archive.js": ("fflate",),
    "bokeh.js": ("@bokeh/", "@holoviz/panel/"),
    "bokeh_all.js": ("@bokeh/", "@holoviz/panel/"),
    "bokeh_core.js": ("@bokeh/",),
    "editor.js": ("@codemirror/", "@lezer/"),
    "completing.js": ("@codemirror/",),
    "interpreter.js": ("pyodide",),
}
TYPES = {"protocol.js", "python.js"}
OWN_TYPES = {
    "cell.js": {"editor.js", "live_outputs.js", "outputs.js", "runner.js"},
    "kernel.js": {"runner.js"},
    "completing.js": {"asker.js"},
    "editor.js": {"completing.js"},
    "live_outputs.js": {"drawing.js"},
    "outputs.js": {"live_outputs.js"},
    "runner.js": {"outputs.js"},
    "instruments.js": {"drawing.js", "frames.js"},
    "snapshot.js": {"interpreter.js"},
    "worker.js": {"snapshot.js"},
}


def script_breaches(folder: Path, out: Path) -> list[str]:
    """Imports of the scripts in `folder` that the tables do not have, by esbuild's own reading of them."""
    scripts = sorted(folder.glob("*.js"))
    command = [STATIC / "node_modules/.bin/esbuild", *scripts, "--bundle", "--packages=external", "--format=esm",
               f"--outdir={out}", f"--metafile={out / 'meta.json'}", "--log-level=error"]  # fmt: skip
    subprocess.run([str(part) for part in command], check=True, cwd=folder)
    found = []
    for path, entry in json.loads((out / "meta.json").read_text())["inputs"].items():
        name = Path(path).name
        if name not in SCRIPTS:
            found.append(f"{name} has no line in the table")
            continue
        for edge in entry["imports"]:
            target = edge["path"]
            if edge.get("external"):
                fine = target.startswith(LIBRARIES.get(name, ("\0",)))
            else:
                target = Path(target).name
                fine = target in SCRIPTS[name]
            if not fine:
                found.append(f"{name} imports {target}")
        used_types = set(re.findall(r'import\("\./([\w.]+)"\)\.', (folder / name).read_text("utf-8")))
        wrong_types = used_types - TYPES - OWN_TYPES.get(name, set())
        found += [f"{name} uses types of {other}" for other in sorted(wrong_types)]
    return found


def test_scripts_keep_to_their_imports(tmp_path):
    assert script_breaches(STATIC / "js", tmp_path) == []
    assert {path.name for path in (STATIC / "js").glob("*.js")} == set(SCRIPTS)


@pytest.mark.parametrize(
    ("name", "line", "breach"),
    [
        ("cells.js", 'import "./instruments.js";', "cells.js imports instruments.js"),
        ("quizzes.js", 'export const f = () => import("./shell.js");', "quizzes.js imports shell.js"),
        ("front_panel.js", 'import "./protocol.js";', "front_panel.js imports protocol.js"),
        ("shell.js", 'import "@codemirror/view";', "shell.js imports @codemirror/view"),
        ("worker.js", '/** @type {import("./cells.js").Cell} */', "worker.js uses types of cells.js"),
        ("extra.js", "export const x = 1;", "extra.js has no line in the table"),
    ],
)
def test_a_wrong_script_is_found(tmp_path, name, line, breach):
    scripts, out = tmp_path / "js", tmp_path / "out"
    scripts.mkdir()
    out.mkdir()
    for path in (STATIC / "js").glob("*.js"):
        (scripts / path.name).write_text(path.read_text("utf-8"))
    with (scripts / name).open("a") as script:
        script.write(f"\n{line}\n")
    assert script_breaches(scripts, out) == [breach]

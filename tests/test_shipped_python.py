"""The Python that the browser gets is complete, and instruments run where neither Panel nor Bokeh is installed."""

import ast
import re
import subprocess
import sys

import pytest

from diffusion_lab.app.build import python_packs
from diffusion_lab.app.instrument.discovery import INSTRUMENTS, instrument_names

from .imports import COMMON, LAB, ROOT, imported, within

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
    others = ("component.py", "front_panel.py", "words.py", "charts.py", "fit.py")
    beside = [path for path in paths if path.name not in others]
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

"""Makes the files that the browser downloads to run Python: Pyodide's core, and packs of byte code.

Packages come from this environment, which has the same versions as the browser, and from the NumPy wheel. Pyodide's own
CPython compiles them under Node. The files are divided into packs according to a trace of the actual imports:

- `start`, `core` and `lab`: modules that every start needs, of the standard library, of third-party packages and of the
  lab. They do not depend on which instruments exist.
- `instruments/NAME`: all further files that an instrument needs, modules of `instruments/common` included. A page loads
  the packs of its instruments; a file may be in several packs.
- `cells`: the further files that Panel, Bokeh and the plotting helpers need, and the rest of the lab's own Python.
- `on_demand`: modules that only a reader's cell can import.

Network weights are separate files, downloaded on first use. NumPy's compiled modules are separate files too: the
browser compiles them during the download and caches the result.
Nothing is resolved or installed at run time.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shutil
import struct
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from diffusion_lab.app.build import defer_imports, lazy_asyncio, trim_pyodide
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.node_python import SCRIPTS, NodePython
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, Say
from diffusion_lab.app.instrument.discovery import instrument_names

PYODIDE = NODE_MODULES / "pyodide"

#: Distributions that Panel imports in the browser, as traced; its metadata requires more.
DISTRIBUTIONS = (
    "bokeh",
    "panel",
    "param",
    "jinja2",
    "MarkupSafe",
    "packaging",
    "PyYAML",
    "pyviz_comms",
    # Needed by `pn.pane.Markdown`, and so by every text in a layout of a cell.
    "Markdown",
    "markdown-it-py",
    "mdit-py-plugins",
    "mdurl",
    "linkify-it-py",
)

#: Parts of the distributions that never run in a page.
LEFT_OUT = re.compile(
    r"^(bokeh/(server/static|sphinxext|command|sampledata)|panel/(dist/(?!css/)|tests|chat/tests|command|auth)|"
    r"pyviz_comms/labextension/(static|schemas)|numpy/(f2py|distutils)|numpy/.*/tests/)"
)
LEFT_OUT_ENDINGS = (".so", ".pyi", ".md", ".c", ".h", ".pxd", ".pyx", ".map", ".ts", ".svg", ".png", ".typed", ".ico")

#: Our own files that the browser needs.
OWN = (
    "app/**/*.py",
    "app/instrument/templates/*.html",
    "instruments/**/*.py",
    "instruments/**/*.npz",
    "static/js/page/front_panel.js",
    "static/js/page/pad_ellipses.js",
    "static/js/page/pad_points.js",
    "static/css/front_panel.css",
)
#: Folders of `app/` that run only on the author's machine.
OWN_LEFT_OUT = ("app/build/", "app/numpy_wheel/")

#: Network weights, which are in no pack: of an instrument, or of a model that several have in common.
WEIGHTS = ("instruments/*/*.npz", "instruments/common/*/*.npz")

#: Scripts that train the networks; only the resulting weights are shipped.
TRAINING = ("instruments/*/fit.py", "instruments/common/*/fit.py")

#: Data files that go into `cells` although the trace did not see them opened, because packages find them by glob.
DATA_ENDINGS = (".css", ".html", ".jinja", "METADATA")
#: Exceptions: folders whose data files are not needed.
DATA_LEFT = ("site/numpy/", "site/panel/template/")

#: All packs except those of the instruments, `instruments/NAME`.
PACKS = ("start", "core", "lab", "cells", "on_demand")

#: Replaces Pyodide's module of this name, which imports archive modules to unpack wheels; this site's packages are
#: unpacked at build time. It defines the names that Pyodide's start uses.
PACKAGE_LOADER = """\
from pathlib import Path
from site import getsitepackages

SITE_PACKAGES = Path(getsitepackages()[0])
DSO_DIR = Path("/usr/lib")


def init_loaded_packages():
    pass
"""

#: What byte code depends on beside its source.
COMPILER = (SCRIPTS / "pyodide_run.mjs", SCRIPTS / "compile_tree.py", PYODIDE / "package.json")

#: The folder of the lab's own files in the tree.
OWN_PLACE = "site/diffusion_lab/"

#: The folder of packages below Python's library, to which paths in packs are relative.
SITE = "site-packages/"

#: The browser's Python files: place in the tree (`stdlib/…` or `site/…`) → the file, or its contents.
Tree = dict[str, Path | bytes]


@dataclass(frozen=True)
class PythonPacks:
    """The files for the browser's Python: packs, weights and compiled modules by path, Pyodide's core and lock file."""

    core: list[Path]
    packs: dict[str, Path]
    instruments: dict[str, Path]
    weights: dict[str, Path]
    libraries: dict[str, Path]
    lock: dict[str, object]


def panel_files() -> dict[str, Path]:
    """Returns path → file of Panel's style sheets, which pages load unmodified."""
    dist = _site_packages() / "panel/dist"
    version = importlib.metadata.version("panel")  # Panel puts it between PANEL_CDN_ROOT and the file
    paths = [path for folder in ("css", "bundled/theme") for path in sorted((dist / folder).glob("*.css"))]
    return {f"{version}/dist/{path.relative_to(dist).as_posix()}": path for path in paths}


def make_python_packs(numpy_wheel: Path, cache: BuildCache, say: Say, warm: NodePython | None = None) -> PythonPacks:
    """Returns the worker's files, each cached until its inputs change.

    `warm` is a running Pyodide. With it, that Pyodide compiles the lab's own Python, and the last trace of imports is
    reused: a module missing from the first packs is downloaded when it is imported.
    """
    third_party = _third_party(numpy_wheel, cache, say)
    with ThreadPoolExecutor(1) as pool:
        core = pool.submit(_trimmed_core, numpy_wheel, third_party, cache, say)
        own = _own(cache, say, warm)
        used = _used(_trace(third_party, own, cache, say, reuse=warm is not None))
        packs = _packs({**_files(third_party), **own}, used, cache)
    return PythonPacks(
        core=[core.result() / name for name in trim_pyodide.FILES],
        packs={name: packs[name] for name in PACKS},
        instruments={name: packs[f"instruments/{name}"] for name in instrument_names()},
        weights={f"{path.parent.name}/{path.name}": path for path in _matching(WEIGHTS)},
        libraries={
            SITE + place.removeprefix("site/"): third_party / place for place in sorted(used) if place.endswith(".so")
        },
        lock={"info": json.loads((PYODIDE / "pyodide-lock.json").read_text())["info"], "packages": {}},
    )


def _trimmed_core(numpy_wheel: Path, third_party: Path, cache: BuildCache, say: Say) -> Path:
    def make(folder: Path) -> None:
        say("trimming Pyodide's core")
        trim_pyodide.trim_core(folder, third_party.rglob("*.so"))

    return cache.folder("core", [numpy_wheel, *trim_pyodide.INPUTS], make)


# --- the tree --------------------------------------------------------------------------------------------------------


def _third_party(numpy_wheel: Path, cache: BuildCache, say: Say) -> Path:
    """Returns a folder with the byte code of the standard library and of all packages."""
    files = _third_party_files()

    def make(folder: Path) -> None:
        say("compiling the browser's Python to byte code")
        tree = folder / "tree"
        _lay_out(tree / "site", files)
        _lay_out_wheel_and_stdlib(tree, numpy_wheel)
        _shorten_metadata(tree / "site")
        defer_imports.make_lazy(tree)
        lazy_asyncio.make_lazy(tree / "stdlib")
        with NodePython(folder) as python:
            python.run("compile_tree.py")
        shutil.rmtree(tree)

    recipe = [Path(__file__), Path(defer_imports.__file__), Path(lazy_asyncio.__file__), *COMPILER]
    return cache.folder("third-party", [files, numpy_wheel, *recipe], make) / "compiled"


def _own(cache: BuildCache, say: Say, warm: NodePython | None) -> Tree:
    """Returns the lab's own files, compiled. Compiles only those whose source is new to the cache."""
    tree = {f"site/{inside}": path.read_bytes() for inside, path in _own_files().items()}
    sources = {place: data for place, data in tree.items() if place.endswith(".py")}

    def compiled(places: list[str]) -> dict[str, bytes]:
        say(f"compiling {len(places)} of the lab's own Python files")
        with NodePython() as cold:
            python = warm or cold
            shutil.rmtree(python.folder / "tree", ignore_errors=True)  # left by the last build
            _lay_out(python.folder / "tree", {place: sources[place] for place in places})
            python.run("compile_tree.py")
        return {place: (python.folder / "compiled" / f"{place}c").read_bytes() for place in places}

    compiler = cache.key(COMPILER)
    code = cache.values("byte-code", {place: [compiler, place, data] for place, data in sources.items()}, compiled)
    return {f"{place}c" if place in code else place: code.get(place, data) for place, data in tree.items()}


def _data(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()


def _files(folder: Path) -> Tree:
    """Returns all files below the folder."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return {path.as_posix().removeprefix(f"{folder.as_posix()}/"): path for path in paths}


def _site_packages() -> Path:
    return Path(str(importlib.metadata.distribution("bokeh").locate_file("")))


def _third_party_files() -> dict[str, Path]:
    """Returns path in the browser's site-packages → file on this machine, for all distributions but NumPy."""
    files: dict[str, Path] = {}
    for name in DISTRIBUTIONS:
        for entry in importlib.metadata.distribution(name).files or ():
            inside = entry.as_posix()
            if inside.startswith("..") or "__pycache__" in inside or LEFT_OUT.match(inside):
                continue
            if ".dist-info/" in inside and not inside.endswith("METADATA"):
                continue
            if not inside.endswith(LEFT_OUT_ENDINGS):
                files[inside] = Path(str(entry.locate()))
    return files


def _matching(patterns: tuple[str, ...]) -> list[Path]:
    """The lab's files that match a pattern, in order."""
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern)})


def _own_files() -> dict[str, Path]:
    training = set(_matching(TRAINING))
    paths = [path for pattern in OWN for path in sorted(ROOT.glob(pattern)) if path not in training]
    inside = {path.relative_to(ROOT).as_posix(): path for path in paths}
    return {f"diffusion_lab/{name}": path for name, path in inside.items() if not name.startswith(OWN_LEFT_OUT)}


def _shorten_metadata(site: Path) -> None:
    """Removes all metadata of packages except format version, name and version, to save download."""
    for path in site.glob("*.dist-info/METADATA"):
        lines = path.read_text("utf-8").splitlines()
        path.write_text("".join(f"{line}\n" for line in lines if line.startswith(("Metadata-V", "Name:", "Version:"))))


def _lay_out(folder: Path, files: Mapping[str, Path | bytes]) -> None:
    for inside, file in files.items():
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_bytes(_data(file))


def _lay_out_wheel_and_stdlib(tree: Path, numpy_wheel: Path) -> None:
    site = tree / "site"
    with zipfile.ZipFile(numpy_wheel) as wheel:
        for member in wheel.namelist():
            kept = member.endswith((".so", ".py", "METADATA")) and not LEFT_OUT.match(member)
            if kept:
                wheel.extract(member, site)
    # `panel.io.pyodide` imports pandas when this module is missing; it calls only `patch_all`.
    (site / "pyodide_http").mkdir()
    (site / "pyodide_http/__init__.py").write_text("def patch_all():\n    pass\n")
    with zipfile.ZipFile(PYODIDE / "python_stdlib.zip") as archive:
        archive.extractall(tree / "stdlib")
    (tree / "stdlib/pyodide/_package_loader.py").write_text(PACKAGE_LOADER)


# --- the packs -------------------------------------------------------------------------------------------------------


def _trace(third_party: Path, own: Tree, cache: BuildCache, say: Say, *, reuse: bool) -> str:
    """Returns the trace that `trace_used.py` writes; with `reuse` the last one, if there is one of these packages."""
    last = cache.get("traces", [third_party])
    if reuse and last is not None:
        return last

    def make(folder: Path) -> None:
        say("tracing which files the instruments open")
        _lay_out(folder / "compiled", {**_files(third_party), **own})
        with NodePython(folder) as python:
            python.run("trace_used.py")
        shutil.rmtree(folder / "compiled")

    # The opened files depend on the imports only: trace again only when an import statement has changed.
    trace = cache.folder("traces", [third_party, _imports(cache), SCRIPTS / "trace_used.py"], make) / "used.txt"
    cache.put("traces", [third_party], trace.read_text())
    return trace.read_text()


def _used(trace: str) -> dict[str, set[str]]:
    """Parses a trace: place in the tree → which of "base", "cells" and "instruments/NAME" need the file.

    A reused trace may name instruments that have been deleted since.
    """
    present = {"base", "cells", *(f"instruments/{name}" for name in instrument_names())}
    used: dict[str, set[str]] = {}
    for line in trace.splitlines():
        by, place = line.split()
        if by in present:
            used.setdefault(place, set()).add(by)
    return used


def _packs(tree: Tree, used: Mapping[str, set[str]], cache: BuildCache) -> dict[str, Path]:
    """Returns name → file of all packs."""
    packs: dict[str, list[tuple[str, Path | bytes]]] = {
        name: [] for name in (*PACKS, *(f"instruments/{name}" for name in instrument_names()))
    }
    for place in sorted(tree, key=lambda place: place.split("/")):
        if place.endswith(".npz"):  # weights are there only for the trace
            continue
        inside = place.replace("site/", SITE, 1) if place.startswith("site/") else place.removeprefix("stdlib/")
        # An empty file is enough: Python only checks that it exists, the module itself is loaded separately.
        linked = place in used and place.endswith(".so")
        for name in _packs_of(place, used.get(place, set())):
            packs[name].append((inside, b"" if linked else tree[place]))
    later = [f"{module} {name}" for name in ("cells", "on_demand") for module in _modules(packs[name])]
    packs["start"].append(("on_demand_modules.txt", "\n".join(later).encode()))
    return {name: cache.file("packs", files, ".bin", partial(packed, files)) for name, files in packs.items()}


def _modules(files: Sequence[tuple[str, Path | bytes]]) -> list[str]:
    """Returns the module names of these files of a pack."""
    paths = [PurePosixPath(inside.removeprefix(SITE)) for inside, _ in files if inside.endswith((".pyc", ".so"))]
    parts = [(*path.parent.parts, path.name.partition(".")[0]) for path in paths]
    return sorted({".".join(name[:-1] if name[-1] == "__init__" else name) for name in parts})


def _packs_of(place: str, needed_by: set[str]) -> list[str]:
    """Returns the packs that contain a file of the tree; `needed_by` as in `_used`."""
    own = place.startswith(OWN_PLACE)
    if "base" in needed_by:
        return ["lab" if own else "core" if place.startswith("site/") else "start"]
    packs = sorted(name for name in needed_by if name != "cells")
    parts = PurePosixPath(place.removeprefix(OWN_PLACE)).parts
    if own and parts[0] == "instruments" and parts[1] in instrument_names():
        return sorted({*packs, "/".join(parts[:2])})
    data = place.startswith("site/") and place.endswith(DATA_ENDINGS) and not place.startswith(DATA_LEFT)
    if own or data or "cells" in needed_by:
        return [*packs, "cells"]
    return [*packs, "on_demand"]


def packed(files: Sequence[tuple[str, Path | bytes]]) -> bytes:
    """Returns a pack: length of the index (uint32, little endian), index as JSON [[path, offset, length]], contents."""
    index, contents, offset = [], [], 0
    for inside, file in files:
        data = _data(file)
        index.append([inside, offset, len(data)])
        contents.append(data)
        offset += len(data)
    head = json.dumps(index, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(head)), head, *contents])


def _imports(cache: BuildCache) -> dict[str, str]:
    """Returns each of the lab's own files with its import statements."""
    sources = {inside: path.read_bytes() if path.suffix == ".py" else b"" for inside, path in _own_files().items()}
    return {inside: cache.value("imports", source, partial(_imports_of, source)) for inside, source in sources.items()}


def _imports_of(source: bytes) -> str:
    statements = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom))
    return "".join(ast.dump(statement) for statement in statements)

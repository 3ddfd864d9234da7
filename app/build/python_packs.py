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
import hashlib
import importlib.metadata
import json
import re
import shutil
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from diffusion_lab.app.build import trim_pyodide
from diffusion_lab.app.build.defer_imports import make_lazy
from diffusion_lab.app.build.node_python import NodePython
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, Say
from diffusion_lab.app.instrument.discovery import instrument_names

HERE = Path(__file__).parent

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
LEFT_OUT_ENDINGS = (
    ".so",
    ".pyi",
    ".md",
    ".c",
    ".h",
    ".pxd",
    ".pyx",
    ".map",
    ".ts",
    ".svg",
    ".png",
    ".typed",
    ".ico",
)

#: Our own files that the browser needs.
OWN = (
    "app/**/*.py",
    "app/instrument/templates/*.html",
    "instruments/**/*.py",
    "instruments/**/*.npz",
    "static/js/page/front_panel.js",
    "static/css/front_panel.css",
)
#: Folders of `app/` that run only on the author's machine.
OWN_LEFT_OUT = ("app/build/", "app/numpy_wheel/")

#: Network weights, which are in no pack.
WEIGHTS = "instruments/*/*.npz"

#: Scripts that train the networks of instruments; only the resulting weights are shipped.
TRAINING = "instruments/*/fit.py"

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

#: The folder of the lab's own files below `compiled`.
OWN_PLACE = "site/diffusion_lab/"

#: The folder of packages below Python's library, to which paths in packs are relative.
SITE = "site-packages/"


@dataclass(frozen=True)
class FrontEnd:
    """Libraries that pages load unmodified, under their original file names."""

    panel_files: dict[str, Path]


@dataclass(frozen=True)
class PythonPacks:
    """The files for the browser's Python: packs, weights and compiled modules by path, Pyodide's core and lock file."""

    core: list[Path]
    packs: dict[str, Path]
    instruments: dict[str, Path]
    weights: dict[str, Path]
    libraries: dict[str, Path]
    lock: dict[str, object]


def front_end() -> FrontEnd:
    """Returns the libraries that pages load unmodified."""
    panel_dist = _site_packages() / "panel/dist"
    panel_version = importlib.metadata.version("panel")  # Panel puts it between PANEL_CDN_ROOT and the file
    return FrontEnd(
        panel_files={
            f"{panel_version}/dist/{path.relative_to(panel_dist).as_posix()}": path for path in _panel_css(panel_dist)
        },
    )


def make_python_packs(numpy_wheel: Path, out: Path, say: Say, warm: NodePython | None = None) -> PythonPacks:
    """Makes the worker's files below `out` and returns them; repeats only steps whose inputs have changed.

    `warm` is a running Pyodide with `out` mounted. With it, that Pyodide compiles the lab's own Python, and the last
    trace of imports is reused: a module missing from the first packs is downloaded when it is imported.
    """
    pyodide = NODE_MODULES / "pyodide"
    recipe = [Path(__file__), HERE / "defer_imports.py", *sorted((HERE / "node").iterdir())]
    third_party = _third_party_files(numpy_wheel)
    key = _key([*third_party.values(), numpy_wheel, pyodide / "package.json", *recipe])
    if _changed(out / "third-party.stamp", key):
        say("compiling the browser's Python to byte code")
        shutil.rmtree(out, ignore_errors=True)
        _lay_out(out / "tree/site", third_party)
        _lay_out_wheel_and_stdlib(out / "tree", numpy_wheel, pyodide / "python_stdlib.zip")
        _shorten_metadata(out / "tree/site")
        make_lazy(out / "tree")
        _compile(out)
        _mark(out / "third-party.stamp", key)
    with ThreadPoolExecutor(1) as pool:
        trimming = pool.submit(_trim_core, out, key, say)
        _make_packs(out, key, say, warm)
        trimming.result()
    return PythonPacks(
        core=[out / "core" / name for name in trim_pyodide.FILES],
        packs={name: out / f"{name}.pack" for name in PACKS},
        instruments={name: out / f"instruments/{name}.pack" for name in instrument_names()},
        weights={f"{path.parent.name}/{path.name}": path for path in sorted(ROOT.glob(WEIGHTS))},
        libraries={
            SITE + path.removeprefix("site/"): out / "compiled" / path
            for path in sorted(_used(out))
            if path.endswith(".so")
        },
        lock={"info": json.loads((pyodide / "pyodide-lock.json").read_text())["info"], "packages": {}},
    )


def _trim_core(out: Path, third_party_key: str, say: Say) -> None:
    key = third_party_key + _key(list(trim_pyodide.INPUTS))
    if _changed(out / "core.stamp", key):
        say("trimming Pyodide's core")
        trim_pyodide.trim_core(out / "core", (out / "compiled").rglob("*.so"))
        _mark(out / "core.stamp", key)


def _make_packs(out: Path, third_party_key: str, say: Say, warm: NodePython | None) -> None:
    """Compiles the lab's own Python, traces the files that it opens and writes all packs."""
    own = _own_files()
    digests = _digests(own)  # hashed before compiling, so that the next build sees a change made meanwhile
    own_changed = _compile_own(out, own, digests, say, warm)
    # The opened files depend on the imports only: trace again only when an import statement has changed.
    imports_key = third_party_key + _imports_key(own)
    if _changed(out / "used.stamp", imports_key) and not (warm and (out / "used.txt").exists()):
        say("tracing which files the instruments open")
        with NodePython(out) as python:
            python.run("trace_used.py")
        _mark(out / "used.stamp", imports_key)
    packed_key = third_party_key + _key([out / "used.txt"])
    if _changed(out / "packed.stamp", packed_key) or own_changed:
        _pack(out)
        _mark(out / "packed.stamp", packed_key)
    _mark(out / "own.json", json.dumps(digests))


def _compile_own(out: Path, own: dict[str, Path], digests: dict[str, str], say: Say, warm: NodePython | None) -> bool:
    """Updates the lab's own files in `compiled`; returns whether any had changed since `own.json` was written."""
    stamp = out / "own.json"
    before: dict[str, str] = json.loads(stamp.read_text()) if stamp.exists() else {}
    changed = {inside: path for inside, path in own.items() if before.get(inside) != digests[inside]}
    gone = before.keys() - digests.keys()
    site = out / "compiled/site"
    for inside in gone:
        (site / _compiled_name(inside)).unlink(missing_ok=True)
    _lay_out(site, {inside: path for inside, path in changed.items() if not inside.endswith(".py")})
    if sources := {inside: path for inside, path in changed.items() if inside.endswith(".py")}:
        say(f"compiling {len(sources)} of the lab's own Python files" if before else "compiling the lab's own Python")
        shutil.rmtree(out / "tree", ignore_errors=True)  # left by an interrupted build
        _lay_out(out / "tree/site", sources)
        _compile(out, warm)
    return bool(changed or gone)


def _compiled_name(inside: str) -> str:
    return inside + "c" if inside.endswith(".py") else inside


def _panel_css(panel_dist: Path) -> list[Path]:
    return [
        *sorted((panel_dist / "css").glob("*.css")),
        *sorted((panel_dist / "bundled/theme").glob("*.css")),
    ]


# --- the tree --------------------------------------------------------------------------------------------------------


def _site_packages() -> Path:
    return Path(str(importlib.metadata.distribution("bokeh").locate_file("")))


def _third_party_files(numpy_wheel: Path) -> dict[str, Path]:
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


def _own_files() -> dict[str, Path]:
    training = set(ROOT.glob(TRAINING))
    paths = [path for pattern in OWN for path in sorted(ROOT.glob(pattern)) if path not in training]
    inside = {path.relative_to(ROOT).as_posix(): path for path in paths}
    return {f"diffusion_lab/{name}": path for name, path in inside.items() if not name.startswith(OWN_LEFT_OUT)}


def _shorten_metadata(site: Path) -> None:
    """Removes all metadata of packages except format version, name and version, to save download."""
    for path in site.glob("*.dist-info/METADATA"):
        lines = path.read_text("utf-8").splitlines()
        path.write_text("".join(f"{line}\n" for line in lines if line.startswith(("Metadata-V", "Name:", "Version:"))))


def _lay_out(site: Path, files: dict[str, Path]) -> None:
    for inside, path in files.items():
        (site / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, site / inside)


def _lay_out_wheel_and_stdlib(tree: Path, numpy_wheel: Path, stdlib: Path) -> None:
    site = tree / "site"
    with zipfile.ZipFile(numpy_wheel) as wheel:
        for member in wheel.namelist():
            kept = member.endswith((".so", ".py", "METADATA")) and not LEFT_OUT.match(member)
            if kept:
                wheel.extract(member, site)
    # `panel.io.pyodide` imports pandas when this module is missing; it calls only `patch_all`.
    (site / "pyodide_http").mkdir()
    (site / "pyodide_http/__init__.py").write_text("def patch_all():\n    pass\n")
    with zipfile.ZipFile(stdlib) as archive:
        archive.extractall(tree / "stdlib")
    (tree / "stdlib/pyodide/_package_loader.py").write_text(PACKAGE_LOADER)


def _compile(out: Path, warm: NodePython | None = None) -> None:
    """Compiles the files in `tree` to byte code in `compiled`, then deletes `tree`."""
    if warm:
        warm.run("compile_tree.py")
    else:
        with NodePython(out) as python:
            python.run("compile_tree.py")
    shutil.rmtree(out / "tree")


# --- the packs -------------------------------------------------------------------------------------------------------


def _used(out: Path) -> dict[str, set[str]]:
    """Reads the trace: path below `compiled` → which of "base", "cells" and "instruments/NAME" need the file."""
    used: dict[str, set[str]] = {}
    for line in (out / "used.txt").read_text().splitlines():
        by, path = line.split()
        used.setdefault(path, set()).add(by)
    return used


def _pack(out: Path) -> None:
    """Writes the packs."""
    compiled, used = out / "compiled", _used(out)
    packs: dict[str, list[tuple[str, bytes]]] = {
        name: [] for name in (*PACKS, *(f"instruments/{name}" for name in instrument_names()))
    }
    for path in sorted(compiled.rglob("*")):
        if path.is_file() and path.suffix != ".npz":  # weights are there only for the trace
            place = path.relative_to(compiled).as_posix()
            inside = place.replace("site/", SITE, 1) if place.startswith("site/") else place.removeprefix("stdlib/")
            # An empty file is enough: Python only checks that it exists, the module itself is loaded separately.
            linked = place in used and place.endswith(".so")
            data = b"" if linked else path.read_bytes()
            for name in _packs_of(place, used.get(place, set())):
                packs[name].append((inside, data))
    later = [f"{module} {name}" for name in ("cells", "on_demand") for module in _modules(packs[name])]
    packs["start"].append(("on_demand_modules.txt", "\n".join(later).encode()))
    for name in packs:
        write_pack(out / f"{name}.pack", packs[name])


def _modules(files: list[tuple[str, bytes]]) -> list[str]:
    """Returns the module names of these files of a pack."""
    paths = [PurePosixPath(inside.removeprefix(SITE)) for inside, _ in files if inside.endswith((".pyc", ".so"))]
    parts = [(*path.parent.parts, path.name.partition(".")[0]) for path in paths]
    return sorted({".".join(name[:-1] if name[-1] == "__init__" else name) for name in parts})


def _packs_of(place: str, needed_by: set[str]) -> list[str]:
    """Returns the packs that contain a file below `compiled`; `needed_by` as in `_used`."""
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


def write_pack(target: Path, files: list[tuple[str, bytes]]) -> None:
    """Writes a pack: length of the index (uint32, little endian), index as JSON [[path, offset, length]], contents."""
    index, contents, offset = [], [], 0
    for inside, data in files:
        index.append([inside, offset, len(data)])
        contents.append(data)
        offset += len(data)
    head = json.dumps(index, separators=(",", ":")).encode()
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)  # a built site may hold a hard link to the old file: do not overwrite it
    target.write_bytes(b"".join([struct.pack("<I", len(head)), head, *contents]))


# --- keys of the cached steps ----------------------------------------------------------------------------------------


def _changed(stamp: Path, key: str) -> bool:
    return not stamp.exists() or stamp.read_text() != key


def _mark(stamp: Path, key: str) -> None:
    stamp.write_text(key)


def _key(paths: list[Path]) -> str:
    """Returns a hash over the contents of the lab's own files, and over size and time of installed ones."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).encode())
        installed = not path.is_relative_to(ROOT) or {"node_modules", ".venv"} & set(path.parts)
        status = path.stat()
        digest.update(f"{status.st_size}:{status.st_mtime_ns}".encode() if installed else path.read_bytes())
    return digest.hexdigest()


def _digests(files: dict[str, Path]) -> dict[str, str]:
    """Returns path → hash of the contents."""
    return {inside: hashlib.sha256(path.read_bytes()).hexdigest() for inside, path in files.items()}


def _imports_key(own: dict[str, Path]) -> str:
    """Returns a hash over the names of the lab's own files and the import statements in them."""
    digest = hashlib.sha256()
    for inside, path in own.items():
        digest.update(inside.encode())
        if path.suffix == ".py":
            digest.update(_imports_of(path.read_text("utf-8")).encode())
    return digest.hexdigest()


@cache
def _imports_of(source: str) -> str:
    statements = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom))
    return "".join(ast.dump(statement) for statement in statements)

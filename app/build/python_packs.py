"""What the browser loads to run Python: Pyodide's core, the standard library and all packages as byte code.

The tree of packages is taken from this environment (the same versions as in the browser) and the NumPy wheel,
compiled by Pyodide's own CPython under Node, and cut into packs by what is really imported (traced, not guessed):

- `start`: modules of the standard library that every start needs; `core`: the same of other people's packages; `lab`:
  the same of ours. None of the three depends on which instruments there are.
- `instruments/NAME`: whatever an instrument needs beside these, modules of `instruments/common` included: a page loads
  the packs of the instruments on it, and a file may be in several.
- `cells`: what Panel, Bokeh and the plotting helpers need beside these, and all the rest of our own Python.
- `on_demand`: what only a reader's cell may import.

Weights of networks are files of their own, fetched when they are first read. So are NumPy's compiled modules: the
browser compiles them while they arrive and keeps the result.
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

#: Distributions that Panel really imports in the browser (measured: its metadata asks for more).
DISTRIBUTIONS = (
    "bokeh",
    "panel",
    "param",
    "jinja2",
    "MarkupSafe",
    "packaging",
    "PyYAML",
    "pyviz_comms",
    # What `pn.pane.Markdown` needs, and so every text in a layout of a cell.
    "Markdown",
    "markdown-it-py",
    "mdit-py-plugins",
    "mdurl",
    "linkify-it-py",
)

#: Parts of them that never run in a page.
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
#: Folders of `app/` that run on the author's machine only.
OWN_LEFT_OUT = ("app/build/", "app/numpy_wheel/")

#: Weights of networks, which no pack holds.
WEIGHTS = "instruments/*/*.npz"

#: Scripts that train the networks of instruments: only what they made is shipped.
TRAINING = "instruments/*/fit.py"

#: Data files are found by glob, not by import: taken into `cells` without having been seen open.
DATA_ENDINGS = (".css", ".html", ".jinja", "METADATA")
#: But not of these, which no instrument has a use for.
DATA_LEFT = ("site/numpy/", "site/panel/template/")

#: Beside those of the instruments, `instruments/NAME`.
PACKS = ("start", "core", "lab", "cells", "on_demand")

#: In the place of Pyodide's, which can unpack wheels and for that imports all kinds of archives: here packages are laid
#: out when the site is built. These are the names that a start asks for.
PACKAGE_LOADER = """\
from pathlib import Path
from site import getsitepackages

SITE_PACKAGES = Path(getsitepackages()[0])
DSO_DIR = Path("/usr/lib")


def init_loaded_packages():
    pass
"""

#: Where our own files lie below `compiled`.
OWN_PLACE = "site/diffusion_lab/"

#: Where packages lie below Python's library, which is the root of the packs' paths.
SITE = "site-packages/"


@dataclass(frozen=True)
class FrontEnd:
    """Libraries that pages load as they were published, and by the names of their files."""

    panel_files: dict[str, Path]


@dataclass(frozen=True)
class PythonPacks:
    """What is made for the browser's Python: packs, weights and compiled modules by their place, Pyodide's core and
    lock file."""

    core: list[Path]
    packs: dict[str, Path]
    instruments: dict[str, Path]
    weights: dict[str, Path]
    libraries: dict[str, Path]
    lock: dict[str, object]


def front_end() -> FrontEnd:
    """The libraries that are taken as they are."""
    panel_dist = _site_packages() / "panel/dist"
    panel_version = importlib.metadata.version("panel")  # Panel puts it between PANEL_CDN_ROOT and the file
    return FrontEnd(
        panel_files={
            f"{panel_version}/dist/{path.relative_to(panel_dist).as_posix()}": path for path in _panel_css(panel_dist)
        },
    )


def make_python_packs(numpy_wheel: Path, out: Path, say: Say, warm: NodePython | None = None) -> PythonPacks:
    """What the worker fetches, below `out`; only what an input has changed for is made again.

    With `warm`, a Pyodide that has `out` mounted, that one compiles the lab's own Python, and what a start opens is not
    traced anew: a module that is missing in the first packs is fetched when it is imported.
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
    """Compiles our own Python, traces what it opens and cuts all into packs."""
    own = _own_files()
    digests = _digests(own)  # before they are read: what changes meanwhile is new to the next build
    own_changed = _compile_own(out, own, digests, say, warm)
    # What a start opens is set by what is imported: traced again only when an import has changed.
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
    """Brings the lab's own files in `compiled` up to date; whether any had changed since `own.json` was written."""
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
        shutil.rmtree(out / "tree", ignore_errors=True)  # of a build that was broken off
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
    """Path in the browser's site-packages → file here, for all distributions but NumPy."""
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
    """Leaves of what packages say of themselves what they are called and which version they are."""
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
    # `panel.io.pyodide` imports pandas when this module is missing; all it calls is this.
    (site / "pyodide_http").mkdir()
    (site / "pyodide_http/__init__.py").write_text("def patch_all():\n    pass\n")
    with zipfile.ZipFile(stdlib) as archive:
        archive.extractall(tree / "stdlib")
    (tree / "stdlib/pyodide/_package_loader.py").write_text(PACKAGE_LOADER)


def _compile(out: Path, warm: NodePython | None = None) -> None:
    """Moves what lies in `tree` to `compiled`, as byte code."""
    if warm:
        warm.run("compile_tree.py")
    else:
        with NodePython(out) as python:
            python.run("compile_tree.py")
    shutil.rmtree(out / "tree")


# --- the packs -------------------------------------------------------------------------------------------------------


def _used(out: Path) -> dict[str, set[str]]:
    """What the trace saw: path below `compiled` → who needs the file, of "base", "cells" and "instruments/NAME"."""
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
        if path.is_file() and path.suffix != ".npz":  # weights lie there for the trace alone
            place = path.relative_to(compiled).as_posix()
            inside = place.replace("site/", SITE, 1) if place.startswith("site/") else place.removeprefix("stdlib/")
            # Python looks for a compiled module's file before it asks for the module, which is there already.
            linked = place in used and place.endswith(".so")
            data = b"" if linked else path.read_bytes()
            for name in _packs_of(place, used.get(place, set())):
                packs[name].append((inside, data))
    later = [f"{module} {name}" for name in ("cells", "on_demand") for module in _modules(packs[name])]
    packs["start"].append(("on_demand_modules.txt", "\n".join(later).encode()))
    for name in packs:
        write_pack(out / f"{name}.pack", packs[name])


def _modules(files: list[tuple[str, bytes]]) -> list[str]:
    """Names of the modules that these files of a pack are."""
    paths = [PurePosixPath(inside.removeprefix(SITE)) for inside, _ in files if inside.endswith((".pyc", ".so"))]
    parts = [(*path.parent.parts, path.name.partition(".")[0]) for path in paths]
    return sorted({".".join(name[:-1] if name[-1] == "__init__" else name) for name in parts})


def _packs_of(place: str, needed_by: set[str]) -> list[str]:
    """The packs that a file below `compiled` goes to, from who needs it."""
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
    """Length of the index (uint32, little endian), index as JSON [[path, offset, length]], contents."""
    index, contents, offset = [], [], 0
    for inside, data in files:
        index.append([inside, offset, len(data)])
        contents.append(data)
        offset += len(data)
    head = json.dumps(index, separators=(",", ":")).encode()
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)  # a site may have a link to the old one
    target.write_bytes(b"".join([struct.pack("<I", len(head)), head, *contents]))


# --- what is up to date ----------------------------------------------------------------------------------------------


def _changed(stamp: Path, key: str) -> bool:
    return not stamp.exists() or stamp.read_text() != key


def _mark(stamp: Path, key: str) -> None:
    stamp.write_text(key)


def _key(paths: list[Path]) -> str:
    """A hash over the contents of our own files, and over size and time of installed ones."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).encode())
        installed = not path.is_relative_to(ROOT) or {"node_modules", ".venv"} & set(path.parts)
        status = path.stat()
        digest.update(f"{status.st_size}:{status.st_mtime_ns}".encode() if installed else path.read_bytes())
    return digest.hexdigest()


def _digests(files: dict[str, Path]) -> dict[str, str]:
    """Place → hash of the contents."""
    return {inside: hashlib.sha256(path.read_bytes()).hexdigest() for inside, path in files.items()}


def _imports_key(own: dict[str, Path]) -> str:
    """A hash over the names of our own files and the import statements in them."""
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

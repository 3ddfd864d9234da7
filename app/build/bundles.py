"""Writes the files that pages load, with hashed names: style sheet, fonts, bundled scripts, and Python packs."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.python_packs import FrontEnd, PythonPacks
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, WORK, SetupError

#: Style sheets of every page, in order. The theme's variables come last, because CSS imports must precede all rules.
SHEETS = ("page.css", "front_panel.css")

#: Variable fonts from npm, and the subsets used; browsers download a subset only if the page has its characters.
FONTS = (
    "inter/wght.css",
    "source-serif-4/opsz.css",
    "source-serif-4/wght-italic.css",
    "jetbrains-mono/wght.css",
)
SUBSETS = re.compile(r"-(latin|latin-ext|greek|greek-ext)-(wght|opsz)-")

#: Files that the offline cache leaves out, because pages need them rarely or never: always fetched from the network.
NOT_KEPT_OFFLINE = (
    "assets/chunk-mathjax-*",  # a cell's figure with TeX in it
    "assets/chunk-webgl-*",  # a cell's figure with `output_backend="webgl"`
    "assets/panel-*/bundled/theme/bootstrap*",  # themes and templates of Panel that the lab does not have
    "assets/panel-*/bundled/theme/fast*",
    "assets/panel-*/bundled/theme/material*",
    "embed/*.svg",  # for other sites, like the next ones
    "embed/*/*",
    "chapters/*.ipynb",
    "chapters/*.whl",
    "files.json",
)

#: The oldest supported browsers: they have sub-grids, `:has`, WebAssembly SIMD and WebAssembly exceptions.
BROWSERS = "--target=chrome117,firefox121,safari16.4"

#: Files at the site's root: the service worker, a list of all files, and the element for pages of other sites.
SERVICE_WORKER = "service-worker.js"
FILE_LIST = "files.json"
ELEMENT = "embed.js"

SCRIPTS, STYLES = ROOT / "static/js", ROOT / "static/css"
#: The entry points of Bokeh's chunks, which every page with an instrument loads.
BOKEH = ("js/bokeh/bokeh.js", "js/bokeh/bokeh_core.js")
BUNDLED = ("--bundle", "--minify", "--format=esm", BROWSERS, "--legal-comments=none")


class SiteAssets:
    """Writes a site's assets below `out`; `urls` has their addresses, relative to the site's root.

    Calls `written` with the path of each file after writing it.
    """

    def __init__(self, out: Path, written: Callable[[Path], None]) -> None:
        self.urls: dict[str, Any] = {}
        self._out, self._written = out, written
        (out / "assets").mkdir(parents=True)

    def lay_out_front_end(self, files: FrontEnd, tokens: str) -> None:
        """Adds the style sheet (`tokens`: its variables, from `theme.py`), the scripts and unmodified libraries."""
        self.urls["panel"] = self._folder("panel", files.panel_files)
        bundles = WORK / "bundles"
        preloaded, frame = _bundle_page(bundles)
        self.urls["preloaded"] = [f"assets/{name}" for name in preloaded]
        self.urls["frame"] = f"assets/{frame}"
        for path in sorted(bundles.glob("chunk-*.js")):
            self._put(path, f"assets/{path.name}")
        self.urls["main"] = self.add(bundles / "main.js")
        self.urls["style"] = self._style_sheet(tokens)
        self.urls["embed_style"] = self.add(_minified(STYLES / "embed.css"), "embed.css")

    def lay_out_runtime(self, runtime: PythonPacks) -> None:
        """Adds the packs and weights, and bundles the worker with a table of their addresses."""
        addresses = {name: self.add(path) for name, path in runtime.packs.items()}
        self.urls["pyodide"] = self._folder("pyodide", {path.name: path for path in runtime.core})
        addresses |= {"pyodide": self.urls["pyodide"], "panelRoot": self.urls["panel"]}
        relative: dict[str, Any] = {name: path.removeprefix("assets/") for name, path in addresses.items()}
        relative["instruments"] = {
            name: self.add(path).removeprefix("assets/") for name, path in runtime.instruments.items()
        }
        relative["weights"] = {
            name: self.add(path, name.replace("/", "-")).removeprefix("assets/")
            for name, path in runtime.weights.items()
        }
        relative["lock"] = runtime.lock
        relative["libraries"] = [
            [inside, self.add(path, _library_name(inside)).removeprefix("assets/")]
            for inside, path in runtime.libraries.items()
        ]
        bundles = WORK / "worker"
        _bundle_worker(bundles, relative)
        self.urls["worker"] = self.add(bundles / "worker.js")

    def write_element(self) -> None:
        """Writes `embed.js` at the site's root: the element `<instrument-lab>`, for pages of other sites."""
        target = self._out / ELEMENT
        _esbuild([str(SCRIPTS / "embed/embed.js"), f"--outfile={target}", *BUNDLED, "--format=iife"])
        self._written(target)

    def write_file_list(self) -> None:
        """Writes the list of all files of the site, including itself and the service worker, for “Page as a zip”."""
        target = self._out / FILE_LIST
        target.write_text(json.dumps(sorted([*self._paths(), FILE_LIST, SERVICE_WORKER]), indent=0) + "\n", "utf-8")
        self._written(target)

    def megabytes(self) -> int:
        """Returns the size so far in MB, rounded up to a multiple of 10 to allow for the pages that follow."""
        return 10 * math.ceil(sum((self._out / path).stat().st_size for path in self._paths()) / 1e7)

    def _paths(self) -> list[str]:
        return sorted(path.relative_to(self._out).as_posix() for path in self._out.rglob("*") if path.is_file())

    def write_service_worker(self) -> None:
        """Writes the service worker at the site's root, with the names of all files written so far.

        It contains a hash of the pages. A changed page therefore changes it, and browsers then update their cache.
        """
        paths = [path for path in self._paths() if not any(fnmatch(path, name) for name in NOT_KEPT_OFFLINE)]
        assets = [path for path in paths if path.startswith("assets/")]
        pages = [path for path in paths if path not in assets]
        digest = hashlib.sha256(b"".join((self._out / path).read_bytes() for path in pages)).hexdigest()
        site = {"build": digest[:10], "pages": pages, "assets": assets}
        target = self._out / SERVICE_WORKER
        banner = f"--banner:js=globalThis.LAB_SITE={json.dumps(site)};"
        _esbuild([str(SCRIPTS / "page/service_worker.js"), f"--outfile={target}", *BUNDLED, banner])
        self._written(target)

    def add(self, path: Path, name: str | None = None) -> str:
        """Adds a file with its hash in the name; returns its address."""
        target = _hashed_name(name or path.name, _digest(path))
        self._put(path, target)
        return target

    def add_data(self, name: str, data: bytes) -> str:
        """Adds data as a file with its hash in the name; returns its address."""
        target = _hashed_name(name, hashlib.sha256(data).hexdigest())
        (self._out / target).write_bytes(data)
        self._written(self._out / target)
        return target

    def _folder(self, name: str, files: dict[str, Path]) -> str:
        """Adds a folder with a hashed name; its files keep their names, by which they load one another.

        files: path in the folder → file.
        """
        digests = "".join(_digest(path) for path in files.values())
        digest = hashlib.sha256(digests.encode()).hexdigest()[:10]
        target = f"assets/{name}-{digest}/"
        for inside, path in files.items():
            self._put(path, target + inside)
        return target

    def _put(self, path: Path, target: str) -> None:
        """Hard-links a file into the site; no build step modifies such a file in place."""
        place = self._out / target
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.hardlink_to(path)
        except FileExistsError:  # added before, with the same contents
            return
        except OSError:  # on another disk
            shutil.copyfile(path, place)
        self._written(place)

    def _style_sheet(self, tokens: str) -> str:
        """Bundles variables and styles of pages, front panels and KaTeX, and adds the fonts; returns the address."""
        source = WORK / "style.css"
        parts = [f'@import "{STYLES / name}";' for name in SHEETS]
        katex = f'@import "{NODE_MODULES / "katex/dist/katex.min.css"}";'
        source.write_text("\n".join([katex, *parts, *_font_faces(), tokens]))
        built = WORK / "styles"
        shutil.rmtree(built, ignore_errors=True)
        fonts = ["--loader:.woff2=file", "--loader:.woff=empty", "--loader:.ttf=empty", "--asset-names=[name]-[hash]"]
        _esbuild([str(source), f"--outdir={built}", "--bundle", "--minify", BROWSERS, *fonts])
        for font in sorted(built.glob("*.woff2")):
            self._put(font, f"assets/{font.name}")
        self.urls["fonts"] = [
            f"assets/{font.name}"
            for font in sorted(built.glob("*.woff2"))
            if font.name.startswith(("inter-latin-wght", "source-serif-4-latin-opsz-normal"))
        ]
        return self.add(built / "style.css")


def _font_faces() -> list[str]:
    """Returns the `@font-face` rules of the used subsets of `FONTS`, with paths on this machine."""
    faces = []
    for name in FONTS:
        path = NODE_MODULES / "@fontsource-variable" / name
        rules = re.findall(r"@font-face\s*{.*?}", path.read_text("utf-8"), re.DOTALL)
        faces += [rule.replace("url(./", f"url({path.parent}/") for rule in rules if SUBSETS.search(rule)]
    return faces


def _hashed_name(name: str, digest: str) -> str:
    stem, dot, ending = name.partition(".")
    return f"assets/{stem}.{digest[:10]}{dot}{ending}"


def _digest(path: Path) -> str:
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@cache
def _digest_of(path: Path, size: int, time_ns: int) -> str:
    """Returns the hash of a file's contents; size and time are part of the cache key, to notice a changed file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _library_name(inside: str) -> str:
    """Returns a file name for a compiled module that ends in `.wasm`, so that servers send the right MIME type."""
    return "-".join([*Path(inside).parts[1:-1], Path(inside).name.partition(".")[0]]) + ".wasm"


def _minified(sheet: Path) -> Path:
    """Minifies a style sheet; returns the path of the result."""
    target = WORK / "styles" / sheet.name
    _esbuild([str(sheet), f"--outfile={target}", "--minify", BROWSERS])
    return target


def _bundle_page(out: Path) -> tuple[list[str], str]:
    """Bundles the page's scripts, with the editor, Bokeh and what embedded pages need as separate chunks.

    Returns the names of Bokeh's chunks, and that of the embedded pages'.

    Skips bundling unless an input file, an installed library or the command has changed.
    """
    chunks = ["--splitting", "--chunk-names=chunk-[name]-[hash]", f"--metafile={out / 'meta.json'}"]
    libraries = [
        f"--alias:@bokehjs={NODE_MODULES / '@bokeh/bokehjs/build/js/lib'}",
        f"--alias:sucrase={SCRIPTS / 'bokeh/plain_modules.js'}",
    ]
    command = [str(SCRIPTS / "page/main.js"), f"--outdir={out}", *BUNDLED, *chunks, *libraries]
    stamp = out / "inputs.stamp"
    if not stamp.exists() or stamp.read_text() != _inputs_key(out, command):
        shutil.rmtree(out, ignore_errors=True)
        _esbuild(command)
        stamp.write_text(_inputs_key(out, command))
    outputs = _metafile(out)["outputs"]
    wanted = [name for name, output in outputs.items() if output.get("entryPoint", "").endswith(BOKEH)]
    for name in wanted:  # the loop appends the chunks that these import
        static = [item["path"] for item in outputs[name]["imports"] if item["kind"] == "import-statement"]
        wanted += [path for path in static if path not in wanted]
    frame = next(name for name, output in outputs.items() if output.get("entryPoint", "").endswith("js/embed/frame.js"))
    return [Path(name).name for name in wanted], Path(frame).name


def _metafile(out: Path) -> dict[str, Any]:
    return json.loads((out / "meta.json").read_text())


def _inputs_key(out: Path, command: list[str]) -> str:
    """Returns a hash over the inputs of the bundles in `out`: size and time of each file, lock file, command."""
    digest = hashlib.sha256(json.dumps(command).encode() + (NODE_MODULES.parent / "package-lock.json").read_bytes())
    for name in _metafile(out)["inputs"]:
        path = ROOT / name
        status = path.stat() if path.exists() else None
        digest.update(f"{name}:{status and (status.st_size, status.st_mtime_ns)}".encode())
    return digest.hexdigest()


def _bundle_worker(out: Path, assets: dict[str, Any]) -> None:
    node_only = [f"--external:{name}" for name in ("node:*", "ws")]  # Pyodide's loader also runs under Node
    banner = f"--banner:js=globalThis.LAB_ASSETS={json.dumps(assets)};"
    _esbuild([str(SCRIPTS / "worker/worker.js"), f"--outdir={out}", *BUNDLED, *node_only, banner])


def _esbuild(arguments: list[str]) -> None:
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(
        [str(NODE_MODULES / ".bin/esbuild"), *arguments, "--log-level=warning"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,  # fixed, because the hashes of chunks depend on paths relative to it
    )
    if done.returncode or done.stderr:
        raise SetupError(f"esbuild:\n{done.stderr}")

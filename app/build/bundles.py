"""Writes the files that pages load, with hashed names: style sheet, fonts, bundled scripts, and Python packs."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.python_packs import PythonPacks, panel_files
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, SetupError

#: Style sheets of every page, in order. The theme's variables come last, because CSS imports must precede all rules.
STYLES = ("page.css", "front_panel.css")

#: Variable fonts from npm, and the subsets used; browsers download a subset only if the page has its characters.
FONTS = (
    "inter/wght.css",
    "source-serif-4/opsz.css",
    "source-serif-4/wght-italic.css",
    "jetbrains-mono/wght.css",
)
SUBSETS = re.compile(r"-(latin|latin-ext|greek|greek-ext)-(wght|opsz)-")
#: Bokeh measures each font with the letter Ś, for which every page with a figure would download all of `latin-ext`.
MEASURED = ("U+0100-02BA", "U+0100-0159,U+015B-02BA")

#: Files that the offline cache leaves out, because pages need them rarely or never: always fetched from the network.
NOT_KEPT_OFFLINE = (
    "assets/chunk-mathjax-*",  # a cell's figure with TeX in it
    "assets/chunk-webgl-*",  # a cell's figure with `output_backend="webgl"`
    "assets/panel-*/bundled/theme/bootstrap*",  # themes and templates of Panel that the lab does not have
    "assets/panel-*/bundled/theme/fast*",
    "assets/panel-*/bundled/theme/material*",
    "embed/*.json",  # for other sites
    "embed/*/*",
    "chapters/*.ipynb",
    "chapters/*.whl",
    "files.json",
    "sbom.json",
)

#: Hexadecimal digits of a file's SHA-256 in its name.
DIGITS = 10

#: Files that an open page may request long after its start, apart from the scripts that it preloads.
LOADED_LATER = (
    "assets/chunk-*",
    "assets/cells.*",
    "assets/on_demand.*",
    "assets/search.*.json",
    "assets/*-code.*.json",
    "assets/*-state.*.js",
    "assets/*-states.*.js",
    "assets/*-weights.*",
)

#: Hexadecimal digits of the hashes by which the service worker knows a file. A script of a page could write into the
#: cache, so that they must be as many as make it impossible to construct another file with the same ones.
KEPT_DIGITS = 32

#: The oldest supported browsers: they have sub-grids, `:has`, WebAssembly SIMD and WebAssembly exceptions.
BROWSERS = "--target=chrome117,firefox121,safari16.4"

#: Approximate size in bytes of the pages, notebooks, and instruments' documents, frames and stored states.
WRITTEN_LATER = 13e6

#: Files at the site's root: the service worker, a list of all files, and the element for pages of other sites.
SERVICE_WORKER = "service-worker.js"
FILE_LIST = "files.json"
ELEMENT = "embed.js"

SCRIPTS = ROOT / "static/js"
STYLE_SHEETS = ROOT / "static/css"

#: Change with each installation of the front-end libraries.
LIBRARIES = (ROOT / "static/package-lock.json", NODE_MODULES / ".package-lock.json")

#: The entry points of Bokeh's chunks, which every page with an instrument loads.
BOKEH = ("js/bokeh/bokeh.js", "js/bokeh/bokeh_core.js")
ESBUILD = NODE_MODULES / ".bin/esbuild"
BUNDLED = ("--bundle", "--minify", "--format=esm", BROWSERS, "--legal-comments=none")


class SiteAssets:
    """Writes a site's assets below `out`; `urls` has their addresses, relative to the site's root.

    Calls `written` with the path of each file after writing it.
    """

    def __init__(self, out: Path, written: Callable[[Path], None], cache: BuildCache) -> None:
        self.urls: dict[str, Any] = {}
        #: Paths of all files that have been bundled.
        self.bundled: set[str] = set()
        self._out, self._written, self._cache = out, written, cache
        (out / "assets").mkdir(parents=True)

    def lay_out_front_end(self, tokens: str) -> None:
        """Adds the style sheet (`tokens`: its variables, from `theme.py`), the scripts and unmodified libraries."""
        self.urls["panel"] = self._checked_folder("panel", panel_files())
        page = self._bundle_page()
        self.urls["preloaded"] = [f"assets/{name}" for name in _bokeh_chunks(page)]
        self.urls["integrity"] = {f"assets/{name}": _integrity(page / name) for name in _own_chunks(page)}
        self.urls["frame"] = f"assets/{_chunk_of(page, 'js/embed/frame.js')}"
        self.urls["search_script"] = f"assets/{_chunk_of(page, 'js/search/dialog.js')}"
        for path in sorted(page.glob("chunk-*.js")):
            self._put(path, f"assets/{path.name}")
        self.urls["main"] = self.add(page / "main.js")
        self.urls["integrity"][self.urls["main"]] = _integrity(page / "main.js")
        self.urls["style"] = self._style_sheet(tokens)
        embed = self._esbuild(STYLE_SHEETS, str(STYLE_SHEETS / "embed.css"), "--minify", BROWSERS)
        self.urls["embed_style"] = self.add(embed / "embed.css")
        for sheet in ("front", "print"):
            built = self._esbuild(STYLE_SHEETS, str(STYLE_SHEETS / f"{sheet}.css"), "--minify", BROWSERS)
            self.urls[f"{sheet}_style"] = self.add(built / f"{sheet}.css")
        alone = self._esbuild(SCRIPTS, str(SCRIPTS / "page/stored_alone.js"), *BUNDLED, "--format=iife")
        self.urls["stored_alone"] = self.add(alone / "stored_alone.js")

    def lay_out_runtime(self, runtime: PythonPacks) -> None:
        """Adds the packs and weights, and bundles the worker with a table of their addresses."""
        glue, wasm = runtime.core

        # Endings that every host knows: some refuse files with others, or send `.mjs` with a type that no browser runs.
        def added(path: Path, name: str) -> str:
            return self.add(path, name).removeprefix("assets/")

        table = {
            **{name: added(path, f"{name}.bin") for name, path in runtime.packs.items()},
            "glue": added(glue, "pyodide.js"),
            # Pyodide's loader asks for this name.
            "wasm": {
                "path": self._folder("pyodide", {wasm.name: wasm}).removeprefix("assets/") + wasm.name,
                "digest": self._cache.digest(wasm)[:DIGITS],
            },
            "panelRoot": self.urls["panel"].removeprefix("assets/"),
            "instruments": {name: added(path, f"{name}.bin") for name, path in runtime.instruments.items()},
            "weights": {
                name: added(path, name.replace("/", "-").replace(path.suffix, ".bin"))
                for name, path in runtime.weights.items()
            },
            "lock": runtime.lock,
            "libraries": [[inside, added(path, _library_name(inside))] for inside, path in runtime.libraries.items()],
        }
        banner = f"--banner:js=globalThis.LAB_ASSETS={json.dumps(table)};"
        node_only = [f"--external:{name}" for name in ("node:*", "ws")]  # Pyodide's loader also runs under Node
        bundled = self._esbuild(SCRIPTS, str(SCRIPTS / "worker/worker.js"), *BUNDLED, *node_only, banner)
        self.urls["worker"] = self.add(bundled / "worker.js")

    def write_element(self) -> None:
        """Writes `embed.js` at the site's root: the element `<instrument-lab>`, for pages of other sites."""
        bundled = self._esbuild(SCRIPTS, str(SCRIPTS / "embed" / ELEMENT), *BUNDLED, "--format=iife")
        self._put(bundled / ELEMENT, ELEMENT)

    def write_file_list(self) -> None:
        """Writes the list of all files of the site, including itself and the service worker, for “Page as a zip”."""
        target = self._out / FILE_LIST
        target.write_text(json.dumps(sorted([*self._paths(), FILE_LIST, SERVICE_WORKER]), indent=0) + "\n", "utf-8")
        self._written(target)

    def megabytes(self) -> int:
        """Returns the site's size in MB, to the next multiple of 10, before pages and instruments' data are written."""
        so_far = sum((self._out / path).stat().st_size for path in self._paths())
        return 10 * math.ceil((so_far + WRITTEN_LATER) / 1e7)

    def _paths(self) -> list[str]:
        return sorted(path.relative_to(self._out).as_posix() for path in self._out.rglob("*") if path.is_file())

    def write_service_worker(self) -> None:
        """Writes the service worker at the site's root, with the names and hashes of all files written so far.

        A changed page therefore changes it, and browsers then update their cache.
        """
        paths = [path for path in self._paths() if not any(fnmatch(path, name) for name in NOT_KEPT_OFFLINE)]
        digests = {path: hashlib.sha256((self._out / path).read_bytes()).hexdigest()[:KEPT_DIGITS] for path in paths}
        assets = {path: digest for path, digest in digests.items() if path.startswith("assets/")}
        pages = {path: digest for path, digest in digests.items() if path not in assets}
        eager = set(self.urls["preloaded"])
        lazy = [path for path in assets if path not in eager and any(fnmatch(path, name) for name in LOADED_LATER)]
        build = hashlib.sha256("".join(pages.values()).encode()).hexdigest()[:DIGITS]
        site = {"build": build, "pages": pages, "assets": assets, "lazy": lazy}
        banner = f"--banner:js=globalThis.LAB_SITE={json.dumps(site)};"
        bundled = self._esbuild(SCRIPTS, str(SCRIPTS / "page/service_worker.js"), *BUNDLED, banner)
        self._put(bundled / "service_worker.js", SERVICE_WORKER)

    def add(self, path: Path, name: str | None = None) -> str:
        """Adds a file with its hash in the name; returns its address."""
        target = _hashed_name(name or path.name, self._cache.digest(path))
        self._put(path, target)
        return target

    def add_data(self, name: str, data: bytes) -> str:
        """Adds data as a file with its hash in the name; returns its address."""
        target = _hashed_name(name, hashlib.sha256(data).hexdigest())
        if not (self._out / target).exists():  # a second write would empty what is being compressed
            (self._out / target).write_bytes(data)
            self._written(self._out / target)
        return target

    def _folder(self, name: str, files: dict[str, Path]) -> str:
        """Adds a folder with a hashed name; its files keep their names, by which they load one another.

        files: path in the folder → file.
        """
        digests = "".join(self._cache.digest(path) for path in files.values())
        digest = hashlib.sha256(digests.encode()).hexdigest()[:10]
        target = f"assets/{name}-{digest}/"
        for inside, path in files.items():
            self._put(path, target + inside)
        return target

    def _checked_folder(self, name: str, files: dict[str, Path]) -> str:
        """Adds a folder as `_folder` does, with a list of its files' digests; that of the list is in its name.

        `js/files/style_sheets.js` compares the files with this list.
        """
        listed = json.dumps({inside: self._cache.digest(path)[:DIGITS] for inside, path in files.items()}).encode()
        target = f"assets/{name}-{hashlib.sha256(listed).hexdigest()[:DIGITS]}/"
        for inside, path in files.items():
            self._put(path, target + inside)
        (self._out / target / "digests.json").write_bytes(listed)
        self._written(self._out / target / "digests.json")
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
        imported = [NODE_MODULES / "katex/dist/katex.min.css", *(STYLE_SHEETS / name for name in STYLES)]
        text = "\n".join([*(f'@import "{path}";' for path in imported), *_font_faces(), tokens])
        fonts = ["--loader:.woff2=file", "--loader:.woff=empty", "--loader:.ttf=empty", "--asset-names=[name]"]
        built = self._esbuild(STYLE_SHEETS, "--loader=css", "--bundle", "--minify", BROWSERS, *fonts, text=text)
        sheet = (built / "stdin.css").read_text("utf-8")
        added = {}
        for font in sorted(built.glob("*.woff2")):
            added[font.name] = self.add(font)
            sheet = sheet.replace(font.name, Path(added[font.name]).name)
        preloaded = ("inter-latin-wght", "source-serif-4-latin-opsz-normal")
        self.urls["fonts"] = [address for name, address in added.items() if name.startswith(preloaded)]
        return self.add_data("style.css", sheet.encode())

    def _bundle_page(self) -> Path:
        """Bundles the page's scripts, with the editor, Bokeh and what embedded pages need as separate chunks."""
        chunks = ["--splitting", "--chunk-names=chunk-[name]-[hash]"]
        libraries = [
            f"--alias:@bokehjs={NODE_MODULES / '@bokeh/bokehjs/build/js/lib'}",
            f"--alias:sucrase={SCRIPTS / 'bokeh/plain_modules.js'}",
        ]
        return self._esbuild(SCRIPTS, str(SCRIPTS / "page/main.js"), *BUNDLED, *chunks, *libraries)

    def _esbuild(self, sources: Path, *arguments: str, text: str = "") -> Path:
        """Returns a folder with esbuild's output and `meta.json`, cached until a file in the folder `sources` changes.

        text: the entry point's source, if the arguments name none.
        """

        def run(out: Path) -> None:
            # The hashes of chunks depend on the paths of sources, from `cwd`: links to packages must not be followed.
            outputs = [f"--outdir={out}", f"--metafile={out / 'meta.json'}"]
            done = subprocess.run(
                [ESBUILD, *arguments, *outputs, "--preserve-symlinks", "--log-level=warning"],
                input=text,
                capture_output=True,
                text=True,
                env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
                cwd=ROOT,
            )
            if done.returncode or done.stderr:
                raise SetupError(f"esbuild:\n{done.stderr}")

        files = [path for path in sorted(sources.rglob("*")) if path.is_file()]
        command = "\n".join([*arguments, text]).replace(f"{ROOT}/", "")
        folder = self._cache.folder("bundles", [command, *LIBRARIES, *files], run)
        self.bundled |= json.loads((folder / "meta.json").read_text())["inputs"].keys()
        return folder


def _font_faces() -> list[str]:
    """Returns the `@font-face` rules of the used subsets of `FONTS`, with paths on this machine."""
    faces = []
    for name in FONTS:
        path = NODE_MODULES / "@fontsource-variable" / name
        rules = re.findall(r"@font-face\s*{.*?}", path.read_text("utf-8"), re.DOTALL)
        used = [rule.replace("url(./", f"url({path.parent}/") for rule in rules if SUBSETS.search(rule)]
        faces += [rule.replace(*MEASURED) for rule in used]
    return faces


def _hashed_name(name: str, digest: str) -> str:
    """Returns the address of a file; the page checks the digest in it (`js/files/check.js`)."""
    stem, dot, ending = name.partition(".")
    return f"assets/{stem}.{digest[:DIGITS]}{dot}{ending}"


def _library_name(inside: str) -> str:
    """Returns a file name for a compiled module that ends in `.wasm`, so that servers send the right MIME type."""
    return "-".join([*Path(inside).parts[1:-1], Path(inside).name.partition(".")[0]]) + ".wasm"


def _chunk_of(page: Path, script: str) -> str:
    """Returns the name of the chunk with a script that is loaded on demand."""
    outputs = json.loads((page / "meta.json").read_text())["outputs"]
    wanted = (name for name, output in outputs.items() if output.get("entryPoint", "").endswith(script))
    return Path(next(wanted)).name


def _integrity(path: Path) -> str:
    """Returns the hash of a script in the form of an `integrity` attribute."""
    return "sha256-" + base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()


def _own_chunks(page: Path) -> list[str]:
    """Returns the names of the chunks that the lab's own scripts are in, with everything that these need to run."""
    outputs = json.loads((page / "meta.json").read_text())["outputs"]
    entries = {name for name, output in outputs.items() if "static/js/" in output.get("entryPoint", "")}
    chunks = [name for name in _with_imports(outputs, sorted(entries)) if Path(name).name.startswith("chunk-")]
    return [Path(name).name for name in chunks]


def _with_imports(outputs: dict[str, Any], names: list[str]) -> list[str]:
    """Returns names of outputs, followed by those of all outputs that they import."""
    found = list(names)
    for name in found:  # the loop appends the chunks that these import
        static = [item["path"] for item in outputs[name]["imports"] if item["kind"] == "import-statement"]
        found += [path for path in static if path not in found]
    return found


def _bokeh_chunks(page: Path) -> list[str]:
    """Returns the names of the chunks of the bundled page that Bokeh needs."""
    outputs = json.loads((page / "meta.json").read_text())["outputs"]
    wanted = [name for name, output in outputs.items() if output.get("entryPoint", "").endswith(BOKEH)]
    return [Path(name).name for name in _with_imports(outputs, wanted)]

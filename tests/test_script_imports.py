"""Which script may import which: tables of rules, held over every script, and each rule shown able to fail."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .imports import ROOT

STATIC = ROOT / "static"

#: Folder of scripts → the folders and scripts that it may import, at run time or for their types. The parts of a page
#: meet in `main.js`, which wires them.
FOLDERS: dict[str, tuple[str, ...]] = {
    "files": ("files/",),
    "page": ("page/", "bokeh/", "files/"),
    "cells": (
        "cells/",
        "files/",
        "bokeh/bokeh_view.js",
        "page/drop_down.js",
        "page/kept.js",
        "page/local_store.js",
        "page/page_notice.js",
        "page/page_bar.js",
        "page/progress.js",
        "page/theme.js",
        "page/when_near.js",
    ),
    "bokeh": ("bokeh/", "files/style_sheets.js"),
    "embed": ("embed/",),
    "scorm": ("scorm/",),
    "receipts": ("receipts/", "page/crc32.js"),
    "search": ("search/", "files/"),
    "worker": ("worker/", "files/"),
}
#: What single scripts may import in place of that.
EXCEPTIONS: dict[str, tuple[str, ...]] = {
    "bokeh/components.js": ("bokeh/", "page/front_panel.js"),
    "page/main.js": ("page/", "cells/", "embed/", "files/", "receipts/", "search/"),
    # Runs in other sites' pages.
    "embed/embed.js": ("embed/published_heights.js", "embed/height_table.js", "embed/schema.js"),
    # Loaded by themselves, or by other scripts than the page's.
    "page/front_panel.js": ("page/pad_ellipses.js", "page/pad_points.js"),  # on demand
    "page/pad_ellipses.js": ("page/front_panel.js",),  # its types; Panel runs both editors as texts
    "page/pad_points.js": (),
    "page/live_preview.js": (),
    "page/protocol.js": (),
    "page/service_worker.js": ("files/check.js",),
}
#: The scripts whose types all may use.
TYPES = ("page/protocol.js", "page/python_worker.js")
#: Folder or script → the libraries of the registry that it may import.
LIBRARIES = {
    "bokeh/": ("@bokeh/", "@holoviz/panel/"),
    "cells/": ("@codemirror/", "@lezer/"),
    "cells/sanitise.js": ("dompurify",),
    "files/sha256.js": ("@noble/hashes/",),
    "page/zip_stream.js": ("fflate",),
    "search/find.js": ("minisearch",),
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

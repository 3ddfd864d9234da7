"""The baseline of `startup.py`: the ring as Panel's own `panel convert` publishes it, with every address made local."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import brotli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from panel.io import convert

from diffusion_lab.app.build.precompress import COMPRESSED
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT
from diffusion_lab.app.numpy_wheel import provide_numpy

APP = """\
import panel as pn

from diffusion_lab.instruments.ring.component import Ring

pn.panel(Ring()).servable()
"""
PYODIDE = NODE_MODULES / "pyodide"
PYODIDE_CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")

#: Compiled, without a build for Pyodide, and never imported by this app: installed by name only.
STAND_INS = {"pandas", "pillow", "contourpy", "nh3"}

#: What pip and micropip know of the browser, for the conditions in packages' requirements.
BROWSER = {
    "sys_platform": "emscripten",
    "platform_system": "Emscripten",
    "platform_machine": "wasm32",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "python_version": "3.14",
    "python_full_version": "3.14.2",
    "extra": "",
}


def converted_site(work: Path) -> Path:
    """A folder with the converted app, below `work`; made anew. Its page is `ring.html`."""
    site, source = work / "convert", work / "convert-source"
    for folder in (site, source):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    (source / "ring.py").write_text(APP)
    own = _own_wheel(source)
    command = [sys.executable, "-m", "panel", "convert", "ring.py", "--to", "pyodide-worker", "--out", str(site)]
    _run([*command, "--requirements", str(own)], source)
    assets = site / "assets"
    (assets / "pyodide").mkdir(parents=True)
    for name in PYODIDE_CORE:
        shutil.copyfile(PYODIDE / name, assets / "pyodide" / name)
    _packages(assets, work / "wheels")
    _make_local(site)
    compress(site, work / "compressed")
    return site


def _own_wheel(source: Path) -> Path:
    """The lab as a wheel; from a copy, for building leaves files behind."""
    for name in ("app", "instruments", "static/js", "static/css"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    _pip("wheel", "--no-deps", "--wheel-dir", str(source), str(source))
    return next(source.glob("*.whl"))


# --- packages --------------------------------------------------------------------------------------------------------


def _packages(assets: Path, downloads: Path) -> None:
    """Wheels, and a lock file that names them: what micropip would ask a package index for, it finds there too."""
    lock = json.loads((PYODIDE / "pyodide-lock.json").read_text())
    packages = lock["packages"]
    for name in ("micropip", "pyodide-http"):
        wheel = downloads / packages[name]["file_name"]
        if not wheel.exists():
            python = ["--python-version", lock["info"]["python"], "--only-binary=:all:"]
            _pip("download", "--no-deps", *python, "--dest", str(downloads), f"{name}=={packages[name]['version']}")
        shutil.copyfile(wheel, assets / "pyodide" / wheel.name)
        packages[name]["sha256"] = _digest(wheel.read_bytes())  # the index may hold another build of this version
    panel_root = assets / "panel"
    where = {
        "panel": panel_root / convert.PANEL_CDN_WHL.removeprefix(convert.CDN_ROOT),
        "bokeh": panel_root / convert.BOKEH_CDN_WHL.removeprefix(convert.CDN_ROOT),
    }
    for name, needs in _needed("panel", "bokeh").items():
        if name == "numpy":
            wheel = shutil.copy(provide_numpy(PYODIDE), assets / "pyodide")
        else:
            version = importlib.metadata.version(name)
            default = assets / "pyodide" / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
            wheel = _wheel(name, where.get(name, default))
        if name not in where:
            packages[name] = lock_entry(name, Path(wheel), [other for other in needs if other not in where])
    (assets / "pyodide/pyodide-lock.json").write_text(json.dumps(lock))


def _needed(*names: str) -> dict[str, list[str]]:
    """Name → names of direct requirements, for all that must be installed with `names` in the browser."""
    needed: dict[str, list[str]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        requirements = map(Requirement, importlib.metadata.requires(name) or () if name not in STAND_INS else ())
        needed[name] = [
            canonicalize_name(r.name) for r in requirements if r.marker is None or r.marker.evaluate(BROWSER)
        ]
        waiting += needed[name]
    return needed


def _wheel(name: str, target: Path) -> Path:
    """The installed package as a pure wheel; of a stand-in only its metadata."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for entry in importlib.metadata.distribution(name).files or ():
            inside = entry.as_posix()
            metadata = ".dist-info/" in inside
            if metadata or (name not in STAND_INS and not _left_out(inside)):
                archive.write(str(entry.locate()), inside)
    return target


def _left_out(inside: str) -> bool:
    """As Panel's release leaves tests and JavaScript out of the wheels that it publishes for Pyodide."""
    return (
        inside.startswith(("..", "panel/tests/"))
        or (inside.startswith("panel/dist/") and not inside.startswith("panel/dist/css/"))
        or "__pycache__/" in inside
        or inside.endswith(".so")
        or (
            inside.startswith("bokeh/")
            and not inside.startswith("bokeh/core/_templates")
            and inside.endswith((".js", ".d.ts", ".tsbuildinfo", "bokeh.json"))
        )
    )


def lock_entry(name: str, wheel: Path, needs: list[str]) -> dict[str, object]:
    return {
        "name": name,
        "version": importlib.metadata.version(name),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": _digest(wheel.read_bytes()),
        "package_type": "package",
        "imports": [],
        "depends": needs,
        "unvendored_tests": False,
    }


# --- addresses -------------------------------------------------------------------------------------------------------


def _make_local(site: Path) -> None:
    """The same files from this machine: addresses are replaced, and the worker becomes a module, as Pyodide asks."""
    root = "${self.location.origin}/assets"
    here = f"{root}/panel/"
    options = f"{{packageBaseUrl: `{root}/pyodide/`, env: {{PANEL_CDN_ROOT: `{here}`}}}}"
    worker = site / "ring.js"
    text = _replaced(
        worker.read_text("utf-8"),
        {
            f'importScripts("{convert.PYODIDE_URL}")': 'import { loadPyodide } from "./assets/pyodide/pyodide.mjs"',
            "loadPyodide()": f"loadPyodide({options})",
            convert.CDN_ROOT: here,
        },
    )
    worker.write_text(text, "utf-8")

    page = site / "ring.html"
    as_module = {'new Worker("./ring.js")': 'new Worker("./ring.js", {type: "module"})'}
    text = _replaced(page.read_text("utf-8"), {convert.CDN_ROOT: "assets/panel/", **as_module})
    text = re.sub(r"https://[\w.]+/bokeh/release/(bokeh[a-z-]*)-[\d.]+\.min\.js", r"assets/bokeh/\1.min.js", text)
    page.write_text(text, "utf-8")

    panel_dist, bokeh_js = Path(convert.DIST_DIR), Path(convert.bokeh.__file__).parent / "server/static/js"
    for name in set(re.findall(r"assets/bokeh/([\w.-]+)", text)):
        _copy(bokeh_js / name, site / "assets/bokeh" / name)
    dist = convert.CDN_DIST.replace(convert.CDN_ROOT, "assets/panel/")
    for inside in set(re.findall(re.escape(dist) + r"([\w.@^/-]+\.(?:js|css))", text)):
        _copy(panel_dist / inside, site / dist / inside)
    for path in [path for part in ("bundled/theme", "css", "assets") for path in (panel_dist / part).glob("*.*")]:
        _copy(path, site / dist / path.relative_to(panel_dist))


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        if old not in text:
            raise SystemExit(f"This Panel's conversion has no {old!r}: the baseline has to be looked at again.")
        text = text.replace(old, new)
    return text


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def compress(site: Path, cache: Path) -> None:
    """Brotli twins for the server, as the lab's own site has them; wheels are zip files and stay as they are."""
    cache.mkdir(parents=True, exist_ok=True)
    for path in [path for path in site.rglob("*") if path.suffix in COMPRESSED - {".zip"}]:
        data = path.read_bytes()
        twin = cache / (_digest(data) + ".br")
        if not twin.exists():
            twin.write_bytes(brotli.compress(data, quality=11 if len(data) < 4_000_000 else 9, lgwin=24))
        shutil.copyfile(twin, path.with_name(path.name + ".br"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pip(*arguments: str) -> None:
    _run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], ROOT)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")

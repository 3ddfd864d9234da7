"""The page of licences: what the site ships of other people's work, with versions, licences and their texts.

The same is written as a software bill of materials (SBOM) in the format CycloneDX 1.6.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diffusion_lab.app.build.python_packs import DISTRIBUTIONS, PYODIDE
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, SetupError

#: The folder of an npm package in the path of one of its files; of packages within packages the innermost.
PACKAGE = re.compile(r".*node_modules/((?:@[^/]+/)?[^/]+)(?=/)")

#: Names of files with a licence's text.
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice)[^/]*", re.IGNORECASE)

#: Licences that packages name in words of their own, by their SPDX identifiers.
SPDX = {
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
}

#: npm packages that the site ships without bundling them: Python's runtime, and the fonts.
NOT_BUNDLED = (
    "pyodide",
    "@holoviz/panel",
    "@fontsource-variable/inter",
    "@fontsource-variable/jetbrains-mono",
    "@fontsource-variable/source-serif-4",
)


@dataclass(frozen=True)
class Part:
    """A package that the site ships; `address`: its home page, `text`: of its licence, each "" if it has none."""

    name: str
    version: str
    licence: str
    address: str
    text: str
    purl: str


def shipped_parts(bundled: Iterable[str], numpy_wheel: Path) -> list[Part]:
    """Returns all parts, sorted by name. `bundled`: the paths of all files that esbuild has bundled."""
    found = (PACKAGE.match(path) for path in bundled)
    folders = {ROOT / match[0] for match in found if match} | {NODE_MODULES / name for name in NOT_BUNDLED}
    parts = [npm_part(folder) for folder in folders]
    parts += [python_part(name) for name in DISTRIBUTIONS]
    parts += [_numpy(numpy_wheel), _cpython()]
    return sorted(parts, key=lambda part: (part.name.casefold(), part.purl))


def npm_part(folder: Path) -> Part:
    """Reads a package of npm. Raises `SetupError` if it names no licence."""
    about = json.loads((folder / "package.json").read_text("utf-8"))
    name, version, licence = about["name"], about["version"], about.get("license", "")
    text = _texts(path for path in folder.iterdir() if path.is_file())
    if not licence and text.startswith("Copyright"):
        licence = "MIT" if "Permission is hereby granted, free of charge" in text else ""
    return _part(name, version, licence, _home(about), text, f"pkg:npm/{name.replace('@', '%40')}@{version}")


def _home(about: dict[str, Any]) -> str:
    repository = about.get("repository") or ""
    address = about.get("homepage") or (repository if isinstance(repository, str) else repository["url"])
    address = re.sub(r"^git\+|\.git$", "", re.sub(r"^(github:|git:)?(//)?", "", str(address)))
    if re.fullmatch(r"[\w.-]+/[\w.-]+", address):
        address = f"https://github.com/{address}"
    return address if address.startswith("https://") else ""


def python_part(name: str) -> Part:
    """Reads a distribution of Python. Raises `SetupError` if it names no licence."""
    found = importlib.metadata.distribution(name)
    about = found.metadata

    def first(field: str) -> str:
        return next(iter(about.get_all(field) or ()), "")

    named = first("License-Expression") or first("License")
    classes = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if line.startswith("License")]
    if not named or "\n" in named or len(named) > 60:
        named = classes[-1] if classes else ""
    own = (path for path in found.files or () if ".dist-info/" in path.as_posix())
    text = _texts(Path(str(path.locate())) for path in own)
    links = dict(line.split(", ", 1) for line in about.get_all("Project-URL") or ())
    address = first("Home-page") or next((links[key] for key in links if key.lower() in HOMES), "")
    return _part(about["Name"], found.version, named, address, text, f"pkg:pypi/{name.lower()}@{found.version}")


#: Labels of a distribution's link to its home page.
HOMES = ("homepage", "home", "source", "repository", "code")


def _numpy(wheel: Path) -> Part:
    """NumPy as the browser has it; this environment's wheel has other libraries in it, with licences of their own."""
    part = python_part("numpy")
    with zipfile.ZipFile(wheel) as archive:
        own = next(name for name in archive.namelist() if name.endswith(".dist-info/LICENSE.txt"))
        text = archive.read(own).decode().strip()
    found = importlib.metadata.distribution("numpy")
    files = sorted(path.as_posix() for path in found.files or ())
    inner = [Path(str(found.locate_file(path))) for path in files if ".dist-info/licenses/numpy/" in path]
    texts = dict.fromkeys(path.read_text("utf-8").strip() for path in inner)
    return replace(part, text="\n\n".join([text, *texts]))


def _cpython() -> Part:
    """CPython as Pyodide has it; its licence is long, and stands at the address."""
    lock = json.loads((PYODIDE / "pyodide-lock.json").read_text("utf-8"))
    version = lock["info"]["python"]
    address = f"https://docs.python.org/{version.rpartition('.')[0]}/license.html"
    return _part("CPython", version, "PSF-2.0", address, "", f"pkg:generic/cpython@{version}")


def _part(name: str, version: str, licence: str, address: str, text: str, purl: str) -> Part:
    licence = SPDX.get(licence, licence)
    if not licence:
        raise SetupError(f"The package {name} {version}, which the site ships, names no licence.")
    return Part(name, version, licence, address, text, purl)


def _texts(files: Iterable[Path]) -> str:
    """Returns the contents of all licence files, one after the other."""
    found = sorted(path for path in files if LICENCE_FILE.fullmatch(path.name))
    return "\n\n".join(path.read_text("utf-8", "replace").strip() for path in found)


def sbom(parts: Iterable[Part], version: str) -> str:
    """Returns the software bill of materials of the site as JSON, without a time: a build can be repeated."""
    lab = {"type": "application", "name": "Diffusion Instrument Lab", "version": version}
    return json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": {**lab, "licenses": [{"expression": "BSD-3-Clause"}]}},
            "components": [
                {
                    "type": "library",
                    "bom-ref": part.purl,
                    "name": part.name,
                    "version": part.version,
                    "licenses": [{"expression": part.licence}],
                    "purl": part.purl,
                }
                for part in parts
            ],
        },
        indent=1,
    )

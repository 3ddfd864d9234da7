"""Packs a chapter for course systems, as a SCORM 1.2 package: the whole site, a launch page and a manifest.

The launch page shows the chapter in a frame and reports to the course system (`static/js/scorm/`). Links from the
chapter to other pages of the site work, as in “Page as a zip”; only the chapter's questions and exercises count.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import jinja2

from diffusion_lab.app.build.bundles import FILE_LIST, SCRIPTS
from diffusion_lab.app.build.chapter_tree import Chapter
from diffusion_lab.app.build.security_policy import with_policy
from diffusion_lab.app.build.setup_steps import SetupError

MANIFEST = "imsmanifest.xml"
LAUNCH = "scorm.html"

#: Name spaces of a manifest (SCORM 1.2 Content Aggregation Model, 2.3): IMS content packaging, and ADL's additions.
IMS = "http://www.imsproject.org/xsd/imscp_rootv1p1p2"
ADL = "http://www.adlnet.org/xsd/adlcp_rootv1p2"

#: The states of all tasks must fit into `cmi.suspend_data`, of 4096 characters, beside what encloses them.
MOST_NAMES = 3500

#: The earliest time that a zip can hold: packages of one site have the same bytes.
TIME = (1980, 1, 1, 0, 0, 0)


def chosen_chapters(chapters: Sequence[Chapter], wanted: str) -> Sequence[Chapter]:
    """Returns the chapter that is named by number (`1`, `01`), name or slug, or all for ""; raises `SetupError`."""
    if not wanted:
        return chapters
    found = [each for each in chapters if wanted in (each.slug, each.name) or wanted.lstrip("0") == str(each.number)]
    if not found:
        raise SetupError(
            f"There is no chapter {wanted!r}. The chapters are {', '.join(each.slug for each in chapters)}."
        )
    return found


def write_package(site: Path, chapter: Chapter, target: Path) -> None:
    """Writes the package of a chapter from the built site as a zip file at `target`."""
    if len("".join(chapter.tasks())) + 3 * len(chapter.tasks()) > MOST_NAMES:
        raise SetupError(f"{chapter.path}: too many questions and exercises for SCORM, which keeps 4096 characters.")
    files: dict[str, bytes | Path] = {path: site / path for path in json.loads((site / FILE_LIST).read_text("utf-8"))}
    for script in sorted((SCRIPTS / "scorm").glob("*.js")):
        files[f"scorm/{script.name}"] = script
    files[LAUNCH] = _launch_page(site, chapter).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for path, contents in [(MANIFEST, manifest(chapter, files)), *files.items()]:
            data = contents.read_bytes() if isinstance(contents, Path) else contents
            package.writestr(zipfile.ZipInfo(path, TIME), data, zipfile.ZIP_DEFLATED)


def manifest(chapter: Chapter, files: Iterable[str]) -> bytes:
    """Returns the manifest of a package with one unit, whose resource has these files besides the manifest itself."""
    name = f"diffusion-lab-{chapter.slug}"
    root = ElementTree.Element("manifest", {"identifier": name, "version": "1.0", "xmlns": IMS, "xmlns:adlcp": ADL})
    metadata = ElementTree.SubElement(root, "metadata")
    ElementTree.SubElement(metadata, "schema").text = "ADL SCORM"
    ElementTree.SubElement(metadata, "schemaversion").text = "1.2"
    organizations = ElementTree.SubElement(root, "organizations", {"default": "course"})
    organization = ElementTree.SubElement(organizations, "organization", {"identifier": "course"})
    title = f"{chapter.number}. {chapter.title}"
    ElementTree.SubElement(organization, "title").text = title
    item = ElementTree.SubElement(organization, "item", {"identifier": "chapter", "identifierref": "files"})
    ElementTree.SubElement(item, "title").text = title
    resources = ElementTree.SubElement(root, "resources")
    unit = {"identifier": "files", "type": "webcontent", "adlcp:scormtype": "sco", "href": LAUNCH}
    resource = ElementTree.SubElement(resources, "resource", unit)
    for path in sorted(files):
        ElementTree.SubElement(resource, "file", {"href": quote(path)})
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n"


def _launch_page(site: Path, chapter: Chapter) -> str:
    """Returns the page that the course system opens, in the style of the site."""
    page = (site / f"chapters/{chapter.slug}.html").read_text("utf-8")
    style = re.search(r'<link rel="stylesheet" href="\.\./([^"]+)">', page)
    if not style:
        raise SetupError(f"chapters/{chapter.slug}.html has no style sheet.")
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    templates = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return with_policy(templates.get_template(LAUNCH).render(chapter=chapter, style=style[1]))

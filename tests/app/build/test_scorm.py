"""SCORM packages: the manifest's form, and that it lists exactly the files that are there."""

import json
import zipfile
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from diffusion_lab.app.build.chapter_tree import Chapter, Quiz
from diffusion_lab.app.build.scorm import ADL, IMS, MANIFEST, chosen_chapters, manifest, write_package
from diffusion_lab.app.build.setup_steps import ROOT, SetupError
from diffusion_lab.app.build.site import read_documents, read_references

FILES = {
    "index.html": "",
    "chapters/01-forward.html": '<link rel="stylesheet" href="../assets/style.css">',
    "assets/style.css": "p {}",
    "assets/a b&c.js": "",
}


@pytest.fixture(scope="module")
def chapter() -> Chapter:
    chapters, _ = read_documents(read_references())
    return chapters[0]


@pytest.fixture
def site(tmp_path) -> Path:
    """A built site of a few files, with a compressed copy, which is not listed."""
    for path, text in {**FILES, "files.json": json.dumps([*FILES, "files.json"]), "index.html.br": ""}.items():
        (tmp_path / "site" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / path).write_text(text)
    return tmp_path / "site"


@pytest.fixture
def package(site, chapter, tmp_path) -> zipfile.ZipFile:
    write_package(site, chapter, tmp_path / "out/package.zip")
    return zipfile.ZipFile(tmp_path / "out/package.zip")


def problems(package: zipfile.ZipFile) -> list[str]:
    """What is wrong with a package, by SCORM 1.2's Content Aggregation Model."""
    root = ElementTree.fromstring(package.read(MANIFEST))
    found = []
    ims, adl = f"{{{IMS}}}", f"{{{ADL}}}"
    if root.tag != f"{ims}manifest":
        return [f"root is {root.tag}"]
    if [root.findtext(f"{ims}metadata/{ims}{name}") for name in ("schema", "schemaversion")] != ["ADL SCORM", "1.2"]:
        found.append("schema")
    identifiers = [element.get("identifier") for element in root.iter() if element.get("identifier")]
    if len(set(identifiers)) < len(identifiers) or not all(name.replace("-", "").isalnum() for name in identifiers):
        found.append("identifiers")
    organizations = root.find(f"{ims}organizations")
    (organization,) = organizations.findall(f"{ims}organization")
    if organizations.get("default") != organization.get("identifier"):
        found.append("default organization")
    resources = {resource.get("identifier"): resource for resource in root.iter(f"{ims}resource")}
    for item in root.iter(f"{ims}item"):
        if not item.findtext(f"{ims}title") or item.get("identifierref") not in resources:
            found.append("item")
    listed = []
    for resource in resources.values():
        if (resource.get("type"), resource.get(f"{adl}scormtype")) != ("webcontent", "sco"):
            found.append("type")
        files = [unquote(file.get("href", "")) for file in resource.iter(f"{ims}file")]
        if resource.get("href") not in files:
            found.append("the launch page is not listed")
        listed += files
    there = set(package.namelist()) - {MANIFEST}
    found += [f"not there: {path}" for path in sorted(set(listed) - there)]
    found += [f"not listed: {path}" for path in sorted(there - set(listed))]
    return found


def test_a_package_is_well_formed_and_complete(package, chapter):
    assert problems(package) == []
    assert package.testzip() is None
    scripts = {f"scorm/{path.name}" for path in (ROOT / "static/js/scorm").glob("*.js")}
    assert set(package.namelist()) == {MANIFEST, "scorm.html", "files.json", *scripts, *FILES}
    page = package.read("scorm.html").decode()
    assert 'href="assets/style.css"' in page and f'data-tasks="{" ".join(chapter.tasks())}"' in page
    assert f'data-slug="{chapter.slug}"' in page and len(chapter.tasks()) > 2


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('href="index.html"', 'href="index2.html"', "not there: index2.html"),
        ('<file href="assets/style.css" />', "", "not listed: assets/style.css"),
        ("1.2</schemaversion>", "2004</schemaversion>", "schema"),
        ('identifierref="files"', 'identifierref="other"', "item"),
        ('href="scorm.html">', 'href="index3.html">', "the launch page is not listed"),
        ('"sco"', '"asset"', "type"),
        (IMS, "http://other", "root is {http://other}manifest"),
    ],
)
def test_a_wrong_manifest_is_found(package, tmp_path, old, new, found):
    text = package.read(MANIFEST).decode()
    assert old in text
    with zipfile.ZipFile(tmp_path / "wrong.zip", "w") as wrong:
        for name in package.namelist():
            wrong.writestr(name, text.replace(old, new) if name == MANIFEST else package.read(name))
    assert found in problems(zipfile.ZipFile(tmp_path / "wrong.zip"))


def test_titles_and_names_are_escaped(chapter):
    text = manifest(chapter, ["a b&c.js"]).decode()
    assert 'href="a%20b%26c.js"' in text and text.startswith("<?xml version='1.0' encoding='utf-8'?>")


def test_the_same_site_makes_the_same_bytes(site, chapter, tmp_path):
    for name in ("first", "second"):
        write_package(site, chapter, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_chapter_whose_states_cannot_be_kept_is_refused(site, chapter, tmp_path):
    quiz = next(block for block in chapter.blocks if isinstance(block, Quiz))
    many = type(chapter)(**{**vars(chapter), "blocks": [quiz] * 300})
    with pytest.raises(SetupError, match="too many questions and exercises for SCORM"):
        write_package(site, many, tmp_path / "x.zip")


@pytest.mark.parametrize("wanted", ["1", "01", "forward", "01-forward"])
def test_a_chapter_is_chosen_by_number_or_name(chapter, wanted):
    chapters, _ = read_documents(read_references())
    assert chosen_chapters(chapters, wanted) == [chapter] and chosen_chapters(chapters, "") == chapters
    with pytest.raises(SetupError, match=r"^There is no chapter '99'\. The chapters are 01-forward, "):
        chosen_chapters(chapters, "99")

"""Licences: everything that the site ships is listed with one, and a package without one stops the build."""

import json
import re
from html import unescape

import pytest

from diffusion_lab.app.build.licences import npm_part, python_part, sbom
from diffusion_lab.app.build.python_packs import DISTRIBUTIONS
from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT, SetupError

DIST = ROOT / "dist"
#: Identifiers in the licences of what is shipped now; another one is to be read before it is added here.
KNOWN = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "OFL-1.1",
         "PSF-2.0", "Zlib"}  # fmt: skip


@pytest.fixture(scope="module")
def listed() -> list[dict[str, object]]:
    """The components of the built site's bill of materials."""
    bill = json.loads((DIST / "sbom.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    return bill["components"]


def test_all_that_is_shipped_is_listed_once_with_a_licence_that_was_read(listed):
    names = [str(part["name"]) for part in listed]
    python = {name.lower() for name in (*DISTRIBUTIONS, "numpy", "CPython")}
    scripts = {"pyodide", "katex", "@bokeh/bokehjs", "@codemirror/view", "minisearch", "dompurify"}
    assert (python | scripts) <= {name.lower() for name in names}
    assert sum(name.startswith("@fontsource-variable/") for name in names) == 3
    references = [part["bom-ref"] for part in listed]
    assert len(set(references)) == len(references)
    expressions = [part["licenses"][0]["expression"] for part in listed]
    assert {word for text in expressions for word in re.findall(r"[\w.-]+", text) if word not in ("AND", "OR")} <= KNOWN


def test_the_page_has_them_all_and_their_texts(listed):
    page = (DIST / "licences.html").read_text("utf-8")
    for part in listed:
        assert f">{part['name']}</" in page and f"<td>{part['version']}</td>" in page
    texts = [unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)]
    assert len(texts) >= len(listed) - 5, "a few packages have no file with the text of their licence"
    assert all(len(text) > 300 for text in texts)
    assert "GNU GENERAL PUBLIC LICENSE" not in page, "that of a library in this environment's NumPy, not the browser's"


def test_development_tools_are_not_listed(listed):
    assert not {"eslint", "typescript", "axe-core", "html-validate", "esbuild"} & {part["name"] for part in listed}


def test_versions_are_those_that_are_installed(listed):
    versions = {part["name"]: part["version"] for part in listed}
    assert versions["katex"] == json.loads((NODE_MODULES / "katex/package.json").read_text())["version"]
    assert versions["bokeh"] == python_part("bokeh").version == versions["@bokeh/bokehjs"]


def test_a_package_without_a_licence_stops_the_build(tmp_path):
    (tmp_path / "package.json").write_text('{"name": "nameless", "version": "1.0.0"}')
    with pytest.raises(SetupError, match=r"nameless 1\.0\.0, which the site ships, names no licence"):
        npm_part(tmp_path)
    (tmp_path / "LICENSE").write_text("Copyright somebody\n\nPermission is hereby granted, free of charge")
    part = npm_part(tmp_path)
    assert (part.licence, part.purl, part.address) == ("MIT", "pkg:npm/nameless@1.0.0", "")


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ({"url": "git+https://example.org/a/b.git"}, "https://example.org/a/b"),
        ("github:a/b", "https://github.com/a/b"),
        ("a/b", "https://github.com/a/b"),
        ("", ""),
    ],
)
def test_home_pages(tmp_path, repository, address):
    about = {"name": "p", "version": "1", "license": "MIT", "repository": repository}
    (tmp_path / "package.json").write_text(json.dumps(about))
    assert npm_part(tmp_path).address == address


def test_the_bill_tells_no_time(tmp_path):
    (tmp_path / "package.json").write_text('{"name": "@a/b", "version": "1.0.0", "license": "MIT"}')
    part = npm_part(tmp_path)
    assert sbom([part], "0.1") == sbom([part], "0.1")
    assert json.loads(sbom([part], "0.1"))["components"][0]["purl"] == "pkg:npm/%40a/b@1.0.0"

"""The pages of the built site: valid HTML, links that lead somewhere, and no placeholder left in a text."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from diffusion_lab.app.build.setup_steps import NODE_MODULES, ROOT

from ..app.markup import Elements

DIST = ROOT / "dist"
PAGES = sorted(path.relative_to(DIST).as_posix() for path in DIST.rglob("*.html"))

#: Rules of html-validate that are matters of taste, or that the lab breaks on purpose: formulas and pictures have
#: styles of their own, and a bar is drawn as the theme wants it.
OFF = ("doctype-style", "long-title", "no-inline-style", "no-trailing-whitespace", "prefer-native-element")


def findings(folder: Path, *pages: Path) -> list[tuple[str, int, str]]:
    """Page, line and message of all that html-validate has to say of the pages."""
    settings = folder / "settings.json"
    settings.write_text(
        json.dumps({"root": True, "extends": ["html-validate:standard"], "rules": dict.fromkeys(OFF, "off")})
    )
    done = subprocess.run(
        [NODE_MODULES / ".bin/html-validate", "--config", settings, "--formatter", "json", *pages],
        capture_output=True,
        text=True,
    )
    return [
        (Path(of["filePath"]).name, message["line"], f"{message['message']} ({message['ruleId']})")
        for of in json.loads(done.stdout)
        for message in of["messages"]
    ]


def test_pages_are_valid_html(tmp_path):
    assert PAGES
    assert findings(tmp_path, *(DIST / page for page in PAGES)) == []


def test_a_fault_is_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<!doctype html>\n<html lang="en">\n<title>A</title>\n<body><p><p></p></p></body>\n</html>\n')
    assert 4 in [line for _, line, _ in findings(tmp_path, page)]


#: The build's own marks for formulas, citations, equations and values: see `app/build/chapter_text.py`.
MARK = re.compile("[\ue000-\uf8ff]")


@pytest.mark.parametrize("ending", ["html", "ipynb", "json"])
def test_no_placeholder_is_left(ending):
    texts = {path.relative_to(DIST): path.read_text("utf-8") for path in DIST.rglob(f"*.{ending}")}
    assert texts
    marks = re.compile(rf"{MARK.pattern}|\\u(?:e[0-9a-f]|f[0-8])[0-9a-f]{{2}}")
    assert {str(path): text[found.start() - 40 : found.end() + 40] for path, text in texts.items()
            if (found := marks.search(text))} == {}  # fmt: skip


@cache
def elements(page: str) -> Elements:
    return Elements((DIST / page).read_text("utf-8"))


@cache
def anchors(page: str) -> set[str]:
    return {tag["id"] for tag in elements(page).having("id")}


def dead_links(page: str, tags: Elements) -> Iterator[str]:
    """The addresses within the site that lead to no file, or to no place in it."""
    for tag in [*tags.having("href"), *tags.having("src")]:
        link = tag.get("href") or tag.get("src") or ""
        parts = urlsplit(link)
        if tag["tag"] == "base" or parts.scheme or parts.netloc:
            continue
        target = (DIST / page).parent.joinpath(unquote(parts.path)).resolve() if parts.path else DIST / page
        if target.is_dir():
            target /= "index.html"
        place = unquote(parts.fragment)
        if not target.is_file() or (place and place not in anchors(target.relative_to(DIST).as_posix())):
            yield link


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert list(dead_links(page, elements(page))) == []


def test_dead_links_are_found():
    links = '<a href="gone.html"></a><a href="#nowhere"></a><a href="glossary.html#terms-gone"></a><a href="."></a>'
    assert list(dead_links("index.html", Elements(links))) == ["gone.html", "#nowhere", "glossary.html#terms-gone"]

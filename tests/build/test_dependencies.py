"""Nothing stale is hidden: whatever a change touches is in the next build, and undone it leaves the site as it was.

All is tried on a small lab, the first chapter with its instruments: a build of it takes a few seconds. That the whole
lab is the same when it is built from nothing is tried by `build.py bench building`.
"""

import gzip
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest

from diffusion_lab.app.build.setup_steps import ROOT

from ..checkout import copy_small_lab


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A checkout of the small lab."""
    return copy_small_lab(tmp_path_factory.mktemp("small") / "lab")


def build(checkout: Path, *options: str) -> dict[str, bytes]:
    """Builds in a process of its own, as `serve` does when its builder has changed; all files of the site."""
    done = subprocess.run([sys.executable, "build.py", "site", *options], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return files(checkout / (".build/draft" if "--draft" in options else "dist"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def before(small) -> dict[str, bytes]:
    """The draft of the small lab as it is."""
    return build(small, "--draft")


def pages(site: dict[str, bytes], words: str) -> set[str]:
    return {name for name, data in site.items() if name.endswith(".html") and words.encode() in data}


def pack(site: dict[str, bytes], name: str = "lab") -> bytes:
    (data,) = (data for path, data in site.items() if path.startswith(f"assets/{name}.") and path.endswith(".bin"))
    return data


def package(site: dict[str, bytes]) -> bytes:
    (data,) = (data for name, data in site.items() if name.endswith(".whl"))
    return zipfile.ZipFile(io.BytesIO(data)).read("diffusion_lab/app/cells/notebook_helpers.py")


def style(site: dict[str, bytes]) -> bytes:
    (data,) = (data for name, data in site.items() if name.startswith("assets/style."))
    return data


#: Kind of dependency → file, what stands there, what is put in its place, and how the site shows it.
CHANGES: dict[str, tuple[str, str, str, Callable[[dict[str, bytes]], bool]]] = {
    "prose": ("chapters/01-forward.md", "\n## ", "\nWords QQ.\n\n## ", lambda s: len(pages(s, "Words QQ.")) == 1),
    "front matter": ("chapters/01-forward.md", "\ntitle: ", "\ntitle: QQ ", lambda s: "index.html" in pages(s, "QQ ")),
    "formula": ("chapters/01-forward.md", "$", "$QQQ ", lambda s: len(pages(s, ">QQQ ")) == 1),
    "cell": ("chapters/01-forward.md", "\n:title: Two modes dissolve\n",
             "\n:title: Two modes dissolve\nprint('Q' * 7)\n",
             lambda s: {"chapters/01-forward.html", "embed/cell/forward-dissolve.html"} <= pages(s, "QQQQQQQ")),
    "references": ("chapters/references.toml", 'title = "', 'title = "QQ ', lambda s: len(pages(s, "QQ ")) >= 1),
    "disagreements": ("chapters/disagreements.md", "**Right.** ", "**Right.** Text QQ. ",
                      lambda s: pages(s, "Text QQ.") == {"disagreements.html"}),
    "notes": ("instruments/ring/about.md", "\n\n", "\n\nNotes QQ.\n\n", lambda s: len(pages(s, "Notes QQ.")) >= 1),
    "template": ("app/build/templates/base.html", "Skip to the text", "QQ", lambda s: len(pages(s, ">QQ<")) == 8),
    "component": ("instruments/ring/component.py", "Ring of clusters", "QQ of clusters",
                  lambda s: len(pages(s, "QQ of clusters")) >= 1 and b"QQ of clusters" in pack(s, "ring")),
    "front panel": ("app/instrument/templates/instrument.html", '<dl class="readouts">', '<dl class="readouts QQ">',
                    lambda s: len(pages(s, "readouts QQ")) == 4 and b"readouts QQ" in pack(s, "cells")),
    "drawing": ("app/instrument/svg.py", 'stroke-linecap="round"', 'stroke-linecap="square"',
                lambda s: {"chapters/01-forward.html", "embed/ring.html"} <= pages(s, 'stroke-linecap="square"')),
    "theme": ("app/instrument/theme.py", '"#fbfaf7"', '"#fbfaf0"',
              lambda s: b"#fbfaf0" in style(s) and b"#fbfaf0" in pack(s, "cells")),
    "style": ("static/css/page.css", "h1 {", "h1 { z-index: 77;", lambda s: b"z-index:77" in style(s)),
    "panel style": ("static/css/front_panel.css", "\n.", "\n.QQ { z-index: 77 }\n.",
                    lambda s: b"z-index:77" in style(s) and b".QQ" in pack(s, "cells")),
    "notebook": ("app/build/notebook.py", "After this chapter", "QQ",
                 lambda s: b"QQ you can" in s["chapters/01-forward.ipynb"]),
    "package": ("app/cells/notebook_helpers.py", "below the notebook's cell", "QQ",
                lambda s: b"Shows each value QQ" in package(s)),
    "worker's Python": ("app/browser/worker_api.py", '"""', '"""QQ ', lambda s: b"QQ " in pack(s)),
    "page's script": ("static/js/page/main.js", "openQuizzes();", 'openQuizzes(); document.body.title = "QQ";',
                      lambda s: any(b'"QQ"' in data for name, data in s.items() if name.startswith("assets/main."))),
    "worker's script": ("static/js/worker/packs.js", "\nexport ", '\nself.name ||= "QQ";\nexport ',
                        lambda s: any(b'"QQ"' in d for name, d in s.items() if name.startswith("assets/worker."))),
}  # fmt: skip


#: Changes that one build tests together. Each invalidates different entries of the build cache. If two invalidated the
#: same entry, the build could miss one of them and the test would still pass.
TOGETHER = {
    "text": ("prose", "front matter", "formula", "cell", "references", "disagreements", "notes", "template", "notebook",
             "style", "page's script", "worker's Python", "package", "drawing"),
    "instrument": ("component", "worker's script", "panel style"),
    "front panel": ("front panel",),
    "theme": ("theme",),
}  # fmt: skip


def test_each_change_is_in_one_build():
    assert sorted(kind for kinds in TOGETHER.values() for kind in kinds) == sorted(CHANGES)


@pytest.mark.parametrize("kinds", TOGETHER.values(), ids=TOGETHER)
def test_changes_are_in_the_next_build(small, before, kinds):
    texts: dict[Path, str] = {}
    for kind in kinds:
        path, old, new, shown = CHANGES[kind]
        text = (small / path).read_text("utf-8")
        texts.setdefault(small / path, text)
        assert old in text
        assert not shown(before), kind
        (small / path).write_text(text.replace(old, new, 1), "utf-8")
    try:
        site = build(small, "--draft")
        assert [kind for kind in kinds if not CHANGES[kind][3](site)] == []
    finally:
        for path, text in texts.items():
            path.write_text(text, "utf-8")


def test_undone_changes_leave_no_trace(small, before):
    assert build(small, "--draft") == before


def test_a_build_that_keeps_nothing_gives_the_same_bytes(before, tmp_path):
    """In another folder, with all results computed but the stored states, all formulas typeset, all of the lab's own
    Python compiled and all bundled once more."""
    other = copy_small_lab(tmp_path / "lab")
    for folder in (other / ".build/cache").iterdir():
        if folder.name not in ("batches", "compressed", "core", "third-party", "traces"):  # these take minutes
            shutil.rmtree(folder)
    again = build(other, "--draft")
    assert {name for name in again.keys() | before.keys() if again.get(name) != before.get(name)} == set()


def test_compressed_twins_have_the_same_contents():
    site = files(ROOT / "dist")
    twins = {name for name in site if name.endswith((".br", ".gz"))}
    assert {name + ending for name in site if name.endswith(".html") for ending in (".br", ".gz")} < twins
    for name in twins:
        unpack = brotli.decompress if name.endswith(".br") else gzip.decompress
        assert unpack(site[name]) == site[name[:-3]]


def test_with_the_published_address_embed_pages_are_found_by_oembed(small, before):
    """One file for each embed page and a link to it; nothing else changes. Without the address there is neither."""
    address = "https://lab.example/course"
    site = build(small, "--draft", "--base-url", address)
    embeds = {name for name in before if name.startswith("embed/") and name.endswith(".html")}
    responses = {name.replace(".html", ".json") for name in embeds}
    assert site.keys() - before.keys() == responses
    for name in embeds:
        title = re.search(r"<title>(.*?)</title>", site[name].decode())[1]
        file = f"{address}/{name.replace('.html', '.json')}"
        link = f'<link rel="alternate" type="application/json+oembed" href="{file}" title="{title}">\n'
        assert site[name].decode().replace(link, "", 1) == before[name].decode()
        response = json.loads(site[name.replace(".html", ".json")])
        assert f'<iframe src="{address}/{name}" ' in response["html"]
        picture = response.get("thumbnail_url", "").removeprefix(f"{address}/")
        assert picture == (name.replace(".html", ".svg") if name.count("/") == 1 else "")
        assert not picture or picture in site
    assert {name for name in before if site[name] != before[name]} == {*embeds, "files.json", "teachers.html"}
    assert not [name for name, data in before.items() if b"json+oembed" in data and name.endswith(".html")
                and name != "teachers.html"]  # fmt: skip

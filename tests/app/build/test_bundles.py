"""Bundles are cached until one of their sources changes. (That a site has them: `tests/build`.)"""

from pathlib import Path

import pytest

from diffusion_lab.app.build import build_cache
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.bundles import BUNDLED, SiteAssets
from diffusion_lab.app.build.setup_steps import SetupError


@pytest.fixture
def sources(tmp_path, monkeypatch) -> Path:
    """A folder of a checkout with a script that imports another."""
    monkeypatch.setattr(build_cache, "ROOT", tmp_path)
    folder = tmp_path / "js"
    folder.mkdir()
    (folder / "main.js").write_text('import { word } from "./word.js";\nconsole.log(word);\n')
    (folder / "word.js").write_text('export const word = "one";\n')
    return folder


def bundled(sources: Path, *arguments: str) -> Path:
    """The result of a separate build."""
    number = len(list(sources.parent.glob("site-*")))
    assets = SiteAssets(sources.parent / f"site-{number}", lambda path: None, BuildCache(sources.parent / "cache"))
    return assets._esbuild(sources, str(sources / "main.js"), *BUNDLED, *arguments) / "main.js"


def test_a_bundle_is_made_once(sources):
    path = bundled(sources)
    made = path.stat().st_mtime_ns
    assert bundled(sources) == path
    assert path.stat().st_mtime_ns == made


@pytest.mark.parametrize("name", ["word.js", "main.js", "tsconfig.json"])
def test_a_changed_source_makes_another(sources, name):
    path = bundled(sources)
    before = path.read_bytes()
    text = (sources / name).read_text().replace("one", "two") if (sources / name).exists() else "{}"
    (sources / name).write_text(text + "\n")
    assert bundled(sources) != path
    assert (bundled(sources).read_bytes() != before) is (name == "word.js")


def test_other_arguments_make_another(sources):
    assert b'"told"' in bundled(sources, '--banner:js=globalThis.QQ="told";').read_bytes()
    assert b'"told"' not in bundled(sources).read_bytes()


def test_a_mistake_is_told_each_time(sources):
    (sources / "word.js").write_text("export const = 1;\n")
    for _ in range(2):
        with pytest.raises(SetupError, match=r"word\.js:1:13"):
            bundled(sources)


def test_a_bundle_does_not_say_where_it_was_made(sources, tmp_path):
    """Else the names of chunks would differ from build to build."""
    chunks = ["--splitting", "--chunk-names=chunk-[name]-[hash]"]
    (sources / "main.js").write_text('import("./word.js").then(console.log);\n')
    before = {path.name: path.read_bytes() for path in bundled(sources, *chunks).parent.glob("*.js")}
    (tmp_path / "cache").rename(tmp_path / "old")
    after = {path.name: path.read_bytes() for path in bundled(sources, *chunks).parent.glob("*.js")}
    assert before == after
    assert len(before) == 2


def test_data_that_several_places_add_is_written_once(tmp_path):
    """A second write would empty the file for a moment, in which a thread may be compressing it."""
    written = []
    assets = SiteAssets(tmp_path / "site", written.append, BuildCache(tmp_path / "cache"))
    addresses = [assets.add_data("code.json", b"{}") for _ in range(2)]
    assert addresses[0] == addresses[1]
    assert written == [tmp_path / "site" / addresses[0]]
    assert written[0].read_bytes() == b"{}"

"""Compressed twins: what they hold, and that nothing is compressed twice."""

import gzip
from pathlib import Path

import brotli
import pytest

from diffusion_lab.app.build import precompress
from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.precompress import COMPRESSED, Precompressor

TEXT = b"the same words, the same words, " * 50


@pytest.fixture
def site(tmp_path) -> Path:
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    for name in ("index.html", "assets/a.js", "assets/a.wasm", "assets/a.woff2"):
        (site / name).write_bytes(TEXT + name.encode())
    return site


def compress(site: Path) -> None:
    with Precompressor(BuildCache(site.parent / "cache")) as making:
        for path in sorted(site.rglob("*.*")):
            making.begin(path)
            making.begin(path)  # once is enough
        making.finish()


def test_each_file_that_is_worth_it_has_both(site):
    compress(site)
    for path in (site / "index.html", site / "assets/a.js", site / "assets/a.wasm"):
        assert brotli.decompress(path.with_name(path.name + ".br").read_bytes()) == path.read_bytes()
        assert gzip.decompress(path.with_name(path.name + ".gz").read_bytes()) == path.read_bytes()
    assert ".woff2" not in COMPRESSED  # is compressed already
    assert not list(site.rglob("*.woff2.*"))


def test_a_twin_says_nothing_of_when_it_was_made(site):
    compress(site)
    twin = (site / "index.html.gz").read_bytes()
    assert twin[4:8] == bytes(4)  # gzip's field for the time
    assert twin[3] == 0  # and no file name


def test_what_was_compressed_is_not_compressed_again(site, monkeypatch):
    compress(site)
    for twin in [*site.rglob("*.br"), *site.rglob("*.gz")]:
        twin.unlink()
    (site / "index.html").write_bytes(TEXT + b"other")
    seen = []
    for ending, (level, method) in precompress.METHODS.items():
        noting = (level, lambda data, level, method=method: (seen.append(data), method(data, level))[1])
        monkeypatch.setitem(precompress.METHODS, ending, noting)
    compress(site)
    assert seen == [TEXT + b"other"] * 2
    assert brotli.decompress((site / "assets/a.js.br").read_bytes()) == TEXT + b"assets/a.js"


def test_another_level_is_another_twin(site, monkeypatch):
    compress(site)
    monkeypatch.setitem(precompress.METHODS, ".gz", (0, gzip.compress))
    for twin in [*site.rglob("*.br"), *site.rglob("*.gz")]:
        twin.unlink()
    compress(site)
    assert (site / "index.html.gz").stat().st_size > len(TEXT)


def test_a_broken_off_build_waits_for_nothing(site):
    with pytest.raises(RuntimeError, match="broken off"), Precompressor(BuildCache(site.parent / "cache")) as making:
        making.begin(site / "index.html")
        raise RuntimeError("broken off")
    assert not list(site.rglob("*.br"))

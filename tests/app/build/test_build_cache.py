"""The cache gives what was made of the same inputs, never what is half written, and deletes what no build uses."""

import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diffusion_lab.app.build import build_cache
from diffusion_lab.app.build.build_cache import KEPT_SECONDS, BuildCache
from diffusion_lab.app.build.setup_steps import SetupError

from .conftest import PROBE, put

# --- results of functions --------------------------------------------------------------------------------------------


def calls(probe: Path) -> int:
    return (probe / "calls.log").read_text().count("called")


def ask(probe: Path, *arguments: object) -> object:
    """The result of a separate build."""
    return BuildCache(probe / ".build").of("probe:answer", *arguments)


@pytest.fixture
def kept(probe) -> Path:
    """The small checkout, with a result in its cache."""
    assert ask(probe, "x") == [1, "a", "x"]
    return probe


def test_a_result_is_taken_again(kept):
    assert [ask(kept, "x") for _ in range(3)] == [[1, "a", "x"]] * 3
    assert calls(kept) == 1


def test_other_arguments_are_another_result(kept):
    assert ask(kept, "y") == [1, "a", "y"]
    assert calls(kept) == 2


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("data.txt", "b", [1, "b", "x"]),
        ("probe_helper.py", "VALUE = 2\n", [2, "a", "x"]),
        ("probe.py", PROBE.replace("[probe_helper", "[-probe_helper"), [-1, "a", "x"]),
    ],
)
def test_a_changed_file_is_seen(kept, name, text, expected):
    status = (kept / name).stat()
    (kept / name).write_text(text)
    os.utime(kept / name, ns=(status.st_atime_ns, status.st_mtime_ns))  # its time alone would not tell
    assert ask(kept, "x") == expected
    assert calls(kept) == 2


def test_a_file_that_is_gone_is_seen(kept):
    (kept / "data.txt").unlink()
    with pytest.raises(SetupError, match=r"data\.txt"):
        ask(kept, "x")


def test_other_packages_are_another_result(kept, monkeypatch, tmp_path):
    lock = tmp_path / "other.lock"
    lock.write_text("numpy==0.0.1")
    monkeypatch.setattr(build_cache, "PYTHON", (lock,))
    ask(kept, "x")
    assert calls(kept) == 2


def test_what_changed_while_it_was_read_is_not_kept(kept):
    put(kept / "data.txt", "c", age=-100)
    assert ask(kept, "x") == [1, "c", "x"]
    ask(kept, "x")
    assert calls(kept) == 3


def test_threads_that_ask_for_one_result_compute_it_once(probe):
    cache = BuildCache(probe / ".build")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(cache.of, ["probe:answer"] * 4)) == [[1, "a"]] * 4
    assert calls(probe) == 1


# --- entries ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The folder of an empty cache, in an empty checkout."""
    monkeypatch.setattr(build_cache, "ROOT", tmp_path)
    return tmp_path / ".build/cache"


class Maker:
    """Makes entries of each kind with one content, and counts."""

    def __init__(self, content: str) -> None:
        self.content, self.made = content, 0

    def value(self) -> str:
        self.made += 1
        return self.content

    def file(self) -> bytes:
        return self.value().encode()

    def folder(self, folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep/file").write_bytes(self.file())


#: Kind → the content of an entry of a build's own cache, in a folder, of these inputs.
KINDS: dict[str, Callable[[Path, object, Maker], str]] = {
    "value": lambda folder, inputs, maker: BuildCache(folder).value("kind", inputs, maker.value),
    "file": lambda folder, inputs, maker: BuildCache(folder).file("kind", inputs, ".txt", maker.file).read_text(),
    "folder": lambda folder, inputs, maker: (
        BuildCache(folder).folder("kind", inputs, maker.folder) / "deep/file"
    ).read_text(),
}  # fmt: skip
every_kind = pytest.mark.parametrize("entry", KINDS.values(), ids=KINDS)


@every_kind
def test_an_entry_is_made_once_for_the_same_inputs(cache, entry):
    maker = Maker("words")
    assert [entry(cache, [1, {"a": "b"}], maker) for _ in range(3)] == ["words"] * 3
    assert entry(cache, [2, {"a": "b"}], maker) == "words"
    assert maker.made == 2


@every_kind
def test_the_kind_and_the_key_are_its_place(cache, entry):
    entry(cache, ["x"], Maker("words"))
    (path,) = cache.glob("*/*")
    assert (path.parent.name, path.stem) == ("kind", BuildCache(cache).key(["x"]))


@every_kind
def test_a_changed_file_is_another_entry_and_the_old_one_is_still_good(cache, entry):
    source = cache.parents[1] / "app.py"
    for text in ("one", "two", "one"):
        put(source, text)
        assert entry(cache, ["x", [source]], Maker(text)) == text
    assert len(list(cache.glob("kind/*"))) == 2


@every_kind
def test_what_breaks_off_leaves_nothing_that_is_trusted(cache, entry, monkeypatch):
    """The process is killed while it writes: what it has written lies there under another name."""

    def broken(self: Path, *_: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "replace", broken)
        entry(cache, ["x"], Maker("half"))
    assert list(cache.glob("kind/*.part"))
    assert entry(cache, ["x"], Maker("whole")) == "whole"
    BuildCache(cache).forget_old()
    assert not list(cache.glob("kind/*.part"))
    assert entry(cache, ["x"], Maker("unused")) == "whole"


@every_kind
def test_a_maker_that_fails_leaves_nothing_that_is_trusted(cache, entry):
    def fails(*_: object) -> None:
        raise SetupError("wrong")

    failing = Maker("half")
    failing.value = fails
    with pytest.raises(SetupError, match="wrong"):
        entry(cache, ["x"], failing)
    assert entry(cache, ["x"], Maker("whole")) == "whole"


@every_kind
def test_an_input_that_changes_meanwhile_is_not_trusted(cache, entry):
    """The maker may have read the new file, and the key is that of the old one."""
    source = cache.parents[1] / "app.py"
    put(source, "one")
    maker = Maker("of two")
    make = maker.value
    maker.value = lambda: (put(source, "two"), make())[1]
    assert entry(cache, [source], maker) == "of two", "good for the build that has made it"
    put(source, "one")
    assert entry(cache, [source], Maker("of one")) == "of one"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_threads_that_ask_for_one_entry_make_it_once(cache, kind):
    build, maker, together = BuildCache(cache), Maker("words"), threading.Barrier(8)

    def ask(_: int) -> Path:
        together.wait()
        if kind == "file":
            return build.file("kind", ["x"], "", maker.file)
        return build.folder("kind", ["x"], maker.folder)

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(ask, range(8)))
    assert (len(paths), maker.made) == (1, 1)


def test_linked_files_outlive_their_entry(cache):
    build = BuildCache(cache)
    path = build.file("kind", ["x"], "", lambda: b"words")
    (cache.parents[1] / "linked").hardlink_to(path)
    shutil.rmtree(cache)
    assert (cache.parents[1] / "linked").read_bytes() == b"words"


def test_values_may_be_put_and_replaced(cache):
    build = BuildCache(cache)
    assert build.get("kind", ["x"]) is None
    for value in ("one", "two"):
        build.put("kind", ["x"], value)
        assert BuildCache(cache).get("kind", ["x"]) == value


def test_a_value_whose_replacement_breaks_off_stays(cache, monkeypatch):
    BuildCache(cache).put("kind", ["x"], "one")

    def broken(self: Path, *_: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "replace", broken)
        BuildCache(cache).put("kind", ["x"], "two")
    assert BuildCache(cache).get("kind", ["x"]) == "one"


def test_values_that_are_missing_are_made_at_once(cache):
    asked: list[list[str]] = []

    def make(names: list[str]) -> dict[str, str]:
        asked.append(names)
        return {name: name.upper() for name in names}

    def values(*names: str) -> dict[str, str]:
        return BuildCache(cache).values("kind", {name: ["x", name] for name in names}, make)

    assert values("a", "b") == {"a": "A", "b": "B"}
    assert values("b", "c", "d") == {"b": "B", "c": "C", "d": "D"}
    assert values("d", "a") == {"a": "A", "d": "D"}
    assert asked == [["a", "b"], ["c", "d"]]


# --- keys ------------------------------------------------------------------------------------------------------------


def test_own_files_count_by_content_and_installed_ones_by_size_and_time(cache):
    def key(path: Path, text: str, when: int) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(when, when))
        return BuildCache(cache).key([path])

    own, installed = cache.parents[1] / "app/x.py", cache.parents[1] / "static/node_modules/x.js"
    assert key(own, "a", 10) == key(own, "a", 20)
    assert key(own, "a", 10) != key(own, "b", 10)
    assert key(installed, "a", 10) == key(installed, "b", 10)
    assert key(installed, "a", 10) != key(installed, "a", 20)
    assert key(installed, "a", 10) != key(installed, "ab", 10)


def test_a_linked_folder_of_installed_files_has_the_keys_of_the_one_that_it_links_to(cache, monkeypatch, tmp_path):
    """A copy of the checkout finds what the checkout itself has made of them; `sys.prefix` has no links in it."""
    installed = tmp_path / ".venv/x.py"
    installed.parent.mkdir()
    installed.write_text("a")
    own = BuildCache(cache).key([installed])
    monkeypatch.setattr(build_cache, "ROOT", tmp_path / "copy")
    monkeypatch.setattr(build_cache, "INSTALLED", {".venv/": f"{tmp_path}/.venv/"})
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/.venv").symlink_to(tmp_path / ".venv")
    copy = BuildCache(tmp_path / "copy/.build/cache")
    assert copy.key([installed]) == copy.key([tmp_path / "copy/.venv/x.py"]) == own


def test_a_file_counts_by_its_place_too(cache):
    paths = [cache.parents[1] / name for name in ("a.py", "b.py")]
    for path in paths:
        path.write_text("the same")
    a, b = (BuildCache(cache).key(path) for path in paths)
    assert a != b


def test_a_missing_file_is_an_input_like_any_other(cache):
    path = cache.parents[1] / "absent.py"
    absent = BuildCache(cache).key(path)
    path.write_text("")
    assert BuildCache(cache).key(path) != absent


def test_bytes_count_by_their_hash_and_entries_by_their_key(cache):
    build = BuildCache(cache)
    assert build.key([b"a"]) == build.key([b"a"]) != build.key([b"b"])
    entry = build.folder("kind", ["x"], lambda folder: (folder / "file").write_text("a"))
    key = build.key([entry / "file"])
    (entry / "file").write_text("an entry is never changed: its contents need not be read")
    assert BuildCache(cache).key([entry / "file"]) == key


# --- old entries -----------------------------------------------------------------------------------------------------


def grow_old(cache: Path, seconds: float) -> None:
    for path in cache.glob("*/*"):
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)


@every_kind
@pytest.mark.parametrize(("age", "made"), [(KEPT_SECONDS + 60, 2), (KEPT_SECONDS - 60, 1)])
def test_what_no_build_has_used_for_long_is_deleted(cache, entry, age, made):
    maker = Maker("words")
    entry(cache, ["x"], maker)
    grow_old(cache, age)
    BuildCache(cache).forget_old()
    entry(cache, ["x"], maker)
    assert maker.made == made


@every_kind
def test_what_a_build_has_used_is_not_deleted(cache, entry):
    maker = Maker("words")
    entry(cache, ["x"], maker)
    grow_old(cache, KEPT_SECONDS + 60)
    entry(cache, ["x"], maker)
    BuildCache(cache).forget_old()
    entry(cache, ["x"], maker)
    assert maker.made == 1


def test_a_result_that_was_used_is_not_deleted(kept):
    grow_old(kept / ".build", KEPT_SECONDS + 60)
    ask(kept, "x")
    BuildCache(kept / ".build").forget_old()
    ask(kept, "x")
    assert calls(kept) == 1


@every_kind
def test_the_least_recently_used_make_room(cache, entry, monkeypatch):
    monkeypatch.setattr(build_cache, "KEPT_BYTES", 2500)
    for number in range(3):
        grow_old(cache, 100)
        entry(cache, [number], Maker(str(number) * 1000))
    grow_old(cache, 100)
    entry(cache, [0], Maker("unused"))
    BuildCache(cache).forget_old()
    makers = [Maker("again") for _ in range(3)]
    for number, maker in enumerate(makers):
        entry(cache, [number], maker)
    assert [maker.made for maker in makers] == [0, 1, 0]


def test_what_this_build_has_used_is_kept_at_any_size(cache, monkeypatch):
    monkeypatch.setattr(build_cache, "KEPT_BYTES", 1)
    build = BuildCache(cache)
    path = build.file("kind", ["x"], "", lambda: b"words")
    build.forget_old()
    assert path.exists()


def test_a_deletion_that_breaks_off_leaves_no_half_entry(cache, monkeypatch):
    path = BuildCache(cache).folder("kind", ["x"], Maker("whole").folder)
    grow_old(cache, KEPT_SECONDS + 60)

    def broken(folder: Path) -> None:
        shutil.os.unlink(folder / "deep/file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(build_cache.shutil, "rmtree", broken)
        BuildCache(cache).forget_old()
    assert not path.exists()

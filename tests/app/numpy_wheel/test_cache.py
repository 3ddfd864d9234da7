import errno
import fcntl
import json
import shutil
from pathlib import Path

import pytest

from diffusion_lab.app.numpy_wheel import WheelError
from diffusion_lab.app.numpy_wheel.cache import Cache, cache_root, recipe_hash

NAME = "a.whl"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> Cache:
    return Cache(tmp_path / "cache", "key", NAME, said.append)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "made.whl"
    path.write_bytes(b"wheel" * 1000)
    return path


def test_root_follows_the_environment_in_order():
    assert cache_root({"DIFFUSION_LAB_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_root({"XDG_CACHE_HOME": "/b"}) == Path("/b/diffusion-instrument-lab")
    assert cache_root({}) == Path.home() / ".cache/diffusion-instrument-lab"


def test_what_is_put_is_found_with_its_facts(cache: Cache, wheel: Path):
    put = cache.put(wheel, "build", {"tests": "3 passed"})
    assert cache.find(["build"]) == put
    assert put.name == NAME
    assert put.read_bytes() == wheel.read_bytes()
    assert json.loads((put.parent / "wheel.json").read_text())["tests"] == "3 passed"


def test_origins_are_tried_in_order_and_others_are_not_used(cache: Cache, wheel: Path):
    official = cache.put(wheel, "official", {})
    assert cache.find(["build"]) is None
    assert cache.find(["build", "official"]) == official
    assert cache.find(["build", "official"]) != cache.put(wheel, "build", {})
    assert cache.find(["build", "official"]).parent.name == "build"


def test_another_recipe_finds_nothing(cache: Cache, wheel: Path, said: list[str]):
    cache.put(wheel, "build", {})
    assert Cache(cache.root, "other", NAME, said.append).find(["build"]) is None


def test_a_tampered_wheel_is_said_and_removed(cache: Cache, wheel: Path, said: list[str]):
    put = cache.put(wheel, "build", {})
    put.write_bytes(wheel.read_bytes() + b"!")
    assert cache.find(["build"]) is None
    assert not put.exists()
    assert "hash is wrong" in said[0]


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff"])
def test_a_damaged_note_is_no_hit(cache: Cache, wheel: Path, said: list[str], damage: bytes):
    put = cache.put(wheel, "build", {})
    (put.parent / "wheel.json").write_bytes(damage)
    assert cache.find(["build"]) is None
    assert "incomplete" in said[0]


def test_a_wheel_can_be_replaced(cache: Cache, wheel: Path):
    cache.put(wheel, "build", {})
    wheel.write_bytes(b"newer")
    assert cache.put(wheel, "build", {}).read_bytes() == b"newer"
    assert cache.find(["build"]) is not None


def test_a_half_written_wheel_is_never_visible(cache: Cache, wheel: Path, monkeypatch: pytest.MonkeyPatch):
    def full_disk(source: Path, target: Path) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(shutil, "copyfile", full_disk)
        cache.put(wheel, "build", {})
    assert cache.find(["build"]) is None
    assert [path for path in cache.root.rglob("*") if path.is_file()] == []


def test_work_folders_are_removed_after_errors(cache: Cache):
    with pytest.raises(ZeroDivisionError), cache.work_folder() as work:
        (work / "file").write_text("half")
        raise ZeroDivisionError
    assert not work.exists()


def test_an_unusable_cache_folder_is_explained(tmp_path: Path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file", "key", NAME, print)
    with pytest.raises(WheelError, match="DIFFUSION_LAB_CACHE"), cache.alone():
        pass


def test_a_second_process_waits_and_sweeps_up(cache: Cache):
    left_behind = cache.root / "work/numpy-killed"
    left_behind.mkdir(parents=True)
    with (cache.root / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waited = []

        def finish_the_other(text: str) -> None:
            waited.append(text)
            assert left_behind.exists()
            fcntl.flock(other, fcntl.LOCK_UN)

        cache.say = finish_the_other
        with cache.alone():
            assert "waiting" in waited[0]
            assert not left_behind.exists()


def test_the_recipe_hash_sees_names_and_contents_but_neither_byte_code_nor_words(tmp_path: Path):
    (tmp_path / "a.py").write_text("'Doc.'\ndef g():\n    'Doc.'\nf(1, 2)")
    (tmp_path / "a.diff").write_text("# 1")
    first = recipe_hash(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.pyc").write_text("x")
    assert recipe_hash(tmp_path) == first
    (tmp_path / "a.py").write_text("# why\n'Words.'\ndef g():\n    'Words.'\nf(\n    1, 2)\n")
    assert recipe_hash(tmp_path) == first
    (tmp_path / "a.diff").write_text("# 2")
    assert recipe_hash(tmp_path) != first
    (tmp_path / "a.diff").write_text("# 1")
    (tmp_path / "a.py").write_text("def g():\n    pass\nf(1, 3)")
    second = recipe_hash(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, recipe_hash(tmp_path)}) == 3

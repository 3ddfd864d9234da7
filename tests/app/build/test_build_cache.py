"""Results are kept while all that they depend on is the same, and what computes them always sees the files of now."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffusion_lab.app.build import build_cache
from diffusion_lab.app.build.build_cache import BuildCache, forget_old, run_in_fresh_process
from diffusion_lab.app.build.rendered import ContentError
from diffusion_lab.app.build.setup_steps import SetupError

PROBE = """
import os
from pathlib import Path

import probe_helper

HERE = Path(__file__).parent


def answer(*arguments):
    with (HERE / "calls.log").open("a") as log:
        log.write("called\\n")
    return [probe_helper.VALUE, (HERE / "data.txt").read_text(), *arguments]


def refuse():
    from diffusion_lab.app.build.rendered import ContentError

    raise ContentError("no such thing", 3, 7)


def fail():
    return 1 / 0


def die():
    os._exit(5)
"""


@pytest.fixture
def probe(tmp_path, monkeypatch) -> Iterator[Path]:
    """A checkout of two modules and a data file, all written long ago."""
    app = tmp_path / "app"
    app.mkdir()
    for name, text in {"probe.py": PROBE, "probe_helper.py": "VALUE = 1\n", "data.txt": "a"}.items():
        put(app / name, text)
    monkeypatch.syspath_prepend(str(app))
    monkeypatch.setattr(build_cache, "ROOT", tmp_path)
    yield app
    shutil.rmtree(build_cache.BYTE_CODE / tmp_path.relative_to("/"), ignore_errors=True)


def put(path: Path, text: str, age: float = 100.0) -> None:
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)


def calls(probe: Path) -> int:
    put(probe / "calls.log", text := (probe / "calls.log").read_text())
    return text.count("called")


def ask(probe: Path, *arguments: object) -> object:
    """What a build of its own gets."""
    (probe / "calls.log").exists() and calls(probe)
    return BuildCache(probe / ".build").of("probe:answer", *arguments)


@pytest.fixture
def kept(probe, monkeypatch) -> Path:
    """The same, with a result in the folder that does not count its log of calls among the files."""
    monkeypatch.setattr(build_cache, "NOT_SOURCES", {*build_cache.NOT_SOURCES, "calls.log"})
    assert ask(probe, "x") == [1, "a", "x"]
    return probe


def test_a_result_is_taken_again(kept):
    assert [ask(kept, "x") for _ in range(3)] == [[1, "a", "x"]] * 3
    assert calls(kept) == 1


def test_the_files_are_those_that_were_opened(probe):
    names, _ = run_in_fresh_process("probe:answer")
    assert set(names) == {"app/probe.py", "app/probe_helper.py", "app/data.txt", "app/calls.log"}


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
    monkeypatch.setattr(build_cache, "LOCK_BUILD", lock)
    ask(kept, "x")
    assert calls(kept) == 2


def test_what_changed_while_it_was_read_is_not_kept(kept):
    put(kept / "data.txt", "c", age=-100)
    assert ask(kept, "x") == [1, "c", "x"]
    ask(kept, "x")
    assert calls(kept) == 3


def test_two_changes_within_a_second_are_both_seen(probe):
    """By time and size, Python would take the byte code of the first for that of the second."""
    for value in (1, 2, 3):
        put(probe / "probe_helper.py", f"VALUE = {value}\n")
        assert run_in_fresh_process("probe:answer")[1][0] == value


def test_byte_code_of_the_lab_is_held_against_contents():
    run_in_fresh_process("diffusion_lab.app.build.prerender:check_states", [])
    kept = list(build_cache.BYTE_CODE.rglob("prerender.*.pyc"))
    assert [int.from_bytes(path.read_bytes()[4:8], "little") for path in kept] == [0b11] * len(kept)
    assert kept


def test_a_refusal_arrives_as_it_was(probe):
    with pytest.raises(ContentError) as caught:
        run_in_fresh_process("probe:refuse")
    assert (str(caught.value), caught.value.part, caught.value.line) == ("no such thing", 3, 7)


def test_an_error_is_told(probe):
    with pytest.raises(SetupError, match="ZeroDivisionError: division by zero"):
        run_in_fresh_process("probe:fail")


def test_a_wrong_module_of_the_lab_is_told_with_file_and_line():
    with pytest.raises(
        SetupError, match=r"^app/build/build_cache\.py:\d+: AttributeError: module .* has no attribute 'absent'"
    ):
        run_in_fresh_process("diffusion_lab.app.build.prerender:absent")


def test_a_process_that_dies_is_told(probe):
    with pytest.raises(SetupError, match=r"probe:die ended its process with code 5\."):
        run_in_fresh_process("probe:die")


def test_nothing_of_the_lab_is_there_before():
    """What is compiled into the process that all others are forked from would be old for ever."""
    names, _ = run_in_fresh_process("diffusion_lab.app.build.prerender:check_states", [])
    assert {
        "app/build/prerender.py",
        "app/cells/session.py",
        "app/instrument/instrument.py",
        "static/js/page/front_panel.js",
    } <= set(names)
    assert not {"app/build/site.py", "app/build/chapter_parser.py", "app/build/python_packs.py"} & set(names)


def test_what_no_build_asks_for_is_forgotten(tmp_path):
    for name, age in {"old": build_cache.KEPT_SECONDS + 60, "new": build_cache.KEPT_SECONDS - 60}.items():
        put(tmp_path / name, json.dumps(name), age)
    forget_old(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_is_asked_for_is_not_forgotten(kept):
    (path,) = (kept / ".build").iterdir()
    put_back = time.time() - build_cache.KEPT_SECONDS - 60
    os.utime(path, (put_back, put_back))
    ask(kept, "x")
    forget_old(kept / ".build")
    assert calls(kept) == 1
    assert list((kept / ".build").iterdir()) == [path]

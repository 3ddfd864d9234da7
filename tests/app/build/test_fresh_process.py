"""What computes a result sees the files of now, and says what it opened and what went wrong."""

import pytest

from diffusion_lab.app.build.fresh_process import BYTE_CODE, run_in_fresh_process
from diffusion_lab.app.build.rendered import ContentError
from diffusion_lab.app.build.setup_steps import SetupError

from .conftest import put


def test_the_files_are_those_that_were_opened(probe):
    names, _ = run_in_fresh_process("probe:answer")
    assert set(names) == {"app/probe.py", "app/probe_helper.py", "app/data.txt"}


def test_two_changes_within_a_second_are_both_seen(probe):
    """By time and size, Python would take the byte code of the first for that of the second."""
    for value in (1, 2, 3):
        put(probe / "probe_helper.py", f"VALUE = {value}\n")
        assert run_in_fresh_process("probe:answer")[1][0] == value


def test_byte_code_of_the_lab_is_held_against_contents():
    run_in_fresh_process("diffusion_lab.app.build.prerender:check_states", [])
    kept = list(BYTE_CODE.rglob("prerender.*.pyc"))
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
        SetupError, match=r"^app/build/fresh_process\.py:\d+: AttributeError: module .* has no attribute 'absent'"
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

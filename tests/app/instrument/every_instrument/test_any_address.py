"""Whatever an address says, an instrument gets valid settings, and the reader a few short sentences.

With `ADDRESSES=100000` it tries as many in place of a hundred.
"""

from __future__ import annotations

import os
import time

import param
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffusion_lab.app.instrument.conditions import as_text
from diffusion_lab.app.instrument.instrument import Instrument
from diffusion_lab.app.instrument.state_texts import few, shortened

from .survey import ends

ADDRESSES = int(os.environ.get("ADDRESSES", "100"))
quickly = settings(
    max_examples=ADDRESSES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip

HOSTILE = [
    "constructor",
    "__proto__",
    "__class__",
    "param",
    "name",
    "playing",
    "_graph",
    "move",
    "",
    "é",
    "x" * 100_000,
]
TEXTS = st.one_of(
    st.text(max_size=20), st.floats().map(str), st.integers().map(str),
    st.sampled_from(["1_000", "４", "½", "1e400", "nan", "-0", "7.0", " 7 ", "7\n", "0x10", "true", "9" * 5000]),
)  # fmt: skip


def addresses(cls: type[Instrument]) -> st.SearchStrategy[dict[str, str]]:
    """Settings with valid and with any texts, misspelt ones, and any names."""
    valid = [(name, as_text(value)) for name in cls.settings() for value in ends(cls, name)]
    names = [*cls.settings(), *(name[:-1] for name in cls.settings()), *HOSTILE]
    other = st.tuples(st.sampled_from(names) | st.text(max_size=8), TEXTS)
    return st.lists(st.sampled_from(valid) | other, max_size=8).map(dict)


def test_settings_stay_valid_and_sentences_short(cls):
    @quickly
    @given(addresses(cls))
    def check(address):
        found, problems = cls.parse_leniently(address)
        assert len(problems) <= 6
        assert all(len(problem) < 1000 for problem in problems)
        opened = cls()
        opened.move(**found)
        for name, value in opened.values().items():
            cls.param[name]._validate(value)
        resumed = cls()
        again, _ = cls.parse_leniently({name: as_text(value) for name, value in opened.values().items()})
        resumed.resume(again)
        assert resumed.values() == pytest.approx(opened.values())

    check()


@pytest.mark.parametrize("part", ["{}=1", "t{}=0.5", "see{}=1", "{}.t=0.5"])
def test_an_address_of_100_kilobytes_takes_no_time(cls, part):
    pairs = dict(part.format("x" * (k % 50) + str(k)).split("=") for k in range(10_000))
    began = time.perf_counter()
    _, problems = cls.parse_leniently(pairs)
    assert time.perf_counter() - began < 1
    assert sum(map(len, problems)) < 5000


def test_numbers_are_those_that_javascript_reads_too(cls):
    for setting in cls.settings():
        if not isinstance(cls.param[setting], param.Number) or isinstance(cls.param[setting], param.Boolean):
            continue
        for text in ("1_000", "４", "0.４", "1e４"):
            found, (problem,) = cls.parse_leniently({setting: text})
            assert found == {}
            assert problem.endswith(f", got {text!r}.")


def test_sentences_are_cut():
    assert shortened("x" * 60) == "x" * 60
    assert shortened("x" * 61) == "x" * 59 + "…"
    assert few(["a"] * 5) == ["a"] * 5
    assert few(["a"] * 7) == [*["a"] * 5, "There are 2 more such problems."]

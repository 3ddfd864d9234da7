"""Readings: numbers become texts in one place, and stay numbers for data and embedding pages."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_lab.app.instrument import (  # isort: skip
    DURATION, AtLeast, CategoryBars, Measure, Panel, Readout, Row, Table, Transport,
)  # fmt: skip
from diffusion_lab.app.instrument.readings import (
    TIME_SPACE,
    counted,
    not_numbers,
    number_text,
    reading_numbers,
    reading_texts,
)

PANEL = Panel(
    Transport("Go", "t", 1),
    readouts=[Readout("t", "t", ".2f"), Readout("n", "n", "d"), Readout("at", "at", ".1f")],
    measures=[
        Measure("mean", "mean", ".3f"),
        Measure("error", "error", ".1e", beside="of", beside_format="d"),
        CategoryBars("shares", "shares", target=0.5, full_scale=1),
    ],
)


def without_z(value, specification=""):
    return (
        format(value, specification).replace("-", "−")
        if isinstance(value, float)
        else number_text(value, specification)
    )


def with_hyphen(value, specification=""):
    return number_text(value, specification).replace("−", "-")


@pytest.mark.subject(number_text, minus_before_zero=without_z, a_hyphen=with_hyphen)
def test_numbers_are_written_as_people_read_them(subject):
    texts = {
        (0.256, ".2f"): "0.26",
        (-0.256, ".2f"): "−0.26",
        (-0.001, ".2f"): "0.00",
        (-0.0, ".0f"): "0",
        (-0.004, ".1%"): "−0.4%",
        (-0.0004, ".1%"): "0.0%",
        (1234567, ",d"): "1,234,567",
        (-3, "d"): "−3",
        (0, "d"): "0",
        (0.5, ""): "0.5",
        (-0.001, "z.2f"): "0.00",
    }
    assert {given: subject(*given) for given in texts} == texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (np.float32("nan"), "–"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        ("given", "given"),
        ("", ""),
        ((0.5, -0.25), "(0.50, −0.25)"),
        (np.array([1.0, -0.001]), "(1.00, 0.00)"),
        ([float("nan"), 1.0], "(–, 1.00)"),
        (np.float64(-0.001), "0.00"),
        (np.float32(0.5), "0.50"),
    ],
)
def test_where_there_is_no_number_there_is_a_dash(value, text):
    assert number_text(value, ".2f") == text


def test_numpy_s_whole_numbers_are_whole_numbers():
    assert number_text(np.int64(1200), ",d") == "1,200"


def test_texts_have_the_formats_of_the_panel():
    values = {
        "t": 0.256,
        "n": 12,
        "at": np.array([1.0, -2.0]),
        "mean": (0.12345, -0.0001),
        "error": (12345.0, 7),
        "shares": (np.array([0.25, 0.75]), "true ½"),
        "word_problem": "No such word.",
    }
    assert reading_texts(PANEL, values) == {
        "t": "0.26",
        "n": "12",
        "at": "(1.0, −2.0)",
        "mean": "0.123",
        "mean_true": "0.000",
        "error": "1.2\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁴",
        "error_true": "7",
        "shares": [0.25, 0.75],
        "shares_true": "true ½",
        "word_problem": "No such word.",
    }


def test_a_measure_may_have_nothing_beside_it():
    assert reading_texts(PANEL, {"mean": 0.5}) == {"mean": "0.500", "mean_true": "–"}
    assert reading_texts(PANEL, {"mean": (None, 1.0)}) == {"mean": "–", "mean_true": "1.000"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.84, "1.8 s"), (61.04, "61.0 s"), (0.0243, "24 ms"), (0.00041, "0.4 ms"), (None, "–")]
)
def test_a_time_has_its_unit(seconds, text):
    assert number_text(seconds, DURATION) == text.replace(" ", TIME_SPACE)


def test_a_bound_says_that_it_is_one():
    assert number_text(AtLeast(-1.834), ".2f") == "≥ −1.83"
    assert reading_numbers({"t": AtLeast(-1.5), "mean": (AtLeast(np.inf), 2)}) == {"t": -1.5, "mean": [None, 2.0]}
    assert not_numbers(PANEL, {"t": AtLeast(float("nan")), "n": AtLeast(1.0)}) == ["t"]


TABLE = Table("All", {"one": "One", "other": "The other"}, [Row("near", "near", ".1f"), Row("took", "time", DURATION)])


def test_cells_of_a_table_are_readings():
    panel = Panel(Transport("Go", "t", 1), readouts=PANEL.readouts, measures=PANEL.measures, tables=[TABLE])
    values = {"near_one": 12.34, "near_other": None, "took_one": 0.5, "took_other": 2.0, "t": 1.0}
    assert reading_texts(panel, values) == {
        "near_one": "12.3",
        "near_other": "–",
        "took_one": f"500{TIME_SPACE}ms",
        "took_other": f"2.0{TIME_SPACE}s",
        "t": "1.00",
    }
    assert not_numbers(panel, values | {"near_other": float("nan")}) == ["near, The other"]
    assert panel.durations == {"took_one", "took_other"}
    assert PANEL.durations == frozenset()


def test_numbers_are_plain():
    given = {
        "t": np.float64(0.5),
        "n": np.int64(3),
        "at": np.array([1.0, np.nan]),
        "mean": (np.float32(0.5), float("inf")),
        "none": None,
        "words": "a",
        "nested": (np.array([0.25]), "true ½"),
    }
    plain = reading_numbers(given)
    assert plain == {
        "t": 0.5, "n": 3.0, "at": [1.0, None], "mean": [0.5, None], "none": None, "words": "a",
        "nested": [[0.25], "true ½"],
    }  # fmt: skip
    assert {type(plain[name]) for name in ("t", "n")} == {float}


def test_things_are_counted_in_words():
    assert [counted(n, "step") for n in (0, 1, 2, 1200)] == ["0 steps", "1 step", "2 steps", "1,200 steps"]
    assert [counted(n, "pass", "passes") for n in (1, 2)] == ["1 pass", "2 passes"]


def test_powers_of_ten_are_written_out():
    assert number_text(1.23e-5, ".2g").replace("\N{NO-BREAK SPACE}", " ") == "1.2 × 10⁻⁵"
    assert number_text(-3e12, ".1e").replace("\N{NO-BREAK SPACE}", " ") == "−3.0 × 10¹²"
    assert number_text(0.0, ".0e") == "0"

"""The report of all benchmarks: targets, medians of the same machine's history, and what counts as a regression."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

import _report
from _report import Figure, add_to_history, compared, read_history


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("live / plain, cold", 0.5, "met"),
        ("live / plain, cold", 0.51, "missed"),
        ("live / convert, warm", 0.16, "missed"),
        ("live / convert, cold", 0.16, "met"),
        ("sent until live, cold, MB", 6.1, "missed"),
        ("drag p95, ring: t, ms", 32.0, "met"),
        ("drag p95, ring: floor, ms", 80.0, ""),
        ("drag p95 of long work, guidance: guidance_scale, ms", 80.0, ""),
        ("memory of a Python, cells, MB", 1080.0, "missed"),
        ("browser / native, sort", 3.0, ""),
    ],
)
def test_targets(name, value, verdict):
    assert Figure(name, value).verdict() == verdict


@pytest.mark.parametrize(
    ("name", "value", "worse"),
    [
        ("live / plain, cold", 1.14, False),
        ("live / plain, cold", 1.16, True),
        ("live, cold, ms", 1.29, False),  # times of a shared machine vary more
        ("live, cold, ms", 1.31, True),
        ("sent until live, cold, MB", 1.16, True),
        ("live / plain, cold", 0.5, False),
    ],
)
def test_a_regression_is_what_lies_beyond_noise(name, value, worse):
    figure = Figure(name, value, earlier=1.0)
    assert figure.worse == worse
    assert ("REGRESSION" in figure.verdict()) == worse


def test_nothing_earlier_is_no_regression():
    assert not Figure("live / plain, cold", 100.0).worse


def test_the_median_is_of_the_last_lines_of_the_same_machine():
    lines = [{"machine": "A", "figures": {"x": 50.0}}] * 3
    lines += [{"machine": "A", "figures": {"x": value}} for value in (1.0, 9.0, 2.0) * 3]
    lines += [{"machine": "B", "figures": {"x": 70.0, "y": 7.0}}] * 20
    x, y = compared({"x": 3.0, "y": 1.0}, "A", lines)
    assert (x.earlier, x.of_earlier, y.earlier) == (2.0, 1.5, None)


def test_a_history_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    add_to_history(path, {"machine": "A", "date": "1"}, {"x": 1.23456})
    add_to_history(path, {"machine": "A", "date": "2"}, {"x": 20000.4})
    assert read_history(path) == [
        {"machine": "A", "date": "1", "figures": {"x": 1.235}},
        {"machine": "A", "date": "2", "figures": {"x": 20000.0}},
    ]
    path.write_text('{}\n{"machine": ')
    with pytest.raises(ValueError, match=r"history\.jsonl, line 2"):
        read_history(path)


def test_the_report_has_every_figure_and_the_plot_a_bar_for_each_target():
    figures = [Figure("live / plain, cold", 1.0, 0.5), Figure("a < b", 2.0), Figure("playing, x, ms", 1e4)]
    text = _report.markdown(figures, {"machine": "A"})
    assert "| live / plain, cold | 1 | 0.5 | 2 | 0.5 | 2 | missed, REGRESSION |" in text
    assert "| a < b | 2 |  |  |  |  |  |" in text
    svg = ElementTree.fromstring(_report.plot(figures))
    rects = [rect for rect in svg.iter() if rect.tag.endswith("rect")][1:]
    assert [float(rect.get("width")) for rect in rects] == [_report.SCALE * 2, _report.SCALE * _report.MOST]

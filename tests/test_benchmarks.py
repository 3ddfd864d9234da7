"""The benchmarks keep up with the kernels they time, and read off a page's notes what these say."""

import sys
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

import _workloads as workloads
import dragging
import scale

from diffusion_lab.app.instrument.discovery import instrument_class, instrument_names


@pytest.mark.parametrize("group", workloads.GROUPS)
def test_every_workload_runs(group):
    for work in workloads.GROUPS[group]().values():
        work()


def test_what_javascript_does_too_comes_to_something():
    for inputs, work in workloads.prepared().values():
        result = work(inputs)
        assert np.isfinite(result).all()
        assert result.std() > 0


#: Two moves while Python is busy with the first value: the third value, not the second, is answered next.
NOTES = [
    ["move", 0.0, 0.1],
    ["sent", 1.0, {"t": 0.1}],
    ["move", 16.0, 0.2],
    ["arrived", 20.0],
    ["applied", 21.0],
    ["move", 22.0, 0.3],
    ["idle", 23.0],
    ["sent", 23.0, {"t": 0.3}],
    ["drawn", 30.0, 34.0],
    ["frames", 34.0, 50.0],
    ["arrived", 40.0],
    ["applied", 41.0],
    ["idle", 42.0],
    ["drawn", 60.0, 66.0],
    ["frames", 50.0, 66.0],
]


def test_each_move_waits_for_its_own_picture_or_a_newer_one():
    found = dragging.dragged(NOTES, ["t"], seconds=0.1)
    assert found.to_paint == [34.0, 50.0, 44.0]
    assert found.python == [19.0, 17.0]
    assert (found.moves, found.painted, found.text_only) == (3, 2, False)


def test_a_change_of_text_counts_from_the_next_frame():
    found = dragging.dragged([note for note in NOTES if note[0] != "drawn"], ["t"], seconds=0.1)
    assert found.to_paint == [34.0, 34.0, 28.0]
    assert found.text_only


def test_a_move_without_an_answer_is_an_error():
    with pytest.raises(RuntimeError, match="1 of 4 moves of t were never answered"):
        dragging.dragged([*NOTES, ["move", 70.0, 0.4]], ["t"], seconds=0.1)


# --- what is dragged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", instrument_names())
def test_every_drag_moves_a_visible_slider_in_a_state_that_there_is(name):
    cls = instrument_class(name)
    for query, drags in dragging.pages(name).items():
        instrument = cls(**cls.parse_state(dict(parse_qsl(query))))
        for drag in drags:
            control = cls.param[drag.setting].control
            assert control.kind == "slider", drag
            assert control.when.met(instrument), drag


def test_slow_drags_are_named_as_such_and_plays_count_a_picture():
    drag = {"page": "dial?view=flow", "to_paint": [10.0, 20.0], "seconds": 2.0, "painted": 100}
    drags = [drag | {"what": "t", "slow": False}, drag | {"what": "n", "slow": True}]
    assert dragging.key_figures([*drags, drag | {"what": "play", "slow": False}]) == {
        "drag p95, dial?view=flow: t, ms": 20.0,
        "drag p95 of long work, dial?view=flow: n, ms": 20.0,
        "playing, dial?view=flow: play, ms": 20.0,
    }


# --- the larger lab --------------------------------------------------------------------------------------------------


def test_copies_of_an_instrument_import_themselves_and_stand_in_the_last_chapter(tmp_path):
    (tmp_path / "chapters").mkdir()
    for name in ("01-first.md", "02-last.md"):
        (tmp_path / "chapters" / name).write_text(f"{name}\n")
    (tmp_path / "instruments/dial").mkdir(parents=True)
    line = "from diffusion_lab.instruments.{} import kernel\n"
    (tmp_path / "instruments/dial/component.py").write_text(line.format("dial"))
    scale.add_instruments(tmp_path, "dial", 2)
    for name in ("dial_1", "dial_2"):
        assert (tmp_path / f"instruments/{name}/component.py").read_text() == line.format(name)
    assert (tmp_path / "chapters/01-first.md").read_text() == "01-first.md\n"
    text = (tmp_path / "chapters/02-last.md").read_text()
    assert [part for part in text.splitlines() if part.startswith(":::{")] == [
        ":::{instrument} dial_1",
        ":::{instrument} dial_2",
    ]


def test_what_nothing_was_sent_for_before_is_more():
    figures = {"sent until live, warm, MB": 0.0}
    assert scale.report("page", [[figures, figures]], 10)[1] == []
    assert scale.report("page", [[figures, {"sent until live, warm, MB": 0.1}]], 10)[1] == [
        f"page: {next(iter(figures))}"
    ]


@pytest.mark.parametrize(
    ("ratios", "more"),
    [([1.0, 1.3, 1.0], []), ([1.0, 1.3, 1.3], []), ([1.3, 1.3, 1.4], ["page: live, cold, ms"])],
)
def test_a_figure_is_more_when_most_runs_and_the_best_say_so(ratios, more, capsys):
    runs = [[{"live, cold, ms": 1000.0}, {"live, cold, ms": 1000.0 * ratio}] for ratio in ratios]
    key, found = scale.report("page", runs, 10)
    assert found == more
    assert key == {"10 more instruments / now, page: live, cold": sorted(ratios)[1]}
    assert ("MORE" in capsys.readouterr().out) == bool(more)

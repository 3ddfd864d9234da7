"""The ring's reverse runs: sampled when needed, in slices, kept, and scrubbed."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import MAX_FRAMES, Ring

from .shown import answers, long_run, runs_made, shown, status


def test_nothing_is_sampled_before_it_is_asked_for(panel, monkeypatch):
    made = runs_made(monkeypatch)
    panel.num_levels = 30
    panel.answer()
    assert made == []
    panel.view = "reverse"
    panel.answer()
    assert made == ["langevin"]
    assert panel.replay.num_frames == MAX_FRAMES + 1


def test_a_sampled_run_is_kept(panel, monkeypatch):
    made = runs_made(monkeypatch)
    for settings in (
        {"view": "reverse"},
        {"progress": 0.5, "show_field": False},
        {"view": "forward"},
        {"view": "reverse"},
    ):
        panel.param.update(**settings)
        panel.answer()
    assert made == ["langevin"]


def test_a_long_run_is_computed_in_slices_and_seen_as_it_goes():
    """Each answer takes one step of those that the reader waits for; the last is what one answer gives at once."""
    panel = long_run()
    first, *rest = answers(panel)
    assert (first.progress.done, first.progress.of, first.progress.unit) == (1, 30, "steps")
    assert first.status.startswith("1 of 30 steps · 30 levels × 20000 points · ")
    assert set(np.unique(first.layers["plane.crowd"]["image"])) == {-2, -1}, "all are grey"
    waited = [answer for answer in (first, *rest) if answer.progress is not None]
    assert [answer.progress.done for answer in waited] == list(range(1, 31))
    assert all("plane.crowd" in answer.layers for answer in waited), "the run is seen as it goes"
    assert all(not answer.pale for answer in (first, *rest))
    assert shown(panel)["nfe"] == "30"
    last = {}
    for answer in (first, *rest):
        last |= answer.layers
    at_once = long_run()
    for name, columns in at_once.answer().layers.items():
        np.testing.assert_array_equal(
            columns["image" if "image" in columns else "x"], last[name]["image" if "image" in columns else "x"]
        )
    *_, truth = kernel.sample(ring(), "ddim", 20000, 30, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(panel.cloud[0], truth.x.astype(np.float32))
    assert set(panel.table()["part"]) == set(range(6))
    assert status(panel).startswith("30 levels × 20000 points · ")


def test_playing_goes_on_while_the_rest_of_the_run_is_computed():
    """At the first frame nobody waits; colours come when the end is known."""
    panel = long_run(num_points="2000")
    panel.run()
    found = answers(panel)
    assert (panel.progress, panel.playing) == (0.0, True)
    assert {answer.progress for answer in found} == {None}
    drawn = [answer.layers["plane.many_points"]["part"] for answer in found if "plane.many_points" in answer.layers]
    assert [set(part) for part in drawn] == [{-1}, set(range(6))]
    assert len(found) > 30


def test_a_changed_setting_ends_unfinished_work_and_keeps_the_steps_that_still_count(monkeypatch):
    panel = long_run()
    made = runs_made(monkeypatch)
    for _ in range(10):
        panel.answer(0.0)
    done = panel.replay.steps_done
    panel.progress = 0.5
    assert done >= 10
    assert panel.answer(0.0).progress.done == done + 1
    panel.view = "forward"
    panel.answer()
    assert panel.replay.steps_done == done + 1
    panel.param.update(view="reverse", num_levels=31)
    assert panel.answer(0.0).progress.done == 1
    assert made == ["ddim", "ddim"]


@pytest.mark.subject(
    lambda panel, progress: panel.param.update(progress=progress),
    stays=lambda panel, progress: panel.param.update(progress=round(progress)),
)
def test_scrubbing_is_pure(subject, rng):
    """The picture is that of the settings, whatever the order of the moves and however far the run had come."""
    settings = {"view": "reverse", "sampler": "sde_euler", "num_levels": 40, "show_paths": True, "num_points": "2000"}
    stops = [0.3, 0.9, 0.1, 0.6]
    truth = {stop: Ring(progress=stop, **settings).answer() for stop in stops}
    panel = Ring(progress=0.0, **settings)
    for stop in rng.permutation(stops):
        subject(panel, stop)
        panel.answer(0.0)
        panel.forget_answers()
        answer = panel.answer()
        for name, columns in truth[stop].layers.items():
            for column, values in columns.items():
                np.testing.assert_array_equal(answer.layers[name][column], values)
        assert (answer.texts, answer.description) == (truth[stop].texts, truth[stop].description)


def test_a_light_move_computes_only_what_it_changes(panel):
    panel.param.update(show_density=True)
    panel.answer()
    panel.show_paths = True
    assert panel.answer().layers == {}
    panel.num_levels = 30
    assert panel.answer().layers == {}
    panel.seed = 5
    assert set(panel.answer().layers) == {"plane.points"}
    panel.t = 0.5
    assert set(panel.answer().layers) == {"plane.points", "plane.field", "plane.density"}

"""Flow matching: what a move computes, long work in slices, and that pictures do not depend on the way to them."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.app.instrument import Instrument
from diffusion_lab.instruments.common.slices import Sliced
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import FlowMatching

from ..screen import Screen


def test_moving_the_time_computes_no_velocity(panel, monkeypatch):
    """A drag along t only looks up: no solver runs and nothing is fitted."""
    panel.update(show_diffusion=True)
    monkeypatch.setattr(kernel, "solve", lambda *a: pytest.fail("a solver ran"))
    monkeypatch.setattr(kernel, "make_flow", Sliced(lambda *a, **k: pytest.fail("a flow was made")))
    for t in (0.1, 0.5, 1.0):
        panel.update(t=t)


def test_between_two_nodes_no_distance_is_measured(panel, monkeypatch):
    panel.update(t=0.501)
    monkeypatch.setattr(kernel, "distance_from_marginal", lambda *a: pytest.fail("it was measured"))
    for t in (0.51, 0.53, 0.56):
        panel.update(t=t)


def test_a_pair_s_paths_are_not_sent_again_while_t_moves(panel):
    panel.update(view="pairs", t=0.3)
    assert set(panel.update(t=0.4).layers) == {"plane.points"}


@pytest.mark.parametrize(
    ("flow", "steps"), [("minibatch_transport", [64 + 13, 64 + 128 + 21]), ("reflow_twice", [32 + 13, 128 + 128 + 21])]
)
def test_long_work_comes_in_slices(flow, steps):
    """One step of the work at a time, the panel says how far it is, and the result is that without slices."""
    panel = Screen(FlowMatching)
    before = panel.points()
    panel.instrument.param.update(flow=flow, batch_size="64")
    seen = []
    while (answer := panel.update(0.0)).working:
        assert answer.pale[:3] == ("plane", "chart", "reading distance"), "pictures and numbers of the earlier state"
        assert f"{answer.progress.done:.0f} of {answer.progress.of} steps · 384 points" in panel.status
        np.testing.assert_array_equal(panel.points(), before)
        seen.append(answer.progress)
    assert answer.pale == ()
    assert {progress.of for progress in seen} == set(steps)
    moves = [after.done - now.done for now, after in pairwise(seen)]
    assert set(moves) <= {1} | {k - of for k in (0, 1) for of in steps}, "a step, or on to the next work"
    whole = Screen(FlowMatching, flow=flow, batch_size="64")
    assert panel.texts == whole.texts
    for name, columns in whole.layers.items():
        for key, column in columns.items():
            np.testing.assert_array_equal(panel.layers[name][key], column)


def test_a_changed_setting_ends_the_work(panel):
    panel.update(0.0, flow="reflow_twice")
    answer = panel.update(0.0, flow="rectified_flow")
    assert not answer.working, "what has been computed is still there"
    panel.update(0.0, flow="reflow_once")
    panel.update(0.0, seed=5)
    panel.update()
    np.testing.assert_array_equal(panel.points(), Screen(FlowMatching, flow="reflow_once", seed=5).points())


@pytest.mark.parametrize("flow", ["reflow_once", "minibatch_transport"])
def test_going_back_and_forth_computes_nothing_twice(panel, flow, monkeypatch):
    panel.update(flow=flow)
    first = panel.points()
    panel.update(flow="diffusion", seed=6)
    for name in ("make_flow", "measure"):
        monkeypatch.setattr(kernel, name, Sliced(lambda *a, **k: pytest.fail("it was kept")))
    panel.update(flow=flow, seed=4)
    np.testing.assert_array_equal(panel.points(), first)


def test_another_batch_size_leaves_other_flows_alone(panel, monkeypatch):
    panel.update(flow="reflow_once")
    monkeypatch.setattr(kernel, "make_flow", Sliced(lambda *a, **k: pytest.fail("a flow was made")))
    assert not panel.update(batch_size="64").layers


def test_a_picture_does_not_depend_on_the_way_to_it():
    """Scrubbing is pure: whatever the order of the moves, equal settings show equal pictures."""

    def picture(instrument: Instrument):
        instrument.forget_answers()
        answer = instrument.answer()
        layers = {
            f"{n}.{k}": np.asarray(c).tobytes() for n, columns in answer.layers.items() for k, c in columns.items()
        }
        return layers, answer.texts, answer.description, answer.visible

    moves = [{"t": 0.2}, {"num_steps": 5}, {"t": 0.9, "view": "pairs"}, {"view": "probe", "probe_x": -1.0}, {"t": 0.4}]
    moves += [{"view": "flow"}, {"show_diffusion": True}, {"seed": 7}, {"data_set": "two_clusters"}]
    wanted = {key: value for move in moves for key, value in move.items()}
    there, back = FlowMatching(), FlowMatching()
    for move in moves:
        there.param.update(**move)
        there.answer()
    for move in reversed(moves):
        back.param.update(**move)
        back.answer()
    back.param.update(**wanted)
    assert picture(there) == picture(back) == picture(FlowMatching(**wanted))

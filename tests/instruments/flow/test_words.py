"""Flow matching: what its buttons do, what its words and data say."""

import importlib

import numpy as np
import pytest

from diffusion_lab.app.instrument import StateError
from diffusion_lab.instruments.common.flows import RECTIFIED
from diffusion_lab.instruments.common.slices import Sliced
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import FlowMatching

from ..screen import Screen
from .cases import exact, own_pairs

computed = importlib.import_module("diffusion_lab.app.instrument.computed")  # its package has a function of that name


def test_run_plays_from_noise_and_step_goes_from_node_to_node():
    flow = FlowMatching(num_steps=4)
    flow.run()
    assert (flow.t, flow.playing) == (0.0, True)
    seen = []
    for _ in range(5):
        flow.step()
        seen.append(flow.t)
    assert seen == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert not flow.playing
    flow.t = 0.3
    flow.step()
    assert flow.t == 0.5


def test_every_step_reaches_another_node():
    """Also where t times the number of steps is rounded to just below a whole number."""
    flow = FlowMatching(num_steps=49, t=0.0)
    for node in range(1, 50):
        flow.step()
        assert flow.t == node / 49


def test_the_spread_at_the_probe_is_about_the_velocity_of_the_flow(panel):
    """Not about the mean of the pairs that are drawn, which differs from it where the field is fitted."""
    panel.update(view="probe", flow="minibatch_transport", t=0.4)
    met = panel.instrument.met
    spread = np.sqrt(np.mean(np.sum((met.velocities - met.mean) ** 2, axis=1)))
    assert not np.allclose(met.velocities.mean(axis=0), met.mean, atol=0.02)
    assert met.spread == pytest.approx(spread, rel=1e-12)
    assert panel.texts["probe_true"] == f"{spread:.2f}"


def test_the_status_says_what_is_exact_and_what_is_fitted(panel):
    assert panel.status.startswith("384 points, 16 Euler steps · ")
    assert panel.status.endswith(" ms · exact velocity, float64")
    panel.update(num_steps=1, solver="heun")
    assert "1 Heun step · " in panel.status
    panel.update(flow="reflow_twice")
    assert "velocity fitted to 9216 pairs by local linear kernel regression in " in panel.status
    assert "(fitted velocity, seed 4)" in panel.description
    panel.update(flow="minibatch_transport", batch_size="4")
    assert "minibatch transport in batches of 4 to the ring data" in panel.description
    panel.update(flow="diffusion", view="pairs")
    expected = "384 points on the paths of their pairs, in closed form · beside it: exact velocity, float64"
    assert panel.status == expected


def test_the_time_of_a_fit_is_its_own(monkeypatch):
    """Without that of the flow before it, which a reflow reads."""
    now, velocity, seconds = 0.0, exact().velocity, {"rectified_flow": 5.0, "reflow_once": 3.0, "reflow_twice": 0.25}

    def make(mixture, name, rng, **options):
        nonlocal now
        now += seconds[name] / 2
        yield 1, 2
        now += seconds[name] / 2
        return kernel.Flow(name, velocity, RECTIFIED, own_pairs())

    monkeypatch.setattr(computed.time, "perf_counter", lambda: now)
    monkeypatch.setattr(kernel, "make_flow", Sliced(make))
    status = Screen(FlowMatching, flow="reflow_twice").status
    assert status.endswith("velocity fitted to 384 pairs by local linear kernel regression in 250 ms")


def test_the_words_say_what_the_readings_say(panel):
    texts = panel.texts
    assert f"ends {texts['end_error']} units from the flow's own end" in panel.description
    assert "384 points carried by the rectified flow to the ring data (exact velocity, seed 4)" in panel.description
    assert "at t = 0.85, in 16 Euler steps. The solver (16 Euler steps, evaluations: 16)" in panel.description
    assert f"Straightness S is {panel.instrument.case.reference.straightness.value:.3f}" in panel.description
    assert f"path length over distance {panel.instrument.case.reference.detour.value:.2f}." in panel.description
    assert "98% of its ends lie within three standard deviations of a centre (true value 99%)" in panel.description
    panel.update(solver="heun", num_steps=1)
    assert "in 1 Heun step. The solver (1 Heun step, evaluations: 2)" in panel.description
    panel.update(view="pairs", data_set="five_clusters")
    assert "384 points on the paths of their own pairs of rectified flow to the five clusters" in panel.description


def test_the_data_are_what_is_shown(panel):
    flow = panel.instrument
    for view in ("flow", "pairs"):
        panel.update(view=view, t=0.4)
        table = flow.table()
        np.testing.assert_allclose(np.stack([table["x"], table["y"]], axis=1), panel.points(), atol=1e-6)
        np.testing.assert_array_equal(table["noise_x"], own_pairs().noise[:, 0])
        np.testing.assert_array_equal(table["cluster"], panel.layers["plane.points"]["part"])
        panel.update(t=1.0)
        np.testing.assert_allclose(np.stack([table["end_x"], table["end_y"]], axis=1), panel.points(), atol=1e-6)
    assert "\nx,y,noise_x,noise_y,end_x,end_y,cluster\n" in flow.csv()


def test_what_is_sent_is_single_precision(panel):
    panel.update(show_field=True, show_diffusion=True, t=0.4)
    panel.update(view="probe")
    for name, columns in panel.layers.items():
        numeric = [column for key, column in columns.items() if key != "text"]
        assert {column.dtype for column in numeric} == {np.dtype(np.uint8 if "target" in name else np.float32)}, name


def test_old_names_are_read():
    parsed = FlowMatching.parse_state({"mode": "probe", "batch": "4", "flow": "minibatch_transport"})
    assert parsed == {"view": "probe", "batch_size": "4", "flow": "minibatch_transport"}
    parsed, problems = FlowMatching.parse_leniently({"mode": "pairs", "bacth_size": "4"})
    assert parsed == {"view": "pairs"}
    assert problems[0].startswith("FlowMatching has no setting `bacth_size`")
    with pytest.raises(StateError, match="`batch` must be one of 4, 16, 64, got '5'"):
        FlowMatching.parse_state({"batch": "5"})

"""The charts of flow matching, and the SDE beside the flow."""

import numpy as np
import pytest

from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.instruments.common.flows import RECTIFIED
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import ERRORS, FlowMatching

from ..screen import Screen
from .cases import RING, exact, own_pairs

# --- the chart -------------------------------------------------------------------------------------------------------


def test_the_dot_in_the_chart_stands_on_its_solver_s_line(panel):
    for solver in kernel.SOLVERS:
        panel.update(solver=solver, num_steps=8)
        here, line = panel.layers["chart.here"], panel.layers[f"chart.{solver}"]
        at = list(line["x"]).index(here["x"][0])
        assert here["y"][0] == pytest.approx(line["y"][at], rel=1e-6)


def test_the_chart_shows_every_error_that_it_can_hold(panel):
    for name in kernel.FLOWS:
        panel.update(flow=name, data_set="two_clusters")
        for solver in kernel.SOLVERS:
            nfe, errors = panel.instrument.case.errors[solver]
            inside = (errors >= ERRORS[0]) & (errors <= ERRORS[1])
            line = panel.layers[f"chart.{solver}"]
            np.testing.assert_array_equal(line["x"], nfe[inside])
            np.testing.assert_allclose(line["y"], errors[inside], rtol=1e-6)


@pytest.mark.parametrize("error", [1e-5, 200.0])
def test_what_the_chart_cannot_hold_is_left_out(error, monkeypatch):
    """No dot and no line, rather than one in a wrong place."""
    monkeypatch.setattr(kernel, "end_error", lambda *a: error)
    panel = Screen(FlowMatching)
    for name in (*kernel.SOLVERS, "here"):
        assert len(panel.layers[f"chart.{name}"]["x"]) == 0


def test_a_chart_s_axes_have_plain_numbers_and_its_lines_names(panel):
    chart = FlowMatching.chart
    assert chart.log == "xy"
    for limits, ticks in ((chart.x, chart.ticks["x"]), (chart.y, chart.ticks["y"])):
        assert all(limits[0] <= tick <= limits[1] for tick in ticks)
        assert np.all(np.isin(np.log10(ticks).round(12) % 1, 0)), "powers of ten"
        assert min(ticks) < 10 * limits[0]
        assert max(ticks) > limits[1] / 10
    names = panel.layers["chart.names"]
    assert names["text"] == ["Euler", "Heun", "Midpoint"]
    lines = [chart.layers[solver].colour for solver in kernel.SOLVERS]
    assert [f"c{part:.0f}" for part in names["part"]] == lines, "a name has the colour of its line"


# --- the SDE beside the flow -----------------------------------------------------------------------------------------


def sde_run(steps=16, sigma=1.0, seed=4):
    return kernel.solve_sde(exact(), own_pairs(seed).noise, steps, sigma, kernel.sde_noise(seed))


@pytest.mark.subject(
    {"sde_sigma": 1.0},
    the_flow_itself={"sde_sigma": 0.0},
    other_noise={"sde_sigma": 1.0, "seed": 5},
    not_euler={"sde_sigma": 1.0, "solver": "heun"},
)
def test_sigma_moves_the_points_by_the_sde(subject):
    panel = Screen(FlowMatching, t=1.0, **subject)
    np.testing.assert_allclose(panel.points(), sde_run().states[-1], atol=1e-5)
    assert panel.texts["end_error"] == NOTHING, "the flow's own ends are no goal of random paths"
    assert "16 Euler–Maruyama steps of the SDE with σ = 1" in panel.status
    assert "16 Euler–Maruyama steps of the SDE with σ = 1" in panel.description
    assert len(panel.layers["chart.here"]["x"]) == 0


def test_colours_under_the_sde_are_of_its_own_ends():
    panel = Screen(FlowMatching, t=0.3, sde_sigma=1.0)
    np.testing.assert_array_equal(panel.layers["plane.points"]["part"], nearest(sde_run().states[-1], RING.means))


def test_the_meter_is_the_distance_at_the_last_node(panel):
    panel.update(sde_sigma=1.0, t=0.6)
    run = sde_run()
    found = kernel.distance_from_marginal(RING, RECTIFIED, run, 9)
    assert panel.instrument.all_readings()["distance"] == (found.distance, found.expected)
    assert f"Distance to the exact density: {found.distance:.3f}, for perfect draws {found.expected:.3f}." in (
        panel.description
    )
    panel.update(sde_sigma=0.0, flow="minibatch_transport")
    assert panel.texts["distance"] == NOTHING, "of a fitted flow only the end is known"
    panel.update(t=1.0)
    assert float(panel.texts["distance"]) > 0


def test_only_exact_flows_under_euler_have_noise(panel):
    for settings in ({"flow": "minibatch_transport"}, {"solver": "midpoint"}):
        with_noise, without = Screen(FlowMatching, sde_sigma=2.0, **settings), Screen(FlowMatching, **settings)
        np.testing.assert_array_equal(with_noise.points(), without.points())
        assert "SDE" not in with_noise.status


def test_the_chart_of_sigma_has_the_line_of_every_number_of_steps(panel):
    panel.update(chart_shows="distance", sde_sigma=1.5, num_steps=32)
    line, here = panel.layers["sde_chart.steps_32"], panel.layers["sde_chart.here"]
    at = list(line["x"]).index(1.5)
    assert (here["x"][0], here["y"][0]) == (1.5, pytest.approx(line["y"][at], rel=1e-6))
    chance = panel.layers["sde_chart.chance"]["y"]
    assert chance[0] == pytest.approx(panel.instrument.end_distance.expected, rel=1e-6)
    ends = ", ".join(
        f"with {steps} steps from {curve[0]:.3f} to {curve[-1]:.3f}"
        for steps, curve in zip(kernel.SDE_STEPS, panel.instrument.curves, strict=True)
    )
    assert f"of the ends from the data as σ grows from 0 to 2: {ends}." in panel.description
    heights = panel.layers["sde_chart.names"]["y"]
    assert np.all(np.diff(np.log(heights)) < -0.2), "names are a line apart"
    assert panel.layers["sde_chart.names"]["text"] == ["8 steps", "16 steps", "32 steps", "64 steps"]
    panel.update(solver="heun")
    assert panel.layers["sde_chart.here"]["x"][0] == 0, "Heun's method takes no noise"
    panel.update(flow="reflow_once")
    assert all(len(panel.layers[f"sde_chart.{name}"]["x"]) == 0 for name in ("steps_32", "chance", "here"))


def test_pairs_and_flow_are_shown_side_by_side(panel):
    """Same noise, same t: on the left as in Pairs, on the right as in Flow."""
    panel.update(view="both", t=0.4)
    for layer, view in (("plane", "pairs"), ("beside", "flow")):
        alone = Screen(FlowMatching, view=view, t=0.4)
        for name in ("points", "paths"):
            for key, column in alone.layers[f"plane.{name}"].items():
                np.testing.assert_array_equal(panel.layers[f"{layer}.{name}"][key], column)
    assert "on the paths of their own pairs" in panel.description
    assert "Beside them the same noise is carried by the flow, in 16 Euler steps." in panel.description
    table = panel.instrument.table()
    np.testing.assert_allclose(table["flow_x"], panel.layers["beside.points"]["x"], atol=1e-6)
    panel.instrument.run()
    assert panel.instrument.view == "both"

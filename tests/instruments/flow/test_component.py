"""The flow on its panel: that points, paths and numbers are the kernel's, and what the buttons and a tap do."""

import numpy as np
import pytest

from diffusion_lab.app.figure_svg import log_ticks
from diffusion_lab.instruments.common.metrics import fraction_within, nearest
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import MEETING, PATH_POINTS, FlowMatching
from diffusion_lab.instruments.flow.pictures import ARROW_TIME, CHART

RING = kernel.DATA["ring"]


@pytest.fixture
def panel() -> FlowMatching:
    return FlowMatching()


def points(panel: FlowMatching) -> np.ndarray:
    data = panel._picture.points.data
    return np.stack([data["x"], data["y"]], axis=1)


def segments(source) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of a segment glyph, (M, 2) each."""
    data = source.data
    return np.stack([data["x"], data["y"]], axis=1), np.stack([data["x1"], data["y1"]], axis=1)


def own_pairs(seed: int) -> kernel.Pairs:
    return kernel.draw_pairs(RING, kernel.NUM_POINTS, np.random.default_rng(seed))


@pytest.mark.subject(
    lambda t: t,
    backwards=lambda t: 1 - t,
    one_slider_step_late=lambda t: min(1.0, t + 0.01),
)
def test_the_picture_is_the_kernel_s_run(subject):
    flow = kernel.make_flow(RING, "rectified_flow", np.random.default_rng(0))
    run = kernel.solve(flow.velocity, own_pairs(9).noise, 5, "heun")
    panel = FlowMatching(seed=9, num_steps=5, solver="heun", mode="flow")
    for t in (0.0, 0.3, 0.8):
        panel.t = t
        np.testing.assert_allclose(points(panel), run.at(subject(t)), atol=1e-6)
    assert panel.readings_shown["nfe"] == "10"


def test_pairs_move_on_their_own_lines(panel):
    pairs = own_pairs(panel.seed)
    panel.param.update(mode="pairs", t=0.25)
    np.testing.assert_allclose(points(panel), 0.75 * pairs.noise + 0.25 * pairs.data, atol=1e-6)
    start, end = segments(panel._picture.paths)
    np.testing.assert_allclose(start, pairs.noise[:PATH_POINTS], atol=1e-6)
    np.testing.assert_allclose(end, pairs.data[:PATH_POINTS], atol=1e-6)


def test_both_pictures_begin_with_the_same_noise_and_all_flows_do(panel):
    panel.t = 0.0
    noise = points(panel)
    for flow in ("rectified_flow", "minibatch_transport", "reflow_once"):
        for mode in ("flow", "pairs"):
            panel.param.update(flow=flow, mode=mode)
            np.testing.assert_array_equal(points(panel), noise)


def test_the_pairs_of_a_reflow_are_the_ends_of_the_flow_before(panel):
    panel.param.update(flow="reflow_once", mode="pairs", t=1.0)
    flow = kernel.make_flow(RING, "rectified_flow", np.random.default_rng(0))
    end = kernel.reference_solution(flow.velocity, own_pairs(panel.seed).noise).end
    np.testing.assert_allclose(points(panel), end, atol=1e-6)


def test_batches_pair_the_data_anew(panel):
    independent = own_pairs(panel.seed)
    for batch in ("4", "64"):
        panel.param.update(flow="minibatch_transport", mode="pairs", t=1.0, batch=batch)
        expected = kernel.couple(independent, int(batch)).data
        np.testing.assert_allclose(points(panel), expected, atol=1e-6)


def test_colours_tell_where_a_path_ends(panel):
    panel.t = 1.0
    panel.num_steps = 64
    cluster = panel._picture.points.data["cluster"]
    assert np.mean(cluster == nearest(points(panel), RING.means)) > 0.98
    panel.mode = "pairs"
    np.testing.assert_array_equal(
        panel._picture.points.data["cluster"], nearest(own_pairs(panel.seed).data, RING.means)
    )


def test_diffusion_s_paths_stand_beside_the_others(panel):
    """From the same noise, to where the exact diffusion flow has carried it; for pairs, along quarter ellipses."""
    panel.param.update(show_diffusion=True, t=0.7)
    flow = kernel.make_flow(RING, "diffusion", np.random.default_rng(0))
    run = kernel.solve(flow.velocity, own_pairs(panel.seed).noise[:PATH_POINTS], 128, "heun")
    start, end = segments(panel._picture.diffusion)
    np.testing.assert_allclose(start[:PATH_POINTS], run.at(0.0), atol=1e-6)
    np.testing.assert_allclose(end[-PATH_POINTS:], run.at(0.7), atol=5e-3)
    assert "in grey, the paths of the same points by diffusion" in panel.description
    panel.mode = "pairs"
    start, end = segments(panel._picture.diffusion)
    np.testing.assert_allclose(end[-PATH_POINTS:], own_pairs(panel.seed).data[:PATH_POINTS], atol=1e-6)
    assert panel._picture._diffusion.visible
    panel.mode = "probe"
    assert not panel._picture._diffusion.visible


def test_numbers_are_those_of_the_points_shown(panel):
    panel.param.update(t=1.0, num_steps=3, solver="midpoint")
    shown = panel.readings_shown
    flow = kernel.make_flow(RING, "rectified_flow", np.random.default_rng(0))
    reference = kernel.reference_solution(flow.velocity, own_pairs(panel.seed).noise)
    assert float(shown["end_error"]) == pytest.approx(kernel.end_error(points(panel), reference.end), rel=0.01)
    assert float(shown["within"]) == pytest.approx(fraction_within(points(panel), RING.means, 0.6), abs=6e-4)
    assert shown["within_true"] == "0.989"
    assert float(shown["straightness"]) == pytest.approx(reference.straightness.value, rel=0.01)
    assert float(shown["cost"]) == pytest.approx(reference.cost.value, abs=6e-4)
    pairs = own_pairs(panel.seed)
    assert float(shown["cost_true"]) == pytest.approx(np.mean(np.sum((pairs.data - pairs.noise) ** 2, 1)), abs=6e-4)


def test_the_dot_in_the_chart_stands_on_its_solver_s_line(panel):
    for solver in kernel.SOLVERS:
        panel.param.update(solver=solver, num_steps=8)
        here, line = panel._chart.here.data, panel._chart.curves[solver].data
        at = list(line["x"]).index(here["x"][0])
        assert here["y"][0] == pytest.approx(line["y"][at], rel=1e-12)


def test_what_the_chart_cannot_hold_is_left_out(panel):
    """Heun on the diffusion path, one step: a mile off the chart, so no dot, rather than one in a wrong place."""
    for name in kernel.FLOWS:
        panel.param.update(flow=name, data_set="two_clusters")
        for source in panel._chart.curves.values():
            y = np.asarray(source.data["y"])
            assert np.all((y >= CHART["y"][0]) & (y <= CHART["y"][1]))
    panel.param.update(flow="rectified_flow", solver="midpoint", num_steps=64)
    inside = panel._end_error >= CHART["y"][0]
    assert len(panel._chart.here.data["x"]) == inside


# --- the probe -------------------------------------------------------------------------------------------------------


def test_the_probe_shows_paths_through_it_their_velocities_and_the_mean(panel):
    panel.param.update(mode="probe", probe_x=0.5, probe_y=-0.25, t=0.5)
    x = np.array([0.5, -0.25])
    start, end = segments(panel._picture.meeting)
    np.testing.assert_allclose((start + end) / 2, np.tile(x, (MEETING, 1)), atol=1e-6)  # at t = ½ half-way
    arrow_start, arrow_end = segments(panel._picture.arrows)
    np.testing.assert_array_equal(arrow_start, np.tile(x, (MEETING, 1)))
    np.testing.assert_allclose(arrow_end - arrow_start, ARROW_TIME * (end - start), atol=1e-5)
    shaft = [ends[0] for ends in segments(panel._picture.mean)]
    flow = kernel.make_flow(RING, "rectified_flow", np.random.default_rng(0))
    mean = flow.velocity(x[None], 0.5)[0]
    np.testing.assert_allclose(shaft[1] - shaft[0], ARROW_TIME * mean, atol=1e-6)
    assert panel.readings_shown["probe"] == f"({mean[0]:.2f}, {mean[1]:.2f})".replace("-", "−")


def test_near_the_end_the_words_know_no_spread(panel):
    panel.param.update(mode="probe", flow="minibatch_transport", t=1.0)
    assert "so near the end no paths are drawn" in panel.description
    assert "nan" not in panel.description


# --- buttons, words, cost --------------------------------------------------------------------------------------------


def test_run_plays_from_noise_and_step_goes_from_node_to_node(panel):
    panel.num_steps = 4
    panel.run()
    assert (panel.t, panel.playing) == (0.0, True)
    seen = []
    for _ in range(5):
        panel.step()
        seen.append(panel.t)
    assert seen == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert not panel.playing
    panel.t = 0.3
    panel.step()
    assert panel.t == 0.5


def test_the_status_says_what_is_exact_and_what_is_fitted(panel):
    assert "exact velocity" in panel.status
    assert "16 Euler steps" in panel.status
    panel.flow = "reflow_twice"
    assert "fitted to 9216 pairs by local linear kernel regression" in panel.status
    assert "fitted" in panel.description
    panel.param.update(flow="diffusion", mode="pairs")
    assert "closed form" in panel.status


def test_the_data_are_what_is_shown(panel):
    for mode in ("flow", "pairs"):
        panel.param.update(mode=mode, t=0.4)
        table = panel.table()
        np.testing.assert_allclose(np.stack([table["x"], table["y"]], axis=1), points(panel), atol=1e-6)
        np.testing.assert_array_equal(table["noise_x"], own_pairs(panel.seed).noise[:, 0])
        panel.t = 1.0
        np.testing.assert_allclose(np.stack([table["end_x"], table["end_y"]], axis=1), points(panel), atol=1e-6)
    assert panel.csv().startswith("x,y,noise_x,noise_y,end_x,end_y,cluster\n")


def test_a_chart_s_axes_have_plain_numbers(panel):
    for axis in panel.chart_plot.axis:
        assert [axis.major_label_overrides[tick] for tick in axis.ticker.ticks] == [
            f"{tick:g}" for tick in axis.ticker.ticks
        ]
    assert [f"{tick:g}" for tick in log_ticks(*np.log10(CHART["y"]))] == ["0.001", "0.01", "0.1", "1", "10"]
    assert [f"{tick:g}" for tick in log_ticks(*np.log10(CHART["x"]))] == ["1", "10", "100"]


def test_moving_the_time_computes_no_velocity(panel, monkeypatch):
    """A drag along t only looks up: no solver runs and nothing is fitted."""
    monkeypatch.setattr(kernel, "solve", lambda *a: pytest.fail("a solver ran"))
    monkeypatch.setattr(kernel, "make_flow", lambda *a, **k: pytest.fail("a flow was made"))
    for t in (0.1, 0.5, 1.0):
        panel.t = t


def test_what_is_sent_is_single_precision(panel):
    panel.param.update(mode="probe", show_field=True, t=0.4)
    for source in (
        panel._picture.points,
        panel._picture.paths,
        panel._picture.field,
        panel._picture.meeting,
        panel._picture.arrows,
    ):
        assert {np.asarray(column).dtype for column in source.data.values()} == {np.dtype(np.float32)}

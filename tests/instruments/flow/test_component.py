"""Flow matching as an instrument: that points, paths and numbers are the kernel's, and what the buttons do."""

import importlib
from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.app.instrument import Instrument, StateError
from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.instruments.common.flows import RECTIFIED
from diffusion_lab.instruments.common.metrics import fraction_within, nearest
from diffusion_lab.instruments.common.slices import Sliced
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import ARROW_TIME, ERRORS, FIELD, MEETING, PATH_POINTS, FlowMatching

RING = kernel.DATA["ring"]
computed = importlib.import_module("diffusion_lab.app.instrument.computed")  # its package has a function of that name


class Shown:
    """An instrument with everything that its answers have brought so far."""

    def __init__(self, **settings) -> None:
        self.instrument = FlowMatching(**settings)
        self.layers, self.visible, self.texts, self.status, self.description = {}, {}, {}, "", ""
        self.update()

    def update(self, seconds: float | None = None, **settings):
        self.instrument.param.update(**settings)
        answer = self.instrument.answer(seconds)
        self.layers |= answer.layers
        self.visible |= answer.visible
        self.texts |= answer.texts
        self.status = answer.status or self.status
        self.description = answer.description or self.description
        return answer

    def points(self, layer: str = "plane.points") -> np.ndarray:
        return np.stack([self.layers[layer]["x"], self.layers[layer]["y"]], axis=1)

    def segments(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of a layer of segments, (M, 2) each."""
        return self.points(layer), np.stack([self.layers[layer]["x1"], self.layers[layer]["y1"]], axis=1)


@pytest.fixture
def panel() -> Shown:
    return Shown()


def own_pairs(seed: int = 4) -> kernel.Pairs:
    return kernel.draw_pairs(RING, kernel.NUM_POINTS, np.random.default_rng(seed))


def exact(name: str = "rectified_flow") -> kernel.Flow:
    return kernel.make_flow(RING, name, np.random.default_rng(0))


@pytest.mark.subject(
    lambda t: t,
    backwards=lambda t: 1 - t,
    one_slider_step_late=lambda t: min(1.0, t + 0.01),
)
def test_the_picture_is_the_kernel_s_run(subject):
    run = kernel.solve(exact().velocity, own_pairs(9).noise, 5, "heun")
    panel = Shown(seed=9, num_steps=5, solver="heun", view="flow")
    for t in (0.0, 0.3, 0.8):
        panel.update(t=t)
        np.testing.assert_allclose(panel.points(), run.at(subject(t)), atol=1e-6)
    assert panel.texts["nfe"] == "10"


def test_pairs_move_on_their_own_lines(panel):
    pairs = own_pairs()
    panel.update(view="pairs", t=0.25)
    np.testing.assert_allclose(panel.points(), 0.75 * pairs.noise + 0.25 * pairs.data, atol=1e-6)
    start, end = panel.segments("plane.paths")
    np.testing.assert_allclose(start, pairs.noise[:PATH_POINTS], atol=1e-6)
    np.testing.assert_allclose(end, pairs.data[:PATH_POINTS], atol=1e-6)


def test_both_pictures_begin_with_the_same_noise_and_all_flows_do(panel):
    panel.update(t=0.0)
    noise = panel.points()
    for flow in ("rectified_flow", "minibatch_transport", "reflow_once"):
        for view in ("flow", "pairs"):
            panel.update(flow=flow, view=view)
            np.testing.assert_array_equal(panel.points(), noise)


def test_the_pairs_of_a_reflow_are_the_ends_of_the_flow_before(panel):
    panel.update(flow="reflow_once", view="pairs", t=1.0)
    np.testing.assert_allclose(
        panel.points(), kernel.reference_solution(exact().velocity, own_pairs().noise).end, atol=1e-6
    )
    once = panel.instrument.case.reference.end
    panel.update(flow="reflow_twice")
    np.testing.assert_allclose(panel.points(), once, atol=1e-6)


def test_batches_pair_the_data_anew(panel):
    for batch_size in ("4", "64"):
        panel.update(flow="minibatch_transport", view="pairs", t=1.0, batch_size=batch_size)
        expected = kernel.couple(own_pairs(), int(batch_size)).data
        np.testing.assert_allclose(panel.points(), expected, atol=1e-6)


def test_the_fitted_flow_is_the_kernel_s(panel):
    """The same seeds as the kernel's own: what a reader saves as a link shows the same picture."""
    x = own_pairs().noise
    rng = np.random.default_rng([4, kernel.FLOWS.index("minibatch_transport")])
    transport = kernel.make_flow(RING, "minibatch_transport", rng, batch_size=4)
    panel.update(flow="minibatch_transport", batch_size="4")
    np.testing.assert_array_equal(panel.instrument.case.flow.velocity(x, 0.3), transport.velocity(x, 0.3))
    once = kernel.make_flow(RING, "reflow_once", np.random.default_rng([4, 2]), previous=exact())
    twice = kernel.make_flow(RING, "reflow_twice", np.random.default_rng([4, 3]), previous=once)
    panel.update(flow="reflow_twice")
    np.testing.assert_array_equal(panel.instrument.case.flow.velocity(x, 0.3), twice.velocity(x, 0.3))


def test_colours_tell_where_a_path_ends(panel):
    panel.update(t=1.0, num_steps=64)
    part = panel.layers["plane.points"]["part"]
    assert np.mean(part == nearest(panel.points(), RING.means)) > 0.98
    np.testing.assert_array_equal(panel.layers["plane.paths"]["part"][:PATH_POINTS], part[:PATH_POINTS])
    panel.update(view="pairs")
    part = panel.layers["plane.points"]["part"]
    np.testing.assert_array_equal(part, nearest(own_pairs().data, RING.means))
    np.testing.assert_array_equal(panel.layers["plane.paths"]["part"], part[:PATH_POINTS])


def test_diffusion_s_paths_stand_beside_the_others(panel):
    """From the same noise, to where the exact diffusion flow has carried it; for pairs, along quarter ellipses."""
    panel.update(show_diffusion=True, t=0.7)
    run = kernel.solve(exact("diffusion").velocity, own_pairs().noise[:PATH_POINTS], 128, "heun")
    start, end = panel.segments("plane.diffusion")
    np.testing.assert_allclose(start[:PATH_POINTS], run.at(0.0), atol=1e-6)
    np.testing.assert_allclose(end[-PATH_POINTS:], run.at(0.7), atol=5e-3)
    assert "Beside them are the paths of the same points by diffusion" in panel.description
    panel.update(view="pairs")
    start, end = panel.segments("plane.diffusion")
    np.testing.assert_allclose(end[-PATH_POINTS:], own_pairs().data[:PATH_POINTS], atol=1e-6)
    assert panel.visible["plane.diffusion"]
    panel.update(view="probe")
    assert not panel.visible["plane.diffusion"]
    assert "Beside them" not in panel.description


def test_arrows_of_the_field_point_along_the_velocity(panel):
    """The nodes of a grid, at most a cell long, half as long where the speed is 2."""
    panel.update(show_field=True, t=0.4)
    start, end = (ends[: len(FIELD) ** 2] for ends in panel.segments("plane.field"))
    velocity = exact().velocity(start.astype(float), 0.4)
    speed = np.linalg.norm(velocity, axis=1, keepdims=True)
    cell = FIELD[1] - FIELD[0]
    np.testing.assert_allclose(end - start, 0.85 * cell * velocity / (speed + 2.0), atol=1e-5)
    assert panel.visible["plane.field"]
    np.testing.assert_allclose(np.unique(start[:, 0]), FIELD, atol=1e-6)


def test_switches_and_views_decide_what_is_seen(panel):
    def seen():
        found = {name.partition(".")[2] for name, visible in panel.visible.items() if visible and "plane" in name}
        assert {"target", "noise"} <= found, "both ends of time are always there"
        return found - {"target", "noise"}

    assert seen() == {"points", "paths", "starts"}
    panel.update(show_field=True, show_diffusion=True, show_paths=False)
    assert seen() == {"points", "field", "diffusion"}
    panel.update(view="probe")
    assert seen() == {"points", "field", "velocities", "mean"}
    panel.update(show_paths=True)
    assert seen() == {"points", "field", "velocities", "mean", "meeting", "starts", "goals"}
    for name, ends in (("starts", panel.instrument.met.pairs.noise), ("goals", panel.instrument.met.pairs.data)):
        np.testing.assert_allclose(panel.points(f"plane.{name}"), ends, atol=1e-6)


def test_numbers_are_those_of_the_points_shown(panel):
    panel.update(t=1.0, num_steps=3, solver="midpoint")
    points, shown, pairs = panel.points(), panel.texts, own_pairs()
    reference = kernel.reference_solution(exact().velocity, pairs.noise)
    assert float(shown["end_error"]) == pytest.approx(kernel.end_error(points, reference.end), rel=0.01)
    assert float(shown["within"]) == pytest.approx(fraction_within(points, RING.means, 0.6), abs=6e-4)
    assert shown["within_true"] == "0.989"
    assert float(shown["straightness"]) == pytest.approx(reference.straightness.value, rel=0.01)
    assert float(shown["straightness_true"]) == pytest.approx(reference.straightness.error, rel=0.5)
    assert float(shown["detour"]) == pytest.approx(reference.detour.value, abs=6e-4)
    assert float(shown["detour_true"]) == pytest.approx(reference.detour.error, abs=6e-4)
    assert float(shown["cost"]) == pytest.approx(reference.cost.value, abs=6e-4)
    assert float(shown["cost_true"]) == pytest.approx(np.mean(np.sum((pairs.data - pairs.noise) ** 2, 1)), abs=6e-4)


def test_readings_are_numbers_with_what_stands_beside_them(panel):
    numbers = panel.instrument.all_readings()
    reference = panel.instrument.case.reference
    assert numbers["straightness"] == (reference.straightness.value, reference.straightness.error)
    assert numbers["t"] == 0.85
    assert numbers["probe"] is None
    assert panel.texts["probe"] == panel.texts["probe_true"] == NOTHING


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
    panel = Shown()
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
    panel = Shown(t=1.0, **subject)
    np.testing.assert_allclose(panel.points(), sde_run().states[-1], atol=1e-5)
    assert panel.texts["end_error"] == NOTHING, "the flow's own ends are no goal of random paths"
    assert "16 Euler–Maruyama steps of the SDE with σ = 1" in panel.status
    assert "16 Euler–Maruyama steps of the SDE with σ = 1" in panel.description
    assert len(panel.layers["chart.here"]["x"]) == 0


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
        with_noise, without = Shown(sde_sigma=2.0, **settings), Shown(**settings)
        np.testing.assert_array_equal(with_noise.points(), without.points())
        assert "SDE" not in with_noise.status


def test_the_chart_of_sigma_has_the_line_of_every_number_of_steps(panel):
    panel.update(chart_shows="distance", sde_sigma=1.5, num_steps=32)
    line, here = panel.layers["sde_chart.steps_32"], panel.layers["sde_chart.here"]
    at = list(line["x"]).index(1.5)
    assert (here["x"][0], here["y"][0]) == (1.5, pytest.approx(line["y"][at], rel=1e-6))
    chance = panel.layers["sde_chart.chance"]["y"]
    assert chance[0] == pytest.approx(panel.instrument.end_distance.expected, rel=1e-6)
    heights = panel.layers["sde_chart.names"]["y"]
    assert np.all(np.diff(np.log(heights)) < -0.2), "names are a line apart"
    assert panel.layers["sde_chart.names"]["text"] == ["8 steps", "16 steps", "32 steps", "64 steps"]
    panel.update(flow="reflow_once")
    assert all(len(panel.layers[f"sde_chart.{name}"]["x"]) == 0 for name in ("steps_32", "chance", "here"))


def test_pairs_and_flow_are_shown_side_by_side(panel):
    """Same noise, same t: on the left as in Pairs, on the right as in Flow."""
    panel.update(view="both", t=0.4)
    for layer, view in (("plane", "pairs"), ("beside", "flow")):
        alone = Shown(view=view, t=0.4)
        for name in ("points", "paths"):
            for key, column in alone.layers[f"plane.{name}"].items():
                np.testing.assert_array_equal(panel.layers[f"{layer}.{name}"][key], column)
    assert "on the paths of their own pairs" in panel.description
    assert "Beside them the same noise is carried by the flow, in 16 Euler steps." in panel.description
    table = panel.instrument.table()
    np.testing.assert_allclose(table["flow_x"], panel.layers["beside.points"]["x"], atol=1e-6)
    panel.instrument.run()
    assert panel.instrument.view == "both"


# --- the probe -------------------------------------------------------------------------------------------------------


def test_the_probe_shows_paths_through_it_their_velocities_and_the_mean(panel):
    panel.update(view="probe", probe_x=0.5, probe_y=-0.25, t=0.5)
    x = np.array([0.5, -0.25])
    start, end = panel.segments("plane.meeting")
    np.testing.assert_allclose((start + end) / 2, np.tile(x, (MEETING, 1)), atol=1e-6)  # at t = ½ half-way
    arrow_start, arrow_end = (ends[:MEETING] for ends in panel.segments("plane.velocities"))
    np.testing.assert_array_equal(arrow_start, np.tile(x, (MEETING, 1)))
    np.testing.assert_allclose(arrow_end - arrow_start, ARROW_TIME * (end - start), atol=1e-5)
    shaft = [ends[0] for ends in panel.segments("plane.mean")]
    mean = exact().velocity(x[None], 0.5)[0]
    np.testing.assert_allclose(shaft[1] - shaft[0], ARROW_TIME * mean, atol=1e-6)
    assert panel.texts["probe"] == f"({mean[0]:.2f}, {mean[1]:.2f})".replace("-", "−")
    assert f"spread by {panel.texts['probe_true']}." in panel.description


def test_near_the_end_the_words_know_no_spread(panel):
    panel.update(view="probe", flow="minibatch_transport", t=1.0)
    assert "so near the end no paths are drawn" in panel.description
    assert "nan" not in panel.description
    assert panel.texts["probe_true"] == NOTHING
    assert panel.texts["probe"] != NOTHING
    assert len(panel.layers["plane.meeting"]["x"]) == len(panel.layers["plane.velocities"]["x"]) == 0


# --- buttons, words, data --------------------------------------------------------------------------------------------


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
    status = Shown(flow="reflow_twice").status
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


# --- cost ------------------------------------------------------------------------------------------------------------


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
    panel = Shown()
    before = panel.points()
    panel.instrument.param.update(flow=flow, batch_size="64")
    seen = []
    while (answer := panel.update(0.0)).working:
        assert answer.pale == ("plane", "chart")
        assert f"{answer.progress.done} of {answer.progress.of} steps · 384 points" in panel.status
        np.testing.assert_array_equal(panel.points(), before)
        seen.append(answer.progress)
    assert answer.pale == ()
    assert {progress.of for progress in seen} == set(steps)
    moves = [after.done - now.done for now, after in pairwise(seen)]
    assert set(moves) <= {1} | {k - of for k in (0, 1) for of in steps}, "a step, or on to the next work"
    whole = Shown(flow=flow, batch_size="64")
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
    np.testing.assert_array_equal(panel.points(), Shown(flow="reflow_once", seed=5).points())


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

"""Flow matching as an instrument: points, paths, fields and numbers are the kernel's."""

import numpy as np
import pytest

from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.instruments.common.metrics import fraction_within, nearest
from diffusion_lab.instruments.flow import kernel
from diffusion_lab.instruments.flow.component import ARROW_TIME, FIELD, MEETING, PATH_POINTS, FlowMatching

from ..screen import Screen
from .cases import RING, exact, own_pairs


@pytest.mark.subject(
    lambda t: t,
    backwards=lambda t: 1 - t,
    one_slider_step_late=lambda t: min(1.0, t + 0.01),
)
def test_the_picture_is_the_kernel_s_run(subject):
    run = kernel.solve(exact().velocity, own_pairs(9).noise, 5, "heun")
    panel = Screen(FlowMatching, seed=9, num_steps=5, solver="heun", view="flow")
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

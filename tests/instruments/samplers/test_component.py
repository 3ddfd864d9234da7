"""Samplers as an instrument: that pictures and numbers are the kernel's, and what buttons and taps do."""

import numpy as np
import pytest

from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.metrics import nearest
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.samplers import faults, kernel, views
from diffusion_lab.instruments.samplers.component import LADDER, MANY, PLACES, Samplers
from diffusion_lab.instruments.samplers.kernel import METHODS, Choices

from ..screen import Screen

RING = ring()
QUICK = {"nfe": 4}


def own_run(sampler, nfe=10, seed=4, **choices):
    x = kernel.noise(seed)
    return Trajectory.of(kernel.states(RING, sampler, x, nfe, Choices(**choices), seed))


# --- all samplers ----------------------------------------------------------------------------------------------------


@pytest.mark.subject(lambda k: k, shifted=lambda k: (k + 1) % 8)
def test_each_cell_shows_its_sampler(subject):
    shown = Screen(Samplers, nfe=8)
    points = shown.points("race.points").reshape(len(METHODS), views.CELL_POINTS, 2)
    for k, name in enumerate(METHODS):
        x = np.clip(own_run(name, 8).x[-1][: views.CELL_POINTS], -views.CELL / 2, views.CELL / 2)
        np.testing.assert_allclose(points[subject(k)] - views.CENTRES[subject(k)], x, atol=1e-5)


def test_the_number_in_a_corner_is_the_distance_to_the_law():
    shown = Screen(Samplers, nfe=8)
    assert shown.layers["race.names"]["text"] == [method.label for method in METHODS.values()]
    laws = [f"{kernel.law_error(own_run(name, 8).x[-1], RING).distance:.3f}" for name in METHODS]
    assert shown.layers["race.errors"]["text"] == laws
    assert all(law in shown.description for law in laws)


def test_points_have_the_colour_of_their_exact_end_or_with_fresh_noise_of_their_own():
    shown = Screen(Samplers, nfe=4)
    part = shown.layers["race.points"]["part"].reshape(len(METHODS), -1)
    exact = nearest(kernel.reference_ends(RING, kernel.noise(4)), RING.means)[: views.CELL_POINTS]
    for k, name in enumerate(METHODS):
        own = nearest(own_run(name, 4).x[-1], RING.means)[: views.CELL_POINTS]
        np.testing.assert_array_equal(part[k], own if METHODS[name].stochastic else exact)


def test_a_tap_opens_the_sampler_of_its_cell():
    shown = Screen(Samplers, **QUICK)
    shown.instrument.tap(*(views.CENTRES[6] + (1.0, -2.0)))
    assert (shown.instrument.sampler, shown.instrument.view) == ("unipc", "paths")
    shown.instrument.tap(*(views.CENTRES[0] + (views.CELL / 2 + views.GAP / 2, 0)))
    assert shown.instrument.sampler == "unipc", "between cells there is nothing"


def test_cells_do_not_overlap_and_fill_the_picture():
    scene = Samplers.race
    low, high = views.CENTRES - views.CELL / 2, views.CENTRES + views.CELL / 2
    assert np.all(low.min(axis=0) >= (scene.x[0], scene.y[0]))
    assert np.all(high.max(axis=0) <= (scene.x[1], scene.y[1]))
    for k in range(8):
        assert views.cell_at(*views.CENTRES[k]) == k
        others = np.delete(np.arange(8), k)
        assert np.all(np.abs(views.CENTRES[others] - views.CENTRES[k]).max(axis=1) >= views.CELL)


# --- one sampler -----------------------------------------------------------------------------------------------------


def test_paths_and_gaps_are_the_run_s():
    shown = Screen(Samplers, view="paths", sampler="deis", nfe=6)
    run, exact = own_run("deis", 6), kernel.reference_ends(RING, kernel.noise(4))
    start, end = shown.segments("paths.paths")
    np.testing.assert_allclose(start.reshape(6, views.PATHS, 2), run.x[:-1, : views.PATHS], atol=1e-5)
    np.testing.assert_allclose(end[-views.PATHS :], run.x[-1][: views.PATHS], atol=1e-5)
    start, end = shown.segments("paths.gaps")
    np.testing.assert_allclose(start, run.x[-1][: views.PATHS], atol=1e-5)
    np.testing.assert_allclose(end, exact[: views.PATHS], atol=1e-5)
    assert float(shown.texts["end_error"]) == pytest.approx(kernel.end_error(run.x[-1], exact), rel=0.01)
    shown.update(progress=0.5)
    assert len(shown.points("paths.gaps")) == 0, "gaps are those of ends"
    np.testing.assert_allclose(shown.points("paths.points"), run.x[3][: views.POINTS], atol=1e-5)


def test_fresh_noise_has_no_exact_ends():
    shown = Screen(Samplers, view="paths", sampler="ddpm", nfe=6)
    assert shown.texts["end_error"] == NOTHING
    assert len(shown.points("paths.exact")) == len(shown.points("paths.gaps")) == 0
    assert "adds fresh noise, so it has no exact ends" in shown.description


def test_the_words_have_the_errors_and_the_design_choices():
    shown = Screen(Samplers, view="paths", sampler="unipc", nfe=6, rho=5.0)
    texts = shown.texts
    assert texts["end_error"] != texts["end_error_true"]
    assert (
        f"The ends of UniPC are {texts['end_error']} from the exact ones, of DDIM {texts['end_error_true']}. Its"
        f" distance to the exact density is {texts['law_error']}, of perfect draws {texts['law_error_true']}. The chart"
        " shows distance to exact ends against evaluations. Noise levels: Karras with ρ = 5. Euler and Heun step in log"
        " ᾱ (VP). EDM: Heun's correction, fresh noise S = 40."
    ) in shown.description
    shown.update(spacing="cosine", variable="sigma", solver="euler", churn=10.0, chart_shows="law")
    assert "The chart shows distance to the exact density against evaluations. Noise levels: Cosine schedule." in (
        shown.description
    )
    assert "step in σ (EDM). EDM: Euler alone, fresh noise S = 10." in shown.description


def test_design_choices_move_their_samplers_and_no_others():
    before = Screen(Samplers, **QUICK).points("race.points").reshape(8, -1, 2)
    for change, moved in (
        ({"variable": "sigma"}, {"ode_euler", "ode_heun"}),
        ({"churn": 0.0}, {"edm_stochastic"}),
        ({"solver": "euler"}, {"edm_stochastic"}),
        ({"rho": 3.0}, set(METHODS)),
        ({"spacing": "cosine"}, set(METHODS)),
    ):
        after = Screen(Samplers, **QUICK, **change).points("race.points").reshape(8, -1, 2)
        assert {name for k, name in enumerate(METHODS) if not np.array_equal(before[k], after[k])} == moved


# --- the chart -------------------------------------------------------------------------------------------------------


def test_the_chart_marks_the_chosen_sampler_on_its_line():
    shown = Screen(Samplers, nfe=16, sampler="dpm_solver_pp_2m")
    for shows in ("end", "law"):
        shown.update(chart_shows=shows)
        line, here = shown.layers["errors.dpm_solver_pp_2m"], shown.layers["errors.here"]
        np.testing.assert_array_equal(line["x"], LADDER)
        assert here["y"][0] == pytest.approx(line["y"][list(line["x"]).index(16)], rel=1e-6)
        np.testing.assert_array_equal(shown.layers["errors.budget"]["x"], [16, 16])
    shown.update(chart_shows="end", sampler="ddpm")
    assert len(shown.layers["errors.here"]["x"]) == 0


def test_only_the_law_has_lines_of_all_samplers_and_a_floor():
    shown = Screen(Samplers, **QUICK)
    assert not shown.visible["errors.ddpm"]
    assert not shown.visible["errors.floor"]
    assert shown.visible["errors.guides"]
    shown.update(chart_shows="law")
    assert all(shown.visible[f"errors.{name}"] for name in METHODS)
    assert shown.visible["errors.floor"]
    assert not shown.visible["errors.guides"]


def test_lines_of_samplers_with_fresh_noise_are_dashed():
    lines = Samplers.errors.layers
    assert {name for name in METHODS if lines[name].dash} == {name for name in METHODS if METHODS[name].stochastic}


@pytest.mark.parametrize("order", [1, 2, 3])
def test_guides_fall_with_their_order(order):
    (start, end) = views.guides((4, 64), 1.0)[:, order - 1]
    assert np.log(start[1] / end[1]) / np.log(end[0] / start[0]) == pytest.approx(order)


# --- over time, between noises, faults -------------------------------------------------------------------------------


def test_a_pair_has_one_sampler_of_each_kind():
    for name, method in METHODS.items():
        smooth, fresh = Samplers(sampler=name).pair
        assert not METHODS[smooth].stochastic
        assert METHODS[fresh].stochastic
        assert name == (fresh if method.stochastic else smooth)


def test_paths_over_time_go_through_the_states():
    shown = Screen(Samplers, view="over_time", sampler="unipc", nfe=4, progress=0.5)
    x = kernel.noise(4, MANY, 1)
    run = Trajectory.of(kernel.states(kernel.LINE, "unipc", x, 4, Choices(), 4)).x
    start, end = shown.segments("without_noise.paths")
    np.testing.assert_allclose(start[: views.LINES, 0], 0.0)
    np.testing.assert_allclose(start[: views.LINES, 1], run[0, : views.LINES, 0], atol=1e-6)
    np.testing.assert_allclose(end[-views.LINES :], np.insert(run[2, : views.LINES], 0, 0.5, axis=1), atol=1e-6)
    shown.update(progress=0.6)
    _, end = shown.segments("without_noise.paths")
    here = 0.6 * run[2, : views.LINES] + 0.4 * run[3, : views.LINES]
    np.testing.assert_allclose(end[-views.LINES :], np.insert(here, 0, 0.6, axis=1), atol=1e-6)


@pytest.mark.subject(
    views.density_over_time,
    upside_down=lambda *a: views.density_over_time(*a)[::-1],
    backwards=lambda *a: views.density_over_time(*a)[:, ::-1],
)
def test_the_density_over_time_is_that_of_each_level(subject):
    levels = kernel.levels("karras", 7.0, 4)
    image = subject(kernel.LINE, levels, -3.6, 3.6)
    x = -3.6 + (np.arange(96) + 0.5) * 7.2 / 96
    for column, level in ((0, levels[0]), (95, levels[-1])):
        density = np.exp(kernel.LINE.log_density(x[:, None], level.signal, level.sigma_t))
        np.testing.assert_allclose(image[:, column], density / density.max(), atol=1e-9)


def test_the_histogram_counts_the_ends():
    shown = Screen(Samplers, view="over_time", nfe=64)
    width = views.BINS[1] - views.BINS[0]
    for layer in ("without_noise", "with_noise"):
        assert np.sum(shown.layers[f"histogram.{layer}"]["height"]) * width == pytest.approx(1, abs=5e-3)
    assert float(shown.texts["upper"]) == pytest.approx(0.7, abs=0.04)
    smooth, jagged = (float(np.mean(run.x[-1] > 0)) for run in shown.instrument.on_a_line)
    assert (shown.texts["upper"], shown.texts["upper_true"]) == (f"{smooth:.3f}", f"{jagged:.3f}")
    assert smooth != pytest.approx(jagged, abs=1e-3)
    assert f"Above 0 end {smooth:.3f} and {jagged:.3f} of the points (exactly 0.700)." in shown.description


def test_an_arc_s_ends_are_joined_unless_the_noise_is_fresh():
    shown = Screen(Samplers, view="interpolation", **QUICK)
    assert len(shown.points("smooth.curve")) == PLACES
    assert len(shown.points("scattered.curve")) == 0
    assert "Noises on an arc from one to another" in shown.description
    assert "by DPM++ 2M and by DDPM with fresh noise at each place, 4 evaluations each" in shown.description
    shown.update(fresh_noise="one")
    assert "by DPM++ 2M and by DDPM with the same noise everywhere, 4 evaluations each" in shown.description
    assert len(shown.points("scattered.curve")) == PLACES
    arc = kernel.between(4, PLACES, "spherical")
    np.testing.assert_allclose(shown.points("smooth.arc"), arc, atol=1e-6)
    ends = Trajectory.of(kernel.states(RING, "dpm_solver_pp_2m", arc, 4, Choices(), 4)).x[-1]
    np.testing.assert_allclose(
        shown.points("along.without_noise"), np.stack([np.linspace(0, 1, PLACES), ends[:, 0]], axis=1), atol=1e-5
    )
    assert f"neighbouring ends is {shown.texts['jump']} and {shown.texts['jump_true']}." in shown.description


def test_a_fault_is_measured_beside_the_right_way():
    shown = Screen(Samplers, view="faults", fault="mean_of_ddpm", nfe=6)
    x = kernel.noise(4, MANY)
    right, wrong = (Trajectory.of(faults.run("mean_of_ddpm", x, 6, faulty)).x[-1] for faulty in (False, True))
    assert shown.texts["damage"] == f"{faults.law_error(wrong, 'mean_of_ddpm').distance:.3f}"
    assert shown.texts["damage_true"] == f"{faults.law_error(right, 'mean_of_ddpm').distance:.3f}"
    assert shown.texts["far"] == "1.000"
    assert shown.layers["wrong.shares"]["text"] == ["0.0%, true 20%", "100.0%, true 80%"]
    np.testing.assert_allclose(shown.points("wrong.points"), wrong[: views.POINTS], atol=1e-5)
    texts = shown.texts
    assert (
        f"Distance to the exact density {texts['damage']}, the right way {texts['damage_true']}; share of the far"
        f" cluster {texts['far']}, the right way {texts['far_true']}; spread {texts['spread']}, the right way"
        f" {texts['spread_true']}."
    ) in shown.description
    assert texts["far_true"] == f"{faults.far_share(right):.3f}" != texts["far"]
    assert faults.FAULTS["mean_of_ddpm"].source in shown.status
    assert faults.FAULTS["mean_of_ddpm"].harm in shown.description


@pytest.mark.parametrize("view", ["over_time", "interpolation"])
@pytest.mark.parametrize("sampler", ["ode_heun", "edm_stochastic"])
def test_the_read_outs_are_of_the_chosen_sampler_of_a_pair(view, sampler):
    """Both take two evaluations a step; the sampler beside them takes one."""
    shown = Screen(Samplers, view=view, sampler=sampler, nfe=8, progress=0.5)
    assert (shown.texts["steps"], shown.texts["nfe"]) == ("4", "8")
    assert shown.texts["sigma"] == f"{kernel.levels('karras', 7.0, 4)[2].sigma:.3g}"


# --- buttons and slices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 10), ("ode_heun", 5)])
def test_step_goes_from_state_to_state(sampler, steps):
    instrument = Samplers(view="paths", sampler=sampler, progress=0.0)
    seen = []
    for _ in range(steps + 1):
        instrument.step()
        seen.append(instrument.progress)
    np.testing.assert_allclose(seen, [*np.arange(1, steps + 1) / steps, 1.0])


def test_the_chart_is_computed_between_messages():
    """In slices too short for all of it, it grows from few evaluations to many, and nothing else waits for it."""
    instrument = Samplers(**QUICK)
    lengths, answer = [], instrument.answer(0.01)
    while answer.working:
        if (line := answer.layers.get("errors.ddim")) is not None:
            lengths.append(len(line["x"]))
        answer = instrument.answer(0.01)
    lengths += [len(line["x"])] if (line := answer.layers.get("errors.ddim")) is not None else []
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(LADDER)
    assert len(set(lengths)) > 3


def test_a_table_has_the_points_of_every_sampler():
    table = Samplers(**QUICK).table()
    assert list(table) == [f"{name}_{axis}" for name in METHODS for axis in "xy"]
    on_the_way, x = Samplers(progress=0.5, **QUICK).table(), own_run("ddim", 4).at(0.5)
    np.testing.assert_array_equal(np.stack([on_the_way["ddim_x"], on_the_way["ddim_y"]], axis=1), x)
    assert list(Samplers(view="over_time", **QUICK).table()) == ["dpm_solver_pp_2m_x", "ddpm_x"]
    assert list(Samplers(view="faults", **QUICK).table()) == ["right_x", "right_y", "faulty_x", "faulty_y"]

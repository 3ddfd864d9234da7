"""Fewer steps as an instrument: pictures and numbers are the kernel's, and training is seen on its way."""

import numpy as np
import pytest

from diffusion_lab.app.instrument.readings import NOTHING, number_text
from diffusion_lab.instruments.common.datasets import DATA_SETS
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.distill import charts, kernel, quality, students, views
from diffusion_lab.instruments.distill.charts import STEPS
from diffusion_lab.instruments.distill.component import EVERY, NUM_STEPS, Distill
from diffusion_lab.instruments.distill.kernel import SIGMA_MIN
from diffusion_lab.instruments.distill.views import CELLS, FEW, HIGH, SHOWN, WIDE

from ..screen import Screen

RING, MOONS = DATA_SETS["ring"](), DATA_SETS["moons"]()
EXACT = MixtureDenoiser(RING.mixture)
QUICK = {"num_runs": 2}


# --- the map ---------------------------------------------------------------------------------------------------------


def ends_of(x, level, data=MOONS):
    return kernel.consistency_map(data.mixture, x, level)


def guesses(x, level):
    return (x - level.sigma_t * MixtureDenoiser(MOONS.mixture)(x, level)) / level.signal


@pytest.mark.subject(ends_of, guess=guesses, stays=lambda x, level: x)
@pytest.mark.parametrize("t", [1.0, 0.5])
def test_each_place_has_the_part_where_it_ends(subject, t):
    layers = Screen(Distill, noise_level=t, data_set="moons").layers
    image = np.argmax([layers[f"plane.{name}"]["image"] for name in charts.REGIONS], axis=0)
    part = views.parts_of(MOONS, subject(views.places(), kernel.level_at(t)))
    assert np.mean(image == part.reshape(-1, CELLS)) > 0.995
    assert set(part) == {0, 1}


def test_places_cover_the_picture():
    places, scene = views.places().reshape(-1, CELLS, 2), Distill.plane
    half = (places[0, 1, 0] - places[0, 0, 0]) / 2
    np.testing.assert_allclose(places[0, 0] - half, (scene.x[0], scene.y[0]))
    np.testing.assert_allclose(places[-1, -1] + half, (WIDE, HIGH))


def test_points_are_of_the_level_and_arrows_lead_to_their_ends():
    shown = Screen(Distill, noise_level=0.5)
    x, part = shown.points("plane.points"), shown.layers["plane.points"]["part"]
    exact = ends_of(x, kernel.level_at(0.5), RING)
    ends = shown.points("ends.points")
    assert np.quantile(np.linalg.norm(exact - ends, axis=1), 0.9) < 0.02, "between two states points are on a line"
    np.testing.assert_array_equal(part, views.parts_of(RING, ends))
    columns = shown.layers["plane.map"]
    tips = np.stack([columns["x1"], columns["y1"]], axis=1)[:FEW]
    np.testing.assert_allclose(tips, ends[:FEW], atol=1e-5)
    np.testing.assert_allclose(shown.points("plane.map")[:FEW], x[:FEW], atol=1e-5)


def test_the_chart_has_the_distances_of_map_and_guess_and_the_level():
    shown = Screen(Distill, noise_level=1.0)
    way = kernel.trajectories(RING.mixture, quality.start_of(4)[:SHOWN])
    by_map, by_guess = kernel.miss(RING.mixture, way, 0)
    assert shown.texts["same_end"] == number_text(by_map, ".0e")
    assert shown.texts["same_end_true"] == f"{by_guess:.2f}"
    assert shown.layers["misses.by_guess"]["y"][0] == pytest.approx(by_guess)
    assert shown.layers["misses.by_map"]["y"][0] == pytest.approx(by_map, rel=1e-3)
    assert set(shown.layers["misses.here"]["x"]) == {80.0}
    assert (
        f"ends of the trajectories up to {shown.texts['same_end']}; the denoiser's guess of the clean point is"
        f" {shown.texts['same_end_true']} away from them."
    ) in shown.description


# --- few steps -------------------------------------------------------------------------------------------------------


@pytest.mark.subject(lambda steps: steps, one_more=lambda steps: steps + 1)
def test_ddim_beside_it_has_as_many_passes(subject):
    shown = Screen(Distill, view="few_steps", num_steps=3, **QUICK)
    x = quality.start_of(4)
    ends = kernel.ddim_ends(EXACT, x, subject(3))
    np.testing.assert_allclose(shown.points("by_ddim.points"), views.inside(ends[:SHOWN]), atol=1e-5)
    assert shown.texts["passes"] == "3"
    assert shown.texts["few_mean"] == NOTHING, "three is not in the chart"
    assert "Mean of" not in shown.description


def test_error_bars_are_of_independent_runs():
    shown = Screen(Distill, view="few_steps", num_steps=2, **QUICK)
    work = lambda x, level: kernel.consistency_map.work(RING.mixture, x, level)  # noqa: E731
    runs = finish(quality.few_steps(RING, work, STEPS, 4, 2))
    for name, values in (("method", runs.method), ("ddim", runs.ddim)):
        mean, error = quality.mean_and_error(values)
        bars = shown.layers[f"compared.{name}_bars"]
        np.testing.assert_allclose(bars["y1"] - bars["y"], 2 * error, atol=1e-6)
        np.testing.assert_allclose(shown.layers[f"compared.{name}"]["y"], mean, rtol=1e-5)
    x, rng = kernel.noise((10_004, 9), quality.MANY), seeded((10_004, 10))  # of the second run, all its own
    way = finish(kernel.consistency_sampling.work(work, x, kernel.levels(2)[:-1], rng))
    assert runs.method[1, 1] == kernel.law_error(way.x[-1], RING.mixture).distance
    mean, error = quality.mean_and_error(runs.method)
    assert shown.texts["few_mean"] == f"{mean[1]:.3f} ± {error[1]:.3f}"
    assert shown.texts["few"] == f"{runs.method[0, 1]:.3f}", "the first run is that of the picture"
    assert shown.texts["few_true"] == f"{runs.ddim[0, 1]:.3f}"
    chance = kernel.law_error(quality.start_of(4), RING.mixture).expected
    assert (
        f"Distance to the exact density: {runs.method[0, 1]:.3f}, DDIM {runs.ddim[0, 1]:.3f}, perfect draws"
        f" {chance:.3f}. Mean of 2 runs: {shown.texts['few_mean']} and {shown.texts['few_mean_true']}."
    ) in shown.description


def test_progress_leads_through_ends_and_fresh_noise():
    shown = Screen(Distill, view="few_steps", num_steps=2, progress=0.0, **QUICK)
    np.testing.assert_allclose(shown.points("by_map.points"), views.inside(quality.start_of(4)[:SHOWN]), atol=1e-5)
    assert float(shown.texts["sigma"]) == 80
    shown.update(progress=0.34)
    assert float(shown.texts["sigma"]) == SIGMA_MIN
    first = ends_of(quality.start_of(4), kernel.START, RING)
    assert np.median(np.linalg.norm(shown.points("by_map.points") - views.inside(first[:SHOWN]), axis=1)) < 0.1


def test_the_learned_map_is_another_one(monkeypatch):
    monkeypatch.setattr(students, "MAP_STEPS", 60)
    shown = Screen(Distill, view="few_steps", consistency_map="learned", **QUICK)
    learned = finish(students.learned_map(RING, 4))
    ends = finish(learned.ends(quality.start_of(4), kernel.START))
    np.testing.assert_allclose(shown.points("by_map.points"), views.inside(ends[:SHOWN]), atol=1e-3)
    assert "learned map" in shown.description


# --- students --------------------------------------------------------------------------------------------------------


def moment_at(step, seed=4):
    for k, state in enumerate(students.halving(RING, seed)):
        if k == step:
            return students.Moment.of(k, state)
    raise AssertionError("no such step")


@pytest.mark.subject(lambda step: step, a_frame_late=lambda step: step - EVERY)
def test_the_student_is_that_of_the_step(subject):
    shown = Screen(Distill, view="halving", training_step=420, **QUICK)
    moment = moment_at(subject(420))
    student, teacher = quality.halving_pair(RING, moment, quality.start_of(4))
    np.testing.assert_allclose(shown.points("student.points"), views.inside(student.x[-1][:SHOWN]), atol=1e-3)
    np.testing.assert_allclose(shown.points("teacher.points"), views.inside(teacher.x[-1][:SHOWN]), atol=1e-3)
    np.testing.assert_array_equal(shown.layers["student.points"]["part"], views.parts_of(RING, teacher.x[-1])[:SHOWN])
    assert (shown.texts["passes"], moment.num_steps) == ("4", 4)
    assert shown.texts["loss"] == f"{moment.loss:.5f}"
    assert shown.texts["lost"] == NOTHING, "this student is not finished"
    assert "students lose" not in shown.description
    assert "A student with 4 steps beside its teacher with 8 steps" in shown.description
    own, its_teacher = (kernel.law_error(run.x[-1], RING.mixture).distance for run in (student, teacher))
    assert float(shown.texts["halved"]) == pytest.approx(own, abs=1e-3)
    assert (
        f"Distance to the exact density: {shown.texts['halved']}, the teacher {its_teacher:.3f}, perfect draws"
        f" {shown.texts['chance']}."
    ) in shown.description
    assert shown.layers["halvings.here"]["x"][0] == 4
    assert shown.layers["halvings.here"]["y"][0] == pytest.approx(own, abs=1e-3)


def lost_by_seeds(seeds):
    """What the first halving loses: the mean over runs and its standard error, with other code."""
    lost = []
    for seed in seeds:
        x = kernel.noise((seed, 9), quality.MANY)
        runs = ((EXACT, 16), (moment_at(400, seed).student, 8))
        first, second = (kernel.law_error(kernel.ddim_ends(d, x, n), RING.mixture).distance for d, n in runs)
        lost.append(second - first)
    return np.mean(lost), np.std(lost, ddof=1) / np.sqrt(len(lost))


@pytest.mark.subject(lambda seed: seed, same_run_twice=lambda seed: 4)
def test_what_a_halving_loses_is_measured_over_independent_runs(subject):
    shown = Screen(Distill, view="halving", training_step=400, **QUICK)
    mean, error = lost_by_seeds([subject(4), subject(10_004)])
    found, bar = map(float, shown.texts["lost"].split(" ± "))
    assert found == pytest.approx(mean, abs=5e-4)
    assert bar == pytest.approx(error, abs=5e-4)
    assert f"students lose {shown.texts['lost']}" in shown.description
    assert len(shown.layers["halvings.method"]["x"]) == 2, "the teacher and its only student"
    np.testing.assert_array_equal(shown.layers["halvings.ddim"]["x"], [16, 8, 4, 2, 1])


def test_slices_give_what_one_answer_gives_and_show_students_on_the_way():
    whole, sliced = (Screen(Distill, view="halving", training_step=step, **QUICK) for step in (300, 0))
    answer, losses = sliced.update(0.0, training_step=300), []
    while answer.working:
        losses.append(sliced.texts["loss"])
        answer = sliced.take(sliced.instrument.answer(0.0))
    assert len(set(losses)) >= 3
    assert sliced.texts == whole.texts
    np.testing.assert_array_equal(sliced.points("student.points"), whole.points("student.points"))


def test_what_has_been_trained_is_not_trained_again():
    shown = Screen(Distill, view="halving", training_step=100, **QUICK)
    replay = shown.instrument.replay
    shown.update(view="map")
    shown.update(view="halving", training_step=40, progress=0.5, num_runs=3)
    assert shown.instrument.replay is replay
    shown.update(seed=5)
    assert shown.instrument.replay is not replay


def test_guidance_has_its_teacher_s_ends_beside_and_counts_passes():
    shown = Screen(Distill, view="guidance", training_step=60, guidance_scale=3.0)
    x, part = quality.start_of(4), np.arange(quality.MANY) % 6
    for state in students.guidance_distillation(RING, 4, NUM_STEPS):
        if len(state.fit.losses) == 60:
            break
    own, teacher = quality.guidance_pair(RING, state.fit.student, x, part, 3.0)
    np.testing.assert_allclose(shown.points("two_passes.points"), views.inside(teacher.x[-1][:SHOWN]), atol=1e-5)
    np.testing.assert_allclose(shown.points("one_pass.points"), views.inside(own.x[-1][:SHOWN]), atol=1e-3)
    assert (shown.texts["saved"], shown.texts["saved_true"]) == ("16", "32")
    assert float(shown.texts["gap"]) == pytest.approx(kernel.rms(own.x[-1], teacher.x[-1]), abs=2e-3)
    plain = kernel.rms(quality.unguided_ends(RING, x, part), teacher.x[-1])
    assert (
        f"the student with 16 passes after 60 training steps, and its teacher with 32 passes in 16 steps, 100% of the"
        f" run done. The student's ends are {shown.texts['gap']} from the teacher's; without guidance they would be"
        f" {plain:.3f} away."
    ) in shown.description
    columns = shown.layers["one_pass.gaps"]
    tips = np.stack([columns["x1"], columns["y1"]], axis=1)[:FEW]
    np.testing.assert_allclose(tips, teacher.x[-1][:FEW], atol=1e-3)
    here, curve = shown.layers["gaps.here"], shown.layers["gaps.student"]
    assert here["y"][0] == pytest.approx(np.interp(3.0, curve["x"], curve["y"]), abs=1e-4)
    shown.update(progress=0.5)
    assert len(shown.points("one_pass.gaps")) == 0, "arrows are between ends"


def test_play_trains_and_moves_what_the_view_is_about():
    distill = Distill(view="halving", **QUICK)
    distill.run()
    assert (distill.training_step, distill.playing) == (0, True)
    distill.view = "map"
    assert not distill.playing
    distill.run()
    assert distill.noise_level == 0.0
    distill.step()
    assert distill.noise_level == pytest.approx(0.01)


def test_the_table_has_the_points_shown():
    table = Distill(noise_level=0.0).table()
    assert list(table) == ["point_x", "point_y", "end_x", "end_y"]
    np.testing.assert_allclose(table["point_x"], table["end_x"])

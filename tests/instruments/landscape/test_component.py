"""The landscape as an instrument: pictures and table are the kernel's, and a network is seen when it is trained."""

from collections import Counter

import numpy as np
import pytest

from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.instruments.common.datasets import DATA_SETS, NOTHING_DRAWN, decode
from diffusion_lab.instruments.common.slices import finish
from diffusion_lab.instruments.landscape import component, kernel, views
from diffusion_lab.instruments.landscape.component import EVERY, Landscape
from diffusion_lab.instruments.landscape.kernel import MODELS, NETWORKS, frames, kept, moment
from diffusion_lab.instruments.landscape.quality import Yardstick
from diffusion_lab.instruments.landscape.views import EXTENT, LINES, SHOWN

from ..screen import Screen

MOONS = DATA_SETS["moons"]()
YARD = Yardstick.of(MOONS)
QUICK = {"training_step": 40}


def frame_at(name, step, seed=4):
    if name == "ppca":
        return kernel.fitted(MOONS, seed)
    return next(kept(frame) for frame in frames(name, MOONS, seed) if frame.step == step)


@pytest.fixture(scope="module")
def shown():
    return Screen(Landscape, **QUICK)


@pytest.mark.subject(lambda step: step, a_frame_late=lambda step: step - EVERY)
def test_samples_are_those_of_the_step(subject, shown):
    for name in NETWORKS:
        found = moment(frame_at(name, subject(40)), YARD, 4)
        near = YARD.near(found.x[:SHOWN])
        np.testing.assert_allclose(shown.points(f"of_{name}.near"), found.x[:SHOWN][near], atol=1e-5)
        np.testing.assert_allclose(shown.points(f"of_{name}.off"), views.within(found.x[:SHOWN][~near]), atol=1e-5)
        missed = YARD.points[:SHOWN][~YARD.covered(found.x)[:SHOWN]]
        np.testing.assert_allclose(shown.points(f"of_{name}.missed"), missed, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_table_and_the_chart_have_the_measures(shown, name):
    near, covered, distance = moment(frame_at(name, 40), YARD, 4).quality
    texts = shown.texts
    assert texts[f"near_{name}"] == f"{100 * near:.1f}"
    assert texts[f"covered_{name}"] == f"{100 * covered:.1f}"
    assert texts[f"distance_{name}"] == f"{distance:.3f}"
    place = shown.points("compared.models")[MODELS.index(name)]
    np.testing.assert_allclose(place, [100 * covered, 100 * near], atol=1e-4)
    assert f"{texts[f'near_{name}']} % of the samples are near the data" in shown.description


def test_costs_and_likelihoods(shown):
    texts = shown.texts
    assert [texts[f"passes_{name}"] for name in (*MODELS, "data")] == [NOTHING, "1", "1", "32", NOTHING]
    assert all(texts[f"training_{name}"].endswith("s") for name in MODELS)
    assert texts["likelihood_gan"] == NOTHING
    assert texts["likelihood_vae"].startswith("≥ −")
    models = (frame_at(name, 40).model for name in ("ppca", "vae", "diffusion"))
    found = kernel.likelihoods(YARD, *models, 4)
    numbers = {"ppca": found.ppca, "diffusion": found.diffusion, "data": found.exact}
    for name, value in numbers.items():
        assert texts[f"likelihood_{name}"] == f"{value:.2f}".replace("-", "−")
    near, covered, distance = kernel.perfect(YARD, 4)
    assert (texts["near_data"], texts["covered_data"]) == (f"{100 * near:.1f}", f"{100 * covered:.1f}")
    assert texts["distance_data"] == f"{distance:.3f}"


def test_times_are_no_part_of_the_description(shown):
    assert shown.instrument.panel.durations == {
        f"{row}_{c}" for row in ("drawing", "training") for c in [*MODELS, "data"]
    }
    assert not any(shown.texts[key] in shown.description for key in ("training_vae", "training_gan"))


def test_further_seeds_are_trainings_of_their_own():
    shown = Screen(Landscape, training_step=20, num_runs=2)
    for k, name in enumerate(MODELS):
        seeds = (4, 10_004)
        near = [100 * moment(frame_at(name, 20, seed), YARD, seed).quality.near for seed in seeds]
        assert shown.texts[f"spread_{name}"] == f"{min(near):.0f} to {max(near):.0f}"
        assert shown.points("compared.seeds")[k, 1] == pytest.approx(near[1], abs=1e-3)
    assert "Over 2 seeds, near the data are: PPCA" in shown.description
    shown.update(num_runs=1)
    assert shown.texts["spread_gan"] == NOTHING
    assert len(shown.points("compared.seeds")) == 0


def test_a_network_is_shown_when_it_is_trained_and_not_before():
    component.training.cache_clear()
    shown = Screen(Landscape, training_step=0)
    answer, drawn, answers = shown.update(0.0, training_step=120), Counter(), 0
    while answer.working:
        answers += 1
        drawn.update(layer for layer in answer.layers if layer.endswith(".near"))
        assert answer.progress is None or answer.progress.unit
        answer = shown.take(shown.instrument.answer(0.0))
    drawn.update(layer for layer in answer.layers if layer.endswith(".near"))
    assert answers > 18 and {drawn[f"of_{name}.near"] for name in NETWORKS} == {1}
    assert "after 120 training steps" in shown.description


def test_two_instruments_share_a_training():
    component.training.cache_clear()
    Screen(Landscape, **QUICK)
    before = component.training.cache_info().misses
    other = Screen(Landscape, **QUICK, view="inside", model="gan")
    assert component.training.cache_info().misses == before == len(NETWORKS)
    assert other.instrument._replay("gan").steps_done == 40


# --- inside ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_grid_leads_where_the_model_takes_it(name):
    shown = Screen(Landscape, **QUICK, view="inside", model=name)
    model = frame_at(name, 40).model
    x, y = (shown.layers["codes.grid"][axis].reshape(-1, 42)[:, :-1] for axis in "xy")  # lines end with a gap
    codes = np.stack([x.ravel(), y.ravel()], axis=1)
    assert len(x) == (1 if name == "ppca" else 2 * LINES)
    u, v = (shown.layers["ends.grid"][axis].reshape(-1, 42)[:, :-1].ravel() for axis in "xy")
    ends = finish(model.ends(np.asarray(codes, np.float64)))
    np.testing.assert_allclose(np.stack([u, v], axis=1), ends, atol=2e-4)
    assert name.replace("diffusion", "Inside diffusion").lower() in shown.description.lower()


@pytest.mark.parametrize("name", ["ppca", "vae"])
def test_short_lines_lead_from_data_to_what_is_given_back(name):
    shown = Screen(Landscape, **QUICK, view="inside", model=name)
    start, end = shown.segments("ends.ways")
    np.testing.assert_allclose(start, YARD.points[: views.FEW], atol=1e-5)
    np.testing.assert_allclose(end, shown.points("ends.points")[: views.FEW], atol=1e-5)
    part = MOONS.part[[np.argmin(np.sum((MOONS.mixture.means - x) ** 2, axis=1)) for x in start]]
    np.testing.assert_array_equal(shown.layers["ends.ways"]["part"], part)
    np.testing.assert_array_equal(shown.layers["codes.points"]["part"][: views.FEW], part)


def test_paths_of_diffusion_begin_in_the_noise_and_end_in_the_points():
    shown = Screen(Landscape, **QUICK, view="inside", model="diffusion")
    start, end = (x.reshape(-1, views.FEW, 2) for x in shown.segments("ends.ways"))
    np.testing.assert_allclose(views.within(start[0]), shown.points("codes.points")[: views.FEW], atol=1e-5)
    np.testing.assert_allclose(views.within(end[-1]), shown.points("ends.points")[: views.FEW], atol=1e-5)
    assert shown.texts["flow"] in shown.description


def test_the_discriminator_is_shown_and_told():
    shown = Screen(Landscape, **QUICK, view="inside", model="gan")
    found = moment(frame_at("gan", 40), YARD, 4)
    model = found.frame.model
    image = np.round(255 * model.judged(views.cells())).reshape(views.CELLS, views.CELLS)
    np.testing.assert_allclose(shown.layers["ends.judged"]["image"], image, atol=1)
    assert shown.texts["told"] == f"{model.judged(YARD.points).mean():.0%}"
    assert shown.texts["told_true"] == f"{model.judged(found.x).mean():.0%}"


def test_own_measures_of_each_model():
    shown = Screen(Landscape, **QUICK, view="inside", model="ppca")
    values = np.linalg.eigvalsh(kernel.fitted(MOONS, 4).model.covariance)
    assert (shown.texts["variance"], shown.texts["variance_true"]) == (f"{values[1]:.2f}", f"{values[0]:.2f}")
    shown.update(model="vae")
    assert shown.texts["variance"] == NOTHING
    assert shown.texts["bound"] in shown.description


# --- drawn data ------------------------------------------------------------------------------------------------------


def test_drawn_points_are_the_data():
    shown = Screen(Landscape, **QUICK, data_set="drawn", drawing="8c8ci0i0")
    points = decode("8c8ci0i0", EXTENT)
    data = shown.instrument.data
    np.testing.assert_allclose(data.mixture.means, points)
    line = kernel.fitted(data, 4).model
    np.testing.assert_allclose(line.mean, points.mean(axis=0), atol=0.1)
    assert "on the drawn data of 2, after" in shown.description


def test_an_empty_drawing_is_one_cluster_and_said():
    shown = Screen(Landscape, **QUICK, data_set="drawn")
    assert shown.status == NOTHING_DRAWN
    np.testing.assert_allclose(shown.instrument.data.mixture.means, 0, atol=0.01)


def test_a_drawing_that_is_not_shown_changes_nothing():
    one, other = Screen(Landscape, **QUICK), Screen(Landscape, **QUICK, drawing="8c8c")
    np.testing.assert_array_equal(one.points("of_vae.near"), other.points("of_vae.near"))

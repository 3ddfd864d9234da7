"""The ring's choices: data sets, drawings, samplers and numbers of points."""

import numpy as np
import pytest

from diffusion_lab.app.instrument import StateError
from diffusion_lab.instruments.common.datasets import DATA_SETS, encode, ring
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.ddpm import ddpm
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import SAMPLERS, Ring

from .shown import answers, layer, points, runs_made, shown, status, visible

ALPHA = 1e-4


@pytest.mark.parametrize("name", ["moons", "spiral", "checkerboard", "swiss_roll"])
def test_another_data_set_is_drawn_measured_and_scored(panel, name):
    mixture = DATA_SETS[name]().mixture
    panel.param.update(data_set=name, t=0.0)
    distance = np.linalg.norm(points(panel)[:, None] - mixture.means, axis=2).min(axis=1)
    assert np.quantile(distance, 0.95) < 3 * mixture.s
    assert float(shown(panel)["within"]) == pytest.approx(np.mean(distance <= 3 * mixture.s), abs=6e-4)
    assert shown(panel)["mode_mass"] == [0.0] * 6
    assert f"{len(mixture.means)} Gaussians of σ = {mixture.s:g}" in status(panel)
    panel.param.update(t=0.1, show_density=True)
    image = layer(panel, "density")["image"]
    truth = kernel.density(mixture, 0.1, 3.2, len(image))
    np.testing.assert_allclose(image / 255, truth / truth.max(), atol=0.51 / 255)


def test_means_are_modes_where_their_discs_of_three_sds_are_apart_and_few():
    def row(count, gap):
        return GaussianMixture(gap * np.arange(count)[:, None] * [1.0, 0.0], np.full(count, 1 / count), 0.1)

    apart = {gap: kernel.has_modes(row(3, gap)) for gap in (0.4, 0.59, 0.61, 2.0)}
    assert apart == {0.4: False, 0.59: False, 0.61: True, 2.0: True}
    assert kernel.has_modes(row(12, 1.0))
    assert not kernel.has_modes(row(13, 1.0))


def test_what_is_drawn_is_the_data_at_once(panel):
    drawn = [[-2.0, 1.0], [1.5, -1.0]]
    panel.param.update(data_set="drawn", t=0.0)
    assert "Nothing is drawn yet" in status(panel)
    panel.drawing = encode(drawn, 3.2)
    distance = np.linalg.norm(points(panel)[:, None] - np.array(drawn), axis=2)
    assert np.all(distance.min(axis=1) < 0.7)
    assert 150 < np.sum(distance[:, 0] < 1) < 370
    assert "2 Gaussians" in status(panel)
    assert "a drawing of 2 points" in panel.describe()
    panel.drawing = ""
    assert np.all(np.linalg.norm(points(panel), axis=1) < 0.7)


@pytest.mark.parametrize("text", ["0", "000A", "é000", "0000" * 151])
def test_a_drawing_that_is_none_is_refused(text):
    with pytest.raises(StateError) as refusal:
        Ring.parse_state({"drawing": text})
    assert str(refusal.value).startswith("`drawing` must be a text that matches")


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "langevin"])
def test_the_sampler_is_the_one_that_is_chosen(panel, sampler):
    panel.param.update(view="reverse", sampler=sampler, num_levels=20, seed=3, eta=0.5)
    rng = np.random.default_rng(3)
    *_, truth = kernel.sample(ring(), sampler, 520, 20, rng=rng, **({"eta": 0.5} if sampler == "ddim" else {}))
    np.testing.assert_array_equal(points(panel), truth.x.astype(np.float32))
    assert shown(panel)["nfe"] == ("40" if sampler == "ode_heun" else "20")
    assert status(panel).startswith("20 levels × 520 points")
    assert f" by {SAMPLERS[sampler]}, " in panel.describe().replace(", η = 0.50", "")


def test_settings_of_other_samplers_do_not_start_a_run_again(panel, monkeypatch):
    made = runs_made(monkeypatch)
    for settings in ({"view": "reverse", "sampler": "ode_heun"}, {"eta": 0.7, "langevin_steps": 3}):
        panel.param.update(**settings)
        panel.answer()
    assert made == ["ode_heun"]


def test_former_names_and_values_are_read():
    """Links that teachers have made go on working."""
    former = {"mode": "reverse", "sampler": "DPM-Solver++", "num_points": "2000"}
    assert Ring.parse_state(former) == {"view": "reverse", "sampler": "dpm_solver_pp_2m", "num_points": "2000"}
    names = ["Langevin", "DDPM", "DDIM", "reverse_SDE", "ODE_Euler", "ODE_Heun", "DPM-Solver++"]
    assert [Ring.parse_state({"sampler": name})["sampler"] for name in names] == list(SAMPLERS) == list(kernel.SAMPLERS)


# --- many points -----------------------------------------------------------------------------------------------------


def test_each_number_of_points_has_its_layer(panel):
    for count, name in (("520", "points"), ("2000", "many_points"), ("20000", "crowd")):
        panel.num_points = count
        assert visible(panel) & {"points", "many_points", "crowd"} == {name}
    panel.num_points = "2000"
    assert points(panel, "many_points").shape == (2000, 2)


def test_a_crowd_is_drawn_as_one_image_of_its_parts(panel):
    """Every point in the picture has a pixel, every pixel a point, and of its part."""
    panel.param.update(num_points="20000", t=0.05)
    image, table = layer(panel, "crowd")["image"], panel.table()
    place = np.floor((np.stack([table["y"], table["x"]]) + 3.2) / 6.4 * len(image)).astype(int)
    inside = np.all((place >= 0) & (place < len(image)), axis=0)
    seen = np.zeros_like(image, dtype=bool)
    seen[tuple(place[:, inside])] = True
    np.testing.assert_array_equal(image != -2, seen)
    assert np.mean(image[tuple(place[:, inside])] == table["part"][inside]) > 0.9  # the rest lie under another


def test_measures_look_at_some_points_in_motion_and_at_all_at_rest(panel):
    panel.param.update(num_points="20000", t=0.3)
    moving, *_, last = answers(panel)
    resting = shown(panel)
    fewer = (20000 / 520) ** 0.5
    assert float(moving.texts["distance_true"]) == pytest.approx(fewer * float(resting["distance_true"]), abs=4e-3)
    m = kernel.measures(panel.cloud[0], ring(), 0.3)
    assert (resting["within"], resting["distance"]) == (f"{m.within:.3f}", f"{m.distance:.3f}")
    assert (last.texts["within"], last.texts["distance"]) == (resting["within"], resting["distance"])
    assert moving.progress is None, "nobody waits for them"


@pytest.mark.subject("ddpm", the_other_variance="ddim")
def test_ddpm_has_the_variance_beta(subject):
    """As its notes say; the other variance is that of DDIM at η = 1."""
    levels = kernel.sampling_levels("ddpm", 8)
    start = np.random.default_rng(5).standard_normal((40, 2))
    *_, ours = kernel.sample(
        ring(), subject, 40, 8, rng=np.random.default_rng(5), **{"ddim": {"eta": 1.0}}.get(subject, {})
    )
    noise = np.random.default_rng(5)
    noise.standard_normal((40, 2))
    *_, published = ddpm(MixtureDenoiser(ring()), start, levels, noise, variance="beta")
    np.testing.assert_allclose(ours.x, published.x, rtol=1e-12, atol=1e-12)


def test_langevin_takes_the_steps_that_are_chosen(panel):
    panel.param.update(view="reverse", num_levels=6, langevin_steps=3, seed=3)
    *_, truth = kernel.sample(ring(), "langevin", 520, 6, rng=np.random.default_rng(3), num_steps=3)
    np.testing.assert_array_equal(points(panel), truth.x.astype(np.float32))
    assert shown(panel)["nfe"] == "18"

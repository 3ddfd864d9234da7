"""The ring on its panel: what Run and Step do, how mode and t agree, and that the numbers are the kernel's."""

import math

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.app.component import StateError
from diffusion_lab.instruments.common.datasets import DATA_SETS, encode, ring
from diffusion_lab.instruments.ring import kernel, runs
from diffusion_lab.instruments.ring.component import MAX_FRAMES, NUM_POINTS, SAMPLERS, Ring

ALPHA = 1e-4


@pytest.fixture
def panel() -> Ring:
    return Ring()


def points(panel: Ring) -> np.ndarray:
    """The points as they are drawn, (520, 2)."""
    data = panel.picture.points.data
    return np.stack([data["x"], data["y"]], axis=1)


# --- the two directions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.01, 0.18, 1.0])
def test_forward_is_one_jump_with_the_seed_s_own_noise(panel, t):
    """The noise that t = 1 shows, taken out of it, is a standard normal draw and the same at every t."""
    panel.t = 0.0
    clean = points(panel).astype(float)
    noise = []
    for level in (1.0, t):
        panel.t = level
        alpha_bar = math.exp(-6 * level)
        noise.append((points(panel) - math.sqrt(alpha_bar) * clean) / math.sqrt(1 - alpha_bar))
    np.testing.assert_allclose(noise[0], noise[1], atol=1e-5)  # float32 over the smallest sigma_t, 0.24
    assert stats.kstest(noise[0].ravel(), "norm").pvalue > ALPHA


def test_the_way_back_begins_with_pure_noise(panel):
    panel.param.update(mode="reverse", progress=0.0)
    assert stats.kstest(points(panel).ravel(), "norm").pvalue > ALPHA
    assert panel.readings_shown["t"] == "1.00"


def test_the_way_back_ends_on_six_clusters(panel):
    """Every mass within binomial bounds at 1e-4 in all, and 3 standard deviations hold what they should."""
    panel.param.update(mode="reverse", progress=1.0)
    mass = np.array(panel.readings_shown["mode_mass"])
    assert mass.sum() == pytest.approx(1, abs=1e-12)
    low, high = stats.binom.ppf([ALPHA / 12, 1 - ALPHA / 12], NUM_POINTS, 1 / 6) / NUM_POINTS
    assert np.all((low <= mass) & (mass <= high))
    # The sampler leaves clusters 2.7 % wide (kernel.STEP_SIZE): within 3 s lie 1 - exp(-4.5 / 1.027²) of the points.
    share = 1 - math.exp(-4.5 / 1.027**2)
    low, high = stats.binom.ppf([ALPHA / 2, 1 - ALPHA / 2], NUM_POINTS, share) / NUM_POINTS
    assert low <= float(panel.readings_shown["within"]) <= high
    assert panel.readings_shown["t"] == "0.00"


@pytest.mark.subject(
    lambda progress: progress,
    backwards=lambda progress: 1 - progress,
    one_frame_off=lambda progress: max(0.0, progress - 1 / MAX_FRAMES),
)
def test_the_picture_is_the_kernel_s_frame(subject):
    """`progress` counts the kept frames of the run that the kernel makes from the same seed."""
    states = list(kernel.sample(ring(), "langevin", NUM_POINTS, 60, rng=np.random.default_rng(11)))
    truth = [states[k].x.astype(np.float32) for k in runs.frame_indices(len(states) - 1, MAX_FRAMES)]
    panel = Ring(mode="reverse", seed=11)
    assert len(truth) == MAX_FRAMES + 1
    for progress in (0.25, 0.5, 1.0):
        panel.progress = progress
        frame = truth[round(subject(progress) * MAX_FRAMES)]
        np.testing.assert_array_equal(points(panel), frame)


def test_a_colour_tells_the_end_of_the_road(panel):
    """In reverse the colour of a point is the cluster it will end nearest to, at every moment."""
    panel.param.update(mode="reverse", progress=0.0)
    colour = np.array(panel.picture.points.data["cluster"])
    panel.progress = 1.0
    distances = np.linalg.norm(points(panel)[:, None] - ring().means, axis=2)
    np.testing.assert_array_equal(colour, distances.argmin(axis=1))


def test_forward_a_colour_tells_where_a_point_came_from(panel):
    panel.t = 0.9
    colour = np.array(panel.picture.points.data["cluster"])
    panel.t = 0.0
    distances = np.linalg.norm(points(panel)[:, None] - ring().means, axis=2)
    np.testing.assert_array_equal(colour, distances.argmin(axis=1))


# --- settings --------------------------------------------------------------------------------------------------------


def test_mode_and_t_agree(panel):
    assert (panel.mode, panel.t) == ("forward", 0.18)
    panel.mode = "clean"
    assert (panel.mode, panel.t) == ("clean", 0.0)
    panel.t = 0.3
    assert (panel.mode, panel.t) == ("forward", 0.3)
    panel.t = 0.0
    assert (panel.mode, panel.t) == ("clean", 0.0)
    panel.mode = "forward"
    assert (panel.mode, panel.t) == ("forward", 0.18)
    panel.mode = "reverse"
    assert panel.t == 0.18, "reverse leaves t to be come back to"


def test_forward_at_0_is_clean(panel):
    panel.mode = "reverse"
    panel.param.update(mode="forward", t=0.0)
    assert (panel.mode, panel.t) == ("clean", 0.0)


def test_a_seed_is_another_draw(panel):
    for mode in ("forward", "reverse"):
        panel.param.update(mode=mode, progress=0.0, seed=1)
        one = points(panel)
        panel.seed = 2
        other = points(panel)
        assert not np.any(np.all(one == other, axis=1))
        panel.seed = 1
        np.testing.assert_array_equal(points(panel), one)


def test_the_number_of_levels_is_another_road_from_one_start(panel):
    panel.param.update(mode="reverse", num_levels=20, progress=0.0)
    start = points(panel)
    panel.progress = 1.0
    end = points(panel)
    assert "20 levels × 10 steps × 520 points" in panel.status
    panel.param.update(num_levels=40)
    assert not np.any(np.all(points(panel) == end, axis=1))
    assert "40 levels × 10 steps × 520 points" in panel.status
    panel.progress = 0.0
    np.testing.assert_array_equal(points(panel), start)


def test_nothing_is_sampled_before_it_is_asked_for(panel):
    panel.num_levels = 30
    assert panel._road is None
    panel.mode = "reverse"
    assert panel._road.run.num_frames == 241


def test_a_sampled_run_is_kept(panel):
    panel.mode = "reverse"
    run = panel._road
    panel.param.update(progress=0.5, show_field=False)
    panel.mode = "forward"
    panel.mode = "reverse"
    assert panel._road is run


# --- buttons ---------------------------------------------------------------------------------------------------------


def test_run_starts_the_way_back_from_noise_and_plays(panel):
    panel._handle_msg({"action": "run"})
    assert (panel.mode, panel.progress, panel.playing) == ("reverse", 0.0, True)
    panel.progress = 0.7
    panel._handle_msg({"action": "run"})
    assert (panel.mode, panel.progress, panel.playing) == ("reverse", 0.0, True)


def test_leaving_the_way_back_stops_playing(panel):
    panel.run()
    panel.mode = "forward"
    assert not panel.playing


def test_a_step_back_is_one_level_and_stops_playing(panel):
    panel.run()
    for step in (1, 2):
        panel._handle_msg({"action": "step"})
        assert (panel.progress, panel.playing) == (pytest.approx(step / 60), False)
    panel.progress = 1.0
    panel.step()
    assert panel.progress == 1.0


def test_a_step_forward_is_one_notch_of_t(panel):
    panel.step()
    assert (panel.mode, panel.t) == ("forward", pytest.approx(0.19))
    panel.t = 1.0
    panel.step()
    assert panel.t == 1.0
    panel.mode = "clean"
    panel.step()
    assert (panel.mode, panel.t) == ("forward", 0.01)


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.05, 0.5, 1.0])
def test_readings_are_the_schedule_s(panel, t):
    panel.t = t
    shown = panel.readings_shown
    assert shown["t"] == f"{t:.2f}"
    assert float(shown["alpha_bar"]) == pytest.approx(math.exp(-6 * t), abs=5.1e-4)
    assert float(shown["signal"]) ** 2 + float(shown["noise"]) ** 2 == pytest.approx(1, abs=2e-3)
    assert float(shown["signal"]) == pytest.approx(math.exp(-3 * t), abs=5.1e-4)


def test_the_words_say_what_is_shown(panel):
    panel.t = 0.37
    assert panel.description.startswith(
        "Forward process: 520 points of a six-cluster ring under noise, noise level t = 0.37."
    )
    panel.mode = "clean"
    within, low, high = (
        float(panel.readings_shown["within"]),
        *np.percentile(panel.readings_shown["mode_mass"], [0, 100]),
    )
    distance, perfect = (panel.readings_shown[key] for key in ("distance", "distance_true"))
    assert panel.description == (
        f"Clean data: 520 points of a six-cluster ring, noise level t = 0.00. {within:.0%} of the points lie within"
        f" three standard deviations of a Gaussian's centre (true value 99%). Shares per cluster run from {low:.0%} to"
        f" {high:.0%}. Distance to the exact density: {distance}, for perfect draws {perfect}."
    )
    panel.param.update(mode="reverse", progress=0.5)
    assert panel.description.startswith(
        "Reverse process towards a six-cluster ring, 50.0% done: 520 points sampled from noise by Langevin,"
        " 60 levels × 10 steps, noise level t = 0."
    )


def test_arrows_point_uphill_and_the_density_peaks_at_the_clusters(panel):
    panel.param.update(t=0.02, show_density=True)
    field = {name: np.asarray(values) for name, values in panel.picture.field.data.items()}
    start = np.stack([field["x"], field["y"]], axis=1)
    step = np.stack([field["x1"] - field["x"], field["y1"] - field["y"]], axis=1)
    log_density = lambda x: ring().log_density(x, math.exp(-0.06), math.sqrt(1 - math.exp(-0.12)))  # noqa: E731
    rise = log_density(start + 1e-3 * step) - log_density(start)
    assert np.all(rise[np.linalg.norm(start, axis=1) > 1e-9] > 0), "but at the ring's centre, where the score is 0"
    (image,) = panel.picture.density.data["image"]
    assert image.max() == 1
    row, column = np.unravel_index(image.argmax(), image.shape)
    centre = (np.array([column, row]) + 0.5) / len(image) * 6.4 - 3.2
    assert np.linalg.norm(math.exp(-0.06) * ring().means - centre, axis=1).min() < 6.4 / len(image)


def test_paths_end_at_the_points(panel):
    panel.param.update(mode="reverse", progress=0.5, show_paths=True)
    paths = panel.picture.paths
    ends = np.array([[x[-1], y[-1]] for x, y in zip(paths.data["x"], paths.data["y"], strict=True)])
    np.testing.assert_array_equal(ends, points(panel)[:40])
    panel.progress = 0.0
    assert {len(x) for x in paths.data["x"]} == {1}
    panel.mode = "forward"
    assert not panel.picture.paths_glyph.visible


# --- data sets and samplers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["moons", "spiral", "checkerboard", "swiss_roll"])
def test_another_data_set_is_drawn_measured_and_scored(panel, name):
    mixture = DATA_SETS[name]().mixture
    panel.param.update(data_set=name, t=0.0)
    distance = np.linalg.norm(points(panel)[:, None] - mixture.means, axis=2).min(axis=1)
    assert np.quantile(distance, 0.95) < 3 * mixture.s
    assert float(panel.readings_shown["within"]) == pytest.approx(np.mean(distance <= 3 * mixture.s), abs=6e-4)
    assert panel.readings_shown["mode_mass"] == [0.0] * 6
    assert f"{len(mixture.means)} Gaussians of σ = {mixture.s:g}" in panel.status
    panel.param.update(t=0.1, show_density=True)
    (image,) = panel.picture.density.data["image"]
    truth = kernel.density(mixture, 0.1, 3.2, len(image))
    np.testing.assert_allclose(image, truth / truth.max(), atol=1e-6)


def test_what_is_drawn_is_the_data_at_once(panel):
    drawn = [[-2.0, 1.0], [1.5, -1.0]]
    panel.param.update(data_set="drawn", t=0.0)
    assert "Nothing is drawn yet" in panel.status
    panel.drawing = encode(drawn, 3.2)
    distance = np.linalg.norm(points(panel)[:, None] - np.array(drawn), axis=2)
    assert np.all(distance.min(axis=1) < 0.7)
    assert 150 < np.sum(distance[:, 0] < 1) < 370
    assert "2 Gaussians" in panel.status
    assert "a drawing of 2 points" in panel.description
    panel.drawing = ""
    assert np.all(np.linalg.norm(points(panel), axis=1) < 0.7)


@pytest.mark.parametrize("text", ["0", "000A", "é000", "0000" * 151])
def test_a_drawing_that_is_none_is_refused(text):
    with pytest.raises(StateError) as refusal:
        Ring.parse_state({"drawing": text})
    assert str(refusal.value).startswith("`drawing` must be a text that matches")


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "Langevin"])
def test_the_sampler_is_the_one_that_is_chosen(panel, sampler):
    panel.param.update(mode="reverse", sampler=sampler, num_levels=20, seed=3, eta=0.5)
    rng = np.random.default_rng(3)
    options = {"eta": 0.5} if sampler == "DDIM" else {}
    *_, truth = kernel.sample(ring(), SAMPLERS[sampler], 520, 20, rng=rng, **options)
    np.testing.assert_array_equal(points(panel), truth.x.astype(np.float32))
    assert panel.readings_shown["nfe"] == ("40" if sampler == "ODE_Heun" else "20")
    assert panel.status.startswith("20 levels × 520 points")
    assert sampler.replace("_", " ") in panel.description


def test_settings_of_other_samplers_do_not_start_a_run_again(panel):
    panel.param.update(mode="reverse", sampler="ODE_Heun")
    road = panel._road
    panel.param.update(eta=0.7, langevin_steps=3)
    assert panel._road is road


# --- many points -----------------------------------------------------------------------------------------------------


def test_a_crowd_is_drawn_as_one_image_of_its_parts(panel):
    """Every point in the picture has a pixel, every pixel a point, and of its part."""
    panel.param.update(num_points="20000", t=0.05)
    assert (panel.picture.crowd_glyph.visible, panel.picture.points_glyph.visible) == (True, False)
    (image,) = panel.picture.crowd.data["image"]
    table = panel.table()
    place = np.floor((np.stack([table["y"], table["x"]]) + 3.2) / 6.4 * len(image)).astype(int)
    inside = np.all((place >= 0) & (place < len(image)), axis=0)
    seen = np.zeros_like(image, dtype=bool)
    seen[tuple(place[:, inside])] = True
    np.testing.assert_array_equal(image != -2, seen)
    assert np.mean(image[tuple(place[:, inside])] == table["part"][inside]) > 0.9  # the rest lie under another
    panel.num_points = "520"
    assert (panel.picture.crowd_glyph.visible, panel.picture.points_glyph.visible) == (False, True)


def test_measures_look_at_some_points_in_motion_and_at_all_at_rest(panel):
    panel.param.update(num_points="20000", t=0.3)
    moving = panel.readings_shown
    panel.rested = panel.query
    resting = panel.readings_shown
    fewer = (20000 / 520) ** 0.5
    assert float(moving["distance_true"]) == pytest.approx(fewer * float(resting["distance_true"]), abs=4e-3)
    m = kernel.measures(panel._x, ring(), 0.3)
    assert (resting["within"], resting["distance"]) == (f"{m.within:.3f}", f"{m.distance:.3f}")


def test_a_long_run_is_computed_as_it_plays(panel):
    """The picture goes no further than what is computed, plays there, and ends as the run does."""
    panel.param.update(num_points="20000", data_set="spiral", sampler="DDIM", num_levels=30)
    panel.run()
    assert (panel.progress, panel.playing) == (0.0, True)
    assert set(panel.table()["part"]) == {-1}
    moves = 0
    while panel.progress < 1:
        before = panel.progress
        panel.param.update(playing=False, progress=1.0)
        assert panel.progress > before
        assert panel.playing or panel.progress == 1
        moves += 1
    assert moves > 10
    mixture = DATA_SETS["spiral"]().mixture
    *_, truth = kernel.sample(mixture, "ddim", 20000, 30, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(panel._x, truth.x.astype(np.float32))
    assert set(panel.table()["part"]) == {0, 1}
    assert "as it plays" not in panel.status


def test_a_short_run_is_there_at_once(panel):
    panel.param.update(mode="reverse", data_set="spiral", sampler="DDIM")
    assert (panel.progress, panel.playing, panel._road.run.complete) == (1.0, False, True)

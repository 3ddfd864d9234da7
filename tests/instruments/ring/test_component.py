"""The ring on its panel: what Run and Step do, how view and t agree, and that the numbers are the kernel's."""

import math

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.app.instrument import Answer, StateError
from diffusion_lab.app.instrument.settings import played_places
from diffusion_lab.instruments.common.datasets import DATA_SETS, encode, ring
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import MAX_FRAMES, SAMPLERS, Ring

ALPHA = 1e-4


@pytest.fixture
def panel() -> Ring:
    return Ring()


def layer(panel: Ring, name: str) -> dict[str, np.ndarray]:
    """The columns of a layer as they are drawn, all work done."""
    panel.forget_answers()
    return panel.answer().layers[f"plane.{name}"]


def visible(panel: Ring) -> set[str]:
    """The layers that are seen."""
    panel.forget_answers()
    return {name.partition(".")[2] for name, shown in panel.answer().visible.items() if shown}


def points(panel: Ring, name: str = "points") -> np.ndarray:
    """The points as they are drawn, (520, 2)."""
    columns = layer(panel, name)
    return np.stack([columns["x"], columns["y"]], axis=1)


def answers(panel: Ring, seconds: float = 0.0) -> list[Answer]:
    """Answers in slices, until nothing is left to do."""
    found = [panel.answer(seconds)]
    while found[-1].working:
        found.append(panel.answer(seconds))
    return found


def shown(panel: Ring) -> dict[str, str | list[float]]:
    """The readings as the panel shows them."""
    return panel.reading_texts


def status(panel: Ring) -> str:
    panel.forget_answers()
    return panel.answer().status


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


def test_the_reverse_process_begins_with_pure_noise(panel):
    panel.param.update(view="reverse", progress=0.0)
    assert stats.kstest(points(panel).ravel(), "norm").pvalue > ALPHA
    assert shown(panel)["t"] == "1.000"


def test_the_reverse_process_ends_on_six_clusters(panel):
    """Every mass within binomial bounds at 1e-4 in all, and 3 standard deviations hold what they should."""
    panel.param.update(view="reverse", progress=1.0)
    mass = np.array(shown(panel)["mode_mass"])
    assert mass.sum() == pytest.approx(1, abs=1e-12)
    low, high = stats.binom.ppf([ALPHA / 12, 1 - ALPHA / 12], kernel.NUM_POINTS, 1 / 6) / kernel.NUM_POINTS
    assert np.all((low <= mass) & (mass <= high))
    # The sampler leaves clusters 2.7 % wide (kernel.STEP_SIZE): within 3 s lie 1 - exp(-4.5 / 1.027²) of the points.
    share = 1 - math.exp(-4.5 / 1.027**2)
    low, high = stats.binom.ppf([ALPHA / 2, 1 - ALPHA / 2], kernel.NUM_POINTS, share) / kernel.NUM_POINTS
    assert low <= float(shown(panel)["within"]) <= high
    assert shown(panel)["t"] == "0.000"


@pytest.mark.subject(
    lambda progress: progress,
    backwards=lambda progress: 1 - progress,
    one_frame_off=lambda progress: max(0.0, progress - 1 / MAX_FRAMES),
)
def test_the_picture_is_the_kernel_s_frame(subject):
    """`progress` counts the kept frames of the run that the kernel makes from the same seed."""
    states = list(kernel.sample(ring(), "langevin", kernel.NUM_POINTS, 60, rng=np.random.default_rng(11)))
    truth = [states[k * (len(states) - 1) // MAX_FRAMES].x.astype(np.float32) for k in range(MAX_FRAMES + 1)]
    panel = Ring(view="reverse", seed=11)
    for progress in (0.25, 0.5, 1.0):
        panel.progress = progress
        frame = truth[round(subject(progress) * MAX_FRAMES)]
        np.testing.assert_array_equal(points(panel), frame)


def test_in_reverse_a_colour_tells_where_a_point_ends(panel):
    """In reverse the colour of a point is the cluster it will end nearest to, at every moment."""
    panel.param.update(view="reverse", progress=0.0)
    colour = np.array(layer(panel, "points")["part"])
    panel.progress = 1.0
    distances = np.linalg.norm(points(panel)[:, None] - ring().means, axis=2)
    np.testing.assert_array_equal(colour, distances.argmin(axis=1))


def test_forward_a_colour_tells_where_a_point_came_from(panel):
    panel.t = 0.9
    colour = np.array(layer(panel, "points")["part"])
    panel.t = 0.0
    distances = np.linalg.norm(points(panel)[:, None] - ring().means, axis=2)
    np.testing.assert_array_equal(colour, distances.argmin(axis=1))


# --- settings --------------------------------------------------------------------------------------------------------


def test_view_and_t_agree(panel):
    assert (panel.view, panel.t) == ("forward", 0.18)
    panel.view = "clean"
    assert (panel.view, panel.t) == ("clean", 0.0)
    panel.t = 0.3
    assert (panel.view, panel.t) == ("forward", 0.3)
    panel.t = 0.0
    assert (panel.view, panel.t) == ("forward", 0.0), "it is played from there"
    panel.view = "clean"
    panel.view = "forward"
    assert (panel.view, panel.t) == ("forward", 0.18)
    panel.view = "reverse"
    assert panel.t == 0.18, "reverse leaves t to be come back to"


def test_forward_at_0_shows_the_clean_points(panel):
    panel.view = "reverse"
    panel.param.update(view="forward", t=0.0)
    assert (panel.view, panel.t) == ("forward", 0.0)
    forward = points(panel)
    panel.view = "clean"
    np.testing.assert_array_equal(points(panel), forward)


def test_a_seed_is_another_draw(panel):
    for view in ("forward", "reverse"):
        panel.param.update(view=view, progress=0.0, seed=1)
        one = points(panel)
        panel.seed = 2
        other = points(panel)
        assert not np.any(np.all(one == other, axis=1))
        panel.seed = 1
        np.testing.assert_array_equal(points(panel), one)


def test_the_number_of_levels_is_another_run_from_one_start(panel):
    panel.param.update(view="reverse", num_levels=20, progress=0.0)
    start = points(panel)
    panel.progress = 1.0
    end = points(panel)
    assert "20 levels × 10 steps × 520 points" in status(panel)
    panel.param.update(num_levels=40)
    assert not np.any(np.all(points(panel) == end, axis=1))
    assert "40 levels × 10 steps × 520 points" in status(panel)
    panel.progress = 0.0
    np.testing.assert_array_equal(points(panel), start)


def runs_made(monkeypatch) -> list[str]:
    """The samplers of the runs that are begun from now on."""
    made = []
    sample = kernel.sample

    def noted(mixture, sampler, *arguments, **options):
        made.append(sampler)
        return sample(mixture, sampler, *arguments, **options)

    monkeypatch.setattr(kernel, "sample", noted)
    return made


def test_nothing_is_sampled_before_it_is_asked_for(panel, monkeypatch):
    made = runs_made(monkeypatch)
    panel.num_levels = 30
    panel.answer()
    assert made == []
    panel.view = "reverse"
    panel.answer()
    assert made == ["langevin"]
    assert panel.replay.num_frames == MAX_FRAMES + 1


def test_a_sampled_run_is_kept(panel, monkeypatch):
    made = runs_made(monkeypatch)
    for settings in (
        {"view": "reverse"},
        {"progress": 0.5, "show_field": False},
        {"view": "forward"},
        {"view": "reverse"},
    ):
        panel.param.update(**settings)
        panel.answer()
    assert made == ["langevin"]


# --- buttons ---------------------------------------------------------------------------------------------------------


def test_run_starts_from_noise_and_plays(panel):
    panel.act({"action": "run"})
    assert (panel.view, panel.progress, panel.playing) == ("reverse", 0.0, True)
    panel.progress = 0.7
    panel.act({"action": "run"})
    assert (panel.view, panel.progress, panel.playing) == ("reverse", 0.0, True)


def test_leaving_reverse_stops_playing(panel):
    panel.run()
    panel.view = "forward"
    assert not panel.playing


def test_a_step_back_is_one_level_and_stops_playing(panel):
    panel.run()
    for step in (1, 2):
        panel.act({"action": "step"})
        assert (panel.progress, panel.playing) == (pytest.approx(step / 60), False)
    panel.progress = 1.0
    panel.step()
    assert panel.progress == 1.0


def test_a_step_forward_is_one_notch_of_t(panel):
    panel.step()
    assert (panel.view, panel.t) == ("forward", pytest.approx(0.19))
    panel.t = 1.0
    panel.step()
    assert panel.t == 1.0
    panel.view = "clean"
    panel.step()
    assert (panel.view, panel.t) == ("clean", 0.0), "where nothing is played there is no step"


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.05, 0.5, 1.0])
def test_readings_are_the_schedule_s(panel, t):
    panel.t = t
    texts, numbers = shown(panel), panel.all_readings()
    assert texts["t"] == f"{t:.3f}"
    assert numbers["alpha_bar"] == pytest.approx(math.exp(-6 * t), rel=1e-12)
    assert numbers["signal"] ** 2 + numbers["noise"] ** 2 == pytest.approx(1, abs=1e-12)
    assert numbers["signal"] == pytest.approx(math.exp(-3 * t), rel=1e-12)
    assert texts["alpha_bar"] == f"{math.exp(-6 * t):.3f}"
    assert (numbers["nfe"], texts["nfe"]) == (0, "0")


def test_the_words_say_what_is_shown(panel):
    panel.t = 0.37
    assert panel.describe().startswith(
        "Forward process: 520 points of a six-cluster ring under noise, noise level t = 0.37."
    )
    panel.view = "clean"
    within, low, high = (
        float(shown(panel)["within"]),
        *np.percentile(shown(panel)["mode_mass"], [0, 100]),
    )
    distance, perfect = (shown(panel)[key] for key in ("distance", "distance_true"))
    assert panel.describe() == (
        f"Clean data: 520 points of a six-cluster ring, noise level t = 0.00. {within:.0%} of the points lie within"
        f" three standard deviations of a Gaussian's centre (true value 99%). Shares per cluster run from {low:.0%} to"
        f" {high:.0%}. Distance to the exact density: {distance}, for perfect draws {perfect}."
    )
    panel.param.update(view="reverse", progress=0.5)
    assert panel.describe().startswith(
        "Reverse process towards a six-cluster ring, 50.0% done: 520 points sampled from noise by Langevin,"
        " 60 levels × 10 steps, noise level t = 0."
    )


def test_arrows_point_uphill_and_the_density_peaks_at_the_clusters(panel):
    panel.param.update(t=0.02, show_density=True)
    field = {name: values[: 19**2].astype(float) for name, values in layer(panel, "field").items()}  # without barbs
    start = np.stack([field["x"], field["y"]], axis=1)
    step = np.stack([field["x1"] - field["x"], field["y1"] - field["y"]], axis=1)
    log_density = lambda x: ring().log_density(x, math.exp(-0.06), math.sqrt(1 - math.exp(-0.12)))  # noqa: E731
    rise = log_density(start + 1e-3 * step) - log_density(start)
    assert np.all(rise[np.linalg.norm(start, axis=1) > 1e-9] > 0), "but at the ring's centre, where the score is 0"
    image = layer(panel, "density")["image"]
    assert image.max() == 255
    row, column = np.unravel_index(image.argmax(), image.shape)
    centre = (np.array([column, row]) + 0.5) / len(image) * 6.4 - 3.2
    assert np.linalg.norm(math.exp(-0.06) * ring().means - centre, axis=1).min() < 6.4 / len(image)


def test_paths_end_at_the_points(panel):
    panel.param.update(view="reverse", progress=0.5, show_paths=True)
    paths = layer(panel, "paths")
    x, y = (paths[name].reshape(40, -1) for name in ("x", "y"))  # each way ends with a gap
    assert x.shape == (40, 16)
    assert np.isnan(x[:, -1]).all()
    np.testing.assert_array_equal(np.stack([x[:, -2], y[:, -2]], axis=1), points(panel)[:40])
    panel.progress = 0.49
    np.testing.assert_array_equal(points(panel)[:40, 0], x[:, -4], "two frames before")
    panel.progress = 0.0
    assert len(layer(panel, "paths")["x"]) == 40 * 2
    panel.view = "forward"
    assert "paths" not in visible(panel)


# --- data sets and samplers ------------------------------------------------------------------------------------------


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


# --- work in slices --------------------------------------------------------------------------------------------------


def long_run(**settings) -> Ring:
    return Ring(**({"view": "reverse", "num_points": "20000", "sampler": "ddim", "num_levels": 30} | settings))


def test_a_long_run_is_computed_in_slices_and_seen_as_it_goes():
    """Each answer takes one step of those that the reader waits for; the last is what one answer gives at once."""
    panel = long_run()
    first, *rest = answers(panel)
    assert (first.progress.done, first.progress.of, first.progress.unit) == (1, 30, "steps")
    assert first.status.startswith("1 of 30 steps · 30 levels × 20000 points · ")
    assert set(np.unique(first.layers["plane.crowd"]["image"])) == {-2, -1}, "all are grey"
    waited = [answer for answer in (first, *rest) if answer.progress is not None]
    assert [answer.progress.done for answer in waited] == list(range(1, 31))
    assert all("plane.crowd" in answer.layers for answer in waited), "the run is seen as it goes"
    assert all(not answer.pale for answer in (first, *rest))
    assert shown(panel)["nfe"] == "30"
    last = {}
    for answer in (first, *rest):
        last |= answer.layers
    at_once = long_run()
    for name, columns in at_once.answer().layers.items():
        np.testing.assert_array_equal(
            columns["image" if "image" in columns else "x"], last[name]["image" if "image" in columns else "x"]
        )
    *_, truth = kernel.sample(ring(), "ddim", 20000, 30, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(panel.cloud[0], truth.x.astype(np.float32))
    assert set(panel.table()["part"]) == set(range(6))
    assert status(panel).startswith("30 levels × 20000 points · ")


def test_playing_goes_on_while_the_rest_of_the_run_is_computed():
    """At the first frame nobody waits; colours come when the end is known."""
    panel = long_run(num_points="2000")
    panel.run()
    found = answers(panel)
    assert (panel.progress, panel.playing) == (0.0, True)
    assert {answer.progress for answer in found} == {None}
    drawn = [answer.layers["plane.many_points"]["part"] for answer in found if "plane.many_points" in answer.layers]
    assert [set(part) for part in drawn] == [{-1}, set(range(6))]
    assert len(found) > 30


def test_a_changed_setting_ends_unfinished_work_and_keeps_the_steps_that_still_count(monkeypatch):
    panel = long_run()
    made = runs_made(monkeypatch)
    for _ in range(10):
        panel.answer(0.0)
    done = panel.replay.steps_done
    panel.progress = 0.5
    assert done >= 10
    assert panel.answer(0.0).progress.done == done + 1
    panel.view = "forward"
    panel.answer()
    assert panel.replay.steps_done == done + 1
    panel.param.update(view="reverse", num_levels=31)
    assert panel.answer(0.0).progress.done == 1
    assert made == ["ddim", "ddim"]


@pytest.mark.subject(
    lambda panel, progress: panel.param.update(progress=progress),
    stays=lambda panel, progress: panel.param.update(progress=round(progress)),
)
def test_scrubbing_is_pure(subject, rng):
    """The picture is that of the settings, whatever the order of the moves and however far the run had come."""
    settings = {"view": "reverse", "sampler": "sde_euler", "num_levels": 40, "show_paths": True, "num_points": "2000"}
    stops = [0.3, 0.9, 0.1, 0.6]
    truth = {stop: Ring(progress=stop, **settings).answer() for stop in stops}
    panel = Ring(progress=0.0, **settings)
    for stop in rng.permutation(stops):
        subject(panel, stop)
        panel.answer(0.0)
        panel.forget_answers()
        answer = panel.answer()
        for name, columns in truth[stop].layers.items():
            for column, values in columns.items():
                np.testing.assert_array_equal(answer.layers[name][column], values)
        assert (answer.texts, answer.description) == (truth[stop].texts, truth[stop].description)


def test_a_light_move_computes_only_what_it_changes(panel):
    panel.param.update(show_density=True)
    panel.answer()
    panel.show_paths = True
    assert panel.answer().layers == {}
    panel.num_levels = 30
    assert panel.answer().layers == {}
    panel.seed = 5
    assert set(panel.answer().layers) == {"plane.points"}
    panel.t = 0.5
    assert set(panel.answer().layers) == {"plane.points", "plane.field", "plane.density"}


# --- playing ---------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    lambda: played_places(Ring.param.progress, 51),
    even_in_the_steps=lambda: np.linspace(0, 1, 51).tolist(),
)
def test_playing_the_way_back_spends_its_time_where_points_move(subject):
    """In each fiftieth of the film the noise turns by the same angle; little of it reads t = 0.00."""
    panel, times = Ring(view="reverse", num_levels=120), []
    for place in subject():
        panel.progress = place
        times.append(panel.time)
    angles = np.arccos(np.exp(-3 * np.array(times)))
    assert np.all(np.abs(np.diff(angles)) < 2.5 * angles[0] / 50)  # levels are discrete
    assert np.mean(np.array(times) < 0.005) < 0.15
    assert np.mean((np.array(times) < 0.2) & (np.array(times) > 0.1)) > 0.1


def test_the_reading_of_t_moves_to_the_end(panel):
    panel.t = 0.004
    assert shown(panel)["t"] == "0.004"


def test_marks_are_where_the_density_changes_its_shape():
    """Two clusters have one peak from the first mark on; six have one at the centre from the second on."""
    for t, mixture, at, along in (
        (kernel.MERGE_T, GaussianMixture(np.array([[-1.0, 0], [1.0, 0]]), np.full(2, 0.5), 0.2), (0, 0), (1, 0)),
        (kernel.FILL_T, ring(), (0, 0), (1, 0)),
    ):
        curvature = []
        for time in (t - 0.002, t + 0.002):
            level, h = kernel.SCHEDULE.level(time), 0.01
            x = np.array([np.add(at, k * h * np.array(along)) for k in (-1, 0, 1)])
            low, middle, high = np.exp(mixture.log_density(x, level.signal, level.sigma_t))
            curvature.append(low - 2 * middle + high)
        assert curvature[0] > 0 > curvature[1]
    assert [*Ring.param.t.control.marks] == [
        pytest.approx(kernel.MERGE_T, abs=1e-3),
        pytest.approx(kernel.FILL_T, abs=1e-3),
    ]
    panel = Ring(view="reverse", num_levels=120)
    for mark, t in zip(Ring.param.progress.control.marks, (kernel.FILL_T, kernel.MERGE_T), strict=True):
        panel.progress = mark
        assert panel.time == pytest.approx(t, abs=0.01)

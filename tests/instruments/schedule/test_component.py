"""The rows, charts and numbers of the schedules are the kernel's, and a light move computes only what it changes."""

from dataclasses import astuple

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.parameterisation import noise
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.schedules import SCHEDULES
from diffusion_lab.instruments.schedule import kernel
from diffusion_lab.instruments.schedule.charts import HALF, LABELS, LOSSES, NAMES, QUANTITIES, SHARE, row
from diffusion_lab.instruments.schedule.component import CHAIN_POINTS, EDGES, NUM_PATHS, ROW_CELLS, Schedules
from diffusion_lab.instruments.schedule.kernel import DATA, STEPS, TIMES


@pytest.fixture
def panel() -> Schedules:
    return Schedules()


def layers(panel):
    panel.forget_answers()
    return panel.answer().layers


def in_data_units(name, heights):
    return (np.asarray(heights) - row(name, 0.0)) * HALF / SHARE


@pytest.mark.subject(lambda t: t, one_step_on=lambda t: t + 0.01)
def test_each_row_has_the_same_points_at_t(panel, subject):
    rng = seeded(panel.seed)
    paths = kernel.same_paths(DATA["two_modes"].sample(NUM_PATHS, rng)[0][:, 0], rng)
    for t in (0.0, 0.4, 0.9):
        panel.t = t
        points = layers(panel)["picture.points"]
        assert set(points["x"]) == {np.float32(t)}
        for k, name in enumerate(NAMES):
            shown = in_data_units(name, points["y"][points["part"] == k])
            np.testing.assert_allclose(shown, paths[name][round(100 * subject(t))], atol=1e-4)


def test_paths_stay_in_their_rows(panel):
    columns = layers(panel)["picture.paths"]
    assert np.nanmin(columns["y"]) >= 0
    assert np.nanmax(columns["y"]) <= len(NAMES)


@pytest.mark.subject(
    lambda name: name,
    upside_down=lambda name: NAMES[::-1][NAMES.index(name)] if name != "cosine" else "karras",
)
def test_the_shading_of_a_row_is_the_density_under_its_schedule(panel, subject):
    image = layers(panel)["picture.density"]["image"].astype(float)
    for name in NAMES:
        bottom = (len(NAMES) - 1 - NAMES.index(name)) * ROW_CELLS
        middles = in_data_units(name, (np.arange(bottom, bottom + ROW_CELLS) + 0.5) / ROW_CELLS)
        density = kernel.densities(DATA["two_modes"], SCHEDULES[subject(name)].level(0.305), middles)[:, 0]
        inside = np.abs(middles) <= HALF + 1e-6
        expected = np.where(inside, 255 * density / density.max(), 0)
        np.testing.assert_allclose(image[bottom : bottom + ROW_CELLS, 30], expected, atol=1.0)


@pytest.mark.parametrize("quantity", ["alpha_bar", "log_snr", "information"])
def test_level_lines_meet_the_curves_at_the_moments(panel, quantity):
    """The chart's line of a loss and a schedule's curve cross at the time that its row marks."""
    panel.chart_shows = quantity
    shown = layers(panel)
    curves = {name: np.asarray(values) for name, values in panel.values_of(quantity).items()}
    for k, loss in enumerate(LOSSES):
        level = shown[f"{quantity}.{loss}"]["y"][0]
        times = shown[f"picture.{loss}"]["x"][::3]
        for name, time in zip(NAMES, times, strict=True):
            assert time == pytest.approx(panel.losses.times(SCHEDULES[name])[k], abs=1e-6)
            finite = np.where(np.isfinite(curves[name]), curves[name], 40.0)
            assert np.interp(time, TIMES, finite) == pytest.approx(level, abs=2e-3 if quantity != "log_snr" else 0.06)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_chart_shows_every_schedule_and_its_value_at_t(panel, quantity):
    panel.param.update(chart_shows=quantity, t=0.5)
    here = layers(panel)[f"{quantity}.here"]
    assert list(here["part"]) == list(range(len(NAMES)))
    expected = [values[50] for values in panel.values_of(quantity).values()]
    np.testing.assert_allclose(here["y"], expected, rtol=1e-5)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_each_curve_of_the_chart_is_of_its_schedule(panel, quantity):
    panel.chart_shows = quantity
    curves, (low, high) = layers(panel)[f"{quantity}.curves"], QUANTITIES[quantity].y
    for k, values in enumerate(panel.values_of(quantity).values()):
        inside = (values >= low) & (values <= high)
        from_here = np.flatnonzero(inside[:-1] & inside[1:])
        own = curves["part"] == k
        for end, at in (("", from_here), ("1", from_here + 1)):
            np.testing.assert_allclose(curves[f"x{end}"][own], TIMES[at], atol=1e-6)
            np.testing.assert_allclose(curves[f"y{end}"][own], values[at], rtol=1e-5, atol=1e-7)


def test_what_is_infinite_is_not_drawn_and_is_said(panel):
    panel.param.update(chart_shows="beta", t=1.0, schedule="cosine")
    assert list(layers(panel)["beta.here"]["part"]) == [0, 1, 4]
    assert "Cosine ∞; Sigmoid ∞" in panel.describe()
    assert panel.reading_texts["log_snr"] == "−∞"
    assert panel.reading_texts["terminal"] == "0"
    panel.param.update(chart_shows="log_snr", t=0.0, schedule="linear")
    assert list(layers(panel)["log_snr.here"]["part"]) == [4], "all but Karras' begin without noise"


@pytest.mark.subject(
    lambda panel: panel.states[round(0.5 * panel.num_steps)],
    at_the_end=lambda panel: panel.states[-1],
)
def test_the_histogram_is_of_the_chain_at_t(panel, subject):
    panel.param.update(chart_shows="chain", schedule="linear", t=0.5, num_steps=40)
    shown = layers(panel)
    counts = np.histogram(subject(panel), EDGES)[0] / (CHAIN_POINTS * np.diff(EDGES))
    np.testing.assert_allclose(shown["chain.chain"]["height"], counts, rtol=1e-5)
    exact = np.interp((EDGES[1:] + EDGES[:-1]) / 2, shown["chain.exact"]["x"], shown["chain.exact"]["y"])
    for heights in (shown["chain.chain"]["height"], shown["chain.jump"]["y"][::2]):
        assert np.abs(heights - exact).max() < 5 * np.sqrt(0.4 / (CHAIN_POINTS * (EDGES[1] - EDGES[0])))


def test_the_jump_is_to_the_level_after_as_many_steps_and_with_other_noise(panel):
    panel.param.update(chart_shows="chain", schedule="linear", t=0.25, num_steps=8)
    shown = layers(panel)
    at = Level.from_alpha_bar(np.prod(1 - SCHEDULES["linear"].betas(8)[:2]))
    x = shown["chain.exact"]["x"].astype(float)
    np.testing.assert_allclose(
        shown["chain.exact"]["y"], kernel.densities(DATA["two_modes"], at, x)[:, 0], rtol=1e-4, atol=1e-7
    )
    jump = noise(panel.clean, seeded((panel.seed, 3)).standard_normal(CHAIN_POINTS), at.alpha_bar)
    expected = np.histogram(jump, EDGES)[0] / (CHAIN_POINTS * np.diff(EDGES))
    np.testing.assert_allclose(shown["chain.jump"]["y"], np.repeat(expected, 2), rtol=1e-5)
    np.testing.assert_allclose(shown["chain.jump"]["x"][1:-1:2], EDGES[1:-1], atol=1e-6)
    assert not np.allclose(shown["chain.chain"]["height"], expected)


def test_the_profile_of_a_row_is_the_density_at_t(panel):
    panel.t = 0.2
    profile = layers(panel)["picture.profile"]
    x, y = (np.asarray(profile[axis], float).reshape(len(NAMES), -1)[:, :-1] for axis in "xy")  # each ends with a gap
    for k, name in enumerate(NAMES):
        density = kernel.densities(
            DATA["two_modes"], SCHEDULES[name].level(np.array([0.2])), in_data_units(name, y[k])
        )[:, 0]
        expected = (density - density.min()) / np.ptp(density)
        np.testing.assert_allclose((x[k] - x[k].min()) / np.ptp(x[k]), expected, atol=1e-4)


def test_the_chart_of_few_steps_has_the_distances_and_their_floors(panel):
    panel.chart_shows = "few_steps"
    shown, found = layers(panel), panel.sampled
    nodes, floor = shown["few_steps.nodes"], shown["few_steps.floor"]
    for k, name in enumerate(NAMES):
        own = nodes["part"] == k
        np.testing.assert_array_equal(nodes["x"][own], STEPS)
        np.testing.assert_allclose(nodes["y"][own], found.error[name], rtol=1e-5)
        of_floor = floor["y"][floor["part"] == k]
        assert list(of_floor) == ([pytest.approx(found.floor[name], rel=1e-5)] if found.floor[name] >= 1e-3 else [])
        few, many = (found.error[name][STEPS.index(steps)] for steps in (5, 50))
        assert f"{LABELS[name]} {few:.2f} in 5 steps, {many:.3f} in 50" in panel.describe()
    assert len(floor["x"]) > 0


def test_numbers_are_those_of_the_chosen_schedule(panel):
    losses = kernel.Losses.of(DATA["two_modes"])
    for name, schedule in SCHEDULES.items():
        panel.param.update(schedule=name, t=0.6)
        found = panel.all_readings()
        assert (found["half"][0], found["modes"][0], found["information"][0]) == pytest.approx(losses.times(schedule))
        assert found["alpha_bar"] == schedule.alpha_bar(0.6)
        assert found["few"] == pytest.approx([panel.sampled.error[name][STEPS.index(k)] for k in (5, 50)])
        assert found["difference"][0] < 1e-15
        assert found["information"][1] == pytest.approx(1 - found["information"][0])
        left = schedule.alpha_bar(1.0)
        assert found["terminal"][0] == pytest.approx(np.sqrt(left), rel=1e-9, abs=1e-15)
        if left > 1e-30:
            assert found["terminal"][1] == pytest.approx(np.log(left / (1 - left)))
        assert found["modes"][1] == pytest.approx(
            kernel.class_information(DATA["two_modes"], Level.from_alpha_bar(astuple(losses)[1]))
        )


def test_a_move_of_t_computes_no_density_map_no_paths_and_no_samples(panel):
    panel.answer()
    panel.t = 0.5
    moved = set(panel.answer().layers)
    assert moved == {"picture.cursor", "picture.profile", "picture.points", "alpha_bar.here"}


def test_long_work_is_in_slices(panel):
    answer = panel.answer(0.0)
    assert answer.working
    while answer.working:
        answer = panel.answer(0.0)
    assert panel.reading_texts["few"] == f"{panel.sampled.error['linear'][STEPS.index(5)]:.3f}"


def test_playing_runs_from_data_to_noise(panel):
    panel.run()
    assert (panel.t, panel.playing) == (0.0, True)


def test_the_table_has_levels_bits_and_paths(panel):
    table = panel.table()
    np.testing.assert_array_equal(table["t"], TIMES)
    np.testing.assert_allclose(table["alpha_bar_exponential"], np.exp(-6 * TIMES))
    for name in NAMES:
        bits = [kernel.class_information(DATA["two_modes"], SCHEDULES[name].level(t)) for t in (0.3, 0.6)]
        assert [table[f"bits_{name}"][k] for k in (30, 60)] == pytest.approx(bits, abs=1e-6)
        for k in range(NUM_PATHS):
            np.testing.assert_array_equal(table[f"x{k}_{name}"], panel.paths[name][:, k])


def test_the_words_have_the_moments_of_each_schedule(panel):
    losses = kernel.Losses.of(DATA["two_modes"])
    for name, words in LABELS.items():
        half, modes, information = losses.times(SCHEDULES[name])
        assert (
            f" {words}: half is noise at t = {half:.2f}, modes can no longer be counted from {modes:.2f}, the class is"
            f" unknown from {information:.2f}"
        ) in f" {panel.describe()}"
    r = panel.reading_texts
    assert f"ᾱ is {r['alpha_bar']} at this t, {r['bits']} bits about the mode are left" in panel.describe()
    assert f"the signal's amplitude is {r['terminal']}." in panel.describe()

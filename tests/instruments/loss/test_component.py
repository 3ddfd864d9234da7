"""The row, its charts and its numbers are the kernel's, and a light move computes only what it changes."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.parameterisation import convert, noise
from diffusion_lab.instruments.common.randomness import seeded
from diffusion_lab.instruments.common.schedules import SCHEDULES
from diffusion_lab.instruments.loss import kernel
from diffusion_lab.instruments.loss.component import ABOVE, LOUDEST, MARGIN, PITCH, TALL, THREE, WHITE, Loss
from diffusion_lab.instruments.loss.kernel import DATA, SIDE, TIMES


@pytest.fixture
def panel() -> Loss:
    return Loss()


def layers(panel):
    panel.forget_answers()
    return panel.answer().layers


def grey(panel, tile):
    """The values of a grey tile, (SIDE, SIDE), row 0 at the top, as its shades say."""
    image = layers(panel)["row.tiles"]["image"]
    rgba = np.ascontiguousarray(image[::-1]).view(np.uint8).reshape(*image.shape, 4)
    place = rgba[ABOVE : ABOVE + SIDE, MARGIN + tile * PITCH : MARGIN + tile * PITCH + SIDE]
    assert np.all(place[..., 3] == 255)
    assert np.all(place[..., 0] == place[..., 2])
    return WHITE * (place[..., 0].astype(float) / 127.5 - 1)


def made(panel):
    """Clean picture, noise and input of the panel, computed here."""
    example = kernel.Example.draw(DATA[panel.data_set], kernel.EXAMPLES[panel.data_set], seeded(panel.seed))
    level = SCHEDULES[panel.schedule].level(panel.t)
    return example, noise(example.x0, example.eps, level.alpha_bar), level


@pytest.mark.subject(lambda low: low, two_units_off=lambda low: low + 2)
def test_the_pictures_stand_in_their_frames(panel, subject):
    """A pixel of the image is a unit of the plane, so that the first column of a tile is the left side of its frame."""
    shown, row = layers(panel), Loss.scenes()["row"]
    height, width = shown["row.tiles"]["image"].shape
    assert (width, height) == (row.x[1] - row.x[0], row.y[1] - row.y[0])
    filled = shown["row.tiles"]["image"].any(axis=0)
    starts = np.flatnonzero(np.diff(filled.astype(int), prepend=0) == 1) + row.x[0]
    frames = np.nanmin(shown["row.frames"]["x"].reshape(5, -1), axis=1)
    assert len(starts) == 4
    np.testing.assert_array_equal(subject(starts), frames[:4])


@pytest.mark.subject(lambda tiles: tiles, input_without_noise=lambda tiles: [tiles[0], tiles[1], tiles[0]])
def test_the_row_is_clean_noise_and_input(panel, subject):
    example, xt, _ = made(panel)
    expected = subject([example.x0, example.eps, xt])
    for tile, values in enumerate(expected):
        np.testing.assert_allclose(grey(panel, tile), np.clip(values.reshape(SIDE, SIDE), -WHITE, WHITE), atol=0.013)


@pytest.mark.parametrize("prediction", ["eps_hat", "x0_hat", "v_pred"])
@pytest.mark.parametrize("model", ["skill", "exact"])
def test_guess_and_gap_are_of_the_chosen_predictor(panel, model, prediction):
    panel.param.update(model=model, prediction=prediction, t=0.3, skill=0.8)
    example, xt, level = made(panel)
    eps_hat = kernel.at_skill(example.eps, example.eta, 0.8)
    if model == "exact":
        eps_hat = kernel.best_prediction(DATA["pictures"], xt, level)
    guess, target = (convert(x, xt, level.alpha_bar, "eps_hat", prediction) for x in (eps_hat, example.eps))
    np.testing.assert_allclose(grey(panel, 3), np.clip(guess.reshape(SIDE, SIDE), -WHITE, WHITE), atol=0.013)
    gap = ((guess - target) ** 2).reshape(SIDE, SIDE)
    image = layers(panel)["row.gap"]["image"].astype(float)
    shown = image[::-1][ABOVE : ABOVE + SIDE, MARGIN + 4 * PITCH : MARGIN + 4 * PITCH + SIDE]
    np.testing.assert_allclose(shown, np.round(255 * np.minimum(gap / LOUDEST, 1)), atol=1)
    assert image.sum() == shown.sum(), "nothing beside the tile"
    assert panel.all_readings()["gap"] == pytest.approx(gap.mean())
    under = [f"× {level.signal:.2f}", f"× {level.sigma_t:.2f}", "", "", f"mean {gap.mean():.2f}"]
    assert layers(panel)["row.under"]["text"] == under


def test_on_a_line_each_bar_is_an_example(panel):
    panel.param.update(data_set="uneven_modes", model="exact", t=0.5)
    example, xt, level = made(panel)
    guess = kernel.best_prediction(DATA["uneven_modes"], xt, level)
    bars = layers(panel)["row.bars"]
    tops = (2 * (np.asarray(bars["y"]) - SIDE / 2)).reshape(4, SIDE)
    for shown, values in zip(tops, (example.x0, example.eps, xt, guess), strict=True):
        np.testing.assert_allclose(shown, np.clip(values[:, 0] / TALL, -1, 1) * SIDE / 2, atol=1e-4)
    across = np.asarray(bars["x"]).reshape(4, SIDE)
    np.testing.assert_array_equal(layers(panel)["row.truth"]["x"], across[3], "the target is on the prediction's bars")
    np.testing.assert_allclose(layers(panel)["row.gap_bars"]["x"], across[3] + PITCH, atol=1e-4)
    truth = layers(panel)["row.truth"]["y"]
    np.testing.assert_allclose(truth, SIDE / 2 * (1 + np.clip(example.eps[:, 0] / TALL, -1, 1)), atol=1e-4)


@pytest.mark.subject(lambda panel: panel.skill, of_another_skill=lambda panel: panel.skill + 0.1)
def test_at_given_skill_the_chart_is_level_and_measured(panel, subject):
    panel.skill = 0.6
    shown = layers(panel)
    expected = kernel.expected_gap(subject(panel))
    np.testing.assert_allclose(shown["loss.expected"]["y"], expected, rtol=1e-6)
    measured, error = np.asarray(shown["loss.measured"]["y"]), panel.measured[1][::2]
    assert np.mean(np.abs(measured - expected) < 4 * error) > 0.9
    bars = shown["loss.errors"]
    np.testing.assert_allclose(bars["y1"] - bars["y"], 4 * error, rtol=1e-4, err_msg="± 2 standard errors")
    np.testing.assert_allclose((bars["y1"] + bars["y"]) / 2, measured, rtol=1e-5)


def test_the_floor_of_the_chart_moves_with_the_schedule_and_not_with_the_skill(panel):
    before = layers(panel)["loss.floor"]["y"]
    panel.skill = 0.1
    np.testing.assert_array_equal(layers(panel)["loss.floor"]["y"], before)
    panel.schedule = "exponential"
    expected = kernel.floor(DATA["pictures"], SCHEDULES["exponential"]).mean
    np.testing.assert_allclose(layers(panel)["loss.floor"]["y"], expected, rtol=1e-5)


@pytest.mark.parametrize("model", ["skill", "exact"])
def test_three_losses_of_one_predictor(panel, model):
    panel.param.update(chart_shows="targets", model=model, data_set="uneven_modes", t=0.5)
    shown, place = layers(panel), 24
    alpha_bar = SCHEDULES["cosine"].alpha_bar(0.5)
    eps = panel.floor.mean[place] if model == "exact" else kernel.expected_gap(panel.skill)
    expected = eps * np.array([1, (1 - alpha_bar) / alpha_bar, 1 / alpha_bar])
    found = [shown[f"targets.{name}"]["y"][place] for name in THREE]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    readings = panel.all_readings()
    gap = readings["as_eps"][0]
    assert readings["as_x0"][0] == pytest.approx(gap * (1 - alpha_bar) / alpha_bar)
    assert readings["as_v"][0] == pytest.approx(gap / alpha_bar)
    assert readings["as_x0"][1] == pytest.approx((1 - alpha_bar) / alpha_bar)
    assert readings["as_v"][1] == pytest.approx(1 / alpha_bar)
    assert readings["as_eps"][1] == pytest.approx(eps)
    panel.prediction = "x0_hat"
    here = layers(panel)["targets.here"]
    assert (here["x"][0], here["y"][0]) == pytest.approx((0.5, panel.all_readings()["gap"]), rel=1e-5)
    assert panel.all_readings()["gap"] == pytest.approx(readings["as_x0"][0])


def test_weights_of_an_error_of_the_clean_data(panel):
    panel.param.update(chart_shows="weights", t=0.5)
    shown = layers(panel)
    alpha_bar = SCHEDULES["cosine"].alpha_bar(TIMES)
    for name, expected in zip(THREE, (alpha_bar / (1 - alpha_bar), np.ones(49), 1 / (1 - alpha_bar)), strict=True):
        found = np.asarray(shown[f"weights.{name}"]["y"])
        seen = np.isfinite(found)
        np.testing.assert_allclose(found[seen], expected[seen], rtol=1e-5)
        assert seen.sum() > 40
    panel.t = 0.3
    assert list(layers(panel)["weights.now"]["x"]) == pytest.approx([0.3, 0.3])


def test_words_have_the_numbers_and_the_status_says_what_is_exact(panel):
    panel.answer()
    r = panel.reading_texts
    assert f"the mean squared gap is {r['gap']}. As noise it is {r['as_eps']}, expected {r['as_eps_true']}." in (
        panel.describe()
    )
    assert panel.status_text().startswith("prediction 0.70 ε + 0.71 η (η: fresh noise), whatever the input")
    panel.model = "exact"
    panel.answer()
    assert "from the exact score" in panel.status_text()


def test_the_words_of_each_chart_have_its_numbers(panel):
    panel.param.update(t=0.3, skill=0.6)
    r = panel.reading_texts
    assert f"skill 0.60 is expected to have a gap of {r['batch_true']} at every t" in panel.describe()
    assert f"that any predictor can have, is {r['floor']} at this t." in panel.describe()
    panel.model = "exact"
    assert "Chart: the floor, the least gap" in panel.describe(), "no word on the skill, which is hidden"
    panel.model, panel.chart_shows = "skill", "targets"
    assert f"The gap is {r['as_eps']} as noise, {r['as_x0']} as clean data, {r['as_v']} as velocity." in (
        panel.describe()
    )
    panel.chart_shows = "weights"
    alpha_bar = SCHEDULES["cosine"].alpha_bar(0.3)
    assert (
        f"counts {alpha_bar / (1 - alpha_bar):.3g} times in the loss of the noise, once in its own and"
        f" {1 / (1 - alpha_bar):.3g} times in that of the velocity."
    ) in panel.describe()


def test_a_move_of_t_computes_neither_floor_nor_batches(panel):
    panel.answer()
    floor, batches = panel.floor, panel.batches
    panel.t = 0.6
    assert set(panel.answer().layers) <= {"row.tiles", "row.gap", "row.under", "loss.here"}
    assert panel.floor is floor
    assert panel.batches is batches


def test_the_floor_is_computed_in_slices(panel):
    answer = panel.answer(0.0)
    assert answer.working
    while answer.working:
        answer = panel.answer(0.0)
    batch, expected = panel.all_readings()["batch"]
    assert (batch.value, batch.error) == tuple(float(part[panel.place]) for part in panel.measured)
    assert expected == kernel.expected_gap(panel.skill)
    mean, error = panel.floor.mean[panel.place], panel.floor.error[panel.place]
    assert 0 < error < mean
    assert panel.reading_texts["floor"] == f"{mean:.2g}"
    assert panel.all_readings()["floor_error"] == (mean, error)


def test_playing_runs_from_data_to_noise(panel):
    panel.run()
    assert (panel.t, panel.playing) == (0.02, True)
    panel.step()
    assert panel.t == pytest.approx(0.04)
    assert panel.place == 1


def test_the_table_has_the_row(panel):
    table = panel.table()
    assert set(table) == {"x0", "eps", "xt", "target", "predicted", "gap"}
    np.testing.assert_allclose(table["gap"], (table["predicted"] - table["target"]) ** 2)

"""Training as an instrument: it shows the run, whatever the way there, and a run that fails stays readable."""

import importlib

import numpy as np
import pytest

from diffusion_lab.app.instrument.readings import NOTHING
from diffusion_lab.instruments.common import datasets
from diffusion_lab.instruments.common.curves import running_mean
from diffusion_lab.instruments.common.datasets import DATA_SETS, NULL
from diffusion_lab.instruments.common.denoiser_training import DIVERGED, Task, training
from diffusion_lab.instruments.common.irreducible_loss import IrreducibleLoss
from diffusion_lab.instruments.common.learned_denoiser import Learned, sample, scores
from diffusion_lab.instruments.common.schedules import Exponential
from diffusion_lab.instruments.train import kernel
from diffusion_lab.instruments.train.component import CELLS, EXTENT, GRID, ON_THE_WAY, Train
from diffusion_lab.instruments.train.kernel import EVERY, NUM_POINTS, NUM_STEPS, SAMPLER_STEPS

from ..screen import Screen

SMALL = {"training_step": 60}  # enough steps for a test of what is shown
SQUARE = "8c8ci0i0r0c0"


def run_at(step, **options):
    """A run after so many steps, or where it ended, trained here."""
    for run in training(Task(DATA_SETS["ring"](), **{"learning_rate": 0.01, "dropout": 0.2, "seed": 4} | options)):
        if run.step >= step:
            break
    return run


def learned_at(step, **options) -> Learned:
    run = run_at(step, **options)
    task = Task(DATA_SETS["ring"](), **{"learning_rate": 0.01, "dropout": 0.2, "seed": 4} | options)
    return Learned(task, run.average.average["all"])


# --- the picture is the run's ----------------------------------------------------------------------------------------


def shown_samples(step, part, scale):
    return sample(learned_at(step), kernel.noise(4), part, scale, SAMPLER_STEPS)


@pytest.mark.subject(
    shown_samples,
    a_checkpoint_late=lambda step, part, scale: shown_samples(step - EVERY, part, scale),
    unguided=lambda step, part, scale: shown_samples(step, part, 1.0),
    of_another_part=lambda step, part, scale: shown_samples(step, (part + 1) % 6, scale),
)
def test_samples_are_of_this_moment_s_weights(subject):
    screen = Screen(Train, **SMALL, guidance_scale=2.0)
    part = np.arange(NUM_POINTS) % 6
    np.testing.assert_allclose(screen.points("samples.points"), subject(60, part, 2.0), atol=1e-4)
    np.testing.assert_array_equal(screen.layers["samples.points"]["part"], part)


def test_no_condition_and_one_condition():
    screen = Screen(Train, **SMALL, condition="none")
    np.testing.assert_allclose(screen.points("samples.points"), shown_samples(60, NULL, 1.0), atol=1e-4)
    assert set(screen.layers["samples.points"]["part"]) == {NULL}
    screen.update(condition="c")
    np.testing.assert_allclose(screen.points("samples.points"), shown_samples(60, 2, 1.0), atol=1e-4)
    assert set(screen.layers["samples.points"]["part"]) == {2}


def test_guidance_at_0_ignores_the_condition_and_at_1_is_plain():
    screen = Screen(Train, **SMALL, guidance_scale=0.0, condition="c")
    np.testing.assert_allclose(screen.points("samples.points"), shown_samples(60, NULL, 1.0), atol=1e-4)
    screen.update(guidance_scale=1.0)
    np.testing.assert_allclose(screen.points("samples.points"), shown_samples(60, 2, 1.0), atol=1e-4)
    plain = screen.points("samples.points")
    screen.update(guidance_scale=3.0)
    assert np.abs(screen.points("samples.points") - plain).max() > 0.1


@pytest.mark.subject(
    lambda t: t,
    another_level=lambda t: t + 0.05,
)
@pytest.mark.parametrize(("condition", "part"), [("each", None), ("none", None), ("b", 1)])
def test_the_error_map_is_the_distance_of_the_two_scores(subject, condition, part):
    screen = Screen(Train, **SMALL, noise_level=0.2, condition=condition)
    at = Exponential().level(subject(0.2))
    learned, exact = scores(learned_at(60), GRID, at, part)
    error = at.sigma_t * np.linalg.norm(learned - exact, axis=1).reshape(CELLS, CELLS)
    image = screen.layers["score.error"]["image"]
    np.testing.assert_allclose(image, np.clip(np.round(255 * error), 0, 255), atol=1)
    assert np.ptp(image.astype(float)) > 50


def test_arrows_point_along_the_two_scores():
    screen = Screen(Train, **SMALL, noise_level=0.3)
    at = Exponential().level(0.3)
    for layer, vectors in zip(("learned", "exact"), scores(learned_at(60), GRID, at), strict=True):
        columns = screen.layers[f"score.{layer}"]
        count = len(range(1, CELLS, 3)) ** 2
        shaft = np.stack([columns["x1"] - columns["x"], columns["y1"] - columns["y"]], axis=1)[:count]
        start = np.stack([columns["x"], columns["y"]], axis=1)[:count]
        nearest = np.argmin(np.linalg.norm(GRID - start[:, None], axis=2), axis=1)
        expected = vectors[nearest]
        cosine = np.sum(shaft * expected, axis=1) / np.linalg.norm(shaft, axis=1) / np.linalg.norm(expected, axis=1)
        assert cosine.min() > 0.999
        assert np.linalg.norm(shaft, axis=1).max() < 3 * (GRID[1, 0] - GRID[0, 0])


def test_the_density_of_the_data_is_where_the_data_are():
    screen = Screen(Train, training_step=0)
    image = screen.layers["samples.data"]["image"].astype(float)
    side = len(image)
    row, column = np.unravel_index(np.argmax(image), image.shape)
    at = EXTENT * (2 * (np.array([column, row]) + 0.5) / side - 1)
    assert np.linalg.norm(DATA_SETS["ring"]().mixture.means - at, axis=1).min() < 2 * EXTENT / side


def test_the_loss_is_of_every_batch_so_far():
    screen = Screen(Train, **SMALL)
    run = run_at(60)
    batches = screen.layers["training.batches"]
    np.testing.assert_array_equal(batches["x"], np.arange(1, 61))
    np.testing.assert_allclose(batches["y"], run.losses, rtol=1e-5)
    np.testing.assert_allclose(screen.layers["training.mean"]["y"], running_mean(np.array(run.losses)), rtol=1e-5)
    floor = IrreducibleLoss.of(DATA_SETS["ring"](), "eps_hat", "uniform_t", 0.2, 4)
    assert set(screen.layers["training.floor"]["y"]) == {np.float32(floor.mean)}
    assert screen.texts["floor"] == f"{floor.mean:.3g}"
    mean, band = screen.layers["training.mean"]["y"], screen.layers["training.above"]
    assert set(band["y1"]) == {np.float32(floor.mean)}
    np.testing.assert_array_equal(band["y2"], np.maximum(mean, np.float32(floor.mean)))
    assert screen.texts["step"] == "60"
    assert float(screen.texts["loss"]) == pytest.approx(np.mean(run.losses[-12:]), rel=5e-3)
    excess = floor.weight @ floor.excess(learned_at(60).network)
    assert float(screen.texts["excess"]) == pytest.approx(excess, rel=0.1)


def test_the_loss_by_noise_level_is_above_its_floor_and_marked_at_the_level_of_the_score():
    screen = Screen(Train, **SMALL, chart_shows="levels", noise_level=0.3)
    floor, loss, here = (screen.layers[f"levels.{name}"] for name in ("floor", "loss", "here"))
    assert np.all(loss["y"] >= floor["y"])
    assert np.max(loss["y"] - floor["y"]) > 0.01
    band = screen.layers["levels.above"]
    np.testing.assert_array_equal(np.stack([band["y1"], band["y2"]]), np.stack([floor["y"], loss["y"]]))
    assert here["x"][0] == pytest.approx(Exponential().level(0.3).sigma, rel=1e-6)
    assert here["y"][0] == pytest.approx(np.interp(here["x"][0], loss["x"], loss["y"]), rel=1e-5)
    (low, high), (bottom, top) = screen.ranges["levels"]
    assert bottom == 0 < floor["y"].max() < top
    assert low <= here["x"][0] <= high


def test_what_is_drawn_is_learned():
    screen = Screen(Train, training_step=400, data_set="drawn", drawing=SQUARE, condition="none", dropout=1.0)
    means = datasets.decode(SQUARE, EXTENT)
    distance = np.linalg.norm(screen.points("samples.points")[:, None] - means, axis=2).min(axis=1)
    assert np.median(distance) < 0.5
    assert "drawn data of 3 points" in screen.description


def test_before_anything_is_drawn_the_status_says_what_to_do():
    screen = Screen(Train, training_step=0, data_set="drawn")
    assert screen.status.startswith("Nothing is drawn yet")


# --- the way there ---------------------------------------------------------------------------------------------------


def test_scrubbing_is_pure():
    """The same picture, whatever was looked at before."""
    wandered = Screen(Train, training_step=120)
    for step in (20, 200, 0, 60):
        wandered.update(training_step=step)
    assert wandered.everything() == Screen(Train, **SMALL).everything()


def test_slices_give_what_one_answer_gives_and_show_the_network_on_the_way():
    whole, sliced = Screen(Train, training_step=400), Screen(Train, training_step=0)
    pictures, progress = [], []
    answer = sliced.update(0.0, training_step=400)
    while answer.working:
        if "samples.points" in answer.layers:
            pictures.append(int(sliced.texts["step"].replace(",", "")))
        if answer.progress is not None:
            progress.append((answer.progress.done, answer.progress.of, answer.progress.unit))
        answer = sliced.take(sliced.instrument.answer(0.0))
    assert sliced.everything() == whole.everything()
    assert len(set(pictures)) >= 400 / ON_THE_WAY
    assert pictures == sorted(pictures)
    assert progress == sorted(progress)
    assert (progress[-1][1:], progress[-1][0] <= 400) == ((400, "steps"), True)


def test_what_has_been_trained_is_not_trained_again(monkeypatch):
    screen = Screen(Train, training_step=200)
    done = screen.instrument.replay.steps_done
    for step in (100, 0, 200, 40):
        screen.update(training_step=step)
    assert screen.instrument.replay.steps_done == done == 200


def test_what_does_not_concern_the_run_does_not_train_again():
    screen = Screen(Train, **SMALL)
    replay = screen.instrument.replay
    screen.update(guidance_scale=2.0, condition="a", noise_level=0.4, view="score", chart_shows="levels")
    assert screen.instrument.replay is replay
    for change in ({"seed": 5}, {"dropout": 0.4}, {"learning_rate": "0.003"}, {"prediction": "edm"}):
        screen.update(**change)
        assert screen.instrument.replay is not replay
        replay = screen.instrument.replay


def test_a_step_between_two_checkpoints_shows_the_one_before():
    assert Screen(Train, training_step=79).texts["step"] == "60"


def test_run_plays_from_the_start_and_step_goes_to_the_next_checkpoint():
    train = Train()
    train.run()
    assert (train.training_step, train.playing) == (0, True)
    train.step()
    assert (train.training_step, train.playing) == (EVERY, False)
    train.training_step = NUM_STEPS
    train.step()
    assert train.training_step == NUM_STEPS


def test_a_condition_that_the_data_do_not_have_becomes_each():
    train = Train(condition="f")
    train.data_set = "moons"
    assert train.condition == "each"
    train.condition = "b"
    train.data_set = "ring"
    assert train.condition == "b"


# --- divergence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prediction", ["eps_hat", "x0_hat", "v_pred", "edm"])
def test_divergence_is_said_and_leaves_a_readable_chart(prediction):
    screen = Screen(Train, training_step=300, learning_rate="1", prediction=prediction)
    step = run_at(300, learning_rate=1.0, target=prediction).diverged_at
    assert step is not None
    assert screen.status.startswith(f"diverged at step {step}: the loss passed 1,000")
    assert "Reset" in screen.status
    assert f"Training diverged at step {step}." in screen.description
    assert screen.texts["step"] == str(step)
    assert screen.texts["loss"] == screen.texts["excess"] == NOTHING
    for name, columns in screen.layers.items():
        for column in columns.values():
            assert np.all(np.isfinite(column)), name
    assert screen.layers["training.batches"]["y"].max() <= DIVERGED
    assert screen.ranges["training"][1][1] >= DIVERGED
    assert all(value is None or np.all(np.isfinite(value)) for value in screen.instrument.answer().numbers.values())


def test_after_divergence_reset_and_a_smaller_rate_lead_back():
    screen = Screen(Train, **SMALL)
    before = screen.everything()
    screen.update(learning_rate="1")
    screen.instrument.act({"action": "reset"})
    screen.update()
    assert screen.everything() == before
    screen.update(learning_rate="1")
    screen.update(learning_rate="0.003")
    assert "diverged" not in screen.status + screen.description


# --- words, numbers, data --------------------------------------------------------------------------------------------


def test_the_words_have_the_numbers_of_the_picture():
    screen = Screen(Train, **SMALL)
    texts = screen.texts
    assert f"A network after {texts['step']} training steps on the ring data" in screen.description
    assert f"are {texts['distance']} from the data, perfect draws {texts['distance_true']}" in screen.description
    assert (
        f"off by {texts['score_error']}, where that of an untrained network is off by {texts['score_error_true']}."
        in screen.description
    )
    assert f"The floor is {texts['floor']}" in screen.description
    assert "(condition: each part in turn, guidance scale w = 1.0)" in screen.description
    assert "The chart shows the loss of each batch." in screen.description
    assert screen.instrument.status().count == screen.instrument.training_step > 1, "the time is that of one step"
    screen.update(view="samples", chart_shows="levels")
    assert "learned score" not in screen.description
    assert "The chart shows the loss of each noise" in screen.description
    screen.update(view="score")
    assert "samples" not in screen.description
    screen.update(condition="none", guidance_scale=3.0)
    assert "(condition: none)" in screen.description


def test_without_a_condition_there_is_no_guidance():
    plain, guided = (
        Screen(Train, condition="none", guidance_scale=w, **SMALL).points("samples.points") for w in (1.0, 3.0)
    )
    np.testing.assert_array_equal(plain, guided)


def test_an_untrained_network_is_as_wrong_as_one_that_says_0():
    screen = Screen(Train, training_step=0)
    assert screen.texts["score_error"] == screen.texts["score_error_true"]
    assert screen.texts["loss"] == NOTHING
    assert screen.status.startswith("MLP of 64 × 64 × 64 units, Adam, batches of 256")
    assert screen.status.endswith("ms a step · float32, truth in float64")


def test_the_table_has_the_samples():
    screen = Screen(Train, **SMALL)
    table = screen.instrument.table()
    np.testing.assert_allclose(np.stack([table["x"], table["y"]], axis=1), screen.points("samples.points"), atol=1e-6)
    np.testing.assert_array_equal(table["part"], np.arange(NUM_POINTS) % 6)


def test_a_link_trains_to_its_step():
    state = Train.parse_state({"training_step": "100", "data_set": "moons", "prediction": "edm"})
    screen = Screen(Train, **state)
    assert screen.texts["step"] == "100"
    opened = Train()
    opened.resume(state)
    assert opened.query == "training_step=100&data_set=moons&prediction=edm"


def test_light_settings_compute_little():
    """A level of the score asks the network once, and trains and samples nothing."""
    screen = Screen(Train, **SMALL)
    computed = importlib.import_module("diffusion_lab.app.instrument.computed")
    assert isinstance(Train.moment, computed.Result)
    moment = screen.instrument.moment
    answer = screen.update(noise_level=0.5)
    assert screen.instrument.moment is moment
    assert {name for name in answer.layers if not name.startswith("score")} == set()

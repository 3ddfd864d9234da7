"""The ring on its panel: what Run and Step do, how view and t agree, and that the numbers are the kernel's."""

import math

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import MAX_FRAMES, Ring

from .shown import layer, points, shown, status, visible

ALPHA = 1e-4


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
    assert status(panel).endswith(" ms · exact score of 6 Gaussians of σ = 0.2, float64")
    panel.param.update(num_levels=40)
    assert not np.any(np.all(points(panel) == end, axis=1))
    assert "40 levels × 10 steps × 520 points" in status(panel)
    panel.progress = 0.0
    np.testing.assert_array_equal(points(panel), start)


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
    panel.param.update(view="reverse", progress=0.8, sampler="ode_euler", num_levels=6)
    within, true = (float(shown(panel)[key]) for key in ("within", "within_true"))
    assert round(100 * within) != round(100 * true)
    assert f" {within:.0%} of the points lie" in panel.describe()
    assert f"(true value {true:.0%})" in panel.describe()
    panel.param.update(progress=0.5, sampler="langevin", num_levels=60)
    assert panel.describe().startswith(
        "Reverse process towards a six-cluster ring, 50.0% done: 520 points sampled from noise by Langevin,"
        " 60 levels × 10 steps, noise level t = 0."
    )


def test_one_of_something_is_singular(panel):
    panel.param.update(view="reverse", num_levels=5, langevin_steps=1)
    assert "by Langevin, 5 levels × 1 step, noise level" in panel.describe()
    assert status(panel).startswith("5 levels × 1 step × 520 points")


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


# --- x̂₀ --------------------------------------------------------------------------------------------------------------


def brute_force_x0_hat(x, t, mixture):
    """The mean of x0 under its posterior, by importance sampling: clean points weighted by their chance to become x."""
    x0, _ = mixture.sample(40_000, np.random.default_rng(3))
    gap = np.sum((x[:, None] - math.exp(-3 * t) * x0) ** 2, axis=2) / (2 * -math.expm1(-6 * t))
    weight = np.exp(gap.min(axis=1, keepdims=True) - gap)
    return weight @ x0 / weight.sum(axis=1, keepdims=True)


def guesses(panel):
    columns = layer(panel, "x0_hat")
    return np.stack([columns["x"], columns["y"]], axis=1)


@pytest.mark.subject(
    kernel.x0_hat,
    the_point_itself=lambda mixture, x, t: x,
    only_unshrunk=lambda mixture, x, t: x / math.exp(-3 * t),
    downhill=lambda mixture, x, t: 2 * x / math.exp(-3 * t) - kernel.x0_hat(mixture, x, t),
    nearest_centre=lambda mixture, x, t: mixture.means[
        np.linalg.norm(x[:, None] - math.exp(-3 * t) * mixture.means, axis=2).argmin(axis=1)
    ],
)
def test_x0_hat_is_the_mean_of_the_clean_points_behind_a_noised_one(subject):
    """Within 0.1, five standard errors of the brute-force mean at most."""
    for t in (0.15, 0.4):
        x = np.random.default_rng(1).standard_normal((20, 2))
        np.testing.assert_allclose(subject(ring(), x, t), brute_force_x0_hat(x, t, ring()), atol=0.1)


def test_lines_lead_from_each_point_to_its_x0_hat(panel):
    for settings in ({"t": 0.3}, {"view": "reverse", "progress": 0.6}):
        panel.param.update(show_posterior_mean=True, **settings)
        lines = layer(panel, "to_x0_hat")
        np.testing.assert_array_equal(np.stack([lines["x"], lines["y"]], axis=1), points(panel))
        np.testing.assert_array_equal(np.stack([lines["x1"], lines["y1"]], axis=1), guesses(panel))
        expected = kernel.x0_hat(ring(), points(panel), panel.time)
        np.testing.assert_allclose(guesses(panel), expected, atol=1e-5)
    assert "Lines lead from 520 points to their x̂₀" in panel.describe()
    table = panel.table()
    in_table = np.stack([table["x0_hat_x"], table["x0_hat_y"]], axis=1)
    np.testing.assert_allclose(in_table, guesses(panel), atol=1e-5)
    panel.param.update(num_points="2000", view="forward")
    assert len(guesses(panel)) == 520
    panel.show_posterior_mean = False
    assert "x̂₀" not in panel.describe()
    assert not visible(panel) & {"x0_hat", "to_x0_hat"}


def test_the_words_measure_the_lines_and_the_guesses():
    panel = Ring(t=0.5, show_posterior_mean=True)
    x, guess = points(panel), guesses(panel)
    length = np.mean(np.hypot(*(guess - x).T))
    spread = np.sqrt(np.var(guess, axis=0).sum())
    assert spread**2 != pytest.approx(spread, rel=0.1)
    assert f"they are {length:.2f} long on average, and the x̂₀ spread by {spread:.2f} about their mean." in (
        panel.describe()
    )


def test_x0_hat_is_the_point_at_0_and_nearly_the_mean_of_the_data_at_1(panel):
    panel.param.update(show_posterior_mean=True, t=0.0)
    np.testing.assert_allclose(guesses(panel), points(panel), atol=1e-6)
    panel.t = 1.0
    assert np.abs(guesses(panel)).max() < 0.6

"""Schedules side by side: densities, losses, the common noise, the chain, and DDIM's distance, against closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.schedules import SCHEDULES
from diffusion_lab.instruments.schedule import kernel
from diffusion_lab.instruments.schedule.kernel import DATA, TIMES

TWO, UNEVEN, PAIRS = DATA.values()


def law(mixture, level):
    """Density of the noised mixture by SciPy, as a function."""
    sd = np.sqrt(level.alpha_bar * mixture.s**2 + 1 - level.alpha_bar)
    centres = np.sqrt(level.alpha_bar) * mixture.means[:, 0]
    return lambda x: float(mixture.weights @ stats.norm.pdf(x, centres, sd))


@pytest.mark.subject(kernel.densities, transposed_levels=lambda m, at, x: kernel.densities(m, at, x)[:, ::-1])
@pytest.mark.parametrize("name", SCHEDULES)
def test_densities_are_those_of_the_noised_mixture(name, subject):
    times, x = np.array([0.1, 0.35, 0.9]), np.linspace(-3, 3, 7)
    found = subject(UNEVEN, SCHEDULES[name].level(times), x)
    expected = [[law(UNEVEN, SCHEDULES[name].level(t))(place) for t in times] for place in x]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# --- what is lost ----------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    kernel.Losses.of,
    of_the_amplitude=lambda m: kernel.Losses(0.5, kernel.Losses.of(m).modes ** 0.5, 0.1),
)
def test_two_equal_modes_merge_where_their_distance_is_two_standard_deviations(subject):
    """4 ab = ab s² + 1 - ab; two Gaussians of equal weight have one peak from there on."""
    assert subject(TWO).modes == pytest.approx(1 / (5 - 0.09), rel=1e-6)


def test_uneven_modes_merge_earlier_and_pairs_much_earlier():
    assert kernel.Losses.of(PAIRS).modes > kernel.Losses.of(UNEVEN).modes > kernel.Losses.of(TWO).modes


@pytest.mark.parametrize(("mixture", "count"), [(TWO, 2), (UNEVEN, 2), (PAIRS, 4)])
@pytest.mark.subject(
    kernel.count_modes,
    peaks_and_gaps=lambda m, at: 2 * kernel.count_modes(m, at) - 1 + (kernel.count_modes(m, at) == 1),
)
def test_modes_are_counted(mixture, count, subject):
    assert subject(mixture, Level.from_alpha_bar(0.99)) == count
    assert subject(mixture, Level.from_alpha_bar(0.001)) == 1
    assert subject(mixture, Level.from_alpha_bar(0.0)) == 1
    assert [subject(PAIRS, Level.from_alpha_bar(a)) for a in (0.9, 0.6, 0.1)] == [4, 2, 1]


def information(mixture, level):
    """By SciPy's quadrature: sum over modes of the relative entropy of p(x | mode) to p(x)."""
    sd, p = np.sqrt(mixture.var(level.signal, level.sigma_t)), law(mixture, level)
    total = 0.0
    for mean, weight in zip(mixture.means[:, 0], mixture.weights, strict=True):
        centre = level.signal * mean
        given = lambda x, c=centre: stats.norm.pdf(x, c, sd)  # noqa: E731
        log = lambda x, g=given: g(x) * (np.log2(g(x)) - np.log2(p(x)))  # noqa: E731
        total += weight * integrate.quad(log, centre - 9 * sd, centre + 9 * sd, limit=200)[0]
    return total


@pytest.mark.subject(
    kernel.class_information,
    nats=lambda m, at: kernel.class_information(m, at) * np.log(2),
    entropy_alone=lambda m, at: float(kernel.entropy(m.weights)),
)
@pytest.mark.parametrize("mixture", DATA.values(), ids=DATA)
def test_class_information_is_the_mutual_information(mixture, subject):
    for alpha_bar in (0.8, 0.3, 0.05):
        level = Level.from_alpha_bar(alpha_bar)
        assert subject(mixture, level) == pytest.approx(information(mixture, level), abs=1e-8)


def test_clean_points_tell_their_mode_and_pure_noise_tells_nothing():
    assert kernel.class_information(TWO, Level.from_sigma(0.0)) == pytest.approx(1.0, abs=1e-9)
    assert kernel.class_information(PAIRS, Level.from_sigma(0.0)) == pytest.approx(2.0, abs=0.05)
    assert kernel.class_information(TWO, Level.from_alpha_bar(0.0)) == pytest.approx(0.0, abs=1e-9)


def test_losses_happen_at_their_level_under_every_schedule():
    losses = kernel.Losses.of(UNEVEN)
    for schedule in SCHEDULES.values():
        half, modes, bits = losses.times(schedule)
        assert schedule.level(half).snr == pytest.approx(1.0)
        around = [kernel.count_modes(UNEVEN, schedule.level(modes + d)) for d in (-1e-3, 1e-3)]
        assert around == [2, 1]
        assert kernel.class_information(UNEVEN, schedule.level(bits)) == pytest.approx(kernel.BITS_LEFT, abs=1e-6)


def test_curves_of_information_are_those_of_each_level():
    curves = kernel.information_curves(TWO)
    for name, schedule in SCHEDULES.items():
        assert curves[name].shape == TIMES.shape
        assert np.all(np.diff(curves[name]) <= 1e-9)
        assert curves[name][40] == pytest.approx(kernel.class_information(TWO, schedule.level(0.4)), abs=1e-7)


def test_nothing_is_left_at_the_end_of_the_cosine_schedule():
    assert kernel.level_of(SCHEDULES["cosine"], 1.0).alpha_bar == 0.0
    assert kernel.beta_of(SCHEDULES["cosine"], TIMES)[-1] == np.inf
    assert np.all(np.isfinite(kernel.beta_of(SCHEDULES["cosine"], TIMES)[:-1]))
    assert kernel.level_of(SCHEDULES["linear"], 1.0).alpha_bar == SCHEDULES["linear"].alpha_bar(1.0)


# --- the same noise under all ----------------------------------------------------------------------------------------


def other_noise(x0, rng):
    return {name: kernel.same_paths(x0, rng, {name: schedule})[name] for name, schedule in SCHEDULES.items()}


@pytest.mark.subject(kernel.same_paths, other_noise=other_noise)
def test_one_path_serves_all_schedules(subject, rng):
    """Where two schedules have the same sigma, the same points are at the same place."""
    twice = {"once": SCHEDULES["linear"], "again": SCHEDULES["linear"]}
    x0 = np.array([-2.0, 2.0, 0.5])
    paths = subject(x0, rng) | (kernel.same_paths(x0, rng, twice) if subject is kernel.same_paths else {})
    ve = {name: paths[name] / np.asarray(SCHEDULES[name].level(TIMES).signal)[:, None] for name in SCHEDULES}
    sigma = {name: np.asarray(SCHEDULES[name].level(TIMES).sigma) for name in SCHEDULES}
    for name in ("linear", "sigmoid", "karras"):  # the path of another schedule, read at the nearest level
        near = np.abs(np.log(sigma["exponential"][1:, None] / sigma[name][None, 1:])).argmin(axis=1) + 1
        gap = sigma["exponential"][1:] ** 2 - sigma[name][near] ** 2
        assert np.all(np.abs(ve["exponential"][1:] - ve[name][near]) <= 6 * np.sqrt(np.abs(gap))[:, None] + 1e-9)
    if "once" in paths:
        np.testing.assert_array_equal(paths["once"], paths["again"])


@pytest.mark.subject(
    kernel.same_paths,
    noise_without_memory=lambda x0, rng: {
        name: np.asarray(s.level(TIMES).signal)[:, None] * x0
        + np.asarray(s.level(TIMES).sigma_t)[:, None] * rng.standard_normal((len(TIMES), len(x0)))
        for name, s in SCHEDULES.items()
    },
    too_little_noise=lambda x0, rng: {name: 0.9 * x for name, x in kernel.same_paths(x0, rng).items()},
)
def test_paths_follow_the_law_of_the_forward_process(subject, rng):
    """Moments of x_t given x_0, and the correlation of two times, which is the ratio of the two sigmas."""
    x0 = np.full(4000, 1.5)
    for name, x in subject(x0, rng).items():
        early, late = (SCHEDULES[name].level(TIMES[k]) for k in (30, 60))
        for k, level in ((30, early), (60, late)):
            assert abs(x[k].mean() - 1.5 * level.signal) < 5 * level.sigma_t / np.sqrt(4000)
            assert x[k].std() == pytest.approx(level.sigma_t, rel=5 / np.sqrt(2 * 4000))
        assert np.corrcoef(x[30], x[60])[0, 1] == pytest.approx(early.sigma / late.sigma, abs=0.08)


# --- the chain -------------------------------------------------------------------------------------------------------


def shrinks_too_much(x, beta, z):
    return (1 - beta) * x + np.sqrt(beta) * z


@pytest.mark.subject(kernel.forward_step, shrinks_too_much=shrinks_too_much)
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("num_steps", [2, 20, 1000])
def test_the_chain_has_the_law_of_the_one_jump(name, num_steps, subject, monkeypatch):
    monkeypatch.setattr(kernel, "forward_step", subject)
    assert kernel.difference_of_laws(SCHEDULES[name].betas(num_steps)) < 1e-14


def test_the_chain_s_points_have_its_law(rng, assert_variance):
    betas = SCHEDULES["linear"].betas(50)
    states = kernel.chain(np.full(5000, 2.0), betas, rng)
    factor, var = kernel.chain_law(betas)
    for k in (1, 10, 50):
        assert_variance(states[k] - 2.0 * factor[k], var[k])
    assert np.all(states[0] == 2.0)


# --- few steps -------------------------------------------------------------------------------------------------------


@pytest.mark.subject(kernel.quantiles, of_the_clean_data=lambda m, p, at: kernel.quantiles(m, p, Level.from_sigma(0.0)))
def test_quantiles_invert_the_distribution(subject):
    p = np.array([1e-6, 0.1, 0.299, 0.301, 0.75, 1 - 1e-6])
    for alpha_bar in (1.0, 0.5, 0.0):
        level = Level.from_alpha_bar(alpha_bar)
        x = subject(UNEVEN, p, level)
        sd = np.sqrt(UNEVEN.var(level.signal, level.sigma_t))
        shares = stats.norm.cdf(x[:, None], level.signal * UNEVEN.means[:, 0], sd) @ UNEVEN.weights
        np.testing.assert_allclose(shares, p, rtol=1e-6)
    with pytest.raises(ValueError, match="`p` must lie between 0 and 1"):
        kernel.quantiles(UNEVEN, np.array([0.0]), Level.from_sigma(0.0))


def test_ddim_converges_to_the_floor_in_first_order():
    found = kernel.few_steps(TWO)
    for name in SCHEDULES:
        error = found.error[name]
        assert error[-1] < 0.1 * error[0]
        assert found.floor[name] < error[-1]
    assert found.error["linear"][-1] / found.error["linear"][-4] == pytest.approx(25 / 50, rel=0.1)


@pytest.mark.subject(
    lambda found: found.floor,
    of_fifty_steps=lambda found: {name: float(error[-1]) for name, error in found.error.items()},
)
def test_the_floor_is_what_the_signal_left_at_the_end_costs(subject):
    """The largest for the schedule that leaves most signal, none where none is left."""
    floor = subject(kernel.few_steps(UNEVEN))
    assert floor["cosine"] < 1e-6 < floor["linear"] < floor["karras"] < 0.3 * floor["exponential"]


def test_with_few_steps_cosine_is_ahead_of_linear_and_with_many_it_is_not():
    """Nichol & Dhariwal 2021 found this for images; here on the exact score of two modes."""
    error = kernel.few_steps(TWO).error
    few, many = kernel.STEPS.index(3), kernel.STEPS.index(50)
    assert error["cosine"][few] < 0.5 * error["linear"][few]
    assert error["cosine"][many] > 0.8 * error["linear"][many]


@pytest.mark.parametrize("name", SCHEDULES)
def test_ddim_takes_as_many_steps_as_it_says(name):
    for steps in kernel.STEPS:
        levels = kernel.ddim_levels(SCHEDULES[name], steps)
        assert len(levels) == steps + 1
        assert levels[-1].sigma == 0

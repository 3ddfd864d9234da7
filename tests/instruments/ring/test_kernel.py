"""The ring's kernel: the law of what it draws, the truth of its measures, and what a frame says of itself."""

from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.datasets import DATA_SETS, ring
from diffusion_lab.instruments.common.metrics import mmd, mode_mass, nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers.langevin import langevin_variance
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.ring import kernel

TIMES = (0.0, 0.05, 0.18, 0.5, 1.0)


def level(t):
    return np.exp(-3 * t), np.sqrt(-np.expm1(-6 * t))


@pytest.mark.subject(
    kernel.forward,
    missing_sqrt=lambda x0, eps, t: np.exp(-6 * t) * x0 - np.expm1(-6 * t) * eps,
    unscaled_data=lambda x0, eps, t: x0 + np.sqrt(-np.expm1(-6 * t)) * eps,
    half_beta=lambda x0, eps, t: kernel.forward(x0, eps, t / 2),
    noise_from_the_data=lambda x0, eps, t: kernel.forward(x0, x0, t),
)
def test_forward_points_follow_the_exact_law(subject, lopsided, rng, assert_follows):
    x0, component = kernel.draw_clean(lopsided, 20_000, rng)
    eps = rng.standard_normal(x0.shape)
    assert component.shape == (20_000,)
    for t in TIMES:
        assert_follows(subject(x0, eps, t), lopsided, *level(t))


def test_forward_moves_continuously_from_the_data(rng):
    """At fixed eps a point starts at x0 and moves by at most (3 |x0| + 3 signal²/sigma_t |eps|) dt."""
    x0, eps = rng.standard_normal((2, 100, 2))
    np.testing.assert_array_equal(kernel.forward(x0, eps, 0.0), x0)
    t, dt = np.linspace(0, 1, 1001), 1e-3
    path = np.stack([kernel.forward(x0, eps, u) for u in t])
    signal, sigma_t = level(t[1:-1, None, None])
    bound = 3 * np.abs(x0) + 3 * signal**2 / sigma_t * np.abs(eps)
    assert np.all(np.abs(path[2:] - path[1:-1]) <= bound * dt + 1e-12)


def crooked(score):
    """From a mixture, one whose `score(mixture, x, signal, sigma)` is wrong."""

    def make(mixture):
        wrong = GaussianMixture(mixture.means, mixture.weights, mixture.s)
        object.__setattr__(wrong, "score", lambda x, signal, sigma: score(mixture, x, signal, sigma))
        return wrong

    return make


def with_stale_responsibilities(mixture):
    """Each point stays with the modes it saw at the start."""
    seen = []

    def score(mixture, x, signal, sigma):
        seen.append(mixture.responsibilities(x, signal, sigma))
        return (seen[0] @ mixture.means - x) / mixture.var(signal, sigma)

    return crooked(score)(mixture)


@pytest.mark.subject(
    lambda mixture: mixture,
    sign_flipped=crooked(lambda m, x, a, b: -m.score(x, a, b)),
    missing_sqrt=crooked(lambda m, x, a, b: m.score(x, a, np.sqrt(b))),
    wrong_variance=crooked(lambda m, x, a, b: m.score(x, a, b) * m.var(a, b) / (m.s**2 / 2 + b**2)),
    stale_responsibilities=with_stale_responsibilities,
    forgets_a_mode=crooked(lambda m, x, a, b: GaussianMixture(m.means[1:], np.full(5, 0.2), m.s).score(x, a, b)),
)
def test_all_six_modes_come_back_with_the_right_spread(subject, rng, assert_counts, assert_variance, assert_follows):
    """Mass per mode, variance per mode against the recursion, and the law of projections."""
    mixture, n = ring(), 4000
    *_, last = kernel.sample(subject(mixture), num_points=n, rng=rng)
    x = last.x / last.level.signal
    levels = kernel.sampling_levels("langevin", kernel.NUM_LEVELS)
    var = langevin_variance(mixture.s, levels, kernel.NUM_STEPS, kernel.STEP_SIZE, 1.0)[-1] / last.level.alpha_bar
    assert_counts(n * mode_mass(x, mixture.means), mixture.weights)
    assert_variance(x - mixture.means[nearest(x, mixture.means)], var)
    assert_follows(x, GaussianMixture(mixture.means, mixture.weights, np.sqrt(var)), 1.0, 0.0)


def test_defaults_end_within_three_percent_of_the_clusters_width():
    levels = kernel.sampling_levels("langevin", kernel.NUM_LEVELS)
    sd = np.sqrt(langevin_variance(0.2, levels, kernel.NUM_STEPS, kernel.STEP_SIZE, 1.0)[-1]) / levels[-1].signal
    assert sd == pytest.approx(0.2054, abs=5e-5)
    assert abs(sd / 0.2 - 1) < 0.03


def each_state(change):
    """`sample` with every state passed through `change(state, next_state)`."""

    def wrong(*arguments, rng, **options):
        states = list(kernel.sample(*arguments, rng=rng, **options))
        return [change(a, b) for a, b in pairwise([*states, states[-1]])]

    return wrong


@pytest.mark.subject(
    kernel.sample,
    in_ve=each_state(lambda a, b: replace(a, x=a.x / a.level.signal)),
    scaled_twice=each_state(lambda a, b: replace(a, x=a.x * a.level.signal)),
    labelled_with_the_next_level=each_state(lambda a, b: replace(a, level=b.level)),
    scaled_by_the_next_level=each_state(lambda a, b: replace(a, x=a.x * b.level.signal / a.level.signal)),
)
def test_every_state_is_in_vp_coordinates_of_its_level(subject, rng, assert_variance):
    """One Gaussian, whose variance the recursion gives at the end of each level."""
    mixture = GaussianMixture(np.zeros((1, 2)), np.ones(1), 0.2)
    levels, options, n = kernel.sampling_levels("langevin", 12), {"num_steps": 3, "step_size": 0.4}, 20_000
    states = list(subject(mixture, "langevin", n, 12, rng=rng, **options))
    assert_variance(states[0].x, 1.0)
    expected = langevin_variance(0.2, levels, **options, initial_var=1.0)
    for k, state in enumerate(states[3::3]):
        assert state.level == levels[k]
        assert_variance(state.x, expected[k])


def evaluations(sampler, num_levels, num_steps=kernel.NUM_STEPS):
    """Of the score, per point of a whole run: Langevin's steps at every level, or a step to every level."""
    return num_levels * {"langevin": num_steps, "ode_heun": 2}.get(sampler, 1)


@pytest.mark.parametrize("sampler", kernel.SAMPLERS)
def test_a_run_says_where_it_is(sampler, rng):
    options = {"num_steps": 3} if sampler == "langevin" else {}
    run = Trajectory.of(kernel.sample(ring(), sampler, 7, 6, rng=rng, **options))
    levels = kernel.sampling_levels(sampler, 6)
    wanted = [levels[0], *(level for level in levels for _ in range(3))] if sampler == "langevin" else levels
    assert list(run.levels) == wanted
    assert kernel.SCHEDULE.t(run.levels[0].alpha_bar) == pytest.approx(1, abs=1e-15)
    assert run.levels[-1].sigma == pytest.approx(kernel.SIGMA_MIN)
    assert run.nfe[0] == 0
    assert run.nfe[-1] == evaluations(sampler, 6, 3)
    np.testing.assert_array_equal(run.step, np.arange(len(wanted)))


def test_all_samplers_begin_at_the_same_noise():
    for name in kernel.SAMPLERS:
        start = next(kernel.sample(ring(), name, 50, rng=np.random.default_rng(5))).x
        np.testing.assert_array_equal(start, np.random.default_rng(5).standard_normal((50, 2)))


@pytest.mark.parametrize("sampler", kernel.SAMPLERS)
def test_evaluations_are_counted(sampler, rng):
    calls = []

    def counted(mixture, x, signal, sigma):
        calls.append(sigma)
        return mixture.score(x, signal, sigma)

    *_, last = kernel.sample(crooked(counted)(ring()), sampler, 5, 6, rng=rng)
    assert len(calls) == last.nfe == evaluations(sampler, 6)


@pytest.mark.parametrize("sampler", kernel.SAMPLERS)
@pytest.mark.subject(
    lambda mixture: mixture,
    sign_flipped=crooked(lambda m, x, a, b: -m.score(x, a, b)),
    missing_sqrt=crooked(lambda m, x, a, b: m.score(x, a, np.sqrt(b))),
    signal_left_out=crooked(lambda m, x, a, b: m.score(1.2 * x, a, b)),
    forgets_a_mode=crooked(lambda m, x, a, b: GaussianMixture(m.means[1:], np.full(5, 0.2), m.s).score(x, a, b)),
)
def test_every_sampler_brings_the_ring_back(subject, sampler, rng, assert_counts):
    """In 80 levels 2000 points come to equal clusters, and to 1.6 times the distance that perfect draws have."""
    *_, last = kernel.sample(subject(ring()), sampler, 2000, 80, rng=rng)
    assert_counts(2000 * mode_mass(last.x, ring().means), np.full(6, 1 / 6))
    found = mmd(last.x, ring(), last.level.signal, last.level.sigma_t)
    assert found.distance < 1.6 * found.expected


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_comes_back(name, rng):
    mixture = DATA_SETS[name]().mixture
    *_, last = kernel.sample(mixture, "dpm_solver_pp_2m", 1000, 40, rng=rng)
    found = kernel.measures(last.x, mixture, kernel.SCHEDULE.t(last.level.alpha_bar))
    assert found.distance < 1.6 * found.distance_expected
    assert abs(found.within - found.within_true) < 5 * found.within_error + 2e-3


def test_slices_make_the_same_run_bit_for_bit():
    def run(seed):
        return kernel.sample(ring(), "langevin", 30, 8, rng=np.random.default_rng(seed), num_steps=5)

    whole, again, other = (Trajectory.of(run(seed)) for seed in (1, 1, 2))
    states, steps = [], run(1)
    while piece := list(islice(steps, 7)):
        states += piece
    sliced = Trajectory.of(states)
    for same in (again, sliced):
        assert same.nfe[-1] == whole.nfe[-1] == 40
        np.testing.assert_array_equal(same.x, whole.x)
        np.testing.assert_array_equal(same.step, whole.step)
        assert same.levels == whole.levels
    assert not np.array_equal(other.x, whole.x)


def bottom_up(m, t, extent, resolution):
    return kernel.density(m, t, extent, resolution)


@pytest.mark.subject(
    kernel.density,
    transposed=lambda *at: bottom_up(*at).T,
    upside_down=lambda *at: bottom_up(*at)[::-1],
    log=lambda *at: np.log(bottom_up(*at)),
    clean=lambda m, t, *rest: bottom_up(m, 0.0, *rest),
    per_pixel=lambda m, t, extent, n: bottom_up(m, t, extent, n) * (2 * extent / n) ** 2,
)
def test_density_is_exact_with_its_first_row_at_the_bottom(subject, lopsided):
    t, extent, n = 0.1, 3.0, 24
    signal, sigma_t = level(t)
    var = signal**2 * lopsided.s**2 + sigma_t**2
    image = subject(lopsided, t, extent, n)
    assert image.shape == (n, n)
    for row, column in ((0, 0), (5, 17), (23, 3), (12, 12)):
        at = [(2 * column + 1) / n * extent - extent, (2 * row + 1) / n * extent - extent]
        truth = sum(
            w * stats.multivariate_normal.pdf(at, signal * mu, var)
            for w, mu in zip(lopsided.weights, lopsided.means, strict=True)
        )
        assert image[row, column] == pytest.approx(truth, rel=1e-11)


def test_density_holds_all_the_mass(lopsided):
    for t in (0.05, 0.5, 1.0):
        assert kernel.density(lopsided, t, 7.0, 280).sum() * 0.05**2 == pytest.approx(1, abs=1e-9)


@pytest.mark.subject(
    kernel.score_field,
    downhill=lambda m, t, grid: (kernel.score_field(m, t, grid)[0], -kernel.score_field(m, t, grid)[1]),
    eps_for_score=lambda m, t, grid: (
        kernel.score_field(m, t, grid)[0],
        -level(t)[1] * kernel.score_field(m, t, grid)[1],
    ),
    clean=lambda m, t, grid: kernel.score_field(m, 0.0, grid),
    axes_swapped=lambda m, t, grid: (
        kernel.score_field(m, t, grid)[0],
        kernel.score_field(m, t, grid)[1][:, ::-1],
    ),
)
def test_arrows_are_the_gradient_of_the_log_density(subject, lopsided):
    """Central differences on the density's own image, second order in the cell (0.005): 1e-3 of an arrow."""
    t, extent, n = 0.2, 1.5, 601
    log_density = np.log(kernel.density(lopsided, t, extent, n))
    axis = kernel.pixel_centres(extent, n)
    h = axis[1] - axis[0]
    inner = slice(50, n - 50, 100)
    slope_y, slope_x = (slope[inner, inner] for slope in np.gradient(log_density, h))
    positions, vectors = subject(lopsided, t, axis[inner])
    grid_x, grid_y = np.meshgrid(axis[inner], axis[inner])
    np.testing.assert_array_equal(positions, np.stack([grid_x.ravel(), grid_y.ravel()], axis=1))
    np.testing.assert_allclose(vectors, np.stack([slope_x.ravel(), slope_y.ravel()], axis=1), rtol=1e-3, atol=1e-3)


def wrong_errors(change):
    """Measures whose standard errors went through `change(error, n)`."""

    def wrong(x, mixture, t):
        m = kernel.measures(x, mixture, t)
        return replace(
            m,
            within_error=change(m.within_error, len(x)),
            mode_mass_error=change(m.mode_mass_error, len(x)),
        )

    return wrong


@pytest.mark.subject(
    kernel.measures,
    always_clean=lambda x, mixture, t: kernel.measures(x, mixture, 0.0),
    one_slider_step_late=lambda x, mixture, t: kernel.measures(x, mixture, t + 0.01),
    error_of_the_count=wrong_errors(lambda error, n: error * n),
    variance_for_error=wrong_errors(lambda error, n: error**2),
)
def test_measures_scatter_about_their_truth_by_their_error(subject, lopsided, rng):
    """Standardised, over 200 clouds of 520 points at two times: mean 0 and variance 1, each at 1e-5."""
    clouds = 200
    for t in (0.02, 0.18):
        z = []
        for _ in range(clouds):
            x0, _ = kernel.draw_clean(lopsided, 520, rng)
            m = subject(kernel.forward(x0, rng.standard_normal(x0.shape), t), lopsided, t)
            of_mass = (m.mode_mass - m.mode_mass_true) / m.mode_mass_error
            z.append([*of_mass, (m.within - m.within_true) / m.within_error])
        z = np.array(z)
        assert np.all(np.abs(z.mean(axis=0)) * np.sqrt(clouds) < stats.norm.isf(5e-6))
        low, high = stats.chi2.ppf([5e-6, 1 - 5e-6], clouds) / clouds
        assert np.all((z**2).mean(axis=0) > low)
        assert np.all((z**2).mean(axis=0) < high)


def test_measures_take_the_ring_and_a_frame(rng):
    mixture = ring()
    first, *_, last = kernel.sample(mixture, rng=rng)
    clean, noise = (
        kernel.measures(state.x, mixture, kernel.SCHEDULE.t(state.level.alpha_bar)) for state in (last, first)
    )
    np.testing.assert_allclose(clean.mode_mass_true, 1 / 6, atol=1e-12)
    np.testing.assert_allclose(clean.mode_mass_error, np.sqrt(5 / 36 / 520), rtol=1e-9)
    assert clean.within_true == pytest.approx(1 - np.exp(-4.5), abs=2e-4)
    assert abs(clean.within - clean.within_true) < 5 * clean.within_error
    assert noise.within_true < 0.4
    assert abs(noise.within - noise.within_true) < 5 * noise.within_error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: kernel.draw_clean(ring(), 0, rng), "`num_points` must be at least 1, got 0."),
        (lambda rng: kernel.sample(ring(), num_points=0, rng=rng), "`num_points` must be at least 1, got 0."),
        (lambda rng: kernel.sample(ring(), num_levels=1, rng=rng), "`n` must be at least 2, got 1."),
        (lambda rng: kernel.sample(ring(), rng=rng, num_steps=0), "`num_steps` must be at least 1, got 0."),
        (
            lambda rng: kernel.sample(ring(), rng=rng, step_size=2.5),
            "`step_size` must be above 0 and below 2, got 2.5.",
        ),
        (
            lambda rng: kernel.sample(ring(), "DDIM", rng=rng),
            f"`sampler` must be one of {', '.join(kernel.SAMPLERS)}, got DDIM.",
        ),
        (lambda rng: kernel.density(ring(), 0.1, 0.0, 5), "`extent` must be above 0, got 0.0."),
        (lambda rng: kernel.density(ring(), 0.1, 3.0, 0), "`resolution` must be at least 1, got 0."),
        (lambda rng: kernel.forward(np.zeros(2), np.zeros(2), -1.0), "`t` must be at least 0, got -1.0."),
    ],
)
def test_refusals_say_rule_and_value(call, message, rng):
    with pytest.raises(ValueError) as refusal:
        call(rng)
    assert str(refusal.value) == message


# --- in slices -------------------------------------------------------------------------------------------------------


def sliced(x, mixture, t, first):
    """What `measures_in_slices` yields, and its result."""
    work, yielded = kernel.measures_in_slices(x, mixture, t, first), []
    while True:
        try:
            yielded.append(next(work))
        except StopIteration as end:
            return yielded, end.value


@pytest.mark.subject(
    lambda x: x,
    without_the_last_slice=lambda x: x[: len(x) // kernel.SLICE * kernel.SLICE],
    some_points_twice=lambda x: np.concatenate([x, x[-100:]]),
)
@pytest.mark.parametrize("name", ["ring", "spiral"])
def test_measures_in_slices_are_the_measures_of_all_points(subject, name):
    mixture = DATA_SETS[name]().mixture
    x = kernel.draw_clean(mixture, 4900, np.random.default_rng(2))[0]
    yielded, found = sliced(x.astype(np.float32), mixture, 0.02, 520)
    truth, of_first = kernel.measures(subject(x), mixture, 0.02), kernel.measures(x[:520], mixture, 0.02)
    assert [(done, of) for done, of, _ in yielded] == [(0, 4900), (2000, 4900), (4000, 4900)]
    for field in ("mode_mass", "within", "within_error", "distance", "distance_expected"):
        np.testing.assert_allclose(getattr(found, field), getattr(truth, field), rtol=1e-5, atol=1e-12)
        np.testing.assert_allclose(getattr(yielded[-1][2], field), getattr(of_first, field), rtol=1e-5)
    assert yielded[0][2] is yielded[-1][2], "a partial result that stays"


def test_few_points_are_measured_at_once():
    x = kernel.draw_clean(ring(), 520, np.random.default_rng(2))[0]
    yielded, found = sliced(x, ring(), 0.3, 520)
    assert yielded == []
    assert found.distance == kernel.measures(x, ring(), 0.3).distance


@pytest.mark.subject(
    lambda x, part: kernel.pixels(x, part, 2.0, 4),
    transposed=lambda x, part: kernel.pixels(x, part, 2.0, 4).T,
    upside_down=lambda x, part: kernel.pixels(x, part, 2.0, 4)[::-1],
    first_of_several=lambda x, part: kernel.pixels(x[::-1], part[::-1], 2.0, 4),
)
def test_pixels_hold_the_part_of_the_last_point_in_them(subject):
    x = np.array([[-1.9, -1.9], [1.1, -0.5], [1.9, -0.1], [0.0, 1.99], [2.0, 0.0], [-2.1, 0.0], [0.0, -9.0]])
    image = subject(x, np.array([0, 1, 2, -1, 5, 5, 5]))
    assert image.tolist() == [[0, -2, -2, -2], [-2, -2, -2, 2], [-2] * 4, [-2, -2, -1, -2]]
    assert image.dtype == np.int8

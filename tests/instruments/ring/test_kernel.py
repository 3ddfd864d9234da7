"""The ring's kernel: the law of what it draws, the truth of its measures, and what a frame says of itself."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common.datasets import DATA_SETS, ring
from diffusion_lab.instruments.common.metrics import mode_mass, nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.samplers import langevin_variance
from diffusion_lab.instruments.common.schedules import (
    alpha_bar_from_sigma,
    exponential_alpha_bar,
    geometric_sigmas,
)
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
    *_, last = kernel.reverse_steps(subject(mixture), num_points=n, rng=rng)
    x = last.x / np.sqrt(last.alpha_bar)
    sigmas = geometric_sigmas(kernel.SIGMA_MAX, kernel.SIGMA_MIN, kernel.NUM_LEVELS)
    var = langevin_variance(mixture.s, sigmas, kernel.NUM_STEPS, kernel.STEP_SIZE, np.exp(6))[-1]
    assert_counts(n * mode_mass(x, mixture.means), mixture.weights)
    assert_variance(x - mixture.means[nearest(x, mixture.means)], var)
    assert_follows(x, GaussianMixture(mixture.means, mixture.weights, np.sqrt(var)), 1.0, 0.0)


def test_defaults_end_within_three_percent_of_the_clusters_width():
    sigmas = geometric_sigmas(kernel.SIGMA_MAX, kernel.SIGMA_MIN, kernel.NUM_LEVELS)
    sd = np.sqrt(langevin_variance(0.2, sigmas, kernel.NUM_STEPS, kernel.STEP_SIZE, np.exp(6))[-1])
    assert sd == pytest.approx(0.2054, abs=5e-5)
    assert abs(sd / 0.2 - 1) < 0.03


def each_frame(change):
    """`reverse` with every frame passed through `change(frame, next_frame)`."""

    def wrong(*arguments, max_frames, rng, **options):
        frames = list(kernel.reverse_steps(*arguments, rng=rng, **options))
        changed = [change(a, b) for a, b in zip(frames, [*frames[1:], frames[-1]], strict=True)]
        kept = kernel.frame_indices(len(frames) - 1, max_frames)
        return kernel.Trajectory.from_frames(changed[i] for i in kept)

    return wrong


@pytest.mark.subject(
    kernel.reverse,
    unscaled_vp=each_frame(lambda a, b: replace(a, x=a.x / np.sqrt(a.alpha_bar))),
    missing_sqrt=each_frame(lambda a, b: replace(a, x=a.x * np.sqrt(a.alpha_bar))),
    labelled_with_the_next_level=each_frame(lambda a, b: replace(a, level=b.level, alpha_bar=b.alpha_bar)),
    scaled_by_the_next_level=each_frame(lambda a, b: replace(a, x=a.x * np.sqrt(b.alpha_bar / a.alpha_bar))),
)
def test_every_frame_is_in_vp_coordinates_of_its_level(subject, rng, assert_variance):
    """One Gaussian, whose variance the recursion gives at the end of each level: times alpha_bar in VP."""
    mixture = GaussianMixture(np.zeros((1, 2)), np.ones(1), 0.2)
    levels, steps, step_size, n = 12, 3, 0.4, 20_000
    run = subject(mixture, n, levels, steps, step_size, rng=rng, max_frames=levels)
    assert_variance(run.x[0].astype(float), 1.0)
    expected = langevin_variance(
        0.2, geometric_sigmas(kernel.SIGMA_MAX, kernel.SIGMA_MIN, levels), steps, step_size, np.exp(6)
    )
    for i in range(1, levels + 1):
        assert run.level[i] == i - 1
        assert_variance(run.x[i].astype(float), run.alpha_bar[i] * expected[i - 1])


def test_reverse_starts_from_standard_normal_in_vp():
    first = next(kernel.reverse_steps(ring(), 50, rng=np.random.default_rng(5)))
    np.testing.assert_allclose(first.x, np.random.default_rng(5).standard_normal((50, 2)), rtol=1e-15)
    assert (first.nfe, first.level, first.step, first.t) == (0, 0, 0, pytest.approx(1.0, abs=1e-15))


def test_a_frame_says_where_it_stands(rng):
    run = kernel.reverse(ring(), num_points=7, num_levels=5, num_steps=4, rng=rng, max_frames=100)
    assert run.x.shape == (21, 7, 2)
    assert run.nfe == 20
    assert run.num_steps == 4
    np.testing.assert_array_equal(run.evaluations, np.arange(21))
    np.testing.assert_array_equal(run.level, [0, *np.repeat(np.arange(5), 4)])
    np.testing.assert_array_equal(run.step, [0, *np.tile([1, 2, 3, 4], 5)])
    np.testing.assert_array_equal(run.sigma[1::4], geometric_sigmas(kernel.SIGMA_MAX, kernel.SIGMA_MIN, 5))
    np.testing.assert_array_equal(run.alpha_bar, alpha_bar_from_sigma(run.sigma))
    np.testing.assert_allclose(exponential_alpha_bar(run.t), run.alpha_bar, rtol=1e-14)


def test_evaluations_are_counted(rng):
    calls = []

    def counted(mixture, x, signal, sigma):
        calls.append(sigma)
        return mixture.score(x, signal, sigma)

    run = kernel.reverse(crooked(counted)(ring()), 5, 6, 3, rng=rng, max_frames=2)
    assert len(calls) == run.nfe == 18


@pytest.mark.subject(
    kernel.frame_indices,
    without_the_end=lambda total, max_frames: np.arange(min(max_frames, total)) * total // min(max_frames, total),
    fixed_stride=lambda total, max_frames: np.arange(0, total + 1, max(1, total // max_frames)),
    repeated=lambda total, max_frames: np.arange(max_frames + 1) * total // max_frames,
)
def test_frames_are_evenly_spaced_with_both_ends(subject):
    for total in (1, 2, 7, 599, 600, 601):
        for max_frames in (1, 2, 60, 240, 600, 5000):
            kept = subject(total, max_frames)
            assert len(kept) == min(max_frames, total) + 1
            assert (kept[0], kept[-1]) == (0, total)
            gaps = np.diff(kept)
            assert gaps.min() >= 1
            assert np.ptp(gaps) <= 1


def test_slices_make_the_same_run_bit_for_bit():
    whole = kernel.reverse(ring(), 30, 8, 5, rng=np.random.default_rng(1), max_frames=6)
    again = kernel.reverse(ring(), 30, 8, 5, rng=np.random.default_rng(1), max_frames=6)
    other = kernel.reverse(ring(), 30, 8, 5, rng=np.random.default_rng(2), max_frames=6)
    steps, kept = kernel.reverse_steps(ring(), 30, 8, 5, rng=np.random.default_rng(1)), []
    wanted = set(kernel.frame_indices(40, 6).tolist())
    while piece := list(islice(steps, 7)):
        kept += [frame for frame in piece if frame.nfe in wanted]
    sliced = kernel.Trajectory.from_frames(kept)
    for run in (again, sliced):
        assert run.nfe == whole.nfe == 40
        for name in ("x", "level", "step", "sigma", "alpha_bar", "t", "evaluations"):
            np.testing.assert_array_equal(getattr(run, name), getattr(whole, name))
    assert not np.array_equal(other.x, whole.x)


def test_memory_is_bounded_as_stated(rng):
    run = kernel.reverse(ring(), 40, 20, 5, rng=rng, max_frames=9)
    assert run.x.dtype == np.float32
    assert run.x.nbytes == 8 * 40 * 10


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
    run = kernel.reverse(mixture, rng=rng)
    clean, noise = (kernel.measures(run.x[i], mixture, run.t[i]) for i in (-1, 0))
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
        (lambda rng: kernel.reverse_steps(ring(), 0, rng=rng), "`num_points` must be at least 1, got 0."),
        (lambda rng: kernel.reverse_steps(ring(), num_levels=1, rng=rng), "`n` must be at least 2, got 1."),
        (
            lambda rng: kernel.reverse_steps(ring(), num_steps=0, rng=rng),
            "`num_steps` must be at least 1, got 0.",
        ),
        (
            lambda rng: kernel.reverse_steps(ring(), step_size=2.5, rng=rng),
            "`step_size` must be above 0 and below 2, got 2.5.",
        ),
        (
            lambda rng: kernel.reverse(ring(), rng=rng, max_frames=0),
            "`max_frames` must be at least 1, got 0.",
        ),
        (lambda rng: kernel.frame_indices(0, 5), "`total` must be at least 1, got 0."),
        (lambda rng: kernel.Trajectory.from_frames([]), "`frames` must hold at least one frame, got none."),
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

"""Pictures, predictors and floors, against closed forms and independent computations."""

import numpy as np
import pytest
from scipy import integrate, stats

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.parameterisation import convert, noise
from diffusion_lab.instruments.common.schedules import SCHEDULES
from diffusion_lab.instruments.loss import kernel
from diffusion_lab.instruments.loss.kernel import DATA, SIDE, TIMES

PICTURES, LINE = DATA["pictures"], DATA["uneven_modes"]


# --- pictures --------------------------------------------------------------------------------------------------------


def test_pictures_differ_and_have_one_bright_shape():
    drawn = kernel.pictures()
    assert drawn.shape == (60, SIDE * SIDE)
    assert (drawn.min(), drawn.max()) == (-1.0, 1.0)
    share = (drawn > 0).mean(axis=1)
    assert 0.03 < share.min() < share.max() < 0.5
    assert len(np.unique(drawn, axis=0)) == 60
    np.testing.assert_array_equal(drawn, kernel.pictures())
    assert not np.array_equal(drawn, kernel.pictures(seed=1))
    edge = drawn.reshape(-1, SIDE, SIDE)[:, [0, -1]]
    assert np.all(edge < 0), "no shape is cut off"


def test_pictures_stand_upright():
    """A triangle, the third shape, has its point at the top and its base at the bottom."""
    widths = (kernel.pictures()[2].reshape(SIDE, SIDE) > 0).sum(axis=1)
    widths = widths[widths > 0]
    assert widths[0] <= 2 < widths[-1] == widths.max()


@pytest.mark.parametrize("shape", kernel.SHAPES)
@pytest.mark.subject(
    kernel.signed_distance,
    inside_out=lambda *place: -kernel.signed_distance(*place),
    half_the_size=lambda shape, x, y, r: kernel.signed_distance(shape, x, y, r / 2),
)
def test_shapes_have_their_area(shape, subject):
    """Negative inside; areas by formula."""
    r, grid = 8.0, np.linspace(-12, 12, 1201)
    inside = subject(shape, *np.meshgrid(grid, grid), r) < 0
    area = inside.mean() * 24.0**2
    height = 0.6 * r + 1.2 * r  # of the triangle, from its base to its top
    expected = {
        "circle": np.pi * r**2,
        "square": (1.7 * r) ** 2,
        "triangle": height**2 * 0.5 / 0.866,
        "ring": np.pi * r**2 * (1.05**2 - 0.55**2),
        "cross": 2 * (2 * r) * 0.6 * r - (0.6 * r) ** 2,
    }[shape]
    assert area == pytest.approx(expected, rel=0.01)


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="`shape` must be one of circle, square, triangle, ring, cross, got 'star'"):
        kernel.signed_distance("star", np.zeros(1), np.zeros(1), 1.0)


# --- skill -----------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    kernel.at_skill,
    weights_that_add_up_to_1=lambda eps, eta, a: a * eps + (1 - a) * eta,
    the_root_forgotten=lambda eps, eta, a: a * eps + (1 - a**2) * eta,
)
def test_skill_is_the_correlation_and_gives_the_gap(subject, rng):
    eps, eta = rng.standard_normal((2, 200_000))
    for skill in (0.0, 0.4, 0.9):
        guess = subject(eps, eta, skill)
        assert np.corrcoef(guess, eps)[0, 1] == pytest.approx(skill, abs=0.01)
        assert guess.var() == pytest.approx(1.0, abs=0.02)
        assert np.mean((guess - eps) ** 2) == pytest.approx(kernel.expected_gap(skill), abs=0.02)


def test_full_skill_is_the_truth_and_more_is_refused(rng):
    eps, eta = rng.standard_normal((2, 10))
    np.testing.assert_array_equal(kernel.at_skill(eps, eta, 1.0), eps)
    with pytest.raises(ValueError, match=r"`skill` must lie between 0 and 1, got 1\.5"):
        kernel.at_skill(eps, eta, 1.5)


@pytest.mark.subject(
    lambda mean, t: mean,
    that_rises_with_t=lambda mean, t: mean * (1 + 0.2 * t),
)
def test_at_fixed_skill_the_loss_does_not_depend_on_t(subject, rng):
    mean, error = kernel.measured_losses(*kernel.batches(rng), 0.7)
    z = (subject(mean, TIMES) - 0.6) / error
    scatter = np.mean(z**2) / stats.t(kernel.BATCH - 1).var()
    assert 0.5 < scatter < 1.9, "as scattered as the errors say"
    assert abs(stats.linregress(TIMES, subject(mean, TIMES)).slope) < 0.03


# --- ε, x₀, v --------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    kernel.weight,
    upside_down=lambda name, level: 1.0 / kernel.weight(name, level),
    of_the_amplitude=lambda name, level: kernel.weight(name, level) ** 0.5,
)
def test_the_three_losses_of_one_predictor_differ_by_their_weights(subject, rng):
    example = kernel.Example.draw(LINE, 50, rng)
    eps_hat = kernel.at_skill(example.eps, example.eta, 0.5)
    for prediction in ("eps_hat", "x0_hat", "v_pred"):
        for alpha_bar in (0.9, 0.3, 0.05):
            level = Level.from_alpha_bar(alpha_bar)
            row = kernel.Row.of(example, eps_hat, noise(example.x0, example.eps, alpha_bar), level, prediction)
            expected = subject(prediction, level) * (eps_hat - example.eps) ** 2
            np.testing.assert_allclose(row.gap, expected, rtol=1e-8)


def test_the_target_is_what_the_network_is_asked_for(rng):
    example = kernel.Example.draw(PICTURES, 1, rng)
    level = Level.from_alpha_bar(0.4)
    xt = noise(example.x0, example.eps, 0.4)
    for prediction, target in (
        ("eps_hat", example.eps),
        ("x0_hat", example.x0),
        ("v_pred", level.signal * example.eps - level.sigma_t * example.x0),
    ):
        row = kernel.Row.of(example, example.eps, xt, level, prediction)
        np.testing.assert_allclose(row.target, target, atol=1e-12)
        np.testing.assert_allclose(row.gap, 0.0, atol=1e-20)


def test_the_error_of_a_measured_loss_is_that_of_the_mean():
    """Two pictures with the gaps 0 and 1: their mean is 1/2, to within 1/2."""
    eta = np.repeat([0.0, 1.0], 4).reshape(1, 2, 4)
    mean, error = kernel.measured_losses(np.zeros((1, 2, 4)), eta, 0.0)
    np.testing.assert_allclose((mean[0], error[0]), 0.5)


# --- the best predictor and the floor --------------------------------------------------------------------------------


def posterior_mean_of_noise(x, level):
    """On the line, by SciPy: the mean of (x - signal x0)/sigma_t over x0 given x."""
    sd0 = LINE.s

    def joint(x0):
        prior = float(LINE.weights @ stats.norm.pdf(x0, LINE.means[:, 0], sd0))
        return prior * stats.norm.pdf(x, level.signal * x0, level.sigma_t)

    points = [-2.0, 2.0, x / level.signal]
    mass, first = (integrate.quad(f, -5, 5, points=points, limit=300)[0] for f in (joint, lambda u: u * joint(u)))
    return (x - level.signal * first / mass) / level.sigma_t


@pytest.mark.subject(
    kernel.best_prediction,
    score_itself=lambda m, x, at: m.score(x, at.signal, at.sigma_t),
    downhill=lambda m, x, at: -kernel.best_prediction(m, x, at),
)
def test_the_best_prediction_is_the_mean_of_the_noise(subject):
    level = Level.from_alpha_bar(0.5)
    x = np.array([-1.7, -0.2, 0.4, 1.9])
    expected = [posterior_mean_of_noise(place, level) for place in x]
    np.testing.assert_allclose(subject(LINE, x[:, None], level)[:, 0], expected, rtol=1e-6)


@pytest.mark.subject(
    kernel.floor_on_a_line,
    of_the_clean_point=lambda m, at: kernel.floor_on_a_line(m, at) / at.snr,
    of_one_gaussian=lambda m, at: at.alpha_bar * m.s**2 / m.var(at.signal, at.sigma_t),
)
def test_the_floor_on_a_line_is_the_loss_of_the_best_prediction(subject, rng):
    for alpha_bar in (0.95, 0.3, 0.1):
        level = Level.from_alpha_bar(alpha_bar)
        example = kernel.Example.draw(LINE, 100_000, rng)
        xt = noise(example.x0, example.eps, alpha_bar)
        gap = (kernel.best_prediction(LINE, xt, level) - example.eps) ** 2
        assert abs(gap.mean() - subject(LINE, level)) < 4.5 * gap.std() / np.sqrt(gap.size)


def test_the_floor_of_one_gaussian_is_exact():
    """In closed form: alpha_bar s² / var."""
    one = GaussianMixture(np.array([[0.7]]), np.array([1.0]), 0.3)
    for alpha_bar in (0.95, 0.3, 0.01):
        level = Level.from_alpha_bar(alpha_bar)
        exact = alpha_bar * one.s**2 / one.var(level.signal, level.sigma_t)
        assert kernel.floor_on_a_line(one, level) == pytest.approx(exact, abs=1e-9)


@pytest.mark.subject(
    kernel.floor_of_pictures,
    error_of_one=lambda *at: (kernel.floor_of_pictures(*at)[0], 24**0.5 * kernel.floor_of_pictures(*at)[1]),
    root_forgotten=lambda *at: (kernel.floor_of_pictures(*at)[0], kernel.floor_of_pictures(*at)[1] / 24**0.5),
)
def test_the_floor_of_pictures_scatters_by_its_error(subject, rng):
    level = SCHEDULES["cosine"].level(TIMES[44])
    mean, error = np.array([subject(PICTURES, level, rng) for _ in range(40)]).T
    assert 0.5 < np.mean((mean - mean.mean()) ** 2) / np.mean(error**2) < 2


def test_the_floor_on_a_line_has_a_second_peak_where_the_modes_merge():
    mean = kernel.floor(LINE, SCHEDULES["exponential"]).mean
    inner = 1 + np.flatnonzero((mean[1:-1] > mean[:-2]) & (mean[1:-1] > mean[2:]))
    assert len(inner) == 1
    assert 0.15 < TIMES[inner[0]] < 0.3


@pytest.mark.subject(
    lambda found: found.mean,
    per_picture=lambda found: found.mean * SIDE**2,
    all_told_apart=lambda found: np.minimum(found.mean, 1e-9),
)
def test_the_floor_of_pictures_is_the_loss_of_the_best_prediction(subject, rng):
    """At small t it is that of the grain, in closed form; in heavy noise, where pictures are confused, measured."""
    found = kernel.floor(PICTURES, SCHEDULES["cosine"])
    early = SCHEDULES["cosine"].level(TIMES[4])
    grain = early.alpha_bar * PICTURES.s**2 / PICTURES.var(early.signal, early.sigma_t)
    assert subject(found)[4] == pytest.approx(grain, rel=1e-6)
    place = 44
    level = SCHEDULES["cosine"].level(TIMES[place])
    example = kernel.Example.draw(PICTURES, 400, rng)
    xt = noise(example.x0, example.eps, level.alpha_bar)
    excess = np.mean((convert(kernel.best_prediction(PICTURES, xt, level), xt, level.alpha_bar, "eps_hat", "x0_hat")
                      - example.x0) ** 2, axis=1) * level.snr  # fmt: skip
    error = np.hypot(found.error[place], excess.std() / np.sqrt(400))
    assert abs(excess.mean() - subject(found)[place]) < 4.5 * error
    assert excess.mean() > 2 * level.alpha_bar * PICTURES.s**2, "pictures are confused there"


@pytest.mark.parametrize("name", DATA)
def test_nothing_beats_the_floor(name, rng):
    """A guess a little off the best one is worse."""
    level = Level.from_alpha_bar(0.3)
    mixture = DATA[name]
    example = kernel.Example.draw(mixture, 3000 if name == "uneven_modes" else 30, rng)
    xt = noise(example.x0, example.eps, 0.3)
    best = kernel.best_prediction(mixture, xt, level)
    for other in (0.9 * best, best + 0.1, best + 0.05 * xt):
        assert np.mean((other - example.eps) ** 2) > np.mean((best - example.eps) ** 2)

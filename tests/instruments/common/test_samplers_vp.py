"""The step samplers: orders of the ODE ones, exact laws of the stochastic ones, and what they draw from the ring."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common import samplers_vp as samplers
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.metrics import mode_mass, nearest
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.schedules import alpha_bar_from_sigma

RING = ring()
SIGMA_MAX = np.sqrt(np.exp(6) - 1)


def levels(n, sigma_min=0.05):
    """n steps, geometric in sigma, from t = 1 to sigma_min."""
    return alpha_bar_from_sigma(np.geomspace(SIGMA_MAX, sigma_min, n + 1))


def eps_of(mixture):
    def eps_hat(x, alpha_bar):
        sigma_t = np.sqrt(1 - alpha_bar)
        return -sigma_t * mixture.score(x, np.sqrt(alpha_bar), sigma_t)

    return eps_hat


def without_rng(sampler):
    """An ODE sampler as one that takes, and leaves, an rng."""
    return lambda eps_hat, x, alpha_bars, rng: sampler(eps_hat, x, alpha_bars)


#: All samplers in one form.
SAMPLERS = {
    "ddpm_beta": partial(samplers.ddpm_ancestral, variance="beta"),
    "ddpm_beta_tilde": partial(samplers.ddpm_ancestral, variance="beta_tilde"),
    "ddim": samplers.ddim,
    "ddim_half": partial(samplers.ddim, eta=0.5),
    "reverse_sde": samplers.reverse_sde,
    "euler": without_rng(samplers.probability_flow_euler),
    "heun": without_rng(samplers.probability_flow_heun),
    "dpm_solver_pp_2m": without_rng(samplers.dpm_solver_pp_2m),
}
STOCHASTIC = ("ddpm_beta", "ddpm_beta_tilde", "ddim_half", "reverse_sde")


def with_eps(change, sampler):
    """A sampler that is told `change(eps_hat)(x, alpha_bar)` instead of eps_hat."""
    return lambda eps_hat, x, alpha_bars, rng: sampler(change(eps_hat), x, alpha_bars, rng)


def sign_flipped(eps_hat):
    return lambda x, alpha_bar: -eps_hat(x, alpha_bar)


def missing_sqrt(eps_hat):
    """The score times 1 - alpha_bar, not times its root."""
    return lambda x, alpha_bar: np.sqrt(1 - alpha_bar) * eps_hat(x, alpha_bar)


def one_level_late(sampler):
    """Each step asks the network at the level it goes to."""

    def wrong(eps_hat, x, alpha_bars, rng):
        after = dict(pairwise(alpha_bars))
        return sampler(lambda x, cur: eps_hat(x, after.get(cur, cur)), x, alpha_bars, rng)

    return wrong


def last(states):
    *_, state = states
    return state.x


# --- ODE samplers ----------------------------------------------------------------------------------------------------


def heun_without_its_corrector(eps_hat, x, alpha_bars, rng):
    return samplers.probability_flow_euler(eps_hat, x, alpha_bars)


def extrapolates_twice(eps_hat, x, alpha_bars, rng):
    """DPM-Solver++(2M) with 1/r for 1/(2 r)."""
    half_log_snr = np.log(alpha_bars / (1 - alpha_bars)) / 2
    before = None
    for cur, after, h in zip(alpha_bars[:-1], alpha_bars[1:], np.diff(half_log_snr), strict=True):
        x0_hat = (x - np.sqrt(1 - cur) * eps_hat(x, cur)) / np.sqrt(cur)
        estimate = x0_hat if before is None else 2 * x0_hat - before
        x = np.sqrt((1 - after) / (1 - cur)) * x - np.sqrt(after) * np.expm1(-h) * estimate
        before = x0_hat
        yield samplers.StepState(1, 1, after, x)


def half_the_drift(eps_hat, x, alpha_bars, rng):
    """Euler with (beta/4) score where (beta/2) stands: a smooth ODE, not this one."""
    return samplers.probability_flow_euler(lambda x, a: eps_hat(x, a) / 2, x, alpha_bars)


def slope(sampler, exact, start):
    """Order seen: log2 of the error's fall from 80 to 160 and from 160 to 320 steps, root mean square over points."""
    error = []
    for n in (80, 160, 320):
        x = last(sampler(eps_of(RING), start, levels(n), np.random.default_rng(0)))
        error.append(np.sqrt(np.mean((x - exact) ** 2)))
    return np.log2(error[:-1]) - np.log2(error[1:])


@pytest.fixture(scope="module")
def start():
    return np.random.default_rng(1).standard_normal((200, 2))


@pytest.fixture(scope="module")
def exact(start):
    """The ODE's own end at sigma = 0.05, by classical Runge–Kutta in log sigma, VE: an independent road."""
    x, log_sigma = start / np.sqrt(levels(1)[0]), np.linspace(np.log(SIGMA_MAX), np.log(0.05), 1501)

    def f(x, u):  # dx/d(log sigma) = -sigma² score
        return -np.exp(2 * u) * RING.score(x, 1.0, np.exp(u))

    for u, after in pairwise(log_sigma):
        h = after - u
        k1 = f(x, u)
        k2 = f(x + h / 2 * k1, u + h / 2)
        k3 = f(x + h / 2 * k2, u + h / 2)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(x + h * k3, after))
    return x / np.sqrt(1 + 0.05**2)


@pytest.mark.subject(
    SAMPLERS["euler"],
    half_the_drift=half_the_drift,
    missing_sqrt=with_eps(missing_sqrt, SAMPLERS["euler"]),
    another_order=SAMPLERS["heun"],
)
def test_euler_is_first_order(subject, start, exact):
    np.testing.assert_allclose(slope(subject, exact, start), 1, atol=0.1)


@pytest.mark.subject(
    SAMPLERS["ddim"],
    some_noise=partial(samplers.ddim, eta=0.05),
    missing_sqrt=with_eps(missing_sqrt, SAMPLERS["ddim"]),
    sign_flipped=with_eps(sign_flipped, SAMPLERS["ddim"]),
    another_order=SAMPLERS["dpm_solver_pp_2m"],
)
def test_ddim_is_first_order(subject, start, exact):
    np.testing.assert_allclose(slope(subject, exact, start), 1, atol=0.1)


@pytest.mark.subject(
    SAMPLERS["heun"],
    without_its_corrector=heun_without_its_corrector,
    one_level_late=one_level_late(SAMPLERS["heun"]),
    missing_sqrt=with_eps(missing_sqrt, SAMPLERS["heun"]),
)
def test_heun_is_second_order(subject, start, exact):
    np.testing.assert_allclose(slope(subject, exact, start), 2, atol=0.15)


@pytest.mark.subject(
    SAMPLERS["dpm_solver_pp_2m"],
    first_order=SAMPLERS["ddim"],
    extrapolates_twice=extrapolates_twice,
    one_level_late=one_level_late(SAMPLERS["dpm_solver_pp_2m"]),
)
def test_dpm_solver_pp_2m_is_second_order(subject, start, exact):
    np.testing.assert_allclose(slope(subject, exact, start), 2, atol=0.15)


def test_ddim_is_euler_in_the_ve_level(start):
    """x_VE + (sigma_next - sigma_cur) eps_hat, step for step; and the first step of DPM-Solver++ is DDIM's."""
    alpha_bars = levels(12)
    sigma = np.sqrt(1 / alpha_bars - 1)
    x = start / np.sqrt(alpha_bars[0])
    states = list(samplers.ddim(eps_of(RING), start, alpha_bars, np.random.default_rng(0)))
    for k, state in enumerate(states):
        x = x - (sigma[k + 1] - sigma[k]) * sigma[k] * RING.score(x, 1.0, sigma[k])
        np.testing.assert_allclose(state.x, x * np.sqrt(alpha_bars[k + 1]), rtol=1e-10, atol=1e-10)
    first = next(samplers.dpm_solver_pp_2m(eps_of(RING), start, alpha_bars))
    np.testing.assert_allclose(first.x, states[0].x, rtol=1e-11, atol=1e-11)


# --- stochastic samplers ---------------------------------------------------------------------------------------------


@pytest.mark.subject(
    partial(samplers.ddim, eta=1.0),
    the_other_variance=SAMPLERS["ddpm_beta"],
    less_noise=partial(samplers.ddim, eta=0.999),
    none=SAMPLERS["ddim"],
)
def test_ddim_at_eta_1_is_the_ancestral_step(subject, start):
    """With the variance beta_tilde, state for state under one seed, the last jump included."""
    alpha_bars = np.append(levels(15), 1.0)
    ours = subject(eps_of(RING), start, alpha_bars, np.random.default_rng(3))
    theirs = samplers.ddpm_ancestral(eps_of(RING), start, alpha_bars, np.random.default_rng(3))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.x, other.x, rtol=1e-11, atol=1e-11)


def posterior_coefficients(cur, after):
    """Ho et al. 2020, eq. 7: the mean of q(x_next | x, x0) is a x0 + b x."""
    alpha = cur / after
    return np.sqrt(after) * (1 - alpha) / (1 - cur), np.sqrt(alpha) * (1 - after) / (1 - cur)


def expected_variance(name, s, alpha_bars):
    """Variance per axis after each step on N(0, s² I), from 1: every sampler is linear there, x -> a x + b z."""
    variance, found = 1.0, []
    for cur, after in pairwise(alpha_bars):
        var = cur * s**2 + 1 - cur
        clean = np.sqrt(cur) * s**2 / var  # x0_hat over x
        to_clean, to_x = posterior_coefficients(cur, after)
        beta = 1 - cur / after
        h = np.log(after) - np.log(cur)
        if name.startswith("ddpm"):
            noise = beta if name == "ddpm_beta" else beta * (1 - after) / (1 - cur)
            factor = to_clean * clean + to_x
        elif name == "ddim_half":
            noise = 0.25 * beta * (1 - after) / (1 - cur)
            factor = np.sqrt(after) * clean + np.sqrt((1 - after - noise) * (1 - cur)) / var
        else:
            noise, factor = h, 1 + h * (0.5 - 1 / var)
        variance = factor**2 * variance + noise
        found.append(variance)
    return found


def add_noise_by(scale):
    """The generator's normals times `scale`, as seen by a sampler."""

    class Scaled:
        def __init__(self, rng):
            self.rng = rng

        def standard_normal(self, shape):
            return scale * self.rng.standard_normal(shape)

    return lambda sampler: lambda eps_hat, x, alpha_bars, rng: sampler(eps_hat, x, alpha_bars, Scaled(rng))


@pytest.mark.parametrize("name", STOCHASTIC)
@pytest.mark.subject(
    lambda sampler: sampler,
    sign_flipped=lambda sampler: with_eps(sign_flipped, sampler),
    missing_sqrt=lambda sampler: with_eps(missing_sqrt, sampler),
    one_level_late=one_level_late,
    too_little_noise=add_noise_by(0.93),
    root_left_out=lambda sampler: lambda eps_hat, x, alpha_bars, rng: sampler(eps_hat, x, np.sqrt(alpha_bars), rng),
)
def test_variance_follows_the_linear_law(subject, name, rng, assert_variance):
    """Exact on one Gaussian, however coarse the steps: after each of twenty."""
    s, alpha_bars = 0.5, levels(20)
    mixture = GaussianMixture(np.zeros((1, 2)), np.ones(1), s)
    start = rng.standard_normal((20_000, 2))
    states = subject(SAMPLERS[name])(eps_of(mixture), start, alpha_bars, rng)
    for state, expected in zip(states, expected_variance(name, s, alpha_bars), strict=True):
        assert_variance(state.x, expected)


@pytest.mark.subject(
    (SAMPLERS["ddpm_beta"], SAMPLERS["ddpm_beta_tilde"]),
    exchanged=(SAMPLERS["ddpm_beta_tilde"], SAMPLERS["ddpm_beta"]),
    euler_maruyama=(SAMPLERS["reverse_sde"], SAMPLERS["reverse_sde"]),
)
def test_each_variance_is_exact_for_its_data(subject, rng, assert_variance):
    """Ho et al. 2020, section 3.2: beta for N(0, I), beta_tilde for one point; in only five steps."""
    alpha_bars, start = levels(5), rng.standard_normal((20_000, 2))
    for sampler, s in zip(subject, (1.0, 1e-6), strict=True):
        mixture = GaussianMixture(np.zeros((1, 2)), np.ones(1), s)
        for state in sampler(eps_of(mixture), start, alpha_bars, rng):
            assert_variance(state.x, state.alpha_bar * s**2 + 1 - state.alpha_bar)


def energy_distance(x, y):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| between two clouds, as V-statistics."""

    def mean_distance(a, b):
        return np.mean(np.sqrt(np.maximum(0, ((a[:, None] - b) ** 2).sum(axis=2))))

    return 2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.subject(
    lambda sampler: sampler,
    sign_flipped=lambda sampler: with_eps(sign_flipped, sampler),
    missing_sqrt=lambda sampler: with_eps(missing_sqrt, sampler),
    forgets_a_mode=lambda sampler: (
        lambda eps_hat, x, alpha_bars, rng: sampler(
            eps_of(GaussianMixture(RING.means[1:], np.full(5, 0.2), RING.s)), x, alpha_bars, rng
        )
    ),
    half_way=lambda sampler: lambda eps_hat, x, alpha_bars, rng: sampler(eps_hat, x, alpha_bars[:260], rng),
)
def test_the_ring_comes_back(subject, name, rng, assert_counts, assert_variance):
    """Mass per mode, variance per mode and the energy distance to fresh data, in 400 steps to sigma = 0.05.

    The distance may be twice the largest of four perfect clouds of that size: its Monte-Carlo floor.
    """
    n, alpha_bars = 1200, levels(400)
    x = last(subject(SAMPLERS[name])(eps_of(RING), rng.standard_normal((n, 2)), alpha_bars, rng))
    signal, var = np.sqrt(alpha_bars[-1]), float(RING.var(np.sqrt(alpha_bars[-1]), np.sqrt(1 - alpha_bars[-1])))
    assert_counts(n * mode_mass(x, RING.means), RING.weights)
    assert_variance(x - signal * RING.means[nearest(x, RING.means)], var)

    def perfect():
        return signal * RING.sample(n, rng)[0] + np.sqrt(1 - alpha_bars[-1]) * rng.standard_normal((n, 2))

    reference = perfect()
    floor = max(energy_distance(perfect(), reference) for _ in range(4))
    assert energy_distance(x, reference) < 2 * floor


# --- all -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
def test_evaluations_are_counted_and_the_start_is_left_alone(name, rng):
    """Two a step for Heun, one for the others; at the jump to clean one; nothing before it is asked for."""
    calls = []

    def counted(x, alpha_bar):
        calls.append(alpha_bar)
        return eps_of(RING)(x, alpha_bar)

    start = np.ones((3, 2))
    alpha_bars = np.append(levels(6), 1.0)
    run = SAMPLERS[name](counted, start, alpha_bars, rng)
    assert not calls
    states = []
    for state in run:
        assert state.nfe == len(calls)
        states.append(state)
    assert [state.step for state in states] == list(range(1, 8))
    assert [state.alpha_bar for state in states] == alpha_bars[1:].tolist()
    assert len(calls) == (13 if name == "heun" else 7)
    assert max(calls) < 1
    np.testing.assert_array_equal(start, 1)
    assert len({id(state.x) for state in states}) == 7


@pytest.mark.parametrize("name", ["ddpm_beta", "ddpm_beta_tilde", "ddim", "ddim_half", "dpm_solver_pp_2m"])
def test_the_last_jump_lands_on_the_clean_prediction(name, start, rng):
    alpha_bars = np.append(levels(6), 1.0)
    *_, before, end = SAMPLERS[name](eps_of(RING), start, alpha_bars, rng)
    sigma_t = np.sqrt(1 - alpha_bars[-2])
    x0_hat = RING.posterior_mean(before.x, np.sqrt(alpha_bars[-2]), sigma_t)
    np.testing.assert_allclose(end.x, x0_hat, atol=1e-12)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_gives_the_same_run_bit_for_bit(name, start):
    one, other = (last(SAMPLERS[name](eps_of(RING), start, levels(5), np.random.default_rng(2))) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda *a: samplers.ddim(*a[:2], [0.5], a[2]), "`alpha_bars` must hold at least 2 levels, got shape (1,)."),
        (
            lambda *a: samplers.probability_flow_heun(*a[:2], [0.5, 0.1]),
            "`alpha_bars` must rise, from above 0 to at most 1, got [0.5, 0.1]: start at the noise.",
        ),
        (lambda *a: samplers.ddim(*a[:2], [0.1, 0.5], a[2], eta=2), "`eta` must lie between 0 and 1, got 2."),
        (
            lambda *a: samplers.ddpm_ancestral(*a[:2], [0.1, 0.5], a[2], variance="best"),
            '`variance` must be "beta" or "beta_tilde", got \'best\'.',
        ),
    ],
)
def test_refusals_come_at_the_call(call, message, start, rng):
    with pytest.raises(ValueError) as refusal:
        call(eps_of(RING), start, rng)
    assert str(refusal.value) == message

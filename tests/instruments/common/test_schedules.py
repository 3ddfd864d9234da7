"""Schedules by their differential equation, by round trip, and by the published chains."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.levels import CLEAN
from diffusion_lab.instruments.common.schedules import (
    MAX_BETA,
    Cosine,
    Exponential,
    Geometric,
    Karras,
    Learned,
    Linear,
    Schedule,
    Sigmoid,
)

TABLE = Learned(np.array([0.0, 0.2, 0.7, 1.0]), np.array([9.0, 3.0, -1.0, -7.0]))
SCHEDULES = {
    "exponential": Exponential(),
    "linear": Linear(),
    "cosine": Cosine(),
    "sigmoid": Sigmoid(),
    "karras": Karras(),
    "geometric": Geometric(),
    "learned": TABLE,
}
INSIDE = np.linspace(0.013, 0.987, 75)


class Changed(Schedule):
    """A schedule with one of its methods changed."""

    def __init__(self, schedule, **changes):
        self.schedule, self.changes = schedule, changes

    def alpha_bar(self, t):
        return self.changes.get("alpha_bar", lambda f, t: f(t))(self.schedule.alpha_bar, t)

    def t(self, alpha_bar):
        return self.changes.get("t", lambda f, a: f(a))(self.schedule.t, alpha_bar)

    def beta(self, t):
        return self.changes.get("beta", lambda f, t: f(t))(self.schedule.beta, t)


def changed(**changes):
    return lambda schedule: Changed(schedule, **changes)


# --- all -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.subject(
    lambda schedule: schedule,
    of_signal=changed(t=lambda f, a: f(np.sqrt(a))),
    a_little_late=changed(t=lambda f, a: f(a) + 1e-6),
)
def test_time_inverts_alpha_bar(subject, name):
    schedule = subject(SCHEDULES[name])
    np.testing.assert_allclose(schedule.t(schedule.alpha_bar(INSIDE)), INSIDE, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.subject(
    lambda schedule: schedule,
    half=changed(beta=lambda f, t: f(t) / 2),
    of_signal=changed(alpha_bar=lambda f, t: np.sqrt(f(t))),
)
def test_beta_is_the_rate_at_which_signal_is_lost(subject, name):
    """-d log(alpha_bar)/dt by central differences."""
    schedule, h = subject(SCHEDULES[name]), 1e-6
    log = lambda t: np.log(schedule.alpha_bar(t))  # noqa: E731
    np.testing.assert_allclose(
        schedule.beta(INSIDE), (log(INSIDE - h) - log(INSIDE + h)) / (2 * h), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_noise_rises_with_time_and_levels_are_those_of_alpha_bar(name):
    schedule, t = SCHEDULES[name], np.linspace(0, 1, 101)
    alpha_bar = schedule.alpha_bar(t)
    assert alpha_bar.shape == t.shape
    assert np.all(np.diff(alpha_bar) < 0)
    np.testing.assert_allclose(schedule.level(INSIDE).alpha_bar, schedule.alpha_bar(INSIDE), rtol=1e-13)
    assert isinstance(schedule.level(0.3).sigma, float)


@pytest.mark.parametrize("name", SCHEDULES)
def test_levels_run_from_noise_to_data(name):
    schedule = SCHEDULES[name]
    levels = schedule.levels(20, t_min=0.1)
    assert len(levels) == 20
    sigmas = np.array([level.sigma for level in levels])
    assert np.all(np.diff(sigmas) < 0)
    np.testing.assert_allclose(sigmas[1:], schedule.level(np.linspace(1, 0.1, 20)[1:]).sigma, rtol=1e-12)
    assert schedule.levels(20, t_min=0.1, clean=True) == [*levels, CLEAN]
    assert np.isfinite(sigmas[0])


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.subject(
    lambda schedule: schedule,
    of_signal=changed(alpha_bar=lambda f, t: np.sqrt(f(t))),
    half_the_time=changed(alpha_bar=lambda f, t: f(t / 2)),
)
def test_the_chain_of_steps_is_the_one_jump(subject, name):
    """prod(1 - beta) over T steps is alpha_bar; DDPM's own chain, defined by its betas, to their second order."""
    schedule = SCHEDULES[name]
    tested = subject(schedule)
    steps = 1000
    reached = tested.alpha_bars(steps)[:-1] * (1.0 if name == "linear" else tested.alpha_bar(0.0))
    rtol = 1e-2 if name == "linear" else 1e-10
    times = np.arange(1, steps) / steps
    inside = times < 0.5 if name == "linear" else times < 0.95
    np.testing.assert_allclose(reached[inside], schedule.alpha_bar(times)[inside], rtol=rtol)
    assert np.all(tested.betas(steps) <= MAX_BETA)


# --- each ------------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    Exponential().alpha_bar,
    half_beta=lambda t: np.exp(-3 * t),
    linear_in_t_squared=lambda t: np.exp(-6 * t * t),
    signal_for_alpha_bar=lambda t: np.sqrt(Exponential().alpha_bar(t)),
)
def test_exponential_is_the_chain_of_constant_rate(subject):
    """prod(1 - beta dt) over n steps tends to alpha_bar(t), with an error of beta² t dt / 2 in its log."""
    n = 100_000
    for t in (0.1, 0.5, 1.0):
        chain = np.prod(np.full(n, 1 - 6.0 * t / n))
        assert np.log(chain) == pytest.approx(np.log(subject(t)), abs=36 * t * t / n)


def test_exponential_noise_is_nearly_but_not_exactly_pure_at_the_end():
    assert Exponential().alpha_bar(0.0) == 1.0
    assert Exponential().level(1.0).signal == pytest.approx(0.0497871, abs=1e-7)
    t = np.linspace(0, 1, 101)
    np.testing.assert_allclose(Exponential().t(Exponential().alpha_bar(t)), t, rtol=0, atol=3e-16)
    assert str(Exponential().t(1.0)) == "0.0", "not minus 0"


@pytest.mark.subject(
    Linear().betas,
    unscaled=lambda T: np.linspace(1e-4, 0.02, T),
    from_the_noisy_end=lambda T: Linear().betas(T)[::-1],
)
def test_linear_is_ddpms_chain_whatever_its_length(subject):
    """Ho et al. 2020: at T = 1000 alpha_bar_T = 4.04e-5; scaled, 100 steps come as far."""
    betas = subject(1000)
    assert (betas[0], betas[-1]) == (1e-4, 0.02)
    assert np.prod(1 - betas) == pytest.approx(4.036e-5, rel=1e-3)
    assert np.prod(1 - subject(100)) < 1e-4
    assert Linear().alpha_bar(1.0) == pytest.approx(np.exp(-10.05), rel=1e-12)


@pytest.mark.subject(
    Cosine(),
    without_offset=Cosine(0.0),
    not_squared=changed(alpha_bar=lambda f, t: np.sqrt(f(t)))(Cosine()),
)
def test_cosine_is_its_formula(subject):
    """Nichol & Dhariwal 2021, eq. 17, and their clipping of the last beta."""
    f = lambda t: np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2  # noqa: E731
    np.testing.assert_allclose(subject.alpha_bar(INSIDE), f(INSIDE) / f(0), rtol=1e-13)
    assert subject.betas(1000)[-1] == MAX_BETA


@pytest.mark.parametrize("schedule", [Cosine(), Sigmoid()], ids=["cosine", "sigmoid"])
def test_a_grid_does_not_begin_at_no_signal_at_all(schedule):
    first, second, *_ = schedule.levels(50)
    assert first.alpha_bar == pytest.approx((1 - MAX_BETA) * second.alpha_bar, rel=1e-12)
    assert schedule.alpha_bar(1.0) <= 1e-9


@pytest.mark.subject(Sigmoid(), wider=Sigmoid(-4.0, 4.0), sharper=Sigmoid(tau=0.7), shifted=Sigmoid(-3.0, 2.0))
def test_sigmoid_is_its_formula(subject):
    """Jabri et al. 2022, algorithm 1, start -3, end 3, tau 1."""
    sigmoid = lambda u: 1 / (1 + np.exp(-u))  # noqa: E731
    expected = (sigmoid(3.0) - sigmoid(6 * INSIDE - 3)) / (sigmoid(3.0) - sigmoid(-3.0))
    np.testing.assert_allclose(subject.alpha_bar(INSIDE), expected, rtol=1e-12)


@pytest.mark.subject(Karras(), linear=Karras(rho=1.0), rho_5=Karras(rho=5.0), other_end=Karras(sigma_max=81.0))
def test_karras_levels_are_the_published_ones(subject):
    """18 levels and the clean one; the second by hand."""
    levels = [level.sigma for level in subject.levels(18, clean=True)]
    assert len(levels) == 19
    np.testing.assert_allclose([levels[0], levels[1], levels[17]], [80.0, 57.586, 0.002], rtol=1e-5)
    assert levels[-1] == 0


@pytest.mark.subject(
    lambda high, low, n: [level.sigma for level in Geometric(low, high).levels(n)],
    linear=np.linspace,
    one_level_more=lambda high, low, n: np.geomspace(high, low, n + 1),
    short_of_the_end=lambda high, low, n: np.geomspace(high, low, n, endpoint=False),
)
def test_geometric_levels_keep_one_ratio_and_both_ends(subject):
    sigmas = np.array(subject(20.0, 0.01, 60))
    assert sigmas.shape == (60,)
    assert (sigmas[0], sigmas[-1]) == (20.0, 0.01)
    np.testing.assert_allclose(sigmas[1:] / sigmas[:-1], (0.01 / 20.0) ** (1 / 59), rtol=1e-13)


def test_a_learned_table_is_met_at_its_entries_and_straight_between():
    np.testing.assert_allclose(TABLE.level(TABLE.times).log_snr, TABLE.log_snr, atol=1e-12)
    assert TABLE.level(0.45).log_snr == pytest.approx(1.0, abs=1e-12)
    fine = np.linspace(0, 1, 20_001)
    copy = Learned(fine, Exponential().level(0.02 + 0.98 * fine).log_snr)
    np.testing.assert_allclose(copy.alpha_bar(INSIDE), Exponential().alpha_bar(0.02 + 0.98 * INSIDE), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Exponential().alpha_bar(-0.1), "`t` must be at least 0, got -0.1."),
        (lambda: Linear().alpha_bar(1.1), "`t` must lie between 0 and 1, got 1.1."),
        (lambda: Exponential().t(0.0), "`alpha_bar` must be above 0 and at most 1, got 0.0."),
        (lambda: Karras().levels(1), "`n` must be at least 2, got 1."),
        (
            lambda: Karras().levels(5, t_min=1.0),
            "`t_min` and `t_max` must satisfy 0 <= t_min < t_max <= 1, got (1.0, 1.0).",
        ),
        (lambda: Cosine().betas(0), "`num_steps` must be at least 1, got 0."),
        (lambda: Linear().betas(0), "`num_steps` must be at least 1, got 0."),
        (lambda: Geometric(0.0, 1.0), "`sigma_min` must be above 0, got 0.0."),
        (lambda: Karras(2.0, 1.0), "`sigma_max` must be above `sigma_min` = 2.0, got 1.0."),
        (lambda: Karras(rho=0), "`rho` must be above 0, got 0."),
        (lambda: Learned([0.0, 1.0], [1.0, 2.0]), "`log_snr` must fall, got [1.0, 2.0]."),
        (lambda: Learned([0.0, 0.5], [2.0, 1.0]), "`times` must rise from 0 to 1, got [0.0, 0.5]."),
        (lambda: Learned([0.0, 1.0], [2.0]), "`log_snr` must have the shape of `times`, got shape (1,)."),
        (lambda: Learned([0.0], [2.0]), "`times` must have shape (K,), K >= 2, got shape (1,)."),
    ],
)
def test_refusals_say_rule_and_value(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message

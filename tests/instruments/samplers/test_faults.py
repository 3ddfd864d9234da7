"""Published faults: each differs from the right way in one thing, and costs what the instrument says."""

from itertools import pairwise

import numpy as np
import pytest

from diffusion_lab.instruments.common.conditional_mixtures import ConditionalMixture
from diffusion_lab.instruments.common.denoisers import MixtureDenoiser
from diffusion_lab.instruments.common.guidance import ClassifierFreeGuidance
from diffusion_lab.instruments.common.levels import CLEAN, Level
from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.ddpm import ddpm
from diffusion_lab.instruments.common.samplers.state import Trajectory
from diffusion_lab.instruments.samplers import faults, kernel
from diffusion_lab.instruments.samplers.faults import ALPHA_BAR, DATA, FAULTS, ZERO_SNR

X = kernel.noise(4, 2000)


def ends(fault, num_steps, faulty, x=X):
    return Trajectory.of(faults.run(fault, x, num_steps, faulty)).x[-1]


def test_the_chain_is_the_published_one():
    """Its last level has an SNR of 0.004682 and its first of 1175: Lin et al. 2024, section 3.1, and the release."""
    assert ALPHA_BAR[-1] / (1 - ALPHA_BAR[-1]) == pytest.approx(0.004682, rel=1e-3)
    assert ALPHA_BAR[0] == pytest.approx(1 - 0.00085)


def test_rescaling_takes_the_last_signal_away_and_leaves_the_first():
    assert ZERO_SNR[-1] == 0
    assert ZERO_SNR[0] == pytest.approx(ALPHA_BAR[0], rel=1e-12)
    assert np.all(np.diff(ZERO_SNR) < 0)


@pytest.mark.parametrize(
    ("spacing", "wanted"),
    [(faults.trailing, [999, 799, 599, 399, 199]), (faults.leading, [800, 600, 400, 200, 0]),
     (faults.linspace, [999, 749, 500, 250, 0])],
)  # fmt: skip
def test_time_steps(spacing, wanted):
    """Lin et al. 2024, table 2, counted from 0."""
    assert spacing(5) == wanted


@pytest.mark.parametrize("faulty", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_both_ways_evaluate_once_a_step_and_end_clean(fault, faulty):
    run = Trajectory.of(faults.run(fault, X[:10], 7, faulty))
    assert run.nfe[-1] == 7
    assert len(run.x) == 8
    assert run.levels[-1] == CLEAN
    np.testing.assert_array_equal(run.x[0], X[:10])


@pytest.mark.parametrize("fault", ["never_pure_noise", "mean_of_ddpm"])
def test_the_right_way_is_ddim(fault):
    grid = faults.levels_at(faults.trailing(10))
    *_, right = ddim(MixtureDenoiser(DATA), X, grid)
    np.testing.assert_array_equal(ends(fault, 10, False), right.x)


@pytest.mark.subject(faults.FAULTS, all_right={name: faults.FAULTS[name] for name in ("last_sigma_twice",)})
def test_faults_are_those_that_move_the_law(subject):
    """With six steps each is farther from the law than the right way; the last σ shows in the spread."""
    farther = 0
    for name in subject:
        right, wrong = (ends(name, 6, faulty) for faulty in (False, True))
        assert faults.law_error(wrong, name).distance > 1.2 * faults.law_error(right, name).distance
        farther += 1
    assert farther == len(FAULTS)


@pytest.mark.subject(lambda: ends("last_sigma_twice", 50, True), mended=lambda: ends("last_sigma_twice", 50, False))
def test_the_last_sigma_is_left_in_the_spread(subject):
    """The law at that level: s² and sigma² add up."""
    sigma = Level.from_alpha_bar(ALPHA_BAR[0]).sigma
    assert faults.spread(subject()) == pytest.approx(np.sqrt(DATA.s**2 + sigma**2), rel=0.03)


@pytest.mark.subject(lambda: ends("mean_of_ddpm", 20, True), mended=lambda: ends("mean_of_ddpm", 20, False))
def test_without_its_noise_ddpm_collapses(subject):
    assert faults.far_share(subject()) == 1.0
    assert faults.spread(subject()) < DATA.s / 10


class Silent:
    """Noise of size 0."""

    def standard_normal(self, shape):
        return np.zeros(shape)


def test_ddpm_s_formula_is_its_step_without_the_noise():
    grid = faults.levels_at(faults.trailing(20))
    *_, mean = ddpm(MixtureDenoiser(DATA), X, grid, Silent())
    np.testing.assert_allclose(ends("mean_of_ddpm", 20, True), mean.x, atol=1e-12)


@pytest.mark.subject(lambda: ends("never_pure_noise", 5, True), mended=lambda: ends("never_pure_noise", 5, False))
def test_leading_steps_start_too_near_the_middle(subject):
    """By the data's own mean at that level: without it too few points go to the far cluster."""
    assert faults.far_share(subject()) < 0.72


@pytest.mark.subject(
    lambda: ends("guidance_scales_mixed_up", 20, True), mended=lambda: ends("guidance_scales_mixed_up", 20, False)
)
def test_mixed_up_scales_make_guidance_stronger_by_one(subject):
    """Scale 1 asks for the condition alone; taken for Ho & Salimans' weight it is scale 2."""
    grid = faults.levels_at(faults.trailing(20))
    *_, twice = ddim(ClassifierFreeGuidance(ConditionalMixture(DATA, faults.PROMPTED, 0.25), 2.0), X, grid)
    np.testing.assert_allclose(subject(), twice.x, atol=1e-9)
    assert faults.far_share(subject()) < 0.4 * faults.PROMPTED.weights[1]


def test_without_the_mixing_up_the_condition_is_drawn_as_it_is():
    right = ends("guidance_scales_mixed_up", 50, False)
    assert faults.far_share(right) == pytest.approx(faults.PROMPTED.weights[1], abs=0.04)


def test_the_formula_is_right_only_for_leading_steps():
    """Its steps of the list are 111 apart, those of the formula 100."""
    steps = faults.linspace(10)
    assert {a - b for a, b in pairwise(steps)} == {111}
    right, wrong = (ends("step_from_a_formula", 10, faulty) for faulty in (False, True))
    assert faults.spread(wrong) > 1.5 * faults.spread(right)


def test_half_precision_and_a_division_by_nothing_send_the_first_step_anywhere():
    first = Trajectory.of(faults.run("noise_at_zero_snr", X, 5, True)).x[1]
    right = Trajectory.of(faults.run("noise_at_zero_snr", X, 5, False)).x[1]
    away = np.abs(first - right).max()
    assert 0.3 < away < 2 * faults.CLIP


def test_half_rounds_as_float16_does():
    np.testing.assert_array_equal(faults.half(np.array([1.0, 1.0 + 2.0**-12, 3.1])), [1.0, 1.0, float(np.float16(3.1))])


@pytest.mark.parametrize("fault", FAULTS)
def test_the_chart_s_numbers_are_those_of_runs(fault):
    table = faults.damages(fault, X, (4, 10))
    assert table.shape == (2, 2)
    for faulty in (0, 1):
        assert table[1, faulty] == faults.law_error(ends(fault, 10, bool(faulty)), fault).distance


def test_shares_and_spread_of_the_data_itself(rng):
    x = DATA.sample(20_000, rng)[0]
    assert faults.far_share(x) == pytest.approx(0.8, abs=0.015)
    assert faults.spread(x) == pytest.approx(DATA.s, rel=0.02)


def test_every_fault_names_its_source():
    for fault in FAULTS.values():
        assert "issue" in fault.source or "20" in fault.source

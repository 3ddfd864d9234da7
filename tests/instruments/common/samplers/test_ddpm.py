"""Ancestral sampling: for which data each of its two variances is exact."""

import pytest

from diffusion_lab.instruments.common.levels import Level
from diffusion_lab.instruments.common.samplers.ddpm import beta_of, ddpm

from .cases import EXACT, SAMPLERS, gaussian, levels


@pytest.mark.subject(
    (SAMPLERS["ddpm_beta"], SAMPLERS["ddpm_beta_tilde"]),
    exchanged=(SAMPLERS["ddpm_beta_tilde"], SAMPLERS["ddpm_beta"]),
    euler_maruyama=(SAMPLERS["sde_euler"], SAMPLERS["sde_euler"]),
)
def test_each_variance_is_exact_for_its_data(subject, rng, assert_variance):
    """Ho et al. 2020, section 3.2: beta for N(0, I), beta_tilde for one point; in only five steps."""
    grid, start = levels(5), rng.standard_normal((20_000, 2))
    for sampler, s in zip(subject, (1.0, 1e-6), strict=True):
        for state in sampler(gaussian(s), start, grid, rng):
            if state.step:
                assert_variance(state.x, state.level.alpha_bar * s**2 + state.level.var)


@pytest.mark.subject(
    beta_of,
    from_shares=lambda cur, after: 1 - cur.alpha_bar / after.alpha_bar,
    swapped=lambda cur, after: beta_of(after, cur),
)
def test_beta_keeps_its_digits_where_all_is_nearly_clean(subject):
    """From sigma = 1e-6 to 5e-7: sigma² - sigma_next², to second order; and 1 - alpha_bar ratio at large noise."""
    cur, after = Level.from_sigma(1e-6), Level.from_sigma(5e-7)
    assert subject(cur, after) == pytest.approx(0.75e-12, rel=1e-9, abs=0)
    cur, after = Level.from_alpha_bar(0.1), Level.from_alpha_bar(0.4)
    assert subject(cur, after) == pytest.approx(0.75, rel=1e-14)


def test_a_variance_has_a_name(start, rng):
    with pytest.raises(ValueError) as refusal:
        ddpm(EXACT, start, levels(2), rng, variance="best")
    assert str(refusal.value) == '`variance` must be "beta" or "beta_tilde", got \'best\'.'

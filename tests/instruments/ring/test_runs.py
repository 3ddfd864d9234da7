"""The way back by every sampler: what a frame says of itself, what comes out, and how far a run is computed."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.datasets import DATA_SETS, ring
from diffusion_lab.instruments.common.metrics import mmd, mode_mass
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.common.schedules import exponential_alpha_bar, geometric_sigmas
from diffusion_lab.instruments.ring import kernel, runs


@pytest.mark.parametrize("sampler", runs.SAMPLERS)
def test_a_frame_says_where_it_stands(sampler, rng):
    frames = list(runs.sampler_steps(ring(), sampler, 7, 6, 3, rng=rng))
    assert frames[0].nfe == 0
    assert frames[0].t == pytest.approx(1, abs=1e-15)
    assert frames[-1].nfe == runs.evaluations(sampler, 6, 3)
    assert frames[-1].sigma == pytest.approx(kernel.SIGMA_MIN)
    for frame in frames:
        assert frame.alpha_bar == pytest.approx(1 / (1 + frame.sigma**2), rel=1e-12)
        assert exponential_alpha_bar(frame.t) == pytest.approx(frame.alpha_bar, rel=1e-12)
    if sampler != "Langevin":
        assert [frame.level for frame in frames] == list(range(7))
        np.testing.assert_allclose([frame.sigma for frame in frames], geometric_sigmas(kernel.SIGMA_MAX, 0.01, 7))


def test_all_samplers_begin_at_the_same_noise():
    starts = [next(runs.sampler_steps(ring(), name, 50, rng=np.random.default_rng(5))).x for name in runs.SAMPLERS]
    for start in starts:
        np.testing.assert_allclose(start, np.random.default_rng(5).standard_normal((50, 2)), rtol=1e-14)


def crooked(score):
    """From a mixture, one whose `score(mixture, x, signal, sigma)` is wrong."""

    def make(mixture):
        wrong = GaussianMixture(mixture.means, mixture.weights, mixture.s)
        object.__setattr__(wrong, "score", lambda x, signal, sigma: score(mixture, x, signal, sigma))
        return wrong

    return make


@pytest.mark.parametrize("sampler", runs.SAMPLERS)
@pytest.mark.subject(
    lambda mixture: mixture,
    sign_flipped=crooked(lambda m, x, a, b: -m.score(x, a, b)),
    missing_sqrt=crooked(lambda m, x, a, b: m.score(x, a, np.sqrt(b))),
    signal_left_out=crooked(lambda m, x, a, b: m.score(1.2 * x, a, b)),
    forgets_a_mode=crooked(lambda m, x, a, b: GaussianMixture(m.means[1:], np.full(5, 0.2), m.s).score(x, a, b)),
)
def test_every_sampler_brings_the_ring_back(subject, sampler, rng, assert_counts):
    """In 80 levels 2000 points come to equal clusters, and to 1.6 times the distance that perfect draws have."""
    *_, last = runs.sampler_steps(subject(ring()), sampler, 2000, 80, rng=rng)
    assert_counts(2000 * mode_mass(last.x, ring().means), np.full(6, 1 / 6))
    sigma_t = np.sqrt(1 - last.alpha_bar)
    found = mmd(last.x, ring(), np.sqrt(last.alpha_bar), sigma_t)
    assert found.distance < 1.6 * found.expected


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_comes_back(name, rng):
    mixture = DATA_SETS[name]().mixture
    *_, last = runs.sampler_steps(mixture, "DPM-Solver++", 1000, 40, rng=rng)
    found = kernel.measures(last.x, mixture, last.t)
    assert found.distance < 1.6 * found.distance_expected
    assert abs(found.within - found.within_true) < 5 * found.within_error + 2e-3


def run(num_levels=8, max_frames=5):
    frames = runs.sampler_steps(ring(), "DDPM", 30, num_levels, rng=np.random.default_rng(3))
    return runs.Run(frames, num_levels, max_frames)


@pytest.mark.subject(
    lambda a, step: a.compute(a.num_frames - 1, step),
    to_the_next_frame=lambda a, step: a.compute(len(a.frames)),
    without_a_limit=lambda a, step: a.compute(a.num_frames - 1),
)
def test_a_run_goes_no_further_than_it_is_asked(subject):
    """Steps are counted, kept frames or not; in slices or at once it is the same run, bit for bit."""
    one = run()
    assert (one.num_frames, len(one.frames), one.complete) == (6, 1, False)
    subject(one, 2)  # of the states 0, 1, 3, 4, 6, 8 that are kept, the second
    assert [frame.nfe for frame in one.frames] == [0, 1]
    subject(one, 2)
    assert [frame.nfe for frame in one.frames] == [0, 1, 3, 4]
    while not one.complete:
        subject(one, 2)
    whole = run()
    whole.compute(5)
    assert [frame.nfe for frame in whole.frames] == [frame.nfe for frame in one.frames] == [0, 1, 3, 4, 6, 8]
    for a, b in zip(one.frames, whole.frames, strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        assert a.x.dtype == np.float32


def test_an_unknown_sampler_is_refused(rng):
    with pytest.raises(ValueError) as refusal:
        runs.sampler_steps(ring(), "ddim", rng=rng)
    names = "Langevin, DDPM, DDIM, reverse_SDE, ODE_Euler, ODE_Heun, DPM-Solver++"
    assert str(refusal.value) == f"`sampler` must be one of {names}, got ddim."

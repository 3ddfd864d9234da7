"""Flows as made and as followed: marginals of a fitted flow, what reflow and transport straighten, paths and probe."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from diffusion_lab.instruments.common import flows
from diffusion_lab.instruments.common.flows import (
    DIFFUSION,
    RECTIFIED,
    conditional_point,
    marginal_velocity,
    transport_cost,
)
from diffusion_lab.instruments.common.metrics import fraction_within, fraction_within_truth, nearest
from diffusion_lab.instruments.common.samplers.flow import equal_times, flow_midpoint, flow_sde_euler
from diffusion_lab.instruments.common.slices import Sliced
from diffusion_lab.instruments.common.velocity_fit import fit_velocity
from diffusion_lab.instruments.flow import kernel

RING = kernel.DATA["ring"]


def exact(name="rectified_flow", mixture=RING):
    return kernel.make_flow(mixture, name, np.random.default_rng(0))


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(7).standard_normal((400, 2))


@pytest.fixture(scope="module")
def fitted():
    """The three fitted flows to the ring."""
    rng = np.random.default_rng(1)
    once = kernel.make_flow(RING, "reflow_once", rng, previous=exact())
    twice = kernel.make_flow(RING, "reflow_twice", rng, previous=once)
    transport = kernel.make_flow(RING, "minibatch_transport", rng, batch_size=16)
    return {"reflow_once": once, "reflow_twice": twice, "minibatch_transport": transport}


# --- data and flows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixture", kernel.DATA.values(), ids=kernel.DATA)
def test_every_data_set_can_be_measured(mixture):
    """Clusters apart, so that shares within 3σ are exact, and the picture holds them."""
    assert fraction_within_truth(mixture, 3 * mixture.s, 1.0, 0.0) == pytest.approx(-np.expm1(-4.5), abs=1e-3)
    assert np.abs(mixture.means).max() + 3 * mixture.s < 3.3
    assert len(mixture.means) <= 6


def test_exact_flows_are_the_closed_forms(noise):
    for name, path in (("rectified_flow", RECTIFIED), ("diffusion", DIFFUSION)):
        flow = exact(name)
        assert flow.exact
        assert flow.path is path
        np.testing.assert_array_equal(flow.velocity(noise, 0.3), marginal_velocity(RING, noise, 0.3, path))


def test_what_cannot_be_made_is_refused(rng):
    with pytest.raises(ValueError, match=r"`name` must be one of rectified_flow, .*, got 'straight'"):
        kernel.make_flow(RING, "straight", rng)
    with pytest.raises(ValueError, match="`previous` must be the flow one reflow earlier, got None"):
        kernel.make_flow(RING, "reflow_once", rng)


def test_a_seed_makes_the_same_flow_bit_for_bit(noise):
    make = lambda seed: kernel.make_flow(  # noqa: E731
        RING, "minibatch_transport", np.random.default_rng(seed), batch_size=4, num_pairs=400
    )
    np.testing.assert_array_equal(make(3).velocity(noise, 0.4), make(3).velocity(noise, 0.4))
    assert not np.array_equal(make(3).velocity(noise, 0.4), make(4).velocity(noise, 0.4))


def test_pairs_that_hardly_cross_are_fitted_with_the_narrow_kernel(monkeypatch, rng):
    bandwidths = []

    def fit(noise, data, bandwidth):
        bandwidths.append(bandwidth)
        yield 1, 1
        return exact().velocity

    monkeypatch.setattr(kernel, "fit_velocity", SimpleNamespace(work=fit))
    kernel.make_flow(RING, "minibatch_transport", rng, batch_size=4, num_pairs=64)
    kernel.make_flow(RING, "reflow_once", rng, previous=exact(), num_pairs=64)
    assert bandwidths == [kernel.WIDE, kernel.NARROW]


def test_a_reader_s_coupling_need_not_pause(monkeypatch, rng):
    pairs = kernel.draw_pairs(RING, 8, rng)
    monkeypatch.setattr(kernel, "minibatch_couple", Sliced(lambda noise, data, batch_size: data[::-1]))
    np.testing.assert_array_equal(kernel.couple(pairs, 4).data, pairs.data[::-1])


def test_counts_suit_every_batch_size():
    for n in (4, 16, 64):
        assert kernel.NUM_POINTS % n == kernel.NUM_PAIRS % n == 0


# --- what straightens ------------------------------------------------------------------------------------------------


def reflow_of_independent_pairs(previous, rng):
    pairs = kernel.draw_pairs(RING, kernel.NUM_PAIRS, rng)
    return fit_velocity(pairs.noise, pairs.data)


def reflow_in_one_step(previous, rng):
    start = rng.standard_normal((kernel.NUM_PAIRS, 2))
    return fit_velocity(start, kernel.solve(previous.velocity, start, 1, "euler").states[-1])


def reflow_turned_round(previous, rng):
    start = rng.standard_normal((kernel.NUM_PAIRS, 2))
    return fit_velocity(kernel.solve(previous.velocity, start, 32, "heun").states[-1], start)


@pytest.mark.subject(
    lambda previous, rng: kernel.make_flow(RING, "reflow_once", rng, previous=previous).velocity,
    independent_pairs=reflow_of_independent_pairs,
    pairs_of_one_step=reflow_in_one_step,
    turned_round=reflow_turned_round,
)
def test_one_reflow_is_nearly_straight_and_still_reaches_the_data(subject, noise, assert_counts):
    """S a 400th of what it was, one Euler step lands among the clusters, and every cluster gets its share."""
    before, velocity = exact(), subject(exact(), np.random.default_rng(2))
    first, second = kernel.reference_solution(before.velocity, noise), kernel.reference_solution(velocity, noise)
    assert second.straightness.value < first.straightness.value / 400
    one = kernel.solve(velocity, noise, 1, "euler").states[-1]
    assert fraction_within(one, RING.means, 0.6) > 0.8
    assert fraction_within(second.end, RING.means, 0.6) > 0.95
    assert_counts(np.bincount(nearest(second.end, RING.means), minlength=6), RING.weights)


def test_a_step_of_the_unstraightened_flow_lands_nowhere(noise):
    """From t = 0 all velocities lead to the mean of the data, the middle of the ring."""
    one = kernel.solve(exact().velocity, noise, 1, "euler").states[-1]
    np.testing.assert_allclose(one, 0, atol=1e-12)


def test_reflow_does_not_raise_the_cost(noise, fitted):
    """As Liu et al. 2023 prove for exact flows; here up to two standard errors of the estimates."""
    independent = transport_cost(*vars(kernel.draw_pairs(RING, 4000, np.random.default_rng(3))).values())
    flows = (exact(), fitted["reflow_once"])
    costs = [independent, *(kernel.reference_solution(flow.velocity, noise).cost for flow in flows)]
    for dearer, cheaper in pairwise(costs):
        assert cheaper.value < dearer.value + 2 * np.hypot(dearer.error, cheaper.error)
    assert independent.value == pytest.approx(6.08, abs=5 * independent.error)  # 2² + 2 s² + 2


def test_a_second_reflow_spoils_little(noise, fitted):
    """Ends within 3σ, true value 0.989: the fit of a fit keeps 94 % and one step 82 %, and is no less straight."""
    once, twice = (kernel.reference_solution(fitted[name].velocity, noise) for name in ("reflow_once", "reflow_twice"))
    assert fraction_within(twice.end, RING.means, 0.6) > 0.94
    one = kernel.solve(fitted["reflow_twice"].velocity, noise, 1, "euler").states[-1]
    assert fraction_within(one, RING.means, 0.6) > 0.82
    assert twice.straightness.value < once.straightness.value + 2 * once.straightness.error


@pytest.mark.subject(
    lambda pairs, n: kernel.couple(pairs, n),
    unpaired=lambda pairs, n: pairs,
    by_angle_of_the_wrong_half=lambda pairs, n: kernel.Pairs(pairs.noise, kernel.couple(pairs, n).data[::-1]),
)
def test_transport_pairs_make_a_straighter_flow(subject, noise, rng):
    pairs = subject(kernel.draw_pairs(RING, kernel.NUM_PAIRS, rng), 16)
    reference = kernel.reference_solution(fit_velocity(pairs.noise, pairs.data), noise)
    assert reference.straightness.value < 0.2
    assert fraction_within(reference.end, RING.means, 0.6) > 0.93


def test_larger_batches_are_straighter(noise, rng):
    s = []
    for n in (4, 16, 64):
        flow = kernel.make_flow(RING, "minibatch_transport", rng, batch_size=n, num_pairs=2048)
        s.append(kernel.reference_solution(flow.velocity, noise).straightness.value)
    assert s[0] > 2 * s[1] > 4 * s[2] > 0


def test_a_fitted_flow_has_the_marginal_of_its_pairs_at_the_end(fitted, noise, assert_counts):
    for flow in fitted.values():
        end = kernel.reference_solution(flow.velocity, noise).end
        assert_counts(np.bincount(nearest(end, RING.means), minlength=6), RING.weights)


# --- following -------------------------------------------------------------------------------------------------------


@pytest.mark.subject(
    lambda run, t: run.at(t),
    the_last_node=lambda run, t: run.states[int(t * (len(run.states) - 1))],
    share_turned_round=lambda run, t: kernel.Run(run.states[::-1], run.nfe).at(1 - t) + (t % 0.2 > 0) * 1e-3,
    only_the_ends=lambda run, t: (1 - t) * run.states[0] + t * run.states[-1],
)
def test_between_nodes_points_move_on_straight_lines(subject, noise):
    run = kernel.solve(exact().velocity, noise, 5, "heun")
    for t in (0.0, 0.1, 0.2, 0.5, 0.93, 1.0):
        expected = [np.interp(t, np.arange(6) / 5, run.states[:, i, j]) for i in (0, 9) for j in (0, 1)]
        np.testing.assert_allclose(subject(run, t)[[0, 9]].ravel(), expected, atol=1e-12)


def test_a_run_is_what_the_solver_yields(noise):
    run = kernel.solve(exact().velocity, noise, 7, "midpoint")
    states = list(flow_midpoint(exact().velocity, noise, equal_times(7)))
    np.testing.assert_array_equal(run.states, [state.x for state in states])
    assert run.nfe == 14


def test_segments_join_up_from_the_noise_to_where_the_points_are(noise):
    for steps in (1, 3, 64):
        run = kernel.solve(exact().velocity, noise, steps, "euler")
        for t in (0.01, 0.34, 0.5, 1.0):
            start, end = (ends.reshape(-1, 10, 2) for ends in kernel.path_segments(run, t, 10))
            np.testing.assert_array_equal(start[0], noise[:10])
            np.testing.assert_allclose(end[-1], run.at(t)[:10], atol=1e-15)
            np.testing.assert_array_equal(start[1:], end[:-1])
            assert len(start) <= 25
        assert len(kernel.path_segments(run, 0.0, 10)[0]) == 0


def test_each_step_ends_at_its_node_and_has_one_segment():
    """Also where the time times the number of steps is rounded to just below a whole number."""
    for steps in (5, 20, 49, 100):
        run = kernel.Run(np.zeros((steps + 1, 1, 2)), steps)
        times = np.arange(steps + 1) / steps
        assert [run.node(t) for t in times] == list(range(steps + 1))
        assert [run.node(t) for t in times[:-1] + 0.5 / steps] == list(range(steps))
        if steps <= 24:
            assert [len(kernel.path_segments(run, t, 1)[0]) for t in times] == list(range(steps + 1))


def test_conditional_paths_join_up_from_noise_to_data(rng):
    pairs = kernel.draw_pairs(RING, 20, rng)
    for path, pieces in ((RECTIFIED, 1), (DIFFUSION, 16)):
        start, end = (ends.reshape(pieces, 8, 2) for ends in kernel.conditional_paths(pairs, path, 8))
        np.testing.assert_array_equal(start[1:], end[:-1])
        np.testing.assert_allclose(end[-1], pairs.data[:8], atol=1e-15)
        if path is RECTIFIED:
            np.testing.assert_array_equal(start[0], pairs.noise[:8])


def test_errors_in_the_chart_are_those_of_the_runs(noise):
    flow = exact()
    reference = kernel.reference_solution(flow.velocity, noise)
    errors = kernel.convergence(flow.velocity, noise, reference.end, (1, 4, 16))
    for solver, each in (("euler", 1), ("heun", 2), ("midpoint", 2)):
        nfe, error = errors[solver]
        np.testing.assert_array_equal(nfe, each * np.array([1, 4, 16]))
        run = kernel.solve(flow.velocity, noise, 4, solver)
        gap = np.linalg.norm(run.states[-1] - reference.end, axis=1)
        assert error[1] == pytest.approx(np.sqrt(np.mean(gap**2)), rel=1e-12)


@pytest.mark.parametrize("name", kernel.EXACT_FLOWS)
@pytest.mark.parametrize("data_set", kernel.DATA)
def test_the_reference_is_as_near_as_it_says(name, data_set, noise):
    flow = exact(name, kernel.DATA[data_set])
    coarse = kernel.reference_solution(flow.velocity, noise)
    *_, fine = flow_midpoint(flow.velocity, noise, equal_times(2048))
    gap = np.linalg.norm(coarse.end - fine.x, axis=1)
    assert np.median(gap) < 5e-4
    assert kernel.end_error(coarse.end, fine.x) < 1e-2


# --- the probe -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", kernel.EXACT_FLOWS)
def test_paths_drawn_at_the_probe_pass_there_and_average_to_the_mean(name, rng):
    x, t, n = np.array([0.4, 0.7]), 0.5, 4000
    met = kernel.pairs_through(RING, exact(name), x, t, n, rng)
    passing = conditional_point(met.pairs.noise, met.pairs.data, t, exact(name).path)
    np.testing.assert_allclose(passing, np.tile(x, (n, 1)), atol=1e-12)
    z = (met.velocities.mean(axis=0) - met.mean) / (met.velocities.std(axis=0) / np.sqrt(n))
    assert np.all(np.abs(z) < stats.norm.isf(1e-5))
    assert met.spread == pytest.approx(np.sqrt(np.mean(np.sum((met.velocities - met.mean) ** 2, axis=1))), rel=0.05)


def test_velocities_disagree_before_reflow_and_agree_after(fitted, rng):
    x = np.array([0.2, 0.9])
    before = kernel.pairs_through(RING, exact(), x, 0.4, 24, rng)
    after = kernel.pairs_through(RING, fitted["reflow_once"], x, 0.4, 24, rng)
    assert before.spread > 2
    assert after.spread < 0.3
    passing = conditional_point(after.pairs.noise, after.pairs.data, 0.4)
    assert np.linalg.norm(passing - x, axis=1).max() < 0.25


def test_at_the_end_there_are_no_paths_to_draw_but_a_mean(fitted, rng):
    for flow in (exact(), exact("diffusion"), fitted["reflow_once"]):
        met = kernel.pairs_through(RING, flow, [0.0, 2.0], 1.0, 24, rng)
        assert len(met.velocities) == len(met.pairs.noise) == 0
        assert np.isfinite(met.mean).all()
    assert kernel.pairs_through(RING, exact(), [0.0, 2.0], 1.0, 24, rng).spread == pytest.approx(np.sqrt(2))


# --- the SDE beside the flow -----------------------------------------------------------------------------------------


def wrong_strength(change):
    """A solver whose score is not the one that belongs to its noise."""

    def solve(flow, noise, num_steps, sigma, rng):
        score = lambda v, x, t: change * flows.score_of_velocity(v, x, t, flow.path)  # noqa: E731
        states = flow_sde_euler(flow.velocity, noise, equal_times(num_steps), rng, score=score, sigma=sigma)
        return kernel.Run(np.stack([state.x for state in states]), num_steps)

    return solve


@pytest.mark.subject(kernel.solve_sde, no_score=wrong_strength(0.0), score_twice=wrong_strength(2.0))
def test_the_distance_stays_at_chance_for_every_sigma_if_steps_are_enough(subject):
    """512 steps of 384 points: at three times and four sigmas within 1.5 times chance, which 384 perfect draws pass."""
    flow, noise = exact(), kernel.draw_pairs(RING, kernel.NUM_POINTS, np.random.default_rng(4)).noise
    for sigma in (0.5, 1.0, 2.0):
        run = subject(flow, noise, 512, sigma, np.random.default_rng(11))
        for node in (128, 384, 512):
            found = kernel.distance_from_marginal(RING, flow.path, run, node)
            assert found.distance < 1.5 * found.expected, (sigma, node)


@pytest.mark.parametrize("mixture", kernel.DATA.values(), ids=kernel.DATA)
def test_with_too_few_steps_the_distance_grows_with_sigma(mixture):
    noise = np.random.default_rng(3).standard_normal((kernel.NUM_POINTS, 2))
    few, many = kernel.distances(mixture, exact(mixture=mixture), noise, (8, 64), (1.0, 1.5, 2.0), 4)
    assert np.all(np.diff(few) > 0)
    assert few[-1] > 4 * many.max()
    assert many.max() < 0.08, "1.6 times chance"


def test_the_curves_are_those_of_single_runs():
    noise, flow = np.random.default_rng(3).standard_normal((100, 2)), exact("diffusion")
    found = kernel.distances(RING, flow, noise, (4, 8), (0.0, 1.0), 9)
    for row, steps in enumerate((4, 8)):
        for column, sigma in enumerate((0.0, 1.0)):
            run = kernel.solve_sde(flow, noise, steps, sigma, kernel.sde_noise(9))
            assert found[row, column] == kernel.distance_from_marginal(RING, DIFFUSION, run, steps).distance


def test_a_fitted_flow_has_no_sde(fitted):
    with pytest.raises(ValueError, match="`flow` must be exact, got reflow_once"):
        kernel.solve_sde(fitted["reflow_once"], np.zeros((2, 2)), 4, 1.0, np.random.default_rng(0))

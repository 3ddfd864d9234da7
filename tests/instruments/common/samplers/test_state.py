"""A run stacked: one entry a state, in order, rounded to the type asked for."""

import numpy as np
import pytest

from diffusion_lab.instruments.common.samplers.ddim import ddim
from diffusion_lab.instruments.common.samplers.state import Trajectory

from .cases import EXACT, levels


def test_a_trajectory_holds_every_state(start):
    states = list(ddim(EXACT, start, levels(5)))
    run = Trajectory.of(states)
    assert run.x.shape == (6, 200, 2)
    for k, state in enumerate(states):
        np.testing.assert_array_equal(run.x[k], state.x)
        assert (run.step[k], run.nfe[k], run.levels[k]) == (state.step, state.nfe, state.level)
    assert Trajectory.of(iter(states), np.float32).x.dtype == np.float32


def test_between_states_points_move_on_straight_lines(start):
    run = Trajectory.of(ddim(EXACT, start, levels(5)))
    for k in range(6):
        np.testing.assert_array_equal(run.at(k / 5), run.x[k])
    np.testing.assert_allclose(run.at(0.3), (run.x[1] + run.x[2]) / 2)


@pytest.mark.parametrize("steps", [3, 49])
def test_a_way_has_each_state_once_and_ends_where_the_points_are(steps, start):
    """Also where the progress times the number of steps is rounded to just beside a whole number."""
    run = Trajectory.of(ddim(EXACT, start, levels(steps)))
    for k in range(steps + 1):
        np.testing.assert_allclose(run.nodes(k / steps, 4), run.x[: k + 1, :4], atol=1e-12)
    assert len(run.nodes(1.5 / steps, 4)) == 3


def test_no_states_are_refused():
    with pytest.raises(ValueError) as refusal:
        Trajectory.of([])
    assert str(refusal.value) == "`states` must hold at least one state, got none."

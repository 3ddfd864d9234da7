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


def test_no_states_are_refused():
    with pytest.raises(ValueError) as refusal:
        Trajectory.of([])
    assert str(refusal.value) == "`states` must hold at least one state, got none."

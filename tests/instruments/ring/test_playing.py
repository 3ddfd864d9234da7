"""The ring as it is played: the pace of the way back, and the marks on its sliders."""

import numpy as np
import pytest

from diffusion_lab.app.instrument.settings import played_places
from diffusion_lab.instruments.common.datasets import ring
from diffusion_lab.instruments.common.mixtures import GaussianMixture
from diffusion_lab.instruments.ring import kernel
from diffusion_lab.instruments.ring.component import Ring

from .shown import shown


@pytest.mark.subject(
    lambda: played_places(Ring.param.progress, 51),
    even_in_the_steps=lambda: np.linspace(0, 1, 51).tolist(),
)
def test_playing_the_way_back_spends_its_time_where_points_move(subject):
    """In each fiftieth of the film the noise turns by the same angle; little of it reads t = 0.00."""
    panel, times = Ring(view="reverse", num_levels=120), []
    for place in subject():
        panel.progress = place
        times.append(panel.time)
    angles = np.arccos(np.exp(-3 * np.array(times)))
    assert np.all(np.abs(np.diff(angles)) < 2.5 * angles[0] / 50)  # levels are discrete
    assert np.mean(np.array(times) < 0.005) < 0.15
    assert np.mean((np.array(times) < 0.2) & (np.array(times) > 0.1)) > 0.1


def test_the_reading_of_t_moves_to_the_end(panel):
    panel.t = 0.004
    assert shown(panel)["t"] == "0.004"


def test_marks_are_where_the_density_changes_its_shape():
    """Two clusters have one peak from the first mark on; six have one at the centre from the second on."""
    for t, mixture, at, along in (
        (kernel.MERGE_T, GaussianMixture(np.array([[-1.0, 0], [1.0, 0]]), np.full(2, 0.5), 0.2), (0, 0), (1, 0)),
        (kernel.FILL_T, ring(), (0, 0), (1, 0)),
    ):
        curvature = []
        for time in (t - 0.002, t + 0.002):
            level, h = kernel.SCHEDULE.level(time), 0.01
            x = np.array([np.add(at, k * h * np.array(along)) for k in (-1, 0, 1)])
            low, middle, high = np.exp(mixture.log_density(x, level.signal, level.sigma_t))
            curvature.append(low - 2 * middle + high)
        assert curvature[0] > 0 > curvature[1]
    assert {words: mark for mark, words in Ring.param.t.control.marks.items()} == {
        "clusters merge": pytest.approx(kernel.MERGE_T, abs=1e-3),
        "the hole fills": pytest.approx(kernel.FILL_T, abs=1e-3),
    }
    panel = Ring(view="reverse", num_levels=120)
    times = {"a hole opens": kernel.FILL_T, "clusters part": kernel.MERGE_T}
    assert [*Ring.param.progress.control.marks.values()] == [*times]
    for mark, t in zip(Ring.param.progress.control.marks, times.values(), strict=True):
        panel.progress = mark
        assert panel.time == pytest.approx(t, abs=0.01)

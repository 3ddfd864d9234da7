"""The masked diffusion component: words given, the chart that waits for rest, and what is drawn for what is shown."""

import numpy as np
import pytest

from diffusion_lab.app.figure_svg import figure_svg
from diffusion_lab.instruments.unmask import kernel
from diffusion_lab.instruments.unmask.component import Unmask


def column(scene, source, name):
    return list(scene._sources[source].data[name])


def test_words_given_stay_where_they_are_in_both_texts():
    unmask = Unmask(given="3", position_1=24, word_1=".", position_2=2, word_2="cat", position_3=7, word_3="sea")
    for progress in (0.0, 0.4, 1.0):
        unmask.progress = progress
        for side in unmask._shown.sides.values():
            assert [kernel.VOCABULARY[side.x[i]] for i in (14, 1, 6)] == [".", "cat", "sea"]
    assert len(column(unmask._texts, "pins", "x")) == 6
    assert "given “cat” at 2, “sea” at 7, “.” at 15" in unmask.description


def test_of_two_words_at_one_position_the_later_counts():
    unmask = Unmask(given="2", position_1=5, word_1="cat", position_2=5, word_2="dog")
    assert unmask._pins() == ((5, "dog"),)


def test_a_position_beyond_the_end_is_the_last():
    unmask = Unmask(given="1", position_1=24, length=12)
    assert unmask._pins() == ((12, "."),)


def test_cells_masks_and_marks_are_of_the_state():
    unmask = Unmask(progress=3 / 15)
    ours, theirs = unmask._shown.sides["unmasked"], unmask._shown.sides["written"]
    words = [kernel.VOCABULARY[token] for side in (ours, theirs) for token in side.x if token != kernel.MASK]
    assert column(unmask._texts, "words", "text") == words
    assert len(column(unmask._texts, "masks", "x")) == 30 - len(words)
    assert len(column(unmask._texts, "new", "x0")) == ours.committed.sum() + 1
    squares = sum(int(state.committed.sum()) for state in unmask._shown.history)
    assert len(column(unmask._texts, "cells", "x")) == len(words) + squares
    unmask.show_guesses = True
    assert len(column(unmask._texts, "guesses", "text")) == (ours.x == kernel.MASK).sum()


def test_steps_are_passes_and_end():
    unmask = Unmask(progress=0.0)
    for spent in range(1, 18):
        unmask.step()
        assert unmask.readings_shown["passes"] == f"{min(spent, 15)} of 15"
    assert unmask.readings_shown["cost"] == "5 × 15 = 75"
    assert unmask.readings_shown["cost_true"] == "15"


def test_a_moving_hand_measures_nothing(monkeypatch):
    unmask = Unmask(seed=77)
    calls = []
    real = kernel.quality
    monkeypatch.setattr(kernel, "quality", lambda *arguments: calls.append(1) or real(*arguments))
    before = figure_svg(unmask.chart_plot)
    for temperature in (0.9, 0.8, 0.7):
        unmask.temperature = temperature
    assert not calls
    assert "chart: measured when the controls rest" in unmask.status
    assert "not measured yet" in unmask.description
    unmask.rested = unmask.query
    assert calls == [1]
    assert "8 × 16 texts, 816 passes" in unmask.status
    assert "left to right" in unmask.description
    assert figure_svg(unmask.chart_plot) != before
    unmask.num_inference_steps = 9
    unmask.rested = unmask.query
    assert calls == [1], "the chart is over all K already"


def test_returning_to_what_was_measured_needs_no_measuring():
    unmask = Unmask(seed=78)
    before = figure_svg(unmask.chart_plot), unmask.status
    unmask.temperature = 0.5
    assert figure_svg(unmask.chart_plot) != before[0]
    unmask.temperature = 1.0
    assert (figure_svg(unmask.chart_plot), unmask.status) == before


def test_the_small_chain_is_said_with_its_numbers():
    unmask = Unmask(chart_shows="exact", remasking="low_confidence", stay=0.9)
    forward, _ = kernel.kl_curve("low_confidence", 0.9, 0.0)
    assert f"{forward[0]:.4f} nats at K = 1 and {forward[-1]:.4f} at K = 5" in unmask.description
    svg = figure_svg(unmask.chart_plot)
    assert f"K = n: {forward[-1]:.4f}" in svg
    assert unmask.readings_shown["correlation"] == unmask.readings_shown["correlation_true"] == f"{forward[0]:.4f}"


@pytest.mark.parametrize("length", [12, 15, 20, 24])
def test_cells_fill_their_grid_and_do_not_overlap(length):
    unmask = Unmask(length=length, progress=1.0)
    x, y, w, h = (
        np.array(column(unmask._texts, "cells", name)[: 2 * length]) for name in ("x", "y", "width", "height")
    )
    apart = (np.abs(x[:, None] - x) >= w - 1e-3) | (np.abs(y[:, None] - y) >= h - 1e-3)
    assert np.all(apart | np.eye(len(x), dtype=bool))
    assert x.min() - w[0] / 2 >= 0
    assert x.max() + w[0] / 2 <= 600
    assert y.min() - h[0] / 2 >= 270

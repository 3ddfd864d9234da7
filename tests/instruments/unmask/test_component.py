"""The masked diffusion component: words given, the chart that waits for rest, and what is drawn for what is shown."""

import numpy as np
import pytest
from bokeh.events import Tap

from diffusion_lab.app.figure_svg import figure_svg
from diffusion_lab.instruments.unmask import kernel, language, pictures
from diffusion_lab.instruments.unmask.component import Unmask
from diffusion_lab.instruments.unmask.model_error import model_error_curve


def column(scene, source, name):
    return list(scene._sources[source].data[name])


def test_words_given_stay_where_they_are_in_both_texts():
    unmask = Unmask(given="15:. 2:cat 7:sea")
    for progress in (0.0, 0.4, 1.0):
        unmask.progress = progress
        for side in unmask._shown.sides.values():
            assert [kernel.VOCABULARY[side.x[i]] for i in (14, 1, 6)] == [".", "cat", "sea"]
    assert len(column(unmask._texts, "pins", "x")) == 6
    assert "given “cat” at 2, “sea” at 7, “.” at 15" in unmask.description
    assert unmask.readings_shown["given_problem"] == ""


def test_what_cannot_be_given_is_said_and_kept():
    """Nothing typed is lost: a word beyond the end comes back when the text is long enough."""
    unmask = Unmask(given="2:cat 3:captin 14:sea", length=12)
    assert unmask._pins() == ((2, "cat"),)
    problem = unmask.readings_shown["given_problem"]
    assert problem.startswith("“captin” is not a word of the corpus; near it: captain")
    assert problem.endswith("“sea” has no place 14 in 12 words.")
    unmask.length = 15
    assert unmask._pins() == ((2, "cat"), (14, "sea"))
    assert unmask.given == "2:cat 3:captin 14:sea"


def test_all_words_can_be_given():
    text = ["the", "cat", "sleeps", "on", "the", "bed", ".", "the", "dog", "sleeps", ".", "the"]
    unmask = Unmask(length=12, given=" ".join(f"{i}:{word}" for i, word in enumerate(text, 1)))
    assert kernel.text(unmask._shown.sides["unmasked"].x) == " ".join(text)
    assert unmask.readings_shown["unmasked"] == "0 of 0"


def tap(unmask, name, place):
    x, y, *_ = pictures.cells(name, unmask.length)
    unmask._tapped(Tap(None, x=x[place - 1], y=y[place - 1]))


def test_a_tap_gives_a_word_and_masks_it_again():
    unmask = Unmask(progress=1.0, given="3:captin")
    ours = kernel.VOCABULARY[unmask._shown.sides["unmasked"].x[8]]
    tap(unmask, "unmasked", 9)
    assert unmask.given == f"3:captin 9:{ours}"
    theirs = kernel.VOCABULARY[unmask._shown.sides["written"].x[0]]
    tap(unmask, "written", 1)
    assert unmask.given == f"1:{theirs} 3:captin 9:{ours}"
    tap(unmask, "unmasked", 9)
    assert unmask.given == f"1:{theirs} 3:captin"


def test_a_tap_on_a_mask_gives_a_guess_that_is_shown():
    unmask = Unmask(progress=0.0)
    tap(unmask, "unmasked", 4)
    assert unmask.given == ""
    unmask.show_guesses = True
    guess = column(unmask._texts, "guesses", "text")[3]
    tap(unmask, "written", 4)
    assert unmask.given == ""
    tap(unmask, "unmasked", 4)
    assert unmask.given == f"4:{guess}"


def test_a_tap_beside_the_words_does_nothing():
    unmask = Unmask(progress=1.0)
    for x, y in ((300, 100), (300, 835), (None, None), (-50, 600)):
        unmask._tapped(Tap(None, x=x, y=y))
    assert unmask.given == ""


@pytest.mark.parametrize("length", [12, 15, 24])
def test_every_cell_is_found_where_it_is_drawn(length):
    for name in pictures.TOPS:
        x, y, w, h = pictures.cells(name, length)
        for i in range(length):
            for dx, dy in ((0, 0), (0.49, 0.49), (-0.49, 0.49), (0.49, -0.49)):
                assert pictures.cell_at(length, x[i] + dx * w, y[i] + dy * h) == (name, i)


def test_the_model_decodes_guesses_and_is_measured():
    exact, learned = Unmask(progress=0.1, show_guesses=True), Unmask(progress=0.1, show_guesses=True, model="learned")
    assert exact.readings_shown["distance"] == "–"
    off, ignored = (float(learned.readings_shown[key]) for key in ("distance", "distance_true"))
    assert 0 < off < 0.3 * ignored
    assert f"{off:.4f} nats from the exact one" in learned.description
    shown = learned._shown.sides["unmasked"].x
    want = [kernel.VOCABULARY[token] for token in language.learned(shown[None])[0].argmax(axis=1)[shown == kernel.MASK]]
    assert column(learned._texts, "guesses", "text") == want
    assert exact._chart_task() != learned._chart_task()
    assert "transformer" in learned.status


def test_drafts_write_the_second_text():
    unmask = Unmask(writing="drafts", block=4, progress=1.0)
    rounds = len(unmask._decoding.rounds) - 1
    assert rounds < 15
    assert unmask.readings_shown["kept_true"] == f"{15 - rounds} passes"
    lines = len(column(unmask._texts, "diagonal", "x0"))
    assert lines == 15
    assert len(set(column(unmask._texts, "diagonal", "y0"))) == rounds
    kept = sum(r.kept for r in unmask._decoding.rounds)
    assert f"{kept} of {sum(r.drafted for r in unmask._decoding.rounds)} drafted words" in unmask.description


def test_the_distance_chart_is_said_with_its_numbers():
    unmask = Unmask(chart_shows="distance")
    gap = model_error_curve(15, unmask.seed)
    assert f"on average {gap.excess:.4f}" in unmask.description
    assert f"{gap.excess:.4f}" in figure_svg(unmask.chart_plot)
    unmask.temperature = 0.5
    assert "on average" in unmask.description, "it does not depend on the temperature"


def test_the_data_are_the_two_texts():
    unmask = Unmask(progress=3 / 15, given="2:cat")
    lines = unmask.csv().splitlines()
    assert lines[0] == "text,place,word,given,probability"
    assert len(lines) == 31
    assert lines[2].startswith("unmasking,2,cat,True,1")


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
    unmask = Unmask(chart_shows="chain", remasking="low_confidence", stay=0.9)
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
    assert y.min() - h[0] / 2 >= 216

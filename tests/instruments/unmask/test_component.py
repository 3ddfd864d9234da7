"""The masked diffusion component: both texts, what the layers hold and the words say of them, steps and names."""

import re

import numpy as np
import pytest

from diffusion_lab.instruments.unmask import kernel, language, layout
from diffusion_lab.instruments.unmask.component import Unmask

from .shown import column, everything

# --- both texts ------------------------------------------------------------------------------------------------------


def test_the_model_decodes_guesses_and_is_measured():
    exact, learned = Unmask(progress=0.1, show_guesses=True), Unmask(progress=0.1, show_guesses=True, model="learned")
    assert exact.reading_texts["distance"] == exact.reading_texts["distance_true"] == "–"
    off, ignored = (float(learned.reading_texts[key]) for key in ("distance", "distance_true"))
    assert 0 < off < 0.3 * ignored
    answer = learned.answer()
    assert f"{off:.4f} nats from the exact one" in answer.description
    shown = learned.shown.sides["unmasked"].x
    want = [kernel.VOCABULARY[token] for token in language.learned(shown[None])[0].argmax(axis=1)[shown == kernel.MASK]]
    assert answer.layers["plane.guesses"]["text"] == want
    assert exact.samples.likelihood[-1] != learned.samples.likelihood[-1]
    assert "transformer, float32" in answer.status


@pytest.mark.parametrize(("given", "progress"), [("", 0.2), ("2:cat 15:.", 0.1), ("2:cat 15:.", 1.0)])
def test_the_likelihood_is_that_of_each_word_revealed_given_the_others(given, progress):
    """log p(revealed and given) - log p(given), from the chain itself, over the words that were not given."""
    unmask = Unmask(given=given, progress=progress, num_inference_steps=5)
    chain, start, x = language.word_model(), unmask.start, unmask.shown.sides["unmasked"].x
    evidence = [float(chain.posterior(text[None])[1][0]) for text in (x, start)]
    revealed = int(((x != kernel.MASK) & (start == kernel.MASK)).sum())
    value, expected = unmask.all_readings()["likelihood"]
    assert value == pytest.approx((evidence[0] - evidence[1]) / revealed)
    assert expected == kernel.expected_log_likelihood(start)


def test_a_draft_costs_a_pass_over_all_positions():
    for progress in (0.3, 1.0):
        unmask = Unmask(writing="drafts", block=3, progress=progress)
        rounds = unmask.shown.rounds
        assert int(unmask.reading_texts["cost_true"]) == sum(r.verified for r in rounds) + 15 * (len(rounds) - 1)
        plain = Unmask(progress=progress)
        assert int(plain.reading_texts["cost_true"]) == plain.shown.sides["written"].spent


def test_the_words_count_what_was_revealed_and_not_what_was_given():
    """A word that is given was never drawn: it has no probability."""
    begun, on_the_way = Unmask(given="2:cat 15:.", progress=0.0), Unmask(given="2:cat 15:.", progress=0.2)
    assert "mean probability" not in begun.describe()
    assert "13 still masked, 0 pairs of neighbours that the corpus never has." in begun.describe()
    side = on_the_way.shown.sides["unmasked"]
    drawn = (side.x != kernel.MASK) & (on_the_way.start == kernel.MASK)
    assert f"revealed at a mean probability of {side.confidence[drawn].mean():.3f}," in on_the_way.describe()


def test_the_words_count_the_odd_neighbours_of_each_text():
    unmask = Unmask(num_inference_steps=1, progress=1.0)
    unmasked, written = (int(side.odd.sum()) for side in unmask.shown.sides.values())
    assert unmasked != written
    assert unmask.all_readings()["joints"] == (unmasked, written)
    assert f" {unmasked} pairs of neighbours that the corpus never has. Left to right" in unmask.describe()
    assert re.search(rf"”, {written} such pairs?\.", unmask.describe())
    assert "by the exact model in 1 pass by confidence" in unmask.describe()


def test_drafts_write_the_second_text():
    unmask = Unmask(writing="drafts", block=4, progress=1.0)
    rounds = len(unmask.rounds) - 1
    assert rounds < 15
    kept, drafted = sum(r.kept for r in unmask.rounds), sum(r.drafted for r in unmask.rounds)
    texts = unmask.reading_texts
    assert texts["kept"] == f"{kept / rounds:.1f} of {drafted / rounds:.1f}"
    assert texts["kept_true"] == f"{15 - rounds} passes"
    lines = everything(unmask).layers["plane.diagonal"]
    assert len(lines["x"]) == 15
    assert len(set(lines["y"])) == rounds
    assert f"{kept} of {drafted} drafted words" in everything(unmask).description
    assert Unmask().reading_texts["kept"] == "–"


def test_the_data_are_the_two_texts():
    unmask = Unmask(progress=3 / 15, given="2:cat")
    lines = [line for line in unmask.csv().splitlines() if not line.startswith("#")]
    assert lines[0] == "text,place,word,given,probability"
    assert len(lines) == 31
    assert lines[2].startswith("unmasking,2,cat,True,1")
    sides = unmask.shown.sides.values()
    np.testing.assert_array_equal(unmask.table()["probability"], np.concatenate([side.confidence for side in sides]))


def test_cells_masks_and_marks_are_of_the_state():
    unmask = Unmask(progress=3 / 15)
    ours, theirs = unmask.shown.sides["unmasked"], unmask.shown.sides["written"]
    revealed = [kernel.VOCABULARY[token] for side in (ours, theirs) for token in side.x if token != kernel.MASK]
    layers = everything(unmask).layers
    assert layers["plane.words"]["text"] == revealed
    drafted = len(layers["plane.drafted"]["x"])
    assert drafted == (ours.x == kernel.MASK).sum()
    assert len(layers["plane.masks"]["x"]) + drafted == 30 - len(revealed)
    assert len(layers["plane.new"]["x"]) == ours.committed.sum() + 1
    squares = sum(int(state.committed.sum()) for state in unmask.shown.history)
    assert len(layers["plane.cells"]["x"]) == len(revealed) + squares
    assert layers["plane.guesses"]["text"] == []
    unmask.show_guesses = True
    answer = unmask.answer()
    assert len(answer.layers["plane.guesses"]["text"]) == (ours.x == kernel.MASK).sum()
    assert answer.visible == {"plane.guesses": True}


def test_each_pass_of_both_texts_has_a_row_below_the_one_before():
    unmask = Unmask(progress=1.0)
    layers = everything(unmask).layers
    squares = np.asarray(layers["plane.cells"]["y"], float)[30:]  # after the words of both texts
    rows = np.unique(layers["plane.diagonal"]["y"])[::-1]
    assert len(rows) == 15, "a word a pass"
    committed = [int(state.committed.sum()) for state in unmask.shown.history]
    np.testing.assert_allclose(squares, np.repeat(rows[: len(committed)], committed), atol=1e-3)
    bottom, top = sorted(layers["plane.rules"]["y"])
    assert bottom < rows[-1] < rows[0] < top


def test_what_was_drafted_but_not_committed_is_shown():
    """The words that the pass drew at the places that are masked after it; guesses take their place."""
    unmask = Unmask(progress=3 / 15)
    ours = unmask.shown.sides["unmasked"]
    masked = ours.x == kernel.MASK
    want = [kernel.VOCABULARY[token] for token in unmask.passes[3].drafted[0][masked]]
    layers = everything(unmask).layers
    assert layers["plane.drafts"]["text"] == want
    assert len(layers["plane.drafted"]["x"]) == len(want) == masked.sum()
    drafted = [word for word in re.search("committed: “(.*?)”", unmask.describe())[1].split() if word != "_"]
    assert drafted == want
    assert f"{len(want)} words drafted by this pass but not committed" in unmask.describe()
    unmask.show_guesses = True
    assert everything(unmask).layers["plane.drafts"]["text"] == []
    unmask.param.update(show_guesses=False, show_drafts=False)
    assert "drafted" not in unmask.describe()
    for progress in (0.0, 1.0):
        assert everything(Unmask(progress=progress)).layers["plane.drafts"]["text"] == [], "nothing is drafted then"


def test_a_trained_model_is_used_while_it_trains():
    """Its loss and its texts at each step; the same model decodes in the other view."""
    unmask = Unmask(view="train", training_step=40, progress=1.0)
    early = everything(unmask)
    assert early.numbers["excess"][0] == pytest.approx(unmask.truth.excess(unmask.trained))
    assert early.numbers["excess"][0] < early.numbers["excess"][1] == unmask.truth.excess(unmask.replay.frames[0])
    assert len(early.layers["training_chart.batches"]["x"]) == unmask.trained.step == 40
    np.testing.assert_allclose(early.layers["training_chart.floor"]["y"], unmask.truth.floor, rtol=1e-6)
    dot = early.layers["training_chart.above"]
    assert (dot["x"][0], dot["y"][0]) == (40, pytest.approx(unmask.truth.floor + unmask.excess, rel=1e-6))
    assert "by the trained model after 40 training steps" in early.description
    assert f"{unmask.excess:.3f} above the floor of {unmask.truth.floor:.3f}" in early.description
    unmask.step()
    assert unmask.training_step == 60
    later = everything(unmask)
    assert later.numbers["excess"][0] < early.numbers["excess"][0]
    assert unmask.played == "training_step"
    unmask.param.update(view="decode", model="trained", training_step=40)
    back = everything(unmask)
    assert back.layers["plane.words"]["text"] == early.layers["plane.words"]["text"], "each moment can be gone back to"
    assert unmask.off == (None, None), "nothing is masked"
    unmask.progress = 0.2
    assert 0 < unmask.off[0] < unmask.off[1] + 2
    assert "perceptron" in back.status


def test_a_fault_is_measured_beside_the_right_way():
    unmask = Unmask(remasking="low_confidence", fault="noisy_confidence", num_inference_steps=15)
    answer = everything(unmask)
    (wrong, error), (right, _) = answer.numbers["damage"]
    assert (wrong, error) == (unmask.faulty.likelihood[-1], unmask.faulty.likelihood_error[-1])
    assert right == unmask.samples.likelihood[-1] > wrong + 2 * error
    np.testing.assert_allclose(answer.layers["likelihood_chart.faulty"]["y"], unmask.faulty.likelihood, rtol=1e-6)
    assert "with a fault, Noisy confidence" in answer.description
    plain = Unmask(remasking="low_confidence", num_inference_steps=15)
    assert plain.passes[-1].x.tolist() != unmask.passes[-1].x.tolist()
    assert plain.answer().numbers.get("damage") is None


def test_texts_that_end_are_measured():
    unmask = Unmask(chart_shows="end_of_text")
    answer = everything(unmask)
    (share, error), exact = answer.numbers["ends"]
    found = unmask.end_of_text
    assert (share, error, exact) == (
        pytest.approx(found.share["low_confidence"][-1]), pytest.approx(found.error["low_confidence"][-1]), found.exact
    )  # fmt: skip
    for way in found.share:
        np.testing.assert_allclose(answer.layers[f"ends_chart.{way}"]["y"], found.share[way], rtol=1e-6)
    assert answer.ranges["ends_chart"][0] == (0.5, 15.5), "all numbers of passes up to n"
    bars = answer.layers["ends_chart.share_errors"]
    for end, sign in (("y", -1), ("y1", 1)):
        expected = np.concatenate([found.share[way] + sign * found.error[way] for way in found.share])
        np.testing.assert_allclose(bars[end], expected, atol=1e-6)
    assert f"exactly {found.exact:.3f}" in answer.description
    assert found.example in answer.description


def test_what_the_last_pass_did_is_marked():
    """Bars at odd neighbours, marks where ReMDM has masked again."""
    unmask = Unmask(num_inference_steps=1, progress=1.0)
    layers = everything(unmask).layers
    assert len(layers["plane.joints"]["x"]) == sum(side.odd.sum() for side in unmask.shown.sides.values()) > 0
    x, y, width, height = layout.cells("unmasked", 15)
    second = np.flatnonzero(unmask.shown.sides["unmasked"].odd) + 1
    borders, bars = np.maximum(x[second] - (width + layout.GAP) / 2, 2), layers["plane.joints"]
    for end, up in (("", -height / 2), ("1", height / 2)):
        np.testing.assert_allclose(bars[f"x{end}"][: len(second)], borders, atol=1e-3, err_msg="before the second word")
        np.testing.assert_allclose(bars[f"y{end}"][: len(second)], y[second] + up, atol=1e-3)
    again = Unmask(remasking="remdm", eta_cap=0.6, num_inference_steps=24, progress=0.5)
    masked_again = sum(int(state.remasked.sum()) for state in again.shown.history)
    at_last = int(again.shown.sides["unmasked"].remasked.sum())
    assert len(column(again, "plane.again", "x")) == masked_again + at_last > 0


@pytest.mark.parametrize(
    ("settings", "unmasked", "written"),
    [
        ({"num_inference_steps": 1, "progress": 1.0}, "pass 1 of 1", "word 15 of 15"),
        ({}, "pass 3 of 5", "word 3 of 15"),
        ({"given": "15:. 2:cat"}, "pass 3 of 5", "word 2 of 13"),
        ({"writing": "drafts", "progress": 1.0}, "pass 5 of 5", "pass 7 of 7, word 15 of 15"),
    ],
)
def test_both_texts_are_counted_in_the_same_words_everywhere(settings, unmasked, written):
    unmask = Unmask(**settings)
    answer = unmask.answer()
    rounds = f"pass {len(unmask.rounds) - 1} of {len(unmask.rounds) - 1}"
    written = written.replace("pass 7 of 7", rounds)
    headings = answer.layers["plane.headings"]["text"]
    assert headings[:2] == [f"Unmasking: {unmasked}", f"Left to right: {written}"]
    assert (answer.texts["unmasked"], answer.texts["written"]) == (unmasked, written)
    assert f", {unmasked}: “" in answer.description and f"Left to right, {written}: “" in answer.description


@pytest.mark.parametrize("length", [12, 15, 20, 24])
def test_cells_fill_their_grid_and_do_not_overlap(length):
    unmask = Unmask(length=length, progress=1.0)
    cells = everything(unmask).layers["plane.cells"]
    x, y, w, h = (np.array(cells[name][: 2 * length]) for name in ("x", "y", "width", "height"))
    apart = (np.abs(x[:, None] - x) >= w - 1e-3) | (np.abs(y[:, None] - y) >= h - 1e-3)
    assert np.all(apart | np.eye(len(x), dtype=bool))
    assert x.min() - w[0] / 2 >= 0
    assert x.max() + w[0] / 2 <= 600
    assert y.min() - h[0] / 2 >= 216


def test_steps_are_passes_and_end():
    unmask = Unmask(progress=0.0)
    for spent in range(1, 18):
        unmask.answer()
        unmask.act({"action": "step"})
        assert unmask.reading_texts["unmasked"] == f"pass {min(spent, 5)} of 5"
        assert unmask.reading_texts["written"] == f"word {min(spent, 15)} of 15"
    assert unmask.reading_texts["cost"] == "5 × 15 = 75"
    assert unmask.reading_texts["cost_true"] == "15"
    unmask.given = "2:cat 15:."
    assert unmask.reading_texts["cost"] == "5 × 15 = 75", "a pass computes the positions of given words too"


# --- names -----------------------------------------------------------------------------------------------------------


def test_former_values_are_read():
    assert Unmask.parse_state({"remasking": "ReMDM", "eta_cap": "0.3"}) == {"remasking": "remdm", "eta_cap": 0.3}
    assert Unmask.param.remasking.control.labels["remdm"] == "ReMDM"
    assert Unmask.param.remasking.control.labels["low_confidence"] == "Low confidence"
    assert "by ReMDM with σ up to 0.3" in Unmask(remasking="remdm", eta_cap=0.3).answer().description

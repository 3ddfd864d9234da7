"""The masked diffusion component: words given, the chart that is measured meanwhile, and what the layers hold."""

import re

import numpy as np
import pytest

from diffusion_lab.app.instrument import StateError, assets
from diffusion_lab.instruments.unmask import kernel, language, layout
from diffusion_lab.instruments.unmask.component import Unmask
from diffusion_lab.instruments.unmask.model_error import model_error_curve


def everything(unmask):
    """The answer with all layers, whether or not they have changed."""
    unmask.forget_answers()
    return unmask.answer()


def column(unmask, layer, name):
    return list(everything(unmask).layers[layer][name])


def same(one, other):
    """Whether two answers show one picture, in one state."""
    assert one.layers.keys() == other.layers.keys()
    for layer, columns in one.layers.items():
        for name, values in columns.items():
            np.testing.assert_array_equal(values, other.layers[layer][name], err_msg=layer)
    assert (one.texts, one.description, one.ranges) == (other.texts, other.description, other.ranges)


# --- words given -----------------------------------------------------------------------------------------------------


def test_words_given_stay_where_they_are_in_both_texts():
    unmask = Unmask(given="15:. 2:cat 7:sea")
    for progress in (0.0, 0.4, 1.0):
        unmask.progress = progress
        for side in unmask.shown.sides.values():
            assert [kernel.VOCABULARY[side.x[i]] for i in (14, 1, 6)] == [".", "cat", "sea"]
    answer = unmask.answer()
    assert len(answer.layers["plane.pins"]["x"]) == 6
    assert "given “cat” at 2, “sea” at 7, “.” at 15" in answer.description
    assert answer.texts["given_problem"] == ""


def test_what_cannot_be_given_is_said_and_kept():
    """Nothing typed is lost: a word beyond the end comes back when the text is long enough."""
    unmask = Unmask(given="2:cat 3:captin 14:sea", length=12)
    assert unmask.pins[0] == ((2, "cat"),)
    problem = unmask.reading_texts["given_problem"]
    assert problem.startswith("“captin” is not a word of the corpus; near it: captain")
    assert problem.endswith("“sea” has no place 14 in 12 words.")
    unmask.length = 15
    assert unmask.pins[0] == ((2, "cat"), (14, "sea"))
    assert unmask.given == "2:cat 3:captin 14:sea"


def test_many_problems_are_counted():
    unmask = Unmask(given=" ".join(f"{place}:captin" for place in range(1, 10)) + " 0:captain 10:cat")
    problem = unmask.reading_texts["given_problem"]
    assert problem.count("“captin” is not a word of the corpus") == language.SHOWN_PROBLEMS
    assert problem.endswith("7 more cannot be used.")
    assert unmask.pins[0] == ((10, "cat"),)


def test_place_0_is_no_place():
    assert Unmask(given="0:captain").reading_texts["given_problem"] == "“captain” has no place 0 in 15 words."


def test_all_words_can_be_given():
    text = ["the", "cat", "sleeps", "on", "the", "bed", ".", "the", "dog", "sleeps", ".", "the"]
    unmask = Unmask(length=12, given=" ".join(f"{i}:{word}" for i, word in enumerate(text, 1)))
    assert kernel.text(unmask.shown.sides["unmasked"].x) == " ".join(text)
    assert unmask.reading_texts["revealed"] == unmask.reading_texts["revealed_true"] == "0 of 0"
    assert unmask.reading_texts["likelihood"] == "–"
    assert everything(unmask).status.startswith(
        "unmasking: pass 0 of 0 · left to right: word 0 of 0 · a pass of unmasking computes all 12 words"
    )


def tap(unmask, name, place):
    x, y, *_ = layout.cells(name, unmask.length)
    unmask.answer()
    unmask.act({"action": "tap", "x": x[place - 1], "y": y[place - 1]})


def test_a_tap_gives_a_word_and_masks_it_again():
    unmask = Unmask(progress=1.0, given="3:captin")
    ours = kernel.VOCABULARY[unmask.shown.sides["unmasked"].x[8]]
    tap(unmask, "unmasked", 9)
    assert unmask.given == f"3:captin 9:{ours}"
    theirs = kernel.VOCABULARY[unmask.shown.sides["written"].x[0]]
    tap(unmask, "written", 1)
    assert unmask.given == f"1:{theirs} 3:captin 9:{ours}"
    tap(unmask, "unmasked", 9)
    assert unmask.given == f"1:{theirs} 3:captin"


def test_a_tap_on_a_mask_gives_a_guess_that_is_shown():
    unmask = Unmask(progress=0.0)
    tap(unmask, "unmasked", 4)
    assert unmask.given == ""
    unmask.show_guesses = True
    guess = column(unmask, "plane.guesses", "text")[3]
    tap(unmask, "written", 4)
    assert unmask.given == ""
    tap(unmask, "unmasked", 4)
    assert unmask.given == f"4:{guess}"


def test_a_tap_beside_the_words_does_nothing():
    unmask = Unmask(progress=1.0)
    unmask.answer()
    for x, y in ((300, 100), (300, 835), (-50, 600)):
        unmask.act({"action": "tap", "x": x, "y": y})
    assert unmask.given == ""
    with pytest.raises(StateError):
        unmask.act({"action": "tap", "x": None, "y": None})


@pytest.mark.parametrize("length", [12, 15, 24])
def test_every_cell_is_found_where_it_is_drawn(length):
    for name in layout.TOPS:
        x, y, w, h = layout.cells(name, length)
        for i in range(length):
            for dx, dy in ((0, 0), (0.49, 0.49), (-0.49, 0.49), (0.49, -0.49)):
                assert layout.cell_at(length, x[i] + dx * w, y[i] + dy * h) == (name, i)


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
    assert f"exactly {found.exact:.3f}" in answer.description
    assert found.example in answer.description


def test_what_the_last_pass_did_is_marked():
    """Bars at odd neighbours, marks where ReMDM has masked again."""
    unmask = Unmask(num_inference_steps=1, progress=1.0)
    layers = everything(unmask).layers
    assert len(layers["plane.joints"]["x"]) == sum(side.odd.sum() for side in unmask.shown.sides.values()) > 0
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
    assert answer.status.startswith(f"unmasking: {unmasked} · left to right: {written} · ")
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


# --- the chart -------------------------------------------------------------------------------------------------------


def test_the_charts_of_samples_have_one_quantity_each_and_the_k_of_the_picture():
    unmask = Unmask(num_inference_steps=24)
    answer, q = unmask.answer(), unmask.samples
    for name, mean, se, written in (
        ("likelihood_chart", q.likelihood, q.likelihood_error, q.written),
        ("variety_chart", q.distinct, q.distinct_error, q.written_distinct),
    ):
        (x, _), (low, high) = answer.ranges[name]
        assert x == 0.5
        curve, errors = answer.layers[f"{name}.unmasked"], answer.layers[f"{name}.errors"]
        np.testing.assert_allclose(curve["y"], mean, rtol=1e-6)
        np.testing.assert_allclose(errors["y1"] - errors["y"], 2 * se, atol=1e-6)
        assert np.all((curve["y"] >= low) & (curve["y"] <= high))
        assert answer.layers[f"{name}.written"]["y"] == [pytest.approx(written[0])]
        assert answer.layers[f"{name}.here"]["x"] == [15]
    assert answer.layers["likelihood_chart.perfect"]["y"] == [pytest.approx(q.expected)]
    assert f"left to right {q.written[0]:.2f} ± {q.written[1]:.2f}" in answer.description
    assert "chart: 8 × 16 texts, 816 passes" in answer.status
    unmask.num_inference_steps = 9
    assert list(unmask.answer().layers["variety_chart.here"]["x"]) == [9]


def test_the_charts_of_samples_are_said_with_their_numbers():
    unmask = Unmask()
    answer, q = unmask.answer(), unmask.samples
    assert answer.description.endswith(
        f"mean log p {q.likelihood[0]:.2f} nats a word at K = 1 and {q.likelihood[-1]:.2f} ±"
        f" {q.likelihood_error[-1]:.2f} at K = 15, left to right {q.written[0]:.2f} ± {q.written[1]:.2f}; share of"
        f" distinct pairs {q.distinct[0]:.2f}, {q.distinct[-1]:.2f} and {q.written_distinct[0]:.2f}."
    )


def test_the_settings_reach_what_they_are_for():
    """The rule and its cap the small chain, the temperature the samples and the text from left to right."""
    chains = [Unmask(chart_shows="chain", remasking=rule).chain[0] for rule in ("random", "low_confidence")]
    assert not np.allclose(*chains)
    caps = [Unmask(chart_shows="chain", remasking="remdm", eta_cap=cap).chain[0] for cap in (0.1, 0.9)]
    assert not np.allclose(*caps)
    np.testing.assert_allclose(caps[0], kernel.kl_curve("remdm", 0.9, 0.1)[0])
    cold = Unmask(temperature=0.0)
    assert not np.allclose(cold.samples.likelihood, Unmask().samples.likelihood)
    assert cold.rounds[-1].x.tolist() == language.word_model().left_to_right(cold.start, 0.0, None)[0][0].tolist()


def test_the_small_chain_is_said_with_its_numbers():
    unmask = Unmask(chart_shows="chain", remasking="low_confidence", stay=0.9)
    forward, backward = kernel.kl_curve("low_confidence", 0.9, 0.0)
    answer = unmask.answer()
    assert answer.description.endswith(
        f"KL(p‖q) {forward[0]:.4f} nats at K = 1 and {forward[-1]:.4f} at K = 5, KL(q‖p) {backward[0]:.4f} and"
        f" {backward[-1]:.4f}."
    )
    assert "chart: every path of 5 tokens" in answer.status
    for name, curve in (("forward", forward), ("backward", backward)):
        np.testing.assert_allclose(answer.layers[f"loss_chart.{name}"]["y"], curve, rtol=1e-6)
    assert unmask.reading_texts["correlation"] == unmask.reading_texts["correlation_true"] == f"{forward[0]:.4f}"


def test_the_distance_chart_is_said_with_its_numbers():
    unmask = Unmask(chart_shows="distance")
    gap = model_error_curve(15, unmask.seed)
    answer = unmask.answer()
    assert answer.description.endswith(
        f"{gap.mean[0]:.4f} nats with one mask and {gap.mean[-1]:.4f} with 15, at most {gap.mean.max():.4f}; on average"
        f" {gap.excess:.4f}, the objective's excess. Ignoring the context loses {gap.blind[0]:.2f} with one mask and"
        f" {gap.blind[7]:.2f} with 8."
    )
    assert gap.excess == gap.mean.mean()
    np.testing.assert_allclose(answer.layers["error_chart.distance"]["y"], gap.mean, rtol=1e-6)
    assert "chart: 15 × 32 texts, both models" in answer.status
    unmask.temperature = 0.5
    answer = unmask.answer()
    assert not any("_chart" in layer for layer in answer.layers), "it does not depend on the temperature"
    assert "on average" in answer.description


# --- work in slices --------------------------------------------------------------------------------------------------


def answers(unmask):
    """Answers with no time to spare, until all is there."""
    while True:
        yield (answer := unmask.answer(0.0))
        if not answer.working:
            return


def test_the_picture_does_not_wait_for_the_chart():
    unmask = Unmask(seed=77)
    unmask.answer()
    unmask.param.update(temperature=0.9, num_inference_steps=12)
    found = list(answers(unmask))
    assert found[0].pale == ("plane", "likelihood_chart", "variety_chart")
    assert found[0].progress.of == 12
    assert found[0].status.startswith("0 of 12 passes · ")
    there = next(k for k, answer in enumerate(found) if "plane" not in answer.pale)
    assert there <= 30, "as many as both decodings have passes, and one more each"
    assert "plane.words" in found[there].layers
    assert found[there].progress is None, "nobody waits for the chart"
    assert "The chart (samples) is still being measured." in found[there].description
    assert found[there].status.endswith("chart: being measured")
    assert len(found) > sum(kernel.ladder(15)), "a slice has at most one pass of the chart's"
    assert not any(answer.layers for answer in found[there + 1 : -1])
    assert found[-1].pale == ()
    assert "chart: 8 × 16 texts, 816 passes" in found[-1].status
    assert "Charts, 16 texts for each K" in found[-1].description


@pytest.mark.parametrize(
    "state",
    [
        {"model": "learned", "writing": "drafts", "show_guesses": True},
        {"chart_shows": "distance", "length": 12},
        {"chart_shows": "chain", "remasking": "remdm", "num_inference_steps": 24},
    ],
)
def test_slices_come_to_the_whole(state):
    sliced, whole = Unmask(**state), Unmask(**state)
    assert len(list(answers(sliced))) > 5
    same(everything(sliced), everything(whole))


def test_a_moving_hand_closes_the_work_and_a_return_needs_none(monkeypatch):
    begun = []
    real = kernel.quality.work
    monkeypatch.setattr(kernel.quality, "work", lambda *task: begun.append(task[2]) or real(*task))
    unmask = Unmask(seed=78)
    before = everything(unmask)
    for temperature in (0.9, 0.8, 0.7):
        unmask.temperature = temperature
        unmask.answer(0.0)
    unmask.temperature = 1.0
    answer = unmask.answer(0.0)
    assert (answer.working, answer.pale) == (False, ())
    same(everything(unmask), before)
    unmask.num_inference_steps = 9
    unmask.answer()
    assert begun.count(1.0) == 1, "the chart is over all K already, and is kept"


def test_scrubbing_is_pure():
    there = Unmask(progress=0.4, num_inference_steps=8, remasking="remdm")
    by_detours = Unmask()
    for change in ({"progress": 1.0}, {"remasking": "remdm"}, {"num_inference_steps": 20}, {"progress": 0.1}):
        by_detours.param.update(**change)
        by_detours.answer()
    by_detours.param.update(progress=0.4, num_inference_steps=8)
    same(everything(by_detours), everything(there))


def test_a_move_within_a_pass_sends_nothing():
    unmask = Unmask(progress=0.2)
    unmask.answer()
    unmask.progress = 0.205
    answer = unmask.answer()
    assert (answer.layers, answer.texts, answer.description) == ({}, {}, None)
    unmask.progress = 0.27
    assert "plane.words" in unmask.answer().layers


def test_the_status_has_the_time_of_one_pass():
    unmask = Unmask(num_inference_steps=12)
    status = unmask.answer().status
    pass_ms = float(re.search(r"computes all 15 words · (\d+\.\d) ms a pass · exact posteriors, float64 · ", status)[1])
    assert pass_ms == pytest.approx(unmask._graph.milliseconds("passes") / 12, abs=0.06)
    assert re.search(r" · chart: 8 × 16 texts, 816 passes · \d+ ms$", status)


# --- weights ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_weights(monkeypatch):
    """Weights that take three slices to come, and a network that must not be asked before."""
    come = []

    def fetch(path):
        assert path == language.WEIGHTS
        for part in range(3):
            yield part * 100, 300
        come.append(path)

    real = language.Transformer.logits
    monkeypatch.setattr(assets, "_fetch", [fetch])
    monkeypatch.setattr(language.Transformer, "logits", lambda *given: come[0] and real(*given))
    return come


def test_weights_are_fetched_when_they_are_first_needed(slow_weights):
    unmask = Unmask(show_guesses=True, writing="drafts")
    unmask.answer()
    assert not slow_weights, "the exact model needs none"
    unmask.model = "learned"
    answer = unmask.answer(0.0)
    assert answer.pale == ("plane", "likelihood_chart", "variety_chart")
    assert answer.status.startswith("0 of 300 bytes of weights · ")
    unmask.act({"action": "step"})
    assert unmask.progress == 0.2, "there is nothing to step yet"
    while answer.working:
        answer = unmask.answer(0.0)
    assert slow_weights
    same(everything(unmask), everything(Unmask(show_guesses=True, writing="drafts", model="learned")))


def test_the_distance_chart_fetches_them_too(slow_weights):
    unmask = Unmask(chart_shows="distance")
    found = list(answers(unmask))
    assert slow_weights
    assert found[-1].pale == ()


# --- names -----------------------------------------------------------------------------------------------------------


def test_former_values_are_read():
    assert Unmask.parse_state({"remasking": "ReMDM", "eta_cap": "0.3"}) == {"remasking": "remdm", "eta_cap": 0.3}
    assert Unmask.param.remasking.control.labels["remdm"] == "ReMDM"
    assert Unmask.param.remasking.control.labels["low_confidence"] == "Low confidence"
    assert "by ReMDM with σ up to 0.3" in Unmask(remasking="remdm", eta_cap=0.3).answer().description

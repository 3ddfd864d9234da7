"""Long work of masked diffusion: it comes in slices, and weights are fetched when they are needed."""

import re

import pytest

from diffusion_lab.app.instrument import assets
from diffusion_lab.instruments.unmask import kernel, language
from diffusion_lab.instruments.unmask.component import Unmask

from .shown import everything, same

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
    assert found[0].pale[:4] == ("plane", "likelihood_chart", "variety_chart", "reading unmasked")
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
    assert answer.pale[:4] == ("plane", "likelihood_chart", "variety_chart", "reading unmasked")
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

"""The charts of masked diffusion: each has one quantity, and the words have its numbers."""

import numpy as np
import pytest

from diffusion_lab.instruments.unmask import charts, kernel, language
from diffusion_lab.instruments.unmask.component import Unmask
from diffusion_lab.instruments.unmask.model_error import model_error_curve


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


def test_the_likelihood_at_k_is_that_of_the_nearest_k_with_its_own_error():
    q = Unmask().samples
    for place, k in enumerate(q.steps.tolist()):
        assert charts.likelihood_at(q, k) == (q.likelihood[place], q.likelihood_error[place])
    assert charts.likelihood_at(q, 9) == charts.likelihood_at(q, 8)
    assert charts.likelihood_at(q, 11) == charts.likelihood_at(q, 12)
    assert len(set(q.likelihood_error)) == len(q.steps)


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

"""The guidance dial on its front panel: two names for one dial, and numbers that belong to what is shown."""

import re

import numpy as np
import pytest

from diffusion_lab.instruments.common.guidance import GaussianAnswers, measures
from diffusion_lab.instruments.guidance import kernel
from diffusion_lab.instruments.guidance.component import Guidance


@pytest.fixture(scope="module")
def dial():
    """One instrument for all tests; each resets it first."""
    return Guidance()


@pytest.fixture(autouse=True)
def fresh(dial):
    dial.reset()


def points(dial):
    return np.stack([dial._points.data["x"], dial._points.data["y"]], axis=1)


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text.replace("−", "-"))]


def test_two_names_for_one_dial(dial):
    dial.guidance_scale = 4.5
    assert dial.guidance_weight == 3.5
    assert (dial.readings_shown["w"], dial.readings_shown["weight"]) == ("4.5", "3.5")
    before = points(dial)
    dial.convention = "weight"
    np.testing.assert_array_equal(points(dial), before)
    dial.guidance_weight = -1.0
    assert dial.guidance_scale == 0.0
    assert "guidance weight w′ = −1.0" in dial.description


def test_either_name_can_be_given_at_the_start_and_comes_back():
    for given in ({"guidance_weight": 4.0}, {"guidance_scale": 5.0}):
        dial = Guidance(**given)
        assert (dial.guidance_scale, dial.guidance_weight) == (5.0, 4.0)
        dial.guidance_scale = 1.0
        dial.reset()
        assert (dial.guidance_scale, dial.guidance_weight) == (5.0, 4.0)


def test_the_interval_stays_in_order(dial):
    dial.guide_at = "interval"
    dial.interval_low = 0.7
    assert dial.interval_high == 0.7
    dial.interval_high = 0.2
    assert dial.interval_low == 0.2
    assert dial.readings_shown["nfe"] == "47", "an empty interval guides nowhere"


def test_measures_are_those_of_the_points_shown(dial):
    for progress in (1.0, 0.6):
        for sampler in kernel.SAMPLERS:
            dial.param.update(sampler=sampler, progress=progress)
            t = float(dial._sample()[0].t[dial._frame()])
            m = measures(kernel.noised("A", t), points(dial))
            target = kernel.tilted("A", t).measures(3.0)
            shown = dial.readings_shown
            assert shown["adherence"] == f"{m.adherence:.3f}"
            assert shown["spread"] == f"{m.spread:.2f}"
            assert numbers(shown["beyond"]) == [pytest.approx(m.beyond, abs=0.006)]
            assert shown["adherence_true"] == f"{target.adherence:.3f}"
            assert shown["t"] == f"{t:.2f}"


def test_the_chart_s_dots_are_the_finished_samples_and_the_tilted_density(dial):
    dial.param.update(guidance_scale=6.0, progress=0.3)
    tilted, sampled = ((mark.data["x"][0], mark.data["y"][0]) for mark in dial._marks)
    m = measures(kernel.CONDITIONS["A"], dial._sample()[0].x[-1])
    target = kernel.tilted("A", 0.0).measures(6.0)
    assert sampled == (m.spread, m.adherence)
    assert tilted == (target.spread, target.adherence)
    curve = dial._curves[1].data
    dial.guidance_scale = 2.0
    assert dial._curves[1].data is curve, "moving w leaves the curves as they are"
    dial.seed = 8
    assert not np.array_equal(dial._curves[1].data["x"], curve["x"])


def test_the_gaussian_case_shows_its_known_answer(dial):
    dial.condition = "gaussian"
    for sampler, known in (("deterministic", 0.25), ("stochastic", 0.3875), ("langevin", 0.5)):
        dial.sampler = sampler
        assert getattr(GaussianAnswers.at(3.0), kernel.ANSWER_OF[sampler]) == pytest.approx(known)
        assert dial.readings_shown["variance_true"] == f"{known:.3f}"
        assert dial.readings_shown["variance"] == f"{kernel.variance(points(dial)):.3f}"
        assert float(dial.readings_shown["variance"]) == pytest.approx(known, rel=0.25)
    dial.guide_at = "interval"
    assert dial.readings_shown["variance_true"] == "–", "the answer holds for guidance everywhere"


def test_the_probe_shows_its_vectors(dial):
    dial.param.update(view="probe", probe_x=-0.4, probe_y=0.9, t=0.2, guidance_scale=2.5)
    p = kernel.probe(kernel.CONDITIONS["A"], (-0.4, 0.9), 0.2, 2.5)
    shown = dial.readings_shown
    for key, eps in (("eps_uncond", p.eps_uncond), ("eps_cond", p.eps_cond), ("eps_guided", p.eps_guided)):
        assert numbers(shown[key]) == pytest.approx(eps.tolist(), abs=0.006)
        assert float(shown[f"{key}_true"]) == pytest.approx(np.hypot(*eps), abs=0.006)
    assert shown["classifier"] == shown["classifier_true"]
    for source, tip in zip(dial._arrows, p.tips, strict=True):
        assert [source.data["x"][1], source.data["y"][1]] == pytest.approx(tip.tolist())
        assert [source.data["x"][0], source.data["y"][0]] == [-0.4, 0.9]
    dial.param.update(guide_at="interval", interval_low=0.3, interval_high=0.5)
    assert dial.readings_shown["eps_guided"] == dial.readings_shown["eps_cond"], "outside the interval"


def test_run_plays_samples_and_step_moves_a_level(dial):
    dial.view = "probe"
    dial.run()
    assert (dial.view, dial.progress, dial.playing) == ("samples", 0.0, True)
    dial.step()
    assert (dial._frame(), dial.playing) == (1, False)
    dial.view = "probe"
    t = dial.t
    dial.step()
    assert dial.t == pytest.approx(t + 0.01)


def test_nothing_is_sampled_again_by_what_has_no_say(dial):
    run = dial._sample()[0]
    dial.param.update(convention="weight", progress=0.4, show_paths=True, num_steps=9)
    assert dial._sample()[0] is run

"""The guidance dial on its front panel: two names for one dial, and numbers that belong to what is shown."""

import re

import numpy as np
import pytest

from diffusion_lab.instruments.common.guidance import GaussianAnswers
from diffusion_lab.instruments.common.tilted import measures
from diffusion_lab.instruments.guidance import kernel
from diffusion_lab.instruments.guidance.component import SAMPLERS, Guidance


@pytest.fixture(scope="module")
def dial():
    """One instrument for all tests; each resets it first."""
    return Guidance()


@pytest.fixture(autouse=True)
def fresh(dial):
    dial.reset()


def points(dial):
    data = dial._picture.points.data
    return np.stack([data["x"], data["y"]], axis=1)


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
        for sampler in SAMPLERS:
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
    tilted, sampled = ((mark.data["x"][0], mark.data["y"][0]) for mark in dial._chart.marks)
    m = measures(kernel.CONDITIONS["A"], dial._sample()[0].x[-1])
    target = kernel.tilted("A", 0.0).measures(6.0)
    assert sampled == (m.spread, m.adherence)
    assert tilted == (target.spread, target.adherence)
    curve = dial._chart.curves[1].data
    dial.guidance_scale = 2.0
    assert dial._chart.curves[1].data is curve, "moving w leaves the curves as they are"
    dial.seed = 8
    dial.rest()
    assert not np.array_equal(dial._chart.curves[1].data["x"], curve["x"])


def test_the_gaussian_case_shows_its_known_answer(dial):
    dial.condition = "gaussian"
    for sampler, known in (("deterministic", 0.25), ("stochastic", 0.3875), ("langevin", 0.5)):
        dial.sampler = sampler
        assert getattr(GaussianAnswers.at(3.0), kernel.ANSWER_OF[SAMPLERS[sampler]]) == pytest.approx(known)
        shown = dial.readings_shown
        assert (shown["limit"], shown["limit_true"]) == (f"{known:.3f}", "0.500")
        assert shown["variance_true"] == f"{kernel.exact_variance(dial._now):.3f}"
        found, error = numbers(shown["variance"])
        assert found == pytest.approx(kernel.variance(points(dial)), abs=6e-4)
        assert abs(found - float(shown["variance_true"])) < 4 * error
        assert f"this sampler's own is {shown['variance_true']}" in dial.description
    exact = dial.readings_shown["variance_true"]
    dial.guide_at = "interval"
    shown = dial.readings_shown
    assert shown["limit"] == "–", "the known answers hold for guidance everywhere"
    assert float(shown["variance_true"]) > 1.1 * float(exact)
    dial.progress = 0.5
    assert dial.readings_shown["variance"] == "–", "and for the finished sample"


def test_the_probe_shows_its_vectors(dial):
    dial.param.update(view="probe", probe_x=-0.4, probe_y=0.9, t=0.2, guidance_scale=2.5)
    p = kernel.probe(kernel.CONDITIONS["A"], (-0.4, 0.9), 0.2, 2.5)
    shown = dial.readings_shown
    for key, eps in (("eps_uncond", p.eps_uncond), ("eps_cond", p.eps_cond), ("eps_guided", p.eps_guided)):
        assert numbers(shown[key]) == pytest.approx(eps.tolist(), abs=0.006)
        assert float(shown[f"{key}_true"]) == pytest.approx(np.hypot(*eps), abs=0.006)
    assert shown["classifier"] == shown["classifier_true"]
    for source, tip in zip(dial._picture.arrows, p.tips, strict=True):
        assert [source.data["x1"][0], source.data["y1"][0]] == pytest.approx(tip.tolist())
        assert [source.data["x"][0], source.data["y"][0]] == pytest.approx([-0.4, 0.9])
    dial.param.update(guide_at="interval", interval_low=0.3, interval_high=0.5)
    assert dial.readings_shown["eps_guided"] == dial.readings_shown["eps_cond"], "outside the interval"


def test_a_classifier_of_clean_points_leads_off_the_line(dial):
    dial.param.update(view="probe", guide_by="classifier")
    guided, slope = dial.readings_shown["eps_guided"], dial.readings_shown["classifier"]
    assert "ends on the line" in dial.description
    dial.guide_by = "classifier_free"
    assert (dial.readings_shown["eps_guided"], dial.readings_shown["classifier"]) == (guided, slope)
    dial.guide_by = "clean_classifier"
    assert dial.readings_shown["eps_guided"] != guided
    assert dial.readings_shown["classifier"] != slope == dial.readings_shown["classifier_true"]
    assert "ends on the line" not in dial.description
    assert "by a classifier of clean points" in dial.description


def test_a_classifier_of_noised_points_changes_the_count_alone(dial):
    dial.guidance_scale = 1.0
    before = points(dial)
    assert dial.readings_shown["nfe"] == "47"
    dial.guide_by = "classifier"
    np.testing.assert_allclose(points(dial), before, atol=1e-5)
    assert dial.readings_shown["nfe"] == "94", "the plain conditional model is not at hand: it takes the classifier"


def test_a_layer_is_drawn_where_it_is_switched_on(dial):
    picture = dial._picture
    dial.param.update(show_paths=True, sampler="langevin", progress=0.5)
    paths = np.stack([picture.paths.data["x"], picture.paths.data["y"]], axis=1).reshape(4, -1, 2)
    np.testing.assert_array_equal(paths[:, :-1].transpose(1, 0, 2), dial._sample()[0].x[:61, :4])
    assert np.isnan(paths[:, -1]).all(), "a gap between one path and the next"
    dial.param.update(show_paths=False, show_classes=False, show_tilted=False)
    assert [glyph.visible for glyph in (picture._paths, picture._image, *picture._classes)] == [False] * 5
    dial.param.update(show_classes=True, condition="gaussian")
    assert [glyph.visible for glyph in picture._classes] == [True, True, False], "two Gaussians, no third class"


def test_the_data_are_what_is_shown(dial):
    table = dial.table()
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), points(dial))
    assert np.mean(table["adherence"]) == pytest.approx(float(dial.readings_shown["adherence"]), abs=6e-4)
    dial.view = "probe"
    rows = {name: (x, y) for name, x, y in zip(*dial.table().values(), strict=True)}
    assert rows["position"] == (dial.probe_x, dial.probe_y)
    assert rows["eps_guided"] == pytest.approx(numbers(dial.readings_shown["eps_guided"]), abs=0.006)
    assert dial.csv().startswith("vector,x,y\nposition,0.1,0.6\n")


def test_zero_has_no_sign(dial):
    dial.guidance_scale = 1.0
    assert dial.readings_shown["beyond_true"] == "0.00"
    assert dial.readings_shown["weight"] == "0.0"


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

"""The guidance dial on its front panel: two names for one dial, and numbers that belong to what is shown."""

import re

import numpy as np
import pytest

from diffusion_lab.app.instrument.instrument import StateError
from diffusion_lab.instruments.common import guidance
from diffusion_lab.instruments.common.guidance import GaussianAnswers
from diffusion_lab.instruments.common.tilted import measures
from diffusion_lab.instruments.guidance import kernel, pictures
from diffusion_lab.instruments.guidance.component import CHOSEN, CLASSES, Guidance

SLOW = {"sampler": "langevin", "num_levels": 60, "langevin_steps": 12}


@pytest.fixture(scope="module")
def shared():
    """One instrument for all tests; each resets it first."""
    return Guidance()


@pytest.fixture
def dial(shared):
    shared.reset()
    shared.recompute()
    shared.forget_answers()
    return shared


def layer(dial, address):
    """The columns of a layer as they are drawn now."""
    dial.forget_answers()
    return dial.answer().layers[address]


def points(dial, address="plane.samples"):
    columns = layer(dial, address)
    return np.stack([columns["x"], columns["y"]], axis=1)


def shown(dial):
    return dial.reading_texts


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text.replace("−", "-"))]


def picture(answer):
    """All that an answer holds but the time that it took, to be compared."""
    layers = {
        name: {key: np.asarray(c).tolist() for key, c in columns.items()} for name, columns in answer.layers.items()
    }
    return repr(
        (sorted(layers.items()), sorted(answer.visible.items()), sorted(answer.texts.items()), answer.description)
    )


def test_three_names_for_one_dial(dial):
    dial.guidance_scale = 4.5
    assert dial.guidance_weight == 3.5
    assert (shown(dial)["w"], shown(dial)["weight"]) == ("4.5", "3.5")
    before = points(dial)
    dial.convention = "weight"
    np.testing.assert_array_equal(points(dial), before)
    dial.guidance_weight = -1.0
    assert dial.guidance_scale == 0.0
    assert "guidance strength w′ = −1.0" in dial.describe()
    dial.param.update(convention="imagen", imagen_weight=7.5)
    assert (dial.guidance_scale, dial.guidance_weight) == (7.5, 6.5)
    assert "guidance weight w = 7.5" in dial.describe()


def test_any_name_can_be_given_at_the_start_and_comes_back():
    for given in ({"guidance_weight": 4.0}, {"guidance_scale": 5.0}, {"imagen_weight": 5.0}):
        dial = Guidance(**given)
        assert (dial.guidance_scale, dial.imagen_weight, dial.guidance_weight) == (5.0, 5.0, 4.0)
        dial.guidance_scale = 1.0
        dial.reset()
        assert (dial.guidance_scale, dial.imagen_weight, dial.guidance_weight) == (5.0, 5.0, 4.0)


def test_the_interval_stays_in_order(dial):
    dial.guide_at = "interval"
    dial.interval_low = 0.7
    assert dial.interval_high == 0.7
    dial.interval_high = 0.2
    assert dial.interval_low == 0.2
    assert shown(dial)["nfe"] == "47", "an empty interval guides nowhere"


def test_former_names_and_values_are_read():
    former = {"num_steps": "3", "sampler": "stochastic", "condition": "B", "guide_by": "clean_classifier"}
    now = {"langevin_steps": 3, "sampler": "sde_heun", "condition": "b", "guide_by": "clean_classifier"}
    assert Guidance.parse_state(former) == now
    assert Guidance.parse_state({"sampler": "deterministic"}) == {"sampler": "ode_heun"}
    opened = Guidance()
    opened.resume(now)
    assert opened.query == "condition=b&guide_by=clean_classifier&sampler=sde_heun&langevin_steps=3"
    with pytest.raises(StateError, match="`sampler` must be one of ode_heun, sde_heun, langevin, got 'ddim'"):
        Guidance.parse_state({"sampler": "ddim"})


def test_measures_are_those_of_the_points_shown(dial):
    for progress in (1.0, 0.6):
        for sampler in kernel.SAMPLERS:
            dial.param.update(sampler=sampler, progress=progress)
            t = float(dial.sampled.t[dial.frame])
            m = measures(pictures.noised("a", t), points(dial))
            target = pictures.AtNoise("a", t).tilted.measures(3.0)
            texts = shown(dial)
            assert texts["adherence"] == f"{m.adherence:.3f}"
            assert texts["spread"] == f"{m.spread:.2f}"
            assert numbers(texts["beyond"]) == [pytest.approx(m.beyond, abs=0.006)]
            assert texts["adherence_true"] == f"{target.adherence:.3f}"
            assert texts["spread_true"] == f"{target.spread:.2f}"
            assert numbers(texts["beyond_true"]) == [pytest.approx(target.beyond, abs=0.006)]
            assert texts["t"] == f"{t:.3f}"


def test_readings_go_out_as_numbers(dial):
    answer = dial.answer()
    m = measures(kernel.CONDITIONS["a"], points(dial))
    assert answer.numbers["spread"][0] == pytest.approx(m.spread, rel=1e-3)
    assert answer.numbers["nfe"] == dial.sampled.nfe
    dial.condition = "gaussian"
    (found, error), exact = dial.answer().numbers["variance"]
    assert found == pytest.approx(kernel.variance(points(dial)))
    assert error == pytest.approx(found / np.sqrt(359))
    assert exact == pytest.approx(kernel.exact_variance(kernel.Settings("gaussian")))


def test_the_chart_s_dots_are_the_finished_samples_and_the_tilted_density(dial):
    dial.param.update(guidance_scale=6.0, progress=0.3)
    tilted, sampled = (points(dial, f"chart.{name}_here")[0] for name in ("tilted", "sampled"))
    m = measures(kernel.CONDITIONS["a"], dial.sampled.x[-1])
    target = pictures.AtNoise("a", 0.0).tilted.measures(6.0)
    assert sampled.tolist() == pytest.approx([m.spread, m.adherence], rel=1e-3)
    assert tilted.tolist() == pytest.approx([target.spread, target.adherence])


def test_the_chart_s_curves_are_measured_in_the_background_and_for_all_w_at_once(dial):
    curve = kernel.sampled_curve(kernel.Settings(seed=4))
    np.testing.assert_allclose(
        points(dial, "chart.sampled_curve"), np.stack([curve.spread, curve.adherence], 1), rtol=1e-6
    )
    curve = kernel.tilted_curve("a")
    np.testing.assert_allclose(
        points(dial, "chart.tilted_curve"), np.stack([curve.spread, curve.adherence], 1), rtol=1e-6
    )
    dial.guidance_scale = 2.0
    assert not {"chart.sampled_curve", "chart.tilted_curve"} & dial.answer().layers.keys(), "moving w leaves them"
    dial.seed = 8
    assert dial.answer().layers.keys() >= {"chart.sampled_curve"}
    dial.param.update(view="probe", seed=9)
    answer = dial.answer(0.0)
    assert answer.working
    assert answer.progress is None, "nobody waits for a curve"
    assert answer.pale == ("chart",)


def test_the_gaussian_case_shows_its_known_answer(dial):
    dial.condition = "gaussian"
    for sampler, known in (("ode_heun", 0.25), ("sde_heun", 0.3875), ("langevin", 0.5)):
        dial.sampler = sampler
        assert getattr(GaussianAnswers.at(3.0), kernel.ANSWER_OF[sampler]) == pytest.approx(known)
        texts = shown(dial)
        assert (texts["limit"], texts["limit_true"]) == (f"{known:#.3g}", "0.500")
        assert texts["variance_true"] == f"{kernel.exact_variance(dial._settings(3.0)):#.3g}"
        found, error = numbers(texts["variance"])
        assert found == pytest.approx(kernel.variance(points(dial)), abs=6e-4)
        assert error == pytest.approx(found / np.sqrt(359), abs=6e-4)
        assert abs(found - float(texts["variance_true"])) < 4 * error
        assert f"this sampler's exact value is {texts['variance_true']}" in dial.describe()
        assert f"{texts['limit']} with infinitely many steps; the tilted density has 0.500." in dial.describe()
    exact = shown(dial)["variance_true"]
    dial.guide_at = "interval"
    texts = shown(dial)
    assert texts["limit"] == "–", "the known answers hold for guidance everywhere"
    assert float(texts["variance_true"]) > 1.1 * float(exact)
    dial.progress = 0.5
    assert shown(dial)["variance"] == shown(dial)["variance_true"] == "–", "and for the finished sample"


def test_a_small_variance_is_not_shown_as_nothing(dial):
    dial.param.update(condition="gaussian", guidance_scale=10.0)
    assert shown(dial)["limit"] == "0.00195"
    assert all(value > 0 for value in numbers(shown(dial)["variance"]))


def test_the_chart_names_the_quantity_of_each_axis(dial):
    chart = Guidance.scenes()["chart"]
    of_axis = {chart.x_label: 0, chart.y_label: 1}
    (dot,) = points(dial, "chart.sampled_here")
    for name in ("spread", "adherence"):
        assert float(dot[of_axis[name]]) == pytest.approx(float(shown(dial)[name]), abs=6e-3)


def test_the_probe_shows_its_vectors(dial):
    dial.param.update(view="probe", probe_x=-0.4, probe_y=0.9, t=0.2, guidance_scale=2.5)
    p = pictures.probe(kernel.CONDITIONS["a"], (-0.4, 0.9), 0.2, 2.5)
    texts = shown(dial)
    for key, eps, tip in zip(
        ("eps_uncond", "eps_cond", "eps_guided"), (p.eps_uncond, p.eps_cond, p.eps_guided), p.tips, strict=True
    ):
        assert numbers(texts[key]) == pytest.approx(eps.tolist(), abs=0.006)
        assert float(texts[f"{key}_true"]) == pytest.approx(np.hypot(*eps), abs=0.006)
        arrow = layer(dial, f"plane.{key}")
        assert [arrow["x1"][0], arrow["y1"][0]] == pytest.approx(tip.tolist())
        assert [arrow["x"][0], arrow["y"][0]] == pytest.approx([-0.4, 0.9])
    np.testing.assert_allclose(points(dial, "plane.line"), p.tips, rtol=1e-6)
    assert (
        f"Noise predicted without the condition {texts['eps_uncond']}, with the condition {texts['eps_cond']}, guided"
        f" {texts['eps_guided']}."
    ) in dial.describe()
    assert texts["classifier"] == texts["classifier_true"]
    assert (texts["nfe"], texts["spread"], texts["t"]) == ("2", "–", "0.200")
    dial.param.update(guide_at="interval", interval_low=0.3, interval_high=0.5)
    assert shown(dial)["eps_guided"] == shown(dial)["eps_cond"], "outside the interval"
    dial.param.update(interval_low=0.1, interval_high=0.2)
    assert shown(dial)["eps_guided"] != shown(dial)["eps_cond"], "its upper end belongs to it"
    dial.param.update(interval_low=0.2, interval_high=0.5)
    assert shown(dial)["eps_guided"] == shown(dial)["eps_cond"], "its lower end does not"


def test_a_classifier_of_clean_points_leads_off_the_line(dial):
    dial.param.update(view="probe", guide_by="classifier")
    guided, slope = shown(dial)["eps_guided"], shown(dial)["classifier"]
    assert "ends on the line" in dial.describe()
    dial.guide_by = "classifier_free"
    assert (shown(dial)["eps_guided"], shown(dial)["classifier"]) == (guided, slope)
    dial.guide_by = "clean_classifier"
    assert shown(dial)["eps_guided"] != guided
    assert shown(dial)["classifier"] != slope == shown(dial)["classifier_true"]
    assert "ends on the line" not in dial.describe()
    assert "by a classifier of clean points" in dial.describe()


def test_a_classifier_of_noised_points_changes_the_count_alone(dial):
    dial.guidance_scale = 1.0
    before = points(dial)
    assert shown(dial)["nfe"] == "47"
    dial.guide_by = "classifier"
    np.testing.assert_allclose(points(dial), before, atol=1e-5)
    assert shown(dial)["nfe"] == "94", "the plain conditional model is not at hand: it takes the classifier"


def test_rescaling_is_said_and_acts_where_there_are_two_predictions(dial):
    dial.condition = "gaussian"
    plain = shown(dial)["limit"]
    dial.rescale = 0.5
    assert shown(dial)["limit"] == f"{GaussianAnswers.at(2.0).deterministic:#.3g}" != plain, "w = 3, half way to 1"
    assert abs(float(shown(dial)["variance_true"]) / GaussianAnswers.at(2.0).deterministic - 1) < 0.1
    assert "w = 3.0, rescaled by φ = 0.50" in dial.describe()
    dial.guide_by = "classifier"
    assert shown(dial)["limit"] == plain, "a classifier has no second prediction"
    assert "rescaled" not in dial.describe()
    dial.param.update(guide_by="classifier_free", condition="a", view="probe")
    assert "ends on the line" not in dial.describe(), "rescaling takes it off the line"
    dial.guidance_scale = 1.0
    assert "ends on the line" in dial.describe()


def test_a_worse_model_aims_at_the_class_itself(dial):
    dial.param.update(condition="c", guide_by="worse_model", model_error=0.3, guidance_scale=1.5)
    target = pictures.AtNoise("c", 0.0).tilted.measures(1.0)
    texts = shown(dial)
    assert texts["spread_true"] == f"{target.spread:.2f}"
    assert "by a worse model" in dial.describe()
    assert f"The model is off by δ = 0.30. Adherence {texts['adherence']} where the class has" in dial.describe()
    status = dial.answer().status
    assert "both models counted" in status
    assert "model off by δ = 0.30, float64" in status
    (sampled,) = points(dial, "chart.tilted_here")
    assert sampled.tolist() == pytest.approx([target.spread, target.adherence])
    dial.view = "probe"
    assert shown(dial)["classifier"] == "–", "no classifier stands between two models of one class"
    assert "Noise predicted by the worse model" in dial.describe()
    dial.param.update(condition="gaussian", view="samples")
    assert shown(dial)["limit"] == "–", "the known answers are those of exact predictions"
    assert abs(numbers(shown(dial)["variance"])[0] / float(shown(dial)["variance_true"]) - 1) < 4 / np.sqrt(359)


def test_a_layer_is_drawn_where_it_is_switched_on(dial):
    dial.param.update(show_paths=True, sampler="langevin", progress=0.5)
    paths = points(dial, "plane.paths").reshape(4, -1, 2)
    np.testing.assert_array_equal(paths[:, :-1].transpose(1, 0, 2), dial.sampled.x[:61, :4])
    assert np.isnan(paths[:, -1]).all(), "a gap between one path and the next"
    dial.param.update(show_paths=False, show_classes=False, show_tilted=False)
    dial.forget_answers()
    answer = dial.answer()
    hidden = {f"plane.{name}" for name in ("paths", "tilted", "names", *CLASSES, *CHOSEN)}
    assert not any(answer.visible[name] for name in hidden)
    assert not hidden & answer.layers.keys(), "nor computed"


@pytest.mark.parametrize(
    ("condition", "thick", "thin"), [("a", {0}, {1, 2}), ("c", {2}, {0, 1}), ("gaussian", {0}, {1})]
)
def test_the_chosen_class_is_thick_and_the_others_thin(dial, condition, thick, thin):
    dial.condition = condition
    layers = dial.answer().layers
    assert {k for k, name in enumerate(CHOSEN) if len(layers[f"plane.{name}"]["x"])} == thick
    assert {k for k, name in enumerate(CLASSES) if len(layers[f"plane.{name}"]["x"])} == thin
    assert dial.plane.layers[CHOSEN[0]].width > dial.plane.layers[CLASSES[0]].width
    names = ["p(x|c)", "p(x)"] if condition == "gaussian" else ["A", "B", "C"]
    assert layers["plane.names"]["text"] == names
    (k,) = thick
    circles = pictures.groups(condition, dial.picture_t)[k].circles.astype(np.float32)
    lines = points(dial, f"plane.{CHOSEN[k]}").reshape(circles.shape[1], 74, 2)
    np.testing.assert_array_equal(lines[:, :-1], circles.transpose(1, 0, 2))
    assert np.isnan(lines[:, -1]).all(), "a gap after each circle"


def test_the_shading_is_the_tilted_density_at_the_level_and_w_that_act(dial):
    def shading(t, w):
        return pictures.tilted_image(*pictures.AtNoise("a", t).log_densities, w)

    dial.param.update(progress=0.6, guide_at="interval", guidance_scale=4.0)
    np.testing.assert_array_equal(layer(dial, "plane.tilted")["image"], shading(dial.picture_t, 4.0))
    dial.param.update(view="probe", t=0.2)
    np.testing.assert_array_equal(layer(dial, "plane.tilted")["image"], shading(0.2, 4.0))
    dial.t = 0.6
    np.testing.assert_array_equal(layer(dial, "plane.tilted")["image"], shading(0.6, 1.0))


def test_the_data_are_what_is_shown(dial):
    table = dial.table()
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), points(dial))
    assert np.mean(table["adherence"]) == pytest.approx(float(shown(dial)["adherence"]), abs=6e-4)
    dial.view = "probe"
    rows = {name: (x, y) for name, x, y in zip(*dial.table().values(), strict=True)}
    assert rows["position"] == (dial.probe_x, dial.probe_y)
    assert rows["eps_guided"] == pytest.approx(numbers(shown(dial)["eps_guided"]), abs=0.006)
    assert rows["classifier_gradient"] == pytest.approx(numbers(shown(dial)["classifier"]), abs=0.006)
    assert "\nvector,x,y\nposition,0.1,0.6\n" in dial.csv()


def test_zero_has_no_sign(dial):
    dial.guidance_scale = 1.0
    assert shown(dial)["beyond_true"] == "0.00"
    assert shown(dial)["weight"] == "0.0"


def test_the_status_says_what_it_cost(dial):
    dial.param.update(sampler="langevin", guide_by="classifier")
    what, took, exactness = dial.answer().status.rsplit(" · ", 2)
    nfe = shown(dial)["nfe"]
    assert what == (
        f"annealed Langevin: 24 levels × 5 steps × 360 points, {nfe} evaluations each, network and classifier counted"
    )
    assert re.fullmatch(r"\d+(\.\d)? ms", took)
    assert exactness == "exact predictions, float64"
    dial.view = "probe"
    assert dial.answer().status == "Two exact predictions at one point, and the guided prediction · float64"


def test_the_description_has_the_numbers_of_the_panel(dial):
    dial.param.update(condition="c", sampler="langevin", progress=0.5, guide_at="interval")
    texts, words = shown(dial), dial.describe()
    assert words.startswith(
        "360 points sampled for class C, guidance scale w = 3.0 between t = 0.05 and 0.30, annealed Langevin, 24 noise"
        " levels of 5 Langevin steps, 50.0% done. Adherence"
    )
    assert (
        f"Adherence {texts['adherence']} where the tilted density has {texts['adherence_true']}; spread"
        f" {texts['spread']} against {texts['spread_true']}; the mean lies {texts['beyond']} beyond that of the class,"
        f" against {texts['beyond_true']}."
    ) in words


def test_run_plays_samples_and_step_moves_a_level(dial):
    dial.view = "probe"
    dial.run()
    assert (dial.view, dial.progress, dial.playing) == ("samples", 0.0, True)
    dial.step()
    assert (dial.frame, dial.playing) == (1, False)
    dial.playing = True
    dial.view = "probe"
    assert not dial.playing, "another setting is played there"
    t = dial.t
    dial.step()
    assert dial.t == pytest.approx(t + 0.01)


def test_nothing_is_sampled_again_by_what_has_no_say(dial):
    run = dial.sampled
    dial.param.update(convention="weight", progress=0.4, show_paths=True, langevin_steps=9, interval_high=0.8, t=0.4)
    assert dial.sampled is run


def test_moving_w_sends_no_circles(dial):
    dial.progress = 0.5
    dial.answer()
    dial.guidance_scale = 7.0
    sent = dial.answer().layers.keys()
    assert sent == {"plane.tilted", "plane.samples", "chart.tilted_here", "chart.sampled_here"}


def test_scrubbing_is_pure():
    moves = [{"progress": 0.2}, {"progress": 0.9}, {"guidance_scale": 6.0}, {"progress": 0.2}, {"progress": 0.5}]
    there = Guidance()
    for move in moves:
        there.param.update(**move)
        there.answer()
    there.forget_answers()
    assert picture(there.answer()) == picture(Guidance(progress=0.5, guidance_scale=6.0).answer())


def test_long_work_is_done_in_slices_with_the_same_result():
    dial, seen, merged = Guidance(**SLOW), [], None
    while merged is None or merged.working:
        answer = dial.answer(0.0)
        seen.append(answer.progress)
        if merged is None:
            merged = answer
            assert answer.pale == ("plane", "chart")
            assert "plane.samples" not in answer.layers
            assert "plane.tilted" in answer.layers, "what does not wait is there at once"
        merged.layers |= answer.layers
        merged.texts |= answer.texts
        merged.description = answer.description or merged.description
        merged.working = answer.working
    done = [progress.done for progress in seen if progress is not None]
    assert len(done) > 20
    assert done == sorted(done)
    assert {(progress.of, progress.unit) for progress in seen if progress} == {(60, "noise levels")}
    assert picture(merged) == picture(Guidance(**SLOW).answer())


def test_a_moved_dial_begins_the_run_again():
    dial = Guidance(**SLOW)
    for _ in range(20):
        progress = dial.answer(0.0).progress
    dial.guidance_scale = 5.0
    answer = dial.answer(0.0)
    assert answer.progress.done < progress.done
    assert "plane.samples" not in answer.layers
    np.testing.assert_array_equal(points(dial), Guidance(**SLOW, guidance_scale=5.0).points)


def test_an_edited_function_moves_the_picture(dial, monkeypatch):
    before = picture(dial.answer())

    def shifted(eps_uncond, eps_cond, guidance_scale):
        return (1.1 - guidance_scale) * eps_uncond + guidance_scale * eps_cond

    monkeypatch.setattr(guidance, "combine", shifted)
    dial.recompute()
    dial.forget_answers()
    assert picture(dial.answer()) != before
    monkeypatch.undo()
    dial.recompute()
    dial.forget_answers()
    assert picture(dial.answer()) == before

"""What chapter 4 says of the dial is what the dial shows: the numbers in its prose."""

import numpy as np
import pytest

from diffusion_lab.app.build.site import _chapter_paths, _references, parse_chapter
from diffusion_lab.instruments.guidance.component import Guidance

PATH = next(path for path in _chapter_paths() if path.name.startswith("04"))
LINES = PATH.read_text("utf-8").splitlines()
PRESETS = parse_chapter(PATH, PATH.read_text("utf-8"), _references()).presets


@pytest.fixture
def paragraph():
    """The text of the paragraph that holds some words, and what the dial shows at each of its links, in order."""

    def find(words):
        line = next(number for number, text in enumerate(LINES, 1) if words in text)
        dials = [Guidance(**Guidance.parse_state(preset.state)) for preset in PRESETS if preset.line == line]
        return LINES[line - 1], dials, [dial.reading_texts for dial in dials]

    return find


def test_samples_and_shading_of_class_c(paragraph):
    text, _, (one, three, ten) = paragraph("they agree, up to chance")
    assert one["spread"] == one["spread_true"]
    assert f"the spread is {one['spread']} for both" in text
    assert f"the shading has gone down to {three['spread_true']} and out by {three['beyond_true']}" in text
    assert f"The samples have gone down to {three['spread']} and out by {three['beyond']}" in text
    assert f"they sit {ten['beyond']} beyond the mean of their own class, in a knot of spread {ten['spread']}" in text


def test_langevin_comes_near_and_the_stochastic_sampler_does_not(paragraph):
    text, _, (five, twelve, stochastic) = paragraph("One method has no such assumption")
    fall = f"falls from {five['beyond']} to {twelve['beyond']}, and the tilted density has {five['beyond_true']}"
    assert fall in text
    assert f"stops at {stochastic['beyond']}" in text


def test_what_the_dial_costs(paragraph):
    text, _, (one, two, ten) = paragraph("the first step up is a bargain")
    assert f"adherence goes from {one['adherence']} to {two['adherence']}" in text
    assert f"the spread from {one['spread']} to {two['spread']}" in text
    assert f"the spread falls to {ten['spread']}" in text


def test_what_an_interval_saves(paragraph):
    text, _, (within,) = paragraph("Two remedies are common")
    everywhere = Guidance(condition="a", guidance_scale=3.0).reading_texts
    assert f"adherence is still {within['adherence']}" in text
    assert f"the overshoot is {within['beyond']} instead of {everywhere['beyond']}" in text
    assert f"it takes {within['nfe']} evaluations instead of {everywhere['nfe']}" in text


def test_a_classifier_moves_no_point(paragraph):
    text, (free, classifier), _ = paragraph("no point moves")
    for axis in ("x", "y"):
        np.testing.assert_allclose(free.table()[axis], classifier.table()[axis], atol=1e-5)
    plain = [Guidance(guidance_scale=1.0, guide_by=by).reading_texts["nfe"] for by in ("classifier", "classifier_free")]
    assert f"takes {plain[0]} evaluations, not {plain[1]}" in text


def test_a_classifier_of_clean_points(paragraph):
    text, (_, probe), (clean, _) = paragraph("One that knows clean data only")
    plain = Guidance(condition="a", guidance_scale=1.0).reading_texts
    assert f"adherence reads {clean['adherence']} instead of {plain['adherence']}" in text
    assert f"the spread falls from {plain['spread']} to {clean['spread']}" in text
    slopes = [np.hypot(*slope) for slope in (probe.probed.classifier, probe.probed.from_eps)]
    assert f"has a slope of {slopes[0]:.2f}, while the right one has {slopes[1]:.2f}" in text


def test_the_variances_of_the_gaussian_case(paragraph):
    text, _, (few, many) = paragraph("The same case stands")
    assert f"The ODE has {few['variance_true']} after 24 levels" in text
    assert f"| {many['variance_true']} after 60`, on the way to {many['limit']}" in text

"""Scenes: what is drawn, what is said of it, and the rule that says whether a picture shows what a caption asks for."""

from dataclasses import replace

import numpy as np
import pytest

from diffusion_lab.instruments.common.scenes import recognition
from diffusion_lab.instruments.common.scenes.adherence import APART, adherence, outcome, request, scene_for
from diffusion_lab.instruments.common.scenes.captions import LONGEST, WORDS, parse, random_caption, random_scene
from diffusion_lab.instruments.common.scenes.drawing import (
    COLOURS,
    GROUND,
    KINDS,
    PLACES,
    RADII,
    Scene,
    Shape,
    coverage,
    draw,
    outlines,
)
from diffusion_lab.instruments.common.scenes.recognition import Found, recognise


def captioned(rng, n):
    """Scenes with captions that are not empty."""
    scenes = [random_scene(rng) for _ in range(n)]
    captions = []
    for scene in scenes:
        caption = ""
        while not caption:
            caption = random_caption(scene, rng)
        captions.append(caption)
    return scenes, captions


def tokens_of(captions):
    return np.stack([parse(caption)[0] for caption in captions])


@pytest.mark.subject(coverage, radius_for_diameter=lambda kind, x, y, r: coverage(kind, x, y, r / 2))
def test_all_kinds_have_the_area_of_a_disc(subject, rng):
    for kind in KINDS:
        radius = rng.uniform(4, 6.5, 20)
        area = subject(kind, rng.uniform(15, 17, 20), rng.uniform(15, 17, 20), radius).sum(axis=(1, 2))
        np.testing.assert_allclose(area, np.pi * radius**2, rtol=0.04)


def test_pixels_are_the_ground_or_the_shape_s_colour():
    image = draw([Scene((Shape("square", "blue", "large", 16.0, 16.0),), "centre")])[0]
    np.testing.assert_allclose((image[0, 0] + 1) / 2, GROUND, atol=1e-6)
    np.testing.assert_allclose((image[16, 16] + 1) / 2, COLOURS["blue"], atol=1e-6)
    assert image.dtype == np.float32


@pytest.mark.subject(
    outlines,
    beside_the_edge=lambda scenes: np.roll(outlines(scenes), 2, axis=1),
    filled=lambda scenes: (draw(scenes) != draw([Scene((), "centre")])).any(axis=-1).astype(np.float32),
)
def test_outlines_are_where_the_colour_changes(subject, rng):
    scenes = [random_scene(rng) for _ in range(60)]
    images, lines = draw(scenes), subject(scenes)
    change = np.abs(np.diff(images, axis=1, prepend=images[:, :1])).max(axis=-1)
    assert lines[change > 0.5].min() > 0.25
    assert lines[change == 0].mean() < 0.05


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1)])
def test_x_is_to_the_right_and_y_downwards(dx, dy):
    [[found]] = recognise(draw([Scene((Shape("star", "red", "large", 16.0 + 5 * dx, 16.0 + 5 * dy),), "right")]))
    assert (found.x - 16, found.y - 16) == pytest.approx((5 * dx, 5 * dy), abs=0.3)


def test_polygons_point_upwards():
    triangle = coverage("triangle", np.array([16.0]), np.array([16.0]), np.array([6.0]))[0]
    widths = triangle.sum(axis=1)
    assert widths[10] < widths[14] < widths[18]


def always(images, tokens):
    return np.ones(len(images), bool)


def blind_to_colour(images, tokens):
    colours = [WORDS.index(name) for name in COLOURS]
    kept = [[token for token in row if token not in colours] for row in tokens]
    return adherence(images, np.array([row + [0] * (LONGEST - len(row)) for row in kept]))


@pytest.mark.subject(adherence, always=always, blind_to_colour=blind_to_colour)
def test_true_captions_are_met_and_others_nearly_never(subject, rng):
    scenes, captions = captioned(rng, 400)
    images, tokens = draw(scenes), tokens_of(captions)
    assert subject(images, tokens).all()
    others = np.roll(np.arange(400), 1)
    assert subject(images, tokens[others]).mean() < 0.03


def test_noise_of_a_good_network_does_not_matter(rng):
    scenes, captions = captioned(rng, 200)
    noisy = draw(scenes) + 0.1 * rng.standard_normal((200, 32, 32, 3)).astype(np.float32)
    assert adherence(noisy, tokens_of(captions)).mean() > 0.97


def test_noise_shows_nothing(rng):
    found = recognise(rng.standard_normal((20, 32, 32, 3)).astype(np.float32))
    assert not any(shape.kind for shapes in found for shape in shapes)


SCENE = Scene((Shape("circle", "red", "small", 8.4, 16.0), Shape("square", "blue", "large", 23.6, 16.0)), "left of")


@pytest.mark.parametrize(
    ("caption", "met"),
    [
        ("small red circle left of large blue square", True),
        ("a blue square to the right of a red circle", True),
        ("red circle and blue square", True),
        ("blue square and red circle", True),
        ("shape left of shape", True),
        ("blue square left of red circle", False),
        ("red square left of blue circle", False),
        ("large red circle left of blue square", False),
        ("red circle", False),
        ("red circle above blue square", False),
    ],
)
def test_the_rule_in_words(caption, met):
    assert adherence(draw([SCENE]), tokens_of([caption])) == [met]


@pytest.mark.parametrize(("apart", "met"), [(APART + 0.1, True), (APART - 0.1, False), (-APART - 0.1, False)])
def test_shapes_are_in_a_relation_only_where_they_are_clearly_apart(apart, met):
    one, other = Found("circle", "red", "small", 10.0, 12.0, 1.0), Found("star", "blue", "small", 10.0, 12.0, 1.0)
    for relation, moved in (("left of", {"x": 10.0 + apart}), ("above", {"y": 12.0 + apart})):
        wanted = request(parse(f"circle {relation} star")[0])
        assert wanted.met_by([one, replace(other, **moved)]) is met
        assert wanted.met_by([replace(other, **moved), one]) is met, "in either order of recognition"


@pytest.mark.parametrize(
    ("caption", "shown", "found"),
    [
        ("red circle left of blue square", ["red circle left", "blue square right"], "met"),
        ("red circle left of blue square", ["blue square right", "red circle left"], "met"),
        ("red circle left of blue square", ["blue circle left", "red square right"], "swapped"),
        ("red circle left of blue square", ["blue square left", "red circle right"], "place"),
        ("red circle above blue square", ["red circle left", "blue square right"], "place"),
        ("red circle left of blue square", ["red circle left"], "missing"),
        ("red circle left of blue square", ["red circle left", "blue square right", "red star top"], "extra"),
        ("red circle left of blue square", ["red circle left", "green square right"], "wrong"),
        ("red circle left of blue square", ["red circle left", "blue star right"], "wrong"),
        ("red circle left", ["red circle right"], "place"),
        ("red circle left", ["red star left"], "wrong"),
    ],
)
def test_each_way_to_miss_a_caption_has_its_name(caption, shown, found):
    shapes = [words.split() for words in shown]
    seen = [Found(kind, colour, "small", *PLACES[place], 1.0) for colour, kind, place in shapes]
    assert outcome(request(parse(caption)[0]), seen) == found


def test_the_largest_shape_is_recognised_first():
    for scene in (SCENE, Scene(SCENE.shapes[::-1], SCENE.layout)):
        (found,) = recognise(draw([scene]))
        assert [shape.size for shape in found] == ["large", "small"]


def test_two_shapes_differ_and_do_not_touch(rng):
    pairs = [scene.shapes for scene in (random_scene(rng) for _ in range(2000)) if len(scene.shapes) == 2]
    alike = [(a, b) for a, b in pairs if a.colour == b.colour]
    assert len(alike) > 50
    assert all(a.kind != b.kind and "small" in (a.size, b.size) for a, b in alike)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "red",
        "red red circle",
        "circle square",
        "circle and",
        "and",
        "circle left of ring and star",
        "left circle and star",
    ],
)
def test_prompts_without_grammar_have_no_rule(prompt):
    assert request(parse(prompt)[0]) is None
    assert not adherence(draw([SCENE]), tokens_of([prompt]))[0]


def test_unknown_words_are_named_with_what_is_like_them():
    tokens, unknown, over = parse("The big red Circel, please; left of a star")
    assert [WORDS[token] for token in tokens if token] == ["large", "red", "left of", "star"]
    assert [(each.word, each.like) for each in unknown] == [("circel", "circle"), ("please", "")]
    assert over == 0
    assert parse("red " * 9)[2] == 2


def test_captions_say_what_is_there(rng):
    """How often words are left out is what the module says."""
    scenes, captions = captioned(rng, 4000)
    words = [caption.split() for caption in captions]
    single = [said for said, scene in zip(words, scenes, strict=True) if len(scene.shapes) == 1]
    assert np.mean([bool(set(said) & set(RADII)) for said in single]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([bool(set(said) & set(COLOURS)) for said in single]) == pytest.approx(0.8, abs=0.03)
    assert {len(tokens) for tokens in tokens_of(captions)} == {LONGEST}
    assert tokens_of(captions)[:, -1].max() == 0, "every caption has its end"


def test_connected_pixels_are_one_shape():
    colour = np.full((1, 32, 32), -1)
    colour[0, 2, 2:9] = colour[0, 2:9, 8] = colour[0, 8, 2:9] = 3
    colour[0, 20:22, 20] = 3
    colour[0, 2, 9] = 1
    labels = recognition._components(colour)[0]
    assert len(np.unique(labels)) == 4  # nothing, and three shapes
    assert len(np.unique(labels[colour[0] == 3])) == 2


@pytest.mark.parametrize(
    "prompt",
    ["star", "large shape", "red ring top", "circle and shape", "small blue square above red star",
     "star below large cross", "red circle and red circle"],
)  # fmt: skip
def test_scenes_for_a_prompt_meet_it(prompt, rng):
    tokens = parse(prompt)[0]
    scenes = [scene_for(request(tokens), rng) for _ in range(20)]
    assert adherence(draw(scenes), np.tile(tokens, (20, 1))).all()
    assert len({scene.shapes for scene in scenes}) == 20

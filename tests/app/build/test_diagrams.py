"""Diagrams: every drawing is legible, joined up and in the theme's colours, and says in words what it shows."""

import math
import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from diffusion_lab.app.build.chapter_tree import Diagram
from diffusion_lab.app.build.diagrams import LAYOUTS, diagram_names, draw, drawings
from diffusion_lab.app.build.diagrams.drawing import NARROW, WIDE, Area, Box, Drawing
from diffusion_lab.app.build.diagrams.drawn import drafting, timeline
from diffusion_lab.app.build.diagrams.lettering import runs, width_of
from diffusion_lab.app.build.site import read_documents, read_references
from diffusion_lab.app.instrument.theme import FONTS, TOKENS

MOST_BYTES = 15_500
LEAST_SIZE = 10.0
SVG = "{http://www.w3.org/2000/svg}"
EACH = pytest.mark.parametrize(("name", "layout"), [(name, layout) for name in diagram_names() for layout in LAYOUTS])


# --- what is wrong with a drawing; tested itself below ---------------------------------------------------------------


def inner(area: Area, by: float = 1.0) -> Area:
    return Area(area.left + by, area.top + by, area.width - 2 * by, area.height - 2 * by)


def crosses(piece: tuple[tuple[float, float], tuple[float, float]], area: Area) -> bool:
    """Whether a straight piece has a point in the area, which is looked for every half pixel."""
    (x0, y0), (x1, y1) = piece
    steps = int(2 * max(abs(x1 - x0), abs(y1 - y0))) + 1
    points = ((x0 + k / steps * (x1 - x0), y0 + k / steps * (y1 - y0)) for k in range(steps + 1))
    return any(area.left < x < area.right and area.top < y < area.bottom for x, y in points)


def on_the_edge(x: float, y: float, box: Box) -> bool:
    area = box.area
    if box.is_point:
        return abs(math.dist((x, y), area.middle) - area.width / 2) < 0.01
    across = area.left - 0.01 <= x <= area.right + 0.01
    down = area.top - 0.01 <= y <= area.bottom + 0.01
    return (down and min(abs(x - area.left), abs(x - area.right)) < 0.01) or (
        across and min(abs(y - area.top), abs(y - area.bottom)) < 0.01
    )


def faults(drawing: Drawing) -> list[str]:
    """What a careful designer would not leave: words that do not fit, things that overlap, arrows that end nowhere."""
    found = []
    sheet = Area(0, 0, drawing.width, drawing.height)
    for thing in [*drawing.groups, *drawing.boxes, *drawing.labels]:
        if not sheet.contains(thing.area):
            found.append(f"outside: {thing}")
    for a, b in combinations(drawing.boxes, 2):
        in_a_picture = any(x.tone == "picture" and x.area.contains(y.area) for x, y in ((a, b), (b, a)))
        if a.area.overlaps(b.area) and not in_a_picture:
            found.append(f"boxes overlap: {a} {b}")
    for group in drawing.groups:
        for box in drawing.boxes:
            if group.area.overlaps(box.area) and not group.area.contains(box.area):
                found.append(f"half in a group: {box}")
        for label in drawing.labels:
            if group.area.overlaps(inner(label.area)) and not group.area.contains(inner(label.area)):
                found.append(f"half in a group: {label}")
    for box in drawing.boxes:
        if box.lines and max(width_of(line, box.size) for line in box.lines) > box.area.width - 6:
            found.append(f"words too wide: {box}")
        if len(box.lines) * 1.2 * box.size > box.area.height:
            found.append(f"words too high: {box}")
    for a, b in combinations(drawing.labels, 2):
        if inner(a.area).overlaps(inner(b.area)):
            found.append(f"labels overlap: {a} {b}")
    for label in drawing.labels:
        for box in drawing.boxes:
            within = box.area.contains(inner(label.area)) and not box.lines
            if inner(label.area).overlaps(box.area) and not within:
                found.append(f"label on a box: {label} {box}")
    for arrow in drawing.arrows:
        for spot in (arrow.start, arrow.end):
            if isinstance(spot.of, Box) and not on_the_edge(spot.x, spot.y, spot.of):
                found.append(f"arrow ends beside its box: {arrow}")
        for piece in zip(arrow.points, arrow.points[1:], strict=False):
            found += [
                f"arrow through a box: {arrow} {box}"
                for box in drawing.boxes
                if box.tone != "picture" and crosses(piece, inner(box.area))
            ]
            found += [
                f"arrow through words: {arrow} {label}"
                for label in drawing.labels
                if crosses(piece, inner(label.area, 2))
            ]
    return found


def foreign_colours(svg: str) -> list[str]:
    """Colours and fonts that are no tokens of the theme."""
    used = re.findall(r'\b(?:fill|stroke|stop-color|color|font-family)="([^"]*)"', svg)
    tokens = {"none", *(f"var(--{name})" for name in [*TOKENS["light"], *FONTS])}
    return [each for each in used if each not in tokens]


# --- every diagram ---------------------------------------------------------------------------------------------------


@EACH
def test_a_drawing_is_in_order(name, layout):
    assert faults(drawings(name)[layout]) == []


@EACH
def test_a_drawing_fits_its_page(name, layout):
    assert drawings(name)[layout].width == {"wide": WIDE, "narrow": NARROW}[layout]


@EACH
def test_the_svg_is_small_legible_and_in_the_colours_of_the_theme(name, layout):
    svg = draw(name).svgs[layout]
    assert len(svg.encode()) < MOST_BYTES
    assert foreign_colours(svg) == []
    sizes = [float(size) for size in re.findall(r'<(?:text|svg) [^>]*font-size="([\d.]+)"', svg)]
    assert sizes and min(sizes) >= LEAST_SIZE
    assert " style=" not in svg, "the policy of the pages forbids it"


@EACH
def test_it_says_what_it_shows(name, layout):
    root = ElementTree.fromstring(draw(name).svgs[layout])
    assert root.get("role") == "img"
    title, words = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert (root.get("aria-labelledby"), root.get("aria-describedby")) == (title.get("id"), words.get("id"))
    assert title.text and len(words.text.split()) >= 40
    assert not re.search(r"[$_^]|\b(red|green|blue|orange|grey|black|white)\b", words.text), (
        "to be spoken, and without hues"
    )


def test_ids_are_not_used_twice():
    ids = [
        each
        for name in diagram_names()
        for svg in draw(name).svgs.values()
        for each in re.findall(r' id="([^"]+)"', svg)
    ]
    assert len(ids) == len(set(ids))


def test_every_diagram_is_in_one_chapter():
    chapters, _ = read_documents(read_references())
    placed = [diagram.name for chapter in chapters for diagram in chapter.of(Diagram)]
    assert sorted(placed) == diagram_names()


def test_the_timeline_shows_works_that_its_chapter_cites():
    chapters, _ = read_documents(read_references())
    (chapter,) = [each for each in chapters if any(one.name == "timeline" for one in each.of(Diagram))]
    assert set(timeline.years()) <= set(chapter.cited)


def test_the_drafts_are_those_of_the_rounds():
    """The draft is drawn again beside the round; an accepted word must be the same in both."""
    text = []
    for each in drafting.rounds():
        assert each.before == text
        text = [*text, *each.drafted[: each.accepted], each.added]
    assert len(text) == drafting.LENGTH
    rejected = {each.accepted < drafting.BLOCK for each in drafting.rounds()}
    assert rejected == {True, False}, "one draft rejected, one not"


def test_a_drawing_is_the_same_each_time():
    assert draw("chain") == draw("chain")


# --- the checks can fail ---------------------------------------------------------------------------------------------


def two_boxes() -> tuple[Drawing, Box, Box]:
    drawing = Drawing(300, 100)
    return drawing, drawing.box(10, 10, 80, 40, "one"), drawing.box(200, 10, 80, 40, "two")


def test_nothing_is_wrong_with_two_boxes_and_an_arrow():
    drawing, one, two = two_boxes()
    drawing.arrow(one.at("right"), two.at("left"))
    drawing.label(145, 20, "above")
    assert faults(drawing) == []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda d, one, two: d.box(80, 20, 50, 40), "boxes overlap"),
        (lambda d, one, two: d.box(280, 60, 40, 20), "outside"),
        (lambda d, one, two: d.label(290, 80, "far too long"), "outside"),
        (lambda d, one, two: d.box(100, 60, 30, 30, "much too long"), "words too wide"),
        (lambda d, one, two: d.box(100, 60, 60, 20, "a\nb"), "words too high"),
        (lambda d, one, two: d.group(0, 0, 50, 60), "half in a group"),
        (lambda d, one, two: (d.group(0, 55, 200, 40), d.label(200, 75, "text")), "half in a group"),
        (lambda d, one, two: (d.label(150, 70, "here"), d.label(160, 72, "there")), "labels overlap"),
        (lambda d, one, two: d.label(90, 30, "on the edge"), "label on a box"),
        (lambda d, one, two: (d.label(145, 30, "text"), d.arrow(one.at("right"), two.at("left"))), "through words"),
        (lambda d, one, two: d.arrow(one.at("left"), two.at("left")), "arrow through a box"),
        (lambda d, one, two: d.arrow(one.at("right", 1.5), two.at("left")), "arrow ends beside its box"),
    ],
)  # fmt: skip
def test_a_fault_is_found(spoil, fault):
    drawing, one, two = two_boxes()
    spoil(drawing, one, two)
    assert any(fault in each for each in faults(drawing))


def test_a_foreign_colour_is_found():
    svg = '<path fill="#fff" stroke="var(--ink)"/><text font-family="Arial" fill="var(--nothing)"/>'
    assert foreign_colours(svg) == ["#fff", "Arial", "var(--nothing)"]


def test_words_may_have_formulas():
    found = [(run.text, run.math, run.italic, run.place) for run in runs("at $x_{t-1}^2$ 1")]
    line, formula, below = ("at ", False, False, ""), ("x", True, True, ""), ("t", True, True, "_")
    assert found == [line, formula, below, ("-1", True, False, "_"), ("2", True, False, "^"), (" 1", False, False, "")]


def test_an_arrow_has_its_head_at_its_end():
    drawing, one, two = two_boxes()
    drawing.arrow(one.at("right"), two.at("left"))
    assert "M200.0 30.0L193.0" in drawing.svg("x", "wide", "X", "Words.")

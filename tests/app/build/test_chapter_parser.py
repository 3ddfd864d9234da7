"""Chapters that are right: numbers, references, options and lines. What is wrong with a chapter: `tests/build`."""

import re
from pathlib import Path

import pytest

from diffusion_lab.app.build import site
from diffusion_lab.app.build.chapter_parser import parse_chapter
from diffusion_lab.app.build.chapter_tree import (
    Cell,
    Chapter,
    Equation,
    Heading,
    InstrumentSlot,
    Note,
    Predict,
    Preset,
    Prose,
    Quiz,
    Reference,
    References,
    Value,
)
from diffusion_lab.app.build.setup_steps import SetupError
from diffusion_lab.app.build.site import chapter_paths, read_references

from .parsed_chapters import BODY, FRONT, html_of, parse


@pytest.fixture(scope="module")
def chapter() -> Chapter:
    return parse(BODY)


def test_front_matter(chapter):
    assert (chapter.slug, chapter.number, chapter.title, chapter.minutes) == ("07-name", 7, "A title", 20)
    assert (chapter.builds_on, chapter.objectives) == (["01-forward"], ["Do this."])


def test_blocks_stand_in_order(chapter):
    assert [type(block) for block in chapter.blocks] == [
        Heading, Prose, Equation, Prose, Predict, InstrumentSlot, Equation, Cell, Quiz, Heading, Note, Cell, References
    ]  # fmt: skip


def test_equations_are_numbered_in_order(chapter):
    assert [(equation.label, equation.number) for equation in chapter.of(Equation)] == [
        ("first", "7.1"),
        ("second", "7.2"),
    ]


def test_references_to_equations_resolve_wherever_they_stand(chapter):
    """Forwards and backwards, in prose, tables, words, both parts, hints: the number, and a link to the label."""
    first, second = '<a class="eqref" href="#eq-first">(7.1)</a>', '<a class="eqref" href="#eq-second">(7.2)</a>'
    found = [re.findall(r'<a class="eqref".*?</a>', html_of(block)) for block in chapter.blocks]
    assert found == [
        [],
        [second, first],
        [second],
        [first],
        [first, second],
        [],
        [],
        [],
        [first, first, second],
        [],
        [],
        [],
        [],
    ]
    assert not any(re.search("[\ue002\ue003]", html_of(block)) for block in chapter.blocks)


def test_citations(chapter):
    assert chapter.cited == ["song2019", "ho2020"]
    prose = chapter.of(Prose)[0].text.html
    song, ho = ('<a class="cite" href="#ref-{}">{}</a>'.format(*work)
                for work in (("song2019", "Song and Ermon{}"), ("ho2020", "Ho et al.{}")))  # fmt: skip
    assert f"after {song.format(' (2019)')} and ({ho.format(', 2020')})" in prose
    assert f"again ({song.format(', 2019')}; {ho.format(', 2020')})." in prose


@pytest.mark.parametrize(
    ("authors", "short", "names"),
    [
        ("Vincent", "", "Vincent"),
        ("Song & Ermon", "", "Song and Ermon"),
        ("Ho, Jain & Abbeel", "", "Ho et al."),
        ("Esser, Kulal, Blattmann et al.", "", "Esser et al."),
        ("Esser et al.", "", "Esser et al."),
        ("Sohl-Dickstein & van den Berg", "", "Sohl-Dickstein and van den Berg"),
        ("Song, Meng & Ermon", "Song, Meng and Ermon", "Song, Meng and Ermon"),
    ],
)
def test_names_in_running_text(authors, short, names):
    assert Reference("key", authors, 2020, "", "", "", short).names == names


def test_two_works_may_not_be_cited_alike(tmp_path, monkeypatch):
    work = 'authors = "{}"\nyear = 2021\ntitle = ""\nvenue = ""\nurl = ""\n'
    alike = "[one]\n" + work.format("Song, Meng & Ermon") + "[two]\n" + work.format("Song, Poole & Kumar")
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "CHAPTERS", tmp_path)
    (tmp_path / "references.toml").write_text(alike)
    with pytest.raises(SetupError, match=r"`one` and `two` are both cited as Song et al\. \(2021\)"):
        read_references()
    (tmp_path / "references.toml").write_text(alike + 'short = "Song, Poole and Kumar"\n')
    assert read_references()["two"].names == "Song, Poole and Kumar"


def test_presets(chapter):
    line = (
        BODY.split("\n").index("And {set}`ring progress=0.5 show_paths=true | half of $e_2$`.") + FRONT.count("\n") + 1
    )
    state = {"progress": "0.5", "show_paths": "true"}
    assert chapter.presets == [Preset("ring", state, False, chapter.blocks.index(chapter.of(InstrumentSlot)[0]), line)]
    link = '<a class="preset" href="#instrument-ring" data-set="progress=0.5 show_paths=true">half of \ue000'
    assert link in chapter.of(InstrumentSlot)[0].caption.html


DEEPER = """Zero.

## One

Two.

:::{depth} mathematics
:::

Three, which is as long as all others.

:::{depth} idea
:::

Four.

## Five

:::{depth} engineering
:::

Six.

## Seven

Eight.
"""


def test_depths():
    chapter = parse(DEEPER)
    parts = [(part.depth, part.section.id if part.section else "", len(part.blocks)) for part in chapter.parts()]
    assert parts == [
        ("idea", "", 1),
        ("idea", "one", 2),
        ("mathematics", "", 1),
        ("idea", "", 1),
        ("engineering", "five", 2),
        ("idea", "seven", 2),
    ]
    assert len({part.number for part in chapter.parts()}) == 6
    length = {"idea": 5 + len("one" + "One" + "Two.") + 5 + len("seven" + "Seven" + "Eight."),
              "mathematics": 38, "engineering": len("five" + "Five" + "Six.")}  # fmt: skip
    whole = sum(length.values())
    assert chapter.minutes_at() == {
        "idea": round(20 * length["idea"] / whole),
        "mathematics": round(20 * (length["idea"] + 38) / whole),
        "engineering": 20,
    }
    assert parse("One.\n").minutes_at() == {"idea": 20}


def test_a_second_slot_of_an_instrument_has_a_name_of_its_own():
    chapter = parse(
        ":::{instrument} ring\n:t: 0.1\nOne.\n:::\n\n:::{instrument} ring-late\n:t: 0.9\nTwo.\n:::\n\n"
        "{set}`ring-late t=0.8 | later`, {value}`ring-late t=0.8 : alpha_bar`, {set}`ring | back`.\n"
    )
    slots = [(slot.name, slot.instrument, slot.state) for slot in chapter.of(InstrumentSlot)]
    assert slots == [("ring", "ring", {"t": "0.1"}), ("ring-late", "ring", {"t": "0.9"})]
    assert [preset.slot for preset in chapter.presets] == ["ring-late", "ring"]
    assert [(value.slot, value.expression) for value in chapter.values] == [("ring-late", "alpha_bar")]
    assert '<a class="preset" href="#instrument-ring-late" data-set="t=0.8">' in chapter.of(Prose)[0].text.html


def test_a_preset_value_may_hold_an_equals_sign_and_is_escaped():
    chapter = parse('{set}`ring a=b=c d="<e> | text`\n')
    assert chapter.presets[0].state == {"a": "b=c", "d": '"<e>'}
    assert 'data-set="a=b=c d=&quot;&lt;e&gt;"' in chapter.of(Prose)[0].text.html


def test_a_preset_may_keep_what_the_reader_has_set_or_be_about_the_chart_or_name_nothing():
    chapter = parse(
        "Words.\n\n## A\n\n{set}`ring keep t=1 | one` and {set}`ring chart | as it was`, {value}`ring : t`.\n"
    )
    kept, none = chapter.presets
    assert (kept.state, kept.keep, none.state, none.keep) == ({"t": "1"}, True, {}, False)
    assert {kept.block, none.block, chapter.values[0].block} == {2}, "the block that they stand in"
    assert [type(step) for step in chapter.steps] == [Preset, Preset, Value], "in reading order"
    found = re.findall('<a class="preset".*?>', chapter.of(Prose)[1].text.html)
    opening = '<a class="preset" href="#instrument-ring" data-set='
    assert found == [f'{opening}"t=1" data-keep>', f'{opening}"" data-chart>']


def test_options(chapter):
    slot = chapter.of(InstrumentSlot)[0]
    assert (slot.name, slot.state) == ("ring", {"mode": "reverse", "num_levels": "30"})
    quiz = chapter.of(Quiz)[0]
    assert (quiz.label, quiz.answer, quiz.tolerance) == ("how-many", "2 * np.pi", "0.01")
    assert quiz.solution.html.startswith("<p>So many: {answer:.2f}, by")
    assert [mistake.value for mistake in quiz.mistakes] == ["np.pi", "4 * np.pi"]
    assert quiz.mistakes[1].words.html == "Twice | as many."
    assert chapter.of(Note)[0].folded
    assert not parse(":::{note} Open\nText.\n:::\n").of(Note)[0].folded


def test_predictions_are_counted(chapter):
    one = ":::{predict}\nOne?\n---\nOne.\n:::\n"
    assert [block.number for block in parse(one + "\n" + one).of(Predict)] == [1, 2]


def test_cells(chapter):
    draw, again = chapter.of(Cell)
    assert (draw.letter, again.letter) == ("7.a", "7.b")
    assert (draw.title, draw.code) == ("Draw it", "import numpy as np\n\nprint(1)   # spaces stay\n")


def test_a_line_that_looks_like_an_option_is_code_after_the_first_line_of_code():
    chapter = parse("```{cell} one\n:title: One\nx = {\n:a: 1\n```\n")
    assert chapter.of(Cell)[0].code == "x = {\n:a: 1\n"


def test_formulas_are_collected_once_each(chapter):
    """Every mark stands in exactly one block, and its formula is what was written."""
    texts = [html_of(block) for block in chapter.blocks]
    assert all(sum(text.count(formula.mark) for text in texts) == 1 for formula in chapter.formulas)
    inline = [formula.tex for formula in chapter.formulas if not formula.display]
    assert sorted(inline) == ["a_1", "b_1", "c_1", "d_1", "d_2", "e_1", "e_2", "f_1", "f_2", "g_1", "h_1", "t"]
    assert [formula.tex for formula in chapter.formulas if formula.display] == [
        "a = b",
        "\\begin{aligned}\nc &= d\n\\end{aligned}",
    ]


# --- lines -----------------------------------------------------------------------------------------------------------


def wrong_lines(text: str, chapter: Chapter) -> list[str]:
    """Lines that the tree gives for what does not stand there."""
    lines = text.split("\n")
    claims = [(slot.line, f":::{{instrument}} {slot.name}") for slot in chapter.of(InstrumentSlot)]
    claims += [(cell.line, cell.code.split("\n")[0]) for cell in chapter.of(Cell)]
    claims += [(cell.line - 1, f":title: {cell.title}") for cell in chapter.of(Cell)]
    claims += [(quiz.line, f":::{{quiz}} {quiz.label}") for quiz in chapter.of(Quiz)]
    claims += [(wrong.line, f":mistake: {wrong.value} |") for quiz in chapter.of(Quiz) for wrong in quiz.mistakes]
    claims += [(equation.line, f":::{{equation}} {equation.label}") for equation in chapter.of(Equation)]
    claims += [(preset.line, f"{{set}}`{preset.slot} ") for preset in chapter.presets]
    hints = {line.removeprefix(":hint: ") for line in lines if line.startswith(":hint: ")}
    in_hints = {tex for hint in hints for tex in re.findall(r"\$(.*?)\$", hint)}
    claims += [
        (formula.line, formula.tex.split("\n")[0])
        for formula in chapter.formulas
        if formula.tex not in in_hints  # a hint is an option: its line is that of its quiz
    ]
    assert len(claims) > 10
    return [f"{line}: {what}" for line, what in claims if what not in lines[line - 1]]


def test_lines_are_right(chapter):
    assert wrong_lines(FRONT + BODY, chapter) == []


@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_lines_are_right_in_our_chapters(path):
    text = path.read_text("utf-8")
    assert wrong_lines(text, parse_chapter(path, text, read_references())) == []


def test_lines_that_are_wrong_are_found(chapter):
    assert len(wrong_lines("\n" + FRONT + BODY, chapter)) > 15


# --- what is not ours to run -----------------------------------------------------------------------------------------


def test_html_in_markdown_is_text():
    chapter = parse(
        "A <b>bold</b> <script>alert(1)</script>.\n\n<div onclick=x>\n\n:::{note} <i>Title</i>\n<hr>\n:::\n"
    )
    html = "".join(html_of(block) for block in chapter.blocks)
    assert set(re.findall(r"<(\w+)", html)) == {"p"}
    assert "A &lt;b&gt;bold&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt;." in html
    assert chapter.of(Note)[0].title.html == "&lt;i&gt;Title&lt;/i&gt;"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "JaVaScript:alert(1)", "vbscript:x", "data:text/html,x"])
def test_a_link_that_would_run_something_is_text(address):
    assert "href" not in html_of(parse(f"[a link]({address})\n").blocks[0])


def test_an_author_with_html_in_the_name_is_escaped():
    works = {"evil": Reference("evil", "<b>E</b>", 2020, "", "", "")}
    chapter = parse_chapter(Path("c.md"), FRONT + "{cite}`evil`\n", works)
    assert '(<a class="cite" href="#ref-evil">&lt;b&gt;E&lt;/b&gt;, 2020</a>)' in chapter.of(Prose)[0].text.html


def test_plain_code_stays_code():
    chapter = parse("```python\nprint('{eq}`x` $y$')\n```\n\nInline `{eq}` and `$y$`.\n")
    assert chapter.formulas == []
    assert "{eq}`x` $y$" in chapter.of(Prose)[0].text.html
    assert "<code>$y$</code>" in chapter.of(Prose)[0].text.html


def test_quotes_and_dashes_are_set():
    assert parse('"So" -- isn\'t it...\n').of(Prose)[0].text.html == "<p>“So” – isn’t it…</p>\n"


def test_headings_have_their_own_addresses(chapter):
    assert [heading.id for heading in chapter.of(Heading)] == ["where-t-begins", "and-the-end"]


# --- values ----------------------------------------------------------------------------------------------------------

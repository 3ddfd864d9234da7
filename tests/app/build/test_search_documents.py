"""What can be found: each section and numbered part of a chapter, as plain text at an address that exists."""

import pytest

from diffusion_lab.app.build.build_cache import BuildCache
from diffusion_lab.app.build.chapter_tree import Heading
from diffusion_lab.app.build.plain_text import formula_text, plain
from diffusion_lab.app.build.search_documents import sections
from diffusion_lab.app.build.setup_steps import WORK
from diffusion_lab.app.build.typeset import typeset_formulas

from .parsed_chapters import BODY, parse


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\sqrt{1-\bar\alpha_t}\,\varepsilon", "√(1−ᾱ_t) ε"),
        (r"x_0", "x_0"),
        (r"\frac{a+b}{2}", "(a + b)/2"),
        (r"s^2", "s^2"),
        (r"x'", "x′"),
        (r"\hat x_0 = \tilde x", "x̂_0 = x̃"),
        (r"p(x \mid y) \le 0.5", "p(x∣y) ≤ 0.5"),
        (r"e^{-6t}", "e^(−6t)"),
    ],
)
def test_a_formula_as_characters(tex, text):
    typeset = typeset_formulas([(tex, False)], BuildCache(WORK / "cache"))
    assert formula_text(typeset[tex, False]["html"]) == text


def test_markup_becomes_one_line_of_text():
    formulas = {"\ue000c:0\ue001": "<math><mi>x</mi><mo>&lt;</mo><mn>2</mn></math>"}
    assert (
        plain("<p>If <em>\ue000c:0\ue001</em>,\nstop &amp; go.</p>\n<p>End</p>", formulas) == "If x<2, stop & go. End"
    )


def test_sections_hold_all_that_is_below_their_headings():
    chapter = parse(BODY)
    found = sections(chapter)
    assert [heading for heading, _ in found] == chapter.of(Heading)
    assert [block for heading, blocks in found for block in (heading, *blocks)] == chapter.blocks
